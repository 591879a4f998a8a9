//! `leadfield report`: one page on a circuit's segments and an electrodes file, complete in itself.

mod files;

use std::path::PathBuf;

use leadfield::Result;
use leadfield::error::count;
use leadfield::io::atomic_output::{Staged, check_apart};
use leadfield::plot::html_report::{self, Request};

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
    #[arg(long, value_name = "R", default_value_t = html_report::WITHIN_UM, allow_negative_numbers = true)]
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
    check_apart(&args.out, args.inputs.iter().map(PathBuf::as_path))?;
    let staged = Staged::new(&args.out, existing(args.force))?;
    let Files { table, weights } = Files::of(&args.inputs)?;
    let electrode = args.electrode.as_deref();
    let request = Request { table: &table, weights: &weights, electrode, within: args.within, took: &[] };
    let made = html_report::make(&request)?;
    staged.write(&made.html)?;
    staged.commit()?;
    if let Some(assumptions) = &made.assumptions {
        common.warn(format_args!("{}: {assumptions}", table.display()));
    }
    let found = made.diagnosis.verdict();
    match &made.drawn {
        Ok(drawn) => {
            drawn.warnings.iter().for_each(|warning| common.warn(warning));
            let (contacts, electrode) = (count(drawn.contacts, "contact"), &drawn.electrode);
            common.say(format_args!("{}: {contacts}, drawn at `{electrode}`; {found}", args.out.display()));
        }
        Err(why) => {
            common.caution(why);
            common.say(format_args!("{}: no pictures; {found}", args.out.display()));
        }
    }
    Ok(Outcome::Done)
}
