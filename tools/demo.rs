//! `leadfield demo`: runs the main steps on synthetic data, and compares with stored output of the original program.

mod embedded;
mod steps;

use std::path::{Path, PathBuf};

use leadfield::Result;
use leadfield::circuit::synthetic;
use leadfield::error::{Context, FileProblem, Problem};
use leadfield::io::atomic_output::{FolderEntry, OutputLock, OverwritePolicy, check_contents, check_target};

use crate::cli::help::{CIRCUIT, OUTPUT, examples};
use crate::cli::{Common, Outcome, console};
use steps::DemoStep;

/// Run the main steps on a synthetic circuit, and compare the result with a stored reference
#[derive(clap::Args)]
#[command(after_help = examples!(
    "leadfield demo",
    "leadfield demo trial --cells 20 --force",
))]
pub struct Args {
    /// Folder to write
    #[arg(value_name = "DIR", default_value = "leadfield-demo")]
    folder: PathBuf,
    /// Number of synthetic neurons
    #[arg(long, help_heading = CIRCUIT, value_name = "N", default_value_t = 100)]
    cells: usize,
    /// Replace the folder of an earlier demo
    #[arg(short, long, help_heading = OUTPUT)]
    force: bool,
}

/// A folder that must not be replaced.
#[derive(Debug, thiserror::Error)]
#[error("folder exists and is not from an earlier demo, expected a folder with `{MARKER_FILE}`")]
struct NotDemoFolder;

impl Problem for NotDemoFolder {
    fn hint(&self) -> Option<String> {
        Some("choose another folder: `leadfield demo DIR`".into())
    }
}

/// The file that marks a folder as a demo's.
const MARKER_FILE: &str = "reference/np8.h5";

/// Outputs of a demo besides the circuit, and the files of the reference that are not embedded in the program.
const FILES: [&str; 8] = [
    "circuit",
    "probe.csv",
    "segments.parquet",
    "weights.h5",
    "weights.svg",
    "report.html",
    "reference/segments.parquet",
    "reference/weights.h5",
];

/// Runs the tool.
pub fn run(args: &Args, common: &Common) -> Result<Outcome> {
    // locked until the demo ends, so that two demos cannot write to the same folder
    let _claim = prepare_folder(&args.folder, args.force)?;
    let mut steps = vec![
        steps::make_circuit(&args.folder, args.cells)?,
        steps::make_probe(&args.folder)?,
        steps::make_segments(&args.folder)?,
        steps::make_weights(&args.folder)?,
    ];
    let (checked, outcome) = steps::check_against_reference(&args.folder)?;
    steps.push(checked);
    let page = steps::make_report(&args.folder, &steps)?;
    steps.push(page);
    print_summary(&steps)?;
    common.print_note(format_args!("\nNext: open {} in a browser", args.folder.join("report.html").display()));
    Ok(outcome)
}

/// Creates and locks the folder; with `--force`, the folder of an earlier demo is emptied.
fn prepare_folder(folder: &Path, force: bool) -> Result<OutputLock> {
    if !force {
        check_target(folder, OverwritePolicy::Refuse, Some(check_is_demo))?;
    }
    let mut claim = OutputLock::acquire(folder)?;
    if folder.symlink_metadata().is_ok() {
        // a demo that was killed leaves its lock, perhaps without the marker file
        if !claim.is_leftover() && !folder.join(MARKER_FILE).is_file() {
            return Err(NotDemoFolder).in_file(folder);
        }
        check_target(folder, OverwritePolicy::Replace, Some(check_is_demo))?;
        std::fs::remove_dir_all(folder).map_err(FileProblem::Write).in_file(folder)?;
    }
    claim.discard_unfinished(None)?;
    std::fs::create_dir_all(folder.join("reference")).map_err(FileProblem::Write).in_file(folder)?;
    Ok(claim)
}

/// Checks that a folder contains only what demos write, complete or not.
fn check_is_demo(folder: &Path) -> Result<()> {
    check_contents(folder, "a demo", &|entry| {
        let in_circuit = ["circuit", "circuit.partial"].into_iter().find_map(|name| {
            let below = entry.path().strip_prefix(name).ok()?;
            Some(match below == Path::new("") {
                true => matches!(entry, FolderEntry::Folder(_)),
                false => synthetic::is_circuit_entry(&folder.join(name), entry.with_path(below)),
            })
        });
        in_circuit.unwrap_or_else(|| match entry {
            FolderEntry::Folder(path) => embedded::is_folder(path),
            FolderEntry::File(path) => {
                let path = strip_ending(path);
                FILES.iter().any(|name| path == Path::new(name)) || embedded::is_file(&path)
            }
        })
    })
}

/// Removes the ending of an unfinished file or a lock.
fn strip_ending(path: &Path) -> PathBuf {
    let text = path.to_string_lossy();
    let text = text.strip_suffix(".partial").or_else(|| text.strip_suffix(".checkpoint")).unwrap_or(&text);
    text.into()
}

/// Prints the summary on standard output.
fn print_summary(steps: &[DemoStep]) -> Result<()> {
    let line = |DemoStep { name: what, counts, seconds, path }: &DemoStep| {
        format!("{what:<12} {counts:<58} {seconds:>6.2} s  {}\n", path.display())
    };
    console::print(steps.iter().map(line).collect::<String>())
}
