//! The manifest of a table folder, `_manifest.parquet`: one row per part, so that a table can be opened without reading
//! the parts' footers.
//!
//! It is written last, when all parts are on disk. Its name begins with `_`, so that pyarrow, pandas, Dask and Spark
//! ignore it when they read a folder, and it does not match `part-*.parquet`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, UInt32Type, UInt64Type};
use arrow_array::{ArrayRef, ArrowPrimitiveType, Float64Array, RecordBatch, StringArray, UInt32Array, UInt64Array};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use rayon::prelude::*;

use super::open_part::{OpenPart, OpenRequirement};
use super::part_files::{self, MANIFEST_FILE_NAME};
use super::problem::TableProblem;
use crate::error::{Context, Error, FileProblem, Problem, Result};
use crate::geometry::{Aabb, Point};
use crate::io::atomic_output::{OutputConflict, create_without_following};
use crate::io::digest::file_checksum;
use crate::io::parquet_file::{Writer, footer_checksum, has_checksums, open_batches, properties_builder};
use crate::io::reader_panics::{PanicGuard, catch_panics};

/// Version of the manifest; a reader rejects newer ones.
const VERSION: u32 = 1;
/// Key of the version in the metadata.
const VERSION_KEY: &str = "leadfield.manifest_version";
/// Columns of the box around a part's segments.
const BOUNDS_COLUMNS: [&str; 6] = ["x_min", "y_min", "z_min", "x_max", "y_max", "z_max"];
/// Number of rows decoded at a time.
const BATCH_ROWS: usize = 64 * 1024;

/// Problems of a manifest that is unusable, or does not match the parts of its table.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableManifestProblem {
    /// Columns are missing, or a row is invalid.
    #[error("not the manifest of a segment table, expected {expected}, found {found}")]
    Malformed {
        /// The required content.
        expected: &'static str,
        /// The content of the file.
        found: String,
    },
    /// A newer program wrote it.
    #[error("newer manifest, expected version {VERSION} or older, found {0}")]
    Version(String),
    /// Another program wrote it, so that no checksums protect the boxes and counts in it.
    #[error(
        "manifest was written by another program, expected one with the checksums of `leadfield`, found one by `{0}`"
    )]
    OtherProgram(String),
    /// A listed part does not exist.
    #[error("part is missing, expected a file of {0} bytes as listed in `{MANIFEST_FILE_NAME}`, found none")]
    Missing(u64),
    /// A part is not listed.
    #[error("part is not in `{MANIFEST_FILE_NAME}`, expected the {expected} parts listed there, found {found}")]
    Unlisted {
        /// Number of listed parts.
        expected: usize,
        /// Number of parts in the folder.
        found: usize,
    },
    /// A property of a part differs.
    #[error("{what} of the part changed since `{MANIFEST_FILE_NAME}` was written, expected {expected}, found {found}")]
    Differs {
        /// The property.
        what: &'static str,
        /// Its value in the manifest.
        expected: String,
        /// Its value in the part.
        found: String,
    },
}

impl Problem for TableManifestProblem {
    fn hint(&self) -> Option<String> {
        match self {
            // the caller adds a hint to every failure to read a manifest
            Self::Version(_) | Self::Malformed { .. } | Self::OtherProgram(_) => None,
            Self::Missing(_) | Self::Unlisted { .. } | Self::Differs { .. } => Some(format!(
                "restore the original parts of the table; if they were changed on purpose, remove `{MANIFEST_FILE_NAME}`"
            )),
        }
    }
}

/// The manifest's entry for one part.
#[derive(Debug, Clone, PartialEq)]
pub struct ManifestEntry {
    /// File name.
    pub file: String,
    /// Number of segments.
    pub rows: u64,
    /// Number of neurons.
    pub neurons: u64,
    /// The box around all segments.
    pub bounds: Aabb,
    /// Size of the file.
    pub bytes: u64,
    /// CRC-32 of the file.
    pub checksum: u32,
    /// The footer checksum that is stored in the file.
    pub footer_checksum: u32,
}

fn differing_value(what: &'static str, expected: impl ToString, found: impl ToString) -> TableManifestProblem {
    TableManifestProblem::Differs { what, expected: expected.to_string(), found: found.to_string() }
}

/// Formats a checksum as text.
fn format_checksum(checksum: u32) -> String {
    format!("{checksum:08x}")
}

impl ManifestEntry {
    /// Creates the entry for a part whose file has this checksum.
    fn from_part(path: &Path, checksum: u32) -> Result<Self> {
        let part = OpenPart::open(path, OpenRequirement::ColumnsAndMetadata)?;
        Ok(Self {
            file: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            rows: part.len(),
            neurons: part.neurons().len() as u64,
            bounds: part.bounds()?,
            bytes: file_size(path)?,
            checksum,
            footer_checksum: footer_checksum(part.file_metadata()).unwrap_or(0),
        })
    }

    /// Checks that an open part matches the entry: its number of segments, its footer, and its own box.
    pub(super) fn check_footer(&self, part: &OpenPart) -> Result<()> {
        let found = footer_checksum(part.file_metadata()).unwrap_or(0);
        let bounds = part.bounds()?;
        let problem = match () {
            () if part.len() != self.rows => differing_value("number of segments", self.rows, part.len()),
            () if found != self.footer_checksum => {
                differing_value("metadata", format_checksum(self.footer_checksum), format_checksum(found))
            }
            () if bounds != self.bounds => differing_value("box", self.bounds, bounds),
            () => return Ok(()),
        };
        Err(problem).in_file(part.path())
    }

    /// Checks the size of the file.
    fn check_size(&self, path: &Path) -> Result<()> {
        let found = file_size(path)?;
        let differs = || Err(differing_value("size", format!("{} bytes", self.bytes), format!("{found} bytes")));
        if found == self.bytes { Ok(()) } else { differs().in_file(path) }
    }

    /// Returns all differences between the entry and the part; reads the complete file.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read.
    pub(super) fn find_differences(&self, part: &OpenPart) -> Result<Vec<Error>> {
        let (_, checksum) = file_checksum(part.path())?;
        let (bounds, neurons) = (part.bounds()?, part.neurons_or_read()?.len() as u64);
        let found = [
            (checksum != self.checksum)
                .then(|| differing_value("content", format_checksum(self.checksum), format_checksum(checksum))),
            (neurons != self.neurons).then(|| differing_value("number of neurons", self.neurons, neurons)),
            (bounds != self.bounds).then(|| differing_value("box", self.bounds, bounds)),
        ];
        Ok(found.into_iter().flatten().map(|problem| Error::from(problem).in_file(part.path())).collect())
    }
}

fn file_size(path: &Path) -> Result<u64> {
    Ok(std::fs::metadata(path).map_err(FileProblem::Read).in_file(path)?.len())
}

/// Writes the manifest of a folder with complete, synced parts; `checksums` are those of the parts' files, in order.
///
/// # Errors
/// Returns an error if a part cannot be read, or if writing fails.
pub fn write(folder: &Path, checksums: &[u32]) -> Result<()> {
    let files = part_files::list_part_files(folder).map_err(FileProblem::Read).in_file(folder)?;
    // the parts were written a moment ago: one that cannot be opened was changed by another process
    let entry = |(file, checksum): (&PathBuf, &u32)| {
        ManifestEntry::from_part(file, *checksum).or(Err(OutputConflict::Content)).in_file(folder)
    };
    let entries = files.iter().zip(checksums).map(entry);
    let entries = entries.collect::<Result<Vec<ManifestEntry>>>()?;
    let path = folder.join(MANIFEST_FILE_NAME);
    let file = create_without_following(&path).map_err(FileProblem::Write).in_file(&path)?;
    encode(&file, &entries_to_batch(&entries).map_err(TableProblem::from)?, VERSION)
        .map_err(write_error)
        .in_file(&path)?;
    file.sync_all().map_err(FileProblem::Write).in_file(&path)
}

/// Converts a Parquet error; keeps the operating system's message if the library passes it on.
fn write_error(problem: ParquetError) -> Error {
    match problem {
        ParquetError::External(inner) => match inner.downcast::<std::io::Error>() {
            Ok(refused) => FileProblem::Write(*refused).into(),
            Err(inner) => TableProblem::from(ParquetError::External(inner)).into(),
        },
        problem => TableProblem::from(problem).into(),
    }
}

fn encode(file: impl std::io::Write + Send, batch: &RecordBatch, version: u32) -> Result<(), ParquetError> {
    let version = KeyValue::new(VERSION_KEY.to_string(), version.to_string());
    let properties = properties_builder().set_key_value_metadata(Some(vec![version])).build();
    let mut writer = Writer::new(file, batch.schema(), properties)?;
    writer.write(batch)?;
    writer.finish().map(drop)
}

fn entries_to_batch(entries: &[ManifestEntry]) -> Result<RecordBatch, ArrowError> {
    let long = |value: fn(&ManifestEntry) -> u64| -> ArrayRef {
        Arc::new(UInt64Array::from_iter_values(entries.iter().map(value)))
    };
    let short = |value: fn(&ManifestEntry) -> u32| -> ArrayRef {
        Arc::new(UInt32Array::from_iter_values(entries.iter().map(value)))
    };
    let files: ArrayRef = Arc::new(StringArray::from_iter_values(entries.iter().map(|entry| &entry.file)));
    let mut columns = vec![("file", files), ("rows", long(|e| e.rows)), ("neurons", long(|e| e.neurons))];
    for (axis, name) in BOUNDS_COLUMNS.into_iter().enumerate() {
        let side = |b: &Aabb| [b.min.to_array(), b.max.to_array()].concat().get(axis).copied();
        let values = entries.iter().filter_map(|entry| side(&entry.bounds));
        columns.push((name, Arc::new(Float64Array::from_iter_values(values))));
    }
    columns.push(("bytes", long(|e| e.bytes)));
    columns.push(("checksum", short(|e| e.checksum)));
    columns.push(("footer_checksum", short(|e| e.footer_checksum)));
    let field = |(name, column): &(&str, ArrayRef)| Field::new(*name, column.data_type().clone(), false);
    let schema = Schema::new(columns.iter().map(field).collect::<Vec<_>>());
    RecordBatch::try_new(Arc::new(schema), columns.into_iter().map(|(_, column)| column).collect())
}

/// Returns the entries of a folder's manifest, one for each part file; `None` without a manifest. `files` are the existing
/// part files, in order.
///
/// # Errors
/// Returns an error if the manifest cannot be read, or if the parts or their sizes differ from it.
pub(super) fn read_checked_entries(folder: &Path, files: &[PathBuf]) -> Result<Option<Vec<ManifestEntry>>> {
    let path = folder.join(MANIFEST_FILE_NAME);
    if path.symlink_metadata().is_err() {
        return Ok(None);
    }
    let advice = "remove that file: the table can be read without its manifest, only slower";
    let entries = read_entries(&path).in_file(&path).map_err(|e| e.with_hint(advice))?;
    let mut found = files.iter().peekable();
    for entry in &entries {
        let name = |file: &&PathBuf| file.file_name() == Some(entry.file.as_ref());
        if found.next_if(name).is_none() {
            return Err(match found.peek().filter(|file| file.file_name() < Some(entry.file.as_ref())) {
                Some(other) => unlisted_error(other, &entries, files),
                None => Error::from(TableManifestProblem::Missing(entry.bytes)).in_file(&folder.join(&entry.file)),
            });
        }
    }
    if let Some(other) = found.next() {
        return Err(unlisted_error(other, &entries, files));
    }
    // this takes most of the time: microseconds per file
    let sizes: Vec<Result<()>> = files.par_iter().zip(&entries).map(|(file, entry)| entry.check_size(file)).collect();
    // report the first differing part in order, for any number of threads
    sizes.into_iter().collect::<Result<()>>()?;
    Ok(Some(entries))
}

fn unlisted_error(file: &Path, entries: &[ManifestEntry], files: &[PathBuf]) -> Error {
    Error::from(TableManifestProblem::Unlisted { expected: entries.len(), found: files.len() }).in_file(file)
}

/// Reads the entries of a manifest.
fn read_entries(path: &Path) -> Result<Vec<ManifestEntry>> {
    let reader = open_batches(path)?;
    let pairs = reader.metadata().file_metadata().key_value_metadata();
    let version = pairs.into_iter().flatten().find(|pair| pair.key == VERSION_KEY).and_then(|pair| pair.value.clone());
    match version.as_deref().map(str::parse::<u32>) {
        Some(Ok(version)) if version <= VERSION => {}
        Some(Ok(newer)) => return Err(TableManifestProblem::Version(newer.to_string()).into()),
        _ => return Err(malformed_problem("a version in the metadata", version.unwrap_or("none".into())).into()),
    }
    if !has_checksums(reader.metadata()) {
        let writer = reader.metadata().file_metadata().created_by().unwrap_or("an unknown program");
        let writer = writer.chars().filter(|c| !c.is_control()).take(60).collect();
        return Err(TableManifestProblem::OtherProgram(writer).into());
    }
    let batches = catch_panics(|| reader.with_batch_size(BATCH_ROWS).build().map_err(TableProblem::from))?;
    let mut entries = Vec::new();
    for batch in PanicGuard::new(batches.map(|batch| batch.map_err(TableProblem::from))) {
        entries.extend(entries_from_batch(&batch?)?);
    }
    let is_strange =
        |entry: &&ManifestEntry| !part_files::is_part_file(Path::new(&entry.file)) || entry.file.contains('/');
    if let Some(other) = entries.iter().find(is_strange) {
        return Err(malformed_problem("names of parts", format!("`{}`", other.file)).into());
    }
    if let Some(other) = entries.iter().find(|entry| entry.bounds.is_empty() || !entry.bounds.is_finite()) {
        return Err(malformed_problem("the box of each part", format!("none of `{}`", other.file)).into());
    }
    match entries.windows(2).find(|pair| pair[0].file >= pair[1].file) {
        Some(pair) => {
            Err(malformed_problem("each part once, in order", format!("`{}` again or late", pair[1].file)).into())
        }
        None => Ok(entries),
    }
}

fn malformed_problem(expected: &'static str, found: String) -> TableManifestProblem {
    TableManifestProblem::Malformed { expected, found }
}

fn entries_from_batch(batch: &RecordBatch) -> Result<Vec<ManifestEntry>, TableManifestProblem> {
    let files = required_column(batch, "file", &DataType::Utf8)?.as_string::<i32>();
    let (rows, neurons) = (column_values::<UInt64Type>(batch, "rows")?, column_values::<UInt64Type>(batch, "neurons")?);
    let [a, b, c, d, e, f] = BOUNDS_COLUMNS.map(|name| column_values::<Float64Type>(batch, name));
    let sides = [a?, b?, c?, d?, e?, f?];
    let (bytes, checksum) =
        (column_values::<UInt64Type>(batch, "bytes")?, column_values::<UInt32Type>(batch, "checksum")?);
    let footer_checksum = column_values::<UInt32Type>(batch, "footer_checksum")?;
    let entry = |i: usize| {
        let [x0, y0, z0, x1, y1, z1] = sides.map(|side| side[i]);
        ManifestEntry {
            file: files.value(i).to_string(),
            rows: rows[i],
            neurons: neurons[i],
            bounds: Aabb { min: Point::new(x0, y0, z0), max: Point::new(x1, y1, z1) },
            bytes: bytes[i],
            checksum: checksum[i],
            footer_checksum: footer_checksum[i],
        }
    };
    Ok((0..batch.num_rows()).map(entry).collect())
}

fn required_column<'a>(
    batch: &'a RecordBatch,
    name: &str,
    kind: &DataType,
) -> Result<&'a ArrayRef, TableManifestProblem> {
    let found = batch.column_by_name(name).filter(|c| c.data_type() == kind && c.null_count() == 0);
    found.ok_or_else(|| malformed_problem("its columns without nulls", format!("no such `{name}`")))
}

fn column_values<'a, T: ArrowPrimitiveType>(
    batch: &'a RecordBatch,
    name: &str,
) -> Result<&'a [T::Native], TableManifestProblem> {
    Ok(required_column(batch, name, &T::DATA_TYPE)?.as_primitive::<T>().values())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segments::table::{Precision, TableMetadata, TableNeuron, write_part};
    use crate::segments::{Segment, Segments};

    fn entry(file: &str) -> ManifestEntry {
        let bounds = Aabb { min: Point::ORIGIN, max: Point::new(1.0, 2.0, 3.0) };
        ManifestEntry { file: file.into(), rows: 1, neurons: 1, bounds, bytes: 7, checksum: 8, footer_checksum: 9 }
    }

    /// Writes and reads a manifest.
    fn read_back(batch: &RecordBatch, version: u32) -> Result<Vec<ManifestEntry>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(MANIFEST_FILE_NAME);
        encode(std::fs::File::create(&path).unwrap(), batch, version).unwrap();
        read_entries(&path)
    }

    fn refused(entries: &[ManifestEntry]) -> String {
        read_back(&entries_to_batch(entries).unwrap(), VERSION).unwrap_err().to_string()
    }

    #[test]
    fn invalid_entries_are_errors() {
        let parts = [entry("part-00000.parquet"), entry("part-00001.parquet")];
        assert_eq!(read_back(&entries_to_batch(&parts).unwrap(), VERSION).unwrap(), parts);
        let expected = |text: &str| format!("not the manifest of a segment table, expected {text}");
        assert_eq!(refused(&[entry("other.parquet")]), expected("names of parts, found `other.parquet`"));
        let above = entry("part-0/../../part-1.parquet");
        assert_eq!(refused(&[above]), expected("names of parts, found `part-0/../../part-1.parquet`"));
        let [first, second] = parts.clone();
        let text = "each part once, in order, found `part-00000.parquet` again or late";
        assert_eq!(refused(&[first.clone(), first.clone()]), expected(text));
        assert_eq!(refused(&[second, first.clone()]), expected(text));
        let nowhere = ManifestEntry { bounds: Aabb::EMPTY, ..first };
        assert_eq!(refused(&[nowhere]), expected("the box of each part, found none of `part-00000.parquet`"));
        let narrow = entries_to_batch(&parts).unwrap().project(&[0, 1, 2]).unwrap();
        let message = read_back(&narrow, VERSION).unwrap_err().to_string();
        assert_eq!(message, expected("its columns without nulls, found no such `x_min`"));
        let message = read_back(&entries_to_batch(&parts).unwrap(), VERSION + 1).unwrap_err().to_string();
        assert_eq!(message, "newer manifest, expected version 1 or older, found 2");
    }

    #[test]
    fn every_wrong_property_of_a_part_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("part-00000.parquet");
        // not zero: Parquet states -0 as the smallest value of zeros
        let (start, end) = (Point::new(1.0, 1.0, 1.0), Point::new(2.0, 3.0, 4.0));
        let segment = Segment {
            node_id: 4,
            section_id: 0,
            segment_id: 0,
            section_type: None,
            start,
            end,
            radius_um: None,
            row: 0,
        };
        let segments: Segments = std::iter::once(segment).collect();
        let neuron = TableNeuron { node_id: 4, first_row: 0, segments: 1 };
        let metadata = TableMetadata { segments: 1, neurons: 1, parts: 1, ..TableMetadata::default() };
        write_part(&path, &segments, &[neuron], &metadata, Precision::F64).unwrap();
        let part = OpenPart::open(&path, OpenRequirement::ColumnsAndMetadata).unwrap();
        let entry = ManifestEntry::from_part(&path, file_checksum(&path).unwrap().1).unwrap();
        entry.check_footer(&part).unwrap();
        assert!(entry.find_differences(&part).unwrap().is_empty());
        let bounds = Aabb { max: Point::new(2.0, 3.0, 5.0), ..entry.bounds };
        let wrong = ManifestEntry { neurons: 2, bounds, ..entry.clone() };
        let found: Vec<String> = wrong.find_differences(&part).unwrap().iter().map(Error::to_string).collect();
        let changed = "of the part changed since `_manifest.parquet` was written, expected";
        let text = [
            format!("number of neurons {changed} 2, found 1"),
            format!("box {changed} x 1.0..2.0, y 1.0..3.0, z 1.0..5.0 µm, found x 1.0..2.0, y 1.0..3.0, z 1.0..4.0 µm"),
        ];
        assert_eq!(found, text.map(|text| format!("{}: {text}", path.display())));
        let message = ManifestEntry { rows: 3, ..entry }.check_footer(&part).unwrap_err().to_string();
        assert_eq!(message, format!("{}: number of segments {changed} 3, found 1", path.display()));
    }
}
