//! One output by independent processes: one lays the file out, others write parts of it, in any order and at the same time, and one
//! gives it its name.
//!
//! What is laid out is what an interrupted run leaves that has done nothing: `OUT.partial` and `OUT.journal`. Processes that write parts
//! hold the lock together, so that no other run touches the output; each adds a line a part to the journal when the rows are safe on
//! the disk. A process that is killed has not told of its part, which another one then writes. The bytes are those of one run.

use std::collections::BTreeSet;

use super::neuron_blocks::BufferPool;
use super::numbered_parts::NumberedPart;
use super::weight_columns::WeightColumns;
use super::{PartWriter, WeightsRequest, WeightsSummary, layout, numbered_parts, resume, summarise};
use crate::error::{Context, Error, Problem, Result, join_quoted};
use crate::io::atomic_output::{OutputLock, check_overwrite, partial_path_for};
use crate::io::checkpoint::{Header, Journal, JournalProblem};
use crate::sonata::electrodes_file::{FileLayout, Writer, matches_layout};

/// How many missing parts an error names.
const MAX_NAMED: usize = 12;

/// What can be wrong with parts that are written by themselves.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ByPartProblem {
    /// Nothing to write to.
    #[error("not laid out, expected the unfinished file of a run with `--layout`, found none")]
    NotLaidOut,
    /// A part that is not there.
    #[error("no such part of the tables, expected a number below {parts}, found {found}")]
    NoPart {
        /// Number of parts.
        parts: u64,
        /// The number asked for.
        found: u64,
    },
    /// Parts that nobody has written, or that are not as they were written.
    #[error("parts are missing, expected all {all}, found none of number {missing}")]
    Missing {
        /// Number of parts.
        all: u64,
        /// Some of the numbers.
        missing: String,
    },
}

impl Problem for ByPartProblem {
    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::NotLaidOut => {
                "lay it out first, once: the same command with `--layout` in place of `--part` and `--finish`"
            }
            Self::NoPart { .. } => "parts are counted from 0, over all tables in the order given",
            Self::Missing { .. } => {
                "write each of them: `--part NUMBER`; or all that is left in one process: `--resume`"
            }
        };
        Some(text.into())
    }
}

/// What all steps know of a request.
struct Prepared<'a> {
    columns: WeightColumns,
    layout: FileLayout,
    parts: Vec<NumberedPart<'a>>,
    header: Header,
}

impl<'a> Prepared<'a> {
    fn new(request: &WeightsRequest<'a>) -> Result<Self> {
        let columns = WeightColumns::new(request.electrodes, request.contacts)?;
        let layout = layout::build_layout(request, &columns)?;
        let parts = numbered_parts::number_parts(request.sources);
        let header = resume::header(request, &layout, &parts)?;
        Ok(Self { columns, layout, parts, header })
    }
}

/// Lays the output out, and leaves it for [`write_parts`]. Gives the number of parts.
///
/// # Errors
/// As [`super::compute_weights`], but for coefficients.
pub fn lay_out(request: &WeightsRequest<'_>) -> Result<u64> {
    let Prepared { layout, parts, header, .. } = Prepared::new(request)?;
    check_overwrite(request.output, request.existing)?;
    let claim = OutputLock::acquire_for_new(request.output, request.existing)?;
    resume::begun(request, &layout, &header, claim)?.leave();
    Ok(parts.len() as u64)
}

/// Writes some parts, by their numbers, of an output that is laid out; those that are there already are left as they are. Gives the number of
/// segments written.
///
/// # Errors
/// Nothing is laid out, or with other inputs or settings; no such part; another run that does not write parts holds the output; tables or
/// coefficients as for [`super::compute_weights`].
pub fn write_parts(request: &WeightsRequest<'_>, numbers: &[u64]) -> Result<u64> {
    let output = request.output;
    let Prepared { columns, layout, parts, header } = Prepared::new(request)?;
    let all = parts.len() as u64;
    if let Some(&found) = numbers.iter().find(|number| **number >= all) {
        return Err(ByPartProblem::NoPart { parts: all, found }).in_file(output);
    }
    let Some(claim) = OutputLock::acquire_shared(output)? else {
        return Err(ByPartProblem::NotLaidOut).in_file(output);
    };
    let joined = Journal::join(output, &header)?;
    let Some((mut journal, done)) = joined.filter(|(journal, _)| journal.layout().is_some()) else {
        return Err(ByPartProblem::NotLaidOut).in_file(output);
    };
    let partial = partial_path_for(output);
    if !matches_layout(&partial, &layout).unwrap_or(false) {
        return Err(JournalProblem::Damaged).in_file(&partial);
    }
    let writer = Writer::open_partial(output, &layout)?;
    let wanted: BTreeSet<u64> = numbers.iter().copied().collect();
    let wanted: Vec<NumberedPart<'_>> = parts.into_iter().filter(|part| wanted.contains(&part.number)).collect();
    let (kept, _) = resume::whole(&writer, &layout, &wanted, &done)?;
    let left: Vec<&NumberedPart<'_>> = wanted.iter().filter(|part| !kept.contains(&part.number)).collect();
    let work = PartWriter { request, columns: &columns, writer: &writer, buffers: BufferPool::default() };
    let (mut segments, mut count) = (0, 0);
    numbered_parts::for_each_part(&left, |part, own| {
        if (request.stop)() {
            return Ok(false);
        }
        let done = work.write_part(part, own)?;
        writer.sync()?;
        journal.add(&[done])?;
        (segments, count) = (segments + done.segments, count + 1);
        Ok(true)
    })?;
    // held until here: others that join do not mind, and no other run has begun
    drop(claim);
    if count < left.len() { Err(JournalProblem::Stopped).in_file(output) } else { Ok(segments) }
}

/// Gives the output its name when all parts are there, as they were written.
///
/// # Errors
/// Parts are missing; a process still writes one; nothing is laid out, or with other inputs or settings; the output exists and is to be kept.
pub fn finish(request: &WeightsRequest<'_>) -> Result<WeightsSummary> {
    let output = request.output;
    let Prepared { layout, parts, header, .. } = Prepared::new(request)?;
    let claim = OutputLock::acquire(output)?;
    let journal = if claim.is_unfinished() { Journal::resume(output, claim.clone_file()?, &header)? } else { None };
    let Some((journal, done)) = journal.filter(|(journal, _)| journal.layout().is_some()) else {
        return Err(ByPartProblem::NotLaidOut).in_file(output);
    };
    let unfinished = resume::resumed(request, &layout, &parts, (claim, journal), &done)?;
    let missing: Vec<u64> = parts.iter().map(|p| p.number).filter(|n| !unfinished.done.contains(n)).collect();
    let all = parts.len() as u64;
    if !missing.is_empty() {
        unfinished.leave();
        let problem =
            ByPartProblem::Missing { all, missing: join_quoted(missing.iter().map(u64::to_string), MAX_NAMED) };
        return Err(Error::from(problem).in_file(output));
    }
    (request.progress)(parts.iter().map(NumberedPart::segment_count).sum());
    unfinished.finish()?;
    Ok(summarise(request, &layout, all, (0, 0)))
}
