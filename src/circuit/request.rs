//! The request for a segment table: configuration, population, nodes and report.

use std::path::{Path, PathBuf};

use super::SegmentationProblem;
use crate::circuit::hoc::AxonReplacement;
use crate::circuit::placement::CountChecks;
use crate::error::{Context, Problem, Result, join_quoted};
use crate::geometry::EulerOrder;
use crate::sonata::compartment_report::ReportLayout;
use crate::sonata::config::{ReportConfig, SimulationConfig, SonataConfig};

/// A request for a segment table: the circuit, its neurons, and how they are discretised.
#[derive(Debug, Clone, Copy)]
pub struct CircuitRequest<'a> {
    /// A circuit or simulation configuration.
    pub config: &'a Path,
    /// Node set; `None` selects all nodes of the report, of the simulation or of the population.
    pub node_set: Option<&'a str>,
    /// Population; `None` selects the biophysical ones.
    pub population: Option<&'a str>,
    /// Compartment report; `None` selects the only one that covers all sections and compartments.
    pub report: Option<&'a str>,
    /// Source of the segment counts; `None` uses a report if the configuration has one, otherwise the rule.
    pub discretisation: Option<Discretisation>,
    /// Treatment of the axon; `None` follows the cell templates, or the counts of the report.
    pub axon_replacement: Option<AxonReplacement>,
    /// Chunk length of the rule, µm; `None` follows the cell templates.
    pub segment_length_um: Option<f64>,
    /// How strictly a report's counts are checked.
    pub count_checks: CountChecks,
    /// Treatment of neurons that cannot be placed.
    pub on_bad_neuron: BadNeuronPolicy,
    /// Order of the Euler rotations; `None` uses SONATA's, with a warning if the order matters.
    pub euler_order: Option<EulerOrder>,
    /// Maximum number of segments that the rule may give a neuron.
    pub max_segments: u64,
}

/// Default maximum number of segments of a neuron: 20 m of neurites in chunks of 40 µm.
pub const MAX_SEGMENTS_PER_NEURON: u64 = 1_000_000;

impl<'a> CircuitRequest<'a> {
    /// Creates a request for all of a configuration, with default settings.
    pub fn new(config: &'a Path) -> Self {
        Self {
            config,
            node_set: None,
            population: None,
            report: None,
            discretisation: None,
            axon_replacement: None,
            segment_length_um: None,
            count_checks: CountChecks::default(),
            on_bad_neuron: BadNeuronPolicy::default(),
            euler_order: None,
            max_segments: MAX_SEGMENTS_PER_NEURON,
        }
    }
}

/// Source of the segment counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Discretisation {
    /// A compartment report.
    Report,
    /// The morphology, cut by the rule of the cell template.
    Rule,
}

/// Treatment of neurons that cannot be placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BadNeuronPolicy {
    /// Return the error.
    #[default]
    Error,
    /// Write the table without the neuron.
    Skip,
}

/// The source of the segment counts, after the report has been chosen.
pub(crate) enum CountSource {
    /// The counts of this report.
    Report(SegmentReport),
    /// The rule, applied to the morphologies.
    Rule,
}

/// The rule that the user gives instead of the templates.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct GivenRule {
    pub axon_replacement: Option<AxonReplacement>,
    pub chunk_um: Option<f64>,
}

impl GivenRule {
    /// Returns an error if the chunk length is not a positive finite number.
    pub fn check_chunk_length(&self) -> Result<(), SegmentationProblem> {
        match self.chunk_um {
            Some(um) if !(um > 0.0 && um.is_finite()) => Err(SegmentationProblem::SegmentLength(um)),
            _ => Ok(()),
        }
    }
}

/// Chooses the source of segment counts: the requested one; otherwise a report if one is named or the simulation has a
/// compartment report; otherwise the rule.
pub(crate) fn choose_count_source(config: &SonataConfig, request: &CircuitRequest<'_>) -> Result<CountSource> {
    let simulation = match config {
        SonataConfig::Simulation(simulation) => Some(simulation),
        SonataConfig::Circuit(_) => None,
    };
    let has_report = simulation.is_some_and(|s| s.reports.iter().any(|r| r.kind == "compartment"));
    let wanted = request.discretisation.unwrap_or(match request.report {
        None if !has_report => Discretisation::Rule,
        _ => Discretisation::Report,
    });
    GivenRule { axon_replacement: request.axon_replacement, chunk_um: request.segment_length_um }
        .check_chunk_length()?;
    match (wanted, simulation) {
        (Discretisation::Rule, _) => Ok(CountSource::Rule),
        (Discretisation::Report, None) => Err(SegmentationProblem::NoSimulation).in_file(request.config),
        (Discretisation::Report, Some(simulation)) => match request.segment_length_um {
            Some(um) => Err(SegmentationProblem::LengthWithReport(um).into()),
            None => Ok(CountSource::Report(find_report(simulation, request.report)?)),
        },
    }
}

/// A report that lists the segments of each neuron.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentReport {
    /// Name in the simulation configuration.
    pub name: String,
    /// Path of the report.
    pub file: PathBuf,
}

/// Reasons why no report can be used.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum ReportChoiceProblem {
    /// No report has this name.
    #[error("unknown report `{name}`, expected one of {known}")]
    Unknown {
        /// The requested name.
        name: String,
        /// The names of the existing reports.
        known: String,
    },
    /// The report does not list all segments.
    #[error(
        "report `{name}` does not list all segments, expected a compartment report of all sections and compartments, found {found}"
    )]
    NotAllSegments {
        /// Name of the report.
        name: String,
        /// The sections and compartments that the report covers.
        found: String,
    },
    /// The report is disabled in the simulation configuration.
    #[error("report `{0}` is disabled, expected an enabled compartment report of all sections and compartments")]
    Disabled(String),
    /// No report lists all segments.
    #[error(
        "no report lists all segments, expected one compartment report of all sections and compartments, found {0}"
    )]
    NoFullReport(String),
    /// Several reports list all segments.
    #[error("several reports list all segments, expected one, found {0}")]
    SeveralFullReports(String),
}

impl Problem for ReportChoiceProblem {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotAllSegments { .. } | Self::NoFullReport(_) => {
                "a report with `\"type\": \"compartment\", \"sections\": \"all\", \"compartments\": \"all\"` lists all \
                 segments; one frame is enough; or have the counts computed: `--discretisation rule`"
            }
            Self::Unknown { .. } | Self::SeveralFullReports(_) => "choose one of them with `--report NAME`",
            Self::Disabled(_) => "if its file exists from another run, select it with `--report NAME`",
        }
        .into())
    }
}

/// Finds the report that segment counts are read from.
pub(crate) fn find_report(simulation: &SimulationConfig, name: Option<&str>) -> Result<SegmentReport> {
    choose_report(&simulation.reports, name).in_file(&simulation.path).in_item("reports")
}

/// Opens the mapping of a report; an error has a hint if the file does not exist.
pub(crate) fn open_report_layout(report: &SegmentReport, population: &str) -> Result<ReportLayout> {
    let advice = "the simulation writes this report when it runs; one frame is enough; or have the counts computed: \
                  `--discretisation rule`";
    let opened = ReportLayout::open(&report.file, population);
    opened.map_err(|e| if report.file.exists() { e } else { e.with_hint(advice) })
}

fn choose_report(reports: &[ReportConfig], name: Option<&str>) -> Result<SegmentReport, ReportChoiceProblem> {
    if reports.is_empty() {
        return Err(ReportChoiceProblem::NoFullReport("no reports".into()));
    }
    if let Some(name) = name {
        let known = || join_quoted(reports.iter().map(|r| &r.name), 12);
        let found = reports.iter().find(|r| r.name == name);
        let report = found.ok_or_else(|| ReportChoiceProblem::Unknown { name: name.into(), known: known() })?;
        return if lists_all_segments(report) {
            Ok(to_segment_report(report))
        } else {
            Err(partial_report_problem(report))
        };
    }
    let mut all = reports.iter().filter(|r| r.enabled && lists_all_segments(r));
    match (all.next(), all.next(), reports) {
        (Some(report), None, _) => Ok(to_segment_report(report)),
        (Some(a), Some(b), _) => {
            let names = [a, b].into_iter().chain(all).map(|r| &r.name);
            Err(ReportChoiceProblem::SeveralFullReports(join_quoted(names, 12)))
        }
        (None, _, [only]) if lists_all_segments(only) => Err(ReportChoiceProblem::Disabled(only.name.clone())),
        (None, _, [only]) => Err(partial_report_problem(only)),
        (None, ..) => Err(ReportChoiceProblem::NoFullReport(describe_reports(reports))),
    }
}

fn lists_all_segments(r: &ReportConfig) -> bool {
    r.kind == "compartment" && r.sections == "all" && r.compartments == "all"
}

fn to_segment_report(r: &ReportConfig) -> SegmentReport {
    SegmentReport { name: r.name.clone(), file: r.file.clone() }
}

fn partial_report_problem(r: &ReportConfig) -> ReportChoiceProblem {
    ReportChoiceProblem::NotAllSegments { name: r.name.clone(), found: describe_coverage(r) }
}

fn describe_coverage(r: &ReportConfig) -> String {
    let disabled = if r.enabled { "" } else { ", disabled" };
    format!("type `{}`, sections `{}`, compartments `{}`{disabled}", r.kind, r.sections, r.compartments)
}

fn describe_reports(reports: &[ReportConfig]) -> String {
    let each: Vec<String> = reports.iter().map(|r| format!("`{}` ({})", r.name, describe_coverage(r))).collect();
    each.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(name: &str, sections: &str) -> ReportConfig {
        ReportConfig {
            name: name.into(),
            cells: None,
            sections: sections.into(),
            compartments: if sections == "soma" { "center" } else { "all" }.into(),
            kind: "compartment".into(),
            enabled: true,
            file: format!("{name}.h5").into(),
        }
    }

    #[test]
    fn the_one_full_report_is_found_among_others() {
        let reports = [report("soma", "soma"), report("full", "all")];
        assert_eq!(choose_report(&reports, None).unwrap().name, "full");
        assert_eq!(choose_report(&reports, Some("full")).unwrap().name, "full");
    }

    #[test]
    fn two_full_reports_need_a_name() {
        let reports = [report("a", "all"), report("b", "all")];
        assert_eq!(
            choose_report(&reports, None).unwrap_err().to_string(),
            "several reports list all segments, expected one, found `a`, `b`"
        );
        assert_eq!(choose_report(&reports, Some("b")).unwrap().name, "b");
        assert_eq!(
            choose_report(&reports, Some("c")).unwrap_err().to_string(),
            "unknown report `c`, expected one of `a`, `b`"
        );
    }

    #[test]
    fn without_a_usable_report_all_are_described() {
        let mut disabled = report("full", "all");
        disabled.enabled = false;
        assert_eq!(
            choose_report(&[report("soma", "soma"), disabled.clone()], None).unwrap_err().to_string(),
            "no report lists all segments, expected one compartment report of all sections and compartments, found \
             `soma` (type `compartment`, sections `soma`, compartments `center`); `full` (type `compartment`, sections \
             `all`, compartments `all`, disabled)"
        );
        assert_eq!(choose_report(&[disabled.clone()], None).unwrap_err(), ReportChoiceProblem::Disabled("full".into()));
        assert_eq!(choose_report(&[disabled], Some("full")).unwrap().name, "full");
        assert_eq!(
            choose_report(&[], Some("full")).unwrap_err(),
            ReportChoiceProblem::NoFullReport("no reports".into())
        );
    }

    #[test]
    fn a_report_of_the_soma_alone_is_refused() {
        let refused = choose_report(&[report("soma", "soma")], None).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "report `soma` does not list all segments, expected a compartment report of all sections and compartments, \
             found type `compartment`, sections `soma`, compartments `center`"
        );
        assert_eq!(choose_report(&[report("soma", "soma")], Some("soma")).unwrap_err(), refused);
    }
}
