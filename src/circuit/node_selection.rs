//! Selection of the nodes of a population.

use super::SegmentationProblem;
use super::request::{self, CircuitRequest, CountSource, SegmentReport};
use crate::error::{Context, Result, join_quoted};
use crate::geometry::EulerOrder;
use crate::sonata::compartment_report::ReportLayout;
use crate::sonata::config::{NodePopulation, SonataConfig};
use crate::sonata::node_sets::NodeSets;
use crate::sonata::nodes::{NodeAttribute, Nodes};

/// The attribute with the kind of model of a node.
const MODEL_TYPE_ATTRIBUTE: &str = "model_type";
/// Values of `model_type` for models without sections.
const MODEL_TYPES_WITHOUT_SECTIONS: [&str; 3] = ["virtual", "point_neuron", "point_process"];

/// The selected nodes, and the report's mapping if the counts come from a report.
pub(crate) struct NodeSelection {
    pub nodes: Nodes,
    /// Ids of the selected nodes, ascending; may be empty.
    pub node_ids: Vec<u64>,
    pub report_layout: Option<ReportLayout>,
    /// Where the nodes were selected from, for messages.
    description: String,
}

impl NodeSelection {
    /// Selects the nodes of the requested node set. Without one, a report selects all of its nodes, and the rule
    /// selects the simulation's node set or all nodes.
    ///
    /// # Errors
    /// Returns an error if the nodes, node sets or report are missing, malformed or contradictory.
    pub fn select(
        config: &SonataConfig,
        population: &NodePopulation,
        source: &CountSource,
        request: &CircuitRequest<'_>,
    ) -> Result<Self> {
        match source {
            CountSource::Report(report) => Self::select_by_report(config, population, report, request),
            CountSource::Rule => Self::select_by_rule(config, population, request),
        }
    }

    fn select_by_report(
        config: &SonataConfig,
        population: &NodePopulation,
        report: &SegmentReport,
        request: &CircuitRequest<'_>,
    ) -> Result<Self> {
        let node_set = request.node_set;
        config.check_path(&report.file)?;
        let layout = request::open_report_layout(report, &population.name)?;
        let nodes = open_nodes(config, population, request.euler_order)?;
        let ids = match node_set {
            Some(set) => {
                resolve_node_set(set, config, population, &nodes).and_then(|ids| require_reported(ids, set, &layout))
            }
            None => report_node_ids(population, &nodes, &layout),
        };
        let ids = ids.in_file(&report.file)?;
        let place = node_set.map_or_else(|| "the report".into(), |set| describe_node_set(set, population));
        Ok(Self { nodes, node_ids: ids, report_layout: Some(layout), description: place })
    }

    fn select_by_rule(
        config: &SonataConfig,
        population: &NodePopulation,
        request: &CircuitRequest<'_>,
    ) -> Result<Self> {
        let node_set = request.node_set;
        let nodes = open_nodes(config, population, request.euler_order)?;
        let simulation_set = match config {
            SonataConfig::Simulation(simulation) => simulation.node_set.as_deref(),
            SonataConfig::Circuit(_) => None,
        };
        let (ids, place) = match node_set.or(simulation_set) {
            Some(set) => (resolve_node_set(set, config, population, &nodes)?, describe_node_set(set, population)),
            None => ((0..nodes.len() as u64).collect(), format!("population `{}`", population.name)),
        };
        check_model_types(&nodes, &ids)?;
        Ok(Self { nodes, node_ids: ids, report_layout: None, description: place })
    }

    /// Returns an error if no node is selected.
    pub fn check_not_empty(&self, config: &SonataConfig, source: &CountSource) -> Result<()> {
        if !self.node_ids.is_empty() {
            return Ok(());
        }
        let no_neurons = Err(SegmentationProblem::NoNeurons(self.description.clone()));
        match source {
            CountSource::Report(report) if self.description == "the report" => no_neurons.in_file(&report.file),
            _ => no_neurons.in_file(config.node_sets_files().last().unwrap_or(&config.circuit().path)),
        }
    }
}

/// Opens the nodes of a population, after checking that the file's path has no unknown variable.
fn open_nodes(config: &SonataConfig, population: &NodePopulation, euler_order: Option<EulerOrder>) -> Result<Nodes> {
    config.check_path(&population.nodes_file)?;
    Ok(Nodes::open(population)?.with_euler_order(euler_order.unwrap_or_default()))
}

/// Returns an error for the first node whose `model_type` has no sections: point and virtual neurons.
fn check_model_types(nodes: &Nodes, ids: &[u64]) -> Result<()> {
    if !nodes.attribute_names()?.iter().any(|name| name == MODEL_TYPE_ATTRIBUTE) {
        return Ok(());
    }
    let NodeAttribute::Text(types) = nodes.read_attribute(MODEL_TYPE_ATTRIBUTE)? else { return Ok(()) };
    let of_node = |id: &u64| types.get(usize::try_from(*id).ok()?);
    let no_sections = |id: &&u64| of_node(id).is_some_and(|kind| MODEL_TYPES_WITHOUT_SECTIONS.contains(&kind.as_str()));
    match ids.iter().find(no_sections) {
        None => Ok(()),
        Some(id) => {
            let found = of_node(id).cloned().unwrap_or_default();
            Err(nodes.error_at(MODEL_TYPE_ATTRIBUTE, *id, SegmentationProblem::NoSections(found)))
        }
    }
}

/// Describes a node set for messages.
fn describe_node_set(set: &str, population: &NodePopulation) -> String {
    format!("node set {} of population `{}`", join_quoted([set], 1), population.name)
}

/// Returns the ids of all nodes of the report, ascending.
fn report_node_ids(population: &NodePopulation, nodes: &Nodes, layout: &ReportLayout) -> Result<Vec<u64>> {
    let ids = layout.node_ids();
    let inside = ids.partition_point(|&id| id < nodes.len() as u64);
    match ids.get(inside) {
        Some(&id) => {
            let (population, nodes) = (population.name.clone(), nodes.len());
            let object = format!("/report/{population}/mapping/node_ids");
            Err(SegmentationProblem::OutsidePopulation { population, nodes, id }).in_item(&object)
        }
        None => Ok(ids.to_vec()),
    }
}

/// Returns the ids of all nodes of a node set, ascending.
fn resolve_node_set(set: &str, config: &SonataConfig, population: &NodePopulation, nodes: &Nodes) -> Result<Vec<u64>> {
    NodeSets::from_config(config)?.resolve_ids(set, &population.name, nodes)
}

/// Returns the ids, or an error if the report does not contain all of them.
fn require_reported(ids: Vec<u64>, set: &str, layout: &ReportLayout) -> Result<Vec<u64>> {
    let missing: Vec<u64> = ids.iter().copied().filter(|&id| layout.segment_count(id).is_none()).collect();
    let Some(&first) = missing.first() else { return Ok(ids) };
    let (selected, reported) = (ids.len(), ids.len() - missing.len());
    Err(SegmentationProblem::NotReported { set: set.into(), selected, reported, first }.into())
}
