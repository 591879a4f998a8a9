//! Estimates the bytes, memory and time that writing tables takes, from a short trial.

use std::path::Path;
use std::time::Instant;

use super::morphology_cache::MAX_CACHED_BYTES;
use super::table_plan::{TablePlan, min_segment_bytes};
use super::{NEURONS_PER_THREAD_BATCH, PopulationTables, SegmentTableOptions};
use crate::error::{Context, Result};
use crate::io::atomic_output::{self, check_space_before_start};
use crate::io::ranks::{DryRunEstimate, RankLoad};
use crate::io::resumable_output::StopCheck;
use crate::segments::table;

/// Memory of the program, its libraries and the row group that is being encoded, bytes.
const BASE_MEMORY_BYTES: u64 = 46 << 20;
/// Memory per segment of the current part: its columns, its sort key and its position in the order.
const BYTES_PER_SEGMENT_IN_PART: u64 = 105;
/// Memory per segment that a thread has placed: its columns.
const BYTES_PER_PLACED_SEGMENT: u64 = 81;
/// Memory per neuron: its plan, its position in the order, and what remains in memory after its attributes were read.
const BYTES_PER_NEURON: u64 = 300;

/// Bytes of each part beyond those as large as the trial: its footer, page index and the starts of its columns. 5.5 to
/// 5.7 kB were measured.
const BYTES_PER_FURTHER_PART: f64 = 5600.0;

/// Number of segments of the trial, unless a single neuron has more.
const TRIAL_SEGMENTS: u64 = 100_000;

impl PopulationTables {
    /// Estimates what [`PopulationTables::write_with_ranks`] needs with this many ranks.
    ///
    /// No file remains: the first neurons of each table are placed and encoded in memory, and the result is written to
    /// an unnamed file next to the output.
    ///
    /// # Errors
    /// Returns the errors of [`PopulationTables::write`], except for an existing output; also an error if the disk has
    /// too little space.
    pub fn dry_run(&self, out: &Path, options: &SegmentTableOptions, ranks: usize) -> Result<DryRunEstimate> {
        self.check_output_name(out)?;
        let plans: Vec<TablePlan<'_>> =
            self.plans.iter().map(|table| TablePlan::new(table, false, out, options)).collect();
        let sizes: Vec<u64> = plans.iter().flat_map(|p| p.cuts.iter().map(|cut| p.segment_count(cut))).collect();
        check_space_before_start(out, self.segment_count() * min_segment_bytes(options.precision))?;
        let trials =
            plans.iter().map(|plan| TrialPlacement::measure(plan, out, options)).collect::<Result<Vec<_>>>()?;
        let further = plans.iter().zip(&trials).map(|(plan, trial)| trial.further_parts(plan) * BYTES_PER_FURTHER_PART);
        let bytes = (trials.iter().map(|t| t.table_bytes).sum::<f64>() + further.sum::<f64>()) as u64;
        check_space_before_start(out, bytes)?;
        let (neurons, segments) = (self.plans.iter().map(|t| t.metadata.neurons).sum(), self.segment_count());
        let loads = RankLoad::for_ranks(&sizes, ranks);
        let share = DryRunEstimate::max_segments(&loads) as f64 / segments.max(1) as f64;
        let threads = rayon::current_num_threads() as u64;
        let batch = (threads * NEURONS_PER_THREAD_BATCH as u64).min(neurons);
        let memory = BASE_MEMORY_BYTES
            + sizes.iter().max().copied().unwrap_or(0) * BYTES_PER_SEGMENT_IN_PART
            + batch * segments / u64::max(neurons, 1) * BYTES_PER_PLACED_SEGMENT
            + neurons * BYTES_PER_NEURON
            + trials.iter().map(|t| t.morphology_bytes).sum::<u64>();
        let seconds = trials.iter().map(|t| t.seconds).sum::<f64>() * share;
        Ok(DryRunEstimate { neurons, segments, loads, bytes, exact: false, memory, seconds })
    }
}

/// Estimate for one table, extrapolated from its first neurons.
struct TrialPlacement {
    /// Bytes of the trial, multiplied by `scale_factor`.
    table_bytes: f64,
    /// Number of segments of the table divided by that of the trial.
    scale_factor: f64,
    seconds: f64,
    /// Memory of the cached morphologies.
    morphology_bytes: u64,
}

impl TrialPlacement {
    /// Returns by how much the number of parts exceeds that of parts as large as the trial.
    fn further_parts(&self, plan: &TablePlan<'_>) -> f64 {
        (plan.cuts.len() as f64 - self.scale_factor).max(0.0)
    }

    fn measure(plan: &TablePlan<'_>, out: &Path, options: &SegmentTableOptions) -> Result<Self> {
        let (cut, started) = (plan.first_neurons(TRIAL_SEGMENTS), Instant::now());
        plan.place_part(&cut, options, &|_| (), &StopCheck::never())?;
        let (first, started) = (started.elapsed().as_secs_f64(), Instant::now());
        let segments = plan.place_part(&cut, options, &|_| (), &StopCheck::never())?;
        let again = started.elapsed().as_secs_f64();
        let neurons: Vec<_> = plan.neurons(&cut).collect();
        let bytes = table::encode_part(&segments, &neurons, &plan.metadata, options.file_layout()).in_file(out)?;
        let file = atomic_output::IoProbe::create_beside(out)?;
        file.write_at(&bytes, 0).and_then(|()| file.sync()).in_file(out)?;
        let seconds = started.elapsed().as_secs_f64();
        let times = plan.segmentation.segment_count() as f64 / segments.len().max(1) as f64;
        // the first placement also parses morphologies, unless counting segments by the rule already did
        let (parsed, cached) = plan.segmentation.morphology_cache.usage();
        let unparsed = plan.segmentation.morphology_names().len() as f64 / parsed.max(1) as f64;
        Ok(Self {
            table_bytes: bytes.len() as f64 * times,
            scale_factor: times,
            seconds: seconds * times + (first - again).max(0.0) * unparsed,
            morphology_bytes: ((cached as f64 * unparsed) as u64).min(MAX_CACHED_BYTES as u64),
        })
    }
}
