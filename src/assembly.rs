//! From a circuit to its segment table: joins configuration, nodes, report and morphologies, part by part.
//!
//! Memory is bounded by one part's segments, the report's mapping, and the distinct morphologies, each parsed once.

mod library;
mod request;

pub use request::{Report, Request};

use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;

use crate::error::{Context, Problem, Result, count, listed};
use crate::geometry::{Aabb, hilbert};
use crate::morphology::Morphology;
use crate::positions::{Axon, Checks, NeuronPlan, Placement, check_axon, place};
use crate::segments::Segments;
use crate::sonata::config::{Config, NodePopulation, Simulation};
use crate::sonata::node_sets::NodeSets;
use crate::sonata::nodes::Nodes;
use crate::sonata::report::Layout;
use crate::staged::{Existing, Staged};
use crate::table::{self, Metadata, Neuron, Precision, parts};

use library::Library;

/// Why a circuit cannot be turned into a table.
#[derive(Debug, thiserror::Error)]
pub enum AssemblyProblem {
    /// A circuit alone does not say how neurons are cut.
    #[error(
        "no compartment report to take segment counts from, expected a simulation configuration, found a circuit configuration"
    )]
    NoSimulation,
    /// A population without morphologies.
    #[error("population `{0}` has no morphologies, expected `morphologies_dir` or `alternate_morphologies`")]
    NoMorphologies(String),
    /// Nodes that the report does not cover.
    #[error(
        "nodes are missing from the report, expected all {selected} of node set `{set}`, found {reported} of them; first missing: node {first}"
    )]
    NotReported {
        /// The node set.
        set: String,
        /// Its number of nodes.
        selected: usize,
        /// As many of them are in the report.
        reported: usize,
        /// The first that is not.
        first: u64,
    },
    /// A report with more nodes than there are.
    #[error("node id outside the population `{population}`, expected an id below {nodes}, found {id}")]
    OutsidePopulation {
        /// The population.
        population: String,
        /// Number of its nodes.
        nodes: usize,
        /// The id.
        id: u64,
    },
    /// Nothing to do.
    #[error("no neurons selected, expected at least one, found none in {0}")]
    NoNeurons(String),
}

impl Problem for AssemblyProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoSimulation => {
                Some("name the simulation configuration whose compartment report lists the segments".into())
            }
            Self::NotReported { .. } => {
                Some("choose a `--node-set` inside the report's `cells`, or another `--report`".into())
            }
            Self::OutsidePopulation { .. } => Some("the report may be of another circuit".into()),
            Self::NoMorphologies(_) | Self::NoNeurons(_) => None,
        }
    }
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Population of the nodes.
    pub population: String,
    /// Number of neurons.
    pub neurons: u64,
    /// Number of segments.
    pub segments: u64,
    /// Number of parts.
    pub parts: usize,
    /// Number of distinct morphologies.
    pub morphologies: usize,
}

/// How a table is made.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// What becomes of the axon.
    pub axon: Axon,
    /// How far counts are checked.
    pub checks: Checks,
    /// Width of the coordinates.
    pub precision: Precision,
    /// Segments in a part, unless a neuron alone has more.
    pub segments_per_part: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            axon: Axon::Replace(Placement::default()),
            checks: Checks::default(),
            precision: Precision::default(),
            segments_per_part: table::schema::SEGMENTS_PER_PART,
        }
    }
}

/// A circuit that has been read as far as its nodes and segment counts: what is left is to place the segments.
pub struct Assembly {
    plans: Vec<NeuronPlan>,
    library: Library,
    metadata: Metadata,
    report_file: std::path::PathBuf,
}

impl Assembly {
    /// Reads configuration, node set, nodes and the report's mapping.
    ///
    /// # Errors
    /// Anything missing, malformed or contradictory in these files.
    pub fn open(request: &Request<'_>) -> Result<Self> {
        let config = Config::open(request.config)?;
        let Config::Simulation(simulation) = &config else {
            return Err(AssemblyProblem::NoSimulation).in_file(request.config);
        };
        let population = simulation.circuit.population(request.population)?;
        let report = request::report(simulation, request.report)?;
        let layout = request::layout(&report, &population.name)?;
        let nodes = Nodes::open(population)?;
        let ids = match request.node_set {
            Some(set) => in_node_set(set, &config, population, &nodes, &layout),
            None => in_report(population, &nodes, &layout),
        };
        let ids = ids.in_file(&report.file)?;
        Self::join(simulation, population, &nodes, &layout, &ids, report)
    }

    fn join(
        simulation: &Simulation,
        population: &NodePopulation,
        nodes: &Nodes,
        layout: &Layout,
        ids: &[u64],
        report: Report,
    ) -> Result<Self> {
        let source = population.morphologies.clone();
        let source = source.ok_or_else(|| AssemblyProblem::NoMorphologies(population.name.clone()));
        let library = Library::new(&source.in_file(&simulation.circuit.path)?)?;
        let plans = plans(ids, nodes, layout)?;
        let metadata = Metadata {
            population: population.name.clone(),
            circuit: simulation.circuit.path.display().to_string(),
            discretisation: format!("report {}", report.name),
            program_version: env!("CARGO_PKG_VERSION").into(),
            segments: plans.iter().map(NeuronPlan::segments).sum(),
            neurons: plans.len() as u64,
            ..Metadata::default()
        };
        Ok(Self { plans, library, metadata, report_file: report.file })
    }

    /// Number of segments.
    pub fn segments(&self) -> u64 {
        self.metadata.segments
    }

    /// The population.
    pub fn population(&self) -> &str {
        &self.metadata.population
    }

    /// The neurons, node ids ascending.
    pub fn neurons(&self) -> Vec<Neuron> {
        self.plans.iter().map(neuron).collect()
    }

    /// Places the segments of some nodes, ascending; nodes that are not there are left out.
    ///
    /// # Errors
    /// A morphology cannot be read, or a neuron cannot be placed.
    pub fn place(&self, nodes: &[u64], options: &Options) -> Result<Segments> {
        let which: Vec<usize> = (0..self.plans.len()).filter(|&i| nodes.contains(&self.plans[i].node_id)).collect();
        self.place_all(&which, options, &|_| ())
    }

    /// Places all segments and writes the table: one file where `out` ends in `.parquet`, else a folder of parts.
    ///
    /// `placed` is told the number of segments of each placed neuron. The output appears under its name when complete.
    ///
    /// # Errors
    /// A morphology cannot be read, a neuron cannot be placed, or the output cannot be written.
    pub fn write(
        &self,
        out: &Path,
        existing: Existing,
        options: &Options,
        placed: &(dyn Fn(u64) + Sync),
    ) -> Result<Made> {
        let single = parts::is_single_file(out);
        let staged = if single { Staged::new(out, existing)? } else { folder(out, existing)? };
        let order = self.hilbert_order();
        let neurons: Vec<Neuron> = order.iter().map(|&i| neuron(&self.plans[i])).collect();
        let most = if single { u64::MAX } else { options.segments_per_part };
        let cuts = parts::cut(&neurons, most);
        let metadata = Metadata { axon: axon_text(options.axon), parts: cuts.len() as u64, ..self.metadata.clone() };
        for (number, cut) in cuts.iter().enumerate() {
            let segments = self.place_all(&order[cut.clone()], options, placed)?;
            let file =
                if single { staged.partial().to_path_buf() } else { staged.partial().join(parts::file_name(number)) };
            let written = table::write_part(&file, &segments, &neurons[cut.clone()], &metadata, options.precision);
            written.map_err(|e| e.in_file(out))?;
        }
        staged.commit()?;
        Ok(Made {
            population: metadata.population,
            neurons: metadata.neurons,
            segments: metadata.segments,
            parts: cuts.len(),
            morphologies: self.library.len(),
        })
    }

    /// Places of the neurons in Hilbert order of their somata.
    fn hilbert_order(&self) -> Vec<usize> {
        let soma = |p: &NeuronPlan| p.transform.translation;
        let curve = hilbert::Curve::over(&Aabb::of(self.plans.iter().map(soma)));
        let mut order: Vec<usize> = (0..self.plans.len()).collect();
        order.sort_by_cached_key(|&i| (curve.key(soma(&self.plans[i])), self.plans[i].node_id));
        order
    }

    fn place_all(&self, which: &[usize], options: &Options, placed: &(dyn Fn(u64) + Sync)) -> Result<Segments> {
        let place_one = |&i: &usize| -> Result<Segments> {
            let plan = &self.plans[i];
            let morphology = self.morphology(&plan.morphology, options.axon)?;
            let segments = place(&morphology, plan, options.axon, options.checks).in_file(&self.report_file)?;
            placed(segments.len() as u64);
            Ok(segments)
        };
        // the first failing neuron in order is the one that is told, whatever the number of threads
        let neurons: Vec<Result<Segments>> = which.par_iter().map(place_one).collect();
        let mut all = Segments::default();
        for neuron in neurons {
            all.append(&neuron?);
        }
        Ok(all)
    }

    /// A morphology that suits the axon's fate; an error tells whose it is.
    fn morphology(&self, name: &str, axon: Axon) -> Result<Arc<Morphology>> {
        let suited = |m: Arc<Morphology>| check_axon(&m, axon).in_file(&self.library.file(name)).map(|()| m);
        self.library.get(name).and_then(suited).map_err(|e| e.advised(self.owners(name)))
    }

    /// Whose morphology it is, for people.
    fn owners(&self, name: &str) -> String {
        let mut owners = self.plans.iter().filter(|p| p.morphology == name).map(|p| p.node_id);
        let first = owners.next().unwrap_or_default();
        let others = match owners.count() {
            0 => String::new(),
            n => format!(" and of {}", count(n as u64, "other")),
        };
        format!("it is the morphology of node {first} of population `{}`{others}", self.metadata.population)
    }
}

/// Starts a folder of parts.
fn folder(out: &Path, existing: Existing) -> Result<Staged> {
    if existing == Existing::Replace {
        parts::check_replaceable(out)?;
    }
    Staged::folder(out, existing)
}

fn neuron(plan: &NeuronPlan) -> Neuron {
    Neuron { node_id: plan.node_id, first_row: plan.first_row, segments: plan.segments() }
}

fn axon_text(axon: Axon) -> String {
    match axon {
        Axon::Keep => "kept".into(),
        Axon::Replace(placement) => format!("replaced, placement {}", placement.name()),
    }
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
        None if ids.is_empty() => Err(AssemblyProblem::NoNeurons("the report".into()).into()),
        None => Ok(ids.to_vec()),
    }
}

/// The ids of all nodes of a node set, ascending; the report must have them.
fn in_node_set(
    set: &str,
    config: &Config,
    population: &NodePopulation,
    nodes: &Nodes,
    layout: &Layout,
) -> Result<Vec<u64>> {
    let sets = NodeSets::open(config.node_sets_files())?;
    let ids = sets.resolve(set, &population.name, nodes)?;
    let missing: Vec<u64> = ids.iter().copied().filter(|&id| layout.segments(id).is_none()).collect();
    if let Some(&first) = missing.first() {
        let (selected, reported) = (ids.len(), ids.len() - missing.len());
        return Err(AssemblyProblem::NotReported { set: set.into(), selected, reported, first }.into());
    }
    if ids.is_empty() {
        let nowhere =
            AssemblyProblem::NoNeurons(format!("node set {} of population `{}`", listed([set], 1), population.name));
        return Err(nowhere).in_file(config.node_sets_files().last().unwrap_or(&config.circuit().path));
    }
    Ok(ids)
}

/// Numbers the rows: node ids ascending, sections ascending, segments in order.
fn plans(ids: &[u64], nodes: &Nodes, layout: &Layout) -> Result<Vec<NeuronPlan>> {
    let (transforms, morphologies) = (nodes.transforms(ids)?, nodes.morphologies(ids)?);
    let mut first_row = 0;
    let mut plans = Vec::with_capacity(ids.len());
    for ((&node_id, transform), morphology) in ids.iter().zip(transforms).zip(morphologies) {
        let sections = layout.sections(node_id).unwrap_or_default();
        let plan = NeuronPlan { node_id, morphology, first_row, sections, transform };
        first_row += plan.segments();
        plans.push(plan);
    }
    Ok(plans)
}
