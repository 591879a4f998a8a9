//! Writes electrodes files: HDF5 creates the layout, then any thread writes rows at their byte offsets, in any order.

use std::fs::File;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use zerocopy::IntoBytes;

use super::file_layout::{FileLayout, WeightsExtent};
use super::layout::{read_extents, write_layout};
use super::{ElectrodesFileProblem, WEIGHT_BYTES};
use crate::error::{Context, FileProblem, Result};
use crate::io::atomic_output::{AtomicOutput, OutputLock, OverwritePolicy, check_unwritten_space};

/// Number of bytes after which the system is asked to start writing to the disk, so that a sync has little left to do:
/// large enough for pieces that are contiguous on the disk.
const WRITE_BACK_BYTES: u64 = 32 << 20;

/// An electrodes file under construction. Every row must be written once; then [`Writer::commit`] renames the file.
#[derive(Debug)]
pub struct Writer {
    staged: AtomicOutput,
    file: File,
    columns: u64,
    extents: Vec<WeightsExtent>,
    /// Checksum of everything except the weights; `None` if another process created the layout.
    layout_checksum: Option<u32>,
    /// Bytes of weights written so far.
    written_bytes: AtomicU64,
}

impl Writer {
    /// Creates a file with its layout: everything except the weights is written.
    ///
    /// # Errors
    /// Returns an error if the file exists and must be kept, another run is writing it, its folder cannot be written, a
    /// name cannot be stored, or the disk has too little space.
    pub fn create(target: &Path, existing: OverwritePolicy, layout: &FileLayout) -> Result<Self> {
        layout.check().in_file(target)?;
        Self::create_layout(AtomicOutput::create_file(target, existing)?, layout)
    }

    /// Creates a file with its layout, if the output is locked already.
    ///
    /// # Errors
    /// Returns the errors of [`Writer::create`].
    pub fn create_locked(lock: OutputLock, existing: OverwritePolicy, layout: &FileLayout) -> Result<Self> {
        layout.check().in_file(lock.target())?;
        Self::create_layout(AtomicOutput::create_file_locked(lock, existing)?, layout)
    }

    fn create_layout(staged: AtomicOutput, layout: &FileLayout) -> Result<Self> {
        let extents = write_layout(staged.partial_path(), layout)?;
        check_unwritten_space(staged.partial_path(), staged.target_path())?;
        Self::open(staged, layout, extents)?.with_checksum()
    }

    /// Resumes the partial file of an earlier run that had the same layout.
    ///
    /// # Errors
    /// Returns an error if the output exists and must be kept, the partial file is damaged or has another shape, or the
    /// disk has too little space.
    pub fn resume(lock: OutputLock, existing: OverwritePolicy, layout: &FileLayout) -> Result<Self> {
        let staged = AtomicOutput::resume(lock, existing, None)?;
        let extents = read_extents(staged.partial_path(), layout);
        match extents
            .and_then(|extents| check_unwritten_space(staged.partial_path(), staged.target_path()).map(|()| extents))
        {
            Ok(extents) => Self::open(staged, layout, extents)?.with_checksum(),
            Err(error) => {
                // keep it: it contains an earlier run's work, even if this run cannot resume it
                staged.keep_partial();
                Err(error)
            }
        }
    }

    /// Opens a file whose layout another process has created, and which that process will rename.
    ///
    /// # Errors
    /// Returns an error if the file does not exist, is damaged, or has another shape.
    pub fn open_partial(target: &Path, layout: &FileLayout) -> Result<Self> {
        let staged = AtomicOutput::join_started(target);
        let extents = read_extents(staged.partial_path(), layout)?;
        Self::open(staged, layout, extents)
    }

    fn open(mut staged: AtomicOutput, layout: &FileLayout, extents: Vec<WeightsExtent>) -> Result<Self> {
        // write-only: with read access a network file system would fetch, and write back, neighbouring rows of other
        // writers
        let file = File::options().write(true).custom_flags(libc::O_NOFOLLOW).open(staged.partial_path());
        let file = file.map_err(FileProblem::Write).in_file(staged.target_path())?;
        staged.record_length()?;
        Ok(Self {
            staged,
            file,
            columns: layout.electrodes.len() as u64,
            extents,
            layout_checksum: None,
            written_bytes: AtomicU64::new(0),
        })
    }

    fn with_checksum(self) -> Result<Self> {
        let laid_out = Some(self.compute_layout_checksum()?);
        Ok(Self { layout_checksum: laid_out, ..self })
    }

    /// Computes the checksum of all bytes except the weights.
    fn compute_layout_checksum(&self) -> Result<u32> {
        let path = self.staged.partial_path();
        let sum = || {
            let file = File::options().read(true).custom_flags(libc::O_NOFOLLOW).open(path)?;
            let mut sum = crc32fast::Hasher::new();
            let mut buffer = vec![0; 1 << 16];
            let mut at = 0;
            let mut extents: Vec<_> =
                self.extents.iter().map(|e| (e.byte_offset, e.rows * self.columns * WEIGHT_BYTES)).collect();
            extents.push((file.metadata()?.len(), 0));
            extents.sort_unstable();
            for (first, length) in extents {
                while at < first {
                    let piece = buffer.len().min(usize::try_from(first - at).unwrap_or(usize::MAX));
                    file.read_exact_at(&mut buffer[..piece], at)?;
                    sum.update(&buffer[..piece]);
                    at += piece as u64;
                }
                at = at.max(first + length);
            }
            Ok(sum.finalize())
        };
        sum().map_err(FileProblem::Read).in_file(path)
    }

    /// Returns the CRC-32 of everything except the weights, computed when the file was created or resumed; `None` if
    /// another process created the layout.
    pub fn layout_checksum(&self) -> Option<u32> {
        self.layout_checksum
    }

    /// Returns whether everything except the weights is unchanged since the layout was created.
    pub fn is_layout_intact(&self) -> bool {
        self.layout_checksum.is_none_or(|expected| self.compute_layout_checksum().is_ok_and(|found| found == expected))
    }

    /// Writes some rows of a population (by its index in [`FileLayout::populations`]), starting at `first_row`:
    /// row-major, one column per contact, V/nA.
    ///
    /// # Errors
    /// Returns an error if the rows are outside the layout, or the operating system cannot write them, e.g. on a full
    /// disk.
    pub fn write_rows(&self, population: usize, first_row: u64, values: &[f64]) -> Result<()> {
        let at = self.byte_offset(population, first_row, values.len()).in_file(self.staged.target_path())?;
        let written = self.file.write_all_at(values.as_bytes(), at);
        written.map_err(FileProblem::Write).in_file(self.staged.target_path())?;
        let bytes = size_of_val(values) as u64;
        let before = self.written_bytes.fetch_add(bytes, Ordering::Relaxed);
        if (before + bytes) / WRITE_BACK_BYTES > before / WRITE_BACK_BYTES {
            begin_write_back(&self.file);
        }
        Ok(())
    }

    /// Returns a reader for the rows that were written.
    ///
    /// # Errors
    /// Returns an error if the file cannot be opened.
    pub fn reader(&self) -> Result<Reader<'_>> {
        let file =
            File::open(self.staged.partial_path()).map_err(FileProblem::Read).in_file(self.staged.partial_path())?;
        Ok(Reader { writer: self, file })
    }

    /// Returns the path of the file until it is complete.
    pub fn partial_path(&self) -> &Path {
        self.staged.partial_path()
    }

    /// Flushes everything that was written to the disk.
    ///
    /// # Errors
    /// Returns an error if the operating system cannot write it, e.g. on a full disk.
    pub fn sync(&self) -> Result<()> {
        self.file.sync_data().map_err(FileProblem::Write).in_file(self.staged.target_path())
    }

    /// Checks that the partial file is still the one that this run created.
    ///
    /// # Errors
    /// Returns an error if it was removed or replaced.
    pub fn check_partial(&self) -> Result<()> {
        self.staged.check_identity()
    }

    /// Keeps the partial file for a later run: [`Writer::resume`].
    pub fn keep_partial(self) {
        self.staged.keep_partial();
    }

    /// Returns the byte offset of `length` values that start at a row; an error if they do not fit.
    fn byte_offset(&self, population: usize, first_row: u64, length: usize) -> Result<u64, ElectrodesFileProblem> {
        let extent = self.extents.get(population).copied().unwrap_or(WeightsExtent { byte_offset: 0, rows: 0 });
        let values = extent.rows * self.columns;
        let first = first_row.checked_mul(self.columns).filter(|first| first.saturating_add(length as u64) <= values);
        let first = first.ok_or(ElectrodesFileProblem::Rows { expected: extent.rows, found: first_row })?;
        Ok(extent.byte_offset + first * WEIGHT_BYTES)
    }

    /// Renames the complete file to its final name.
    ///
    /// # Errors
    /// Returns an error if the operating system cannot sync or rename the file.
    pub fn commit(self) -> Result<()> {
        self.staged.commit()
    }
}

/// Reads rows that a [`Writer`] has written.
#[derive(Debug)]
pub struct Reader<'a> {
    writer: &'a Writer,
    file: File,
}

impl Reader<'_> {
    /// Reads some rows in the form in which [`Writer::write_rows`] wrote them.
    ///
    /// # Errors
    /// Returns an error if the rows are outside the layout, or cannot be read.
    pub fn read_rows(&self, population: usize, first_row: u64, values: &mut [f64]) -> Result<()> {
        let staged = &self.writer.staged;
        let at = self.writer.byte_offset(population, first_row, values.len()).in_file(staged.target_path())?;
        let read = self.file.read_exact_at(values.as_mut_bytes(), at);
        read.map_err(FileProblem::Read).in_file(staged.partial_path())
    }
}

/// Asks the system to start writing to the disk, without waiting. The next sync reports any error.
#[cfg(target_os = "linux")]
fn begin_write_back(file: &File) {
    use std::os::fd::AsRawFd;
    // SAFETY: the descriptor belongs to an open file, and the call accesses no other memory; 0, 0 means the whole file
    unsafe { libc::sync_file_range(file.as_raw_fd(), 0, 0, libc::SYNC_FILE_RANGE_WRITE) };
}

/// Does nothing on other systems: the next sync writes everything.
#[cfg(not(target_os = "linux"))]
fn begin_write_back(_: &File) {}
