//! What writing tables will take: bytes, memory, and the time that a short trial of it tells.

use std::path::Path;
use std::time::Instant;

use super::library::ROOM;
use super::writing::Plan;
use super::{NEURONS_TOGETHER, Options, Tables};
use crate::error::{Context, Result};
use crate::io::atomic_output::{self, check_room};
use crate::io::ranks::{Forecast, Share};
use crate::segments::table::{self, Precision, parts};

/// The program, its libraries, and the row group that is encoded.
const BASE_BYTES: u64 = 46 << 20;
/// A segment of the part that is in memory: its columns, its key, its place in the order.
const SEGMENT_BYTES: u64 = 105;
/// A segment that a thread has placed: its columns.
const PLACED_BYTES: u64 = 81;
/// A neuron: its plan, its place in the order, what is left of its reading.
const NEURON_BYTES: u64 = 300;

/// A part beyond those as large as the trial: its footer, its page index, the beginnings of its columns. 5.5 to 5.7 kB were
/// measured.
const PART_BYTES: f64 = 5600.0;

/// Segments of the trial, unless one neuron has more.
const TRIAL: u64 = 100_000;

impl Options {
    /// How the rows of a part are laid out.
    pub(super) fn layout(&self) -> table::Layout {
        table::Layout { precision: self.precision, row_group_rows: self.row_group_rows }
    }
}

/// Bytes of a segment in a table, less than any table has had: 27 to 28 and 49 to 51 were measured.
pub(super) const fn least_bytes(precision: Precision) -> u64 {
    match precision {
        Precision::F32 => 16,
        Precision::F64 => 32,
    }
}

impl Tables {
    /// Finds out what [`Tables::write_with`] will take with this many ranks. Nothing is left behind, and no name appears: the
    /// first neurons of each table are placed and encoded in memory, and that is written to a file without a name beside the output.
    ///
    /// # Errors
    /// As [`Tables::write`], but for an output that is there; too little space on the disk.
    pub fn forecast(&self, out: &Path, options: &Options, ranks: usize) -> Result<Forecast> {
        self.check_name(out)?;
        let single = parts::is_single_file(out);
        let plans: Vec<Plan<'_>> = self.tables.iter().map(|table| Plan::of(table, false, single, options)).collect();
        let sizes: Vec<u64> = plans.iter().flat_map(|p| p.cuts.iter().map(|cut| p.segments(cut))).collect();
        check_room(out, self.segments() * least_bytes(options.precision))?;
        let trials = plans.iter().map(|plan| Trial::of(plan, out, options)).collect::<Result<Vec<_>>>()?;
        let further = plans.iter().zip(&trials).map(|(plan, trial)| trial.further_parts(plan) * PART_BYTES);
        let bytes = (trials.iter().map(|t| t.bytes).sum::<f64>() + further.sum::<f64>()) as u64;
        check_room(out, bytes)?;
        let (neurons, segments) = (self.tables.iter().map(|t| t.metadata.neurons).sum(), self.segments());
        let shares = Share::of(&sizes, ranks);
        let share = Forecast::most_segments(&shares) as f64 / segments.max(1) as f64;
        let threads = rayon::current_num_threads() as u64;
        let together = (threads * NEURONS_TOGETHER as u64).min(neurons);
        let memory = BASE_BYTES
            + sizes.iter().max().copied().unwrap_or(0) * SEGMENT_BYTES
            + together * segments / u64::max(neurons, 1) * PLACED_BYTES
            + neurons * NEURON_BYTES
            + trials.iter().map(|t| t.morphologies).sum::<u64>();
        let seconds = trials.iter().map(|t| t.seconds).sum::<f64>() * share;
        Ok(Forecast { neurons, segments, shares, bytes, exact: false, memory, seconds })
    }
}

/// What a table will take, judged by its first neurons.
struct Trial {
    /// As many times that of the trial as there are segments.
    bytes: f64,
    /// How many times that is.
    times: f64,
    seconds: f64,
    /// Memory of the morphologies that are kept.
    morphologies: u64,
}

impl Trial {
    /// Parts that are more than parts as large as the trial would be.
    fn further_parts(&self, plan: &Plan<'_>) -> f64 {
        (plan.cuts.len() as f64 - self.times).max(0.0)
    }

    fn of(plan: &Plan<'_>, out: &Path, options: &Options) -> Result<Self> {
        let (cut, started) = (plan.first(TRIAL), Instant::now());
        plan.place(&cut, options, &|_| ())?;
        let (first, started) = (started.elapsed().as_secs_f64(), Instant::now());
        let segments = plan.place(&cut, options, &|_| ())?;
        let again = started.elapsed().as_secs_f64();
        let neurons: Vec<_> = plan.neurons(&cut).collect();
        let bytes = table::encoded(&segments, &neurons, &plan.metadata, options.layout()).in_file(out)?;
        let file = atomic_output::Trial::beside(out)?;
        file.write(&bytes, 0).and_then(|()| file.sync()).in_file(out)?;
        let seconds = started.elapsed().as_secs_f64();
        let times = plan.assembly.segments() as f64 / segments.len().max(1) as f64;
        // the first time morphologies were parsed, unless that was done to count segments by the rule
        let (parsed, kept) = plan.assembly.library.kept();
        let unparsed = plan.assembly.morphologies().len() as f64 / parsed.max(1) as f64;
        Ok(Self {
            bytes: bytes.len() as f64 * times,
            times,
            seconds: seconds * times + (first - again).max(0.0) * unparsed,
            morphologies: ((kept as f64 * unparsed) as u64).min(ROOM as u64),
        })
    }
}
