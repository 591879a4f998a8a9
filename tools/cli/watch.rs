//! Ends the program where the HDF5 library does not come back.

use std::time::Duration;

use leadfield::h5;

use super::tell;

/// How often calls are looked at.
const PAUSE: Duration = Duration::from_millis(250);

/// Looks at the library's calls from now on, in a thread of its own.
pub fn start() {
    // without the thread the program does its work as well
    drop(std::thread::Builder::new().name("watch".into()).spawn(|| {
        loop {
            std::thread::sleep(PAUSE);
            if let Some(error) = h5::stuck() {
                tell(&error);
                // SAFETY: it ends the process as it is. Whatever would be run before could wait for the library's lock
                unsafe { libc::_exit(2) };
            }
        }
    }));
}
