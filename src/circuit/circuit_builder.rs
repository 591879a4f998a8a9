//! A circuit as users of the library open it: with defaults, and a builder for what differs from them.

use std::path::{Path, PathBuf};

use super::hoc::AxonReplacement;
use super::{BadNeuronPolicy, CircuitRequest, Discretisation, SegmentTableOptions, SegmentationPlan};
use crate::error::Result;
use crate::io::atomic_output::OverwritePolicy;
use crate::segments::table::{Precision, SegmentTable};
use crate::sonata::config::SonataConfig;

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

    /// The names of the populations that have segments: those of the type `biophysical`.
    pub fn populations(&self) -> &[String] {
        &self.populations
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

/// The segments of one population, and how they are cut and stored.
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

    /// Sets what becomes of the axons, instead of what the cell templates do.
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

    /// Places the segments and writes the table: one file if `out` ends in `.parquet`, otherwise a folder of parts. The table
    /// appears under its name when it is complete.
    ///
    /// # Errors
    /// Returns an error if the circuit is malformed, has several populations and none is selected, a neuron cannot be placed,
    /// or the table exists or cannot be written.
    pub fn write_table(&self, out: impl AsRef<Path>) -> Result<SegmentTable> {
        let plan = SegmentationPlan::open(&self.request)?;
        plan.write(out.as_ref(), self.existing, &self.options, &|_| ())?;
        SegmentTable::open(out.as_ref())
    }
}
