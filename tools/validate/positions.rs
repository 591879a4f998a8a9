//! `leadfield validate positions`: checks one segment table for consistency, or compares two files of segments in any
//! formats.

mod files;
mod one_table;
mod summary;

use std::path::{Path, PathBuf};

use leadfield::Result;
use leadfield::segments::Segments;
use leadfield::validate::Tolerance;
use leadfield::validate::positions::{
    PlacedSegments, PositionsCause, PositionsComparison, PositionsOptions, compare, find_last_branch_cause,
};

use super::branch_rules::place_by_branch_rules;
use super::report::ReportOutput;
use super::tolerance::parse_tolerance;
use crate::cli::help::{COMPARISON, examples};
use crate::cli::{Common, Outcome};

/// Check a segment table, or compare the positions of segments in two files
///
/// Of one table everything is read: checksums, the statistics by which searches skip pages, coordinates, radii, and the
/// rows of each neuron. Two files may be tables, pickles, and boundaries in Parquet or HDF5, in any combination.
/// Segments are matched by node, section and id in the section. Their ends agree if |a - b| <= atol + rtol max(|a|,
/// |b|), with |a - b| the distance of two points and |a| that from the origin.
#[derive(clap::Args)]
#[command(after_help = examples!(
    "leadfield validate positions segments.parquet",
    "leadfield validate positions segments.parquet old/positions --atol 1e-3",
))]
pub struct Args {
    /// A segment table, a boundary file, or a folder of either: parts, *.pkl, *.parquet, *.h5, also in subfolders
    a: PathBuf,
    /// Another table, file or folder
    b: Option<PathBuf>,
    /// Absolute tolerance, µm
    #[arg(long, help_heading = COMPARISON, value_name = "A", default_value = "1e-6", allow_negative_numbers = true)]
    atol: f64,
    /// Relative tolerance; tables of float32 need 1e-6
    #[arg(long, help_heading = COMPARISON, value_name = "R", default_value = "0", allow_negative_numbers = true)]
    rtol: f64,
    /// Match a neuron's myelin (5 segments, last in either file) even if its ids differ, as they do in old files by 1
    /// to 30
    #[arg(long, help_heading = COMPARISON)]
    ignore_myelin_id: bool,
    /// The simulation configuration: proves that differing axons follow another terminal branch
    #[arg(long, help_heading = COMPARISON, value_name = "CONFIG")]
    circuit: Option<PathBuf>,
    /// Population of CONFIG (default: its only one with segments)
    #[arg(long, help_heading = COMPARISON, value_name = "NAME", requires = "circuit")]
    population: Option<String>,
    #[command(flatten)]
    pub(super) output: ReportOutput,
}

/// Tolerance of an axon placed by a rule, µm: old files hold float32 points.
const SAME_AXON_UM: f64 = 1e-3;

impl Args {
    /// Returns the name of the test suite in a JUnit report.
    pub(super) fn suite_name(&self) -> String {
        let b = self.b.as_deref().map(|b| format!(" {}", b.display()));
        format!("leadfield validate positions {}{}", self.a.display(), b.unwrap_or_default())
    }
}

/// Runs the tool.
pub fn run(args: &Args, common: &Common) -> Result<Outcome> {
    let tolerance = parse_tolerance(args.rtol, args.atol)?;
    let Some(other) = args.b.as_deref() else {
        return args.output.print_verdict(&args.suite_name(), &one_table::to_verdict(&args.a, common)?);
    };
    let (a, b) = (files::read_segments(&args.a, common)?, files::read_segments(other, common)?);
    let mut found = compare(&a, &b, &PositionsOptions { tolerance, ignore_myelin_id: args.ignore_myelin_id });
    if let Some(config) = args.circuit.as_deref().filter(|_| found.outside_count > 0) {
        found.causes.extend(find_branch_cause(config, args.population.as_deref(), &a, &b, &found)?);
    }
    args.output.print_verdict(&args.suite_name(), &summary::to_verdict(&found, [&args.a, other], tolerance))
}

/// Returns whether each file's axons are those of one of the two rules for the terminal branch.
fn find_branch_cause(
    config: &Path,
    population: Option<&str>,
    a: &PlacedSegments,
    b: &PlacedSegments,
    found: &PositionsComparison,
) -> Result<Option<PositionsCause>> {
    let nodes: Vec<u64> = found.nodes_outside.iter().copied().collect();
    let [(longest, by_longest), (last, by_last)] = place_by_branch_rules(config, population, &nodes)?;
    let placed = |segments: &Segments| {
        let mut placed = PlacedSegments::default();
        placed.add(segments);
        placed
    };
    let rules = [(longest, &placed(&by_longest)), (last, &placed(&by_last))];
    Ok(find_last_branch_cause(a, b, found, rules, Tolerance { rtol: 0.0, atol: SAME_AXON_UM }))
}
