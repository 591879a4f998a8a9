//! Calls of the HDF5 library that a damaged file can end badly: those that never return, and those that crash.
//!
//! Nothing in the process can end a call from outside, and no check of ours can tell that a call will crash; later
//! versions of the library are safe where 1.10 is not. So each call is recorded while it lasts. A
//! program can ask for one that computes for too long, [`hung_call`], and its handler of fatal signals can write what
//! [`crash_report`] gives, which names the file and the object.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Hdf5File, Hdf5Problem};
use crate::error::{Error, ErrorLocation, Problem};

/// What a call may compute. Strings and attributes are read in pieces of far less.
const MAX_CPU_TIME: Duration = Duration::from_secs(5);

/// A call that has begun.
struct LibraryCall {
    clock: libc::clockid_t,
    started_at: Duration,
    path: PathBuf,
    object: String,
}

static CALLS: Mutex<BTreeMap<u64, LibraryCall>> = Mutex::new(BTreeMap::new());
static NEXT_CALL: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// The report of the innermost call of this thread: where it is, and its length.
    static REPORT: Cell<(*const u8, usize)> = const { Cell::new((std::ptr::null(), 0)) };
}

fn lock_calls() -> MutexGuard<'static, BTreeMap<u64, LibraryCall>> {
    CALLS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A call is recorded for as long as this is there.
pub(super) struct CallGuard {
    /// Its number among the calls that should be short.
    number: Option<u64>,
    /// What a crash is reported with; a signal handler cannot allocate.
    _report: String,
    outer: (*const u8, usize),
}

impl Drop for CallGuard {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            lock_calls().remove(&number);
        }
        REPORT.set(self.outer);
    }
}

impl Hdf5File {
    /// Records that a call that should be short begins.
    pub(super) fn watch_call(&self, object: &str) -> CallGuard {
        watch_call_on(self.path.clone(), object)
    }

    /// Records that a call begins, however long it takes: one that reads values.
    pub(super) fn record_call(&self, object: &str) -> CallGuard {
        begin_call(&self.path, object, None)
    }
}

/// Records that a call begins.
pub(super) fn watch_call_on(path: PathBuf, object: &str) -> CallGuard {
    let number = NEXT_CALL.fetch_add(1, Ordering::Relaxed);
    let clock = own_clock();
    let watched = begin_call(&path, object, Some(number));
    lock_calls().insert(number, LibraryCall { clock, started_at: clock_time(clock), path, object: object.into() });
    watched
}

fn begin_call(path: &Path, object: &str, number: Option<u64>) -> CallGuard {
    let report = format_report(&Error::new(ErrorLocation::file(path).with_item(object), Hdf5Problem::Crash));
    let outer = REPORT.replace((report.as_ptr(), report.len()));
    CallGuard { number, _report: report, outer }
}

/// An error and its hint as a program writes them.
fn format_report(error: &Error) -> String {
    let hint = Hdf5Problem::Crash.hint().unwrap_or_default();
    format!("error: {error}\nhint: {hint}\n")
}

/// A call of the HDF5 library that computes for more than 5 s and will not return, as an error of its file.
///
/// The library's lock stays taken: the process can only report it, and end without the library's leave.
pub fn hung_call() -> Option<Error> {
    let (path, object) = calls_longer_than(MAX_CPU_TIME).into_iter().next()?;
    Some(Error::new(
        ErrorLocation::file(&path).with_item(object),
        Hdf5Problem::Hung { seconds: MAX_CPU_TIME.as_secs() },
    ))
}

/// The calls that have computed for longer than this: their files and objects.
fn calls_longer_than(limit: Duration) -> Vec<(PathBuf, String)> {
    let calls = lock_calls();
    let longer = calls.values().filter(|call| clock_time(call.clock).saturating_sub(call.started_at) > limit);
    longer.map(|call| (call.path.clone(), call.object.clone())).collect()
}

/// Longest report about the last file that is kept.
const MAX_LAST_REPORT_BYTES: usize = 4096;
/// The report for a crash outside of a call: the library can damage the process's memory, which shows later.
static LAST_REPORT: [AtomicU8; MAX_LAST_REPORT_BYTES] = [const { AtomicU8::new(0) }; MAX_LAST_REPORT_BYTES];
static LAST_REPORT_LENGTH: AtomicUsize = AtomicUsize::new(0);

/// Records that a file is open.
pub(super) fn record_opened(path: &Path) {
    let report = format_report(&Error::new(ErrorLocation::file(path), Hdf5Problem::LaterCrash));
    let bytes = if report.len() <= MAX_LAST_REPORT_BYTES { report.as_bytes() } else { &[] };
    LAST_REPORT_LENGTH.store(0, Ordering::Release);
    bytes.iter().zip(&LAST_REPORT).for_each(|(byte, place)| place.store(*byte, Ordering::Relaxed));
    LAST_REPORT_LENGTH.store(bytes.len(), Ordering::Release);
}

/// Hands the report of a crash of this thread to `write`, piece by piece: of the call that it is in, or else of the last
/// file that was opened. Gives whether there is one. A signal handler may call it: it takes no lock and allocates nothing.
pub fn crash_report(write: impl Fn(&[u8])) -> bool {
    let (start, length) = REPORT.get();
    if !start.is_null() {
        // SAFETY: the report belongs to a `Watched` of this thread that is not dropped yet
        write(unsafe { std::slice::from_raw_parts(start, length) });
        return true;
    }
    let length = LAST_REPORT_LENGTH.load(Ordering::Acquire);
    let mut copy = [0; MAX_LAST_REPORT_BYTES];
    copy.iter_mut().zip(&LAST_REPORT).for_each(|(to, byte)| *to = byte.load(Ordering::Relaxed));
    copy.get(..length).filter(|report| !report.is_empty()).map(write).is_some()
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

fn clock_time(clock: libc::clockid_t) -> Duration {
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
        let own = || calls_longer_than(limit).into_iter().any(|(_, object)| object == "/circles");
        let call = watch_call_on("a.h5".into(), "/circles");
        std::thread::sleep(2 * limit);
        assert!(!own(), "who sleeps does not compute");
        let start = Instant::now();
        while !own() {
            assert!(start.elapsed() < Duration::from_secs(60));
        }
        drop(call);
        assert!(!own());
    }

    #[test]
    fn a_crash_is_reported_of_the_innermost_call_and_else_of_the_last_file() {
        let told = || {
            let text = std::cell::RefCell::new(String::new());
            crash_report(|bytes| text.borrow_mut().push_str(std::str::from_utf8(bytes).unwrap()));
            text.into_inner()
        };
        let hint =
            "hint: the file is damaged: make it again, or fetch it again; a program built with HDF5 2 may read it\n";
        let outer = watch_call_on("a.h5".into(), "/x");
        let inner = watch_call_on("a.h5".into(), "/x/y");
        let text = |object: &str| {
            format!(
                "error: a.h5: {object}: damaged, expected an object that the HDF5 library reads, found one at which it crashes\n{hint}"
            )
        };
        assert_eq!(told(), text("/x/y"));
        drop(inner);
        assert_eq!(told(), text("/x"));
        drop(outer);
        record_opened(Path::new("b.h5"));
        // other tests open files, too
        assert!(told().ends_with(&format!("found one after which the program crashes\n{hint}")), "{}", told());
    }
}
