//! `leadfield electrodes`: places the contacts of common probes in a circuit, and imports other formats.

mod options;

use std::path::{Path, PathBuf};

use clap::Subcommand;
use leadfield::Result;
use leadfield::electrodes::atlas::Atlas;
use leadfield::electrodes::cap;
use leadfield::electrodes::head_pose::HeadPose;
use leadfield::electrodes::probe::{self, ProbeAnchor, ProbePose};
use leadfield::electrodes::{self, ContactExtent, Electrode};
use leadfield::error::{Context, format_count};
use leadfield::geometry::{Point, PrincipalAxis};
use leadfield::sonata::config::SonataConfig;
use leadfield::sonata::node_sets::NodeSets;
use leadfield::sonata::nodes::Nodes;

use crate::cli::contact_file::{ContactFileArgs, is_dash};
use crate::cli::help::{OUTPUT, PLACEMENT, examples};
use crate::cli::{Common, Outcome, console, overwrite_policy};
use options::{AnchorArg, CapArg, Pitches, parse_pitches, parse_point};

/// Write the contacts of a probe: a line, a grid, a Neuropixels shank, an EEG cap, or those of another file
///
/// A probe's shank extends along its y axis from the tip, and contacts face its z axis. It is rotated the shortest way
/// so that the shank points along `--direction`, then by `--roll` about the shank.
#[derive(clap::Args)]
#[command(after_help = examples!(
    "leadfield electrodes linear --contacts 16 --pitch 50 -o electrodes.csv",
    "leadfield electrodes neuropixels --align-to circuit_config.json -o probe.csv",
    "leadfield electrodes from probe.json -o electrodes.csv",
))]
pub struct Args {
    #[command(subcommand)]
    source: ProbeSource,
}

#[derive(Subcommand)]
enum ProbeSource {
    Linear(LinearArgs),
    Grid(GridArgs),
    Neuropixels(NeuropixelsArgs),
    Cap(CapArgs),
    From(ImportArgs),
}

/// Contacts in a line
#[derive(clap::Args)]
#[command(after_help = examples!(
    "leadfield electrodes linear --contacts 16 --pitch 50 -o electrodes.csv",
    "leadfield electrodes linear --contacts 32 --pitch 25 --align-to circuit_config.json -o probe.csv",
))]
struct LinearArgs {
    /// Number of contacts
    #[arg(long, value_name = "N")]
    contacts: u32,
    /// Distance between neighbours, µm
    #[arg(long, value_name = "UM", allow_hyphen_values = true)]
    pitch: f64,
    #[command(flatten)]
    contact: ContactArgs,
    #[command(flatten)]
    placement: PlacementArgs,
}

/// Contacts in rows and columns, counted row by row from the tip
#[derive(clap::Args)]
#[command(after_help = examples!(
    "leadfield electrodes grid --columns 4 --rows 8 --pitch 100 -o electrodes.csv",
    "leadfield electrodes grid --columns 8 --rows 8 --pitch 400 --direction 1,0,0 -o ecog.csv",
))]
struct GridArgs {
    /// Number of columns
    #[arg(long, value_name = "N")]
    columns: u32,
    /// Number of rows
    #[arg(long, value_name = "N")]
    rows: u32,
    /// Distance between neighbours, µm: one for both, or those of columns and rows
    #[arg(long, value_name = "UM[,UM]", allow_hyphen_values = true, value_parser = parse_pitches)]
    pitch: Pitches,
    #[command(flatten)]
    contact: ContactArgs,
    #[command(flatten)]
    placement: PlacementArgs,
}

/// Sites of a Neuropixels 1.0 shank: 960, of which 384 can be recorded at once
///
/// Contacts are named by their site, from 0 at the tip.
#[derive(clap::Args)]
#[command(after_help = examples!(
    "leadfield electrodes neuropixels --at 0,-900,0 -o electrodes.csv",
    "leadfield electrodes neuropixels --align-to circuit_config.json --atlas atlas -o electrodes.csv",
))]
struct NeuropixelsArgs {
    /// The first site
    #[arg(long, value_name = "N", default_value_t = 0)]
    first_site: u32,
    /// Number of sites
    #[arg(long, value_name = "N", default_value_t = probe::NEUROPIXELS_CHANNELS)]
    contacts: u32,
    #[command(flatten)]
    contact: ContactArgs,
    #[command(flatten)]
    placement: PlacementArgs,
}

/// EEG electrodes of the 10-20 or 10-10 system on the scalp of a spherical head
///
/// They have the names of the system, and the settings of the head if their type takes them.
#[derive(clap::Args)]
#[command(after_help = examples!(
    "leadfield electrodes cap 10-20 --head-pose head.json -o eeg.csv",
    "leadfield electrodes cap 10-10 --head-pose head.json --type FourSphereReciprocity -o eeg.csv",
))]
struct CapArgs {
    /// The system
    system: CapArg,
    /// Position of the head in the circuit's frame: JSON with `center` (µm), and optionally `up`, `front`, `radii`,
    /// `conductivities`
    #[arg(long, value_name = "FILE")]
    head_pose: PathBuf,
    /// Method of the electrodes, as in a file's `type`
    #[arg(long = "type", value_name = "TYPE", default_value = "FourSphere")]
    kind: String,
    #[command(flatten)]
    written: OutputArgs,
}

/// Contacts of a file: CSV, JSON, BMTK's table or probeinterface
///
/// They keep their positions unless an option moves them; the anchor is then the file's origin.
#[derive(clap::Args)]
#[command(after_help = examples!(
    "leadfield electrodes from probe.json -o electrodes.csv",
    "leadfield electrodes from bmtk.csv --at 100,0,0 --atlas atlas -o electrodes.json",
))]
struct ImportArgs {
    /// The file; `-` reads standard input
    file: PathBuf,
    /// Treat contacts of probeinterface as discs in their plane, with the area of their shape, instead of points
    #[arg(long)]
    discs: bool,
    #[command(flatten)]
    contact_file: ContactFileArgs,
    #[command(flatten)]
    placement: PlacementArgs,
}

/// Properties of the contacts of a probe.
#[derive(clap::Args)]
struct ContactArgs {
    /// Method of the contacts, as in a file's `type`
    #[arg(long = "type", value_name = "TYPE", default_value = "LineSource")]
    kind: String,
    /// Prefix of their names
    #[arg(long, value_name = "TEXT", default_value = "")]
    prefix: String,
}

/// Position of the contacts, and output.
#[derive(clap::Args)]
#[command(next_help_heading = PLACEMENT)]
struct PlacementArgs {
    /// Position of the anchor, µm (default: 0,0,0)
    #[arg(long, value_name = "X,Y,Z", allow_hyphen_values = true, value_parser = parse_point)]
    at: Option<Point>,
    /// Direction of the shank from its tip (default: 0,1,0)
    #[arg(long, value_name = "DX,DY,DZ", allow_hyphen_values = true, value_parser = parse_point)]
    direction: Option<Point>,
    /// Rotation about the shank, degrees
    #[arg(long, value_name = "DEG", allow_hyphen_values = true, default_value_t = 0.0)]
    roll: f64,
    /// Point that is placed there (default: the first contact; with `--align-to` the center)
    #[arg(long, value_name = "POINT")]
    anchor: Option<AnchorArg>,
    /// Place the probe at the mean of a circuit's somata, along their first principal axis
    #[arg(long, value_name = "CONFIG", conflicts_with_all = ["at", "direction"])]
    align_to: Option<PathBuf>,
    /// Only the somata of this node set (default: all of the population)
    #[arg(long, value_name = "NAME", requires = "align_to")]
    node_set: Option<String>,
    /// Population of the somata (default: the only biophysical one)
    #[arg(long, value_name = "NAME", requires = "align_to")]
    population: Option<String>,
    /// Fill region and layer from this folder's `brain_regions.nrrd` and `hierarchy.json`
    #[arg(long, value_name = "DIR")]
    atlas: Option<PathBuf>,
    #[command(flatten)]
    written: OutputArgs,
}

/// Output of the contacts.
#[derive(clap::Args)]
struct OutputArgs {
    /// File to write, NAME.csv or NAME.json (default, or `-`: CSV on standard output)
    #[arg(short, long = "output", alias = "out", value_name = "FILE", help_heading = OUTPUT)]
    out: Option<PathBuf>,
    /// Replace a file that exists
    #[arg(short, long, help_heading = OUTPUT)]
    force: bool,
}

/// Hint if the somata have no axis.
const NO_AXIS: &str = "choose a `--node-set` with two neurons or more, or give `--at` and `--direction`";

/// Runs the tool.
pub fn run(args: &Args, common: &Common) -> Result<Outcome> {
    let (placement, electrodes) = match &args.source {
        ProbeSource::Linear(linear) => {
            (&linear.placement, linear.contact.make_contacts(&probe::linear(linear.contacts, linear.pitch)?, 0)?)
        }
        ProbeSource::Grid(grid) => {
            let sites = probe::grid(grid.columns, grid.rows, grid.pitch.0)?;
            (&grid.placement, grid.contact.make_contacts(&sites, 0)?)
        }
        ProbeSource::Neuropixels(shank) => {
            let sites = probe::neuropixels(shank.first_site, shank.contacts)?;
            (&shank.placement, shank.contact.make_contacts(&sites, shank.first_site)?)
        }
        ProbeSource::Cap(cap) => {
            let pose = HeadPose::read(&cap.head_pose)?;
            let (method, _) = electrodes::parse_method_type(&cap.kind)?;
            let electrodes = cap::electrodes(cap.system.into(), &pose, method).in_file(&cap.head_pose)?;
            return cap.written.write(&electrodes::validate_electrodes(electrodes)?, common);
        }
        ProbeSource::From(from) => {
            let extent = if from.discs { ContactExtent::Disc } else { ContactExtent::Point };
            (&from.placement, from.contact_file.read_with_extent(&from.file, extent, common)?)
        }
    };
    let default = if matches!(args.source, ProbeSource::From(_)) { ProbeAnchor::Origin } else { ProbeAnchor::First };
    placement.place_and_write(electrodes, default, common)
}

impl ContactArgs {
    /// Creates contacts at the sites of a probe, numbered from `first`.
    fn make_contacts(&self, sites: &[Point], first: u32) -> Result<Vec<Electrode>> {
        let (method, settings) = electrodes::parse_method_type(&self.kind)?;
        let contact = |(number, &position)| Electrode {
            name: format!("{}{number}", self.prefix),
            position_um: position,
            method,
            layer: electrodes::UNKNOWN_REGION.into(),
            region: electrodes::UNKNOWN_REGION.into(),
            settings: settings.clone(),
        };
        electrodes::validate_electrodes((first..).zip(sites).map(contact).collect())
    }
}

impl PlacementArgs {
    fn place_and_write(
        &self,
        mut electrodes: Vec<Electrode>,
        default: ProbeAnchor,
        common: &Common,
    ) -> Result<Outcome> {
        let pose = self.pose(default)?;
        let sites: Vec<Point> = electrodes.iter().map(|e| e.position_um).collect();
        for (electrode, position) in electrodes.iter_mut().zip(pose.place_contacts(&sites)) {
            electrode.position_um = position;
            let settings = &mut electrode.settings;
            settings.disc = settings.disc.map(|disc| pose.rotate_disc(disc));
            settings.coil_normal = settings.coil_normal.map(|normal| pose.rotate_direction(normal));
        }
        electrodes::check_positions(&electrodes)?;
        if let Some(folder) = &self.atlas {
            Atlas::open(folder)?.assign_regions(&mut electrodes)?;
        }
        self.written.write(&electrodes, common)
    }

    fn pose(&self, default: ProbeAnchor) -> Result<ProbePose> {
        let anchor = self.anchor.map(ProbeAnchor::from);
        match &self.align_to {
            Some(config) => {
                let somata = read_somata(config, self.node_set.as_deref(), self.population.as_deref())?;
                let axis = PrincipalAxis::from_points(&somata).in_file(config).map_err(|e| e.with_hint(NO_AXIS))?;
                Ok(ProbePose::new(axis.center, axis.direction, self.roll, anchor.unwrap_or(ProbeAnchor::Center))?)
            }
            None => {
                let at = self.at.unwrap_or(Point::ORIGIN);
                let direction = self.direction.unwrap_or(Point::new(0.0, 1.0, 0.0));
                Ok(ProbePose::new(at, direction, self.roll, anchor.unwrap_or(default))?)
            }
        }
    }
}

/// Returns the positions of a population's somata, µm: all of them, or those of a node set.
fn read_somata(config: &Path, node_set: Option<&str>, population: Option<&str>) -> Result<Vec<Point>> {
    let config = SonataConfig::open(config)?;
    let population = config.circuit().population(population)?;
    let nodes = Nodes::open(population)?;
    let ids = match node_set {
        Some(set) => NodeSets::from_config(&config)?.resolve_ids(set, &population.name, &nodes)?,
        None => (0..nodes.len() as u64).collect(),
    };
    Ok(nodes.transforms(&ids)?.iter().map(|transform| transform.translation).collect())
}

impl OutputArgs {
    fn write(&self, electrodes: &[Electrode], common: &Common) -> Result<Outcome> {
        match self.out.as_ref().filter(|out| !is_dash(out)) {
            Some(out) => {
                electrodes::save(out, electrodes, overwrite_policy(self.force))?;
                common.print_note(format_args!(
                    "{}: {}",
                    out.display(),
                    format_count(electrodes.len() as u64, "contact")
                ));
            }
            None => console::print(electrodes::to_csv(electrodes))?,
        }
        Ok(Outcome::Done)
    }
}
