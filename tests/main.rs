//! Integration tests, in one binary. Each module opens with why it exists.

mod analytic;
mod boundaries;
mod clients;
mod comparisons;
mod conversions;
mod electrodes;
mod golden;
mod index_vs_scan;
mod interrupted;
mod invariants;
mod layers;
mod lead_fields;
mod malformed;
mod media;
mod morphologies;
mod mutations;
mod pictures;
mod queries;
mod regions;
mod reports;
mod segments_by_rule;
mod sonata;
mod support;
mod synthesized;
mod tools;
mod weights_files;
