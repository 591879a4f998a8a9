//! Counts what a thread allocates, so that tests can bound it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, with a counter for each thread.
struct Counting;

thread_local! {
    static NOW: Cell<usize> = const { Cell::new(0) };
    static MOST: Cell<usize> = const { Cell::new(0) };
}

fn grown(by: usize) {
    // a thread that is ending has no counters
    let _ = NOW.try_with(|now| {
        now.set(now.get().wrapping_add(by));
        let _ = MOST.try_with(|most| most.set(most.get().max(now.get())));
    });
}

fn shrunk(by: usize) {
    let _ = NOW.try_with(|now| now.set(now.get().saturating_sub(by)));
}

// SAFETY: every call goes to the system's allocator as it is; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grown(layout.size());
        // SAFETY: the caller keeps the contract of `alloc`
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        shrunk(layout.size());
        // SAFETY: the caller keeps the contract of `dealloc`, and `ptr` is the system's
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // both blocks exist while the content is moved
        grown(new_size);
        shrunk(layout.size());
        // SAFETY: the caller keeps the contract of `realloc`, and `ptr` is the system's
        unsafe { System.realloc(ptr, layout, new_size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Runs `work`; returns its result and the largest number of bytes that it had allocated at one time on this thread.
pub fn peak<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = NOW.with(|now| now.replace(0));
    MOST.with(|most| most.set(0));
    let result = work();
    let most = MOST.with(Cell::get);
    NOW.with(|now| now.set(now.get() + before));
    (result, most)
}

#[test]
fn the_peak_is_what_was_allocated_at_once() {
    let (_, peak) = peak(|| {
        drop(vec![0_u8; 1000]);
        vec![0_u8; 300]
    });
    assert_eq!(peak, 1000);
}
