//! `leadfield`: the command line program with its list of tools. Each tool is a file next to this one.
// these macros panic on a closed pipe or a full disk, so `cli::console` is used instead
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod cli;
mod completions;
mod convert;
mod demo;
mod electrodes;
mod info;
mod man;
mod plot;
mod positions;
/// The Python module: the same crate with another entrance, see `tools/python/Cargo.toml`.
#[cfg(feature = "python")]
#[path = "python/src/mod.rs"]
mod python;
mod query;
mod report;
mod signals;
mod synthesize;
mod validate;
mod weights;

use std::ffi::OsString;
#[cfg(not(feature = "python"))]
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use leadfield::Result;

use cli::Outcome;
use cli::help::examples;

/// From SONATA circuits to electrode weights
#[derive(Parser)]
#[command(
    name = "leadfield",
    version,
    propagate_version = true,
    infer_subcommands = false,
    arg_required_else_help = true
)]
#[command(disable_help_flag = true, disable_version_flag = true)]
#[command(after_help = examples!(
    "leadfield electrodes linear --contacts 16 --pitch 50 --align-to circuit_config.json -o probe.csv",
    "leadfield weights circuit_config.json probe.csv -o weights.h5 --keep-table segments.parquet",
    "leadfield plot weights segments.parquet weights.h5 --electrode 0 -o weights.svg",
))]
struct Program {
    #[command(subcommand)]
    tool: Tool,
    #[command(flatten)]
    common: cli::Common,
}

#[derive(Subcommand)]
enum Tool {
    Positions(positions::Args),
    Electrodes(electrodes::Args),
    Query(Box<query::Args>),
    Convert(Box<convert::Args>),
    Weights(weights::Args),
    Plot(plot::Args),
    Report(report::Args),
    Signals(Box<signals::Args>),
    Validate(validate::Args),
    Info(info::Args),
    Synthesize(synthesize::Args),
    Demo(demo::Args),
    Completions(completions::Args),
    Man(man::Args),
}

#[cfg(not(feature = "python"))]
fn main() -> ExitCode {
    ExitCode::from(run_program(std::env::args_os()))
}

/// Runs the program with its name and its arguments, and returns its exit code.
fn run_program(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    leadfield::io::input_file::record_inputs();
    let Program { tool, mut common } = match Program::try_parse_from(cli::command_line(arguments)) {
        Ok(program) => program,
        Err(error) => return cli::report_argument_error(&error),
    };
    let joined = if tool.is_shared() { common.join_ranks() } else { Ok(()) };
    let result = joined.and_then(|()| common.start()).and_then(|()| tool.run(&common));
    common.report_result(result)
}

impl Tool {
    /// Returns whether several ranks can share the tool's work; otherwise each rank does all of it.
    fn is_shared(&self) -> bool {
        match self {
            Self::Positions(_) | Self::Signals(_) => true,
            Self::Weights(args) => !args.is_by_part(),
            _ => false,
        }
    }

    fn run(&self, common: &cli::Common) -> Result<Outcome> {
        match self {
            Self::Positions(args) => positions::run(args, common),
            Self::Electrodes(args) => electrodes::run(args, common),
            Self::Convert(args) => convert::run(args, common),
            Self::Query(args) => query::run(args, common),
            Self::Weights(args) => weights::run(args, common),
            Self::Plot(args) => plot::run(args, common),
            Self::Report(args) => report::run(args, common),
            Self::Signals(args) => signals::run(args, common),
            Self::Validate(args) => validate::run(args, common),
            Self::Info(args) => info::run(args, common),
            Self::Synthesize(args) => synthesize::run(args, common),
            Self::Demo(args) => demo::run(args, common),
            Self::Completions(args) => completions::run(args, Program::command()),
            Self::Man(args) => man::run(args, Program::command(), common),
        }
    }
}
