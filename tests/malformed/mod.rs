//! Bad input: the exact message, the hint, exit code 2, and nothing left behind.

mod electrodes;
mod info;
mod morphology;
mod pickles;
mod positions;
mod query;
mod sonata;
mod weights;
