//! What was computed, from what, and when.

use std::collections::BTreeMap;
use std::path::Path;

use super::settings::Settings;
use super::times;
use crate::error::{Context, FileProblem, Result, count};
use crate::io::hdf5::File;
use crate::plot::figures::grouped;
use crate::segments::table::Table;
use crate::weights::Lookup;

/// Names and values, in order, those of one file together.
#[derive(Default)]
pub struct Facts(pub Vec<Vec<(String, String)>>);

impl Facts {
    /// Begins the next file.
    fn group(&mut self, name: &str, value: impl Into<String>) {
        self.0.push(vec![(name.into(), value.into())]);
    }

    fn add(&mut self, name: &str, value: impl Into<String>) {
        let value = value.into();
        if let Some(group) = self.0.last_mut().filter(|_| !value.is_empty()) {
            group.push((name.into(), value));
        }
    }
}

/// What both files tell of themselves; of an electrodes file without look-up little.
pub fn facts(table: &Table, weights: &Path, lookup: Option<(&Lookup, &Settings)>) -> Result<Facts> {
    let mut facts = Facts::default();
    of_table(table, &mut facts)?;
    of_weights(weights, lookup, &mut facts)?;
    let now = times::utc(std::time::SystemTime::now()).unwrap_or_default();
    facts.group("this report", format!("leadfield {}, {now}", env!("CARGO_PKG_VERSION")));
    Ok(facts)
}

fn of_table(table: &Table, facts: &mut Facts) -> Result<()> {
    let meta = table.metadata();
    let bytes = table.parts().iter().map(|part| size(part.path())).sum::<Result<u64>>()?;
    facts.group("segment table", format!("{}, {}", table.path().display(), megabytes(bytes)));
    facts.add("written", times::written(table.path())?);
    facts.add("population", meta.population.as_str());
    facts.add("segments", format!("{} of {}", grouped(table.len()), count(meta.neurons, "neuron")));
    facts.add("circuit", meta.circuit.as_str());
    facts.add("discretisation", meta.discretisation.as_str());
    facts.add("axon", meta.axon.as_str());
    if !meta.program_version.is_empty() {
        facts.add("written by", format!("leadfield {}", meta.program_version));
    }
    Ok(())
}

fn of_weights(weights: &Path, lookup: Option<(&Lookup, &Settings)>, facts: &mut Facts) -> Result<()> {
    facts.group("electrodes file", format!("{}, {}", weights.display(), megabytes(size(weights)?)));
    facts.add("written", times::written(weights)?);
    if let Some((lookup, settings)) = lookup {
        let population = lookup.population();
        facts.add("contacts", contacts(lookup)?);
        settings.shared.iter().for_each(|(kind, shared)| facts.add("method", format!("{kind}: {shared}")));
        let (rows, columns) = (population.rows(), population.columns());
        let shape = format!("{} segments x {columns} contacts", grouped(rows));
        facts.add("coefficients", format!("{}: {shape}", grouped(rows.saturating_mul(columns))));
        facts.add("units", population.units().unwrap_or("not stated"));
    }
    facts.add("written by", File::open(weights)?.string_attribute("/", "program").unwrap_or_default());
    Ok(())
}

/// How many there are of each method: `2 PointSource, 382 LineSource`.
fn contacts(lookup: &Lookup) -> Result<String> {
    let mut kinds: BTreeMap<String, u64> = BTreeMap::new();
    for (_, told) in lookup.file().descriptions()? {
        *kinds.entry(told.kind.unwrap_or_else(|| "of unknown type".into())).or_default() += 1;
    }
    let told: Vec<String> = kinds.into_iter().map(|(kind, n)| format!("{} {kind}", grouped(n))).collect();
    Ok(told.join(", "))
}

fn size(path: &Path) -> Result<u64> {
    Ok(std::fs::metadata(path).map_err(FileProblem::Read).in_file(path)?.len())
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
