//! The index over the segments themselves, for many queries in one process.
//!
//! Segments stay in stored (Hilbert) order, [`SEGMENTS_PER_BLOCK`] of them to a block, coordinates in the width of the table; over
//! the blocks stand two packed trees: of the boxes round the segments, and of the smaller boxes round their midpoints, for
//! searches that ask for midpoints alone. A long segment widens the box of its own block and nothing else, and the table
//! keeps long ones together. Tests on segments are those of [`Region`] in double precision, so the answer is that of a loop over
//! everything.

use std::path::Path;

use super::index_file::{MappedIndex, write};
use super::nearest::{self, NearestSegment};
use super::packed_tree::{Aabb32, PackedTree, pack_nodes};
use crate::error::Result;
use crate::geometry::region::{Predicate, Region};
use crate::geometry::{Aabb, Point};
use crate::io::atomic_output::OverwritePolicy;

/// Segments in a block.
pub const SEGMENTS_PER_BLOCK: usize = 32;

/// The coordinates of a block: x0, y0, z0, x1, y1, z1, each of all its segments; NaN where there is none.
pub type CoordinateBlock<T> = [[T; SEGMENTS_PER_BLOCK]; 6];

/// Width of the coordinates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CoordinateWidth {
    /// float32: 24 bytes a segment.
    Single,
    /// float64: 48 bytes a segment.
    Double,
}

/// Segments packed for search. A segment is known by its place: its number in stored order, from 0.
#[derive(Debug)]
pub struct SegmentIndex(IndexStorage);

#[derive(Debug)]
enum IndexStorage {
    Owned(OwnedIndex),
    Mapped(MappedIndex),
}

#[derive(Debug)]
struct OwnedIndex {
    nodes: Vec<Aabb32>,
    midpoints: Vec<Aabb32>,
    blocks: OwnedBlocks,
    rows: Vec<u64>,
}

#[derive(Debug)]
enum OwnedBlocks {
    Single(Vec<CoordinateBlock<f32>>),
    Double(Vec<CoordinateBlock<f64>>),
}

/// All pieces of an index, borrowed.
#[derive(Debug, Clone, Copy)]
pub(super) struct IndexParts<'a> {
    /// The tree of the boxes round the segments.
    pub(super) nodes: &'a [Aabb32],
    /// The tree of the boxes round their midpoints.
    pub(super) midpoints: &'a [Aabb32],
    pub(super) blocks: BlockSlices<'a>,
    pub(super) rows: &'a [u64],
    /// The file that they lie in, whose blocks are checked before they are used.
    pub(super) mapped: Option<&'a MappedIndex>,
}

/// Blocks of either width.
#[derive(Debug, Clone, Copy)]
pub(super) enum BlockSlices<'a> {
    Single(&'a [CoordinateBlock<f32>]),
    Double(&'a [CoordinateBlock<f64>]),
}

/// Takes segments in stored order and packs them.
#[derive(Debug)]
pub struct SegmentIndexBuilder {
    blocks: OwnedBlocks,
    leaves: LeafBoxes,
    midpoints: LeafBoxes,
    rows: Vec<u64>,
}

/// The boxes of the blocks that are full, and of the one being filled.
#[derive(Debug, Default)]
struct LeafBoxes {
    full: Vec<Aabb32>,
    bounds: Aabb,
}

impl LeafBoxes {
    fn close_leaf(&mut self) {
        self.full.push(Aabb32::enclosing(&std::mem::take(&mut self.bounds)));
    }
}

impl SegmentIndexBuilder {
    /// Starts an index whose coordinates are kept in a width. In [`CoordinateWidth::Single`] they are rounded to it: it is for
    /// tables that hold no more.
    pub fn new(width: CoordinateWidth) -> Self {
        let blocks = match width {
            CoordinateWidth::Single => OwnedBlocks::Single(Vec::new()),
            CoordinateWidth::Double => OwnedBlocks::Double(Vec::new()),
        };
        Self { blocks, leaves: LeafBoxes::default(), midpoints: LeafBoxes::default(), rows: Vec::new() }
    }

    /// Appends the segment a-b, whose row in `scaling_factors` is `row`.
    pub fn push(&mut self, a: Point, b: Point, row: u64) {
        let lane = self.rows.len() % SEGMENTS_PER_BLOCK;
        if lane == 0 && !self.rows.is_empty() {
            self.close_block();
        }
        let ends = [a.x, a.y, a.z, b.x, b.y, b.z];
        match &mut self.blocks {
            OwnedBlocks::Single(blocks) => set_lane(blocks, lane, ends.map(|v| v as f32), f32::NAN),
            OwnedBlocks::Double(blocks) => set_lane(blocks, lane, ends, f64::NAN),
        }
        let (a, b) = match self.blocks {
            OwnedBlocks::Single(_) => (round_to_f32(a), round_to_f32(b)),
            OwnedBlocks::Double(_) => (a, b),
        };
        self.leaves.bounds = self.leaves.bounds.extended_to(a).extended_to(b);
        self.midpoints.bounds = self.midpoints.bounds.extended_to(a.midpoint(b));
        self.rows.push(row);
    }

    fn close_block(&mut self) {
        self.leaves.close_leaf();
        self.midpoints.close_leaf();
    }

    /// Packs the trees.
    pub fn build(mut self) -> SegmentIndex {
        if !self.rows.is_empty() {
            self.close_block();
        }
        let (nodes, midpoints) = (pack_nodes(self.leaves.full), pack_nodes(self.midpoints.full));
        SegmentIndex(IndexStorage::Owned(OwnedIndex { nodes, midpoints, blocks: self.blocks, rows: self.rows }))
    }
}

fn round_to_f32(p: Point) -> Point {
    Point::from(p.to_array().map(|v| v as f32))
}

fn set_lane<T: Copy>(blocks: &mut Vec<CoordinateBlock<T>>, lane: usize, ends: [T; 6], none: T) {
    if lane == 0 {
        blocks.push([[none; SEGMENTS_PER_BLOCK]; 6]);
    }
    if let Some(block) = blocks.last_mut() {
        block.iter_mut().zip(ends).for_each(|(column, v)| column[lane] = v);
    }
}

impl SegmentIndex {
    /// Opens a stored index by mapping its file: ready at once, read as it is used.
    ///
    /// `fingerprint` is that of the table it must belong to. The file must not be changed while it is open; it is
    /// written beside and renamed, so that a new one does not disturb those who use the old one.
    ///
    /// # Errors
    /// Missing, no index, a newer version, of another table, or cut short.
    pub fn open(path: &Path, fingerprint: u64) -> Result<Self> {
        MappedIndex::open(path, fingerprint).map(|mapped| Self(IndexStorage::Mapped(mapped)))
    }

    /// Stores the index for [`SegmentIndex::open`].
    ///
    /// # Errors
    /// The file exists and is to be kept, or the operating system refuses.
    pub fn write(&self, path: &Path, fingerprint: u64, existing: OverwritePolicy) -> Result<()> {
        write(path, &self.index_parts(), fingerprint, existing)
    }

    fn index_parts(&self) -> IndexParts<'_> {
        match &self.0 {
            IndexStorage::Owned(owned) => IndexParts {
                nodes: &owned.nodes,
                midpoints: &owned.midpoints,
                blocks: match &owned.blocks {
                    OwnedBlocks::Single(blocks) => BlockSlices::Single(blocks),
                    OwnedBlocks::Double(blocks) => BlockSlices::Double(blocks),
                },
                rows: &owned.rows,
                mapped: None,
            },
            IndexStorage::Mapped(mapped) => mapped.index_parts(),
        }
    }

    /// Checks that what searches have used of a stored index is as it was written. To be asked after a search: segments of damaged
    /// blocks are missing from its answer.
    ///
    /// # Errors
    /// Bytes were changed since.
    pub fn check_used_blocks(&self) -> Result<()> {
        match &self.0 {
            IndexStorage::Owned(_) => Ok(()),
            IndexStorage::Mapped(mapped) => mapped.check_used_blocks(),
        }
    }

    /// Number of segments.
    pub fn len(&self) -> usize {
        self.index_parts().rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The row in `scaling_factors` of the segment at a place.
    pub fn row(&self, place: u64) -> Option<u64> {
        self.index_parts().rows.get(usize::try_from(place).ok()?).copied()
    }

    /// The two ends of the segment at a place, um.
    pub fn segment_ends(&self, place: u64) -> Option<(Point, Point)> {
        let place = usize::try_from(place).ok().filter(|place| *place < self.len())?;
        let (block, lane) = (place / SEGMENTS_PER_BLOCK, place % SEGMENTS_PER_BLOCK);
        match self.index_parts().blocks {
            BlockSlices::Single(blocks) => blocks.get(block).map(|b| lane_ends(b, lane)),
            BlockSlices::Double(blocks) => blocks.get(block).map(|b| lane_ends(b, lane)),
        }
    }

    /// The box round all segments.
    pub fn bounds(&self) -> Aabb {
        self.index_parts().nodes.last().map_or(Aabb::EMPTY, Aabb32::bounds)
    }

    /// Visits the places of the segments that a region holds, ascending.
    pub fn for_each_in<R: Region + ?Sized>(&self, region: &R, predicate: Predicate, mut visit: impl FnMut(u64)) {
        let pieces = self.index_parts();
        match pieces.blocks {
            BlockSlices::Single(blocks) => pieces.for_each_in(blocks, region, predicate, &mut visit),
            BlockSlices::Double(blocks) => pieces.for_each_in(blocks, region, predicate, &mut visit),
        }
    }

    /// The places of the segments that a region holds, ascending.
    pub fn find<R: Region + ?Sized>(&self, region: &R, predicate: Predicate) -> Vec<u64> {
        let mut places = Vec::new();
        self.for_each_in(region, predicate, |place| places.push(place));
        places
    }

    /// How many segments a region holds.
    pub fn count<R: Region + ?Sized>(&self, region: &R, predicate: Predicate) -> u64 {
        let mut n = 0;
        self.for_each_in(region, predicate, |_| n += 1);
        n
    }

    /// The k segments nearest to a point, by the distance to the segment, nearest first; of equals the first stored.
    pub fn nearest(&self, p: Point, k: usize) -> Vec<NearestSegment> {
        let pieces = self.index_parts();
        match pieces.blocks {
            BlockSlices::Single(blocks) => pieces.nearest(blocks, p, k),
            BlockSlices::Double(blocks) => pieces.nearest(blocks, p, k),
        }
    }
}

fn lane_ends<T: Copy + Into<f64>>(block: &CoordinateBlock<T>, lane: usize) -> (Point, Point) {
    let [x0, y0, z0, x1, y1, z1] = block;
    let at = |column: &[T; SEGMENTS_PER_BLOCK]| column[lane].into();
    (Point::new(at(x0), at(y0), at(z0)), Point::new(at(x1), at(y1), at(z1)))
}

/// Which segments of a block have a box that touches a window. Few of a block of long segments do, and this costs a
/// tenth of the exact test.
fn lanes_touching<T: Copy + Into<f64>>(block: &CoordinateBlock<T>, window: &Aabb) -> [bool; SEGMENTS_PER_BLOCK] {
    let mut near = [true; SEGMENTS_PER_BLOCK];
    let (low, high) = (window.min.to_array(), window.max.to_array());
    for axis in 0..3 {
        for lane in 0..SEGMENTS_PER_BLOCK {
            let (a, b): (f64, f64) = (block[axis][lane].into(), block[axis + 3][lane].into());
            near[lane] &= (a >= low[axis]) | (b >= low[axis]);
            near[lane] &= (a <= high[axis]) | (b <= high[axis]);
        }
    }
    near
}

impl IndexParts<'_> {
    fn tree<'a>(&self, nodes: &'a [Aabb32]) -> Option<PackedTree<'a>> {
        PackedTree::new(nodes, self.rows.len().div_ceil(SEGMENTS_PER_BLOCK))
    }

    fn is_block_intact(&self, block: usize) -> bool {
        self.mapped.is_none_or(|mapped| mapped.is_block_intact(block))
    }

    /// Places in a block.
    fn block_len(&self, block: usize) -> usize {
        self.rows.len().saturating_sub(block * SEGMENTS_PER_BLOCK).min(SEGMENTS_PER_BLOCK)
    }

    fn for_each_in<T: Copy + Into<f64>, R: Region + ?Sized>(
        &self,
        blocks: &[CoordinateBlock<T>],
        region: &R,
        predicate: Predicate,
        visit: &mut impl FnMut(u64),
    ) {
        match predicate {
            Predicate::Midpoint => {
                let holds = |a: Point, b: Point| region.contains(a.midpoint(b));
                self.visit_hits(self.midpoints, blocks, region, |_| [true; SEGMENTS_PER_BLOCK], holds, visit);
            }
            Predicate::Intersects => {
                let all = self.nodes.last().map_or(Aabb::EMPTY, Aabb32::bounds);
                let window = region.search_box(&all);
                let near = |block: &CoordinateBlock<T>| {
                    window.map_or([true; SEGMENTS_PER_BLOCK], |window| lanes_touching(block, &window))
                };
                self.visit_hits(self.nodes, blocks, region, near, |a, b| region.intersects(a, b), visit);
            }
        }
    }

    /// Visits the segments of blocks that the region touches, of those that are near, that hold.
    fn visit_hits<T: Copy + Into<f64>, R: Region + ?Sized>(
        &self,
        nodes: &[Aabb32],
        blocks: &[CoordinateBlock<T>],
        region: &R,
        near: impl Fn(&CoordinateBlock<T>) -> [bool; SEGMENTS_PER_BLOCK],
        holds: impl Fn(Point, Point) -> bool,
        visit: &mut impl FnMut(u64),
    ) {
        let Some(tree) = self.tree(nodes) else { return };
        let leaf = |block: usize| {
            let Some(columns) = blocks.get(block).filter(|_| self.is_block_intact(block)) else { return };
            let first = (block * SEGMENTS_PER_BLOCK) as u64;
            let near = near(columns);
            for lane in (0..self.block_len(block)).filter(|&lane| near[lane]) {
                let (a, b) = lane_ends(columns, lane);
                if holds(a, b) {
                    visit(first + lane as u64);
                }
            }
        };
        tree.visit_leaves(|bounds| region.touches(bounds), leaf);
    }

    fn nearest<T: Copy + Into<f64>>(&self, blocks: &[CoordinateBlock<T>], p: Point, k: usize) -> Vec<NearestSegment> {
        let Some(tree) = self.tree(self.nodes) else { return Vec::new() };
        nearest::search_nearest(&tree, p, k, |block, best| {
            let Some(columns) = blocks.get(block).filter(|_| self.is_block_intact(block)) else { return };
            for lane in 0..self.block_len(block) {
                let (a, b) = lane_ends(columns, lane);
                let place = (block * SEGMENTS_PER_BLOCK + lane) as u64;
                best.insert(NearestSegment { distance_um: nearest::segment_distance(p, a, b), stored_index: place });
            }
        })
    }
}
