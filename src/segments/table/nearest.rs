//! Finds the k nearest segments to a point, and reads segments by their index.
//!
//! The index of a segment is its number in stored order, over all parts, from 0.

use std::ops::Range;

use arrow_array::{RecordBatch, UInt32Array};
use arrow_select::concat::concat_batches;

use super::SegmentTable;
use super::pages::{TablePage, TablePages, row_group_len, rows_before_group};
use super::problem::TableProblem;
use super::query::{PageRun, QueryStats, SegmentFilter};
use super::row_group_reader::{RowGroupReader, assemble_columns, take_rows};
use super::rows::{SegmentEnds, row_values};
use super::schema::{COORDINATES, ROW};
use crate::error::{Context, Result};
use crate::geometry::Point;
use crate::segments::index::NearestSegment;
use crate::segments::index::nearest::{NearestHeap, segment_distance};

/// Index of the first segment of each part.
struct PartStarts(Vec<u64>);

impl PartStarts {
    fn new(table: &SegmentTable) -> Self {
        let starts = table.parts().iter().scan(0, |next, part| {
            let start = *next;
            *next += part.len();
            Some(start)
        });
        Self(starts.collect())
    }

    /// Returns the index of the first segment of a row group.
    fn group_start(&self, table: &SegmentTable, part: usize, group: usize) -> Result<u64> {
        let (Some(start), Some(part)) = (self.0.get(part), table.parts().get(part)) else { return Ok(0) };
        Ok(start + rows_before_group(part.ensure_open()?, group))
    }

    /// Returns the row group that contains a segment index, with the index of its first segment and its number of rows.
    fn find_group(&self, table: &SegmentTable, segment: u64) -> Result<Option<(GroupRun, u64)>> {
        let Some(part) = self.0.partition_point(|&start| start <= segment).checked_sub(1) else { return Ok(None) };
        let Some(found) = table.parts().get(part) else { return Ok(None) };
        let open = found.ensure_open()?;
        let mut start = self.0.get(part).copied().unwrap_or_default();
        for group in 0..open.file_metadata().num_row_groups() {
            let rows = row_group_len(open, group) as u64;
            if segment < start + rows {
                return Ok(Some((GroupRun { part, group, first_index: start, range: 0..0 }, rows)));
            }
            start += rows;
        }
        Ok(None)
    }
}

/// A segment of a page: its place in the page, its row, and its distance from a point.
struct FoundSegment {
    place: usize,
    row: u64,
    distance_um: f64,
}

/// Returns the rows of a page as `u32`.
fn row_numbers(page: &TablePage) -> Vec<u32> {
    (0..page.rows.len() as u32).collect()
}

impl TablePages<'_> {
    /// Finds the k segments nearest to a point among those that pass a filter, by the distance to the segment, nearest
    /// first; at equal distances, by row. Reads pages by their distance until no other page can contain a
    /// nearer segment.
    ///
    /// [`TablePages::open`] must have selected all pages of the table.
    ///
    /// # Errors
    /// Returns an error if the table is unreadable or damaged.
    pub fn nearest(&self, p: Point, k: usize, filter: &SegmentFilter) -> Result<(Vec<NearestSegment>, QueryStats)> {
        let (mut best, mut summary) = (NearestHeap::new(k), QueryStats::default());
        let starts = PartStarts::new(self.table());
        let mut by_distance = self.tree().pages_by_distance(p);
        while let Some((_, number)) = by_distance.next_within(|least| best.can_improve(least)) {
            let Some(page) = self.pages().get(number) else { break };
            let first = starts.group_start(self.table(), page.part, page.group)? + page.rows.start as u64;
            for FoundSegment { place, row, distance_um } in self.filtered_distances(page, p, filter)? {
                best.insert(NearestSegment { distance_um, row, stored_index: first + place as u64 });
            }
            summary.pages += 1;
            summary.rows += page.rows.len() as u64;
        }
        let neighbours = best.into_sorted();
        summary.hits = neighbours.len() as u64;
        Ok((neighbours, summary))
    }

    /// Returns the segments of a page that pass a filter, with their distances.
    fn filtered_distances(&self, page: &TablePage, p: Point, filter: &SegmentFilter) -> Result<Vec<FoundSegment>> {
        let Some(group) = RowGroupReader::for_pages(self, page.part, page.group) else { return Ok(Vec::new()) };
        let mut columns = COORDINATES.to_vec();
        columns.push(ROW);
        columns.extend(filter.required_columns());
        let batch = group.read_rows(&columns, std::slice::from_ref(&page.rows), &row_numbers(page))?;
        let measure = || -> Result<Vec<FoundSegment>> {
            let ends = SegmentEnds::from_batch(&batch)?;
            let first = rows_before_group(group.part, page.group) + page.rows.start as u64;
            ends.check_inside(0..batch.num_rows(), &page.bounds, first)?;
            let passing = filter.passing_rows(&batch)?;
            let rows = row_values(&batch)?;
            let measured = passing.into_iter().map(|place| {
                let place = place as usize;
                let (a, b) = ends.get(place);
                let row = rows.get(place).copied().unwrap_or_default();
                FoundSegment { place, row, distance_um: segment_distance(p, a, b) }
            });
            Ok(measured.collect())
        };
        measure().in_file(group.part.path())
    }

    /// Reads columns of segments by index; the result has one row per index, in the given order.
    ///
    /// [`TablePages::open`] must have selected the pages of these segments.
    ///
    /// # Errors
    /// Returns an error if an index is not in the table, or if the table is unreadable or damaged.
    pub fn fetch_segments(&self, segments: &[u64], columns: &[&str]) -> Result<RecordBatch> {
        let mut order: Vec<u32> = (0..segments.len() as u32).collect();
        order.sort_unstable_by_key(|&i| segments[i as usize]);
        let sorted: Vec<u64> = order.iter().map(|&i| segments[i as usize]).collect();
        let mut batches = Vec::new();
        for GroupRun { part, group, first_index: start, range } in self.split_by_group(&sorted)? {
            let Some(found) = RowGroupReader::for_pages(self, part, group) else {
                return Err(self.missing_segment_error(start));
            };
            let rows: Vec<u32> = sorted[range].iter().map(|segment| (segment - start) as u32).collect();
            let (ranges, at) = PageRun::for_row_group(self.pages(), part, group).hit_pages(&rows);
            if at.len() != rows.len() {
                return Err(self.missing_segment_error(start));
            }
            let batch = found.read_rows(columns, &ranges, &at)?;
            batches.push(assemble_columns(columns, &[&batch], at.len()).in_file(found.part.path())?);
        }
        // row i now has the segment of order[i]; invert the permutation to restore the requested order
        let mut back = vec![0; segments.len()];
        order.iter().zip(0..).for_each(|(&i, at)| back[i as usize] = at);
        let joined = || -> Result<RecordBatch, TableProblem> {
            let Some(first) = batches.first() else { return assemble_columns(&[], &[], 0) };
            take_rows(&concat_batches(&first.schema(), &batches)?, &UInt32Array::from(back))
        };
        joined().in_file(self.table().path())
    }

    /// Splits sorted indices into runs inside one row group.
    fn split_by_group(&self, sorted: &[u64]) -> Result<Vec<GroupRun>> {
        let starts = PartStarts::new(self.table());
        let mut runs = Vec::new();
        let mut from = 0;
        while let Some(&segment) = sorted.get(from) {
            let (found, rows) =
                starts.find_group(self.table(), segment)?.ok_or_else(|| self.missing_segment_error(segment))?;
            let length = sorted[from..].partition_point(|&p| p < found.first_index + rows);
            if length == 0 {
                return Err(self.missing_segment_error(segment));
            }
            runs.push(GroupRun { range: from..from + length, ..found });
            from += length;
        }
        Ok(runs)
    }

    fn missing_segment_error(&self, segment: u64) -> crate::error::Error {
        crate::error::Error::from(TableProblem::NoSuchSegment(segment)).in_file(self.table().path())
    }
}

/// The part of a list of sorted indices that lies in one row group.
struct GroupRun {
    part: usize,
    group: usize,
    /// Index of the first segment of the group.
    first_index: u64,
    /// The range in the sorted list.
    range: Range<usize>,
}
