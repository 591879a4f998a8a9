//! Writing: HDF5 lays the file out, then rows are written at their byte offsets, by any thread, in any order.

use std::collections::HashSet;
use std::fs::File;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use zerocopy::IntoBytes;

use super::laying_out::{laid_out, lay_out};
use super::{ELECTRODES, ElectrodesFileProblem, VALUE_BYTES};
use crate::error::{Context, FileProblem, Result};
use crate::geometry::Point;
use crate::io::atomic_output::{Claim, Existing, Staged, check_rest};

/// After so many bytes the system is asked to begin bringing them to the disk, so that a sync has little left to do: enough
/// for pieces that lie together on the disk.
const WRITE_BACK_BYTES: u64 = 32 << 20;

/// A piece of provenance: an HDF5 attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum Attribute {
    /// Text.
    Text(String),
    /// A number.
    Number(f64),
    /// Several numbers.
    Numbers(Vec<f64>),
}

impl From<&str> for Attribute {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

/// One contact, as the file describes it. Its place in [`Layout::electrodes`] is its column.
#[derive(Debug, Clone)]
pub struct Electrode {
    /// Its name.
    pub name: String,
    /// Where it is, um; stored as float32.
    pub position: Point,
    /// The method's name.
    pub kind: String,
    /// Cortical layer.
    pub layer: String,
    /// Brain region.
    pub region: String,
    /// The method's settings: attributes of `type`.
    pub settings: Vec<(&'static str, Attribute)>,
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
    pub provenance: Vec<(&'static str, Attribute)>,
}

impl PopulationLayout {
    /// Number of rows.
    pub fn rows(&self) -> u64 {
        self.offsets.last().copied().unwrap_or(0)
    }
}

/// All of a file but the coefficients.
#[derive(Debug, Clone, Default)]
pub struct Layout {
    /// The contacts, in column order.
    pub electrodes: Vec<Electrode>,
    /// The populations.
    pub populations: Vec<PopulationLayout>,
    /// What made the file: attributes of `/`. Without a date, so that bytes repeat.
    pub provenance: Vec<(&'static str, Attribute)>,
}

impl Layout {
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
            if let Some(found) = e.position.to_array().into_iter().find(|v| v.is_finite() && (*v as f32).is_infinite())
            {
                return Err(ElectrodesFileProblem::Position { contact: e.name.clone(), found: format!("{found:e}") });
            }
        }
        Ok(())
    }
}

/// Where one population's coefficients lie in the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    pub(super) byte: u64,
    pub(super) rows: u64,
}

/// An electrodes file under construction. Every row is to be written once, then [`Writer::commit`] gives it its name.
#[derive(Debug)]
pub struct Writer {
    staged: Staged,
    file: File,
    columns: u64,
    extents: Vec<Extent>,
    /// Checksum of all but the coefficients; none where another process has laid the file out.
    laid_out: Option<u32>,
    /// Bytes of coefficients written so far.
    written: AtomicU64,
}

impl Writer {
    /// Lays out a file: all but the coefficients is written.
    ///
    /// # Errors
    /// It exists and is to be kept, another run writes it, its folder cannot be written, a name cannot be stored, the disk has too little
    /// space.
    pub fn create(target: &Path, existing: Existing, layout: &Layout) -> Result<Self> {
        layout.check().in_file(target)?;
        Self::lay_out(Staged::new(target, existing)?, layout)
    }

    /// The same, when the output is locked already.
    ///
    /// # Errors
    /// As [`Writer::create`].
    pub fn begin(claim: Claim, existing: Existing, layout: &Layout) -> Result<Self> {
        layout.check().in_file(claim.target())?;
        Self::lay_out(Staged::begin(claim, existing)?, layout)
    }

    fn lay_out(staged: Staged, layout: &Layout) -> Result<Self> {
        let extents = lay_out(staged.partial(), layout)?;
        check_rest(staged.partial(), staged.target())?;
        Self::open(staged, layout, extents)?.with_checksum()
    }

    /// Goes on with the partial file of an earlier run that had the same layout.
    ///
    /// # Errors
    /// The output exists and is to be kept; the partial file is damaged or has another shape; the disk has too little space.
    pub fn resume(claim: Claim, existing: Existing, layout: &Layout) -> Result<Self> {
        let staged = Staged::resume(claim, existing, None)?;
        let extents = laid_out(staged.partial(), layout);
        match extents.and_then(|extents| check_rest(staged.partial(), staged.target()).map(|()| extents)) {
            Ok(extents) => Self::open(staged, layout, extents)?.with_checksum(),
            Err(error) => {
                // it is somebody's work, though it cannot be gone on with
                staged.leave();
                Err(error)
            }
        }
    }

    /// Writes to a file that another process has laid out, and will give its name.
    ///
    /// # Errors
    /// It is not there, is damaged, or has another shape.
    pub fn join(target: &Path, layout: &Layout) -> Result<Self> {
        let staged = Staged::join(target);
        let extents = laid_out(staged.partial(), layout)?;
        Self::open(staged, layout, extents)
    }

    fn open(mut staged: Staged, layout: &Layout, extents: Vec<Extent>) -> Result<Self> {
        // not to be read: a network file system would then fetch, and write back, what others write beside these rows
        let file = File::options().write(true).custom_flags(libc::O_NOFOLLOW).open(staged.partial());
        let file = file.map_err(FileProblem::Write).in_file(staged.target())?;
        staged.note_length()?;
        Ok(Self {
            staged,
            file,
            columns: layout.electrodes.len() as u64,
            extents,
            laid_out: None,
            written: AtomicU64::new(0),
        })
    }

    fn with_checksum(self) -> Result<Self> {
        let laid_out = Some(self.checksum_of_layout()?);
        Ok(Self { laid_out, ..self })
    }

    /// Checksum of all bytes but the coefficients.
    fn checksum_of_layout(&self) -> Result<u32> {
        let path = self.staged.partial();
        let sum = || {
            let file = File::options().read(true).custom_flags(libc::O_NOFOLLOW).open(path)?;
            let mut sum = crc32fast::Hasher::new();
            let mut buffer = vec![0; 1 << 16];
            let mut at = 0;
            let mut extents: Vec<_> =
                self.extents.iter().map(|e| (e.byte, e.rows * self.columns * VALUE_BYTES)).collect();
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
        self.laid_out
    }

    /// Whether all but the coefficients still is as it was laid out.
    pub fn is_laid_out(&self) -> bool {
        self.laid_out.is_none_or(|expected| self.checksum_of_layout().is_ok_and(|found| found == expected))
    }

    /// Writes some rows of a population (by its place in [`Layout::populations`]), from `first_row` on: row-major, one
    /// column a contact, V/nA.
    ///
    /// # Errors
    /// The rows are outside the layout, or the operating system refuses, e.g. for want of space.
    pub fn write_rows(&self, population: usize, first_row: u64, values: &[f64]) -> Result<()> {
        let at = self.byte(population, first_row, values.len()).in_file(self.staged.target())?;
        let written = self.file.write_all_at(values.as_bytes(), at);
        written.map_err(FileProblem::Write).in_file(self.staged.target())?;
        let bytes = size_of_val(values) as u64;
        let before = self.written.fetch_add(bytes, Ordering::Relaxed);
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
        let file = File::open(self.staged.partial()).map_err(FileProblem::Read).in_file(self.staged.partial())?;
        Ok(Reader { writer: self, file })
    }

    /// Where the file is until it is complete.
    pub fn partial(&self) -> &Path {
        self.staged.partial()
    }

    /// Makes all that has been written safe on the disk.
    ///
    /// # Errors
    /// The operating system refuses, e.g. for want of space.
    pub fn sync(&self) -> Result<()> {
        self.file.sync_data().map_err(FileProblem::Write).in_file(self.staged.target())
    }

    /// The lock file of the output, for what a run notes of its progress; none where another process holds it.
    ///
    /// # Errors
    /// The operating system refuses.
    pub fn notes(&self) -> Result<Option<File>> {
        self.staged.notes()
    }

    /// Checks that the partial file still is the one that this run has made.
    ///
    /// # Errors
    /// It was removed or replaced.
    pub fn check_made(&self) -> Result<()> {
        self.staged.check_made()
    }

    /// Leaves what is done for a later run: [`Writer::resume`].
    pub fn leave(self) {
        self.staged.leave();
    }

    /// Where `length` values from a row on begin, if they fit.
    fn byte(&self, population: usize, first_row: u64, length: usize) -> Result<u64, ElectrodesFileProblem> {
        let extent = self.extents.get(population).copied().unwrap_or(Extent { byte: 0, rows: 0 });
        let values = extent.rows * self.columns;
        let first = first_row.checked_mul(self.columns).filter(|first| first.saturating_add(length as u64) <= values);
        let first = first.ok_or(ElectrodesFileProblem::Rows { expected: extent.rows, found: first_row })?;
        Ok(extent.byte + first * VALUE_BYTES)
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
        let at = self.writer.byte(population, first_row, values.len()).in_file(staged.target())?;
        let read = self.file.read_exact_at(values.as_mut_bytes(), at);
        read.map_err(FileProblem::Read).in_file(staged.partial())
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
