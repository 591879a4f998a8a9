//! A file mapped into memory, and what is reported when somebody shortens it meanwhile.
//!
//! Reading a page that the file no longer has raises SIGBUS, which no code around the read can catch. A program's handler
//! of that signal can ask [`shortened_report`] whether the address lies in one of our mappings.

use std::fs::File;
use std::ops::Deref;
use std::path::Path;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use memmap2::Mmap;

use super::index_file::IndexProblem;
use crate::error::{Error, ErrorLocation, Problem};

/// A mapping that is known to [`shortened_report`].
struct Slot {
    start: AtomicUsize,
    end: AtomicUsize,
    report: AtomicPtr<String>,
}

/// Mappings that are known at a time; more are mapped all the same.
const MAX_MAPPINGS: usize = 16;

static SLOTS: [Slot; MAX_MAPPINGS] = [const {
    Slot { start: AtomicUsize::new(0), end: AtomicUsize::new(0), report: AtomicPtr::new(std::ptr::null_mut()) }
}; MAX_MAPPINGS];

/// A mapped file.
#[derive(Debug)]
pub(super) struct Mapping {
    map: Mmap,
    slot: Option<usize>,
}

impl Mapping {
    /// Maps a whole file.
    pub fn new(file: &File, path: &Path) -> std::io::Result<Self> {
        // SAFETY: the map is only read, and every bit pattern is a value of what is read from it. Whoever changes the
        // file meanwhile changes answers; whoever shortens it raises SIGBUS, see `shortened_report`
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
            // SAFETY: it was made above, and nobody else has it
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
            // SAFETY: `new` made it, and only the one who takes it out of the slot frees it
            drop(unsafe { Box::from_raw(report) });
        }
    }
}

/// Hands the report of a mapped file that was shortened to `write`, if the address lies in its mapping. Gives whether it
/// does. A signal handler may call it: it takes no lock and allocates nothing.
pub fn shortened_report(address: usize, write: impl Fn(&[u8])) -> bool {
    let holds =
        |slot: &&Slot| (slot.start.load(Ordering::Acquire)..slot.end.load(Ordering::Acquire)).contains(&address);
    let report = SLOTS.iter().find(holds).map(|slot| slot.report.load(Ordering::Acquire));
    let Some(report) = report.filter(|report| !report.is_null()) else { return false };
    // SAFETY: the mapping that is being read still exists, and with it its report
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
        let told = |address: usize| {
            let text = std::cell::RefCell::new(String::new());
            let known =
                shortened_report(address, |bytes| text.borrow_mut().push_str(std::str::from_utf8(bytes).unwrap()));
            (known, text.into_inner())
        };
        let start = mapping.as_ptr() as usize;
        let report = format!(
            "error: {}: cut short while it was in use, expected an index that stays as it is\nhint: remove the file: \
             `--index` makes it anew where there is none\n",
            path.display()
        );
        assert_eq!((told(start), told(start + 9999)), ((true, report.clone()), (true, report)));
        drop(mapping);
        assert_eq!(told(start), (false, String::new()));
    }
}
