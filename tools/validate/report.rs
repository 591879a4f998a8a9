//! What all `validate` tools tell, in three forms: text for people, JSON for scripts, JUnit's XML for continuous checks.

use std::path::PathBuf;

use leadfield::Result;

use super::junit;
use crate::cli::{Outcome, console};

/// What a report says while there is nothing to say.
const ABORTED_MESSAGE: &str = "the run was ended before it had a verdict";

/// How findings are told.
#[derive(clap::Args)]
pub struct ReportOutput {
    /// Print JSON (a number that is not finite is null)
    #[arg(long)]
    json: bool,
    /// Also write a JUnit report, for continuous checks; it replaces an older report, and no other file
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

/// One thing that was checked: a test case.
pub struct CheckCase {
    /// What was checked.
    pub name: String,
    /// What was found wrong, in a line and at length; none if it agrees.
    pub failure: Option<(String, String)>,
    /// Why it could not be checked.
    pub skipped: Option<String>,
}

/// All that was found.
pub struct Verdict {
    /// What was checked.
    pub cases: Vec<CheckCase>,
    /// For scripts.
    pub json: serde_json::Value,
    /// For people.
    pub text: String,
}

impl CheckCase {
    /// Something that agrees unless there is something to say against it.
    pub fn new(name: impl Into<String>, against: Vec<String>) -> Self {
        let failure = against.first().cloned().map(|first| (first, against.join("\n")));
        Self { name: name.into(), failure, skipped: None }
    }

    /// Something that could not be checked, and counts neither for nor against.
    pub fn skipped(name: impl Into<String>, why: &str) -> Self {
        Self { name: name.into(), failure: None, skipped: Some(why.into()) }
    }
}

impl Verdict {
    /// Whether everything agrees.
    pub fn agrees(&self) -> bool {
        self.cases.iter().all(|case| case.failure.is_none())
    }
}

impl ReportOutput {
    /// Does what is asked for, once it is known that a report can be written. Where there is no verdict the report has the
    /// error; it says from the beginning that there is none, for a run that is ended from outside.
    pub fn run_with_junit(&self, suite: &str, run: impl FnOnce() -> Result<Outcome>) -> Result<Outcome> {
        let Some(path) = &self.junit else { return run() };
        junit::check_replaceable(path)?;
        junit::write(path, &junit::error_xml(suite, ABORTED_MESSAGE, None))?;
        let result = run();
        if let Err(error) = &result {
            // where it cannot be written it is told all the same, and no older report stays
            drop(junit::write(path, &junit::error_xml(suite, &error.to_string(), error.hint())));
        }
        result
    }

    /// Tells the verdict of a tool on its files, and turns it into the exit code.
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
