//! `leadfield positions`: from a circuit to its segment table.

use std::path::PathBuf;
use std::time::Instant;

use leadfield::Result;
use leadfield::circuit::placement::{Checks, Placement};
use leadfield::circuit::{
    self, Assembly, LeftOut, MAX_SEGMENTS, Made, OnBadNeuron, Options, Request, Run, Tables, Written,
};
use leadfield::error::{count, listed};
use leadfield::segments::table::Precision;
use leadfield::segments::table::parts::is_single_file;
use leadfield::segments::table::schema::{ROWS_PER_GROUP, SEGMENTS_PER_PART};

use crate::cli::findings;
use crate::cli::forecast::{self, DryRun};
use crate::cli::progress::Progress;
use crate::cli::rule::{AxonRule, Discretisation, EulerOrder};
use crate::cli::signals::Stop;
use crate::cli::{Common, Outcome, existing};

/// Write the segment table of a circuit: where every segment of every neuron lies
///
/// How each section is cut into segments is taken from a simulation's compartment report, or computed by the rule of the
/// cell templates (hoc), which circuits without a simulation need.
#[derive(clap::Args)]
pub struct Args {
    /// Circuit or simulation configuration (SONATA)
    config: PathBuf,
    /// Table to write: NAME.parquet is one file, any other name a folder of parts; of several populations a folder with a
    /// folder for each
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
    /// Where the numbers of segments come from (default: the report, if the simulation has one of compartments)
    #[arg(long, value_name = "SOURCE")]
    discretisation: Option<Discretisation>,
    /// What becomes of the axon (default: what the cell templates, or the report, tell); no templates are read then
    #[arg(long, value_name = "RULE")]
    axon_rule: Option<AxonRule>,
    /// The simulation keeps the axons as reconstructed: `--axon-rule keep`
    #[arg(long, conflicts_with_all = ["axon_placement", "axon_rule"])]
    keep_axon: bool,
    /// Chunk length of the rule, um: a section of length L gets 1 + 2 int(L / UM) segments (default: the templates', or 40)
    #[arg(long, value_name = "UM", allow_negative_numbers = true)]
    segment_length: Option<f64>,
    /// Where the stubs lie that stand for a replaced axon
    #[arg(long, value_name = "RULE", default_value = "bluerecording")]
    axon_placement: AxonPlacement,
    /// In which order Euler angles turn a neuron about the world's axes, where nodes have them (default: sonata, with a
    /// warning where it matters)
    #[arg(long, value_name = "ORDER")]
    euler_order: Option<EulerOrder>,
    /// What a neuron leads to that cannot be placed
    #[arg(long, value_name = "WHAT", default_value = "error")]
    on_bad_neuron: BadNeuron,
    /// Largest number of segments of a neuron that the rule may give: one with more is bad
    #[arg(long, value_name = "N", default_value_t = MAX_SEGMENTS, value_parser = clap::value_parser!(u64).range(1..))]
    max_segments: u64,
    /// Take the report's segment counts even where no segment length explains them
    #[arg(long)]
    any_discretisation: bool,
    /// Width of the coordinates in the table
    #[arg(long, value_name = "WIDTH", default_value = "f64")]
    precision: Width,
    /// Segments in a part of the table, unless a neuron alone has more; a part is what is in memory at one time, and what is lost
    /// when a run is interrupted; a table in one file is one part [default: 4000000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    segments_per_part: Option<u64>,
    /// Rows in a row group, the unit by which pyarrow, polars and Dask skip what a search cannot touch; smaller ones serve
    /// small regions in remote storage, larger ones make smaller files
    #[arg(long, value_name = "N", default_value_t = ROWS_PER_GROUP as u32, value_parser = clap::value_parser!(u32).range(1..))]
    row_group_rows: u32,
    #[command(flatten)]
    judged: DryRun,
    /// Go on where an earlier run of the same inputs and settings was interrupted; where there was none, begin
    #[arg(long)]
    resume: bool,
    /// Replace a table that exists, and what an interrupted run left
    #[arg(long)]
    force: bool,
}

/// [`OnBadNeuron`] as an option.
#[derive(Clone, Copy, clap::ValueEnum)]
enum BadNeuron {
    /// Nothing is written
    Error,
    /// It is left out, and told
    Skip,
}

/// [`Placement`] as an option.
#[derive(Clone, Copy, clap::ValueEnum)]
enum AxonPlacement {
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
enum Width {
    /// 64-bit floats
    F64,
    /// 32-bit floats: about 0.55 of the size
    F32,
}

impl Args {
    fn request(&self) -> Request<'_> {
        let axon = if self.keep_axon { Some(AxonRule::Keep) } else { self.axon_rule };
        Request {
            node_set: self.node_set.as_deref(),
            population: self.population.as_deref(),
            report: self.report.as_deref(),
            discretisation: self.discretisation.map(Into::into),
            axon: axon.map(Into::into),
            segment_length_um: self.segment_length,
            euler_order: self.euler_order.map(Into::into),
            checks: if self.any_discretisation { Checks::SectionsOnly } else { Checks::Lengths },
            on_bad_neuron: match self.on_bad_neuron {
                BadNeuron::Error => OnBadNeuron::Error,
                BadNeuron::Skip => OnBadNeuron::Skip,
            },
            max_segments: self.max_segments,
            ..Request::of(&self.config)
        }
    }

    fn options(&self) -> Options {
        Options {
            placement: match self.axon_placement {
                AxonPlacement::Arc => Placement::Arc,
                AxonPlacement::Bluerecording => Placement::BlueRecording,
                AxonPlacement::Bluerecording02 => Placement::BlueRecording02,
            },
            precision: match self.precision {
                Width::F64 => Precision::F64,
                Width::F32 => Precision::F32,
            },
            segments_per_part: self.segments_per_part.unwrap_or(SEGMENTS_PER_PART),
            row_group_rows: self.row_group_rows as usize,
        }
    }
}

/// Runs the tool.
pub fn run(args: &Args, common: &Common) -> Result<Outcome> {
    let started = Instant::now();
    if common.crew().is_first() && !args.judged.dry_run {
        circuit::check_output(&args.out, existing(args.force), args.resume)?;
    }
    if args.segments_per_part.is_some() && is_single_file(&args.out) {
        common.warn(format_args!("{}: one file is one part: parts need the name of a folder", args.out.display()));
    }
    let tables = Tables::open(&args.request())?;
    tell_findings(&tables, args, common);
    if args.judged.dry_run {
        let reading = started.elapsed().as_secs_f64();
        let found = tables.forecast(&args.out, &args.options(), args.judged.ranks(common))?;
        forecast::tell(&found, reading, &args.out, common)?;
        forecast::tell_existing(&args.out, args.force, args.resume, common);
        return Ok(Outcome::Done);
    }
    let stop = Stop::listen();
    let progress = Progress::new(common, "segments", tables.segments());
    let run = Run {
        existing: existing(args.force),
        resume: args.resume,
        stop: &|| stop.asked(),
        placed: &|n| progress.add(n),
    };
    let written = tables.write_with(&args.out, &args.options(), &run, common.crew())?;
    progress.finish();
    let Written { tables: made, parts, kept } = written;
    if kept == parts {
        common.say(format_args!("{}: complete already, from the same inputs and settings", args.out.display()));
        return Ok(Outcome::Done);
    }
    for made in &made {
        tell_made(made, args, started.elapsed().as_secs_f64(), common);
    }
    if kept > 0 {
        common.say(format_args!("{kept} of {} by an earlier run", count(parts, "part")));
    }
    common.tell_balance();
    Ok(Outcome::Done)
}

/// Ties that are told one by one.
const MOST_TIES: usize = 20;

/// What a user should know before the segments are placed: populations and neurons that are left out, ties.
fn tell_findings(tables: &Tables, args: &Args, common: &Common) {
    tell_left_out(&tables.left_out, common);
    let mut assumptions: Vec<String> = tables.tables.iter().filter_map(Assembly::assumption).collect();
    assumptions.dedup();
    assumptions.iter().for_each(|assumption| common.warn(assumption));
    for table in &tables.tables {
        findings::warn_of_euler_order(table, args.euler_order.is_some(), common);
        findings::tell_skipped(table, common);
        if !table.skipped().is_empty() {
            let n = count(table.skipped().len() as u64, "neuron");
            common.warn(format_args!("{n} of population `{}` left out", table.population()));
        }
        findings::tell_notes(table, common);
        for tied in table.ties().iter().take(MOST_TIES) {
            let others =
                if tied.others == 0 { String::new() } else { format!(" (and {})", count(tied.others, "other")) };
            common.warn(format_args!(
                "node {}{others}: section {} of morphology `{}` is {:.6} um long, too near to {} um to be sure into how many segments the simulator cuts it",
                tied.node_id, tied.tie.section_id, tied.morphology, tied.tie.length_um, tied.tie.multiple_um
            ));
        }
        if let Some(more) = table.ties().len().checked_sub(MOST_TIES).filter(|&n| n > 0) {
            common.warn(format_args!("{} more have such sections", count(more as u64, "morphology and rule")));
        }
    }
}

/// The populations without a table: those that have no segments in one line, whatever their number.
fn tell_left_out(left_out: &[LeftOut], common: &Common) {
    let (without_segments, others): (Vec<&LeftOut>, Vec<&LeftOut>) = left_out.iter().partition(|l| l.kind.is_some());
    match without_segments[..] {
        [] => {}
        [one] => common.say(format_args!("population `{}` is left out: {}", one.population, one.why)),
        [first, ..] if without_segments.iter().all(|l| l.kind == first.kind) => {
            let names = listed(without_segments.iter().map(|l| &l.population), 12);
            let kind = first.kind.as_deref().unwrap_or_default();
            common.say(format_args!("populations {names} are left out: their type is `{kind}`"));
        }
        _ => {
            let name = |l: &&LeftOut| format!("{} ({})", l.population, l.kind.as_deref().unwrap_or_default());
            let names = listed(without_segments.iter().map(name), 12);
            common.say(format_args!("populations {names} are left out: only the type `biophysical` has segments"));
        }
    }
    for left_out in others {
        common.say(format_args!("population `{}` is left out: {}", left_out.population, left_out.why));
    }
}

fn tell_made(made: &Made, args: &Args, seconds: f64, common: &Common) {
    common.say(format_args!(
        "{}: {}, {} of population `{}`, {}, {}, {seconds:.2} s",
        args.out.display(),
        count(made.segments, "segment"),
        count(made.neurons, "neuron"),
        made.population,
        count(made.parts as u64, "part"),
        morphologies(made.morphologies),
    ));
}

fn morphologies(n: usize) -> String {
    if n == 1 { "1 distinct morphology".into() } else { format!("{n} distinct morphologies") }
}
