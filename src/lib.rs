//! From SONATA circuits to electrode weights, through a spatially ordered table of segments.
//!
//! A circuit becomes a Parquet table of segments ([`circuit`], [`segments`]); from the table come the coefficients of an
//! electrodes file ([`weights`]): the potential at each contact for one nanoampere of membrane current in each segment.
//! Formulas open no files ([`methods`], [`circuit::placement`]); files are read behind doors ([`io`], [`sonata`],
//! [`morphology`], [`electrodes`], [`lead_field`]).
//!
//! Units: micrometres, nanoamperes, volts, siemens per metre; see [`units`].
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)
)]

pub mod circuit;
pub mod convert;
pub mod electrodes;
pub mod error;
pub mod geometry;
pub mod io;
pub mod lead_field;
pub mod methods;
pub mod morphology;
pub mod plot;
pub mod segments;
pub mod sonata;
pub mod units;
pub mod validate;
pub mod weights;

pub use error::{Error, Result};
