//! Writes one output by independent processes: one lays the file out, others write parts of it in any order and at the
//! same time, and one renames the complete file.
//!
//! The laid-out file is the same as that of an interrupted run without finished units: `OUT.partial` and
//! `OUT.checkpoint`. Processes that write parts share the lock, so that no other run touches the output; each records
//! the units of its part in the checkpoint when their rows are safe on the disk. A process that is killed leaves its
//! units unrecorded, and another one writes them. The bytes are those of a single run.

use std::collections::BTreeSet;

use super::weights_job::WeightsJob;
use super::{WeightsRequest, WeightsSummary};
use crate::error::{Context, Problem, Result, join_quoted};
use crate::io::atomic_output::{OutputLock, check_overwrite, partial_path_for};
use crate::io::checkpoint::{Checkpoint, CheckpointProblem};
use crate::io::resumable_output::{RunSummary, UnitJob, complete_output, create, reopen, write_some_units};

/// Largest number of missing parts that an error names.
const MAX_LISTED_PARTS: usize = 12;

/// Errors of parts that are written by separate processes.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ByPartProblem {
    /// The output is not laid out.
    #[error("not laid out, expected the unfinished file of a run with `--layout`, found none")]
    NotLaidOut,
    /// The part does not exist.
    #[error("no such part of the tables, expected a number below {parts}, found {found}")]
    NoPart {
        /// Number of parts.
        parts: u64,
        /// The number asked for.
        found: u64,
    },
    /// Parts are not written, or are damaged.
    #[error("parts are missing, expected all {all}, missing {missing}")]
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
                "lay it out once with the same command and `--layout` in place of `--part` or `--finish`"
            }
            Self::NoPart { .. } => "parts are counted from 0, over all tables in the order given",
            Self::Missing { .. } => {
                "write each of them with `--part NUMBER`, or all of them in one process with `--resume`"
            }
        };
        Some(text.into())
    }
}

/// Lays the output out, and leaves it for [`write_parts`]. Returns the number of parts of the tables.
///
/// # Errors
/// The same as for [`super::compute_weights`], except the errors of weights.
pub fn lay_out(request: &WeightsRequest<'_>) -> Result<u64> {
    let job = WeightsJob::new(request)?;
    check_overwrite(request.output, request.existing)?;
    let lock = OutputLock::acquire_for_new(request.output, request.existing)?;
    job.keep_partial(create(&job, lock)?.output);
    Ok(job.parts().len() as u64)
}

/// Writes some parts, given by their numbers, of an output that is laid out. Parts that are written already are not
/// written again. Returns the number of segments written.
///
/// # Errors
/// Returns an error if the output is not laid out, or with other inputs or settings; if a part does not exist; if
/// another run that does not write parts has locked the output; or if tables or weights fail as in
/// [`super::compute_weights`].
pub fn write_parts(request: &WeightsRequest<'_>, numbers: &[u64]) -> Result<u64> {
    let output = request.output;
    let job = WeightsJob::new(request)?;
    let parts = job.parts().len() as u64;
    if let Some(&found) = numbers.iter().find(|number| **number >= parts) {
        return Err(ByPartProblem::NoPart { parts, found }).in_file(output);
    }
    // a shared lock, held to the end: other writers of parts may join, but no other run can begin
    let Some(_lock) = OutputLock::acquire_shared(output)? else {
        return Err(ByPartProblem::NotLaidOut).in_file(output);
    };
    let checkpoint = Checkpoint::open_shared(output, job.plan())?;
    if checkpoint.is_none_or(|checkpoint| checkpoint.layout_checksum().is_none()) {
        return Err(ByPartProblem::NotLaidOut).in_file(output);
    }
    let partial = partial_path_for(output);
    if !job.is_laid_out(&partial) {
        return Err(CheckpointProblem::Damaged).in_file(&partial);
    }
    let numbers: BTreeSet<u64> = numbers.iter().copied().collect();
    let units: Vec<usize> = numbers.into_iter().flat_map(|number| job.units_of_part(number)).collect();
    write_some_units(&job, &units, &job.settings())
}

/// Checks that all parts are written and intact, and renames the output.
///
/// # Errors
/// Returns an error if parts are missing, a process still writes one, the output is not laid out or with other inputs
/// or settings, or the output exists and must not be replaced.
pub fn finish(request: &WeightsRequest<'_>) -> Result<WeightsSummary> {
    let output = request.output;
    let job = WeightsJob::new(request)?;
    let lock = OutputLock::acquire(output)?;
    let checkpoint =
        if lock.is_unfinished() { Checkpoint::resume(output, lock.clone_file()?, job.plan())? } else { None };
    let Some(checkpoint) = checkpoint.filter(|checkpoint| checkpoint.layout_checksum().is_some()) else {
        return Err(ByPartProblem::NotLaidOut).in_file(output);
    };
    let unfinished = reopen(&job, lock, checkpoint)?;
    let missing = unfinished.is_done.iter().enumerate().filter(|(_, is_done)| !**is_done);
    let missing: BTreeSet<u64> = missing.filter_map(|(unit, _)| job.part_of_unit(unit)).collect();
    if !missing.is_empty() {
        job.keep_partial(unfinished.output);
        let missing = join_quoted(missing.iter().map(u64::to_string), MAX_LISTED_PARTS);
        return Err(ByPartProblem::Missing { all: job.parts().len() as u64, missing }).in_file(output);
    }
    (request.progress)(job.plan().segments);
    complete_output(&job, unfinished)?;
    let units = job.plan().units;
    Ok(job.summarise(RunSummary { units, resumed: 0, damaged: 0 }))
}
