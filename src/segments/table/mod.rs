//! The segment table: Parquet columns in Hilbert order, with one population per table, in one file or a folder of
//! parts.
//!
//! Any Parquet reader can read it; [`schema`] lists the columns. Inside a part, rows follow the Hilbert key of the
//! segments' midpoints, so that neighbours in the file are neighbours in space, and Parquet's page index serves as the
//! leaves of a spatial index.

mod build_index;
mod circuit_file;
#[doc(hidden)]
pub mod manifest;
mod nearest;
mod normalize;
mod open_part;
mod pages;
mod part;
#[doc(hidden)]
pub mod part_files;
mod problem;
mod query;
mod query_regions;
mod reader;
mod row_group_reader;
mod row_placer;
mod rows;
mod scan;
#[doc(hidden)]
pub mod schema;
mod verify;
mod writer;

#[doc(hidden)]
pub use circuit_file::find_circuit_file;
pub use pages::{PageWarning, TablePage, TablePages};
pub use part::TablePart;
pub use problem::TableProblem;
pub use query::{Hits, QueryStats, SegmentFilter, SegmentQuery};
pub use query_regions::SegmentSelection;
pub use reader::SegmentTable;
#[doc(hidden)]
pub use reader::check_complete;
#[doc(hidden)]
pub use rows::{SegmentEnds, segments_from_batch};
pub use schema::{FORMAT_VERSION, Precision, TableMetadata};
pub use verify::Verification;
#[doc(hidden)]
pub use writer::{
    PartLayout, check_coordinate_range, encode_part, segments_to_batch, write_part, write_part_unless_stopped,
};

/// One neuron of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableNeuron {
    /// SONATA node id.
    pub node_id: u64,
    /// Row of its first segment in `scaling_factors`.
    pub first_row: u64,
    /// Number of its segments; its rows are `first_row..first_row + segments`.
    pub segments: u64,
}
