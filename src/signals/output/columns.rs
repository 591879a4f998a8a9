//! Signals as columns: long (`time`, `contact`, `group`, `value`), or wide (`time` and a column for each signal).

use std::collections::HashSet;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float32Array, Float64Array, RecordBatch, StringArray};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};

use super::{SignalFormatProblem, ValueType, check_range};
use crate::error::{Problem, Result};
use crate::signals::{SignalBlock, Signals};

/// The shape of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColumnShape {
    /// One row for each frame, group and contact.
    #[default]
    Long,
    /// One row for each frame.
    Wide,
}

/// The columns cannot be built.
#[derive(Debug, thiserror::Error)]
#[error("columns cannot be built: {0}")]
struct ColumnsProblem(#[from] ArrowError);

impl Problem for ColumnsProblem {}

/// Converts blocks of signals to columns.
pub struct SignalColumns<'s> {
    signals: &'s Signals<'s>,
    shape: ColumnShape,
    value_type: ValueType,
    schema: SchemaRef,
}

/// Number of rows of a batch in the long shape, about.
const ROWS_PER_BATCH: usize = 1 << 16;

impl<'s> SignalColumns<'s> {
    /// Creates the columns of signals. The metadata has the units: `leadfield.time_unit`, and `leadfield.value_unit` or
    /// one unit for each field.
    ///
    /// # Errors
    /// Returns an error if two columns have one name, since a contact is called `time`.
    pub fn new(signals: &'s Signals<'s>, shape: ColumnShape, value_type: ValueType) -> Result<Self> {
        let value = match value_type {
            ValueType::F32 => DataType::Float32,
            ValueType::F64 => DataType::Float64,
        };
        let field = |name: &str, kind: &DataType| Field::new(name, kind.clone(), false);
        let units = signals.units();
        let mut metadata = vec![("leadfield.time_unit".to_string(), "ms".to_string())];
        if let Some(first) = units.first().filter(|first| units.iter().all(|unit| unit == *first)) {
            metadata.push(("leadfield.value_unit".into(), (*first).into()));
        }
        let has_groups = !signals.is_total();
        let mut fields = vec![field("time", &DataType::Float64)];
        match shape {
            ColumnShape::Long => {
                fields.push(field("contact", &DataType::Utf8));
                fields.extend(has_groups.then(|| field("group", &DataType::Utf8)));
                fields.push(field("value", &value));
                if units.iter().any(|unit| Some(unit) != units.first()) {
                    fields.push(field("unit", &DataType::Utf8));
                }
            }
            ColumnShape::Wide => {
                for group in signals.groups() {
                    for (contact, unit) in signals.contacts().iter().zip(&units) {
                        let name = match has_groups {
                            true => format!("{group}/{}", contact.name),
                            false => contact.name.clone(),
                        };
                        let unit = [("unit".to_string(), (*unit).to_string())];
                        fields.push(field(&name, &value).with_metadata(unit.into()));
                    }
                }
            }
        }
        let mut names = HashSet::new();
        if let Some(again) = fields.iter().find(|field| !names.insert(field.name().clone())) {
            return Err(SignalFormatProblem::RepeatedColumn(again.name().clone()).into());
        }
        let schema = Arc::new(Schema::new_with_metadata(fields, metadata.into_iter().collect()));
        Ok(Self { signals, shape, value_type, schema })
    }

    /// Returns the schema.
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// Converts a block, and passes its batches to `take`.
    ///
    /// # Errors
    /// Returns an error if a signal is too large for the type of the values, or a batch cannot be built, and any error of
    /// `take`.
    pub fn for_each_batch(&self, block: &SignalBlock, take: &mut dyn FnMut(&RecordBatch) -> Result<()>) -> Result<()> {
        check_range(self.signals, block, self.value_type)?;
        let row = self.signals.groups().len() * self.signals.contacts().len();
        let frames = match self.shape {
            ColumnShape::Long => (ROWS_PER_BATCH / row.max(1)).max(1),
            ColumnShape::Wide => block.times_ms.len().max(1),
        };
        for (times, values) in block.times_ms.chunks(frames).zip(block.values.chunks((frames * row).max(1))) {
            let columns = match self.shape {
                ColumnShape::Long => self.long_columns(times, values),
                ColumnShape::Wide => self.wide_columns(times, values, row),
            };
            take(&RecordBatch::try_new(self.schema.clone(), columns).map_err(ColumnsProblem)?)?;
        }
        Ok(())
    }

    fn long_columns(&self, times: &[f64], values: &[f64]) -> Vec<ArrayRef> {
        let (groups, contacts) = (self.signals.groups(), self.signals.contacts());
        let row = groups.len() * contacts.len();
        let times: Vec<f64> = times.iter().flat_map(|&time| std::iter::repeat_n(time, row)).collect();
        let repeat = |names: Vec<&str>| -> ArrayRef {
            let all: Vec<&str> = (0..values.len() / row.max(1)).flat_map(|_| names.iter().copied()).collect();
            Arc::new(StringArray::from(all))
        };
        let names = groups.iter().flat_map(|_| contacts.iter().map(|contact| contact.name.as_str()));
        let of_groups = groups.iter().flat_map(|group| std::iter::repeat_n(group.as_str(), contacts.len()));
        let mut columns: Vec<ArrayRef> = vec![Arc::new(Float64Array::from(times)), repeat(names.collect())];
        if !self.signals.is_total() {
            columns.push(repeat(of_groups.collect()));
        }
        columns.push(self.value_column(values.iter().copied()));
        if self.schema.field_with_name("unit").is_ok() {
            let units = self.signals.units();
            columns.push(repeat(groups.iter().flat_map(|_| units.iter().copied()).collect()));
        }
        columns
    }

    fn wide_columns(&self, times: &[f64], values: &[f64], row: usize) -> Vec<ArrayRef> {
        let column = |i: usize| self.value_column(values.iter().skip(i).step_by(row.max(1)).copied());
        let times: ArrayRef = Arc::new(Float64Array::from(times.to_vec()));
        std::iter::once(times).chain((0..row).map(column)).collect()
    }

    fn value_column(&self, values: impl Iterator<Item = f64>) -> ArrayRef {
        match self.value_type {
            ValueType::F32 => Arc::new(Float32Array::from_iter_values(values.map(|value| value as f32))),
            ValueType::F64 => Arc::new(Float64Array::from_iter_values(values)),
        }
    }
}
