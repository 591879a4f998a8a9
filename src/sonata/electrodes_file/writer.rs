//! Writing: HDF5 lays the file out, then rows are written at their byte offsets, by any thread, in any order.

use std::collections::HashSet;
use std::fs::File;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use zerocopy::IntoBytes;

use super::layout::{read_extents, write_layout};
use super::{ELECTRODES, ElectrodesFileProblem, WEIGHT_BYTES};
use crate::error::{Context, FileProblem, Result};
use crate::geometry::Point;
use crate::io::atomic_output::{AtomicOutput, OutputLock, OverwritePolicy, check_unwritten_space};

/// After so many bytes the system is asked to begin bringing them to the disk, so that a sync has little left to do: enough
/// for pieces that lie together on the disk.
const WRITE_BACK_BYTES: u64 = 32 << 20;

/// A piece of provenance: an HDF5 attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum AttributeValue {
    /// Text.
    Text(String),
    /// A number.
    Number(f64),
    /// Several numbers.
    Numbers(Vec<f64>),
}

impl From<&str> for AttributeValue {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

/// One contact, as the file describes it. Its place in [`FileLayout::electrodes`] is its column.
#[derive(Debug, Clone)]
pub struct ContactLayout {
    /// Its name.
    pub name: String,
    /// Where it is, um; stored as float32.
    pub position_um: Point,
    /// The method's name.
    pub kind: String,
    /// Cortical layer.
    pub layer: String,
    /// Brain region.
    pub region: String,
    /// The method's settings: attributes of `type`.
    pub settings: Vec<(&'static str, AttributeValue)>,
    /// The unit of the column, where it is another than V/nA: attribute `units` of the contact's group.
    pub units: Option<String>,
}

/// The rows of one population.
#[derive(Debug, Clone, Default)]
pub struct PopulationLayout {
    /// Its name.
    pub name: String,
    /// Node ids, ascending.
    pub node_ids: Vec<u64>,
    /// One more than nodes: rows of node i are `offsets[i]..offsets[i + 1]`.
    pub offsets: Vec<u64>,
    /// Where the rows come from: attributes of `/{population}`.
    pub provenance: Vec<(&'static str, AttributeValue)>,
}

impl PopulationLayout {
    /// Number of rows.
    pub fn rows(&self) -> u64 {
        self.offsets.last().copied().unwrap_or(0)
    }
}

/// All of a file but the coefficients.
#[derive(Debug, Clone, Default)]
pub struct FileLayout {
    /// The contacts, in column order.
    pub electrodes: Vec<ContactLayout>,
    /// The populations.
    pub populations: Vec<PopulationLayout>,
    /// What made the file: attributes of `/`. Without a date, so that bytes repeat.
    pub provenance: Vec<(&'static str, AttributeValue)>,
}

impl FileLayout {
    /// Checks what the file cannot hold: names with `/`, names used twice, positions beyond float32.
    pub(super) fn check(&self) -> Result<(), ElectrodesFileProblem> {
        let mut taken = HashSet::from([ELECTRODES]);
        let populations = self.populations.iter().map(|p| ("population name", p.name.as_str()));
        let contacts = self.electrodes.iter().map(|e| ("contact name", e.name.as_str()));
        for (what, name) in populations.chain(contacts) {
            if matches!(name, "" | "." | "..") || name.contains(['/', '\0']) {
                return Err(ElectrodesFileProblem::Name { what, name: name.into() });
            }
            if !taken.insert(name) {
                return Err(ElectrodesFileProblem::DuplicateName(name.into()));
            }
        }
        for e in &self.electrodes {
            if let Some(found) =
                e.position_um.to_array().into_iter().find(|v| v.is_finite() && (*v as f32).is_infinite())
            {
                return Err(ElectrodesFileProblem::Position { contact: e.name.clone(), found: format!("{found:e}") });
            }
        }
        Ok(())
    }
}

/// Where one population's coefficients lie in the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct WeightsExtent {
    pub(super) byte_offset: u64,
    pub(super) rows: u64,
}

/// An electrodes file under construction. Every row is to be written once, then [`Writer::commit`] gives it its name.
#[derive(Debug)]
pub struct Writer {
    staged: AtomicOutput,
    file: File,
    columns: u64,
    extents: Vec<WeightsExtent>,
    /// Checksum of all but the coefficients; none where another process has laid the file out.
    layout_checksum: Option<u32>,
    /// Bytes of coefficients written so far.
    written_bytes: AtomicU64,
}

impl Writer {
    /// Lays out a file: all but the coefficients is written.
    ///
    /// # Errors
    /// It exists and is to be kept, another run writes it, its folder cannot be written, a name cannot be stored, the disk has too little
    /// space.
    pub fn create(target: &Path, existing: OverwritePolicy, layout: &FileLayout) -> Result<Self> {
        layout.check().in_file(target)?;
        Self::create_layout(AtomicOutput::create_file(target, existing)?, layout)
    }

    /// The same, when the output is locked already.
    ///
    /// # Errors
    /// As [`Writer::create`].
    pub fn create_locked(claim: OutputLock, existing: OverwritePolicy, layout: &FileLayout) -> Result<Self> {
        layout.check().in_file(claim.target())?;
        Self::create_layout(AtomicOutput::create_file_locked(claim, existing)?, layout)
    }

    fn create_layout(staged: AtomicOutput, layout: &FileLayout) -> Result<Self> {
        let extents = write_layout(staged.partial_path(), layout)?;
        check_unwritten_space(staged.partial_path(), staged.target_path())?;
        Self::open(staged, layout, extents)?.with_checksum()
    }

    /// Goes on with the partial file of an earlier run that had the same layout.
    ///
    /// # Errors
    /// The output exists and is to be kept; the partial file is damaged or has another shape; the disk has too little space.
    pub fn resume(claim: OutputLock, existing: OverwritePolicy, layout: &FileLayout) -> Result<Self> {
        let staged = AtomicOutput::resume(claim, existing, None)?;
        let extents = read_extents(staged.partial_path(), layout);
        match extents
            .and_then(|extents| check_unwritten_space(staged.partial_path(), staged.target_path()).map(|()| extents))
        {
            Ok(extents) => Self::open(staged, layout, extents)?.with_checksum(),
            Err(error) => {
                // it is somebody's work, though it cannot be gone on with
                staged.keep_partial();
                Err(error)
            }
        }
    }

    /// Writes to a file that another process has laid out, and will give its name.
    ///
    /// # Errors
    /// It is not there, is damaged, or has another shape.
    pub fn open_partial(target: &Path, layout: &FileLayout) -> Result<Self> {
        let staged = AtomicOutput::join_started(target);
        let extents = read_extents(staged.partial_path(), layout)?;
        Self::open(staged, layout, extents)
    }

    fn open(mut staged: AtomicOutput, layout: &FileLayout, extents: Vec<WeightsExtent>) -> Result<Self> {
        // not to be read: a network file system would then fetch, and write back, what others write beside these rows
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

    /// Checksum of all bytes but the coefficients.
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

    /// CRC-32 of all but the coefficients, as it was when the file was laid out or opened; none where another process did that.
    pub fn layout_checksum(&self) -> Option<u32> {
        self.layout_checksum
    }

    /// Whether all but the coefficients still is as it was laid out.
    pub fn is_layout_intact(&self) -> bool {
        self.layout_checksum.is_none_or(|expected| self.compute_layout_checksum().is_ok_and(|found| found == expected))
    }

    /// Writes some rows of a population (by its place in [`FileLayout::populations`]), from `first_row` on: row-major, one
    /// column a contact, V/nA.
    ///
    /// # Errors
    /// The rows are outside the layout, or the operating system refuses, e.g. for want of space.
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

    /// To read back what was written.
    ///
    /// # Errors
    /// The operating system refuses.
    pub fn reader(&self) -> Result<Reader<'_>> {
        let file =
            File::open(self.staged.partial_path()).map_err(FileProblem::Read).in_file(self.staged.partial_path())?;
        Ok(Reader { writer: self, file })
    }

    /// Where the file is until it is complete.
    pub fn partial_path(&self) -> &Path {
        self.staged.partial_path()
    }

    /// Makes all that has been written safe on the disk.
    ///
    /// # Errors
    /// The operating system refuses, e.g. for want of space.
    pub fn sync(&self) -> Result<()> {
        self.file.sync_data().map_err(FileProblem::Write).in_file(self.staged.target_path())
    }

    /// The lock file of the output, for what a run notes of its progress; none where another process holds it.
    ///
    /// # Errors
    /// The operating system refuses.
    pub fn checkpoint_file(&self) -> Result<Option<File>> {
        self.staged.clone_lock_file()
    }

    /// Checks that the partial file still is the one that this run has made.
    ///
    /// # Errors
    /// It was removed or replaced.
    pub fn check_partial(&self) -> Result<()> {
        self.staged.check_identity()
    }

    /// Leaves what is done for a later run: [`Writer::resume`].
    pub fn keep_partial(self) {
        self.staged.keep_partial();
    }

    /// Where `length` values from a row on begin, if they fit.
    fn byte_offset(&self, population: usize, first_row: u64, length: usize) -> Result<u64, ElectrodesFileProblem> {
        let extent = self.extents.get(population).copied().unwrap_or(WeightsExtent { byte_offset: 0, rows: 0 });
        let values = extent.rows * self.columns;
        let first = first_row.checked_mul(self.columns).filter(|first| first.saturating_add(length as u64) <= values);
        let first = first.ok_or(ElectrodesFileProblem::Rows { expected: extent.rows, found: first_row })?;
        Ok(extent.byte_offset + first * WEIGHT_BYTES)
    }

    /// Gives the complete file its name.
    ///
    /// # Errors
    /// The operating system refuses to sync or rename.
    pub fn commit(self) -> Result<()> {
        self.staged.commit()
    }
}

/// Reads back what a [`Writer`] has written.
#[derive(Debug)]
pub struct Reader<'a> {
    writer: &'a Writer,
    file: File,
}

impl Reader<'_> {
    /// Reads some rows, as [`Writer::write_rows`] wrote them.
    ///
    /// # Errors
    /// The rows are outside the layout, or the operating system refuses.
    pub fn read_rows(&self, population: usize, first_row: u64, values: &mut [f64]) -> Result<()> {
        let staged = &self.writer.staged;
        let at = self.writer.byte_offset(population, first_row, values.len()).in_file(staged.target_path())?;
        let read = self.file.read_exact_at(values.as_mut_bytes(), at);
        read.map_err(FileProblem::Read).in_file(staged.partial_path())
    }
}

/// Has the system bring to the disk what has been written, and does not wait for that. What goes wrong is told by the
/// next sync.
#[cfg(target_os = "linux")]
fn begin_write_back(file: &File) {
    use std::os::fd::AsRawFd;
    // SAFETY: the descriptor is that of an open file, and the call takes no other memory; 0, 0 is the whole file
    unsafe { libc::sync_file_range(file.as_raw_fd(), 0, 0, libc::SYNC_FILE_RANGE_WRITE) };
}

/// Elsewhere the next sync does it all.
#[cfg(not(target_os = "linux"))]
fn begin_write_back(_: &File) {}
