//! `leadfield demo`: runs the main steps on synthetic data, and compares with stored output of the original program.

mod embedded;
mod steps;

use std::path::{Path, PathBuf};

use leadfield::Result;
use leadfield::circuit::synthetic;
use leadfield::error::{Context, FileProblem, Problem};
use leadfield::io::atomic_output::{AtomicOutput, FolderEntry, check_contents};
use leadfield::io::checkpoint::CheckpointProblem;

use crate::cli::help::{CIRCUIT, OUTPUT, examples};
use crate::cli::progress::Progress;
use crate::cli::stop_signal::StopSignal;
use crate::cli::{Common, Outcome, console, overwrite_policy};
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

/// A folder that must not be written or replaced.
#[derive(Debug, thiserror::Error)]
enum DemoFolderProblem {
    #[error("folder exists and is not from an earlier demo, expected a folder with `{MARKER_FILE}`")]
    NoMarker,
    #[error("output has no name, expected the name of a new folder")]
    NoName,
}

impl Problem for DemoFolderProblem {
    fn hint(&self) -> Option<String> {
        Some("choose another folder: `leadfield demo DIR`".into())
    }
}

/// The file that marks a folder as a demo's.
const MARKER_FILE: &str = "reference/np8.h5";

/// Outputs of a demo besides the circuit, and the files of the reference that are not embedded in the program.
const FILES: [&str; 10] = [
    "circuit",
    "probe.csv",
    "segments.parquet",
    "weights.h5",
    "signals.h5",
    "weights.svg",
    "signals.svg",
    "report.html",
    "reference/segments.parquet",
    "reference/weights.h5",
];

/// Runs the tool. The folder appears, or replaces that of an earlier demo, when all steps are done.
pub fn run(args: &Args, common: &Common) -> Result<Outcome> {
    check_replaceable(&args.folder, args.force).in_file(&args.folder)?;
    let progress = Progress::new(common, "steps", STEPS);
    let stop = StopSignal::install(common, &progress);
    let staged = AtomicOutput::create_folder(&args.folder, overwrite_policy(args.force), check_is_demo)?;
    let running = Running { folder: staged.partial_path(), is_stopped: &|| stop.is_requested(), progress: &progress };
    let (mut steps, outcome) = running.run_steps(args.cells)?;
    progress.finish();
    for step in &mut steps {
        if let Ok(below) = step.path.strip_prefix(staged.partial_path()) {
            step.path = args.folder.join(below);
        }
    }
    staged.commit()?;
    print_summary(&steps)?;
    let [page, picture] = ["report.html", "signals.svg"].map(|name| args.folder.join(name));
    common.print_note(format_args!(
        "\nNext: open {} in a browser; the traces and the current source density are also {}",
        page.display(),
        picture.display()
    ));
    Ok(outcome)
}

/// Number of steps.
const STEPS: u64 = 7;

/// A demo in progress.
struct Running<'a> {
    /// An empty folder.
    folder: &'a Path,
    /// Whether the demo is to stop: steps that take long ask too.
    is_stopped: &'a (dyn Fn() -> bool + Sync),
    progress: &'a Progress,
}

impl Running<'_> {
    /// Runs the steps. What is begun is removed with the folder if the demo is stopped.
    fn run_steps(&self, cells: usize) -> Result<(Vec<DemoStep>, Outcome)> {
        let (folder, is_stopped) = (self.folder, self.is_stopped);
        let reference = folder.join("reference");
        std::fs::create_dir(&reference).map_err(FileProblem::Write).in_file(&reference)?;
        let mut steps = vec![
            self.end_step(steps::make_circuit(folder, cells)?)?,
            self.end_step(steps::make_probe(folder)?)?,
            self.end_step(steps::make_segments(folder, is_stopped)?)?,
            self.end_step(steps::make_weights(folder, is_stopped)?)?,
            self.end_step(steps::make_signals(folder, is_stopped)?)?,
        ];
        let (checked, outcome) = steps::check_against_reference(folder, is_stopped)?;
        steps.push(self.end_step(checked)?);
        let page = steps::make_report(folder, &steps)?;
        steps.push(self.end_step(page)?);
        Ok((steps, outcome))
    }

    /// Counts a step; returns an error if the demo is to stop.
    fn end_step(&self, step: DemoStep) -> Result<DemoStep> {
        self.progress.add(1);
        if (self.is_stopped)() { Err(CheckpointProblem::Stopped.into()) } else { Ok(step) }
    }
}

/// Refuses to replace a folder that is not that of a demo.
fn check_replaceable(folder: &Path, force: bool) -> Result<(), DemoFolderProblem> {
    if folder.file_name().is_none() {
        return Err(DemoFolderProblem::NoName);
    }
    if force && folder.is_dir() && !folder.join(MARKER_FILE).is_file() {
        return Err(DemoFolderProblem::NoMarker);
    }
    Ok(())
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
