//! Tables, coefficients and reports as columns in Arrow, Parquet or CSV, and coefficients back.

use std::path::Path;

use leadfield::Result;
use leadfield::convert::coefficients::{self, Batches, Coefficients, to_electrodes_file};
use leadfield::convert::columnar::Columnar;
use leadfield::convert::frames::Frames;
use leadfield::error::{Context, Problem, count, listed};
use leadfield::segments::table::{self, Precision, Table};
use leadfield::sonata::electrodes_file::{ElectrodesFile, Population};
use leadfield::sonata::report;

use super::target::Format;
use super::{ConvertProblem, Width, Work};
use crate::cli::open_table;
use crate::cli::output::{self, Output};

/// Rows of a table that are written together.
const ROWS: usize = 1 << 16;

/// Several populations where one is needed.
#[derive(Debug, thiserror::Error)]
enum PopulationProblem {
    #[error("several populations, expected one, found {0}")]
    Several(String),
}

impl Problem for PopulationProblem {
    fn hint(&self) -> Option<String> {
        Some("choose one with `--population NAME`".into())
    }
}

fn form(format: Format) -> output::Format {
    match format {
        Format::Csv => output::Format::Csv,
        Format::Arrow => output::Format::Arrow,
        _ => output::Format::Parquet,
    }
}

impl Work<'_> {
    /// Opens a table; only one that lost its metadata is given a name.
    pub fn open_table(&self, path: &Path) -> Result<Table> {
        let table = open_table(path, self.args.population.as_deref(), self.common)?;
        if !table.is_foreign() {
            self.check_population(path, &table.metadata().population)?;
        }
        Ok(table)
    }
}

/// A segment table, rows in order.
pub fn of_table(work: &Work<'_>, path: &Path, out: &Path, format: Format) -> Result<String> {
    let table = work.open_table(path)?;
    let precision = match (table.precision(), work.precision()) {
        (Precision::F64, Precision::F64) => Precision::F64,
        _ => Precision::F32,
    };
    let mut output = Output::open(Some(out), form(format), work.existing(), precision.schema())?;
    for part in table.parts() {
        let segments = part.read_by_row()?;
        let places: Vec<usize> = (0..segments.len()).collect();
        for some in places.chunks(ROWS) {
            let batch = table::batch(&segments, some, precision);
            output.write(&batch.map_err(leadfield::convert::ExchangeProblem::from).in_file(path)?)?;
        }
    }
    output.finish()?;
    Ok(count(table.len(), "segment"))
}

fn chosen<'f>(work: &Work<'_>, file: &'f ElectrodesFile) -> Result<&'f Population> {
    match (&work.args.population, file.populations()) {
        (Some(name), _) => file.population(name),
        (None, [only]) => Ok(only),
        (None, several) => {
            let names = listed(several.iter().map(Population::name), 12);
            Err(PopulationProblem::Several(names)).in_file(file.path())
        }
    }
}

/// The coefficients of an electrodes file.
pub fn of_weights(work: &Work<'_>, path: &Path, out: &Path, format: Format) -> Result<String> {
    let file = ElectrodesFile::open(path)?;
    let population = chosen(work, &file)?;
    let coefficients = Coefficients::of(&file, population, work.columns(), (work.shape(), work.precision()))?;
    let mut output = Output::open(Some(out), form(format), work.existing(), coefficients.schema())?;
    coefficients.each(&mut |batch| output.write(batch))?;
    output.finish()?;
    let relabelled = if coefficients.is_relabelled() { ", contacts labelled anew" } else { "" };
    let lost = if format == Format::Csv { "; positions and types of contacts are left out" } else { "" };
    Ok(format!("{} of population `{}`{relabelled}{lost}", count(population.rows(), "row"), population.name()))
}

/// An electrodes file of coefficients in columns.
pub fn to_weights(work: &Work<'_>, path: &Path, out: &Path) -> Result<String> {
    if work.args.precision == Width::F32 {
        return Err(ConvertProblem::Single).in_file(path);
    }
    let columns = Columnar::open(path)?;
    work.check_population(path, coefficients::population_of(&columns.schema())?)?;
    let (contacts, nodes, rows) = to_electrodes_file(&columns, out, work.existing()).in_file(path)?;
    Ok(format!("{}, {}, {}", count(contacts, "contact"), count(nodes, "node"), count(rows, "row")))
}

/// The values of a compartment report.
pub fn of_report(work: &Work<'_>, path: &Path, out: &Path, format: Format) -> Result<String> {
    let known = report::populations(path)?;
    let name = match (&work.args.population, known.as_slice()) {
        (Some(name), _) => name.clone(),
        (None, [only]) => only.clone(),
        (None, several) => return Err(PopulationProblem::Several(listed(several, 12))).in_file(path),
    };
    let frames = Frames::open(path, &name)?;
    let mut output = Output::open(Some(out), form(format), work.existing(), frames.schema())?;
    frames.each(&mut |batch| output.write(batch))?;
    output.finish()?;
    let (number, elements) = frames.size();
    Ok(format!("{} of {} of population `{name}`", count(number as u64, "frame"), count(elements as u64, "element")))
}
