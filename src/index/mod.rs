//! Spatial search, without files: which boxes a region touches, which segments it holds, which lie nearest to a point.
//!
//! All of it stands on one structure, the packed R-tree of [`tree`]: over the pages of a table ([`PageTree`]), which
//! says what to read, and over the segments themselves ([`Resident`]), for many queries in one process.

mod mapping;
pub mod nearest;
mod page_tree;
pub mod resident;
mod stored;
pub mod tree;

pub use mapping::shortened_report;
pub use nearest::Neighbour;
pub use page_tree::PageTree;
pub use resident::Resident;
pub use stored::IndexProblem;
