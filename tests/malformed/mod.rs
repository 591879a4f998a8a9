//! Bad input: the exact message, the hint, exit code 2, and nothing left behind.

mod electrodes;
pub mod electrodes_file;
mod info;
mod morphology;
mod positions;
mod query;
mod sonata;
mod tables;
mod weights;
