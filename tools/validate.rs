//! `leadfield validate`: checks whether a file is valid, and whether two files agree.

mod branch_rules;
mod circuit;
mod electrodes_file;
mod junit;
mod positions;
mod report;
mod tolerance;
mod weights;

use leadfield::Result;

use crate::cli::help::examples;
use crate::cli::{Common, Outcome};

/// Maximum number of names in a line.
const MAX_LISTED_NAMES: usize = 12;

/// Check a file or compare two: exit code 0 if it is valid or they agree, 1 if not, 2 if they cannot be read
#[derive(clap::Args)]
#[command(after_help = examples!(
    "leadfield validate electrodes-file weights.h5",
    "leadfield validate weights weights.h5 reference.h5",
    "leadfield validate circuit simulation_config.json segments.parquet",
))]
pub struct Args {
    #[command(subcommand)]
    what: ValidateCommand,
}

/// The checks and comparisons.
#[derive(clap::Subcommand)]
enum ValidateCommand {
    Circuit(circuit::Args),
    ElectrodesFile(electrodes_file::Args),
    Positions(positions::Args),
    Weights(weights::Args),
}

/// Runs the tool.
pub fn run(args: &Args, common: &Common) -> Result<Outcome> {
    match &args.what {
        ValidateCommand::Circuit(args) => args.output.run_with_junit(&args.suite_name(), || circuit::run(args, common)),
        ValidateCommand::ElectrodesFile(args) => {
            args.output.run_with_junit(&args.suite_name(), || electrodes_file::run(args, common))
        }
        ValidateCommand::Positions(args) => {
            args.output.run_with_junit(&args.suite_name(), || positions::run(args, common))
        }
        ValidateCommand::Weights(args) => args.output.run_with_junit(&args.suite_name(), || weights::run(args, common)),
    }
}
