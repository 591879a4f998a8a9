//! Keeps the lock of the HDF5 library free for a forked process.
//!
//! Only the thread that forks exists in the child. A lock that another thread holds at that moment would stay locked
//! there forever, and the library's data could be those of the middle of a call, so the forking thread holds the lock
//! itself while the process forks. Other threads may wait for the lock meanwhile; they do not exist in the child, where
//! the lock must not pass to one of them.

use std::any::Any;
use std::cell::RefCell;

use parking_lot_core::{DEFAULT_UNPARK_TOKEN, unpark_all};

use super::call_watch;

/// The locks that a thread holds while it forks the process.
struct Held {
    library: Box<dyn Any>,
    calls: Box<dyn Any>,
}

thread_local! {
    /// The locks, from [`hold_locks`] on.
    static HELD: RefCell<Option<Held>> = const { RefCell::new(None) };
}

/// Waits until no thread is in the HDF5 library, and lets no other one in. To be called before the process forks.
pub fn hold_locks() {
    let library = Box::new(hdf5_sys::LOCK.lock());
    let calls = Box::new(call_watch::lock_calls());
    HELD.with_borrow_mut(|held| *held = Some(Held { library, calls }));
}

/// Lets other threads in again. To be called in the parent, by the thread that forked.
pub fn release_locks() {
    HELD.with_borrow_mut(|held| drop(held.take()));
}

/// Frees the locks in the child, where no other thread exists. To be called before the child starts one.
pub fn reset_locks() {
    let Some(Held { library, calls }) = HELD.with_borrow_mut(Option::take) else { return };
    drop(calls);
    // to unlock it could be to hand it to a thread of the parent
    std::mem::forget(library);
    let lock = &raw const hdf5_sys::LOCK;
    let bytes = size_of_val(&hdf5_sys::LOCK);
    for offset in 0..bytes {
        // SAFETY: the addresses are those of the lock, which only this thread uses; threads wait at one of them
        unsafe { unpark_all(lock.addr() + offset, DEFAULT_UNPARK_TOKEN) };
    }
    // SAFETY: all bytes of the lock are atomics and cells, of a static that can be written, and no reference to their
    // content exists: there is one thread, and the only guard is forgotten. Zeros are the state of a new lock.
    unsafe { std::ptr::write_bytes(lock.cast_mut().cast::<u8>(), 0, bytes) };
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
        let is_free_soon = (0..1000).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(1));
            is_free()
        });
        assert!(is_free_soon);
    }
}
