//! What was found of a circuit, told.

use std::path::PathBuf;

use leadfield::error::count;
use leadfield::validate::circuit::{Fit, NeuronDifference, SectionDifference};
use serde_json::{Value, json};

use super::Finding;
use crate::validate::report::{Case, Verdict};

/// All that was found.
pub(super) fn verdict(findings: &[Finding]) -> Verdict {
    let agree = findings.iter().all(Finding::agrees);
    let against = against(findings);
    let last = match (agree, against) {
        (false, _) => "differ\n",
        (true, Some("report")) => "agree\n",
        (true, Some(_)) => {
            "the program is compared with itself: the table is what it makes of the circuit, and no report says how a \
             simulation cuts these neurons\n"
        }
        (true, None) => "nothing is compared: there is no report and no table\n",
    };
    // no agreement with itself is one
    let verdict = if agree && against != Some("report") { Value::Null } else { agree.into() };
    Verdict {
        cases: findings.iter().flat_map(cases).collect(),
        json: json!({ "agree": verdict, "compared_with": against, "populations": findings.iter().map(as_json).collect::<Vec<_>>() }),
        text: findings.iter().map(as_text).collect::<String>() + last,
    }
}

/// What the circuit is held against: the report of a simulation, or what the program itself makes of it.
fn against(findings: &[Finding]) -> Option<&'static str> {
    if findings.iter().any(|f| f.agreement.report.is_some()) {
        return Some("report");
    }
    findings.iter().any(|f| f.table.is_some()).then_some("itself")
}

/// A case a template, and one for each thing that is compared of a table.
fn cases(finding: &Finding) -> Vec<Case> {
    let a = &finding.agreement;
    let template = |t: &leadfield::validate::circuit::TemplateAgreement| {
        let own = a.differing.iter().filter(|d| d.template == t.name).map(difference);
        let name = if t.name.is_empty() { "rule".into() } else { format!("template {}", t.name) };
        match &t.rule {
            Err(problem) if !t.is_compared() => Case::skipped(format!("{}: {name}", a.population), problem),
            _ => Case::new(format!("{}: {name}", a.population), own.collect()),
        }
    };
    let table = finding.table.iter().flat_map(|(_, fit)| misfits(fit, finding.source()));
    let table = table.map(|(what, against)| Case::new(format!("{}: {what}", a.population), against));
    a.templates.iter().map(template).chain(table).collect()
}

fn as_text(finding: &Finding) -> String {
    let a = &finding.agreement;
    let report = a.report.as_ref().map_or_else(|| "no report".into(), |name| format!("report `{name}`"));
    let mut text = format!("population `{}`, {report}: {}\n", a.population, count(a.neurons(), "neuron"));
    let width = a.templates.iter().map(|t| t.name.len()).max().unwrap_or(0);
    for t in &a.templates {
        let name = if t.name.is_empty() { "rule".into() } else { format!("template {:width$}", t.name) };
        let verdict = match t.differing {
            0 if a.report.is_none() && finding.table.is_none() => "not compared".into(),
            0 if a.report.is_none() => "the table is held against it".into(),
            0 if !t.is_compared() => "not compared".into(),
            0 => "agree".into(),
            n => format!("{n} differ"),
        };
        let rule = t.rule.as_deref().unwrap_or("no rule");
        text += &format!("{name}  {rule}: {}, {verdict}\n", count(t.neurons, "neuron"));
        if let (Err(problem), false) = (&t.rule, t.is_compared()) {
            text += &format!("note: {problem}: the report alone is compared\n");
        }
    }
    a.differing.iter().for_each(|d| text += &(difference(d) + "\n"));
    for tied in &a.ties {
        text += &format!(
            "tie: node {}, section {} of morphology `{}` is {:.6} um long, near to {} um\n",
            tied.node_id, tied.tie.section_id, tied.morphology, tied.tie.length_um, tied.tie.multiple_um
        );
    }
    if let Some((path, fit)) = &finding.table {
        text += &format!("table {}: {}", path.display(), count(fit.neurons, "neuron"));
        text += if fit.fits() { ", fits\n" } else { ", does not fit\n" };
        misfits(fit, finding.source()).into_iter().flat_map(|(_, lines)| lines).for_each(|line| text += &(line + "\n"));
    }
    text
}

fn difference(d: &NeuronDifference) -> String {
    let node = format!("node {} (morphology `{}`)", d.node_id, d.morphology);
    if let Some(problem) = &d.problem {
        return format!("{node}: no rule: {problem}");
    }
    let section = |s: &SectionDifference| {
        let side = |n: Option<u32>| n.map_or_else(|| "none".into(), |n| n.to_string());
        format!("section {}: {} by the rule, {} in the report", s.section_id, side(s.rule), side(s.report))
    };
    let sections: Vec<String> = d.sections.iter().map(section).collect();
    format!("{node}: {}", sections.join("; "))
}

/// What of a table does not fit, a list for each thing that is compared.
fn misfits(fit: &Fit, source: &str) -> [(&'static str, Vec<String>); 5] {
    let unknown = fit.unknown.iter().map(|node| format!("node {node}: not in the {source}"));
    let missing = fit.missing.iter().map(|node| format!("node {node}: not in the table"));
    let counts = fit.counts.iter().map(|(node, found, expected)| {
        format!("node {node}: {}, {expected} in the {source}", count(*found, "segment"))
    });
    let order = fit.order.iter().map(|(node, row)| format!("node {node}: row {row} of the node is out of order"));
    let boxes = fit.boxes.iter().map(|(node, um)| match um.is_finite() {
        true => format!("node {node}: {um:.6} um from where the circuit puts it"),
        false => format!("node {node}: a coordinate that is not finite"),
    });
    let unplaced = fit.unplaced.iter().map(|(node, why)| format!("node {node}: cannot be placed: {why}"));
    [
        ("nodes of the table", unknown.chain(missing).collect()),
        ("segments of the table", counts.collect()),
        ("order of the table", order.collect()),
        ("places of the table", boxes.collect()),
        ("neurons that cannot be placed", unplaced.collect()),
    ]
}

fn as_json(finding: &Finding) -> Value {
    let a = &finding.agreement;
    let template = |t: &leadfield::validate::circuit::TemplateAgreement| {
        json!({
            "template": t.name, "rule": t.rule.as_ref().ok(), "problem": t.rule.as_ref().err(), "neurons": t.neurons,
            "differing": t.differing,
        })
    };
    let section = |s: &SectionDifference| json!({ "section": s.section_id, "rule": s.rule, "report": s.report });
    let neuron = |d: &NeuronDifference| {
        json!({
            "node": d.node_id, "template": d.template, "morphology": d.morphology, "problem": d.problem,
            "sections": d.sections.iter().map(section).collect::<Vec<_>>(),
        })
    };
    let tie = |t: &leadfield::circuit::TiedNeurons| {
        json!({
            "node": t.node_id, "others": t.others, "morphology": t.morphology, "section": t.tie.section_id,
            "length_um": t.tie.length_um, "multiple_um": t.tie.multiple_um,
        })
    };
    let table = |(path, fit): &(PathBuf, Fit)| {
        json!({
            "table": path, "fits": fit.fits(), "neurons": fit.neurons, "not_in_report": fit.unknown,
            "not_in_table": fit.missing, "segment_counts_differ": fit.counts, "out_of_order": fit.order,
            "moved_um": fit.boxes, "not_placed": fit.unplaced,
        })
    };
    json!({
        "population": a.population,
        "report": a.report,
        "agree": finding.agrees(),
        "neurons": a.neurons(),
        "templates": a.templates.iter().map(template).collect::<Vec<_>>(),
        "differing": a.differing.iter().map(neuron).collect::<Vec<_>>(),
        "ties": a.ties.iter().map(tie).collect::<Vec<_>>(),
        "table": finding.table.as_ref().map(table),
    })
}
