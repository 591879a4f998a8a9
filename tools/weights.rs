//! `leadfield weights`: computes an electrodes file from segment tables and contacts.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use leadfield::Result;
use leadfield::circuit::{self, PopulationTables};
use leadfield::electrodes::lead_field_files::LeadFieldAssignment;
use leadfield::electrodes::{self, ConfiguredElectrode, Electrode, csd_arrays};
use leadfield::error::{Context, FileProblem, Problem, format_count};
use leadfield::geometry::Aabb;
use leadfield::io::atomic_output::check_not_an_input;
use leadfield::io::resumable_output::RunSettings;
use leadfield::lead_field::OutsideField;
use leadfield::methods::NearField;
use leadfield::methods::medium::Conductivity;
use leadfield::methods::objective_csd::NeighbourRule;
use leadfield::segments::table::{SegmentTable, TableProblem};
use leadfield::units::DEFAULT_CONDUCTIVITY;
use leadfield::weights::{
    self, DistantContacts, SegmentSource, WeightsRequest, WeightsSummary, compute_weights_on_ranks,
};
use serde_json::json;

use crate::cli::circuit_warnings;
use crate::cli::dry_run::{self, DryRun};
use crate::cli::help::{CIRCUIT, CONTACTS, FIELDS, OUTPUT, RUN, examples};
use crate::cli::progress::Progress;
use crate::cli::segment_input;
use crate::cli::segmentation_args::SegmentationArgs;
use crate::cli::signals::StopSignal;
use crate::cli::{Common, Outcome, console, electrodes_input, overwrite_policy, warn_assumptions};

/// The option gives a name, but every table has one.
#[derive(Debug, thiserror::Error)]
#[error("--population: no table lacks a population, expected one for `{0}`, found names in all tables")]
struct UnusedPopulation(String);

impl Problem for UnusedPopulation {
    fn hint(&self) -> Option<String> {
        Some("leave `--population` out: a table that `leadfield positions` wrote names its own".into())
    }
}

/// The inputs cannot be used together.
#[derive(Debug, thiserror::Error)]
enum InputProblem {
    #[error("a circuit beside other inputs, expected one circuit or segment tables, found {0} inputs")]
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
    #[error("`--keep-table` is the electrodes file too, expected two names, found `{0}` twice")]
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
            Self::SeveralPopulations(_) | Self::SameOutput(_) => return None,
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
    /// circuit or simulation configuration, or the folder that contains it. Contacts, last: CSV or JSON with name, x, y,
    /// z (um), type, layer, region; `-` reads standard input
    // one list, because options may stand between the files
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    /// Population of a circuit (default: all biophysical ones); or of a table that another program rewrote and that
    /// lost its name, repeated for several such tables
    #[arg(long, value_name = "NAME", help_heading = CIRCUIT)]
    population: Vec<String>,
    #[command(flatten)]
    segmentation: SegmentationArgs,
    /// Conductivity of the medium, S/m, or along x, y and z (0.3,0.4,0.3); repeated, one for each contact of an analytic
    /// method, in file order
    #[arg(long, alias = "sigma", value_name = "S", allow_negative_numbers = true, help_heading = CONTACTS,
          default_values_t = [DEFAULT_CONDUCTIVITY.get().to_string()])]
    conductivity: Vec<String>,
    /// How to treat contacts nearer to a segment than its radius
    #[arg(long, value_name = "RULE", default_value = "radius", help_heading = CONTACTS)]
    near_field: NearFieldArg,
    /// Contacts FIRST:END (from 0 in file order, end excluded) are an array of ObjectiveCSD; can be repeated
    #[arg(long, value_name = "FIRST:END", help_heading = CONTACTS)]
    csd_array: Vec<String>,
    /// Which contacts of an array are neighbours, for the default thickness
    #[arg(long, value_name = "RULE", default_value = "sorted", help_heading = CONTACTS)]
    csd_spacing: SpacingArg,
    /// Lead field of the contacts of Reciprocity and DipoleReciprocity; repeated, or A,B,..., one for each such contact
    /// in file order
    #[arg(long, alias = "path-to-fields", value_name = "FILE", help_heading = FIELDS)]
    fields: Vec<PathBuf>,
    /// Lead field of the contact NAME, or of contacts whose `field` is NAME; can be repeated
    #[arg(long, value_name = "NAME=FILE", help_heading = FIELDS)]
    field: Vec<String>,
    /// How to treat a point outside of a lead field
    #[arg(long, value_name = "RULE", default_value = "error", help_heading = FIELDS)]
    outside_field: OutsideFieldArg,
    /// The current that made the lead fields, nA, instead of the value in the files
    #[arg(long, value_name = "NA", allow_negative_numbers = true, help_heading = FIELDS)]
    field_current: Option<f64>,
    /// Rotate the lead fields by a quaternion, then shift them, um: w,x,y,z,dx,dy,dz
    #[arg(long, value_name = "NUMBERS", allow_hyphen_values = true, help_heading = FIELDS)]
    field_transform: Option<String>,
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
    judged: DryRun,
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

/// [`NearField`] as an option.
#[derive(Clone, Copy, clap::ValueEnum)]
enum NearFieldArg {
    /// No contact comes nearer than the segment's radius
    Radius,
    /// The exact formula; a contact on a segment is an error
    Exact,
}

impl From<NearFieldArg> for NearField {
    fn from(rule: NearFieldArg) -> Self {
        match rule {
            NearFieldArg::Radius => Self::ClampToRadius,
            NearFieldArg::Exact => Self::Unclamped,
        }
    }
}

/// [`OutsideField`] as an option.
#[derive(Clone, Copy, clap::ValueEnum)]
enum OutsideFieldArg {
    /// An error that names the point
    Error,
    /// The weight 0
    Zero,
}

impl From<OutsideFieldArg> for OutsideField {
    fn from(rule: OutsideFieldArg) -> Self {
        match rule {
            OutsideFieldArg::Error => Self::Error,
            OutsideFieldArg::Zero => Self::Zero,
        }
    }
}

/// [`Spacing`] as an option.
#[derive(Clone, Copy, clap::ValueEnum)]
enum SpacingArg {
    /// Neighbours along the array's axis
    Sorted,
    /// Neighbours in the file, as in BlueRecording
    FileOrder,
}

impl From<SpacingArg> for NeighbourRule {
    fn from(rule: SpacingArg) -> Self {
        match rule {
            SpacingArg::Sorted => Self::AlongAxis,
            SpacingArg::FileOrder => Self::FileOrder,
        }
    }
}

/// Configures the electrodes for their methods, with their lead fields, and warns of suspicious settings.
fn configure_electrodes(
    args: &Args,
    common: &Common,
    electrodes: &[Electrode],
    sources: &[&dyn SegmentSource],
) -> Result<Vec<ConfiguredElectrode>> {
    let conductivities = args.conductivity.iter().map(|s| s.parse()).collect::<Result<Vec<Conductivity>, _>>()?;
    let mut configured = electrodes::configure(electrodes, &conductivities, args.near_field.into())?;
    let ranges = args.csd_array.iter().map(|range| range.parse()).collect::<Result<Vec<_>, _>>()?;
    csd_arrays::assign_arrays(&mut configured, &ranges, args.csd_spacing.into())?;
    let named = args.field.iter().map(|field| field.parse()).collect::<Result<Vec<_>, _>>()?;
    // the box of a circuit costs as much as placing its segments
    let boxes = if configured.iter().any(|e| e.electrode.method.required_field().is_some()) {
        sources.iter().map(|s| s.bounds()).collect::<Result<Vec<_>>>()?
    } else {
        Vec::new()
    };
    let fields = LeadFieldAssignment {
        field_files: &args.field_files(),
        named_files: &named,
        electrodes_folder: args.electrodes().parent().unwrap_or(Path::new("")),
        bounds_um: boxes.into_iter().fold(Aabb::EMPTY, Aabb::union),
        placement: args.field_transform.as_deref().map(str::parse).transpose()?,
        current_na: args.field_current,
        outside_field: args.outside_field.into(),
    };
    let fields = fields.attach_fields(&mut configured)?;
    fields.iter().flat_map(|field| field.warnings()).for_each(|warning| common.warn_with_hint(warning));
    let warnings = weights::contact_warnings(&configured).in_file(args.electrodes_name())?;
    warnings.into_iter().for_each(|w| common.warn_with_hint(&w.in_file(args.electrodes_name())));
    Ok(configured)
}

/// Opens the tables; those without metadata get the names of the populations in order.
fn open_tables(paths: &[PathBuf], populations: &[String], common: &Common) -> Result<Vec<SegmentTable>> {
    let mut names = populations.iter();
    let mut tables = Vec::new();
    for path in paths {
        let mut table = SegmentTable::open(path)?;
        if table.lacks_metadata() {
            let name = names.next().ok_or(TableProblem::NoPopulation).in_file(path)?;
            table.set_population(name);
            warn_assumptions(&table, common);
        }
        tables.push(table);
    }
    if let Some(name) = names.next() {
        return Err(UnusedPopulation(name.clone()).into());
    }
    let assumptions: BTreeSet<String> = tables.iter().filter_map(|t| t.metadata().assumption()).collect();
    assumptions.iter().for_each(|assumption| common.warn(assumption));
    Ok(tables)
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
    match (args.segments().len(), args.population.len()) {
        (1, 0 | 1) => Ok(Some(config)),
        (1, n) => Err(InputProblem::SeveralPopulations(n).into()),
        (n, _) => Err(InputProblem::CircuitAmongOthers(n)).in_file(&config),
    }
}

/// Segments in a part of a circuit whose table is not written: 80 MB in memory.
const PLACED_SEGMENTS_PER_PART: u64 = 1_000_000;

/// Computes the weights of a circuit's segments.
fn run_on_circuit(args: &Args, config: &Path, common: &Common) -> Result<Outcome> {
    let population = args.population.first().map(String::as_str);
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
    let fields = args.field_files();
    let inputs = args.inputs.iter().chain(&fields);
    inputs.clone().try_for_each(|path| check_is_no_number(path))?;
    if let [only] = &args.inputs[..] {
        return Err(InputProblem::OneInput).in_file(only);
    }
    check_not_an_input(&args.out, inputs.map(PathBuf::as_path))?;
    if args.keep_table.as_ref() == Some(&args.out) {
        return Err(InputProblem::SameOutput(args.out.display().to_string()).into());
    }
    if common.ranks().is_first() && !args.judged.dry_run && args.part.is_empty() && !args.finish {
        weights::check_output(&args.out, overwrite_policy(args.force), args.resume)?;
    }
    match find_circuit(args)? {
        Some(config) => run_on_circuit(args, &config, common),
        None => run_on_tables(args, args.segments(), &args.population, common),
    }
}

/// Computes the weights of the segments of some sources.
fn compute(args: &Args, sources: &[&dyn SegmentSource], common: &Common) -> Result<Outcome> {
    let started = Instant::now();
    let electrodes = electrodes_input::read(args.electrodes())?;
    let populations: Vec<&str> = sources.iter().map(|s| s.metadata().population.as_str()).collect();
    electrodes::check_names(&electrodes, &populations).in_file(args.electrodes_name())?;
    let electrodes = configure_electrodes(args, common, &electrodes, sources)?;
    // other ranks and the processes of parts print no warnings
    if common.ranks().is_first()
        && args.part.is_empty()
        && let Some(far) = DistantContacts::find(sources, &electrodes)?
    {
        common.warn(far);
    }
    let total = if args.judged.dry_run || args.is_by_part() { 0 } else { segment_count(sources) };
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
    if args.judged.dry_run {
        let reading = started.elapsed().as_secs_f64();
        let found = weights::dry_run(&request, args.judged.ranks(common)).in_file(args.electrodes_name())?;
        dry_run::print_estimate(&found, reading, &args.out, args.json, common)?;
        dry_run::warn_existing(&args.out, args.force, args.resume, common);
        return Ok(Outcome::Done);
    }
    if args.layout {
        let parts = weights::lay_out(&request).in_file(args.electrodes_name())?;
        progress.finish();
        common.print_note(format_args!("{}: laid out for {}", args.out.display(), format_count(parts, "part")));
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
        let parts = format_count(summary.damaged_parts, "part");
        common.warn(format_args!("damage in {parts} of the interrupted run, computed again"));
    }
    common.print_note(summary_text(&args.out, &summary, elapsed_s(started)));
    common.print_balance();
    if common.ranks().is_first() {
        let report = lfp_report_entry(&args.out)?;
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

    /// Returns the files of `--fields`. A name with a comma is a list, unless there is a file of that name.
    fn field_files(&self) -> Vec<PathBuf> {
        let split = |path: &PathBuf| match path.to_str() {
            Some(text) if text.contains(',') && !path.exists() => text.split(',').map(PathBuf::from).collect(),
            _ => vec![path.clone()],
        };
        self.fields.iter().flat_map(split).collect()
    }

    /// Returns the name of the electrodes' file for errors.
    fn electrodes_name(&self) -> &Path {
        electrodes_input::name_of(self.electrodes())
    }

    /// Whether this process writes parts on its own, independent of other processes of a launcher.
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
        kept => format!(", {kept} of {} by an earlier run", format_count(summary.parts, "part")),
    };
    format!(
        "{}: {}, {}, {}, {:.1} MB, {seconds:.2} s{kept}",
        out.display(),
        format_count(summary.contacts, "contact"),
        format_count(summary.segments, "segment"),
        format_count(summary.neurons, "neuron"),
        summary.bytes as f64 / 1e6,
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

/// Returns the entry for `reports` of a simulation configuration. libsonata 0.2.2 accepts it; it rejects
/// `variable_name` here and `electrodes_file` under `run`. The path is absolute, since it would be relative to the
/// configuration.
fn lfp_report_entry(out: &Path) -> Result<serde_json::Value> {
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
