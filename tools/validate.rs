//! `leadfield validate`: whether a file is sound, and whether two agree.

mod branches;
mod circuit;
mod electrodes_file;
mod junit;
mod positions;
mod report;
mod tolerance;
mod weights;

use leadfield::Result;

use crate::cli::{Common, Outcome};

/// Examine a file or compare two: exit code 0 if it is sound or they agree, 1 if not, 2 if they cannot be read
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

/// What is examined or compared.
#[derive(clap::Subcommand)]
enum What {
    Circuit(circuit::Args),
    ElectrodesFile(electrodes_file::Args),
    Positions(positions::Args),
    Weights(weights::Args),
}

/// Runs the tool.
pub fn run(args: &Args, common: &Common) -> Result<Outcome> {
    match &args.what {
        What::Circuit(args) => args.output.around(&args.suite(), || circuit::run(args, common)),
        What::ElectrodesFile(args) => args.output.around(&args.suite(), || electrodes_file::run(args, common)),
        What::Positions(args) => args.output.around(&args.suite(), || positions::run(args, common)),
        What::Weights(args) => args.output.around(&args.suite(), || weights::run(args, common)),
    }
}
