//! Writes rows as a table, CSV, JSON lines, Arrow IPC or Parquet, to a file or to standard output.

use std::io::{BufWriter, IsTerminal, Write};
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_ipc::writer::{FileWriter, StreamWriter};
use arrow_schema::{ArrowError, SchemaRef};
use leadfield::error::{Context, FileProblem, Problem, escape_controls, format_count};
use leadfield::io::atomic_output::{AtomicOutput, OverwritePolicy};
use leadfield::io::parquet_file::{Writer, properties_builder};
use leadfield::signals::output::{ColumnShape, SignalColumns, SignalFormat, SignalsRequest};
use leadfield::{Error, Result};
use parquet::errors::ParquetError;

use super::console::STANDARD_OUTPUT;
use super::text::{Cells, CsvLines, JsonLines};

/// Maximum number of rows in a table on a terminal.
const MAX_TABLE_ROWS: usize = 40;

/// Format of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum OutputFormat {
    /// Aligned columns, at most 40 rows
    Table,
    /// Comma-separated values with a header
    Csv,
    /// One JSON object per line
    Jsonl,
    /// Arrow IPC: a file with `--output`, a stream otherwise
    Arrow,
    /// Parquet
    Parquet,
}

/// Errors of writing output.
#[derive(Debug, thiserror::Error)]
enum OutputProblem {
    #[error("unknown output format, expected a name that ends in .csv, .jsonl, .arrow or .parquet")]
    Extension,
    #[error("cannot be written: {0}")]
    Arrow(#[source] ArrowError),
    #[error("cannot be written: {0}")]
    Parquet(#[source] ParquetError),
}

impl Problem for OutputProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Extension => Some("or give the format: `--format csv`".into()),
            Self::Arrow(_) | Self::Parquet(_) => None,
        }
    }
}

impl OutputFormat {
    /// Returns the given format, or else that of the file name, or the default for standard output.
    pub fn resolve(named: Option<Self>, out: Option<&Path>) -> Result<Self> {
        match (named, out) {
            (Some(format), _) => Ok(format),
            (None, None) if std::io::stdout().is_terminal() => Ok(Self::Table),
            (None, None) => Ok(Self::Csv),
            (None, Some(path)) => match path.extension().and_then(|e| e.to_str()) {
                Some("csv") => Ok(Self::Csv),
                Some("jsonl" | "ndjson") => Ok(Self::Jsonl),
                Some("arrow" | "feather") => Ok(Self::Arrow),
                Some("parquet") => Ok(Self::Parquet),
                _ => Err(OutputProblem::Extension).in_file(path),
            },
        }
    }
}

type BoxedWriter = Box<dyn Write + Send>;

/// An output for batches of rows.
pub struct OutputSink {
    output_file: Option<AtomicOutput>,
    sink: FormatWriter,
}

enum FormatWriter {
    Table { out: BoxedWriter, kept: Vec<RecordBatch>, rows: u64, schema: SchemaRef },
    Csv(BoxedWriter),
    Jsonl(BoxedWriter),
    ArrowFile(FileWriter<BoxedWriter>),
    ArrowStream(StreamWriter<BoxedWriter>),
    Parquet(Box<Writer<BoxedWriter>>),
}

impl OutputSink {
    /// Opens the output and writes its header.
    pub fn open(
        path: Option<&Path>,
        format: OutputFormat,
        existing: OverwritePolicy,
        schema: SchemaRef,
    ) -> Result<Self> {
        let staged = path.map(|path| AtomicOutput::create_file(path, existing)).transpose()?;
        let out: BoxedWriter = match &staged {
            Some(staged) => Box::new(BufWriter::with_capacity(1 << 16, staged.open_writer()?)),
            None => Box::new(BufWriter::with_capacity(1 << 16, std::io::stdout())),
        };
        let sink = FormatWriter::open(out, format, staged.is_some(), schema)
            .map_err(|e| with_output_path(e, staged.as_ref()))?;
        Ok(Self { output_file: staged, sink })
    }

    /// Writes rows.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.sink.write(batch).map_err(|e| with_output_path(e, self.output_file.as_ref()))
    }

    /// Writes the footer, and gives the file its final name.
    pub fn finish(self) -> Result<()> {
        let staged = self.output_file;
        self.sink.finish().map_err(|e| with_output_path(e, staged.as_ref()))?;
        staged.map_or(Ok(()), AtomicOutput::commit)
    }
}

/// Converts an error of Arrow, or of the operating system through it.
fn arrow_error(error: ArrowError) -> Error {
    match error {
        ArrowError::IoError(_, system) => FileProblem::Write(system).into(),
        error => OutputProblem::Arrow(error).into(),
    }
}

/// Converts an error of Parquet, or of the operating system through it.
fn parquet_error(error: ParquetError) -> Error {
    match error {
        ParquetError::External(inner) => match inner.downcast() {
            Ok(system) => FileProblem::Write(*system).into(),
            Err(inner) => OutputProblem::Parquet(ParquetError::External(inner)).into(),
        },
        error => OutputProblem::Parquet(error).into(),
    }
}

/// Adds the output's file name to an error.
fn with_output_path(error: Error, staged: Option<&AtomicOutput>) -> Error {
    error.in_file(staged.map_or(Path::new(STANDARD_OUTPUT), AtomicOutput::target_path))
}

impl FormatWriter {
    fn open(mut out: BoxedWriter, format: OutputFormat, file: bool, schema: SchemaRef) -> Result<Self> {
        Ok(match format {
            OutputFormat::Table => Self::Table { out, kept: Vec::new(), rows: 0, schema },
            OutputFormat::Csv => {
                let names = schema.fields().iter().map(|f| f.name().as_str());
                CsvLines.write_line(names, &mut out).map_err(FileProblem::Write)?;
                Self::Csv(out)
            }
            OutputFormat::Jsonl => Self::Jsonl(out),
            OutputFormat::Arrow if file => Self::ArrowFile(FileWriter::try_new(out, &schema).map_err(arrow_error)?),
            OutputFormat::Arrow => Self::ArrowStream(StreamWriter::try_new(out, &schema).map_err(arrow_error)?),
            OutputFormat::Parquet => {
                let writer = Writer::new(out, schema, properties_builder().build()).map_err(parquet_error)?;
                Self::Parquet(Box::new(writer))
            }
        })
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        match self {
            Self::Table { kept, rows, .. } => {
                let room = MAX_TABLE_ROWS.saturating_sub(usize::try_from(*rows).unwrap_or(usize::MAX));
                if room > 0 {
                    kept.push(batch.slice(0, room.min(batch.num_rows())));
                }
                *rows += batch.num_rows() as u64;
                Ok(())
            }
            Self::Csv(out) => Ok(CsvLines.write_rows(batch, out).map_err(FileProblem::Write)?),
            Self::Jsonl(out) => Ok(JsonLines.write_rows(batch, out).map_err(FileProblem::Write)?),
            Self::ArrowFile(writer) => Ok(writer.write(batch).map_err(arrow_error)?),
            Self::ArrowStream(writer) => Ok(writer.write(batch).map_err(arrow_error)?),
            Self::Parquet(writer) => Ok(writer.write(batch).map_err(parquet_error)?),
        }
    }

    fn finish(self) -> Result<()> {
        match self {
            Self::Table { mut out, kept, rows, schema } => {
                let text = format_table(&schema, &kept, rows, terminal_width());
                Ok(out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(FileProblem::Write)?)
            }
            Self::Csv(mut out) | Self::Jsonl(mut out) => Ok(out.flush().map_err(FileProblem::Write)?),
            Self::ArrowFile(mut writer) => Ok(writer.finish().map_err(arrow_error)?),
            Self::ArrowStream(mut writer) => Ok(writer.finish().map_err(arrow_error)?),
            Self::Parquet(writer) => {
                writer.finish().map_err(parquet_error)?;
                Ok(())
            }
        }
    }
}

/// Returns the width of the terminal; `None` if the output is none, unless `COLUMNS` states a width.
fn terminal_width() -> Option<usize> {
    let stated = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let own = || {
        let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
        Some(usize::from(size.ws_col)).filter(|width| *width > 0)
    };
    stated.or_else(own)
}

/// The spaces between two columns.
const COLUMN_GAP: &str = "  ";

/// Returns how many of the first columns fit into a width; at least one.
fn count_fitting(widths: &[usize], most: Option<usize>) -> usize {
    let Some(most) = most else { return widths.len() };
    let ends = widths.iter().scan(0, |end, width| {
        *end += width + if *end == 0 { 0 } else { COLUMN_GAP.len() };
        Some(*end)
    });
    ends.take_while(|end| *end <= most).count().clamp(1, widths.len().max(1))
}

/// Formats rows as aligned columns that fit into a width, and adds how many rows and which columns are not shown.
fn format_table(schema: &SchemaRef, kept: &[RecordBatch], rows: u64, most: Option<usize>) -> String {
    let escape = |cell: String| escape_controls(&cell).into_owned();
    let header = schema.fields().iter().map(|f| escape(f.name().clone())).collect();
    let mut lines: Vec<Vec<String>> = vec![header];
    for batch in kept {
        let cells = Cells::new(batch);
        lines.extend((0..batch.num_rows()).map(|i| cells.row(i).into_iter().map(escape).collect()));
    }
    let width = |k: usize| lines.iter().filter_map(|line| line.get(k)).map(|c| c.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..schema.fields().len()).map(width).collect();
    let shown = count_fitting(&widths, most);
    let mut text = String::new();
    for line in &lines {
        let cells = line.iter().zip(&widths).take(shown);
        let cells: Vec<String> = cells.map(|(cell, &width)| format!("{cell:>width$}")).collect();
        text += cells.join(COLUMN_GAP).trim_end();
        text.push('\n');
    }
    let listed = lines.len() as u64 - 1;
    if rows > listed {
        let more = format_count(rows - listed, "more row");
        text += &format!("... and {more}; `--format csv` prints all\n");
    }
    let hidden: Vec<&str> = schema.fields().iter().skip(shown).map(|field| field.name().as_str()).collect();
    if !hidden.is_empty() {
        let more = format_count(hidden.len() as u64, "more column");
        text += &format!("... and {more} than fit: {}; `--columns` chooses\n", hidden.join(", "));
    }
    text
}

/// Writes signals as a table of columns, from its beginning to its end, block by block; to standard output without a path.
pub fn write_signal_columns(request: &SignalsRequest<'_>, path: Option<&Path>, shape: ColumnShape) -> Result<()> {
    let SignalsRequest { signals, settings, .. } = *request;
    let columns = SignalColumns::new(signals, shape, request.value_type).in_file(request.output)?;
    let format = match request.format {
        SignalFormat::Parquet => OutputFormat::Parquet,
        SignalFormat::Arrow => OutputFormat::Arrow,
        _ => OutputFormat::Csv,
    };
    let mut sink = OutputSink::open(path, format, settings.existing, columns.schema())?;
    let frames = signals.times_ms().len();
    for first in (0..frames).step_by(signals.block_frames()) {
        let end = frames.min(first + signals.block_frames());
        let block = signals.compute_frames(first..end, settings.is_stopped, settings.on_progress)?;
        columns.for_each_batch(&block, &mut |batch| sink.write(batch)).in_file(request.output)?;
    }
    sink.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{ArrayRef, UInt64Array};
    use std::sync::Arc;

    #[test]
    fn tables_show_the_columns_that_fit_and_name_the_others() {
        let column = |value| Arc::new(UInt64Array::from(vec![value])) as ArrayRef;
        let batch = RecordBatch::try_from_iter([("a", column(1)), ("bc", column(123)), ("d", column(4))]).unwrap();
        let table = |most| format_table(&batch.schema(), std::slice::from_ref(&batch), 2, most);
        let rows = "... and 1 more row; `--format csv` prints all\n";
        // the columns are 1, 3 and 1 wide, with gaps of 2
        let whole = format!("a   bc  d\n1  123  4\n{rows}");
        assert_eq!((table(None), table(Some(9))), (whole.clone(), whole));
        let hidden = "... and 1 more column than fit: d; `--columns` chooses\n";
        assert_eq!(table(Some(8)), format!("a   bc\n1  123\n{rows}{hidden}"));
        let hidden = "... and 2 more columns than fit: bc, d; `--columns` chooses\n";
        assert_eq!(
            (table(Some(5)), table(Some(0))),
            (format!("a\n1\n{rows}{hidden}"), format!("a\n1\n{rows}{hidden}"))
        );
    }
}
