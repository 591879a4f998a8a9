//! From one form of the same data to another: boundaries and segment tables, electrodes files and columns of
//! coefficients, compartment reports and columns of values.
//!
//! | from | to | |
//! |---|---|---|
//! | boundaries, one or many files | a segment table | [`TableFromPositions`] |
//! | a segment table | boundaries | [`positions_from_table`] |
//! | an electrodes file | columns of weight_table, and back | [`weight_table`] |
//! | a compartment report | columns of values | [`report_frames`] |
//!
//! Memory is bounded everywhere by blocks of rows, but for [`positions_from_table`], whose result is the whole.

pub mod bluerecording;
pub mod columnar;
mod contact_columns;
mod from_positions;
pub mod pickle;
mod problem;
pub mod report_frames;
mod spill_file;
mod to_positions;
pub mod weight_table;

pub use self::from_positions::{MAX_POINTS_IN_MEMORY, TableCounts, TableFromPositions, TableOptions};
pub use self::problem::ConversionProblem;
pub use self::to_positions::positions_from_table;
