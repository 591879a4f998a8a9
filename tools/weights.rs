//! `leadfield weights`: computes an electrodes file from segment tables and contacts.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use leadfield::Result;
use leadfield::electrodes;
use leadfield::error::{Context, FileProblem, format_count};
use leadfield::io::atomic_output::check_not_an_input;
use leadfield::segments::table::SegmentTable;
use leadfield::weights::{
    self, DistantContacts, SegmentSource, WeightsRequest, WeightsSummary, compute_weights_on_ranks,
};
use serde_json::json;

use crate::cli::dry_run::{self, DryRun};
use crate::cli::method_args::MethodArgs;
use crate::cli::progress::Progress;
use crate::cli::signals::StopSignal;
use crate::cli::{Common, Outcome, console, overwrite_policy};

/// Compute the weights of all contacts for all segments, and write the electrodes file
///
/// Prints the `lfp` report to paste into the `reports` of a simulation configuration. Adapt its times; the simulator
/// ends it with the run. Without `cells` it covers the simulation's own node set.
#[derive(clap::Args)]
pub struct Args {
    /// Segment tables, one for each population, as `leadfield positions` writes them
    #[arg(required = true)]
    segments: Vec<PathBuf>,
    /// Contacts: CSV or JSON with name, x, y, z (um), type, layer, region
    electrodes: PathBuf,
    /// Electrodes file to write (HDF5)
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    methods: MethodArgs,
    /// Write the file by parts, 1: lay it out for all processes, and print the number of parts
    #[arg(long, group = "by_part", conflicts_with_all = ["dry_run", "resume"])]
    layout: bool,
    /// Write the file by parts, 2: write part I (from 0, over all tables) of a file that is laid out, while other
    /// processes may write others; can be repeated
    #[arg(long, value_name = "I", value_delimiter = ',', group = "by_part", conflicts_with_all = ["dry_run", "resume", "force"])]
    part: Vec<u64>,
    /// Write the file by parts, 3: check that all parts are written, and rename the file
    #[arg(long, group = "by_part", conflicts_with_all = ["dry_run", "resume"])]
    finish: bool,
    #[command(flatten)]
    judged: DryRun,
    /// Resume an interrupted run of the same inputs and settings; if there was none, begin
    #[arg(long)]
    resume: bool,
    /// Replace an existing file, and what an interrupted run left
    #[arg(long)]
    force: bool,
}

/// Runs the tool.
pub fn run(args: &Args, common: &Common) -> Result<Outcome> {
    let started = Instant::now();
    let inputs = args.segments.iter().chain([&args.electrodes]).chain(args.methods.field_files());
    check_not_an_input(&args.out, inputs.map(PathBuf::as_path))?;
    if common.ranks().is_first() && !args.judged.dry_run && args.part.is_empty() && !args.finish {
        weights::check_output(&args.out, overwrite_policy(args.force), args.resume)?;
    }
    let electrodes = electrodes::read(&args.electrodes)?;
    let tables = args.methods.open_tables(&args.segments, common)?;
    let assumptions: BTreeSet<String> = tables.iter().filter_map(|t| t.metadata().assumption()).collect();
    assumptions.iter().for_each(|assumption| common.warn(assumption));
    let populations: Vec<&str> = tables.iter().map(|t| t.metadata().population.as_str()).collect();
    electrodes::check_names(&electrodes, &populations).in_file(&args.electrodes)?;
    let sources: Vec<&dyn SegmentSource> = tables.iter().map(|t| t as &dyn SegmentSource).collect();
    let electrodes = args.methods.configure_electrodes(&args.electrodes, &electrodes, &sources, common)?;
    if let Some(far) = DistantContacts::find(&sources, &electrodes)? {
        common.warn(far);
    }
    let stop = StopSignal::install();
    let total = if args.judged.dry_run || args.is_by_part() { 0 } else { tables.iter().map(SegmentTable::len).sum() };
    let progress = Progress::new(common, "segments", total);
    let request = WeightsRequest {
        sources: &sources,
        electrodes: &electrodes,
        output: &args.out,
        existing: overwrite_policy(args.force),
        resume: args.resume,
        stop: &|| stop.is_requested(),
        progress: &|n| progress.add(n),
    };
    if args.judged.dry_run {
        let reading = started.elapsed().as_secs_f64();
        let found = weights::dry_run(&request, args.judged.ranks(common)).in_file(&args.electrodes)?;
        dry_run::print_estimate(&found, reading, &args.out, common)?;
        dry_run::warn_existing(&args.out, args.force, args.resume, common);
        return Ok(Outcome::Done);
    }
    if args.layout {
        let parts = weights::lay_out(&request).in_file(&args.electrodes)?;
        progress.finish();
        common.print_note(format_args!("{}: laid out for {}", args.out.display(), format_count(parts, "part")));
        console::print(format_args!("{parts}\n"))?;
        return Ok(Outcome::Done);
    }
    if !args.part.is_empty() {
        let segments = weights::write_parts(&request, &args.part).in_file(&args.electrodes)?;
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
    let summary = computed.in_file(&args.electrodes)?;
    progress.finish();
    if summary.damaged_parts > 0 {
        let parts = format_count(summary.damaged_parts, "part");
        common.warn(format_args!("damage in {parts} of the interrupted run, computed again"));
    }
    common.print_note(summary_text(&args.out, &summary, elapsed_s(started)));
    common.print_balance();
    if common.ranks().is_first() {
        console::print(format_args!("{:#}\n", lfp_report_entry(&args.out)?))?;
    }
    Ok(Outcome::Done)
}

impl Args {
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
