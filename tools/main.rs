//! `leadfield`: the list of tools. Each one is a file beside this one.

mod cli;
mod convert;
mod demo;
mod electrodes;
mod info;
mod positions;
mod query;
mod synthesize;
mod validate;
mod weights;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// From SONATA circuits to electrode weights
#[derive(Parser)]
#[command(name = "leadfield", version, infer_subcommands = false, arg_required_else_help = true)]
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
    Validate(validate::Args),
    Info(info::Args),
    Synthesize(synthesize::Args),
    Demo(demo::Args),
}

fn main() -> ExitCode {
    let program = Program::parse_from(cli::arguments());
    cli::conclude(program.common.start().and_then(|()| match &program.tool {
        Tool::Positions(args) => positions::run(args, &program.common),
        Tool::Electrodes(args) => electrodes::run(args, &program.common),
        Tool::Convert(args) => convert::run(args, &program.common),
        Tool::Query(args) => query::run(args, &program.common),
        Tool::Weights(args) => weights::run(args, &program.common),
        Tool::Validate(args) => validate::run(args, &program.common),
        Tool::Info(args) => info::run(args, &program.common),
        Tool::Synthesize(args) => synthesize::run(args, &program.common),
        Tool::Demo(args) => demo::run(args, &program.common),
    }))
}
