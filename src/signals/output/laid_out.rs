//! A file with a layout: everything except the values is written first, then blocks of frames at their places.

use std::collections::BTreeMap;
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use super::{SignalFormat, SignalFormatProblem, ValueType};
use crate::error::{Context, FileProblem, Result, join_quoted};
use crate::io::atomic_output::{AtomicOutput, OutputLock, OverwritePolicy, check_unwritten_space};
use crate::io::checkpoint::CheckpointProblem;
use crate::io::hdf5::{Hdf5File, Hdf5Problem};
use crate::signals::Signals;

/// Where values are stored: row-major, one row per frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataExtent {
    /// Byte offset of the first value.
    pub byte_offset: u64,
    /// The columns of a frame that are stored here; a frame's columns are its groups, for each the contacts.
    pub columns: Range<usize>,
}

/// Everything except the values.
pub trait FileLayout: Sync {
    /// Writes a new file, and returns where values are stored.
    ///
    /// # Errors
    /// Returns an error if the file cannot be written.
    fn write(&self, path: &Path) -> Result<Vec<DataExtent>>;
}

/// A file whose blocks are written at their places.
#[derive(Debug)]
pub struct LaidOutFile {
    staged: AtomicOutput,
    file: File,
    extents: Vec<DataExtent>,
    value_type: ValueType,
    frame_count: usize,
    /// Checksum of everything except the values; `None` if another process created the layout.
    layout_checksum: Option<u32>,
}

/// The shape of the values of a file.
#[derive(Debug, Clone, Copy)]
pub struct ValuesShape {
    /// Number of frames.
    pub frame_count: usize,
    /// Their type.
    pub value_type: ValueType,
}

impl LaidOutFile {
    /// Creates a file with its layout.
    ///
    /// # Errors
    /// Returns an error if the file cannot be written, or the disk has too little space.
    pub fn create(
        lock: OutputLock,
        existing: OverwritePolicy,
        layout: &dyn FileLayout,
        shape: ValuesShape,
    ) -> Result<Self> {
        let staged = AtomicOutput::create_file_locked(lock, existing)?;
        let extents = layout.write(staged.partial_path())?;
        check_unwritten_space(staged.partial_path(), staged.target_path())?;
        Self::open(staged, extents, shape)?.with_checksum()
    }

    /// Opens the partial file of an interrupted run. Its layout is compared by its checksum.
    ///
    /// # Errors
    /// Returns an error if the file cannot be opened, or its layout is damaged.
    pub fn resume(
        lock: OutputLock,
        existing: OverwritePolicy,
        layout: &dyn FileLayout,
        shape: ValuesShape,
        checksum: Option<u32>,
    ) -> Result<Self> {
        let staged = AtomicOutput::resume(lock, existing, None)?;
        let partial = staged.partial_path().to_path_buf();
        let extents = match find_extents(layout) {
            Ok(extents) => extents,
            Err(error) => {
                staged.keep_partial();
                return Err(error);
            }
        };
        let own = Self::open(staged, extents, shape)?.with_checksum()?;
        if own.layout_checksum != checksum {
            own.staged.keep_partial();
            return Err(CheckpointProblem::Damaged).in_file(&partial);
        }
        Ok(own)
    }

    /// Opens the file that another process has created and will complete.
    ///
    /// # Errors
    /// Returns an error if the file cannot be opened.
    pub fn join(target: &Path, layout: &dyn FileLayout, shape: ValuesShape) -> Result<Self> {
        Self::open(AtomicOutput::join_started(target), find_extents(layout)?, shape)
    }

    fn open(mut staged: AtomicOutput, extents: Vec<DataExtent>, shape: ValuesShape) -> Result<Self> {
        let file = File::options().read(true).write(true).custom_flags(libc::O_NOFOLLOW).open(staged.partial_path());
        let file = file.map_err(FileProblem::Write).in_file(staged.target_path())?;
        staged.record_length()?;
        let ValuesShape { frame_count, value_type } = shape;
        Ok(Self { staged, file, extents, value_type, frame_count, layout_checksum: None })
    }

    fn with_checksum(self) -> Result<Self> {
        let checksum = self.compute_layout_checksum().map_err(FileProblem::Read).in_file(self.staged.partial_path())?;
        Ok(Self { layout_checksum: Some(checksum), ..self })
    }

    /// Computes the checksum of all bytes except the values.
    fn compute_layout_checksum(&self) -> std::io::Result<u32> {
        let length = self.file.metadata()?.len();
        let mut gaps: Vec<(u64, u64)> = self.extents.iter().map(|e| (e.byte_offset, self.extent_bytes(e))).collect();
        gaps.push((length, 0));
        gaps.sort_unstable();
        let (mut sum, mut buffer, mut at) = (crc32fast::Hasher::new(), vec![0; 1 << 16], 0);
        for (first, bytes) in gaps {
            while at < first {
                let piece = buffer.len().min(usize::try_from(first - at).unwrap_or(usize::MAX));
                let own = buffer.get_mut(..piece).unwrap_or_default();
                self.file.read_exact_at(own, at)?;
                sum.update(own);
                at += piece as u64;
            }
            at = at.max(first + bytes);
        }
        Ok(sum.finalize())
    }

    fn extent_bytes(&self, extent: &DataExtent) -> u64 {
        (self.frame_count * extent.columns.len() * self.value_type.width()) as u64
    }

    /// Returns the checksum of everything except the values, as it was created or resumed.
    pub fn layout_checksum(&self) -> Option<u32> {
        self.layout_checksum
    }

    /// Returns whether everything except the values is unchanged.
    pub fn is_layout_intact(&self) -> bool {
        self.layout_checksum.is_none_or(|known| self.compute_layout_checksum().is_ok_and(|found| found == known))
    }

    /// Writes consecutive frames of `row` values each; returns the CRC-32 of the written bytes.
    ///
    /// # Errors
    /// Returns an error if the operating system refuses.
    pub fn write_frames(&self, first_frame: usize, row: usize, values: &[f64]) -> Result<u32> {
        let mut sum = crc32fast::Hasher::new();
        for extent in &self.extents {
            let bytes = self.encode(extent, row, values);
            sum.update(&bytes);
            let written = self.file.write_all_at(&bytes, self.offset(extent, first_frame));
            written.map_err(FileProblem::Write).in_file(self.staged.target_path())?;
        }
        Ok(sum.finalize())
    }

    /// Returns the CRC-32 of the bytes of some frames in the file.
    ///
    /// # Errors
    /// Returns an error if the operating system refuses.
    pub fn stored_checksum(&self, frames: Range<usize>) -> Result<u32> {
        let mut sum = crc32fast::Hasher::new();
        for extent in &self.extents {
            let mut bytes = vec![0; frames.len() * extent.columns.len() * self.value_type.width()];
            let read = self.file.read_exact_at(&mut bytes, self.offset(extent, frames.start));
            read.map_err(FileProblem::Read).in_file(self.staged.partial_path())?;
            sum.update(&bytes);
        }
        Ok(sum.finalize())
    }

    fn offset(&self, extent: &DataExtent, frame: usize) -> u64 {
        extent.byte_offset + (frame * extent.columns.len() * self.value_type.width()) as u64
    }

    fn encode(&self, extent: &DataExtent, row: usize, values: &[f64]) -> Vec<u8> {
        encode_values(extent, row, values, self.value_type)
    }

    /// Flushes everything that was written to the disk.
    ///
    /// # Errors
    /// Returns an error if the operating system refuses.
    pub fn sync(&self) -> Result<()> {
        self.file.sync_data().map_err(FileProblem::Write).in_file(self.staged.target_path())
    }

    /// Returns the path of the file until it is complete.
    pub fn partial_path(&self) -> &Path {
        self.staged.partial_path()
    }

    /// Checks that the partial file still is the one that this run created.
    ///
    /// # Errors
    /// Returns an error if it was removed or replaced.
    pub fn check_identity(&self) -> Result<()> {
        self.staged.check_identity()
    }

    /// Keeps the partial file for a later run.
    pub fn keep_partial(self) {
        self.staged.keep_partial();
    }

    /// Renames the complete file to its name.
    ///
    /// # Errors
    /// Returns an error if the operating system refuses.
    pub fn commit(self) -> Result<()> {
        self.staged.commit()
    }
}

/// Returns the bytes of the columns of an extent of some frames.
pub fn encode_values(extent: &DataExtent, row: usize, values: &[f64], value_type: ValueType) -> Vec<u8> {
    let rows = values.chunks_exact(row.max(1));
    let own = rows.flat_map(|row| row.get(extent.columns.clone()).unwrap_or_default());
    match value_type {
        ValueType::F32 => own.flat_map(|value| (*value as f32).to_ne_bytes()).collect(),
        ValueType::F64 => own.flat_map(|value| value.to_ne_bytes()).collect(),
    }
}

/// Returns where a layout stores values: the layout is written to the folder for temporary files, and its values are a
/// hole in that file.
pub fn find_extents(layout: &dyn FileLayout) -> Result<Vec<DataExtent>> {
    let folder = tempfile::tempdir().map_err(FileProblem::Write).in_file(&std::env::temp_dir())?;
    layout.write(&folder.path().join("layout"))
}

/// Lays out a dataset of values, and returns its byte offset.
pub fn allocate_values(file: &Hdf5File, object: &str, shape: &[usize], value_type: ValueType) -> Result<u64> {
    match value_type {
        ValueType::F32 => file.allocate_dataset::<f32>(object, shape)?,
        ValueType::F64 => file.allocate_dataset::<f64>(object, shape)?,
    };
    let no_space = || file.error(object, Hdf5Problem::Write("the library allocated no space".into()));
    file.byte_offset(object)?.ok_or_else(no_space)
}

/// Checks that all signals have one unit, for a format that cannot state several.
///
/// # Errors
/// Returns an error that names the units, each with its contacts, if there are several.
pub fn check_common_unit(signals: &Signals<'_>, format: SignalFormat) -> Result<(), SignalFormatProblem> {
    if signals.contacts().is_empty() || common_unit(signals).is_some() {
        return Ok(());
    }
    let mut by_unit: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (contact, unit) in signals.contacts().iter().zip(signals.units()) {
        by_unit.entry(unit).or_default().push(&contact.name);
    }
    let listed = by_unit.iter().map(|(unit, names)| format!("{unit} at {}", join_quoted(names, MAX_LISTED_CONTACTS)));
    let found = listed.collect::<Vec<_>>().join("; ");
    Err(SignalFormatProblem::SeveralUnits { format: format.name(), found })
}

/// Number of contacts that a message lists for each unit.
const MAX_LISTED_CONTACTS: usize = 3;

/// Returns the unit of all signals; `None` if they differ.
pub fn common_unit<'s>(signals: &'s Signals<'_>) -> Option<&'s str> {
    let units = signals.units();
    units.first().copied().filter(|first| units.iter().all(|unit| unit == first))
}
