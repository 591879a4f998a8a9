//! Ends the program with an error that names the file if the HDF5 library hangs, allocates without end or crashes.

use std::sync::OnceLock;
use std::time::Duration;

use leadfield::io::hdf5;
use leadfield::segments::index;

use super::print_error;

/// Interval between checks for a call that will not return. In this time a call can allocate about 100 MB.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Exit code of an error.
const EXIT_ERROR: i32 = 2;

/// The signals of a crash.
const FATAL_SIGNALS: [libc::c_int; 5] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGABRT, libc::SIGFPE, libc::SIGILL];

/// The previous signal handlers: the standard library's reports a stack overflow.
static PREVIOUS_HANDLERS: OnceLock<Vec<(libc::c_int, libc::sigaction)>> = OnceLock::new();

/// Starts a thread that watches the library's calls, and installs handlers for the signals of a crash.
pub fn start() {
    handle_crashes();
    // without this signal, a write beyond the file size limit returns an error that names the file
    // SAFETY: the signal is ignored; no handler is installed
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    // the program also works without this thread
    drop(std::thread::Builder::new().name("watch".into()).spawn(|| {
        loop {
            std::thread::sleep(POLL_INTERVAL);
            if let Some(error) = hdf5::runaway_call() {
                print_error(&error);
                // SAFETY: ends the process without running destructors or exit handlers, which could wait for the
                // library's lock
                unsafe { libc::_exit(EXIT_ERROR) };
            }
        }
    }));
}

fn handle_crashes() {
    // SAFETY: an all-zero `sigaction` is valid, and all pointers are valid during the calls
    PREVIOUS_HANDLERS.get_or_init(|| unsafe {
        let mut ours: libc::sigaction = std::mem::zeroed();
        ours.sa_sigaction = on_crash as *const () as libc::sighandler_t;
        // use the alternate stack, because the normal one may have overflowed
        ours.sa_flags = libc::SA_ONSTACK | libc::SA_SIGINFO;
        libc::sigemptyset(&raw mut ours.sa_mask);
        let handle = |signal| {
            let mut previous: libc::sigaction = std::mem::zeroed();
            libc::sigaction(signal, &raw const ours, &raw mut previous);
            (signal, previous)
        };
        FATAL_SIGNALS.into_iter().map(handle).collect()
    });
}

/// Reports a mapped file that was truncated, or the call of the HDF5 library that crashed, and ends the process.
/// Otherwise the previous handler is restored: the signal is raised again when this one returns.
extern "C" fn on_crash(signal: libc::c_int, info: *mut libc::siginfo_t, _context: *mut libc::c_void) {
    let write = |bytes: &[u8]| {
        // SAFETY: the slice is valid, and `write` is async-signal-safe
        unsafe { libc::write(libc::STDERR_FILENO, bytes.as_ptr().cast(), bytes.len()) };
    };
    // SAFETY: for this signal the system sets `si_addr` to the address of the fault
    let address = if signal == libc::SIGBUS { unsafe { (*info).si_addr() as usize } } else { 0 };
    if index::shortened_report(address, write) || hdf5::crash_report(write) {
        // SAFETY: `_exit` is async-signal-safe and runs no further code
        unsafe { libc::_exit(EXIT_ERROR) };
    }
    let previous = PREVIOUS_HANDLERS.get().and_then(|all| all.iter().find(|(of, _)| *of == signal));
    if let Some((_, previous)) = previous {
        // SAFETY: `previous` is the action that was in force before
        unsafe { libc::sigaction(signal, previous, std::ptr::null_mut()) };
    }
    if signal == libc::SIGABRT {
        // SAFETY: `raise` is async-signal-safe; the signal is delivered when this handler returns
        unsafe { libc::raise(signal) };
    }
}
