//! From a circuit to its segment table: joins configuration, nodes, report and morphologies, part by part.
//!
//! Memory is bounded by one part's segments, 512 MiB of distinct morphologies, and some 120 bytes a neuron.

mod beside;
pub(crate) mod by_rule;
mod forecast;
mod frame;
pub mod hoc;
pub(crate) mod library;
pub(crate) mod neurons;
mod part;
pub mod placement;
mod placing;
mod problem;
pub(crate) mod request;
pub(crate) mod rules;
mod same;
pub(crate) mod selection;
pub mod synthetic;
mod tables;
mod writing;

pub use by_rule::{NotedMorphology, TiedNeurons};
pub use problem::AssemblyProblem;
pub use request::{Discretisation, MAX_SEGMENTS, OnBadNeuron, Report, Request};
pub use rules::{NotedTemplate, TemplateUse, templates};
pub use tables::{LeftOut, Tables, check_output};
pub use writing::{Run, Written};

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::circuit::hoc::StubDiameters;
use crate::circuit::placement::{Axon, Checks, NeuronPlan, Placement};
use crate::error::{Context, Error, Result, count};
use crate::io::atomic_output::Existing;
use crate::io::ranks::Crew;
use crate::segments::table::{self, Metadata, Neuron, Precision};
use crate::sonata::config::{Config, NodePopulation};
use crate::sonata::nodes::Orientation;
use crate::sonata::report::Layout;

use frame::Frame;
use library::Library;
use neurons::Neurons;
use request::Source;
use rules::{Given, Rules};
use selection::Selection;

/// Neurons that a thread places before they are put together.
const NEURONS_TOGETHER: usize = 64;

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
    /// Where the stubs lie that stand for an axon.
    pub placement: Placement,
    /// Width of the coordinates.
    pub precision: Precision,
    /// Segments in a part, unless a neuron alone has more.
    pub segments_per_part: u64,
    /// Rows in a row group.
    pub row_group_rows: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            placement: Placement::default(),
            precision: Precision::default(),
            segments_per_part: table::schema::SEGMENTS_PER_PART,
            row_group_rows: table::schema::ROWS_PER_GROUP,
        }
    }
}

/// A neuron that is left out, and why.
#[derive(Debug)]
pub struct Skipped {
    /// SONATA node id.
    pub node_id: u64,
    /// What is wrong with it.
    pub error: Error,
}

/// A population that has been read as far as its nodes and segment counts: what is left is to place the segments.
pub struct Assembly {
    pub(crate) plans: Vec<NeuronPlan>,
    library: Library,
    frame: Frame,
    /// How the nodes' orientations are given.
    orientation: Orientation,
    metadata: Metadata,
    /// How the axon's fate is told in the metadata; the placement follows where there are stubs.
    axon: String,
    checks: Checks,
    /// The file that counts came from, if any.
    report_file: Option<PathBuf>,
    skipped: Vec<Skipped>,
    ties: Vec<TiedNeurons>,
    notes: Vec<NotedMorphology>,
    template_notes: Vec<NotedTemplate>,
}

impl Assembly {
    /// Reads configuration, node set, nodes and the segment counts of one population: the one that is named, or the only
    /// biophysical one.
    ///
    /// # Errors
    /// Anything missing, malformed or contradictory in these files.
    pub fn open(request: &Request<'_>) -> Result<Self> {
        let config = Config::open(request.config)?;
        let source = request::source(&config, request)?;
        let population = config.circuit().population(request.population)?;
        Self::of(&config, population, &source, request)
    }

    fn of(config: &Config, population: &NodePopulation, source: &Source, request: &Request<'_>) -> Result<Self> {
        let selection = Selection::of(config, population, source, request)?;
        Self::join(config, population, selection, source, request)
    }

    pub(crate) fn join(
        config: &Config,
        population: &NodePopulation,
        selection: Selection,
        source: &Source,
        request: &Request<'_>,
    ) -> Result<Self> {
        selection.check(config, source)?;
        let circuit = &config.circuit().path;
        let no_morphologies = || AssemblyProblem::NoMorphologies(population.name.clone());
        let morphologies = population.morphologies.as_ref().ok_or_else(no_morphologies).in_file(circuit)?;
        config.check_path(&morphologies.path)?;
        let mut assembly = Self {
            plans: Vec::new(),
            library: Library::new(morphologies)?,
            frame: Frame::of(&selection.nodes, &selection.ids)?,
            orientation: selection.nodes.orientation()?,
            metadata: Metadata {
                population: population.name.clone(),
                circuit: circuit.display().to_string(),
                program_version: env!("CARGO_PKG_VERSION").into(),
                ..Metadata::default()
            },
            axon: String::new(),
            checks: request.checks,
            report_file: None,
            skipped: Vec::new(),
            ties: Vec::new(),
            notes: Vec::new(),
            template_notes: Vec::new(),
        };
        let neurons = Neurons::of(&selection)?;
        match (source, &selection.layout) {
            (Source::Report(report), Some(layout)) => {
                assembly.report_file = Some(report.file.clone());
                assembly.metadata.discretisation = format!("report {}", report.name);
                // templates are needed for the stubs' diameters alone, and may be missing
                let rules = Rules::of(config, population, &selection.nodes, neurons.ids, Given::default()).ok();
                assembly.plan_by_report(&neurons, layout, request, rules.as_ref());
                assembly.template_notes = rules.map(|rules| rules.notes).unwrap_or_default();
                if request.on_bad_neuron == OnBadNeuron::Skip {
                    assembly.skip_what_cannot_be_placed();
                }
            }
            _ => {
                let given = Given { axon: request.axon, chunk_um: request.segment_length_um };
                let rules = Rules::of(config, population, &selection.nodes, neurons.ids, given)?;
                assembly.plan_by_rule(&neurons, &rules, request.max_segments);
                assembly.template_notes = rules.notes;
            }
        }
        assembly.settle_skipped(request.on_bad_neuron).in_file(circuit)?;
        assembly.number();
        Ok(assembly)
    }

    fn plan_by_report(&mut self, neurons: &Neurons<'_>, layout: &Layout, request: &Request<'_>, rules: Option<&Rules>) {
        let axon = request.axon.map_or(Axon::Replace(None), Axon::from);
        self.axon = if axon == Axon::Keep { "kept".into() } else { "replaced".into() };
        let sections = |id| layout.sections(id).cloned().unwrap_or_default();
        // a report says nothing of diameters
        let diameters = |i: usize| rules.map_or_else(StubDiameters::default, |rules| rules.diameters(i));
        self.plans = neurons.plans(|i, id| Some((sections(id), axon, diameters(i))));
    }

    fn plan_by_rule(&mut self, neurons: &Neurons<'_>, rules: &Rules, max_segments: u64) {
        let planned = by_rule::plan(&self.library, neurons, rules, &self.metadata.population, max_segments);
        (self.plans, self.skipped) = (planned.plans, planned.bad);
        (self.ties, self.notes) = (planned.ties, planned.notes);
        (self.metadata.discretisation, self.axon) = by_rule::describe(rules);
        self.metadata.assumed = by_rule::assumed(rules);
        self.checks = Checks::None;
    }

    /// Leaves out the neurons that a report's counts, or their morphology, do not let be placed.
    fn skip_what_cannot_be_placed(&mut self) {
        let options = Options::default();
        let tried: Vec<Option<Error>> = self.plans.par_iter().map(|p| self.place_one(p, &options).err()).collect();
        let mut plans = Vec::with_capacity(self.plans.len());
        for (plan, error) in std::mem::take(&mut self.plans).into_iter().zip(tried) {
            match error {
                None => plans.push(plan),
                Some(error) => self.skipped.push(Skipped { node_id: plan.node_id, error }),
            }
        }
        self.plans = plans;
    }

    /// Refuses what was skipped, unless that is wanted.
    fn settle_skipped(&mut self, on_bad_neuron: OnBadNeuron) -> Result<()> {
        if self.skipped.is_empty() {
            return Ok(());
        }
        if on_bad_neuron == OnBadNeuron::Error {
            return Err(self.skipped.swap_remove(0).error);
        }
        let skipped = count(self.skipped.len() as u64, "bad neuron");
        if self.plans.is_empty() {
            return Err(AssemblyProblem::AllSkipped(skipped).into());
        }
        self.metadata.discretisation += &format!("; {skipped} left out");
        Ok(())
    }

    /// Numbers the rows: node ids ascending, sections ascending, segments in order.
    fn number(&mut self) {
        let mut row = 0;
        for plan in &mut self.plans {
            plan.first_row = row;
            row += plan.segments();
        }
        self.metadata.segments = row;
        self.metadata.neurons = self.plans.len() as u64;
    }

    /// The population.
    pub fn population(&self) -> &str {
        &self.metadata.population
    }

    /// What a user should know where the numbers of segments rest on a rule that was given.
    pub fn assumption(&self) -> Option<String> {
        self.metadata.assumption()
    }

    /// Number of segments.
    pub fn segments(&self) -> u64 {
        self.metadata.segments
    }

    /// How the nodes' orientations are given.
    pub fn orientation(&self) -> Orientation {
        self.orientation
    }

    /// The neurons that are left out.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// The sections, one a morphology, whose number of segments may differ in the simulator.
    pub fn ties(&self) -> &[TiedNeurons] {
        &self.ties
    }

    /// What the simulator does with the morphologies that a user may not expect; known where the counts are the rule's.
    pub fn notes(&self) -> &[NotedMorphology] {
        &self.notes
    }

    /// What the cell templates do to diameters and the radii do not follow.
    pub fn template_notes(&self) -> &[NotedTemplate] {
        &self.template_notes
    }

    /// Names of the distinct morphologies.
    fn morphologies(&self) -> BTreeSet<&str> {
        self.plans.iter().map(|plan| &*plan.morphology).collect()
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
        let run = Run { existing, resume: false, stop: &|| false, placed };
        let written = writing::write(&[self], false, out, options, &run, &Crew::default())?;
        let made = written.tables.into_iter().next();
        // one table was asked for
        made.ok_or_else(|| AssemblyProblem::NoNeurons(self.population().into()).into())
    }

    /// The place of a node's plan; an error has the place where it would be.
    pub(crate) fn place_of(&self, node_id: u64) -> Result<usize, usize> {
        self.plans.binary_search_by_key(&node_id, |p| p.node_id)
    }

    /// Takes over which neurons keep their axon, from plans in the order of node ids.
    pub(crate) fn keep_axons_of(&mut self, plans: &[NeuronPlan]) {
        for plan in plans.iter().filter(|p| p.axon == Axon::Keep) {
            if let Some(own) = self.place_of(plan.node_id).ok().and_then(|place| self.plans.get_mut(place)) {
                own.axon = Axon::Keep;
            }
        }
    }

    /// What became of the axon, for the metadata.
    fn axon_text(&self, placement: Placement) -> String {
        match self.plans.iter().any(|p| p.axon != Axon::Keep) {
            true => format!("{}, placement {}", self.axon, placement.name()),
            false => self.axon.clone(),
        }
    }
}

fn neuron(plan: &NeuronPlan) -> Neuron {
    Neuron { node_id: plan.node_id, first_row: plan.first_row, segments: plan.segments() }
}
