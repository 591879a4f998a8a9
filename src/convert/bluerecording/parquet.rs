//! Boundaries in Parquet: one column a boundary, three rows (x, y, z).
//!
//! A column is named `<id>_<section>_<number>`, numbers from 0 in each section: Parquet has no columns of one name. The
//! key `pandas` tells pandas that their labels are `(id, section)`, so that `pandas.read_parquet` gives the layout back.

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

use super::layout::{Columns, LEVELS};
use super::{BoundaryProblem, Neuron};
use crate::error::{Context, Error, FileProblem, Result};
use crate::geometry::Point;
use crate::io::atomic_output::create_without_following;
use crate::io::parquet_file::{
    ParquetProblem, Source, Writer, has_checksums, properties_builder, read_metadata, with_offset_index,
};
use crate::io::reader_panics::catch;

impl From<ParquetProblem> for BoundaryProblem {
    fn from(problem: ParquetProblem) -> Self {
        match problem {
            ParquetProblem::Unreadable(text) => Self::Parquet(text),
            problem => Self::File(problem),
        }
    }
}

impl From<ParquetError> for BoundaryProblem {
    fn from(error: ParquetError) -> Self {
        ParquetProblem::from(error).into()
    }
}

/// The library's message in one line, without its own name.
fn told(error: &ParquetError) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("Parquet error: ").unwrap_or(&text);
    text.lines().next().unwrap_or_default().to_string()
}

/// Whether a Parquet file has columns named like boundaries.
pub(super) fn is_boundaries(path: &Path) -> bool {
    let open = |source| catch(|| read_metadata(&source)).ok();
    let metadata = Source::open(path).ok().and_then(open);
    let named = |metadata: ParquetMetaData| {
        let columns = metadata.file_metadata().schema_descr().columns();
        columns.first().is_some_and(|column| label(column.name()).is_some())
    };
    metadata.is_some_and(named)
}

/// Reads the columns of a file.
pub(super) fn read(path: &Path) -> Result<Columns> {
    let source = Source::open(path)?;
    let read = || -> Result<Columns> {
        let metadata = read_metadata(&source).map_err(BoundaryProblem::from)?;
        let (source, metadata) = with_offset_index(source.clone(), metadata.into()).map_err(BoundaryProblem::from)?;
        // page headers are checked where pages are read by the index
        let options = ReadOptionsBuilder::new();
        let options = if has_checksums(&metadata) { options.with_page_index() } else { options }.build();
        let reader = SerializedFileReader::new_with_options(source, options);
        columns(&reader.map_err(BoundaryProblem::from)?)
    };
    catch(read).in_file(path)
}

fn columns(reader: &SerializedFileReader<Source>) -> Result<Columns> {
    let metadata = reader.metadata().file_metadata();
    let rows = u64::try_from(metadata.num_rows()).unwrap_or(0);
    if rows != 3 || reader.num_row_groups() != 1 {
        return Err(BoundaryProblem::Rows(rows).into());
    }
    let group = reader.get_row_group(0).map_err(BoundaryProblem::from)?;
    let mut all = Columns::default();
    for (i, described) in metadata.schema_descr().columns().iter().enumerate() {
        let (id, section) = label(described.name())
            .ok_or_else(|| BoundaryProblem::Column(described.name().chars().take(80).collect()))
            .at("column", i as u64)?;
        if described.physical_type() != Physical::DOUBLE {
            return Err(BoundaryProblem::Type(described.physical_type().to_string())).at("column", i as u64);
        }
        let column = group.get_column_reader(i).map_err(BoundaryProblem::from).at("column", i as u64)?;
        let mut values = Vec::with_capacity(3);
        let mut levels = Vec::with_capacity(3);
        let levels = (described.max_def_level() > 0).then_some(&mut levels);
        let read = get_typed_column_reader::<DoubleType>(column).read_records(3, levels, None, &mut values);
        read.map_err(BoundaryProblem::from).at("column", i as u64)?;
        let &[x, y, z] = values.as_slice() else {
            return Err(BoundaryProblem::Type("nulls".into())).at("column", i as u64);
        };
        all.ids.push(id);
        all.sections.push(section);
        all.points.push(Point::new(x, y, z));
    }
    Ok(all)
}

/// Id and section of a column's name.
fn label(name: &str) -> Option<(i64, i64)> {
    let mut numbers = name.split('_').map(|n| n.parse::<i64>().ok());
    let label = (numbers.next()??, numbers.next()??);
    let _number = numbers.next()??;
    numbers.next().is_none().then_some(label)
}

/// Writes boundaries so that `pandas.read_parquet` gives the layout back: three rows, columns labelled (id, section).
///
/// # Errors
/// The file cannot be written.
pub fn write(path: &Path, neurons: &[Neuron]) -> Result<()> {
    let file = create_without_following(path).map_err(FileProblem::Write).in_file(path)?;
    write_to(&file, neurons).map_err(refusal).in_file(path)?;
    file.sync_all().map_err(FileProblem::Write).in_file(path)
}

/// What the operating system refused, in its own words where the library passes them on.
fn refusal(error: ParquetError) -> Error {
    match error {
        ParquetError::External(inner) => match inner.downcast::<std::io::Error>() {
            Ok(refused) => FileProblem::Write(*refused).into(),
            Err(inner) => BoundaryProblem::Write(told(&ParquetError::External(inner))).into(),
        },
        error => BoundaryProblem::Write(told(&error)).into(),
    }
}

/// A column: its labels, its number in the section, its point.
type Column = (u64, u32, usize, Point);

fn boundaries(neurons: &[Neuron]) -> impl Iterator<Item = Column> {
    neurons.iter().flat_map(|neuron| {
        let of_section = |section: super::Section<'_>| {
            let numbered = section.boundaries.iter().enumerate();
            numbered.map(|(i, point)| (neuron.node_id, section.id, i, *point)).collect::<Vec<Column>>()
        };
        neuron.sections().flat_map(of_section).collect::<Vec<Column>>()
    })
}

fn name(&(id, section, number, _): &Column) -> String {
    format!("{id}_{section}_{number}")
}

fn write_to(file: &File, neurons: &[Neuron]) -> Result<(), ParquetError> {
    let fields = boundaries(neurons).map(|column| Field::new(name(&column), DataType::Float64, false));
    let pandas = pandas(neurons).to_string();
    // pyarrow takes the metadata of the Arrow schema where there is one, other readers the file's
    let metadata = HashMap::from([("pandas".to_string(), pandas.clone())]);
    let schema = Arc::new(Schema::new_with_metadata(fields.collect::<Vec<_>>(), metadata));
    let pandas = KeyValue::new("pandas".to_string(), pandas);
    let properties = properties_builder()
        .set_compression(Compression::UNCOMPRESSED)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_dictionary_enabled(false)
        .set_key_value_metadata(Some(vec![pandas]))
        .build();
    let columns =
        boundaries(neurons).map(|(.., point)| -> ArrayRef { Arc::new(Float64Array::from(point.to_array().to_vec())) });
    let rows = RecordBatch::try_new(schema.clone(), columns.collect())?;
    let mut writer = Writer::new(file, schema, properties)?;
    writer.write(&rows)?;
    writer.finish().map(drop)
}

/// What pandas has to know: the rows are numbered, the columns have two levels of labels.
fn pandas(neurons: &[Neuron]) -> Value {
    let level = |name: &str| json!({"name": name, "field_name": name, "pandas_type": "int64", "numpy_type": "int64", "metadata": null});
    let column = |column: Column| {
        let label = format!("('{}', '{}')", column.0, column.1);
        json!({
            "name": label, "field_name": name(&column), "pandas_type": "float64", "numpy_type": "float64",
            "metadata": null,
        })
    };
    json!({
        "index_columns": [{"kind": "range", "name": null, "start": 0, "stop": 3, "step": 1}],
        "column_indexes": LEVELS.map(level),
        "columns": boundaries(neurons).map(column).collect::<Vec<_>>(),
        "creator": {"library": "leadfield", "version": env!("CARGO_PKG_VERSION")},
        "pandas_version": "1.5.0",
    })
}
