//! Spatial search without files: finds the boxes that a region touches, the segments inside it, and the segments
//! nearest to a point.
//!
//! Items in a spatial order use one structure, the packed R-tree of [`packed_tree`]: over the pages of a table
//! ([`PageTree`]), to find the pages to read, and over the segments themselves ([`SegmentIndex`]), for many queries in
//! one process. Regions come in any order: [`RegionTree`] finds the regions that may contain a part of a box, or of the
//! boxes of a [`BoxTree`].

mod index_file;
mod mapping;
#[doc(hidden)]
pub mod nearest;
#[doc(hidden)]
pub mod packed_tree;
mod page_tree;
mod problem;
mod region_tree;
mod segment_blocks;
#[doc(hidden)]
pub mod segment_index;

pub use mapping::shortened_report;
pub use nearest::{LeavesByDistance, NearestSegment};
pub use page_tree::PageTree;
pub use problem::IndexProblem;
pub use region_tree::{BoxTree, RegionTree};
pub use segment_blocks::{CoordinateBlock, CoordinateWidth, SEGMENTS_PER_BLOCK};
pub use segment_index::SegmentIndex;
