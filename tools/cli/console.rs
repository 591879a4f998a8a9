//! Writes to standard output and standard error, which may be a closed pipe or a full disk.

use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::path::Path;

use anstyle::{AnsiColor, Effects, Style};
use leadfield::error::{Context, FileProblem, escape_controls};
use leadfield::{Error, Result};

/// File name in errors of standard output.
pub const STANDARD_OUTPUT: &str = "standard output";

/// Writes all of a text to standard output. A closed pipe is not an error: the reader has seen enough.
pub fn print(text: impl Display) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match write!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(FileProblem::Write).in_file(Path::new(STANDARD_OUTPUT)),
    }
}

/// The style of the word `error`, as clap's.
pub const ERROR: Style = AnsiColor::Red.on_default().effects(Effects::BOLD);
/// The style of the word `warning`.
pub const WARNING: Style = AnsiColor::Yellow.on_default().effects(Effects::BOLD);
/// The style of the word `hint`, as that of clap's `tip`.
pub const HINT: Style = AnsiColor::Green.on_default();

/// Writes a line that begins with a word in colour, on a terminal and unless `NO_COLOR` is set. Control characters in
/// the text, which come from names in files, are escaped: they could change what the terminal shows. Some texts have
/// several lines.
pub fn labelled_note(label: &str, style: Style, text: impl Display) {
    let text = text.to_string();
    let lines: Vec<_> = text.split('\n').map(escape_controls).collect();
    note(format_args!("{style}{label}:{style:#} {}", lines.join("\n")));
}

/// Writes a line to standard error, without colours if it is no terminal; errors are ignored, because there is nowhere
/// to report them.
pub fn note(line: impl Display) {
    drop(writeln!(anstream::stderr().lock(), "{line}"));
}

/// Returns whether an error is that of a closed pipe.
pub fn is_broken_pipe(error: &Error) -> bool {
    let mut causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    causes.any(|cause| cause.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == ErrorKind::BrokenPipe))
}
