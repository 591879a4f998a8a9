//! The pages of a table and the boxes around their segments, from Parquet's page index.
//!
//! The box of a page follows from the smallest and largest values of the six coordinate columns, so nothing is stored
//! twice and nothing can become outdated. Row groups that a query cannot touch are excluded by their statistics first,
//! and their part of the page index is not read. A file without page index is read by row groups, and one without
//! statistics is read completely, each with a [`PageWarning`].

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    PageIndexPolicy, ParquetColumnIndex, ParquetMetaDataBuilder, ParquetMetaDataReader, ParquetOffsetIndex,
    RowGroupMetaData,
};
use parquet::file::page_index::column_index::ColumnIndexMetaData;

use super::SegmentTable;
use super::open_part::{OpenPart, UNBOUNDED_BOX, bounds_from_ranges};
use super::problem::TableProblem;
use super::schema::COORDINATES;
use crate::error::{Context, Result};
use crate::geometry::Aabb;
use crate::io::checkpoint::CheckpointProblem;
use crate::io::parquet_file::{ParquetProblem, ParquetSource, check_page_index, has_checksums};
use crate::io::reader_panics::catch_panics;
use crate::segments::index::PageTree;

/// Rows of a row group that are read together.
#[derive(Debug, Clone, PartialEq)]
pub struct TablePage {
    /// Index of the part.
    pub part: usize,
    /// Index of the row group in the part.
    pub group: usize,
    /// Rows of the row group.
    pub rows: Range<usize>,
    /// The box around their segments; unbounded if it is unknown.
    pub bounds: Aabb,
}

/// A query works, but must read more than in a table that `leadfield positions` wrote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PageWarning {
    /// The page index is missing or damaged.
    #[error("{}: no usable page index, whole row groups are read", .0.display())]
    NoPageIndex(PathBuf),
    /// Statistics are missing too.
    #[error("{}: no statistics of the coordinates, all rows are read", .0.display())]
    NoStatistics(PathBuf),
}

/// The pages that a query may have to read, with a search tree over them.
#[derive(Debug)]
pub struct TablePages<'a> {
    table: &'a SegmentTable,
    files: Vec<Option<PartFile>>,
    pages: Vec<TablePage>,
    tree: PageTree,
    warnings: Vec<PageWarning>,
    pub(super) stop: Stop<'a>,
}

/// The function that is asked whether to stop.
#[derive(Clone, Copy)]
pub(super) struct Stop<'a>(Option<&'a (dyn Fn() -> bool + Sync)>);

impl fmt::Debug for Stop<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stop").field(&self.0.is_some()).finish()
    }
}

impl Stop<'_> {
    /// Returns an error if the work is to stop.
    pub(super) fn check(self) -> Result<(), CheckpointProblem> {
        if self.0.is_some_and(|is_stopped| is_stopped()) { Err(CheckpointProblem::Stopped) } else { Ok(()) }
    }
}

/// An open part with the part of its page index that was read.
#[derive(Debug)]
pub(super) struct PartFile {
    pub(super) source: ParquetSource,
    pub(super) footer: ArrowReaderMetadata,
}

impl<'a> TablePages<'a> {
    /// Opens the pages of the row groups whose box is `wanted`.
    ///
    /// # Errors
    /// Returns an error if a part cannot be opened.
    pub fn open(table: &'a SegmentTable, wanted: impl Fn(&Aabb) -> bool) -> Result<Self> {
        Self::open_parts(table, |_| true, wanted)
    }

    /// Opens pages as [`TablePages::open`] does, in the parts that are wanted by their index.
    pub(super) fn open_parts(
        table: &'a SegmentTable,
        is_wanted: impl Fn(usize) -> bool,
        wanted: impl Fn(&Aabb) -> bool,
    ) -> Result<Self> {
        let mut all = Self {
            table,
            files: Vec::new(),
            pages: Vec::new(),
            tree: PageTree::new(&[]),
            warnings: Vec::new(),
            stop: Stop(None),
        };
        for (number, part) in table.parts().iter().enumerate() {
            // a manifest contains the box of a part that is not open
            let is_wanted = is_wanted(number) && part.manifest_entry().is_none_or(|entry| wanted(&entry.bounds));
            let file = match is_wanted {
                true => all.add_part(number, part.ensure_open()?, &wanted).in_file(part.path())?,
                false => None,
            };
            all.files.push(file);
        }
        all.tree = PageTree::new(&all.pages.iter().map(|p| p.bounds).collect::<Vec<_>>());
        Ok(all)
    }

    /// Sets a function that [`TablePages::run_query`] asks from time to time whether to stop.
    #[must_use]
    pub fn stop(self, is_stopped: &'a (dyn Fn() -> bool + Sync)) -> Self {
        Self { stop: Stop(Some(is_stopped)), ..self }
    }

    /// Adds the wanted pages of a part; returns the open part if there are any.
    fn add_part(
        &mut self,
        number: usize,
        part: &OpenPart,
        wanted: &impl Fn(&Aabb) -> bool,
    ) -> Result<Option<PartFile>> {
        let boxes: Vec<Aabb> = (0..part.file_metadata().num_row_groups())
            .map(|g| part.row_group_bounds(g).unwrap_or(UNBOUNDED_BOX))
            .collect();
        let groups: Vec<usize> = boxes.iter().enumerate().filter(|(_, b)| wanted(b)).map(|(g, _)| g).collect();
        if groups.is_empty() {
            return Ok(None);
        }
        let source = part.open_source()?;
        check_page_index(&source, part.file_metadata(), &groups).map_err(TableProblem::from)?;
        let index = catch_panics(|| Ok::<_, TableProblem>(read_page_index(part, &source, &groups))).ok().flatten();
        let (mut by_group, mut blind) = (false, false);
        for &group in &groups {
            let rows = row_group_len(part, group);
            if rows > i32::MAX as usize {
                return Err(TableProblem::TooManyRows(rows as u64).into());
            }
            let pages = index.as_ref().and_then(|index| row_group_pages(part, index, group));
            let bounds = boxes.get(group).copied().unwrap_or(UNBOUNDED_BOX);
            by_group |= pages.is_none();
            blind |= pages.is_none() && bounds == UNBOUNDED_BOX;
            if let Some(pages) = &pages
                && pages.iter().any(|(_, page)| *page != UNBOUNDED_BOX && bounds.union(*page) != bounds)
            {
                return Err(TableProblem::GroupStatistics(group).into());
            }
            let pages = pages.unwrap_or_else(|| vec![(0..rows, bounds)]);
            self.pages.extend(pages.into_iter().map(|(rows, bounds)| TablePage { part: number, group, rows, bounds }));
        }
        if blind {
            self.warnings.push(PageWarning::NoStatistics(part.path().to_path_buf()));
        } else if by_group {
            self.warnings.push(PageWarning::NoPageIndex(part.path().to_path_buf()));
        }
        // if the index of one row group is unusable, none of them is trusted to skip rows
        let (source, footer) = match index.filter(|_| !by_group) {
            Some(index) if has_checksums(part.file_metadata()) => {
                (source.with_page_checks(part.file_metadata()), footer_with_index(part, index)?)
            }
            Some(index) => (source, footer_with_index(part, index)?),
            None if has_checksums(part.file_metadata()) => {
                return Err(TableProblem::from(ParquetProblem::IndexChanged).into());
            }
            None => (source, part.footer().clone()),
        };
        Ok(Some(PartFile { source, footer }))
    }

    /// Returns the table.
    pub fn table(&self) -> &'a SegmentTable {
        self.table
    }

    /// Returns the pages, in stored order.
    pub fn pages(&self) -> &[TablePage] {
        &self.pages
    }

    /// Returns the search tree over the pages.
    pub fn tree(&self) -> &PageTree {
        &self.tree
    }

    /// Returns warnings about missing indices and statistics, which make queries slower.
    pub fn warnings(&self) -> &[PageWarning] {
        &self.warnings
    }

    pub(super) fn part_file(&self, part: usize) -> Option<&PartFile> {
        self.files.get(part).and_then(Option::as_ref)
    }
}

/// Returns the number of rows before a row group in its part.
pub(super) fn rows_before_group(part: &OpenPart, group: usize) -> u64 {
    (0..group).map(|group| row_group_len(part, group) as u64).sum()
}

pub(super) fn row_group_len(part: &OpenPart, group: usize) -> usize {
    let rows = part.file_metadata().row_groups().get(group).map_or(0, |g| g.num_rows());
    usize::try_from(rows).unwrap_or(0)
}

/// The page index of a file, by row group and column; empty for row groups that were not requested.
pub(super) struct ParquetPageIndex {
    columns: ParquetColumnIndex,
    offsets: ParquetOffsetIndex,
}

/// Reads the page index of some row groups: boxes for the coordinate columns, positions for all columns. Returns `None`
/// if there is no index or it cannot be read.
///
/// The library reads the index of all chunks that a footer names, so it gets a footer that names only the requested
/// ones.
pub(super) fn read_page_index(part: &OpenPart, source: &ParquetSource, groups: &[usize]) -> Option<ParquetPageIndex> {
    let coordinates: Vec<usize> = COORDINATES.iter().filter_map(|name| part.column_index(name)).collect();
    let footer = part.file_metadata();
    let mut wanted = ParquetMetaDataBuilder::new(footer.file_metadata().clone());
    for &group in groups {
        wanted = wanted.add_row_group(keep_column_boxes(footer.row_groups().get(group)?, &coordinates).ok()?);
    }
    let mut reader =
        ParquetMetaDataReader::new_with_metadata(wanted.build()).with_page_index_policy(PageIndexPolicy::Optional);
    reader.read_page_indexes(source).ok()?;
    let mut read = reader.finish().ok()?.into_builder();
    let (columns, offsets) = (read.take_column_index()?, read.take_offset_index()?);
    let mut index = ParquetPageIndex { columns: Vec::new(), offsets: Vec::new() };
    index.columns.resize_with(footer.num_row_groups(), Vec::new);
    index.offsets.resize_with(footer.num_row_groups(), Vec::new);
    for (&group, (columns, offsets)) in groups.iter().zip(columns.into_iter().zip(offsets)) {
        *index.columns.get_mut(group)? = columns;
        *index.offsets.get_mut(group)? = offsets;
    }
    Some(index)
}

/// Returns a row group in which only some columns have statistics of their pages.
fn keep_column_boxes(group: &RowGroupMetaData, columns: &[usize]) -> Result<RowGroupMetaData, ParquetError> {
    let chunks = group.columns().iter().enumerate().map(|(i, chunk)| match columns.contains(&i) {
        true => Ok(chunk.clone()),
        false => chunk.clone().into_builder().set_column_index_offset(None).set_column_index_length(None).build(),
    });
    group.clone().into_builder().set_column_metadata(chunks.collect::<Result<_, _>>()?).build()
}

/// Returns the footer of a part with a page index inserted, for the Arrow reader.
fn footer_with_index(part: &OpenPart, index: ParquetPageIndex) -> Result<ArrowReaderMetadata, TableProblem> {
    let builder = part.file_metadata().as_ref().clone().into_builder();
    let metadata = builder.set_column_index(Some(index.columns)).set_offset_index(Some(index.offsets)).build();
    Ok(ArrowReaderMetadata::try_new(Arc::new(metadata), ArrowReaderOptions::new())?)
}

/// Returns the pages of a row group with their boxes; `None` if the index does not contain them.
///
/// Other writers may split the six columns differently: a page here ends wherever a page of one of them does.
fn row_group_pages(part: &OpenPart, index: &ParquetPageIndex, group: usize) -> Option<Vec<(Range<usize>, Aabb)>> {
    let rows = row_group_len(part, group);
    let mut columns = Vec::new();
    for name in COORDINATES {
        columns.push(ColumnPages::from_index(index, group, part.column_index(name)?, rows)?);
    }
    let mut starts: Vec<usize> = columns.iter().flat_map(|c| c.starts.iter().copied()).collect();
    starts.sort_unstable();
    starts.dedup();
    let ends = starts.iter().skip(1).copied().chain([rows]);
    starts.iter().zip(ends).map(|(&start, end)| Some((start..end, bounds_at(&columns, start)?))).collect()
}

fn bounds_at(columns: &[ColumnPages], row: usize) -> Option<Aabb> {
    let mut ends = [(0.0, 0.0); 6];
    for (end, column) in ends.iter_mut().zip(columns) {
        *end = column.range_at(row)?;
    }
    Some(bounds_from_ranges(ends).unwrap_or(UNBOUNDED_BOX))
}

/// The pages of one column chunk, with the first row and the smallest and largest value of each.
pub(super) struct ColumnPages {
    starts: Vec<usize>,
    /// Rows of the row group.
    rows: usize,
    /// Smallest and largest value; NaN for pages without statistics.
    ranges: Vec<(f64, f64)>,
}

impl ColumnPages {
    pub(super) fn from_index(index: &ParquetPageIndex, group: usize, column: usize, rows: usize) -> Option<Self> {
        let places = index.offsets.get(group)?.get(column)?.page_locations();
        let starts: Vec<usize> =
            places.iter().map(|p| usize::try_from(p.first_row_index)).collect::<Result<_, _>>().ok()?;
        let ranges: Vec<(f64, f64)> = match index.columns.get(group)?.get(column)? {
            ColumnIndexMetaData::FLOAT(i) => {
                i.min_values_iter().zip(i.max_values_iter()).map(|(a, b)| known_range(a.copied(), b.copied())).collect()
            }
            ColumnIndexMetaData::DOUBLE(i) => {
                i.min_values_iter().zip(i.max_values_iter()).map(|(a, b)| known_range(a.copied(), b.copied())).collect()
            }
            _ => return None,
        };
        let is_valid = starts.first() == Some(&0) && starts.is_sorted_by(|a, b| a < b) && starts.last() < Some(&rows);
        (is_valid && starts.len() == ranges.len()).then_some(Self { starts, rows, ranges })
    }

    /// Iterates over the rows of each page with its range of values.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Range<usize>, (f64, f64))> {
        let ends = self.starts.iter().skip(1).copied().chain([self.rows]);
        self.starts.iter().zip(ends).map(|(&start, end)| start..end).zip(self.ranges.iter().copied())
    }

    fn range_at(&self, row: usize) -> Option<(f64, f64)> {
        let page = self.starts.partition_point(|&start| start <= row).checked_sub(1)?;
        self.ranges.get(page).copied()
    }
}

/// Returns the range of a page; NaN if it is unknown, which [`bounds_from_ranges`] rejects.
fn known_range<T: Into<f64>>(low: Option<T>, high: Option<T>) -> (f64, f64) {
    match (low, high) {
        (Some(low), Some(high)) => (low.into(), high.into()),
        _ => (f64::NAN, f64::NAN),
    }
}
