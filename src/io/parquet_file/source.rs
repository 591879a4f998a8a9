//! Reads a Parquet file at byte positions: all readers share one open file, and none depends on the position of
//! another.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{ChunkReader, Length};

use super::page_header;
use crate::error::{Context, FileProblem};
use crate::io::input_file;

/// Properties that differ between files: path, length, and time of the last change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileIdentity {
    device: u64,
    inode: u64,
    length: u64,
    /// Seconds and nanoseconds.
    written: (i64, i64),
}

/// An open file of known length.
#[derive(Debug, Clone)]
pub struct ParquetSource {
    file: Arc<File>,
    length: u64,
    /// End of the pages whose headers are checked; 0 if none is checked.
    checked_end: u64,
}

impl ParquetSource {
    /// Opens a file.
    ///
    /// # Errors
    /// Returns an error if the file is missing, is not a regular file, or the operating system refuses.
    pub fn open(path: &Path) -> crate::error::Result<Self> {
        let file = input_file::open(path)?;
        let length = file.metadata().map_err(FileProblem::Read).in_file(path)?.len();
        Ok(Self { file: Arc::new(file), length, checked_end: 0 })
    }

    /// Returns the properties that differ for another file of the same name, and for the same file after a change.
    ///
    /// # Errors
    /// Returns an error if the operating system refuses.
    pub fn identity(&self) -> std::result::Result<FileIdentity, FileProblem> {
        let found = self.file.metadata().map_err(FileProblem::Read)?;
        let written = (found.mtime(), found.mtime_nsec());
        Ok(FileIdentity { device: found.dev(), inode: found.ino(), length: found.len(), written })
    }

    /// Returns the same file for a decoder that reads complete pages by the offset index, with a check of each page
    /// header.
    pub fn with_page_checks(mut self, metadata: &ParquetMetaData) -> Self {
        let chunks = metadata.row_groups().iter().flat_map(|group| group.columns());
        self.checked_end =
            chunks.map(|chunk| chunk.byte_range()).map(|(start, length)| start + length).max().unwrap_or(0);
        self
    }

    /// Reads bytes without a check.
    pub(super) fn read_at(&self, start: u64, length: usize) -> Result<Vec<u8>> {
        // a damaged footer may request more bytes than the file has: such a buffer is never allocated
        let there = usize::try_from(self.length.saturating_sub(start)).unwrap_or(usize::MAX);
        if length > there {
            let message = format!("{length} bytes at {start} are beyond the end of the file");
            return Err(ParquetError::EOF(message));
        }
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, start)?;
        Ok(bytes)
    }
}

impl Length for ParquetSource {
    fn len(&self) -> u64 {
        self.length
    }
}

/// Reads sequentially from a position.
#[derive(Debug)]
pub struct OffsetReader {
    file: Arc<File>,
    offset: u64,
}

impl Read for OffsetReader {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.file.read_at(buffer, self.offset)?;
        self.offset += n as u64;
        Ok(n)
    }
}

impl ChunkReader for ParquetSource {
    type T = std::io::BufReader<OffsetReader>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(std::io::BufReader::new(OffsetReader { file: self.file.clone(), offset: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let bytes = self.read_at(start, length)?;
        if start < self.checked_end {
            page_header::check_page_header(&bytes)?;
        }
        Ok(bytes.into())
    }
}
