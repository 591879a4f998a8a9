//! `leadfield positions`: computes the segment table of a circuit.

use std::path::PathBuf;
use std::time::Instant;

use leadfield::Result;
use leadfield::circuit::placement::{CountChecks, StubPlacement};
use leadfield::circuit::{
    self, BadNeuronPolicy, CircuitRequest, MAX_SEGMENTS_PER_NEURON, PopulationTables, SegmentTableOptions,
    SegmentationPlan, SkippedPopulation, TableSummary, TablesSummary,
};
use leadfield::error::{format_count, join_quoted};
use leadfield::io::resumable_output::RunSettings;
use leadfield::segments::table::Precision;
use leadfield::segments::table::part_files::is_single_file;
use leadfield::segments::table::schema::{MAX_SEGMENTS_PER_PART, ROWS_PER_ROW_GROUP};

use crate::cli::dry_run::{self, DryRun};
use crate::cli::progress::Progress;
use crate::cli::rule_args::{AxonRuleArg, DiscretisationArg, EulerOrderArg};
use crate::cli::signals::StopSignal;
use crate::cli::{Common, Outcome, overwrite_policy};

/// Write the segment table of a circuit: the position of every segment of every neuron
///
/// How each section is cut into segments is taken from a simulation's compartment report, or computed by the rule of
/// the cell templates (hoc), which circuits without a simulation need.
#[derive(clap::Args)]
pub struct Args {
    /// Circuit or simulation configuration (SONATA)
    config: PathBuf,
    /// Table to write: NAME.parquet is one file, any other name a folder of parts; for several populations a folder
    /// with one folder for each
    #[arg(short, long, value_name = "TABLE")]
    out: PathBuf,
    /// Only the neurons of this node set (default: all of the report, of the simulation's node set or of the circuit)
    #[arg(long, value_name = "NAME")]
    node_set: Option<String>,
    /// Population of the nodes (default: all biophysical ones)
    #[arg(long, value_name = "NAME")]
    population: Option<String>,
    /// Compartment report (default: the one that covers all sections and compartments)
    #[arg(long, value_name = "NAME")]
    report: Option<String>,
    /// Source of the numbers of segments (default: the report, if the simulation has a compartment report)
    #[arg(long, value_name = "SOURCE")]
    discretisation: Option<DiscretisationArg>,
    /// How to treat the axon (default: as the cell templates, or the report, do); no templates are read then
    #[arg(long, value_name = "RULE")]
    axon_rule: Option<AxonRuleArg>,
    /// Keep the axons as reconstructed, as the simulation does: `--axon-rule keep`
    #[arg(long, conflicts_with_all = ["axon_placement", "axon_rule"])]
    keep_axon: bool,
    /// Chunk length of the rule, um: a section of length L gets 1 + 2 int(L / UM) segments (default: the templates', or
    /// 40)
    #[arg(long, value_name = "UM", allow_negative_numbers = true)]
    segment_length: Option<f64>,
    /// Placement of the stubs that replace an axon
    #[arg(long, value_name = "RULE", default_value = "bluerecording")]
    axon_placement: AxonPlacementArg,
    /// Order in which Euler angles rotate a neuron about the world's axes, if nodes have them (default: sonata, with a
    /// warning if it matters)
    #[arg(long, value_name = "ORDER")]
    euler_order: Option<EulerOrderArg>,
    /// What to do with a neuron that cannot be placed
    #[arg(long, value_name = "WHAT", default_value = "error")]
    on_bad_neuron: BadNeuronArg,
    /// Largest number of segments of a neuron by the rule; a neuron with more cannot be placed
    #[arg(long, value_name = "N", default_value_t = MAX_SEGMENTS_PER_NEURON, value_parser = clap::value_parser!(u64).range(1..))]
    max_segments: u64,
    /// Use the report's segment counts even if no segment length explains them
    #[arg(long)]
    any_discretisation: bool,
    /// Width of the coordinates in the table
    #[arg(long, value_name = "WIDTH", default_value = "f64")]
    precision: PrecisionArg,
    /// Segments in a part of the table, unless a single neuron has more; a part is the unit that is held in memory, and
    /// that is lost when a run is interrupted; a table in one file is one part [default: 4000000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    segments_per_part: Option<u64>,
    /// Rows in a row group, the unit that pyarrow, polars and Dask skip if a search does not touch it; small ones serve
    /// small regions in remote storage, large ones make small files
    #[arg(long, value_name = "N", default_value_t = ROWS_PER_ROW_GROUP as u32, value_parser = clap::value_parser!(u32).range(1..))]
    row_group_rows: u32,
    #[command(flatten)]
    judged: DryRun,
    /// Resume an interrupted run of the same inputs and settings; if there was none, begin
    #[arg(long)]
    resume: bool,
    /// Replace an existing table, and what an interrupted run left
    #[arg(long)]
    force: bool,
}

/// [`OnBadNeuron`] as an option.
#[derive(Clone, Copy, clap::ValueEnum)]
enum BadNeuronArg {
    /// Report an error and write nothing
    Error,
    /// Leave it out, with a warning
    Skip,
}

/// [`Placement`] as an option.
#[derive(Clone, Copy, clap::ValueEnum)]
enum AxonPlacementArg {
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
enum PrecisionArg {
    /// 64-bit floats
    F64,
    /// 32-bit floats: about 0.55 of the size
    F32,
}

impl Args {
    fn circuit_request(&self) -> CircuitRequest<'_> {
        let axon = if self.keep_axon { Some(AxonRuleArg::Keep) } else { self.axon_rule };
        CircuitRequest {
            node_set: self.node_set.as_deref(),
            population: self.population.as_deref(),
            report: self.report.as_deref(),
            discretisation: self.discretisation.map(Into::into),
            axon_replacement: axon.map(Into::into),
            segment_length_um: self.segment_length,
            euler_order: self.euler_order.map(Into::into),
            count_checks: if self.any_discretisation {
                CountChecks::SectionsOnly
            } else {
                CountChecks::SectionsAndLengths
            },
            on_bad_neuron: match self.on_bad_neuron {
                BadNeuronArg::Error => BadNeuronPolicy::Error,
                BadNeuronArg::Skip => BadNeuronPolicy::Skip,
            },
            max_segments: self.max_segments,
            ..CircuitRequest::new(&self.config)
        }
    }

    fn options(&self) -> SegmentTableOptions {
        SegmentTableOptions {
            stub_placement: match self.axon_placement {
                AxonPlacementArg::Arc => StubPlacement::Arc,
                AxonPlacementArg::Bluerecording => StubPlacement::BlueRecording,
                AxonPlacementArg::Bluerecording02 => StubPlacement::BlueRecording02,
            },
            precision: match self.precision {
                PrecisionArg::F64 => Precision::F64,
                PrecisionArg::F32 => Precision::F32,
            },
            segments_per_part: self.segments_per_part.unwrap_or(MAX_SEGMENTS_PER_PART),
            row_group_rows: self.row_group_rows as usize,
        }
    }
}

/// Runs the tool.
pub fn run(args: &Args, common: &Common) -> Result<Outcome> {
    let started = Instant::now();
    if common.ranks().is_first() && !args.judged.dry_run {
        circuit::check_output(&args.out, overwrite_policy(args.force), args.resume)?;
    }
    if args.segments_per_part.is_some() && is_single_file(&args.out) {
        common.warn(format_args!("{}: one file is one part: parts need the name of a folder", args.out.display()));
    }
    let tables = PopulationTables::open(&args.circuit_request())?;
    print_findings(&tables, args, common);
    if args.judged.dry_run {
        let reading = started.elapsed().as_secs_f64();
        let found = tables.dry_run(&args.out, &args.options(), args.judged.ranks(common))?;
        dry_run::print_estimate(&found, reading, &args.out, common)?;
        dry_run::warn_existing(&args.out, args.force, args.resume, common);
        return Ok(Outcome::Done);
    }
    let stop = StopSignal::install();
    let progress = Progress::new(common, "segments", tables.segment_count());
    let settings = RunSettings {
        existing: overwrite_policy(args.force),
        resume: args.resume,
        is_stopped: &|| stop.is_requested(),
        on_progress: &|n| progress.add(n),
    };
    let written = tables.write_with_ranks(&args.out, &args.options(), &settings, common.ranks())?;
    progress.finish();
    let TablesSummary { tables: summaries, parts, resumed_parts } = written;
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

/// Warns before the segments are placed: of populations and neurons that are left out, and of ties.
fn print_findings(tables: &PopulationTables, args: &Args, common: &Common) {
    print_left_out(&tables.skipped_populations, common);
    let mut assumptions: Vec<String> = tables.plans.iter().filter_map(SegmentationPlan::assumption).collect();
    assumptions.dedup();
    assumptions.iter().for_each(|assumption| common.warn(assumption));
    for table in &tables.plans {
        table.warnings(args.euler_order.is_some()).iter().for_each(|warning| common.warn(warning));
    }
}

/// Prints the populations without a table: those without segments in one line, whatever their number.
fn print_left_out(left_out: &[SkippedPopulation], common: &Common) {
    let (without_segments, others): (Vec<&SkippedPopulation>, Vec<&SkippedPopulation>) =
        left_out.iter().partition(|l| l.population_type.is_some());
    match without_segments[..] {
        [] => {}
        [one] => common.print_note(format_args!("population `{}` is left out: {}", one.population, one.reason)),
        [first, ..] if without_segments.iter().all(|l| l.population_type == first.population_type) => {
            let names = join_quoted(without_segments.iter().map(|l| &l.population), 12);
            let kind = first.population_type.as_deref().unwrap_or_default();
            common.print_note(format_args!("populations {names} are left out: their type is `{kind}`"));
        }
        _ => {
            let name = |l: &&SkippedPopulation| {
                format!("{} ({})", l.population, l.population_type.as_deref().unwrap_or_default())
            };
            let names = join_quoted(without_segments.iter().map(name), 12);
            common
                .print_note(format_args!("populations {names} are left out: only the type `biophysical` has segments"));
        }
    }
    for left_out in others {
        common.print_note(format_args!("population `{}` is left out: {}", left_out.population, left_out.reason));
    }
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
