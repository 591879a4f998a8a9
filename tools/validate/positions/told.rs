//! The findings, told.

use std::fmt::Write;
use std::path::Path;

use leadfield::error::{count, listed};
use leadfield::segments::SectionType;
use leadfield::validate::Tolerance;
use leadfield::validate::positions::{Comparison, Renumbered, Unmatched, Worst};
use serde_json::{Value, json};

use crate::validate::report::{Case, Verdict};

/// How many names a line lists.
const LISTED: usize = 12;

/// All findings.
pub(super) fn verdict(found: &Comparison, files: [&Path; 2], tolerance: Tolerance) -> Verdict {
    let names = files.map(|file| file.display().to_string());
    let sections = found.unmatched.iter().map(unmatched).collect();
    let outside = match found.outside {
        0 => Vec::new(),
        n => [format!("{} outside the tolerance", count(n, "segment"))]
            .into_iter()
            .chain(found.worst.iter().map(worst))
            .collect(),
    };
    Verdict {
        cases: vec![
            Case::new("nodes", one_sided(found, &names)),
            Case::new("sections", sections),
            Case::new("positions", outside),
        ],
        json: told(found, tolerance),
        text: text(found, &names),
    }
}

fn one_sided(found: &Comparison, names: &[String; 2]) -> Vec<String> {
    let told = |(nodes, file): (&Vec<u64>, &String)| {
        let ids = nodes.iter().map(u64::to_string);
        let number = count(nodes.len() as u64, "node");
        (!nodes.is_empty()).then(|| format!("{number} only in {file}: {}", listed(ids, LISTED)))
    };
    found.nodes_only_in.iter().zip(names).filter_map(told).collect()
}

fn unmatched(u: &Unmatched) -> String {
    let segments = |n: Option<u64>| n.map_or("missing".into(), |n| count(n, "segment"));
    if let Some(Renumbered { place, ids: [a, b] }) = u.renumbered {
        return format!("node {}, section {}: segment {place} has the ids {a} and {b}", u.node, u.section);
    }
    let [a, b] = u.segments.map(segments);
    format!("node {}, section {}: {a} and {b}", u.node, u.section)
}

fn worst(w: &Worst) -> String {
    let [a, b] = w.ends.map(|p| format!("({}, {}, {})", p.x, p.y, p.z));
    let kind = w.kind.map_or(String::new(), |kind: SectionType| format!(" ({})", kind.name()));
    format!("{:.3e} um: node {}, section {}{kind}, segment {}: {a} and {b}", w.distance, w.node, w.section, w.segment)
}

fn text(found: &Comparison, names: &[String; 2]) -> String {
    let mut text = format!("{}, {} compared\n", count(found.nodes, "node"), count(found.segments, "segment"));
    one_sided(found, names).iter().for_each(|line| text += &format!("{line}\n"));
    let sections = count(found.unmatched.len() as u64, "section");
    if !found.unmatched.is_empty() {
        let _ = writeln!(text, "{sections} without an equal one in the other file:");
        found.unmatched.iter().take(LISTED).for_each(|u| text += &format!("    {}\n", unmatched(u)));
    }
    let [median, most, nearly] = found.quantiles;
    let largest = found.worst.first().map_or(0.0, |w| w.distance);
    let _ = writeln!(
        text,
        "distances (um): median {median:.3e}, 90% {most:.3e}, 99% {nearly:.3e}, largest {largest:.3e}; {} outside",
        found.outside
    );
    if found.outside > 0 {
        text += "the segments furthest apart:\n";
        found.worst.iter().for_each(|w| text += &format!("    {}\n", worst(w)));
    }
    found.causes.iter().for_each(|cause| text += &format!("known cause, {}: {cause}\n", cause.name()));
    text + if found.agrees() { "agree\n" } else { "differ\n" }
}

fn told(found: &Comparison, tolerance: Tolerance) -> Value {
    let section = |u: &Unmatched| {
        let renumbered = u.renumbered.map(|r| json!({ "place": r.place, "ids": r.ids }));
        json!({ "node": u.node, "section": u.section, "segments": u.segments, "renumbered": renumbered })
    };
    let segment = |w: &Worst| {
        json!({
            "node": w.node, "section": w.section, "segment": w.segment, "kind": w.kind.map(SectionType::name),
            "distance": w.distance, "ends": w.ends.map(|p| p.to_array()),
        })
    };
    let causes = found.causes.iter().map(|c| json!({ "name": c.name(), "text": c.to_string() }));
    json!({
        "agree": found.agrees(),
        "rtol": tolerance.rtol,
        "atol": tolerance.atol,
        "nodes": found.nodes,
        "segments": found.segments,
        "nodes_only_in": found.nodes_only_in,
        "sections": found.unmatched.iter().map(section).collect::<Vec<_>>(),
        "outside": found.outside,
        "quantiles_of": [0.5, 0.9, 0.99],
        "quantiles": found.quantiles,
        "worst": found.worst.iter().map(segment).collect::<Vec<_>>(),
        "causes": causes.collect::<Vec<_>>(),
    })
}
