//! `leadfield validate weights`: compares two electrodes files, contact by contact.

mod cases;
mod json;
mod text;
mod worst_segments;

use std::path::PathBuf;

use leadfield::Result;
use leadfield::error::{format_count, join_quoted};
use leadfield::sonata::electrodes_file::{ElectrodesFile, PopulationEntry};
use leadfield::validate::Tolerance;
use leadfield::validate::weights::{
    CauseEvidence, ColumnRule, ContactComparison, DifferingRows, ExtraColumn, SegmentsByBranchRule, WeightsCause,
    WeightsComparison, WeightsOptions, compare, find_causes, find_differing_rows, pair_populations,
};

use worst_segments::WorstSegments;

use super::MAX_LISTED_NAMES;
use super::branch_rules::place_by_branch_rules;
use super::report::{ReportOutput, Verdict};
use super::tolerance::parse_tolerance;
use crate::cli::help::{COMPARISON, examples};
use crate::cli::progress::Progress;
use crate::cli::{Common, Outcome, open_table};

/// Compare two electrodes files: nodes by id, contacts by name
///
/// Weights agree if |a - b| <= atol + rtol max(|a|, |b|). NaN in both files agrees (and is counted), in one it does
/// not. Nodes, contacts or columns in only one file are a difference. If each file has one population, these are
/// compared even if the names differ, with a note; otherwise those with the same name.
#[derive(clap::Args)]
#[command(after_help = examples!(
    "leadfield validate weights weights.h5 reference.h5",
    "leadfield validate weights weights.h5 old.h5 --columns sorted-names --ignore-extra-column",
))]
pub struct Args {
    /// An electrodes file
    a: PathBuf,
    /// Another electrodes file
    b: PathBuf,
    /// Relative tolerance
    #[arg(long, help_heading = COMPARISON, value_name = "R", default_value = "1e-9", allow_negative_numbers = true)]
    rtol: f64,
    /// Absolute tolerance, V/nA
    #[arg(long, help_heading = COMPARISON, value_name = "A", default_value = "0", allow_negative_numbers = true)]
    atol: f64,
    /// Ignore columns without a contact (BlueRecording 0.2.1 writes one, all ones)
    #[arg(long, help_heading = COMPARISON)]
    ignore_extra_column: bool,
    /// How columns belong to contacts
    #[arg(long, help_heading = COMPARISON, value_name = "RULE", default_value = "index")]
    columns: ColumnRuleArg,
    /// Population to compare, or `A:B` if its name differs between the files
    #[arg(long, help_heading = COMPARISON, value_name = "A[:B]")]
    population: Option<String>,
    /// The segment table of A: names the segments of the worst pairs, and proves causes that concern regions
    #[arg(long, help_heading = COMPARISON, value_name = "TABLE")]
    segments: Option<PathBuf>,
    /// The simulation configuration of A: proves that differing axons follow another terminal branch
    #[arg(long, help_heading = COMPARISON, value_name = "CONFIG")]
    circuit: Option<PathBuf>,
    #[command(flatten)]
    pub(super) output: ReportOutput,
}

/// [`ColumnRule`] as an option.
#[derive(Clone, Copy, clap::ValueEnum)]
enum ColumnRuleArg {
    /// By the index in each file
    Index,
    /// In the file with an extra column (BlueRecording 0.2.1), column i belongs to the i-th name in sorted order
    SortedNames,
}

/// How much too large a quantile of [`ContactComparison`] may be, at most.
const QUANTILE_WIDTH: f64 = 1.35;

impl Args {
    /// Returns the name of the test suite in a JUnit report.
    pub(super) fn suite_name(&self) -> String {
        format!("leadfield validate weights {} {}", self.a.display(), self.b.display())
    }

    fn options(&self) -> Result<WeightsOptions> {
        Ok(WeightsOptions {
            tolerance: parse_tolerance(self.rtol, self.atol)?,
            extra_column: if self.ignore_extra_column { ExtraColumn::Ignore } else { ExtraColumn::Compare },
            column_rule: match self.columns {
                ColumnRuleArg::Index => ColumnRule::Index,
                ColumnRuleArg::SortedNames => ColumnRule::SortedNames,
            },
        })
    }
}

/// All results.
struct WeightsFindings {
    /// Populations in only one file.
    populations_only_in: [Vec<String>; 2],
    comparisons: Vec<WeightsComparison>,
    segments: WorstSegments,
    /// Known causes for each comparison.
    causes: Vec<Vec<WeightsCause>>,
    /// The rows that differ, for each comparison.
    rows: Vec<DifferingRows>,
    /// Whether `--circuit` was given.
    has_circuit: bool,
}

impl WeightsFindings {
    fn agrees(&self) -> bool {
        self.populations_only_in.iter().all(Vec::is_empty) && self.comparisons.iter().all(WeightsComparison::agrees)
    }
}

/// Runs the tool.
pub fn run(args: &Args, common: &Common) -> Result<Outcome> {
    let options = args.options()?;
    let (a, b) = (ElectrodesFile::open(&args.a)?, ElectrodesFile::open(&args.b)?);
    let named = args.population.as_deref().map(|p| p.split_once(':').unwrap_or((p, p)));
    let pairing = pair_populations(&a, &b, named)?;
    let progress = Progress::new(common, "rows", pairing.pairs.iter().map(|(p, _)| p.rows()).sum());
    let compared = pairing.pairs.iter().map(|(p, q)| compare((&a, p), (&b, q), &options, &|n| progress.add(n)));
    let comparisons: Vec<WeightsComparison> = compared.collect::<Result<_>>()?;
    progress.finish();
    let only = if let [only] = a.populations() { Some(only.name()) } else { None };
    let table = args.segments.as_deref().map(|path| open_table(path, only, common)).transpose()?;
    let segments =
        table.as_ref().map(|table| WorstSegments::look_up(table, &comparisons)).transpose()?.unwrap_or_default();
    let why = |((p, q), found): (&(&PopulationEntry, &PopulationEntry), &WeightsComparison)| {
        if found.agrees() {
            return Ok(Vec::new());
        }
        let place = args
            .circuit
            .as_deref()
            .map(|config| move |nodes: &[u64]| place_by_branch_rules(config, Some(p.name()), nodes));
        let branches = place.as_ref().map(|place| place as &dyn Fn(&[u64]) -> Result<SegmentsByBranchRule>);
        find_causes((&a, p), (&b, q), &options, &CauseEvidence { segments: table.as_ref(), branches }, found)
    };
    let causes = pairing.pairs.iter().zip(&comparisons).map(why).collect::<Result<_>>()?;
    let differing = |((p, q), found): (&(&PopulationEntry, &PopulationEntry), &WeightsComparison)| {
        let is_outside = found.contacts.iter().any(|contact| contact.outside_count > 0);
        if is_outside { find_differing_rows((&a, p), (&b, q), &options) } else { Ok(DifferingRows::default()) }
    };
    let rows = pairing.pairs.iter().zip(&comparisons).map(differing).collect::<Result<_>>()?;
    let has_circuit = args.circuit.is_some();
    let findings =
        WeightsFindings { populations_only_in: pairing.only_in, comparisons, segments, causes, rows, has_circuit };
    if findings.agrees() {
        warn_of_absolute_tolerance(&findings.comparisons, &options, common);
    }
    let verdict = Verdict {
        cases: cases::to_cases(&findings),
        json: json::to_json(&findings, &options),
        text: text::to_text(&findings, [&args.a, &args.b]),
    };
    args.output.print_verdict(&args.suite_name(), &verdict)
}

/// Warns of contacts of which a tenth of the weights or more agree because of `--atol` alone.
fn warn_of_absolute_tolerance(comparisons: &[WeightsComparison], options: &WeightsOptions, common: &Common) {
    let Tolerance { rtol, atol } = options.tolerance;
    // a quantile is an upper bound, which may be too large by this factor
    let exceeds_rtol = |contact: &&ContactComparison| contact.quantiles[1] > QUANTILE_WIDTH * rtol;
    let all = comparisons.iter().flat_map(|comparison| &comparison.contacts);
    let hidden: Vec<&str> = all.clone().filter(exceeds_rtol).map(|contact| contact.name.as_str()).collect();
    if hidden.is_empty() {
        return;
    }
    common.warn(format_args!(
        "{} of {}: a tenth of the weights or more agree only because of `--atol {atol:?}`, and not within `--rtol {rtol:?}`: {}",
        hidden.len(),
        format_count(all.count() as u64, "contact"),
        join_quoted(&hidden, MAX_LISTED_NAMES)
    ));
    common.print_note(
        "hint: leave `--atol` out: many weights are smaller than any fixed one, those of EEG below 1e-9 V/nA",
    );
}
