//! One segment table, checked against what it says of itself.

use std::fmt::Write;
use std::path::Path;

use leadfield::Result;
use leadfield::error::{Error, count};
use leadfield::segments::table::{Table, Verification};
use serde_json::json;

use crate::cli::{Common, open_table};
use crate::validate::report::{Case, Verdict};

/// Reads all of a table and reports what is wrong with it.
pub(super) fn verdict(path: &Path, common: &Common) -> Result<Verdict> {
    let table = open_table(path, None, common)?;
    let verification = table.verify()?;
    let findings: Vec<String> = verification.findings.iter().map(Error::to_string).collect();
    let json = json!({
        "valid": findings.is_empty(),
        "segments": verification.segments,
        "pages": verification.pages,
        "parts": table.parts().len(),
        "parts_without_checksums": verification.parts_without_checksums,
        "found": verification.found,
        "findings": findings,
    });
    let text = text(&table, &verification, &findings);
    Ok(Verdict { cases: vec![Case::new("table", findings)], json, text })
}

fn text(table: &Table, verification: &Verification, findings: &[String]) -> String {
    let segments = count(verification.segments, "segment");
    let parts = count(table.parts().len() as u64, "part");
    let mut text =
        format!("{segments} in {parts} read, statistics of {} recomputed\n", count(verification.pages, "page"));
    if verification.parts_without_checksums > 0 {
        let parts = count(verification.parts_without_checksums, "part");
        let _ = writeln!(text, "{parts} without checksums: a changed value may not be found");
    }
    findings.iter().for_each(|finding| text += &format!("{finding}\n"));
    let unlisted = verification.found - findings.len() as u64;
    if unlisted > 0 {
        let _ = writeln!(text, "and {unlisted} more");
    }
    if let Some(hint) = verification.findings.first().and_then(Error::hint) {
        let _ = writeln!(text, "hint: {hint}");
    }
    text + if findings.is_empty() { "valid\n" } else { "not valid\n" }
}
