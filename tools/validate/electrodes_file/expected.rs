//! What the file is held against: the nodes of a circuit or of its segment table.

use std::path::Path;

use leadfield::Result;
use leadfield::assembly::{Assembly, Request};
use leadfield::diagnosis::Expected;
use leadfield::table::{Neuron, Table};

/// The nodes of a circuit and of a table, whichever are given.
pub(super) fn expected(
    circuit: Option<&Path>,
    table: Option<&Table>,
    population: Option<&str>,
) -> Result<Vec<Expected>> {
    let circuit = circuit.map(|config| of_circuit(config, population)).transpose()?;
    let table = table.map(of_table).transpose()?;
    Ok(circuit.into_iter().chain(table).collect())
}

fn of_circuit(config: &Path, population: Option<&str>) -> Result<Expected> {
    let assembly = Assembly::open(&Request { population, ..Request::of(config) })?;
    Ok(of(config, assembly.population(), &assembly.neurons()))
}

fn of_table(table: &Table) -> Result<Expected> {
    Ok(of(table.path(), &table.metadata().population, &table.neurons()?))
}

fn of(source: &Path, population: &str, neurons: &[Neuron]) -> Expected {
    Expected {
        source: source.display().to_string(),
        population: population.into(),
        segments: neurons.iter().map(|n| (n.node_id, n.segments)).collect(),
    }
}
