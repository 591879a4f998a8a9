//! Where a run begins: anew, where an earlier one was interrupted, or at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rayon::prelude::*;
use zerocopy::IntoBytes;

use super::neuron_blocks::{self, BlockBuffer, BufferPool, NeuronBlock};
use super::numbered_parts::NumberedPart;
use super::weight_columns::WeightColumns;
use super::{BLOCK_BYTES, WeightsRequest, checksum};
use crate::error::{Context, Result};
use crate::io::atomic_output::{
    OutputConflict, OutputLock, OverwritePolicy, check_can_start, check_overwrite, check_target, partial_path_for,
    remove_stale_lock,
};
use crate::io::checkpoint::{Digest, Done, Header, Journal, JournalProblem, PROGRAM};
use crate::io::ranks::{self, Crew};
use crate::segments::Segments;
use crate::sonata::electrodes_file::{ElectrodesFile, FileLayout, Reader, WeightsDataset, Writer, matches_layout};

/// Where a run begins.
pub enum Beginning {
    /// The output is there, and is what would be computed.
    Complete,
    /// Parts are left to do.
    At(Box<Unfinished>),
}

/// An output of which parts are left to do.
pub struct Unfinished {
    pub writer: Writer,
    /// That of rank 0; other ranks have none.
    pub journal: Option<Journal>,
    /// The parts that are done, by number.
    pub done: BTreeSet<u64>,
    /// How many parts the journal tells whose bytes are not those that were written.
    pub damaged: u64,
}

impl Unfinished {
    /// The output is complete.
    pub fn finish(self) -> Result<()> {
        // on its own first: what cannot be synced is kept, what cannot be renamed is not
        if let Err(error) = self.writer.sync() {
            self.writer.keep_partial();
            return Err(error);
        }
        // the contacts stand behind the coefficients: where somebody has cut the file short meanwhile they have gone
        if !self.writer.is_layout_intact() {
            return Err(OutputConflict::Content).in_file(self.writer.partial_path());
        }
        self.writer.commit()
    }

    /// What is done is left for a later run.
    pub fn leave(self) {
        self.writer.keep_partial();
    }
}

/// Finds out where to begin, with all ranks: rank 0 looks and tells the others.
pub fn begin(
    request: &WeightsRequest<'_>,
    layout: &FileLayout,
    columns: &WeightColumns,
    parts: &[NumberedPart<'_>],
    crew: &Crew,
) -> Result<Beginning> {
    let header = header(request, layout, parts)?;
    if !crew.is_first() {
        return Ok(match crew.await_beginning(header.inputs)? {
            ranks::Beginning::Complete => Beginning::Complete,
            ranks::Beginning::After(done) => {
                let writer = Writer::open_partial(request.output, layout)?;
                Beginning::At(Box::new(Unfinished { writer, journal: None, done, damaged: 0 }))
            }
        });
    }
    crew.gather(header.inputs).in_file(request.output)?;
    let beginning = look(request, layout, columns, parts, &header)?;
    crew.begin(&match &beginning {
        Beginning::Complete => ranks::Beginning::Complete,
        Beginning::At(unfinished) => ranks::Beginning::After(unfinished.done.clone()),
    });
    Ok(beginning)
}

/// What the output is to become.
pub fn header(request: &WeightsRequest<'_>, layout: &FileLayout, parts: &[NumberedPart<'_>]) -> Result<Header> {
    Ok(Header {
        program: PROGRAM.into(),
        inputs: inputs(request, layout)?,
        segments: parts.iter().map(NumberedPart::segment_count).sum(),
        parts: parts.len() as u64,
    })
}

/// Refuses an output that is not to be replaced, or cannot be written: before anything is read. What an interrupted run left is kept if it is to
/// be gone on with.
///
/// # Errors
/// As said.
pub fn check_output(out: &Path, existing: OverwritePolicy, resume: bool) -> Result<()> {
    // what is there is looked at when it is known what it should be
    if !resume || existing == OverwritePolicy::Replace {
        check_target(out, existing, None)?;
    }
    check_can_start(out, existing, resume)
}

/// Looks at what is there.
fn look(
    request: &WeightsRequest<'_>,
    layout: &FileLayout,
    columns: &WeightColumns,
    parts: &[NumberedPart<'_>],
    header: &Header,
) -> Result<Beginning> {
    let output = request.output;
    let partial = partial_path_for(output);
    let keep = request.existing == OverwritePolicy::Refuse;
    if !request.resume {
        check_overwrite(output, request.existing)?;
        return fresh(request, layout, header, OutputLock::acquire_for_new(output, request.existing)?);
    }
    if output.is_file() && is_complete(request, layout, columns, parts)? {
        // a run may have been killed between the last two steps: what it did is in the output
        if partial.symlink_metadata().is_err() {
            remove_stale_lock(output)?;
        }
        return Ok(Beginning::Complete);
    }
    if keep && output.symlink_metadata().is_ok() {
        return Err(JournalProblem::OtherOutput).in_file(output);
    }
    let claim = OutputLock::acquire(output)?;
    if !claim.is_leftover() || partial.symlink_metadata().is_err() {
        return fresh(request, layout, header, claim);
    }
    match Journal::resume(output, claim.clone_file()?, header) {
        // killed while the journal was begun: nothing is done
        Ok(Some((journal, _))) if journal.layout().is_none() => fresh(request, layout, header, claim),
        Ok(Some((journal, done))) => {
            let unfinished = resumed(request, layout, parts, (claim, journal), &done)?;
            Ok(Beginning::At(Box::new(unfinished)))
        }
        Ok(None) => fresh(request, layout, header, claim),
        Err(error) if keep || error.is_transient() => Err(error),
        Err(_) => fresh(request, layout, header, claim),
    }
}

fn fresh(request: &WeightsRequest<'_>, layout: &FileLayout, header: &Header, claim: OutputLock) -> Result<Beginning> {
    Ok(Beginning::At(Box::new(begun(request, layout, header, claim)?)))
}

/// Lays the output out and begins its journal.
pub fn begun(
    request: &WeightsRequest<'_>,
    layout: &FileLayout,
    header: &Header,
    claim: OutputLock,
) -> Result<Unfinished> {
    let writer = Writer::create_locked(claim, request.existing, layout)?;
    writer.sync()?;
    let notes = writer.checkpoint_file()?;
    let journal =
        notes.map(|notes| Journal::begin(request.output, notes, header, writer.layout_checksum())).transpose()?;
    Ok(Unfinished { writer, journal, done: BTreeSet::new(), damaged: 0 })
}

/// Goes on with an earlier run, after a look at what it wrote.
pub fn resumed(
    request: &WeightsRequest<'_>,
    layout: &FileLayout,
    parts: &[NumberedPart<'_>],
    (claim, journal): (OutputLock, Journal),
    done: &[Done],
) -> Result<Unfinished> {
    let partial = partial_path_for(request.output);
    if !matches_layout(&partial, layout).unwrap_or(false) {
        return Err(JournalProblem::Damaged).in_file(&partial);
    }
    let writer = Writer::resume(claim, request.existing, layout)?;
    if journal.layout() != writer.layout_checksum() {
        // other bytes than those that were laid out, though they say the same
        writer.keep_partial();
        return Err(JournalProblem::Damaged).in_file(&partial);
    }
    match whole(&writer, layout, parts, done) {
        Ok((done, damaged)) => Ok(Unfinished { writer, journal: Some(journal), done, damaged }),
        Err(error) => {
            writer.keep_partial();
            Err(error)
        }
    }
}

/// The parts whose bytes are those that were written, and how many others a journal tells.
pub fn whole(
    writer: &Writer,
    layout: &FileLayout,
    parts: &[NumberedPart<'_>],
    done: &[Done],
) -> Result<(BTreeSet<u64>, u64)> {
    // where a part stands twice, the later line is of the later bytes
    let told: BTreeMap<u64, &Done> = done.iter().map(|d| (d.part, d)).collect();
    let listed = parts.iter().filter_map(|part| Some((part, *told.get(&part.number)?)));
    let listed: Vec<(&NumberedPart<'_>, &Done)> = listed.collect();
    let (reader, width, buffers) = (writer.reader()?, layout.electrodes.len(), BufferPool::default());
    let is_there = |(part, done): &(&NumberedPart<'_>, &Done)| {
        let found = stored_checksum(&reader, part, width, &buffers);
        found
            .map(|checksum| (checksum == done.checksum && part.segment_count() == done.segments).then_some(part.number))
    };
    let found: Vec<Result<Option<u64>>> = listed.par_iter().map(is_there).collect();
    let found: BTreeSet<u64> = found.into_iter().filter_map(Result::transpose).collect::<Result<_>>()?;
    let damaged = (listed.len() - found.len()) as u64;
    Ok((found, damaged))
}

/// The checksum of a part's rows as they are in the file.
fn stored_checksum(reader: &Reader<'_>, part: &NumberedPart<'_>, width: usize, buffers: &BufferPool) -> Result<u32> {
    let blocks = neuron_blocks::split_into_blocks(part.neurons(), width, BLOCK_BYTES);
    let read = |block: &NeuronBlock<'_>| {
        buffers.with_buffer(|BlockBuffer { values, .. }| {
            values.resize(block.segment_count * width, 0.0);
            for run in block.row_runs() {
                let own = values.get_mut(run.block_rows.start * width..run.block_rows.end * width).unwrap_or_default();
                reader.read_rows(part.population_index, run.first_row, own)?;
            }
            Ok(checksum(values))
        })
    };
    let checksums = blocks.iter().map(read).collect::<Result<Vec<_>>>()?;
    Ok(super::combine_checksums(checksums))
}

/// A digest of all that the coefficients depend on.
fn inputs(request: &WeightsRequest<'_>, layout: &FileLayout) -> Result<u64> {
    let mut digest = Digest::default();
    for source in request.sources {
        digest.add_value(&(source.metadata(), source.fingerprint()?));
    }
    layout.electrodes.iter().for_each(|electrode| digest.add_value(electrode));
    let mut fields: Vec<&Path> = Vec::new();
    for contact in request.contacts {
        let (medium, near_field) = (&contact.conductivity, contact.near_field);
        let shape = (&contact.boundary, &contact.disc, &contact.csd_region);
        digest.add_value(&(contact.position_um, medium, near_field, shape, contact.outside_field));
        fields.extend(contact.lead_field.iter().map(|field| field.path()));
    }
    // each file is read once, however many contacts look it up
    let distinct: BTreeSet<&Path> = fields.into_iter().collect();
    distinct.into_iter().try_for_each(|file| digest.add_file(file))?;
    Ok(digest.get())
}

/// Whether the output is what would be computed, to the last coefficient: inputs leave no other trace in it.
fn is_complete(
    request: &WeightsRequest<'_>,
    layout: &FileLayout,
    columns: &WeightColumns,
    parts: &[NumberedPart<'_>],
) -> Result<bool> {
    if !matches_layout(request.output, layout).unwrap_or(false) {
        return Ok(false);
    }
    let file = ElectrodesFile::open(request.output)?;
    let factors = layout.populations.iter().map(|p| file.weights_dataset(file.population(&p.name)?));
    let stored = Stored { columns, factors: factors.collect::<Result<_>>()?, buffers: BufferPool::default() };
    let mut all = true;
    super::numbered_parts::for_each_part(&parts.iter().collect::<Vec<_>>(), |part, segments| {
        all = stored.has(part, segments)?;
        Ok(all)
    })?;
    Ok(all)
}

/// A file's coefficients, and what would be computed.
struct Stored<'a> {
    columns: &'a WeightColumns,
    /// One of each population.
    factors: Vec<WeightsDataset>,
    buffers: BufferPool,
}

impl Stored<'_> {
    /// Whether the file has the rows of a part as they would be computed.
    fn has(&self, part: &NumberedPart<'_>, segments: &Segments) -> Result<bool> {
        let Some(factors) = self.factors.get(part.population_index) else { return Ok(false) };
        let blocks = neuron_blocks::split_into_blocks(part.neurons(), self.columns.width(), BLOCK_BYTES);
        let same = blocks.par_iter().map(|block| self.has_block(block, segments, factors));
        same.try_reduce(|| true, |a, b| Ok(a && b))
    }

    fn has_block(&self, block: &NeuronBlock<'_>, segments: &Segments, factors: &WeightsDataset) -> Result<bool> {
        let width = self.columns.width();
        self.buffers.with_buffer(|BlockBuffer { values, scratch }| {
            values.resize(block.segment_count * width, 0.0);
            block.fill_weights(segments, self.columns, values, scratch);
            for run in block.row_runs() {
                factors.read_rows(run.first_row..run.first_row + run.block_rows.len() as u64, scratch)?;
                let own = values.get(run.block_rows.start * width..run.block_rows.end * width).unwrap_or_default();
                if own.as_bytes() != scratch.as_bytes() {
                    return Ok(false);
                }
            }
            Ok(true)
        })
    }
}
