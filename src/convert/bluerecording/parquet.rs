//! Reads and writes boundary points in Parquet: one column per boundary, three rows (x, y, z).
//!
//! A column is named `<id>_<section>_<number>`, with numbers from 0 in each section, because Parquet does not allow
//! duplicate column names. The metadata key `pandas` states the labels `(id, section)`, so that `pandas.read_parquet`
//! returns the original layout.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use parquet::basic::{Compression, Type as Physical};
use parquet::column::reader::get_typed_column_reader;
use parquet::data_type::DoubleType;
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, ParquetMetaData};
use parquet::file::properties::EnabledStatistics;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::serialized_reader::ReadOptionsBuilder;
use serde_json::{Value, json};

use super::labelled_points::{LEVEL_NAMES, LabelledPoints};
use super::{NeuronPositions, PositionsFileProblem};
use crate::error::{Context, Error, FileProblem, Result};
use crate::geometry::Point;
use crate::io::atomic_output::create_without_following;
use crate::io::parquet_file::{
    ParquetProblem, ParquetSource, Writer, has_checksums, load_offset_index, properties_builder, read_metadata,
};
use crate::io::reader_panics::catch_panics;

impl From<ParquetProblem> for PositionsFileProblem {
    fn from(problem: ParquetProblem) -> Self {
        match problem {
            ParquetProblem::Unreadable(text) => Self::Parquet(text),
            problem => Self::File(problem),
        }
    }
}

impl From<ParquetError> for PositionsFileProblem {
    fn from(error: ParquetError) -> Self {
        ParquetProblem::from(error).into()
    }
}

/// Returns the library's message in one line, without the library's name.
fn library_message(error: &ParquetError) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("Parquet error: ").unwrap_or(&text);
    text.lines().next().unwrap_or_default().to_string()
}

/// Returns whether a Parquet file has columns named like boundary points.
pub(super) fn is_positions_file(path: &Path) -> bool {
    let open = |source| catch_panics(|| read_metadata(&source)).ok();
    let metadata = ParquetSource::open(path).ok().and_then(open);
    let named = |metadata: ParquetMetaData| {
        let columns = metadata.file_metadata().schema_descr().columns();
        columns.first().is_some_and(|column| parse_column_name(column.name()).is_some())
    };
    metadata.is_some_and(named)
}

/// Reads the columns of a file.
pub(super) fn read(path: &Path) -> Result<LabelledPoints> {
    let source = ParquetSource::open(path)?;
    let read = || -> Result<LabelledPoints> {
        let metadata = read_metadata(&source).map_err(PositionsFileProblem::from)?;
        let (source, metadata) =
            load_offset_index(source.clone(), metadata.into()).map_err(PositionsFileProblem::from)?;
        // page headers are checked if pages are read by the page index
        let options = ReadOptionsBuilder::new();
        let options = if has_checksums(&metadata) { options.with_page_index() } else { options }.build();
        let reader = SerializedFileReader::new_with_options(source, options);
        read_columns(&reader.map_err(PositionsFileProblem::from)?)
    };
    catch_panics(read).in_file(path)
}

fn read_columns(reader: &SerializedFileReader<ParquetSource>) -> Result<LabelledPoints> {
    let metadata = reader.metadata().file_metadata();
    let rows = u64::try_from(metadata.num_rows()).unwrap_or(0);
    if rows != 3 || reader.num_row_groups() != 1 {
        return Err(PositionsFileProblem::RowCount(rows).into());
    }
    let group = reader.get_row_group(0).map_err(PositionsFileProblem::from)?;
    let mut all = LabelledPoints::default();
    for (i, described) in metadata.schema_descr().columns().iter().enumerate() {
        let (id, section) = parse_column_name(described.name())
            .ok_or_else(|| PositionsFileProblem::ColumnName(described.name().chars().take(80).collect()))
            .at_index("column", i as u64)?;
        if described.physical_type() != Physical::DOUBLE {
            return Err(PositionsFileProblem::ColumnType(described.physical_type().to_string()))
                .at_index("column", i as u64);
        }
        let column = group.get_column_reader(i).map_err(PositionsFileProblem::from).at_index("column", i as u64)?;
        let mut values = Vec::with_capacity(3);
        let mut levels = Vec::with_capacity(3);
        let levels = (described.max_def_level() > 0).then_some(&mut levels);
        let read = get_typed_column_reader::<DoubleType>(column).read_records(3, levels, None, &mut values);
        read.map_err(PositionsFileProblem::from).at_index("column", i as u64)?;
        let &[x, y, z] = values.as_slice() else {
            return Err(PositionsFileProblem::ColumnType("nulls".into())).at_index("column", i as u64);
        };
        all.node_ids.push(id);
        all.section_ids.push(section);
        all.points.push(Point::new(x, y, z));
    }
    Ok(all)
}

/// Parses id and section from a column's name.
fn parse_column_name(name: &str) -> Option<(i64, i64)> {
    let mut numbers = name.split('_').map(|n| n.parse::<i64>().ok());
    let label = (numbers.next()??, numbers.next()??);
    let _number = numbers.next()??;
    numbers.next().is_none().then_some(label)
}

/// Writes boundary points so that `pandas.read_parquet` returns the original layout: three rows, columns labelled (id,
/// section).
///
/// # Errors
/// Returns an error if the file cannot be written.
pub fn write(path: &Path, neurons: &[NeuronPositions]) -> Result<()> {
    let file = create_without_following(path).map_err(FileProblem::Write).in_file(path)?;
    write_to(&file, neurons).map_err(write_error).in_file(path)?;
    file.sync_all().map_err(FileProblem::Write).in_file(path)
}

/// Returns the error of the operating system, if the library passes it on.
fn write_error(error: ParquetError) -> Error {
    match error {
        ParquetError::External(inner) => match inner.downcast::<std::io::Error>() {
            Ok(refused) => FileProblem::Write(*refused).into(),
            Err(inner) => PositionsFileProblem::Write(library_message(&ParquetError::External(inner))).into(),
        },
        error => PositionsFileProblem::Write(library_message(&error)).into(),
    }
}

/// A column: its labels, its number in the section, and its point.
type LabelledPoint = (u64, u32, usize, Point);

fn labelled_points(neurons: &[NeuronPositions]) -> impl Iterator<Item = LabelledPoint> {
    neurons.iter().flat_map(|neuron| {
        let of_section = |section: super::SectionPositions<'_>| {
            let numbered = section.points.iter().enumerate();
            numbered.map(|(i, point)| (neuron.node_id, section.id, i, *point)).collect::<Vec<LabelledPoint>>()
        };
        neuron.sections().flat_map(of_section).collect::<Vec<LabelledPoint>>()
    })
}

fn column_name(&(id, section, number, _): &LabelledPoint) -> String {
    format!("{id}_{section}_{number}")
}

fn write_to(file: &File, neurons: &[NeuronPositions]) -> Result<(), ParquetError> {
    let fields = labelled_points(neurons).map(|column| Field::new(column_name(&column), DataType::Float64, false));
    let pandas = pandas_metadata(neurons).to_string();
    // pyarrow reads the metadata of the Arrow schema if there is one, other readers that of the file
    let metadata = HashMap::from([("pandas".to_string(), pandas.clone())]);
    let schema = Arc::new(Schema::new_with_metadata(fields.collect::<Vec<_>>(), metadata));
    let pandas = KeyValue::new("pandas".to_string(), pandas);
    let properties = properties_builder()
        .set_compression(Compression::UNCOMPRESSED)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_dictionary_enabled(false)
        .set_key_value_metadata(Some(vec![pandas]))
        .build();
    let columns = labelled_points(neurons)
        .map(|(.., point)| -> ArrayRef { Arc::new(Float64Array::from(point.to_array().to_vec())) });
    let rows = RecordBatch::try_new(schema.clone(), columns.collect())?;
    let mut writer = Writer::new(file, schema, properties)?;
    writer.write(&rows)?;
    writer.finish().map(drop)
}

/// Metadata for pandas: the rows are numbered, the columns have two levels of labels.
fn pandas_metadata(neurons: &[NeuronPositions]) -> Value {
    let level = |name: &str| json!({"name": name, "field_name": name, "pandas_type": "int64", "numpy_type": "int64", "metadata": null});
    let column = |column: LabelledPoint| {
        let label = format!("('{}', '{}')", column.0, column.1);
        json!({
            "name": label, "field_name": column_name(&column), "pandas_type": "float64", "numpy_type": "float64",
            "metadata": null,
        })
    };
    json!({
        "index_columns": [{"kind": "range", "name": null, "start": 0, "stop": 3, "step": 1}],
        "column_indexes": LEVEL_NAMES.map(level),
        "columns": labelled_points(neurons).map(column).collect::<Vec<_>>(),
        "creator": {"library": "leadfield", "version": env!("CARGO_PKG_VERSION")},
        "pandas_version": "1.5.0",
    })
}
