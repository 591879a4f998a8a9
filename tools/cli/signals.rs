//! Signals: SIGINT, SIGTERM and SIGUSR1, which is what `mpirun` and Slurm pass on, ask for a stop at the end of a part; a second
//! one ends the program at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1};
use signal_hook::flag;

/// Whether a stop has been asked for.
pub struct StopSignal(Arc<AtomicBool>);

impl StopSignal {
    /// Listens from now on.
    pub fn install() -> Self {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGUSR1] {
            // in this order: what a signal finds set by an earlier one lets it do what it does to other programs. Where the
            // system lets nobody listen, it does so at once; then, too, the next run goes on behind the last whole part
            drop(flag::register_conditional_default(signal, asked.clone()));
            drop(flag::register(signal, asked.clone()));
        }
        Self(asked)
    }

    /// Whether to stop.
    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
