//! The public interface for circuits: defaults, and a builder for other settings.

use std::path::{Path, PathBuf};

use super::hoc::AxonReplacement;
use super::{
    BadNeuronPolicy, CircuitRequest, Discretisation, SegmentTableOptions, SegmentationPlan, TemplateUse, read_templates,
};
use crate::error::Result;
use crate::io::atomic_output::OverwritePolicy;
use crate::segments::table::{Precision, SegmentTable};
use crate::sonata::config::{NodePopulation, SonataConfig};
use crate::sonata::node_sets::NodeSets;
use crate::sonata::nodes::Nodes;

/// A circuit: a SONATA circuit or simulation configuration that can be read.
#[derive(Debug, Clone)]
pub struct Circuit {
    config: PathBuf,
    populations: Vec<String>,
}

impl Circuit {
    /// Opens a circuit or simulation configuration.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read, or is not a SONATA configuration.
    pub fn open(config: impl AsRef<Path>) -> Result<Self> {
        let parsed = SonataConfig::open(config.as_ref())?;
        let populations = parsed.circuit().biophysical_populations()?.into_iter().map(|p| p.name.clone()).collect();
        Ok(Self { config: config.as_ref().to_path_buf(), populations })
    }

    /// Returns the names of the populations that have segments: those of the type `biophysical`.
    pub fn populations(&self) -> &[String] {
        &self.populations
    }

    /// Returns the path of the configuration.
    pub fn path(&self) -> &Path {
        &self.config
    }

    /// Returns all populations, with and without segments.
    ///
    /// # Errors
    /// Returns an error if the configuration cannot be read any more.
    pub fn all_populations(&self) -> Result<Vec<NodePopulation>> {
        Ok(self.read_config()?.circuit().populations.clone())
    }

    /// Opens the nodes of a population; without a name those of the only one that has segments.
    ///
    /// # Errors
    /// Returns an error if there is no such population, or its nodes cannot be read.
    pub fn nodes(&self, population: Option<&str>) -> Result<Nodes> {
        Nodes::open(self.read_config()?.circuit().population(population)?)
    }

    /// Returns the names of the node sets.
    ///
    /// # Errors
    /// Returns an error if a file of node sets cannot be read.
    pub fn node_set_names(&self) -> Result<Vec<String>> {
        let sets = NodeSets::from_config(&self.read_config()?)?;
        Ok(sets.names().into_iter().map(String::from).collect())
    }

    /// Returns the nodes of a node set in a population, ascending; without a population's name those of the only one that
    /// has segments.
    ///
    /// # Errors
    /// Returns an error if the set or the population is unknown or malformed.
    pub fn node_set(&self, name: &str, population: Option<&str>) -> Result<Vec<u64>> {
        let config = self.read_config()?;
        let population = config.circuit().population(population)?;
        NodeSets::from_config(&config)?.resolve_ids(name, &population.name, &Nodes::open(population)?)
    }

    /// Returns the cell templates of a population with their rules, in the order of their names.
    ///
    /// # Errors
    /// Returns an error if the population has no folder of templates, or its nodes do not name any.
    pub fn templates(&self, population: Option<&str>) -> Result<Vec<TemplateUse>> {
        let config = self.read_config()?;
        let population = config.circuit().population(population)?;
        read_templates(&config, population, &Nodes::open(population)?)
    }

    fn read_config(&self) -> Result<SonataConfig> {
        SonataConfig::open(&self.config)
    }

    /// Prepares the segments of one population: the only one, unless [`SegmentsBuilder::population`] names another.
    pub fn segments(&self) -> SegmentsBuilder<'_> {
        SegmentsBuilder {
            request: CircuitRequest::new(&self.config),
            options: SegmentTableOptions::default(),
            existing: OverwritePolicy::Refuse,
        }
    }
}

/// The segments of one population, with settings for their number and storage.
#[derive(Debug, Clone)]
pub struct SegmentsBuilder<'a> {
    request: CircuitRequest<'a>,
    options: SegmentTableOptions,
    existing: OverwritePolicy,
}

impl<'a> SegmentsBuilder<'a> {
    /// Selects a population.
    #[must_use]
    pub fn population(mut self, name: &'a str) -> Self {
        self.request.population = Some(name);
        self
    }

    /// Selects the neurons of a node set.
    #[must_use]
    pub fn node_set(mut self, name: &'a str) -> Self {
        self.request.node_set = Some(name);
        self
    }

    /// Takes the segment counts from this compartment report of the simulation.
    #[must_use]
    pub fn report(mut self, name: &'a str) -> Self {
        self.request.report = Some(name);
        self
    }

    /// Sets how axons are treated, instead of the rule of the cell templates.
    #[must_use]
    pub fn axon(mut self, replacement: AxonReplacement) -> Self {
        self.request.axon_replacement = Some(replacement);
        self
    }

    /// Computes the segment counts from the morphologies by the rule of the cell templates, even if there is a report.
    #[must_use]
    pub fn by_rule(mut self) -> Self {
        self.request.discretisation = Some(Discretisation::Rule);
        self
    }

    /// Sets the chunk length of the rule, µm: a section of length L has 1 + 2 int(L / chunk) segments. Implies
    /// [`SegmentsBuilder::by_rule`].
    #[must_use]
    pub fn segment_length_um(self, chunk_um: f64) -> Self {
        let mut builder = self.by_rule();
        builder.request.segment_length_um = Some(chunk_um);
        builder
    }

    /// Leaves out neurons that cannot be placed, instead of returning an error.
    #[must_use]
    pub fn skip_bad_neurons(mut self) -> Self {
        self.request.on_bad_neuron = BadNeuronPolicy::Skip;
        self
    }

    /// Sets the precision of the stored coordinates.
    #[must_use]
    pub fn precision(mut self, precision: Precision) -> Self {
        self.options.precision = precision;
        self
    }

    /// Sets the largest number of segments in a part of the table.
    #[must_use]
    pub fn segments_per_part(mut self, segments: u64) -> Self {
        self.options.segments_per_part = segments;
        self
    }

    /// Replaces a table that exists.
    #[must_use]
    pub fn overwrite(mut self) -> Self {
        self.existing = OverwritePolicy::Replace;
        self
    }

    /// Places the segments and writes the table: one file if `out` ends in `.parquet`, otherwise a folder of parts. The
    /// table appears under its name when it is complete.
    ///
    /// # Errors
    /// Returns an error if the circuit is malformed, has several populations and none is selected, a neuron cannot be
    /// placed, or the table exists or cannot be written.
    pub fn write_table(&self, out: impl AsRef<Path>) -> Result<SegmentTable> {
        let plan = SegmentationPlan::open(&self.request)?;
        plan.write(out.as_ref(), self.existing, &self.options, &|_| ())?;
        SegmentTable::open(out.as_ref())
    }
}
