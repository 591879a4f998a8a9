//! Which nodes of a population are taken.

use super::AssemblyProblem;
use super::request::{self, Report, Request, Source};
use crate::error::{Context, Result, listed};
use crate::geometry::EulerOrder;
use crate::sonata::config::{Config, NodePopulation};
use crate::sonata::node_sets::NodeSets;
use crate::sonata::nodes::{Attribute, Nodes};
use crate::sonata::report::Layout;

/// The attribute that says what kind of model a node is.
const MODEL_TYPE: &str = "model_type";
/// Its values for models without sections.
const WITHOUT_SECTIONS: [&str; 3] = ["virtual", "point_neuron", "point_process"];

/// The nodes that are taken, and the report's mapping if counts are taken from it.
pub(crate) struct Selection {
    pub nodes: Nodes,
    /// Ascending; may be empty.
    pub ids: Vec<u64>,
    pub layout: Option<Layout>,
    /// Where they were selected, for people.
    place: String,
}

impl Selection {
    /// Selects nodes: those of the node set that is asked for; else, by a report, all that it has; by a rule those of
    /// the simulation's node set, or all.
    ///
    /// # Errors
    /// Anything missing, malformed or contradictory in nodes, node sets or report.
    pub fn of(config: &Config, population: &NodePopulation, source: &Source, request: &Request<'_>) -> Result<Self> {
        match source {
            Source::Report(report) => Self::by_report(config, population, report, request),
            Source::Rule => Self::by_rule(config, population, request),
        }
    }

    fn by_report(config: &Config, population: &NodePopulation, report: &Report, request: &Request<'_>) -> Result<Self> {
        let node_set = request.node_set;
        config.check_path(&report.file)?;
        let layout = request::layout(report, &population.name)?;
        let nodes = open_nodes(config, population, request.euler_order)?;
        let ids = match node_set {
            Some(set) => in_node_set(set, config, population, &nodes).and_then(|ids| reported(ids, set, &layout)),
            None => in_report(population, &nodes, &layout),
        };
        let ids = ids.in_file(&report.file)?;
        let place = node_set.map_or_else(|| "the report".into(), |set| named(set, population));
        Ok(Self { nodes, ids, layout: Some(layout), place })
    }

    fn by_rule(config: &Config, population: &NodePopulation, request: &Request<'_>) -> Result<Self> {
        let node_set = request.node_set;
        let nodes = open_nodes(config, population, request.euler_order)?;
        let own = match config {
            Config::Simulation(simulation) => simulation.node_set.as_deref(),
            Config::Circuit(_) => None,
        };
        let (ids, place) = match node_set.or(own) {
            Some(set) => (in_node_set(set, config, population, &nodes)?, named(set, population)),
            None => ((0..nodes.len() as u64).collect(), format!("population `{}`", population.name)),
        };
        check_model_types(&nodes, &ids)?;
        Ok(Self { nodes, ids, layout: None, place })
    }

    /// Refuses a selection of nothing.
    pub fn check(&self, config: &Config, source: &Source) -> Result<()> {
        if !self.ids.is_empty() {
            return Ok(());
        }
        let nowhere = Err(AssemblyProblem::NoNeurons(self.place.clone()));
        match source {
            Source::Report(report) if self.place == "the report" => nowhere.in_file(&report.file),
            _ => nowhere.in_file(config.node_sets_files().last().unwrap_or(&config.circuit().path)),
        }
    }
}

/// The nodes of a population, whose file's path has no unknown variable.
fn open_nodes(config: &Config, population: &NodePopulation, euler_order: Option<EulerOrder>) -> Result<Nodes> {
    config.check_path(&population.nodes_file)?;
    Ok(Nodes::open(population)?.with_euler_order(euler_order.unwrap_or_default()))
}

/// Refuses nodes that SONATA's `model_type` gives no sections: points and virtual ones.
fn check_model_types(nodes: &Nodes, ids: &[u64]) -> Result<()> {
    if !nodes.attributes()?.iter().any(|name| name == MODEL_TYPE) {
        return Ok(());
    }
    let Attribute::Text(types) = nodes.attribute(MODEL_TYPE)? else { return Ok(()) };
    let of_node = |id: &u64| types.get(usize::try_from(*id).ok()?);
    let no_sections = |id: &&u64| of_node(id).is_some_and(|kind| WITHOUT_SECTIONS.contains(&kind.as_str()));
    match ids.iter().find(no_sections) {
        None => Ok(()),
        Some(id) => {
            let found = of_node(id).cloned().unwrap_or_default();
            Err(nodes.error_at(MODEL_TYPE, *id, AssemblyProblem::NoSections(found)))
        }
    }
}

/// A node set, for people.
fn named(set: &str, population: &NodePopulation) -> String {
    format!("node set {} of population `{}`", listed([set], 1), population.name)
}

/// The ids of all nodes of the report, ascending.
fn in_report(population: &NodePopulation, nodes: &Nodes, layout: &Layout) -> Result<Vec<u64>> {
    let ids = layout.node_ids();
    let inside = ids.partition_point(|&id| id < nodes.len() as u64);
    match ids.get(inside) {
        Some(&id) => {
            let (population, nodes) = (population.name.clone(), nodes.len());
            let object = format!("/report/{population}/mapping/node_ids");
            Err(AssemblyProblem::OutsidePopulation { population, nodes, id }).in_object(&object)
        }
        None => Ok(ids.to_vec()),
    }
}

/// The ids of all nodes of a node set, ascending.
fn in_node_set(set: &str, config: &Config, population: &NodePopulation, nodes: &Nodes) -> Result<Vec<u64>> {
    NodeSets::of_config(config)?.resolve(set, &population.name, nodes)
}

/// The ids, all of which the report must have.
fn reported(ids: Vec<u64>, set: &str, layout: &Layout) -> Result<Vec<u64>> {
    let missing: Vec<u64> = ids.iter().copied().filter(|&id| layout.segments(id).is_none()).collect();
    let Some(&first) = missing.first() else { return Ok(ids) };
    let (selected, reported) = (ids.len(), ids.len() - missing.len());
    Err(AssemblyProblem::NotReported { set: set.into(), selected, reported, first }.into())
}
