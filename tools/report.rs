//! `leadfield report`: one self-contained page about a circuit's segments and an electrodes file.

mod files;

use std::path::PathBuf;

use leadfield::Result;
use leadfield::error::format_count;
use leadfield::file_kind::NamedOutput;
use leadfield::io::atomic_output::{AtomicOutput, check_not_an_input};
use leadfield::plot::html_report::{self, ReportRequest};

use self::files::ReportFiles;
use crate::cli::help::{OUTPUT, PICTURE, examples};
use crate::cli::{Common, Outcome, overwrite_policy, print_error};

/// Write an HTML page about a segment table and an electrodes file: what was computed, pictures, a table of the
/// contacts, and a 3D view of the segments around a contact
///
/// The page needs no network and no other file.
#[derive(clap::Args)]
#[command(after_help = examples!(
    "leadfield report segments.parquet weights.h5 -o report.html",
    "leadfield report results --electrode tip --within 100 -o tip.html",
    "leadfield report segments.parquet weights.h5 --signals lfp.h5 -o report.html",
))]
pub struct Args {
    /// Segment table and electrodes file, or a folder with both
    #[arg(required = true, value_name = "FILE|DIR")]
    inputs: Vec<PathBuf>,
    /// Contact to draw [default: the one nearest to the middle of the segments]
    #[arg(long, help_heading = PICTURE, value_name = "NAME")]
    electrode: Option<String>,
    /// The 3D view shows the segments up to this far from the contact along each axis, µm
    #[arg(long, help_heading = PICTURE, value_name = "R", default_value_t = html_report::DEFAULT_VIEW_HALF_SIDE_UM, allow_negative_numbers = true)]
    within: f64,
    /// Signals to draw as traces and current source density, an HDF5 file of `leadfield signals`
    #[arg(long, help_heading = PICTURE, value_name = "LFP")]
    signals: Option<PathBuf>,
    /// Page to write
    #[arg(short, long = "output", alias = "out", value_name = "FILE", default_value = "report.html", help_heading = OUTPUT)]
    out: PathBuf,
    /// Replace a file that exists
    #[arg(short, long, help_heading = OUTPUT)]
    force: bool,
}

/// Runs the tool.
pub fn run(args: &Args, common: &Common) -> Result<Outcome> {
    check_not_an_input(&args.out, args.inputs.iter().chain(&args.signals).map(PathBuf::as_path))?;
    NamedOutput::Page.check_name(&args.out)?;
    let staged = AtomicOutput::create_file(&args.out, overwrite_policy(args.force))?;
    let ReportFiles { table, weights } = ReportFiles::find(&args.inputs)?;
    let electrode = args.electrode.as_deref();
    let request = ReportRequest {
        table: &table,
        weights: &weights,
        electrode,
        within_um: args.within,
        signals: args.signals.as_deref(),
        timings_s: &[],
    };
    let report = html_report::build_report(&request)?;
    staged.write_all(&report.html)?;
    staged.commit()?;
    if let Some(assumptions) = &report.assumptions {
        common.warn(format_args!("{}: {assumptions}", table.display()));
    }
    let found = report.diagnosis.counts_text();
    match &report.figure {
        Ok(drawn) => {
            drawn.warnings.iter().for_each(|warning| common.warn(warning));
            let (contacts, electrode) = (format_count(drawn.contacts, "contact"), &drawn.electrode);
            common.print_note(format_args!("{}: {contacts}, drawn at `{electrode}`; {found}", args.out.display()));
        }
        Err(why) => {
            // the exit code needs a reason also with `--quiet`
            match common.quiet {
                true => print_error(why),
                false => common.warn_with_hint(why),
            }
            common.print_note(format_args!("{}: no pictures; {found}", args.out.display()));
            return Ok(Outcome::Differ);
        }
    }
    Ok(Outcome::Done)
}
