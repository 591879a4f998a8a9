//! Keeps the lock of the HDF5 library free for a forked process.
//!
//! Only the thread that forks exists in the child. A lock that another thread holds at that moment would stay locked
//! there forever, so the forking thread holds it itself while the process forks.

use std::any::Any;
use std::cell::RefCell;

use super::call_watch;

thread_local! {
    /// The locks, from [`hold_locks`] to [`release_locks`]; the last one is released first.
    static HELD: RefCell<Vec<Box<dyn Any>>> = const { RefCell::new(Vec::new()) };
}

/// Waits until no thread is in the HDF5 library, and lets no other one in. To be called before the process forks.
pub fn hold_locks() {
    let library = Box::new(hdf5_sys::LOCK.lock());
    let calls = Box::new(call_watch::lock_calls());
    HELD.with_borrow_mut(|held| held.extend([library as Box<dyn Any>, calls]));
}

/// Lets other threads in again, in the same thread after the process forked: in the parent, and in the child.
pub fn release_locks() {
    HELD.with_borrow_mut(|held| while held.pop().is_some() {});
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_threads_wait_for_the_library_while_the_locks_are_held() {
        let is_free = || std::thread::spawn(|| hdf5_sys::LOCK.try_lock().is_some()).join().unwrap();
        hold_locks();
        assert!(!is_free());
        release_locks();
        // another test may be in the library for a moment
        assert!((0..1000).any(|_| is_free() || {
            std::thread::sleep(std::time::Duration::from_millis(1));
            false
        }));
    }
}
