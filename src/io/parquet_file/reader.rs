//! Reads and checks the footer of a Parquet file.

use std::path::Path;
use std::sync::Arc;

use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::basic::Compression;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::reader::Length;

use super::checksums::{
    FOOTER_END_BYTES, KEY_PREFIX, PROGRAM_NAME, check_footer, check_page_index, has_checksums, is_footer_changed,
};
use super::page_header::{MAX_HEADER_BYTES, begins_with_own_header};
use super::problem::ParquetProblem;
use super::source::ParquetSource;
use crate::io::reader_panics::catch_panics;

/// The magic bytes of a footer that is not encrypted.
const MAGIC: &[u8; 4] = b"PAR1";

/// Reads the footer of a file, and checks it if it has a checksum.
///
/// # Errors
/// Returns an error if the file is not Parquet, is damaged, or changed since it was written.
pub fn read_metadata(source: &ParquetSource) -> Result<ParquetMetaData, ParquetProblem> {
    let length = source.len();
    let start = length.saturating_sub(FOOTER_END_BYTES as u64);
    let end = source.read_at(start, usize::try_from(length - start).unwrap_or(0))?;
    let Some((&[a, b, c, d], MAGIC)) = end.split_first_chunk::<4>().and_then(|(n, m)| Some((n, m.try_into().ok()?)))
    else {
        // the library's error for a file that is not Parquet, or is encrypted
        return Ok(ParquetMetaDataReader::new().parse_and_finish(source)?);
    };
    let footer_length = u64::from(u32::from_le_bytes([a, b, c, d]));
    let Some(footer_start) = start.checked_sub(footer_length) else {
        return Ok(ParquetMetaDataReader::new().parse_and_finish(source)?);
    };
    let footer = source.read_at(footer_start, usize::try_from(footer_length).unwrap_or(usize::MAX))?;
    match ParquetMetaDataReader::decode_metadata(&footer) {
        Ok(metadata) => check_footer(&footer, &metadata).map(|()| metadata),
        Err(_) if is_footer_changed(&footer) => Err(ParquetProblem::FooterChanged),
        Err(error) => Err(error.into()),
    }
}

/// Returns whether this program wrote a file, complete or damaged, or another program rewrote it with this program's
/// metadata. A file that ends before its first page counts, since nothing is lost with it.
pub fn is_written_here(path: &Path) -> bool {
    let Ok(source) = ParquetSource::open(path) else { return false };
    let read = catch_panics(|| read_metadata(&source));
    match read {
        Ok(metadata) => {
            let file = metadata.file_metadata();
            let mut pairs = file.key_value_metadata().into_iter().flatten();
            file.created_by().is_some_and(|writer| writer.starts_with(PROGRAM_NAME))
                || pairs.any(|pair| pair.key.starts_with(KEY_PREFIX))
        }
        // only files of this program have the checksum that does not match
        Err(error) => error.problem::<ParquetProblem>() == Some(&ParquetProblem::FooterChanged) || begins_here(&source),
    }
}

/// A file that is not longer and has no footer has at most the beginning of a page.
const MAX_BYTES_WITHOUT_PAGE: usize = 64;

/// Returns whether a file without a valid footer begins with a page of this program, or ends before.
fn begins_here(source: &ParquetSource) -> bool {
    let length = usize::try_from(source.len()).unwrap_or(usize::MAX);
    let Ok(begin) = source.read_at(0, length.min(2 * MAX_HEADER_BYTES)) else { return false };
    match begin.strip_prefix(MAGIC) {
        Some(pages) => length <= MAX_BYTES_WITHOUT_PAGE || begins_with_own_header(pages),
        None => MAGIC.starts_with(&begin),
    }
}

/// Checks that every column chunk has a supported compression.
///
/// # Errors
/// Returns the first unsupported compression.
pub fn check_codecs(metadata: &ParquetMetaData) -> Result<(), ParquetProblem> {
    for chunk in metadata.row_groups().iter().flat_map(|group| group.columns()) {
        if matches!(chunk.compression(), Compression::BROTLI(_) | Compression::LZO) {
            let name = chunk.compression().to_string();
            let name = name.split('(').next().unwrap_or_default().to_lowercase();
            return Err(ParquetProblem::Compression(name));
        }
    }
    Ok(())
}

/// Opens a file to read its rows in batches, with all or some of its columns.
///
/// # Errors
/// Returns an error if the file is not Parquet, is damaged, or changed since it was written.
pub fn open_batches(path: &Path) -> crate::error::Result<ParquetRecordBatchReaderBuilder<ParquetSource>> {
    let source = ParquetSource::open(path)?;
    catch_panics(|| -> Result<_, ParquetProblem> {
        let metadata = Arc::new(read_metadata(&source)?);
        check_codecs(&metadata)?;
        let (source, metadata) = load_offset_index(source, metadata)?;
        let footer = ArrowReaderMetadata::try_new(metadata, ArrowReaderOptions::new())?;
        Ok(ParquetRecordBatchReaderBuilder::new_with_metadata(source, footer))
    })
}

/// Returns a file's metadata with the offset index, and a source that checks the header of every page, if the file has
/// checksums; otherwise both unchanged.
///
/// # Errors
/// Returns an error if the page index changed since it was written, or cannot be read.
pub fn load_offset_index(
    source: ParquetSource,
    metadata: Arc<ParquetMetaData>,
) -> Result<(ParquetSource, Arc<ParquetMetaData>), ParquetProblem> {
    if !has_checksums(&metadata) {
        return Ok((source, metadata));
    }
    let groups: Vec<usize> = (0..metadata.num_row_groups()).collect();
    check_page_index(&source, &metadata, &groups)?;
    let mut reader = ParquetMetaDataReader::new_with_metadata(metadata.as_ref().clone())
        .with_column_index_policy(PageIndexPolicy::Skip)
        .with_offset_index_policy(PageIndexPolicy::Required);
    reader.read_page_indexes(&source)?;
    let metadata = reader.finish()?;
    Ok((source.with_page_checks(&metadata), Arc::new(metadata)))
}
