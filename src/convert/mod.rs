//! Converts between file formats: boundary points and segment tables, electrodes files and weight tables, compartment
//! reports and tables of values.
//!
//! | from | to | |
//! |---|---|---|
//! | boundary points, one or many files | a segment table | [`TableFromPositions`] |
//! | a segment table | boundary points | [`positions_from_table`] |
//! | an electrodes file | a weight table, and back | [`weight_table`] |
//! | a compartment report | a table of values | [`report_frames`] |
//!
//! Memory is bounded by blocks of rows everywhere except in [`positions_from_table`], which returns all points at once.

#[doc(hidden)]
pub mod bluerecording;
#[doc(hidden)]
pub mod columnar;
mod contact_columns;
mod from_positions;
#[doc(hidden)]
pub mod pickle;
mod problem;
pub mod report_frames;
mod spill_file;
mod to_positions;
pub mod weight_table;

pub use self::from_positions::{MAX_POINTS_IN_MEMORY, TableCounts, TableFromPositions, TableOptions};
pub use self::problem::ConversionProblem;
pub use self::to_positions::positions_from_table;
