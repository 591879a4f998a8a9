//! The segment table: Parquet columns in Hilbert order, one population a table, in one file or a folder of parts.
//!
//! Any Parquet reader reads it; the columns are those of [`schema`]. Inside a part, rows follow the Hilbert key of the
//! segments' midpoints, so that neighbours in the file are neighbours in space and Parquet's own page index serves as
//! the leaves of a spatial index.

mod cursor;
mod fetch;
pub mod manifest;
mod nearest;
mod normalize;
mod open_part;
mod pages;
mod part;
pub mod parts;
mod places;
mod problem;
mod query;
mod query_regions;
mod reader;
mod resident;
mod rows;
mod scan;
pub mod schema;
mod verify;
mod writer;

pub use pages::{Page, PageWarning, Pages};
pub use part::Part;
pub use problem::TableProblem;
pub use query::{Filter, Hits, Query, Summary, Within};
pub use reader::Table;
pub use rows::{Ends, segments_of_batch};
pub use schema::{FORMAT_VERSION, Metadata, Precision};
pub use verify::Verification;
pub use writer::{Layout, batch, encoded, write_part};

/// One neuron of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Neuron {
    /// SONATA node id.
    pub node_id: u64,
    /// Row of its first segment in `scaling_factors`.
    pub first_row: u64,
    /// Number of its segments; its rows are `first_row..first_row + segments`.
    pub segments: u64,
}
