//! Findings about the electrodes file, as reported by `leadfield validate electrodes-file`.

use crate::plot::figures::group_thousands;
use crate::validate::electrodes_file::{Code, ExpectedNodes, Finding, Severity, ValidationReport};

/// Maximum number of findings of one code that are listed.
const MAX_LISTED_FINDINGS: usize = 3;

/// Findings as text.
pub struct FindingsTable {
    /// Number of findings of each severity, or `valid`.
    pub verdict: String,
    /// The worst severity: `error`, `warning`, `note`, or `valid` if there are no findings.
    pub severity: &'static str,
    /// What was checked.
    pub checked: String,
    /// One row per code.
    pub rows: Vec<FindingRow>,
}

/// Findings of one code.
pub struct FindingRow {
    /// `E01`...
    pub code: &'static str,
    /// `error`, `warning` or `note`.
    pub severity: &'static str,
    /// Location and description of the first findings.
    pub found: Vec<String>,
    /// What clients do with it.
    pub clients: String,
    /// How to fix it.
    pub remedy: &'static str,
}

/// Summarises all findings.
pub fn summarise_findings(diagnosis: &ValidationReport, expected: &[ExpectedNodes]) -> FindingsTable {
    let rows = diagnosis.findings.chunk_by(|a, b| a.code == b.code).filter_map(build_row).collect();
    let severity = diagnosis.worst_severity().map_or("valid", Severity::name);
    FindingsTable { verdict: diagnosis.counts_text(), severity, checked: describe_checks(diagnosis, expected), rows }
}

fn build_row(findings: &[Finding]) -> Option<FindingRow> {
    let entry = findings.first()?.code.description();
    let mut found: Vec<String> = findings.iter().take(MAX_LISTED_FINDINGS).map(Finding::to_string).collect();
    let rest = findings.len().saturating_sub(MAX_LISTED_FINDINGS);
    if rest > 0 {
        found.push(format!("and {rest} more"));
    }
    Some(FindingRow {
        code: entry.code,
        severity: entry.severity.name(),
        found,
        clients: entry.clients(),
        remedy: entry.remedy,
    })
}

fn describe_checks(diagnosis: &ValidationReport, expected: &[ExpectedNodes]) -> String {
    let (mut rows, mut values) = (0, 0);
    for factors in diagnosis.populations.iter().filter_map(|p| p.factors.as_ref()) {
        rows += factors.rows();
        values += factors.rows() * factors.columns();
    }
    let mut text = format!(
        "{}{} kinds of faults were checked, in groups, types and storage; {} with their offsets, {}; all {}; \
         {} with position, type and column; units",
        if diagnosis.findings.is_empty() { "No findings. " } else { "" },
        Code::ALL.len(),
        count_grouped(diagnosis.populations.iter().map(|p| p.node_ids.in_file_order.len() as u64).sum::<u64>(), "node"),
        count_grouped(rows, "row"),
        count_grouped(values, "weight"),
        count_grouped(diagnosis.contacts.len() as u64, "contact"),
    );
    for expected in expected {
        let nodes = count_grouped(expected.segment_counts.len() as u64, "node");
        text += &format!("; {nodes} of {} and their numbers of segments", expected.source);
    }
    text
}

/// Formats a count of things with thousands separated.
fn count_grouped(n: u64, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{} {noun}s", group_thousands(n)) }
}
