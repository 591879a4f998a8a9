//! The packed R-tree: boxes in an order in which neighbours in the list are neighbours in space, with [`FANOUT`]
//! children per node.
//!
//! It has no pointers. The nodes of a level are contiguous, node `i` is the box around the nodes `16 i .. 16 i + 16` of
//! the level below, and the position of a level in the array follows from the number of leaves. Therefore it is built
//! in one pass, and a stored tree is used directly from the file. The order comes from the table: its rows follow the
//! Hilbert curve, which makes this the packed Hilbert R-tree of Kamel & Faloutsos, "On packing R-trees", CIKM 1993,
//! doi:10.1145/170088.170403.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::geometry::{Aabb, Point};

/// Number of children of a node.
pub const FANOUT: usize = 16;

/// A box in single precision, never smaller than the box from which it was computed.
#[derive(Debug, Clone, Copy, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Aabb32 {
    min: [f32; 3],
    max: [f32; 3],
}

impl Aabb32 {
    /// Returns the smallest single-precision box around a box.
    pub fn enclosing(bounds: &Aabb) -> Self {
        let around = Self {
            min: bounds.min.to_array().map(round_toward_neg_inf),
            max: bounds.max.to_array().map(round_toward_pos_inf),
        };
        debug_assert!(bounds.is_empty() || bounds.union(around.bounds()) == around.bounds());
        around
    }

    /// Returns the box in double precision, without rounding.
    pub fn bounds(&self) -> Aabb {
        Aabb { min: Point::from(self.min), max: Point::from(self.max) }
    }

    fn union(&self, other: &Self) -> Self {
        let mut both = *self;
        for k in 0..3 {
            both.min[k] = both.min[k].min(other.min[k]);
            both.max[k] = both.max[k].max(other.max[k]);
        }
        both
    }
}

/// Returns the largest single-precision number that is not above a number.
fn round_toward_neg_inf(v: f64) -> f32 {
    let near = v as f32;
    if f64::from(near) > v { near.next_down() } else { near }
}

/// Returns the smallest single-precision number that is not below a number.
fn round_toward_pos_inf(v: f64) -> f32 {
    let near = v as f32;
    if f64::from(near) < v { near.next_up() } else { near }
}

/// Returns the number of nodes of each level, from the leaves to the root; empty without leaves.
pub fn level_sizes(leaves: usize) -> Vec<usize> {
    let mut sizes = Vec::new();
    let mut size = leaves;
    while size > 0 {
        sizes.push(size);
        if size == 1 {
            break;
        }
        size = size.div_ceil(FANOUT);
    }
    sizes
}

/// Returns all nodes over some leaves: the leaves first, then level by level up to the root.
pub fn pack_nodes(leaves: impl IntoIterator<Item = Aabb32>) -> Vec<Aabb32> {
    let mut nodes: Vec<Aabb32> = leaves.into_iter().collect();
    let mut start = 0;
    for size in level_sizes(nodes.len()).into_iter().skip(1) {
        let below = nodes.get(start..).unwrap_or_default();
        let above: Vec<Aabb32> = below.chunks(FANOUT).filter_map(enclosing_all).collect();
        debug_assert_eq!(above.len(), size);
        start = nodes.len();
        nodes.extend(above);
    }
    nodes
}

fn enclosing_all(nodes: &[Aabb32]) -> Option<Aabb32> {
    nodes.iter().copied().reduce(|all, node| all.union(&node))
}

/// A borrowed packed tree: its nodes in the order of [`pack_nodes`]. The default is the empty tree.
#[derive(Debug, Clone, Default)]
pub struct PackedTree<'a> {
    /// The nodes of each level, leaves first.
    levels: Vec<&'a [Aabb32]>,
}

impl<'a> PackedTree<'a> {
    /// Creates a tree with `leaves` leaves from an array; `None` if the array has another length than [`pack_nodes`]
    /// gives.
    pub fn new(nodes: &'a [Aabb32], leaves: usize) -> Option<Self> {
        let mut levels = Vec::new();
        let mut rest = nodes;
        for size in level_sizes(leaves) {
            let (level, above) = rest.split_at_checked(size)?;
            levels.push(level);
            rest = above;
        }
        rest.is_empty().then_some(Self { levels })
    }

    /// Returns the number of levels: 0 for the empty tree.
    pub fn height(&self) -> usize {
        self.levels.len()
    }

    /// Returns the box of a node; the empty box if there is no such node.
    pub fn node_bounds(&self, level: usize, node: usize) -> Aabb {
        self.levels.get(level).and_then(|nodes| nodes.get(node)).map_or(Aabb::EMPTY, Aabb32::bounds)
    }

    /// Returns the children of a node, as indices into the level below.
    pub fn children(&self, level: usize, node: usize) -> std::ops::Range<usize> {
        let below = level.checked_sub(1).and_then(|l| self.levels.get(l)).map_or(0, |nodes| nodes.len());
        let first = node.saturating_mul(FANOUT);
        first.min(below)..first.saturating_add(FANOUT).min(below)
    }

    /// Visits, in order, every leaf for which `keep` accepts its box and all ancestors' boxes.
    pub fn visit_leaves(&self, mut keep: impl FnMut(&Aabb) -> bool, mut leaf: impl FnMut(usize)) {
        if let Some(top) = self.height().checked_sub(1) {
            self.descend(top, 0..1, &mut keep, &mut leaf);
        }
    }

    fn descend(
        &self,
        level: usize,
        nodes: std::ops::Range<usize>,
        keep: &mut impl FnMut(&Aabb) -> bool,
        leaf: &mut impl FnMut(usize),
    ) {
        for node in nodes {
            if !keep(&self.node_bounds(level, node)) {
                continue;
            }
            match level {
                0 => leaf(node),
                _ => self.descend(level - 1, self.children(level, node), keep, leaf),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cube(at: f64) -> Aabb {
        Aabb::enclosing([Point::new(at, 0.0, 0.0), Point::new(at + 0.5, 1.0, 1.0)])
    }

    #[test]
    fn a_single_precision_box_contains_the_original_box() {
        for v in [0.1, -0.1, 1e-60, 1e10 / 3.0, 1e100, -1e100, 0.0, 16_777_217.0] {
            let around = Aabb32::enclosing(&Aabb::enclosing([Point::new(v, v, v)])).bounds();
            assert!(around.min.x <= v && v <= around.max.x, "{v}");
            // no number lies between: the next number inward is on the other side
            assert!(v == 1e100 || f64::from((around.min.x as f32).next_up()) > v || around.min.x == v);
        }
        assert!(Aabb32::enclosing(&Aabb::EMPTY).bounds().is_empty());
    }

    #[test]
    fn every_leaf_has_a_path_from_the_root() {
        for n in [0, 1, 2, 15, 16, 17, 255, 256, 257, 5000] {
            let nodes = pack_nodes((0..n).map(|i| Aabb32::enclosing(&cube(i as f64))));
            let tree = PackedTree::new(&nodes, n).unwrap();
            let mut found = Vec::new();
            tree.visit_leaves(|_| true, |leaf| found.push(leaf));
            assert_eq!(found, (0..n).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_search_visits_few_nodes_and_no_leaf_of_a_box_that_is_not_kept() {
        let nodes = pack_nodes((0..5000).map(|i| Aabb32::enclosing(&cube(f64::from(i)))));
        let tree = PackedTree::new(&nodes, 5000).unwrap();
        let (mut seen, mut found) = (0, Vec::new());
        let wanted = Aabb::enclosing([Point::new(2999.75, 0.0, 0.0), Point::new(3001.25, 1.0, 1.0)]);
        let keep = |b: &Aabb| {
            seen += 1;
            b.distance(&wanted) == 0.0
        };
        tree.visit_leaves(keep, |leaf| found.push(leaf));
        // 2999 ends at 2999.5; 3000 and 3001 begin before 3001.25
        assert_eq!(found, [3000, 3001]);
        // four levels with at most two nodes each, sixteen children examined in each, and the root
        assert!(seen <= 1 + 16 * 2 * 3, "{seen}");
    }

    #[test]
    fn an_array_of_the_wrong_length_gives_no_tree() {
        let nodes = pack_nodes((0..40).map(|i| Aabb32::enclosing(&cube(f64::from(i)))));
        assert_eq!(nodes.len(), 40 + 3 + 1);
        assert!(PackedTree::new(&nodes, 41).is_none() && PackedTree::new(&nodes[1..], 40).is_none());
        assert!(PackedTree::new(&[], 0).is_some_and(|tree| tree.height() == 0));
    }
}
