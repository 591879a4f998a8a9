//! `--dry-run`: prints what a run would need.

use std::path::Path;

use leadfield::Result;
use leadfield::error::format_count;
use leadfield::io::atomic_output;
use leadfield::io::ranks::DryRunEstimate;

use serde_json::json;

use super::facts::{Facts, format_bytes, format_duration};
use super::help::RUN;
use super::{Common, console};

/// Options of a dry run.
#[derive(clap::Args)]
pub struct DryRun {
    /// Print what the run would need (bytes, memory, and time estimated by a short trial), fail if the disk is too
    /// small, and write nothing
    #[arg(long, help_heading = RUN)]
    pub dry_run: bool,
    /// Print it for N ranks: processes that mpirun starts
    #[arg(long, value_name = "N", requires = "dry_run", help_heading = RUN, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    ranks: u32,
}

impl DryRun {
    /// Returns the number of ranks: those running, or else the number given by the option.
    pub fn ranks(&self, common: &Common) -> usize {
        (self.ranks as usize).max(common.ranks().size())
    }
}

/// Prints an estimate on standard output, as lines or as JSON; `reading_s` is the time that reading the inputs took, s.
pub fn print_estimate(
    estimate: &DryRunEstimate,
    reading_s: f64,
    out: &Path,
    is_json: bool,
    common: &Common,
) -> Result<()> {
    if !common.ranks().is_first() {
        return Ok(());
    }
    if is_json {
        return console::print(format_args!("{:#}\n", estimate_json(estimate, reading_s, out)));
    }
    let size = match estimate.exact {
        true => format!("{} bytes, {}", estimate.bytes, format_bytes(estimate.bytes)),
        false => format!("about {}", format_bytes(estimate.bytes)),
    };
    let mut facts = Facts::default();
    facts.add("neurons", estimate.neurons);
    facts.add("segments", estimate.segments);
    facts.add("parts", describe_parts(estimate));
    facts.add("size", size);
    facts.add("free", atomic_output::free_bytes(out).map_or("unknown".into(), format_bytes));
    let each = if estimate.loads.len() > 1 { " for each rank" } else { "" };
    facts.add("memory", format!("about {}{each}", format_bytes(estimate.memory)));
    facts.add("time", format_duration(reading_s + estimate.seconds));
    console::print(facts)
}

/// Returns an estimate as JSON.
fn estimate_json(estimate: &DryRunEstimate, reading_s: f64, out: &Path) -> serde_json::Value {
    let ranks: Vec<_> =
        estimate.loads.iter().map(|load| json!({ "parts": load.parts, "segments": load.segments })).collect();
    json!({
        "output": out,
        "neurons": estimate.neurons,
        "segments": estimate.segments,
        "parts": estimate.parts(),
        "bytes": estimate.bytes,
        "bytes_are_exact": estimate.exact,
        "free_bytes": atomic_output::free_bytes(out),
        "memory_bytes": estimate.memory,
        "seconds": reading_s + estimate.seconds,
        "ranks": ranks,
    })
}

/// Warns about existing output that the run would not replace or resume.
pub fn warn_existing(out: &Path, force: bool, resume: bool, common: &Common) {
    if force || resume || !common.ranks().is_first() {
        return;
    }
    let partial = atomic_output::partial_path_for(out);
    for (path, options) in [(out, "`--force`"), (&partial, "`--resume` or `--force`")] {
        if path.exists() {
            return common.warn(format_args!("{}: already exists: the run needs {options}", path.display()));
        }
    }
}

/// Returns the number of parts, and how many of them each rank has.
fn describe_parts(estimate: &DryRunEstimate) -> String {
    let of_ranks = || estimate.loads.iter().map(|share| share.parts);
    let (least, most) = (of_ranks().min().unwrap_or(0), of_ranks().max().unwrap_or(0));
    let each = if least == most { most.to_string() } else { format!("{least} to {most}") };
    match estimate.loads.len() {
        1 => estimate.parts().to_string(),
        n => format!("{}, {each} for each of {}", estimate.parts(), format_count(n as u64, "rank")),
    }
}
