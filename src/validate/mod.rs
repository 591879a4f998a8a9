//! Validation: of electrodes files by themselves, and of two files that should hold the same.

pub mod circuit;
pub mod electrodes_file;
pub mod positions;
mod tolerance;
pub mod weights;

pub use tolerance::{Difference, Tolerance};
