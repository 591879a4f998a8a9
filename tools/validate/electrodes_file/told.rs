//! The findings, told.

use std::fmt::Write;
use std::path::Path;

use leadfield::error::{count, listed};
use leadfield::validate::electrodes_file::{Code, Diagnosis, Entry, Finding, Mended, Recomputed, Severity};
use serde_json::{Value, json};

use crate::validate::report::{Case, Verdict};

/// Findings of one code that are spelt out for people.
const SPELT_OUT: usize = 3;

/// All codes, a paragraph each.
pub(super) fn list() -> String {
    Code::ALL.iter().fold(String::new(), |mut text, code| {
        let Entry { severity, title, mended, .. } = code.entry();
        let fix = if *mended { ", mended by --fix" } else { "" };
        let _ = writeln!(
            text,
            "{code}  {}{fix}: {title}\n     {}\n     {}",
            severity.name(),
            code.entry().clients(),
            remedy(*code)
        );
        text
    })
}

fn remedy(code: Code) -> String {
    format!("remedy: {}", code.entry().remedy)
}

/// All findings; those as bad as `worst` count against the file.
pub(super) fn verdict(diagnosis: &Diagnosis, worst: Severity) -> Verdict {
    let case = |code: &Code| {
        let counts = code.entry().severity >= worst;
        let found = diagnosis.findings.iter().filter(|f| f.code == *code && counts);
        Case::new(format!("{code} {}", code.entry().title), found.map(Finding::to_string).collect())
    };
    Verdict { cases: Code::ALL.iter().map(case).collect(), json: told(diagnosis, worst), text: text(diagnosis) }
}

fn told(diagnosis: &Diagnosis, worst: Severity) -> Value {
    let finding = |f: &Finding| {
        let Entry { code, severity, title, libsonata, simulator, remedy, .. } = f.code.entry();
        json!({
            "code": code, "severity": severity.name(), "title": title, "object": f.place.object, "row": f.place.row,
            "text": f.text, "more": f.more, "libsonata": libsonata.name(), "simulator": simulator.name(),
            "remedy": remedy, "mendable": f.mendable,
        })
    };
    json!({
        "file": diagnosis.path.display().to_string(),
        "agree": diagnosis.worst() < Some(worst),
        "recomputed": diagnosis.recomputed.as_ref().map(recomputed),
        "findings": diagnosis.findings.iter().map(finding).collect::<Vec<_>>(),
    })
}

fn recomputed(r: &Recomputed) -> Value {
    json!({
        "population": r.population, "nodes": r.nodes, "coefficients": r.coefficients, "contacts": r.contacts,
        "agreeing": r.agreeing, "left_out": r.left_out,
    })
}

fn text(diagnosis: &Diagnosis) -> String {
    let mut text = format!("{}: {}\n", diagnosis.path.display(), summary(diagnosis));
    for found in diagnosis.findings.chunk_by(|a, b| a.code == b.code) {
        for finding in found.iter().take(SPELT_OUT) {
            let _ = writeln!(text, "{} {}: {finding}", finding.code, finding.severity().name());
        }
        let rest = found.len().saturating_sub(SPELT_OUT);
        if rest > 0 {
            let _ = writeln!(text, "    and {rest} more such");
        }
        if let Some(first) = found.first() {
            let _ = writeln!(text, "    {}\n    {}", first.code.entry().clients(), remedy(first.code));
        }
    }
    if let Some(r) = &diagnosis.recomputed {
        let left_out =
            if r.left_out > 0 { format!("; {} left out", count(r.left_out, "contact")) } else { String::new() };
        let size = format!("{} of {}", count(r.coefficients, "coefficient"), count(r.nodes, "node"));
        let _ =
            writeln!(text, "computed anew: {size}, {} of {} agree{left_out}", r.agreeing, count(r.contacts, "contact"));
    }
    text + &diagnosis.verdict() + "\n"
}

fn summary(diagnosis: &Diagnosis) -> String {
    let populations = diagnosis.populations.iter().map(|p| {
        let (rows, columns) = p.factors.as_ref().map_or((0, 0), |f| (f.rows(), f.columns()));
        let nodes = count(p.node_ids.given.len() as u64, "node");
        format!("population `{}` with {nodes}, {}, {}", p.name, count(rows, "row"), count(columns, "column"))
    });
    let contacts = count(diagnosis.contacts.len() as u64, "contact");
    populations.chain([contacts]).collect::<Vec<_>>().join("; ")
}

/// Why no file was written.
pub(super) fn not_mended(codes: impl Iterator<Item = &'static str>) -> String {
    let mut codes: Vec<&str> = codes.collect();
    codes.dedup();
    format!("not mended, no file written: {} cannot be mended without guessing", listed(codes, 12))
}

/// What was mended, and what is left.
pub(super) fn mended(mended: &Mended, out: &Path, again: &Diagnosis) -> String {
    let codes = listed(mended.codes.keys().map(|c| c.entry().code), usize::MAX);
    let verdict = again.verdict();
    let left = if again.findings.is_empty() { verdict } else { format!("left: {verdict}") };
    format!("mended {codes}: {}, {}; {left}", out.display(), count(mended.rows, "row"))
}
