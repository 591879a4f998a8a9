//! `leadfield plot probe`: contacts, their regions and the segments in them.

use std::path::PathBuf;

use leadfield::Result;
use leadfield::electrodes::{self, Electrode, regions};
use leadfield::error::{Context, Error};
use leadfield::geometry::region::Sphere;
use leadfield::plot::figures::{self, Contact, Probe};
use leadfield::segments::table::Table;

use super::{Output, Picture, View};
use crate::cli::{Common, Outcome, warn_assumptions};

/// Draw contacts, the regions round them, and the segments in these
///
/// The region of an ObjectiveCSD contact is its own; other contacts have one with --within. A region is drawn as the
/// section through its contact along the page; a segment is in it where its midpoint is.
#[derive(clap::Args)]
pub struct Args {
    /// Electrode file
    electrodes: PathBuf,
    /// Segment table in which the regions are looked up
    #[arg(long, value_name = "TABLE")]
    segments: Option<PathBuf>,
    /// The region of every contact is a ball of this radius, um
    #[arg(long, value_name = "R", allow_negative_numbers = true)]
    within: Option<f64>,
    /// Which axes are shown: the first to the right, the second up
    #[arg(long, value_name = "VIEW", default_value = "all")]
    view: View,
    #[command(flatten)]
    output: Output,
}

/// The region of each contact: a ball, or its own.
fn regions_of(electrodes: &[Electrode], args: &Args, common: &Common) -> Result<Vec<regions::Own>> {
    if let Some(radius) = args.within {
        let ball = |e: &Electrode| -> Result<regions::Own> {
            Ok(Some(Box::new(Sphere::new(e.position, radius).in_object("--within")?)))
        };
        return electrodes.iter().map(ball).collect();
    }
    let (regions, warnings) = regions::regions(electrodes).in_file(&args.electrodes)?;
    warnings.into_iter().for_each(|warning| common.caution(&Error::from(warning)));
    Ok(regions)
}

/// Runs the tool.
pub fn run(args: &Args, common: &Common) -> Result<Outcome> {
    let picture = Picture::open(&args.output)?;
    let electrodes = electrodes::read(&args.electrodes)?;
    let regions = regions_of(&electrodes, args, common)?;
    let table = args.segments.as_deref().map(Table::open_foreign).transpose()?;
    table.iter().for_each(|table| warn_assumptions(table, common));
    let contacts: Vec<Contact<'_>> = electrodes
        .iter()
        .zip(&regions)
        .map(|(e, region)| Contact { name: &e.name, position: e.position, region: region.as_deref() })
        .collect();
    let drawn = figures::probe(&Probe { contacts: &contacts, table: table.as_ref(), views: args.view.views() })?;
    drawn.sample.iter().flat_map(|s| &s.warnings).for_each(|warning| common.warn(warning));
    picture.write(&drawn.page)?;
    let found = drawn.sample.map_or_else(|| format!("{} contacts", contacts.len()), |s| s.told());
    common.say(format_args!("{}: {found}", args.output.out.display()));
    Ok(Outcome::Done)
}
