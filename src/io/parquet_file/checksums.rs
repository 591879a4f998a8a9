//! The checksums of a file's footer and page index, which are stored in the footer itself.
//!
//! A file ends with the column indexes of its row groups, their offset indexes, the footer, its length and `PAR1`. Two
//! pairs of key-value metadata protect them: [`INDEX_KEY`] has 16 hexadecimal digits for each row group, the CRC-32 of
//! its column indexes and that of its offset indexes; [`FOOTER_KEY`] has eight digits, the CRC-32 of the footer's bytes
//! with zeros in place of these eight digits.

use std::ops::Range;

use parquet::file::metadata::{KeyValue, ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};

use super::problem::ParquetProblem;
use super::source::ParquetSource;

/// Key of the footer's checksum.
pub const FOOTER_KEY: &str = "leadfield.checksum";
/// Key of the checksums of the page index.
pub const INDEX_KEY: &str = "leadfield.index_checksums";

/// The program's name, with which `created_by` begins in its files.
pub(super) const PROGRAM_NAME: &str = "leadfield";

/// Number of digits of a checksum.
const CHECKSUM_DIGITS: usize = 8;
/// Bytes after the footer: its length and `PAR1`.
pub(super) const FOOTER_END_BYTES: usize = 8;
/// The byte before a string that is the first or the second field of a key-value pair, in Thrift's compact protocol.
const STRING_FIELD: u8 = 0x18;

/// Returns the metadata pairs with zeros in place of digits, for a file with this number of row groups.
pub(super) fn blank_checksum_pairs(row_groups: usize) -> [KeyValue; 2] {
    let pair = |key: &str, checksums: usize| KeyValue::new(key.to_string(), "0".repeat(CHECKSUM_DIGITS * checksums));
    [pair(INDEX_KEY, 2 * row_groups), pair(FOOTER_KEY, 1)]
}

/// Returns the range of a key's value in the bytes of a footer.
fn value_range(footer: &[u8], key: &str) -> Option<Range<usize>> {
    let mut wanted = vec![STRING_FIELD, u8::try_from(key.len()).ok()?];
    wanted.extend_from_slice(key.as_bytes());
    wanted.push(STRING_FIELD);
    let found = footer.windows(wanted.len()).rposition(|window| window == wanted)?;
    let (mut at, mut length, mut shift) = (found + wanted.len(), 0_usize, 0);
    loop {
        let byte = *footer.get(at)?;
        at += 1;
        length |= usize::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            break;
        }
        shift += 7;
    }
    let range = at..at.checked_add(length)?;
    footer.get(range.clone()).map(|_| range)
}

/// Returns the byte ranges of a row group's column indexes and offset indexes; `None` for an index that it does not
/// have.
fn index_ranges(group: &RowGroupMetaData) -> [Option<Range<u64>>; 2] {
    let span = |place: fn(&parquet::file::metadata::ColumnChunkMetaData) -> Option<(i64, i32)>| {
        let ranges = group.columns().iter().filter_map(place).filter_map(|(offset, length)| {
            let start = u64::try_from(offset).ok()?;
            Some(start..start.checked_add(u64::try_from(length).ok()?)?)
        });
        ranges.reduce(|a, b| a.start.min(b.start)..a.end.max(b.end))
    };
    [
        span(|c| c.column_index_offset().zip(c.column_index_length())),
        span(|c| c.offset_index_offset().zip(c.offset_index_length())),
    ]
}

/// Computes the CRC-32 of a footer with zeros in place of its own checksum.
fn compute_footer_checksum(footer: &[u8], own: Range<usize>) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(footer.get(..own.start).unwrap_or_default());
    hasher.update(&[b'0'; CHECKSUM_DIGITS]);
    hasher.update(footer.get(own.end..).unwrap_or_default());
    hasher.finalize()
}

/// Returns the range of the footer in the last bytes of a file.
fn footer_range(end: &[u8]) -> Option<Range<usize>> {
    let last = end.len().checked_sub(FOOTER_END_BYTES)?;
    let length = u32::from_le_bytes(end.get(last..last + 4)?.try_into().ok()?);
    Some(last.checked_sub(usize::try_from(length).ok()?)?..last)
}

/// Writes the checksums into the last bytes of a file that was written with [`blank_checksum_pairs`]; `offset` is the
/// position of these bytes in the file.
pub(super) fn fill_checksums(end: &mut [u8], offset: u64) -> Option<()> {
    let footer = footer_range(end)?;
    let metadata = ParquetMetaDataReader::decode_metadata(end.get(footer.clone())?).ok()?;
    let checksum = |range: Option<Range<u64>>, end: &[u8]| -> Option<u32> {
        let Some(range) = range else { return Some(crc32fast::hash(&[])) };
        let place = |at: u64| usize::try_from(at.checked_sub(offset)?).ok();
        Some(crc32fast::hash(end.get(place(range.start)?..place(range.end)?)?))
    };
    let mut digits = String::new();
    for range in metadata.row_groups().iter().flat_map(index_ranges) {
        digits += &format!("{:08x}", checksum(range, end)?);
    }
    let footer = end.get_mut(footer)?;
    let index = value_range(footer, INDEX_KEY)?;
    footer.get_mut(index).filter(|place| place.len() == digits.len())?.copy_from_slice(digits.as_bytes());
    let own = value_range(footer, FOOTER_KEY).filter(|own| own.len() == CHECKSUM_DIGITS)?;
    let digits = format!("{:08x}", compute_footer_checksum(footer, own.clone()));
    footer.get_mut(own)?.copy_from_slice(digits.as_bytes());
    Some(())
}

/// Returns the value of a key in a file of this program. Another program that rewrites a file may copy the pairs,
/// although they do not match its bytes.
fn own_metadata_value<'a>(metadata: &'a ParquetMetaData, key: &str) -> Option<&'a str> {
    if !metadata.file_metadata().created_by()?.starts_with(PROGRAM_NAME) {
        return None;
    }
    let pairs = metadata.file_metadata().key_value_metadata();
    pairs.into_iter().flatten().find(|pair| pair.key == key)?.value.as_deref()
}

/// Returns whether a file was written with checksums.
pub fn has_checksums(metadata: &ParquetMetaData) -> bool {
    own_metadata_value(metadata, FOOTER_KEY).is_some() && own_metadata_value(metadata, INDEX_KEY).is_some()
}

/// Returns the checksum in a footer; `None` if the file was written without one, or by another program.
pub fn footer_checksum(metadata: &ParquetMetaData) -> Option<u32> {
    u32::from_str_radix(own_metadata_value(metadata, FOOTER_KEY)?, 16).ok()
}

/// Returns whether one changed byte has hidden the checksums of a footer: in or around the name of the program that wrote
/// it, or around one of the two keys, whose text is then there without a value.
fn are_checksums_hidden(footer: &[u8], metadata: &ParquetMetaData) -> bool {
    let writer = metadata.file_metadata().created_by().unwrap_or_default();
    let changed_bytes = PROGRAM_NAME.bytes().zip(writer.bytes()).filter(|(expected, found)| expected != found).count();
    let is_own = writer.is_empty() || writer.len() >= PROGRAM_NAME.len() && changed_bytes <= 1;
    let contains = |key: &str| footer.windows(key.len()).any(|window| window == key.as_bytes());
    is_own && !has_checksums(metadata) && (contains(FOOTER_KEY) || contains(INDEX_KEY))
}

/// Checks the bytes of a footer, if it has a checksum.
pub(super) fn check_footer(footer: &[u8], metadata: &ParquetMetaData) -> Result<(), ParquetProblem> {
    if are_checksums_hidden(footer, metadata) {
        return Err(ParquetProblem::FooterChanged);
    }
    let Some(stored) = own_metadata_value(metadata, FOOTER_KEY) else { return Ok(()) };
    let own = value_range(footer, FOOTER_KEY).ok_or(ParquetProblem::FooterChanged)?;
    match format!("{:08x}", compute_footer_checksum(footer, own)) == stored {
        true => Ok(()),
        false => Err(ParquetProblem::FooterChanged),
    }
}

/// Returns whether a footer that cannot be decoded has a checksum which does not match.
pub(super) fn is_footer_changed(footer: &[u8]) -> bool {
    let stored = value_range(footer, FOOTER_KEY).filter(|own| own.len() == CHECKSUM_DIGITS);
    stored.is_some_and(|own| {
        let digits = format!("{:08x}", compute_footer_checksum(footer, own.clone()));
        footer.get(own) != Some(digits.as_bytes())
    })
}

/// Checks the page index of some row groups, if the file has checksums.
///
/// # Errors
/// Returns an error if the bytes are not those that were written, or cannot be read.
pub fn check_page_index(
    source: &ParquetSource,
    metadata: &ParquetMetaData,
    groups: &[usize],
) -> Result<(), ParquetProblem> {
    let Some(stored) = own_metadata_value(metadata, INDEX_KEY) else { return Ok(()) };
    for &group in groups {
        let Some(row_group) = metadata.row_groups().get(group) else { continue };
        let mut digits = String::new();
        for range in index_ranges(row_group) {
            let range = range.unwrap_or(0..0);
            let length = usize::try_from(range.end - range.start).map_err(|_| ParquetProblem::IndexChanged)?;
            digits += &format!("{:08x}", crc32fast::hash(&source.read_at(range.start, length)?));
        }
        let first = 2 * CHECKSUM_DIGITS * group;
        if stored.get(first..first + 2 * CHECKSUM_DIGITS) != Some(digits.as_str()) {
            return Err(ParquetProblem::IndexChanged);
        }
    }
    Ok(())
}
