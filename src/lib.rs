//! From SONATA circuits to the weights of electrodes, through a spatially ordered table of segments.
//!
//! A simulator multiplies the membrane current of every segment by a *weight*, the potential that one nanoampere gives at a
//! contact, and sums. This library computes the weights:
//!
//! ```text
//!  circuit_config.json ──┐                                             ┌─> query     segments near contacts, in regions
//!  nodes, morphologies   ├─> circuit ─> segment table (Parquet, Hilbert├─> weights   electrodes file (HDF5) for the simulator
//!  hoc templates, report ┘              order, R-tree over pages)      └─> convert, validate, plot
//!  electrodes (CSV, JSON, probeinterface), lead fields ───────────────>┘
//! ```
//!
//! # From a circuit to an electrodes file
//! ```
//! use leadfield::prelude::*;
//! # fn main() -> Result<()> {
//! # let folder = tempfile::tempdir().unwrap();
//! # let golden = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("datasets/golden/input");
//! # let config = golden.join("circuit/simulation_config.json");
//! # let electrodes_csv = golden.join("electrodes/e6.csv");
//! # let (table_path, weights_path) = (folder.path().join("segments.parquet"), folder.path().join("weights.h5"));
//! let table = Circuit::open(&config)?.segments().write_table(&table_path)?;
//! let electrodes = Electrodes::read(&electrodes_csv)?;
//! let summary = Weights::new(&table, &electrodes).conductivity(0.3)?.write(&weights_path)?;
//! assert_eq!((summary.segments, summary.contacts), (table.len(), electrodes.len() as u64));
//! # Ok(())
//! # }
//! ```
//!
//! # Own arrays, no files
//! ```
//! use leadfield::prelude::*;
//!
//! let segments = SegmentArrays::new(&[[0.0, 0.0, 0.0]], &[[10.0, 0.0, 0.0]], &[0.5])?; // starts, ends, radii, µm
//! let weights = LineSource::in_medium(0.3)?.weights(&segments, &[[5.0, 50.0, 0.0]])?; // (segments, contacts), V/nA
//! # assert_eq!(weights.dim(), (1, 1));
//! # Ok::<(), leadfield::Error>(())
//! ```
//!
//! # Where things are
//! In the order in which data flow: [`circuit`] cuts neurons into segments and places them (with [`morphology`] and
//! [`sonata`]); [`segments`] holds them in memory, in tables and under indices; [`electrodes`] are contacts and their files;
//! [`methods`] are the formulas, one page each, and [`lead_field`] the fields that some of them need; [`weights`] combines
//! all, and [`signals`] multiplies the weights with membrane currents. [`convert`], [`validate`] and [`plot`] work on the
//! files of this program and of others. `examples/` has programs for each; `ARCHITECTURE.md` describes the data structures.
//!
//! Units: micrometres, nanoamperes, volts, siemens per metre; see [`units`]. Formulas open no files. The library prints
//! nothing, ends no process and knows no MPI. Errors can be matched: [`Error::kind`], [`Error::problem`].
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)
)]

pub mod circuit;
pub mod convert;
pub mod electrodes;
pub mod error;
// detects the kind of a file that is given by mistake; only the program calls it
#[doc(hidden)]
pub mod file_kind;
pub mod geometry;
pub mod io;
pub mod lead_field;
pub mod methods;
pub mod morphology;
pub mod plot;
pub mod prelude;
pub mod segments;
pub mod signals;
pub mod sonata;
pub mod units;
pub mod validate;
pub mod weights;

pub use error::{Error, Result};
