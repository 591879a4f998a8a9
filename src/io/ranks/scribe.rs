//! The scribe: a thread that makes parts safe on the disk and journals them while others are computed. That of rank 0 journals what
//! all ranks have done, as they tell it; that of another rank tells it.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use super::crew::{Crew, PATIENCE};
use crate::error::{Error, Result};
use crate::io::checkpoint::{Done, Journal};

/// What the scribe works with.
#[derive(Clone, Copy)]
pub struct Scribe<'a> {
    /// The ranks.
    pub crew: &'a Crew,
    /// Makes what this rank has written safe on the disk.
    pub sync: &'a (dyn Fn() -> Result<()> + Sync),
    /// Whether the user has asked to stop.
    pub stop: &'a (dyn Fn() -> bool + Sync),
    /// Told the number of segments in parts that other ranks have done.
    pub elsewhere: &'a (dyn Fn(u64) + Sync),
}

/// The end of the line to the scribe.
pub struct Journalled<'a> {
    scribe: Scribe<'a>,
    tell: Sender<Done>,
}

impl Journalled<'_> {
    /// Tells that a part is written. False where the scribe had to give up: its error is told at the end.
    pub fn tell(&self, done: Done) -> bool {
        self.tell.send(done).is_ok()
    }

    /// Whether to leave the rest to a later run: the user asked for that, or another rank failed.
    pub fn is_to_stop(&self) -> bool {
        self.scribe.asked()
    }
}

/// Does this rank's share of the parts with a scribe at hand, and waits for the others. Gives the number of parts that were
/// journalled, of all ranks as far as this is rank 0, and what went wrong.
///
/// `journal` is that of rank 0.
pub fn with_scribe(
    scribe: Scribe<'_>,
    mut journal: Option<&mut Journal>,
    work: impl FnOnce(&Journalled<'_>) -> Result<()>,
) -> (u64, Result<()>) {
    let crew = scribe.crew;
    let started = Instant::now();
    let (mut parts, mut result) = std::thread::scope(|scope| {
        let (tell, told) = channel();
        let journal = journal.as_deref_mut();
        let recorder = scope.spawn(move || scribe.record(journal, &told));
        let worked = work(&Journalled { scribe, tell });
        let (parts, recorded) = recorder.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (parts, recorded.and(worked))
    });
    crew.worked(started.elapsed().as_secs_f64());
    crew.end_share(result.as_ref().err());
    if let Some(journal) = journal.filter(|_| !crew.is_alone()) {
        let others = scribe.await_others(journal, &mut result);
        parts += others;
    }
    (parts, result.and_then(|()| crew.ended_well()))
}

impl Scribe<'_> {
    /// Whether to stop; where the user asks it of this rank, the others hear of it.
    fn asked(&self) -> bool {
        if (self.stop)() {
            self.crew.ask_to_stop();
        }
        self.crew.is_to_stop()
    }

    /// Syncs once for all parts that were told in the meantime.
    fn record(&self, mut journal: Option<&mut Journal>, told: &Receiver<Done>) -> (u64, Result<()>) {
        let mut parts = 0;
        loop {
            let own = match self.next(told) {
                Ok(first) => first.into_iter().chain(told.try_iter()).collect::<Vec<Done>>(),
                Err(()) => return (parts, Ok(())),
            };
            match self.record_some(journal.as_deref_mut(), own) {
                Ok(recorded) => parts += recorded,
                Err(error) => return (parts, Err(error)),
            }
        }
    }

    /// The next part, if there is one already; an error where there will be none.
    fn next(&self, told: &Receiver<Done>) -> Result<Option<Done>, ()> {
        if self.crew.is_alone() {
            return told.recv().map(Some).map_err(drop);
        }
        self.asked();
        match told.recv_timeout(PATIENCE) {
            Ok(first) => Ok(Some(first)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(()),
        }
    }

    fn record_some(&self, journal: Option<&mut Journal>, own: Vec<Done>) -> Result<u64> {
        self.crew.listen(Duration::ZERO);
        if !own.is_empty() {
            (self.sync)()?;
        }
        match journal {
            Some(journal) => self.journal(journal, own),
            None if own.is_empty() => Ok(0),
            None => {
                let parts = own.len() as u64;
                self.crew.tell_done(own);
                Ok(parts)
            }
        }
    }

    /// Rank 0: journals what is done, here and elsewhere.
    fn journal(&self, journal: &mut Journal, own: Vec<Done>) -> Result<u64> {
        let others = self.crew.take_done();
        if !others.is_empty() {
            (self.elsewhere)(others.iter().map(|done| done.segments).sum());
        }
        let all: Vec<Done> = own.into_iter().chain(others).collect();
        if !all.is_empty() {
            journal.add(&all)?;
        }
        Ok(all.len() as u64)
    }

    /// Rank 0: waits until the others have ended, which they do soon if this one has failed.
    fn await_others(&self, journal: &mut Journal, result: &mut Result<(), Error>) -> u64 {
        let mut parts = 0;
        loop {
            if result.is_err() || self.asked() {
                self.crew.ask_to_stop();
            }
            // asked before the last messages are taken in, so that none is lost
            let ended = self.crew.have_ended();
            match self.journal(journal, Vec::new()) {
                Ok(recorded) => parts += recorded,
                Err(error) if result.is_ok() => *result = Err(error),
                // the first failure is told
                Err(_) => {}
            }
            if ended {
                return parts;
            }
            self.crew.listen(PATIENCE);
        }
    }
}
