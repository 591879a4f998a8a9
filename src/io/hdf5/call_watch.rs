//! Watches calls of the HDF5 library, because on a damaged file they may never return, allocate without end or crash.
//!
//! Nothing in the process can end a call from outside, and no check before a call can predict a crash; later versions
//! of the library are safe where 1.10 is not. So each call is recorded while it runs. A program can ask for a call that
//! computes for too long or takes too much memory with [`runaway_call`], and its handler of fatal signals can write the
//! text of [`crash_report`], which names the file and the object.
//!
//! Memory is bounded here and not by a check of the structures that the library is going to read: lists of free space
//! that lead back to themselves exist in several of them (local heaps, fractal heaps, free-space managers), and to find
//! one takes the groups, headers and trees above it, that is, a second reader of the whole format.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Hdf5File, Hdf5Problem};
use crate::error::{Error, ErrorLocation, Problem};

/// CPU time that a call may take. Strings and attributes are read in pieces that need far less.
const MAX_CPU_TIME: Duration = Duration::from_secs(5);

/// Memory by which the process may grow during a call, bytes. A watched call reads names, types and attributes: a group
/// of a million members takes 200 MB. Calls that read values are not watched.
const MAX_MEMORY_GROWTH: u64 = 512 << 20;

/// CPU time after which the growth is attributed to a call. Other threads allocate too, but a call that reads names
/// returns sooner, and one that waits for the disk or for the library's lock does not compute.
const MIN_CPU_TIME_OF_GROWTH: Duration = Duration::from_millis(50);

/// A call in progress.
pub(super) struct LibraryCall {
    clock: libc::clockid_t,
    started_at: Duration,
    path: PathBuf,
    object: String,
    /// Memory of the process at the first check that saw the call, bytes: reading it at the begin would take as long as
    /// most calls.
    memory_at_first_check: Option<u64>,
}

/// What a call may take.
#[derive(Debug, Clone, Copy)]
struct CallLimits {
    cpu_time: Duration,
    memory_growth: u64,
}

const LIMITS: CallLimits = CallLimits { cpu_time: MAX_CPU_TIME, memory_growth: MAX_MEMORY_GROWTH };

static CALLS: Mutex<BTreeMap<u64, LibraryCall>> = Mutex::new(BTreeMap::new());
static NEXT_CALL: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// Address and length of the report of this thread's innermost call.
    static REPORT: Cell<(*const u8, usize)> = const { Cell::new((std::ptr::null(), 0)) };
}

pub(super) fn lock_calls() -> MutexGuard<'static, BTreeMap<u64, LibraryCall>> {
    CALLS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Records a call until it is dropped.
pub(super) struct CallGuard {
    /// The number of a watched call; `None` if the call may take any time.
    number: Option<u64>,
    /// The text of a crash report, formatted in advance because a signal handler cannot allocate.
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
    /// Records the begin of a call that must be short.
    pub(super) fn watch_call(&self, object: &str) -> CallGuard {
        watch_call_on(self.path.clone(), object)
    }

    /// Records the begin of a call that may take any time, such as one that reads values.
    pub(super) fn record_call(&self, object: &str) -> CallGuard {
        begin_call(&self.path, object, None)
    }
}

/// Records the begin of a call that must be short.
pub(super) fn watch_call_on(path: PathBuf, object: &str) -> CallGuard {
    let number = NEXT_CALL.fetch_add(1, Ordering::Relaxed);
    let clock = thread_clock();
    let watched = begin_call(&path, object, Some(number));
    let started_at = clock_time(clock);
    let call = LibraryCall { clock, started_at, path, object: object.into(), memory_at_first_check: None };
    lock_calls().insert(number, call);
    watched
}

fn begin_call(path: &Path, object: &str, number: Option<u64>) -> CallGuard {
    let report = format_report(&Error::new(ErrorLocation::file(path).with_item(object), Hdf5Problem::Crash));
    let outer = REPORT.replace((report.as_ptr(), report.len()));
    CallGuard { number, _report: report, outer }
}

/// Formats an error and its hint as a program prints them.
fn format_report(error: &Error) -> String {
    let hint = Hdf5Problem::Crash.hint().unwrap_or_default();
    format!("error: {error}\nhint: {hint}\n")
}

/// Returns the error of a call of the HDF5 library that will not return: it has computed for more than 5 s, or the
/// process has grown by more than 512 MiB since an earlier check saw the call.
///
/// A program asks several times a second, so that little is allocated before a call is found.
/// The library's lock stays taken: the process can only report the error and exit without calling the library again.
pub fn runaway_call() -> Option<Error> {
    runaway_call_beyond(LIMITS)
}

fn runaway_call_beyond(limits: CallLimits) -> Option<Error> {
    let mut calls = lock_calls();
    let memory = (!calls.is_empty()).then(private_memory).flatten();
    calls.values_mut().find_map(|call| {
        let problem = call.runaway_problem(memory, limits)?;
        Some(Error::new(ErrorLocation::file(&call.path).with_item(&call.object), problem))
    })
}

impl LibraryCall {
    /// Checks the call, while the process uses `memory` bytes; the first check records them.
    fn runaway_problem(&mut self, memory: Option<u64>, limits: CallLimits) -> Option<Hdf5Problem> {
        let cpu_time = clock_time(self.clock).saturating_sub(self.started_at);
        if cpu_time > limits.cpu_time {
            return Some(Hdf5Problem::Hung { seconds: limits.cpu_time.as_secs() });
        }
        let memory = memory?;
        let growth = memory.saturating_sub(*self.memory_at_first_check.get_or_insert(memory));
        let is_runaway = growth > limits.memory_growth && cpu_time > MIN_CPU_TIME_OF_GROWTH;
        is_runaway.then_some(Hdf5Problem::Memory { most_mib: limits.memory_growth >> 20, found_mib: growth >> 20 })
    }
}

/// Returns the resident memory of the process that is not a part of a file, bytes; `None` if the system does not say.
///
/// Mapped files, such as a stored index, are left out: they are read while other calls run. Source: proc(5), `statm`.
fn private_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let mut pages = text.split_ascii_whitespace().skip(1).map_while(|number| number.parse::<u64>().ok());
    let (resident, shared) = (pages.next()?, pages.next()?);
    // SAFETY: `sysconf` has no requirements
    let page_bytes = u64::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).ok()?;
    Some(resident.saturating_sub(shared) * page_bytes)
}

/// Longest report about the last file.
const MAX_LAST_REPORT_BYTES: usize = 4096;
/// The report for a crash outside of a call: the library can damage the process's memory, which has an effect only
/// later.
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

/// Passes the report of a crash of this thread to `write`: of the call in progress, or else of the last file that was
/// opened. Returns whether there is a report. A signal handler may call it: it takes no lock and allocates nothing.
pub fn crash_report(write: impl Fn(&[u8])) -> bool {
    let (start, length) = REPORT.get();
    if !start.is_null() {
        // SAFETY: the report belongs to a `CallGuard` of this thread that is not dropped yet
        write(unsafe { std::slice::from_raw_parts(start, length) });
        return true;
    }
    let length = LAST_REPORT_LENGTH.load(Ordering::Acquire);
    let mut copy = [0; MAX_LAST_REPORT_BYTES];
    copy.iter_mut().zip(&LAST_REPORT).for_each(|(to, byte)| *to = byte.load(Ordering::Relaxed));
    copy.get(..length).filter(|report| !report.is_empty()).map(write).is_some()
}

/// Returns the clock of this thread's CPU time.
#[cfg(target_os = "linux")]
fn thread_clock() -> libc::clockid_t {
    let mut clock = libc::CLOCK_MONOTONIC;
    // SAFETY: the thread is the caller, and the pointer is to a local variable, which a failed call leaves unchanged
    unsafe { libc::pthread_getcpuclockid(libc::pthread_self(), &raw mut clock) };
    clock
}

/// Returns the wall clock, on systems where threads have no clock of their own.
#[cfg(not(target_os = "linux"))]
fn thread_clock() -> libc::clockid_t {
    libc::CLOCK_MONOTONIC
}

fn clock_time(clock: libc::clockid_t) -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a local variable, which a failed call leaves unchanged
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_call_is_reported_after_its_thread_has_computed_for_too_long() {
        let limits = CallLimits { cpu_time: Duration::from_millis(20), memory_growth: u64::MAX };
        let call = watch_call_on("a.h5".into(), "/circles");
        // calls of other tests are in progress, too
        let is_reported = || {
            let mut calls = lock_calls();
            let call = calls.values_mut().find(|call| call.object == "/circles");
            call.is_some_and(|call| matches!(call.runaway_problem(None, limits), Some(Hdf5Problem::Hung { .. })))
        };
        std::thread::sleep(2 * limits.cpu_time);
        assert!(!is_reported(), "who sleeps does not compute");
        let start = Instant::now();
        while !is_reported() {
            assert!(start.elapsed() < Duration::from_secs(60));
        }
        drop(call);
        assert!(!is_reported());
    }

    #[test]
    fn a_call_is_reported_after_it_has_computed_while_memory_grew() {
        let limits = CallLimits { cpu_time: Duration::MAX, memory_growth: 64 << 20 };
        let clock = thread_clock();
        let started_at = clock_time(clock);
        let mut call =
            LibraryCall { clock, started_at, path: "a.h5".into(), object: "/".into(), memory_at_first_check: None };
        let (before, after) = (Some(900 << 20), Some(965 << 20));
        let compute_until = |time: Duration| while clock_time(clock) <= time {};
        assert!(call.runaway_problem(before, limits).is_none(), "what the process had before the call");
        assert!(call.runaway_problem(after, limits).is_none(), "other threads allocate while this call waits");
        compute_until(started_at + 2 * MIN_CPU_TIME_OF_GROWTH);
        assert!(call.runaway_problem(Some(964 << 20), limits).is_none(), "as much as it may grow");
        assert!(call.runaway_problem(None, limits).is_none(), "a system that does not say");
        let problem = call.runaway_problem(after, limits).unwrap();
        assert_eq!(
            problem.to_string(),
            "the HDF5 library takes too much memory, expected at most 64 MiB in one call, found 65 MiB"
        );
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn private_memory_grows_by_what_is_written() {
        let bytes = 256 << 20;
        let before = private_memory().unwrap();
        let written = std::hint::black_box(vec![1_u8; bytes]);
        let growth = private_memory().unwrap().saturating_sub(before);
        // other tests of this process allocate and free some megabytes meanwhile
        assert!(growth.abs_diff(bytes as u64) < 128 << 20, "{growth}");
        drop(written);
    }

    #[test]
    fn a_crash_report_names_the_innermost_call_or_else_the_last_file() {
        let printed = || {
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
        assert_eq!(printed(), text("/x/y"));
        drop(inner);
        assert_eq!(printed(), text("/x"));
        drop(outer);
        record_opened(Path::new("b.h5"));
        // other tests of this process open files, too
        assert!(printed().ends_with(&format!("found one after which the program crashes\n{hint}")), "{}", printed());
    }
}
