//! What is wrong with the electrodes file, as `leadfield validate electrodes-file` finds it.

use crate::plot::figures::grouped;
use crate::validate::electrodes_file::{Code, Diagnosis, Expected, Finding};

/// Findings of one code that are spelt out.
const SPELT_OUT: usize = 3;

/// Findings, told.
pub struct Findings {
    /// How many there are of which severity, or `sound`.
    pub verdict: String,
    /// What was looked at.
    pub checked: String,
    /// One code each.
    pub rows: Vec<Row>,
}

/// What was found of one code.
pub struct Row {
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
pub fn told(diagnosis: &Diagnosis, expected: &[Expected]) -> Findings {
    let rows = diagnosis.findings.chunk_by(|a, b| a.code == b.code).filter_map(row).collect();
    Findings { verdict: diagnosis.verdict(), checked: checked(diagnosis, expected), rows }
}

fn row(findings: &[Finding]) -> Option<Row> {
    let entry = findings.first()?.code.entry();
    let mut found: Vec<String> = findings.iter().take(SPELT_OUT).map(Finding::to_string).collect();
    let rest = findings.len().saturating_sub(SPELT_OUT);
    if rest > 0 {
        found.push(format!("and {rest} more such"));
    }
    Some(Row {
        code: entry.code,
        severity: entry.severity.name(),
        found,
        clients: entry.clients(),
        remedy: entry.remedy,
    })
}

fn checked(diagnosis: &Diagnosis, expected: &[Expected]) -> String {
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
        many(diagnosis.populations.iter().map(|p| p.node_ids.given.len() as u64).sum::<u64>(), "node"),
        many(rows, "row"),
        many(values, "coefficient"),
        many(diagnosis.contacts.len() as u64, "contact"),
    );
    for expected in expected {
        let nodes = many(expected.segments.len() as u64, "node");
        text += &format!("; {nodes} of {} and their numbers of segments", expected.source);
    }
    text
}

/// A number of things, its thousands apart.
fn many(n: u64, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{} {noun}s", grouped(n)) }
}
