//! Formats the findings.

use std::fmt::Write;
use std::path::Path;

use leadfield::error::{format_count, join_quoted};
use leadfield::validate::electrodes_file::{
    Code, CodeDescription, Finding, FixSummary, RecomputationSummary, Severity, ValidationReport,
};
use serde_json::{Value, json};

use crate::validate::MAX_LISTED_NAMES;
use crate::validate::report::{CheckCase, Verdict};

/// Maximum number of findings of one code that are printed.
const MAX_LISTED_FINDINGS: usize = 3;

/// Lists all codes, one paragraph each.
pub(super) fn list_codes() -> String {
    Code::ALL.iter().fold(String::new(), |mut text, code| {
        let CodeDescription { severity, title, fixable, .. } = code.description();
        let fix = if *fixable { ", fixed by --fix" } else { "" };
        let _ = writeln!(
            text,
            "{code}  {}{fix}: {title}\n     {}\n     {}",
            severity.name(),
            code.description().clients(),
            remedy_text(*code)
        );
        text
    })
}

fn remedy_text(code: Code) -> String {
    format!("remedy: {}", code.description().remedy)
}

/// Returns all findings; those at least as severe as `worst` are failures.
pub(super) fn to_verdict(diagnosis: &ValidationReport, worst: Severity) -> Verdict {
    let case = |code: &Code| {
        let counts = code.description().severity >= worst;
        let found = diagnosis.findings.iter().filter(|f| f.code == *code && counts);
        CheckCase::new(format!("{code} {}", code.description().title), found.map(Finding::to_string).collect())
    };
    Verdict { cases: Code::ALL.iter().map(case).collect(), json: to_json(diagnosis, worst), text: to_text(diagnosis) }
}

fn to_json(diagnosis: &ValidationReport, worst: Severity) -> Value {
    let finding = |f: &Finding| {
        let CodeDescription { code, severity, title, libsonata, simulator, remedy, .. } = f.code.description();
        json!({
            "code": code, "severity": severity.name(), "title": title, "object": f.place.item, "row": f.place.index,
            "text": f.text, "more": f.more_count, "libsonata": libsonata.name(), "simulator": simulator.name(),
            "remedy": remedy, "mendable": f.fixable,
        })
    };
    json!({
        "file": diagnosis.path.display().to_string(),
        "agree": diagnosis.worst_severity() < Some(worst),
        "recomputed": diagnosis.recomputed.as_ref().map(recomputed_json),
        "findings": diagnosis.findings.iter().map(finding).collect::<Vec<_>>(),
    })
}

fn recomputed_json(r: &RecomputationSummary) -> Value {
    json!({
        "population": r.population, "nodes": r.nodes, "coefficients": r.weights, "contacts": r.contacts,
        "agreeing": r.agreeing, "left_out": r.left_out,
    })
}

fn to_text(diagnosis: &ValidationReport) -> String {
    let mut text = format!("{}: {}\n", diagnosis.path.display(), recomputed_text(diagnosis));
    for found in diagnosis.findings.chunk_by(|a, b| a.code == b.code) {
        for finding in found.iter().take(MAX_LISTED_FINDINGS) {
            let _ = writeln!(text, "{} {}: {finding}", finding.code, finding.severity().name());
        }
        let rest = found.len().saturating_sub(MAX_LISTED_FINDINGS);
        if rest > 0 {
            let _ = writeln!(text, "    and {rest} more");
        }
        if let Some(first) = found.first() {
            let _ = writeln!(text, "    {}\n    {}", first.code.description().clients(), remedy_text(first.code));
        }
    }
    if let Some(r) = &diagnosis.recomputed {
        let left_out =
            if r.left_out > 0 { format!("; {} left out", format_count(r.left_out, "contact")) } else { String::new() };
        let size = format!("{} of {}", format_count(r.weights, "weight"), format_count(r.nodes, "node"));
        let _ = writeln!(
            text,
            "recomputed: {size}, {} of {} agree{left_out}",
            r.agreeing,
            format_count(r.contacts, "contact")
        );
    }
    text + &diagnosis.counts_text() + "\n"
}

fn recomputed_text(diagnosis: &ValidationReport) -> String {
    let populations = diagnosis.populations.iter().map(|p| {
        let (rows, columns) = p.factors.as_ref().map_or((0, 0), |f| (f.rows(), f.columns()));
        let nodes = format_count(p.node_ids.in_file_order.len() as u64, "node");
        format!(
            "population `{}` with {nodes}, {}, {}",
            p.name,
            format_count(rows, "row"),
            format_count(columns, "column")
        )
    });
    let contacts = format_count(diagnosis.contacts.len() as u64, "contact");
    populations.chain([contacts]).collect::<Vec<_>>().join("; ")
}

/// Explains why no file was written.
pub(super) fn not_fixed_message(codes: impl Iterator<Item = &'static str>) -> String {
    let mut codes: Vec<&str> = codes.collect();
    codes.dedup();
    format!("not fixed, no file written: {} cannot be fixed without guessing", join_quoted(codes, MAX_LISTED_NAMES))
}

/// Describes what was fixed, and what is left.
pub(super) fn fixed_message(summary: &FixSummary, out: &Path, again: &ValidationReport) -> String {
    let codes = join_quoted(summary.codes.keys().map(|c| c.description().code), usize::MAX);
    let verdict = again.counts_text();
    let left = if again.findings.is_empty() { verdict } else { format!("left: {verdict}") };
    format!("fixed {codes}: {}, {}; {left}", out.display(), format_count(summary.rows, "row"))
}
