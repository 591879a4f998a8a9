//! `leadfield plot compare`: draws a comparison of two electrodes files.

use std::path::PathBuf;

use leadfield::Result;
use leadfield::plot::figures;
use leadfield::sonata::electrodes_file::ElectrodesFile;
use leadfield::validate::Tolerance;
use leadfield::validate::weights::{ColumnRule, ExtraColumn, WeightsOptions, pair_populations};

use super::{FigureFile, FigureOutput};
use crate::cli::help::{PICTURE, examples};
use crate::cli::{Common, Outcome};

/// Compare two electrodes files: draw every pair of weights, and the differences at each contact
///
/// Nodes are matched by id, contacts by name; columns without a contact are left out.
#[derive(clap::Args)]
#[command(after_help = examples!(
    "leadfield plot compare weights.h5 reference.h5 -o difference.svg",
    "leadfield plot compare weights.h5 old.h5 --population neurons:default -o difference.png",
))]
pub struct Args {
    /// An electrodes file
    a: PathBuf,
    /// Another electrodes file
    b: PathBuf,
    /// Population to compare, or `A:B` if its name differs between the files
    #[arg(long, help_heading = PICTURE, value_name = "A[:B]")]
    population: Option<String>,
    #[command(flatten)]
    output: FigureOutput,
}

/// Runs the tool.
pub fn run(args: &Args, common: &Common) -> Result<Outcome> {
    let picture = FigureFile::open(&args.output)?;
    let (a, b) = (ElectrodesFile::open(&args.a)?, ElectrodesFile::open(&args.b)?);
    let named = args.population.as_deref().map(|p| p.split_once(':').unwrap_or((p, p)));
    let pairing = pair_populations(&a, &b, named)?;
    let Some((p, q)) = pairing.pairs.first() else { return Err(figures::PlotProblem::NothingInCommon.into()) };
    let options = WeightsOptions {
        tolerance: Tolerance { rtol: 0.0, atol: 0.0 },
        extra_column: ExtraColumn::Ignore,
        column_rule: ColumnRule::Index,
    };
    let compared = figures::plot_comparison((&a, p), (&b, q), &options)?;
    picture.write(&compared.figure)?;
    let (rows, contacts) = (compared.comparison.rows, compared.comparison.contacts.len());
    common.print_note(format_args!("{}: {rows} rows at {contacts} contacts", args.output.out.display()));
    Ok(Outcome::Done)
}
