//! `leadfield info`: describes a file of any kind that a tool reads.

mod circuit;
mod contacts;
mod others;
mod table;
mod weights;

use std::io::Read;
use std::path::{Path, PathBuf};

use leadfield::Result;
use leadfield::error::{Context, FileProblem, Problem, format_count};
use leadfield::file_kind::FileKind;
use leadfield::io::checkpoint::{Checkpoint, OutputPlan, format_units};
use leadfield::io::input_file;
use serde_json::json;

use crate::cli::facts::{Facts, format_bytes};
use crate::cli::help::{OUTPUT, examples};
use crate::cli::{Common, Outcome, console};

/// Describe the content of a file: tables, electrodes files, circuits, contacts, and all other kinds that tools read
#[derive(clap::Args)]
#[command(after_help = examples!(
    "leadfield info segments.parquet --check",
    "leadfield info weights.h5 --json",
    "leadfield info weights.h5.partial   # how far an interrupted run came",
))]
pub struct Args {
    /// A file of any kind that a tool reads, or a folder of a table, of tables or with a configuration
    file: PathBuf,
    /// Read all rows of a segment table, and check checksums, statistics and lists, as `validate positions` does
    #[arg(long)]
    check: bool,
    /// Print JSON
    #[arg(long, help_heading = OUTPUT)]
    json: bool,
}

/// There is nothing to check in a file of this kind.
#[derive(Debug, thiserror::Error)]
#[error("`--check` reads segment tables, expected one, found {0}")]
struct NothingToCheck(&'static str);

impl Problem for NothingToCheck {
    fn hint(&self) -> Option<String> {
        Some(
            "`leadfield validate electrodes-file` checks electrodes files; others are checked when they are read"
                .into(),
        )
    }
}

/// The kind of a file is unknown.
#[derive(Debug, thiserror::Error)]
#[error("unknown kind of file, expected one that a tool of `leadfield` reads")]
struct UnknownKind;

impl Problem for UnknownKind {
    fn hint(&self) -> Option<String> {
        Some(
            "it may be damaged, cut short or empty, or be what no tool reads: `.npy`, signals in `.csv`, `.checkpoint`"
                .into(),
        )
    }
}

/// Runs the tool.
pub fn run(args: &Args, common: &Common) -> Result<Outcome> {
    let path = &args.file;
    if args.check && find_unfinished_run(path)?.is_some() {
        return Err(NothingToCheck("an unfinished output")).in_file(path);
    }
    let facts = if let (true, Some(record)) = (path.is_dir(), find_unfinished_run(path)?) {
        let mut facts = Facts::default();
        add_progress(&mut facts, "segment table, unfinished", &record)?;
        facts
    } else {
        let kind = detect(path)?;
        if args.check && kind != FileKind::SegmentTable {
            return Err(NothingToCheck(kind.describe())).in_file(path);
        }
        let mut facts = collect_facts(path, kind, common)?;
        if args.check {
            table::add_check(&mut facts, path, common)?;
        }
        facts
    };
    if args.json {
        console::print(format_args!("{:#}\n", facts.to_json()))?
    } else {
        console::print(facts)?
    }
    Ok(Outcome::Done)
}

/// Detects the kind of a file. A damaged one is described by the reader for its first bytes, which says what is wrong.
fn detect(path: &Path) -> Result<FileKind> {
    if let Some(kind) = FileKind::detect(path)? {
        return Ok(kind);
    }
    let mut start = [0; 4];
    let n = input_file::open(path)?.read(&mut start).map_err(FileProblem::Read).in_file(path)?;
    match start.get(..n).unwrap_or_default() {
        b"PAR1" => Ok(FileKind::SegmentTable),
        b"\x89HDF" => Ok(FileKind::ElectrodesFile),
        [b'{', ..] => Ok(FileKind::CircuitConfig),
        _ => Err(UnknownKind).in_file(path),
    }
}

fn collect_facts(path: &Path, kind: FileKind, common: &Common) -> Result<Facts> {
    match kind {
        FileKind::SegmentTable => match find_unfinished_run(path)? {
            None => table::collect_facts(path, common),
            Some(record) => {
                let mut facts = Facts::default();
                add_progress(&mut facts, "segment table, unfinished", &record)?;
                Ok(facts)
            }
        },
        FileKind::ElectrodesFile => weights::collect_facts(path),
        FileKind::CircuitConfig | FileKind::SimulationConfig | FileKind::ConfigFolder => circuit::collect_facts(path),
        FileKind::ContactTable | FileKind::ContactList | FileKind::Probeinterface => {
            contacts::collect_facts(path, kind)
        }
        _ => others::collect_facts(path, kind),
    }
}

/// Returns the checkpoint of an unfinished output; `None` if the output is complete.
fn find_unfinished_run(path: &Path) -> Result<Option<Checkpoint>> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.strip_suffix(".partial").map_or(Ok(None), |output| Checkpoint::read(&path.with_file_name(output)))
}

/// Adds the progress of an interrupted run.
fn add_progress(facts: &mut Facts, kind: &str, checkpoint: &Checkpoint) -> Result<()> {
    let (units, segments) = checkpoint.progress()?;
    let OutputPlan { program, inputs, units: all, segments: total } = checkpoint.plan();
    let progress = format!("{units} of {}, {segments} of {}", format_units(*all), format_count(*total, "segment"));
    facts.add("kind", kind);
    let done = json!({ "parts": units, "of_parts": all, "segments": segments, "of_segments": total });
    facts.add_with("progress", progress, done);
    facts.add("begun by", format!("{program}, inputs {inputs:016x}"));
    Ok(())
}
