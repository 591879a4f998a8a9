//! Writes a large output unit by unit, by threads and by ranks, and resumes it after an interruption.
//!
//! A unit of work takes about a second: a part of a segment table, or a block of neurons of an electrodes file. It is
//! computed, written at its place, synced, then recorded in the output's [`Checkpoint`] by the process that wrote it.
//! Ranks exchange no messages but the three collective calls of [`Ranks`]. The bytes of the output depend neither on
//! the number of threads and ranks nor on interruptions.
//!
//! 1. All ranks have read the inputs: they compare digests.
//! 2. Rank 0 inspects the existing files. Either the output is complete; or an earlier run left units that are done,
//!    whose bytes are checked; or the output is begun. The other ranks receive the list of units that are left.
//! 3. Each rank writes its share of the units that are left. Between units it checks whether it was asked to stop,
//!    either itself or by another rank through the checkpoint.
//! 4. The ranks exchange how their shares ended. Rank 0 completes the output and renames it to its name; or leaves the
//!    units that are done, if the same run may succeed later; or removes the unfinished output.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::atomic_output::{OutputLock, OverwritePolicy, check_overwrite, partial_path_for, remove_stale_lock};
use super::checkpoint::{Checkpoint, CheckpointProblem, OutputPlan, UnitRecord, resume_hint};
use super::digest::Digest;
use super::input_file::{forget_input, is_input};
use super::ranks::{Ranks, RanksProblem, ShareOutcome, ShareReport, UnitCounter, assign_units};
use crate::error::{Context, Error, Result};

/// A sync costs about the same for one unit and for many: syncs are so rare that they take one part in this many of the
/// time.
const WORK_PER_SYNC: u32 = 10;

/// The longest time between writing a unit and recording it.
const MAX_MARK_INTERVAL: Duration = Duration::from_secs(5);

/// How a run treats existing files, and its callbacks.
#[derive(Clone, Copy)]
pub struct RunSettings<'a> {
    /// How to treat a complete output of the same name.
    pub existing: OverwritePolicy,
    /// Whether to resume an interrupted run, if there was one.
    pub resume: bool,
    /// Called before each unit, and in units that take long ([`StopCheck`]); returns whether to stop and leave the rest
    /// to a later run.
    pub is_stopped: &'a (dyn Fn() -> bool + Sync),
    /// Called with the number of segments done since the last call, from any thread.
    pub on_progress: &'a (dyn Fn(u64) + Sync),
}

/// A unit that has taken this long is abandoned when the run is to stop.
const MAX_TIME_TO_FINISH: Duration = Duration::from_millis(500);

/// Checks whether to abandon a unit, which is the case if the unit has taken half a second and the run is to stop. A
/// shorter unit is finished.
pub struct StopCheck<'a> {
    started: Instant,
    is_stopped: &'a (dyn Fn() -> bool + Sync),
}

impl<'a> StopCheck<'a> {
    /// Begins a unit.
    pub fn new(is_stopped: &'a (dyn Fn() -> bool + Sync)) -> Self {
        Self { started: Instant::now(), is_stopped }
    }

    /// Creates a check that never stops the work.
    pub fn never() -> Self {
        Self::new(&|| false)
    }

    /// Checks that the unit may go on. May be called as often as every millisecond.
    ///
    /// # Errors
    /// Returns an error if the unit is to be abandoned.
    pub fn check(&self) -> Result<(), CheckpointProblem> {
        let is_long = self.started.elapsed() >= MAX_TIME_TO_FINISH;
        if is_long && (self.is_stopped)() { Err(CheckpointProblem::Stopped) } else { Ok(()) }
    }
}

/// Turns the error of an abandoned unit into success: the unit only counts as not done.
fn without_stop(result: Result<()>) -> Result<()> {
    match result {
        Err(error) if error.problem::<CheckpointProblem>() == Some(&CheckpointProblem::Stopped) => Ok(()),
        result => result,
    }
}

/// One kind of output, written unit by unit.
pub trait UnitJob: Sync {
    /// The output under construction.
    type Output: Sync;

    /// Whether bytes are laid out before any unit is written; the checkpoint records their checksum.
    const IS_LAID_OUT: bool;

    /// Returns the name of the complete output.
    fn target(&self) -> &Path;

    /// Returns the plan of the output.
    fn plan(&self) -> &OutputPlan;

    /// Returns the number of segments of each unit.
    fn unit_sizes(&self) -> &[u64];

    /// Returns whether the complete output under the target's name is what this run would write.
    ///
    /// # Errors
    /// Returns an error if the inputs cannot be read.
    fn is_complete(&self) -> Result<bool>;

    /// Creates the output. Returns the CRC-32 of the bytes that are laid out before any unit.
    ///
    /// # Errors
    /// Returns an error if the output cannot be written.
    fn create(&self, lock: OutputLock) -> Result<(Self::Output, Option<u32>)>;

    /// Opens the unfinished output of an interrupted run.
    ///
    /// # Errors
    /// Returns an error if the output is damaged, or cannot be written.
    fn reopen(&self, lock: OutputLock, layout: Option<u32>) -> Result<Self::Output>;

    /// Opens the output that another process has created or opened and will complete.
    ///
    /// # Errors
    /// Returns an error if the output is missing or damaged.
    fn join(&self) -> Result<Self::Output>;

    /// Returns for each of some units whether its bytes match its record.
    ///
    /// # Errors
    /// Returns an error if the output cannot be read.
    fn find_intact(&self, output: &Self::Output, records: &[(usize, UnitRecord)]) -> Result<Vec<bool>>;

    /// Checks that the disk has space for units with this many segments.
    ///
    /// # Errors
    /// Returns an error if the space is too small.
    fn check_space(&self, _segments: u64) -> Result<()> {
        Ok(())
    }

    /// Computes units in order and writes each at its place, until `marker` reports a stop.
    ///
    /// # Errors
    /// Returns an error if a unit cannot be computed or written, or is abandoned ([`StopCheck`]).
    fn write_units(&self, output: &Self::Output, units: &[usize], marker: &mut UnitMarker<'_>) -> Result<()>;

    /// Syncs everything that was written to the disk.
    ///
    /// # Errors
    /// Returns an error if the operating system refuses.
    fn sync(&self, output: &Self::Output) -> Result<()>;

    /// Checks that the unfinished output still is the one that this run created or opened.
    ///
    /// # Errors
    /// Returns an error if the output was removed or replaced.
    fn check_identity(&self, output: &Self::Output) -> Result<()>;

    /// Leaves the unfinished output for a later run.
    fn keep_partial(&self, output: Self::Output);

    /// Writes the bytes that can be written only when all units are done. If that fails, the units stay.
    ///
    /// # Errors
    /// Returns an error if the operating system refuses.
    fn write_ending(&self, output: &Self::Output, records: &[Option<UnitRecord>]) -> Result<()>;

    /// Renames the complete output to its name.
    ///
    /// # Errors
    /// Returns an error if others changed the output, or the operating system refuses.
    fn commit(&self, output: Self::Output) -> Result<()>;
}

/// The result of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunSummary {
    /// Number of units.
    pub units: u64,
    /// Units that an earlier run had done; all units if the output was complete.
    pub resumed: u64,
    /// Units that an earlier run had recorded, but whose bytes were damaged, so that they were computed again.
    pub damaged: u64,
}

/// An output with units that are not yet written.
pub struct UnfinishedOutput<T> {
    /// The output under construction.
    pub output: T,
    /// The checkpoint, which records the units that are done.
    pub checkpoint: Checkpoint,
    /// Whether each unit is done and intact.
    pub is_done: Vec<bool>,
    /// Number of units that were recorded as done, and are not intact.
    pub damaged: u64,
}

/// The state in which a run finds its output.
enum Beginning<T> {
    /// The output is complete.
    Complete,
    /// Units are left to write.
    Unfinished(UnfinishedOutput<T>),
}

/// Writes an output, alone or as one of several ranks.
///
/// # Errors
/// Returns an error if ranks have read different inputs, an existing file must not be replaced or is not an unfinished
/// output of these inputs, a unit cannot be computed or written, or the run was asked to stop. Then nothing exists
/// under the output's name, and under its partial name at most a file that a later run can resume.
pub fn write_output<J: UnitJob>(job: &J, settings: &RunSettings<'_>, ranks: &Ranks) -> Result<RunSummary> {
    let mut digest = Digest::default();
    digest.add_text(&job.plan().program);
    digest.add_u64(job.plan().inputs);
    ranks.agree_on_inputs(digest.finish()).in_file(job.target())?;
    let units = job.plan().units;
    match begin(job, settings, ranks)? {
        Beginning::Complete => Ok(RunSummary { units, resumed: units, damaged: 0 }),
        Beginning::Unfinished(unfinished) => {
            let (resumed, damaged) = (count_true(&unfinished.is_done), unfinished.damaged);
            ranks.units().begin(resumed, units);
            write_rest(job, unfinished, settings, ranks)?;
            Ok(RunSummary { units, resumed, damaged })
        }
    }
}

fn count_true(flags: &[bool]) -> u64 {
    flags.iter().filter(|flag| **flag).count() as u64
}

/// Rank 0 sends the other ranks one of these: it failed; the output is complete; or, followed by a byte for each unit,
/// which units are done.
const BEGIN_FAILED: &[u8] = b"failed";
const BEGIN_COMPLETE: &[u8] = b"complete";
const BEGIN_UNITS: &[u8] = b"units ";

/// Finds the state of the output, together with all ranks.
fn begin<J: UnitJob>(job: &J, settings: &RunSettings<'_>, ranks: &Ranks) -> Result<Beginning<J::Output>> {
    if ranks.is_first() {
        let found = find_beginning(job, settings);
        ranks.broadcast(match &found {
            Err(_) => BEGIN_FAILED.to_vec(),
            Ok(Beginning::Complete) => BEGIN_COMPLETE.to_vec(),
            Ok(Beginning::Unfinished(unfinished)) => {
                BEGIN_UNITS.iter().copied().chain(unfinished.is_done.iter().map(|&done| u8::from(done))).collect()
            }
        });
        return found;
    }
    let found = ranks.broadcast(Vec::new());
    let Some(done) = found.strip_prefix(BEGIN_UNITS) else {
        let is_complete = found == BEGIN_COMPLETE;
        return if is_complete { Ok(Beginning::Complete) } else { Err(RanksProblem::EndedElsewhere.into()) };
    };
    match join(job) {
        Ok((output, checkpoint)) => {
            let is_done = done.iter().map(|&byte| byte == 1).collect();
            Ok(Beginning::Unfinished(UnfinishedOutput { output, checkpoint, is_done, damaged: 0 }))
        }
        Err(error) => {
            // the other ranks receive the failure when their shares are done
            let outcome = ShareOutcome::from_error(&error);
            ranks.gather_shares(ShareReport { written: 0, outcome, had_units: false, seconds: 0.0 }, &mut || ());
            ranks.broadcast(Vec::new());
            Err(error)
        }
    }
}

/// Opens the output that another process has created, and its checkpoint.
fn join<J: UnitJob>(job: &J) -> Result<(J::Output, Checkpoint)> {
    let output = job.join()?;
    let checkpoint = Checkpoint::open_shared(job.target(), job.plan())?;
    Ok((output, checkpoint.ok_or(CheckpointProblem::Damaged).in_file(job.target())?))
}

/// Inspects the existing files, and creates or resumes the output.
fn find_beginning<J: UnitJob>(job: &J, settings: &RunSettings<'_>) -> Result<Beginning<J::Output>> {
    let target = job.target();
    let refuses = settings.existing == OverwritePolicy::Refuse;
    if settings.resume && target.symlink_metadata().is_ok() {
        let was_input = is_input(target);
        let is_complete = job.is_complete()?;
        if !was_input {
            // it was read only to compare it, and may be replaced
            forget_input(target);
        }
        if is_complete {
            // a run may have been killed between renaming the output and removing its lock file
            if partial_path_for(target).symlink_metadata().is_err() {
                remove_stale_lock(target)?;
            }
            return Ok(Beginning::Complete);
        }
        if refuses {
            return Err(CheckpointProblem::OtherOutput).in_file(target);
        }
    }
    check_overwrite(target, settings.existing)?;
    if !settings.resume {
        return create(job, OutputLock::acquire_for_new(target, settings.existing)?).map(Beginning::Unfinished);
    }
    let lock = OutputLock::acquire(target)?;
    if lock.is_leftover() && partial_path_for(target).symlink_metadata().is_ok() {
        match Checkpoint::resume(target, lock.clone_file()?, job.plan()) {
            // a run that was killed before the layout was complete has done no unit
            Ok(Some(checkpoint)) if J::IS_LAID_OUT == checkpoint.layout_checksum().is_some() => {
                return reopen(job, lock, checkpoint).map(Beginning::Unfinished);
            }
            Ok(_) => {}
            Err(error) if refuses || error.is_transient() => return Err(error),
            Err(_) => {}
        }
    }
    create(job, lock).map(Beginning::Unfinished)
}

/// Creates an output.
///
/// # Errors
/// Returns an error if the output cannot be written.
pub fn create<J: UnitJob>(job: &J, lock: OutputLock) -> Result<UnfinishedOutput<J::Output>> {
    let lock_file = lock.clone_file()?;
    let (output, layout) = job.create(lock)?;
    let checkpoint = Checkpoint::create(job.target(), lock_file, job.plan(), layout)?;
    Ok(UnfinishedOutput { output, checkpoint, is_done: vec![false; job.unit_sizes().len()], damaged: 0 })
}

/// Opens the unfinished output of an interrupted run. Units are done if their bytes match their records.
///
/// # Errors
/// Returns an error if the output is damaged, or cannot be read or written.
pub fn reopen<J: UnitJob>(job: &J, lock: OutputLock, checkpoint: Checkpoint) -> Result<UnfinishedOutput<J::Output>> {
    let output = job.reopen(lock, checkpoint.layout_checksum())?;
    match find_done(job, &output, &checkpoint, &mut (0..job.unit_sizes().len())).in_file(job.target()) {
        Ok((is_done, damaged)) => Ok(UnfinishedOutput { output, checkpoint, is_done, damaged }),
        Err(error) => {
            job.keep_partial(output);
            Err(error)
        }
    }
}

/// Finds the wanted units that are done and intact, and counts those that are recorded but damaged.
fn find_done<J: UnitJob>(
    job: &J,
    output: &J::Output,
    checkpoint: &Checkpoint,
    wanted: &mut dyn Iterator<Item = usize>,
) -> Result<(Vec<bool>, u64)> {
    let all = checkpoint.read_records()?;
    let recorded: Vec<(usize, UnitRecord)> = wanted.filter_map(|unit| Some((unit, (*all.get(unit)?)?))).collect();
    let mut is_done = vec![false; job.unit_sizes().len()];
    let mut damaged = 0;
    for ((unit, record), is_intact) in recorded.iter().zip(job.find_intact(output, &recorded)?) {
        let is_intact = is_intact && job.unit_sizes().get(*unit) == Some(&record.segments);
        match is_done.get_mut(*unit) {
            Some(done) if is_intact => *done = true,
            _ => {
                damaged += 1;
                checkpoint.clear_unit(*unit as u64)?;
            }
        }
    }
    Ok((is_done, damaged))
}

/// Writes some units of an output that another process has created and a third one will complete, while other processes
/// write other units. Units that are done already are not written again. Returns the number of segments written.
///
/// # Errors
/// Returns an error if the output was not created, or with other inputs; if a unit cannot be computed or written; or if
/// the run was asked to stop.
pub fn write_some_units<J: UnitJob>(job: &J, units: &[usize], settings: &RunSettings<'_>) -> Result<u64> {
    let (output, checkpoint) = join(job)?;
    let (is_done, _) = find_done(job, &output, &checkpoint, &mut units.iter().copied())?;
    let left: Vec<usize> = units.iter().copied().filter(|&unit| is_done.get(unit) == Some(&false)).collect();
    let sync = || job.sync(&output);
    let mut marker = UnitMarker::new(&checkpoint, settings, &sync, Arc::default());
    let result = without_stop(job.write_units(&output, &left, &mut marker));
    marker.flush().and(result)?;
    if (marker.written as usize) < left.len() {
        return Err(CheckpointProblem::Stopped).in_file(job.target());
    }
    Ok(marker.segments)
}

/// Records units as done in the checkpoint, and reports whether to stop.
pub struct UnitMarker<'a> {
    checkpoint: &'a Checkpoint,
    settings: &'a RunSettings<'a>,
    sync: &'a (dyn Fn() -> Result<()> + Sync),
    /// Counts the units that are written.
    units: Arc<UnitCounter>,
    /// Units that are written, and not yet recorded.
    pending: Vec<(u64, UnitRecord)>,
    /// When units are recorded next.
    next_flush: Instant,
    written: u64,
    segments: u64,
}

impl<'a> UnitMarker<'a> {
    fn new(
        checkpoint: &'a Checkpoint,
        settings: &'a RunSettings<'a>,
        sync: &'a (dyn Fn() -> Result<()> + Sync),
        units: Arc<UnitCounter>,
    ) -> Self {
        Self {
            checkpoint,
            settings,
            sync,
            units,
            pending: Vec::new(),
            next_flush: Instant::now(),
            written: 0,
            segments: 0,
        }
    }

    /// Returns whether to leave the rest to a later run, since this process or another one was asked to stop. Call it
    /// before each unit.
    pub fn is_stopped(&self) -> bool {
        (self.settings.is_stopped)() || self.checkpoint.is_stop_requested()
    }

    /// Adds a unit that is written. It is recorded in the checkpoint when its bytes are safe on the disk.
    ///
    /// # Errors
    /// Returns an error if the operating system refuses to sync or to write.
    pub fn record(&mut self, unit: usize, record: UnitRecord) -> Result<()> {
        self.units.add_unit();
        self.pending.push((unit as u64, record));
        if Instant::now() >= self.next_flush { self.flush() } else { Ok(()) }
    }

    /// Syncs the units that are written, then records them.
    fn flush(&mut self) -> Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let started = Instant::now();
        let pending = std::mem::take(&mut self.pending);
        (self.sync)()?;
        self.checkpoint.mark_done(&pending)?;
        self.written += pending.len() as u64;
        self.segments += pending.iter().map(|(_, record)| record.segments).sum::<u64>();
        let interval = MAX_MARK_INTERVAL.min(started.elapsed() * (WORK_PER_SYNC - 1));
        self.next_flush = Instant::now() + interval;
        Ok(())
    }
}

/// Writes the units that are left, or this rank's share of them, and completes the output.
fn write_rest<J: UnitJob>(
    job: &J,
    unfinished: UnfinishedOutput<J::Output>,
    settings: &RunSettings<'_>,
    ranks: &Ranks,
) -> Result<()> {
    let UnfinishedOutput { output, checkpoint, is_done, .. } = unfinished;
    let (resumed, units) = (count_true(&is_done), job.plan().units);
    let size = |unit: usize| job.unit_sizes().get(unit).copied().unwrap_or(0);
    let left: Vec<usize> = (0..is_done.len()).filter(|&unit| is_done.get(unit) == Some(&false)).collect();
    let left_segments: u64 = left.iter().map(|&unit| size(unit)).sum();
    (settings.on_progress)(job.plan().segments.saturating_sub(left_segments));
    let owners = assign_units(&left.iter().map(|&unit| size(unit)).collect::<Vec<_>>(), ranks.size());
    let own: Vec<usize> =
        left.iter().zip(owners).filter(|(_, owner)| *owner == ranks.rank()).map(|(&u, _)| u).collect();
    let others: Vec<usize> = left.iter().copied().filter(|unit| !own.contains(unit)).collect();

    let started = Instant::now();
    let sync = || job.sync(&output);
    let mut marker = UnitMarker::new(&checkpoint, settings, &sync, ranks.units());
    let checked = if ranks.is_first() { job.check_space(left_segments) } else { Ok(()) };
    let result = without_stop(checked.and_then(|()| job.write_units(&output, &own, &mut marker)));
    // units that are written are recorded even if a later one failed, so that a later run can resume
    let result = marker.flush().and(result);
    let written = marker.written;
    let is_stopped = (settings.is_stopped)();
    if result.is_err() || is_stopped {
        checkpoint.request_stop();
    }
    let report = ShareReport {
        written,
        outcome: ShareOutcome::from_result(&result),
        had_units: !own.is_empty(),
        seconds: started.elapsed().as_secs_f64(),
    };
    let mut reported = 0;
    let shares = ranks.gather_shares(report, &mut || {
        if (settings.is_stopped)() {
            checkpoint.request_stop();
        }
        if ranks.is_first() {
            // a network file system may show the records of others late: only the progress display depends on it
            let records = checkpoint.read_records().unwrap_or_default();
            let done = others.iter().filter_map(|&unit| *records.get(unit)?).map(|record| record.segments).sum();
            (settings.on_progress)(u64::saturating_sub(done, reported));
            reported = reported.max(done);
        }
    });

    let done = resumed + shares.written;
    let is_transient = match &result {
        Err(error) => error.is_transient(),
        Ok(()) => shares.failed_transiently.unwrap_or(true),
    };
    let ended = match (result, shares.failed_transiently) {
        (Err(error), _) => Err(error),
        (Ok(()), Some(_)) => Err(RanksProblem::EndedElsewhere.into()),
        (Ok(()), None) if done < units => Err(CheckpointProblem::Stopped).in_file(job.target()),
        (Ok(()), None) => Ok(()),
    };
    if !ranks.is_first() {
        let is_complete = ranks.broadcast(Vec::new()) == BEGIN_COMPLETE;
        return match ended {
            Ok(()) if is_complete => Ok(()),
            // rank 0 reports a stop that all ranks know of, and its own error
            Ok(()) => Err(RanksProblem::EndedElsewhere.into()),
            Err(error) if shares.failed_transiently.is_none() => {
                drop(error);
                Err(RanksProblem::EndedElsewhere.into())
            }
            Err(error) => Err(with_resume_hint(error, job.target(), (done, units))),
        };
    }
    let result = complete(job, output, &checkpoint, ended, (done, units, is_transient));
    ranks.broadcast(if result.is_ok() { BEGIN_COMPLETE.to_vec() } else { BEGIN_FAILED.to_vec() });
    result
}

/// Adds the hint how to resume, if the output is kept after this error.
fn with_resume_hint(error: Error, target: &Path, (done, units): (u64, u64)) -> Error {
    let is_elsewhere = error.problem::<RanksProblem>().is_some();
    if done > 0 && error.is_transient() && !is_elsewhere {
        error.with_hint(resume_hint(target, done, units))
    } else {
        error
    }
}

/// Renames the output if all its units are done; otherwise keeps it if the same run may succeed later, or removes it.
fn complete<J: UnitJob>(
    job: &J,
    output: J::Output,
    checkpoint: &Checkpoint,
    ended: Result<()>,
    (done, units, is_transient): (u64, u64, bool),
) -> Result<()> {
    let (error, is_transient) = match ended {
        Err(error) => (error, is_transient),
        Ok(()) => match checkpoint.read_records().and_then(|records| job.write_ending(&output, &records)) {
            Ok(()) => return job.commit(output),
            Err(error) => {
                let is_transient = error.is_transient();
                (error, is_transient)
            }
        },
    };
    // if the output itself was removed or replaced, that is the error to report
    job.check_identity(&output)?;
    if done > 0 && is_transient {
        job.keep_partial(output);
    }
    Err(with_resume_hint(error, job.target(), (done, units)))
}

/// Completes an output whose units other processes have written.
///
/// # Errors
/// The same as for [`write_output`], except the errors of units.
pub fn complete_output<J: UnitJob>(job: &J, unfinished: UnfinishedOutput<J::Output>) -> Result<()> {
    let UnfinishedOutput { output, checkpoint, is_done, .. } = unfinished;
    let done = count_true(&is_done);
    complete(job, output, &checkpoint, Ok(()), (done, job.plan().units, true))
}
