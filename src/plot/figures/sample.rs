//! The segments that are drawn: all, or where they are many the nearest ones and every k-th of the others.
//!
//! Rows of a table follow the Hilbert curve, so every k-th is an even thinning in space. What is kept does not depend on
//! the number of threads, and memory is bounded by what is kept.

use std::collections::BinaryHeap;

use arrow_array::cast::AsArray;
use arrow_array::types::{UInt32Type, UInt64Type};

use super::PlotProblem;
use crate::error::Result;
use crate::geometry::{Aabb, Point};
use crate::segments::table::schema::{COORDINATES, NODE_ID, ROW, SECTION_ID, SEGMENT_ID};
use crate::segments::table::{Ends, Filter, Hits, PageWarning, Pages, Query, Table, TableProblem, Within};

/// Segments drawn at most, beside [`NEAREST`]: more make a picture neither fuller nor clearer.
pub const MOST: usize = 50_000;
/// Of these nearest to the place of interest none is left out.
pub const NEAREST: usize = 10_000;

/// A segment to be drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// One end, um.
    pub start: Point,
    /// The other end, um.
    pub end: Point,
    /// SONATA node id.
    pub node_id: u64,
    /// Section of the neuron.
    pub section_id: u32,
    /// Segment in its section.
    pub segment_id: u32,
    /// Row in the table's count.
    pub row: u64,
}

impl Line {
    /// The middle, um.
    pub fn midpoint(&self) -> Point {
        self.start.midpoint(self.end)
    }
}

/// What is to be drawn of a table.
#[derive(Debug)]
pub struct Sample {
    /// The segments drawn, in stored order.
    pub lines: Vec<Line>,
    /// How many there are in the view.
    pub found: u64,
    /// How many there are in each region.
    pub by_region: Vec<u64>,
    /// One of so many was kept of those that are not among the nearest; 1 where all were.
    pub every: u64,
    /// The box round all that were found.
    pub bounds: Aabb,
    /// What makes reading slower than it could be.
    pub warnings: Vec<PageWarning>,
}

impl Sample {
    /// Reads segments of a region, some regions, or everywhere; `near` is the place of interest. A segment of several
    /// regions is found in each.
    ///
    /// # Errors
    /// The table is unreadable or damaged.
    pub fn of(table: &Table, within: Within<'_>, near: Option<Point>, most: usize) -> Result<Self> {
        let pages = Pages::of(table, |bounds| within.touches(bounds))?;
        let columns = [&COORDINATES[..], &[NODE_ID, SECTION_ID, SEGMENT_ID, ROW]].concat();
        let mut thinned = Thinned::new(near, most);
        let query = Query { within, filter: &Filter::default(), columns: &columns };
        let regions = if let Within::Regions(regions, _) = within { regions.len() } else { 1 };
        let mut by_region = vec![0; regions];
        pages.query(&query, &mut |hits| {
            let own = hits.region.iter().filter_map(|r| usize::try_from(*r).ok());
            own.for_each(|r| by_region.iter_mut().skip(r).take(1).for_each(|n| *n += 1));
            each(&hits, |line| thinned.add(line))
        })?;
        let warnings = pages.warnings().to_vec();
        let Thinned { found, every, bounds, .. } = thinned;
        Ok(Self { lines: thinned.lines(), found, by_region, every, bounds, warnings })
    }

    /// How many of how many are drawn, in words.
    pub fn told(&self) -> String {
        let drawn = self.lines.len() as u64;
        if drawn == self.found {
            return format!("{} segments", grouped(drawn));
        }
        format!("{} of {} segments drawn", grouped(drawn), grouped(self.found))
    }

    /// Refuses a view without segments.
    pub(super) fn or_nothing(self, place: impl FnOnce() -> String) -> Result<Self, PlotProblem> {
        if self.lines.is_empty() { Err(PlotProblem::NoSegments { place: place() }) } else { Ok(self) }
    }
}

/// Calls with every hit.
fn each(hits: &Hits, mut visit: impl FnMut(Line)) -> Result<()> {
    let missing = |name: &str| TableProblem::Columns(format!("`{name}`"));
    let column = |name: &str| hits.batch.column_by_name(name).ok_or_else(|| missing(name));
    let long = |name: &str| column(name)?.as_primitive_opt::<UInt64Type>().ok_or_else(|| missing(name));
    let int = |name: &str| column(name)?.as_primitive_opt::<UInt32Type>().ok_or_else(|| missing(name));
    let (nodes, rows) = (long(NODE_ID)?.values(), long(ROW)?.values());
    let (sections, segments) = (int(SECTION_ID)?.values(), int(SEGMENT_ID)?.values());
    let ends = Ends::of(&hits.batch)?;
    for i in 0..hits.region.len() {
        let (start, end) = ends.get(i);
        let (node_id, section_id, segment_id, row) = (nodes[i], sections[i], segments[i], rows[i]);
        visit(Line { start, end, node_id, section_id, segment_id, row });
    }
    Ok(())
}

/// A segment among the nearest: distance (its bits order as it does, being no less than 0), number, the segment.
struct Near(u64, u64, Line);

impl PartialEq for Near {
    fn eq(&self, other: &Self) -> bool {
        (self.0, self.1) == (other.0, other.1)
    }
}

impl Eq for Near {}

impl PartialOrd for Near {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Near {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.0, self.1).cmp(&(other.0, other.1))
    }
}

/// Takes segments one by one and keeps some.
struct Thinned {
    near: Option<Point>,
    nearest: BinaryHeap<Near>,
    others: Vec<(u64, Line)>,
    most: usize,
    every: u64,
    found: u64,
    bounds: Aabb,
}

impl Thinned {
    fn new(near: Option<Point>, most: usize) -> Self {
        let (nearest, others) = (BinaryHeap::new(), Vec::new());
        Self { near, nearest, others, most: most.max(1), every: 1, found: 0, bounds: Aabb::EMPTY }
    }

    fn add(&mut self, line: Line) {
        let number = self.found;
        self.found += 1;
        if !(line.start.is_finite() && line.end.is_finite()) {
            return;
        }
        self.bounds = self.bounds.with(line.start).with(line.end);
        if number.is_multiple_of(self.every) {
            self.others.push((number, line));
            if self.others.len() > self.most {
                self.every *= 2;
                self.others.retain(|(number, _)| number.is_multiple_of(self.every));
            }
        }
        let Some(near) = self.near else { return };
        let distance = (line.midpoint() - near).norm_2().to_bits();
        if self.nearest.len() < NEAREST {
            self.nearest.push(Near(distance, number, line));
        } else if let Some(mut last) = self.nearest.peek_mut().filter(|last| distance < last.0) {
            *last = Near(distance, number, line);
        }
    }

    fn lines(self) -> Vec<Line> {
        let mut all = self.others;
        all.extend(self.nearest.into_iter().map(|Near(_, number, line)| (number, line)));
        all.sort_unstable_by_key(|(number, _)| *number);
        all.dedup_by_key(|(number, _)| *number);
        all.into_iter().map(|(_, line)| line).collect()
    }
}

/// A count with its thousands apart: `26 619`.
pub(crate) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push('\u{2009}');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(x: f64) -> Line {
        let end = Point::new(x, 1.0, 0.0);
        Line { start: Point::new(x, -1.0, 0.0), end, node_id: 0, section_id: 0, segment_id: 0, row: x.abs() as u64 }
    }

    fn thinned(count: u32, near: Option<Point>, most: usize) -> Thinned {
        let mut thinned = Thinned::new(near, most);
        (0..count).for_each(|i| thinned.add(line(f64::from(i))));
        thinned
    }

    #[test]
    fn few_are_all_drawn_in_their_order() {
        let lines = thinned(100, Some(Point::ORIGIN), 100).lines();
        assert_eq!(lines.iter().map(|l| l.row).collect::<Vec<_>>(), (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn of_many_every_kth_is_kept_and_all_of_the_nearest() {
        let at = 70_000.0;
        let all = thinned(100_000, Some(Point::new(at, 0.0, 0.0)), 1000);
        assert_eq!((all.every, all.found), (128, 100_000));
        let lines = all.lines();
        let half = NEAREST as f64 * 0.5 - 1.0;
        let missing = |x: f64| !lines.contains(&line(x));
        assert_eq!((0..100).map(|i| at - half + f64::from(i) * 99.0).filter(|x| missing(*x)).count(), 0);
        let far: Vec<u64> = lines.iter().map(|l| l.row).filter(|row| *row < 60_000).collect();
        assert_eq!(far, (0..60_000).step_by(128).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_not_finite_is_counted_and_not_drawn() {
        let mut thinned = Thinned::new(None, 10);
        thinned.add(line(f64::NAN));
        thinned.add(line(1.0));
        assert_eq!((thinned.found, thinned.bounds.max.x), (2, 1.0));
        assert_eq!(thinned.lines().len(), 1);
    }

    #[test]
    fn thousands_stand_apart() {
        assert_eq!([7, 1000, 1_234_567].map(grouped), ["7", "1\u{2009}000", "1\u{2009}234\u{2009}567"]);
    }
}
