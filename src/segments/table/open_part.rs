//! A part of a table with its footer in memory.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_schema::{DataType, SchemaRef};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::statistics::Statistics;

use super::normalize::is_convertible;
use super::problem::TableProblem;
use super::schema::{COORDINATES, FORMAT_VERSION, Precision, key};
use super::{TableMetadata, TableNeuron};
use crate::error::{Context, Error, Result, join_quoted};
use crate::geometry::{Aabb, Point};
use crate::io::parquet_file::{FileIdentity, ParquetSource, check_codecs, read_metadata};
use crate::io::reader_panics::catch_panics;

/// Requirements for opening a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OpenRequirement {
    /// Columns and metadata of a segment table.
    ColumnsAndMetadata,
    /// Only the columns: another program may have written the file.
    ColumnsOnly,
}

/// A part with its footer in memory.
#[derive(Debug)]
pub(super) struct OpenPart {
    path: PathBuf,
    /// What the file was when its footer was read.
    identity: FileIdentity,
    footer: ArrowReaderMetadata,
    neurons: Vec<TableNeuron>,
    precision: Precision,
    /// Whether columns have other types than those of the format, and are converted when they are read.
    is_converted: bool,
}

impl OpenPart {
    pub(super) fn open(path: &Path, demand: OpenRequirement) -> Result<Self> {
        let source = ParquetSource::open(path)?;
        let load = || -> Result<ArrowReaderMetadata, TableProblem> {
            Ok(ArrowReaderMetadata::try_new(read_metadata(&source)?.into(), ArrowReaderOptions::new())?)
        };
        let footer = catch_panics(load).in_file(path)?;
        let mut part = Self {
            path: path.to_path_buf(),
            identity: source.identity().in_file(path)?,
            footer,
            neurons: Vec::new(),
            precision: Precision::F64,
            is_converted: false,
        };
        part.check_version().in_file(path)?;
        part.check_codecs().in_file(path)?;
        (part.precision, part.is_converted) = part.check_columns().in_file(path)?;
        if demand == OpenRequirement::ColumnsAndMetadata {
            part.neurons = part.read_neurons().in_file(path)?;
        }
        Ok(part)
    }

    /// Opens the file again, to read rows.
    ///
    /// # Errors
    /// Returns an error if the file is not the one whose footer was read, or cannot be opened.
    pub(super) fn open_source(&self) -> Result<ParquetSource> {
        let source = ParquetSource::open(&self.path)?;
        match source.identity().in_file(&self.path)? == self.identity {
            true => Ok(source),
            false => Err(TableProblem::ChangedSinceOpened).in_file(&self.path),
        }
    }

    /// Returns the path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the neurons of this part, in ascending order of node ids; empty if the list was not read.
    pub fn neurons(&self) -> &[TableNeuron] {
        &self.neurons
    }

    /// Returns the number of segments.
    pub fn len(&self) -> u64 {
        u64::try_from(self.file_metadata().file_metadata().num_rows()).unwrap_or(0)
    }

    /// Returns whether the metadata of a segment table are present.
    pub(super) fn has_metadata(&self) -> bool {
        self.metadata_value(key::FORMAT_VERSION).is_ok()
    }

    /// Returns the name of the program that wrote the file.
    pub fn written_by(&self) -> String {
        let name = self.file_metadata().file_metadata().created_by().unwrap_or("an unknown program");
        name.chars().filter(|c| !c.is_control()).take(60).collect()
    }

    /// Returns the width of the coordinates.
    pub(super) fn precision(&self) -> Precision {
        self.precision
    }

    /// Returns the Parquet footer.
    pub(super) fn file_metadata(&self) -> &Arc<ParquetMetaData> {
        self.footer.metadata()
    }

    /// Returns the footer for the Arrow reader.
    pub(super) fn footer(&self) -> &ArrowReaderMetadata {
        &self.footer
    }

    /// Returns the index of a column among the leaf columns of the file; each member of a nested column counts.
    pub(super) fn column_index(&self, name: &str) -> Option<usize> {
        let columns = self.file_metadata().file_metadata().schema_descr().columns();
        columns.iter().position(|column| matches!(column.path().parts(), [own] if own == name))
    }

    /// Returns the names of the columns with their types and compressed sizes in bytes, in file order.
    pub fn columns(&self) -> Vec<(String, DataType, u64)> {
        let sizes = |i: usize| {
            let groups = self.footer.metadata().row_groups().iter();
            groups.map(|g| u64::try_from(g.column(i).compressed_size()).unwrap_or(0)).sum()
        };
        let fields = self.footer.schema().fields().iter().enumerate();
        fields.map(|(i, f)| (f.name().clone(), f.data_type().clone(), sizes(i))).collect()
    }

    fn metadata_value(&self, key: &'static str) -> Result<&str, TableProblem> {
        let pairs = self.footer.metadata().file_metadata().key_value_metadata();
        let pair = pairs.into_iter().flatten().find(|kv| kv.key == key);
        pair.and_then(|kv| kv.value.as_deref()).ok_or(TableProblem::MissingMetadata(key))
    }

    fn metadata_number(&self, key: &'static str) -> Result<u64, TableProblem> {
        self.metadata_value(key)?.parse().map_err(|_| TableProblem::MissingMetadata(key))
    }

    fn check_version(&self) -> Result<(), TableProblem> {
        match self.metadata_value(key::FORMAT_VERSION) {
            Ok(text) if text.parse().is_ok_and(|v: u32| v <= FORMAT_VERSION) => Ok(()),
            Ok(text) => Err(TableProblem::Version(text.to_string())),
            // a file without metadata is reported by its columns first
            Err(_) => Ok(()),
        }
    }

    /// Returns the metadata of the table, as stored in this part.
    pub(super) fn metadata(&self) -> Result<TableMetadata> {
        let text = |key| self.metadata_value(key).map(str::to_string);
        let read = || -> Result<TableMetadata, TableProblem> {
            Ok(TableMetadata {
                population: text(key::POPULATION)?,
                circuit_path: text(key::CIRCUIT)?,
                discretisation: text(key::DISCRETISATION)?,
                axon_rule: text(key::AXON)?,
                program_version: text(key::PROGRAM_VERSION)?,
                segments: self.metadata_number(key::SEGMENTS)?,
                neurons: self.metadata_number(key::NEURONS)?,
                parts: self.metadata_number(key::PARTS)?,
                // older programs did not write it
                assumed_rule: text(key::ASSUMED).unwrap_or_default(),
                simulation_path: text(key::SIMULATION).unwrap_or_default(),
            })
        };
        read().in_file(&self.path)
    }

    /// Returns the neurons; reads them if they were not read on opening.
    pub(super) fn neurons_or_read(&self) -> Result<Cow<'_, [TableNeuron]>> {
        match self.neurons.as_slice() {
            [] => self.read_neurons().in_file(&self.path).map(Cow::Owned),
            known => Ok(Cow::Borrowed(known)),
        }
    }

    fn read_neurons(&self) -> Result<Vec<TableNeuron>> {
        if self.has_metadata() { Ok(self.parse_neuron_list()?) } else { self.read_neurons_from_rows() }
    }

    fn parse_neuron_list(&self) -> Result<Vec<TableNeuron>, TableProblem> {
        let malformed = || TableProblem::MissingMetadata(key::NEURON_LIST);
        let text = self.metadata_value(key::NEURON_LIST)?;
        let mut lists: BTreeMap<String, Vec<u64>> = serde_json::from_str(text).map_err(|_| malformed())?;
        let mut list = |name: &str| lists.remove(name).ok_or_else(malformed);
        let (ids, rows, counts) = (list("node_id")?, list("first_row")?, list("segments")?);
        let total: u64 = counts.iter().fold(0, |sum, &n| sum.saturating_add(n));
        let rows_in_file = self.len();
        if ids.len() != rows.len() || ids.len() != counts.len() || total != rows_in_file {
            return Err(malformed());
        }
        if !ids.is_sorted_by(|a, b| a < b) || rows.iter().zip(&counts).any(|(r, n)| r.checked_add(*n).is_none()) {
            return Err(malformed());
        }
        let neuron = |((node_id, first_row), segments)| TableNeuron { node_id, first_row, segments };
        Ok(ids.into_iter().zip(rows).zip(counts).map(neuron).collect())
    }

    /// Checks that the compression codecs are supported, before data is read.
    fn check_codecs(&self) -> Result<(), TableProblem> {
        Ok(check_codecs(self.file_metadata())?)
    }

    /// Checks names and types of the columns; returns the width of the coordinates and whether types must be converted.
    fn check_columns(&self) -> Result<(Precision, bool)> {
        let found = self.footer.schema();
        let has = |name: &str| found.field_with_name(name).is_ok();
        let wanted = Precision::F64.schema();
        let missing: Vec<&String> = wanted.fields().iter().map(|f| f.name()).filter(|n| !has(n)).collect();
        if !missing.is_empty() {
            return Err(TableProblem::MissingColumns(join_quoted(missing, 12)).into());
        }
        let is_single = |name: &&str| found.field_with_name(name).is_ok_and(|f| f.data_type() == &DataType::Float32);
        let precision = if COORDINATES.iter().all(is_single) { Precision::F32 } else { Precision::F64 };
        let mut is_converted = false;
        for field in precision.schema().fields() {
            let found = found.field_with_name(field.name()).map_err(TableProblem::from)?.data_type().clone();
            if &found == field.data_type() {
                continue;
            }
            // a file that this program wrote must have the exact types
            if self.has_metadata() || !is_convertible(field.name(), &found) {
                let expected = field.data_type().clone();
                return Err(Error::from(TableProblem::Type { expected, found }).in_item(field.name()));
            }
            is_converted = true;
        }
        Ok((precision, is_converted))
    }

    /// Returns the schema to which batches are converted; `None` if they need no conversion.
    pub(super) fn conversion_schema(&self) -> Option<SchemaRef> {
        self.is_converted.then(|| self.precision.schema())
    }

    /// Returns the box around all segments, from the statistics of the row groups; reads all rows if a row group has
    /// none.
    pub(super) fn bounds(&self) -> Result<Aabb> {
        let mut groups = 0..self.file_metadata().num_row_groups();
        let stated = groups.try_fold(Aabb::EMPTY, |all, group| Some(all.union(self.row_group_bounds(group)?)));
        if let Some(bounds) = stated {
            return Ok(bounds);
        }
        let mut bounds = Aabb::EMPTY;
        self.for_each_segment(|segment| bounds = bounds.union(Aabb::enclosing([segment.start, segment.end])))?;
        Ok(bounds)
    }

    /// Returns the box around the segments of a row group; `None` without statistics.
    pub(super) fn row_group_bounds(&self, group: usize) -> Option<Aabb> {
        let mut ends = [(0.0, 0.0); 6];
        for (end, name) in ends.iter_mut().zip(COORDINATES) {
            *end = row_group_range(self, group, name)?;
        }
        bounds_from_ranges(ends)
    }
}

/// The box of rows with unknown positions.
pub(super) const UNBOUNDED_BOX: Aabb = Aabb { min: Aabb::EMPTY.max, max: Aabb::EMPTY.min };

/// Returns the box from the smallest and largest values of the six coordinates; `None` if one is not a number.
pub(super) fn bounds_from_ranges(ends: [(f64, f64); 6]) -> Option<Aabb> {
    let [x0, y0, z0, x1, y1, z1] = ends;
    let corner = |x: f64, y: f64, z: f64| Point::new(x, y, z);
    let corners =
        [corner(x0.0, y0.0, z0.0), corner(x1.0, y1.0, z1.0), corner(x0.1, y0.1, z0.1), corner(x1.1, y1.1, z1.1)];
    let known = ends.iter().all(|(low, high)| low <= high);
    known.then(|| Aabb::enclosing(corners))
}

/// Returns the smallest and largest value of a column in a row group, from the statistics of the file.
pub(super) fn row_group_range(part: &OpenPart, group: usize, column: &str) -> Option<(f64, f64)> {
    let group = part.file_metadata().row_groups().get(group)?;
    group.columns().get(part.column_index(column)?)?.statistics().and_then(statistics_range)
}

fn statistics_range(statistics: &Statistics) -> Option<(f64, f64)> {
    match statistics {
        Statistics::Float(s) => Some((f64::from(*s.min_opt()?), f64::from(*s.max_opt()?))),
        Statistics::Double(s) => Some((*s.min_opt()?, *s.max_opt()?)),
        _ => None,
    }
}
