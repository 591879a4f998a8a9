//! One part of a table. Where the table has a manifest, its footer is read when something is asked that the manifest does not state.

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
use crate::segments::{Segment, Segments};

/// One part of a table: a Parquet file.
#[derive(Debug)]
pub struct TablePart {
    path: PathBuf,
    requirement: OpenRequirement,
    /// What the table's manifest states; none where it has none.
    manifest_entry: Option<ManifestEntry>,
    open: OnceLock<OpenPart>,
}

impl TablePart {
    /// A part of a table without manifest.
    pub(super) fn open(path: &Path, demand: OpenRequirement) -> Result<Self> {
        let part = Self { path: path.to_path_buf(), requirement: demand, manifest_entry: None, open: OnceLock::new() };
        part.ensure_open()?;
        Ok(part)
    }

    /// A part that a manifest lists; its footer is not read yet.
    pub(super) fn from_manifest(path: PathBuf, demand: OpenRequirement, entry: ManifestEntry) -> Self {
        Self { path, requirement: demand, manifest_entry: Some(entry), open: OnceLock::new() }
    }

    /// The part with its footer, which is read now if it was not.
    pub(super) fn ensure_open(&self) -> Result<&OpenPart> {
        if let Some(open) = self.open.get() {
            return Ok(open);
        }
        let open = OpenPart::open(&self.path, self.requirement)?;
        self.manifest_entry.as_ref().map_or(Ok(()), |entry| entry.check_footer(&open))?;
        Ok(self.open.get_or_init(|| open))
    }

    /// The part, where its footer was read.
    pub(super) fn get_open(&self) -> Option<&OpenPart> {
        self.open.get()
    }

    /// What the table's manifest states of it.
    pub(super) fn manifest_entry(&self) -> Option<&ManifestEntry> {
        self.manifest_entry.as_ref()
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The neurons of this part, node ids ascending; none after [`super::SegmentTable::open_without_neurons`], which leaves the list alone.
    pub fn neurons(&self) -> &[TableNeuron] {
        self.open.get().map_or(&[], OpenPart::neurons)
    }

    /// Number of segments.
    pub fn len(&self) -> u64 {
        // without an entry it was opened
        self.manifest_entry.as_ref().map(|entry| entry.rows).or_else(|| Some(self.open.get()?.len())).unwrap_or(0)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it says that it is a segment table.
    pub(super) fn has_metadata(&self) -> bool {
        self.manifest_entry.is_some() || self.open.get().is_some_and(OpenPart::has_metadata)
    }

    /// Whether it was written with checksums.
    pub(super) fn has_checksums(&self) -> bool {
        self.manifest_entry.is_some() || self.open.get().is_some_and(|open| has_checksums(open.file_metadata()))
    }

    /// The program that wrote the file.
    ///
    /// # Errors
    /// Unreadable or damaged.
    pub fn written_by(&self) -> Result<String> {
        Ok(self.ensure_open()?.written_by())
    }

    /// Names of the columns with their types and compressed bytes, in file order.
    ///
    /// # Errors
    /// Unreadable or damaged.
    pub fn columns(&self) -> Result<Vec<(String, DataType, u64)>> {
        Ok(self.ensure_open()?.columns())
    }

    /// The box round all segments.
    ///
    /// # Errors
    /// The file holds no statistics of its coordinates.
    pub fn bounds(&self) -> Result<Aabb> {
        match &self.manifest_entry {
            Some(entry) => Ok(entry.bounds),
            None => self.ensure_open()?.bounds(),
        }
    }

    /// Width of the coordinates.
    pub(super) fn precision(&self) -> Option<Precision> {
        self.open.get().map(OpenPart::precision)
    }

    /// Reads all rows, in stored (Hilbert) order.
    ///
    /// # Errors
    /// Unreadable or damaged.
    pub fn read(&self) -> Result<Segments> {
        self.ensure_open()?.read()
    }

    /// Goes through all rows, in stored (Hilbert) order, without keeping them.
    ///
    /// # Errors
    /// Unreadable or damaged.
    pub fn for_each_segment(&self, visit: impl FnMut(Segment)) -> Result<()> {
        self.ensure_open()?.for_each_segment(visit)
    }

    /// Reads all rows, in the order of `row`: neurons by node id, each contiguous.
    ///
    /// # Errors
    /// Unreadable or damaged, or rows that are not those of the neuron list.
    pub fn read_by_row(&self) -> Result<Segments> {
        self.read_by_row_into(Segments::default())
    }

    /// The same, in the memory of segments that are not needed any more.
    ///
    /// # Errors
    /// As [`TablePart::read_by_row`].
    pub fn read_by_row_into(&self, segments: Segments) -> Result<Segments> {
        self.ensure_open()?.read_by_row_into(segments)
    }

    /// The same as [`TablePart::read_by_row`], but coordinates may be NaN or infinite, for a check that names the neuron.
    ///
    /// # Errors
    /// As [`TablePart::read_by_row`].
    pub fn read_by_row_unchecked(&self) -> Result<Segments> {
        self.ensure_open()?.read_by_row_unchecked()
    }
}
