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
mod processes;
mod program;
mod query;
mod signals;
mod table;
mod validate;
mod weights;
mod work;

use pyo3::prelude::*;

/// Waits until no thread is in the HDF5 library: to be called before a fork.
#[pyfunction]
fn hold_locks() {
    leadfield::io::hdf5::hold_locks();
}

/// Frees the locks in the child of a fork.
#[pyfunction]
fn reset_locks() {
    leadfield::io::hdf5::reset_locks();
}

/// Ends [`hold_locks`] in the parent.
#[pyfunction]
fn release_locks() {
    leadfield::io::hdf5::release_locks();
}

#[pymodule]
mod _leadfield {
    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        super::processes::record_first();
        // the locks of the HDF5 library stay free in a child
        let hooks = pyo3::types::PyDict::new(module.py());
        hooks.set_item("before", module.getattr("hold_locks")?)?;
        hooks.set_item("after_in_parent", module.getattr("release_locks")?)?;
        hooks.set_item("after_in_child", module.getattr("reset_locks")?)?;
        module.py().import("os")?.getattr("register_at_fork")?.call((), Some(&hooks))?;
        Ok(())
    }

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
    use super::{hold_locks, release_locks, reset_locks};
    #[pymodule_export]
    const VERSION: &str = env!("CARGO_PKG_VERSION");
}
