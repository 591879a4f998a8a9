//! The spatial index over the segments themselves, for many queries in one process.
//!
//! Segments stay in stored (Hilbert) order, in blocks of [`SEGMENTS_PER_BLOCK`], with coordinates in the width of the
//! table. Two packed trees cover the blocks: one has the boxes around the segments, the other the smaller boxes around
//! their midpoints, for searches that test only midpoints. A long segment enlarges only the box of its block, and the
//! table stores long segments together. Tests on segments are those of [`Region`] in double precision, so the result
//! equals that of a loop over all segments.

use std::path::Path;

use super::index_file::{IndexParts, MappedIndex, write};
use super::nearest::{self, NearestSegment};
use super::packed_tree::{Aabb32, PackedTree, pack_nodes};
use super::segment_blocks::{BlockSlices, CoordinateBlock, CoordinateWidth, SEGMENTS_PER_BLOCK};
use crate::error::Result;
use crate::geometry::region::{Predicate, Region};
use crate::geometry::{Aabb, Point};
use crate::io::atomic_output::OverwritePolicy;

/// Segments, packed for search. A segment is identified by its index in stored order, from 0.
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

/// Builds an index from segments in stored order.
#[derive(Debug)]
pub struct SegmentIndexBuilder {
    blocks: OwnedBlocks,
    leaves: LeafBoxes,
    midpoints: LeafBoxes,
    rows: Vec<u64>,
}

/// The boxes of the full blocks, and of the block that is being filled.
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
    /// Starts an index with coordinates of a width. [`CoordinateWidth::Single`] rounds them: it is meant for tables
    /// that store single precision.
    pub fn new(width: CoordinateWidth) -> Self {
        let blocks = match width {
            CoordinateWidth::Single => OwnedBlocks::Single(Vec::new()),
            CoordinateWidth::Double => OwnedBlocks::Double(Vec::new()),
        };
        Self { blocks, leaves: LeafBoxes::default(), midpoints: LeafBoxes::default(), rows: Vec::new() }
    }

    /// Appends the segment a-b with its row in `scaling_factors`.
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

    /// Packs the trees and returns the index.
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
    /// Opens a stored index by mapping its file into memory; data is read when it is used.
    ///
    /// `fingerprint` is the fingerprint of the table that the index must belong to. The file must not be changed while
    /// it is open; [`SegmentIndex::write`] renames a new file, so that it does not disturb programs that use the old
    /// one.
    ///
    /// # Errors
    /// Returns an error if the file is missing, no index, in another format version, an index of another table, or has
    /// the wrong length.
    pub fn open(path: &Path, fingerprint: u64) -> Result<Self> {
        MappedIndex::open(path, fingerprint).map(|mapped| Self(IndexStorage::Mapped(mapped)))
    }

    /// Writes the index to a file for [`SegmentIndex::open`].
    ///
    /// # Errors
    /// Returns an error if the file exists and must not be replaced, or if writing fails.
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

    /// Checks that the parts of a stored index that searches have used are as they were written. Call it after a
    /// search: segments of damaged blocks are missing from its result.
    ///
    /// # Errors
    /// Returns an error if bytes were changed.
    pub fn check_used_blocks(&self) -> Result<()> {
        match &self.0 {
            IndexStorage::Owned(_) => Ok(()),
            IndexStorage::Mapped(mapped) => mapped.check_used_blocks(),
        }
    }

    /// Returns the number of segments.
    pub fn len(&self) -> usize {
        self.index_parts().rows.len()
    }

    /// Returns whether there are no segments.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the row in `scaling_factors` of a segment.
    pub fn row(&self, segment: u64) -> Option<u64> {
        self.index_parts().rows.get(usize::try_from(segment).ok()?).copied()
    }

    /// Returns the two ends of a segment, µm.
    pub fn segment_ends(&self, segment: u64) -> Option<(Point, Point)> {
        let segment = usize::try_from(segment).ok().filter(|segment| *segment < self.len())?;
        let (block, lane) = (segment / SEGMENTS_PER_BLOCK, segment % SEGMENTS_PER_BLOCK);
        match self.index_parts().blocks {
            BlockSlices::Single(blocks) => blocks.get(block).map(|b| lane_ends(b, lane)),
            BlockSlices::Double(blocks) => blocks.get(block).map(|b| lane_ends(b, lane)),
        }
    }

    /// Returns the box around all segments.
    pub fn bounds(&self) -> Aabb {
        self.index_parts().nodes.last().map_or(Aabb::EMPTY, Aabb32::bounds)
    }

    /// Visits the indices of the segments inside a region, in ascending order.
    pub fn for_each_in<R: Region + ?Sized>(&self, region: &R, predicate: Predicate, mut visit: impl FnMut(u64)) {
        let pieces = self.index_parts();
        match pieces.blocks {
            BlockSlices::Single(blocks) => pieces.for_each_in(blocks, region, predicate, &mut visit),
            BlockSlices::Double(blocks) => pieces.for_each_in(blocks, region, predicate, &mut visit),
        }
    }

    /// Returns the indices of the segments inside a region, in ascending order.
    pub fn find<R: Region + ?Sized>(&self, region: &R, predicate: Predicate) -> Vec<u64> {
        let mut found = Vec::new();
        self.for_each_in(region, predicate, |segment| found.push(segment));
        found
    }

    /// Returns the number of segments inside a region.
    pub fn count<R: Region + ?Sized>(&self, region: &R, predicate: Predicate) -> u64 {
        let mut n = 0;
        self.for_each_in(region, predicate, |_| n += 1);
        n
    }

    /// Returns the k segments nearest to a point, by the distance to the segment, nearest first; at equal distances, by
    /// row.
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

/// Returns which segments of a block have a box that touches a window. In a block of long segments few do, and this
/// test costs a tenth of the exact one.
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

    /// Returns the number of segments in a block.
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

    /// Visits the segments that match, in blocks that the region touches, among the segments close to it.
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
        nearest::search_nearest(tree, p, k, |block, best| {
            let Some(columns) = blocks.get(block).filter(|_| self.is_block_intact(block)) else { return };
            for lane in 0..self.block_len(block) {
                let (a, b) = lane_ends(columns, lane);
                let segment = block * SEGMENTS_PER_BLOCK + lane;
                let Some(&row) = self.rows.get(segment) else { continue };
                let distance_um = nearest::segment_distance(p, a, b);
                best.insert(NearestSegment { distance_um, row, stored_index: segment as u64 });
            }
        })
    }
}
