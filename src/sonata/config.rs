//! Circuit and simulation configurations.
//!
//! Source: SONATA "Circuit configuration file" and "Simulation configuration file". Path fields are absolute, or
//! relative to the configuration's folder, and are normalised by their text (`a/../b` is `b`); variables of the
//! `manifest` are expanded in every string (see `manifest.rs` for the one difference from libsonata).

mod circuit;
mod document;
mod manifest;
mod simulation;

use std::path::{Path, PathBuf};

use self::document::ConfigDocument;
use crate::error::{Context, Problem, Result, join_quoted};
use crate::file_kind::{FileKind, find_config, name_wrong_kind};
use crate::morphology::MorphologyFormat;

/// The type of populations whose neurons have segments.
const BIOPHYSICAL: &str = "biophysical";

/// A circuit configuration (`circuit_config.json`).
#[derive(Debug, Clone)]
pub struct CircuitConfig {
    /// Path of the file.
    pub path: PathBuf,
    /// The node populations, in file order.
    pub populations: Vec<NodePopulation>,
    /// `node_sets_file`.
    pub node_sets_file: Option<PathBuf>,
    /// Names of the manifest's variables.
    pub variables: Vec<String>,
}

/// One population of nodes.
#[derive(Debug, Clone)]
pub struct NodePopulation {
    /// Name of the population.
    pub name: String,
    /// `type`: `biophysical` (default), `virtual`, `point_neuron`, ...; only biophysical ones have segments.
    pub kind: String,
    /// Path of its `nodes.h5`.
    pub nodes_file: PathBuf,
    /// Path of its table of node types, if it has one.
    pub node_types_file: Option<PathBuf>,
    /// Source of its morphologies, after overrides and precedence (ASC, then h5v1, then SWC); `None` if there is none.
    pub morphologies: Option<MorphologySource>,
    /// Folder of its hoc templates.
    pub biophysical_neuron_models_dir: Option<PathBuf>,
}

impl NodePopulation {
    /// Returns whether its neurons have segments.
    pub fn is_biophysical(&self) -> bool {
        self.kind == BIOPHYSICAL
    }
}

/// Location and format of morphologies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MorphologySource {
    /// A folder; for h5v1 possibly one merged container file.
    pub path: PathBuf,
    /// Format of the files.
    pub format: MorphologyFormat,
}

/// A simulation configuration and its circuit.
#[derive(Debug, Clone)]
pub struct SimulationConfig {
    /// Path of the file.
    pub path: PathBuf,
    /// The circuit of `network` (default `circuit_config.json` next to it).
    pub circuit: CircuitConfig,
    /// `node_set`: the simulated nodes; absent = every non-virtual node.
    pub node_set: Option<String>,
    /// The simulation's `node_sets_file`, merged over the circuit's.
    pub node_sets_file: Option<PathBuf>,
    /// Names of the manifest's variables.
    pub variables: Vec<String>,
    /// `reports`, in file order.
    pub reports: Vec<ReportConfig>,
    /// The times of `run`.
    pub run: RunTimes,
}

/// The times of a simulation's `run`, ms; `None` if the configuration does not state them.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RunTimes {
    /// `dt`: the step.
    pub dt_ms: Option<f64>,
    /// `tstop`: the end.
    pub tstop_ms: Option<f64>,
}

/// One entry of a simulation's `reports`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportConfig {
    /// Key of the report.
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
    /// Path of the report: `output.output_dir` (default `output`) / `file_name` (default `<name>.h5`; `.h5` is added if
    /// it is missing).
    pub file: PathBuf,
}

/// A configuration of either kind, distinguished by content: a simulation has `run`, a circuit has `networks`.
#[derive(Debug, Clone)]
pub enum SonataConfig {
    /// A circuit configuration.
    Circuit(CircuitConfig),
    /// A simulation configuration.
    Simulation(SimulationConfig),
}

/// Reasons why a configuration, or the choice of a population in it, is invalid.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigProblem {
    /// The file is neither a simulation nor a circuit configuration.
    #[error("not a SONATA configuration, expected `run` (a simulation) or `networks` (a circuit), found {found}")]
    NeitherKind {
        /// The top-level keys.
        found: String,
    },
    /// The file is not a circuit configuration.
    #[error("not a circuit configuration, expected `networks`, found {found}")]
    NoCircuit {
        /// The top-level keys.
        found: String,
    },
    /// A path contains an unknown variable, and does not exist.
    #[error("unknown variable, expected one of the manifest's, {known}, found `{name}` in `{path}`")]
    UnknownVariable {
        /// Name of the variable.
        name: String,
        /// The path from the variable on.
        path: String,
        /// The variables of the manifest.
        known: String,
    },
    /// Two populations have the same name.
    #[error("population declared twice, expected each name once")]
    DuplicatePopulation,
    /// There is no population with this name.
    #[error("unknown population, expected {known}, found `{name}`")]
    UnknownPopulation {
        /// The requested name.
        name: String,
        /// Names of the existing populations.
        known: String,
    },
    /// Several biophysical populations exist, and none was named.
    #[error("several biophysical populations, expected one, found {0}")]
    Several(String),
    /// There is no biophysical population.
    #[error("no biophysical population, expected one, found {0}")]
    NoneBiophysical(String),
    /// The population is not biophysical, so its nodes have no segments.
    #[error("population `{name}` has no segments, expected the type `biophysical`, found `{kind}`")]
    NoSegments {
        /// Name of the population.
        name: String,
        /// Type of the population.
        kind: String,
    },
}

impl Problem for ConfigProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownPopulation { .. } | Self::Several(_) | Self::NoSegments { .. } => {
                Some("name one biophysical population with `--population`".into())
            }
            Self::UnknownVariable { .. } => Some(
                "define it in `manifest`, or write the path out: relative paths begin at the configuration's folder, and \
                 `${NAME}` is not expanded"
                    .into(),
            ),
            Self::NeitherKind { .. } | Self::NoCircuit { .. } | Self::DuplicatePopulation | Self::NoneBiophysical(_) => None,
        }
    }
}

impl SonataConfig {
    /// Reads a configuration: a file, or the only file `*_config.json` of a folder.
    ///
    /// # Errors
    /// Returns an error if the file is missing, is not JSON, has a value of the wrong type or a cyclic manifest, or is
    /// neither kind of configuration.
    pub fn open(path: &Path) -> Result<Self> {
        let path = &find_config(path)?;
        name_wrong_kind(Self::open_file(path), path, &[FileKind::CircuitConfig, FileKind::SimulationConfig])
    }

    fn open_file(path: &Path) -> Result<Self> {
        let document = ConfigDocument::open(path)?;
        if document.has_key("run") {
            return Ok(Self::Simulation(SimulationConfig::read(&document)?));
        }
        if document.has_key("networks") {
            return Ok(Self::Circuit(CircuitConfig::read(&document)?));
        }
        Err(ConfigProblem::NeitherKind { found: join_quoted(document.keys(), 8) }).in_file(path)
    }

    /// Returns the circuit, also of a simulation.
    pub fn circuit(&self) -> &CircuitConfig {
        match self {
            Self::Circuit(circuit) => circuit,
            Self::Simulation(simulation) => &simulation.circuit,
        }
    }

    /// Checks that a path exists or has no variable that the manifest lacks.
    ///
    /// # Errors
    /// Returns an error that names the unknown variable and those of the manifest.
    pub fn check_path(&self, path: &Path) -> Result<()> {
        match self {
            // the circuit's paths are checked against the circuit's manifest
            Self::Simulation(simulation) => {
                let is_report = simulation.reports.iter().any(|report| report.file == path);
                let is_own = is_report || simulation.node_sets_file.as_deref() == Some(path);
                let (variables, file) = match is_own {
                    true => (&simulation.variables, &simulation.path),
                    false => (&simulation.circuit.variables, &simulation.circuit.path),
                };
                check_variables(path, variables).in_file(file)
            }
            Self::Circuit(circuit) => check_variables(path, &circuit.variables).in_file(&circuit.path),
        }
    }

    /// Returns the node-set files in merge order: the circuit's, then the simulation's.
    pub fn node_sets_files(&self) -> impl Iterator<Item = &Path> {
        let simulation_file = match self {
            Self::Circuit(_) => None,
            Self::Simulation(simulation) => simulation.node_sets_file.as_deref(),
        };
        self.circuit().node_sets_file.as_deref().into_iter().chain(simulation_file)
    }
}

impl CircuitConfig {
    /// Reads a circuit configuration.
    ///
    /// # Errors
    /// Returns an error if the file is missing, is not JSON, has a value of the wrong type or a cyclic manifest, or is
    /// not a circuit configuration.
    pub fn open(path: &Path) -> Result<Self> {
        Self::read(&ConfigDocument::open(path)?)
    }

    /// Returns the population with a name, or without a name the only biophysical one.
    ///
    /// # Errors
    /// Returns an error if the name is unknown or the population is not biophysical, or, without a name, if there are
    /// no or several biophysical populations.
    pub fn population(&self, name: Option<&str>) -> Result<&NodePopulation> {
        let chosen = name.map_or_else(|| self.single_biophysical(), |name| self.find_biophysical(name));
        chosen.in_item("networks.nodes").in_file(&self.path)
    }

    /// Returns all biophysical populations, in file order.
    ///
    /// # Errors
    /// Returns an error if there are none.
    pub fn biophysical_populations(&self) -> Result<Vec<&NodePopulation>> {
        let found: Vec<_> = self.populations.iter().filter(|p| p.is_biophysical()).collect();
        match found.is_empty() {
            true => Err(ConfigProblem::NoneBiophysical(self.list_populations()))
                .in_item("networks.nodes")
                .in_file(&self.path),
            false => Ok(found),
        }
    }

    fn find_biophysical(&self, name: &str) -> Result<&NodePopulation, ConfigProblem> {
        match self.populations.iter().find(|p| p.name == name) {
            Some(population) if population.is_biophysical() => Ok(population),
            Some(population) => {
                Err(ConfigProblem::NoSegments { name: name.to_string(), kind: population.kind.clone() })
            }
            None => {
                let known = join_quoted(self.populations.iter().map(|p| &p.name), 12);
                Err(ConfigProblem::UnknownPopulation { name: name.to_string(), known })
            }
        }
    }

    fn single_biophysical(&self) -> Result<&NodePopulation, ConfigProblem> {
        let candidates: Vec<_> = self.populations.iter().filter(|p| p.is_biophysical()).collect();
        match candidates[..] {
            [only] => Ok(only),
            [] => Err(ConfigProblem::NoneBiophysical(self.list_populations())),
            _ => Err(ConfigProblem::Several(join_quoted(candidates.iter().map(|p| &p.name), 12))),
        }
    }

    fn list_populations(&self) -> String {
        join_quoted(self.populations.iter().map(|p| format!("{} ({})", p.name, p.kind)), 12)
    }
}

/// Returns an error if a path does not exist and contains an unknown variable.
fn check_variables(path: &Path, known: &[String]) -> Result<(), ConfigProblem> {
    let text = path.to_string_lossy();
    let Some(rest) = text.find('$').and_then(|at| text.get(at..)).filter(|_| !path.exists()) else { return Ok(()) };
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let end = match rest.get(1..).unwrap_or_default() {
        braced if braced.starts_with('{') => braced.find('}').map_or(rest.len(), |end| end + 2),
        name => name.find(|c| !is_name(c)).unwrap_or(name.len()) + 1,
    };
    let name = rest.get(..end).unwrap_or(rest).to_string();
    Err(ConfigProblem::UnknownVariable { name, path: rest.to_string(), known: join_quoted(known, 12) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn write(&self, name: &str, content: &Value) -> PathBuf {
            let path = self.0.path().join(name);
            std::fs::write(&path, content.to_string()).unwrap();
            path
        }

        fn at(&self, path: &str) -> PathBuf {
            self.0.path().join(path)
        }

        fn circuit(&self, content: &Value) -> Result<CircuitConfig> {
            CircuitConfig::open(&self.write("circuit_config.json", content))
        }

        fn simulation(&self, content: &Value) -> Result<SimulationConfig> {
            match SonataConfig::open(&self.write("simulation_config.json", content))? {
                SonataConfig::Simulation(simulation) => Ok(simulation),
                SonataConfig::Circuit(_) => unreachable!("has `run`"),
            }
        }

        fn refused(&self, content: &Value) -> String {
            let path = self.write("circuit_config.json", content);
            let text = SonataConfig::open(&path).unwrap_err().to_string();
            text.strip_prefix(&format!("{}: ", path.display())).unwrap().to_string()
        }
    }

    fn populations(populations: &Value) -> Value {
        json!({ "networks": { "nodes": [{ "nodes_file": "n.h5", "populations": populations }] } })
    }

    #[test]
    fn a_circuit_resolves_the_paths_of_its_files() {
        let folder = Folder::new();
        let circuit = folder
            .circuit(&json!({
                "manifest": {"$BASE": ".", "$NET": "$BASE/net"},
                "components": {"morphologies_dir": "$BASE/m/../swc", "biophysical_neuron_models_dir": "/hoc"},
                "node_sets_file": "$BASE/node_sets.json",
                "networks": {"nodes": [{"nodes_file": "$NET/n.h5", "populations": {"A": {}, "B": {"type": "virtual"}}}]}
            }))
            .unwrap();
        assert_eq!(circuit.node_sets_file, Some(folder.at("node_sets.json")));
        let [a, b] = &circuit.populations[..] else { unreachable!() };
        assert_eq!((a.name.as_str(), a.kind.as_str()), ("A", "biophysical"));
        assert_eq!((b.name.as_str(), b.kind.as_str()), ("B", "virtual"));
        assert_eq!(a.nodes_file, folder.at("net/n.h5"));
        assert_eq!(a.morphologies, Some(MorphologySource { path: folder.at("swc"), format: MorphologyFormat::Swc }));
        assert_eq!(a.biophysical_neuron_models_dir, Some(PathBuf::from("/hoc")));
    }

    fn source(components: &Value, population: &Value) -> Option<(String, MorphologyFormat)> {
        let folder = Folder::new();
        let mut config = populations(&json!({ "A": population }));
        config["components"] = components.clone();
        let source = folder.circuit(&config).unwrap().populations.remove(0).morphologies?;
        Some((source.path.file_name().unwrap().to_str().unwrap().to_string(), source.format))
    }

    #[test]
    fn asc_comes_before_h5v1_before_swc_and_a_population_replaces_the_whole_dictionary() {
        let alternate = |d: Value| json!({"morphologies_dir": "swc", "alternate_morphologies": d});
        let both = alternate(json!({"h5v1": "all.h5", "neurolucida-asc": "asc"}));
        for (components, population, expected) in [
            (&both, json!({}), Some(("asc", MorphologyFormat::Asc))),
            (&alternate(json!({"h5v1": "all.h5"})), json!({}), Some(("all.h5", MorphologyFormat::H5v1))),
            (&alternate(json!({"h5v1": ""})), json!({}), Some(("swc", MorphologyFormat::Swc))),
            (&both, json!({"alternate_morphologies": {"h5v1": "mine"}}), Some(("mine", MorphologyFormat::H5v1))),
            (&both, json!({"alternate_morphologies": {"other": "x"}}), Some(("swc", MorphologyFormat::Swc))),
            (&both, json!({"alternate_morphologies": {}}), Some(("asc", MorphologyFormat::Asc))),
            (&both, json!({"morphologies_dir": "own"}), Some(("asc", MorphologyFormat::Asc))),
            (
                &json!({"morphologies_dir": "swc"}),
                json!({"morphologies_dir": "own"}),
                Some(("own", MorphologyFormat::Swc)),
            ),
            (&json!({}), json!({}), None),
        ] {
            let found = source(components, &population);
            assert_eq!(found.as_ref().map(|(n, f)| (n.as_str(), *f)), expected, "{components} {population}");
        }
    }

    #[test]
    fn a_simulation_has_defaults_for_everything_but_a_report_s_type() {
        let folder = Folder::new();
        folder.write("circuit_config.json", &populations(&json!({"A": {}})));
        let simulation = folder.simulation(&json!({"run": {}, "reports": {"r": {"type": "compartment"}}})).unwrap();
        assert_eq!(simulation.circuit.path, folder.at("circuit_config.json"));
        assert_eq!((simulation.node_set, simulation.node_sets_file), (None, None));
        let expected = ReportConfig {
            name: "r".into(),
            cells: None,
            sections: "soma".into(),
            compartments: "center".into(),
            kind: "compartment".into(),
            enabled: true,
            file: folder.at("output/r.h5"),
        };
        assert_eq!(simulation.reports, [expected]);
    }

    #[test]
    fn a_simulation_may_set_every_field() {
        let folder = Folder::new();
        std::fs::create_dir(folder.at("net")).unwrap();
        folder.write("net/c.json", &populations(&json!({"A": {}})));
        let simulation = folder
            .simulation(&json!({
                "manifest": {"$NET": "./net"}, "run": {}, "network": "$NET/c.json", "node_set": "S",
                "node_sets_file": "own.json", "output": {"output_dir": "out/../o"},
                "reports": {
                    "a": {"type": "lfp", "sections": "all", "file_name": "../x", "enabled": false},
                    "b": {"type": "compartment", "cells": "T", "compartments": "all", "file_name": "/abs/x.h5"},
                    "c.1": {"type": "compartment"}
                }
            }))
            .unwrap();
        assert_eq!(simulation.circuit.populations[0].nodes_file, folder.at("net/n.h5"));
        assert_eq!(simulation.node_sets_file, Some(folder.at("own.json")));
        let [a, b, c] = &simulation.reports[..] else { unreachable!() };
        assert_eq!((a.cells.as_deref(), a.compartments.as_str(), a.enabled), (Some("S"), "all", false));
        assert_eq!((b.cells.as_deref(), b.compartments.as_str()), (Some("T"), "all"));
        assert_eq!([&a.file, &b.file, &c.file], [&folder.at("x.h5"), Path::new("/abs/x.h5"), &folder.at("o/c.1.h5")]);
    }

    #[test]
    fn node_sets_files_are_in_merge_order() {
        let folder = Folder::new();
        let mut circuit = populations(&json!({"A": {}}));
        circuit["node_sets_file"] = "c.json".into();
        let circuit = folder.write("circuit_config.json", &circuit);
        assert_eq!(SonataConfig::open(&circuit).unwrap().node_sets_files().collect::<Vec<_>>(), [folder.at("c.json")]);
        let simulation = folder.write("s.json", &json!({"run": {}, "node_sets_file": "own.json"}));
        let config = SonataConfig::open(&simulation).unwrap();
        assert_eq!(config.node_sets_files().collect::<Vec<_>>(), [folder.at("c.json"), folder.at("own.json")]);
    }

    #[test]
    fn a_configuration_of_neither_kind_is_refused() {
        assert_eq!(
            Folder::new().refused(&json!({"version": 1, "cells": {}})),
            "not a SONATA configuration, expected `run` (a simulation) or `networks` (a circuit), found `version`, \
             `cells`"
        );
        assert_eq!(Folder::new().refused(&json!([1])), "wrong type, expected an object, found an array");
    }

    #[test]
    fn a_network_that_is_not_a_circuit_is_refused() {
        let folder = Folder::new();
        let network = folder.write("c.json", &json!({"run": {}}));
        assert_eq!(
            folder.simulation(&json!({"run": {}, "network": "c.json"})).unwrap_err().to_string(),
            format!("{}: not a circuit configuration, expected `networks`, found `run`", network.display())
        );
    }

    #[test]
    fn wrong_types_name_the_path_in_the_document() {
        for (config, message) in [
            (json!({"networks": []}), "networks: wrong type, expected an object, found an array"),
            (json!({"networks": {}}), "networks.nodes: missing, expected an array of networks"),
            (
                json!({"networks": {"nodes": [{"populations": {"A": {}}}]}}),
                "networks.nodes[0].nodes_file: missing, expected the path of a nodes file",
            ),
            (
                json!({"networks": {"nodes": [{"nodes_file": "n.h5"}]}}),
                "networks.nodes[0].populations: missing, expected an object of populations",
            ),
            (
                populations(&json!({"A": {"type": 5}})),
                "networks.nodes[0].populations.A.type: wrong type, expected a string, found the number `5`",
            ),
            (
                populations(&json!({"A": {"alternate_morphologies": ["asc"]}})),
                "networks.nodes[0].populations.A.alternate_morphologies: wrong type, expected an object, found an array",
            ),
            (
                populations(&json!({"A": {"morphologies_dir": true}})),
                "networks.nodes[0].populations.A.morphologies_dir: wrong type, expected a string, found `true`",
            ),
            (
                json!({"run": {}, "reports": {"r": {}}}),
                "reports.r.type: missing, expected the report's type, e.g. `compartment`",
            ),
            (
                json!({"run": {}, "reports": {"r": {"type": "lfp", "enabled": "no"}}}),
                "reports.r.enabled: wrong type, expected true or false, found the string `no`",
            ),
        ] {
            assert_eq!(Folder::new().refused(&config), message);
        }
    }

    #[test]
    fn a_population_is_declared_once() {
        let node = |file: &str| json!({"nodes_file": file, "populations": {"A": {}}});
        assert_eq!(
            Folder::new().refused(&json!({"networks": {"nodes": [node("a.h5"), node("b.h5")]}})),
            "networks.nodes[1].populations.A: population declared twice, expected each name once"
        );
    }

    fn chosen(kinds: &Value, name: Option<&str>) -> Result<String, String> {
        let folder = Folder::new();
        let circuit = folder.circuit(&populations(kinds)).unwrap();
        let place = format!("{}: networks.nodes: ", circuit.path.display());
        let population = circuit.population(name);
        population.map(|p| p.name.clone()).map_err(|e| format!("{e:?}").strip_prefix(&place).unwrap().to_string())
    }

    #[test]
    fn the_only_biophysical_population_need_not_be_named() {
        let kinds = json!({"V": {"type": "virtual"}, "A": {}});
        assert_eq!(chosen(&kinds, None).unwrap(), "A");
        assert_eq!(chosen(&kinds, Some("A")).unwrap(), "A");
    }

    #[test]
    fn a_population_that_cannot_be_chosen_is_refused() {
        let hint = "hint: name one biophysical population with `--population`";
        let kinds = json!({"V": {"type": "virtual"}, "A": {}, "B": {}});
        assert_eq!(
            chosen(&kinds, None).unwrap_err(),
            format!("several biophysical populations, expected one, found `A`, `B`\n{hint}")
        );
        assert_eq!(
            chosen(&kinds, Some("C")).unwrap_err(),
            format!("unknown population, expected `V`, `A`, `B`, found `C`\n{hint}")
        );
        assert_eq!(
            chosen(&kinds, Some("V")).unwrap_err(),
            format!("population `V` has no segments, expected the type `biophysical`, found `virtual`\n{hint}")
        );
        assert_eq!(
            chosen(&json!({"V": {"type": "virtual"}}), None).unwrap_err(),
            "no biophysical population, expected one, found `V (virtual)`"
        );
    }
}
