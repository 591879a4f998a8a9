//! Boundaries in Parquet: one column a boundary, three rows (x, y, z).
//!
//! A column is named `<id>_<section>_<number>`, numbers from 0 in each section: Parquet has no columns of one name. The
//! key `pandas` tells pandas that their labels are `(id, section)`, so that `pandas.read_parquet` gives the layout back.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Repetition, Type as Physical};
use parquet::column::reader::get_typed_column_reader;
use parquet::data_type::DoubleType;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;
use serde_json::{Value, json};

use super::layout::{Columns, LEVELS};
use super::{BoundaryProblem, Neuron};
use crate::error::{Context, Error, FileProblem, Result};
use crate::geometry::Point;
use crate::input_file;
use crate::panics::catch;
use crate::staged::create_without_following;

impl From<ParquetError> for BoundaryProblem {
    fn from(error: ParquetError) -> Self {
        Self::Parquet(told(&error))
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
    let open = |file| catch(|| SerializedFileReader::new(file).map_err(BoundaryProblem::from)).ok();
    let reader = input_file::open(path).ok().and_then(open);
    let named = |reader: SerializedFileReader<File>| {
        let schema = reader.metadata().file_metadata().schema_descr();
        schema.columns().first().is_some_and(|column| label(column.name()).is_some())
    };
    reader.is_some_and(named)
}

/// Reads the columns of a file.
pub(super) fn read(path: &Path) -> Result<Columns> {
    let file = input_file::open(path)?;
    let read = || columns(&SerializedFileReader::new(file).map_err(BoundaryProblem::from)?);
    catch(read).in_file(path)
}

fn columns(reader: &SerializedFileReader<File>) -> Result<Columns> {
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
    let field = |column: Column| {
        let name = name(&column);
        let builder = Type::primitive_type_builder(&name, Physical::DOUBLE);
        builder.with_repetition(Repetition::REQUIRED).build().map(Arc::new)
    };
    let fields = boundaries(neurons).map(field).collect::<Result<Vec<_>, _>>()?;
    let schema = Arc::new(Type::group_type_builder("schema").with_fields(fields).build()?);
    let pandas = KeyValue::new("pandas".to_string(), pandas(neurons).to_string());
    let properties = WriterProperties::builder()
        .set_created_by(format!("leadfield {}", env!("CARGO_PKG_VERSION")))
        .set_statistics_enabled(EnabledStatistics::None)
        .set_dictionary_enabled(false)
        .set_key_value_metadata(Some(vec![pandas]))
        .build();
    let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties))?;
    let mut group = writer.next_row_group()?;
    for (.., point) in boundaries(neurons) {
        let Some(mut column) = group.next_column()? else { break };
        column.typed::<DoubleType>().write_batch(&point.to_array(), None, None)?;
        column.close()?;
    }
    group.close()?;
    writer.close().map(drop)
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
