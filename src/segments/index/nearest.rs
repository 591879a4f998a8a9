//! The k nearest segments of a point, by the distance to the segment itself, not to its midpoint.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::tree::Tree;
use crate::geometry::region::nearest_on_segment;
use crate::geometry::{Aabb, Point};

/// A segment and its distance from a point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbour {
    /// Distance, um.
    pub distance: f64,
    /// The segment's place in its table, from 0 in stored order.
    pub place: u64,
}

/// Nearest first; of two at the same distance the one that is stored first.
impl Ord for Neighbour {
    fn cmp(&self, other: &Self) -> Ordering {
        self.distance.total_cmp(&other.distance).then(self.place.cmp(&other.place))
    }
}

impl PartialOrd for Neighbour {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Eq for Neighbour {}

/// The distance of a point from the segment a-b, um.
pub fn distance(p: Point, a: Point, b: Point) -> f64 {
    p.distance(nearest_on_segment(p, a, b))
}

/// The distance of a point from a box, less what rounding may add: never more than that from anything in the box.
pub fn least_distance(bounds: &Aabb, p: Point) -> f64 {
    let distance = bounds.distance(&Aabb { min: p, max: p });
    // coordinates are subtracted, squared and summed: a few units in the last place
    distance * (1.0 - 8.0 * f64::EPSILON)
}

/// The k best neighbours so far.
#[derive(Debug, Clone)]
pub struct Best {
    /// The worst of them on top.
    kept: BinaryHeap<Neighbour>,
    k: usize,
}

impl Best {
    /// Room for k neighbours.
    pub fn new(k: usize) -> Self {
        Self { kept: BinaryHeap::new(), k }
    }

    /// Takes a neighbour, if it is among the k best. One that has no distance (NaN) never is.
    pub fn offer(&mut self, neighbour: Neighbour) {
        if neighbour.distance.is_nan() || self.k == 0 {
            return;
        }
        if self.kept.len() < self.k {
            self.kept.push(neighbour);
        } else if let Some(mut worst) = self.kept.peek_mut().filter(|worst| neighbour < **worst) {
            *worst = neighbour;
        }
    }

    /// Whether something at this distance may still be among the k best.
    pub fn may_take(&self, distance: f64) -> bool {
        self.kept.len() < self.k || self.kept.peek().is_some_and(|worst| distance <= worst.distance)
    }

    /// The neighbours, nearest first.
    pub fn sorted(self) -> Vec<Neighbour> {
        self.kept.into_sorted_vec()
    }
}

/// A node that waits to be opened, the nearest on top of the heap.
#[derive(Debug, PartialEq)]
struct Waiting {
    distance: f64,
    level: usize,
    node: usize,
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> Ordering {
        other.distance.total_cmp(&self.distance).then((other.level, other.node).cmp(&(self.level, self.node)))
    }
}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Eq for Waiting {}

/// Opens the nodes of a tree by their distance from a point (Hjaltason & Samet, "Distance browsing in spatial
/// databases", ACM TODS 24, 265 (1999), doi:10.1145/320248.320255); `leaf` offers what a leaf holds.
pub fn search(tree: &Tree<'_>, p: Point, k: usize, mut leaf: impl FnMut(usize, &mut Best)) -> Vec<Neighbour> {
    let mut best = Best::new(k);
    let mut waiting = BinaryHeap::new();
    if let Some(level) = tree.height().checked_sub(1) {
        waiting.push(Waiting { distance: least_distance(&tree.bounds(level, 0), p), level, node: 0 });
    }
    while let Some(next) = waiting.pop().filter(|next| best.may_take(next.distance)) {
        if next.level == 0 {
            leaf(next.node, &mut best);
            continue;
        }
        let level = next.level - 1;
        for node in tree.children(next.level, next.node) {
            let distance = least_distance(&tree.bounds(level, node), p);
            if best.may_take(distance) {
                waiting.push(Waiting { distance, level, node });
            }
        }
    }
    best.sorted()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_is_that_of_the_segment_not_of_its_middle() {
        let (a, b) = (Point::new(-100.0, 3.0, 0.0), Point::new(4.0, 3.0, 0.0));
        assert_eq!(distance(Point::ORIGIN, a, b), 3.0);
        assert_eq!(distance(Point::new(8.0, 0.0, 0.0), a, b), 5.0);
        assert_eq!(distance(Point::ORIGIN, b, b), 5.0);
    }

    #[test]
    fn of_equals_the_first_stored_is_kept() {
        let mut best = Best::new(2);
        for place in [5, 3, 9, 1] {
            best.offer(Neighbour { distance: 1.0, place });
        }
        best.offer(Neighbour { distance: f64::NAN, place: 0 });
        let places: Vec<u64> = best.clone().sorted().iter().map(|n| n.place).collect();
        assert_eq!(places, [1, 3]);
        assert!(best.may_take(1.0) && !best.may_take(1.1));
    }

    #[test]
    fn none_are_asked_for_and_none_are_given() {
        let mut best = Best::new(0);
        best.offer(Neighbour { distance: 1.0, place: 0 });
        assert!(best.sorted().is_empty());
    }
}
