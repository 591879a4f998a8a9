//! The findings for people.

use std::path::Path;

use leadfield::error::{count, listed};
use leadfield::validate::weights::{Comparison, Difference, ElectrodeComparison, by_units};

use super::Findings;

/// How many names a line lists.
const LISTED: usize = 12;

/// All findings; the last line is `agree` or `differ`.
pub fn told(findings: &Findings, files: [&Path; 2]) -> String {
    let mut text = only_in("population", &findings.populations_only_in, files);
    for (c, causes) in findings.comparisons.iter().zip(&findings.causes) {
        text += &comparison(c, files, findings);
        causes.iter().for_each(|cause| text += &format!("known cause, {}: {cause}\n", cause.name()));
    }
    text += if findings.agree() { "agree\n" } else { "differ\n" };
    text
}

fn comparison(c: &Comparison, files: [&Path; 2], findings: &Findings) -> String {
    let mut text = heading(c);
    let nodes = c.nodes_only_in.each_ref().map(|ids| ids.iter().map(u64::to_string).collect::<Vec<_>>());
    text += &only_in("node", &nodes, files);
    text += &only_in("contact", &c.electrodes_only_in, files);
    text += &segment_counts(c);
    if let Some([a, b]) = c.extra_columns {
        let columns = |n: u64| count(n, "column");
        text += &format!("{} of no contact in {}, ", columns(a), files[0].display());
        text += &format!("{} in {} (`--ignore-extra-column`)\n", columns(b), files[1].display());
    }
    for ([a, b], contacts) in by_units(&c.units_differ) {
        let contacts = listed(contacts, LISTED);
        text += &format!("units: {a} in {}, {b} in {}", files[0].display(), files[1].display());
        text += &format!(", at contacts {contacts}: no client converts\n");
    }
    text + &table(&c.electrodes) + &worst(c, findings)
}

fn heading(c: &Comparison) -> String {
    let [a, b] = &c.populations;
    let name = if a == b { format!("population `{a}`") } else { format!("populations `{a}` and `{b}`") };
    let electrodes = c.electrodes.len() as u64;
    let size = format!("{}, {}, {}", count(c.nodes, "node"), count(c.rows, "row"), count(electrodes, "column"));
    let note = if a == b { "" } else { "note: the populations have different names, and are compared as one\n" };
    format!("{name}: {size}\n{note}")
}

fn only_in(noun: &str, names: &[Vec<String>; 2], files: [&Path; 2]) -> String {
    let line = |(names, file): (&Vec<String>, &Path)| {
        let number = count(names.len() as u64, noun);
        (!names.is_empty()).then(|| format!("{number} only in {}: {}\n", file.display(), listed(names, LISTED)))
    };
    names.iter().zip(files).filter_map(line).collect()
}

fn segment_counts(c: &Comparison) -> String {
    let Some(first) = c.segment_counts.first() else { return String::new() };
    let number = count(c.segment_counts.len() as u64, "node");
    let ([a, b], node) = (first.segments, first.node);
    format!("{number} with different numbers of segments, the first: node {node} with {a} and {b}\n")
}

fn table(electrodes: &[ElectrodeComparison]) -> String {
    let width = electrodes.iter().map(|e| e.name.chars().count()).max().unwrap_or(0).max("contact".len());
    let mut text = format!(
        "{:<width$}  {:>10} {:>10} {:>6}  {:>10} {:>10} {:>6}  {:>9} {:>9} {:>9}  {:>8}\n",
        "contact", "abs (V/nA)", "node", "row", "relative", "node", "row", "50% <=", "90% <=", "99% <=", "outside"
    );
    for e in electrodes {
        let (absolute, relative) = (place(e.largest_absolute), place(e.largest_relative));
        let quantiles = e.quantiles.map(|q| if q == 0.0 { format!("{q:>9}") } else { format!("{q:>9.2e}") }).join(" ");
        let nan = if e.nan_in_both > 0 { format!("  NaN in both: {}", e.nan_in_both) } else { String::new() };
        text += &format!("{:<width$}  {absolute}  {relative}  {quantiles}  {:>8}{nan}\n", e.name, e.outside);
    }
    text
}

/// The worst pairs, one a line; nothing where the populations agree.
fn worst(c: &Comparison, findings: &Findings) -> String {
    if c.worst.is_empty() || c.electrodes.iter().all(|e| e.outside == 0) {
        return String::new();
    }
    let mut text = String::from("the worst pairs, by how many times the tolerance allows:\n");
    for pair in &c.worst {
        let Difference { values: [a, b], node, row, .. } = pair.difference;
        let segment = match findings.segments.of(pair) {
            Some(s) => format!("section {}, segment {}", s.section, s.segment),
            None => format!("row {row}"),
        };
        text +=
            &format!("{:>10.3e}  contact `{}`, node {node}, {segment}: {a:e} and {b:e}\n", pair.excess, pair.contact);
    }
    text
}

/// A difference and where it is: node, and row from the node's first.
fn place(difference: Option<Difference>) -> String {
    match difference {
        Some(d) => format!("{:>10.3e} {:>10} {:>6}", d.value, d.node, d.row),
        None => format!("{:>10} {:>10} {:>6}", 0, "-", "-"),
    }
}
