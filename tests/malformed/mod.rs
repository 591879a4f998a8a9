//! Bad input: the exact message, the hint, exit code 2, and nothing left behind.

mod electrodes;
mod info;
mod lead_fields;
mod morphology;
mod pickles;
mod positions;
mod query;
mod rule;
mod sonata;
mod weights;
