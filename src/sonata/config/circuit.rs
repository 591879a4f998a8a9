//! Reads `circuit_config.json`.
//!
//! Source: SONATA "Circuit configuration file". A population's own `morphologies_dir`, `alternate_morphologies` (as a
//! whole) and `biophysical_neuron_models_dir` replace those of `components`. An empty string or an empty dictionary
//! counts as absent, as in libsonata.

use super::super::json::JsonNode;
use super::document::ConfigDocument;
use super::{CircuitConfig, ConfigProblem, MorphologySource, NodePopulation};
use crate::error::{Context, Error, Result, join_quoted};
use crate::io::hdf5::Hdf5File;
use crate::morphology::MorphologyFormat;

impl CircuitConfig {
    /// Reads a circuit's document.
    pub(super) fn read(document: &ConfigDocument) -> Result<Self> {
        if !document.has_key("networks") {
            let problem = ConfigProblem::NoCircuit { found: join_quoted(document.keys(), 8) };
            return Err(problem).in_file(&document.path);
        }
        Self::read_fields(document).in_file(&document.path)
    }

    fn read_fields(document: &ConfigDocument) -> Result<Self> {
        let root = document.root();
        let components = root.get("components")?;
        let networks = root.require("networks", "an object with `nodes`")?;
        let mut populations: Vec<NodePopulation> = Vec::new();
        for network in networks.require("nodes", "an array of networks")?.items()? {
            let entries = network.require("populations", "an object of populations");
            for (name, population) in entries.map_err(|e| with_populations_hint(e, document, &network))?.members()? {
                if populations.iter().any(|p| p.name == name) {
                    return Err(population.error(ConfigProblem::DuplicatePopulation));
                }
                let places = PopulationFields { document, population: &population, components: components.as_ref() };
                populations.push(places.read(name, &network)?);
            }
        }
        let node_sets_file = document.get_path(&root, "node_sets_file")?;
        let variables = document.variables.clone();
        Ok(Self { path: document.path.clone(), populations, node_sets_file, variables })
    }
}

/// Adds a hint with the populations of a network's nodes file, and the lines that are missing.
fn with_populations_hint(error: Error, document: &ConfigDocument, network: &JsonNode<'_>) -> Error {
    let nodes = network.get_text("nodes_file").ok().flatten().map(|text| document.resolve_path(text));
    let names = nodes.and_then(|path| Hdf5File::open(&path).ok()).and_then(|file| file.member_names("/nodes").ok());
    let names = names.filter(|names| !names.is_empty());
    let Some(names) = names else { return error };
    let lines: Vec<String> =
        names.iter().take(4).map(|name| format!("\"{name}\": {{\"type\": \"biophysical\"}}")).collect();
    error.with_hint(format!(
        "the nodes file has {}: add `\"populations\": {{{}}}` next to `nodes_file`",
        join_quoted(names, 12),
        lines.join(", ")
    ))
}

/// Looks up the fields of a population: in its own block, then in `components`.
struct PopulationFields<'a> {
    document: &'a ConfigDocument,
    population: &'a JsonNode<'a>,
    components: Option<&'a JsonNode<'a>>,
}

impl<'a> PopulationFields<'a> {
    fn read(&self, name: &str, network: &JsonNode<'_>) -> Result<NodePopulation> {
        let nodes_file = network.require_text("nodes_file", "the path of a nodes file")?;
        Ok(NodePopulation {
            name: name.to_string(),
            kind: self.population.get_text("type")?.unwrap_or("biophysical").to_string(),
            nodes_file: self.document.resolve_path(nodes_file),
            node_types_file: self.document.get_path(network, "node_types_file")?,
            morphologies: self.morphology_source()?,
            biophysical_neuron_models_dir: self
                .first_given("biophysical_neuron_models_dir")?
                .map(|at| at.text().map(|text| self.document.resolve_path(text)))
                .transpose()?,
        })
    }

    /// Returns the first value of a key that is neither absent nor empty.
    fn first_given(&self, key: &str) -> Result<Option<JsonNode<'a>>> {
        let own_value = self.population.get(key)?.filter(is_given);
        match (own_value, self.components) {
            (None, Some(components)) => Ok(components.get(key)?.filter(is_given)),
            (own_value, _) => Ok(own_value),
        }
    }

    /// Returns the source of the morphologies: Neurolucida ASC before h5v1 before SWC, as the simulator's front end
    /// chooses.
    fn morphology_source(&self) -> Result<Option<MorphologySource>> {
        if let Some(alternate) = self.first_given("alternate_morphologies")? {
            for (key, format) in [("neurolucida-asc", MorphologyFormat::Asc), ("h5v1", MorphologyFormat::H5v1)] {
                if let Some(path) = self.document.get_path(&alternate, key)? {
                    return Ok(Some(MorphologySource { path, format }));
                }
            }
        }
        let Some(folder) = self.first_given("morphologies_dir")? else { return Ok(None) };
        Ok(Some(MorphologySource { path: self.document.resolve_path(folder.text()?), format: MorphologyFormat::Swc }))
    }
}

fn is_given(at: &JsonNode<'_>) -> bool {
    at.value.as_str() != Some("") && !at.value.as_object().is_some_and(serde_json::Map::is_empty)
}
