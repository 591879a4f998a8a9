//! Reads the weights of an electrodes file as columns, long or wide, and converts them back.
//!
//! Wide: `node_id`, `row` (in `scaling_factors`), and one column per contact with its name. Long: `node_id`, `row`,
//! `electrode`, `coefficient`, with contacts varying fastest. Rows are in the order of the electrodes file. The
//! metadata `leadfield.electrodes` describes the contacts, so that converting back loses nothing.

mod to_electrodes_file;

pub use to_electrodes_file::{BatchSource, is_weight_table, population_name, write_electrodes_file};

use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, DictionaryArray, Float32Array, Float64Array, Int32Array, RecordBatch, StringArray, UInt64Array,
};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use serde_json::{Value, json};

use super::ConversionProblem;
use super::contact_columns::ContactColumns;
use crate::error::{Context, Error, Result};
use crate::geometry::Point;
use crate::segments::table::Precision;
use crate::sonata::electrodes_file::{ColumnRule, ContactEntry, ElectrodesFile, PopulationEntry};
use crate::units::{WEIGHT_UNIT, WEIGHT_UNITS};

/// Layout of weights in columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WeightTableLayout {
    /// One row for each row of the file and each contact.
    #[default]
    Long,
    /// One row for each row of the file, one column per contact.
    Wide,
}

/// Number of values in a block of rows.
const VALUES_PER_BLOCK: u64 = 1 << 18;

const NODE_ID: &str = "node_id";
const ROW: &str = "row";
const ELECTRODE: &str = "electrode";
const WEIGHT: &str = "coefficient";
const ELECTRODES_KEY: &str = "leadfield.electrodes";
const POPULATION_KEY: &str = "leadfield.population";
const UNITS_KEY: &str = "leadfield.units";
const ROWS_KEY: &str = "leadfield.rows";
/// Placeholder for the units of a file that does not state them.
const UNKNOWN_UNITS: &str = "unknown";

impl From<ArrowError> for ConversionProblem {
    fn from(error: ArrowError) -> Self {
        Self::Read(error.to_string().lines().next().unwrap_or_default().into())
    }
}

/// The weights of a population, to be read as columns.
#[derive(Debug)]
pub struct WeightTable<'a> {
    file: &'a ElectrodesFile,
    population: &'a PopulationEntry,
    contacts: ContactColumns<'a>,
    layout: WeightTableLayout,
    precision: Precision,
    schema: SchemaRef,
    /// The factor of each contact that converts its unit to V/nA.
    factors: Vec<f64>,
}

impl<'a> WeightTable<'a> {
    /// Prepares a population. Potentials in another known unit are converted to V/nA. An extra last column of ones
    /// (BlueRecording 0.2.1) is left out; the rule states how columns belong to contacts in such a file.
    ///
    /// # Errors
    /// Returns an error if a contact has no column or shares it, has a name that the table needs, or has weights in an
    /// unknown unit.
    pub fn new(
        file: &'a ElectrodesFile,
        population: &'a PopulationEntry,
        rule: ColumnRule,
        (shape, precision): (WeightTableLayout, Precision),
    ) -> Result<Self> {
        let contacts = ContactColumns::new(file, population, rule)?;
        let factors = contacts.entries.iter().map(|e| file.column_factor(population, &e.name));
        let factors = factors.collect::<Result<Vec<f64>>>()?;
        let described = describe_contacts(file, population, &contacts, &factors)?;
        let schema = build_schema(&contacts, described, population, shape, precision).in_file(file.path())?;
        Ok(Self { file, population, contacts, layout: shape, precision, schema, factors })
    }

    /// Returns the columns.
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// Returns whether the labels were corrected.
    pub fn is_relabelled(&self) -> bool {
        self.contacts.is_relabelled
    }

    /// Passes all rows to `take`, block by block.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read, an extra last column is not all ones, or a weight is too large for
    /// the precision, and any error of `take`.
    pub fn for_each_batch(&self, take: &mut dyn FnMut(&RecordBatch) -> Result<()>) -> Result<()> {
        let width = self.population.columns();
        let most = (VALUES_PER_BLOCK / width.max(1)).max(1);
        let mut arranged = Vec::new();
        for from in (0..self.population.rows()).step_by(most as usize) {
            let to = (from + most).min(self.population.rows());
            let values = self.file.read_rows(self.population, from..to)?;
            let fitted = self.contacts.arrange_rows(&values, width as usize, &mut arranged);
            let object = format!("/electrodes/{}/scaling_factors", self.population.name());
            fitted.map_err(Error::from).at_index(&object, from).in_file(self.file.path())?;
            for row in arranged.chunks_exact_mut(self.factors.len().max(1)) {
                row.iter_mut().zip(&self.factors).for_each(|(value, factor)| *value *= factor);
            }
            if self.precision == Precision::F32 {
                let checked = self.check_single_range(&arranged);
                checked.map_err(|(row, problem)| {
                    Error::from(problem).at_index(&object, from + row).in_file(self.file.path())
                })?;
            }
            let batch =
                self.build_batch(from, to, &arranged).map_err(ConversionProblem::from).in_file(self.file.path())?;
            take(&batch)?;
        }
        Ok(())
    }

    fn build_batch(&self, from: u64, to: u64, values: &[f64]) -> Result<RecordBatch, ArrowError> {
        let width = self.contacts.entries.len();
        let node = |row| self.population.node_of_row(row).map_or(0, |(node, _)| node);
        let times = if self.layout == WeightTableLayout::Long { width } else { 1 };
        let rows = || (from..to).flat_map(|row| std::iter::repeat_n(row, times));
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(UInt64Array::from_iter_values((from..to).flat_map(|row| std::iter::repeat_n(node(row), times)))),
            Arc::new(UInt64Array::from_iter_values(rows())),
        ];
        match self.layout {
            WeightTableLayout::Long => {
                let keys = (from..to).flat_map(|_| 0..width as i32);
                let names = StringArray::from_iter_values(self.contacts.entries.iter().map(|e| &e.name));
                columns.push(Arc::new(DictionaryArray::<Int32Type>::try_new(
                    Int32Array::from_iter_values(keys),
                    Arc::new(names),
                )?));
                columns.push(self.to_array(values.iter().copied()));
            }
            WeightTableLayout::Wide => {
                let column = |k: usize| self.to_array(values.iter().skip(k).step_by(width.max(1)).copied());
                columns.extend((0..width).map(column));
            }
        }
        RecordBatch::try_new(self.schema.clone(), columns)
    }

    /// Finds a weight that single precision would make infinite: its row and the error.
    fn check_single_range(&self, values: &[f64]) -> Result<(), (u64, ConversionProblem)> {
        let is_too_large = |v: &f64| v.is_finite() && (*v as f32).is_infinite();
        let Some((i, &found)) = values.iter().enumerate().find(|(_, v)| is_too_large(v)) else { return Ok(()) };
        let width = self.contacts.entries.len().max(1);
        let contact = self.contacts.entries.get(i % width).map(|e| e.name.clone()).unwrap_or_default();
        Err(((i / width) as u64, ConversionProblem::WeightRange { contact, found }))
    }

    fn to_array(&self, values: impl Iterator<Item = f64>) -> ArrayRef {
        match self.precision {
            Precision::F64 => Arc::new(Float64Array::from_iter_values(values)),
            Precision::F32 => Arc::new(Float32Array::from_iter_values(values.map(|v| v as f32))),
        }
    }
}

/// Describes the contacts for the metadata.
fn describe_contacts(
    file: &ElectrodesFile,
    population: &PopulationEntry,
    contacts: &ContactColumns<'_>,
    factors: &[f64],
) -> Result<Value> {
    let one = |(e, factor): (&&ContactEntry, &f64)| {
        let unit = file.column_unit(population, &e.name)?;
        // a factor of one also belongs to quantities that are not potentials
        let unit = if *factor == 1.0 { unit } else { WEIGHT_UNIT.into() };
        let description = file.read_description(&e.name)?;
        let position = description.position_um.map(Point::to_array);
        Ok(json!({
            "name": e.name, "position": position, "type": description.kind, "layer": description.layer, "region": description.region,
            "units": unit,
        }))
    };
    contacts.entries.iter().zip(factors).map(one).collect::<Result<Vec<Value>>>().map(Value::from)
}

fn build_schema(
    contacts: &ContactColumns<'_>,
    described: Value,
    population: &PopulationEntry,
    shape: WeightTableLayout,
    precision: Precision,
) -> Result<SchemaRef, ConversionProblem> {
    let value = if precision == Precision::F32 { DataType::Float32 } else { DataType::Float64 };
    let mut fields = vec![Field::new(NODE_ID, DataType::UInt64, false), Field::new(ROW, DataType::UInt64, false)];
    match shape {
        WeightTableLayout::Long => {
            let names = DataType::Dictionary(DataType::Int32.into(), DataType::Utf8.into());
            fields.push(Field::new(ELECTRODE, names, false));
            fields.push(Field::new(WEIGHT, value, false));
        }
        WeightTableLayout::Wide => {
            for e in &contacts.entries {
                if [NODE_ID, ROW].contains(&e.name.as_str()) {
                    return Err(ConversionProblem::ReservedName(e.name.clone()));
                }
                fields.push(Field::new(&e.name, value.clone(), false));
            }
        }
    }
    let units = match population.units() {
        Some(unit) if WEIGHT_UNITS.factor(unit).is_ok() => WEIGHT_UNIT,
        stated => stated.unwrap_or(UNKNOWN_UNITS),
    };
    let metadata = [
        (ELECTRODES_KEY.to_string(), described.to_string()),
        (POPULATION_KEY.to_string(), population.name().to_string()),
        (UNITS_KEY.to_string(), units.to_string()),
        (ROWS_KEY.to_string(), population.rows().to_string()),
    ];
    Ok(Arc::new(Schema::new_with_metadata(fields, metadata.into())))
}
