//! Describes a segment table.

use std::path::Path;

use leadfield::Result;
use leadfield::error::format_count;

use super::{Facts, format_bytes};
use crate::cli::{Common, open_table};

/// Reads everything, and adds what was read.
///
/// # Errors
/// Returns an error if something cannot be read, or the first finding.
pub(super) fn add_check(facts: &mut Facts, path: &Path, common: &Common) -> Result<()> {
    let found = open_table(path, None, common)?.verify()?;
    if let Some(finding) = found.findings.into_iter().next() {
        return Err(finding);
    }
    let counts =
        format!("{} in {}", format_count(found.segments, "segment"), format_count(found.pages, "coordinate page"));
    let checked = match found.parts_without_checksums {
        0 => format!("{counts}: checksums, statistics and lists agree"),
        _ => format!("{counts}: statistics and lists agree; there are no checksums"),
    };
    facts.add("checked", checked);
    Ok(())
}

/// Lists counts, bounds, columns and metadata.
pub(super) fn collect_facts(path: &Path, common: &Common) -> Result<Facts> {
    let table = open_table(path, None, common)?;
    table.neurons()?;
    let m = table.metadata();
    let size: u64 = table.parts().iter().filter_map(|p| p.path().metadata().ok()).map(|m| m.len()).sum();
    let a_segment = |n: u64| n as f64 / table.len().max(1) as f64;
    let mut facts = Facts::default();
    facts.add("kind", "segment table");
    let known = |text: &str| if text.is_empty() { "unknown".to_string() } else { text.to_string() };
    facts.add("population", known(&m.population));
    facts.add_number("neurons", m.neurons);
    facts.add_number("segments", m.segments);
    facts.add_number("parts", m.parts);
    if let Some(whole) = table.whole_table_metadata() {
        let of = format!("{}, {}", format_count(whole.neurons, "neuron"), format_count(whole.segments, "segment"));
        facts.add("part of", format!("a table of {} with {of}", format_count(whole.parts, "part")));
    }
    facts.add_bounds(&table.bounds()?, "no segments");
    facts.add_with("size", format!("{}, {:.1} bytes per segment", format_bytes(size), a_segment(size)), size);
    facts.add("circuit", known(&m.circuit_path));
    if !m.simulation_path.is_empty() {
        facts.add("simulation", &m.simulation_path);
    }
    facts.add("discretisation", known(&m.discretisation));
    facts.add("axon", known(&m.axon_rule));
    if !m.assumed_rule.is_empty() {
        facts.add("assumed", format!("{}, not checked against a simulation", m.assumed_rule));
    }
    facts.add("written by", table.parts().first().map(|part| part.written_by()).transpose()?.unwrap_or_default());
    facts.add(
        "checksums",
        if table.has_checksums() { "of every page, of the page index and the metadata" } else { "none" },
    );
    let columns: Vec<_> = table.parts().iter().map(|p| p.columns()).collect::<Result<_>>()?;
    for (i, (name, kind, _)) in columns.first().into_iter().flatten().enumerate() {
        let stored: u64 = columns.iter().filter_map(|c| c.get(i)).map(|c| c.2).sum();
        facts.add(format!("column {name}"), format!("{kind}, {:.2} bytes per segment", a_segment(stored)));
    }
    Ok(facts)
}
