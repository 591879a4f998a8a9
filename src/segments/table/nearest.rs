//! The k nearest segments of a point, and chosen segments by their place.
//!
//! A segment's place is its number in stored order, over all parts, from 0.

use std::ops::Range;

use arrow_array::{RecordBatch, UInt32Array};
use arrow_select::concat::concat_batches;

use super::Table;
use super::fetch::{Group, assembled, taken};
use super::pages::{Page, Pages, rows_before, rows_of};
use super::problem::TableProblem;
use super::query::{Filter, Run, Summary};
use super::rows::Ends;
use super::schema::COORDINATES;
use crate::error::{Context, Result};
use crate::geometry::Point;
use crate::segments::index::Neighbour;
use crate::segments::index::nearest::{Best, distance};

/// The first place of each part.
struct Starts(Vec<u64>);

impl Starts {
    fn of(table: &Table) -> Self {
        let starts = table.parts().iter().scan(0, |next, part| {
            let start = *next;
            *next += part.len();
            Some(start)
        });
        Self(starts.collect())
    }

    /// The first place of a row group.
    fn of_group(&self, table: &Table, part: usize, group: usize) -> Result<u64> {
        let (Some(start), Some(part)) = (self.0.get(part), table.parts().get(part)) else { return Ok(0) };
        Ok(start + rows_before(part.opened()?, group))
    }

    /// Part, row group and first place of the group that a place is in, and the group's rows.
    fn group_of(&self, table: &Table, place: u64) -> Result<Option<(OfGroup, u64)>> {
        let Some(part) = self.0.partition_point(|&start| start <= place).checked_sub(1) else { return Ok(None) };
        let Some(found) = table.parts().get(part) else { return Ok(None) };
        let open = found.opened()?;
        let mut start = self.0.get(part).copied().unwrap_or_default();
        for group in 0..open.file_metadata().num_row_groups() {
            let rows = rows_of(open, group) as u64;
            if place < start + rows {
                return Ok(Some((OfGroup { part, group, start, range: 0..0 }, rows)));
            }
            start += rows;
        }
        Ok(None)
    }
}

/// Rows of a page as a range of `u32`.
fn all_of(page: &Page) -> Vec<u32> {
    (0..page.rows.len() as u32).collect()
}

impl Pages<'_> {
    /// The k segments nearest to a point among those that pass a filter, by the distance to the segment, nearest
    /// first; of equals the first stored. Reads pages by their distance until no other can hold a nearer one.
    ///
    /// All pages of the table must have been wanted of [`Pages::of`].
    ///
    /// # Errors
    /// The table is unreadable or damaged.
    pub fn nearest(&self, p: Point, k: usize, filter: &Filter) -> Result<(Vec<Neighbour>, Summary)> {
        let (mut best, mut summary) = (Best::new(k), Summary::default());
        let starts = Starts::of(self.table());
        for (least, number) in self.tree().by_distance(p) {
            let Some(page) = self.pages().get(number).filter(|_| best.may_take(least)) else { break };
            let first = starts.of_group(self.table(), page.part, page.group)? + page.rows.start as u64;
            for (row, distance) in self.distances(page, p, filter)? {
                best.offer(Neighbour { distance, place: first + row as u64 });
            }
            summary.pages += 1;
            summary.rows += page.rows.len() as u64;
        }
        let neighbours = best.sorted();
        summary.hits = neighbours.len() as u64;
        Ok((neighbours, summary))
    }

    /// The distances of the rows of a page that pass a filter.
    fn distances(&self, page: &Page, p: Point, filter: &Filter) -> Result<Vec<(usize, f64)>> {
        let Some(group) = Group::of(self, page.part, page.group) else { return Ok(Vec::new()) };
        let mut columns = COORDINATES.to_vec();
        columns.extend(filter.columns());
        let batch = group.rows(&columns, std::slice::from_ref(&page.rows), &all_of(page))?;
        let measure = || -> Result<Vec<(usize, f64)>> {
            let ends = Ends::of(&batch)?;
            let first = rows_before(group.part, page.group) + page.rows.start as u64;
            ends.check(0..batch.num_rows(), &page.bounds, first)?;
            let passing = filter.passing(&batch)?;
            let measured = passing.into_iter().map(|row| {
                let (a, b) = ends.get(row as usize);
                (row as usize, distance(p, a, b))
            });
            Ok(measured.collect())
        };
        measure().in_file(group.part.path())
    }

    /// Columns of the segments at some places, one row each in the order given.
    ///
    /// The pages of these segments must have been wanted of [`Pages::of`].
    ///
    /// # Errors
    /// A place is not in the table, or the table is unreadable or damaged.
    pub fn fetch(&self, places: &[u64], columns: &[&str]) -> Result<RecordBatch> {
        let mut order: Vec<u32> = (0..places.len() as u32).collect();
        order.sort_unstable_by_key(|&i| places[i as usize]);
        let sorted: Vec<u64> = order.iter().map(|&i| places[i as usize]).collect();
        let mut batches = Vec::new();
        for OfGroup { part, group, start, range } in self.by_group(&sorted)? {
            let Some(found) = Group::of(self, part, group) else { return Err(self.nowhere(start)) };
            let rows: Vec<u32> = sorted[range].iter().map(|place| (place - start) as u32).collect();
            let (ranges, at) = Run::whole(self.pages(), part, group).hit_pages(&rows);
            if at.len() != rows.len() {
                return Err(self.nowhere(start));
            }
            let batch = found.rows(columns, &ranges, &at)?;
            batches.push(assembled(columns, &[&batch], at.len()).in_file(found.part.path())?);
        }
        // order[i] stands at i now: back to where it was asked for
        let mut back = vec![0; places.len()];
        order.iter().zip(0..).for_each(|(&i, at)| back[i as usize] = at);
        let joined = || -> Result<RecordBatch, TableProblem> {
            let Some(first) = batches.first() else { return assembled(&[], &[], 0) };
            taken(&concat_batches(&first.schema(), &batches)?, &UInt32Array::from(back))
        };
        joined().in_file(self.table().path())
    }

    /// Runs of sorted places in one row group each.
    fn by_group(&self, sorted: &[u64]) -> Result<Vec<OfGroup>> {
        let starts = Starts::of(self.table());
        let mut runs = Vec::new();
        let mut from = 0;
        while let Some(&place) = sorted.get(from) {
            let (found, rows) = starts.group_of(self.table(), place)?.ok_or_else(|| self.nowhere(place))?;
            let length = sorted[from..].partition_point(|&p| p < found.start + rows);
            if length == 0 {
                return Err(self.nowhere(place));
            }
            runs.push(OfGroup { range: from..from + length, ..found });
            from += length;
        }
        Ok(runs)
    }

    fn nowhere(&self, place: u64) -> crate::error::Error {
        crate::error::Error::from(TableProblem::Place(place)).in_file(self.table().path())
    }
}

/// Which of some sorted places lie in one row group.
struct OfGroup {
    part: usize,
    group: usize,
    /// The group's first place.
    start: u64,
    /// The places, by their number in the sorted list.
    range: Range<usize>,
}
