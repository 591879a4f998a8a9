//! What is asked for: which configuration, population, nodes, report.

use std::path::{Path, PathBuf};

use crate::error::{Context, Problem, Result, listed};
use crate::sonata::config::{ReportConfig, Simulation};

/// Which circuit, and which part of it.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// A simulation configuration.
    pub config: &'a Path,
    /// A node set; none for all nodes of the report.
    pub node_set: Option<&'a str>,
    /// A population; none for the only biophysical one.
    pub population: Option<&'a str>,
    /// A compartment report; none for the only one that covers all sections and compartments.
    pub report: Option<&'a str>,
}

/// The report that says which segments each neuron has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Its name in the simulation configuration.
    pub name: String,
    /// Its file.
    pub file: PathBuf,
}

/// Why no report can be used.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum ReportProblem {
    /// No report of that name.
    #[error("unknown report `{name}`, expected one of {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// A report that does not list all segments.
    #[error(
        "report `{name}` does not list all segments, expected a compartment report of all sections and compartments, found {found}"
    )]
    Partial {
        /// The report.
        name: String,
        /// What it covers.
        found: String,
    },
    /// None, or several.
    #[error(
        "no single report that lists all segments, expected one compartment report of all sections and compartments, found {0}"
    )]
    NotOne(String),
}

impl Problem for ReportProblem {
    fn hint(&self) -> Option<String> {
        let ask = "a report with `\"type\": \"compartment\", \"sections\": \"all\", \"compartments\": \"all\"` lists all segments";
        Some(match self {
            Self::NotOne(_) => format!("{ask}; where there are several, choose with `--report NAME`"),
            Self::Unknown { .. } | Self::Partial { .. } => format!("{ask}; one frame is enough"),
        })
    }
}

/// Finds the report to use.
pub(super) fn report(simulation: &Simulation, name: Option<&str>) -> Result<Report> {
    choose(&simulation.reports, name).in_file(&simulation.path).in_object("reports")
}

fn choose(reports: &[ReportConfig], name: Option<&str>) -> Result<Report, ReportProblem> {
    if let Some(name) = name {
        let known = || listed(reports.iter().map(|r| &r.name), 12);
        let found = reports.iter().find(|r| r.name == name);
        let report = found.ok_or_else(|| ReportProblem::Unknown { name: name.into(), known: known() })?;
        return if lists_all(report) { Ok(chosen(report)) } else { Err(partial(report)) };
    }
    let mut all = reports.iter().filter(|r| r.enabled && lists_all(r));
    match (all.next(), all.next(), reports) {
        (Some(report), None, _) => Ok(chosen(report)),
        (None, _, [only]) => Err(partial(only)),
        _ => Err(ReportProblem::NotOne(described(reports))),
    }
}

fn lists_all(r: &ReportConfig) -> bool {
    r.kind == "compartment" && r.sections == "all" && r.compartments == "all"
}

fn chosen(r: &ReportConfig) -> Report {
    Report { name: r.name.clone(), file: r.file.clone() }
}

fn partial(r: &ReportConfig) -> ReportProblem {
    ReportProblem::Partial { name: r.name.clone(), found: covers(r) }
}

fn covers(r: &ReportConfig) -> String {
    let disabled = if r.enabled { "" } else { ", disabled" };
    format!("type `{}`, sections `{}`, compartments `{}`{disabled}", r.kind, r.sections, r.compartments)
}

fn described(reports: &[ReportConfig]) -> String {
    let each: Vec<String> = reports.iter().map(|r| format!("`{}` ({})", r.name, covers(r))).collect();
    if each.is_empty() { "no reports".into() } else { each.join("; ") }
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
        assert_eq!(choose(&reports, None).unwrap().name, "full");
        assert_eq!(choose(&reports, Some("full")).unwrap().name, "full");
    }

    #[test]
    fn two_full_reports_need_a_name() {
        let reports = [report("a", "all"), report("b", "all")];
        assert_eq!(
            choose(&reports, None).unwrap_err().to_string(),
            "no single report that lists all segments, expected one compartment report of all sections and \
             compartments, found `a` (type `compartment`, sections `all`, compartments `all`); `b` (type \
             `compartment`, sections `all`, compartments `all`)"
        );
        assert_eq!(choose(&reports, Some("b")).unwrap().name, "b");
        assert_eq!(
            choose(&reports, Some("c")).unwrap_err().to_string(),
            "unknown report `c`, expected one of `a`, `b`"
        );
    }

    #[test]
    fn a_soma_only_report_is_no_use() {
        let refused = choose(&[report("soma", "soma")], None).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "report `soma` does not list all segments, expected a compartment report of all sections and compartments, \
             found type `compartment`, sections `soma`, compartments `center`"
        );
        assert_eq!(choose(&[report("soma", "soma")], Some("soma")).unwrap_err(), refused);
    }
}
