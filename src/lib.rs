//! From SONATA circuits to electrode weights, through a spatially ordered table of segments.
//!
//! A circuit becomes a Parquet table of segments ([`assembly`], [`table`]); from the table come the coefficients of an
//! electrodes file ([`weights`]): the potential at each contact for one nanoampere of membrane current in each segment.
//! Formulas open no files ([`method`], [`positions`]); files are read behind doors ([`h5`], [`sonata`],
//! [`morphology`], [`electrode`], [`lead_field`]).
//!
//! Units: micrometres, nanoamperes, volts, siemens per metre; see [`units`].
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)
)]

pub mod assembly;
pub mod boundaries;
pub mod compare;
pub mod diagnosis;
pub mod electrode;
pub mod error;
pub mod exchange;
#[cfg(feature = "frame")]
pub mod frame;
pub mod geometry;
pub mod h5;
pub mod index;
pub mod input_file;
pub mod journal;
pub mod lead_field;
pub mod method;
pub mod morphology;
pub mod panics;
pub mod parquet_file;
pub mod partition;
pub mod pickle;
pub mod picture;
pub mod plot;
pub mod positions;
pub mod report;
pub mod segments;
pub mod sonata;
pub mod staged;
pub mod synthesis;
pub mod table;
pub mod template;
pub mod units;
pub mod weights;

pub use error::{Error, Result};
