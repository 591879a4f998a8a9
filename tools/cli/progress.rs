//! Shows progress: a bar on a terminal, otherwise a plain line every ten seconds; nothing with `--quiet`.

use std::fmt::Write;
use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressState, ProgressStyle};

use super::{Common, console};

/// Interval between plain lines.
const REPORT_INTERVAL: Duration = Duration::from_secs(10);

/// No remaining time is estimated before this much time has passed.
const ESTIMATE_DELAY: Duration = Duration::from_secs(2);

/// Writes the estimated remaining time.
fn write_remaining(state: &ProgressState, out: &mut dyn Write) {
    if state.elapsed() >= ESTIMATE_DELAY {
        // the bar is drawn all the same if this fails
        let _: std::fmt::Result = write!(out, " (eta {:#})", HumanDuration(state.eta()));
    }
}

/// Counts units of work done.
pub struct Progress {
    bar: ProgressBar,
    noun: &'static str,
    plain: Option<Mutex<Instant>>,
}

impl Progress {
    /// Starts counting `total` units named `noun` (e.g. `neurons`).
    pub fn new(common: &Common, noun: &'static str, total: u64) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar = if terminal && !common.quiet { ProgressBar::new(total) } else { ProgressBar::hidden() };
        bar.set_length(total);
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {human_pos}/{human_len} {msg} {elapsed}{remaining}") {
            bar.set_style(style.with_key("remaining", write_remaining));
        }
        bar.set_message(noun);
        let plain = (!terminal && !common.quiet).then(|| Mutex::new(Instant::now()));
        Self { bar, noun, plain }
    }

    /// Adds `n` units.
    pub fn add(&self, n: u64) {
        self.bar.inc(n);
        let Some(Ok(mut last)) = self.plain.as_ref().map(Mutex::lock) else { return };
        if last.elapsed() >= REPORT_INTERVAL {
            *last = Instant::now();
            let (done, all) = (self.bar.position(), self.bar.length().unwrap_or(0));
            console::note(format_args!("{done} of {all} {}", self.noun));
        }
    }

    /// Returns the bar, which another thread may remove.
    pub fn bar(&self) -> ProgressBar {
        self.bar.clone()
    }

    /// Prints a line above the bar, unless `--quiet`.
    pub fn print_note(&self, common: &Common, text: impl std::fmt::Display) {
        self.suspend(|| common.print_note(text));
    }

    /// Hides the bar while a function prints.
    pub fn suspend(&self, print: impl FnOnce()) {
        self.bar.suspend(print);
    }

    /// Removes the bar.
    pub fn finish(self) {
        self.bar.finish_and_clear();
    }
}
