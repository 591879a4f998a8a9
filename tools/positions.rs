//! `leadfield positions`: from a circuit to its segment table.

use std::path::PathBuf;
use std::time::Instant;

use leadfield::Result;
use leadfield::assembly::{Assembly, Options, Request};
use leadfield::error::count;
use leadfield::positions::{Axon, Checks, Placement};
use leadfield::table::Precision;

use crate::cli::progress::Progress;
use crate::cli::{Common, Outcome, existing};

/// Write the segment table of a circuit: where every segment of every neuron lies
#[derive(clap::Args)]
pub struct Args {
    /// Simulation configuration (SONATA); its compartment report says which segments each neuron has
    config: PathBuf,
    /// Table to write: NAME.parquet is one file, any other name a folder of parts
    #[arg(short, long, value_name = "TABLE")]
    out: PathBuf,
    /// Only the neurons of this node set (default: all neurons of the report)
    #[arg(long, value_name = "NAME")]
    node_set: Option<String>,
    /// Population of the nodes (default: the only biophysical one)
    #[arg(long, value_name = "NAME")]
    population: Option<String>,
    /// Compartment report (default: the one that covers all sections and compartments)
    #[arg(long, value_name = "NAME")]
    report: Option<String>,
    /// Where the stubs lie that stand for a replaced axon
    #[arg(long, value_name = "RULE", default_value = "bluerecording")]
    axon_placement: AxonPlacement,
    /// The simulation keeps the axons as reconstructed
    #[arg(long, conflicts_with = "axon_placement")]
    keep_axon: bool,
    /// Take the report's segment counts even where no segment length explains them
    #[arg(long)]
    any_discretisation: bool,
    /// Width of the coordinates in the table
    #[arg(long, value_name = "WIDTH", default_value = "f64")]
    precision: Width,
    /// Replace a table that exists
    #[arg(long)]
    force: bool,
}

/// [`Placement`] as an option.
#[derive(Clone, Copy, clap::ValueEnum)]
enum AxonPlacement {
    /// Along the axon, without gaps
    Arc,
    /// As `bluerecording` 0.7.0
    Bluerecording,
    /// As BlueRecording 0.2, quirks included
    #[value(name = "bluerecording-0.2")]
    Bluerecording02,
}

/// [`Precision`] as an option.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Width {
    /// 64-bit floats
    F64,
    /// 32-bit floats: about 0.55 of the size
    F32,
}

impl Args {
    fn options(&self) -> Options {
        let placement = match self.axon_placement {
            AxonPlacement::Arc => Placement::Arc,
            AxonPlacement::Bluerecording => Placement::BlueRecording,
            AxonPlacement::Bluerecording02 => Placement::BlueRecording02,
        };
        Options {
            axon: if self.keep_axon { Axon::Keep } else { Axon::Replace(placement) },
            checks: if self.any_discretisation { Checks::SectionsOnly } else { Checks::Lengths },
            precision: match self.precision {
                Width::F64 => Precision::F64,
                Width::F32 => Precision::F32,
            },
            ..Options::default()
        }
    }
}

/// Runs the tool.
pub fn run(args: &Args, common: &Common) -> Result<Outcome> {
    let started = Instant::now();
    let request = Request {
        config: &args.config,
        node_set: args.node_set.as_deref(),
        population: args.population.as_deref(),
        report: args.report.as_deref(),
    };
    let assembly = Assembly::open(&request)?;
    let progress = Progress::new(common, "segments", assembly.segments());
    let made = assembly.write(&args.out, existing(args.force), &args.options(), &|n| progress.add(n))?;
    progress.finish();
    common.say(format_args!(
        "{}: {}, {} of population `{}`, {}, {}, {:.2} s",
        args.out.display(),
        count(made.segments, "segment"),
        count(made.neurons, "neuron"),
        made.population,
        count(made.parts as u64, "part"),
        morphologies(made.morphologies),
        started.elapsed().as_secs_f64(),
    ));
    Ok(Outcome::Done)
}

fn morphologies(n: usize) -> String {
    if n == 1 { "1 distinct morphology".into() } else { format!("{n} distinct morphologies") }
}
