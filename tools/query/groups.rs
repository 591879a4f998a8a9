//! `--by`: how many segments each group has, and how long they are together.
//!
//! A group's numbers are two sums, so an ordered map does what a data-frame library would be brought in for.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, UInt8Type, UInt32Type, UInt64Type};
use arrow_array::{Array, ArrayRef, Float64Array, RecordBatch, StringArray, UInt64Array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use leadfield::segments::SectionType;
use leadfield::table::TableProblem;
use leadfield::table::schema::SECTION_TYPE;
use leadfield::{Error, Result};

/// A value that groups are told by; numbers come before texts, what is unknown first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Unknown,
    Number(u64),
    Text(String),
}

/// Sums of a group.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
struct Totals {
    segments: u64,
    length: f64,
    inside: f64,
}

/// Groups of segments.
pub struct Groups {
    names: Vec<String>,
    totals: BTreeMap<Vec<Key>, Totals>,
}

impl Groups {
    /// Groups by the values of some columns.
    pub fn by(names: &[String]) -> Self {
        Self { names: names.to_vec(), totals: BTreeMap::new() }
    }

    /// Adds rows that have the columns of the names, `length` and `inside`.
    pub fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let column = |name: &str| {
            batch.column_by_name(name).ok_or_else(|| Error::from(TableProblem::Columns(format!("`{name}`"))))
        };
        let keys = self.names.iter().map(|name| keys(name, column(name)?)).collect::<Result<Vec<_>>>()?;
        let length = column("length")?.as_primitive::<Float64Type>();
        let inside = column("inside")?.as_primitive::<Float64Type>();
        for i in 0..batch.num_rows() {
            let key = keys.iter().map(|k| k.get(i).cloned().unwrap_or(Key::Unknown)).collect();
            let group = self.totals.entry(key).or_default();
            group.segments += 1;
            group.length += length.value(i);
            group.inside += inside.value(i);
        }
        Ok(())
    }

    /// One row a group: its values, `segments`, `length` and `inside`, in um.
    pub fn table(&self) -> Result<RecordBatch> {
        let mut columns: Vec<ArrayRef> = Vec::new();
        for place in 0..self.names.len() {
            columns.push(self.values(place));
        }
        columns.push(Arc::new(UInt64Array::from_iter_values(self.totals.values().map(|t| t.segments))));
        columns.push(Arc::new(Float64Array::from_iter_values(self.totals.values().map(|t| t.length))));
        columns.push(Arc::new(Float64Array::from_iter_values(self.totals.values().map(|t| t.inside))));
        let batch = RecordBatch::try_new(self.schema(&columns), columns);
        batch.map_err(|e| Error::from(TableProblem::from(e)))
    }

    fn schema(&self, columns: &[ArrayRef]) -> SchemaRef {
        let names = self.names.iter().map(String::as_str).chain(["segments", "length", "inside"]);
        let field = |(name, column): (&str, &ArrayRef)| Field::new(name, column.data_type().clone(), true);
        Schema::new(names.zip(columns).map(field).collect::<Vec<_>>()).into()
    }

    /// The groups' values of one of the columns: numbers if all are, else texts.
    fn values(&self, place: usize) -> ArrayRef {
        let keys = || self.totals.keys().filter_map(|key| key.get(place));
        if keys().all(|key| matches!(key, Key::Number(_))) {
            return Arc::new(
                keys().map(|k| if let Key::Number(n) = k { Some(*n) } else { None }).collect::<UInt64Array>(),
            );
        }
        let text = |key: &Key| match key {
            Key::Unknown => None,
            Key::Number(n) => Some(n.to_string()),
            Key::Text(text) => Some(text.clone()),
        };
        Arc::new(keys().map(text).collect::<StringArray>())
    }
}

/// A column's values as keys: kinds of section by name.
fn keys(name: &str, column: &ArrayRef) -> Result<Vec<Key>> {
    let known = |i: usize, key: Key| if column.is_valid(i) { key } else { Key::Unknown };
    let kind = |n: u8| SectionType::from_number(n).map_or(Key::Unknown, |k| Key::Text(k.name().into()));
    let float = |v: f64| {
        if v >= 0.0 && v.fract() == 0.0 && v < 9e15 { Key::Number(v as u64) } else { Key::Text(v.to_string()) }
    };
    let key = |i: usize| -> Key {
        match column.data_type() {
            DataType::UInt8 if name == SECTION_TYPE => kind(column.as_primitive::<UInt8Type>().value(i)),
            DataType::UInt32 => Key::Number(column.as_primitive::<UInt32Type>().value(i).into()),
            DataType::UInt64 => Key::Number(column.as_primitive::<UInt64Type>().value(i)),
            DataType::Float32 => float(column.as_primitive::<Float32Type>().value(i).into()),
            DataType::Float64 => float(column.as_primitive::<Float64Type>().value(i)),
            DataType::Utf8 => Key::Text(column.as_string::<i32>().value(i).into()),
            _ => Key::Unknown,
        }
    };
    Ok((0..column.len()).map(|i| known(i, key(i))).collect())
}
