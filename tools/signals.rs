//! `leadfield signals`: computes signals at contacts from reports of membrane currents.

use std::path::{Path, PathBuf};
use std::time::Instant;

use leadfield::Result;
use leadfield::error::{Context, FileProblem, Problem, format_count, join_quoted};
use leadfield::io::atomic_output::{self, check_not_an_input};
use leadfield::io::resumable_output::RunSettings;
use leadfield::signals::output::{
    ColumnShape, SignalFormat, SignalFormatProblem, SignalsRequest, ValueType, check_output, write_signals,
};
use leadfield::signals::{
    CurrentKind, CurrentReport, Grouping, GroupingProblem, MissingNodes, PopulationNodes, SignalReference, SignalUnit,
    Signals, SignalsBuilder, StatedUnit, TimeSelection, open_circuit, resolve_node_set,
};
use leadfield::sonata::config::SonataConfig;
use leadfield::sonata::electrodes_file::ElectrodesFile;
use leadfield::weights::{Implausible, SegmentSource};

use crate::cli::contact_file::DASH;
use crate::cli::facts::{Facts, format_bytes};
use crate::cli::help::{CIRCUIT, CONTACTS, FILTER, OUTPUT, RESULT, RUN, examples};
use crate::cli::method_args::{MethodArgs, open_tables};
use crate::cli::output::write_signal_columns;
use crate::cli::progress::Progress;
use crate::cli::stop_signal::StopSignal;
use crate::cli::{Common, Outcome, console, overwrite_policy};

/// Compute signals at contacts (LFP, ECoG, EEG) from a report of membrane currents, without a new simulation
///
/// REPORT is a compartment report of `i_membrane` over all compartments, or a summation report. Weights come from an
/// electrodes file (--weights), or are computed and stored nowhere (--segments and --electrodes). With neither, REPORT is the
/// simulator's own `lfp` report, whose cells are summed.
#[derive(clap::Args)]
#[command(after_help = examples!(
    "leadfield signals currents.h5 --weights weights.h5 -o lfp.h5",
    "leadfield signals currents.h5 --segments segments.parquet --electrodes probe.csv -o lfp.csv",
    "leadfield signals currents.h5 --weights weights.h5 -o layers.parquet --by layer --reference mean",
))]
pub struct Args {
    /// SONATA reports; a file may have several populations
    #[arg(required = true, value_name = "REPORT")]
    reports: Vec<PathBuf>,
    /// Segment tables, one for each population, from which weights are computed
    #[arg(long, value_name = "TABLE", requires = "electrodes", help_heading = CIRCUIT)]
    segments: Vec<PathBuf>,
    /// Circuit or simulation configuration with attributes and node sets [default: the one that the table or the electrodes
    /// file names]
    #[arg(long, value_name = "CONFIG", help_heading = CIRCUIT)]
    circuit: Option<PathBuf>,
    /// The report has current densities, mA/cm2, instead of currents, nA; needs --segments
    #[arg(long, help_heading = CIRCUIT)]
    density: bool,
    /// Electrodes file with the weights
    #[arg(long, value_name = "FILE", conflicts_with_all = COMPUTED_ONLY, help_heading = CONTACTS)]
    weights: Option<PathBuf>,
    /// Contacts: those whose weights are computed, or the names of the contacts of an online `lfp` report
    #[arg(long, value_name = "FILE", help_heading = CONTACTS)]
    electrodes: Option<PathBuf>,
    #[command(flatten)]
    methods: MethodArgs,
    /// Use only the nodes of a node set
    #[arg(long, value_name = "NAME", help_heading = FILTER)]
    node_set: Option<String>,
    /// Leave out nodes that only the report or only the weights have
    #[arg(long, help_heading = FILTER)]
    allow_missing: bool,
    /// Use only these contacts, in this order; can be repeated. NAME,... is one contact if one has this name, otherwise
    /// several
    #[arg(long, value_name = "NAME,...", help_heading = FILTER)]
    electrode: Vec<String>,
    /// First time, ms
    #[arg(long, value_name = "MS", allow_negative_numbers = true, help_heading = FILTER)]
    start: Option<f64>,
    /// End, ms, excluded
    #[arg(long, value_name = "MS", allow_negative_numbers = true, help_heading = FILTER)]
    end: Option<f64>,
    /// Time between frames, ms, a multiple of the report's
    #[arg(long, value_name = "MS", allow_negative_numbers = true, help_heading = FILTER)]
    stride: Option<f64>,
    /// Sum by `population`, `section_type` or `node`, by an attribute of the nodes (`mtype`, `layer`, `region`,
    /// `synapse_class`, ...), or by node sets (NAME,...); without it all segments are summed
    #[arg(long, value_name = "GROUPS", help_heading = RESULT)]
    by: Option<String>,
    /// Subtract the signal of a contact, or `mean`, that of all used contacts
    #[arg(long, value_name = "NAME|mean", help_heading = RESULT)]
    reference: Option<String>,
    /// Unit of potentials
    #[arg(long, default_value = "mV", help_heading = RESULT)]
    unit: UnitArg,
    /// Type of the written values
    #[arg(long, default_value = "f32", help_heading = RESULT)]
    dtype: TypeArg,
    /// File to write; the name states the format: .h5 (SONATA report), ecp.h5 (BMTK), .nwb, .npy, .parquet, .arrow, .csv; -
    /// for standard output
    #[arg(short, long = "output", alias = "out", value_name = "FILE", help_heading = OUTPUT)]
    out: PathBuf,
    /// Format, if it is not that of the file's name
    #[arg(long, help_heading = OUTPUT)]
    format: Option<FormatArg>,
    /// Write one column for each signal instead of one row for each value (Parquet, Arrow, CSV)
    #[arg(long, help_heading = OUTPUT)]
    wide: bool,
    /// Resume an interrupted run of the same inputs and settings; if there was none, begin
    #[arg(long, help_heading = OUTPUT)]
    resume: bool,
    /// Replace an existing file, and what an interrupted run left
    #[arg(short, long, help_heading = OUTPUT)]
    force: bool,
    /// Largest number of frames that are computed together: the unit that `--resume` and ranks share
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = RUN)]
    block_frames: Option<u32>,
    /// Print what the run would need, and write nothing
    #[arg(long, help_heading = RUN)]
    dry_run: bool,
}

/// [`SignalUnit`] as an option.
#[derive(Clone, Copy, clap::ValueEnum)]
enum UnitArg {
    /// Volts
    #[value(name = "V")]
    Volt,
    /// Millivolts
    #[value(name = "mV")]
    Millivolt,
    /// Microvolts
    #[value(name = "uV")]
    Microvolt,
}

impl From<UnitArg> for SignalUnit {
    fn from(unit: UnitArg) -> Self {
        match unit {
            UnitArg::Volt => Self::Volt,
            UnitArg::Millivolt => Self::Millivolt,
            UnitArg::Microvolt => Self::Microvolt,
        }
    }
}

/// [`ValueType`] as an option.
#[derive(Clone, Copy, clap::ValueEnum)]
enum TypeArg {
    /// Single precision
    F32,
    /// Double precision
    F64,
}

/// [`SignalFormat`] as an option.
#[derive(Clone, Copy, clap::ValueEnum)]
enum FormatArg {
    /// SONATA report (HDF5)
    Report,
    /// BMTK's file of extracellular potentials (HDF5)
    Bmtk,
    /// Neurodata Without Borders (HDF5)
    Nwb,
    /// NumPy array
    Npy,
    /// Parquet
    Parquet,
    /// Arrow IPC
    Arrow,
    /// CSV
    Csv,
}

impl From<FormatArg> for SignalFormat {
    fn from(format: FormatArg) -> Self {
        match format {
            FormatArg::Report => Self::Report,
            FormatArg::Bmtk => Self::Bmtk,
            FormatArg::Nwb => Self::Nwb,
            FormatArg::Npy => Self::Npy,
            FormatArg::Parquet => Self::Parquet,
            FormatArg::Arrow => Self::Arrow,
            FormatArg::Csv => Self::Csv,
        }
    }
}

/// The format cannot be written to standard output.
#[derive(Debug, thiserror::Error)]
#[error("format `{0}` is no stream, expected `parquet`, `arrow` or `csv` for standard output")]
struct NoStream(&'static str);

impl Problem for NoStream {
    fn hint(&self) -> Option<String> {
        Some("or name a file: `-o FILE`".into())
    }
}

/// An option of methods is given, but no weights are computed.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is given with an online `lfp` report, expected a report of membrane currents")]
struct UnusedOption(&'static str);

impl Problem for UnusedOption {
    fn hint(&self) -> Option<String> {
        Some("leave it out: the simulator has multiplied the currents by its weights".into())
    }
}

/// Options that have no effect on stored weights.
const COMPUTED_ONLY: [&str; 12] = [
    "segments",
    "electrodes",
    "conductivity",
    "near_field",
    "csd_array",
    "csd_spacing",
    "fields",
    "field",
    "outside_field",
    "field_current",
    "field_transform",
    "head_pose",
];

/// Number of neurons that do not balance of which a warning is printed.
const MAX_NAMED_NEURONS: usize = 5;

/// Number of groups, or of contacts with their units, that a note lists.
const MAX_NAMED_GROUPS: usize = 100;

/// Runs the tool.
pub fn run(args: &Args, common: &Common) -> Result<Outcome> {
    let started = Instant::now();
    let format = match args.format {
        Some(format) => format.into(),
        None => SignalFormat::from_path(&args.out).in_file(&args.out)?,
    };
    let is_stdout = args.out.as_os_str() == DASH;
    if is_stdout && format.is_laid_out() {
        return Err(NoStream(format.name()).into());
    }
    let inputs = args.reports.iter().chain(&args.weights).chain(&args.segments).chain(&args.electrodes);
    let fields = args.methods.field_files();
    if !is_stdout {
        check_not_an_input(&args.out, inputs.chain(&fields).chain(args.methods.head_pose()).map(PathBuf::as_path))?;
    }
    if !format.is_laid_out() && (args.resume || common.ranks().size() > 1) {
        return Err(SignalFormatProblem::Sequential(format.name())).in_file(&args.out);
    }
    if format.is_laid_out() && args.wide {
        return Err(SignalFormatProblem::NoColumns(format.name())).in_file(&args.out);
    }
    if common.ranks().is_first() && !args.dry_run && !is_stdout {
        check_output(&args.out, overwrite_policy(args.force), args.resume)?;
    }
    if let Some(circuit) = &args.circuit {
        std::fs::metadata(circuit).map_err(FileProblem::Read).in_file(circuit)?;
    }
    let reports = open_reports(args, common)?;
    let weights = args.weights.as_deref().map(ElectrodesFile::open).transpose()?;
    let tables = open_tables(&args.segments, args.methods.populations(), common)?;
    let sources: Vec<&dyn SegmentSource> = tables.iter().map(|table| table as &dyn SegmentSource).collect();
    let read = |path| args.methods.read_electrodes(path, common);
    let contacts = args.electrodes.as_deref().map(read).transpose()?.unwrap_or_default();
    let configured = match &args.electrodes {
        Some(path) => args.methods.configure_electrodes(path, &contacts, &sources, common)?,
        None => Vec::new(),
    };
    let builder = Signals::from_inputs(&reports, weights.as_ref(), &sources, &configured)?;
    let is_online = builder.is_online();
    if !is_online && weights.is_none() {
        Implausible::find(&sources, &configured)?.iter().for_each(|found| common.warn(found));
    }
    if is_online {
        // positions of named contacts have a unit
        let unused = args.methods.given_options().find(|name| *name != "--units" || args.electrodes.is_none());
        if let Some(option) = unused {
            return Err(UnusedOption(option)).in_file(reports.first().map_or(Path::new(""), CurrentReport::path));
        }
        let contacts = reports.first().and_then(|r| r.elements(0)).map_or(0, |(columns, _)| columns.len() as u64);
        common.print_note(format_args!(
            "note: taken as an online `lfp` report, potentials in V at {} of each node",
            format_count(contacts, "contact")
        ));
    } else if !args.density {
        note_units(&reports, common);
    }
    let circuit = || open_circuit(args.circuit.as_deref(), &sources, weights.as_ref());
    let builder = apply_options(args, builder, &reports, &circuit)?;
    let signals = builder.prepare()?;
    signals.check_reference_is_clear().in_item("--reference")?;
    print_left_out(&signals, common);
    if args.dry_run {
        return print_estimate(args, &signals, common);
    }
    let estimate = signals.estimate();
    let progress = Progress::new(common, "values", estimate.elements * estimate.frames);
    let stop = StopSignal::install(common, &progress);
    let value_type = match args.dtype {
        TypeArg::F32 => ValueType::F32,
        TypeArg::F64 => ValueType::F64,
    };
    let settings = RunSettings {
        existing: overwrite_policy(args.force),
        resume: args.resume,
        is_stopped: &|| stop.is_requested(),
        on_progress: &|n| progress.add(n),
    };
    note_order(args, &signals, format, common);
    let mut was_complete = false;
    let request = SignalsRequest { signals: &signals, output: &args.out, format, value_type, settings };
    if format.is_laid_out() {
        let summary = write_signals(&request, common.ranks())?;
        was_complete = summary.resumed == summary.units && summary.units > 0;
    } else {
        let path = (args.out.as_os_str() != DASH).then_some(args.out.as_path());
        write_signal_columns(&request, path, if args.wide { ColumnShape::Wide } else { ColumnShape::Long })?;
    }
    progress.finish();
    warn_imbalances(&signals, common);
    let (frames, contacts, groups) = (signals.times_ms().len(), signals.contacts().len(), signals.groups().len());
    let groups = if signals.is_total() { String::new() } else { format!(", {}", format_count(groups as u64, "group")) };
    let end = match was_complete {
        true => "complete already, from the same inputs and settings".into(),
        false => format!("{:.2} s", started.elapsed().as_secs_f64()),
    };
    common.print_note(format_args!(
        "{}: {} of {}{groups}, {}, {}, {end}",
        args.out.display(),
        format_count(frames as u64, "frame"),
        format_count(contacts as u64, "contact"),
        format_count(estimate.neurons, "neuron"),
        format_count(estimate.elements, if is_online { "element" } else { "segment" }),
    ));
    common.print_balance();
    Ok(Outcome::Done)
}

fn open_reports(args: &Args, common: &Common) -> Result<Vec<CurrentReport>> {
    let mut reports = Vec::new();
    for path in &args.reports {
        reports.extend(CurrentReport::open_all(path)?);
    }
    if let Some(slow) = reports.iter().find(|report| !report.is_plain()) {
        common.print_note(format_args!(
            "note: {}: the values are not contiguous: they are read through the HDF5 library, which is slower",
            slow.path().display()
        ));
    }
    Ok(reports)
}

/// Notes that currents are nA, if a report states another unit; warns if that is one of densities.
fn note_units(reports: &[CurrentReport], common: &Common) {
    match StatedUnit::find(reports) {
        None => {}
        Some(stated) if stated.is_density => {
            common.warn(format_args!("{stated}; if they are densities, give `--density`"));
        }
        Some(stated) => common.print_note(format_args!("note: {stated} (`--density` for mA/cm2)")),
    }
}

/// Applies the options that select and sum.
fn apply_options<'a>(
    args: &Args,
    builder: SignalsBuilder<'a>,
    reports: &'a [CurrentReport],
    circuit: &dyn Fn() -> Result<SonataConfig>,
) -> Result<SignalsBuilder<'a>> {
    let populations: Vec<PopulationNodes<'_>> = reports.iter().map(|r| (r.population(), r.node_ids())).collect();
    let grouping = match args.by.as_deref() {
        None => Grouping::Total,
        Some("population") => Grouping::Population,
        Some("node") => Grouping::Node,
        Some("section_type") => Grouping::SectionType,
        Some(names) => {
            let grouping = Grouping::by_attribute_or_node_sets(&circuit().in_item("--by")?, &populations, names);
            grouping.map_err(|error| match error.problem::<GroupingProblem>() {
                Some(GroupingProblem::Unknown { .. }) => error.in_item("--by"),
                _ => error,
            })?
        }
    };
    let filter = match &args.node_set {
        Some(name) => Some(resolve_node_set(&circuit().in_item("--node-set")?, &populations, name)?),
        None => None,
    };
    let reference = args.reference.as_deref().map(SignalReference::from_text).unwrap_or_default();
    let builder = builder
        .group_by(grouping)
        .nodes(filter)
        .contacts(&args.electrode)
        .times(TimeSelection { start_ms: args.start, end_ms: args.end, stride_ms: args.stride })
        .reference(reference)
        .unit(args.unit.into())
        .missing_nodes(if args.allow_missing { MissingNodes::LeaveOut } else { MissingNodes::Refuse })
        .currents(current_kind(args));
    Ok(match args.block_frames {
        Some(frames) => builder.block_frames(frames as usize),
        None => builder,
    })
}

/// Returns the quantity of the reports' values.
fn current_kind(args: &Args) -> CurrentKind {
    if args.density { CurrentKind::Density } else { CurrentKind::Current }
}

fn print_left_out(signals: &Signals<'_>, common: &Common) {
    if let Some(named) = signals.describe_left_out() {
        let nodes = format_count(signals.left_out_nodes().len() as u64, "node");
        common.warn(format_args!("{nodes} left out, which only the report or only the weights have: {named}"));
    }
    if signals.ungrouped_nodes() > 0 {
        common.warn(format_args!("{} in no group", format_count(signals.ungrouped_nodes(), "node")));
    }
}

fn print_estimate(args: &Args, signals: &Signals<'_>, common: &Common) -> Result<Outcome> {
    let estimate = signals.estimate();
    let width = match args.dtype {
        TypeArg::F32 => ValueType::F32.width(),
        TypeArg::F64 => ValueType::F64.width(),
    } as u64;
    let mut facts = Facts::default();
    facts.add("neurons", estimate.neurons);
    facts.add("segments", estimate.elements);
    facts.add("frames", estimate.frames);
    facts.add("groups", signals.groups().len());
    facts.add("contacts", signals.contacts().len());
    facts.add("blocks", estimate.blocks);
    facts.add("currents", format!("{} to read", format_bytes(estimate.elements * estimate.frames * 4)));
    facts.add("size", format!("about {}", format_bytes(estimate.values * width)));
    facts.add("free", atomic_output::free_bytes(&args.out).map_or("unknown".into(), format_bytes));
    facts.add("memory", format!("about {}", format_bytes(estimate.memory)));
    if common.ranks().is_first() {
        console::print(facts)?;
    }
    Ok(Outcome::Done)
}

/// Prints a note on what a format cannot state: the groups of a NumPy array, and the units of the columns of a CSV.
fn note_order(args: &Args, signals: &Signals<'_>, format: SignalFormat, common: &Common) {
    if format == SignalFormat::Npy && !signals.is_total() {
        let groups = join_quoted(signals.groups(), MAX_NAMED_GROUPS);
        common.print_note(format_args!("note: {}: the groups are, in this order, {groups}", args.out.display()));
    }
    if format == SignalFormat::Report && matches!(args.dtype, TypeArg::F64) {
        let path = args.out.display();
        common.print_note(format_args!(
            "note: {path}: float64 numbers, which libsonata does not read: it expects float32"
        ));
    }
    let units = signals.units();
    if format == SignalFormat::Csv && args.wide && units.iter().any(|unit| Some(unit) != units.first()) {
        let columns = signals.contacts().iter().zip(&units).map(|(contact, unit)| format!("{} {unit}", contact.name));
        let columns = join_quoted(columns, MAX_NAMED_GROUPS);
        common.print_note(format_args!("note: {}: the units of the columns are {columns}", args.out.display()));
    }
}

/// Warns of neurons whose currents do not sum to zero.
fn warn_imbalances(signals: &Signals<'_>, common: &Common) {
    let Some(warning) = signals.imbalance_warning() else { return };
    common.warn(warning);
    let found = signals.imbalances();
    for neuron in found.iter().take(MAX_NAMED_NEURONS) {
        common.print_note(format_args!("  {neuron}"));
    }
    if found.len() > MAX_NAMED_NEURONS {
        let rest: Vec<String> = found.iter().skip(MAX_NAMED_NEURONS).map(|n| n.node_id.to_string()).collect();
        common.print_note(format_args!("  and {}", join_quoted(rest, 12)));
    }
    common.print_note("hint: a `summation` report of `i_membrane` and the clamp's current (`IClamp`) balances");
}
