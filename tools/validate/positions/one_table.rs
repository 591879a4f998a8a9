//! Checks one segment table for consistency.

use std::fmt::Write;
use std::path::Path;

use leadfield::Result;
use leadfield::error::{Error, format_count};
use leadfield::segments::table::{SegmentTable, Verification};
use serde_json::json;

use crate::cli::{Common, open_table};
use crate::validate::report::{CheckCase, Verdict};

/// Reads a whole table and reports its faults.
pub(super) fn to_verdict(path: &Path, common: &Common) -> Result<Verdict> {
    let table = open_table(path, None, common)?;
    let verification = table.verify()?;
    let findings: Vec<String> = verification.findings.iter().map(Error::to_string).collect();
    let json = json!({
        "valid": findings.is_empty(),
        "segments": verification.segments,
        "pages": verification.pages,
        "parts": table.parts().len(),
        "parts_without_checksums": verification.parts_without_checksums,
        "found": verification.finding_count,
        "findings": findings,
    });
    let text = to_text(&table, &verification, &findings);
    Ok(Verdict { cases: vec![CheckCase::new("table", findings)], json, text })
}

fn to_text(table: &SegmentTable, verification: &Verification, findings: &[String]) -> String {
    let segments = format_count(verification.segments, "segment");
    let parts = format_count(table.parts().len() as u64, "part");
    let mut text =
        format!("{segments} in {parts} read, statistics of {} recomputed\n", format_count(verification.pages, "page"));
    if verification.parts_without_checksums > 0 {
        let parts = format_count(verification.parts_without_checksums, "part");
        let _ = writeln!(text, "{parts} without checksums: changed values may not be detected");
    }
    findings.iter().for_each(|finding| text += &format!("{finding}\n"));
    let unlisted = verification.finding_count - findings.len() as u64;
    if unlisted > 0 {
        let _ = writeln!(text, "and {unlisted} more");
    }
    if let Some(hint) = verification.findings.first().and_then(Error::hint) {
        let _ = writeln!(text, "hint: {hint}");
    }
    text + if findings.is_empty() { "valid\n" } else { "not valid\n" }
}
