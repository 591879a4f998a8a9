//! Reading `circuit_config.json`.
//!
//! Source: SONATA "Circuit configuration file". A population's own `morphologies_dir`, `alternate_morphologies` and
//! `biophysical_neuron_models_dir` replace those of `components`; `alternate_morphologies` as a whole. An empty string
//! or an empty dictionary counts as absent, as in libsonata.

use super::super::json::At;
use super::document::Document;
use super::{Circuit, ConfigProblem, MorphologySource, NodePopulation};
use crate::error::{Context, Error, Result, listed};
use crate::io::hdf5::File;
use crate::morphology::Format;

impl Circuit {
    /// Reads a circuit's document.
    pub(super) fn read(document: &Document) -> Result<Self> {
        if !document.has("networks") {
            let problem = ConfigProblem::NoCircuit { found: listed(document.keys(), 8) };
            return Err(problem).in_file(&document.path);
        }
        Self::fields(document).in_file(&document.path)
    }

    fn fields(document: &Document) -> Result<Self> {
        let root = document.root();
        let components = root.get("components")?;
        let networks = root.require("networks", "an object with `nodes`")?;
        let mut populations: Vec<NodePopulation> = Vec::new();
        for network in networks.require("nodes", "an array of networks")?.items()? {
            let own = network.require("populations", "an object of populations");
            for (name, population) in own.map_err(|e| advised(e, document, &network))?.members()? {
                if populations.iter().any(|p| p.name == name) {
                    return Err(population.error(ConfigProblem::Twice));
                }
                let places = Places { document, population: &population, components: components.as_ref() };
                populations.push(places.read(name, &network)?);
            }
        }
        let node_sets_file = document.path_at(&root, "node_sets_file")?;
        let variables = document.variables.clone();
        Ok(Self { path: document.path.clone(), populations, node_sets_file, variables })
    }
}

/// Names the populations of a network's nodes file, and the lines that are missing.
fn advised(error: Error, document: &Document, network: &At<'_>) -> Error {
    let nodes = network.get_text("nodes_file").ok().flatten().map(|text| document.resolve(text));
    let names = nodes.and_then(|path| File::open(&path).ok()).and_then(|file| file.members("/nodes").ok());
    let names = names.filter(|names| !names.is_empty());
    let Some(names) = names else { return error };
    let lines: Vec<String> =
        names.iter().take(4).map(|name| format!("\"{name}\": {{\"type\": \"biophysical\"}}")).collect();
    error.advised(format!(
        "the nodes file has {}: add `\"populations\": {{{}}}` beside `nodes_file`",
        listed(names, 12),
        lines.join(", ")
    ))
}

/// Where a population's fields are looked up: in its own block, then in `components`.
struct Places<'a> {
    document: &'a Document,
    population: &'a At<'a>,
    components: Option<&'a At<'a>>,
}

impl<'a> Places<'a> {
    fn read(&self, name: &str, network: &At<'_>) -> Result<NodePopulation> {
        let nodes_file = network.require_text("nodes_file", "the path of a nodes file")?;
        Ok(NodePopulation {
            name: name.to_string(),
            kind: self.population.get_text("type")?.unwrap_or("biophysical").to_string(),
            nodes_file: self.document.resolve(nodes_file),
            node_types_file: self.document.path_at(network, "node_types_file")?,
            morphologies: self.morphologies()?,
            biophysical_neuron_models_dir: self
                .first("biophysical_neuron_models_dir")?
                .map(|at| at.text().map(|text| self.document.resolve(text)))
                .transpose()?,
        })
    }

    /// The first value of a key that is neither absent nor empty.
    fn first(&self, key: &str) -> Result<Option<At<'a>>> {
        let own = self.population.get(key)?.filter(is_given);
        match (own, self.components) {
            (None, Some(components)) => Ok(components.get(key)?.filter(is_given)),
            (own, _) => Ok(own),
        }
    }

    /// Neurolucida ASC before h5v1 before SWC, as the simulator's front end chooses.
    fn morphologies(&self) -> Result<Option<MorphologySource>> {
        if let Some(alternate) = self.first("alternate_morphologies")? {
            for (key, format) in [("neurolucida-asc", Format::Asc), ("h5v1", Format::H5v1)] {
                if let Some(path) = self.document.path_at(&alternate, key)? {
                    return Ok(Some(MorphologySource { path, format }));
                }
            }
        }
        let Some(folder) = self.first("morphologies_dir")? else { return Ok(None) };
        Ok(Some(MorphologySource { path: self.document.resolve(folder.text()?), format: Format::Swc }))
    }
}

fn is_given(at: &At<'_>) -> bool {
    at.value.as_str() != Some("") && !at.value.as_object().is_some_and(serde_json::Map::is_empty)
}
