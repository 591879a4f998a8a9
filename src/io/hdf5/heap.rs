//! Reads the global heap of an HDF5 file, which stores strings of variable length in collections of numbered objects.
//!
//! libhdf5 1.10 walks a collection by the sizes in its objects' headers, and never ends if one of them is 0; so strings
//! are read here without the library, with bounds checks. Source: HDF5 File Format Specification 3.0, sections III.E
//! (global heap) and IV.A.2 (references of variable length).

use std::collections::HashMap;
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;

/// Bytes of a reference to an object: its length, the byte offset of its collection, its number.
pub(super) const REFERENCE_BYTES: usize = 16;
/// Bytes of the header of a collection, and of an object in it.
const HEADER_BYTES: usize = 16;
/// Collections are cached up to this many bytes: neighbouring strings of a file mostly are in the same collection.
const MAX_CACHED_BYTES: usize = 64 << 20;

/// Errors of a heap.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeapProblem {
    /// There is no collection.
    #[error("expected a collection of strings at byte {at}, found none")]
    NoCollection {
        /// The byte offset in the reference.
        at: u64,
    },
    /// A collection extends beyond the end of the file.
    #[error("expected a collection of at most {most} bytes at byte {at}, found one of {size}")]
    CollectionSize {
        /// Its byte offset.
        at: u64,
        /// Bytes from there to the end of the file.
        most: u64,
        /// The size in its header.
        size: u64,
    },
    /// An object extends beyond the end of its collection, or has no size.
    #[error("expected 16 to {most} bytes for object {number} at byte {at}, found {size}")]
    ObjectSize {
        /// Its number.
        number: u16,
        /// Its byte offset.
        at: u64,
        /// Bytes left in its collection.
        most: u64,
        /// Its size.
        size: u64,
    },
    /// A reference to an object that does not exist.
    #[error("expected object {number} of {length} bytes in the collection at byte {at}, found {found}")]
    DanglingReference {
        /// The object's number.
        number: u32,
        /// The length in the reference.
        length: u32,
        /// The byte offset of the collection.
        at: u64,
        /// What was found instead.
        found: String,
    },
    /// The strings need more bytes than the file has.
    #[error("expected strings that share no bytes, found {length} bytes of them")]
    TooMuchText {
        /// Total bytes of the strings read so far.
        length: u64,
    },
}

/// The reasons why a string could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum HeapError {
    /// The heap is damaged.
    #[error(transparent)]
    Damaged(#[from] HeapProblem),
    /// The operating system refuses.
    #[error(transparent)]
    System(#[from] std::io::Error),
}

/// A collection: its bytes, and the range of each object in them.
#[derive(Debug)]
struct HeapCollection {
    bytes: Vec<u8>,
    objects: HashMap<u16, Range<usize>>,
}

/// The collections of a file that were read so far, and the errors found in them.
#[derive(Debug, Default)]
pub(super) struct GlobalHeap {
    /// The object with a string in a damaged collection, and the error: the library must not read that collection.
    pub damaged_string: Option<(String, HeapProblem)>,
    /// The object with an attribute that cannot be read, and the reason.
    pub unreadable_attribute: Option<(String, String)>,
    collections: HashMap<u64, HeapCollection>,
    cached_bytes: usize,
}

/// Returns whether a file begins with the HDF5 signature and stores offsets and lengths in 8 bytes, as almost every
/// file does.
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
    /// Reads the string that a reference of [`REFERENCE_BYTES`] bytes points to.
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
        // as in C, the string ends at the first zero byte
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

/// Returns the range of each object of a collection. Object 0 is the free space, including its header.
fn parse_objects(bytes: &[u8], at: u64) -> Result<HashMap<u16, Range<usize>>, HeapProblem> {
    let mut objects = HashMap::new();
    let mut next = HEADER_BYTES;
    // the bytes that are left may be too few for another header
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
    fn objects_are_found_and_invalid_sizes_are_refused() {
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
