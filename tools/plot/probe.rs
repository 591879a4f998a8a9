//! `leadfield plot probe`: draws contacts, their regions and the segments in them.

use std::path::PathBuf;

use leadfield::Result;
use leadfield::electrodes::{Electrode, csd_regions};
use leadfield::error::{Context, Error};
use leadfield::geometry::region::Sphere;
use leadfield::plot::figures::{self, ProbeContact, ProbePlot};
use leadfield::segments::table::SegmentTable;

use super::{FigureFile, FigureOutput, ViewArg};
use crate::cli::contact_file::{ContactFileArgs, name_of};
use crate::cli::help::{PICTURE, examples};
use crate::cli::{Common, Outcome, warn_assumptions};

/// Draw contacts, the regions around them, and the segments in the regions
///
/// An ObjectiveCSD contact has its own region; others have one with --within. A region is drawn as the cross-section
/// through its contact in the plane of the page; a segment is in it if its midpoint is.
#[derive(clap::Args)]
#[command(after_help = examples!(
    "leadfield plot probe electrodes.csv -o probe.svg",
    "leadfield plot probe electrodes.csv --segments segments.parquet --within 50 -o probe.png",
))]
pub struct Args {
    /// Electrode file; `-` reads standard input
    electrodes: PathBuf,
    #[command(flatten)]
    contact_file: ContactFileArgs,
    /// Segment table to search for segments in the regions
    #[arg(long, help_heading = PICTURE, value_name = "TABLE")]
    segments: Option<PathBuf>,
    /// The region of every contact is a ball of this radius, µm
    #[arg(long, help_heading = PICTURE, value_name = "R", allow_negative_numbers = true)]
    within: Option<f64>,
    /// Axes to show: the first to the right, the second up
    #[arg(long, help_heading = PICTURE, value_name = "VIEW", default_value = "all")]
    view: ViewArg,
    #[command(flatten)]
    output: FigureOutput,
}

/// Returns the region of each contact: a ball, or its own.
fn electrode_regions(
    electrodes: &[Electrode],
    args: &Args,
    common: &Common,
) -> Result<Vec<csd_regions::ContactRegion>> {
    if let Some(radius) = args.within {
        let ball = |e: &Electrode| -> Result<csd_regions::ContactRegion> {
            Ok(Some(Box::new(Sphere::new(e.position_um, radius).in_item("--within")?)))
        };
        return electrodes.iter().map(ball).collect();
    }
    let (regions, warnings) = csd_regions::contact_regions(electrodes).in_file(name_of(&args.electrodes))?;
    warnings.into_iter().for_each(|warning| common.warn_with_hint(&Error::from(warning)));
    Ok(regions)
}

/// Runs the tool.
pub fn run(args: &Args, common: &Common) -> Result<Outcome> {
    let picture = FigureFile::open(&args.output)?;
    let electrodes = args.contact_file.read(&args.electrodes, common)?;
    let regions = electrode_regions(&electrodes, args, common)?;
    let table = args.segments.as_deref().map(SegmentTable::open_without_neurons).transpose()?;
    table.iter().for_each(|table| warn_assumptions(table, common));
    let contacts: Vec<ProbeContact<'_>> = electrodes
        .iter()
        .zip(&regions)
        .map(|(e, region)| ProbeContact { name: &e.name, position: e.position_um, region: region.as_deref() })
        .collect();
    let drawn =
        figures::plot_probe(&ProbePlot { contacts: &contacts, table: table.as_ref(), views: args.view.views() })?;
    drawn.sample.iter().flat_map(|s| &s.warnings).for_each(|warning| common.warn(warning));
    picture.write(&drawn.figure)?;
    let found = drawn.sample.map_or_else(|| format!("{} contacts", contacts.len()), |s| s.summary());
    common.print_note(format_args!("{}: {found}", args.output.out.display()));
    Ok(Outcome::Done)
}
