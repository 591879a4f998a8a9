//! Converts the columns of a table that another program rewrote to the types of [`schema`](super::schema).
//!
//! Other programs store integers in other widths, encode columns with dictionaries, and write section types as names.
//! Values are converted if each of them fits the type; one that does not is an error.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, Float32Array, Float64Array, PrimitiveArray, RecordBatch, RecordBatchOptions,
    UInt8Array, UInt32Array, UInt64Array, new_null_array,
};
use arrow_schema::{DataType, Schema, SchemaRef};

use super::problem::TableProblem;
use super::schema::{RADIUS, SECTION_TYPE};
use crate::error::{Error, Result};
use crate::segments::SectionType;

/// Returns whether values of a type can be converted to the type of a column.
pub(super) fn is_convertible(name: &str, found: &DataType) -> bool {
    match found {
        DataType::Dictionary(_, values) => is_convertible(name, values),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => name == SECTION_TYPE,
        // a column with only nulls
        DataType::Null => matches!(name, SECTION_TYPE | RADIUS),
        found => found.is_integer() || matches!(found, DataType::Float32 | DataType::Float64),
    }
}

/// Returns the columns of a batch that a schema names, in the types of the schema.
pub(super) fn normalize_batch(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let mut fields = Vec::new();
    let mut columns = Vec::new();
    for field in schema.fields() {
        let Some(column) = batch.column_by_name(field.name()) else { continue };
        let column = convert_column(column, field.data_type()).map_err(|e| e.in_item(field.name()))?;
        if column.null_count() > 0 && !field.is_nullable() {
            return Err(Error::from(TableProblem::Null).in_item(field.name()));
        }
        fields.push(field.clone());
        columns.push(column);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let schema = Arc::new(Schema::new(fields));
    Ok(RecordBatch::try_new_with_options(schema, columns, &options).map_err(TableProblem::from)?)
}

fn convert_column(column: &ArrayRef, wanted: &DataType) -> Result<ArrayRef> {
    if column.data_type() == wanted {
        return Ok(column.clone());
    }
    if column.data_type() == &DataType::Null {
        return Ok(new_null_array(wanted, column.len()));
    }
    if let Some(dictionary) = column.as_any_dictionary_opt() {
        let values = arrow_select::take::take(dictionary.values(), dictionary.keys(), None);
        return convert_column(&values.map_err(TableProblem::from)?, wanted);
    }
    Ok(match wanted {
        DataType::UInt8 if is_text(column.data_type()) => to_section_types(column)?,
        DataType::UInt8 => Arc::new(UInt8Array::from(to_integers(column, wanted)?)),
        DataType::UInt32 => Arc::new(UInt32Array::from(to_integers(column, wanted)?)),
        DataType::UInt64 => Arc::new(UInt64Array::from(to_integers(column, wanted)?)),
        DataType::Float32 => {
            Arc::new(to_floats(column, wanted)?.iter().map(|v| v.map(|v| v as f32)).collect::<Float32Array>())
        }
        DataType::Float64 => Arc::new(Float64Array::from(to_floats(column, wanted)?)),
        wanted => return Err(wrong_type_error(column, wanted)),
    })
}

fn wrong_type_error(column: &ArrayRef, wanted: &DataType) -> Error {
    TableProblem::Type { expected: wanted.clone(), found: column.data_type().clone() }.into()
}

fn is_text(found: &DataType) -> bool {
    matches!(found, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// Converts values to integers of a type; returns an error for a value that does not fit.
fn to_integers<T: TryFrom<i128>>(column: &ArrayRef, wanted: &DataType) -> Result<Vec<Option<T>>> {
    let fit = |value: Option<i128>| match value {
        None => Ok(None),
        Some(value) => match T::try_from(value) {
            Ok(value) => Ok(Some(value)),
            Err(_) => Err(Error::from(TableProblem::Value { expected: wanted.clone(), found: value.to_string() })),
        },
    };
    fn integers<P: ArrowPrimitiveType>(column: &ArrayRef) -> Vec<Option<i128>>
    where
        P::Native: Into<i128>,
    {
        column.as_primitive::<P>().iter().map(|value| value.map(Into::into)).collect()
    }
    let values = match column.data_type() {
        DataType::Int8 => integers::<Int8Type>(column),
        DataType::Int16 => integers::<Int16Type>(column),
        DataType::Int32 => integers::<Int32Type>(column),
        DataType::Int64 => integers::<Int64Type>(column),
        DataType::UInt8 => integers::<UInt8Type>(column),
        DataType::UInt16 => integers::<UInt16Type>(column),
        DataType::UInt32 => integers::<UInt32Type>(column),
        DataType::UInt64 => integers::<UInt64Type>(column),
        // pandas stores integers with nulls as floats
        DataType::Float32 | DataType::Float64 => {
            let to_integer = |value: Option<f64>| match value {
                None => Ok(None),
                Some(value) if value.is_nan() => Ok(None),
                Some(value) if value.fract() == 0.0 && value.abs() < 2f64.powi(53) => Ok(Some(value as i128)),
                Some(value) => {
                    Err(Error::from(TableProblem::Value { expected: wanted.clone(), found: value.to_string() }))
                }
            };
            to_floats(column, wanted)?.into_iter().map(to_integer).collect::<Result<_>>()?
        }
        _ => return Err(wrong_type_error(column, wanted)),
    };
    values.into_iter().map(fit).collect()
}

/// Converts values to floats.
fn to_floats(column: &ArrayRef, wanted: &DataType) -> Result<Vec<Option<f64>>> {
    fn floats<P: ArrowPrimitiveType>(column: &PrimitiveArray<P>, float: fn(P::Native) -> f64) -> Vec<Option<f64>> {
        column.iter().map(|value| value.map(float)).collect()
    }
    Ok(match column.data_type() {
        DataType::Float32 => floats(column.as_primitive::<Float32Type>(), f64::from),
        DataType::Float64 => floats(column.as_primitive::<Float64Type>(), |value| value),
        found if found.is_integer() => {
            to_integers::<i64>(column, wanted)?.into_iter().map(|value| value.map(|value| value as f64)).collect()
        }
        _ => return Err(wrong_type_error(column, wanted)),
    })
}

/// Converts the names of section types to their numbers.
fn to_section_types(column: &ArrayRef) -> Result<ArrayRef> {
    let number = |name: Option<&str>| match name {
        None => Ok(None),
        Some(name) => match SectionType::from_name(name) {
            Some(kind) => Ok(Some(kind.number())),
            None => Err(Error::from(TableProblem::SectionType(name.chars().take(40).collect()))),
        },
    };
    let numbers: Result<UInt8Array> = match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().iter().map(number).collect(),
        DataType::LargeUtf8 => column.as_string::<i64>().iter().map(number).collect(),
        _ => column.as_string_view().iter().map(number).collect(),
    };
    Ok(Arc::new(numbers?))
}

#[cfg(test)]
mod tests {
    use arrow_array::types::Int32Type;
    use arrow_array::{DictionaryArray, Int16Array, LargeStringArray};

    use super::*;
    use crate::segments::table::Precision;
    use crate::segments::table::schema::{NODE_ID, ROW};

    fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
        RecordBatch::try_from_iter(columns).unwrap()
    }

    #[test]
    fn other_types_are_converted_if_every_value_fits() {
        let dictionary: DictionaryArray<Int32Type> = ["dend", "soma"].into_iter().collect();
        let found = normalize_batch(
            &batch(vec![
                ("note", Arc::new(LargeStringArray::from(vec!["a", "b"]))),
                (ROW, Arc::new(Float64Array::from(vec![1.0, 4_294_967_296.0]))),
                (SECTION_TYPE, Arc::new(dictionary)),
                (NODE_ID, Arc::new(Int16Array::from(vec![7, 9]))),
                ("x0", Arc::new(Float32Array::from(vec![0.5, -2.0]))),
            ]),
            &Precision::F64.schema(),
        )
        .unwrap();
        let names: Vec<String> = found.schema().fields().iter().map(|f| f.name().clone()).collect();
        assert_eq!(names, [NODE_ID, SECTION_TYPE, "x0", ROW]);
        assert_eq!(found.column(0).as_primitive::<UInt64Type>().values(), &[7, 9]);
        assert_eq!(found.column(1).as_primitive::<UInt8Type>().values(), &[2, 0]);
        assert_eq!(found.column(2).as_primitive::<Float64Type>().values(), &[0.5, -2.0]);
        assert_eq!(found.column(3).as_primitive::<UInt64Type>().values(), &[1, 1 << 32]);
    }

    #[test]
    fn a_value_that_does_not_fit_is_an_error_with_its_column() {
        let refused = |name: &'static str, column: ArrayRef| {
            normalize_batch(&batch(vec![(name, column)]), &Precision::F64.schema()).unwrap_err().to_string()
        };
        assert_eq!(
            refused(NODE_ID, Arc::new(Int16Array::from(vec![3, -1]))),
            "node_id: value does not fit, expected UInt64, found -1"
        );
        assert_eq!(
            refused(ROW, Arc::new(Float64Array::from(vec![0.5]))),
            "row: value does not fit, expected UInt64, found 0.5"
        );
        assert_eq!(
            refused(SECTION_TYPE, Arc::new(LargeStringArray::from(vec!["dendrite"]))),
            "section_type: unknown kind of section, expected soma, axon, dend, apic, ais, node or myelin, found `dendrite`"
        );
        assert_eq!(refused(ROW, Arc::new(Int16Array::from(vec![None]))), "row: null value, expected a number");
    }
}
