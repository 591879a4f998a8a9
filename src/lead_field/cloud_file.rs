//! Scattered points from CSV and Parquet.
//!
//! Columns `x`, `y`, `z`, `potential` and `ex`, `ey`, `ez`, in any order, others are passed over; a unit may stand behind
//! the name: `x [mm]`, `potential [mV]`, `ex [V/mm]`; without one they are metres, volts and volts per metre. In CSV
//! lines that begin with `#` are comments. A file of points holds no current: it must be given.

use std::path::Path;

use arrow_array::{Array, Float32Array, Float64Array, RecordBatch};
use parquet::arrow::ProjectionMask;

use super::scattered::{Cloud, Samples};
use super::{CurrentProblem, LeadField, Quantity, Request, Values, current};
use crate::error::{Context, Problem, Result, listed};
use crate::geometry::Point;
use crate::io::input_file;
use crate::io::parquet_file::{ParquetProblem, open_batches};
use crate::io::reader_panics::{Guarded, catch};
use crate::units::{FIELDS, LENGTHS, MICROMETERS_PER_METER, POTENTIALS, Units};

/// What can be wrong with a file of points.
#[derive(Debug, thiserror::Error)]
enum CloudFileProblem {
    #[error("missing column, expected `{expected}`, found {found}")]
    NoColumn { expected: &'static str, found: String },
    #[error("no number, expected a value of `{column}`, found `{found}`")]
    NoNumber { column: &'static str, found: String },
    #[error("wrong type, expected floats in column `{column}`, found {found}")]
    Type { column: &'static str, found: String },
    #[error("no CSV: {0}")]
    Csv(String),
}

impl Problem for CloudFileProblem {}

/// A quantity that a file has in a column.
struct Column {
    name: &'static str,
    units: &'static Units,
    /// Of the library's unit, in one of a file that names none.
    default: f64,
    /// Place in the file.
    at: usize,
    factor: f64,
}

/// The columns that a request needs, x, y and z first.
fn wanted(request: &Request<'_>) -> Vec<(&'static str, &'static Units, f64)> {
    let mut columns: Vec<_> = ["x", "y", "z"].map(|name| (name, &LENGTHS, MICROMETERS_PER_METER)).into();
    if request.wants(Quantity::Potential) {
        columns.push(("potential", &POTENTIALS, 1.0));
    }
    if request.wants(Quantity::ElectricField) {
        columns.extend(["ex", "ey", "ez"].map(|name| (name, &FIELDS, 1.0)));
    }
    columns
}

/// Finds the wanted columns in a header.
fn columns(header: &[&str], request: &Request<'_>) -> Result<Vec<Column>> {
    let found = |name: &'static str, units, default| {
        let at = header.iter().position(|cell| name_and_unit(cell).0.eq_ignore_ascii_case(name));
        let missing =
            || CloudFileProblem::NoColumn { expected: name, found: listed(header.iter().map(|c| c.trim()), 12) };
        Ok(Column { name, units, default, at: at.ok_or_else(missing)?, factor: default })
    };
    let found = wanted(request).into_iter().map(|(name, units, default)| found(name, units, default));
    found.map(|column| column.and_then(|column| column.with_unit(header))).collect()
}

impl Column {
    fn with_unit(self, header: &[&str]) -> Result<Self> {
        let unit = header.get(self.at).and_then(|cell| name_and_unit(cell).1);
        let factor = unit.map_or(Ok(self.default), |unit| self.units.factor(unit)).in_object(self.name)?;
        Ok(Self { factor, ..self })
    }
}

/// `x [mm]` and `x (mm)` are `x` and `mm`.
fn name_and_unit(cell: &str) -> (&str, Option<&str>) {
    let cell = cell.trim().trim_start_matches('\u{feff}');
    let Some((name, unit)) = cell.split_once(['[', '(']) else { return (cell, None) };
    (name.trim(), Some(unit.trim_end_matches([']', ')']).trim()))
}

/// Columns of numbers, in the order of [`wanted`], as samples.
fn samples(numbers: Vec<Vec<f64>>, request: &Request<'_>) -> Samples {
    let mut numbers = numbers.into_iter();
    let mut next = || numbers.next().unwrap_or_default();
    let [x, y, z] = [next(), next(), next()];
    let points = x.iter().zip(&y).zip(&z).map(|((&x, &y), &z)| Point::new(x, y, z)).collect();
    let potential = if request.wants(Quantity::Potential) { next() } else { Vec::new() };
    Samples { points, potential, electric: [next(), next(), next()] }
}

fn field(path: &Path, numbers: Vec<Vec<f64>>, request: &Request<'_>) -> Result<LeadField> {
    let current_na = current(request, || Err(CurrentProblem::Missing.into()))?;
    let cloud = Cloud::new(samples(numbers, request))?;
    Ok(LeadField::new(path, Values::Cloud(cloud), current_na)?.placed(request.placement))
}

/// Reads points from CSV.
pub(super) fn read_csv(path: &Path, request: &Request<'_>) -> Result<LeadField> {
    let file = input_file::open(path)?;
    let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(std::io::BufReader::new(file));
    let header = reader.headers().map_err(|e| CloudFileProblem::Csv(e.to_string()))?.clone();
    let columns = columns(&header.iter().collect::<Vec<_>>(), request).at("line", 1)?;
    let mut numbers = vec![Vec::new(); columns.len()];
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(|e| CloudFileProblem::Csv(e.to_string()))? {
        let line = record.position().map_or(0, csv::Position::line);
        for (column, numbers) in columns.iter().zip(&mut numbers) {
            numbers.push(number(column, record.get(column.at)).at("line", line)?);
        }
    }
    field(path, numbers, request)
}

fn number(column: &Column, cell: Option<&str>) -> Result<f64, CloudFileProblem> {
    let cell = cell.unwrap_or_default().trim();
    let number = cell.parse::<f64>().ok().filter(|v| v.is_finite());
    let none = || CloudFileProblem::NoNumber { column: column.name, found: cell.to_string() };
    number.map(|v| v * column.factor).ok_or_else(none)
}

/// Reads points from Parquet.
pub(super) fn read_parquet(path: &Path, request: &Request<'_>) -> Result<LeadField> {
    let builder = open_batches(path)?;
    let schema = builder.schema().clone();
    let header: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
    let mut columns = columns(&header, request)?;
    let mask = ProjectionMask::roots(builder.parquet_schema(), columns.iter().map(|c| c.at));
    // in a projected batch the columns keep the file's order
    let mut order: Vec<usize> = columns.iter().map(|c| c.at).collect();
    order.sort_unstable();
    columns.iter_mut().for_each(|c| c.at = order.binary_search(&c.at).unwrap_or(c.at));
    let mut numbers = vec![Vec::new(); columns.len()];
    let reader = catch(|| builder.with_projection(mask).build().map_err(ParquetProblem::from))?;
    for batch in Guarded::new(reader.map(|batch| batch.map_err(ParquetProblem::from))) {
        let batch = batch?;
        for (column, numbers) in columns.iter().zip(&mut numbers) {
            append(column, &batch, numbers)?;
        }
    }
    field(path, numbers, request)
}

fn append(column: &Column, batch: &RecordBatch, numbers: &mut Vec<f64>) -> Result<()> {
    let first = numbers.len();
    let array = batch.columns().get(column.at).map(AsRef::as_ref);
    let any = array.map(Array::as_any);
    if let Some(floats) = any.and_then(|a| a.downcast_ref::<Float64Array>()) {
        numbers.extend(floats.iter().map(|v| v.unwrap_or(f64::NAN) * column.factor));
    } else if let Some(floats) = any.and_then(|a| a.downcast_ref::<Float32Array>()) {
        numbers.extend(floats.iter().map(|v| v.map_or(f64::NAN, f64::from) * column.factor));
    } else {
        let found = array.map(|a| a.data_type().to_string()).unwrap_or_default();
        return Err(CloudFileProblem::Type { column: column.name, found }.into());
    }
    match numbers.get(first..).unwrap_or_default().iter().position(|v| !v.is_finite()) {
        None => Ok(()),
        Some(row) => Err(CloudFileProblem::NoNumber { column: column.name, found: "NaN or null".into() })
            .at("row", (first + row) as u64),
    }
}
