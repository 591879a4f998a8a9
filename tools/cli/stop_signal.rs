//! Handles signals: SIGINT, SIGTERM and SIGUSR1 (which `mpirun` and Slurm forward) request a stop at the end of a part;
//! a second one ends the program at once.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use leadfield::io::ranks::UnitCounter;
use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1};
use signal_hook::flag;

use super::Common;
use super::progress::Progress;

/// Interval between looks for a signal.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Exit codes of runs that a signal stopped begin above this.
const SIGNAL_EXIT_CODE: usize = 128;

/// The state that the signal handlers set; they are installed once.
static FLAGS: OnceLock<Flags> = OnceLock::new();

struct Flags {
    is_requested: Arc<AtomicBool>,
    /// The last signal; 0 before.
    signal: Arc<AtomicUsize>,
}

impl Flags {
    fn install() -> Self {
        let (is_requested, signal) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        for number in [SIGINT, SIGTERM, SIGUSR1] {
            // this order matters: the first handler runs the default action only if an earlier signal has set the flag.
            // Errors are ignored: without handlers a signal ends the program at once, and the next run can resume all
            // the same
            drop(flag::register_conditional_default(number, is_requested.clone()));
            drop(flag::register_usize(number, signal.clone(), usize::try_from(number).unwrap_or(0)));
            drop(flag::register(number, is_requested.clone()));
        }
        Self { is_requested, signal }
    }
}

/// Returns the exit code of a run that a signal stopped: 130 after Ctrl-C; 0 if there was no signal.
pub fn exit_code() -> u8 {
    let signal = FLAGS.get().map_or(0, |flags| flags.signal.load(Ordering::Relaxed));
    if signal > 0 { u8::try_from(SIGNAL_EXIT_CODE + signal).unwrap_or(u8::MAX) } else { 0 }
}

/// Whether a stop was requested. While it exists, the first signal is answered with a line.
pub struct StopSignal {
    is_requested: Arc<AtomicBool>,
    has_ended: Arc<AtomicBool>,
    answer: Option<std::thread::JoinHandle<()>>,
}

impl StopSignal {
    /// Installs the signal handlers, and a thread that answers the first signal and removes the progress bar.
    pub fn install(common: &Common, progress: &Progress) -> Self {
        let flags = FLAGS.get_or_init(Flags::install);
        let mut stop = Self { is_requested: flags.is_requested.clone(), has_ended: Arc::default(), answer: None };
        let (is_requested, has_ended) = (stop.is_requested.clone(), stop.has_ended.clone());
        let (is_quiet, units, signal) = (common.quiet, common.ranks().units(), flags.signal.clone());
        let has_counts = common.ranks().size() == 1;
        let bar = progress.bar();
        let answer = move || {
            while !is_requested.load(Ordering::Relaxed) {
                if has_ended.load(Ordering::Relaxed) {
                    return;
                }
                std::thread::sleep(POLL_INTERVAL);
            }
            bar.finish_and_clear();
            if !is_quiet {
                let is_from_keyboard = signal.load(Ordering::Relaxed) == SIGINT as usize;
                super::console::note(describe_stop(&units, has_counts, is_from_keyboard));
            }
        };
        // without the thread the run stops all the same
        stop.answer = std::thread::Builder::new().name("signals".into()).spawn(answer).ok();
        stop
    }

    /// Returns whether to stop.
    pub fn is_requested(&self) -> bool {
        self.is_requested.load(Ordering::Relaxed)
    }
}

impl Drop for StopSignal {
    fn drop(&mut self) {
        self.has_ended.store(true, Ordering::Relaxed);
        // a run that stops at once is answered before its error is printed
        if let Some(answer) = self.answer.take().filter(|_| self.is_requested()) {
            drop(answer.join());
        }
    }
}

/// Returns the answer to the first signal.
fn describe_stop(units: &UnitCounter, has_counts: bool, is_from_keyboard: bool) -> String {
    let (done, all) = (units.done(), units.all());
    let which = if has_counts && all > 0 { format!(" ({} of {all})", (done + 1).min(all)) } else { String::new() };
    let again = if is_from_keyboard { "; press again to end now" } else { "" };
    format!("stopping after this part{which}{again}")
}
