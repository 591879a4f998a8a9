//! What a run will take: bytes, memory, and the time that a short trial of it tells.

use std::time::{Duration, Instant};

use rayon::prelude::*;
use zerocopy::IntoBytes;

use super::blocks::{self, Block, Buffer, Buffers};
use super::columns::Columns;
use super::parts::{self, Part};
use super::{BLOCK_BYTES, Request, checksum, layout};
use crate::error::{Context, Result};
use crate::io::atomic_output::{Trial, check_room};
use crate::io::ranks::{Forecast, Share};
use crate::segments::Segments;
use crate::sonata::electrodes_file::{VALUE_BYTES, size};

/// The program, its libraries, and what is read of a table at one time.
const BASE_BYTES: u64 = 34 << 20;
/// A segment of the parts that are in memory: its columns.
const SEGMENT_BYTES: u64 = 80;
/// A neuron: in the table's list, in the sorted one, in the layout.
const NEURON_BYTES: u64 = 110;

/// How long the trial computes and writes.
const TRIAL: Duration = Duration::from_millis(500);
/// How much it writes, unless a thread's blocks are more.
const TRIAL_BYTES: usize = 64 << 20;

/// Finds out what [`super::compute_with`] will take with this many ranks. Nothing is left behind, and no name appears: the size is
/// that of a layout in the folder for temporary files; time is that of reading one part, of computing some of it, and of
/// writing that to a file without a name beside the output.
///
/// # Errors
/// As [`super::compute`], but for an output that is there; too little space on the disk.
pub fn forecast(request: &Request<'_>, ranks: usize) -> Result<Forecast> {
    let columns = Columns::new(request.electrodes, request.contacts)?;
    let layout = layout::layout(request, &columns)?;
    let bytes = size(&layout)?;
    check_room(request.output, bytes)?;
    let parts = parts::all(request.sources);
    let sizes: Vec<u64> = parts.iter().map(Part::segments).collect();
    let (segments, shares) = (sizes.iter().sum(), Share::of(&sizes, ranks));
    // the smallest, since it is read whole
    let tried = parts.iter().filter(|part| part.segments() > 0).min_by_key(|part| part.segments());
    let a_segment = tried.map_or(Ok(0.0), |part| seconds_a_segment(request, &columns, part))?;
    Ok(Forecast {
        neurons: parts.iter().map(|part| part.neurons().len() as u64).sum(),
        segments,
        seconds: a_segment * Forecast::most_segments(&shares) as f64,
        shares,
        bytes,
        exact: true,
        memory: memory(&parts, columns.width()),
    })
}

fn memory(parts: &[Part<'_>], width: usize) -> u64 {
    let neurons = || parts.iter().flat_map(|part| part.neurons());
    let mut sizes: Vec<u64> = parts.iter().map(Part::segments).collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    let largest_neuron = neurons().map(|n| n.segments).max().unwrap_or(0);
    let block = (largest_neuron * width as u64 * VALUE_BYTES).max(BLOCK_BYTES as u64);
    let threads = rayon::current_num_threads() as u64;
    // with several threads the next part is read while one is computed
    let held: u64 = sizes.iter().take(if threads > 1 { 2 } else { 1 }).sum();
    BASE_BYTES + held * SEGMENT_BYTES + neurons().count() as u64 * NEURON_BYTES + threads * block
}

/// Reads a part, computes and writes some of it, and syncs that.
fn seconds_a_segment(request: &Request<'_>, columns: &Columns, part: &Part<'_>) -> Result<f64> {
    let started = Instant::now();
    let segments = part.read(Segments::default())?;
    let reading = started.elapsed().as_secs_f64() / segments.len() as f64;
    let (width, buffers, file) = (columns.width(), Buffers::default(), Trial::beside(request.output)?);
    let write = |block: &Block<'_>| {
        buffers.with(|Buffer { values, scratch }| {
            values.resize(block.segments * width, 0.0);
            block.fill(&segments, columns, values, scratch);
            std::hint::black_box(checksum(values));
            file.write(values.as_bytes(), (block.first * width) as u64 * VALUE_BYTES)
        })
    };
    let blocks = blocks::split(part.neurons(), width, BLOCK_BYTES);
    let (started, mut done) = (Instant::now(), 0);
    for together in blocks.chunks(4 * rayon::current_num_threads()) {
        let written = together.par_iter().map(write).collect::<Vec<_>>();
        written.into_iter().collect::<Result<()>>().in_file(request.output)?;
        done += together.iter().map(|block| block.segments).sum::<usize>();
        if started.elapsed() >= TRIAL || done * width * VALUE_BYTES as usize >= TRIAL_BYTES {
            break;
        }
    }
    file.sync().in_file(request.output)?;
    Ok(reading + started.elapsed().as_secs_f64() / done.max(1) as f64)
}
