//! Turns a circuit into its segment table: combines configuration, nodes, report and morphologies, part by part.
//!
//! Memory is bounded by the segments of one part, 512 MiB of distinct morphologies, and about 120 bytes per neuron.

mod circuit_builder;
mod dry_run;
#[doc(hidden)]
pub mod hoc;
pub(crate) mod morphology_cache;
pub(crate) mod node_selection;
mod place_plan;
#[doc(hidden)]
pub mod placement;
pub(crate) mod plan_by_rule;
mod plan_warnings;
mod planned_table;
mod population_tables;
mod problem;
mod report_hint;
pub(crate) mod request;
mod resume_check;
pub(crate) mod selected_neurons;
mod soma_centering;
pub mod synthetic;
mod table_circuit;
mod table_plan;
mod table_writer;
pub(crate) mod template_rules;

pub use circuit_builder::{Circuit, SegmentsBuilder};
pub use plan_by_rule::{AmbiguousNeurons, MorphologyFileNote};
pub use planned_table::PlannedTable;
#[doc(hidden)]
pub use population_tables::check_output;
pub use population_tables::{PopulationTables, SkippedPopulation};
pub use problem::SegmentationProblem;
pub use request::{BadNeuronPolicy, CircuitRequest, Discretisation, MAX_SEGMENTS_PER_NEURON, SegmentReport};
pub use table_circuit::{
    NodeCondition, OtherCircuit, TableCircuit, TableCircuitProblem, check_circuit_of_table, find_stated_circuit,
};
pub use table_writer::TablesSummary;
pub use template_rules::{TemplateFileNote, TemplateUse, read_templates};

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::circuit::hoc::StubDiameters;
use crate::circuit::placement::{AxonTreatment, CountChecks, NeuronPlan, StubPlacement};
use crate::error::{Context, Error, Result, format_count};
use crate::io::atomic_output::OverwritePolicy;
use crate::io::ranks::Ranks;
use crate::io::resumable_output::RunSettings;
use crate::segments::table::{self, Precision, TableMetadata, TableNeuron};
use crate::sonata::compartment_report::ReportLayout;
use crate::sonata::config::{NodePopulation, SonataConfig};
use crate::sonata::nodes::Orientation;

use morphology_cache::MorphologyCache;
use node_selection::NodeSelection;
use request::CountSource;
use request::GivenRule;
use selected_neurons::SelectedNeurons;
use soma_centering::SomaCentering;
use template_rules::TemplateRules;

/// Number of neurons that each thread places before the results are joined.
const NEURONS_PER_THREAD_BATCH: usize = 64;

/// Summary of a written segment table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSummary {
    /// Name of the node population.
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

/// Options for writing a segment table.
#[derive(Debug, Clone, Copy)]
pub struct SegmentTableOptions {
    /// Placement of the stubs that replace an axon.
    pub stub_placement: StubPlacement,
    /// Precision of the coordinates.
    pub precision: Precision,
    /// Maximum number of segments in a part; a part of a single neuron may exceed it.
    pub segments_per_part: u64,
    /// Rows in a row group.
    pub row_group_rows: usize,
}

impl Default for SegmentTableOptions {
    fn default() -> Self {
        Self {
            stub_placement: StubPlacement::default(),
            precision: Precision::default(),
            segments_per_part: table::schema::MAX_SEGMENTS_PER_PART,
            row_group_rows: table::schema::ROWS_PER_ROW_GROUP,
        }
    }
}

impl SegmentTableOptions {
    /// Returns the layout of a part's rows.
    fn file_layout(&self) -> table::PartLayout {
        table::PartLayout { precision: self.precision, row_group_rows: self.row_group_rows }
    }
}

/// A neuron that is missing from the table, and the reason.
#[derive(Debug)]
pub struct SkippedNeuron {
    /// SONATA node id.
    pub node_id: u64,
    /// The reason why the neuron cannot be placed.
    pub error: Error,
}

/// A population whose nodes and segment counts have been read; its segments have not been placed yet.
pub struct SegmentationPlan {
    pub(crate) plans: Vec<NeuronPlan>,
    morphology_cache: MorphologyCache,
    soma_centering: SomaCentering,
    /// How the nodes file stores orientations.
    orientation: Orientation,
    metadata: TableMetadata,
    /// How the metadata describe the axon; the placement is appended if the neurons have stubs.
    axon_description: String,
    count_checks: CountChecks,
    /// The report that the counts were read from, if any.
    report_file: Option<PathBuf>,
    skipped: Vec<SkippedNeuron>,
    ambiguous_neurons: Vec<AmbiguousNeurons>,
    morphology_notes: Vec<MorphologyFileNote>,
    template_notes: Vec<TemplateFileNote>,
}

impl SegmentationPlan {
    /// Reads configuration, node set, nodes and segment counts of one population: the requested one, or the only
    /// biophysical one.
    ///
    /// # Errors
    /// Returns an error if any of these files is missing, malformed or contradicts another.
    pub fn open(request: &CircuitRequest<'_>) -> Result<Self> {
        let config = SonataConfig::open(request.config)?;
        let source = request::choose_count_source(&config, request)?;
        let population = config.circuit().population(request.population)?;
        Self::for_population(&config, population, &source, request)
    }

    fn for_population(
        config: &SonataConfig,
        population: &NodePopulation,
        source: &CountSource,
        request: &CircuitRequest<'_>,
    ) -> Result<Self> {
        let selection = NodeSelection::select(config, population, source, request)?;
        Self::from_selection(config, population, selection, source, request)
    }

    pub(crate) fn from_selection(
        config: &SonataConfig,
        population: &NodePopulation,
        selection: NodeSelection,
        source: &CountSource,
        request: &CircuitRequest<'_>,
    ) -> Result<Self> {
        selection.check_not_empty(config, source)?;
        let circuit = &config.circuit().path;
        let no_morphologies = || SegmentationProblem::NoMorphologies(population.name.clone());
        let morphologies = population.morphologies.as_ref().ok_or_else(no_morphologies).in_file(circuit)?;
        config.check_path(&morphologies.path)?;
        let mut plan = Self {
            plans: Vec::new(),
            morphology_cache: MorphologyCache::new(morphologies)?,
            soma_centering: SomaCentering::for_nodes(&selection.nodes, &selection.node_ids)?,
            orientation: selection.nodes.orientation()?,
            metadata: TableMetadata {
                population: population.name.clone(),
                circuit_path: circuit.display().to_string(),
                simulation_path: match config {
                    SonataConfig::Simulation(simulation) => simulation.path.display().to_string(),
                    SonataConfig::Circuit(_) => String::new(),
                },
                program_version: env!("CARGO_PKG_VERSION").into(),
                ..TableMetadata::default()
            },
            axon_description: String::new(),
            count_checks: request.count_checks,
            report_file: None,
            skipped: Vec::new(),
            ambiguous_neurons: Vec::new(),
            morphology_notes: Vec::new(),
            template_notes: Vec::new(),
        };
        let neurons = SelectedNeurons::read(&selection)?;
        match (source, &selection.report_layout) {
            (CountSource::Report(report), Some(layout)) => {
                plan.report_file = Some(report.file.clone());
                plan.metadata.discretisation = format!("report {}", report.name);
                // the templates only give the stubs' diameters here, so a missing template is not an error
                let rules = TemplateRules::for_nodes(
                    config,
                    population,
                    &selection.nodes,
                    neurons.node_ids,
                    GivenRule::default(),
                )
                .ok();
                plan.plan_by_report(&neurons, layout, request, rules.as_ref());
                plan.template_notes = rules.map(|rules| rules.notes).unwrap_or_default();
                if request.on_bad_neuron == BadNeuronPolicy::Skip {
                    plan.skip_unplaceable();
                }
            }
            _ => {
                let given =
                    GivenRule { axon_replacement: request.axon_replacement, chunk_um: request.segment_length_um };
                let rules = TemplateRules::for_nodes(config, population, &selection.nodes, neurons.node_ids, given)?;
                plan.plan_by_rule(&neurons, &rules, request.max_segments);
                plan.template_notes = rules.notes;
            }
        }
        plan.apply_bad_neuron_policy(request.on_bad_neuron).in_file(circuit)?;
        plan.number_rows();
        Ok(plan)
    }

    fn plan_by_report(
        &mut self,
        neurons: &SelectedNeurons<'_>,
        layout: &ReportLayout,
        request: &CircuitRequest<'_>,
        rules: Option<&TemplateRules>,
    ) {
        let axon = request.axon_replacement.map_or(AxonTreatment::Replace(None), AxonTreatment::from);
        self.axon_description = if axon == AxonTreatment::Keep { "kept".into() } else { "replaced".into() };
        let sections = |id| layout.sections(id).cloned().unwrap_or_default();
        // a report contains no diameters
        let diameters = |i: usize| rules.map_or_else(StubDiameters::default, |rules| rules.stub_diameters(i));
        self.plans = neurons.to_plans(|i, id| Some((sections(id), axon, diameters(i))));
    }

    fn plan_by_rule(&mut self, neurons: &SelectedNeurons<'_>, rules: &TemplateRules, max_segments: u64) {
        let planned =
            plan_by_rule::plan_neurons(&self.morphology_cache, neurons, rules, &self.metadata.population, max_segments);
        (self.plans, self.skipped) = (planned.plans, planned.skipped);
        (self.ambiguous_neurons, self.morphology_notes) = (planned.ambiguous, planned.notes);
        (self.metadata.discretisation, self.axon_description) = plan_by_rule::describe_rules(rules);
        self.metadata.assumed_rule = plan_by_rule::describe_given_rule(rules);
        self.count_checks = CountChecks::None;
    }

    /// Moves neurons that cannot be placed, because of the report's counts or their morphology, to the skipped ones.
    fn skip_unplaceable(&mut self) {
        let options = SegmentTableOptions::default();
        let tried: Vec<Option<Error>> = self.plans.par_iter().map(|p| self.place_neuron(p, &options).err()).collect();
        let mut plans = Vec::with_capacity(self.plans.len());
        for (plan, error) in std::mem::take(&mut self.plans).into_iter().zip(tried) {
            match error {
                None => plans.push(plan),
                Some(error) => self.skipped.push(SkippedNeuron { node_id: plan.node_id, error }),
            }
        }
        self.plans = plans;
    }

    /// Returns the first skipped neuron's error, unless bad neurons may be skipped and at least one neuron is left.
    fn apply_bad_neuron_policy(&mut self, on_bad_neuron: BadNeuronPolicy) -> Result<()> {
        if self.skipped.is_empty() {
            return Ok(());
        }
        if on_bad_neuron == BadNeuronPolicy::Error {
            return Err(self.skipped.swap_remove(0).error);
        }
        let skipped = format_count(self.skipped.len() as u64, "bad neuron");
        if self.plans.is_empty() {
            return Err(SegmentationProblem::AllSkipped(skipped).into());
        }
        self.metadata.discretisation += &format!("; {skipped} left out");
        Ok(())
    }

    /// Numbers the rows: by ascending node id, then ascending section id, then segment.
    fn number_rows(&mut self) {
        let mut row = 0;
        for plan in &mut self.plans {
            plan.first_row = row;
            row += plan.segment_count();
        }
        self.metadata.segments = row;
        self.metadata.neurons = self.plans.len() as u64;
    }

    /// Returns the population's name.
    pub fn population(&self) -> &str {
        &self.metadata.population
    }

    /// Returns a warning if the segment counts depend on a rule that the user gave.
    pub fn assumption(&self) -> Option<String> {
        self.metadata.assumption()
    }

    /// Returns the number of segments.
    pub fn segment_count(&self) -> u64 {
        self.metadata.segments
    }

    /// Returns how the nodes file stores orientations.
    pub fn orientation(&self) -> Orientation {
        self.orientation
    }

    /// Returns the neurons that are missing from the table.
    pub fn skipped(&self) -> &[SkippedNeuron] {
        &self.skipped
    }

    /// Returns the sections, one per morphology, whose number of segments may differ in the simulator.
    pub fn ambiguous_neurons(&self) -> &[AmbiguousNeurons] {
        &self.ambiguous_neurons
    }

    /// Returns how the simulator changes morphologies on import; empty if the counts come from a report.
    pub fn morphology_notes(&self) -> &[MorphologyFileNote] {
        &self.morphology_notes
    }

    /// Returns what the templates do to diameters that the radii of the table ignore.
    pub fn template_notes(&self) -> &[TemplateFileNote] {
        &self.template_notes
    }

    /// Returns the names of the distinct morphologies.
    fn morphology_names(&self) -> BTreeSet<&str> {
        self.plans.iter().map(|plan| &*plan.morphology_name).collect()
    }

    /// Places all segments and writes the table: one file if `out` ends in `.parquet`, otherwise a folder of parts.
    ///
    /// `placed` is called with the number of segments of each placed neuron. The output appears under its name only
    /// when it is complete.
    ///
    /// # Errors
    /// Returns an error if a morphology cannot be read, a neuron cannot be placed, or the output cannot be written.
    pub fn write(
        &self,
        out: &Path,
        existing: OverwritePolicy,
        options: &SegmentTableOptions,
        placed: &(dyn Fn(u64) + Sync),
    ) -> Result<TableSummary> {
        let settings = RunSettings { existing, resume: false, is_stopped: &|| false, on_progress: placed };
        let written = table_writer::write_tables(&[self], false, out, options, &settings, &Ranks::default())?;
        let made = written.tables.into_iter().next();
        // one table was asked for
        made.ok_or_else(|| SegmentationProblem::NoNeurons(self.population().into()).into())
    }

    /// Returns the index of a node's plan, or as an error the index at which it would be inserted.
    pub(crate) fn find_plan(&self, node_id: u64) -> Result<usize, usize> {
        self.plans.binary_search_by_key(&node_id, |p| p.node_id)
    }

    /// Copies which neurons keep their axon from plans that are sorted by node id.
    pub(crate) fn copy_kept_axons(&mut self, plans: &[NeuronPlan]) {
        for plan in plans.iter().filter(|p| p.axon == AxonTreatment::Keep) {
            if let Some(own_plan) = self.find_plan(plan.node_id).ok().and_then(|place| self.plans.get_mut(place)) {
                own_plan.axon = AxonTreatment::Keep;
            }
        }
    }

    /// Describes the treatment of the axon for the metadata.
    fn describe_axon(&self, placement: StubPlacement) -> String {
        match self.plans.iter().any(|p| p.axon != AxonTreatment::Keep) {
            true => format!("{}, placement {}", self.axon_description, placement.name()),
            false => self.axon_description.clone(),
        }
    }
}

fn to_table_neuron(plan: &NeuronPlan) -> TableNeuron {
    TableNeuron { node_id: plan.node_id, first_row: plan.first_row, segments: plan.segment_count() }
}
