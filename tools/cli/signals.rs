//! Handles signals: SIGINT, SIGTERM and SIGUSR1 (which `mpirun` and Slurm forward) request a stop at the end of a part;
//! a second one ends the program at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1};
use signal_hook::flag;

/// Whether a stop was requested.
pub struct StopSignal(Arc<AtomicBool>);

impl StopSignal {
    /// Installs the signal handlers.
    pub fn install() -> Self {
        let requested = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGUSR1] {
            // this order matters: the first handler runs the default action only if an earlier signal has set the flag.
            // Errors are ignored: without handlers a signal ends the program at once, and the next run can resume all
            // the same
            drop(flag::register_conditional_default(signal, requested.clone()));
            drop(flag::register(signal, requested.clone()));
        }
        Self(requested)
    }

    /// Returns whether to stop.
    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
