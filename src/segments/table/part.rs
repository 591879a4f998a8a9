//! One part of a table. If the table has a manifest, the footer of a part is read only when a request needs data that
//! the manifest does not contain.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use arrow_schema::DataType;

use super::TableNeuron;
use super::manifest::ManifestEntry;
use super::open_part::{OpenPart, OpenRequirement};
use super::schema::Precision;
use crate::error::Result;
use crate::geometry::Aabb;
use crate::io::parquet_file::has_checksums;
use crate::io::resumable_output::StopCheck;
use crate::segments::{Segment, Segments};

/// One part of a table: a Parquet file.
#[derive(Debug)]
pub struct TablePart {
    path: PathBuf,
    requirement: OpenRequirement,
    /// The entry of the table's manifest; `None` without a manifest.
    manifest_entry: Option<ManifestEntry>,
    open: OnceLock<OpenPart>,
}

impl TablePart {
    /// Opens a part of a table without manifest.
    pub(super) fn open(path: &Path, demand: OpenRequirement) -> Result<Self> {
        let part = Self { path: path.to_path_buf(), requirement: demand, manifest_entry: None, open: OnceLock::new() };
        part.ensure_open()?;
        Ok(part)
    }

    /// Creates a part from its manifest entry; its footer is not read yet.
    pub(super) fn from_manifest(path: PathBuf, demand: OpenRequirement, entry: ManifestEntry) -> Self {
        Self { path, requirement: demand, manifest_entry: Some(entry), open: OnceLock::new() }
    }

    /// Returns the part with its footer, which is read now if it was not read before.
    pub(super) fn ensure_open(&self) -> Result<&OpenPart> {
        if let Some(open) = self.open.get() {
            return Ok(open);
        }
        let open = OpenPart::open(&self.path, self.requirement)?;
        self.manifest_entry.as_ref().map_or(Ok(()), |entry| entry.check_footer(&open))?;
        Ok(self.open.get_or_init(|| open))
    }

    /// Returns the part if its footer was read.
    pub(super) fn get_open(&self) -> Option<&OpenPart> {
        self.open.get()
    }

    /// Returns the entry of the table's manifest.
    pub(super) fn manifest_entry(&self) -> Option<&ManifestEntry> {
        self.manifest_entry.as_ref()
    }

    /// Returns the path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the neurons of this part, in ascending order of node ids; empty after
    /// [`super::SegmentTable::open_without_neurons`], which does not read the list.
    pub fn neurons(&self) -> &[TableNeuron] {
        self.open.get().map_or(&[], OpenPart::neurons)
    }

    /// Returns the number of segments.
    pub fn len(&self) -> u64 {
        // a part without an entry was opened on construction
        self.manifest_entry.as_ref().map(|entry| entry.rows).or_else(|| Some(self.open.get()?.len())).unwrap_or(0)
    }

    /// Returns whether there are no segments.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns whether the metadata of a segment table are present.
    pub(super) fn has_metadata(&self) -> bool {
        self.manifest_entry.is_some() || self.open.get().is_some_and(OpenPart::has_metadata)
    }

    /// Returns whether it was written with checksums.
    pub(super) fn has_checksums(&self) -> bool {
        self.manifest_entry.is_some() || self.open.get().is_some_and(|open| has_checksums(open.file_metadata()))
    }

    /// Returns the name of the program that wrote the file.
    ///
    /// # Errors
    /// Returns an error if the file is unreadable or damaged.
    pub fn written_by(&self) -> Result<String> {
        Ok(self.ensure_open()?.written_by())
    }

    /// Returns the names of the columns with their types and compressed sizes in bytes, in file order.
    ///
    /// # Errors
    /// Returns an error if the file is unreadable or damaged.
    pub fn columns(&self) -> Result<Vec<(String, DataType, u64)>> {
        Ok(self.ensure_open()?.columns())
    }

    /// Returns the box around all segments.
    ///
    /// # Errors
    /// Returns an error if the file has no statistics of its coordinates and its rows cannot be read.
    pub fn bounds(&self) -> Result<Aabb> {
        match &self.manifest_entry {
            Some(entry) => Ok(entry.bounds),
            None => self.ensure_open()?.bounds(),
        }
    }

    /// Returns the width of the coordinates.
    pub(super) fn precision(&self) -> Option<Precision> {
        self.open.get().map(OpenPart::precision)
    }

    /// Reads all rows, in stored (Hilbert) order.
    ///
    /// # Errors
    /// Returns an error if the file is unreadable or damaged.
    pub fn read(&self) -> Result<Segments> {
        self.ensure_open()?.read()
    }

    /// Visits all rows, in stored (Hilbert) order, without collecting them.
    ///
    /// # Errors
    /// Returns an error if the file is unreadable or damaged.
    pub fn for_each_segment(&self, visit: impl FnMut(Segment)) -> Result<()> {
        self.ensure_open()?.for_each_segment(visit)
    }

    /// Reads all rows, in the order of `row`: neurons by node id, each contiguous.
    ///
    /// # Errors
    /// Returns an error if the file is unreadable or damaged, or if its rows do not match the neuron list.
    pub fn read_by_row(&self) -> Result<Segments> {
        self.read_by_row_into(Segments::default())
    }

    /// Reads rows as [`TablePart::read_by_row`] does, and reuses the memory of `segments`.
    ///
    /// # Errors
    /// Returns the errors of [`TablePart::read_by_row`].
    pub fn read_by_row_into(&self, segments: Segments) -> Result<Segments> {
        self.read_by_row_unless_stopped(segments, &StopCheck::never())
    }

    /// Reads rows as [`TablePart::read_by_row_into`] does, and looks from time to time whether to stop.
    ///
    /// # Errors
    /// Returns the errors of [`TablePart::read_by_row`], or an error if the run is to stop.
    pub fn read_by_row_unless_stopped(&self, segments: Segments, stop: &StopCheck<'_>) -> Result<Segments> {
        self.ensure_open()?.read_by_row_unless_stopped(segments, stop)
    }

    /// Reads rows as [`TablePart::read_by_row`] does, but accepts coordinates that are NaN or infinite, so that a check
    /// can report the neuron.
    ///
    /// # Errors
    /// Returns the errors of [`TablePart::read_by_row`], except for coordinates.
    pub fn read_by_row_unchecked(&self) -> Result<Segments> {
        self.ensure_open()?.read_by_row_unchecked()
    }
}
