//! The product of currents and weights, summed by group.
//!
//! The signal of group g at contact c and time t is
//!
//! ```text
//! phi_gc(t) = sum over segments s of group g of  I_s(t) w_sc
//! ```
//!
//! with the membrane current `I` in nA and the weight `w` in V/nA. All sums are in double precision.
//!
//! **Order of the work.** Weights are computed or read once for all frames of a block. Neurons are cut into *batches* of
//! about [`BATCH_ELEMENTS`] elements, consecutive in the report, whose currents and weights are multiplied together
//! (`kernel`). The weights of neighbouring batches, a *wave*, are in memory at one time.
//!
//! - Currents at known byte offsets: each thread takes some frames, goes through the wave in *pieces* of a few batches whose
//!   weights stay in its cache, and reads the piece's currents for as many frames as stay there, too, a *tile*, until they
//!   are multiplied. Nothing is stored twice, and no thread waits for another.
//! - Currents in chunks of HDF5, which one thread at a time can read: a *strip* of frames is read while the one before is
//!   multiplied by all threads.
//!
//! A frame's sums are added in the order of batches by one thread. Hence the sums depend on the inputs only, and neither on
//! the number of threads, nor on blocks, waves, pieces, tiles and strips.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::current_report::{CurrentReport, ElementList, Precision, StoredFloat};
use super::kernel::{
    Current, CurrentRows, ElementRun, SumRows, Tile, WeightPanels, add_product, find_net_current,
    find_net_current_of_densities,
};
use super::plan::{NeuronBatch, Plan, PlannedNeuron, PlannedPart, cut_batches};
use super::{CurrentKind, SignalsProblem, WeightSource};
use crate::error::{Error, Result};
use crate::io::checkpoint::CheckpointProblem;
use crate::io::resumable_output::StopCheck;
use crate::segments::{NeuronSegments, SectionType, Segment, Segments};
use crate::sonata::electrodes_file::WeightsDataset;
use crate::units::NANOAMPERE_PER_SQUARE_MICROMETER;
use crate::weights::WeightsProblem;
use crate::weights::neuron_blocks::BufferPool;

/// Number of elements of a batch, unless one neuron has more.
const BATCH_ELEMENTS: usize = 1024;

/// Largest number of elements of a piece: 16 KiB of each frame, so that a system call costs little compared with the copy.
const PIECE_ELEMENTS: usize = 4096;

/// Bytes of the weights of a piece, unless a batch has more: they stay in the cache of a core for all frames of a thread.
const PIECE_WEIGHT_BYTES: usize = 1 << 20;

/// Number of currents of a tile: 1 MiB, so that they stay in the cache until they are multiplied.
const TILE_VALUES: usize = 1 << 18;

/// Number of frames that the kernel multiplies at a time; fewer waste work.
const MIN_TILE_FRAMES: usize = 8;

/// Number of frames for which a thread reads the weights of a piece from memory at little cost.
const MIN_THREAD_FRAMES: usize = 64;

/// Bytes of the currents of a strip, of which two are in memory.
const STRIP_BYTES: usize = 64 << 20;

/// Bytes of the weights of a wave of a report that the library reads: a chunk that is wider than a wave is decompressed
/// for each.
const WEIGHT_BYTES: usize = 64 << 20;

/// Bytes of the weights of a wave for each thread, if threads read what they multiply: these stay in the cache from their
/// computation to the product. All threads wait for the last one after each wave.
const THREAD_WEIGHT_BYTES: usize = 2 << 20;

/// Memory of a run besides the sums of a block and the segments of a table's part, bytes, about: two strips, the weights of
/// a wave, and as much for the pieces of all threads.
pub const WORKING_BYTES: u64 = (2 * STRIP_BYTES + 2 * WEIGHT_BYTES) as u64;

/// Gaps of at most this many unused elements between two neurons are read too: a system call costs as much as copying that
/// many.
const MAX_GAP_ELEMENTS: usize = 1024;

/// A neuron whose currents do not sum to zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Imbalance {
    /// Net current with the largest absolute value, nA.
    pub net_na: f64,
    /// The frame in which it occurs.
    pub frame: usize,
}

/// Net currents of neurons that do not balance, by report and node id.
pub type Imbalances = BTreeMap<(usize, u64), Imbalance>;

/// Everything that a block of frames needs.
pub struct Product<'a> {
    /// The reports.
    pub reports: &'a [CurrentReport],
    /// Where weights come from.
    pub source: &'a WeightSource<'a>,
    /// The neurons.
    pub plan: &'a Plan,
    /// The used columns, each a contact.
    pub columns: &'a [usize],
    /// The quantity of the reports' values.
    pub kind: CurrentKind,
    /// Whether groups are types of sections.
    pub by_section_type: bool,
    /// Called with the number of elements times frames that are done.
    pub progress: &'a (dyn Fn(u64) + Sync),
    /// Returns whether to stop.
    pub is_stopped: &'a (dyn Fn() -> bool + Sync),
}

/// A part of the plan, and the source of its weights.
#[derive(Clone, Copy)]
struct OpenPart<'p> {
    report: &'p CurrentReport,
    part: &'p PlannedPart,
    /// The segments of the table's part.
    segments: &'p Segments,
    /// The rows of the electrodes file.
    stored: Option<&'p WeightsDataset>,
}

/// A tile of a piece: some frames of some elements.
#[derive(Clone, Copy)]
struct TileOfPiece<'t, T> {
    piece: &'t Piece<'t>,
    /// The frames, as indices in the report.
    frames: &'t [usize],
    /// Their currents.
    currents: CurrentRows<'t, T>,
}

/// Neurons that do not balance in some frames.
type FoundImbalances = Vec<(u64, Imbalance)>;

/// Buffers into which a thread reads currents.
#[derive(Default)]
struct CurrentBuffer {
    tile: Tile,
    values: Vec<f64>,
}

/// Buffers that are reused for several neurons.
#[derive(Default)]
struct NeuronBuffers {
    /// Weights of a neuron, in row order.
    rows: Vec<f64>,
    /// Factors of current densities, in row order: areas in the unit that gives nA.
    area_factors: Vec<f64>,
    scratch: Vec<f64>,
}

/// Consecutive elements of the same groups: a matrix product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    elements: ElementRun,
    /// The list of groups.
    group_set: u32,
}

/// The weights of a batch, in the report's order of elements.
struct BatchWeights {
    panels: WeightPanels,
    runs: Vec<Run>,
    /// Factors of current densities; empty if the report has currents.
    area_factors: Vec<f64>,
}

/// Batches whose currents are read together.
struct Piece<'c> {
    batches: &'c [NeuronBatch],
    /// Columns of the report that are read.
    reads: Vec<Range<usize>>,
    /// Number of columns that are read.
    width: usize,
    /// First neuron of the part.
    first_neuron: usize,
    /// First of the columns that are read for each neuron.
    column_of_neuron: Vec<usize>,
}

/// Pieces whose weights are in memory at one time.
struct Wave<'w> {
    pieces: &'w [Piece<'w>],
    /// The weights of each piece, by batch.
    weights: Vec<Vec<BatchWeights>>,
}

/// Buffers that the next wave or part reuses: allocating memory takes longer than filling it.
#[derive(Default)]
struct Spare {
    segments: Segments,
    panels: Mutex<Vec<WeightPanels>>,
    neurons: BufferPool<NeuronBuffers>,
    currents: BufferPool<CurrentBuffer>,
}

impl Wave<'_> {
    fn pieces(&self) -> impl Iterator<Item = (&Piece<'_>, &[BatchWeights])> {
        self.pieces.iter().zip(self.weights.iter().map(Vec::as_slice))
    }
}

impl Piece<'_> {
    fn neuron_column(&self, neuron: usize) -> usize {
        self.column_of_neuron.get(neuron - self.first_neuron).copied().unwrap_or_default()
    }

    fn element_count(&self) -> usize {
        self.batches.iter().map(|batch| batch.elements).sum()
    }
}

/// How the work on a part is cut.
#[derive(Debug, Clone, Copy)]
struct WorkSizes {
    piece_width: usize,
    wave_elements: usize,
    /// Number of frames whose sums a thread computes.
    thread_frames: usize,
    /// Number of frames of a tile.
    tile_frames: usize,
    /// Number of frames of a strip of a report that the library reads, and of its chunks.
    strip_frames: usize,
    chunk_frames: usize,
}

impl Product<'_> {
    /// Computes the sums of some frames: row-major frames, groups, contacts; V if weights are in V/nA.
    ///
    /// # Errors
    /// Returns an error if an input cannot be read, the sections of a neuron are not those of the table, or a current or
    /// weight is not finite. `None` if the run was asked to stop.
    pub fn sum_frames(&self, frames: &[usize], imbalances: &Mutex<Imbalances>) -> Result<Option<Vec<f64>>> {
        let mut sums = vec![0.0; frames.len() * self.row_length()];
        let mut spare = Spare::default();
        let stop = StopCheck::new(self.is_stopped);
        for part in &self.plan.parts {
            if (self.is_stopped)() {
                return Ok(None);
            }
            match self.add_part(part, &mut spare, frames, &mut sums, &stop) {
                Ok(found) => self.record_imbalances(part.report, found, imbalances),
                Err(error) if error.problem::<CheckpointProblem>() == Some(&CheckpointProblem::Stopped) => {
                    return Ok(None);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Some(sums))
    }

    /// Returns the number of sums of a frame.
    pub fn row_length(&self) -> usize {
        self.plan.groups.len() * self.columns.len()
    }

    fn record_imbalances(&self, report: usize, found: FoundImbalances, all: &Mutex<Imbalances>) {
        let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
        for (node, imbalance) in found {
            let known = all.entry((report, node)).or_insert(imbalance);
            // the same net current in several frames: the first one, whichever block is computed first
            let order = |i: &Imbalance| (i.net_na.abs(), std::cmp::Reverse(i.frame));
            if order(&imbalance) > order(known) {
                *known = imbalance;
            }
        }
    }

    /// Adds the product of a part; returns the neurons that do not balance.
    fn add_part(
        &self,
        part: &PlannedPart,
        spare: &mut Spare,
        frames: &[usize],
        sums: &mut [f64],
        stop: &StopCheck<'_>,
    ) -> Result<FoundImbalances> {
        let Spare { segments, panels, neurons, currents } = spare;
        if let (Some((table, place)), WeightSource::Tables { sources, .. }) = (part.table_part, self.source)
            && let Some(source) = sources.get(table)
        {
            *segments = source.read_part_unless_stopped(place, std::mem::take(segments), stop)?;
        }
        let Some(report) = self.reports.get(part.report) else { return Ok(Vec::new()) };
        let stored = self.open_stored_weights(report)?;
        let open = OpenPart { report, part, segments, stored: stored.as_ref() };
        let max_gap = match report.plain_precision() {
            Some(_) => MAX_GAP_ELEMENTS,
            // the library reads whole chunks anyway
            None => MAX_GAP_ELEMENTS.max(report.chunk_shape()[1]),
        };
        let batches = cut_batches(&part.neurons, BATCH_ELEMENTS, max_gap);
        let sizes = self.work_sizes(report, &batches, frames.len());
        let pieces: Vec<Piece<'_>> = group_by_elements(&batches, sizes.piece_width, |batch| batch.width)
            .map(|own| Piece::new(part, own, max_gap))
            .collect();
        let mut imbalances = Vec::new();
        for own in group_by_elements(&pieces, sizes.wave_elements, Piece::element_count) {
            let wave = Wave { pieces: own, weights: self.wave_weights(&open, own, (&*panels, &*neurons), stop)? };
            imbalances.extend(match report.plain_precision() {
                Some(Precision::Single) => {
                    self.add_plain_wave::<f32>(&open, &wave, frames, sums, (sizes, &*currents), stop)?
                }
                Some(Precision::Double) => {
                    self.add_plain_wave::<f64>(&open, &wave, frames, sums, (sizes, &*currents), stop)?
                }
                None => self.add_wave_by_library(&open, &wave, frames, sums, sizes, stop)?,
            });
            let used = wave.weights.into_iter().flatten().map(|batch| batch.panels);
            panels.get_mut().unwrap_or_else(PoisonError::into_inner).extend(used);
        }
        Ok(imbalances)
    }

    /// Chooses how to cut the work. The sums do not depend on it.
    fn work_sizes(&self, report: &CurrentReport, batches: &[NeuronBatch], frames: usize) -> WorkSizes {
        let row_bytes = WeightPanels::row_bytes(self.columns.len()).max(1);
        let wave_bytes = match report.plain_precision() {
            Some(_) => WEIGHT_BYTES.min(THREAD_WEIGHT_BYTES * rayon::current_num_threads()),
            None => WEIGHT_BYTES,
        };
        let wave_elements = (wave_bytes / row_bytes).max(1);
        let [chunk_frames, chunk_elements] = report.chunk_shape();
        // whole chunks in both directions as far as memory allows: a chunk in two strips is decompressed twice
        let values = STRIP_BYTES / size_of::<f64>();
        let widest = batches.iter().map(|batch| batch.width).max().unwrap_or_default().max(BATCH_ELEMENTS);
        let most_frames = (values / widest).max(MIN_TILE_FRAMES);
        let wanted = (values / chunk_elements).clamp(MIN_TILE_FRAMES, MIN_THREAD_FRAMES);
        let strip_frames = wanted.next_multiple_of(chunk_frames).min(most_frames);
        let piece_width = match report.plain_precision() {
            Some(_) => (PIECE_WEIGHT_BYTES / row_bytes).clamp(BATCH_ELEMENTS, PIECE_ELEMENTS),
            // a strip ends with a chunk, which may be behind its last frame
            None => values / (strip_frames + chunk_frames.min(strip_frames)).max(1),
        };
        WorkSizes {
            piece_width: piece_width.min(wave_elements).max(1),
            wave_elements,
            thread_frames: share_frames(frames),
            tile_frames: (TILE_VALUES / piece_width.max(1)).max(MIN_TILE_FRAMES),
            strip_frames: strip_frames.max(1),
            chunk_frames,
        }
    }

    /// Adds the products of a wave of a report whose values are at known offsets: each thread reads what it multiplies.
    fn add_plain_wave<T: Current + StoredFloat>(
        &self,
        open: &OpenPart<'_>,
        wave: &Wave<'_>,
        frames: &[usize],
        sums: &mut [f64],
        (sizes, buffers): (WorkSizes, &BufferPool<CurrentBuffer>),
        stop: &StopCheck<'_>,
    ) -> Result<FoundImbalances> {
        let row = self.row_length();
        let (thread_frames, tile_frames) = (sizes.thread_frames, sizes.tile_frames);
        let shares = sums.par_chunks_mut((thread_frames * row).max(1)).zip(frames.par_chunks(thread_frames));
        let add_share = |CurrentBuffer { tile, values }: &mut CurrentBuffer, sums: &mut [f64], frames: &[usize]| {
            let mut imbalances = Vec::new();
            for (piece, weights) in wave.pieces() {
                let tiles = sums.chunks_mut((tile_frames * row).max(1)).zip(frames.chunks(tile_frames));
                for (sums, frames) in tiles {
                    stop.check()?;
                    let values: &[T] = open.report.read_plain(frames, &piece.reads, values)?;
                    let currents = CurrentRows { values, width: piece.width };
                    let own = TileOfPiece { piece, frames, currents };
                    imbalances.extend(self.add_piece(open, own, weights, tile, sums)?);
                }
                (self.progress)((piece.element_count() * frames.len()) as u64);
            }
            Ok(imbalances)
        };
        let add_share = |(sums, frames)| buffers.with_buffer(|buffer| add_share(buffer, sums, frames));
        collect_shares(shares.map(add_share).collect())
    }

    /// Adds the products of a wave of a report that the HDF5 library reads: one strip is read while the one before is
    /// multiplied.
    fn add_wave_by_library(
        &self,
        open: &OpenPart<'_>,
        wave: &Wave<'_>,
        frames: &[usize],
        sums: &mut [f64],
        sizes: WorkSizes,
        stop: &StopCheck<'_>,
    ) -> Result<FoundImbalances> {
        let row = self.row_length();
        let strips = cut_strips(frames, sizes.strip_frames, sizes.chunk_frames);
        let steps: Vec<(&Piece<'_>, &[BatchWeights], Range<usize>)> = wave
            .pieces()
            .flat_map(|(piece, weights)| strips.iter().map(move |strip| (piece, weights, strip.clone())))
            .collect();
        let read = |step: Option<&(&Piece<'_>, &[BatchWeights], Range<usize>)>, out: &mut Vec<f64>| match step {
            Some((piece, _, strip)) => {
                open.report.read_by_library(frames.get(strip.clone()).unwrap_or_default(), &piece.reads, out)
            }
            None => Ok(()),
        };
        let (mut now, mut next) = (Vec::new(), Vec::new());
        read(steps.first(), &mut now)?;
        let mut imbalances = Vec::new();
        for (i, (piece, weights, strip)) in steps.iter().enumerate() {
            stop.check()?;
            let own_frames = frames.get(strip.clone()).unwrap_or_default();
            let own_sums = sums.get_mut(strip.start * row..strip.end * row).unwrap_or_default();
            let share = own_frames.len().div_ceil(rayon::current_num_threads()).next_multiple_of(MIN_TILE_FRAMES);
            let shares = own_sums.par_chunks_mut((share * row).max(1));
            let shares = shares.zip(own_frames.par_chunks(share));
            let shares = shares.zip(now.par_chunks((share * piece.width).max(1)));
            let add_share = |tile: &mut Tile, ((sums, frames), values): ((&mut [f64], &[usize]), &[f64])| {
                let currents = CurrentRows { values, width: piece.width };
                self.add_piece(open, TileOfPiece { piece, frames, currents }, weights, tile, sums)
            };
            let multiply = || collect_shares(shares.map_init(Tile::default, add_share).collect());
            let (found, read_next) = rayon::join(multiply, || read(steps.get(i + 1), &mut next));
            imbalances.extend(found?);
            read_next?;
            std::mem::swap(&mut now, &mut next);
            (self.progress)((piece.element_count() * own_frames.len()) as u64);
        }
        Ok(imbalances)
    }

    fn open_stored_weights(&self, report: &CurrentReport) -> Result<Option<WeightsDataset>> {
        match self.source {
            WeightSource::File { file, .. } => {
                file.population(report.population()).and_then(|entry| file.weights_dataset(entry)).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Computes or reads the weights of all batches of a wave, by piece.
    fn wave_weights(
        &self,
        open: &OpenPart<'_>,
        wave: &[Piece<'_>],
        (spare, buffers): (&Mutex<Vec<WeightPanels>>, &BufferPool<NeuronBuffers>),
        stop: &StopCheck<'_>,
    ) -> Result<Vec<Vec<BatchWeights>>> {
        let of_piece = |piece: &Piece<'_>| -> Result<Vec<BatchWeights>> {
            let of_batch = |batch: &NeuronBatch| {
                stop.check()?;
                let panels = spare.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
                buffers.with_buffer(|buffers| self.batch_weights(open, piece, batch, panels, buffers))
            };
            let all: Vec<Result<BatchWeights>> = piece.batches.par_iter().map(of_batch).collect();
            // the first error in order, whichever thread found it
            all.into_iter().collect()
        };
        let all: Vec<Result<Vec<BatchWeights>>> = wave.par_iter().map(of_piece).collect();
        all.into_iter().collect()
    }

    fn batch_weights(
        &self,
        open: &OpenPart<'_>,
        piece: &Piece<'_>,
        batch: &NeuronBatch,
        panels: WeightPanels,
        buffers: &mut NeuronBuffers,
    ) -> Result<BatchWeights> {
        let is_online = matches!(self.source, WeightSource::Online);
        let panels = match is_online {
            true => WeightPanels::default(),
            false => panels.renewed(batch.elements, self.columns.len()),
        };
        let mut found = BatchWeights { panels, runs: Vec::new(), area_factors: Vec::new() };
        let (mut row, mut end) = (0, None);
        for index in batch.neurons.clone() {
            let Some(neuron) = open.part.neurons.get(index) else { continue };
            let column = piece.neuron_column(index);
            if is_online {
                let elements = ElementRun { column, row, length: neuron.elements };
                found.runs.push(Run { elements, group_set: neuron.group_set });
                row += neuron.elements;
                continue;
            }
            let Some((_, list)) = open.report.elements(neuron.place) else { continue };
            let all_columns = self.neuron_rows(open, neuron, list, buffers)?;
            let is_all = self.columns.len() == all_columns && self.columns.iter().copied().eq(0..all_columns);
            let columns = (!is_all).then_some(self.columns);
            for (element, &from) in list.rows.iter().enumerate() {
                let from = from as usize * all_columns;
                let weights = buffers.rows.get(from..from + all_columns).unwrap_or_default();
                found.panels.set_row(row + element, columns, weights);
            }
            if self.kind == CurrentKind::Density {
                let factor = |from: &u32| buffers.area_factors.get(*from as usize).copied().unwrap_or_default();
                found.area_factors.extend(list.rows.iter().map(factor));
            }
            for (element, &from) in list.rows.iter().enumerate() {
                let group_set = self.group_set_of_row(open, neuron, from)?;
                let elements = ElementRun { column: column + element, row: row + element, length: 1 };
                // adjacent in the report; a gap that is read does not count
                let is_adjacent = element > 0 || end == Some(neuron.first_column);
                push_run(&mut found.runs, Run { elements, group_set }, is_adjacent);
            }
            end = Some(neuron.first_column + neuron.elements);
            row += neuron.elements;
        }
        Ok(found)
    }

    /// Fills the buffer with the weights of a neuron in row order; returns the number of columns.
    fn neuron_rows(
        &self,
        open: &OpenPart<'_>,
        neuron: &PlannedNeuron,
        list: &ElementList,
        buffers: &mut NeuronBuffers,
    ) -> Result<usize> {
        let OpenPart { report, segments, .. } = *open;
        let NeuronBuffers { rows, area_factors, scratch } = buffers;
        match self.source {
            WeightSource::File { .. } => {
                let Some(stored) = open.stored else { return Ok(0) };
                stored.read_rows(neuron.first_row..neuron.first_row + neuron.elements as u64, rows)?;
                Ok(stored.columns() as usize)
            }
            WeightSource::Tables { columns, .. } => {
                let first = neuron.first_row as usize;
                if first + neuron.elements > segments.len() {
                    return Err(sections_error(report, neuron, "the rows of its neuron list", "fewer rows".into()));
                }
                let view = NeuronSegments::new(segments, first..first + neuron.elements);
                check_sections(report, neuron, list, &view)?;
                rows.resize(neuron.elements * columns.width(), 0.0);
                columns.fill_weights(&view, rows, scratch);
                if self.kind == CurrentKind::Density {
                    let found = read_area_factors(neuron, &view, area_factors);
                    found.map_err(|error| self.name_table(open.part, error))?;
                    for (weights, factor) in rows.chunks_exact_mut(columns.width().max(1)).zip(&*area_factors) {
                        weights.iter_mut().for_each(|weight| *weight *= factor);
                    }
                }
                Ok(columns.width())
            }
            WeightSource::Online => Ok(0),
        }
    }

    /// Adds the table of a part to an error.
    fn name_table(&self, part: &PlannedPart, error: Error) -> Error {
        match (self.source, part.table_part) {
            (WeightSource::Tables { sources, .. }, Some((table, _))) => match sources.get(table) {
                Some(source) => error.in_file(source.path()),
                None => error,
            },
            _ => error,
        }
    }

    /// Returns the list of groups of a row of a neuron.
    fn group_set_of_row(&self, open: &OpenPart<'_>, neuron: &PlannedNeuron, row: u32) -> Result<u32> {
        if !self.by_section_type {
            return Ok(neuron.group_set);
        }
        let row = neuron.first_row as usize + row as usize;
        let section = open.segments.section_id.get(row).copied().unwrap_or_default();
        match open.segments.section_type.get(row).copied().flatten() {
            Some(kind) => Ok(u32::from(kind.number())),
            None => {
                let error = Error::from(SignalsProblem::UnknownSectionType { section });
                Err(self.name_table(open.part, error.at_index("node", neuron.node_id)))
            }
        }
    }

    /// Adds the products of a tile of a piece to the sums of its frames; returns the neurons that do not balance.
    fn add_piece<T: Current>(
        &self,
        open: &OpenPart<'_>,
        own: TileOfPiece<'_, T>,
        weights: &[BatchWeights],
        tile: &mut Tile,
        sums: &mut [f64],
    ) -> Result<FoundImbalances> {
        let (contacts, row_length) = (self.columns.len(), self.row_length());
        let is_online = matches!(self.source, WeightSource::Online);
        let mut imbalances = Vec::new();
        for (batch, weights) in own.piece.batches.iter().zip(weights) {
            for run in &weights.runs {
                let groups = self.plan.group_sets.get(run.group_set as usize).map_or(&[][..], Vec::as_slice);
                for &group in groups {
                    let values = sums.get_mut(group as usize * contacts..).unwrap_or_default();
                    let mut sums = SumRows { values, width: row_length };
                    let is_finite = match self.source {
                        WeightSource::Online => add_columns(own.currents, run.elements, self.columns, &mut sums),
                        _ => add_product(own.currents, run.elements, &weights.panels, tile, &mut sums),
                    };
                    if !is_finite {
                        return Err(self.not_finite_error(open, own, batch, weights));
                    }
                }
            }
            if !is_online {
                imbalances.extend(find_imbalances(open.part, own, batch, &weights.area_factors));
            }
        }
        Ok(imbalances)
    }

    /// Finds the value that made a sum not finite.
    fn not_finite_error<T: Current>(
        &self,
        open: &OpenPart<'_>,
        own: TileOfPiece<'_, T>,
        batch: &NeuronBatch,
        weights: &BatchWeights,
    ) -> Error {
        let OpenPart { report, part, .. } = *open;
        let neurons = part.neurons.get(batch.neurons.clone()).unwrap_or_default();
        for (place, &frame) in own.frames.iter().enumerate() {
            for (index, neuron) in batch.neurons.clone().zip(neurons) {
                let column = own.piece.neuron_column(index);
                let values = own.currents.elements(place, column..column + neuron.elements);
                let mut values = values.iter().map(|value| -> f64 { (*value).into() }).enumerate();
                let Some((element, value)) = values.find(|(_, value)| !value.is_finite()) else { continue };
                let id = report.elements(neuron.place).and_then(|(_, list)| list.ids.get(element).copied());
                let time_ms = report.start_ms() + frame as f64 * report.step_ms();
                let id = id.unwrap_or_default();
                let problem = match self.source {
                    WeightSource::Online => SignalsProblem::PotentialNotFinite { contact: id, value, time_ms },
                    _ => SignalsProblem::CurrentNotFinite { section: id, value, time_ms },
                };
                return Error::from(problem).at_index("node", neuron.node_id).in_file(report.path());
            }
        }
        let found = weights.panels.find_not_finite();
        // without one, the product of finite numbers is out of range
        let (row, contact, value) = found.unwrap_or((0, 0, f64::INFINITY));
        let mut behind = 0;
        let owner = neurons.iter().find(|neuron| {
            behind += neuron.elements;
            row < behind
        });
        if let (Some(neuron), WeightSource::Tables { electrodes, columns, .. }) =
            (owner.filter(|_| found.is_some()), self.source)
        {
            let element = row + neuron.elements - behind;
            let list = report.elements(neuron.place).and_then(|(_, list)| list.rows.get(element));
            let (segment, first) = (list.copied().unwrap_or_default() as usize, neuron.first_row as usize);
            let view = NeuronSegments::new(open.segments, first..first + neuron.elements);
            let column = self.columns.get(contact).copied().unwrap_or_default();
            return columns.explain_missing_weight(&view, segment, column).unwrap_or_else(|| {
                let problem = WeightsProblem::of_weight(electrodes.get(column), view.get(segment), value);
                self.name_table(part, Error::from(problem).at_index("node", neuron.node_id))
            });
        }
        let error = Error::from(SignalsProblem::WeightNotFinite { value });
        let error = owner.map_or(error.clone(), |neuron| error.at_index("node", neuron.node_id));
        match self.source {
            WeightSource::File { file, .. } => error.in_file(file.path()),
            _ => self.name_table(part, error),
        }
    }
}

impl<'c> Piece<'c> {
    /// Finds what to read: neurons that are close together in a frame are read together.
    fn new(part: &PlannedPart, batches: &'c [NeuronBatch], max_gap: usize) -> Self {
        let first_neuron = batches.first().map_or(0, |batch| batch.neurons.start);
        let behind = batches.last().map_or(first_neuron, |batch| batch.neurons.end);
        let mut reads: Vec<Range<usize>> = Vec::new();
        let mut column_of_neuron = Vec::with_capacity(behind - first_neuron);
        let mut width = 0;
        for neuron in part.neurons.get(first_neuron..behind).unwrap_or_default() {
            let own = neuron.first_column..neuron.first_column + neuron.elements;
            match reads.last_mut() {
                Some(last) if own.start >= last.end && own.start - last.end <= max_gap => {
                    width += own.end - last.end;
                    last.end = own.end;
                }
                _ => {
                    width += own.len();
                    reads.push(own.clone());
                }
            }
            column_of_neuron.push(width - own.len());
        }
        Self { batches, reads, width, first_neuron, column_of_neuron }
    }
}

/// Groups consecutive items: at most `most` elements, or one item.
fn group_by_elements<T>(items: &[T], most: usize, elements: impl Fn(&T) -> usize) -> impl Iterator<Item = &[T]> {
    let mut rest = items;
    std::iter::from_fn(move || {
        let mut sum = 0;
        let fits = |item: &&T| {
            sum += elements(item);
            sum <= most
        };
        let count = rest.iter().take_while(fits).count().max(1);
        let (own, others) = rest.split_at_checked(count)?;
        rest = others;
        Some(own)
    })
}

/// Cuts frames into strips that span about `most` frames of the report, and end where its chunks do if that is near.
fn cut_strips(frames: &[usize], most: usize, chunk_frames: usize) -> Vec<Range<usize>> {
    let mut strips: Vec<Range<usize>> = Vec::new();
    let mut last = 0;
    for (i, &frame) in frames.iter().enumerate() {
        let is_in_chunk = frame / chunk_frames == last / chunk_frames;
        last = frame;
        match strips.last_mut() {
            Some(strip) => {
                let span = frame + 1 - frames.get(strip.start).copied().unwrap_or_default();
                if span <= most || (is_in_chunk && span <= most + chunk_frames.min(most)) {
                    strip.end = i + 1;
                } else {
                    strips.push(i..i + 1);
                }
            }
            None => strips.push(i..i + 1),
        }
    }
    strips
}

/// Returns how many frames a thread takes at a time: two shares for each thread, but not so few that weights are read from
/// memory too often, unless some threads would have none.
fn share_frames(frames: usize) -> usize {
    let threads = rayon::current_num_threads().max(1);
    let most = frames.div_ceil(threads);
    frames.div_ceil(2 * threads).max(most.min(MIN_THREAD_FRAMES)).next_multiple_of(MIN_TILE_FRAMES).max(MIN_TILE_FRAMES)
}

/// Concatenates the results; of several errors, returns the first in order.
fn collect_shares(shares: Vec<Result<FoundImbalances>>) -> Result<FoundImbalances> {
    let mut all = Vec::new();
    for share in shares {
        all.extend(share?);
    }
    Ok(all)
}

/// Appends a run, or extends the last one if it is adjacent and of the same groups.
fn push_run(runs: &mut Vec<Run>, run: Run, is_adjacent: bool) {
    match runs.last_mut().filter(|last| is_adjacent && last.group_set == run.group_set) {
        Some(last) => last.elements.length += run.elements.length,
        None => runs.push(run),
    }
}

/// Adds the potentials of a node of an online report; returns whether all sums are finite.
fn add_columns<T: Current>(
    values: CurrentRows<'_, T>,
    run: ElementRun,
    columns: &[usize],
    sums: &mut SumRows<'_>,
) -> bool {
    let frames = values.values.len() / values.width.max(1);
    let mut is_finite = true;
    for (frame, sums) in sums.values.chunks_mut(sums.width.max(1)).enumerate().take(frames) {
        let own = values.elements(frame, run.column..run.column + run.length);
        for (sum, &column) in sums.iter_mut().zip(columns) {
            *sum += own.get(column).copied().unwrap_or_default().into();
            is_finite &= sum.is_finite();
        }
    }
    is_finite
}

/// Finds the neurons of a batch whose currents do not sum to zero. Current densities have factors, one for each element.
fn find_imbalances<T: Current>(
    part: &PlannedPart,
    own: TileOfPiece<'_, T>,
    batch: &NeuronBatch,
    area_factors: &[f64],
) -> FoundImbalances {
    let mut found = Vec::new();
    let mut rest = area_factors;
    for index in batch.neurons.clone() {
        let Some(neuron) = part.neurons.get(index) else { continue };
        let column = own.piece.neuron_column(index);
        let elements = column..column + neuron.elements;
        let largest = match rest.split_at_checked(neuron.elements) {
            Some((factors, others)) if !factors.is_empty() => {
                rest = others;
                find_net_current_of_densities(own.currents, elements, factors)
            }
            _ => find_net_current(own.currents, elements),
        };
        found.extend(largest.and_then(|(net_na, place)| {
            let frame = *own.frames.get(place)?;
            Some((neuron.node_id, Imbalance { net_na, frame }))
        }));
    }
    found
}

/// Fills the buffer with the factors of a neuron's current densities, in row order: the membrane areas of its segments, in
/// the unit that gives nA for mA/cm².
fn read_area_factors(neuron: &PlannedNeuron, view: &NeuronSegments<'_>, factors: &mut Vec<f64>) -> Result<()> {
    let is_soma = |i: &usize| view.get(*i).section_type == Some(SectionType::Soma);
    let somata = (0..view.len()).filter(is_soma).count();
    factors.clear();
    for i in 0..view.len() {
        let segment = view.get(i);
        if segment.section_type.is_none() && segment.start == segment.end {
            let problem = SignalsProblem::UnknownArea { section: segment.section_id };
            return Err(Error::from(problem).at_index("node", neuron.node_id));
        }
        let Some(area_um2) = membrane_area_um2(&segment, somata) else {
            let Segment { section_id: section, segment_id: segment, .. } = segment;
            return Err(Error::from(SignalsProblem::NoRadius { section, segment }).at_index("node", neuron.node_id));
        };
        factors.push(area_um2 * NANOAMPERE_PER_SQUARE_MICROMETER);
    }
    Ok(())
}

/// Returns the membrane area of a segment, µm²: that of a cylinder; a soma is a sphere of its radius, shared equally by its
/// segments. `None` if the radius is unknown.
fn membrane_area_um2(segment: &Segment, soma_segments: usize) -> Option<f64> {
    let radius_um = f64::from(segment.radius_um.filter(|r| r.is_finite() && *r > 0.0)?);
    if segment.section_type == Some(SectionType::Soma) {
        return Some(4.0 * std::f64::consts::PI * radius_um * radius_um / soma_segments.max(1) as f64);
    }
    Some(2.0 * std::f64::consts::PI * radius_um * segment.start.distance(segment.end))
}

/// Checks that the sections of a neuron in the table are those of the report.
fn check_sections(
    report: &CurrentReport,
    neuron: &PlannedNeuron,
    list: &ElementList,
    view: &NeuronSegments<'_>,
) -> Result<()> {
    let from = view.first_index;
    let in_table = view.segments.section_id.get(from..from + view.len()).unwrap_or_default();
    let mut rest = in_table;
    for section in &list.sections {
        let (own, others) = rest.split_at(rest.len().min(section.segments as usize));
        if let Some(other) = own.iter().find(|id| **id != section.section_id) {
            return Err(sections_error(
                report,
                neuron,
                &format!("section {other} as in the segment table"),
                format!("section {}", section.section_id),
            ));
        }
        rest = others;
    }
    Ok(())
}

fn sections_error(report: &CurrentReport, neuron: &PlannedNeuron, expected: &str, found: String) -> Error {
    let problem = SignalsProblem::Sections { expected: expected.into(), found };
    Error::from(problem).at_index("node", neuron.node_id).in_file(report.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strips_end_with_chunks_and_span_a_bounded_number_of_frames() {
        let all: Vec<usize> = (3..40).collect();
        // chunks begin at 0, 8, 16, ...: the first strip of 16 frames from 3 on ends at 24, not at 19
        assert_eq!(cut_strips(&all, 16, 8), [0..21, 21..37]);
        assert_eq!(cut_strips(&all, 16, 1), [0..16, 16..32, 32..37]);
        // chunks that are much longer than a strip
        assert_eq!(cut_strips(&all, 4, 1000), [0..8, 8..16, 16..24, 24..32, 32..37]);
        // every tenth frame: two of them are 11 frames of the report
        let every_tenth: Vec<usize> = (0..60).step_by(10).collect();
        assert_eq!(cut_strips(&every_tenth, 16, 1), [0..2, 2..4, 4..6]);
        assert_eq!(cut_strips(&every_tenth, 5, 1), [0..1, 1..2, 2..3, 3..4, 4..5, 5..6]);
        assert!(cut_strips(&[], 16, 8).is_empty());
    }

    #[test]
    fn neighbours_are_grouped_up_to_a_sum() {
        let group = |items: &[usize]| group_by_elements(items, 10, |n| *n).map(<[usize]>::to_vec).collect::<Vec<_>>();
        assert_eq!(group(&[4, 6, 1, 12, 3, 3]), [vec![4, 6], vec![1], vec![12], vec![3, 3]]);
        assert!(group(&[]).is_empty());
    }
}
