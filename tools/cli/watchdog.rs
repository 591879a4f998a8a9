//! Ends the program with an error of the file where the HDF5 library does not return, or crashes.

use std::sync::OnceLock;
use std::time::Duration;

use leadfield::io::hdf5;
use leadfield::segments::index;

use super::print_error;

/// How often calls are looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// What the exit code of an error is.
const EXIT_ERROR: i32 = 2;

/// The signals of a crash.
const FATAL_SIGNALS: [libc::c_int; 5] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGABRT, libc::SIGFPE, libc::SIGILL];

/// How the signals were handled before: the standard library reports an overflow of the stack.
static PREVIOUS_HANDLERS: OnceLock<Vec<(libc::c_int, libc::sigaction)>> = OnceLock::new();

/// Looks at the library's calls from now on, in a thread of its own, and handles the signals of a crash.
pub fn start() {
    handle_crashes();
    // a write beyond the limit of a file's size then is an error that names the file
    // SAFETY: the signal is left out; no handler is installed
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    // without the thread the program does its work as well
    drop(std::thread::Builder::new().name("watch".into()).spawn(|| {
        loop {
            std::thread::sleep(POLL_INTERVAL);
            if let Some(error) = hdf5::hung_call() {
                print_error(&error);
                // SAFETY: it ends the process as it is. Whatever would be run before could wait for the library's lock
                unsafe { libc::_exit(EXIT_ERROR) };
            }
        }
    }));
}

fn handle_crashes() {
    // SAFETY: the structure is valid when it is all zeros, and the calls are given places that live long enough
    PREVIOUS_HANDLERS.get_or_init(|| unsafe {
        let mut ours: libc::sigaction = std::mem::zeroed();
        ours.sa_sigaction = on_crash as *const () as libc::sighandler_t;
        // the stack may be what is at its end
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

/// Writes the report of a mapped file that was shortened, or of the call of the HDF5 library that crashes, and ends the
/// process. Otherwise the signal is left to who handled it before: it comes again when this returns.
extern "C" fn on_crash(signal: libc::c_int, info: *mut libc::siginfo_t, _context: *mut libc::c_void) {
    let write = |bytes: &[u8]| {
        // SAFETY: the bytes are there; the call may be made in a signal handler
        unsafe { libc::write(libc::STDERR_FILENO, bytes.as_ptr().cast(), bytes.len()) };
    };
    // SAFETY: the system gives where the fault is with these signals
    let address = if signal == libc::SIGBUS { unsafe { (*info).si_addr() as usize } } else { 0 };
    if index::shortened_report(address, write) || hdf5::crash_report(write) {
        // SAFETY: it may be called in a signal handler, and runs nothing more
        unsafe { libc::_exit(EXIT_ERROR) };
    }
    let previous = PREVIOUS_HANDLERS.get().and_then(|all| all.iter().find(|(of, _)| *of == signal));
    if let Some((_, previous)) = previous {
        // SAFETY: it was in force before
        unsafe { libc::sigaction(signal, previous, std::ptr::null_mut()) };
    }
    if signal == libc::SIGABRT {
        // SAFETY: it may be called in a signal handler; the signal comes when this returns
        unsafe { libc::raise(signal) };
    }
}
