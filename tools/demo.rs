//! `leadfield demo`: the main road on data of its own, and a check against the original program's output.

mod embedded;
mod steps;

use std::path::{Path, PathBuf};

use leadfield::Result;
use leadfield::error::{Context, FileProblem, Problem};

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

/// Runs the tool.
pub fn run(args: &Args, common: &Common) -> Result<Outcome> {
    make_room(&args.folder, args.force)?;
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

/// Makes the folder; one of an earlier demo is emptied with `--force`.
fn make_room(folder: &Path, force: bool) -> Result<()> {
    if folder.symlink_metadata().is_ok() {
        if !force {
            return Err(FileProblem::Exists).in_file(folder);
        }
        if !folder.join(MARK).is_file() {
            return Err(NoDemo).in_file(folder);
        }
        std::fs::remove_dir_all(folder).map_err(FileProblem::Write).in_file(folder)?;
    }
    std::fs::create_dir_all(folder.join("reference")).map_err(FileProblem::Write).in_file(folder)
}

/// The summary, on standard output.
fn tell(steps: &[Step]) -> Result<()> {
    let line = |Step { what, counts, seconds, path }: &Step| {
        format!("{what:<12} {counts:<58} {seconds:>6.2} s  {}\n", path.display())
    };
    console::print(steps.iter().map(line).collect::<String>())
}
