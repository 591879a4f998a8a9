//! Output of all `validate` tools in three formats: text, JSON, and JUnit XML for continuous integration.

use std::path::PathBuf;

use leadfield::Result;

use super::junit;
use crate::cli::help::OUTPUT;
use crate::cli::{Outcome, console};

/// Message of a report while the run has no verdict.
const ABORTED_MESSAGE: &str = "the run ended before it had a verdict";

/// Options for the output of results.
#[derive(clap::Args)]
pub struct ReportOutput {
    /// Print JSON (numbers that are not finite are null)
    #[arg(long, help_heading = OUTPUT)]
    json: bool,
    /// Also write a JUnit report for continuous integration; it replaces only an older report
    #[arg(long, help_heading = OUTPUT, value_name = "FILE")]
    junit: Option<PathBuf>,
}

/// A check: one test case.
pub struct CheckCase {
    /// What was checked.
    pub name: String,
    /// What failed, in one line and in full; `None` if it agrees.
    pub failure: Option<(String, String)>,
    /// The reason why it could not be checked.
    pub skipped: Option<String>,
}

/// All results.
pub struct Verdict {
    /// The checks.
    pub cases: Vec<CheckCase>,
    /// The results for scripts.
    pub json: serde_json::Value,
    /// The results as text.
    pub text: String,
}

impl CheckCase {
    /// Creates a case that fails if there are any faults.
    pub fn new(name: impl Into<String>, against: Vec<String>) -> Self {
        let failure = against.first().cloned().map(|first| (first, against.join("\n")));
        Self { name: name.into(), failure, skipped: None }
    }

    /// Creates a case that could not be checked, and is neither a success nor a failure.
    pub fn skipped(name: impl Into<String>, why: &str) -> Self {
        Self { name: name.into(), failure: None, skipped: Some(why.into()) }
    }
}

impl Verdict {
    /// Returns whether all checks agree.
    pub fn agrees(&self) -> bool {
        self.cases.iter().all(|case| case.failure.is_none())
    }
}

impl ReportOutput {
    /// Runs a tool once it is certain that a report can be written. Without a verdict, the report contains the error;
    /// from the beginning it states that there is no verdict, in case the run is ended from outside.
    pub fn run_with_junit(&self, suite: &str, run: impl FnOnce() -> Result<Outcome>) -> Result<Outcome> {
        let Some(path) = &self.junit else { return run() };
        junit::check_replaceable(path)?;
        junit::write(path, &junit::error_xml(suite, ABORTED_MESSAGE, None))?;
        let result = run();
        if let Err(error) = &result {
            // if this fails, the error is still printed, and no older report remains
            drop(junit::write(path, &junit::error_xml(suite, &error.to_string(), error.hint())));
        }
        result
    }

    /// Prints the verdict of a tool on its files, and returns the exit code.
    pub fn print_verdict(&self, suite: &str, verdict: &Verdict) -> Result<Outcome> {
        if let Some(path) = &self.junit {
            junit::write(path, &junit::to_xml(suite, verdict))?;
        }
        if self.json {
            console::print(format_args!("{:#}\n", verdict.json))?;
        } else {
            console::print(&verdict.text)?;
        }
        Ok(if verdict.agrees() { Outcome::Done } else { Outcome::Differ })
    }
}
