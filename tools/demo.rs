//! `leadfield demo`: the main road on data of its own, and a check against the original program's output.

mod embedded;
mod steps;

use std::path::{Path, PathBuf};

use leadfield::Result;
use leadfield::circuit::synthetic;
use leadfield::error::{Context, FileProblem, Problem};
use leadfield::io::atomic_output::{Claim, Entry, Existing, check_contents, check_target};

use crate::cli::{Common, Outcome, console};
use steps::Step;

/// Run the main road on a synthetic circuit, and check the result against a stored reference
#[derive(clap::Args)]
pub struct Args {
    /// Folder to write
    #[arg(value_name = "DIR", default_value = "leadfield-demo")]
    folder: PathBuf,
    /// Number of synthetic neurons
    #[arg(long, value_name = "N", default_value_t = 100)]
    cells: usize,
    /// Replace the folder of an earlier demo
    #[arg(long)]
    force: bool,
}

/// A folder that is not to be replaced.
#[derive(Debug, thiserror::Error)]
#[error("exists and is not of an earlier demo, expected a folder with `{MARK}`")]
struct NoDemo;

impl Problem for NoDemo {
    fn hint(&self) -> Option<String> {
        Some("choose another folder: `leadfield demo DIR`".into())
    }
}

/// The file by which a demo's folder is known.
const MARK: &str = "reference/np8.h5";

/// What a demo makes beside the circuit; of the files of the reference those that are not part of the program.
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
    // held until the demo ends: no two of them write to one folder
    let _claim = make_room(&args.folder, args.force)?;
    let mut steps = vec![
        steps::circuit(&args.folder, args.cells)?,
        steps::probe(&args.folder)?,
        steps::segments(&args.folder)?,
        steps::weights(&args.folder)?,
    ];
    let (checked, outcome) = steps::check(&args.folder)?;
    steps.push(checked);
    let page = steps::report(&args.folder, &steps)?;
    steps.push(page);
    tell(&steps)?;
    common.say(format_args!("\nNext: open {} in a browser", args.folder.join("report.html").display()));
    Ok(outcome)
}

/// Locks and makes the folder; one of an earlier demo is emptied with `--force`.
fn make_room(folder: &Path, force: bool) -> Result<Claim> {
    if !force {
        check_target(folder, Existing::Keep, Some(check_demo))?;
    }
    let mut claim = Claim::take(folder)?;
    if folder.symlink_metadata().is_ok() {
        // a demo that was killed has left its lock, and perhaps not yet its mark
        if !claim.is_left() && !folder.join(MARK).is_file() {
            return Err(NoDemo).in_file(folder);
        }
        check_target(folder, Existing::Replace, Some(check_demo))?;
        std::fs::remove_dir_all(folder).map_err(FileProblem::Write).in_file(folder)?;
    }
    claim.take_over(None)?;
    std::fs::create_dir_all(folder.join("reference")).map_err(FileProblem::Write).in_file(folder)?;
    Ok(claim)
}

/// Checks that a folder holds nothing but what demos write, complete or not.
fn check_demo(folder: &Path) -> Result<()> {
    check_contents(folder, "a demo", &|entry| {
        let in_circuit = ["circuit", "circuit.partial"].into_iter().find_map(|name| {
            let below = entry.path().strip_prefix(name).ok()?;
            Some(match below == Path::new("") {
                true => matches!(entry, Entry::Folder(_)),
                false => synthetic::is_of_circuit(&folder.join(name), entry.with_path(below)),
            })
        });
        in_circuit.unwrap_or_else(|| match entry {
            Entry::Folder(path) => embedded::is_folder(path),
            Entry::File(path) => {
                let path = without_ending(path);
                FILES.iter().any(|name| path == Path::new(name)) || embedded::is_file(&path)
            }
        })
    })
}

/// What a file is to become, or is the lock of.
fn without_ending(path: &Path) -> PathBuf {
    let text = path.to_string_lossy();
    let text = text.strip_suffix(".partial").or_else(|| text.strip_suffix(".journal")).unwrap_or(&text);
    text.into()
}

/// The summary, on standard output.
fn tell(steps: &[Step]) -> Result<()> {
    let line = |Step { what, counts, seconds, path }: &Step| {
        format!("{what:<12} {counts:<58} {seconds:>6.2} s  {}\n", path.display())
    };
    console::print(steps.iter().map(line).collect::<String>())
}
