//! Reading a table: its parts, what it says of itself, its rows.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, UInt8Type, UInt32Type, UInt64Type};
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;
use parquet::file::statistics::Statistics;

use super::schema::{
    COORDINATES, FORMAT_VERSION, NODE_ID, Precision, RADIUS, ROW, SECTION_ID, SECTION_TYPE, SEGMENT_ID, key,
};
use super::{Metadata, Neuron, parts};
use crate::error::{Context, Error, FileProblem, Problem, Result, listed};
use crate::geometry::{Aabb, Point};
use crate::segments::{SectionType, Segment, Segments};

/// Rows decoded at a time.
const BATCH_ROWS: usize = 64 * 1024;

/// What can be wrong with a table.
#[derive(Debug, thiserror::Error)]
pub enum TableProblem {
    /// No Parquet, or damaged.
    #[error("no readable Parquet file: {0}")]
    Parquet(String),
    /// Columns are missing.
    #[error("no segment table, expected the columns of a segment table, found no {0}")]
    Columns(String),
    /// A column has another type.
    #[error("wrong type, expected {expected}, found {found}")]
    Type {
        /// What the format asks for.
        expected: DataType,
        /// What the file holds.
        found: DataType,
    },
    /// A metadata key is missing or malformed.
    #[error("metadata `{0}` is missing or malformed, expected what `leadfield positions` writes")]
    Metadata(&'static str),
    /// Written by a newer program.
    #[error("newer table format, expected version {FORMAT_VERSION} or older, found {0}")]
    Version(String),
    /// A folder without parts.
    #[error("no segment table, expected files `part-*.parquet` in the folder, found none")]
    NoParts,
    /// Parts that belong to different tables.
    #[error("part of another table, expected {expected}, found {found}")]
    Foreign {
        /// What the first part says.
        expected: String,
        /// What this part says.
        found: String,
    },
    /// Parts are missing, or there are more than belong to the table.
    #[error("wrong number of parts, expected {expected}, found {found}")]
    Parts {
        /// As many as the metadata says.
        expected: u64,
        /// As many as are there.
        found: u64,
    },
    /// A null where there may be none.
    #[error("null value, expected a number")]
    Null,
    /// The rows are not those of the neuron list.
    #[error("row {row} of node {node} does not belong to this part, expected the rows of its neuron list, each once")]
    Row {
        /// Node of the row.
        node: u64,
        /// The row.
        row: u64,
    },
    /// A node in two parts, or rows claimed twice.
    #[error("neurons overlap, expected every node and row once, found node {0} again")]
    Overlap(u64),
}

impl Problem for TableProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Parquet(_) => Some("the file may be cut short, or be of another format".into()),
            Self::Version(_) => {
                Some("read it with the newer `leadfield`, or make it again with `leadfield positions`".into())
            }
            Self::Columns(_) | Self::NoParts => Some("make a segment table with `leadfield positions`".into()),
            Self::Foreign { .. } => Some("keep the parts of each table in a folder of their own".into()),
            Self::Parts { expected, found } if expected > found => {
                Some("bring the missing parts, or make the table again with `leadfield positions`".into())
            }
            _ => None,
        }
    }
}

impl From<ParquetError> for TableProblem {
    fn from(error: ParquetError) -> Self {
        let text = error.to_string();
        let text = text.strip_prefix("Parquet error: ").unwrap_or(&text);
        Self::Parquet(text.lines().next().unwrap_or_default().to_string())
    }
}

impl From<arrow_schema::ArrowError> for TableProblem {
    fn from(error: arrow_schema::ArrowError) -> Self {
        Self::Parquet(error.to_string().lines().next().unwrap_or_default().to_string())
    }
}

/// An open table: its parts, metadata and neurons; rows are read part by part.
#[derive(Debug)]
pub struct Table {
    path: PathBuf,
    parts: Vec<Part>,
    metadata: Metadata,
}

/// One part of a table: a Parquet file.
#[derive(Debug)]
pub struct Part {
    path: PathBuf,
    footer: ArrowReaderMetadata,
    neurons: Vec<Neuron>,
    precision: Precision,
}

impl Table {
    /// Opens a table: a Parquet file, or a folder of `part-*.parquet`.
    ///
    /// # Errors
    /// Missing, cut short, no segment table, a newer format version, parts of different tables or not all parts.
    pub fn open(path: &Path) -> Result<Self> {
        let files = if path.is_dir() {
            parts::files_in(path).map_err(FileProblem::Read).in_file(path)?
        } else {
            vec![path.to_path_buf()]
        };
        let opened = files.iter().map(|f| Part::open(f)).collect::<Result<Vec<_>>>()?;
        let metadata = opened.first().ok_or(TableProblem::NoParts).in_file(path)?.metadata()?;
        for part in &opened {
            let own = part.metadata()?;
            if own != metadata {
                let (expected, found) = difference(&metadata, &own);
                return Err(TableProblem::Foreign { expected, found }).in_file(&part.path);
            }
        }
        let found = opened.len() as u64;
        if found != metadata.parts {
            return Err(TableProblem::Parts { expected: metadata.parts, found }).in_file(path);
        }
        Ok(Self { path: path.to_path_buf(), parts: opened, metadata })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the table says of itself.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The parts, in order.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// All neurons, node ids ascending, checked: their rows tile `0..len` without gap.
    ///
    /// # Errors
    /// A node in two parts, or rows that overlap or leave a gap.
    pub fn neurons(&self) -> Result<Vec<Neuron>> {
        let mut all: Vec<Neuron> = self.parts.iter().flat_map(|p| p.neurons.iter().copied()).collect();
        all.sort_unstable_by_key(|n| n.node_id);
        let mut next = 0;
        let mut last = None;
        for n in &all {
            if last == Some(n.node_id) || n.first_row != next {
                return Err(TableProblem::Overlap(n.node_id)).in_file(&self.path);
            }
            (last, next) = (Some(n.node_id), next + n.segments);
        }
        Ok(all)
    }

    /// The box round all segments, from the files' statistics.
    ///
    /// # Errors
    /// A file holds no statistics of its coordinates.
    pub fn bounds(&self) -> Result<Aabb> {
        self.parts.iter().try_fold(Aabb::EMPTY, |b, part| Ok(b.union(part.bounds()?)))
    }

    /// Number of segments.
    pub fn len(&self) -> u64 {
        self.parts.iter().map(Part::len).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Width of the coordinates.
    pub fn precision(&self) -> Precision {
        self.parts.first().map_or(Precision::F64, |p| p.precision)
    }
}

/// The first thing in which two tables differ, as each says it.
fn difference(a: &Metadata, b: &Metadata) -> (String, String) {
    let told = |m: &Metadata| {
        [
            format!("population `{}`", m.population),
            format!("circuit `{}`", m.circuit),
            format!("discretisation `{}`", m.discretisation),
            format!("axon `{}`", m.axon),
            format!("{} neurons", m.neurons),
            format!("{} segments", m.segments),
            format!("{} parts", m.parts),
            format!("program version `{}`", m.program_version),
        ]
    };
    told(a).into_iter().zip(told(b)).find(|(a, b)| a != b).unwrap_or_default()
}

impl Part {
    fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(FileProblem::Read).in_file(path)?;
        let footer = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new());
        let footer = footer.map_err(TableProblem::from).in_file(path)?;
        let mut part = Self { path: path.to_path_buf(), footer, neurons: Vec::new(), precision: Precision::F64 };
        part.check_version().in_file(path)?;
        part.precision = part.check_columns().in_file(path)?;
        part.neurons = part.neuron_list().in_file(path)?;
        Ok(part)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The neurons of this part, node ids ascending.
    pub fn neurons(&self) -> &[Neuron] {
        &self.neurons
    }

    /// Number of segments.
    pub fn len(&self) -> u64 {
        self.neurons.iter().map(|n| n.segments).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.neurons.is_empty()
    }

    /// Names of the columns with their types and compressed bytes, in file order.
    pub fn columns(&self) -> Vec<(String, DataType, u64)> {
        let sizes = |i: usize| {
            let groups = self.footer.metadata().row_groups().iter();
            groups.map(|g| u64::try_from(g.column(i).compressed_size()).unwrap_or(0)).sum()
        };
        let fields = self.footer.schema().fields().iter().enumerate();
        fields.map(|(i, f)| (f.name().clone(), f.data_type().clone(), sizes(i))).collect()
    }

    fn value(&self, key: &'static str) -> Result<&str, TableProblem> {
        let pairs = self.footer.metadata().file_metadata().key_value_metadata();
        let pair = pairs.into_iter().flatten().find(|kv| kv.key == key);
        pair.and_then(|kv| kv.value.as_deref()).ok_or(TableProblem::Metadata(key))
    }

    fn number(&self, key: &'static str) -> Result<u64, TableProblem> {
        self.value(key)?.parse().map_err(|_| TableProblem::Metadata(key))
    }

    fn check_version(&self) -> Result<(), TableProblem> {
        match self.value(key::FORMAT_VERSION) {
            Ok(text) if text.parse().is_ok_and(|v: u32| v <= FORMAT_VERSION) => Ok(()),
            Ok(text) => Err(TableProblem::Version(text.to_string())),
            // a table without metadata is told by its columns first
            Err(_) => Ok(()),
        }
    }

    /// What this part says of its table.
    fn metadata(&self) -> Result<Metadata> {
        let text = |key| self.value(key).map(str::to_string);
        let read = || -> Result<Metadata, TableProblem> {
            Ok(Metadata {
                population: text(key::POPULATION)?,
                circuit: text(key::CIRCUIT)?,
                discretisation: text(key::DISCRETISATION)?,
                axon: text(key::AXON)?,
                program_version: text(key::PROGRAM_VERSION)?,
                segments: self.number(key::SEGMENTS)?,
                neurons: self.number(key::NEURONS)?,
                parts: self.number(key::PARTS)?,
            })
        };
        read().in_file(&self.path)
    }

    fn neuron_list(&self) -> Result<Vec<Neuron>, TableProblem> {
        let malformed = || TableProblem::Metadata(key::NEURON_LIST);
        let json: serde_json::Value = serde_json::from_str(self.value(key::NEURON_LIST)?).map_err(|_| malformed())?;
        let list = |name: &str| -> Option<Vec<u64>> {
            json.get(name)?.as_array()?.iter().map(serde_json::Value::as_u64).collect()
        };
        let lists = (list("node_id"), list("first_row"), list("segments"));
        let (Some(ids), Some(rows), Some(counts)) = lists else { return Err(malformed()) };
        let total: u64 = counts.iter().fold(0, |sum, &n| sum.saturating_add(n));
        let rows_in_file = u64::try_from(self.footer.metadata().file_metadata().num_rows()).unwrap_or(0);
        if ids.len() != rows.len() || ids.len() != counts.len() || total != rows_in_file {
            return Err(malformed());
        }
        if !ids.is_sorted_by(|a, b| a < b) || rows.iter().zip(&counts).any(|(r, n)| r.checked_add(*n).is_none()) {
            return Err(malformed());
        }
        let neuron = |((node_id, first_row), segments)| Neuron { node_id, first_row, segments };
        Ok(ids.into_iter().zip(rows).zip(counts).map(neuron).collect())
    }

    /// Checks names and types of the columns, and gives the width of the coordinates.
    fn check_columns(&self) -> Result<Precision> {
        let found = self.footer.schema();
        let has = |name: &str| found.field_with_name(name).is_ok();
        let wanted = Precision::F64.schema();
        let missing: Vec<&String> = wanted.fields().iter().map(|f| f.name()).filter(|n| !has(n)).collect();
        if !missing.is_empty() {
            return Err(TableProblem::Columns(listed(missing, 12)).into());
        }
        let single = found.field_with_name(COORDINATES[0]).is_ok_and(|f| f.data_type() == &DataType::Float32);
        let precision = if single { Precision::F32 } else { Precision::F64 };
        for field in precision.schema().fields() {
            let found = found.field_with_name(field.name()).map_err(TableProblem::from)?.data_type().clone();
            if &found != field.data_type() {
                let expected = field.data_type().clone();
                return Err(Error::from(TableProblem::Type { expected, found }).in_object(field.name()));
            }
        }
        Ok(precision)
    }

    fn bounds(&self) -> Result<Aabb> {
        let column = |name: &str| self.footer.schema().index_of(name).ok();
        let mut ends = [(f64::INFINITY, f64::NEG_INFINITY); 6];
        for group in self.footer.metadata().row_groups() {
            for (end, name) in ends.iter_mut().zip(COORDINATES) {
                let range =
                    column(name).and_then(|i| group.columns().get(i)).and_then(|c| c.statistics()).and_then(range);
                let (low, high) = range.ok_or(TableProblem::Metadata("statistics")).in_file(&self.path)?;
                *end = (end.0.min(low), end.1.max(high));
            }
        }
        let corner = |i: usize, of: fn((f64, f64)) -> f64| Point::new(of(ends[i]), of(ends[i + 1]), of(ends[i + 2]));
        Ok(Aabb::of([0, 3].into_iter().flat_map(|i| [corner(i, |e| e.0), corner(i, |e| e.1)])))
    }

    /// Reads all rows, in stored (Hilbert) order.
    ///
    /// # Errors
    /// Unreadable or damaged.
    pub fn read(&self) -> Result<Segments> {
        let mut segments = Segments::default();
        self.each(|segment| {
            segments.push(segment);
            Ok(())
        })?;
        Ok(segments)
    }

    /// Reads all rows, in the order of `row`: neurons by node id, each contiguous.
    ///
    /// # Errors
    /// Unreadable or damaged, or rows that are not those of the neuron list.
    pub fn read_by_row(&self) -> Result<Segments> {
        let mut places = Places::of(&self.neurons);
        let mut segments = Segments::blank(places.total);
        self.each(|segment| {
            let place = places.take(&segment)?;
            segments.set(place, segment);
            Ok(())
        })?;
        Ok(segments)
    }

    fn each(&self, mut visit: impl FnMut(Segment) -> Result<(), TableProblem>) -> Result<()> {
        let file = File::open(&self.path).map_err(FileProblem::Read).in_file(&self.path)?;
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.footer.clone());
        let batches = builder.with_batch_size(BATCH_ROWS).build().map_err(TableProblem::from).in_file(&self.path)?;
        for batch in batches {
            let batch = batch.map_err(TableProblem::from).in_file(&self.path)?;
            let rows = Rows::of(&batch, self.precision).in_file(&self.path)?;
            for i in 0..batch.num_rows() {
                visit(rows.get(i)).in_file(&self.path)?;
            }
        }
        Ok(())
    }
}

fn range(statistics: &Statistics) -> Option<(f64, f64)> {
    match statistics {
        Statistics::Float(s) => Some((f64::from(*s.min_opt()?), f64::from(*s.max_opt()?))),
        Statistics::Double(s) => Some((*s.min_opt()?, *s.max_opt()?)),
        _ => None,
    }
}

/// Where each row of a part goes when neurons are contiguous.
struct Places<'a> {
    neurons: &'a [Neuron],
    /// Place of each neuron's first segment.
    first: Vec<usize>,
    taken: Vec<bool>,
    total: usize,
}

impl<'a> Places<'a> {
    fn of(neurons: &'a [Neuron]) -> Self {
        let mut total = 0;
        let mut first = Vec::with_capacity(neurons.len());
        for n in neurons {
            first.push(total);
            total += n.segments as usize;
        }
        Self { neurons, first, taken: vec![false; total], total }
    }

    fn take(&mut self, segment: &Segment) -> Result<usize, TableProblem> {
        let foreign = TableProblem::Row { node: segment.node_id, row: segment.row };
        let found = self.neurons.binary_search_by_key(&segment.node_id, |n| n.node_id);
        let Ok(i) = found else { return Err(foreign) };
        let neuron = self.neurons[i];
        let offset = segment.row.checked_sub(neuron.first_row).filter(|o| *o < neuron.segments);
        let Some(offset) = offset else { return Err(foreign) };
        let place = self.first[i] + offset as usize;
        match std::mem::replace(&mut self.taken[place], true) {
            true => Err(foreign),
            false => Ok(place),
        }
    }
}

/// The typed columns of a batch.
struct Rows<'a> {
    node_id: &'a [u64],
    section_id: &'a [u32],
    segment_id: &'a [u32],
    section_type: &'a arrow_array::UInt8Array,
    ends: Ends<'a>,
    radius: &'a arrow_array::Float32Array,
    row: &'a [u64],
}

enum Ends<'a> {
    Double([&'a [f64]; 6]),
    Single([&'a [f32]; 6]),
}

impl<'a> Rows<'a> {
    fn of(batch: &'a RecordBatch, precision: Precision) -> Result<Self> {
        let column = |name: &str| -> Result<&'a dyn Array> {
            let array = batch.column_by_name(name).ok_or_else(|| TableProblem::Columns(format!("`{name}`")))?;
            let may_be_null = name == SECTION_TYPE || name == RADIUS;
            if array.null_count() > 0 && !may_be_null {
                return Err(Error::from(TableProblem::Null).in_object(name));
            }
            Ok(array.as_ref())
        };
        let long = |name| -> Result<&'a [u64]> { Ok(column(name)?.as_primitive::<UInt64Type>().values()) };
        let int = |name| -> Result<&'a [u32]> { Ok(column(name)?.as_primitive::<UInt32Type>().values()) };
        let mut double: [&[f64]; 6] = [&[]; 6];
        let mut single: [&[f32]; 6] = [&[]; 6];
        for (i, name) in COORDINATES.into_iter().enumerate() {
            match precision {
                Precision::F64 => double[i] = column(name)?.as_primitive::<Float64Type>().values(),
                Precision::F32 => single[i] = column(name)?.as_primitive::<Float32Type>().values(),
            }
        }
        Ok(Self {
            node_id: long(NODE_ID)?,
            section_id: int(SECTION_ID)?,
            segment_id: int(SEGMENT_ID)?,
            section_type: column(SECTION_TYPE)?.as_primitive::<UInt8Type>(),
            ends: if precision == Precision::F64 { Ends::Double(double) } else { Ends::Single(single) },
            radius: column(RADIUS)?.as_primitive::<Float32Type>(),
            row: long(ROW)?,
        })
    }

    fn get(&self, i: usize) -> Segment {
        let c: [f64; 6] = match &self.ends {
            Ends::Double(columns) => columns.map(|c| c[i]),
            Ends::Single(columns) => columns.map(|c| f64::from(c[i])),
        };
        Segment {
            node_id: self.node_id[i],
            section_id: self.section_id[i],
            segment_id: self.segment_id[i],
            section_type: self
                .section_type
                .is_valid(i)
                .then(|| self.section_type.value(i))
                .and_then(SectionType::from_number),
            start: Point::new(c[0], c[1], c[2]),
            end: Point::new(c[3], c[4], c[5]),
            radius: self.radius.is_valid(i).then(|| self.radius.value(i)),
            row: self.row[i],
        }
    }
}
