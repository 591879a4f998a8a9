//! What was computed, and from what.

use crate::error::Result;
use crate::error::{Context, FileProblem};
use crate::h5::File;
use crate::table::Table;
use crate::weights::Lookup;

/// Names and values, in order.
pub fn facts(table: &Table, lookup: &Lookup) -> Result<Vec<(String, String)>> {
    let meta = table.metadata();
    let (population, weights) = (lookup.population(), lookup.file().path());
    let mut facts: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, value: String| {
        if !value.is_empty() {
            facts.push((name.into(), value));
        }
    };
    add("segment table", table.path().display().to_string());
    add("population", meta.population.clone());
    add("circuit", meta.circuit.clone());
    add("segments", format!("{} of {} neurons", table.len(), meta.neurons));
    add("discretisation", meta.discretisation.clone());
    add("axon", meta.axon.clone());
    add("made by", format!("leadfield {}", meta.program_version));
    let size = std::fs::metadata(weights).map_err(FileProblem::Read).in_file(weights)?.len();
    add("electrodes file", format!("{}, {:.1} MB", weights.display(), size as f64 / 1e6));
    add("contacts", lookup.file().electrodes().len().to_string());
    add("coefficients", format!("{} rows, {} columns", population.rows(), population.columns()));
    add("units", population.units().unwrap_or("not stated").into());
    let file = File::open(weights)?;
    add("written by", file.string_attribute("/", "program").unwrap_or_default());
    Ok(facts)
}
