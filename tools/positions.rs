//! `leadfield positions`: computes the segment table of a circuit.

use std::path::{Path, PathBuf};
use std::time::Instant;

use leadfield::Result;
use leadfield::circuit::{self, PopulationTables, TableSummary, TablesSummary};
use leadfield::error::format_count;
use leadfield::io::resumable_output::RunSettings;
use leadfield::segments::table::part_files::is_single_file;
use serde_json::json;

use crate::cli::circuit_warnings;
use crate::cli::dry_run::{self, DryRun};
use crate::cli::help::{CIRCUIT, OUTPUT, examples};
use crate::cli::progress::Progress;
use crate::cli::segment_input;
use crate::cli::segmentation_args::SegmentationArgs;
use crate::cli::stop_signal::StopSignal;
use crate::cli::{Common, Outcome, console, overwrite_policy};

/// Write the segment table of a circuit: the position of every segment of every neuron
///
/// How each section is cut into segments is taken from a simulation's compartment report, or computed by the rule of
/// the cell templates (hoc), which circuits without a simulation need.
#[derive(clap::Args)]
#[command(after_help = examples!(
    "leadfield positions circuit_config.json -o segments.parquet",
    "leadfield positions simulation_config.json -o segments --node-set Column",
    "leadfield positions circuit_config.json -o segments.parquet --axon-rule taper --dry-run",
))]
pub struct Args {
    /// Circuit or simulation configuration (SONATA), or the folder that contains it
    config: PathBuf,
    /// Population of the nodes (default: all biophysical ones)
    #[arg(long, value_name = "NAME", help_heading = CIRCUIT)]
    population: Option<String>,
    #[command(flatten)]
    segmentation: SegmentationArgs,
    /// Table to write: NAME.parquet is one file, any other name a folder of parts; for several populations a folder
    /// with one folder for each
    #[arg(short, long = "output", alias = "out", value_name = "TABLE", help_heading = OUTPUT)]
    out: PathBuf,
    /// Print a summary, or the numbers of `--dry-run`, as JSON
    #[arg(long, help_heading = OUTPUT)]
    json: bool,
    /// Resume an interrupted run of the same inputs and settings; if there was none, begin
    #[arg(long, help_heading = OUTPUT)]
    resume: bool,
    /// Replace an existing table, and what an interrupted run left
    #[arg(short, long, help_heading = OUTPUT)]
    force: bool,
    #[command(flatten)]
    dry_run_options: DryRun,
}

/// Runs the tool.
pub fn run(args: &Args, common: &Common) -> Result<Outcome> {
    let started = Instant::now();
    if common.ranks().is_first() && !args.dry_run_options.dry_run {
        circuit::check_output(&args.out, overwrite_policy(args.force), args.resume)?;
    }
    if args.segmentation.segments_per_part.is_some() && is_single_file(&args.out) {
        common.warn(format_args!("{}: one file is one part: parts need the name of a folder", args.out.display()));
    }
    let config = segment_input::find_circuit(&args.config)?.unwrap_or_else(|| args.config.clone());
    let tables = PopulationTables::open(&args.segmentation.circuit_request(&config, args.population.as_deref()))?;
    circuit_warnings::print_findings(&tables, args.segmentation.has_euler_order(), common);
    if args.dry_run_options.dry_run {
        let reading = started.elapsed().as_secs_f64();
        let found =
            tables.dry_run(&args.out, &args.segmentation.table_options(), args.dry_run_options.ranks(common))?;
        dry_run::print_estimate(&found, reading, &args.out, args.json, common)?;
        dry_run::warn_existing(&args.out, args.force, args.resume, common);
        return Ok(Outcome::Done);
    }
    let progress = Progress::new(common, "segments", tables.segment_count());
    let stop = StopSignal::install(common, &progress);
    let settings = RunSettings {
        existing: overwrite_policy(args.force),
        resume: args.resume,
        is_stopped: &|| stop.is_requested(),
        on_progress: &|n| progress.add(n),
    };
    let written = tables.write_with_ranks(&args.out, &args.segmentation.table_options(), &settings, common.ranks())?;
    progress.finish();
    let TablesSummary { tables: summaries, parts, resumed_parts } = written;
    if args.json && common.ranks().is_first() {
        let paths = tables.table_paths(&args.out);
        let described: Vec<_> = summaries.iter().zip(&paths).map(|(table, path)| summary_json(table, path)).collect();
        let seconds = started.elapsed().as_secs_f64();
        let summary = json!({
            "output": args.out, "tables": described, "parts": parts, "resumed_parts": resumed_parts, "seconds": seconds,
        });
        console::print(format_args!("{summary:#}\n"))?;
    }
    if resumed_parts == parts {
        common.print_note(format_args!("{}: complete already, from the same inputs and settings", args.out.display()));
        return Ok(Outcome::Done);
    }
    for summary in &summaries {
        print_summary(summary, args, started.elapsed().as_secs_f64(), common);
    }
    if resumed_parts > 0 {
        common.print_note(format_args!("{resumed_parts} of {} by an earlier run", format_count(parts, "part")));
    }
    common.print_balance();
    Ok(Outcome::Done)
}

/// Returns the summary of a table as JSON.
fn summary_json(table: &TableSummary, path: &Path) -> serde_json::Value {
    let TableSummary { population, neurons, segments, parts, morphologies } = table;
    json!({
        "path": path, "population": population, "neurons": neurons, "segments": segments, "parts": parts,
        "morphologies": morphologies,
    })
}

fn print_summary(summary: &TableSummary, args: &Args, seconds: f64, common: &Common) {
    common.print_note(format_args!(
        "{}: {}, {} of population `{}`, {}, {}, {seconds:.2} s",
        args.out.display(),
        format_count(summary.segments, "segment"),
        format_count(summary.neurons, "neuron"),
        summary.population,
        format_count(summary.parts as u64, "part"),
        count_morphologies(summary.morphologies),
    ));
}

fn count_morphologies(n: usize) -> String {
    if n == 1 { "1 distinct morphology".into() } else { format!("{n} distinct morphologies") }
}
