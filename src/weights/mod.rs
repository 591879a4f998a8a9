//! From a segment table to an electrodes file: part by part, neuron by neuron, in threads.
//!
//! The file is laid out first; each block of neurons is then computed into a buffer and written at its place. A block's
//! bytes depend on its neurons alone, so the file does not depend on the number of threads. In memory at one time: one
//! part of the table and the next one, which is read meanwhile, and for each thread one block of [`BLOCK_BYTES`] (or of one neuron, where that is more).

mod by_part;
mod distant_contacts;
mod dry_run;
mod layout;
mod montage;
mod neuron_blocks;
mod numbered_parts;
mod resume;
mod segment_source;
mod weight_columns;
mod weight_lookup;

pub use by_part::{ByPartProblem, finish, lay_out, write_parts};
pub use distant_contacts::{DistantContacts, SUSPICIOUS_DISTANCE_UM};
pub use dry_run::dry_run;
pub use resume::check_output;
pub use segment_source::SegmentSource;
pub use weight_lookup::{WeightLookup, WeightLookupProblem};

use std::path::Path;

use rayon::prelude::*;
use zerocopy::IntoBytes;

use crate::electrodes::Electrode;
use crate::error::{Error, Problem, Result};
use crate::io::atomic_output::OverwritePolicy;
use crate::io::checkpoint::{self, Done, JournalProblem};
use crate::io::ranks::{Crew, Scribe, with_scribe};
use crate::methods::Contact;
use crate::segments::{Segment, Segments};
use crate::sonata::electrodes_file::{FileLayout, Writer};

use neuron_blocks::{BlockBuffer, BufferPool, NeuronBlock, RowRun};
use numbered_parts::NumberedPart;
use resume::{Beginning, Unfinished};
use weight_columns::WeightColumns;

/// Output bytes that a thread computes before it writes: few enough to stay in a core's cache until they are written.
pub const BLOCK_BYTES: usize = 1 << 20;

/// What is to be computed, and where it goes.
#[derive(Clone, Copy)]
pub struct WeightsRequest<'a> {
    /// One table for each population.
    pub sources: &'a [&'a dyn SegmentSource],
    /// The contacts as their file describes them, in column order.
    pub electrodes: &'a [Electrode],
    /// The same contacts as methods see them.
    pub contacts: &'a [Contact],
    /// The electrodes file.
    pub output: &'a Path,
    /// What to do if it exists.
    pub existing: OverwritePolicy,
    /// Whether to go on where an earlier run was interrupted, if there was one.
    pub resume: bool,
    /// Asked before each part whether to stop, and to leave the rest to a later run.
    pub stop: &'a (dyn Fn() -> bool + Sync),
    /// Called with the number of segments done since the last call, from any thread.
    pub progress: &'a (dyn Fn(u64) + Sync),
}

/// What was computed.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightsSummary {
    /// Number of contacts.
    pub contacts: u64,
    /// Number of neurons, all populations together.
    pub neurons: u64,
    /// Number of segments, all populations together.
    pub segments: u64,
    /// Size of the file.
    pub bytes: u64,
    /// Number of parts.
    pub parts: u64,
    /// How many of them an earlier run had done; all, where the file was complete.
    pub resumed_parts: u64,
    /// How many of them an earlier run had done but not left whole, so that they were done again.
    pub damaged_parts: u64,
}

/// What can be wrong with tables and contacts that are each well-formed.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum WeightsProblem {
    /// Nothing to compute for.
    #[error("no contacts, expected at least one")]
    NoContacts,
    /// Electrodes and contacts are not the same things.
    #[error("electrodes and contacts differ in number, expected {expected}, found {found}")]
    ContactCount {
        /// Number of electrodes.
        expected: usize,
        /// Number of contacts.
        found: usize,
    },
    /// Two tables with the rows of one population.
    #[error("second table of population `{population}`, expected one, found `{first}` too")]
    DuplicatePopulation {
        /// The population.
        population: String,
        /// The other table.
        first: String,
    },
    /// A neuron in two parts.
    #[error("neuron listed twice in the table, expected each in one part")]
    DuplicateNeuron,
    /// Rows that leave a gap or overlap.
    #[error("rows do not follow those of the node before, expected first row {expected}, found {found}")]
    FirstRow {
        /// One behind the last row of the node before.
        expected: u64,
        /// The row in the table.
        found: u64,
    },
    /// A part's rows are not those that its neuron list tells.
    #[error("segments are not those of the table's neuron list, expected {expected}, found {found}")]
    Rows {
        /// What the list tells.
        expected: String,
        /// What the columns hold.
        found: String,
    },
    /// Not a number, or infinite.
    #[error(
        "no finite coefficient at contact `{contact}` for section {section}, segment {segment}, \
         expected a contact off the segment, found {value}"
    )]
    NotFinite {
        /// Name of the contact.
        contact: String,
        /// Section of the neuron.
        section: u32,
        /// Segment within the section.
        segment: u32,
        /// The coefficient.
        value: f64,
    },
}

impl Problem for WeightsProblem {
    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::NotFinite { .. } => "`--near-field radius` never lets a contact come nearer than a segment's radius",
            Self::DuplicatePopulation { .. } => "give one table for each population",
            Self::DuplicateNeuron | Self::FirstRow { .. } | Self::Rows { .. } => {
                "the table is damaged or was edited: make it again with `leadfield positions`"
            }
            Self::NoContacts | Self::ContactCount { .. } => return None,
        };
        Some(text.into())
    }
}

/// What a user should know of contacts before their coefficients are computed, which fails where this fails.
///
/// # Errors
/// No contacts, or a contact lacks a setting that its method needs.
pub fn contact_warnings(electrodes: &[Electrode], contacts: &[Contact]) -> Result<Vec<Error>> {
    Ok(WeightColumns::new(electrodes, contacts)?.warnings())
}

/// Computes the coefficients of all contacts for all segments and writes the electrodes file.
///
/// What is done is told in a journal ([`crate::io::checkpoint`]) part by part, so that a run that was killed, or stopped, or that
/// met with a full disk, is gone on with by another one with [`WeightsRequest::resume`]. The bytes are the same.
///
/// # Errors
/// Tables of one population, tables whose rows leave gaps, unreadable tables; an output that exists or cannot be
/// written; a coefficient that is not finite, with contact, node, section and segment; what an earlier run left, if it is
/// not to be gone on with or is of other inputs. No output is left behind, unless the same run may succeed later.
pub fn compute_weights(request: &WeightsRequest<'_>) -> Result<WeightsSummary> {
    compute_weights_on_ranks(request, &Crew::default())
}

/// The same by several processes, each of which calls this: they share the parts, and write them to one file. The bytes do
/// not depend on their number.
///
/// # Errors
/// As [`compute_weights`]; those of all ranks are given to rank 0, the others learn that the run has ended.
pub fn compute_weights_on_ranks(request: &WeightsRequest<'_>, crew: &Crew) -> Result<WeightsSummary> {
    let columns = WeightColumns::new(request.electrodes, request.contacts)?;
    let layout = layout::build_layout(request, &columns)?;
    let parts = numbered_parts::number_parts(request.sources);
    let all = parts.len() as u64;
    let (kept, damaged) = match resume::begin(request, &layout, &columns, &parts, crew)? {
        Beginning::Complete => (all, 0),
        Beginning::At(unfinished) => {
            let counts = (unfinished.done.len() as u64, unfinished.damaged);
            compute_remaining_parts(request, &columns, &parts, *unfinished, crew)?;
            counts
        }
    };
    Ok(summarise(request, &layout, all, (kept, damaged)))
}

/// What is in a complete file.
fn summarise(
    request: &WeightsRequest<'_>,
    layout: &FileLayout,
    parts: u64,
    (kept, damaged): (u64, u64),
) -> WeightsSummary {
    WeightsSummary {
        contacts: request.contacts.len() as u64,
        neurons: layout.populations.iter().map(|p| p.node_ids.len() as u64).sum(),
        segments: layout.populations.iter().map(|p| p.rows()).sum(),
        bytes: std::fs::metadata(request.output).map_or(0, |m| m.len()),
        parts,
        resumed_parts: kept,
        damaged_parts: damaged,
    }
}

/// Does the parts that are left, or this rank's share of them.
fn compute_remaining_parts(
    request: &WeightsRequest<'_>,
    columns: &WeightColumns,
    parts: &[NumberedPart<'_>],
    mut unfinished: Unfinished,
    crew: &Crew,
) -> Result<()> {
    let Unfinished { writer, journal, done, .. } = &mut unfinished;
    let work = PartWriter { request, columns, writer, buffers: BufferPool::default() };
    let kept = done.len() as u64;
    let (left, others): (Vec<&NumberedPart<'_>>, Vec<&NumberedPart<'_>>) =
        parts.iter().partition(|p| !done.contains(&p.number));
    (request.progress)(others.iter().map(|part| part.segment_count()).sum());
    let own = crew.own(&left.iter().map(|part| part.segment_count()).collect::<Vec<_>>());
    let own: Vec<&NumberedPart<'_>> = left.into_iter().zip(own).filter_map(|(part, own)| own.then_some(part)).collect();
    let scribe = Scribe { crew, sync: &|| writer.sync(), stop: request.stop, elsewhere: request.progress };
    let (written, result) = with_scribe(scribe, journal.as_mut(), |scribe| {
        numbered_parts::for_each_part(&own, |part, segments| {
            Ok(!scribe.is_to_stop() && scribe.tell(work.write_part(part, segments)?))
        })
    });
    if !crew.is_first() {
        return result.and_then(|()| crew.await_end());
    }
    let (done, all) = (kept + written, parts.len() as u64);
    let error = match result {
        Ok(()) if done == all => return unfinished.finish(),
        Ok(()) => Error::from(JournalProblem::Stopped).in_file(request.output),
        Err(error) => error,
    };
    // where the file itself was taken away, that is what went wrong
    unfinished.writer.check_partial()?;
    if done > 0 && error.is_transient() {
        unfinished.leave();
        return Err(error.with_hint(checkpoint::kept(request.output, done, all)));
    }
    Err(error)
}

/// Values that are looked at twice in a row, while they are in the nearest cache.
const MAX_CACHED_VALUES: usize = 2048;

/// The checksum of values as they are in the file, if all are finite.
fn finite_checksum(values: &[f64]) -> Option<crc32fast::Hasher> {
    let mut checksum = crc32fast::Hasher::new();
    for near in values.chunks(MAX_CACHED_VALUES) {
        // no early exit: it would keep the loop from being vectorised
        if !near.iter().fold(true, |all, v| all & v.is_finite()) {
            return None;
        }
        checksum.update(near.as_bytes());
    }
    Some(checksum)
}

/// The checksum of values as they are in the file.
fn checksum(values: &[f64]) -> crc32fast::Hasher {
    let mut checksum = crc32fast::Hasher::new();
    checksum.update(values.as_bytes());
    checksum
}

/// The checksum of blocks that follow one another.
fn combine_checksums(blocks: impl IntoIterator<Item = crc32fast::Hasher>) -> u32 {
    let whole = blocks.into_iter().fold(crc32fast::Hasher::new(), |mut whole, block| {
        whole.combine(&block);
        whole
    });
    whole.finalize()
}

/// What all parts of a computation share.
struct PartWriter<'a> {
    request: &'a WeightsRequest<'a>,
    columns: &'a WeightColumns,
    writer: &'a Writer,
    buffers: BufferPool,
}

impl PartWriter<'_> {
    /// Computes and writes one part.
    fn write_part(&self, part: &NumberedPart<'_>, segments: &Segments) -> Result<Done> {
        let blocks = neuron_blocks::split_into_blocks(part.neurons(), self.columns.width(), BLOCK_BYTES);
        let work = |block: &NeuronBlock<'_>| self.write_block(part, segments, block);
        let written: Vec<Result<crc32fast::Hasher>> = blocks.par_iter().map(work).collect();
        // the first error in row order, so that it does not depend on threads either
        let checksum = combine_checksums(written.into_iter().collect::<Result<Vec<_>>>()?);
        Ok(Done { part: part.number, segments: segments.len() as u64, checksum })
    }

    /// Computes and writes the neurons of a block.
    fn write_block(
        &self,
        part: &NumberedPart<'_>,
        segments: &Segments,
        block: &NeuronBlock<'_>,
    ) -> Result<crc32fast::Hasher> {
        self.buffers.with_buffer(|BlockBuffer { values, scratch }| {
            let width = self.columns.width();
            values.resize(block.segment_count * width, 0.0);
            block.fill_weights(segments, self.columns, values, scratch);
            let checksum =
                finite_checksum(values).ok_or_else(|| self.not_finite_error(part.source, segments, block, values))?;
            for RowRun { first_row, block_rows: rows } in block.row_runs() {
                let own = values.get(rows.start * width..rows.end * width).unwrap_or_default();
                self.writer.write_rows(part.population_index, first_row, own)?;
            }
            (self.request.progress)(block.segment_count as u64);
            Ok(checksum)
        })
    }

    /// The error of values that the simulator cannot use.
    fn not_finite_error(
        &self,
        source: &dyn SegmentSource,
        part: &Segments,
        block: &NeuronBlock<'_>,
        values: &[f64],
    ) -> Error {
        let bad = values.iter().position(|v| !v.is_finite()).unwrap_or_default();
        let (row, column) = (bad / self.columns.width(), bad % self.columns.width());
        let neuron = block.neuron_at(part, row);
        if let Some(known) =
            neuron.and_then(|(neuron, segment)| self.columns.explain_missing_weight(&neuron, segment, column))
        {
            return known;
        }
        let Segment { node_id, section_id: section, segment_id: segment, .. } = part.get(block.first_segment + row);
        let contact = self.request.electrodes.get(column).map(|e| e.name.clone()).unwrap_or_default();
        let value = values.get(bad).copied().unwrap_or(f64::NAN);
        let problem = WeightsProblem::NotFinite { contact, section, segment, value };
        layout::node_error(source.path(), node_id, problem)
    }
}
