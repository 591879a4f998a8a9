//! The tree over the pages of a table, which finds the pages that a query must read.

use super::nearest::LeavesByDistance;
use super::packed_tree::{Aabb32, PackedTree, pack_nodes};
use crate::geometry::region::Region;
use crate::geometry::{Aabb, Point};

/// An R-tree over the boxes of pages, in the order in which the pages are stored.
///
/// It is built for every query: a table of 10 million segments has 2442 pages, and packing their boxes takes less time
/// than reading one of them.
#[derive(Debug, Clone)]
pub struct PageTree {
    nodes: Vec<Aabb32>,
    pages: usize,
}

impl PageTree {
    /// Builds the tree over some boxes. A page with an unknown box has an unbounded one.
    pub fn new(boxes: &[Aabb]) -> Self {
        Self { nodes: pack_nodes(boxes.iter().map(Aabb32::enclosing)), pages: boxes.len() }
    }

    /// Returns the pages that may contain a part of a region, in ascending order; no page is missed.
    pub fn pages_touching(&self, region: &dyn Region) -> Vec<usize> {
        let mut pages = Vec::new();
        if let Some(tree) = self.tree() {
            tree.visit_leaves(|bounds| region.touches(bounds), |page| pages.push(page));
        }
        pages
    }

    /// Iterates over all pages, nearest to a point first, with a lower bound of the distance from the point to their
    /// contents; at equal distances, in stored order.
    pub fn pages_by_distance(&self, p: Point) -> LeavesByDistance<'_> {
        LeavesByDistance::new(self.tree().unwrap_or_default(), p)
    }

    fn tree(&self) -> Option<PackedTree<'_>> {
        PackedTree::new(&self.nodes, self.pages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::region::Sphere;

    #[test]
    fn a_page_without_a_box_is_always_read() {
        let endless = Aabb { min: Aabb::EMPTY.max, max: Aabb::EMPTY.min };
        let far = Aabb::enclosing([Point::new(1e6, 0.0, 0.0)]);
        let tree = PageTree::new(&[far, endless, far]);
        let sphere = Sphere::new(Point::ORIGIN, 1.0).unwrap();
        assert_eq!(tree.pages_touching(&sphere), [1]);
        assert_eq!(tree.pages_by_distance(Point::ORIGIN).next(), Some((0.0, 1)));
        let none = PageTree::new(&[]);
        assert!(none.pages_touching(&sphere).is_empty() && none.pages_by_distance(Point::ORIGIN).next().is_none());
    }

    /// Unit cubes on a line, 2 µm apart.
    fn cubes(n: usize) -> Vec<Aabb> {
        let cube = |i: usize| Point::new(2.0 * i as f64, 0.0, 0.0);
        (0..n).map(|i| Aabb::enclosing([cube(i), cube(i) + Point::new(1.0, 1.0, 1.0)])).collect()
    }

    fn sorted_by_distance(boxes: &[Aabb], p: Point) -> Vec<(f64, usize)> {
        let bound = |b: &Aabb| super::super::nearest::box_distance_lower_bound(&Aabb32::enclosing(b).bounds(), p);
        let mut all: Vec<(f64, usize)> = boxes.iter().map(bound).zip(0..).collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        all
    }

    #[test]
    fn pages_come_in_the_order_of_a_sort_also_at_equal_distances() {
        let endless = Aabb { min: Aabb::EMPTY.max, max: Aabb::EMPTY.min };
        let mut boxes = cubes(300);
        // boxes at the same distances, far from each other in the tree, and a page without a box
        boxes.extend(cubes(300).into_iter().rev());
        boxes.extend([endless, Aabb::EMPTY, boxes[7]]);
        let tree = PageTree::new(&boxes);
        for x in [-5.0, 0.5, 301.0, 301.5, 1e9] {
            let p = Point::new(x, 0.25, 3.0);
            assert_eq!(tree.pages_by_distance(p).collect::<Vec<_>>(), sorted_by_distance(&boxes, p), "{x}");
        }
    }

    #[test]
    fn the_nearest_pages_are_found_without_a_look_at_most_others() {
        let boxes = cubes(5000);
        let (tree, p) = (PageTree::new(&boxes), Point::new(6000.5, 0.5, 0.5));
        let (mut leaves, mut seen) = (tree.pages_by_distance(p), 0);
        let mut next = || {
            leaves.next_within(|_| {
                seen += 1;
                true
            })
        };
        // the point is in cube 3000; its neighbours begin 1.5 µm away
        let found: Vec<usize> = (0..3).filter_map(|_| next()).map(|(_, page)| page).collect();
        assert_eq!(found, [3000, 2999, 3001]);
        // below the two children of the root, at most two nodes on three levels have 16 children each; a node counts when
        // it is added and when it is taken
        assert!(seen <= 2 * (2 + 3 * 2 * 16), "{seen}");
        // the others are opened only when they are requested
        assert_eq!(leaves.count(), 5000 - 3);
    }
}
