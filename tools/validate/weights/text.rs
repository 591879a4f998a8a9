//! Formats the results as text.

use std::ops::Range;
use std::path::Path;

use leadfield::error::{format_count, join_quoted};
use leadfield::validate::weights::{
    ContactComparison, DifferingNode, DifferingRows, LocatedDifference, WeightsCause, WeightsComparison, group_by_units,
};

use super::WeightsFindings;
use crate::validate::MAX_LISTED_NAMES;

/// Formats all results; the last line is `agree` or `differ`.
pub fn to_text(findings: &WeightsFindings, files: [&Path; 2]) -> String {
    let mut text = only_in_text("population", &findings.populations_only_in, files);
    for ((c, causes), rows) in findings.comparisons.iter().zip(&findings.causes).zip(&findings.rows) {
        text += &comparison_text(c, files, findings);
        text += &differing_rows_text(rows);
        causes.iter().for_each(|cause| text += &format!("known cause, {}: {cause}\n", cause.name()));
        text += &advice_text(causes, rows, findings.has_circuit)
            .map(|advice| format!("hint: {advice}\n"))
            .unwrap_or_default();
    }
    text += if findings.agrees() { "agree\n" } else { "differ\n" };
    text
}

/// Lists the rows that differ, counted from each neuron's first row; empty if none do.
fn differing_rows_text(rows: &DifferingRows) -> String {
    if rows.row_count == 0 {
        return String::new();
    }
    let range =
        |r: &Range<u64>| if r.end == r.start + 1 { r.start.to_string() } else { format!("{}-{}", r.start, r.end - 1) };
    let node = |n: &DifferingNode| format!("node {}: {}", n.node, shorten_list(n.rows.iter().map(range).collect()));
    let nodes: Vec<String> = rows.first_nodes.iter().map(node).collect();
    let more = match rows.node_count - rows.first_nodes.len() as u64 {
        0 => String::new(),
        more => format!("; {more} more"),
    };
    let (counted, of) = (format_count(rows.row_count, "row"), format_count(rows.node_count, "node"));
    format!("{counted} of {of} differ, {}{more}\n", nodes.join("; "))
}

/// Joins the first words of a list.
fn shorten_list(words: Vec<String>) -> String {
    const MOST: usize = 8;
    match words.len().saturating_sub(MOST) {
        0 => words.join(", "),
        more => format!("{} and {more} more", words.into_iter().take(MOST).collect::<Vec<_>>().join(", ")),
    }
}

/// Names the options that help with differences from a file of BlueRecording 0.2.1.
fn advice_text(causes: &[WeightsCause], rows: &DifferingRows, has_circuit: bool) -> Option<&'static str> {
    let is_branch = causes.iter().any(|cause| matches!(cause, WeightsCause::LastBranch { .. }));
    if is_branch {
        return Some(
            "place the stubs as BlueRecording 0.2.1 does: `leadfield positions --axon-placement bluerecording-0.2`",
        );
    }
    (rows.old_file.is_some() && rows.may_be_stubs && !has_circuit).then_some(
        "these may be the stubs of axons, which BlueRecording 0.2.1 places along another branch: `--circuit CONFIG` \
         proves it, and `leadfield positions --axon-placement bluerecording-0.2` places them as it does",
    )
}

fn comparison_text(c: &WeightsComparison, files: [&Path; 2], findings: &WeightsFindings) -> String {
    let mut text = heading_text(c);
    let nodes = c.nodes_only_in.each_ref().map(|ids| ids.iter().map(u64::to_string).collect::<Vec<_>>());
    text += &only_in_text("node", &nodes, files);
    text += &only_in_text("contact", &c.contacts_only_in, files);
    text += &segment_counts_text(c);
    if let Some([a, b]) = c.extra_columns {
        let columns = |n: u64| format_count(n, "column");
        text += &format!("{} without a contact in {}, ", columns(a), files[0].display());
        text += &format!("{} in {} (`--ignore-extra-column`)\n", columns(b), files[1].display());
    }
    for ([a, b], contacts) in group_by_units(&c.unit_mismatches) {
        let contacts = join_quoted(contacts, MAX_LISTED_NAMES);
        text += &format!("units: {a} in {}, {b} in {}", files[0].display(), files[1].display());
        text += &format!(", at contacts {contacts}: no client converts units\n");
    }
    text + &contacts_text(&c.contacts) + &worst_pairs_text(c, findings)
}

fn heading_text(c: &WeightsComparison) -> String {
    let [a, b] = &c.populations;
    let name = if a == b { format!("population `{a}`") } else { format!("populations `{a}` and `{b}`") };
    let electrodes = c.contacts.len() as u64;
    let size = format!(
        "{}, {}, {}",
        format_count(c.nodes, "node"),
        format_count(c.rows, "row"),
        format_count(electrodes, "column")
    );
    let note = if a == b { "" } else { "note: the populations have different names, and are compared nevertheless\n" };
    format!("{name}: {size}\n{note}")
}

fn only_in_text(noun: &str, names: &[Vec<String>; 2], files: [&Path; 2]) -> String {
    let line = |(names, file): (&Vec<String>, &Path)| {
        let number = format_count(names.len() as u64, noun);
        (!names.is_empty())
            .then(|| format!("{number} only in {}: {}\n", file.display(), join_quoted(names, MAX_LISTED_NAMES)))
    };
    names.iter().zip(files).filter_map(line).collect()
}

fn segment_counts_text(c: &WeightsComparison) -> String {
    let Some(first) = c.segment_counts.first() else { return String::new() };
    let number = format_count(c.segment_counts.len() as u64, "node");
    let ([a, b], node) = (first.segments, first.node);
    format!("{number} with different numbers of segments, the first: node {node} with {a} and {b}\n")
}

fn contacts_text(electrodes: &[ContactComparison]) -> String {
    let width = electrodes.iter().map(|e| e.name.chars().count()).max().unwrap_or(0).max("contact".len());
    let mut text = format!(
        "{:<width$}  {:>10} {:>10} {:>6}  {:>10} {:>10} {:>6}  {:>9} {:>9} {:>9}  {:>8}\n",
        "contact", "abs (V/nA)", "node", "row", "relative", "node", "row", "50% <=", "90% <=", "99% <=", "outside"
    );
    for e in electrodes {
        let (absolute, relative) = (location_text(e.largest_absolute), location_text(e.largest_relative));
        let quantiles = e.quantiles.map(|q| if q == 0.0 { format!("{q:>9}") } else { format!("{q:>9.2e}") }).join(" ");
        let nan =
            if e.nan_in_both_count > 0 { format!("  NaN in both: {}", e.nan_in_both_count) } else { String::new() };
        text += &format!("{:<width$}  {absolute}  {relative}  {quantiles}  {:>8}{nan}\n", e.name, e.outside_count);
    }
    text
}

/// Lists the worst pairs, one per line; empty if the populations agree.
fn worst_pairs_text(c: &WeightsComparison, findings: &WeightsFindings) -> String {
    if c.worst.is_empty() || c.contacts.iter().all(|e| e.outside_count == 0) {
        return String::new();
    }
    let mut text = String::from("worst pairs, as multiples of the tolerance:\n");
    for pair in &c.worst {
        let LocatedDifference { values: [a, b], node, row, .. } = pair.difference;
        let segment = match findings.segments.get(pair) {
            Some(s) => format!("section {}, segment {}", s.section, s.segment),
            None => format!("row {row}"),
        };
        text +=
            &format!("{:>10.3e}  contact `{}`, node {node}, {segment}: {a:e} and {b:e}\n", pair.excess, pair.contact);
    }
    text
}

/// Formats a difference and its location: node, and row from the node's first.
fn location_text(difference: Option<LocatedDifference>) -> String {
    match difference {
        Some(d) => format!("{:>10.3e} {:>10} {:>6}", d.value, d.node, d.row),
        None => format!("{:>10} {:>10} {:>6}", 0, "-", "-"),
    }
}
