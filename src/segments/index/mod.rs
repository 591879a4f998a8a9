//! Spatial search, without files: which boxes a region touches, which segments it holds, which lie nearest to a point.
//!
//! What is stored in a spatial order stands on one structure, the packed R-packed_tree of [`packed_tree`]: over the pages of a table
//! ([`PageTree`]), which says what to read, and over the segments themselves ([`SegmentIndex`]), for many queries in one process.
//! Regions come in any order: [`RegionTree`] says which of many may hold something of a box, or of the boxes of a
//! [`BoxTree`].

mod index_file;
mod mapping;
pub mod nearest;
pub mod packed_tree;
mod page_tree;
mod region_tree;
pub mod segment_index;

pub use index_file::IndexProblem;
pub use mapping::shortened_report;
pub use nearest::NearestSegment;
pub use page_tree::PageTree;
pub use region_tree::{BoxTree, RegionTree};
pub use segment_index::SegmentIndex;
