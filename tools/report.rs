//! `leadfield report`: one page on a circuit's segments and an electrodes file, complete in itself.

mod files;

use std::path::PathBuf;

use leadfield::Result;
use leadfield::error::{Context, FileProblem};
use leadfield::report::{self, Request};
use leadfield::staged::Staged;

use self::files::Files;
use crate::cli::{Common, Outcome, existing};

/// Make a page of HTML on a segment table and an electrodes file: what was computed, pictures, a table of the contacts,
/// and the segments round a contact to turn about
///
/// The page needs no network and no other file.
#[derive(clap::Args)]
pub struct Args {
    /// Segment table and electrodes file, or a folder that holds them
    #[arg(required = true, value_name = "FILE|DIR")]
    inputs: Vec<PathBuf>,
    /// Contact that is drawn [default: the one nearest to the middle of the segments]
    #[arg(long, value_name = "NAME")]
    electrode: Option<String>,
    /// The segments to turn about are those up to this far to every side of the contact, um
    #[arg(long, value_name = "R", default_value_t = report::WITHIN_UM, allow_negative_numbers = true)]
    within: f64,
    /// Page to write
    #[arg(short, long, value_name = "FILE", default_value = "report.html")]
    out: PathBuf,
    /// Replace a file that exists
    #[arg(long)]
    force: bool,
}

/// Runs the tool.
pub fn run(args: &Args, common: &Common) -> Result<Outcome> {
    let staged = Staged::new(&args.out, existing(args.force))?;
    let Files { table, weights } = Files::of(&args.inputs)?;
    let electrode = args.electrode.as_deref();
    let made = report::make(&Request { table: &table, weights: &weights, electrode, within: args.within })?;
    made.warnings.iter().for_each(|warning| common.warn(warning));
    std::fs::write(staged.partial(), &made.html).map_err(FileProblem::Write).in_file(staged.target())?;
    staged.commit()?;
    common.say(format_args!("{}: {} contacts, drawn at `{}`", args.out.display(), made.contacts, made.electrode));
    Ok(Outcome::Done)
}
