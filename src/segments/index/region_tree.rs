//! A tree over many regions, which finds those that may contain a part of a box.
//!
//! A packed tree ([`super::packed_tree`]) needs boxes in a spatial order, but regions come in any order: those of
//! contacts have the order of a file. Boxes around bounded regions are in an R*-tree (Beckmann et al., SIGMOD 1990,
//! doi:10.1145/93597.98741; bulk loaded). Slabs have no box: slabs with the same axis are intervals along it, sorted by
//! their lower side. Other unbounded regions are always candidates.

use std::ops::ControlFlow;

use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, RTree};

use crate::geometry::region::{Region, Slab, pad_for_rounding};
use crate::geometry::{Aabb, Point};

/// A box and its number in a list.
type NumberedBox = GeomWithData<Rectangle<[f64; 3]>, usize>;

/// Shorter distances, µm, have a square of 0: every region extends at least this far.
const MIN_REACH_UM: f64 = 1e-150;

/// A box that contains only the origin.
const ORIGIN_BOX: Aabb = Aabb { min: Point::ORIGIN, max: Point::ORIGIN };

/// A tree over boxes in any order; each box is identified by its index in the original list.
#[derive(Debug)]
pub struct BoxTree {
    bounded: RTree<NumberedBox>,
    /// The unbounded boxes, which are always candidates.
    endless: Vec<usize>,
}

/// A tree over regions; each region is identified by its index in the original list.
#[derive(Debug)]
pub struct RegionTree {
    bounded: RTree<NumberedBox>,
    slabs: Vec<SlabStack>,
    /// The unbounded regions that are not slabs.
    unbounded: Vec<usize>,
    len: usize,
}

/// Slabs with the same axis, as intervals along it.
#[derive(Debug)]
struct SlabStack {
    axis: Point,
    /// Sorted by `low`.
    intervals: Vec<Interval>,
}

#[derive(Debug)]
struct Interval {
    low: f64,
    high: f64,
    /// The largest `high` of this interval and all before it.
    max_high: f64,
    number: usize,
}

impl BoxTree {
    /// Builds the tree over some boxes. Empty boxes are never candidates, unbounded boxes always.
    pub fn new(boxes: impl IntoIterator<Item = Aabb>) -> Self {
        let (mut bounded, mut endless) = (Vec::new(), Vec::new());
        for (number, bounds) in boxes.into_iter().enumerate() {
            if !bounds.is_finite() && !bounds.is_empty() {
                endless.push(number);
            } else if !bounds.is_empty() {
                bounded.push(numbered_box(&pad_for_rounding(bounds, 0.0), number));
            }
        }
        Self { bounded: RTree::bulk_load(bounded), endless }
    }
}

impl RegionTree {
    /// Builds the tree over some regions.
    pub fn new<'r>(regions: impl IntoIterator<Item = &'r dyn Region>) -> Self {
        let (mut bounded, mut slabs, mut unbounded, mut len) = (Vec::new(), Vec::new(), Vec::new(), 0);
        for region in regions {
            match (region.search_box(&ORIGIN_BOX), region.as_slab()) {
                (Some(window), _) => bounded.push(numbered_box(&expand_box(window, MIN_REACH_UM), len)),
                (None, Some(slab)) => push_slab(&mut slabs, slab, len),
                (None, None) => unbounded.push(len),
            }
            len += 1;
        }
        slabs.iter_mut().for_each(SlabStack::sort);
        Self { bounded: RTree::bulk_load(bounded), slabs, unbounded, len }
    }

    /// Visits, in any order, the numbers of the regions that may contain a point of a box, or intersect a segment with
    /// both ends in it; no region is missed, and each is visited once.
    pub fn for_each_candidate(&self, bounds: &Aabb, mut visit: impl FnMut(usize)) {
        if bounds.is_empty() {
            return;
        }
        if !bounds.is_finite() {
            return (0..self.len).for_each(visit);
        }
        let bounds = pad_for_rounding(*bounds, 0.0);
        let found: ControlFlow<()> = self.bounded.locate_in_envelope_intersecting_int(to_envelope(&bounds), |entry| {
            visit(entry.data);
            ControlFlow::Continue(())
        });
        debug_assert!(found.is_continue());
        self.slabs.iter().for_each(|slabs| slabs.for_each_candidate(&bounds, &mut visit));
        self.unbounded.iter().copied().for_each(visit);
    }

    /// Visits, in any order, the pairs of a region and a box of another tree that may have a point in common (the
    /// numbers of both); no pair is missed, and each is visited once.
    pub fn for_each_pair(&self, boxes: &BoxTree, mut visit: impl FnMut(usize, usize)) {
        for (region, bounds) in self.bounded.intersection_candidates_with_other_tree(&boxes.bounded) {
            visit(region.data, bounds.data);
        }
        for entry in boxes.bounded.iter().filter(|_| !(self.slabs.is_empty() && self.unbounded.is_empty())) {
            let (bounds, number) = (to_aabb(entry.geom()), entry.data);
            self.slabs.iter().for_each(|slabs| slabs.for_each_candidate(&bounds, &mut |region| visit(region, number)));
            self.unbounded.iter().for_each(|&region| visit(region, number));
        }
        for &number in &boxes.endless {
            (0..self.len).for_each(|region| visit(region, number));
        }
    }
}

fn push_slab(stacks: &mut Vec<SlabStack>, slab: &Slab, number: usize) {
    let axis = slab.axis();
    // padding for the rounding of the slab's coordinates; that of a box is already part of the box
    let margin = pad_for_rounding(ORIGIN_BOX, slab.max_coordinate_um()).max.x + MIN_REACH_UM;
    let (center, reach) = (slab.center().dot(axis), slab.half_thickness_um() + margin);
    let interval = Interval { low: center - reach, high: center + reach, max_high: 0.0, number };
    match stacks.iter_mut().find(|stack| stack.axis == axis) {
        Some(stack) => stack.intervals.push(interval),
        None => stacks.push(SlabStack { axis, intervals: vec![interval] }),
    }
}

impl SlabStack {
    fn sort(&mut self) {
        self.intervals.sort_unstable_by(|a, b| a.low.total_cmp(&b.low));
        let mut max_high = f64::NEG_INFINITY;
        for interval in &mut self.intervals {
            max_high = interval.high.max(max_high);
            interval.max_high = max_high;
        }
    }

    fn for_each_candidate(&self, bounds: &Aabb, visit: &mut impl FnMut(usize)) {
        let (half, axis) = (bounds.size() * 0.5, self.axis);
        let extent = half.x * axis.x.abs() + half.y * axis.y.abs() + half.z * axis.z.abs();
        let center = bounds.center().dot(axis);
        let begun = self.intervals.partition_point(|interval| interval.low <= center + extent);
        for interval in self.intervals.iter().take(begun).rev() {
            if interval.max_high < center - extent {
                break;
            }
            if interval.high >= center - extent {
                visit(interval.number);
            }
        }
    }
}

fn expand_box(bounds: Aabb, by: f64) -> Aabb {
    let by = Point::new(by, by, by);
    Aabb { min: bounds.min - by, max: bounds.max + by }
}

fn to_envelope(bounds: &Aabb) -> AABB<[f64; 3]> {
    AABB::from_corners(bounds.min.to_array(), bounds.max.to_array())
}

fn numbered_box(bounds: &Aabb, number: usize) -> NumberedBox {
    GeomWithData::new(Rectangle::from_corners(bounds.min.to_array(), bounds.max.to_array()), number)
}

fn to_aabb(rectangle: &Rectangle<[f64; 3]>) -> Aabb {
    Aabb { min: Point::from(rectangle.lower()), max: Point::from(rectangle.upper()) }
}
