//! What all tools share: common options, exit codes, how errors are told.

pub mod output;
pub mod progress;
pub mod rule;
pub mod signals;
mod text;
mod watch;

use std::ffi::{OsStr, OsString};
use std::process::ExitCode;

use leadfield::error::{Error, Problem, Result};
use leadfield::staged::Existing;

/// Options that every tool takes.
#[derive(clap::Args)]
pub struct Common {
    /// Say nothing but errors
    #[arg(long, global = true)]
    pub quiet: bool,
    /// Number of worker threads (default: one a core)
    #[arg(long, global = true, value_name = "N")]
    pub threads: Option<usize>,
}

/// The program's arguments, with negative numbers written as clap knows them: it takes `-0.001` for a number, but
/// neither `-1e-3` nor `-.5`.
pub fn arguments() -> impl Iterator<Item = OsString> {
    std::env::args_os().map(|argument| plain_number(&argument).unwrap_or(argument))
}

fn plain_number(argument: &OsStr) -> Option<OsString> {
    let text = argument.to_str().filter(|text| text.starts_with('-'))?;
    text.parse::<f64>().ok().filter(|number| number.is_finite()).map(|number| number.to_string().into())
}

/// How a tool ended that did its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Done, or the inputs agree: exit code 0.
    Done,
    /// The inputs differ: exit code 1.
    Differ,
}

/// The thread pool cannot be had.
#[derive(Debug, thiserror::Error)]
enum ThreadProblem {
    #[error("`--threads` out of range, expected 1 or more, found `0`")]
    Zero,
    #[error("the worker threads cannot be started: {0}")]
    Pool(#[from] rayon::ThreadPoolBuildError),
}

impl Problem for ThreadProblem {
    fn hint(&self) -> Option<String> {
        matches!(self, Self::Zero).then(|| "leave it out for one thread a core".into())
    }
}

impl Common {
    /// Starts the worker threads, and the one that watches the HDF5 library.
    pub fn start(&self) -> Result<()> {
        watch::start();
        let threads = match self.threads {
            Some(0) => return Err(ThreadProblem::Zero.into()),
            Some(n) => n,
            None => 0,
        };
        let built = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
        Ok(built.map_err(ThreadProblem::Pool)?)
    }

    /// Tells the user something, on standard error, unless `--quiet`.
    pub fn say(&self, text: impl std::fmt::Display) {
        if !self.quiet {
            eprintln!("{text}");
        }
    }

    /// Warns, on standard error, unless `--quiet`.
    pub fn warn(&self, text: impl std::fmt::Display) {
        self.say(format_args!("warning: {text}"));
    }
}

impl Common {
    /// Warns of what an error would tell, with its advice, unless `--quiet`.
    pub fn caution(&self, what: &Error) {
        self.warn(what);
        if let Some(hint) = what.hint() {
            self.say(format_args!("hint: {hint}"));
        }
    }
}

/// `--force` as the library knows it.
pub fn existing(force: bool) -> Existing {
    if force { Existing::Replace } else { Existing::Keep }
}

/// Tells an error and its hint on standard error.
pub fn tell(error: &Error) {
    eprintln!("error: {error}");
    if let Some(hint) = error.hint() {
        eprintln!("hint: {hint}");
    }
}

/// Tells an error and its hint on standard error, and turns the outcome into the exit code.
pub fn conclude(result: Result<Outcome>) -> ExitCode {
    match result {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Differ) => ExitCode::from(1),
        Err(error) => {
            tell(&error);
            ExitCode::from(2)
        }
    }
}
