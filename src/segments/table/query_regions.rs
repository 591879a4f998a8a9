//! The regions of a query: finds the parts, pages and rows that they touch.
//!
//! A single region is searched in the packed tree of the pages. Several regions are joined with the boxes of parts and
//! of pages by traversing two trees at once, and the rows of a page are searched in the tree over the regions, one
//! block of neighbouring rows at a time.

use std::ops::Range;

use super::pages::TablePages;
use super::rows::SegmentEnds;
use super::{SegmentTable, TablePart};
use crate::error::Result;
use crate::geometry::region::{Predicate, Region};
use crate::geometry::{Aabb, Point};
use crate::segments::index::{BoxTree, RegionTree};

/// Number of rows of a page whose common box is tested before the rows are, if there are several regions.
const BLOCK_ROWS: usize = 32;

/// Up to this number of regions, each is tested against a box; more regions are searched in their tree.
const MAX_LOOPED_REGIONS: usize = 4;

/// The part of space to search.
#[derive(Debug, Clone, Copy)]
pub enum SegmentSelection<'a> {
    /// All segments: each is a hit once.
    All,
    /// Regions: a segment is a hit once for every region that contains it.
    Regions(&'a [&'a dyn Region], Predicate),
}

impl SegmentSelection<'_> {
    /// Returns whether a box may contain a hit.
    pub fn may_hit(&self, bounds: &Aabb) -> bool {
        match self {
            Self::All => true,
            Self::Regions(regions, _) => regions.iter().any(|r| r.touches(bounds)),
        }
    }
}

/// The regions of a query, with a tree over them.
pub(super) struct QueryRegions<'a> {
    regions: &'a [&'a dyn Region],
    tree: RegionTree,
}

/// A region that touches the box of a block of rows.
struct RegionCandidate<'a> {
    number: u32,
    region: &'a dyn Region,
    /// Whether the region contains the complete box.
    encloses: bool,
}

impl<'a> TablePages<'a> {
    /// Opens the pages of the parts and row groups that a query may have to read.
    ///
    /// # Errors
    /// Returns an error if a part cannot be opened.
    pub fn open_selected(table: &'a SegmentTable, within: SegmentSelection<'_>) -> Result<Self> {
        let SegmentSelection::Regions(regions, _) = within else { return Self::open(table, |_| true) };
        let regions = QueryRegions::new(regions);
        let touched = regions.parts_touched(table.parts());
        Self::open_parts(table, |part| touched.get(part).copied().unwrap_or(true), |bounds| regions.touches_any(bounds))
    }
}

impl<'a> QueryRegions<'a> {
    pub fn new(regions: &'a [&'a dyn Region]) -> Self {
        Self { regions, tree: RegionTree::new(regions.iter().copied()) }
    }

    fn get(&self, number: usize) -> Option<&'a dyn Region> {
        self.regions.get(number).copied()
    }

    /// Returns whether any region touches a box.
    fn touches_any(&self, bounds: &Aabb) -> bool {
        let mut touched = false;
        self.tree.for_each_candidate(bounds, |number| {
            touched = touched || self.get(number).is_some_and(|region| region.touches(bounds));
        });
        touched
    }

    /// Returns, for each part, whether any region touches its box.
    fn parts_touched(&self, parts: &[TablePart]) -> Vec<bool> {
        // a part without statistics may be anywhere
        let endless = Aabb { min: Aabb::EMPTY.max, max: Aabb::EMPTY.min };
        let boxes: Vec<Aabb> = parts.iter().map(|part| part.bounds().unwrap_or(endless)).collect();
        self.regions_of_boxes(&boxes).iter().map(|numbers| !numbers.is_empty()).collect()
    }

    /// Returns, for each page, the numbers of the regions that touch its box, in ascending order.
    pub fn regions_of_pages(&self, pages: &TablePages<'_>) -> Vec<Vec<u32>> {
        let [region] = self.regions else {
            let boxes: Vec<Aabb> = pages.pages().iter().map(|page| page.bounds).collect();
            return self.regions_of_boxes(&boxes);
        };
        let mut touching = vec![Vec::new(); pages.pages().len()];
        pages.tree().pages_touching(*region).into_iter().for_each(|page| touching[page].push(0));
        touching
    }

    /// Returns, for each box, the numbers of the regions that touch it, in ascending order.
    fn regions_of_boxes(&self, boxes: &[Aabb]) -> Vec<Vec<u32>> {
        let mut touching: Vec<Vec<u32>> = vec![Vec::new(); boxes.len()];
        self.tree.for_each_pair(&BoxTree::new(boxes.iter().copied()), |number, at| {
            if self.get(number).is_some_and(|region| region.touches(&boxes[at])) {
                touching[at].push(number as u32);
            }
        });
        touching.iter_mut().for_each(|numbers| numbers.sort_unstable());
        touching
    }

    /// Visits the hits among some rows of one page, row by row, each with the numbers of its regions in ascending
    /// order. `numbers` are the regions that touch the page, in ascending order.
    pub fn for_each_hit(
        &self,
        predicate: Predicate,
        ends: &SegmentEnds<'_>,
        rows: Range<usize>,
        numbers: &[u32],
        mut visit: impl FnMut(usize, u32),
    ) {
        if let [number] = *numbers {
            let Some(region) = self.get(number as usize) else { return };
            for row in rows {
                let (a, b) = ends.get(row);
                if predicate.matches(region, a, b) {
                    visit(row, number);
                }
            }
            return;
        }
        let (mut segments, mut candidates) = (Vec::with_capacity(BLOCK_ROWS), Vec::new());
        for first in rows.clone().step_by(BLOCK_ROWS) {
            let block = first..rows.end.min(first + BLOCK_ROWS);
            segments.clear();
            segments.extend(block.clone().map(|row| tested_part(predicate, ends.get(row))));
            self.find_candidates(&segments, numbers, &mut candidates);
            for (row, &(a, b)) in block.zip(&segments) {
                for RegionCandidate { number, region, encloses } in &candidates {
                    if *encloses || predicate.matches(*region, a, b) {
                        visit(row, *number);
                    }
                }
            }
        }
    }

    /// Finds the numbers of the regions that touch the box around some segments, in ascending order.
    fn find_candidates(&self, segments: &[(Point, Point)], numbers: &[u32], found: &mut Vec<RegionCandidate<'a>>) {
        found.clear();
        let bounds = Aabb::enclosing(segments.iter().flat_map(|&(a, b)| [a, b]));
        // a box ignores values that are not numbers, and no region contains them
        let is_finite = segments.iter().all(|(a, b)| a.is_finite() && b.is_finite());
        let mut push = |number: u32| {
            if let Some(region) = self.get(number as usize).filter(|region| region.touches(&bounds)) {
                found.push(RegionCandidate { number, region, encloses: is_finite && region.encloses(&bounds) });
            }
        };
        if numbers.len() <= MAX_LOOPED_REGIONS {
            numbers.iter().copied().for_each(push);
        } else {
            self.tree.for_each_candidate(&bounds, |number| push(number as u32));
            found.sort_unstable_by_key(|candidate| candidate.number);
        }
    }
}

/// Returns the part of a segment that a predicate tests: the segment itself, or its midpoint twice.
fn tested_part(predicate: Predicate, (a, b): (Point, Point)) -> (Point, Point) {
    match predicate {
        Predicate::Midpoint => (a.midpoint(b), a.midpoint(b)),
        Predicate::Intersects => (a, b),
    }
}
