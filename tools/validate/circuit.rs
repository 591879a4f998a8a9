//! `leadfield validate circuit`: compares the rule of the cell templates with a report, and a table with both.

mod summary;

use std::path::{Path, PathBuf};

use leadfield::Result;
use leadfield::circuit::{CircuitRequest, SegmentationPlan};
use leadfield::error::{Context, Problem};
use leadfield::sonata::config::SonataConfig;
use leadfield::validate::circuit::{
    MissingReportPolicy, RuleReportComparison, TableCheck, TemplateComparison, check_table, compare_rule_with_report,
};

use super::report::ReportOutput;
use crate::cli::help::{CIRCUIT, examples};
use crate::cli::rule_args::{AxonRuleArg, EulerOrderArg};
use crate::cli::{Common, Outcome, open_table};

/// Compare the segments that the rule gives with those of a report, neuron by neuron; with a table, check that it fits
/// both
///
/// Every difference is reported with its section and counts. For a table, the neurons, their segments, the order of
/// rows, and the bounding boxes of soma and dendrites are compared; the positions of axon stubs are a convention and
/// are not compared. If no report lists all segments, the table is compared with the rule alone, so that the program is
/// compared with itself; if templates give no rule, it is compared with the report alone.
#[derive(clap::Args)]
#[command(after_help = examples!(
    "leadfield validate circuit simulation_config.json",
    "leadfield validate circuit simulation_config.json segments.parquet --node-set Column",
))]
pub struct Args {
    /// Simulation or circuit configuration (SONATA)
    config: PathBuf,
    /// Segment table; for several populations the folder that has one of each
    segments: Option<PathBuf>,
    /// Compartment report (default: the one that covers all sections and compartments)
    #[arg(long, help_heading = CIRCUIT, value_name = "NAME")]
    report: Option<String>,
    /// Only the neurons of this node set
    #[arg(long, help_heading = CIRCUIT, value_name = "NAME")]
    node_set: Option<String>,
    /// Population of the nodes (default: all of the report)
    #[arg(long, help_heading = CIRCUIT, value_name = "NAME")]
    population: Option<String>,
    /// How the axon is replaced (default: by the cell templates)
    #[arg(long, help_heading = CIRCUIT, value_name = "RULE")]
    axon_rule: Option<AxonRuleArg>,
    /// Chunk length of the rule, µm (default: the templates', or 40)
    #[arg(long, help_heading = CIRCUIT, value_name = "UM", allow_negative_numbers = true)]
    segment_length: Option<f64>,
    /// Order of rotation about the world's axes for Euler angles (default: sonata)
    #[arg(long, help_heading = CIRCUIT, value_name = "ORDER")]
    euler_order: Option<EulerOrderArg>,
    #[command(flatten)]
    pub(super) output: ReportOutput,
}

/// Results of one population.
struct PopulationFindings {
    agreement: RuleReportComparison,
    table: Option<(PathBuf, TableCheck)>,
}

impl PopulationFindings {
    /// Returns what the table is compared with.
    fn source(&self) -> &'static str {
        if self.agreement.report.is_some() { "report" } else { "circuit" }
    }

    fn agrees(&self) -> bool {
        self.agreement.agrees() && self.table.as_ref().is_none_or(|(_, fit)| fit.is_consistent())
    }
}

impl Args {
    /// Returns the name of the test suite in a JUnit report.
    pub(super) fn suite_name(&self) -> String {
        format!("leadfield validate circuit {}", self.config.display())
    }
}

/// No template gives a rule, and there is no table.
#[derive(Debug, thiserror::Error)]
#[error("nothing to compare, expected a cell template that gives a rule, found none: {0}")]
struct NothingCompared(String);

impl Problem for NothingCompared {
    fn hint(&self) -> Option<String> {
        Some("give the rule with `--axon-rule`, or a table to compare with the report".into())
    }
}

/// Returns an error if nothing would be compared.
fn check_compared(compared: &[(RuleReportComparison, SegmentationPlan)]) -> Result<(), NothingCompared> {
    let templates = || compared.iter().flat_map(|(agreement, _)| &agreement.templates);
    let problem = templates().find_map(|t| t.rule.as_ref().err());
    match problem {
        Some(problem) if !templates().any(TemplateComparison::is_compared) => Err(NothingCompared(problem.clone())),
        _ => Ok(()),
    }
}

/// Runs the tool.
pub fn run(args: &Args, common: &Common) -> Result<Outcome> {
    let request = CircuitRequest {
        node_set: args.node_set.as_deref(),
        population: args.population.as_deref(),
        report: args.report.as_deref(),
        axon_replacement: args.axon_rule.map(Into::into),
        segment_length_um: args.segment_length,
        euler_order: args.euler_order.map(Into::into),
        ..CircuitRequest::new(&args.config)
    };
    // a circuit configuration alone has no report
    let is_circuit = args.report.is_none() && matches!(SonataConfig::open(&args.config)?, SonataConfig::Circuit(_));
    let may_go_without = args.segments.is_some() || is_circuit;
    let without = if may_go_without { MissingReportPolicy::UseRule } else { MissingReportPolicy::Error };
    let compared = compare_rule_with_report(&request, without)?;
    if args.segments.is_none() {
        check_compared(&compared).in_file(&args.config)?;
    }
    let mut findings = Vec::with_capacity(compared.len());
    for (agreement, assembly) in compared {
        let table = match args.segments.as_deref().map(|folder| table_path(folder, &agreement.population)) {
            Some(path) => {
                let table = open_table(&path, Some(&agreement.population), common)?;
                Some((check_table(&assembly, &table)?, path))
            }
            None => None,
        };
        findings.push(PopulationFindings { agreement, table: table.map(|(fit, path)| (path, fit)) });
    }
    args.output.print_verdict(&args.suite_name(), &summary::to_verdict(&findings))
}

/// Returns the table of a population: in a folder of that name, or the table itself.
fn table_path(segments: &Path, population: &str) -> PathBuf {
    let own = segments.join(population);
    if own.is_dir() { own } else { segments.to_path_buf() }
}
