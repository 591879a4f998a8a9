//! A crew: the ranks of a run as one of them sees them, and what they agree on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::line::{Alone, Line};
use super::message::Message;
use super::problem::{Failure, PartitionProblem};
use crate::error::{Error, Result};
use crate::io::checkpoint::Done;

/// How long a rank that waits for messages waits until it looks for something else.
pub(super) const PATIENCE: Duration = Duration::from_millis(5);

/// How the work was shared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Balance {
    /// Ranks that had parts to do.
    pub ranks: usize,
    /// What the slowest of them worked, s.
    pub slowest_s: f64,
    /// What they worked on average, s.
    pub mean_s: f64,
}

/// What rank 0 found when it looked where to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Beginning {
    /// The output is complete.
    Complete,
    /// All but these parts are to be done.
    After(BTreeSet<u64>),
}

/// Called with the number of ranks that have nothing to do, and the number of parts.
type Surplus = Box<dyn Fn(usize, usize) + Send + Sync>;

/// The ranks of a run, as one of them sees them.
pub struct Crew {
    line: Box<dyn Line>,
    surplus: Surplus,
    state: Mutex<State>,
}

/// What a rank has heard, and said.
#[derive(Default)]
struct State {
    /// Digests of other ranks' inputs.
    ready: BTreeMap<usize, u64>,
    begin: Option<Beginning>,
    /// What others have done and is not yet journalled.
    done: Vec<Done>,
    stop: bool,
    /// Seconds, and what went wrong, of ranks that do nothing more; rank 0 knows all, the others themselves.
    ended: BTreeMap<usize, (f64, Option<Failure>)>,
    /// How the run ended: said by rank 0, heard by the others.
    over: Option<bool>,
    /// Ranks that were given parts.
    busy: BTreeSet<usize>,
    /// What this rank worked, s.
    worked_s: f64,
}

impl Default for Crew {
    fn default() -> Self {
        Self::new(Box::new(Alone), |_, _| ())
    }
}

impl Crew {
    /// Ranks that a line connects. Where there are more of them than parts, rank 0 calls `surplus` with the number of ranks that have
    /// nothing to do, and the number of parts.
    pub fn new(line: Box<dyn Line>, surplus: impl Fn(usize, usize) + Send + Sync + 'static) -> Self {
        Self { line, surplus: Box::new(surplus), state: Mutex::default() }
    }

    /// Whether this is rank 0.
    pub fn is_first(&self) -> bool {
        self.line.rank() == 0
    }

    /// Number of ranks.
    pub fn ranks(&self) -> usize {
        self.line.ranks()
    }

    /// Whether there are no other ranks.
    pub fn is_alone(&self) -> bool {
        self.ranks() == 1
    }

    fn others(&self) -> std::ops::Range<usize> {
        1..self.line.ranks()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&self, to: usize, message: &Message) {
        self.line.send(to, message.to_bytes());
    }

    fn send_all(&self, message: &Message) {
        self.others().for_each(|rank| self.send(rank, message));
    }

    /// Takes in the messages that have come, after some waiting for the first.
    pub(super) fn listen(&self, patience: Duration) {
        let mut next = self.line.receive(patience);
        while let Some((from, bytes)) = next {
            self.hear(from, Message::from_bytes(&bytes));
            next = self.line.receive(Duration::ZERO);
        }
    }

    fn hear(&self, from: usize, message: Option<Message>) {
        let mut state = self.state();
        match message {
            Some(Message::Ready(inputs)) => drop(state.ready.insert(from, inputs)),
            Some(Message::Begin(None)) => state.begin = Some(Beginning::Complete),
            Some(Message::Begin(Some(done))) => state.begin = Some(Beginning::After(done.into_iter().collect())),
            Some(Message::Done(parts)) => state.done.extend(parts),
            Some(Message::Ended(seconds, failure)) => drop(state.ended.insert(from, (seconds, failure))),
            Some(Message::Over(complete)) => state.over = Some(complete),
            Some(Message::Stop) => {
                drop(state);
                self.ask_to_stop();
            }
            None => {
                let failure = Failure::of(&PartitionProblem::Message(from).into());
                state.ended.entry(from).or_insert((0.0, Some(failure)));
            }
        }
    }

    /// Asks all ranks to stop at the end of a part.
    pub(super) fn ask_to_stop(&self) {
        if std::mem::replace(&mut self.state().stop, true) {
            return;
        }
        match self.is_first() {
            true => self.send_all(&Message::Stop),
            false => self.send(0, &Message::Stop),
        }
    }

    /// Whether all ranks are to stop. A rank that failed stops the others.
    pub(super) fn is_to_stop(&self) -> bool {
        let state = self.state();
        state.stop || state.over.is_some() || state.ended.values().any(|(_, failure)| failure.is_some())
    }

    /// Rank 0: waits until all others have read the same inputs.
    ///
    /// # Errors
    /// One has failed, or has other inputs.
    pub fn gather(&self, inputs: u64) -> Result<()> {
        loop {
            self.check_ended()?;
            if self.state().ready.len() == self.others().len() {
                break;
            }
            self.listen(PATIENCE);
        }
        match self.state().ready.iter().find(|&(_, found)| *found != inputs) {
            Some((&rank, &found)) => Err(PartitionProblem::OtherInputs { rank, expected: inputs, found }.into()),
            None => Ok(()),
        }
    }

    /// Why a rank failed: that of the lowest number, where several did.
    fn check_ended(&self) -> Result<()> {
        match self.state().ended.values().find_map(|(_, failure)| failure.clone()) {
            Some(failure) => Err(failure.into()),
            None => Ok(()),
        }
    }

    /// Rank 0: tells the others where to begin.
    pub fn begin(&self, beginning: &Beginning) {
        let done = match beginning {
            Beginning::Complete => None,
            Beginning::After(done) => Some(done.iter().copied().collect()),
        };
        self.send_all(&Message::Begin(done));
    }

    /// Another rank: tells rank 0 of its inputs, and waits until it knows where to begin.
    ///
    /// # Errors
    /// The run is over.
    pub fn await_beginning(&self, inputs: u64) -> Result<Beginning> {
        self.send(0, &Message::Ready(inputs));
        loop {
            if let Some(beginning) = self.state().begin.take() {
                return Ok(beginning);
            }
            self.check_over()?;
            self.listen(PATIENCE);
        }
    }

    fn check_over(&self) -> Result<(), PartitionProblem> {
        if self.state().over == Some(false) { Err(PartitionProblem::EndedElsewhere) } else { Ok(()) }
    }

    /// Which of some parts, of these sizes, are this rank's.
    pub fn own(&self, sizes: &[u64]) -> Vec<bool> {
        let owners = super::shares(sizes, self.line.ranks());
        let busy: BTreeSet<usize> = owners.iter().copied().collect();
        let surplus = self.line.ranks() - busy.len();
        if self.is_first() && !self.is_alone() && surplus > 0 {
            (self.surplus)(surplus, sizes.len());
        }
        self.state().busy = busy;
        owners.iter().map(|owner| *owner == self.line.rank()).collect()
    }

    /// Tells what is done: rank 0 itself, the others by a message.
    pub(super) fn tell_done(&self, done: Vec<Done>) {
        self.send(0, &Message::Done(done));
    }

    /// Rank 0: what others have done since the last call.
    pub(super) fn take_done(&self) -> Vec<Done> {
        std::mem::take(&mut self.state().done)
    }

    /// Rank 0: whether all others have ended.
    pub(super) fn have_ended(&self) -> bool {
        self.state().ended.len() == self.others().len()
    }

    pub(super) fn worked(&self, seconds: f64) {
        self.state().worked_s = seconds;
    }

    /// What another rank did wrong, once all have ended.
    ///
    /// # Errors
    /// That.
    pub(super) fn ended_well(&self) -> Result<()> {
        if self.is_first() { self.check_ended() } else { Ok(()) }
    }

    /// Ends this rank's share: once only, and after what was done has been told.
    pub(super) fn end_share(&self, failure: Option<&Error>) {
        let mut state = self.state();
        let rank = self.line.rank();
        if self.is_first() || state.ended.contains_key(&rank) {
            return;
        }
        let (seconds, failure) = (state.worked_s, failure.map(Failure::of));
        state.ended.insert(rank, (seconds, failure.clone()));
        self.send(0, &Message::Ended(seconds, failure));
    }

    /// Another rank: waits until rank 0 has made the output complete.
    ///
    /// # Errors
    /// It is not to become complete.
    pub fn await_end(&self) -> Result<()> {
        while self.state().over.is_none() {
            self.listen(PATIENCE);
        }
        Ok(self.check_over()?)
    }

    /// Ends the run, whichever way: rank 0 tells the others, and all wait until nothing more is said. Every rank calls this
    /// last, rank 0 when it has told the user.
    pub fn end(&self, outcome: Result<(), &Error>) {
        if self.is_first() {
            self.over(outcome.is_ok());
            while !self.have_ended() {
                self.listen(PATIENCE);
            }
        } else {
            self.end_share(outcome.err());
            // how it ended is told by rank 0
            drop(self.await_end());
        }
    }

    fn over(&self, complete: bool) {
        if self.state().over.replace(complete).is_none() {
            self.send_all(&Message::Over(complete));
        }
    }

    /// How the work was shared, as rank 0 knows at the end; none where less than two ranks had some.
    pub fn balance(&self) -> Option<Balance> {
        let state = self.state();
        if !self.is_first() || state.busy.len() < 2 {
            return None;
        }
        let seconds = |rank: &usize| match rank {
            0 => state.worked_s,
            rank => state.ended.get(rank).map_or(0.0, |(seconds, _)| *seconds),
        };
        let seconds: Vec<f64> = state.busy.iter().map(seconds).collect();
        let mean_s = seconds.iter().sum::<f64>() / seconds.len() as f64;
        Some(Balance { ranks: seconds.len(), slowest_s: seconds.iter().copied().fold(0.0, f64::max), mean_s })
    }
}
