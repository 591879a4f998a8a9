//! Finds the segments of a table inside regions: the tree selects pages, their coordinates are tested exactly, and
//! other columns are read only from pages with hits.
//!
//! Memory is bounded by [`MAX_RUN_ROWS`] rows and [`MAX_RUN_HITS`] hits per thread, or by the hits of one page.

use std::ops::Range;

use arrow_array::{RecordBatch, UInt32Array};
use rayon::prelude::*;

use super::pages::{TablePage, TablePages, rows_before_group};
use super::problem::TableProblem;
use super::query_regions::{QueryRegions, SegmentSelection};
use super::row_group_reader::{RowGroupReader, assemble_columns, take_rows};
use super::rows::{FilterColumns, SegmentEnds, check_finite};
use super::schema::{COORDINATES, NODE_ID, SECTION_TYPE};
use crate::error::{Context, Result};
use crate::geometry::region::Predicate;
use crate::segments::SectionType;

/// Number of rows tested before their hits are delivered, unless one page, or a row group without page index, has more.
const MAX_RUN_ROWS: usize = 128 * 1024;

/// Largest number of hits of a run of several pages: a row in several regions is as many hits.
const MAX_RUN_HITS: usize = 1 << 20;

/// Further conditions on hits.
#[derive(Debug, Clone, Default)]
pub struct SegmentFilter {
    /// Allowed section types; `None` for all.
    pub section_types: Option<Vec<SectionType>>,
    /// Allowed node ids, in ascending order; `None` for all.
    pub node_ids: Option<Vec<u64>>,
}

/// A query for segments.
#[derive(Debug, Clone, Copy)]
pub struct SegmentQuery<'a> {
    /// The part of space to search.
    pub selection: SegmentSelection<'a>,
    /// Further conditions.
    pub filter: &'a SegmentFilter,
    /// Columns of the table to return, in this order; empty to count only.
    pub columns: &'a [&'a str],
}

/// Hits, in stored order.
#[derive(Debug, Clone)]
pub struct Hits {
    /// The requested columns, one row per hit.
    pub batch: RecordBatch,
    /// The number of the region of each hit.
    pub region: Vec<u32>,
}

impl Hits {
    fn empty() -> Self {
        Self { batch: RecordBatch::new_empty(arrow_schema::Schema::empty().into()), region: Vec::new() }
    }
}

/// The amount of work of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueryStats {
    /// Number of hits.
    pub hits: u64,
    /// Number of pages with coordinates that were read.
    pub pages: u64,
    /// Number of rows that were tested.
    pub rows: u64,
}

/// Pages of one row group that are read together, each with the regions that touch it.
#[derive(Debug)]
pub(super) struct PageRun<'a> {
    part: usize,
    group: usize,
    pages: Vec<(&'a TablePage, Vec<u32>)>,
}

impl SegmentFilter {
    /// Returns the columns that the filter tests.
    pub fn required_columns(&self) -> Vec<&'static str> {
        let kind = self.section_types.as_ref().map(|_| SECTION_TYPE);
        kind.into_iter().chain(self.node_ids.as_ref().map(|_| NODE_ID)).collect()
    }

    /// Returns the indices of the rows of a batch that pass; the batch must have the columns of
    /// [`SegmentFilter::required_columns`].
    ///
    /// # Errors
    /// Returns an error if a column is missing, or has nulls that are not allowed.
    pub fn passing_rows(&self, batch: &RecordBatch) -> Result<Vec<u32>> {
        let columns = FilterColumns::from_batch(batch)?;
        let kind = |i: usize| {
            self.section_types.as_ref().is_none_or(|t| columns.section_type(i).is_some_and(|k| t.contains(&k)))
        };
        let node = |i: usize| {
            self.node_ids.as_ref().is_none_or(|n| columns.node_id(i).is_some_and(|id| n.binary_search(&id).is_ok()))
        };
        Ok((0..batch.num_rows()).filter(|&i| kind(i) && node(i)).map(|i| i as u32).collect())
    }
}

impl TablePages<'_> {
    /// Runs a query: calls `visit` with hits, in stored order, as they are found.
    ///
    /// [`TablePages::open`] must have selected all pages that the query touches.
    ///
    /// # Errors
    /// Returns an error if the table is unreadable or damaged, `visit` fails, or the search is to stop.
    pub fn run_query(&self, query: &SegmentQuery<'_>, visit: &mut dyn FnMut(Hits) -> Result<()>) -> Result<QueryStats> {
        let regions = match query.selection {
            SegmentSelection::All => None,
            SegmentSelection::Regions(regions, predicate) => Some((QueryRegions::new(regions), predicate)),
        };
        let touching =
            regions.as_ref().map_or_else(|| vec![vec![0]; self.pages().len()], |(r, _)| r.regions_of_pages(self));
        let pages = self.pages().iter().zip(touching).filter(|(_, numbers)| !numbers.is_empty());
        let runs = split_into_runs(pages.collect());
        let regions = regions.as_ref();
        let mut summary = QueryStats::default();
        for together in runs.chunks(rayon::current_num_threads().max(1)) {
            self.stop.check()?;
            let read: Vec<Result<Hits>> = match together {
                [one] => vec![self.test_run(query, regions, one)],
                several => several.par_iter().map(|run| self.test_run(query, regions, run)).collect(),
            };
            for (run, hits) in together.iter().zip(read) {
                let hits = hits?;
                summary.pages += run.pages.len() as u64;
                summary.rows += run.row_count() as u64;
                summary.hits += hits.region.len() as u64;
                if !hits.region.is_empty() {
                    visit(hits)?;
                }
            }
        }
        Ok(summary)
    }

    fn test_run(
        &self,
        query: &SegmentQuery<'_>,
        regions: Option<&(QueryRegions<'_>, Predicate)>,
        run: &PageRun<'_>,
    ) -> Result<Hits> {
        let Some(group) = RowGroupReader::for_pages(self, run.part, run.group) else { return Ok(Hits::empty()) };
        let mut found = match regions {
            None => Candidates::all_rows(run.row_count()),
            Some((regions, predicate)) => {
                let ends = query.columns.iter().any(|c| COORDINATES.contains(c));
                RegionTest { group, run, regions, predicate: *predicate }
                    .find_candidates(ends)
                    .in_file(group.part.path())?
            }
        };
        if found.rows.is_empty() {
            return Ok(Hits::empty());
        }
        let has_ends = found.ends.is_some();
        let wanted = |name: &str| !(has_ends && COORDINATES.contains(&name));
        let mut names: Vec<&str> = query.columns.iter().copied().filter(|name| wanted(name)).collect();
        names.extend(query.filter.required_columns().into_iter().filter(|name| !query.columns.contains(name)));
        let (ranges, at) = run.hit_pages(&found.rows);
        let mut rest = group.read_rows(&names, &ranges, &at)?;
        if !query.filter.required_columns().is_empty() {
            let passing = query.filter.passing_rows(&rest)?;
            found.retain(&passing)?;
            rest = take_rows(&rest, &UInt32Array::from(passing))?;
        }
        if matches!(query.selection, SegmentSelection::All)
            && COORDINATES.iter().any(|name| query.columns.contains(name))
        {
            check_finite(&rest).in_file(group.part.path())?;
        }
        let batches: Vec<&RecordBatch> = found.ends.iter().chain([&rest]).collect();
        let batch = assemble_columns(query.columns, &batches, found.region.len()).in_file(group.part.path())?;
        Ok(Hits { batch, region: found.region })
    }
}

/// Splits pages into runs.
fn split_into_runs<'a>(pages: Vec<(&'a TablePage, Vec<u32>)>) -> Vec<PageRun<'a>> {
    let mut runs: Vec<PageRun<'a>> = Vec::new();
    for (page, regions) in pages {
        let fits = |run: &&mut PageRun<'_>| {
            (run.part, run.group) == (page.part, page.group)
                && run.row_count() + page.rows.len() <= MAX_RUN_ROWS
                && run.most_hits() + page.rows.len() * regions.len() <= MAX_RUN_HITS
        };
        match runs.last_mut().filter(fits) {
            Some(run) => run.pages.push((page, regions)),
            None => runs.push(PageRun { part: page.part, group: page.group, pages: vec![(page, regions)] }),
        }
    }
    runs
}

impl<'a> PageRun<'a> {
    /// Returns all pages of a row group as one run.
    pub(super) fn for_row_group(pages: &'a [TablePage], part: usize, group: usize) -> Self {
        let from = pages.partition_point(|page| (page.part, page.group) < (part, group));
        let group_pages = pages.iter().skip(from).take_while(|page| (page.part, page.group) == (part, group));
        Self { part, group, pages: group_pages.map(|page| (page, Vec::new())).collect() }
    }

    /// Returns the number of hits if all rows are in all regions that touch their page.
    fn most_hits(&self) -> usize {
        self.pages.iter().map(|(page, regions)| page.rows.len() * regions.len()).sum()
    }

    fn row_count(&self) -> usize {
        self.pages.iter().map(|(page, _)| page.rows.len()).sum()
    }

    /// Returns the pages that contain some rows of the run (ascending), and the positions of these rows along those
    /// pages.
    pub(super) fn hit_pages(&self, rows: &[u32]) -> (Vec<Range<usize>>, Vec<u32>) {
        let (mut ranges, mut at) = (Vec::new(), Vec::with_capacity(rows.len()));
        let (mut before, mut skipped, mut next) = (0_usize, 0_usize, 0_usize);
        for (page, _) in &self.pages {
            let end = before + page.rows.len();
            let inside = rows[next..].partition_point(|&row| (row as usize) < end);
            if inside == 0 {
                skipped += page.rows.len();
            } else {
                ranges.push(page.rows.clone());
                at.extend(rows[next..next + inside].iter().map(|&row| row - skipped as u32));
                next += inside;
            }
            before = end;
        }
        (ranges, at)
    }
}

/// Candidate rows of a run: rows counted along its pages, in ascending order.
struct Candidates {
    rows: Vec<u32>,
    region: Vec<u32>,
    /// The coordinates of the candidates, if they are requested.
    ends: Option<RecordBatch>,
}

impl Candidates {
    fn all_rows(rows: usize) -> Self {
        Self { rows: (0..rows as u32).collect(), region: vec![0; rows], ends: None }
    }

    fn retain(&mut self, passing: &[u32]) -> Result<()> {
        self.rows = passing.iter().map(|&i| self.rows[i as usize]).collect();
        self.region = passing.iter().map(|&i| self.region[i as usize]).collect();
        if let Some(ends) = &mut self.ends {
            *ends = take_rows(ends, &UInt32Array::from(passing.to_vec()))?;
        }
        Ok(())
    }
}

/// Tests the coordinates of a run's pages.
struct RegionTest<'a> {
    group: RowGroupReader<'a>,
    run: &'a PageRun<'a>,
    regions: &'a QueryRegions<'a>,
    predicate: Predicate,
}

impl RegionTest<'_> {
    fn find_candidates(&self, keep_ends: bool) -> Result<Candidates> {
        let mut found = Candidates { rows: Vec::new(), region: Vec::new(), ends: None };
        let ranges: Vec<Range<usize>> = self.run.pages.iter().map(|(page, _)| page.rows.clone()).collect();
        let mut pages = PageCursor::new(&self.run.pages);
        let (mut first, mut batches, mut schema) = (0_u32, Vec::new(), None);
        for batch in self.group.read_batches(&COORDINATES, &ranges)? {
            let batch = batch?;
            let before = found.rows.len();
            let ends = SegmentEnds::from_batch(&batch)?;
            let mut at = 0;
            while at < batch.num_rows() {
                let Some(PageRows { length, first_row: row, page, regions }) = pages.next_rows(batch.num_rows() - at)
                else {
                    return Err(TableProblem::Parquet("more rows than its pages have".into()).into());
                };
                let row = rows_before_group(self.group.part, page.group) + row as u64;
                ends.check_inside(at..at + length, &page.bounds, row)?;
                self.regions.for_each_hit(self.predicate, &ends, at..at + length, regions, |row, region| {
                    found.rows.push(first + row as u32);
                    found.region.push(region);
                });
                at += length;
            }
            if keep_ends {
                let places = found.rows[before..].iter().map(|row| row - first);
                batches.push(take_rows(&batch, &UInt32Array::from_iter_values(places))?);
                schema.get_or_insert_with(|| batch.schema());
            }
            first += batch.num_rows() as u32;
        }
        if first as usize != self.run.row_count() {
            return Err(TableProblem::Parquet("fewer rows than its pages have".into()).into());
        }
        if let Some(schema) = schema {
            found.ends = Some(arrow_select::concat::concat_batches(&schema, &batches).map_err(TableProblem::from)?);
        }
        Ok(found)
    }
}

/// Steps through the pages of a run.
struct PageCursor<'a> {
    pages: &'a [(&'a TablePage, Vec<u32>)],
    page: usize,
    used: usize,
}

impl<'a> PageCursor<'a> {
    /// Starts at the first page.
    fn new(pages: &'a [(&'a TablePage, Vec<u32>)]) -> Self {
        Self { pages, page: 0, used: 0 }
    }

    /// Returns the next rows, at most `most` and all in one page; `None` after the last row.
    fn next_rows(&mut self, most: usize) -> Option<PageRows<'a>> {
        while let Some((page, regions)) = self.pages.get(self.page) {
            let length = (page.rows.len() - self.used).min(most);
            if length > 0 {
                let first = page.rows.start + self.used;
                self.used += length;
                return Some(PageRows { length, first_row: first, page, regions });
            }
            (self.page, self.used) = (self.page + 1, 0);
        }
        None
    }
}

/// Consecutive rows of one page.
struct PageRows<'a> {
    /// Number of the rows.
    length: usize,
    /// The first row, as an index in the row group.
    first_row: usize,
    /// The page.
    page: &'a TablePage,
    /// The regions that touch the page.
    regions: &'a [u32],
}
