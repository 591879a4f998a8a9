//! What is wrong with the electrodes file, as `leadfield validate electrodes-file` finds it.

use crate::plot::figures::group_thousands;
use crate::validate::electrodes_file::{Code, ExpectedNodes, Finding, ValidationReport};

/// Findings of one code that are spelt out.
const MAX_LISTED_FINDINGS: usize = 3;

/// Findings, told.
pub struct FindingsTable {
    /// How many there are of which severity, or `sound`.
    pub verdict: String,
    /// What was looked at.
    pub checked: String,
    /// One code each.
    pub rows: Vec<FindingRow>,
}

/// What was found of one code.
pub struct FindingRow {
    /// `E01`...
    pub code: &'static str,
    /// `error`, `warning` or `note`.
    pub severity: &'static str,
    /// Where it is and what was found, some times.
    pub found: Vec<String>,
    /// What clients do with it.
    pub clients: String,
    /// How to mend it.
    pub remedy: &'static str,
}

/// All findings.
pub fn summarise_findings(diagnosis: &ValidationReport, expected: &[ExpectedNodes]) -> FindingsTable {
    let rows = diagnosis.findings.chunk_by(|a, b| a.code == b.code).filter_map(build_row).collect();
    FindingsTable { verdict: diagnosis.counts_text(), checked: describe_checks(diagnosis, expected), rows }
}

fn build_row(findings: &[Finding]) -> Option<FindingRow> {
    let entry = findings.first()?.code.entry();
    let mut found: Vec<String> = findings.iter().take(MAX_LISTED_FINDINGS).map(Finding::to_string).collect();
    let rest = findings.len().saturating_sub(MAX_LISTED_FINDINGS);
    if rest > 0 {
        found.push(format!("and {rest} more such"));
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
        "{}{} kinds of faults were looked for, in groups, types and storage; {} with their offsets, {}; all {}; \
         {} with position, type and column; units",
        if diagnosis.findings.is_empty() { "No findings. " } else { "" },
        Code::ALL.len(),
        count_grouped(diagnosis.populations.iter().map(|p| p.node_ids.in_file_order.len() as u64).sum::<u64>(), "node"),
        count_grouped(rows, "row"),
        count_grouped(values, "coefficient"),
        count_grouped(diagnosis.contacts.len() as u64, "contact"),
    );
    for expected in expected {
        let nodes = count_grouped(expected.segment_counts.len() as u64, "node");
        text += &format!("; {nodes} of {} and their numbers of segments", expected.source);
    }
    text
}

/// A number of things, its thousands apart.
fn count_grouped(n: u64, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{} {noun}s", group_thousands(n)) }
}
