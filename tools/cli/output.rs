//! Where rows go: a table for people, CSV, JSON lines, Arrow IPC or Parquet, to a file or to standard output.

use std::io::{BufWriter, IsTerminal, Write};
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_ipc::writer::{FileWriter, StreamWriter};
use arrow_schema::{ArrowError, SchemaRef};
use leadfield::error::{Context, FileProblem, Problem};
use leadfield::io::atomic_output::{Existing, Staged};
use leadfield::io::parquet_file::{Writer, properties_builder};
use leadfield::{Error, Result};
use parquet::errors::ParquetError;

use super::console::STANDARD_OUTPUT;
use super::text::{Cells, Json, Plain};

/// Rows of a table on a terminal.
const TABLE_ROWS: usize = 40;

/// The form of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Aligned columns, at most 40 rows
    Table,
    /// Comma-separated values with a header
    Csv,
    /// One JSON object a line
    Jsonl,
    /// Arrow IPC: a file with `--out`, a stream otherwise
    Arrow,
    /// Parquet
    Parquet,
}

/// What can go wrong on the way out.
#[derive(Debug, thiserror::Error)]
enum OutputProblem {
    #[error("unknown form of output, expected a name that ends in .csv, .jsonl, .arrow or .parquet")]
    Extension,
    #[error("cannot be written: {0}")]
    Arrow(#[source] ArrowError),
    #[error("cannot be written: {0}")]
    Parquet(#[source] ParquetError),
}

impl Problem for OutputProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Extension => Some("or name the form: `--format csv`".into()),
            Self::Arrow(_) | Self::Parquet(_) => None,
        }
    }
}

impl Format {
    /// The form that is named, that of the file's name, or that of standard output.
    pub fn of(named: Option<Self>, out: Option<&Path>) -> Result<Self> {
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

type Out = Box<dyn Write + Send>;

/// An output that takes batches of rows.
pub struct Output {
    staged: Option<Staged>,
    sink: Sink,
}

enum Sink {
    Table { out: Out, kept: Vec<RecordBatch>, rows: u64, schema: SchemaRef },
    Csv(Out),
    Jsonl(Out),
    ArrowFile(FileWriter<Out>),
    ArrowStream(StreamWriter<Out>),
    Parquet(Box<Writer<Out>>),
}

impl Output {
    /// Opens the output and writes what comes before the rows.
    pub fn open(path: Option<&Path>, format: Format, existing: Existing, schema: SchemaRef) -> Result<Self> {
        let staged = path.map(|path| Staged::new(path, existing)).transpose()?;
        let out: Out = match &staged {
            Some(staged) => Box::new(BufWriter::with_capacity(1 << 16, staged.file()?)),
            None => Box::new(BufWriter::with_capacity(1 << 16, std::io::stdout())),
        };
        let sink = Sink::open(out, format, staged.is_some(), schema).map_err(|e| named(e, staged.as_ref()))?;
        Ok(Self { staged, sink })
    }

    /// Writes rows.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.sink.write(batch).map_err(|e| named(e, self.staged.as_ref()))
    }

    /// Writes what comes after the rows, and gives a file its name.
    pub fn finish(self) -> Result<()> {
        let staged = self.staged;
        self.sink.finish().map_err(|e| named(e, staged.as_ref()))?;
        staged.map_or(Ok(()), Staged::commit)
    }
}

/// What Arrow says, or the system through it.
fn of_arrow(error: ArrowError) -> Error {
    match error {
        ArrowError::IoError(_, system) => FileProblem::Write(system).into(),
        error => OutputProblem::Arrow(error).into(),
    }
}

/// What Parquet says, or the system through it.
fn of_parquet(error: ParquetError) -> Error {
    match error {
        ParquetError::External(inner) => match inner.downcast() {
            Ok(system) => FileProblem::Write(*system).into(),
            Err(inner) => OutputProblem::Parquet(ParquetError::External(inner)).into(),
        },
        error => OutputProblem::Parquet(error).into(),
    }
}

/// An error of the output's file.
fn named(error: Error, staged: Option<&Staged>) -> Error {
    error.in_file(staged.map_or(Path::new(STANDARD_OUTPUT), Staged::target))
}

impl Sink {
    fn open(mut out: Out, format: Format, file: bool, schema: SchemaRef) -> Result<Self> {
        Ok(match format {
            Format::Table => Self::Table { out, kept: Vec::new(), rows: 0, schema },
            Format::Csv => {
                let names = schema.fields().iter().map(|f| f.name().as_str());
                Plain.line(names, &mut out).map_err(FileProblem::Write)?;
                Self::Csv(out)
            }
            Format::Jsonl => Self::Jsonl(out),
            Format::Arrow if file => Self::ArrowFile(FileWriter::try_new(out, &schema).map_err(of_arrow)?),
            Format::Arrow => Self::ArrowStream(StreamWriter::try_new(out, &schema).map_err(of_arrow)?),
            Format::Parquet => {
                let writer = Writer::new(out, schema, properties_builder().build()).map_err(of_parquet)?;
                Self::Parquet(Box::new(writer))
            }
        })
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        match self {
            Self::Table { kept, rows, .. } => {
                let room = TABLE_ROWS.saturating_sub(usize::try_from(*rows).unwrap_or(usize::MAX));
                if room > 0 {
                    kept.push(batch.slice(0, room.min(batch.num_rows())));
                }
                *rows += batch.num_rows() as u64;
                Ok(())
            }
            Self::Csv(out) => Ok(Plain.rows(batch, out).map_err(FileProblem::Write)?),
            Self::Jsonl(out) => Ok(Json.rows(batch, out).map_err(FileProblem::Write)?),
            Self::ArrowFile(writer) => Ok(writer.write(batch).map_err(of_arrow)?),
            Self::ArrowStream(writer) => Ok(writer.write(batch).map_err(of_arrow)?),
            Self::Parquet(writer) => Ok(writer.write(batch).map_err(of_parquet)?),
        }
    }

    fn finish(self) -> Result<()> {
        match self {
            Self::Table { mut out, kept, rows, schema } => {
                let text = table(&schema, &kept, rows);
                Ok(out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(FileProblem::Write)?)
            }
            Self::Csv(mut out) | Self::Jsonl(mut out) => Ok(out.flush().map_err(FileProblem::Write)?),
            Self::ArrowFile(mut writer) => Ok(writer.finish().map_err(of_arrow)?),
            Self::ArrowStream(mut writer) => Ok(writer.finish().map_err(of_arrow)?),
            Self::Parquet(writer) => {
                writer.finish().map_err(of_parquet)?;
                Ok(())
            }
        }
    }
}

/// Aligned columns, and how many rows are not shown.
fn table(schema: &SchemaRef, kept: &[RecordBatch], rows: u64) -> String {
    let header = schema.fields().iter().map(|f| f.name().clone()).collect();
    let mut lines: Vec<Vec<String>> = vec![header];
    for batch in kept {
        let cells = Cells::of(batch);
        lines.extend((0..batch.num_rows()).map(|i| cells.row(i)));
    }
    let width = |k: usize| lines.iter().filter_map(|line| line.get(k)).map(|c| c.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..schema.fields().len()).map(width).collect();
    let mut text = String::new();
    for line in &lines {
        let cells: Vec<String> = line.iter().zip(&widths).map(|(cell, &width)| format!("{cell:>width$}")).collect();
        text += cells.join("  ").trim_end();
        text.push('\n');
    }
    let shown = lines.len() as u64 - 1;
    if rows > shown {
        text += &format!("... and {} more rows; `--format csv` gives all\n", rows - shown);
    }
    text
}
