//! `leadfield plot weights`: draws segments coloured by a contact's weights.

use std::path::PathBuf;

use leadfield::Result;
use leadfield::plot::figures;
use leadfield::segments::table::SegmentTable;
use leadfield::weights::WeightLookup;

use super::{FigureFile, FigureOutput, ViewArg};
use crate::cli::help::{PICTURE, examples};
use crate::cli::{Common, Outcome, warn_assumptions};

/// Draw segments coloured by a contact's weights
///
/// Colours show the decades of the weights; if some are negative, blue and brown on either side of zero; for
/// ObjectiveCSD contacts, inside and outside of the region. At most 60 000 segments are drawn: the 10 000 nearest to
/// the contact, and every k-th of the others.
#[derive(clap::Args)]
#[command(after_help = examples!(
    "leadfield plot weights segments.parquet weights.h5 --electrode tip -o tip.svg",
    "leadfield plot weights segments.parquet weights.h5 --electrode 12 --within 200 -o near.png",
))]
pub struct Args {
    /// Segment table: NAME.parquet, or a folder of parts
    segments: PathBuf,
    /// Electrodes file
    weights: PathBuf,
    /// Contact whose weights are drawn
    #[arg(long, help_heading = PICTURE, value_name = "NAME")]
    electrode: String,
    /// Axes to show: the first to the right, the second up
    #[arg(long, help_heading = PICTURE, value_name = "VIEW", default_value = "all")]
    view: ViewArg,
    /// Show only this distance from the contact along each axis, µm
    #[arg(long, help_heading = PICTURE, value_name = "R", allow_negative_numbers = true)]
    within: Option<f64>,
    #[command(flatten)]
    output: FigureOutput,
}

/// Runs the tool.
pub fn run(args: &Args, common: &Common) -> Result<Outcome> {
    let picture = FigureFile::open(&args.output)?;
    let mut table = SegmentTable::open(&args.segments)?;
    let lookup = WeightLookup::open(&args.weights, &args.electrode, &table)?;
    // a table that lost its metadata gets the population name of the weights
    table.set_population(lookup.population().name());
    warn_assumptions(&table, common);
    let request = figures::WeightsPlot {
        table: &table,
        lookup: &lookup,
        views: args.view.views(),
        within_um: args.within,
        max_segments: figures::MAX_SEGMENTS,
    };
    let drawn = figures::plot_weights(&request)?;
    drawn.warnings().iter().for_each(|warning| common.warn(warning));
    picture.write(&drawn.figure)?;
    common.print_note(format_args!("{}: {}", args.output.out.display(), drawn.sample.summary()));
    Ok(Outcome::Done)
}
