//! What a table says of itself, checked against all of its rows.
//!
//! Checksums are verified on every reading; here statistics are recomputed too. A search skips what the least and the
//! greatest value of a page or row group exclude, so a statistic that is too narrow makes it miss segments.

use std::ops::Range;

use super::SegmentTable;
use super::open_part::{OpenPart, row_group_range};
use super::pages::{ColumnPages, read_page_index, row_group_len, rows_before_group};
use super::problem::TableProblem;
use super::row_placer::RowPlacer;
use super::rows::BatchRows;
use super::schema::COORDINATES;
use crate::error::{Context, Error, Result};
use crate::io::parquet_file::{ParquetSource, check_page_index, has_checksums};
use crate::io::reader_panics::catch_panics;

/// Findings of each part that are kept; all are counted.
const MAX_FINDINGS: usize = 20;

/// What was checked, and what is wrong.
#[derive(Debug, Default)]
pub struct Verification {
    /// Rows that were read.
    pub segments: u64,
    /// Pages of coordinates whose statistics were recomputed.
    pub pages: u64,
    /// Parts without checksums: written by an older version or another program.
    pub parts_without_checksums: u64,
    /// What is wrong, each with its place; of each part the first `MAX_FINDINGS`.
    pub findings: Vec<Error>,
    /// Number of all findings.
    pub finding_count: u64,
}

/// The range that a file states for some rows of a column.
struct StatedRange {
    rows: Range<u64>,
    low: f64,
    high: f64,
    /// The row group, where the statement is its own and not a page's.
    group: Option<usize>,
}

impl SegmentTable {
    /// Reads all rows and recomputes what is stated of them.
    ///
    /// # Errors
    /// A part cannot be read, or changed since it was written.
    pub fn verify(&self) -> Result<Verification> {
        let mut verification = Verification::default();
        if let Err(error) = self.neurons() {
            verification.add_finding(error.in_file(self.path()), &mut 0);
        }
        for part in self.parts() {
            let open = part.ensure_open()?;
            open.verify(&mut verification)?;
            for finding in
                part.manifest_entry().map(|entry| entry.find_differences(open)).transpose()?.into_iter().flatten()
            {
                verification.add_finding(finding, &mut 0);
            }
        }
        Ok(verification)
    }
}

impl Verification {
    fn add_finding(&mut self, finding: Error, of_part: &mut usize) {
        self.finding_count += 1;
        if *of_part < MAX_FINDINGS {
            self.findings.push(finding);
        }
        *of_part += 1;
    }
}

impl OpenPart {
    fn verify(&self, verification: &mut Verification) -> Result<()> {
        let path = self.path();
        let (stated, pages) = self.stated_ranges().in_file(path)?;
        verification.pages += pages;
        verification.parts_without_checksums += u64::from(!has_checksums(self.file_metadata()));
        let mut next = [0; 6];
        let mut findings = 0;
        let mut first = 0;
        let neurons = self.neurons_or_read()?;
        let mut places = RowPlacer::new(&neurons);
        let mut has_strange_row = false;
        let read = self.for_each_batch_unchecked(|rows| {
            let batch = first..first + rows.len() as u64;
            for ((axis, name), next) in COORDINATES.iter().enumerate().zip(&mut next) {
                let ranges = stated.get(axis).map_or(&[][..], Vec::as_slice);
                for problem in rows.find_outside(axis, &batch, ranges, next) {
                    verification.add_finding(problem.0.at_index(name, problem.1).in_file(path), &mut findings);
                }
            }
            for row in rows.invalid_radii() {
                let finding = Error::from(TableProblem::Radius(row.1)).at_index("radius", first + row.0 as u64);
                verification.add_finding(finding.in_file(path), &mut findings);
            }
            for (node, row) in rows.nodes_and_rows() {
                // one is enough: a shifted list would make all of them strange
                if let Err(problem) = places.take_place(node, row)
                    && !std::mem::replace(&mut has_strange_row, true)
                {
                    verification.add_finding(Error::from(problem).in_file(path), &mut findings);
                }
            }
            first = batch.end;
            Ok(())
        });
        read?;
        verification.segments += first;
        if let Some(problem) = places.check_all_taken().err().filter(|_| !has_strange_row) {
            verification.add_finding(Error::from(problem).in_file(path), &mut findings);
        }
        Ok(())
    }

    /// What the file states of each coordinate, by ascending rows, and the number of pages.
    fn stated_ranges(&self) -> Result<(Vec<Vec<StatedRange>>, u64)> {
        let source = ParquetSource::open(self.path())?;
        let groups: Vec<usize> = (0..self.file_metadata().num_row_groups()).collect();
        check_page_index(&source, self.file_metadata(), &groups).map_err(TableProblem::from)?;
        let index = catch_panics(|| Ok::<_, TableProblem>(read_page_index(self, &source, &groups)))?;
        let mut pages = 0;
        let mut stated: Vec<Vec<StatedRange>> = Vec::new();
        for name in COORDINATES {
            let mut ranges = Vec::new();
            for &group in &groups {
                let (before, rows) = (rows_before_group(self, group), row_group_len(self, group));
                let all = before..before + rows as u64;
                if let Some((low, high)) = row_group_range(self, group, name) {
                    ranges.push(StatedRange { rows: all.clone(), low, high, group: Some(group) });
                }
                let column = self.column_index(name);
                let of_pages =
                    index.as_ref().zip(column).and_then(|(i, column)| ColumnPages::from_index(i, group, column, rows));
                for (place, (low, high)) in of_pages.iter().flat_map(ColumnPages::iter) {
                    pages += 1;
                    let rows = before + place.start as u64..before + place.end as u64;
                    ranges.push(StatedRange { rows, low, high, group: None });
                }
            }
            stated.push(ranges);
        }
        Ok((stated, pages))
    }
}

impl BatchRows<'_> {
    /// What is outside the ranges stated of a coordinate, the first of each range, with the file's row; `rows` are those of
    /// this batch in the file, `next` is the first range that may reach into it.
    fn find_outside(
        &self,
        axis: usize,
        rows: &Range<u64>,
        ranges: &[StatedRange],
        next: &mut usize,
    ) -> Vec<(Error, u64)> {
        let mut found = Vec::new();
        while ranges.get(*next).is_some_and(|range| range.rows.end <= rows.start) {
            *next += 1;
        }
        let local = |row: u64| (row - rows.start) as usize;
        // NaN and infinities are found once, whatever is stated
        let finite = self.ends().find_outside(axis, 0..self.len(), f64::MIN, f64::MAX);
        if let Some((place, value)) = finite {
            found.push((TableProblem::NotFinite(value).into(), rows.start + place as u64));
        }
        // a row group's range comes before those of its pages, which end earlier
        for range in ranges.iter().skip(*next).take_while(|range| range.rows.start < rows.end) {
            let own = range.rows.start.max(rows.start)..range.rows.end.min(rows.end);
            if own.is_empty() || range.low.is_nan() || range.high.is_nan() {
                continue;
            }
            let (low, high) = (range.low, range.high);
            if let Some((place, value)) = self.ends().find_outside(axis, local(own.start)..local(own.end), low, high)
                && value.is_finite()
            {
                let problem = match range.group {
                    Some(group) => TableProblem::OutsideGroupStatistics { group, low, high, found: value },
                    None => TableProblem::OutsideStatistics { low, high, found: value },
                };
                found.push((problem.into(), own.start + place as u64));
            }
        }
        found
    }
}
