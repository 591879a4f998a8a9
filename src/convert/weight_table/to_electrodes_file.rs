//! Converts columns of weights back to an electrodes file.

use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int32Type, UInt64Type};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{Schema, SchemaRef};
use serde_json::Value;

use super::{ELECTRODE, ELECTRODES_KEY, NODE_ID, POPULATION_KEY, ROW, ROWS_KEY, UNITS_KEY, UNKNOWN_UNITS, WEIGHT};
use crate::convert::ConversionProblem;
use crate::error::{Error, Result};
use crate::geometry::Point;
use crate::io::atomic_output::OverwritePolicy;
use crate::sonata::electrodes_file::{AttributeValue, ContactLayout, FileLayout, PopulationLayout, Writer};
use crate::units::WEIGHT_UNIT;

/// Returns whether columns are those of weights.
pub fn is_weight_table(schema: &Schema) -> bool {
    schema.metadata().contains_key(ELECTRODES_KEY) && schema.index_of(NODE_ID).is_ok() && schema.index_of(ROW).is_ok()
}

/// Columns of weights that can be read repeatedly: first for nodes and rows, then for the values.
pub trait BatchSource {
    /// Returns the columns.
    fn schema(&self) -> SchemaRef;
    /// Passes all rows to `take`, beginning with the first.
    ///
    /// # Errors
    /// Returns an error if the columns cannot be read, and any error of `take`.
    fn for_each_batch(&self, take: &mut dyn FnMut(&RecordBatch) -> Result<()>) -> Result<()>;
}

/// Writes an electrodes file from columns of weights; returns the numbers of contacts, nodes and rows.
///
/// # Errors
/// Returns an error if metadata are missing, units are not V/nA, rows are missing, rows or contacts are not in order, a
/// weight is not finite, or the output cannot be written.
pub fn write_electrodes_file(
    columns: &dyn BatchSource,
    to: &Path,
    existing: OverwritePolicy,
) -> Result<(u64, u64, u64)> {
    let schema = columns.schema();
    check_units(&schema)?;
    let electrodes = parse_electrodes(&schema)?;
    let wide = schema.index_of(WEIGHT).is_err();
    let names: Vec<String> = electrodes.iter().map(|e| e.name.clone()).collect();
    let times = if wide { 1 } else { names.len().max(1) };
    let population = read_population_layout(columns, times)?;
    let (nodes, rows) = (population.node_ids.len() as u64, population.rows());
    check_rows(&schema, rows)?;
    let provenance = vec![("program", concat!("leadfield ", env!("CARGO_PKG_VERSION")).into())];
    let layout = FileLayout { electrodes, populations: vec![population], provenance };
    let writer = Writer::create(to, existing, &layout)?;
    let (mut written, mut rest) = (0_u64, Vec::new());
    columns.for_each_batch(&mut |batch| {
        if wide {
            append_wide_values(batch, &names, &mut rest)?
        } else {
            append_long_values(batch, &names, written, &mut rest)?
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

/// Returns the population of columns of weights.
///
/// # Errors
/// Returns an error if the metadata do not state it.
pub fn population_name(schema: &Schema) -> Result<&str> {
    let name = schema.metadata().get(POPULATION_KEY);
    Ok(name.ok_or(ConversionProblem::NotWeightTable(POPULATION_KEY))?)
}

/// Checks the units: clients assume V/nA, whatever the file states.
fn check_units(schema: &Schema) -> Result<(), ConversionProblem> {
    match schema.metadata().get(UNITS_KEY) {
        Some(found) if found != WEIGHT_UNIT && found != UNKNOWN_UNITS => Err(ConversionProblem::Units(found.clone())),
        _ => Ok(()),
    }
}

/// Checks that no rows are missing, if the metadata state the number of rows.
fn check_rows(schema: &Schema, found: u64) -> Result<(), ConversionProblem> {
    let stated = schema.metadata().get(ROWS_KEY).and_then(|text| text.parse().ok());
    match stated {
        Some(expected) if expected != found => Err(ConversionProblem::RowCount { expected, found }),
        _ if found == 0 => Err(ConversionProblem::RowCount { expected: 1, found }),
        _ => Ok(()),
    }
}

/// Checks that weights are finite: otherwise the simulator stops.
fn check_finite(values: &[f64], names: &[String], first_row: u64) -> Result<()> {
    let Some(at) = values.iter().position(|v| !v.is_finite()) else { return Ok(()) };
    let (row, column) = (first_row + (at / names.len()) as u64, at % names.len());
    let contact = names.get(column).cloned().unwrap_or_default();
    let problem = ConversionProblem::NotFinite { contact, found: values.get(at).copied().unwrap_or(f64::NAN) };
    Err(Error::from(problem).at_index(WEIGHT, row))
}

fn parse_electrodes(schema: &Schema) -> Result<Vec<ContactLayout>, ConversionProblem> {
    let wrong = || ConversionProblem::NotWeightTable(ELECTRODES_KEY);
    let text = schema.metadata().get(ELECTRODES_KEY).ok_or_else(wrong)?;
    let Ok(Value::Array(list)) = serde_json::from_str::<Value>(text) else { return Err(wrong()) };
    let electrode = |entry: &Value| {
        let text = |key: &str| entry.get(key).and_then(Value::as_str).map(str::to_string);
        let numbers = entry.get("position")?.as_array()?.iter().map(Value::as_f64).collect::<Option<Vec<f64>>>()?;
        let position = <[f64; 3]>::try_from(numbers).ok().map(Point::from)?;
        let unknown = || crate::electrodes::UNKNOWN_REGION.to_string();
        let (layer, region) = (text("layer").unwrap_or_else(unknown), text("region").unwrap_or_else(unknown));
        let settings: Vec<(&'static str, AttributeValue)> = Vec::new();
        let units = text("units").filter(|units| units != WEIGHT_UNIT);
        Some(ContactLayout {
            name: text("name")?,
            position_um: position,
            kind: text("type")?,
            layer,
            region,
            settings,
            units,
        })
    };
    list.iter().map(electrode).collect::<Option<Vec<_>>>().filter(|all| !all.is_empty()).ok_or_else(wrong)
}

/// Reads nodes and offsets from the columns `node_id` and `row`; each row of the file occurs `times` times.
fn read_population_layout(columns: &dyn BatchSource, times: usize) -> Result<PopulationLayout> {
    let schema = columns.schema();
    let name = population_name(&schema)?.to_string();
    let mut layout = PopulationLayout { name, ..PopulationLayout::default() };
    let (mut entries, mut seen) = (0_u64, std::collections::HashSet::new());
    columns.for_each_batch(&mut |batch| {
        let (nodes, rows) = (u64_column(batch, NODE_ID)?, u64_column(batch, ROW)?);
        for (&node, &found) in nodes.iter().zip(rows) {
            let expected = entries / times as u64;
            if found != expected {
                return Err(ConversionProblem::RowOrder { expected, found }.into());
            }
            if layout.node_ids.last() != Some(&node) {
                if !seen.insert(node) {
                    return Err(ConversionProblem::NodeTwice(node).into());
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

fn u64_column<'b>(batch: &'b RecordBatch, name: &'static str) -> Result<&'b [u64], ConversionProblem> {
    let column = batch.column_by_name(name).filter(|column| column.null_count() == 0);
    let column = column.and_then(|column| column.as_primitive_opt::<UInt64Type>());
    column.map(|column| column.values().as_ref()).ok_or(ConversionProblem::NotWeightTable(name))
}

fn f64_column(batch: &RecordBatch, name: &str) -> Result<Vec<f64>, ConversionProblem> {
    let column = batch.column_by_name(name).filter(|column| column.null_count() == 0);
    let column = column.ok_or(ConversionProblem::NotWeightTable(WEIGHT))?;
    if let Some(double) = column.as_primitive_opt::<Float64Type>() {
        return Ok(double.values().to_vec());
    }
    let single = column.as_primitive_opt::<Float32Type>().ok_or(ConversionProblem::NotWeightTable(WEIGHT))?;
    Ok(single.values().iter().map(|v| f64::from(*v)).collect())
}

fn append_wide_values(batch: &RecordBatch, names: &[String], out: &mut Vec<f64>) -> Result<(), ConversionProblem> {
    let columns = names.iter().map(|name| f64_column(batch, name)).collect::<Result<Vec<_>, _>>()?;
    for row in 0..batch.num_rows() {
        out.extend(columns.iter().filter_map(|column| column.get(row)));
    }
    Ok(())
}

fn append_long_values(
    batch: &RecordBatch,
    names: &[String],
    _row: u64,
    out: &mut Vec<f64>,
) -> Result<(), ConversionProblem> {
    let missing = || ConversionProblem::NotWeightTable(ELECTRODE);
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
    for (i, value) in f64_column(batch, WEIGHT)?.into_iter().enumerate() {
        let expected = names.get(out.len() % names.len().max(1)).map_or("", String::as_str);
        match name(i).ok_or_else(missing)? {
            found if found != expected => {
                return Err(ConversionProblem::ContactOrder { expected: expected.into(), found: found.into() });
            }
            _ => out.push(value),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn missing_rows_are_reported() {
        let check = |rows: Option<&str>, found| {
            let entry = rows.map(|rows| (ROWS_KEY.to_string(), rows.to_string()));
            let metadata: HashMap<String, String> = entry.into_iter().collect();
            let schema = Schema::new_with_metadata(arrow_schema::Fields::empty(), metadata);
            check_rows(&schema, found).map_err(|problem| problem.to_string())
        };
        assert_eq!(check(Some("3"), 3), Ok(()));
        assert_eq!(check(None, 2), Ok(()));
        assert_eq!(check(Some("3"), 2).unwrap_err(), "rows are missing, expected 3, found 2");
        assert_eq!(check(None, 0).unwrap_err(), "rows are missing, expected 1, found 0");
    }
}
