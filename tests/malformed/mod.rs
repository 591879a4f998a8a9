//! Invalid input: the exact message, the hint, exit code 2, and no files left behind.

mod circuits;
mod damaged;
mod electrodes;
pub mod electrodes_file;
mod heaps;
mod info;
mod lead_fields;
mod mistakes;
mod morphology;
mod pickles;
mod plot;
mod positions;
mod query;
mod recomputed;
mod rule;
mod signals;
mod sonata;
mod tables;
mod weights;
