//! `leadfield weights`: from segment tables and contacts to the electrodes file.

use std::path::{Path, PathBuf};
use std::time::Instant;

use leadfield::Result;
use leadfield::electrode;
use leadfield::error::{Context, FileProblem, count};
use leadfield::method::NearField;
use leadfield::table::Table;
use leadfield::units::{DEFAULT_CONDUCTIVITY, SiemensPerMeter};
use leadfield::weights::{Far, Request, Source, Summary, compute};
use serde_json::json;

use crate::cli::progress::Progress;
use crate::cli::{Common, Outcome, existing};

/// Compute the coefficients of all contacts for all segments, and write the electrodes file
///
/// Prints the `lfp` report to paste into the `reports` of a simulation configuration. Its times are to be adapted; the
/// simulator ends it with the run. Without `cells` it is that of the simulation's own node set.
#[derive(clap::Args)]
pub struct Args {
    /// Segment tables, one for each population, as `leadfield positions` writes them
    #[arg(required = true)]
    segments: Vec<PathBuf>,
    /// Contacts: CSV or JSON with name, x, y, z (um), type, layer, region
    electrodes: PathBuf,
    /// Electrodes file to write (HDF5)
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,
    /// Conductivity of the medium, S/m: one for all contacts, or one for each contact of an analytic method
    #[arg(long, value_name = "S", num_args = 1.., allow_negative_numbers = true, default_values_t = [DEFAULT_CONDUCTIVITY.get()])]
    conductivity: Vec<f64>,
    /// What to do with contacts nearer to a segment than its radius
    #[arg(long, value_name = "RULE", default_value = "radius")]
    near_field: NearFieldRule,
    /// Replace a file that exists
    #[arg(long)]
    force: bool,
}

/// [`NearField`] as an option.
#[derive(Clone, Copy, clap::ValueEnum)]
enum NearFieldRule {
    /// No contact comes nearer than the segment's radius
    Radius,
    /// The formula as it is; a contact on a segment is an error
    Exact,
}

impl From<NearFieldRule> for NearField {
    fn from(rule: NearFieldRule) -> Self {
        match rule {
            NearFieldRule::Radius => Self::Radius,
            NearFieldRule::Exact => Self::Exact,
        }
    }
}

/// Runs the tool.
pub fn run(args: &Args, common: &Common) -> Result<Outcome> {
    let started = Instant::now();
    let electrodes = electrode::read(&args.electrodes)?;
    let conductivities = args.conductivity.iter().map(|&s| SiemensPerMeter::new(s)).collect::<Result<Vec<_>, _>>()?;
    let contacts = electrode::contacts(&electrodes, &conductivities, args.near_field.into())?;
    let tables = args.segments.iter().map(|path| Table::open(path)).collect::<Result<Vec<_>>>()?;
    let populations: Vec<&str> = tables.iter().map(|t| t.metadata().population.as_str()).collect();
    electrode::check_names(&electrodes, &populations).in_file(&args.electrodes)?;
    let sources: Vec<&dyn Source> = tables.iter().map(|t| t as &dyn Source).collect();
    if let Some(far) = Far::check(&sources, &contacts)? {
        common.warn(far);
    }
    let progress = Progress::new(common, "segments", tables.iter().map(Table::len).sum());
    let summary = compute(&Request {
        sources: &sources,
        electrodes: &electrodes,
        contacts: &contacts,
        output: &args.out,
        existing: existing(args.force),
        progress: &|n| progress.add(n),
    })?;
    progress.finish();
    common.say(told(&args.out, &summary, started.elapsed().as_secs_f64()));
    println!("{:#}", report(&args.out)?);
    Ok(Outcome::Done)
}

/// The summary in one line.
fn told(out: &Path, summary: &Summary, seconds: f64) -> String {
    format!(
        "{}: {}, {}, {}, {:.1} MB, {seconds:.2} s",
        out.display(),
        count(summary.contacts, "contact"),
        count(summary.segments, "segment"),
        count(summary.neurons, "neuron"),
        summary.bytes as f64 / 1e6,
    )
}

/// The entry for `reports` of a simulation configuration: what libsonata 0.2.2 accepts, which rejects `variable_name`
/// here and `electrodes_file` under `run`. The path is absolute, since it would be relative to the configuration.
fn report(out: &Path) -> Result<serde_json::Value> {
    let path = out.canonicalize().map_err(FileProblem::Read).in_file(out)?;
    Ok(json!({
        "lfp": {
            "type": "lfp",
            "electrodes_file": path,
            "sections": "all",
            "unit": "V",
            "dt": 0.1,
            "start_time": 0.0,
            "end_time": 1000.0,
        }
    }))
}
