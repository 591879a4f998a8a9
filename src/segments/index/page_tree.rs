//! The tree over the pages of a table: what a query has to read.

use super::packed_tree::{Aabb32, PackedTree, pack_nodes};
use crate::geometry::region::Region;
use crate::geometry::{Aabb, Point};

/// An R-tree over the boxes of pages, in the order in which the pages are stored.
///
/// Built for one query as for many: a table of 10 million segments has 2442 pages, which take less to pack than one
/// of them takes to read.
#[derive(Debug, Clone)]
pub struct PageTree {
    nodes: Vec<Aabb32>,
    pages: usize,
}

impl PageTree {
    /// The tree over some boxes. A page whose box is unknown has the endless one.
    pub fn new(boxes: &[Aabb]) -> Self {
        Self { nodes: pack_nodes(boxes.iter().map(Aabb32::enclosing)), pages: boxes.len() }
    }

    /// Number of pages.
    pub fn len(&self) -> usize {
        self.pages
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.pages == 0
    }

    /// The pages that may hold something of a region, ascending; never one too few.
    pub fn pages_touching(&self, region: &dyn Region) -> Vec<usize> {
        let mut pages = Vec::new();
        if let Some(tree) = self.tree() {
            tree.visit_leaves(|bounds| region.touches(bounds), |page| pages.push(page));
        }
        pages
    }

    /// All pages with the least distance that a point may have from what they hold, nearest first.
    pub fn pages_by_distance(&self, p: Point) -> Vec<(f64, usize)> {
        let leaves = self.nodes.iter().take(self.pages).enumerate();
        let mut all: Vec<(f64, usize)> =
            leaves.map(|(page, b)| (super::nearest::box_distance_lower_bound(&b.bounds(), p), page)).collect();
        all.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        all
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
        assert_eq!(tree.pages_by_distance(Point::ORIGIN)[0], (0.0, 1));
        assert!(PageTree::new(&[]).pages_touching(&sphere).is_empty());
    }
}
