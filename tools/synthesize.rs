//! `leadfield synthesize`: writes a synthetic circuit.

use std::path::PathBuf;

use leadfield::Result;
use leadfield::circuit::synthetic::{self, CircuitSpec, SyntheticReport};
use leadfield::error::format_count;

use crate::cli::help::{CIRCUIT, OUTPUT, examples};
use crate::cli::progress::Progress;
use crate::cli::{Common, Outcome, overwrite_policy};

/// Write a synthetic SONATA circuit: neurons in a cylinder, branched morphologies, optionally a compartment report
///
/// The same options give the same bytes on every machine.
#[derive(clap::Args)]
#[command(after_help = examples!(
    "leadfield synthesize circuit --cells 100 --with-report",
    "leadfield synthesize column --cells 1000 --radius 300 --height 2000 --seed 7",
))]
pub struct Args {
    /// Folder to write; it must be new or empty
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Number of neurons
    #[arg(long, help_heading = CIRCUIT, value_name = "N")]
    cells: usize,
    /// Seed of the random numbers
    #[arg(long, help_heading = CIRCUIT, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Number of distinct morphologies [default: one per neuron, at most 24]
    #[arg(long, help_heading = CIRCUIT, value_name = "M")]
    morphologies: Option<usize>,
    /// Write a compartment report of one frame over all segments
    #[arg(long, help_heading = CIRCUIT)]
    with_report: bool,
    /// Write a compartment report of balanced membrane currents of an input that travels through the circuit
    #[arg(long, conflicts_with = "with_report")]
    with_currents: bool,
    /// Number of frames of that report, every 0.5 ms
    #[arg(long, value_name = "N", default_value_t = 300, requires = "with_currents")]
    frames: usize,
    /// Radius of the cylinder that contains the somata, in µm
    #[arg(long, help_heading = CIRCUIT, value_name = "UM", default_value_t = 400.0, allow_negative_numbers = true)]
    radius: f64,
    /// Height of that cylinder, in µm
    #[arg(long, help_heading = CIRCUIT, value_name = "UM", default_value_t = 1500.0, allow_negative_numbers = true)]
    height: f64,
    /// Replace a circuit that already exists
    #[arg(short, long, help_heading = OUTPUT)]
    force: bool,
}

impl Args {
    fn synthesis_plan(&self) -> CircuitSpec {
        CircuitSpec {
            cells: self.cells,
            seed: self.seed,
            morphologies: self.morphologies.unwrap_or_else(|| CircuitSpec::default_morphologies(self.cells)),
            radius_um: self.radius,
            height_um: self.height,
            report: match (self.with_report, self.with_currents) {
                (_, true) => SyntheticReport::Currents { frames: self.frames },
                (true, false) => SyntheticReport::OneFrame,
                (false, false) => SyntheticReport::None,
            },
        }
    }
}

/// Runs the tool.
pub fn run(args: &Args, common: &Common) -> Result<Outcome> {
    let plan = args.synthesis_plan();
    let progress = Progress::new(common, "neurons", plan.cells as u64);
    let written = synthetic::write(&plan, &args.folder, overwrite_policy(args.force), &mut |n| progress.add(n));
    progress.finish();
    let neurons = format_count(plan.cells as u64, "neuron");
    let segments = format_count(written?.segments, "segment");
    common.print_note(format_args!("{}: {neurons}, {segments}", args.folder.join("simulation_config.json").display()));
    Ok(Outcome::Done)
}
