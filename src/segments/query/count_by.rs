//! Counts the segments of a query by the values of some columns, without data frames.

use std::collections::BTreeMap;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int64Type, UInt8Type, UInt32Type, UInt64Type};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;

use super::TableQuery;
use crate::error::Result;
use crate::segments::table::TableProblem;

/// A value that segments are counted by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum GroupKey {
    /// The value is missing.
    Missing,
    /// A whole number that is never negative, as ids are.
    Integer(u64),
    /// A whole number.
    Signed(i64),
    /// A number, by its bits in an order that sorts as the numbers do: see [`GroupKey::number`].
    Number(i64),
    /// Text.
    Text(String),
}

impl GroupKey {
    fn from_number(value: f64) -> Self {
        // the order of IEEE 754's totalOrder
        let bits = value.to_bits() as i64;
        Self::Number(bits ^ (((bits >> 63) as u64) >> 1) as i64)
    }

    /// Returns the number, if it is one.
    pub fn number(&self) -> Option<f64> {
        match *self {
            Self::Number(key) => Some(f64::from_bits((key ^ (((key >> 63) as u64) >> 1) as i64) as u64)),
            Self::Integer(value) => Some(value as f64),
            Self::Signed(value) => Some(value as f64),
            Self::Missing | Self::Text(_) => None,
        }
    }
}

/// Number of rows that are counted between two checks whether to stop.
const ROWS_PER_CHECK: usize = 1 << 16;

impl TableQuery<'_> {
    /// Counts the segments by the values of some columns: each combination that occurs, ascending, and its number. The
    /// columns of the query are ignored.
    ///
    /// # Errors
    /// Returns an error if a column is unknown, or the table, the index or a source is unreadable or damaged.
    pub fn count_by(&self, columns: &[String]) -> Result<BTreeMap<Vec<GroupKey>, u64>> {
        let mut counts = BTreeMap::new();
        self.clone().columns(columns).for_each_batch(&mut |rows| {
            let keys = rows.columns().iter().map(read_keys).collect::<Result<Vec<_>>>()?;
            for row in 0..rows.num_rows() {
                if row % ROWS_PER_CHECK == 0 {
                    self.check_not_stopped()?;
                }
                let key: Vec<GroupKey> = keys.iter().filter_map(|column| column.get(row).cloned()).collect();
                *counts.entry(key).or_insert(0) += 1;
            }
            Ok(())
        })?;
        Ok(counts)
    }
}

/// Reads a column as keys.
fn read_keys(column: &ArrayRef) -> Result<Vec<GroupKey>> {
    fn all<T>(values: impl Iterator<Item = Option<T>>, key: impl Fn(T) -> GroupKey) -> Vec<GroupKey> {
        values.map(|value| value.map_or(GroupKey::Missing, &key)).collect()
    }
    let integer = |value| GroupKey::Integer(value);
    Ok(match column.data_type() {
        DataType::Utf8 => all(column.as_string::<i32>().iter(), |text| GroupKey::Text(text.into())),
        DataType::UInt8 => all(column.as_primitive::<UInt8Type>().iter(), |value| integer(u64::from(value))),
        DataType::UInt32 => all(column.as_primitive::<UInt32Type>().iter(), |value| integer(u64::from(value))),
        DataType::UInt64 => all(column.as_primitive::<UInt64Type>().iter(), integer),
        DataType::Int64 => all(column.as_primitive::<Int64Type>().iter(), GroupKey::Signed),
        DataType::Float32 => all(column.as_primitive::<Float32Type>().iter(), |v| GroupKey::from_number(f64::from(v))),
        DataType::Float64 => all(column.as_primitive::<Float64Type>().iter(), GroupKey::from_number),
        other => return Err(TableProblem::MissingColumns(format!("values of type {other}")).into()),
    })
}
