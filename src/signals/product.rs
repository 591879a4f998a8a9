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
//! **Order of the work.** Weights are computed or read once for all frames of a block. Neurons are cut into *chunks* of
//! about [`CHUNK_ELEMENTS`] elements, consecutive in the report. Neighbouring chunks, a *wave*, are in memory at one time;
//! frames of a wave are read in *strips*, one strip while the one before is multiplied. A chunk's product is computed by one
//! thread, then added to the sums in the order of chunks. Hence the sums depend on the inputs only, and neither on the
//! number of threads, nor on blocks, waves and strips.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2, ShapeBuilder};
use rayon::prelude::*;

use super::current_report::{CurrentReport, ElementList};
use super::plan::{Chunk, Plan, PlannedNeuron, PlannedPart, cut_chunks};
use super::{CurrentKind, SignalsProblem, WeightSource};
use crate::error::{Context, Error, Result};
use crate::segments::{NeuronSegments, SectionType, Segment, Segments};
use crate::sonata::electrodes_file::WeightsDataset;
use crate::units::NANOAMPERE_PER_SQUARE_MICROMETER;

/// Number of elements of a chunk, unless one neuron has more.
const CHUNK_ELEMENTS: usize = 1024;

/// Largest number of frames of a strip.
const STRIP_FRAMES: usize = 512;

/// Bytes of the currents of a wave's strip, of which two are in memory.
const STRIP_BYTES: usize = 64 << 20;

/// Bytes of the weights of a wave.
const WEIGHT_BYTES: usize = 64 << 20;

/// Memory of a run besides the sums of a block and the segments of a table's part, bytes, about: two strips, the weights of
/// a wave, and as much for its products.
pub const WORKING_BYTES: u64 = (2 * STRIP_BYTES + 2 * WEIGHT_BYTES) as u64;

/// Elements that nobody needs are read with others if they are at most so many between two needed neurons: a call of the
/// operating system costs as much as copying so many.
const MAX_GAP_ELEMENTS: usize = 1024;

/// Part of the sum of absolute currents that the net current of a balanced neuron does not exceed. Currents are stored in
/// single precision, so that their sum has an error of 1e-7 of it.
const BALANCE_TOLERANCE: f64 = 1e-4;

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
    /// What the currents are.
    pub kind: CurrentKind,
    /// Whether groups are types of sections.
    pub by_section_type: bool,
    /// Called with the number of elements times frames that are done.
    pub progress: &'a (dyn Fn(u64) + Sync),
    /// Returns whether to stop.
    pub is_stopped: &'a (dyn Fn() -> bool + Sync),
}

/// A part of the plan, with what its weights come from.
#[derive(Clone, Copy)]
struct OpenPart<'p> {
    report: &'p CurrentReport,
    part: &'p PlannedPart,
    /// The segments of the table's part.
    segments: &'p Segments,
    /// The rows of the electrodes file.
    stored: Option<&'p WeightsDataset>,
}

/// The currents of a wave in some frames.
#[derive(Clone, Copy)]
struct Strip<'s> {
    wave: &'s Wave<'s>,
    /// The frames, as indices in the report.
    frames: &'s [usize],
    /// Index of the first frame among those of the block.
    first_frame: usize,
    /// Row-major: frames, columns of the wave.
    currents: &'s [f64],
}

/// Buffers that are reused for several neurons.
#[derive(Default)]
struct NeuronBuffers {
    /// Weights of a neuron, in row order.
    rows: Vec<f64>,
    scratch: Vec<f64>,
}

/// Consecutive elements of the same groups: a matrix product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    /// First column of the strip.
    column: usize,
    /// First row of the chunk's weights.
    row: usize,
    /// Number of elements.
    length: usize,
    /// The list of groups.
    group_set: u32,
}

/// The weights of a chunk, in the report's order of elements.
struct ChunkWeights {
    values: Vec<f64>,
    runs: Vec<Run>,
}

/// Chunks whose currents are in memory at one time.
struct Wave<'c> {
    chunks: &'c [Chunk],
    /// Columns of the report that are read.
    reads: Vec<Range<usize>>,
    /// Number of columns of a strip.
    width: usize,
    /// First neuron of the part.
    first_neuron: usize,
    /// First column of the strip for each neuron.
    column_of_neuron: Vec<usize>,
}

impl Wave<'_> {
    fn neuron_column(&self, neuron: usize) -> usize {
        self.column_of_neuron.get(neuron - self.first_neuron).copied().unwrap_or_default()
    }
}

/// The product of a chunk: sums of some groups, row-major, one row per frame; and neurons that do not balance.
struct ChunkProduct {
    sums: Vec<(u32, Vec<f64>)>,
    imbalances: Vec<(u64, Imbalance)>,
}

impl Product<'_> {
    /// Computes the sums of some frames: row-major frames, groups, contacts; V if weights are in V/nA.
    ///
    /// # Errors
    /// Returns an error if an input cannot be read, the sections of a neuron are not those of the table, or a current or
    /// weight is not finite. `None` if the run was asked to stop.
    pub fn sum_frames(&self, frames: &[usize], imbalances: &Mutex<Imbalances>) -> Result<Option<Vec<f64>>> {
        let mut sums = vec![0.0; frames.len() * self.row_length()];
        let mut segments = Segments::default();
        for part in &self.plan.parts {
            if let (Some((table, place)), WeightSource::Tables { sources, .. }) = (part.table_part, self.source)
                && let Some(source) = sources.get(table)
            {
                segments = source.read_part(place, std::mem::take(&mut segments))?;
            }
            if !self.add_part(part, &segments, frames, &mut sums, imbalances)? {
                return Ok(None);
            }
        }
        Ok(Some(sums))
    }

    /// Returns the number of sums of a frame.
    pub fn row_length(&self) -> usize {
        self.plan.groups.len() * self.columns.len()
    }

    /// Adds the product of a part; returns whether to go on.
    fn add_part(
        &self,
        part: &PlannedPart,
        segments: &Segments,
        frames: &[usize],
        sums: &mut [f64],
        imbalances: &Mutex<Imbalances>,
    ) -> Result<bool> {
        let Some(report) = self.reports.get(part.report) else { return Ok(true) };
        let stored = self.open_stored_weights(report)?;
        let open = OpenPart { report, part, segments, stored: stored.as_ref() };
        let chunks = cut_chunks(&part.neurons, CHUNK_ELEMENTS);
        let waves = self.cut_waves(part, &chunks, frames.len().min(STRIP_FRAMES));
        let strips: Vec<(usize, Range<usize>)> =
            (0..waves.len()).flat_map(|wave| strip_ranges(frames.len()).map(move |strip| (wave, strip))).collect();
        let read = |(wave, strip): &(usize, Range<usize>), buffer: &mut Vec<f64>| match waves.get(*wave) {
            Some(wave) => report.read_columns(frames.get(strip.clone()).unwrap_or_default(), &wave.reads, buffer),
            None => Ok(()),
        };
        let (mut now, mut next) = (Vec::new(), Vec::new());
        if let Some(first) = strips.first() {
            read(first, &mut now)?;
        }
        let mut weights: Vec<ChunkWeights> = Vec::new();
        for (i, (number, strip)) in strips.iter().enumerate() {
            if (self.is_stopped)() {
                return Ok(false);
            }
            let Some(wave) = waves.get(*number) else { continue };
            let own_frames = frames.get(strip.clone()).unwrap_or_default();
            let now_read = Strip { wave, frames: own_frames, first_frame: strip.start, currents: &now };
            let work = || -> Result<()> {
                if strip.start == 0 {
                    weights = self.wave_weights(&open, wave)?;
                }
                self.add_strip(&open, &now_read, &weights, sums, imbalances)
            };
            let (done, read_next) =
                rayon::join(work, || strips.get(i + 1).map_or(Ok(()), |strip| read(strip, &mut next)));
            done?;
            read_next?;
            std::mem::swap(&mut now, &mut next);
            let elements: usize = wave.chunks.iter().map(|chunk| chunk.elements).sum();
            (self.progress)((elements * own_frames.len()) as u64);
        }
        Ok(true)
    }

    fn open_stored_weights(&self, report: &CurrentReport) -> Result<Option<WeightsDataset>> {
        match self.source {
            WeightSource::File { file, .. } => {
                file.population(report.population()).and_then(|entry| file.weights_dataset(entry)).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Groups chunks so that the weights of a wave and the currents of its strips fit into memory.
    fn cut_waves<'c>(&self, part: &PlannedPart, chunks: &'c [Chunk], strip_frames: usize) -> Vec<Wave<'c>> {
        let by_currents = STRIP_BYTES / size_of::<f64>() / strip_frames.max(1);
        let by_weights = WEIGHT_BYTES / size_of::<f64>() / self.columns.len().max(1);
        let most = by_currents.min(by_weights).max(1);
        let mut waves = Vec::new();
        let mut rest = chunks;
        while !rest.is_empty() {
            let mut elements = 0;
            let fits = |chunk: &&Chunk| {
                elements += chunk.elements;
                elements <= most
            };
            let count = rest.iter().take_while(fits).count().max(1);
            let (own, others) = rest.split_at(count);
            waves.push(Wave::new(part, own));
            rest = others;
        }
        waves
    }

    /// Computes or reads the weights of all chunks of a wave.
    fn wave_weights(&self, open: &OpenPart<'_>, wave: &Wave<'_>) -> Result<Vec<ChunkWeights>> {
        let compute = |chunk: &Chunk| self.chunk_weights(open, wave, chunk);
        let all: Vec<Result<ChunkWeights>> = wave.chunks.par_iter().map(compute).collect();
        // the first error in order, whichever thread found it
        all.into_iter().collect()
    }

    fn chunk_weights(&self, open: &OpenPart<'_>, wave: &Wave<'_>, chunk: &Chunk) -> Result<ChunkWeights> {
        let width = self.columns.len();
        let is_online = matches!(self.source, WeightSource::Online);
        let mut found =
            ChunkWeights { values: vec![0.0; if is_online { 0 } else { chunk.elements * width }], runs: Vec::new() };
        let (mut buffers, mut row) = (NeuronBuffers::default(), 0);
        for index in chunk.neurons.clone() {
            let Some(neuron) = open.part.neurons.get(index) else { continue };
            let column = wave.neuron_column(index);
            if is_online {
                let (length, group_set) = (neuron.elements, neuron.group_set);
                found.runs.push(Run { column, row, length, group_set });
                row += length;
                continue;
            }
            let Some((_, list)) = open.report.elements(neuron.place) else { continue };
            let all_columns = self.neuron_rows(open, neuron, list, &mut buffers)?;
            let own = found.values.get_mut(row * width..(row + neuron.elements) * width).unwrap_or_default();
            for (out, &from) in own.chunks_exact_mut(width.max(1)).zip(&list.rows) {
                let values = buffers.rows.get(from as usize * all_columns..).unwrap_or_default();
                for (value, &column) in out.iter_mut().zip(self.columns) {
                    *value = values.get(column).copied().unwrap_or_default();
                }
            }
            for (element, &from) in list.rows.iter().enumerate() {
                let group_set = self.group_set_of_row(neuron, open.segments, from)?;
                push_run(&mut found.runs, Run { column: column + element, row: row + element, length: 1, group_set });
            }
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
        let NeuronBuffers { rows, scratch } = buffers;
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
                rows.clear();
                rows.resize(neuron.elements * columns.width(), 0.0);
                columns.fill_weights(&view, rows, scratch);
                if self.kind == CurrentKind::Density {
                    self.multiply_areas(neuron, &view, rows, columns.width())?;
                }
                Ok(columns.width())
            }
            WeightSource::Online => Ok(0),
        }
    }

    /// Multiplies weights by the membrane areas of segments: currents are densities.
    fn multiply_areas(
        &self,
        neuron: &PlannedNeuron,
        view: &NeuronSegments<'_>,
        rows: &mut [f64],
        width: usize,
    ) -> Result<()> {
        let is_soma = |i: &usize| view.get(*i).section_type == Some(SectionType::Soma);
        let somata = (0..view.len()).filter(is_soma).count();
        for (i, weights) in rows.chunks_exact_mut(width.max(1)).enumerate() {
            let segment = view.get(i);
            let Some(area_um2) = membrane_area_um2(&segment, somata) else {
                let Segment { section_id: section, segment_id: segment, .. } = segment;
                return Err(SignalsProblem::NoRadius { section, segment }).at_index("node", neuron.node_id);
            };
            weights.iter_mut().for_each(|weight| *weight *= area_um2 * NANOAMPERE_PER_SQUARE_MICROMETER);
        }
        Ok(())
    }

    /// Returns the list of groups of a row of a neuron.
    fn group_set_of_row(&self, neuron: &PlannedNeuron, segments: &Segments, row: u32) -> Result<u32> {
        if !self.by_section_type {
            return Ok(neuron.group_set);
        }
        let row = neuron.first_row as usize + row as usize;
        let kind = segments.section_type.get(row).copied().flatten();
        let kind = kind.ok_or(SignalsProblem::NoSectionType).at_index("node", neuron.node_id)?;
        Ok(u32::from(kind.number()))
    }

    /// Multiplies a strip, and adds the products to the sums.
    fn add_strip(
        &self,
        open: &OpenPart<'_>,
        strip: &Strip<'_>,
        weights: &[ChunkWeights],
        sums: &mut [f64],
        imbalances: &Mutex<Imbalances>,
    ) -> Result<()> {
        let multiply = |(chunk, weights): (&Chunk, &ChunkWeights)| self.multiply_chunk(open, strip, chunk, weights);
        let products: Vec<Result<ChunkProduct>> =
            strip.wave.chunks.par_iter().zip(weights.par_iter()).map(multiply).collect();
        let products = products.into_iter().collect::<Result<Vec<_>>>()?;
        let (length, width) = (self.row_length(), self.columns.len());
        let behind = strip.first_frame + strip.frames.len();
        let own = sums.get_mut(strip.first_frame * length..behind * length).unwrap_or_default();
        own.par_chunks_exact_mut(length.max(1)).enumerate().for_each(|(frame, row)| {
            for (group, values) in products.iter().flat_map(|product| &product.sums) {
                let from = values.get(frame * width..(frame + 1) * width).unwrap_or_default();
                let into = row.get_mut(*group as usize * width..).unwrap_or_default();
                into.iter_mut().zip(from).for_each(|(sum, value)| *sum += value);
            }
        });
        let mut all = imbalances.lock().unwrap_or_else(PoisonError::into_inner);
        for (node, found) in products.iter().flat_map(|product| &product.imbalances) {
            let known = all.entry((open.part.report, *node)).or_insert(*found);
            if found.net_na.abs() > known.net_na.abs() {
                *known = *found;
            }
        }
        Ok(())
    }

    fn multiply_chunk(
        &self,
        open: &OpenPart<'_>,
        strip: &Strip<'_>,
        chunk: &Chunk,
        weights: &ChunkWeights,
    ) -> Result<ChunkProduct> {
        let Strip { wave, frames, currents, .. } = *strip;
        let width = self.columns.len();
        let mut sums: Vec<(u32, Vec<f64>)> = Vec::new();
        for run in &weights.runs {
            let groups = self.plan.group_sets.get(run.group_set as usize).map_or(&[][..], Vec::as_slice);
            for &group in groups {
                let place = sums.iter().position(|(known, _)| *known == group).unwrap_or_else(|| {
                    sums.push((group, vec![0.0; frames.len() * width]));
                    sums.len() - 1
                });
                let Some((_, sum)) = sums.get_mut(place) else { continue };
                match self.source {
                    WeightSource::Online => add_columns(currents, wave.width, run, self.columns, sum),
                    _ => add_product(currents, wave.width, run, &weights.values, width, sum),
                }
            }
        }
        if !sums.iter().all(|(_, sum)| sum.iter().fold(true, |all, v| all & v.is_finite())) {
            return Err(self.not_finite_error(open, strip, chunk, weights));
        }
        let is_unchecked = self.kind == CurrentKind::Density || matches!(self.source, WeightSource::Online);
        let imbalances = if is_unchecked { Vec::new() } else { find_imbalances(open.part, strip, chunk) };
        Ok(ChunkProduct { sums, imbalances })
    }

    /// Finds the value that made a sum not finite.
    fn not_finite_error(&self, open: &OpenPart<'_>, strip: &Strip<'_>, chunk: &Chunk, weights: &ChunkWeights) -> Error {
        let OpenPart { report, part, .. } = *open;
        let Strip { wave, frames, currents, .. } = *strip;
        let own = part.neurons.get(chunk.neurons.clone()).unwrap_or_default();
        for (&frame, row) in frames.iter().zip(currents.chunks_exact(wave.width.max(1))) {
            for (index, neuron) in chunk.neurons.clone().zip(own) {
                let column = wave.neuron_column(index);
                let values = row.get(column..column + neuron.elements).unwrap_or_default();
                let Some(element) = values.iter().position(|v| !v.is_finite()) else { continue };
                let id = report.elements(neuron.place).and_then(|(_, list)| list.ids.get(element).copied());
                let time_ms = report.start_ms() + frame as f64 * report.step_ms();
                let value = values.get(element).copied().unwrap_or(f64::NAN);
                let problem = SignalsProblem::CurrentNotFinite { section: id.unwrap_or_default(), value, time_ms };
                return Error::from(problem).at_index("node", neuron.node_id).in_file(report.path());
            }
        }
        let bad = weights.values.iter().position(|v| !v.is_finite()).unwrap_or_default();
        let row = bad / self.columns.len().max(1);
        let mut behind = 0;
        let owner = own.iter().find(|neuron| {
            behind += neuron.elements;
            row < behind
        });
        let value = weights.values.get(bad).copied().unwrap_or(f64::NAN);
        let error = Error::from(SignalsProblem::WeightNotFinite { value });
        let error = owner.map_or(error.clone(), |neuron| error.at_index("node", neuron.node_id));
        match self.source {
            WeightSource::File { file, .. } => error.in_file(file.path()),
            _ => error,
        }
    }
}

impl<'c> Wave<'c> {
    /// Finds what to read: neurons that are close together in a frame are read together.
    fn new(part: &PlannedPart, chunks: &'c [Chunk]) -> Self {
        let first_neuron = chunks.first().map_or(0, |chunk| chunk.neurons.start);
        let behind = chunks.last().map_or(first_neuron, |chunk| chunk.neurons.end);
        let mut reads: Vec<Range<usize>> = Vec::new();
        let mut column_of_neuron = Vec::with_capacity(behind - first_neuron);
        let mut width = 0;
        for neuron in part.neurons.get(first_neuron..behind).unwrap_or_default() {
            let own = neuron.first_column..neuron.first_column + neuron.elements;
            match reads.last_mut() {
                Some(last) if own.start >= last.end && own.start - last.end <= MAX_GAP_ELEMENTS => {
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
        Self { chunks, reads, width, first_neuron, column_of_neuron }
    }
}

fn strip_ranges(frames: usize) -> impl Iterator<Item = Range<usize>> {
    (0..frames).step_by(STRIP_FRAMES).map(move |first| first..frames.min(first + STRIP_FRAMES))
}

/// Appends a run, or extends the last one.
fn push_run(runs: &mut Vec<Run>, run: Run) {
    match runs.last_mut() {
        Some(last)
            if last.group_set == run.group_set
                && last.column + last.length == run.column
                && last.row + last.length == run.row =>
        {
            last.length += run.length;
        }
        _ => runs.push(run),
    }
}

/// Adds the product of a run's currents and weights.
fn add_product(currents: &[f64], strip_width: usize, run: &Run, weights: &[f64], width: usize, sum: &mut [f64]) {
    let frames = sum.len() / width.max(1);
    let from = currents.get(run.column..).unwrap_or_default();
    let rows = weights.get(run.row * width..(run.row + run.length) * width).unwrap_or_default();
    let currents = ArrayView2::from_shape((frames, run.length).strides((strip_width, 1)), from);
    let weights = ArrayView2::from_shape((run.length, width), rows);
    let sum = ArrayViewMut2::from_shape((frames, width), sum);
    if let (Ok(currents), Ok(weights), Ok(mut sum)) = (currents, weights, sum) {
        general_mat_mul(1.0, &currents, &weights, 1.0, &mut sum);
    }
}

/// Adds the potentials of a node of an online report.
fn add_columns(values: &[f64], strip_width: usize, run: &Run, columns: &[usize], sum: &mut [f64]) {
    let rows = values.chunks_exact(strip_width.max(1));
    for (row, sums) in rows.zip(sum.chunks_exact_mut(columns.len().max(1))) {
        let own = row.get(run.column..run.column + run.length).unwrap_or_default();
        for (sum, &column) in sums.iter_mut().zip(columns) {
            *sum += own.get(column).copied().unwrap_or_default();
        }
    }
}

/// Finds the neurons of a chunk whose currents do not sum to zero.
fn find_imbalances(part: &PlannedPart, strip: &Strip<'_>, chunk: &Chunk) -> Vec<(u64, Imbalance)> {
    let Strip { wave, frames, currents, .. } = *strip;
    let mut found = Vec::new();
    for index in chunk.neurons.clone() {
        let Some(neuron) = part.neurons.get(index) else { continue };
        let column = wave.neuron_column(index);
        let mut largest: Option<Imbalance> = None;
        for (&frame, row) in frames.iter().zip(currents.chunks_exact(wave.width.max(1))) {
            let own = row.get(column..column + neuron.elements).unwrap_or_default();
            let (net_na, absolute_na) = sum_currents(own);
            let is_larger = largest.is_none_or(|known| net_na.abs() > known.net_na.abs());
            if net_na.abs() > BALANCE_TOLERANCE * absolute_na && is_larger {
                largest = Some(Imbalance { net_na, frame });
            }
        }
        found.extend(largest.map(|imbalance| (neuron.node_id, imbalance)));
    }
    found
}

/// Returns the sum of currents, and that of their absolute values.
fn sum_currents(currents: &[f64]) -> (f64, f64) {
    // several independent sums, so that the loop is vectorised
    let (blocks, rest) = currents.as_chunks::<8>();
    let (mut net, mut absolute) = ([0.0; 8], [0.0; 8]);
    for block in blocks {
        for ((net, absolute), value) in net.iter_mut().zip(&mut absolute).zip(block) {
            *net += value;
            *absolute += value.abs();
        }
    }
    let sums = rest.iter().fold((0.0, 0.0), |(net, absolute), value| (net + value, absolute + value.abs()));
    (net.iter().sum::<f64>() + sums.0, absolute.iter().sum::<f64>() + sums.1)
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
