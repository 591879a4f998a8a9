//! Reads the global heap of an HDF5 file, which stores strings of variable length in collections of numbered objects.
//!
//! libhdf5 1.10 walks a collection by the sizes in its objects' headers, and never ends if one of them is 0; so strings
//! are read here without the library, with bounds checks. Source: HDF5 File Format Specification 3.0, sections II.A
//! (superblock), III.E (global heap) and IV.A.2 (references of variable length).

use std::collections::HashMap;
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;

/// Bytes of the header of a collection, and of an object in it: 8 bytes and a size, aligned to 8 bytes.
const HEADER_BYTES: usize = 16;
/// Where the size begins in both headers.
const SIZE_BYTE: usize = 8;
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
    /// Byte offsets or lengths of unusual width.
    #[error("expected byte offsets and lengths of 2, 4 or 8 bytes, found others")]
    AddressFormat,
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

/// A reference to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reference {
    /// The string's length, bytes.
    length: u32,
    /// The byte offset of the collection; 0 for an empty string.
    at: u64,
    /// The object's number.
    number: u32,
}

impl Reference {
    /// Parses a stored reference: the length, the byte offset, of any width, and the number.
    pub fn parse(bytes: &[u8]) -> Self {
        let number_byte = bytes.len().saturating_sub(4);
        let offset = bytes.get(4..number_byte).unwrap_or_default();
        Self {
            length: unsigned(bytes, 0, 4) as u32,
            at: unsigned(offset, 0, offset.len()),
            number: unsigned(bytes, number_byte, 4) as u32,
        }
    }
}

/// How a file stores byte offsets and lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AddressFormat {
    /// The byte of the file from which byte offsets count: where its signature is.
    base: u64,
    /// Width of a byte offset.
    pub offset_bytes: usize,
    /// Width of a length.
    length_bytes: usize,
}

impl AddressFormat {
    /// Reads the format from the superblock; `None` if there is none. It begins at byte 0, or at 512, 1024, 2048 and so on.
    pub fn read(file: &File) -> std::io::Result<Option<Self>> {
        let bytes = file.metadata()?.len();
        let mut base = 0;
        while base + 16 <= bytes {
            let mut begin = [0; 16];
            file.read_exact_at(&mut begin, base)?;
            if begin.starts_with(b"\x89HDF\r\n\x1a\n") {
                let [offset_bytes, length_bytes] =
                    if begin[8] < 2 { [begin[13], begin[14]] } else { [begin[9], begin[10]] };
                let is_supported = matches!((offset_bytes, length_bytes), (2 | 4 | 8, 2 | 4 | 8));
                let (offset_bytes, length_bytes) = (usize::from(offset_bytes), usize::from(length_bytes));
                return Ok(is_supported.then_some(Self { base, offset_bytes, length_bytes }));
            }
            base = (2 * base).max(512);
        }
        Ok(None)
    }
}

impl GlobalHeap {
    /// Reads the string that a reference points to.
    pub fn read_string(
        &mut self,
        file: &File,
        format: AddressFormat,
        reference: Reference,
    ) -> Result<&[u8], HeapError> {
        let Reference { length, at, number } = reference;
        if at == 0 {
            return Ok(&[]);
        }
        if !self.collections.contains_key(&at) {
            let read = HeapCollection::read(file, format, at)?;
            if self.cached_bytes + read.bytes.len() > MAX_CACHED_BYTES {
                self.forget();
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

    /// Forgets the collections read so far.
    pub fn forget(&mut self) {
        (self.cached_bytes, self.collections) = (0, HashMap::new());
    }
}

impl HeapCollection {
    fn read(file: &File, format: AddressFormat, at: u64) -> Result<Self, HeapError> {
        let begin = format.base.saturating_add(at);
        let most = file.metadata()?.len().saturating_sub(begin);
        let mut header = [0; HEADER_BYTES];
        if most < HEADER_BYTES as u64 {
            return Err(HeapProblem::NoCollection { at }.into());
        }
        file.read_exact_at(&mut header, begin)?;
        if !header.starts_with(b"GCOL\x01") {
            return Err(HeapProblem::NoCollection { at }.into());
        }
        let size = unsigned(&header, SIZE_BYTE, format.length_bytes);
        if size > most || size < HEADER_BYTES as u64 {
            return Err(HeapProblem::CollectionSize { at, most, size }.into());
        }
        let mut bytes = vec![0; size as usize];
        file.read_exact_at(&mut bytes, begin)?;
        Ok(Self { objects: parse_objects(&bytes, at, format.length_bytes)?, bytes })
    }

    fn object_bytes(&self, number: u32) -> Option<&[u8]> {
        self.bytes.get(self.objects.get(&u16::try_from(number).ok()?)?.clone())
    }
}

/// Returns the range of each object of a collection. Object 0 is the free space, including its header.
fn parse_objects(bytes: &[u8], at: u64, length_bytes: usize) -> Result<HashMap<u16, Range<usize>>, HeapProblem> {
    let mut objects = HashMap::new();
    let mut next = HEADER_BYTES;
    // the bytes that are left may be too few for another header
    while let Some(header) = bytes.get(next..next + HEADER_BYTES) {
        let number = u16::from_le_bytes([header[0], header[1]]);
        let (size, left) = (unsigned(header, SIZE_BYTE, length_bytes), (bytes.len() - next) as u64);
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

/// Returns a little-endian number of up to 8 bytes.
fn unsigned(bytes: &[u8], at: usize, width: usize) -> u64 {
    bytes.iter().skip(at).take(width.min(8)).rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
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
        let valid = collection(&[object(3, 5, b"abcde\0\0\0"), object(1, 0, b""), object(0, 24, &[0; 8])]);
        let found = parse_objects(&valid, 0, 8).unwrap();
        assert_eq!((found[&3].clone(), found[&1].clone(), found.len()), (32..37, 56..56, 2));
        let wrong = |last, size| Err(HeapProblem::ObjectSize { number: last, at: 1016, most: 24, size });
        let tried = |last, size| parse_objects(&collection(&[object(last, size, &[0; 8])]), 1000, 8);
        assert_eq!(tried(0, 0), wrong(0, 0), "the library never comes back from this");
        assert_eq!(tried(0, 25), wrong(0, 25));
        assert_eq!(tried(7, 9), wrong(7, 32));
        assert_eq!(tried(7, u64::MAX), wrong(7, u64::MAX));
        assert_eq!(tried(7, 8).unwrap().len(), 1);
    }
}
