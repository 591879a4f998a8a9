//! Calls of the HDF5 library that do not come back: a damaged file can lead it round in a circle.
//!
//! Nothing can end such a call from outside, and as the library is one for all threads, none of them gets on. So calls
//! that should be short are noted while they last, and a program can ask for one that computes for too long: see
//! [`stuck`].

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{File, H5Problem};
use crate::error::{Error, Place};

/// What a call may compute. Strings and attributes are read in pieces of far less.
const LONGEST: Duration = Duration::from_secs(5);

/// A call that has begun.
struct Call {
    clock: libc::clockid_t,
    since: Duration,
    path: PathBuf,
    object: String,
}

static CALLS: Mutex<BTreeMap<u64, Call>> = Mutex::new(BTreeMap::new());
static NEXT: AtomicU64 = AtomicU64::new(0);

fn calls() -> MutexGuard<'static, BTreeMap<u64, Call>> {
    CALLS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A call is noted for as long as this is there.
pub(super) struct Watched(u64);

impl Drop for Watched {
    fn drop(&mut self) {
        calls().remove(&self.0);
    }
}

impl File {
    /// Notes that a call that should be short begins.
    pub(super) fn watched(&self, object: &str) -> Watched {
        watched(self.path.clone(), object)
    }
}

/// Notes that a call begins.
pub(super) fn watched(path: PathBuf, object: &str) -> Watched {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let clock = own_clock();
    calls().insert(number, Call { clock, since: now(clock), path, object: object.into() });
    Watched(number)
}

/// A call of the HDF5 library that computes for more than 5 s and will not come back, as an error of its file.
///
/// The library's lock stays taken: the process can do no more than tell, and end without the library's leave.
pub fn stuck() -> Option<Error> {
    let (path, object) = longer_than(LONGEST).into_iter().next()?;
    Some(Error::new(Place::file(&path).object(object), H5Problem::Stuck { seconds: LONGEST.as_secs() }))
}

/// The calls that have computed for longer than this: their files and objects.
fn longer_than(limit: Duration) -> Vec<(PathBuf, String)> {
    let calls = calls();
    let longer = calls.values().filter(|call| now(call.clock).saturating_sub(call.since) > limit);
    longer.map(|call| (call.path.clone(), call.object.clone())).collect()
}

/// The clock that counts what this thread computes.
#[cfg(target_os = "linux")]
fn own_clock() -> libc::clockid_t {
    let mut clock = libc::CLOCK_MONOTONIC;
    // SAFETY: the thread is the one that asks, and the place to write to is its own; on failure it is left as it is
    unsafe { libc::pthread_getcpuclockid(libc::pthread_self(), &raw mut clock) };
    clock
}

/// The clock on the wall, where threads have none of their own.
#[cfg(not(target_os = "linux"))]
fn own_clock() -> libc::clockid_t {
    libc::CLOCK_MONOTONIC
}

fn now(clock: libc::clockid_t) -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the place to write to is valid; on failure it is left as it is
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_call_is_too_long_when_its_thread_has_computed_for_too_long() {
        let limit = Duration::from_millis(20);
        let own = || longer_than(limit).into_iter().any(|(_, object)| object == "/circles");
        let call = watched("a.h5".into(), "/circles");
        std::thread::sleep(2 * limit);
        assert!(!own(), "who sleeps does not compute");
        let start = Instant::now();
        while !own() {
            assert!(start.elapsed() < Duration::from_secs(60));
        }
        drop(call);
        assert!(!own());
    }
}
