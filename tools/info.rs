//! `leadfield info`: describes a file and its content.

mod circuit;
mod table;
mod weights;

use std::path::{Path, PathBuf};

use leadfield::Result;
use leadfield::error::{Context, FileProblem, Problem, format_count};
use leadfield::io::checkpoint::{Checkpoint, OutputPlan};
use leadfield::io::input_file;
use serde_json::json;

use crate::cli::facts::{Facts, format_bytes};
use crate::cli::help::{OUTPUT, examples};
use crate::cli::{Common, Outcome, console};

/// Describe the content of a segment table, an electrodes file or a circuit
#[derive(clap::Args)]
#[command(after_help = examples!(
    "leadfield info segments.parquet",
    "leadfield info weights.h5 --json",
    "leadfield info weights.h5.partial   # how far an interrupted run came",
))]
pub struct Args {
    /// Segment table (file or folder), electrodes file, circuit or simulation configuration
    file: PathBuf,
    /// Print JSON
    #[arg(long, help_heading = OUTPUT)]
    json: bool,
}

/// The type of a file is unknown.
#[derive(Debug, thiserror::Error)]
#[error("unknown file type, expected a segment table (Parquet), an electrodes file (HDF5) or a configuration (JSON)")]
struct UnknownKind;

impl Problem for UnknownKind {}

/// Type of a file, detected by its first bytes.
#[derive(Debug, PartialEq, Eq)]
enum FileKind {
    Table,
    Hdf5,
    Json,
}

/// Runs the tool.
pub fn run(args: &Args, common: &Common) -> Result<Outcome> {
    let facts = match detect_kind(&args.file)? {
        FileKind::Table => match find_unfinished_run(&args.file)? {
            None => table::collect_facts(&args.file, common)?,
            Some(record) => {
                let mut facts = Facts::default();
                add_progress(&mut facts, "segment table, unfinished", &record)?;
                facts
            }
        },
        FileKind::Hdf5 => weights::collect_facts(&args.file)?,
        FileKind::Json => circuit::collect_facts(&args.file)?,
    };
    if args.json {
        console::print(format_args!("{:#}\n", facts.to_json()))?
    } else {
        console::print(facts)?
    }
    Ok(Outcome::Done)
}

fn detect_kind(path: &Path) -> Result<FileKind> {
    if path.is_dir() {
        return Ok(FileKind::Table);
    }
    let mut start = [0; 8];
    let mut file = input_file::open(path)?;
    let n = std::io::Read::read(&mut file, &mut start).map_err(FileProblem::Read).in_file(path)?;
    let text = start[..n].trim_ascii_start();
    match &start[..n] {
        b if b.starts_with(b"PAR1") => Ok(FileKind::Table),
        b if b.starts_with(b"\x89HDF") => Ok(FileKind::Hdf5),
        _ if text.first() == Some(&b'{') => Ok(FileKind::Json),
        _ => Err(UnknownKind).in_file(path),
    }
}

/// Returns the checkpoint of an unfinished output; `None` if the output is complete.
fn find_unfinished_run(path: &Path) -> Result<Option<Checkpoint>> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.strip_suffix(".partial").map_or(Ok(None), |output| Checkpoint::read(&path.with_file_name(output)))
}

/// How far an interrupted run came.
fn add_progress(facts: &mut Facts, kind: &str, checkpoint: &Checkpoint) -> Result<()> {
    let (parts, segments) = checkpoint.progress()?;
    let OutputPlan { program, inputs, units: all, segments: total } = checkpoint.plan();
    let progress =
        format!("{parts} of {}, {segments} of {}", format_count(*all, "part"), format_count(*total, "segment"));
    facts.add("kind", kind);
    let done = json!({ "parts": parts, "of_parts": all, "segments": segments, "of_segments": total });
    facts.add_with("progress", progress, done);
    facts.add("begun by", format!("{program}, inputs {inputs:016x}"));
    Ok(())
}
