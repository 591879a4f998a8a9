//! A table to be written: its neurons in Hilbert order, split into parts.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::{SegmentTableOptions, SegmentationPlan, TableSummary, to_table_neuron};
use crate::error::Result;
use crate::io::paths::relative_path;
use crate::io::resumable_output::StopCheck;
use crate::segments::Segments;
use crate::segments::table::{Precision, TableMetadata, TableNeuron, part_files};

/// Returns the lower bound of the bytes per segment in a table: 27 to 28 (`f32`) and 49 to 51 (`f64`) were measured.
pub(super) const fn min_segment_bytes(precision: Precision) -> u64 {
    match precision {
        Precision::F32 => 16,
        Precision::F64 => 32,
    }
}

/// Returns the path of a configuration from the folder that holds a table; empty if there is none.
fn path_from_table(table: &Path, config: &str) -> String {
    if config.is_empty() {
        return String::new();
    }
    let folder = table.parent().unwrap_or(Path::new(""));
    relative_path(folder, Path::new(config)).map_or_else(|| config.into(), |path| path.display().to_string())
}

/// A table to be written, split into parts.
pub(super) struct TablePlan<'a> {
    pub segmentation: &'a SegmentationPlan,
    /// Its folder in the output, if each table has one.
    pub folder: Option<&'a str>,
    /// Indices of the neurons' plans in Hilbert order.
    order: Vec<usize>,
    /// The parts, as ranges of `order`.
    pub cuts: Vec<Range<usize>>,
    pub metadata: TableMetadata,
}

impl<'a> TablePlan<'a> {
    pub fn new(segmentation: &'a SegmentationPlan, in_folder: bool, out: &Path, options: &SegmentTableOptions) -> Self {
        let order = segmentation.hilbert_order();
        let neurons: Vec<TableNeuron> =
            order.iter().filter_map(|&i| segmentation.plans.get(i)).map(to_table_neuron).collect();
        let max_segments = if part_files::is_single_file(out) { u64::MAX } else { options.segments_per_part };
        let cuts = part_files::split_neurons(&neurons, max_segments);
        let axon_rule = segmentation.describe_axon(options.stub_placement);
        let folder = in_folder.then(|| segmentation.population());
        let table = folder.map_or_else(|| out.to_path_buf(), |folder| out.join(folder));
        let circuit_path = path_from_table(&table, &segmentation.metadata.circuit_path);
        let simulation_path = path_from_table(&table, &segmentation.metadata.simulation_path);
        let parts = cuts.len() as u64;
        let metadata =
            TableMetadata { axon_rule, parts, circuit_path, simulation_path, ..segmentation.metadata.clone() };
        Self { segmentation, folder, order, cuts, metadata }
    }

    /// Returns the path of the table's folder or file in an output.
    pub fn path_below(&self, output: &Path) -> PathBuf {
        self.folder.map_or_else(|| output.to_path_buf(), |folder| output.join(folder))
    }

    /// Places the neurons of a part. Neurons with the same morphology are placed one after the other, so that it is
    /// parsed once.
    pub fn place_part(
        &self,
        cut: &Range<usize>,
        options: &SegmentTableOptions,
        on_placed: &(dyn Fn(u64) + Sync),
        stop: &StopCheck<'_>,
    ) -> Result<Segments> {
        let mut which = self.order.get(cut.clone()).unwrap_or_default().to_vec();
        let morphology = |i: usize| self.segmentation.plans.get(i).map(|plan| &*plan.morphology_name);
        which.sort_by(|&a, &b| morphology(a).cmp(&morphology(b)));
        self.segmentation.place_neurons(&which, options, on_placed, stop)
    }

    /// Returns the neurons of a part, in Hilbert order.
    pub fn neurons(&self, cut: &Range<usize>) -> impl Iterator<Item = TableNeuron> {
        let indices = self.order.get(cut.clone()).unwrap_or_default().iter();
        indices.filter_map(|&i| self.segmentation.plans.get(i)).map(to_table_neuron)
    }

    /// Returns the number of segments of a part.
    pub fn segment_count(&self, cut: &Range<usize>) -> u64 {
        self.neurons(cut).map(|n| n.segments).sum()
    }

    /// Returns the first neurons that together have this many segments.
    pub fn first_neurons(&self, segments: u64) -> Range<usize> {
        let mut so_far = 0;
        let behind = self.neurons(&(0..self.order.len())).position(|n| {
            so_far += n.segments;
            so_far >= segments
        });
        0..behind.map_or(self.order.len(), |last| last + 1)
    }

    pub fn summarise(&self) -> TableSummary {
        TableSummary {
            population: self.metadata.population.clone(),
            neurons: self.metadata.neurons,
            segments: self.metadata.segments,
            parts: self.cuts.len(),
            morphologies: self.segmentation.morphology_names().len(),
        }
    }
}
