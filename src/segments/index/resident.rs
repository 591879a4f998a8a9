//! The index over the segments themselves, for many queries in one process.
//!
//! Segments stay in stored (Hilbert) order, [`BLOCK`] of them to a block, coordinates in the width of the table; over
//! the blocks stand two packed trees: of the boxes round the segments, and of the smaller boxes round their midpoints, for
//! searches that ask for midpoints alone. A long segment widens the box of its own block and nothing else, and the table
//! keeps long ones together. Tests on segments are those of [`Region`] in double precision, so the answer is that of a loop over
//! everything.

use std::path::Path;

use super::nearest::{self, Neighbour};
use super::stored::{Mapped, write};
use super::tree::{Box32, Tree, pack};
use crate::error::Result;
use crate::geometry::region::{Predicate, Region};
use crate::geometry::{Aabb, Point};
use crate::io::atomic_output::Existing;

/// Segments in a block.
pub const BLOCK: usize = 32;

/// The coordinates of a block: x0, y0, z0, x1, y1, z1, each of all its segments; NaN where there is none.
pub type Block<T> = [[T; BLOCK]; 6];

/// Width of the coordinates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// float32: 24 bytes a segment.
    Single,
    /// float64: 48 bytes a segment.
    Double,
}

/// Segments packed for search. A segment is known by its place: its number in stored order, from 0.
#[derive(Debug)]
pub struct Resident(Storage);

#[derive(Debug)]
enum Storage {
    Owned(Owned),
    Mapped(Mapped),
}

#[derive(Debug)]
struct Owned {
    nodes: Vec<Box32>,
    midpoints: Vec<Box32>,
    blocks: OwnedBlocks,
    rows: Vec<u64>,
}

#[derive(Debug)]
enum OwnedBlocks {
    Single(Vec<Block<f32>>),
    Double(Vec<Block<f64>>),
}

/// All pieces of an index, borrowed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pieces<'a> {
    /// The tree of the boxes round the segments.
    pub(super) nodes: &'a [Box32],
    /// The tree of the boxes round their midpoints.
    pub(super) midpoints: &'a [Box32],
    pub(super) blocks: Blocks<'a>,
    pub(super) rows: &'a [u64],
    /// The file that they lie in, whose blocks are checked before they are used.
    pub(super) mapped: Option<&'a Mapped>,
}

/// Blocks of either width.
#[derive(Debug, Clone, Copy)]
pub(super) enum Blocks<'a> {
    Single(&'a [Block<f32>]),
    Double(&'a [Block<f64>]),
}

/// Takes segments in stored order and packs them.
#[derive(Debug)]
pub struct Builder {
    blocks: OwnedBlocks,
    leaves: Leaves,
    midpoints: Leaves,
    rows: Vec<u64>,
}

/// The boxes of the blocks that are full, and of the one being filled.
#[derive(Debug, Default)]
struct Leaves {
    full: Vec<Box32>,
    bounds: Aabb,
}

impl Leaves {
    fn close(&mut self) {
        self.full.push(Box32::around(&std::mem::take(&mut self.bounds)));
    }
}

impl Builder {
    /// Starts an index whose coordinates are kept in a width. In [`Width::Single`] they are rounded to it: it is for
    /// tables that hold no more.
    pub fn new(width: Width) -> Self {
        let blocks = match width {
            Width::Single => OwnedBlocks::Single(Vec::new()),
            Width::Double => OwnedBlocks::Double(Vec::new()),
        };
        Self { blocks, leaves: Leaves::default(), midpoints: Leaves::default(), rows: Vec::new() }
    }

    /// Appends the segment a-b, whose row in `scaling_factors` is `row`.
    pub fn push(&mut self, a: Point, b: Point, row: u64) {
        let lane = self.rows.len() % BLOCK;
        if lane == 0 && !self.rows.is_empty() {
            self.close_block();
        }
        let ends = [a.x, a.y, a.z, b.x, b.y, b.z];
        match &mut self.blocks {
            OwnedBlocks::Single(blocks) => put(blocks, lane, ends.map(|v| v as f32), f32::NAN),
            OwnedBlocks::Double(blocks) => put(blocks, lane, ends, f64::NAN),
        }
        let (a, b) = match self.blocks {
            OwnedBlocks::Single(_) => (single(a), single(b)),
            OwnedBlocks::Double(_) => (a, b),
        };
        self.leaves.bounds = self.leaves.bounds.with(a).with(b);
        self.midpoints.bounds = self.midpoints.bounds.with(a.midpoint(b));
        self.rows.push(row);
    }

    fn close_block(&mut self) {
        self.leaves.close();
        self.midpoints.close();
    }

    /// Packs the trees.
    pub fn build(mut self) -> Resident {
        if !self.rows.is_empty() {
            self.close_block();
        }
        let (nodes, midpoints) = (pack(self.leaves.full), pack(self.midpoints.full));
        Resident(Storage::Owned(Owned { nodes, midpoints, blocks: self.blocks, rows: self.rows }))
    }
}

fn single(p: Point) -> Point {
    Point::from(p.to_array().map(|v| v as f32))
}

fn put<T: Copy>(blocks: &mut Vec<Block<T>>, lane: usize, ends: [T; 6], none: T) {
    if lane == 0 {
        blocks.push([[none; BLOCK]; 6]);
    }
    if let Some(block) = blocks.last_mut() {
        block.iter_mut().zip(ends).for_each(|(column, v)| column[lane] = v);
    }
}

impl Resident {
    /// Opens a stored index by mapping its file: ready at once, read as it is used.
    ///
    /// `fingerprint` is that of the table it must belong to. The file must not be changed while it is open; it is
    /// written beside and renamed, so that a new one does not disturb those who use the old one.
    ///
    /// # Errors
    /// Missing, no index, a newer version, of another table, or cut short.
    pub fn open(path: &Path, fingerprint: u64) -> Result<Self> {
        Mapped::open(path, fingerprint).map(|mapped| Self(Storage::Mapped(mapped)))
    }

    /// Stores the index for [`Resident::open`].
    ///
    /// # Errors
    /// The file exists and is to be kept, or the operating system refuses.
    pub fn write(&self, path: &Path, fingerprint: u64, existing: Existing) -> Result<()> {
        write(path, &self.pieces(), fingerprint, existing)
    }

    fn pieces(&self) -> Pieces<'_> {
        match &self.0 {
            Storage::Owned(owned) => Pieces {
                nodes: &owned.nodes,
                midpoints: &owned.midpoints,
                blocks: match &owned.blocks {
                    OwnedBlocks::Single(blocks) => Blocks::Single(blocks),
                    OwnedBlocks::Double(blocks) => Blocks::Double(blocks),
                },
                rows: &owned.rows,
                mapped: None,
            },
            Storage::Mapped(mapped) => mapped.pieces(),
        }
    }

    /// Checks that what searches have used of a stored index is as it was written. To be asked after a search: segments of damaged
    /// blocks are missing from its answer.
    ///
    /// # Errors
    /// Bytes were changed since.
    pub fn check(&self) -> Result<()> {
        match &self.0 {
            Storage::Owned(_) => Ok(()),
            Storage::Mapped(mapped) => mapped.check(),
        }
    }

    /// Number of segments.
    pub fn len(&self) -> usize {
        self.pieces().rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The row in `scaling_factors` of the segment at a place.
    pub fn row(&self, place: u64) -> Option<u64> {
        self.pieces().rows.get(usize::try_from(place).ok()?).copied()
    }

    /// The two ends of the segment at a place, um.
    pub fn ends(&self, place: u64) -> Option<(Point, Point)> {
        let place = usize::try_from(place).ok().filter(|place| *place < self.len())?;
        let (block, lane) = (place / BLOCK, place % BLOCK);
        match self.pieces().blocks {
            Blocks::Single(blocks) => blocks.get(block).map(|b| ends(b, lane)),
            Blocks::Double(blocks) => blocks.get(block).map(|b| ends(b, lane)),
        }
    }

    /// The box round all segments.
    pub fn bounds(&self) -> Aabb {
        self.pieces().nodes.last().map_or(Aabb::EMPTY, Box32::bounds)
    }

    /// Visits the places of the segments that a region holds, ascending.
    pub fn each<R: Region + ?Sized>(&self, region: &R, predicate: Predicate, mut visit: impl FnMut(u64)) {
        let pieces = self.pieces();
        match pieces.blocks {
            Blocks::Single(blocks) => pieces.each(blocks, region, predicate, &mut visit),
            Blocks::Double(blocks) => pieces.each(blocks, region, predicate, &mut visit),
        }
    }

    /// The places of the segments that a region holds, ascending.
    pub fn find<R: Region + ?Sized>(&self, region: &R, predicate: Predicate) -> Vec<u64> {
        let mut places = Vec::new();
        self.each(region, predicate, |place| places.push(place));
        places
    }

    /// How many segments a region holds.
    pub fn count<R: Region + ?Sized>(&self, region: &R, predicate: Predicate) -> u64 {
        let mut n = 0;
        self.each(region, predicate, |_| n += 1);
        n
    }

    /// The k segments nearest to a point, by the distance to the segment, nearest first; of equals the first stored.
    pub fn nearest(&self, p: Point, k: usize) -> Vec<Neighbour> {
        let pieces = self.pieces();
        match pieces.blocks {
            Blocks::Single(blocks) => pieces.nearest(blocks, p, k),
            Blocks::Double(blocks) => pieces.nearest(blocks, p, k),
        }
    }
}

fn ends<T: Copy + Into<f64>>(block: &Block<T>, lane: usize) -> (Point, Point) {
    let [x0, y0, z0, x1, y1, z1] = block;
    let at = |column: &[T; BLOCK]| column[lane].into();
    (Point::new(at(x0), at(y0), at(z0)), Point::new(at(x1), at(y1), at(z1)))
}

/// Which segments of a block have a box that touches a window. Few of a block of long segments do, and this costs a
/// tenth of the exact test.
fn touching<T: Copy + Into<f64>>(block: &Block<T>, window: &Aabb) -> [bool; BLOCK] {
    let mut near = [true; BLOCK];
    let (low, high) = (window.min.to_array(), window.max.to_array());
    for axis in 0..3 {
        for lane in 0..BLOCK {
            let (a, b): (f64, f64) = (block[axis][lane].into(), block[axis + 3][lane].into());
            near[lane] &= (a >= low[axis]) | (b >= low[axis]);
            near[lane] &= (a <= high[axis]) | (b <= high[axis]);
        }
    }
    near
}

impl Pieces<'_> {
    fn tree<'a>(&self, nodes: &'a [Box32]) -> Option<Tree<'a>> {
        Tree::new(nodes, self.rows.len().div_ceil(BLOCK))
    }

    fn is_sound(&self, block: usize) -> bool {
        self.mapped.is_none_or(|mapped| mapped.is_sound(block))
    }

    /// Places in a block.
    fn lanes(&self, block: usize) -> usize {
        self.rows.len().saturating_sub(block * BLOCK).min(BLOCK)
    }

    fn each<T: Copy + Into<f64>, R: Region + ?Sized>(
        &self,
        blocks: &[Block<T>],
        region: &R,
        predicate: Predicate,
        visit: &mut impl FnMut(u64),
    ) {
        match predicate {
            Predicate::Midpoint => {
                let holds = |a: Point, b: Point| region.contains(a.midpoint(b));
                self.holding(self.midpoints, blocks, region, |_| [true; BLOCK], holds, visit);
            }
            Predicate::Intersects => {
                let all = self.nodes.last().map_or(Aabb::EMPTY, Box32::bounds);
                let window = region.window(&all);
                let near = |block: &Block<T>| window.map_or([true; BLOCK], |window| touching(block, &window));
                self.holding(self.nodes, blocks, region, near, |a, b| region.intersects(a, b), visit);
            }
        }
    }

    /// Visits the segments of blocks that the region touches, of those that are near, that hold.
    fn holding<T: Copy + Into<f64>, R: Region + ?Sized>(
        &self,
        nodes: &[Box32],
        blocks: &[Block<T>],
        region: &R,
        near: impl Fn(&Block<T>) -> [bool; BLOCK],
        holds: impl Fn(Point, Point) -> bool,
        visit: &mut impl FnMut(u64),
    ) {
        let Some(tree) = self.tree(nodes) else { return };
        let leaf = |block: usize| {
            let Some(columns) = blocks.get(block).filter(|_| self.is_sound(block)) else { return };
            let first = (block * BLOCK) as u64;
            let near = near(columns);
            for lane in (0..self.lanes(block)).filter(|&lane| near[lane]) {
                let (a, b) = ends(columns, lane);
                if holds(a, b) {
                    visit(first + lane as u64);
                }
            }
        };
        tree.search(|bounds| region.touches(bounds), leaf);
    }

    fn nearest<T: Copy + Into<f64>>(&self, blocks: &[Block<T>], p: Point, k: usize) -> Vec<Neighbour> {
        let Some(tree) = self.tree(self.nodes) else { return Vec::new() };
        nearest::search(&tree, p, k, |block, best| {
            let Some(columns) = blocks.get(block).filter(|_| self.is_sound(block)) else { return };
            for lane in 0..self.lanes(block) {
                let (a, b) = ends(columns, lane);
                let place = (block * BLOCK + lane) as u64;
                best.offer(Neighbour { distance: nearest::distance(p, a, b), place });
            }
        })
    }
}
