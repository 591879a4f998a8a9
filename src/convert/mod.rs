//! From one form of the same data to another: boundaries and segment tables, electrodes files and columns of
//! coefficients, compartment reports and columns of values.
//!
//! | from | to | |
//! |---|---|---|
//! | boundaries, one or many files | a segment table | [`Gathered`] |
//! | a segment table | boundaries | [`boundaries_of`] |
//! | an electrodes file | columns of coefficients, and back | [`coefficients`] |
//! | a compartment report | columns of values | [`frames`] |
//!
//! Memory is bounded everywhere by blocks of rows, but for [`boundaries_of`], whose result is the whole.

pub mod bluerecording;
pub mod coefficients;
pub mod columnar;
mod contacts;
pub mod frames;
mod gather;
mod layout;
pub mod pickle;
mod problem;
mod spill;

pub use self::gather::{MAX_POINTS_IN_MEMORY, TableCounts, TableFromPositions, TableOptions};
pub use self::layout::positions_from_table;
pub use self::problem::ConversionProblem;
