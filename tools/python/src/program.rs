//! The program `leadfield`, run from Python.

use std::ffi::OsString;

use pyo3::prelude::*;

/// Runs the program with its name and its arguments, and returns its exit code. It prints, and it handles signals by
/// itself: for a process that does nothing else.
#[pyfunction]
pub fn run_program(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    py.detach(|| crate::run_program(arguments))
}
