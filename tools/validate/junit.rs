//! Writes JUnit XML for continuous integration (one suite, one case per check), and checks which files a report may
//! replace.

use std::fmt::Write;
use std::io::Read;
use std::path::Path;

use leadfield::Result;
use leadfield::error::{Context, FileProblem, Problem};
use leadfield::io::atomic_output::{AtomicOutput, OverwritePolicy};

use super::report::Verdict;

/// Number of bytes at the beginning by which a report is recognised.
const HEADER_BYTES: u64 = 1024;

/// A file that a report must not replace.
#[derive(Debug, thiserror::Error)]
#[error("not replaced, expected a JUnit report, an empty file or a free name, found {0}")]
struct NotReplaceable(&'static str);

impl Problem for NotReplaceable {
    fn hint(&self) -> Option<String> {
        Some("choose another name for `--junit`, or remove it by hand".into())
    }
}

/// Returns an error if the name is that of anything but an earlier report.
pub fn check_replaceable(path: &Path) -> Result<()> {
    let taken = |found| Err(NotReplaceable(found)).in_file(path);
    match path.symlink_metadata() {
        Ok(found) if found.is_dir() => Err(FileProblem::IsFolder).in_file(path),
        Ok(found) if !found.is_file() => taken("a link or a device"),
        Ok(found) if found.len() == 0 || is_report(path)? => Ok(()),
        Ok(_) => taken("another file"),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(FileProblem::Write(e)).in_file(path),
    }
}

fn is_report(path: &Path) -> Result<bool> {
    let mut start = Vec::new();
    let file = std::fs::File::open(path);
    file.and_then(|f| f.take(HEADER_BYTES).read_to_end(&mut start)).map_err(FileProblem::Read).in_file(path)?;
    let text = String::from_utf8_lossy(&start);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    Ok(text.starts_with("<testsuite") || text.starts_with("<?xml") && text.contains("<testsuite"))
}

/// Writes a report, replacing an older one.
pub fn write(path: &Path, xml: &str) -> Result<()> {
    let staged = AtomicOutput::create_file(path, OverwritePolicy::Replace)?;
    staged.write_all(xml)?;
    staged.commit()
}

/// Formats the report as JUnit XML: one suite, one case per check.
pub fn to_xml(suite: &str, verdict: &Verdict) -> String {
    let failures = verdict.cases.iter().filter(|case| case.failure.is_some()).count();
    let (suite, tests) = (escape_xml(suite), verdict.cases.len());
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let counts = format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"0\"");
    // writing to a string cannot fail
    let _ = writeln!(xml, "<testsuites {counts}>\n  <testsuite name=\"{suite}\" {counts}>");
    for case in &verdict.cases {
        let name = escape_xml(&case.name);
        let _ = match (&case.failure, &case.skipped) {
            (None, Some(why)) => writeln!(
                xml,
                "    <testcase classname=\"{suite}\" name=\"{name}\">\n      \
                 <skipped message=\"{}\"/>\n    </testcase>",
                escape_xml(why)
            ),
            (None, None) => writeln!(xml, "    <testcase classname=\"{suite}\" name=\"{name}\"/>"),
            (Some((message, detail)), _) => writeln!(
                xml,
                "    <testcase classname=\"{suite}\" name=\"{name}\">\n      \
                 <failure message=\"{}\">{}</failure>\n    </testcase>",
                escape_xml(message),
                escape_xml(detail)
            ),
        };
    }
    xml + "  </testsuite>\n</testsuites>\n"
}

/// Formats the report of a run without a verdict: one case with an error.
pub fn error_xml(suite: &str, error: &str, hint: Option<String>) -> String {
    let detail = hint.map_or_else(|| error.into(), |hint| format!("{error}\nhint: {hint}"));
    let (suite, error, detail) = (escape_xml(suite), escape_xml(error), escape_xml(&detail));
    let counts = "tests=\"1\" failures=\"0\" errors=\"1\"";
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {counts}>\n  <testsuite name=\"{suite}\" {counts}>\n    \
         <testcase classname=\"{suite}\" name=\"verdict\">\n      <error message=\"{error}\">{detail}</error>\n    \
         </testcase>\n  </testsuite>\n</testsuites>\n"
    )
}

/// Escapes text for XML; characters that XML does not allow become the replacement character.
fn escape_xml(text: &str) -> String {
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
    use crate::validate::report::CheckCase;

    #[test]
    fn junit_counts_and_escapes() {
        let cases = vec![
            CheckCase::new("nodes", vec![]),
            CheckCase::new("contact `a<b>\u{1}`", vec!["1 & 2".into(), "\"more\"".into()]),
        ];
        let verdict = Verdict { cases, json: serde_json::Value::Null, text: String::new() };
        assert!(!verdict.agrees());
        assert_eq!(
            to_xml("s", &verdict),
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
