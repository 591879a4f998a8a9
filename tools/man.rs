//! `leadfield man`: writes manual pages.

use std::path::{Path, PathBuf};

use leadfield::Result;
use leadfield::error::{Context, FileProblem, format_count};
use leadfield::io::atomic_output::{AtomicOutput, OverwritePolicy};

use crate::cli::help::{OUTPUT, examples};
use crate::cli::{Common, Outcome, overwrite_policy};

/// Write manual pages: one for the program, and one for each tool
#[derive(clap::Args)]
#[command(after_help = examples!(
    "leadfield man ~/.local/share/man/man1",
    "leadfield man pages && man pages/leadfield-weights.1",
))]
pub struct Args {
    /// Folder to write to; it is made if it is missing
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Replace pages that exist
    #[arg(short, long, help_heading = OUTPUT)]
    force: bool,
}

/// Runs the tool on the description of the program.
pub fn run(args: &Args, mut program: clap::Command, common: &Common) -> Result<Outcome> {
    std::fs::create_dir_all(&args.folder).map_err(FileProblem::Write).in_file(&args.folder)?;
    program.build();
    let pages = write_pages(&program, &args.folder, overwrite_policy(args.force))?;
    common.print_note(format_args!("{}: {}", args.folder.display(), format_count(pages, "page")));
    Ok(Outcome::Done)
}

/// Writes the page of a command and those of its subcommands, and returns their number.
fn write_pages(command: &clap::Command, folder: &Path, existing: OverwritePolicy) -> Result<u64> {
    let name = command.get_display_name().unwrap_or(command.get_name());
    let path = folder.join(format!("{name}.1"));
    let mut page = Vec::new();
    // a vector takes all bytes
    clap_mangen::Man::new(command.clone()).render(&mut page).map_err(FileProblem::Write).in_file(&path)?;
    let output = AtomicOutput::create_file(&path, existing)?;
    output.write_all(page)?;
    output.commit()?;
    let tools = command.get_subcommands().filter(|tool| tool.get_name() != "help");
    tools.map(|tool| write_pages(tool, folder, existing)).sum::<Result<u64>>().map(|pages| pages + 1)
}
