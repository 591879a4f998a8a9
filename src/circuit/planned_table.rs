//! Segment tables that are not written: each part is placed when it is read.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::table_plan::TablePlan;
use super::{PopulationTables, SegmentTableOptions, SegmentationPlan};
use crate::error::{Context, Result};
use crate::geometry::{Aabb, Point};
use crate::io::digest::Digest;
use crate::io::resumable_output::StopCheck;
use crate::segments::Segments;
use crate::segments::table::{Precision, TableMetadata, TableNeuron};

/// A segment table that is not written. Its parts are those that [`PopulationTables::write`] would write, with the same
/// coordinates, in the order of the electrodes file.
pub struct PlannedTable<'a> {
    plan: TablePlan<'a>,
    circuit_path: PathBuf,
    options: SegmentTableOptions,
    /// The neurons of each part, node ids ascending.
    neurons: Vec<Vec<TableNeuron>>,
    /// Found by placing all segments once.
    bounds: Mutex<Option<Aabb>>,
    /// The segments of a table of one part, from when its box was found until it is read.
    only_part: Mutex<Option<Segments>>,
}

impl PopulationTables {
    /// Returns the tables without writing them.
    pub fn planned_tables(&self, options: &SegmentTableOptions) -> Vec<PlannedTable<'_>> {
        self.plans.iter().map(|plan| PlannedTable::new(plan, options)).collect()
    }
}

impl<'a> PlannedTable<'a> {
    fn new(segmentation: &'a SegmentationPlan, options: &SegmentTableOptions) -> Self {
        // the circuit is in place of the table: paths of the metadata begin at its folder
        let circuit_path = PathBuf::from(&segmentation.metadata.circuit_path);
        let plan = TablePlan::new(segmentation, false, &circuit_path, options);
        let by_node = |cut| {
            let mut neurons: Vec<TableNeuron> = plan.neurons(cut).collect();
            neurons.sort_unstable_by_key(|neuron| neuron.node_id);
            neurons
        };
        let neurons = plan.cuts.iter().map(by_node).collect();
        Self { plan, circuit_path, options: *options, neurons, bounds: Mutex::default(), only_part: Mutex::default() }
    }

    /// Returns the path of the circuit configuration.
    pub fn circuit_path(&self) -> &Path {
        &self.circuit_path
    }

    /// Returns the metadata that the table would have.
    pub fn metadata(&self) -> &TableMetadata {
        &self.plan.metadata
    }

    /// Returns the number of parts.
    pub fn part_count(&self) -> usize {
        self.neurons.len()
    }

    /// Returns the neurons of a part, node ids ascending; empty for a part that does not exist.
    pub fn part_neurons(&self, part: usize) -> &[TableNeuron] {
        self.neurons.get(part).map_or(&[], Vec::as_slice)
    }

    /// Returns the bounding box of all segments, µm. The first call places all segments.
    ///
    /// # Errors
    /// Returns an error if a morphology cannot be read or a neuron cannot be placed.
    pub fn bounds(&self) -> Result<Aabb> {
        let mut bounds = self.bounds.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = *bounds {
            return Ok(known);
        }
        let mut all = Aabb::EMPTY;
        for part in 0..self.part_count() {
            let segments = self.place_part(part, &StopCheck::never())?;
            all = all.union(Aabb::enclosing(segments.start.iter().chain(&segments.end).copied()));
            if self.part_count() == 1 {
                *self.lock_only_part() = Some(segments);
            }
        }
        *bounds = Some(all);
        Ok(all)
    }

    /// Returns a number that identifies the table's content: a digest of what the segments are placed from.
    pub fn fingerprint(&self) -> u64 {
        let mut digest = Digest::default();
        digest.add_u64(super::resume_check::digest_inputs(std::slice::from_ref(&self.plan), &self.options));
        digest.finish()
    }

    /// Places the segments of a part: neurons by node id, each contiguous, by ascending row.
    ///
    /// # Errors
    /// Returns an error if a morphology cannot be read, a neuron cannot be placed, or the run is to stop.
    pub fn read_part(&self, part: usize, stop: &StopCheck<'_>) -> Result<Segments> {
        let known = self.lock_only_part().take();
        match known {
            Some(segments) => Ok(segments),
            None => self.place_part(part, stop),
        }
    }

    fn lock_only_part(&self) -> std::sync::MutexGuard<'_, Option<Segments>> {
        self.only_part.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn place_part(&self, part: usize, stop: &StopCheck<'_>) -> Result<Segments> {
        let Some(cut) = self.plan.cuts.get(part) else { return Ok(Segments::default()) };
        let placed = self.plan.place_part(cut, &self.options, &|_| (), stop).in_file(self.circuit_path())?;
        let mut segments = placed.sorted_by_neuron();
        if self.options.precision == Precision::F32 {
            let round = |point: &mut Point| *point = point.to_array().map(|v| f64::from(v as f32)).into();
            segments.start.par_iter_mut().chain(&mut segments.end).for_each(round);
        }
        Ok(segments)
    }
}
