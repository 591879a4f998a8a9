//! Attributes as object headers have them, so that strings can be read without the library: see [`super::heap`].
//!
//! Source: HDF5 File Format Specification 3.0, sections IV.A.1 (object headers, versions 1 and 2), IV.A.2.d (datatype),
//! IV.A.2.m (attribute) and IV.A.2.q (continuation). Attributes that are kept elsewhere (more than eight of them in files of
//! the newest format, shared datatypes) are not found here.

use std::fs::File;
use std::os::unix::fs::FileExt;

use super::heap::REFERENCE;

/// Blocks of a header that are followed.
const MOST_BLOCKS: usize = 256;
/// Bytes of a block that are read: a header's message has at most 64 KiB.
const MOST_BYTES: u64 = 1 << 20;

const ATTRIBUTE: u16 = 0x0c;
const CONTINUATION: u16 = 0x10;

/// The reference to the string of an attribute, if the header at an address has it, and it is one string of any length.
pub(super) fn string_reference(file: &File, address: u64, name: &str) -> Option<[u8; REFERENCE]> {
    let mut begin = [0; 32];
    file.read_exact_at(&mut begin, address).ok()?;
    let mut blocks = vec![first_block(&begin, address)?];
    let mut next = 0;
    while let Some(block) = blocks.get(next).copied().filter(|_| next < MOST_BLOCKS) {
        next += 1;
        let mut bytes = vec![0; block.length.min(MOST_BYTES) as usize];
        file.read_exact_at(&mut bytes, block.address).ok()?;
        for message in messages(&bytes, block.form) {
            match message.kind {
                CONTINUATION => blocks.push(continued(message.data, block.form)?),
                ATTRIBUTE if message.is_shared => {}
                ATTRIBUTE => {
                    if let Some(found) = attribute(message.data, name) {
                        return found;
                    }
                }
                _ => {}
            }
        }
    }
    None
}

/// How messages follow one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Version 1: 8 bytes before each.
    Old,
    /// Version 2: 4 bytes before each, or 6 with the order of creation.
    New { with_order: bool },
}

#[derive(Debug, Clone, Copy)]
struct Block {
    address: u64,
    length: u64,
    form: Form,
}

struct Message<'a> {
    kind: u16,
    is_shared: bool,
    data: &'a [u8],
}

fn first_block(begin: &[u8; 32], address: u64) -> Option<Block> {
    if begin.starts_with(b"OHDR\x02") {
        let flags = begin[5];
        let times = if flags & 0x20 > 0 { 16 } else { 0 };
        let limits = if flags & 0x10 > 0 { 4 } else { 0 };
        let (at, width) = (6 + times + limits, 1_usize << (flags & 3));
        let length = number(begin.get(at..at + width)?);
        let form = Form::New { with_order: flags & 4 > 0 };
        return Some(Block { address: address + (at + width) as u64, length, form });
    }
    let is_old = begin[0] == 1;
    is_old.then(|| Block { address: address + 16, length: number(&begin[8..12]), form: Form::Old })
}

fn continued(data: &[u8], form: Form) -> Option<Block> {
    let (address, length) = (number(data.get(..8)?), number(data.get(8..16)?));
    match form {
        Form::Old => Some(Block { address, length, form }),
        // a signature before, a checksum behind
        Form::New { .. } => Some(Block { address: address.checked_add(4)?, length: length.checked_sub(8)?, form }),
    }
}

fn messages(bytes: &[u8], form: Form) -> impl Iterator<Item = Message<'_>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (kind, length, flags, head) = match form {
            Form::Old => (number(rest.get(..2)?) as u16, number(rest.get(2..4)?), *rest.get(4)?, 8),
            Form::New { with_order } => {
                (u16::from(*rest.first()?), number(rest.get(1..3)?), *rest.get(3)?, if with_order { 6 } else { 4 })
            }
        };
        let data = rest.get(head..head + length as usize)?;
        rest = rest.get(head + length as usize..)?;
        Some(Message { kind, is_shared: flags & 2 > 0, data })
    })
}

/// The reference of an attribute message of this name: none if it is another's; none inside if it is no such string.
fn attribute(data: &[u8], name: &str) -> Option<Option<[u8; REFERENCE]>> {
    let (version, flags) = (*data.first()?, *data.get(1)?);
    let size = |at: usize| Some(number(data.get(at..at + 2)?) as usize);
    let (own, kind, space) = (size(2)?, size(4)?, size(6)?);
    let (head, step) = match version {
        1 => (8, 8),
        2 => (8, 1),
        3 => (9, 1),
        _ => return None,
    };
    let own_name = data.get(head..head + own)?.split(|byte| *byte == 0).next()?;
    if own_name != name.as_bytes() {
        return None;
    }
    let kind_at = head + own.next_multiple_of(step);
    let value_at = kind_at + kind.next_multiple_of(step) + space.next_multiple_of(step);
    let is_shared = version > 1 && flags & 3 > 0;
    // class 9: of variable length; kind 1 of these: a string
    let is_string = |kind: &[u8]| kind.len() >= 8 && kind[0] & 0x0f == 9 && kind[1] & 0x0f == 1;
    let value = data.get(value_at..).filter(|value| value.len() < 2 * REFERENCE && !is_shared);
    let is_string = data.get(kind_at..kind_at + kind).is_some_and(is_string);
    Some(value.filter(|_| is_string).and_then(|value| value.get(..REFERENCE)?.try_into().ok()))
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_both_versions_tell_their_attributes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("header");
        let reference: Vec<u8> = (1..=16).collect();
        let kind = [0x19, 1, 1, 0, 16, 0, 0, 0];
        // version 1 pads name, datatype and dataspace to 8 bytes
        let old =
            [&[1, 0, 6, 0, 8, 0, 4, 0][..], b"units\0\0\0", &kind, &[1, 0, 0, 0, 0, 0, 0, 0], &reference].concat();
        let new = [&[3, 0, 6, 0, 8, 0, 4, 0, 1][..], b"units\0", &kind, &[2, 0, 0, 0], &reference].concat();
        let message = |kind: u16, data: &[u8]| {
            [&kind.to_le_bytes()[..], &(data.len() as u16).to_le_bytes(), &[0; 4], data].concat()
        };
        // the attribute is in a second block, at byte 100
        let far = message(ATTRIBUTE, &old);
        let link = message(CONTINUATION, &[100_u64.to_le_bytes(), (far.len() as u64).to_le_bytes()].concat());
        let begin = [&[1, 0, 1, 0, 1, 0, 0, 0][..], &(link.len() as u32).to_le_bytes(), &[0; 4], &link].concat();
        let mut bytes = vec![0; 100];
        bytes[..begin.len()].copy_from_slice(&begin);
        bytes.extend(far);
        let at = bytes.len() as u64;
        let own = [&[ATTRIBUTE as u8][..], &(new.len() as u16).to_le_bytes(), &[0], &new].concat();
        bytes.extend([&b"OHDR\x02\x00"[..], &[own.len() as u8], &own, &[0; 32]].concat());
        std::fs::write(&path, bytes).unwrap();
        let file = File::open(&path).unwrap();
        for address in [0, at] {
            assert_eq!(string_reference(&file, address, "units").unwrap().as_slice(), reference);
            assert_eq!(string_reference(&file, address, "unit"), None);
        }
        assert_eq!(string_reference(&file, 60, "units"), None);
    }
}
