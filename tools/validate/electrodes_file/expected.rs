//! What the file is held against: the nodes of a circuit or of its segment table, and where their segments are.

use std::path::{Path, PathBuf};

use leadfield::Result;
use leadfield::circuit::placement::Placement;
use leadfield::circuit::{Assembly, Options, Request};
use leadfield::segments::Segments;
use leadfield::segments::table::{Neuron, Table};
use leadfield::validate::electrodes_file::Expected;

use crate::cli::{Common, findings};

/// Nodes of a circuit whose coefficients are computed anew.
const NODES: usize = 16;

/// A circuit, and the configuration that names it.
pub(super) struct Circuit {
    config: PathBuf,
    assembly: Assembly,
}

/// The segments of some nodes, by each convention for the stubs of a replaced axon.
pub(super) struct Placed {
    pub population: String,
    pub segments: Segments,
    pub others: Vec<Segments>,
}

impl Circuit {
    /// Opens a circuit with its compartment report; neurons that are left out are told with their reasons.
    pub fn open(request: &Request<'_>, common: &Common) -> Result<Self> {
        let assembly = Assembly::open(request)?;
        findings::tell_skipped(&assembly, common);
        Ok(Self { config: request.config.to_path_buf(), assembly })
    }

    /// The population, and the segments of some of its nodes; none, with a note, where they cannot be placed: numbers of
    /// segments are compared all the same.
    pub fn placed(&self, common: &Common) -> Option<Placed> {
        let neurons = self.assembly.neurons();
        let step = neurons.len().div_ceil(NODES).max(1);
        let nodes: Vec<u64> = neurons.iter().step_by(step).map(|n| n.node_id).collect();
        let by = |placement| self.assembly.place(&nodes, &Options { placement, ..Options::default() });
        let others = [Placement::BlueRecording02, Placement::Arc].into_iter().map(by).collect::<Result<_>>();
        match by(Placement::BlueRecording).and_then(|segments| Ok((segments, others?))) {
            Ok((segments, others)) => Some(Placed { population: self.assembly.population().into(), segments, others }),
            Err(error) => {
                common.say(format_args!("note: no coefficients are computed anew: {error}"));
                None
            }
        }
    }
}

/// The nodes of a circuit and of a table, whichever are given.
pub(super) fn expected(circuit: Option<&Circuit>, table: Option<&Table>) -> Result<Vec<Expected>> {
    let circuit = circuit.map(|c| of(&c.config, c.assembly.population(), &c.assembly.neurons()));
    let table = table.map(of_table).transpose()?;
    Ok(circuit.into_iter().chain(table).collect())
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
