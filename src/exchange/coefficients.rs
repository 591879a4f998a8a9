//! The coefficients of an electrodes file as columns, long or wide, and back.
//!
//! Wide: `node_id`, `row` (in `scaling_factors`), and a column a contact, named like it. Long: `node_id`, `row`,
//! `electrode`, `coefficient`, contacts running fastest. Rows are in the order of an electrodes file. The metadata
//! `leadfield.electrodes` holds the contacts, so that the way back loses nothing.

use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int32Type, UInt64Type};
use arrow_array::{
    Array, ArrayRef, DictionaryArray, Float32Array, Float64Array, Int32Array, RecordBatch, StringArray, UInt64Array,
};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use serde_json::{Value, json};

use super::ExchangeProblem;
use super::contacts::Contacts;
use crate::error::{Context, Error, Result};
use crate::geometry::Point;
use crate::sonata::electrodes_file::{
    Attribute, ColumnRule, Electrode, ElectrodeEntry, ElectrodesFile, Layout, Population, PopulationLayout, Writer,
};
use crate::staged::Existing;
use crate::table::Precision;
use crate::units::COEFFICIENT_UNIT;

/// How coefficients are laid out in columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shape {
    /// A row for each row of the file and each contact.
    #[default]
    Long,
    /// A row for each row of the file, a column a contact.
    Wide,
}

/// Values of a block of rows.
const BLOCK_VALUES: u64 = 1 << 18;

const NODE_ID: &str = "node_id";
const ROW: &str = "row";
const ELECTRODE: &str = "electrode";
const COEFFICIENT: &str = "coefficient";
const ELECTRODES_KEY: &str = "leadfield.electrodes";
const POPULATION_KEY: &str = "leadfield.population";
const UNITS_KEY: &str = "leadfield.units";
const ROWS_KEY: &str = "leadfield.rows";
/// What stands for the units of a file that does not tell them.
const UNKNOWN_UNITS: &str = "unknown";

impl From<ArrowError> for ExchangeProblem {
    fn from(error: ArrowError) -> Self {
        Self::Read(error.to_string().lines().next().unwrap_or_default().into())
    }
}

/// The coefficients of a population, ready to be read as columns.
#[derive(Debug)]
pub struct Coefficients<'a> {
    file: &'a ElectrodesFile,
    population: &'a Population,
    contacts: Contacts<'a>,
    shape: Shape,
    precision: Precision,
    schema: SchemaRef,
}

impl<'a> Coefficients<'a> {
    /// Prepares a population. A last column of ones (0.2.1) is left out; the rule tells whose columns are in such a file.
    ///
    /// # Errors
    /// A contact without a column of its own, or with a name that the table needs.
    pub fn of(
        file: &'a ElectrodesFile,
        population: &'a Population,
        rule: ColumnRule,
        (shape, precision): (Shape, Precision),
    ) -> Result<Self> {
        let contacts = Contacts::of(file, population, rule)?;
        let described = described(file, &contacts)?;
        let schema = schema(&contacts, described, population, shape, precision).in_file(file.path())?;
        Ok(Self { file, population, contacts, shape, precision, schema })
    }

    /// The columns.
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// Whether the labels were mended.
    pub fn is_relabelled(&self) -> bool {
        self.contacts.relabelled
    }

    /// Gives all rows, block by block.
    ///
    /// # Errors
    /// Unreadable, a last column that is not of ones, or what `take` fails with.
    pub fn each(&self, take: &mut dyn FnMut(&RecordBatch) -> Result<()>) -> Result<()> {
        let width = self.population.columns();
        let most = (BLOCK_VALUES / width.max(1)).max(1);
        let mut arranged = Vec::new();
        for from in (0..self.population.rows()).step_by(most as usize) {
            let to = (from + most).min(self.population.rows());
            let values = self.file.rows(self.population, from..to)?;
            let fitted = self.contacts.arranged(&values, width as usize, &mut arranged);
            let object = format!("/electrodes/{}/scaling_factors", self.population.name());
            fitted.map_err(Error::from).at(&object, from).in_file(self.file.path())?;
            let batch = self.batch(from, to, &arranged).map_err(ExchangeProblem::from).in_file(self.file.path())?;
            take(&batch)?;
        }
        Ok(())
    }

    fn batch(&self, from: u64, to: u64, values: &[f64]) -> Result<RecordBatch, ArrowError> {
        let width = self.contacts.entries.len();
        let node = |row| self.population.node_of(row).map_or(0, |(node, _)| node);
        let times = if self.shape == Shape::Long { width } else { 1 };
        let rows = || (from..to).flat_map(|row| std::iter::repeat_n(row, times));
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(UInt64Array::from_iter_values((from..to).flat_map(|row| std::iter::repeat_n(node(row), times)))),
            Arc::new(UInt64Array::from_iter_values(rows())),
        ];
        match self.shape {
            Shape::Long => {
                let keys = (from..to).flat_map(|_| 0..width as i32);
                let names = StringArray::from_iter_values(self.contacts.entries.iter().map(|e| &e.name));
                columns.push(Arc::new(DictionaryArray::<Int32Type>::try_new(
                    Int32Array::from_iter_values(keys),
                    Arc::new(names),
                )?));
                columns.push(self.values(values.iter().copied()));
            }
            Shape::Wide => {
                let column = |k: usize| self.values(values.iter().skip(k).step_by(width.max(1)).copied());
                columns.extend((0..width).map(column));
            }
        }
        RecordBatch::try_new(self.schema.clone(), columns)
    }

    fn values(&self, values: impl Iterator<Item = f64>) -> ArrayRef {
        match self.precision {
            Precision::F64 => Arc::new(Float64Array::from_iter_values(values)),
            Precision::F32 => Arc::new(Float32Array::from_iter_values(values.map(|v| v as f32))),
        }
    }
}

/// What is known of the contacts.
fn described(file: &ElectrodesFile, contacts: &Contacts<'_>) -> Result<Value> {
    let one = |e: &&ElectrodeEntry| {
        let told = file.description(&e.name)?;
        let position = told.position.map(Point::to_array);
        Ok(json!({
            "name": e.name, "position": position, "type": told.kind, "layer": told.layer, "region": told.region,
        }))
    };
    contacts.entries.iter().map(one).collect::<Result<Vec<Value>>>().map(Value::from)
}

fn schema(
    contacts: &Contacts<'_>,
    described: Value,
    population: &Population,
    shape: Shape,
    precision: Precision,
) -> Result<SchemaRef, ExchangeProblem> {
    let value = if precision == Precision::F32 { DataType::Float32 } else { DataType::Float64 };
    let mut fields = vec![Field::new(NODE_ID, DataType::UInt64, false), Field::new(ROW, DataType::UInt64, false)];
    match shape {
        Shape::Long => {
            let names = DataType::Dictionary(DataType::Int32.into(), DataType::Utf8.into());
            fields.push(Field::new(ELECTRODE, names, false));
            fields.push(Field::new(COEFFICIENT, value, false));
        }
        Shape::Wide => {
            for e in &contacts.entries {
                if [NODE_ID, ROW].contains(&e.name.as_str()) {
                    return Err(ExchangeProblem::Taken(e.name.clone()));
                }
                fields.push(Field::new(&e.name, value.clone(), false));
            }
        }
    }
    let metadata = [
        (ELECTRODES_KEY.to_string(), described.to_string()),
        (POPULATION_KEY.to_string(), population.name().to_string()),
        (UNITS_KEY.to_string(), population.units().unwrap_or(UNKNOWN_UNITS).to_string()),
        (ROWS_KEY.to_string(), population.rows().to_string()),
    ];
    Ok(Arc::new(Schema::new_with_metadata(fields, metadata)))
}

// ------------------------------------------------------------------------------------------------------ the way back

/// Whether columns are those of coefficients.
pub fn is_coefficients(schema: &Schema) -> bool {
    schema.metadata().contains_key(ELECTRODES_KEY) && schema.index_of(NODE_ID).is_ok() && schema.index_of(ROW).is_ok()
}

/// Columns of coefficients that are read twice: for nodes and rows, then for the values.
pub trait Batches {
    /// The columns.
    fn schema(&self) -> SchemaRef;
    /// Gives all rows from the first on.
    ///
    /// # Errors
    /// Unreadable, or what `take` fails with.
    fn each(&self, take: &mut dyn FnMut(&RecordBatch) -> Result<()>) -> Result<()>;
}

/// Writes an electrodes file from columns of coefficients; gives the numbers of contacts, nodes and rows.
///
/// # Errors
/// Metadata are missing, units are others than V/nA, rows are missing, rows or contacts are in another order, a coefficient
/// is not finite, or the output cannot be written.
pub fn to_electrodes_file(columns: &dyn Batches, to: &Path, existing: Existing) -> Result<(u64, u64, u64)> {
    let schema = columns.schema();
    check_units(&schema)?;
    let electrodes = electrodes(&schema)?;
    let wide = schema.index_of(COEFFICIENT).is_err();
    let names: Vec<String> = electrodes.iter().map(|e| e.name.clone()).collect();
    let times = if wide { 1 } else { names.len().max(1) };
    let population = population(columns, times)?;
    let (nodes, rows) = (population.node_ids.len() as u64, population.rows());
    check_rows(&schema, rows)?;
    let provenance = vec![("program", concat!("leadfield ", env!("CARGO_PKG_VERSION")).into())];
    let layout = Layout { electrodes, populations: vec![population], provenance };
    let writer = Writer::create(to, existing, &layout)?;
    let (mut written, mut rest) = (0_u64, Vec::new());
    columns.each(&mut |batch| {
        if wide {
            wide_values(batch, &names, &mut rest)?
        } else {
            long_values(batch, &names, written, &mut rest)?
        }
        let whole = rest.len() / names.len().max(1);
        let values: Vec<f64> = rest.drain(..whole * names.len()).collect();
        check_finite(&values, &names, written)?;
        writer.write_rows(0, written, &values)?;
        written += whole as u64;
        Ok(())
    })?;
    writer.commit()?;
    Ok((names.len() as u64, nodes, rows))
}

/// The population that columns of coefficients are of.
///
/// # Errors
/// The columns do not tell.
pub fn population_of(schema: &Schema) -> Result<&str> {
    let name = schema.metadata().get(POPULATION_KEY);
    Ok(name.ok_or(ExchangeProblem::NoCoefficients(POPULATION_KEY))?)
}

/// Clients take coefficients for V/nA, whatever the file tells.
fn check_units(schema: &Schema) -> Result<(), ExchangeProblem> {
    match schema.metadata().get(UNITS_KEY) {
        Some(found) if found != COEFFICIENT_UNIT && found != UNKNOWN_UNITS => {
            Err(ExchangeProblem::Units(found.clone()))
        }
        _ => Ok(()),
    }
}

/// All rows are there, as far as the columns tell how many there were.
fn check_rows(schema: &Schema, found: u64) -> Result<(), ExchangeProblem> {
    let told = schema.metadata().get(ROWS_KEY).and_then(|text| text.parse().ok());
    match told {
        Some(expected) if expected != found => Err(ExchangeProblem::Rows { expected, found }),
        _ if found == 0 => Err(ExchangeProblem::Rows { expected: 1, found }),
        _ => Ok(()),
    }
}

/// The simulator stops at a coefficient that is not finite.
fn check_finite(values: &[f64], names: &[String], first_row: u64) -> Result<()> {
    let Some(at) = values.iter().position(|v| !v.is_finite()) else { return Ok(()) };
    let (row, column) = (first_row + (at / names.len()) as u64, at % names.len());
    let contact = names.get(column).cloned().unwrap_or_default();
    let problem = ExchangeProblem::NotFinite { contact, found: values.get(at).copied().unwrap_or(f64::NAN) };
    Err(Error::from(problem).at(COEFFICIENT, row))
}

fn electrodes(schema: &Schema) -> Result<Vec<Electrode>, ExchangeProblem> {
    let wrong = || ExchangeProblem::NoCoefficients(ELECTRODES_KEY);
    let text = schema.metadata().get(ELECTRODES_KEY).ok_or_else(wrong)?;
    let Ok(Value::Array(list)) = serde_json::from_str::<Value>(text) else { return Err(wrong()) };
    let electrode = |entry: &Value| {
        let text = |key: &str| entry.get(key).and_then(Value::as_str).map(str::to_string);
        let numbers = entry.get("position")?.as_array()?.iter().map(Value::as_f64).collect::<Option<Vec<f64>>>()?;
        let position = <[f64; 3]>::try_from(numbers).ok().map(Point::from)?;
        let unknown = || crate::electrode::UNKNOWN_PLACE.to_string();
        let (layer, region) = (text("layer").unwrap_or_else(unknown), text("region").unwrap_or_else(unknown));
        let settings: Vec<(&'static str, Attribute)> = Vec::new();
        Some(Electrode { name: text("name")?, position, kind: text("type")?, layer, region, settings })
    };
    list.iter().map(electrode).collect::<Option<Vec<_>>>().filter(|all| !all.is_empty()).ok_or_else(wrong)
}

/// Nodes and offsets, as the columns `node_id` and `row` tell; each row of the file is there `times` times.
fn population(columns: &dyn Batches, times: usize) -> Result<PopulationLayout> {
    let schema = columns.schema();
    let name = population_of(&schema)?.to_string();
    let mut layout = PopulationLayout { name, ..PopulationLayout::default() };
    let (mut entries, mut seen) = (0_u64, std::collections::HashSet::new());
    columns.each(&mut |batch| {
        let (nodes, rows) = (unsigned(batch, NODE_ID)?, unsigned(batch, ROW)?);
        for (&node, &found) in nodes.iter().zip(rows) {
            let expected = entries / times as u64;
            if found != expected {
                return Err(ExchangeProblem::RowOrder { expected, found }.into());
            }
            if layout.node_ids.last() != Some(&node) {
                if !seen.insert(node) {
                    return Err(ExchangeProblem::NodeTwice(node).into());
                }
                layout.node_ids.push(node);
                layout.offsets.push(expected);
            }
            entries += 1;
        }
        Ok(())
    })?;
    layout.offsets.push(entries / times as u64);
    Ok(layout)
}

fn unsigned<'b>(batch: &'b RecordBatch, name: &'static str) -> Result<&'b [u64], ExchangeProblem> {
    let column = batch.column_by_name(name).filter(|column| column.null_count() == 0);
    let column = column.and_then(|column| column.as_primitive_opt::<UInt64Type>());
    column.map(|column| column.values().as_ref()).ok_or(ExchangeProblem::NoCoefficients(name))
}

fn floats(batch: &RecordBatch, name: &str) -> Result<Vec<f64>, ExchangeProblem> {
    let column = batch.column_by_name(name).filter(|column| column.null_count() == 0);
    let column = column.ok_or(ExchangeProblem::NoCoefficients(COEFFICIENT))?;
    if let Some(double) = column.as_primitive_opt::<Float64Type>() {
        return Ok(double.values().to_vec());
    }
    let single = column.as_primitive_opt::<Float32Type>().ok_or(ExchangeProblem::NoCoefficients(COEFFICIENT))?;
    Ok(single.values().iter().map(|v| f64::from(*v)).collect())
}

fn wide_values(batch: &RecordBatch, names: &[String], out: &mut Vec<f64>) -> Result<(), ExchangeProblem> {
    let columns = names.iter().map(|name| floats(batch, name)).collect::<Result<Vec<_>, _>>()?;
    for row in 0..batch.num_rows() {
        out.extend(columns.iter().filter_map(|column| column.get(row)));
    }
    Ok(())
}

fn long_values(batch: &RecordBatch, names: &[String], _row: u64, out: &mut Vec<f64>) -> Result<(), ExchangeProblem> {
    let missing = || ExchangeProblem::NoCoefficients(ELECTRODE);
    let electrodes = batch.column_by_name(ELECTRODE).ok_or_else(missing)?;
    let dictionary = electrodes.as_dictionary_opt::<Int32Type>();
    let plain = electrodes.as_string_opt::<i32>();
    let known = dictionary.and_then(|d| d.values().as_string_opt::<i32>());
    let name = |i: usize| -> Option<&str> {
        match (dictionary, known, plain) {
            (Some(d), Some(known), _) => {
                usize::try_from(d.keys().value(i)).ok().filter(|&k| k < known.len()).map(|k| known.value(k))
            }
            (_, _, Some(plain)) => Some(plain.value(i)),
            _ => None,
        }
    };
    for (i, value) in floats(batch, COEFFICIENT)?.into_iter().enumerate() {
        let expected = names.get(out.len() % names.len().max(1)).map_or("", String::as_str);
        match name(i).ok_or_else(missing)? {
            found if found != expected => {
                return Err(ExchangeProblem::ContactOrder { expected: expected.into(), found: found.into() });
            }
            _ => out.push(value),
        }
    }
    Ok(())
}
