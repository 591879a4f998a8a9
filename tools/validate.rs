//! `leadfield validate`: whether two files agree.

mod circuit;
mod weights;

use leadfield::Result;

use crate::cli::{Common, Outcome};

/// Compare two files: exit code 0 if they agree, 1 if they differ, 2 if they cannot be compared
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

/// What is compared.
#[derive(clap::Subcommand)]
enum What {
    Circuit(circuit::Args),
    Weights(weights::Args),
}

/// Runs the tool.
pub fn run(args: &Args, common: &Common) -> Result<Outcome> {
    match &args.what {
        What::Circuit(args) => circuit::run(args, common),
        What::Weights(args) => weights::run(args, common),
    }
}
