//! stub: interface fixed, body to come
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::morphology::Format;

/// A circuit configuration (`circuit_config.json`).
#[derive(Debug, Clone)]
pub struct Circuit {
    /// Its file.
    pub path: PathBuf,
    /// The node populations, in file order.
    pub populations: Vec<NodePopulation>,
    /// `node_sets_file`.
    pub node_sets_file: Option<PathBuf>,
}

/// One population of nodes.
#[derive(Debug, Clone)]
pub struct NodePopulation {
    /// Its name.
    pub name: String,
    /// `type`: `biophysical` (default), `virtual`, `point_neuron`, ...; only biophysical ones have segments.
    pub kind: String,
    /// Its `nodes.h5`.
    pub nodes_file: PathBuf,
    /// Where its morphologies are, after overrides and precedence (ASC, then h5v1, then SWC); none if nowhere.
    pub morphologies: Option<MorphologySource>,
    /// Where its hoc templates are.
    pub biophysical_neuron_models_dir: Option<PathBuf>,
}

/// Where morphologies are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MorphologySource {
    /// A folder; for h5v1 possibly one merged container file.
    pub path: PathBuf,
    /// The files' format.
    pub format: Format,
}

/// A simulation configuration and its circuit.
#[derive(Debug, Clone)]
pub struct Simulation {
    /// Its file.
    pub path: PathBuf,
    /// The circuit of `network`.
    pub circuit: Circuit,
    /// `node_set`: the simulated nodes; absent = every non-virtual node.
    pub node_set: Option<String>,
    /// Its own `node_sets_file`, merged over the circuit's.
    pub node_sets_file: Option<PathBuf>,
    /// `reports`, in file order.
    pub reports: Vec<ReportConfig>,
}

/// One entry of a simulation's `reports`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportConfig {
    /// Its key.
    pub name: String,
    /// `cells`: a node set (default: the simulation's).
    pub cells: Option<String>,
    /// `sections` (default `soma`).
    pub sections: String,
    /// `compartments` (default `center`, `all` with sections other than `soma`).
    pub compartments: String,
    /// `type`.
    pub kind: String,
    /// `enabled` (default true).
    pub enabled: bool,
    /// Its file: `output.output_dir` / `file_name` (default `<name>.h5`; `.h5` is added where it is missing).
    pub file: PathBuf,
}

/// Either kind of configuration, told apart by content: a simulation has `run`, a circuit has `networks`.
#[derive(Debug, Clone)]
pub enum Config {
    /// A circuit configuration.
    Circuit(Circuit),
    /// A simulation configuration.
    Simulation(Simulation),
}

impl Config {
    /// Reads a configuration.
    ///
    /// # Errors
    /// Missing, not JSON, a wrong type somewhere, a cyclic manifest.
    pub fn open(path: &Path) -> Result<Self> {
        Ok(Self::Circuit(Circuit { path: path.to_path_buf(), populations: vec![], node_sets_file: None }))
    }
}

impl Circuit {
    /// stub
    ///
    /// # Errors
    /// stub
    pub fn population(&self, name: Option<&str>) -> Result<&NodePopulation> {
        let _ = name;
        Ok(&self.populations[0])
    }
}
