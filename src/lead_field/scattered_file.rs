//! Reads scattered points from CSV and Parquet.
//!
//! The columns are `x`, `y`, `z`, `potential` and `ex`, `ey`, `ez`, in any order; others are ignored. A unit may follow
//! the name: `x [mm]`, `potential [mV]`, `ex [V/mm]`; without one the columns are in metres, volts and volts per metre.
//! In CSV, lines that begin with `#` are comments. A file of points contains no current, so it must be given as an
//! option.

use std::path::Path;

use arrow_array::{Array, Float32Array, Float64Array, RecordBatch};
use parquet::arrow::ProjectionMask;

use super::scattered::{ScatteredField, ScatteredSamples};
use super::{CurrentProblem, FieldValues, LeadField, LeadFieldRequest, Quantity, choose_current};
use crate::error::{Context, Problem, Result, join_quoted};
use crate::geometry::Point;
use crate::io::input_file;
use crate::io::parquet_file::{ParquetProblem, open_batches};
use crate::io::reader_panics::{PanicGuard, catch_panics};
use crate::units::{ELECTRIC_FIELD_UNITS, LENGTH_UNITS, MICROMETERS_PER_METER, POTENTIAL_UNITS, Units};

/// Problems of a file of points.
#[derive(Debug, thiserror::Error)]
enum ScatteredFileProblem {
    #[error("missing column, expected `{expected}`, found {found}")]
    NoColumn { expected: &'static str, found: String },
    #[error("not a number, expected a value of `{column}`, found `{found}`")]
    NoNumber { column: &'static str, found: String },
    #[error("wrong type, expected floats in column `{column}`, found {found}")]
    Type { column: &'static str, found: String },
    #[error("invalid CSV: {0}")]
    Csv(String),
}

impl Problem for ScatteredFileProblem {}

/// A column of the file with a quantity.
struct QuantityColumn {
    name: &'static str,
    units: &'static Units,
    /// Factor to the library's unit for a file without unit.
    default_factor: f64,
    /// Index of the column in the file.
    index: usize,
    factor: f64,
}

/// Returns the columns that a request needs, x, y and z first.
fn wanted_columns(request: &LeadFieldRequest<'_>) -> Vec<(&'static str, &'static Units, f64)> {
    let mut columns: Vec<_> = ["x", "y", "z"].map(|name| (name, &LENGTH_UNITS, MICROMETERS_PER_METER)).into();
    if request.needs(Quantity::Potential) {
        columns.push(("potential", &POTENTIAL_UNITS, 1.0));
    }
    if request.needs(Quantity::ElectricField) {
        columns.extend(["ex", "ey", "ez"].map(|name| (name, &ELECTRIC_FIELD_UNITS, 1.0)));
    }
    columns
}

/// Finds the required columns in a header.
fn find_columns(header: &[&str], request: &LeadFieldRequest<'_>) -> Result<Vec<QuantityColumn>> {
    let found = |name: &'static str, units, default| {
        let at = header.iter().position(|cell| name_and_unit(cell).0.eq_ignore_ascii_case(name));
        let missing = || ScatteredFileProblem::NoColumn {
            expected: name,
            found: join_quoted(header.iter().map(|c| c.trim()), 12),
        };
        Ok(QuantityColumn { name, units, default_factor: default, index: at.ok_or_else(missing)?, factor: default })
    };
    let found = wanted_columns(request).into_iter().map(|(name, units, default)| found(name, units, default));
    found.map(|column| column.and_then(|column| column.with_unit_from(header))).collect()
}

impl QuantityColumn {
    fn with_unit_from(self, header: &[&str]) -> Result<Self> {
        let unit = header.get(self.index).and_then(|cell| name_and_unit(cell).1);
        let factor = unit.map_or(Ok(self.default_factor), |unit| self.units.factor(unit)).in_item(self.name)?;
        Ok(Self { factor, ..self })
    }
}

/// Splits `x [mm]` and `x (mm)` into `x` and `mm`.
fn name_and_unit(cell: &str) -> (&str, Option<&str>) {
    let cell = cell.trim().trim_start_matches('\u{feff}');
    let Some((name, unit)) = cell.split_once(['[', '(']) else { return (cell, None) };
    (name.trim(), Some(unit.trim_end_matches([']', ')']).trim()))
}

/// Converts columns of numbers, in the order of [`wanted_columns`], to samples.
fn to_samples(numbers: Vec<Vec<f64>>, request: &LeadFieldRequest<'_>) -> ScatteredSamples {
    let mut numbers = numbers.into_iter();
    let mut next = || numbers.next().unwrap_or_default();
    let [x, y, z] = [next(), next(), next()];
    let points = x.iter().zip(&y).zip(&z).map(|((&x, &y), &z)| Point::new(x, y, z)).collect();
    let potential = if request.needs(Quantity::Potential) { next() } else { Vec::new() };
    ScatteredSamples { points, potential, electric: [next(), next(), next()] }
}

fn build_lead_field(path: &Path, numbers: Vec<Vec<f64>>, request: &LeadFieldRequest<'_>) -> Result<LeadField> {
    let current_na = choose_current(request, || Err(CurrentProblem::Missing.into()))?;
    let field = ScatteredField::new(to_samples(numbers, request))?;
    Ok(LeadField::new(path, FieldValues::Scattered(field), current_na)?.with_placement(request.placement))
}

/// Reads points from CSV.
pub(super) fn read_csv(path: &Path, request: &LeadFieldRequest<'_>) -> Result<LeadField> {
    let file = input_file::open(path)?;
    let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(std::io::BufReader::new(file));
    let header = reader.headers().map_err(|e| ScatteredFileProblem::Csv(e.to_string()))?.clone();
    let columns = find_columns(&header.iter().collect::<Vec<_>>(), request).at_index("line", 1)?;
    let mut numbers = vec![Vec::new(); columns.len()];
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(|e| ScatteredFileProblem::Csv(e.to_string()))? {
        let line = record.position().map_or(0, csv::Position::line);
        for (column, numbers) in columns.iter().zip(&mut numbers) {
            numbers.push(parse_number(column, record.get(column.index)).at_index("line", line)?);
        }
    }
    build_lead_field(path, numbers, request)
}

fn parse_number(column: &QuantityColumn, cell: Option<&str>) -> Result<f64, ScatteredFileProblem> {
    let cell = cell.unwrap_or_default().trim();
    let number = cell.parse::<f64>().ok().filter(|v| v.is_finite());
    let none = || ScatteredFileProblem::NoNumber { column: column.name, found: cell.to_string() };
    number.map(|v| v * column.factor).ok_or_else(none)
}

/// Reads points from Parquet.
pub(super) fn read_parquet(path: &Path, request: &LeadFieldRequest<'_>) -> Result<LeadField> {
    let builder = open_batches(path)?;
    let schema = builder.schema().clone();
    let header: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
    let mut columns = find_columns(&header, request)?;
    let mask = ProjectionMask::roots(builder.parquet_schema(), columns.iter().map(|c| c.index));
    // a projected batch has the columns in file order
    let mut order: Vec<usize> = columns.iter().map(|c| c.index).collect();
    order.sort_unstable();
    columns.iter_mut().for_each(|c| c.index = order.binary_search(&c.index).unwrap_or(c.index));
    let mut numbers = vec![Vec::new(); columns.len()];
    let reader = catch_panics(|| builder.with_projection(mask).build().map_err(ParquetProblem::from))?;
    for batch in PanicGuard::new(reader.map(|batch| batch.map_err(ParquetProblem::from))) {
        let batch = batch?;
        for (column, numbers) in columns.iter().zip(&mut numbers) {
            append_column(column, &batch, numbers)?;
        }
    }
    build_lead_field(path, numbers, request)
}

fn append_column(column: &QuantityColumn, batch: &RecordBatch, numbers: &mut Vec<f64>) -> Result<()> {
    let first = numbers.len();
    let array = batch.columns().get(column.index).map(AsRef::as_ref);
    let any = array.map(Array::as_any);
    if let Some(floats) = any.and_then(|a| a.downcast_ref::<Float64Array>()) {
        numbers.extend(floats.iter().map(|v| v.unwrap_or(f64::NAN) * column.factor));
    } else if let Some(floats) = any.and_then(|a| a.downcast_ref::<Float32Array>()) {
        numbers.extend(floats.iter().map(|v| v.map_or(f64::NAN, f64::from) * column.factor));
    } else {
        let found = array.map(|a| a.data_type().to_string()).unwrap_or_default();
        return Err(ScatteredFileProblem::Type { column: column.name, found }.into());
    }
    match numbers.get(first..).unwrap_or_default().iter().position(|v| !v.is_finite()) {
        None => Ok(()),
        Some(row) => Err(ScatteredFileProblem::NoNumber { column: column.name, found: "NaN or null".into() })
            .at_index("row", (first + row) as u64),
    }
}
