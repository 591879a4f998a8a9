//! Collects what the file is compared with: the nodes of a circuit or of its segment table, and their segments.

use std::path::{Path, PathBuf};

use leadfield::Result;
use leadfield::circuit::placement::StubPlacement;
use leadfield::circuit::{CircuitRequest, SegmentTableOptions, SegmentationPlan};
use leadfield::segments::Segments;
use leadfield::segments::table::{SegmentTable, TableNeuron};
use leadfield::validate::electrodes_file::ExpectedNodes;

use crate::cli::Common;

/// Maximum number of nodes of a circuit whose weights are recomputed.
const MAX_PLACED_NODES: usize = 16;

/// A circuit and its configuration.
pub(super) struct ExpectedCircuit {
    config: PathBuf,
    assembly: SegmentationPlan,
}

/// Segments of some nodes, by each convention for the stubs of a replaced axon.
pub(super) struct PlacedNodes {
    pub population: String,
    pub segments: Segments,
    pub others: Vec<Segments>,
}

impl ExpectedCircuit {
    /// Opens a circuit with its compartment report, and warns about neurons that are left out.
    pub fn open(request: &CircuitRequest<'_>, common: &Common) -> Result<Self> {
        let assembly = SegmentationPlan::open(request)?;
        assembly.skipped_warnings().iter().for_each(|warning| common.warn(warning));
        Ok(Self { config: request.config.to_path_buf(), assembly })
    }

    /// Returns the population, and the segments of some of its nodes; prints a note and returns `None` if they cannot
    /// be placed. Numbers of segments are compared in any case.
    pub fn place_nodes(&self, common: &Common) -> Option<PlacedNodes> {
        let neurons = self.assembly.neurons();
        let step = neurons.len().div_ceil(MAX_PLACED_NODES).max(1);
        let nodes: Vec<u64> = neurons.iter().step_by(step).map(|n| n.node_id).collect();
        let by = |placement| {
            self.assembly.place_nodes(
                &nodes,
                &SegmentTableOptions { stub_placement: placement, ..SegmentTableOptions::default() },
            )
        };
        let others = [StubPlacement::BlueRecording02, StubPlacement::Arc].into_iter().map(by).collect::<Result<_>>();
        match by(StubPlacement::BlueRecording).and_then(|segments| Ok((segments, others?))) {
            Ok((segments, others)) => {
                Some(PlacedNodes { population: self.assembly.population().into(), segments, others })
            }
            Err(error) => {
                common.print_note(format_args!("note: no weights are recomputed: {error}"));
                None
            }
        }
    }
}

/// Returns the nodes of a circuit and of a table, if given.
pub(super) fn collect_expected_nodes(
    circuit: Option<&ExpectedCircuit>,
    table: Option<&SegmentTable>,
) -> Result<Vec<ExpectedNodes>> {
    let circuit = circuit.map(|c| expected_from_neurons(&c.config, c.assembly.population(), &c.assembly.neurons()));
    let table = table.map(expected_from_table).transpose()?;
    Ok(circuit.into_iter().chain(table).collect())
}

fn expected_from_table(table: &SegmentTable) -> Result<ExpectedNodes> {
    Ok(expected_from_neurons(table.path(), &table.metadata().population, &table.neurons()?))
}

fn expected_from_neurons(source: &Path, population: &str, neurons: &[TableNeuron]) -> ExpectedNodes {
    ExpectedNodes {
        source: source.display().to_string(),
        population: population.into(),
        segment_counts: neurons.iter().map(|n| (n.node_id, n.segments)).collect(),
    }
}
