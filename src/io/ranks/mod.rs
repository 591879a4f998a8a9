//! Ranks: several processes that write one output together.
//!
//! Every rank reads the inputs and writes its share of the units ([`assign_units`]). The ranks agree through three
//! collective calls of a [`Communicator`]: that all have read the same inputs, in which state rank 0 finds the output,
//! and how each rank's share ended. Everything else is in the output's checkpoint. A program that is one process is a
//! run of one rank, whose collective calls return at once.

mod dry_run;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Error, ErrorKind, Problem, Result};

pub use dry_run::{DryRunEstimate, RankLoad};

/// The collective operations that a run of several ranks needs. Every rank makes the same calls in the same order.
pub trait Communicator: Send + Sync {
    /// Returns the number of this rank, from 0.
    fn rank(&self) -> usize;
    /// Returns the number of ranks.
    fn size(&self) -> usize;
    /// Sends the bytes of rank 0 to all ranks.
    fn broadcast(&self, bytes: Vec<u8>) -> Vec<u8>;
    /// Sends the numbers of each rank to all ranks, and returns them in rank order. Every rank sends the same count of
    /// numbers. `on_wait` is called from time to time while the call waits for other ranks.
    fn all_gather(&self, numbers: &[u64], on_wait: &mut dyn FnMut()) -> Vec<u64>;
}

/// The communicator of a program that is one process.
#[derive(Debug, Clone, Copy, Default)]
pub struct SingleProcess;

impl Communicator for SingleProcess {
    fn rank(&self) -> usize {
        0
    }

    fn size(&self) -> usize {
        1
    }

    fn broadcast(&self, bytes: Vec<u8>) -> Vec<u8> {
        bytes
    }

    fn all_gather(&self, numbers: &[u64], _on_wait: &mut dyn FnMut()) -> Vec<u64> {
        numbers.to_vec()
    }
}

/// Errors between ranks.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum RanksProblem {
    /// Another rank failed, and reports its error itself.
    #[error("the run was ended by another rank")]
    EndedElsewhere,
    /// A rank read other inputs than rank 0.
    #[error(
        "rank {rank} has read other inputs or settings than rank 0, expected digest {expected:016x}, found {found:016x}"
    )]
    OtherInputs {
        /// The rank.
        rank: usize,
        /// The digest of rank 0.
        expected: u64,
        /// The digest of the rank.
        found: u64,
    },
}

impl Problem for RanksProblem {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::EndedElsewhere => ErrorKind::Interrupted,
            Self::OtherInputs { .. } => ErrorKind::InvalidInput,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::EndedElsewhere => None,
            Self::OtherInputs { .. } => {
                Some("give all ranks the same files, on a file system that all nodes share".into())
            }
        }
    }
}

/// How evenly the work was shared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Balance {
    /// Ranks that had units to write.
    pub ranks: usize,
    /// Ranks without units.
    pub idle_ranks: usize,
    /// Time of the slowest rank that had units, s.
    pub slowest_s: f64,
    /// Mean time of the ranks that had units, s.
    pub mean_s: f64,
}

/// The progress of a run, and how its work was shared.
#[derive(Debug, Default)]
struct RunState {
    /// Whether the ranks have compared their inputs, or have learned that the run fails.
    has_agreed: bool,
    balance: Option<Balance>,
}

/// Counts the units of the output that a rank writes, for another thread to read.
#[derive(Debug, Default)]
pub struct UnitCounter {
    done: AtomicU64,
    all: AtomicU64,
}

impl UnitCounter {
    /// Returns the number of units that are done, by this run or an earlier one.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Returns the number of all units; 0 before it is known.
    pub fn all(&self) -> u64 {
        self.all.load(Ordering::Relaxed)
    }

    /// Begins an output of which some units are done.
    pub(super) fn begin(&self, done: u64, all: u64) {
        self.done.store(done, Ordering::Relaxed);
        self.all.store(all, Ordering::Relaxed);
    }

    /// Adds a unit that this rank has written.
    pub(super) fn add_unit(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }
}

/// The ranks of a run, as seen by one of them.
pub struct Ranks {
    communicator: Box<dyn Communicator>,
    state: Mutex<RunState>,
    units: Arc<UnitCounter>,
}

impl Default for Ranks {
    fn default() -> Self {
        Self::new(Box::new(SingleProcess))
    }
}

/// The outcome of one rank's share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ShareOutcome {
    /// All its units are done, or it was asked to stop.
    Ended,
    /// It failed; the same run may succeed later.
    FailedTransiently,
    /// It failed.
    Failed,
}

impl ShareOutcome {
    pub fn from_result(result: &Result<()>) -> Self {
        result.as_ref().err().map_or(Self::Ended, Self::from_error)
    }

    pub fn from_error(error: &Error) -> Self {
        if error.is_transient() { Self::FailedTransiently } else { Self::Failed }
    }
}

/// The report of one rank about its share.
#[derive(Debug, Clone, Copy)]
pub(super) struct ShareReport {
    /// Number of units that it wrote.
    pub written: u64,
    pub outcome: ShareOutcome,
    /// Whether it had any unit to write.
    pub had_units: bool,
    /// Its time, s.
    pub seconds: f64,
}

/// The outcome of all shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SharesSummary {
    /// Number of units written by all ranks.
    pub written: u64,
    /// Whether the same run may succeed later, according to the first rank that failed; `None` if no rank failed.
    pub failed_transiently: Option<bool>,
}

impl Ranks {
    /// Creates ranks that a communicator connects.
    pub fn new(communicator: Box<dyn Communicator>) -> Self {
        Self { communicator, state: Mutex::default(), units: Arc::default() }
    }

    /// Returns the number of this rank, from 0.
    pub fn rank(&self) -> usize {
        self.communicator.rank()
    }

    /// Returns the number of ranks.
    pub fn size(&self) -> usize {
        self.communicator.size()
    }

    /// Returns whether this is rank 0, which creates, completes and reports.
    pub fn is_first(&self) -> bool {
        self.rank() == 0
    }

    /// Returns the counter of the units that are done: by this rank, and by earlier runs.
    pub fn units(&self) -> Arc<UnitCounter> {
        self.units.clone()
    }

    /// Returns how evenly the work was shared; `None` before the end, and for a single rank.
    pub fn balance(&self) -> Option<Balance> {
        self.state().balance
    }

    fn state(&self) -> std::sync::MutexGuard<'_, RunState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Checks that all ranks have read the same inputs.
    ///
    /// # Errors
    /// Returns an error if another rank failed or has other inputs.
    pub(super) fn agree_on_inputs(&self, digest: u64) -> Result<(), RanksProblem> {
        self.state().has_agreed = true;
        // a flag that the rank is ready, and its digest
        let all = self.communicator.all_gather(&[1, digest], &mut || ());
        let is_ready = all.chunks_exact(2).all(|numbers| numbers.first() == Some(&1));
        if !is_ready {
            return Err(RanksProblem::EndedElsewhere);
        }
        let digests = || all.iter().skip(1).step_by(2).copied();
        let expected = digests().next().unwrap_or(digest);
        match digests().enumerate().find(|(_, found)| *found != expected) {
            Some((rank, found)) if self.is_first() => Err(RanksProblem::OtherInputs { rank, expected, found }),
            Some(_) => Err(RanksProblem::EndedElsewhere),
            None => Ok(()),
        }
    }

    /// Returns whether this rank must report the error with which it ended. Every rank calls this once, at its end. If
    /// several ranks failed before the inputs were compared, the first of them reports; the call then also informs the
    /// other ranks of the failure.
    pub fn is_reporter(&self, outcome: Result<(), &Error>) -> bool {
        if self.size() == 1 {
            return outcome.is_err();
        }
        if std::mem::replace(&mut self.state().has_agreed, true) {
            // a rank that ended because another one failed has nothing to report
            return outcome.is_err_and(|error| error.problem::<RanksProblem>() != Some(&RanksProblem::EndedElsewhere));
        }
        let all = self.communicator.all_gather(&[u64::from(outcome.is_ok()), 0], &mut || ());
        let first_failed = all.chunks_exact(2).position(|numbers| numbers.first() == Some(&0));
        outcome.is_err() && first_failed == Some(self.rank())
    }

    /// Waits until all ranks call this, because launchers stop all processes when one exits early. Returns the largest of
    /// the numbers that the ranks give.
    pub fn wait_for_all(&self, number: u64) -> u64 {
        self.communicator.all_gather(&[number], &mut || ()).into_iter().fold(number, u64::max)
    }

    /// Sends the bytes of rank 0 to all ranks: the state in which it found the output.
    pub(super) fn broadcast(&self, bytes: Vec<u8>) -> Vec<u8> {
        self.communicator.broadcast(bytes)
    }

    /// Sends the outcome of this rank's share to all ranks, and returns the outcome of all shares.
    pub(super) fn gather_shares(&self, own: ShareReport, on_wait: &mut dyn FnMut()) -> SharesSummary {
        let ShareReport { written, outcome, had_units, seconds } = own;
        let numbers = [written, outcome as u64, u64::from(had_units), seconds.to_bits()];
        let all = self.communicator.all_gather(&numbers, on_wait);
        let reports: Vec<[u64; 4]> = all.chunks_exact(4).map(|r| [r[0], r[1], r[2], r[3]]).collect();
        let times: Vec<f64> = reports.iter().filter(|r| r[2] == 1).map(|r| f64::from_bits(r[3])).collect();
        if reports.len() > 1 {
            let mean_s = times.iter().sum::<f64>() / times.len().max(1) as f64;
            let slowest_s = times.iter().copied().fold(0.0, f64::max);
            let idle_ranks = reports.len() - times.len();
            self.state().balance = Some(Balance { ranks: times.len(), idle_ranks, slowest_s, mean_s });
        }
        let failed = reports.iter().find(|r| r[1] != ShareOutcome::Ended as u64);
        SharesSummary {
            written: reports.iter().map(|r| r[0]).sum(),
            failed_transiently: failed.map(|r| r[1] == ShareOutcome::FailedTransiently as u64),
        }
    }
}

/// Assigns units of these sizes to ranks, and returns the rank of each unit.
///
/// Neighbouring units go to one rank, since they may lie in one part of a table, which then is read once. No rank gets
/// more than the mean and one unit.
pub fn assign_units(sizes: &[u64], ranks: usize) -> Vec<usize> {
    let total: u128 = sizes.iter().map(|&size| u128::from(size)).sum();
    let ranks = ranks.max(1);
    let mut before = 0_u128;
    let assign = |&size: &u64| {
        // the rank whose share contains the middle of the unit
        let middle = (2 * before + u128::from(size)).saturating_sub(1);
        before += u128::from(size);
        match (middle * ranks as u128).checked_div(2 * total) {
            Some(rank) => usize::try_from(rank).unwrap_or(0).min(ranks - 1),
            None => 0,
        }
    };
    sizes.iter().map(assign).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn loads(sizes: &[u64], ranks: usize) -> Vec<u64> {
        let owners = assign_units(sizes, ranks);
        let load = |rank| sizes.iter().zip(&owners).filter(|&(_, owner)| *owner == rank).map(|(size, _)| size).sum();
        (0..ranks).map(load).collect()
    }

    proptest! {
        #[test]
        fn no_rank_has_more_than_the_mean_and_one_unit(sizes in prop::collection::vec(1..1000_u64, 0..60), ranks in 1..9_usize) {
            let loads = loads(&sizes, ranks);
            let total: u64 = sizes.iter().sum();
            prop_assert_eq!(loads.iter().sum::<u64>(), total);
            let largest = sizes.iter().max().copied().unwrap_or(0);
            prop_assert!(loads.iter().all(|load| *load <= total.div_ceil(ranks as u64) + largest));
            prop_assert!(assign_units(&sizes, ranks).is_sorted());
        }
    }

    #[test]
    fn equal_units_are_shared_equally_and_surplus_ranks_have_none() {
        assert_eq!(assign_units(&[5, 5, 5, 5], 2), [0, 0, 1, 1]);
        assert_eq!(loads(&[7, 3], 4), [0, 7, 0, 3]);
        assert!(assign_units(&[], 3).is_empty());
        assert_eq!(assign_units(&[0, 0], 3), [0, 0]);
    }
}
