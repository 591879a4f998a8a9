//! `leadfield validate electrodes-file`: finds everything that makes a client fail or silently compute wrong results.

mod expected;
mod summary;

use std::path::{Path, PathBuf};

use leadfield::Result;
use leadfield::circuit::{self, BadNeuronPolicy};
use leadfield::sonata::electrodes_file::ElectrodesFile;
use leadfield::units::SiemensPerMeter;
use leadfield::validate::electrodes_file::{
    ExpectedNodes, ReferenceSegments, Severity, ValidationReport, ValidationRequest, validate, write_fixed_file,
};

use self::expected::{ExpectedCircuit, PlacedNodes};
use super::report::ReportOutput;
use crate::cli::help::{COMPARISON, OUTPUT, examples};
use crate::cli::progress::Progress;
use crate::cli::rule_args::AxonRuleArg;
use crate::cli::{Common, Outcome, console, open_table, overwrite_policy};

/// Check an electrodes file for everything that makes libsonata, neurodamus or CoreNEURON fail or compute wrong results
///
/// Each finding has a code, a severity, its effect on clients, and a remedy. Exit code 0 without errors (warnings and
/// notes are only printed), 1 with errors, 2 if the file cannot be read at all.
#[derive(clap::Args)]
#[command(after_help = examples!(
    "leadfield validate electrodes-file weights.h5",
    "leadfield validate electrodes-file weights.h5 --segments segments.parquet --strict",
    "leadfield validate electrodes-file old.h5 --fix fixed.h5",
))]
pub struct Args {
    /// An electrodes file
    #[arg(required_unless_present = "list_findings")]
    file: Option<PathBuf>,
    /// The circuit's simulation configuration: compare nodes and, by its compartment report, numbers of segments, and
    /// recompute a sample of weights
    #[arg(long, help_heading = COMPARISON, value_name = "CONFIG")]
    circuit: Option<PathBuf>,
    /// The circuit's segment table: compare nodes and numbers of segments, and recompute weights
    #[arg(long, help_heading = COMPARISON, value_name = "TABLE")]
    segments: Option<PathBuf>,
    /// Population of CONFIG (default: its only one with segments)
    #[arg(long, help_heading = COMPARISON, value_name = "NAME", requires = "circuit")]
    population: Option<String>,
    /// How the axon in CONFIG is replaced (default: by the cell templates, or the report)
    #[arg(long, help_heading = COMPARISON, value_name = "RULE", requires = "circuit")]
    axon_rule: Option<AxonRuleArg>,
    /// Conductivity of contacts that state none, as in files of BlueRecording (default: the one that fits each best)
    #[arg(long, alias = "sigma", help_heading = COMPARISON, value_name = "S_PER_M", allow_negative_numbers = true)]
    conductivity: Option<f64>,
    /// Exit code 1 also for warnings
    #[arg(long, help_heading = COMPARISON)]
    strict: bool,
    /// Write a valid copy, if the faults can be fixed without guessing
    #[arg(long, value_name = "OUT", help_heading = OUTPUT)]
    fix: Option<PathBuf>,
    /// Replace OUT if it exists
    #[arg(short, long, requires = "fix", help_heading = OUTPUT)]
    force: bool,
    /// List all codes and exit
    #[arg(long, conflicts_with = "junit", help_heading = OUTPUT)]
    list_findings: bool,
    #[command(flatten)]
    pub(super) output: ReportOutput,
}

impl Args {
    /// Returns the name of the test suite in a JUnit report.
    pub(super) fn suite_name(&self) -> String {
        let file = self.file.as_deref().unwrap_or(Path::new(""));
        format!("leadfield validate electrodes-file {}", file.display())
    }
}

/// Runs the tool.
pub fn run(args: &Args, common: &Common) -> Result<Outcome> {
    let Some(file) = args.file.as_deref().filter(|_| !args.list_findings) else {
        console::print(summary::list_codes())?;
        return Ok(Outcome::Done);
    };
    let opened = args.segments.as_ref().and_then(|_| ElectrodesFile::open(file).ok());
    let only = opened.as_ref().and_then(|f| if let [only] = f.populations() { Some(only.name()) } else { None });
    let table = args.segments.as_deref().map(|path| open_table(path, only, common)).transpose()?;
    let request = args.circuit.as_deref().map(|config| circuit::CircuitRequest {
        population: args.population.as_deref(),
        axon_replacement: args.axon_rule.map(Into::into),
        on_bad_neuron: BadNeuronPolicy::Skip,
        ..circuit::CircuitRequest::new(config)
    });
    let circuit = request.map(|request| ExpectedCircuit::open(&request, common)).transpose()?;
    let expected = expected::collect_expected_nodes(circuit.as_ref(), table.as_ref())?;
    let placed = if table.is_none() { circuit.as_ref().and_then(|circuit| circuit.place_nodes(common)) } else { None };
    let segments = match (&table, &placed) {
        (Some(table), _) => Some(ReferenceSegments::Table(table)),
        (None, Some(PlacedNodes { population, segments, others })) => {
            Some(ReferenceSegments::Placed { population, segments, others })
        }
        (None, None) => None,
    };
    let conductivity = args.conductivity.map(SiemensPerMeter::new).transpose()?;
    let progress = Progress::new(common, "rows", 0);
    let diagnosis = validate(&ValidationRequest {
        segments,
        conductivity,
        progress: &|n| progress.add(n),
        ..ValidationRequest::new(file, &expected)
    })?;
    progress.finish();
    let worst = if args.strict { Severity::Warning } else { Severity::Error };
    let outcome = args.output.print_verdict(&args.suite_name(), &summary::to_verdict(&diagnosis, worst))?;
    match &args.fix {
        Some(out) if !diagnosis.findings.is_empty() => {
            write_fixed(args, common, &diagnosis, (&expected, segments, conductivity), out)
        }
        Some(_) => {
            common.print_note("nothing to fix: no file written");
            Ok(outcome)
        }
        None => Ok(outcome),
    }
}

/// Writes a fixed copy, and validates it.
fn write_fixed(
    args: &Args,
    common: &Common,
    diagnosis: &ValidationReport,
    (expected, segments, conductivity): (&[ExpectedNodes], Option<ReferenceSegments<'_>>, Option<SiemensPerMeter>),
    out: &Path,
) -> Result<Outcome> {
    if diagnosis.unfixable_findings().next().is_some() {
        let codes = diagnosis.unfixable_findings().map(|f| f.code.description().code);
        common.print_note(summary::not_fixed_message(codes));
        return Ok(Outcome::Differ);
    }
    let done = write_fixed_file(diagnosis, out, overwrite_policy(args.force), &|_| ())?;
    let again = validate(&ValidationRequest { segments, conductivity, ..ValidationRequest::new(out, expected) })?;
    common.print_note(summary::fixed_message(&done, out, &again));
    Ok(if again.worst_severity() < Some(Severity::Error) { Outcome::Done } else { Outcome::Differ })
}
