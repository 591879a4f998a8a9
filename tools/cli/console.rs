//! Standard output and standard error: who reads them may have seen enough, and a disk behind them may be full.

use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::path::Path;

use leadfield::error::{Context, FileProblem};
use leadfield::{Error, Result};

/// What errors of standard output have for a file.
pub const STANDARD_OUTPUT: &str = "standard output";

/// Writes text to standard output, all of it. A closed pipe is no error: who reads it has seen enough.
pub fn print(text: impl Display) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match write!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(FileProblem::Write).in_file(Path::new(STANDARD_OUTPUT)),
    }
}

/// Writes a line to standard error; where nobody can read it nothing is lost.
pub fn note(line: impl Display) {
    drop(writeln!(std::io::stderr().lock(), "{line}"));
}

/// Whether an error is that of a closed pipe.
pub fn is_broken_pipe(error: &Error) -> bool {
    let io = std::error::Error::source(error).and_then(|e| e.downcast_ref::<std::io::Error>());
    io.is_some_and(|e| e.kind() == ErrorKind::BrokenPipe)
}
