//! Runs the library's work without the interpreter's lock, so that other threads continue and Ctrl-C takes effect.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use leadfield::Result;
use leadfield::error::Problem;
use leadfield::io::input_file::InputRecording;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use super::errors::OrRaise;
use super::processes;

/// Interval between two checks for signals, and between two reports of progress.
const TICK: Duration = Duration::from_millis(50);

/// An event that wakes the waiting thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wake {
    /// Something is done for the first time.
    FirstProgress,
    /// The work is over.
    End,
}

/// The state that the work and the waiting thread share.
#[derive(Debug)]
pub struct Watch {
    stop: AtomicBool,
    done: AtomicU64,
    has_progress: AtomicBool,
    waiting: Sender<Wake>,
}

impl Watch {
    /// Returns whether the work should stop.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Adds to what is done. The first time, the waiting thread reports it at once, so that an exception of the caller's
    /// function ends short work early, too.
    pub fn add_progress(&self, count: u64) {
        self.done.fetch_add(count, Ordering::Relaxed);
        if count > 0 && !self.has_progress.swap(true, Ordering::Relaxed) {
            self.wake(Wake::FirstProgress);
        }
    }

    fn wake(&self, why: Wake) {
        // the receiver lives as long as the work
        let _ = self.waiting.send(why);
    }

    /// Returns an error if the work should stop.
    pub fn check(&self) -> Result<()> {
        if self.is_stopped() { Err(Stopped.into()) } else { Ok(()) }
    }
}

/// Ends work that was stopped; the exception of the signal takes its place.
#[derive(Debug, thiserror::Error)]
#[error("stopped on request")]
struct Stopped;

impl Problem for Stopped {
    fn kind(&self) -> leadfield::error::ErrorKind {
        leadfield::error::ErrorKind::Interrupted
    }
}

/// Runs long work in a separate thread. The calling thread handles signals, and calls `progress` with the amount done since
/// the last call. If either raises an exception, the work is asked to stop, and the exception is raised.
pub fn run<T: Send>(
    py: Python<'_>,
    progress: Option<&Bound<'_, PyAny>>,
    work: impl FnOnce(&Watch) -> Result<T> + Send,
) -> PyResult<T> {
    let progress = progress.map(|callback| callback.clone().unbind());
    py.detach(|| {
        let (waiting, woken) = channel();
        let watch = Watch { stop: false.into(), done: 0.into(), has_progress: false.into(), waiting };
        std::thread::scope(|scope| {
            let shared = &watch;
            let worker = scope.spawn(move || {
                let _end = EndGuard(shared);
                processes::install(|| {
                    let _inputs = InputRecording::start();
                    work(shared)
                })
            });
            let mut raised = None;
            loop {
                let wake = woken.recv_timeout(TICK);
                if raised.is_none() {
                    raised = Python::attach(|py| tick(py, &watch, progress.as_ref())).err();
                    watch.stop.fetch_or(raised.is_some(), Ordering::Relaxed);
                }
                if matches!(wake, Ok(Wake::End) | Err(RecvTimeoutError::Disconnected)) {
                    break;
                }
            }
            match (raised, worker.join()) {
                (Some(exception), _) => Err(exception),
                (None, Ok(result)) => result.or_raise(),
                (None, Err(_)) => Err(PyRuntimeError::new_err("the library panicked; please report this")),
            }
        })
    })
}

/// Wakes the waiting thread when the work is over, even by a panic.
struct EndGuard<'a>(&'a Watch);

impl Drop for EndGuard<'_> {
    fn drop(&mut self) {
        self.0.wake(Wake::End);
    }
}

/// Handles signals, and reports progress.
fn tick(py: Python<'_>, watch: &Watch, progress: Option<&Py<PyAny>>) -> PyResult<()> {
    py.check_signals()?;
    let done = watch.done.swap(0, Ordering::Relaxed);
    match progress {
        Some(callback) if done > 0 => callback.call1(py, (done,)).map(drop),
        _ => Ok(()),
    }
}

/// Runs short work without the interpreter's lock.
pub fn run_short<T: Send>(py: Python<'_>, work: impl FnOnce() -> Result<T> + Send) -> PyResult<T> {
    let recorded = || {
        let _inputs = InputRecording::start();
        work()
    };
    py.detach(|| processes::install(recorded)).or_raise()
}
