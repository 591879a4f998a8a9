//! Converts tables, weights and reports to columns in Arrow, Parquet or CSV, and weights back.

use std::path::Path;

use leadfield::Result;
use leadfield::convert::columnar::ColumnarFile;
use leadfield::convert::report_frames::ReportFrames;
use leadfield::convert::weight_table::{self, BatchSource, WeightTable, write_electrodes_file};
use leadfield::error::{Context, Problem, format_count, join_quoted};
use leadfield::segments::table::{self, Precision, SegmentTable};
use leadfield::sonata::compartment_report;
use leadfield::sonata::electrodes_file::{ElectrodesFile, PopulationEntry};

use super::target::TargetFormat;
use super::{Conversion, ConvertProblem, PrecisionArg};
use crate::cli::open_table;
use crate::cli::output::{self, OutputSink};

/// Number of rows of a table that are written together.
const ROWS_PER_BATCH: usize = 1 << 16;

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

fn output_format(format: TargetFormat) -> output::OutputFormat {
    match format {
        TargetFormat::Csv => output::OutputFormat::Csv,
        TargetFormat::Arrow => output::OutputFormat::Arrow,
        _ => output::OutputFormat::Parquet,
    }
}

impl Conversion<'_> {
    /// Opens a table, and sets its population if it lost its metadata.
    pub fn open_table(&self, path: &Path) -> Result<SegmentTable> {
        let table = open_table(path, self.args.population.as_deref(), self.common)?;
        if !table.lacks_metadata() {
            self.check_population(path, &table.metadata().population)?;
        }
        Ok(table)
    }
}

/// Converts a segment table to columns, with rows in order.
pub fn table_to_columns(work: &Conversion<'_>, path: &Path, out: &Path, format: TargetFormat) -> Result<String> {
    let table = work.open_table(path)?;
    let precision = match (table.precision(), work.precision()) {
        (Precision::F64, Precision::F64) => Precision::F64,
        _ => Precision::F32,
    };
    let mut output = OutputSink::open(Some(out), output_format(format), work.overwrite_policy(), precision.schema())?;
    for part in table.parts() {
        let segments = part.read_by_row()?;
        table::check_coordinate_range(&segments, precision).in_file(path)?;
        let places: Vec<usize> = (0..segments.len()).collect();
        for some in places.chunks(ROWS_PER_BATCH) {
            let batch = table::segments_to_batch(&segments, some, precision);
            output.write(&batch.map_err(leadfield::convert::ConversionProblem::from).in_file(path)?)?;
        }
    }
    output.finish()?;
    Ok(format_count(table.len(), "segment"))
}

fn select_population<'f>(work: &Conversion<'_>, file: &'f ElectrodesFile) -> Result<&'f PopulationEntry> {
    match (&work.args.population, file.populations()) {
        (Some(name), _) => file.population(name),
        (None, [only]) => Ok(only),
        (None, several) => {
            let names = join_quoted(several.iter().map(PopulationEntry::name), 12);
            Err(PopulationProblem::Several(names)).in_file(file.path())
        }
    }
}

/// Converts the weights of an electrodes file to columns.
pub fn weights_to_columns(work: &Conversion<'_>, path: &Path, out: &Path, format: TargetFormat) -> Result<String> {
    let file = ElectrodesFile::open(path)?;
    let population = select_population(work, &file)?;
    let weights = WeightTable::new(&file, population, work.column_rule(), (work.weights_layout(), work.precision()))?;
    let mut output = OutputSink::open(Some(out), output_format(format), work.overwrite_policy(), weights.schema())?;
    weights.for_each_batch(&mut |batch| output.write(batch))?;
    output.finish()?;
    let relabelled = if weights.is_relabelled() { ", contacts relabelled" } else { "" };
    let lost = if format == TargetFormat::Csv { "; positions and types of contacts are left out" } else { "" };
    Ok(format!("{} of population `{}`{relabelled}{lost}", format_count(population.rows(), "row"), population.name()))
}

/// Converts columns of weights to an electrodes file.
pub fn columns_to_weights(work: &Conversion<'_>, path: &Path, out: &Path) -> Result<String> {
    if work.args.precision == PrecisionArg::F32 {
        return Err(ConvertProblem::Float32Weights).in_file(path);
    }
    let columns = ColumnarFile::open(path)?;
    work.check_population(path, weight_table::population_name(&columns.schema())?)?;
    let (contacts, nodes, rows) = write_electrodes_file(&columns, out, work.overwrite_policy()).in_file(path)?;
    Ok(format!("{}, {}, {}", format_count(contacts, "contact"), format_count(nodes, "node"), format_count(rows, "row")))
}

/// Converts the values of a report to columns.
pub fn report_to_columns(work: &Conversion<'_>, path: &Path, out: &Path, format: TargetFormat) -> Result<String> {
    let known = compartment_report::list_populations(path)?;
    let name = match (&work.args.population, known.as_slice()) {
        (Some(name), _) => name.clone(),
        (None, [only]) => only.clone(),
        (None, several) => return Err(PopulationProblem::Several(join_quoted(several, 12))).in_file(path),
    };
    let frames = ReportFrames::open(path, &name)?;
    let mut output = OutputSink::open(Some(out), output_format(format), work.overwrite_policy(), frames.schema())?;
    frames.for_each_batch(&mut |batch| output.write(batch))?;
    output.finish()?;
    let (number, elements) = frames.dimensions();
    let online = if frames.is_online() { "; taken as an online `lfp` report, whose elements are contacts" } else { "" };
    Ok(format!(
        "{} of {} of population `{name}`{online}",
        format_count(number as u64, "frame"),
        format_count(elements as u64, "element")
    ))
}
