//! Turns the library's errors into Python exceptions with the same text.

use leadfield::Error;
use leadfield::error::{ErrorKind, FileProblem};
use pyo3::prelude::*;

/// Returns the exception of an error: an instance of a class of `leadfield._errors`, chosen there by the kind.
pub fn to_exception(error: &Error) -> PyErr {
    Python::attach(|py| build_exception(py, error).unwrap_or_else(|failure| failure))
}

fn build_exception(py: Python<'_>, error: &Error) -> PyResult<PyErr> {
    let place = error.location();
    let file = place.file.as_ref().map(|file| file.display().to_string());
    let errno = match error.problem::<FileProblem>() {
        Some(FileProblem::Read(refusal) | FileProblem::Write(refusal)) => refusal.raw_os_error(),
        _ => None,
    };
    let (kind, item) = (kind_name(error.kind()), place.item.clone());
    let details = (kind, error.to_string(), error.hint(), file, item, place.index, errno);
    let exception = py.import("leadfield._errors")?.getattr("exception_of")?.call1(details)?;
    Ok(PyErr::from_value(exception))
}

/// Returns the name of a kind, as the attribute `kind` has it.
fn kind_name(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Io => "io",
        ErrorKind::NoSpace => "no_space",
        ErrorKind::OutputConflict => "output_conflict",
        ErrorKind::Damaged => "damaged",
        ErrorKind::Interrupted => "interrupted",
        _ => "invalid_input",
    }
}

/// The library's results as Python's.
pub trait OrRaise<T> {
    /// Returns the value, or the exception of the error.
    fn or_raise(self) -> PyResult<T>;
}

impl<T, E: Into<Error>> OrRaise<T> for Result<T, E> {
    fn or_raise(self) -> PyResult<T> {
        self.map_err(|error| to_exception(&error.into()))
    }
}
