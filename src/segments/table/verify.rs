//! Checks the statistics and lists that a table stores against all of its rows.
//!
//! Checksums are verified on every read; here statistics are recomputed too. A search skips pages and row groups by
//! their smallest and largest values, so statistics that are too narrow make it miss segments.

use std::ops::Range;

use super::SegmentTable;
use super::open_part::{OpenPart, row_group_range};
use super::pages::{ColumnPages, read_page_index, row_group_len, rows_before_group};
use super::problem::TableProblem;
use super::row_placer::RowPlacer;
use super::rows::BatchRows;
use super::schema::COORDINATES;
use crate::error::{Context, Error, Result};
use crate::io::parquet_file::{check_page_index, has_checksums};
use crate::io::reader_panics::catch_panics;

/// Largest number of findings that are reported for each part; all are counted.
const MAX_FINDINGS: usize = 20;

/// The result of a verification.
#[derive(Debug, Default)]
pub struct Verification {
    /// Number of rows that were read.
    pub segments: u64,
    /// Number of coordinate pages with recomputed statistics.
    pub pages: u64,
    /// Number of parts without checksums, which an older version or another program wrote.
    pub parts_without_checksums: u64,
    /// The problems, each with its location; for each part the first `MAX_FINDINGS`.
    pub findings: Vec<Error>,
    /// Number of all problems.
    pub finding_count: u64,
}

/// The range that a file states for some rows of a column.
struct StatedRange {
    rows: Range<u64>,
    low: f64,
    high: f64,
    /// The row group, if the range is that of a row group and not of a page.
    group: Option<usize>,
}

impl SegmentTable {
    /// Reads all rows and recomputes the stored statistics and lists.
    ///
    /// # Errors
    /// Returns an error if a part cannot be read, or was changed after it was written.
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
                // one finding is enough: with a shifted list every row would be unexpected
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

    /// Returns the stated ranges of each coordinate, by ascending rows, and the number of pages.
    fn stated_ranges(&self) -> Result<(Vec<Vec<StatedRange>>, u64)> {
        let source = self.open_source()?;
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
    /// Returns the coordinates outside their stated ranges, the first of each range, with the row in the file. `rows`
    /// are the file's rows in this batch, and `next` is the first range that may overlap it.
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
        // NaN and infinite values are reported once, for any statistics
        let finite = self.ends().find_outside(axis, 0..self.len(), f64::MIN, f64::MAX);
        if let Some((place, value)) = finite {
            found.push((TableProblem::NotFinite(value).into(), rows.start + place as u64));
        }
        // the range of a row group precedes those of its pages, which end earlier
        for range in ranges.iter().skip(*next).take_while(|range| range.rows.start < rows.end) {
            let overlap = range.rows.start.max(rows.start)..range.rows.end.min(rows.end);
            if overlap.is_empty() || range.low.is_nan() || range.high.is_nan() {
                continue;
            }
            let (low, high) = (range.low, range.high);
            if let Some((place, value)) =
                self.ends().find_outside(axis, local(overlap.start)..local(overlap.end), low, high)
                && value.is_finite()
            {
                let problem = match range.group {
                    Some(group) => TableProblem::OutsideGroupStatistics { group, low, high, found: value },
                    None => TableProblem::OutsideStatistics { low, high, found: value },
                };
                found.push((problem.into(), overlap.start + place as u64));
            }
        }
        found
    }
}
