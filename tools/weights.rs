//! `leadfield weights`: computes an electrodes file from segment tables and contacts.

use std::path::{Path, PathBuf};
use std::time::Instant;

use leadfield::Result;
use leadfield::circuit::{self, PopulationTables};
use leadfield::electrodes;
use leadfield::error::{Context, FileProblem, Problem, format_count};
use leadfield::io::atomic_output::{check_not_an_input, lock_path_for, partial_path_for};
use leadfield::io::checkpoint::format_units;
use leadfield::io::resumable_output::RunSettings;
use leadfield::segments::table::find_circuit_file;
use leadfield::sonata::config::{RunTimes, SonataConfig};
use leadfield::sonata::lfp_report;
use leadfield::weights::{self, Implausible, SegmentSource, WeightsRequest, WeightsSummary, compute_weights_on_ranks};
use serde_json::json;

use crate::cli::circuit_warnings;
use crate::cli::contact_file::{is_dash, name_of};
use crate::cli::dry_run::{self, DryRun};
use crate::cli::facts::format_bytes;
use crate::cli::help::{OUTPUT, RUN, examples};
use crate::cli::method_args::{MethodArgs, open_tables};
use crate::cli::progress::Progress;
use crate::cli::segment_input;
use crate::cli::segmentation_args::SegmentationArgs;
use crate::cli::stop_signal::StopSignal;
use crate::cli::{Common, Outcome, console, overwrite_policy};

/// The inputs cannot be used together.
#[derive(Debug, thiserror::Error)]
enum InputProblem {
    #[error("a circuit together with other inputs, expected one circuit or segment tables, found {0} inputs")]
    CircuitAmongOthers(usize),
    #[error("several populations of a circuit, expected one `--population`, or none for all, found {0}")]
    SeveralPopulations(usize),
    #[error("`{0}` is for circuits, expected a circuit or simulation configuration, found a segment table")]
    CircuitOption(&'static str),
    #[error("`--keep-table` in a run of several ranks, expected one process, found {0}")]
    KeptByRanks(usize),
    #[error("one input, expected segments and contacts")]
    OneInput,
    #[error("a number, expected the name of a file")]
    Number,
    #[error("standard input of several ranks, which only one of them receives, expected a file of contacts")]
    InputOfRanks,
    #[error("`--keep-table` is a file of the electrodes file's run, expected another name, found `{0}`")]
    SameOutput(String),
}

impl Problem for InputProblem {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::OneInput => {
                "first segment tables or a circuit, then the electrodes: `leadfield weights circuit_config.json electrodes.csv -o weights.h5`"
                    .into()
            }
            Self::Number => {
                "an option takes one value: repeat it, as in `--conductivity 0.3 --conductivity 0.4`".into()
            }
            Self::CircuitAmongOthers(_) => "make the table of each with `leadfield positions`".into(),
            Self::SeveralPopulations(_) | Self::SameOutput(_) | Self::InputOfRanks => return None,
            Self::CircuitOption(option) => {
                format!("a table has its segments already: give `{option}` to `leadfield positions`")
            }
            Self::KeptByRanks(_) => {
                "write the table first, `leadfield positions`, then compute the weights from it".into()
            }
        })
    }
}

/// Compute the weights of all contacts for all segments, and write the electrodes file
///
/// The segments come from segment tables, or from a circuit: then they are placed part by part while the weights are
/// computed, and no table is written unless `--keep-table` names one. The bytes of the electrodes file are the same.
///
/// Prints the `lfp` report to paste into the `reports` of a simulation configuration. Adapt its times; the simulator
/// ends it with the run. Without `cells` it covers the simulation's own node set.
#[derive(clap::Args)]
#[command(override_usage = "leadfield weights [OPTIONS] -o <FILE> <TABLE|CONFIG>... <ELECTRODES>")]
#[command(after_help = examples!(
    "leadfield weights circuit_config.json electrodes.csv -o weights.h5",
    "leadfield weights segments.parquet electrodes.csv -o weights.h5 --conductivity 0.3",
    "leadfield electrodes linear --contacts 9 --pitch 50 | leadfield weights circuit - -o weights.h5",
))]
pub struct Args {
    /// Segments, then contacts. Segments: tables, one for each population, as `leadfield positions` writes them; or a
    /// circuit or simulation configuration, or the folder that contains it. Contacts, last: CSV or JSON with name, x,
    /// y, z (µm), type, layer, region; `-` reads standard input
    // one list, because options may stand between the files
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    #[command(flatten)]
    segmentation: SegmentationArgs,
    #[command(flatten)]
    methods: MethodArgs,
    /// Electrodes file to write (HDF5)
    #[arg(short, long = "output", alias = "out", value_name = "FILE", help_heading = OUTPUT)]
    out: PathBuf,
    /// Write the segment table of the circuit too, as `leadfield positions -o TABLE` does
    #[arg(long, value_name = "TABLE", conflicts_with_all = ["dry_run", "by_part"], help_heading = OUTPUT)]
    keep_table: Option<PathBuf>,
    /// Print a summary as JSON instead of the `lfp` report, or the numbers of `--dry-run`
    #[arg(long, conflicts_with_all = ["layout", "part"], help_heading = OUTPUT)]
    json: bool,
    /// Resume an interrupted run of the same inputs and settings; if there was none, begin
    #[arg(long, help_heading = OUTPUT)]
    resume: bool,
    /// Replace an existing file, and what an interrupted run left
    #[arg(short, long, help_heading = OUTPUT)]
    force: bool,
    #[command(flatten)]
    dry_run_options: DryRun,
    /// Write the file by parts, 1: lay it out for all processes, and print the number of parts
    #[arg(long, group = "by_part", conflicts_with_all = ["dry_run", "resume"], help_heading = RUN)]
    layout: bool,
    /// Write the file by parts, 2: write part I (from 0, over all tables) of a file that is laid out, while other
    /// processes may write others; can be repeated
    #[arg(long, value_name = "I", value_delimiter = ',', group = "by_part", help_heading = RUN,
          conflicts_with_all = ["dry_run", "resume", "force"])]
    part: Vec<u64>,
    /// Write the file by parts, 3: check that all parts are written, and rename the file
    #[arg(long, group = "by_part", conflicts_with_all = ["dry_run", "resume"], help_heading = RUN)]
    finish: bool,
}

/// Refuses a number where a file is expected: the second value of an option that takes one.
fn check_is_no_number(path: &Path) -> Result<()> {
    let is_number = path.to_str().is_some_and(|text| text.parse::<f64>().is_ok());
    if is_number && !path.exists() { Err(InputProblem::Number).in_file(path) } else { Ok(()) }
}

/// Returns the circuit's configuration; `None` if the inputs are tables.
fn find_circuit(args: &Args) -> Result<Option<PathBuf>> {
    let circuits = args.segments().iter().map(|path| segment_input::find_circuit(path)).collect::<Result<Vec<_>>>()?;
    let Some(config) = circuits.into_iter().flatten().next() else {
        let given = args.segmentation.find_given().or(args.keep_table.as_ref().map(|_| "--keep-table"));
        return given.map_or(Ok(None), |option| Err(InputProblem::CircuitOption(option).into()));
    };
    match (args.segments().len(), args.methods.populations().len()) {
        (1, 0 | 1) => Ok(Some(config)),
        (1, n) => Err(InputProblem::SeveralPopulations(n).into()),
        (n, _) => Err(InputProblem::CircuitAmongOthers(n)).in_file(&config),
    }
}

/// Segments in a part of a circuit whose table is not written: 80 MB in memory.
const PLACED_SEGMENTS_PER_PART: u64 = 1_000_000;

/// Computes the weights of a circuit's segments.
fn run_on_circuit(args: &Args, config: &Path, common: &Common) -> Result<Outcome> {
    let population = args.methods.populations().first().map(String::as_str);
    let tables = PopulationTables::open(&args.segmentation.circuit_request(config, population))?;
    circuit_warnings::print_findings(&tables, args.segmentation.has_euler_order(), common);
    match &args.keep_table {
        Some(path) => {
            let paths = write_table(args, &tables, path, common)?;
            run_on_tables(args, &paths, &[], common)
        }
        None => {
            let mut options = args.segmentation.table_options();
            options.segments_per_part = args.segmentation.segments_per_part.unwrap_or(PLACED_SEGMENTS_PER_PART);
            let planned = tables.planned_tables(&options);
            let sources: Vec<&dyn SegmentSource> = planned.iter().map(|t| t as &dyn SegmentSource).collect();
            compute(args, &sources, common)
        }
    }
}

/// Writes the table of a circuit, and returns the path of each population's.
fn write_table(args: &Args, tables: &PopulationTables, path: &Path, common: &Common) -> Result<Vec<PathBuf>> {
    if common.ranks().size() > 1 {
        return Err(InputProblem::KeptByRanks(common.ranks().size()).into());
    }
    check_not_an_input(path, [args.electrodes()])?;
    circuit::check_output(path, overwrite_policy(args.force), args.resume)?;
    let progress = Progress::new(common, "segments placed", tables.segment_count());
    let stop = StopSignal::install(common, &progress);
    let settings = RunSettings {
        existing: overwrite_policy(args.force),
        resume: args.resume,
        is_stopped: &|| stop.is_requested(),
        on_progress: &|n| progress.add(n),
    };
    let written = tables.write_with_ranks(path, &args.segmentation.table_options(), &settings, common.ranks())?;
    progress.finish();
    let (segments, parts) = (tables.segment_count(), format_count(written.parts, "part"));
    common.print_note(format_args!("{}: {}, {parts}", path.display(), format_count(segments, "segment")));
    Ok(tables.table_paths(path))
}

/// Computes the weights of the segments in tables.
fn run_on_tables(args: &Args, paths: &[PathBuf], populations: &[String], common: &Common) -> Result<Outcome> {
    let tables = open_tables(paths, populations, common)?;
    let sources: Vec<&dyn SegmentSource> = tables.iter().map(|t| t as &dyn SegmentSource).collect();
    compute(args, &sources, common)
}

/// Runs the tool.
pub fn run(args: &Args, common: &Common) -> Result<Outcome> {
    let fields = args.methods.field_files();
    let inputs = args.inputs.iter().chain(&fields).chain(args.methods.head_pose());
    inputs.clone().try_for_each(|path| check_is_no_number(path))?;
    if let [only] = &args.inputs[..] {
        return Err(InputProblem::OneInput).in_file(only);
    }
    check_not_an_input(&args.out, inputs.map(PathBuf::as_path))?;
    // in or next to the electrodes file, where a run keeps what it has done
    let own = [args.out.clone(), partial_path_for(&args.out), lock_path_for(&args.out)];
    if let Some(table) = args.keep_table.as_ref().filter(|table| own.iter().any(|own| table.starts_with(own))) {
        return Err(InputProblem::SameOutput(table.display().to_string()).into());
    }
    if common.ranks().is_first() && !args.dry_run_options.dry_run && args.part.is_empty() && !args.finish {
        weights::check_output(&args.out, overwrite_policy(args.force), args.resume)?;
    }
    match find_circuit(args)? {
        Some(config) => run_on_circuit(args, &config, common),
        None => run_on_tables(args, args.segments(), args.methods.populations(), common),
    }
}

/// Computes the weights of the segments of some sources.
fn compute(args: &Args, sources: &[&dyn SegmentSource], common: &Common) -> Result<Outcome> {
    let started = Instant::now();
    if is_dash(args.electrodes()) && common.ranks().size() > 1 {
        return Err(InputProblem::InputOfRanks.into());
    }
    let electrodes = args.methods.read_electrodes(args.electrodes(), common)?;
    let populations: Vec<&str> = sources.iter().map(|s| s.metadata().population.as_str()).collect();
    electrodes::check_names(&electrodes, &populations).in_file(args.electrodes_name())?;
    let electrodes = args.methods.configure_electrodes(args.electrodes(), &electrodes, sources, common)?;
    // other ranks and the processes of parts print no warnings
    if common.ranks().is_first() && args.part.is_empty() {
        Implausible::find(sources, &electrodes)?.iter().for_each(|found| common.warn(found));
    }
    let total = if args.dry_run_options.dry_run || args.is_by_part() { 0 } else { segment_count(sources) };
    let progress = Progress::new(common, "segments", total);
    let stop = StopSignal::install(common, &progress);
    let request = WeightsRequest {
        sources,
        electrodes: &electrodes,
        output: &args.out,
        existing: overwrite_policy(args.force),
        resume: args.resume,
        stop: &|| stop.is_requested(),
        progress: &|n| progress.add(n),
    };
    if args.dry_run_options.dry_run {
        let reading = started.elapsed().as_secs_f64();
        let found = weights::dry_run(&request, args.dry_run_options.ranks(common)).in_file(args.electrodes_name())?;
        dry_run::print_estimate(&found, reading, &args.out, args.json, common)?;
        dry_run::warn_existing(&args.out, args.force, args.resume, common);
        return Ok(Outcome::Done);
    }
    if args.layout {
        let parts = weights::lay_out(&request).in_file(args.electrodes_name())?;
        progress.finish();
        common.print_note(format_args!(
            "{}: laid out, {} for `--part`",
            args.out.display(),
            format_count(parts, "part")
        ));
        console::print(format_args!("{parts}\n"))?;
        return Ok(Outcome::Done);
    }
    if !args.part.is_empty() {
        let segments = weights::write_parts(&request, &args.part).in_file(args.electrodes_name())?;
        progress.finish();
        let (parts, segments) = (format_count(args.part.len() as u64, "part"), format_count(segments, "segment"));
        common.print_note(format_args!(
            "{}: {segments} of {parts} written, {:.2} s",
            args.out.display(),
            elapsed_s(started)
        ));
        return Ok(Outcome::Done);
    }
    let computed =
        if args.finish { weights::finish(&request) } else { compute_weights_on_ranks(&request, common.ranks()) };
    let summary = computed.in_file(args.electrodes_name())?;
    progress.finish();
    if summary.damaged_parts > 0 {
        let units = format_units(summary.damaged_parts);
        common.warn(format_args!("damage in {units} of the interrupted run, computed again"));
    }
    common.print_note(summary_text(&args.out, &summary, elapsed_s(started)));
    common.print_balance();
    if common.ranks().is_first() {
        let report = lfp_report_entry(&args.out, sources, common)?;
        let printed = if args.json { summary_json(args, &summary, elapsed_s(started), &report) } else { report };
        console::print(format_args!("{printed:#}\n"))?;
    }
    Ok(Outcome::Done)
}

/// Returns the number of segments of all sources.
fn segment_count(sources: &[&dyn SegmentSource]) -> u64 {
    let parts = sources.iter().flat_map(|source| (0..source.part_count()).map(|part| source.part_neurons(part)));
    parts.flatten().map(|neuron| neuron.segments).sum()
}

impl Args {
    /// Returns the paths of tables or of a circuit.
    fn segments(&self) -> &[PathBuf] {
        self.inputs.split_last().map_or(&[], |(_, segments)| segments)
    }

    /// Returns the path of the contacts.
    fn electrodes(&self) -> &Path {
        self.inputs.last().map_or(Path::new(""), PathBuf::as_path)
    }

    /// Returns the name of the electrodes' file for errors.
    fn electrodes_name(&self) -> &Path {
        name_of(self.electrodes())
    }

    /// Returns whether this process writes parts on its own, independent of other processes of a launcher.
    pub fn is_by_part(&self) -> bool {
        self.layout || self.finish || !self.part.is_empty()
    }
}

fn elapsed_s(started: Instant) -> f64 {
    started.elapsed().as_secs_f64()
}

/// Formats the summary as one line.
fn summary_text(out: &Path, summary: &WeightsSummary, seconds: f64) -> String {
    if summary.resumed_parts > 0 && summary.resumed_parts == summary.parts {
        return format!("{}: complete already, from the same inputs and settings", out.display());
    }
    let kept = match summary.resumed_parts {
        0 => String::new(),
        kept => format!(", {kept} of {} by an earlier run", format_units(summary.parts)),
    };
    format!(
        "{}: {}, {}, {}, {}, {seconds:.2} s{kept}",
        out.display(),
        format_count(summary.contacts, "contact"),
        format_count(summary.segments, "segment"),
        format_count(summary.neurons, "neuron"),
        format_bytes(summary.bytes),
    )
}

/// Returns the summary of a run as JSON.
fn summary_json(args: &Args, summary: &WeightsSummary, seconds: f64, report: &serde_json::Value) -> serde_json::Value {
    let WeightsSummary { contacts, neurons, segments, bytes, parts, resumed_parts, damaged_parts } = *summary;
    json!({
        "output": args.out,
        "table": args.keep_table,
        "contacts": contacts,
        "neurons": neurons,
        "segments": segments,
        "bytes": bytes,
        "parts": parts,
        "resumed_parts": resumed_parts,
        "damaged_parts": damaged_parts,
        "seconds": seconds,
        "reports": report,
    })
}

/// Returns the entry for `reports` of a simulation configuration, with the times of the simulation that the segments
/// come from, if they come from one that still exists. The path is absolute, since it would be relative to the
/// configuration.
fn lfp_report_entry(out: &Path, sources: &[&dyn SegmentSource], common: &Common) -> Result<serde_json::Value> {
    let path = out.canonicalize().map_err(FileProblem::Read).in_file(out)?;
    let simulation = sources.iter().find_map(|s| find_circuit_file(s.path(), &s.metadata().simulation_path));
    let stated = sources.iter().find(|source| !source.metadata().simulation_path.is_empty());
    if let (None, Some(source)) = (&simulation, stated) {
        common.print_note(format_args!(
            "note: {}: the simulation `{}` that it names is not there: the times of the `lfp` report are placeholders",
            source.path().display(),
            source.metadata().simulation_path
        ));
    }
    let run = match simulation.map(|path| SonataConfig::open(&path)) {
        Some(Ok(SonataConfig::Simulation(simulation))) => simulation.run,
        _ => RunTimes::default(),
    };
    Ok(lfp_report::entry(&path, run))
}
