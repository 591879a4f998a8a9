//! The Python module `leadfield._leadfield`: classes and functions that the package `leadfield` wraps.
//!
//! It contains only bindings: arguments are converted, the library is called without the interpreter's lock, and
//! results are passed on without a copy where that is possible.

mod arrow;
mod circuit;
mod electrodes;
mod electrodes_file;
mod errors;
mod pictures;
mod program;
mod query;
mod signals;
mod table;
mod validate;
mod weights;
mod work;

use pyo3::prelude::*;

#[pymodule]
mod _leadfield {
    #[pymodule_export]
    use super::arrow::Rows;
    #[pymodule_export]
    use super::circuit::{Circuit, synthesize_circuit};
    #[pymodule_export]
    use super::electrodes::{ElectrodeList, grid_um, linear_um, neuropixels_um, place_um};
    #[pymodule_export]
    use super::electrodes_file::ElectrodesFile;
    #[pymodule_export]
    use super::pictures::{plot_comparison, plot_probe, plot_weights, report};
    #[pymodule_export]
    use super::program::run_program;
    #[pymodule_export]
    use super::query::{Batches, Query};
    #[pymodule_export]
    use super::signals::{plot_signals, plot_traces, signals, write_signals};
    #[pymodule_export]
    use super::table::SegmentTable;
    #[pymodule_export]
    use super::validate::{compare_weights, finding_codes, validate_electrodes_file};
    #[pymodule_export]
    use super::weights::{method_names, save_weights, time_weights, weights, weights_of, write_weights};
    #[pymodule_export]
    const VERSION: &str = env!("CARGO_PKG_VERSION");
}
