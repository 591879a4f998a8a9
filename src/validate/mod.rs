//! Validates electrodes files by themselves, and compares two files that should hold the same data.

pub mod circuit;
pub mod electrodes_file;
pub mod positions;
mod tolerance;
pub mod weights;

pub use tolerance::{Difference, Tolerance};

/// Number of segments of a myelin section, by every rule that creates one.
const MYELIN_SEGMENTS: usize = 5;
