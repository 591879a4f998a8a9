//! Estimates what a run needs: bytes, memory, and the time, which a short trial measures.

use std::time::{Duration, Instant};

use rayon::prelude::*;
use zerocopy::IntoBytes;

use super::neuron_blocks::{self, BlockBuffer, BufferPool, NeuronBlock};
use super::units::{self, NumberedPart};
use super::weight_columns::WeightColumns;
use super::{BLOCK_BYTES, WeightsRequest, checksum, layout};
use crate::error::{Context, Result};
use crate::io::atomic_output::{IoProbe, check_space_before_start};
use crate::io::ranks::{DryRunEstimate, RankLoad};
use crate::segments::Segments;
use crate::sonata::electrodes_file::{WEIGHT_BYTES, layout_size_bytes};

/// Memory of the program, its libraries, and the buffers for reading a table, bytes.
const BASE_BYTES: u64 = 34 << 20;
/// Bytes for a segment of the parts in memory: its columns.
const BYTES_PER_SEGMENT: u64 = 80;
/// Bytes for a neuron: in the table's list, in the sorted list, in the layout.
const BYTES_PER_NEURON: u64 = 110;

/// How long the trial computes and writes.
const TRIAL_DURATION: Duration = Duration::from_millis(500);
/// Bytes that the trial writes, unless the blocks of the threads have more.
const MAX_TRIAL_BYTES: usize = 64 << 20;

/// Estimates what [`super::compute_weights_on_ranks`] needs with this number of ranks. Nothing is left behind, and no
/// name appears. The size is that of a layout in the folder for temporary files; the time is that of reading one part,
/// of computing some of its weights, and of writing these to a file without a name in the output's folder.
///
/// # Errors
/// The same as for [`super::compute_weights`], except that the output may exist; also if the disk has too little space.
pub fn dry_run(request: &WeightsRequest<'_>, ranks: usize) -> Result<DryRunEstimate> {
    let columns = WeightColumns::new(request.electrodes)?;
    let layout = layout::build_layout(request, &columns)?;
    let bytes = layout_size_bytes(&layout)?;
    check_space_before_start(request.output, bytes)?;
    let parts = units::number_parts(request.sources);
    let units = units::split_into_units(&parts, columns.width(), units::UNIT_BYTES);
    let sizes: Vec<u64> = units.iter().map(|unit| unit.block.segment_count as u64).collect();
    let (segments, loads) = (sizes.iter().sum(), RankLoad::for_ranks(&sizes, ranks));
    // the smallest part, since it is read completely
    let tried = parts.iter().filter(|part| part.segment_count() > 0).min_by_key(|part| part.segment_count());
    let a_segment = tried.map_or(Ok(0.0), |part| measure_seconds_per_segment(request, &columns, part))?;
    Ok(DryRunEstimate {
        neurons: parts.iter().map(|part| part.neurons().len() as u64).sum(),
        segments,
        seconds: a_segment * DryRunEstimate::max_segments(&loads) as f64,
        loads,
        bytes,
        exact: true,
        memory: estimate_memory_bytes(&parts, columns.width()),
    })
}

fn estimate_memory_bytes(parts: &[NumberedPart<'_>], width: usize) -> u64 {
    let neurons = || parts.iter().flat_map(|part| part.neurons());
    let mut sizes: Vec<u64> = parts.iter().map(NumberedPart::segment_count).collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    let largest_neuron = neurons().map(|n| n.segments).max().unwrap_or(0);
    let block = (largest_neuron * width as u64 * WEIGHT_BYTES).max(BLOCK_BYTES as u64);
    let threads = rayon::current_num_threads() as u64;
    // with several threads the next part is read while one is computed
    let held: u64 = sizes.iter().take(if threads > 1 { 2 } else { 1 }).sum();
    BASE_BYTES + held * BYTES_PER_SEGMENT + neurons().count() as u64 * BYTES_PER_NEURON + threads * block
}

/// Reads a part, computes and writes some of its weights, and syncs them.
fn measure_seconds_per_segment(
    request: &WeightsRequest<'_>,
    columns: &WeightColumns,
    part: &NumberedPart<'_>,
) -> Result<f64> {
    let started = Instant::now();
    let segments = part.read(Segments::default(), request.stop)?;
    let reading = started.elapsed().as_secs_f64() / segments.len() as f64;
    let (width, buffers, file) = (columns.width(), BufferPool::default(), IoProbe::create_beside(request.output)?);
    let write = |block: &NeuronBlock<'_>| {
        buffers.with_buffer(|BlockBuffer { values, scratch }| {
            values.resize(block.segment_count * width, 0.0);
            block.fill_weights(&segments, columns, values, scratch);
            std::hint::black_box(checksum(values));
            file.write_at(values.as_bytes(), (block.first_segment * width) as u64 * WEIGHT_BYTES)
        })
    };
    let blocks = neuron_blocks::split_into_blocks(part.neurons(), width, BLOCK_BYTES);
    let (started, mut done) = (Instant::now(), 0);
    for together in blocks.chunks(4 * rayon::current_num_threads()) {
        let written = together.par_iter().map(write).collect::<Vec<_>>();
        written.into_iter().collect::<Result<()>>().in_file(request.output)?;
        done += together.iter().map(|block| block.segment_count).sum::<usize>();
        if started.elapsed() >= TRIAL_DURATION || done * width * WEIGHT_BYTES as usize >= MAX_TRIAL_BYTES {
            break;
        }
    }
    file.sync().in_file(request.output)?;
    Ok(reading + started.elapsed().as_secs_f64() / done.max(1) as f64)
}
