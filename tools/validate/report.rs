//! What all `validate` tools tell, in three forms: text for people, JSON for scripts, JUnit's XML for continuous checks.

use std::fmt::Write;
use std::path::PathBuf;

use leadfield::Result;
use leadfield::error::{Context, FileProblem};
use leadfield::staged::{Existing, Staged};

use crate::cli::{Outcome, console};

/// How findings are told.
#[derive(clap::Args)]
pub struct Output {
    /// Print JSON (a number that is not finite is null)
    #[arg(long)]
    json: bool,
    /// Also write a JUnit report, for continuous checks; it replaces an older one
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

/// One thing that was checked: a test case.
pub struct Case {
    /// What was checked.
    pub name: String,
    /// What was found wrong, in a line and at length; none if it agrees.
    pub failure: Option<(String, String)>,
}

/// All that was found.
pub struct Verdict {
    /// The tool and its files.
    pub suite: String,
    /// What was checked.
    pub cases: Vec<Case>,
    /// For scripts.
    pub json: serde_json::Value,
    /// For people.
    pub text: String,
}

impl Case {
    /// Something that agrees unless there is something to say against it.
    pub fn new(name: impl Into<String>, against: Vec<String>) -> Self {
        let failure = against.first().cloned().map(|first| (first, against.join("\n")));
        Self { name: name.into(), failure }
    }
}

impl Verdict {
    /// Whether everything agrees.
    pub fn agrees(&self) -> bool {
        self.cases.iter().all(|case| case.failure.is_none())
    }
}

impl Output {
    /// Tells the verdict, and turns it into the exit code.
    pub fn tell(&self, verdict: &Verdict) -> Result<Outcome> {
        if let Some(path) = &self.junit {
            let staged = Staged::new(path, Existing::Replace)?;
            std::fs::write(staged.partial(), junit(verdict)).map_err(FileProblem::Write).in_file(path)?;
            staged.commit()?;
        }
        if self.json {
            console::print(format_args!("{:#}\n", verdict.json))?;
        } else {
            console::print(&verdict.text)?;
        }
        Ok(if verdict.agrees() { Outcome::Done } else { Outcome::Differ })
    }
}

/// The report as JUnit's XML: one suite, one case a check.
fn junit(verdict: &Verdict) -> String {
    let failures = verdict.cases.iter().filter(|case| case.failure.is_some()).count();
    let (suite, tests) = (escaped(&verdict.suite), verdict.cases.len());
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let counts = format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"0\"");
    // writing into a string cannot fail
    let _ = writeln!(xml, "<testsuites {counts}>\n  <testsuite name=\"{suite}\" {counts}>");
    for case in &verdict.cases {
        let name = escaped(&case.name);
        let _ = match &case.failure {
            None => writeln!(xml, "    <testcase classname=\"{suite}\" name=\"{name}\"/>"),
            Some((message, detail)) => writeln!(
                xml,
                "    <testcase classname=\"{suite}\" name=\"{name}\">\n      \
                 <failure message=\"{}\">{}</failure>\n    </testcase>",
                escaped(message),
                escaped(detail)
            ),
        };
    }
    xml + "  </testsuite>\n</testsuites>\n"
}

/// Text as XML has it; what XML cannot hold becomes the replacement character.
fn escaped(text: &str) -> String {
    let mut xml = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\n' => xml.push_str("&#10;"),
            '\t' => xml.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => xml.push('\u{fffd}'),
            c => xml.push(c),
        }
    }
    xml
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn junit_counts_and_escapes() {
        let cases =
            vec![Case::new("nodes", vec![]), Case::new("contact `a<b>\u{1}`", vec!["1 & 2".into(), "\"more\"".into()])];
        let verdict = Verdict { suite: "s".into(), cases, json: serde_json::Value::Null, text: String::new() };
        assert!(!verdict.agrees());
        assert_eq!(
            junit(&verdict),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <testsuites tests=\"2\" failures=\"1\" errors=\"0\">\n  \
             <testsuite name=\"s\" tests=\"2\" failures=\"1\" errors=\"0\">\n    \
             <testcase classname=\"s\" name=\"nodes\"/>\n    \
             <testcase classname=\"s\" name=\"contact `a&lt;b&gt;\u{fffd}`\">\n      \
             <failure message=\"1 &amp; 2\">1 &amp; 2&#10;&quot;more&quot;</failure>\n    </testcase>\n  \
             </testsuite>\n</testsuites>\n"
        );
    }
}
