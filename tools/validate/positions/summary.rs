//! Formats the results of comparing positions.

use std::fmt::Write;
use std::path::Path;

use leadfield::error::{format_count, join_quoted};
use leadfield::segments::SectionType;
use leadfield::validate::Tolerance;
use leadfield::validate::positions::{PositionsComparison, Renumbered, Unmatched, WorstSegment};
use serde_json::{Value, json};

use crate::validate::MAX_LISTED_NAMES;
use crate::validate::report::{CheckCase, Verdict};

/// Returns all results.
pub(super) fn to_verdict(found: &PositionsComparison, files: [&Path; 2], tolerance: Tolerance) -> Verdict {
    let names = files.map(|file| file.display().to_string());
    let sections = found.unmatched.iter().map(describe_unmatched).collect();
    let outside = match found.outside_count {
        0 => Vec::new(),
        n => [format!("{} outside the tolerance", format_count(n, "segment"))]
            .into_iter()
            .chain(found.worst.iter().map(describe_worst))
            .collect(),
    };
    Verdict {
        cases: vec![
            CheckCase::new("nodes", list_one_sided(found, &names)),
            CheckCase::new("sections", sections),
            CheckCase::new("positions", outside),
        ],
        json: to_json(found, tolerance),
        text: to_text(found, &names),
    }
}

fn list_one_sided(found: &PositionsComparison, names: &[String; 2]) -> Vec<String> {
    let only_in = |(nodes, file): (&Vec<u64>, &String)| {
        let ids = nodes.iter().map(u64::to_string);
        let number = format_count(nodes.len() as u64, "node");
        (!nodes.is_empty()).then(|| format!("{number} only in {file}: {}", join_quoted(ids, MAX_LISTED_NAMES)))
    };
    found.nodes_only_in.iter().zip(names).filter_map(only_in).collect()
}

fn describe_unmatched(u: &Unmatched) -> String {
    let segments = |n: Option<u64>| n.map_or("missing".into(), |n| format_count(n, "segment"));
    if let Some(Renumbered { index: place, ids: [a, b] }) = u.renumbered {
        return format!("node {}, section {}: segment {place} has the ids {a} and {b}", u.node, u.section);
    }
    let [a, b] = u.segments.map(segments);
    format!("node {}, section {}: {a} and {b}", u.node, u.section)
}

fn describe_worst(w: &WorstSegment) -> String {
    let [a, b] = w.ends_um.map(|p| format!("({}, {}, {})", p.x, p.y, p.z));
    let kind = w.section_type.map_or(String::new(), |kind: SectionType| format!(" ({})", kind.name()));
    format!(
        "{:.3e} µm: node {}, section {}{kind}, segment {}: {a} and {b}",
        w.distance_um, w.node, w.section, w.segment
    )
}

fn to_text(found: &PositionsComparison, names: &[String; 2]) -> String {
    let mut text = format!(
        "{}, {} compared\n",
        format_count(found.node_count, "node"),
        format_count(found.segment_count, "segment")
    );
    list_one_sided(found, names).iter().for_each(|line| text += &format!("{line}\n"));
    let sections = format_count(found.unmatched.len() as u64, "section");
    if !found.unmatched.is_empty() {
        let _ = writeln!(text, "{sections} without a match in the other file:");
        found.unmatched.iter().take(MAX_LISTED_NAMES).for_each(|u| text += &format!("    {}\n", describe_unmatched(u)));
    }
    let [median, most, nearly] = found.distance_quantiles_um;
    let largest = found.worst.first().map_or(0.0, |w| w.distance_um);
    let _ = writeln!(
        text,
        "distances (µm): median {median:.3e}, 90% {most:.3e}, 99% {nearly:.3e}, largest {largest:.3e}; {} outside",
        found.outside_count
    );
    if found.outside_count > 0 {
        text += "segments furthest apart:\n";
        found.worst.iter().for_each(|w| text += &format!("    {}\n", describe_worst(w)));
    }
    found.causes.iter().for_each(|cause| text += &format!("known cause, {}: {cause}\n", cause.name()));
    text + if found.agrees() { "agree\n" } else { "differ\n" }
}

fn to_json(found: &PositionsComparison, tolerance: Tolerance) -> Value {
    let section = |u: &Unmatched| {
        let renumbered = u.renumbered.map(|r| json!({ "place": r.index, "ids": r.ids }));
        json!({ "node": u.node, "section": u.section, "segments": u.segments, "renumbered": renumbered })
    };
    let segment = |w: &WorstSegment| {
        json!({
            "node": w.node, "section": w.section, "segment": w.segment, "kind": w.section_type.map(SectionType::name),
            "distance": w.distance_um, "ends": w.ends_um.map(|p| p.to_array()),
        })
    };
    let causes = found.causes.iter().map(|c| json!({ "name": c.name(), "text": c.to_string() }));
    json!({
        "agree": found.agrees(),
        "rtol": tolerance.rtol,
        "atol": tolerance.atol,
        "nodes": found.node_count,
        "segments": found.segment_count,
        "nodes_only_in": found.nodes_only_in,
        "sections": found.unmatched.iter().map(section).collect::<Vec<_>>(),
        "outside": found.outside_count,
        "quantiles_of": [0.5, 0.9, 0.99],
        "quantiles": found.distance_quantiles_um,
        "worst": found.worst.iter().map(segment).collect::<Vec<_>>(),
        "causes": causes.collect::<Vec<_>>(),
    })
}
