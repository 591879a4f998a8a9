//! Writes one part of a table.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float32Array, Float64Array, RecordBatch, UInt8Array, UInt32Array, UInt64Array};
use parquet::basic::Encoding;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use rayon::prelude::*;

use super::schema::{
    COORDINATES, FORMAT_VERSION, LONG_SEGMENT_UM, NODE_ID, Precision, RADIUS, ROW, ROWS_PER_PAGE, ROWS_PER_ROW_GROUP,
    SECTION_ID, SECTION_TYPE, SEGMENT_ID, key,
};
use super::{TableMetadata, TableNeuron, TableProblem};
use crate::error::{Context, Error, FileProblem, Problem, Result};
use crate::geometry::{Aabb, Point, hilbert};
use crate::io::atomic_output::create_without_following;
use crate::io::checkpoint::CheckpointProblem;
use crate::io::parquet_file::{Writer, properties_builder};
use crate::io::resumable_output::StopCheck;
use crate::segments::Segments;

/// The Parquet library failed to write.
#[derive(Debug, thiserror::Error)]
enum WriteProblem {
    #[error("cannot be written: {0}")]
    Parquet(#[from] ParquetError),
    #[error("cannot be written: {0}")]
    Arrow(#[from] arrow_schema::ArrowError),
    #[error(transparent)]
    Stopped(#[from] CheckpointProblem),
}

impl Problem for WriteProblem {
    fn is_transient(&self) -> bool {
        true
    }
}

/// Refuses coordinates that a precision would make infinite.
///
/// # Errors
/// Returns an error that names the first such segment.
pub fn check_coordinate_range(segments: &Segments, precision: Precision) -> Result<()> {
    if precision == Precision::F64 {
        return Ok(());
    }
    let is_too_large = |v: &f64| v.is_finite() && (*v as f32).is_infinite();
    for (i, (start, end)) in segments.start.iter().zip(&segments.end).enumerate() {
        if let Some(found) = start.to_array().into_iter().chain(end.to_array()).find(is_too_large) {
            let [section, segment] =
                [&segments.section_id, &segments.segment_id].map(|ids| ids.get(i).copied().unwrap_or_default());
            let node = segments.node_id.get(i).copied().unwrap_or_default();
            return Err(TableProblem::OutOfRange { section, segment, found }).at_index("node", node);
        }
    }
    Ok(())
}

/// Converts a Parquet error; keeps the operating system's message if the library passes it on.
fn write_error(problem: WriteProblem) -> Error {
    match problem {
        WriteProblem::Parquet(ParquetError::External(inner)) => match inner.downcast::<std::io::Error>() {
            Ok(refused) => FileProblem::Write(*refused).into(),
            Err(inner) => WriteProblem::Parquet(ParquetError::External(inner)).into(),
        },
        WriteProblem::Stopped(stopped) => stopped.into(),
        problem => problem.into(),
    }
}

/// The layout of a part's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartLayout {
    /// Width of the coordinates.
    pub precision: Precision,
    /// Number of rows in a row group, the unit by which most other programs skip data.
    pub row_group_rows: usize,
}

impl From<Precision> for PartLayout {
    fn from(precision: Precision) -> Self {
        Self { precision, row_group_rows: ROWS_PER_ROW_GROUP }
    }
}

/// Writes one part: rows in Hilbert order of their midpoints; segments longer than [`LONG_SEGMENT_UM`] are in separate
/// row groups.
///
/// `neurons` are the part's neurons; the metadata list them by node id.
///
/// # Errors
/// Returns an error if writing fails, or a coordinate is too large for the precision.
pub fn write_part(
    path: &Path,
    segments: &Segments,
    neurons: &[TableNeuron],
    metadata: &TableMetadata,
    layout: impl Into<PartLayout>,
) -> Result<()> {
    write_part_unless_stopped(path, segments, neurons, metadata, layout, &StopCheck::never())
}

/// Writes one part as [`write_part`] does, and looks before each row group whether to stop.
///
/// # Errors
/// Returns an error if writing fails, a coordinate is too large for the precision, or the run is to stop.
pub fn write_part_unless_stopped(
    path: &Path,
    segments: &Segments,
    neurons: &[TableNeuron],
    metadata: &TableMetadata,
    layout: impl Into<PartLayout>,
    stop: &StopCheck<'_>,
) -> Result<()> {
    let layout = layout.into();
    check_coordinate_range(segments, layout.precision).in_file(path)?;
    let file = create_without_following(path).map_err(FileProblem::Write).in_file(path)?;
    let written = write_rows(&file, segments, neurons, metadata, layout, stop);
    written.map_err(write_error).in_file(path)?;
    file.sync_all().map_err(FileProblem::Write).in_file(path)
}

/// Returns the bytes of a part, as [`write_part`] writes them.
///
/// # Errors
/// Returns an error if a coordinate is too large for the precision, or Parquet fails, which it does not for valid segments.
pub fn encode_part(
    segments: &Segments,
    neurons: &[TableNeuron],
    metadata: &TableMetadata,
    layout: impl Into<PartLayout>,
) -> Result<Vec<u8>> {
    let (mut bytes, layout) = (Vec::new(), layout.into());
    check_coordinate_range(segments, layout.precision)?;
    write_rows(&mut bytes, segments, neurons, metadata, layout, &StopCheck::never())?;
    Ok(bytes)
}

fn write_rows(
    file: impl std::io::Write + Send,
    segments: &Segments,
    neurons: &[TableNeuron],
    metadata: &TableMetadata,
    PartLayout { precision, row_group_rows }: PartLayout,
    stop: &StopCheck<'_>,
) -> Result<(), WriteProblem> {
    let (short, long) = hilbert_order(segments);
    let row_group_rows = row_group_rows.max(1);
    let properties = writer_properties(neurons, metadata, row_group_rows);
    let mut writer = Writer::new(file, precision.schema(), properties)?;
    for group in short.chunks(row_group_rows).chain(long.chunks(row_group_rows)) {
        stop.check()?;
        writer.write(&segments_to_batch(segments, group, precision)?)?;
        writer.end_row_group()?;
    }
    writer.finish()?;
    Ok(())
}

/// Returns the indices of the short and of the long segments, each in Hilbert order of midpoints (ties by row).
fn hilbert_order(segments: &Segments) -> (Vec<usize>, Vec<usize>) {
    let midpoint = |i: usize| segments.start[i].midpoint(segments.end[i]);
    let curve = hilbert::HilbertCurve::for_bounds(&Aabb::enclosing((0..segments.len()).map(midpoint)));
    let is_long = |i: usize| segments.start[i].distance(segments.end[i]) > LONG_SEGMENT_UM;
    // a key has 63 bits, so the highest bit sorts long segments last
    let keyed = |i: usize| (u64::from(is_long(i)) << 63 | curve.key(midpoint(i)), i);
    let mut keys: Vec<(u64, usize)> = (0..segments.len()).into_par_iter().map(keyed).collect();
    let row = |i: usize| segments.row[i];
    keys.par_sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| row(a.1).cmp(&row(b.1))));
    let first_long = keys.partition_point(|k| k.0 >> 63 == 0);
    let places = |keys: &[(u64, usize)]| keys.iter().map(|k| k.1).collect();
    (places(&keys[..first_long]), places(&keys[first_long..]))
}

/// Converts some segments (by index) to Arrow columns, in the order of the schema.
///
/// # Errors
/// Returns an error if Arrow fails, which it does not for valid segments.
///
/// # Panics
/// Panics if an index is not below the number of segments, as slice indexing does.
pub fn segments_to_batch(
    segments: &Segments,
    rows: &[usize],
    precision: Precision,
) -> Result<RecordBatch, arrow_schema::ArrowError> {
    let s = segments;
    let take =
        |column: &[u32]| -> ArrayRef { Arc::new(UInt32Array::from_iter_values(rows.iter().map(|&i| column[i]))) };
    let long =
        |column: &[u64]| -> ArrayRef { Arc::new(UInt64Array::from_iter_values(rows.iter().map(|&i| column[i]))) };
    let mut columns: Vec<ArrayRef> = vec![
        long(&s.node_id),
        take(&s.section_id),
        take(&s.segment_id),
        Arc::new(rows.iter().map(|&i| s.section_type[i].map(|t| t.number())).collect::<UInt8Array>()),
    ];
    for ends in [&s.start, &s.end] {
        columns.extend(coordinate_columns(ends, rows, precision));
    }
    columns.push(Arc::new(rows.iter().map(|&i| s.radius_um[i]).collect::<Float32Array>()));
    columns.push(long(&s.row));
    RecordBatch::try_new(precision.schema(), columns)
}

/// Returns the columns x, y and z of some ends, in one pass over points that are far apart in memory.
fn coordinate_columns(ends: &[Point], rows: &[usize], precision: Precision) -> [ArrayRef; 3] {
    let mut columns = [(); 3].map(|()| Vec::with_capacity(rows.len()));
    for &i in rows {
        columns.iter_mut().zip(ends[i].to_array()).for_each(|(column, v)| column.push(v));
    }
    columns.map(|values| -> ArrayRef {
        match precision {
            Precision::F64 => Arc::new(Float64Array::from(values)),
            Precision::F32 => Arc::new(Float32Array::from_iter_values(values.into_iter().map(|v| v as f32))),
        }
    })
}

/// Returns the writer properties, chosen by measurement: byte-stream split without dictionary for coordinates,
/// radius and row, dictionaries for ids, zstd for all.
fn writer_properties(neurons: &[TableNeuron], metadata: &TableMetadata, row_group_rows: usize) -> WriterProperties {
    let mut builder = properties_builder()
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_max_row_group_row_count(Some(row_group_rows))
        .set_data_page_row_count_limit(ROWS_PER_PAGE)
        .set_write_batch_size(ROWS_PER_PAGE)
        .set_dictionary_enabled(false)
        .set_key_value_metadata(Some(key_values(neurons, metadata)));
    for name in [NODE_ID, SECTION_ID, SEGMENT_ID, SECTION_TYPE] {
        builder = builder.set_column_dictionary_enabled(ColumnPath::from(name), true);
    }
    for name in COORDINATES.into_iter().chain([RADIUS, ROW]) {
        builder = builder.set_column_encoding(ColumnPath::from(name), Encoding::BYTE_STREAM_SPLIT);
    }
    builder.build()
}

fn key_values(neurons: &[TableNeuron], m: &TableMetadata) -> Vec<KeyValue> {
    let mut neurons = neurons.to_vec();
    neurons.sort_unstable_by_key(|n| n.node_id);
    let list = |value: fn(&TableNeuron) -> u64| neurons.iter().map(value).collect::<Vec<_>>();
    let neuron_list = serde_json::json!({
        "node_id": list(|n| n.node_id), "first_row": list(|n| n.first_row), "segments": list(|n| n.segments),
    });
    let assumed = (!m.assumed_rule.is_empty()).then(|| (key::ASSUMED, m.assumed_rule.clone()));
    let simulation = (!m.simulation_path.is_empty()).then(|| (key::SIMULATION, m.simulation_path.clone()));
    let all = [
        (key::FORMAT_VERSION, FORMAT_VERSION.to_string()),
        (key::POPULATION, m.population.clone()),
        (key::UNITS, "um".into()),
        (key::CIRCUIT, m.circuit_path.clone()),
        (key::DISCRETISATION, m.discretisation.clone()),
        (key::AXON, m.axon_rule.clone()),
        (key::PROGRAM_VERSION, m.program_version.clone()),
        (key::SEGMENTS, m.segments.to_string()),
        (key::NEURONS, m.neurons.to_string()),
        (key::PARTS, m.parts.to_string()),
        (key::NEURON_LIST, neuron_list.to_string()),
    ];
    all.into_iter().chain(assumed).chain(simulation).map(|(key, value)| KeyValue::new(key.to_string(), value)).collect()
}
