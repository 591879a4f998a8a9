//! The scribe: a thread that syncs the output, then journals the parts that had been written, while others are computed.

use std::sync::mpsc::{Receiver, Sender, channel};

use crate::error::Result;
use crate::journal::{Done, Journal};
use crate::sonata::electrodes_file::Writer;

/// The end of the line to the scribe.
pub struct Scribe(Sender<Done>);

impl Scribe {
    /// Tells that a part is written. False where the scribe had to give up: its error is told at the end.
    pub fn tell(&self, done: Done) -> bool {
        self.0.send(done).is_ok()
    }
}

/// Does work with a scribe at hand. Gives the number of parts that were journalled, and what went wrong.
pub fn with(writer: &Writer, journal: &mut Journal, work: impl FnOnce(&Scribe) -> Result<()>) -> (u64, Result<()>) {
    std::thread::scope(|scope| {
        let (tell, told) = channel();
        let scribe = scope.spawn(move || record(writer, journal, &told));
        let worked = work(&Scribe(tell));
        let (parts, recorded) = scribe.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (parts, recorded.and(worked))
    })
}

/// Syncs once for all parts that were told in the meantime.
fn record(writer: &Writer, journal: &mut Journal, told: &Receiver<Done>) -> (u64, Result<()>) {
    let mut parts = 0;
    while let Ok(first) = told.recv() {
        let done: Vec<Done> = std::iter::once(first).chain(told.try_iter()).collect();
        let recorded = writer.sync().and_then(|()| journal.add(&done));
        if recorded.is_err() {
            return (parts, recorded);
        }
        parts += done.len() as u64;
    }
    (parts, Ok(()))
}
