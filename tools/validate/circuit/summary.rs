//! Formats the results of validating a circuit.

use std::path::PathBuf;

use leadfield::error::format_count;
use leadfield::validate::circuit::{NeuronDifference, SectionDifference, TableCheck};
use serde_json::{Value, json};

use super::PopulationFindings;
use crate::validate::report::{CheckCase, Verdict};

/// Returns all results.
pub(super) fn to_verdict(findings: &[PopulationFindings]) -> Verdict {
    let agree = findings.iter().all(PopulationFindings::agrees);
    let against = reference_kind(findings);
    let last = match (agree, against) {
        (false, _) => "differ\n",
        (true, Some("report")) => "agree\n",
        (true, Some(_)) => {
            "the program is compared with itself: the table is what it creates from the circuit, and no report states \
             how a simulation divides these neurons\n"
        }
        (true, None) => "nothing is compared: there is no report and no table\n",
    };
    // agreement of the program with itself is not a result
    let verdict = if agree && against != Some("report") { Value::Null } else { agree.into() };
    Verdict {
        cases: findings.iter().flat_map(to_cases).collect(),
        json: json!({ "agree": verdict, "compared_with": against, "populations": findings.iter().map(to_json).collect::<Vec<_>>() }),
        text: findings.iter().map(to_text).collect::<String>() + last,
    }
}

/// Returns what the circuit is compared with: the report of a simulation, or the program's own segments.
fn reference_kind(findings: &[PopulationFindings]) -> Option<&'static str> {
    if findings.iter().any(|f| f.agreement.report.is_some()) {
        return Some("report");
    }
    findings.iter().any(|f| f.table.is_some()).then_some("itself")
}

/// Returns one case per template, and one for each property of a table that is compared.
fn to_cases(finding: &PopulationFindings) -> Vec<CheckCase> {
    let a = &finding.agreement;
    let template = |t: &leadfield::validate::circuit::TemplateComparison| {
        let own = a.differing.iter().filter(|d| d.template == t.name).map(describe_difference);
        let name = if t.name.is_empty() { "rule".into() } else { format!("template {}", t.name) };
        match &t.rule {
            Err(problem) if !t.is_compared() => CheckCase::skipped(format!("{}: {name}", a.population), problem),
            _ => CheckCase::new(format!("{}: {name}", a.population), own.collect()),
        }
    };
    let table = finding.table.iter().flat_map(|(_, fit)| mismatch_lines(fit, finding.source()));
    let table = table.map(|(what, against)| CheckCase::new(format!("{}: {what}", a.population), against));
    a.templates.iter().map(template).chain(table).collect()
}

fn to_text(finding: &PopulationFindings) -> String {
    let a = &finding.agreement;
    let report = a.report.as_ref().map_or_else(|| "no report".into(), |name| format!("report `{name}`"));
    let mut text = format!("population `{}`, {report}: {}\n", a.population, format_count(a.neuron_count(), "neuron"));
    let width = a.templates.iter().map(|t| t.name.len()).max().unwrap_or(0);
    for t in &a.templates {
        let name = if t.name.is_empty() { "rule".into() } else { format!("template {:width$}", t.name) };
        let verdict = match t.differing_count {
            0 if a.report.is_none() && finding.table.is_none() => "not compared".into(),
            0 if a.report.is_none() => "compared with the table".into(),
            0 if !t.is_compared() => "not compared".into(),
            0 => "agree".into(),
            n => format!("{n} differ"),
        };
        let rule = t.rule.as_deref().unwrap_or("no rule");
        text += &format!("{name}  {rule}: {}, {verdict}\n", format_count(t.neuron_count, "neuron"));
        if let (Err(problem), false) = (&t.rule, t.is_compared()) {
            text += &format!("note: {problem}: only the report is compared\n");
        }
    }
    a.differing.iter().for_each(|d| text += &(describe_difference(d) + "\n"));
    for tied in &a.ties {
        text += &format!(
            "tie: node {}, section {} of morphology `{}` is {:.6} µm long, close to {} µm\n",
            tied.node_id,
            tied.ambiguous_length.section_id,
            tied.morphology_name,
            tied.ambiguous_length.length_um,
            tied.ambiguous_length.multiple_um
        );
    }
    if let Some((path, fit)) = &finding.table {
        text += &format!("table {}: {}", path.display(), format_count(fit.neuron_count, "neuron"));
        text += if fit.is_consistent() { ", fits\n" } else { ", does not fit\n" };
        mismatch_lines(fit, finding.source())
            .into_iter()
            .flat_map(|(_, lines)| lines)
            .for_each(|line| text += &(line + "\n"));
    }
    text
}

fn describe_difference(d: &NeuronDifference) -> String {
    let node = format!("node {} (morphology `{}`)", d.node_id, d.morphology);
    if let Some(problem) = &d.problem {
        return format!("{node}: no rule: {problem}");
    }
    let section = |s: &SectionDifference| {
        let side = |n: Option<u32>| n.map_or_else(|| "none".into(), |n| n.to_string());
        format!(
            "section {}: {} by the rule, {} in the report",
            s.section_id,
            side(s.rule_segments),
            side(s.report_segments)
        )
    };
    let sections: Vec<String> = d.sections.iter().map(section).collect();
    format!("{node}: {}", sections.join("; "))
}

/// Returns how a table differs, with a list for each property that is compared.
fn mismatch_lines(fit: &TableCheck, source: &str) -> [(&'static str, Vec<String>); 5] {
    let unknown = fit.unknown.iter().map(|node| format!("node {node}: not in the {source}"));
    let missing = fit.missing.iter().map(|node| format!("node {node}: not in the table"));
    let counts = fit.segment_counts.iter().map(|(node, found, expected)| {
        format!("node {node}: {}, {expected} in the {source}", format_count(*found, "segment"))
    });
    let order =
        fit.out_of_order.iter().map(|(node, row)| format!("node {node}: row {row} of the node is out of order"));
    let boxes = fit.displaced_um.iter().map(|(node, um)| match um.is_finite() {
        true => format!("node {node}: {um:.6} µm from where the circuit puts it"),
        false => format!("node {node}: a coordinate is not finite"),
    });
    let unplaced = fit.unplaced.iter().map(|(node, why)| format!("node {node}: cannot be placed: {why}"));
    [
        ("nodes of the table", unknown.chain(missing).collect()),
        ("segments of the table", counts.collect()),
        ("order of the table", order.collect()),
        ("positions of the table", boxes.collect()),
        ("neurons that cannot be placed", unplaced.collect()),
    ]
}

fn to_json(finding: &PopulationFindings) -> Value {
    let a = &finding.agreement;
    let template = |t: &leadfield::validate::circuit::TemplateComparison| {
        json!({
            "template": t.name, "rule": t.rule.as_ref().ok(), "problem": t.rule.as_ref().err(), "neurons": t.neuron_count,
            "differing": t.differing_count,
        })
    };
    let section = |s: &SectionDifference| json!({ "section": s.section_id, "rule": s.rule_segments, "report": s.report_segments });
    let neuron = |d: &NeuronDifference| {
        json!({
            "node": d.node_id, "template": d.template, "morphology": d.morphology, "problem": d.problem,
            "sections": d.sections.iter().map(section).collect::<Vec<_>>(),
        })
    };
    let tie = |t: &leadfield::circuit::AmbiguousNeurons| {
        json!({
            "node": t.node_id, "others": t.other_nodes, "morphology": t.morphology_name, "section": t.ambiguous_length.section_id,
            "length_um": t.ambiguous_length.length_um, "multiple_um": t.ambiguous_length.multiple_um,
        })
    };
    let table = |(path, fit): &(PathBuf, TableCheck)| {
        json!({
            "table": path, "fits": fit.is_consistent(), "neurons": fit.neuron_count, "not_in_report": fit.unknown,
            "not_in_table": fit.missing, "segment_counts_differ": fit.segment_counts, "out_of_order": fit.out_of_order,
            "moved_um": fit.displaced_um, "not_placed": fit.unplaced,
        })
    };
    json!({
        "population": a.population,
        "report": a.report,
        "agree": finding.agrees(),
        "neurons": a.neuron_count(),
        "templates": a.templates.iter().map(template).collect::<Vec<_>>(),
        "differing": a.differing.iter().map(neuron).collect::<Vec<_>>(),
        "ties": a.ties.iter().map(tie).collect::<Vec<_>>(),
        "table": finding.table.as_ref().map(table),
    })
}
