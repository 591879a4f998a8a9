//! Computes weights into memory: one row for each segment, in the order of the electrodes file.

use ndarray::Array2;
use rayon::prelude::*;

use super::neuron_blocks::{BlockBuffer, BufferPool};
use super::units::{self, NumberedPart};
use super::weight_columns::WeightColumns;
use super::{SegmentSource, WeightsProblem, layout};
use crate::electrodes::ConfiguredElectrode;
use crate::error::{Context, Error, Result};
use crate::lead_field::Quantity;
use crate::segments::table::TableNeuron;
use crate::segments::{NeuronSegments, Segments};

/// Number of neurons between two looks at whether to stop.
const NEURONS_PER_STEP: usize = 256;

/// A number type that weights are stored as.
pub trait WeightValue: Copy + Default + Send {
    /// Rounds a weight to the nearest number of this type.
    fn from_weight(weight: f64) -> Self;
}

impl WeightValue for f64 {
    fn from_weight(weight: f64) -> Self {
        weight
    }
}

impl WeightValue for f32 {
    fn from_weight(weight: f64) -> Self {
        weight as Self
    }
}

/// A neuron of a part, and its rows of the result.
struct NeuronRows<'o, T> {
    /// Its first segment in the part, and the first one behind it.
    segments: std::ops::Range<usize>,
    out: &'o mut [T],
}

/// Computes the weights of one table: of shape (segments, contacts), with the rows of the electrodes file.
///
/// `stop` is called now and then, `progress` with numbers of segments done, both from any thread.
pub(super) fn compute<T: WeightValue>(
    source: &dyn SegmentSource,
    electrodes: &[ConfiguredElectrode],
    stop: &(dyn Fn() -> bool + Sync),
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Array2<T>> {
    let columns = WeightColumns::new(electrodes)?;
    let neurons = layout::neurons_in_row_order(source)?;
    let rows: u64 = neurons.iter().map(|neuron| neuron.segments).sum();
    let mut values: Vec<T> = allocate(rows, columns.width(), stop).in_file(source.path())?;
    let mut slots = split_rows(&neurons, columns.width(), &mut values);
    let parts = units::number_parts(&[source]);
    let buffers = BufferPool::default();
    units::for_each_part(&parts.iter().collect::<Vec<_>>(), stop, |part, segments| {
        let mut rows = take_rows(part, &neurons, &mut slots);
        for step in rows.chunks_mut(NEURONS_PER_STEP) {
            if stop() {
                return Err(WeightsProblem::Stopped.into());
            }
            let fill = |neuron: &mut NeuronRows<'_, T>| {
                buffers.with_buffer(|buffer| fill_neuron(neuron, part, segments, &columns, electrodes, buffer))?;
                progress(neuron.segments.len() as u64);
                Ok(())
            };
            // the first error in row order, so that the error does not depend on threads
            step.par_iter_mut().map(fill).collect::<Vec<Result<()>>>().into_iter().collect::<Result<()>>()?;
        }
        Ok(true)
    })?;
    drop(slots);
    let shape = (rows as usize, columns.width());
    Array2::from_shape_vec(shape, values).map_err(|_| WeightsProblem::NoMemory { bytes: u64::MAX }.into())
}

/// Number of zeros that are written at a time: new memory costs as much as the weights, so that `stop` is called between.
const ZEROS_PER_STEP: usize = 16 << 20;

/// Allocates zeros for all weights. `stop` is called now and then.
fn allocate<T: WeightValue>(
    rows: u64,
    columns: usize,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<Vec<T>, WeightsProblem> {
    let count = usize::try_from(rows).ok().and_then(|rows| rows.checked_mul(columns));
    let bytes = u128::from(rows) * columns as u128 * size_of::<T>() as u128;
    let problem = || WeightsProblem::NoMemory { bytes: u64::try_from(bytes).unwrap_or(u64::MAX) };
    let count = count.ok_or_else(problem)?;
    let mut values = Vec::new();
    values.try_reserve_exact(count).map_err(|_| problem())?;
    while values.len() < count {
        if stop() {
            return Err(WeightsProblem::Stopped);
        }
        values.resize(count.min(values.len() + ZEROS_PER_STEP), T::default());
    }
    Ok(values)
}

/// Splits the values into the rows of each neuron.
fn split_rows<'o, T>(neurons: &[TableNeuron], width: usize, values: &'o mut [T]) -> Vec<Option<&'o mut [T]>> {
    let mut rest = values;
    let mut split = |neuron: &TableNeuron| {
        let (own, others) = std::mem::take(&mut rest).split_at_mut(neuron.segments as usize * width);
        rest = others;
        Some(own)
    };
    neurons.iter().map(&mut split).collect()
}

/// Takes the rows of a part's neurons.
fn take_rows<'o, T>(
    part: &NumberedPart<'_>,
    neurons: &[TableNeuron],
    slots: &mut [Option<&'o mut [T]>],
) -> Vec<NeuronRows<'o, T>> {
    let mut first = 0;
    let mut take = |neuron: &TableNeuron| {
        let segments = first..first + neuron.segments as usize;
        first = segments.end;
        let place = neurons.binary_search_by_key(&neuron.node_id, |known| known.node_id).ok()?;
        Some(NeuronRows { segments, out: slots.get_mut(place)?.take()? })
    };
    part.neurons().iter().filter_map(&mut take).collect()
}

/// Computes the rows of one neuron.
fn fill_neuron<T: WeightValue>(
    neuron: &mut NeuronRows<'_, T>,
    part: &NumberedPart<'_>,
    segments: &Segments,
    columns: &WeightColumns,
    electrodes: &[ConfiguredElectrode],
    BlockBuffer { values, scratch }: &mut BlockBuffer,
) -> Result<()> {
    let view = NeuronSegments::new(segments, neuron.segments.clone());
    values.resize(neuron.out.len(), 0.0);
    columns.fill_weights(&view, values, scratch);
    if let Some(bad) = values.iter().position(|value| !value.is_finite()) {
        let (segment, column) = (bad / columns.width(), bad % columns.width());
        return Err(not_finite(&view, segment, column, columns, electrodes, part, values));
    }
    for (out, &weight) in neuron.out.iter_mut().zip(values.iter()) {
        *out = T::from_weight(weight);
    }
    Ok(())
}

/// Number of segments that a thread computes at once.
const SEGMENTS_PER_BLOCK: usize = 1024;

/// Computes the weights of own segments, which need not be those of one neuron: of shape (segments, contacts).
///
/// Values may be infinite or NaN only if a contact's near field is unclamped.
pub(super) fn compute_segments(
    segments: &Segments,
    electrodes: &[ConfiguredElectrode],
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<Array2<f64>> {
    let columns = WeightColumns::new(electrodes)?;
    let (rows, width) = (segments.len(), columns.width());
    let mut values = allocate(rows as u64, width, stop)?;
    // a dipole's weights depend on all segments of the neuron
    let whole_neuron = electrodes.iter().any(|e| e.electrode.method.required_field() == Some(Quantity::ElectricField));
    let block = if whole_neuron { rows.max(1) } else { SEGMENTS_PER_BLOCK };
    let fill = |scratch: &mut Vec<f64>, (number, out): (usize, &mut [f64])| {
        if stop() {
            return Err(WeightsProblem::Stopped);
        }
        let first = number * block;
        columns.fill_weights(&NeuronSegments::new(segments, first..first + out.len() / width), out, scratch);
        Ok(())
    };
    values.par_chunks_mut(block * width).enumerate().try_for_each_init(Vec::new, fill)?;
    let problem = |_| WeightsProblem::NoMemory { bytes: u64::MAX };
    Ok(Array2::from_shape_vec((rows, width), values).map_err(problem)?)
}

/// Returns the error of a weight that is not finite.
fn not_finite(
    neuron: &NeuronSegments<'_>,
    segment: usize,
    column: usize,
    columns: &WeightColumns,
    electrodes: &[ConfiguredElectrode],
    part: &NumberedPart<'_>,
    values: &[f64],
) -> Error {
    if let Some(explained) = columns.explain_missing_weight(neuron, segment, column) {
        return explained;
    }
    let value = values.get(segment * columns.width() + column).copied().unwrap_or(f64::NAN);
    let segment = neuron.get(segment);
    let problem = WeightsProblem::of_weight(electrodes.get(column), segment, value);
    layout::node_error(part.source.path(), segment.node_id, problem)
}
