//! Facts about a computation: what was computed, from which files, and when.

use std::collections::BTreeMap;
use std::path::Path;

use super::settings::{CONDUCTIVITY, ContactSettings};
use super::timing;
use crate::error::{Context, FileProblem, Result, format_count};
use crate::io::hdf5::Hdf5File;
use crate::plot::figures::group_thousands;
use crate::segments::table::SegmentTable;
use crate::sonata::electrodes_file::{AttributeValue, read_settings};
use crate::weights::WeightLookup;

/// Names and values in order, grouped by file.
#[derive(Default)]
pub struct FactGroups(pub Vec<Vec<(String, String)>>);

impl FactGroups {
    /// Begins the group of the next file.
    fn start_group(&mut self, name: &str, value: impl Into<String>) {
        self.0.push(vec![(name.into(), value.into())]);
    }

    fn add(&mut self, name: &str, value: impl Into<String>) {
        let value = value.into();
        if let Some(group) = self.0.last_mut().filter(|_| !value.is_empty()) {
            group.push((name.into(), value));
        }
    }
}

/// Collects the facts that both files state; few for an electrodes file without a look-up.
pub fn collect_facts(
    table: &SegmentTable,
    weights: &Path,
    lookup: Option<(&WeightLookup, &ContactSettings)>,
) -> Result<FactGroups> {
    let mut facts = FactGroups::default();
    add_table_facts(table, &mut facts)?;
    add_weights_facts(weights, lookup, &mut facts)?;
    let now = timing::format_utc(std::time::SystemTime::now()).unwrap_or_default();
    facts.start_group("this report", format!("leadfield {}, {now}", env!("CARGO_PKG_VERSION")));
    Ok(facts)
}

fn add_table_facts(table: &SegmentTable, facts: &mut FactGroups) -> Result<()> {
    let meta = table.metadata();
    let bytes = table.parts().iter().map(|part| size_on_disk(part.path())).sum::<Result<u64>>()?;
    facts.start_group("segment table", format!("{}, {}", table.path().display(), format_megabytes(bytes)));
    facts.add("written", timing::last_modified(table.path())?);
    facts.add("population", meta.population.as_str());
    facts.add("segments", format!("{} of {}", group_thousands(table.len()), format_count(meta.neurons, "neuron")));
    facts.add("circuit", meta.circuit_path.as_str());
    facts.add("discretisation", meta.discretisation.as_str());
    facts.add("axon", meta.axon_rule.as_str());
    if !meta.program_version.is_empty() {
        facts.add("written by", format!("leadfield {}", meta.program_version));
    }
    Ok(())
}

fn add_weights_facts(
    weights: &Path,
    lookup: Option<(&WeightLookup, &ContactSettings)>,
    facts: &mut FactGroups,
) -> Result<()> {
    facts
        .start_group("electrodes file", format!("{}, {}", weights.display(), format_megabytes(size_on_disk(weights)?)));
    facts.add("written", timing::last_modified(weights)?);
    if let Some((lookup, settings)) = lookup {
        let population = lookup.population();
        facts.add("contacts", describe_contacts(lookup)?);
        settings.shared.iter().for_each(|(kind, shared)| facts.add("method", format!("{kind}: {shared}")));
        let (rows, columns) = (population.rows(), population.columns());
        let shape = format!("{} segments \u{d7} {columns} contacts", group_thousands(rows));
        facts.add("weights", format!("{}: {shape}", group_thousands(rows.saturating_mul(columns))));
        facts.add("units", population.units().unwrap_or("not stated"));
    }
    facts.add("written by", Hdf5File::open(weights)?.read_string_attribute("/", "program").unwrap_or_default());
    Ok(())
}

/// Describes how many contacts each method has: `2 PointSource, 382 LineSource`.
fn describe_contacts(lookup: &WeightLookup) -> Result<String> {
    let mut kinds: BTreeMap<String, u64> = BTreeMap::new();
    for (_, description) in lookup.file().read_descriptions()? {
        *kinds.entry(description.kind.unwrap_or_else(|| "of unknown type".into())).or_default() += 1;
    }
    let counts: Vec<String> = kinds.into_iter().map(|(kind, n)| format!("{} {kind}", group_thousands(n))).collect();
    Ok(counts.join(", "))
}

/// Returns the most important numbers: what they are, and the numbers.
pub fn key_numbers(table: &SegmentTable, lookup: Option<&WeightLookup>) -> Result<Vec<(String, String)>> {
    let mut numbers = vec![
        ("neurons".to_string(), format_short_count(table.metadata().neurons)),
        ("segments".to_string(), format_short_count(table.len())),
    ];
    if let Some(lookup) = lookup {
        let population = lookup.population();
        numbers.push(("contacts".into(), format_short_count(population.columns())));
        let weights = population.rows().saturating_mul(population.columns());
        numbers.push(("weights".into(), format_short_count(weights)));
        let kind = lookup.description().kind.as_deref().unwrap_or("unknown");
        numbers.push(("method".into(), kind.into()));
        let settings = read_settings(&Hdf5File::open(lookup.file().path())?, lookup.electrode());
        let sigma = settings.into_iter().find_map(|(key, value)| match value {
            AttributeValue::Number(sigma) if key == CONDUCTIVITY => Some(sigma),
            _ => None,
        });
        numbers.extend(sigma.map(|sigma| ("conductivity".to_string(), format!("{sigma} S/m"))));
    }
    Ok(numbers)
}

fn size_on_disk(path: &Path) -> Result<u64> {
    Ok(std::fs::metadata(path).map_err(FileProblem::Read).in_file(path)?.len())
}

fn format_megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// Formats a large count in a few characters: `10.2 M`.
fn format_short_count(n: u64) -> String {
    match n {
        0..1_000_000 => group_thousands(n),
        1_000_000..1_000_000_000 => format!("{:.1} M", n as f64 / 1e6),
        _ => format!("{:.1} G", n as f64 * 1e-3 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_counts_are_short() {
        let counts = [999_999, 10_221_696, 2_500_000_000].map(format_short_count);
        assert_eq!(counts, ["999\u{2009}999", "10.2 M", "2.5 G"]);
    }
}
