//! The parts that all tools share: common options, exit codes, and the output of errors.

pub mod circuit_warnings;
pub mod console;
pub mod contact_file;
pub mod dry_run;
pub mod facts;
pub mod help;
pub mod method_args;
pub mod output;
pub mod progress;
mod ranks;
pub mod rule_args;
pub mod segment_input;
pub mod segmentation_args;
pub mod stop_signal;
mod swapped;
mod text;
pub mod version;
mod watchdog;

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::time::Instant;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use leadfield::error::{Error, Problem, Result, format_count};
use leadfield::io::atomic_output::OverwritePolicy;
use leadfield::io::ranks::{Balance, Ranks};
use leadfield::segments::table::SegmentTable;

use help::GENERAL;
use ranks::LaunchedRanks;

/// Options of every tool.
#[derive(clap::Args)]
pub struct Common {
    /// Number of worker threads (default: one for each core; under mpirun, the cores that a rank may use, shared with
    /// other ranks)
    #[arg(long, global = true, value_name = "N", help_heading = GENERAL)]
    pub threads: Option<usize>,
    /// Print only errors
    #[arg(short, long, global = true, help_heading = GENERAL)]
    pub quiet: bool,
    /// Print also the version, threads, instruction sets, time and memory of the run
    #[arg(short, long, global = true, help_heading = GENERAL)]
    verbose: bool,
    /// Print help: `-h` a summary, `--help` all
    #[arg(short, long, global = true, action = clap::ArgAction::Help, help_heading = GENERAL)]
    help: Option<bool>,
    /// Print the version: `-V` the number, `--version` also what it was built with
    #[arg(short = 'V', long, global = true, action = clap::ArgAction::Version, help_heading = GENERAL)]
    version: Option<bool>,
    /// When the run began.
    #[arg(skip = Instant::now())]
    started: Instant,
    /// The processes that share the run.
    #[arg(skip)]
    ranks: LaunchedRanks,
}

/// Returns the program's arguments, with negative numbers in a form that clap accepts: it accepts `-0.001`, but neither
/// `-1e-3` nor `-.5`.
pub fn command_line(arguments: impl IntoIterator<Item = OsString>) -> impl Iterator<Item = OsString> {
    arguments.into_iter().map(|argument| normalise_number(&argument).unwrap_or(argument))
}

fn normalise_number(argument: &OsStr) -> Option<OsString> {
    let text = argument.to_str().filter(|text| text.starts_with('-'))?;
    text.parse::<f64>().ok().filter(|number| number.is_finite()).map(|number| number.to_string().into())
}

/// The outcome of a tool that did its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The work is done, or the inputs agree: exit code 0.
    Done,
    /// The inputs differ: exit code 1.
    Differ,
}

/// Largest number of threads, more than any machine has cores.
const MAX_THREADS: usize = 1024;

/// The thread pool cannot be started.
#[derive(Debug, thiserror::Error)]
enum ThreadProblem {
    #[error("`--threads` out of range, expected 1 to {MAX_THREADS}, found `{0}`")]
    Range(usize),
    #[error("the worker threads cannot be started: {0}")]
    Pool(#[from] rayon::ThreadPoolBuildError),
}

impl Problem for ThreadProblem {
    fn hint(&self) -> Option<String> {
        matches!(self, Self::Range(_)).then(|| "leave it out for one thread a core".into())
    }
}

impl Common {
    /// Starts the worker threads, and the thread that watches the HDF5 library.
    pub fn start(&self) -> Result<()> {
        watchdog::start();
        let threads = match self.threads {
            Some(n) if !(1..=MAX_THREADS).contains(&n) => return Err(ThreadProblem::Range(n).into()),
            Some(n) => n,
            None => self.ranks.threads(),
        };
        let built = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
        built.map_err(ThreadProblem::Pool)?;
        if self.verbose {
            let threads = format_count(rayon::current_num_threads() as u64, "thread");
            let (name, sets) = (version::SHORT.trim_end(), version::instruction_sets());
            self.print_note(format_args!("{name}, {threads}, {sets}"));
        }
        Ok(())
    }

    /// Prints a note on standard error, unless `--quiet` is given.
    pub fn print_note(&self, text: impl std::fmt::Display) {
        if !self.quiet {
            console::note(text);
        }
    }

    /// Prints a warning on standard error, unless `--quiet` is given.
    pub fn warn(&self, text: impl std::fmt::Display) {
        if !self.quiet {
            console::labelled_note("warning", console::WARNING, text);
        }
    }
}

impl Common {
    /// Prints an error as a warning, with its hint, unless `--quiet` is given.
    pub fn warn_with_hint(&self, what: &Error) {
        self.warn(what);
        for hint in what.hint().unwrap_or_default().lines() {
            if !self.quiet {
                console::labelled_note("hint", console::HINT, hint);
            }
        }
    }
}

/// The functions for tools whose work ranks can share.
impl Common {
    /// Connects the other ranks, if several were started. All ranks but rank 0 are quiet from now on.
    pub fn join_ranks(&mut self) -> Result<()> {
        self.ranks = LaunchedRanks::from_environment();
        self.ranks.connect()?;
        self.quiet |= !self.ranks().is_first();
        Ok(())
    }

    /// Returns the ranks that share the run.
    pub fn ranks(&self) -> &Ranks {
        self.ranks.connected()
    }

    /// Prints how evenly the work was shared.
    pub fn print_balance(&self) {
        let Some(Balance { ranks, idle_ranks, slowest_s, mean_s }) = self.ranks().balance() else { return };
        if idle_ranks > 0 {
            let idle = if idle_ranks == 1 { "1 rank has".into() } else { format!("{idle_ranks} ranks have") };
            self.print_note(format_args!("{idle} nothing to do: there are too few parts"));
        }
        if ranks > 1 {
            let ratio = if mean_s > 0.0 { slowest_s / mean_s } else { 1.0 };
            self.print_note(format_args!(
                "{ranks} ranks at work for {mean_s:.2} s on average, the slowest {ratio:.2} times as long"
            ));
        }
    }

    /// Prints an error and its hint, and returns the exit code. If several ranks fail, the first one reports; no rank
    /// exits before it has.
    pub fn report_result(&self, result: Result<Outcome>) -> u8 {
        let result = result.map_err(swapped::explain);
        let is_reporter = self.ranks.is_reporter(result.as_ref().map(drop));
        if let (true, Err(error)) = (is_reporter, &result) {
            print_error(error);
        }
        if self.verbose {
            let (seconds, bytes) = (self.started.elapsed().as_secs_f64(), max_memory_bytes());
            self.print_note(format_args!("{seconds:.2} s, at most {} of memory", facts::format_bytes(bytes)));
        }
        // a signal to one rank stops all, and all exit alike: launchers return the code of the first that has ended
        let signal_code = self.ranks().wait_for_all(stop_signal::exit_code().into());
        exit_code(&result, signal_code)
    }
}

/// Reports arguments that are not understood, or prints the requested help: once, for all ranks.
pub fn report_argument_error(error: &clap::Error) -> u8 {
    let ranks = LaunchedRanks::from_environment();
    let problem = Error::from(ArgumentsProblem);
    if ranks.is_reporter(Err(&problem)) {
        // if the output is not read, nothing is lost
        match error.kind() {
            ErrorKind::DisplayVersion if std::env::args_os().any(|argument| argument == "--version") => {
                drop(console::print(version::describe()));
            }
            ErrorKind::DisplayVersion => drop(console::print(version::SHORT)),
            _ => {
                drop(error.print());
                if is_list_without_commas(error, std::env::args_os()) {
                    console::labelled_note("hint", console::HINT, LIST_HINT);
                }
            }
        }
    }
    u8::try_from(error.exit_code()).unwrap_or(EXIT_ERROR)
}

/// The advice for numbers that are separated by blanks.
const LIST_HINT: &str =
    "write the numbers of an option with commas and without blanks, for example `--sphere 0,-200,0,50`";

/// Returns whether an unexpected argument is a number beside another one, as in `--sphere 0 0 0 50`.
fn is_list_without_commas(error: &clap::Error, arguments: impl Iterator<Item = OsString>) -> bool {
    let is_number = |text: &str| text.trim_end_matches(',').parse::<f64>().is_ok();
    let Some(ContextValue::String(found)) = error.get(ContextKind::InvalidArg) else { return false };
    // clap takes `-200` for the option `-2`
    error.kind() == ErrorKind::UnknownArgument
        && is_number(found)
        && arguments.filter(|argument| is_number(&argument.to_string_lossy())).count() > 1
}

/// The arguments are not understood.
#[derive(Debug, thiserror::Error)]
#[error("arguments are not understood")]
struct ArgumentsProblem;

impl Problem for ArgumentsProblem {}

/// Opens a segment table. One that another program rewrote gets the population's name, with a note about the
/// assumptions.
pub fn open_table(path: &Path, population: Option<&str>, common: &Common) -> Result<SegmentTable> {
    let mut table = SegmentTable::open(path)?;
    if let Some(name) = population {
        table.set_population(name);
    }
    warn_assumptions(&table, common);
    Ok(table)
}

/// Warns of the assumptions about a table that another program rewrote.
pub fn warn_assumptions(table: &SegmentTable, common: &Common) {
    if let Some(assumptions) = table.assumptions() {
        common.warn(format_args!("{}: {assumptions}", table.path().display()));
    }
}

/// Converts `--force` to the library's type.
pub fn overwrite_policy(force: bool) -> OverwritePolicy {
    if force { OverwritePolicy::Replace } else { OverwritePolicy::Refuse }
}

/// Returns the largest memory that the process has used, bytes.
fn max_memory_bytes() -> u64 {
    // SAFETY: an all-zero `rusage` is valid, and the pointer is valid during the call
    let kilobytes = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &raw mut usage);
        usage.ru_maxrss
    };
    u64::try_from(kilobytes).unwrap_or(0) * if cfg!(target_os = "macos") { 1 } else { 1024 }
}

/// Exit code of an error.
const EXIT_ERROR: u8 = 2;

/// Returns the exit code of a result; `signal_code` is that of a run that a signal stopped, 0 if there was no signal.
fn exit_code(result: &Result<Outcome>, signal_code: u64) -> u8 {
    match result {
        Ok(Outcome::Done) => 0,
        Ok(Outcome::Differ) => 1,
        Err(error) if error.kind() == leadfield::error::ErrorKind::Interrupted && signal_code > 0 => {
            u8::try_from(signal_code).unwrap_or(EXIT_ERROR)
        }
        Err(_) => EXIT_ERROR,
    }
}

/// Prints an error and its hint on standard error.
pub fn print_error(error: &Error) {
    console::labelled_note("error", console::ERROR, error);
    for hint in error.hint().unwrap_or_default().lines() {
        console::labelled_note("hint", console::HINT, hint);
    }
}
