//! Selects the segments to draw: all, or if there are many, the nearest ones and every k-th of the others.
//!
//! Rows of a table follow the Hilbert curve, so every k-th row is an even thinning in space. The selection does not
//! depend on the number of threads, and its size bounds the memory used.

use std::collections::BinaryHeap;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, UInt8Type, UInt32Type, UInt64Type};

use super::PlotProblem;
use crate::error::Result;
use crate::geometry::region::{Cuboid, Predicate, Region};
use crate::geometry::{Aabb, Point};
use crate::segments::SectionType;
use crate::segments::table::schema::{COORDINATES, NODE_ID, RADIUS, ROW, SECTION_ID, SECTION_TYPE, SEGMENT_ID};
use crate::segments::table::{
    Hits, PageWarning, SegmentEnds, SegmentFilter, SegmentQuery, SegmentSelection, SegmentTable, TablePages,
    TableProblem,
};

/// Maximum number of segments to draw, in addition to [`MAX_NEAREST_SEGMENTS`]: more do not make a picture clearer.
pub const MAX_SEGMENTS: usize = 50_000;
/// Number of segments nearest to the point of interest that are always drawn.
pub const MAX_NEAREST_SEGMENTS: usize = 10_000;

/// A segment to draw.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SampledSegment {
    /// One end, µm.
    pub start: Point,
    /// The other end, µm.
    pub end: Point,
    /// SONATA node id.
    pub node_id: u64,
    /// Section id in the neuron.
    pub section_id: u32,
    /// Segment id in its section.
    pub segment_id: u32,
    /// Row number in the table.
    pub row: u64,
    /// Section type; `None` if unknown.
    pub section_type: Option<SectionType>,
    /// Radius, µm; `None` if unknown.
    pub radius_um: Option<f32>,
    /// Number of segments of the view that this one stands for: 1 for the nearest, or if all are drawn.
    pub represents: f64,
}

impl SampledSegment {
    /// Returns the midpoint, µm.
    pub fn midpoint(&self) -> Point {
        self.start.midpoint(self.end)
    }
}

/// The segments of a table to draw.
#[derive(Debug)]
pub struct SegmentSample {
    /// The segments to draw, in stored order.
    pub segments: Vec<SampledSegment>,
    /// Number of segments in the view.
    pub total: u64,
    /// Number of segments in each region.
    pub by_region: Vec<u64>,
    /// One in `stride` segments that are not among the nearest was selected; 1 if all were.
    pub stride: u64,
    /// Bounding box of all segments found.
    pub bounds: Aabb,
    /// The reason why reading is slower than it could be.
    pub warnings: Vec<PageWarning>,
}

impl SegmentSample {
    /// Reads segments of a region, of some regions, or of the whole table; `near` is the point of interest. A segment
    /// of several regions is counted in each, and once in the total.
    ///
    /// # Errors
    /// Returns an error if the table cannot be read or is damaged.
    pub fn read(table: &SegmentTable, within: SegmentSelection<'_>, near: Option<Point>, most: usize) -> Result<Self> {
        let pages = TablePages::open(table, |bounds| within.may_hit(bounds))?;
        let columns = sampled_columns();
        let mut thinned = SegmentThinning::new(near, [MAX_NEAREST_SEGMENTS, most]);
        let query = SegmentQuery { selection: within, filter: &SegmentFilter::default(), columns: &columns };
        let regions = if let SegmentSelection::Regions(regions, _) = within { regions.len() } else { 1 };
        let mut by_region = vec![0; regions];
        let mut previous = None;
        pages.run_query(&query, &mut |hits| {
            let own = hits.region.iter().filter_map(|r| usize::try_from(*r).ok());
            own.for_each(|r| by_region.iter_mut().skip(r).take(1).for_each(|n| *n += 1));
            // the hits of a segment in several regions follow each other
            for_each_segment(&hits, |_, line| {
                if previous.replace(line.row) != Some(line.row) {
                    thinned.add(line);
                }
            })
        })?;
        Ok(thinned.into_sample(by_region, pages.warnings().to_vec()))
    }

    /// Reads the segments of several boxes in one pass, a sample for each box: the `most[0]` nearest to its centre, and
    /// every k-th of the others, at most `most[1]`.
    ///
    /// # Errors
    /// Returns an error if the table cannot be read or is damaged.
    pub(crate) fn read_around(table: &SegmentTable, boxes: &[Cuboid], most: [usize; 2]) -> Result<Vec<Self>> {
        let regions: Vec<&dyn Region> = boxes.iter().map(|b| b as &dyn Region).collect();
        let selection = SegmentSelection::Regions(&regions, Predicate::Intersects);
        let pages = TablePages::open(table, |bounds| selection.may_hit(bounds))?;
        let columns = sampled_columns();
        let query = SegmentQuery { selection, filter: &SegmentFilter::default(), columns: &columns };
        let mut thinned: Vec<SegmentThinning> =
            boxes.iter().map(|b| SegmentThinning::new(b.bounds().map(|b| b.center()), most)).collect();
        pages.run_query(&query, &mut |hits| {
            for_each_segment(&hits, |region, line| {
                thinned.iter_mut().skip(region as usize).take(1).for_each(|own| own.add(line));
            })
        })?;
        Ok(thinned.into_iter().map(|own| own.into_sample(Vec::new(), pages.warnings().to_vec())).collect())
    }

    /// Describes how many segments are drawn, of how many.
    pub fn summary(&self) -> String {
        let drawn = self.segments.len() as u64;
        if drawn == self.total {
            return format!("{} segments", group_thousands(drawn));
        }
        format!("{} of {} segments drawn", group_thousands(drawn), group_thousands(self.total))
    }

    /// Returns an error if the view has no segments.
    pub(super) fn require_segments(self, place: impl FnOnce() -> String) -> Result<Self, PlotProblem> {
        if self.segments.is_empty() { Err(PlotProblem::NoSegments { place: place() }) } else { Ok(self) }
    }
}

/// Returns the columns of a sampled segment.
fn sampled_columns() -> Vec<&'static str> {
    [&COORDINATES[..], &[NODE_ID, SECTION_ID, SEGMENT_ID, ROW, SECTION_TYPE, RADIUS]].concat()
}

/// Calls a function with the region and the segment of every hit.
fn for_each_segment(hits: &Hits, mut visit: impl FnMut(u32, SampledSegment)) -> Result<()> {
    let missing = |name: &str| TableProblem::MissingColumns(format!("`{name}`"));
    let column = |name: &str| hits.batch.column_by_name(name).ok_or_else(|| missing(name));
    let long = |name: &str| column(name)?.as_primitive_opt::<UInt64Type>().ok_or_else(|| missing(name));
    let int = |name: &str| column(name)?.as_primitive_opt::<UInt32Type>().ok_or_else(|| missing(name));
    let (nodes, rows) = (long(NODE_ID)?.values(), long(ROW)?.values());
    let (sections, segments) = (int(SECTION_ID)?.values(), int(SEGMENT_ID)?.values());
    let kinds = column(SECTION_TYPE)?.as_primitive_opt::<UInt8Type>().ok_or_else(|| missing(SECTION_TYPE))?;
    let radii = column(RADIUS)?.as_primitive_opt::<Float32Type>().ok_or_else(|| missing(RADIUS))?;
    let ends = SegmentEnds::from_batch(&hits.batch)?;
    for (i, &region) in hits.region.iter().enumerate() {
        let (start, end) = ends.get(i);
        let (node_id, section_id, segment_id, row) = (nodes[i], sections[i], segments[i], rows[i]);
        let section_type = kinds.is_valid(i).then(|| SectionType::from_number(kinds.value(i))).flatten();
        let radius_um = radii.is_valid(i).then(|| radii.value(i));
        let ids = SampledSegment {
            start,
            end,
            node_id,
            section_id,
            segment_id,
            row,
            section_type,
            radius_um,
            represents: 1.0,
        };
        visit(region, ids);
    }
    Ok(())
}

/// A segment among the nearest: distance (as bits, which are in the same order because it is not negative), number,
/// segment.
struct NearSegment(u64, u64, SampledSegment);

impl PartialEq for NearSegment {
    fn eq(&self, other: &Self) -> bool {
        (self.0, self.1) == (other.0, other.1)
    }
}

impl Eq for NearSegment {}

impl PartialOrd for NearSegment {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for NearSegment {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.0, self.1).cmp(&(other.0, other.1))
    }
}

/// Selects segments one by one.
struct SegmentThinning {
    near_point: Option<Point>,
    nearest: BinaryHeap<NearSegment>,
    max_nearest: usize,
    others: Vec<(u64, SampledSegment)>,
    max_others: usize,
    stride: u64,
    total: u64,
    bounds: Aabb,
}

impl SegmentThinning {
    /// Selects the `most[0]` nearest to a point, and at most `most[1]` of the others.
    fn new(near: Option<Point>, most: [usize; 2]) -> Self {
        Self {
            near_point: near,
            nearest: BinaryHeap::new(),
            max_nearest: most[0].max(1),
            others: Vec::new(),
            max_others: most[1].max(1),
            stride: 1,
            total: 0,
            bounds: Aabb::EMPTY,
        }
    }

    fn add(&mut self, line: SampledSegment) {
        let number = self.total;
        self.total += 1;
        if !(line.start.is_finite() && line.end.is_finite()) {
            return;
        }
        self.bounds = self.bounds.extended_to(line.start).extended_to(line.end);
        if number.is_multiple_of(self.stride) {
            self.others.push((number, line));
            if self.others.len() > self.max_others {
                self.stride *= 2;
                self.others.retain(|(number, _)| number.is_multiple_of(self.stride));
            }
        }
        let Some(near) = self.near_point else { return };
        let distance = (line.midpoint() - near).norm_2().to_bits();
        if self.nearest.len() < self.max_nearest {
            self.nearest.push(NearSegment(distance, number, line));
        } else if let Some(mut last) = self.nearest.peek_mut().filter(|last| distance < last.0) {
            *last = NearSegment(distance, number, line);
        }
    }

    fn into_sample(self, by_region: Vec<u64>, warnings: Vec<PageWarning>) -> SegmentSample {
        let Self { total, stride, bounds, .. } = self;
        SegmentSample { segments: self.into_segments(), total, by_region, stride, bounds, warnings }
    }

    fn into_segments(self) -> Vec<SampledSegment> {
        let near_count = self.nearest.len() as u64;
        // the nearest come first of two with the same number, so that they stay
        let mut all: Vec<(u64, bool, SampledSegment)> =
            self.nearest.into_iter().map(|NearSegment(_, number, line)| (number, false, line)).collect();
        all.extend(self.others.into_iter().map(|(number, line)| (number, true, line)));
        all.sort_unstable_by_key(|(number, is_other, _)| (*number, *is_other));
        all.dedup_by_key(|(number, ..)| *number);
        let others = all.iter().filter(|(_, is_other, _)| *is_other).count();
        let share = self.total.saturating_sub(near_count) as f64 / others.max(1) as f64;
        let represents = |is_other: bool| if is_other && self.stride > 1 { share } else { 1.0 };
        all.into_iter().map(|(_, is_other, line)| SampledSegment { represents: represents(is_other), ..line }).collect()
    }
}

/// Formats a count with thousands separated: `26 619`.
pub(crate) fn group_thousands(n: u64) -> String {
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

    fn line(x: f64) -> SampledSegment {
        let end = Point::new(x, 1.0, 0.0);
        SampledSegment {
            start: Point::new(x, -1.0, 0.0),
            end,
            node_id: 0,
            section_id: 0,
            segment_id: 0,
            row: x.abs() as u64,
            section_type: None,
            radius_um: None,
            represents: 1.0,
        }
    }

    fn thinned(count: u32, near: Option<Point>, most: usize) -> SegmentThinning {
        let mut thinned = SegmentThinning::new(near, [MAX_NEAREST_SEGMENTS, most]);
        (0..count).for_each(|i| thinned.add(line(f64::from(i))));
        thinned
    }

    #[test]
    fn few_are_all_drawn_in_their_order() {
        let lines = thinned(100, Some(Point::ORIGIN), 100).into_segments();
        assert_eq!(lines.iter().map(|l| l.row).collect::<Vec<_>>(), (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn of_many_every_kth_is_kept_and_all_of_the_nearest() {
        let at = 70_000.0;
        let all = thinned(100_000, Some(Point::new(at, 0.0, 0.0)), 1000);
        assert_eq!((all.stride, all.total), (128, 100_000));
        let lines = all.into_segments();
        let half = MAX_NEAREST_SEGMENTS as f64 * 0.5 - 1.0;
        let missing = |x: f64| !lines.iter().any(|l| l.start.x == x);
        assert_eq!((0..100).map(|i| at - half + f64::from(i) * 99.0).filter(|x| missing(*x)).count(), 0);
        let far: Vec<u64> = lines.iter().map(|l| l.row).filter(|row| *row < 60_000).collect();
        assert_eq!(far, (0..60_000).step_by(128).collect::<Vec<_>>());
    }

    #[test]
    fn those_drawn_stand_for_all() {
        for near in [None, Some(Point::new(500.0, 0.0, 0.0))] {
            let lines = thinned(100_000, near, 1000).into_segments();
            let all: f64 = lines.iter().map(|l| l.represents).sum();
            assert!((all - 100_000.0).abs() < 1e-6, "{all}");
            assert_eq!(lines.iter().any(|l| l.represents == 1.0), near.is_some());
        }
    }

    #[test]
    fn what_is_not_finite_is_counted_and_not_drawn() {
        let mut thinned = SegmentThinning::new(None, [MAX_NEAREST_SEGMENTS, 10]);
        thinned.add(line(f64::NAN));
        thinned.add(line(1.0));
        assert_eq!((thinned.total, thinned.bounds.max.x), (2, 1.0));
        assert_eq!(thinned.into_segments().len(), 1);
    }

    #[test]
    fn thousands_stand_apart() {
        assert_eq!([7, 1000, 1_234_567].map(group_thousands), ["7", "1\u{2009}000", "1\u{2009}234\u{2009}567"]);
    }
}
