//! Checksums in the headers of pages.
//!
//! The format reserves field 4 of a page header for the CRC-32 of the page's compressed bytes, which every reader may
//! verify. It does not cover the header itself, so a header gets a second CRC-32, of its own bytes, in field 15, which
//! the format does not use and readers skip. (The format reserves field 32767 for extensions, but fastparquet cannot
//! skip it, and polars skips numbers only.) A header is a Thrift structure in the compact protocol.

use super::problem::ParquetProblem;

/// The header of a field of type `i32` whose number is one more than that of the previous field.
const NEXT_I32: u8 = 0x15;
/// Number of the field with the header's own checksum.
const OWN_CHECKSUM_FIELD: u8 = 15;
/// The type `i32` of a field.
const I32: u8 = 5;
/// Bytes of a header's own checksum, which has seven bits in each byte and always the same length.
const OWN_CHECKSUM_BYTES: usize = 5;
/// The end of a structure.
const STOP: u8 = 0;
/// Bytes after those that a header's own checksum covers.
const SUFFIX_BYTES: usize = OWN_CHECKSUM_BYTES + 1;

/// The first fields of a header, and the number of their bytes.
struct PageHeaderStart {
    page_type: i32,
    compressed_bytes: i32,
    header_bytes: usize,
}

/// Reads an unsigned number of the compact protocol from the first bytes; returns it and its length.
fn read_varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0_u64;
    for (i, &byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f).checked_shl(7 * i as u32)?;
        if byte & 0x80 == 0 {
            return Some((value, i + 1));
        }
    }
    None
}

fn read_i32_field(bytes: &[u8]) -> Option<(i32, usize)> {
    let (&first, rest) = bytes.split_first()?;
    let (value, length) = read_varint(rest).filter(|_| first == NEXT_I32)?;
    let value = u32::try_from(value).ok()?;
    Some(((value >> 1) as i32 ^ -((value & 1) as i32), length + 1))
}

fn write_i32(value: i32, out: &mut Vec<u8>) {
    let mut rest = ((value << 1) ^ (value >> 31)) as u32;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

impl PageHeaderStart {
    /// Reads the first three fields: type, uncompressed and compressed bytes of the page.
    fn read(header: &[u8]) -> Option<Self> {
        let (page_type, first) = read_i32_field(header)?;
        let (_, second) = read_i32_field(header.get(first..)?)?;
        let (compressed_bytes, third) = read_i32_field(header.get(first + second..)?)?;
        Some(Self { page_type, compressed_bytes, header_bytes: first + second + third })
    }
}

/// Returns whether a header is that of a dictionary page.
pub(super) fn is_dictionary(header: &[u8]) -> bool {
    const DICTIONARY_PAGE: i32 = 2;
    PageHeaderStart::read(header).is_some_and(|start| start.page_type == DICTIONARY_PAGE)
}

/// Computes the CRC-32 of a header's bytes, as a number of five bytes; the first four have the bit that more bytes
/// follow.
fn header_checksum(covered: &[u8]) -> [u8; OWN_CHECKSUM_BYTES] {
    let checksum = crc32fast::hash(covered);
    std::array::from_fn(|i| {
        let more = if i + 1 < OWN_CHECKSUM_BYTES { 0x80 } else { 0 };
        (checksum >> (7 * i)) as u8 & 0x7f | more
    })
}

/// Returns a header with both checksums added: that of the page and its own.
pub(super) fn insert_checksums(header: &[u8], page: &[u8]) -> Option<Vec<u8>> {
    let start = PageHeaderStart::read(header)?;
    let (fields, rest) = header.split_at_checked(start.header_bytes)?;
    let (&next, rest) = rest.split_first()?;
    let (&STOP, rest) = rest.split_last()? else { return None };
    let (step, kind) = (next >> 4, next & 0xf);
    if step < 2 {
        return None;
    }
    let mut out = Vec::with_capacity(header.len() + 8 + SUFFIX_BYTES);
    out.extend_from_slice(fields);
    out.push(NEXT_I32);
    write_i32(crc32fast::hash(page) as i32, &mut out);
    out.push((step - 1) << 4 | kind);
    out.extend_from_slice(rest);
    // `step` fields after the third is the last field of the header
    out.push(OWN_CHECKSUM_FIELD.checked_sub(3 + step)?.checked_shl(4)? | I32);
    let own = header_checksum(&out);
    out.extend_from_slice(&own);
    out.push(STOP);
    Some(out)
}

/// Checks the header of a page against its own checksum; `bytes` are header and page.
///
/// The decoder verifies the checksum of the page's bytes.
pub(super) fn check_page_header(bytes: &[u8]) -> Result<(), ParquetProblem> {
    let is_right = || {
        let compressed = usize::try_from(PageHeaderStart::read(bytes)?.compressed_bytes).ok()?;
        let header = bytes.get(..bytes.len().checked_sub(compressed)?)?;
        let (covered, suffix) = header.split_at_checked(header.len().checked_sub(SUFFIX_BYTES)?)?;
        let own = suffix.strip_suffix(&[STOP])?;
        Some(own == header_checksum(covered))
    };
    if is_right() == Some(true) { Ok(()) } else { Err(ParquetProblem::PageChanged) }
}

/// Longest header with its own checksum that is searched for: it holds the smallest and largest value of a page.
pub(super) const MAX_HEADER_BYTES: usize = 1024;

/// Returns whether bytes begin with a page header that has its own checksum, which only this program writes.
pub(super) fn begins_with_own_header(bytes: &[u8]) -> bool {
    let ends = SUFFIX_BYTES + 1..=bytes.len().min(MAX_HEADER_BYTES);
    ends.into_iter()
        .filter_map(|end| bytes.get(..end)?.split_at_checked(end - SUFFIX_BYTES))
        .any(|(covered, suffix)| suffix.strip_suffix(&[STOP]).is_some_and(|own| own == header_checksum(covered)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Type 0 (data), 300 bytes, 5 bytes compressed, then a structure in field 5 with one number.
    const HEADER: [u8; 12] = [0x15, 0x00, 0x15, 0xd8, 0x04, 0x15, 0x0a, 0x2c, 0x15, 0x08, 0x00, 0x00];
    const PAGE: [u8; 5] = *b"12345";

    #[test]
    fn numbers_follow_the_compact_protocol() {
        for (value, bytes) in [(0, vec![0]), (-1, vec![1]), (1, vec![2]), (300, vec![0xd8, 0x04])] {
            let mut out = Vec::new();
            write_i32(value, &mut out);
            assert_eq!(out, bytes);
        }
        for value in [i32::MIN, i32::MAX, -300, 5] {
            let mut field = vec![NEXT_I32];
            write_i32(value, &mut field);
            assert_eq!(read_i32_field(&field), Some((value, field.len())));
        }
    }

    #[test]
    fn both_checksums_are_added_and_every_flipped_bit_of_a_header_is_detected() {
        let header = insert_checksums(&HEADER, &PAGE).unwrap();
        // field 4 is 0xcbf53a1c, the CRC-32 of "12345"; field 5 now follows directly
        assert_eq!(crc32fast::hash(&PAGE), 0xcbf5_3a1c);
        assert_eq!(header[..8], [0x15, 0x00, 0x15, 0xd8, 0x04, 0x15, 0x0a, 0x15]);
        assert_eq!(read_i32_field(&header[7..]).unwrap().0, 0xcbf5_3a1c_u32 as i32);
        assert_eq!(header[13..17], [0x1c, 0x15, 0x08, 0x00]);
        let whole = [header.as_slice(), &PAGE].concat();
        check_page_header(&whole).unwrap();
        for bit in 0..8 * header.len() {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(check_page_header(&flipped).is_err(), "bit {bit}");
        }
        assert!(check_page_header(&[HEADER.as_slice(), &PAGE].concat()).is_err());
        assert!(!is_dictionary(&HEADER));
        assert!(begins_with_own_header(&whole) && begins_with_own_header(&header));
        assert!(!begins_with_own_header(&header[..header.len() - 1]));
        assert!(!begins_with_own_header(&[HEADER.as_slice(), &PAGE].concat()));
    }
}
