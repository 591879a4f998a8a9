//! Maps a file into memory, and provides the error report for a file that is truncated while it is mapped.
//!
//! Reading a page that the file no longer has raises SIGBUS, which no code around the read can catch. A program's
//! signal handler can call [`shortened_report`] to find out whether the address lies in one of these mappings.

use std::fs::File;
use std::ops::Deref;
use std::path::Path;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use memmap2::Mmap;

use super::problem::IndexProblem;
use crate::error::{Error, ErrorLocation, Problem};

/// A mapping that [`shortened_report`] knows.
struct Slot {
    start: AtomicUsize,
    end: AtomicUsize,
    report: AtomicPtr<String>,
}

/// Largest number of mappings that are reported; further files are mapped without a report.
const MAX_MAPPINGS: usize = 16;

static SLOTS: [Slot; MAX_MAPPINGS] = [const {
    Slot { start: AtomicUsize::new(0), end: AtomicUsize::new(0), report: AtomicPtr::new(std::ptr::null_mut()) }
}; MAX_MAPPINGS];

/// A file that is mapped into memory.
#[derive(Debug)]
pub(super) struct Mapping {
    map: Mmap,
    slot: Option<usize>,
}

impl Mapping {
    /// Maps the complete file.
    pub fn new(file: &File, path: &Path) -> std::io::Result<Self> {
        // SAFETY: the map is only read, and every bit pattern is a valid value of the types read from it. A program
        // that changes the file changes answers; one that truncates it causes SIGBUS, see `shortened_report`
        let map = unsafe { Mmap::map(file) }?;
        let error = Error::new(ErrorLocation::file(path), IndexProblem::Shortened);
        let hint = IndexProblem::Shortened.hint().unwrap_or_default();
        let report = Box::into_raw(Box::new(format!("error: {error}\nhint: {hint}\n")));
        let slot = SLOTS.iter().position(|slot| {
            slot.report.compare_exchange(std::ptr::null_mut(), report, Ordering::AcqRel, Ordering::Relaxed).is_ok()
        });
        match slot.and_then(|place| SLOTS.get(place)) {
            Some(slot) => {
                let start = map.as_ptr() as usize;
                slot.end.store(start + map.len(), Ordering::Release);
                slot.start.store(start, Ordering::Release);
            }
            // SAFETY: `report` was created above by `Box::into_raw`, and no other code has the pointer
            None => drop(unsafe { Box::from_raw(report) }),
        }
        Ok(Self { map, slot })
    }
}

impl Deref for Mapping {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.map
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        let Some(slot) = self.slot.and_then(|place| SLOTS.get(place)) else { return };
        slot.start.store(0, Ordering::Release);
        slot.end.store(0, Ordering::Release);
        let report = slot.report.swap(std::ptr::null_mut(), Ordering::AcqRel);
        if !report.is_null() {
            // SAFETY: `new` created the box, and only the caller that takes it out of the slot frees it
            drop(unsafe { Box::from_raw(report) });
        }
    }
}

/// Passes the report of a truncated mapped file to `write` if the address lies in its mapping, and returns whether it
/// does. A signal handler may call it: it takes no lock and allocates no memory.
pub fn shortened_report(address: usize, write: impl Fn(&[u8])) -> bool {
    let holds =
        |slot: &&Slot| (slot.start.load(Ordering::Acquire)..slot.end.load(Ordering::Acquire)).contains(&address);
    let report = SLOTS.iter().find(holds).map(|slot| slot.report.load(Ordering::Acquire));
    let Some(report) = report.filter(|report| !report.is_null()) else { return false };
    // SAFETY: the mapping that is being read still exists, and so does its report
    write(unsafe { &*report }.as_bytes());
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_in_a_mapping_names_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.index");
        std::fs::write(&path, vec![7; 10_000]).unwrap();
        let mapping = Mapping::new(&File::open(&path).unwrap(), &path).unwrap();
        let is_reported = |address: usize| {
            let text = std::cell::RefCell::new(String::new());
            let known =
                shortened_report(address, |bytes| text.borrow_mut().push_str(std::str::from_utf8(bytes).unwrap()));
            (known, text.into_inner())
        };
        let start = mapping.as_ptr() as usize;
        let report = format!(
            "error: {}: truncated while it was in use, expected an index that does not change\nhint: remove the file: \
             `--index` writes a new one\n",
            path.display()
        );
        assert_eq!((is_reported(start), is_reported(start + 9999)), ((true, report.clone()), (true, report)));
        drop(mapping);
        assert_eq!(is_reported(start), (false, String::new()));
    }
}
