//! Work in a process that was forked.
//!
//! A fork copies only the thread that calls it. The worker threads of the process that loaded the module do not exist in
//! its children, so that work given to them would wait forever: a child starts threads of its own.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use leadfield::Result;
use leadfield::error::{ErrorKind, Problem};
use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

/// The process that loaded the module.
static FIRST: OnceLock<u32> = OnceLock::new();
/// The worker threads of a child, and the process in which they run.
static POOL: Mutex<Option<(u32, Arc<ThreadPool>)>> = Mutex::new(None);

/// The worker threads cannot be started.
#[derive(Debug, thiserror::Error)]
#[error("the worker threads of the forked process cannot be started: {0}")]
struct PoolProblem(#[from] ThreadPoolBuildError);

impl Problem for PoolProblem {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Io
    }
}

/// Records the process that loads the module.
pub fn record_first() {
    FIRST.get_or_init(std::process::id);
}

/// Returns whether this process is a fork of the one that loaded the module.
pub fn is_forked() -> bool {
    FIRST.get().is_some_and(|first| *first != std::process::id())
}

/// Starts threads for this process.
fn start_pool() -> Result<ThreadPool> {
    Ok(ThreadPoolBuilder::new().build().map_err(PoolProblem)?)
}

/// Calls a function in a worker thread of this process, or in this thread if the process was not forked.
pub fn install<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    if !is_forked() {
        return work();
    }
    let pool = {
        let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
        match &*pool {
            Some((process, own)) if *process == std::process::id() => own.clone(),
            other => {
                // the threads of the parent's pool are not here to end it
                other.iter().for_each(|(_, lost)| std::mem::forget(lost.clone()));
                let own = Arc::new(start_pool()?);
                *pool = Some((std::process::id(), own.clone()));
                own
            }
        }
    };
    pool.install(work)
}

/// Calls a search that waits for the reader of its rows: in a forked process with threads of its own.
pub fn call_search(search: &mut (dyn FnMut() + Send)) {
    match is_forked().then(start_pool) {
        Some(Ok(pool)) => pool.install(search),
        // without threads the search works in one
        Some(Err(_)) | None => search(),
    }
}
