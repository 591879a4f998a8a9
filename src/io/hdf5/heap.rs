//! The heap of an HDF5 file, where strings of any length lie: collections of numbered objects, read with bounds.
//!
//! libhdf5 1.10 goes through a collection by the sizes that its objects tell, and for ever where one of them is 0; so
//! what is read here is not left to it. Source: HDF5 File Format Specification 3.0, sections III.E (global heap) and
//! IV.A.2 (references of variable length).

use std::collections::HashMap;
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;

/// Bytes of a reference to an object: its length, its collection's place in the file, its number.
pub(super) const REFERENCE_BYTES: usize = 16;
/// Bytes at the begin of a collection, and of an object in it.
const HEADER_BYTES: usize = 16;
/// Collections are kept up to so many bytes: a file's strings mostly follow one another.
const MAX_CACHED_BYTES: usize = 64 << 20;

/// What is wrong with a heap.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum HeapProblem {
    /// No collection there.
    #[error("expected a collection of strings at byte {at}, found none")]
    NoCollection {
        /// Where the reference points.
        at: u64,
    },
    /// A collection that ends behind the file.
    #[error("expected a collection of at most {most} bytes at byte {at}, found one of {size}")]
    CollectionSize {
        /// Where it begins.
        at: u64,
        /// Bytes from there to the file's end.
        most: u64,
        /// What it says.
        size: u64,
    },
    /// An object that ends behind its collection, or no bytes after it begins.
    #[error("expected 16 to {most} bytes for object {number} at byte {at}, found {size}")]
    ObjectSize {
        /// Its number.
        number: u16,
        /// Where it begins.
        at: u64,
        /// Bytes left in its collection.
        most: u64,
        /// What it takes.
        size: u64,
    },
    /// A reference to nothing.
    #[error("expected object {number} of {length} bytes in the collection at byte {at}, found {found}")]
    DanglingReference {
        /// The object's number.
        number: u32,
        /// The length that is expected.
        length: u32,
        /// Where the collection begins.
        at: u64,
        /// What is there.
        found: String,
    },
    /// More text than the file holds.
    #[error("expected strings that share no bytes, found {length} bytes of them")]
    TooMuchText {
        /// Bytes of all strings so far.
        length: u64,
    },
}

/// Why a string could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum HeapError {
    /// The heap is damaged.
    #[error(transparent)]
    Damaged(#[from] HeapProblem),
    /// The operating system says no.
    #[error(transparent)]
    System(#[from] std::io::Error),
}

/// A collection: its bytes, and where in them each object is.
#[derive(Debug)]
struct HeapCollection {
    bytes: Vec<u8>,
    objects: HashMap<u16, Range<usize>>,
}

/// The collections of a file that were met so far, and what could not be read.
#[derive(Debug, Default)]
pub(super) struct GlobalHeap {
    /// The object with a string in a damaged one, and what is wrong: the library must not come near it.
    pub damaged_string: Option<(String, HeapProblem)>,
    /// The object with an attribute that cannot be read, and why.
    pub unreadable_attribute: Option<(String, String)>,
    collections: HashMap<u64, HeapCollection>,
    cached_bytes: usize,
}

/// Whether a file has its own numbers where the format begins, and counts with 8 bytes: almost every file does.
pub(super) fn has_plain_addresses(file: &File) -> bool {
    let mut begin = [0; 16];
    let read = file.read_exact_at(&mut begin, 0).is_ok();
    let widths = match begin[8] {
        0 | 1 => [begin[13], begin[14]],
        2 | 3 => [begin[9], begin[10]],
        _ => return false,
    };
    read && begin.starts_with(b"\x89HDF\r\n\x1a\n") && widths == [8, 8]
}

impl GlobalHeap {
    /// The string that a reference of [`REFERENCE_BYTES`] bytes points at.
    pub fn read_string(&mut self, file: &File, reference: &[u8]) -> Result<&[u8], HeapError> {
        let (length, at, number) = (u32_at(reference, 0), u64_at(reference, 4), u32_at(reference, 12));
        if at == 0 {
            return Ok(&[]);
        }
        if !self.collections.contains_key(&at) {
            let read = HeapCollection::read(file, at)?;
            if self.cached_bytes + read.bytes.len() > MAX_CACHED_BYTES {
                (self.cached_bytes, self.collections) = (0, HashMap::new());
            }
            self.cached_bytes += read.bytes.len();
            self.collections.insert(at, read);
        }
        let object = self.collections.get(&at).and_then(|c| c.object_bytes(number));
        let wrong = |found| HeapProblem::DanglingReference { number, length, at, found };
        let object = object.ok_or_else(|| wrong("no such object".into()))?;
        let text = object.get(..length as usize).ok_or_else(|| wrong(format!("{} bytes", object.len())))?;
        // as C has it: what is behind a zero is no part of it
        Ok(text.split(|&byte| byte == 0).next().unwrap_or_default())
    }
}

impl HeapCollection {
    fn read(file: &File, at: u64) -> Result<Self, HeapError> {
        let most = file.metadata()?.len().saturating_sub(at);
        let mut header = [0; HEADER_BYTES];
        if most < HEADER_BYTES as u64 {
            return Err(HeapProblem::NoCollection { at }.into());
        }
        file.read_exact_at(&mut header, at)?;
        if !header.starts_with(b"GCOL\x01") {
            return Err(HeapProblem::NoCollection { at }.into());
        }
        let size = u64_at(&header, 8);
        if size > most || size < HEADER_BYTES as u64 {
            return Err(HeapProblem::CollectionSize { at, most, size }.into());
        }
        let mut bytes = vec![0; size as usize];
        file.read_exact_at(&mut bytes, at)?;
        Ok(Self { objects: parse_objects(&bytes, at)?, bytes })
    }

    fn object_bytes(&self, number: u32) -> Option<&[u8]> {
        self.bytes.get(self.objects.get(&u16::try_from(number).ok()?)?.clone())
    }
}

/// Where each object of a collection is. Object 0 is what is free, its header included.
fn parse_objects(bytes: &[u8], at: u64) -> Result<HashMap<u16, Range<usize>>, HeapProblem> {
    let mut objects = HashMap::new();
    let mut next = HEADER_BYTES;
    // what is left may be too little for another object
    while let Some(header) = bytes.get(next..next + HEADER_BYTES) {
        let number = u16::from_le_bytes([header[0], header[1]]);
        let (size, left) = (u64_at(header, 8), (bytes.len() - next) as u64);
        let taken = match number {
            0 => size,
            _ => size.checked_next_multiple_of(8).and_then(|s| s.checked_add(HEADER_BYTES as u64)).unwrap_or(u64::MAX),
        };
        if taken < HEADER_BYTES as u64 || taken > left {
            return Err(HeapProblem::ObjectSize { number, at: at + next as u64, most: left, size: taken });
        }
        if number > 0 {
            objects.insert(number, next + HEADER_BYTES..next + HEADER_BYTES + size as usize);
        }
        next += taken as usize;
    }
    Ok(objects)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).and_then(|b| b.try_into().ok()).map_or(0, u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(number: u16, size: u64, data: &[u8]) -> Vec<u8> {
        let head = [&number.to_le_bytes()[..], &[1, 0, 0, 0, 0, 0], &size.to_le_bytes()].concat();
        [head, data.to_vec()].concat()
    }

    fn collection(objects: &[Vec<u8>]) -> Vec<u8> {
        let body = objects.concat();
        [&b"GCOL\x01\0\0\0"[..], &(body.len() as u64 + 16).to_le_bytes(), &body].concat()
    }

    #[test]
    fn objects_are_found_and_sizes_that_lead_nowhere_refused() {
        let sound = collection(&[object(3, 5, b"abcde\0\0\0"), object(1, 0, b""), object(0, 24, &[0; 8])]);
        let found = parse_objects(&sound, 0).unwrap();
        assert_eq!((found[&3].clone(), found[&1].clone(), found.len()), (32..37, 56..56, 2));
        let wrong = |last, size| Err(HeapProblem::ObjectSize { number: last, at: 1016, most: 24, size });
        let tried = |last, size| parse_objects(&collection(&[object(last, size, &[0; 8])]), 1000);
        assert_eq!(tried(0, 0), wrong(0, 0), "the library never comes back from this");
        assert_eq!(tried(0, 25), wrong(0, 25));
        assert_eq!(tried(7, 9), wrong(7, 32));
        assert_eq!(tried(7, u64::MAX), wrong(7, u64::MAX));
        assert_eq!(tried(7, 8).unwrap().len(), 1);
    }
}
