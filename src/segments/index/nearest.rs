//! Finds the k nearest segments to a point, by the distance to the segment itself, not to its midpoint.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::packed_tree::PackedTree;
use crate::geometry::region::nearest_point_on_segment;
use crate::geometry::{Aabb, Point};

/// A segment and its distance from a point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NearestSegment {
    /// Distance, µm.
    pub distance_um: f64,
    /// The segment's row in an electrodes file: rows count nodes, then sections, then segments.
    pub row: u64,
    /// The segment's index in its table, from 0 in stored order.
    pub stored_index: u64,
}

/// Nearest first; at equal distances by row, which is the same for all files of a table, however its parts were cut.
impl Ord for NearestSegment {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_row = self.row.cmp(&other.row).then(self.stored_index.cmp(&other.stored_index));
        self.distance_um.total_cmp(&other.distance_um).then(by_row)
    }
}

impl PartialOrd for NearestSegment {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Eq for NearestSegment {}

/// Returns the distance of a point from the segment a-b, µm.
pub fn segment_distance(p: Point, a: Point, b: Point) -> f64 {
    p.distance(nearest_point_on_segment(p, a, b))
}

/// Returns a lower bound of the distance of a point from any item in a box, including rounding errors.
pub fn box_distance_lower_bound(bounds: &Aabb, p: Point) -> f64 {
    let distance = bounds.distance(&Aabb { min: p, max: p });
    // coordinates are subtracted, squared and added: an error of a few units in the last place
    distance * (1.0 - 8.0 * f64::EPSILON)
}

/// The k nearest neighbours found so far.
#[derive(Debug, Clone)]
pub struct NearestHeap {
    /// A heap with the furthest neighbour on top.
    heap: BinaryHeap<NearestSegment>,
    k: usize,
}

impl NearestHeap {
    /// Creates a heap for k neighbours.
    pub fn new(k: usize) -> Self {
        Self { heap: BinaryHeap::new(), k }
    }

    /// Adds a neighbour if it is among the k nearest. A distance of NaN is never added.
    pub fn insert(&mut self, neighbour: NearestSegment) {
        if neighbour.distance_um.is_nan() || self.k == 0 {
            return;
        }
        if self.heap.len() < self.k {
            self.heap.push(neighbour);
        } else if let Some(mut worst) = self.heap.peek_mut().filter(|worst| neighbour < **worst) {
            *worst = neighbour;
        }
    }

    /// Returns whether an item at this distance can be among the k nearest.
    pub fn can_improve(&self, distance: f64) -> bool {
        self.heap.len() < self.k || self.heap.peek().is_some_and(|worst| distance <= worst.distance_um)
    }

    /// Returns the neighbours, nearest first.
    pub fn into_sorted(self) -> Vec<NearestSegment> {
        self.heap.into_sorted_vec()
    }
}

/// A node that waits to be opened; the nearest is on top of the heap. At equal distances nodes are opened before leaves
/// are returned, so that leaves come in their own order.
#[derive(Debug, Clone, PartialEq)]
struct QueuedNode {
    distance: f64,
    level: usize,
    node: usize,
}

impl Ord for QueuedNode {
    fn cmp(&self, other: &Self) -> Ordering {
        let farther = self.distance.total_cmp(&other.distance);
        farther.reverse().then(self.level.cmp(&other.level)).then(other.node.cmp(&self.node))
    }
}

impl PartialOrd for QueuedNode {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Eq for QueuedNode {}

/// Iterates over the leaves of a tree, nearest to a point first, with a lower bound of the distance from the point to
/// their contents; at equal distances, in stored order.
///
/// Nodes are opened best first, and only as far as leaves are requested (Hjaltason & Samet, "Distance browsing in
/// spatial databases", ACM TODS 24, 265 (1999), doi:10.1145/320248.320255).
#[derive(Debug, Clone)]
pub struct LeavesByDistance<'a> {
    tree: PackedTree<'a>,
    point: Point,
    waiting: BinaryHeap<QueuedNode>,
}

impl<'a> LeavesByDistance<'a> {
    /// Starts at the root of a tree.
    pub fn new(tree: PackedTree<'a>, point: Point) -> Self {
        let mut leaves = Self { tree, point, waiting: BinaryHeap::new() };
        if let Some(top) = leaves.tree.height().checked_sub(1) {
            leaves.add_node(top, 0, &mut |_| true);
        }
        leaves
    }

    /// Returns the next leaf whose distance is wanted. A distance that is not wanted excludes all larger ones, so that
    /// `None` is the end also if other leaves follow.
    pub fn next_within(&mut self, mut is_wanted: impl FnMut(f64) -> bool) -> Option<(f64, usize)> {
        while let Some(next) = self.waiting.pop().filter(|next| is_wanted(next.distance)) {
            if next.level == 0 {
                return Some((next.distance, next.node));
            }
            for child in self.tree.children(next.level, next.node) {
                self.add_node(next.level - 1, child, &mut is_wanted);
            }
        }
        None
    }

    fn add_node(&mut self, level: usize, node: usize, is_wanted: &mut impl FnMut(f64) -> bool) {
        let distance = box_distance_lower_bound(&self.tree.node_bounds(level, node), self.point);
        if is_wanted(distance) {
            self.waiting.push(QueuedNode { distance, level, node });
        }
    }
}

impl Iterator for LeavesByDistance<'_> {
    type Item = (f64, usize);

    fn next(&mut self) -> Option<Self::Item> {
        self.next_within(|_| true)
    }
}

/// Returns the k nearest items of a tree; `leaf` adds the items of a leaf.
pub fn search_nearest(
    tree: PackedTree<'_>,
    p: Point,
    k: usize,
    mut leaf: impl FnMut(usize, &mut NearestHeap),
) -> Vec<NearestSegment> {
    let mut best = NearestHeap::new(k);
    let mut leaves = LeavesByDistance::new(tree, p);
    while let Some((_, node)) = leaves.next_within(|distance| best.can_improve(distance)) {
        leaf(node, &mut best);
    }
    best.into_sorted()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_is_to_the_segment_and_not_to_its_middle() {
        let (a, b) = (Point::new(-100.0, 3.0, 0.0), Point::new(4.0, 3.0, 0.0));
        assert_eq!(segment_distance(Point::ORIGIN, a, b), 3.0);
        assert_eq!(segment_distance(Point::new(8.0, 0.0, 0.0), a, b), 5.0);
        assert_eq!(segment_distance(Point::ORIGIN, b, b), 5.0);
    }

    #[test]
    fn at_equal_distances_the_first_row_is_kept() {
        let mut best = NearestHeap::new(2);
        for (stored_index, row) in [5, 3, 9, 1].into_iter().enumerate() {
            best.insert(NearestSegment { distance_um: 1.0, row, stored_index: stored_index as u64 });
        }
        best.insert(NearestSegment { distance_um: f64::NAN, row: 0, stored_index: 0 });
        let rows: Vec<u64> = best.clone().into_sorted().iter().map(|n| n.row).collect();
        assert_eq!(rows, [1, 3]);
        assert!(best.can_improve(1.0) && !best.can_improve(1.1));
    }

    #[test]
    fn zero_neighbours_give_an_empty_result() {
        let mut best = NearestHeap::new(0);
        best.insert(NearestSegment { distance_um: 1.0, row: 0, stored_index: 0 });
        assert!(best.into_sorted().is_empty());
    }
}
