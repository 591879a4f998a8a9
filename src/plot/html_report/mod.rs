//! One page of HTML on a segment table and an electrodes file: it needs no network and no other file.
//!
//! All coefficients are read once, in threads: examined for what clients cannot use, and summed up contact by contact.

mod contacts;
mod facts;
mod findings;
mod page;
mod scene;
mod settings;
mod summary;
mod times;

use std::collections::BTreeMap;
use std::path::Path;

use crate::error::{Context, Error, Problem, Result};
use crate::io::hdf5::File;
use crate::plot::figures::{self, PlotProblem, View};
use crate::segments::table::{PageWarning, Table};
use crate::sonata::electrodes_file::ElectrodesFile;
use crate::validate::electrodes_file::{self, Diagnosis, Expected, Severity};
use crate::weights::Lookup;
use settings::Settings;
use summary::Summaries;
use times::Clock;

/// Half the side of the box whose segments can be turned about, um, unless another is asked for.
pub const WITHIN_UM: f64 = 250.0;

/// What is reported.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The segment table.
    pub table: &'a Path,
    /// The electrodes file.
    pub weights: &'a Path,
    /// The contact that is drawn; none for the one nearest to the middle of the segments.
    pub electrode: Option<&'a str>,
    /// The segments to turn about are those up to this far to every side of the contact, um.
    pub within: f64,
    /// What is known of how long things took before, s: neither file tells.
    pub took: &'a [(&'a str, f64)],
}

/// A page.
#[derive(Debug)]
pub struct Report {
    /// The page.
    pub html: String,
    /// What is assumed of a table that lost its metadata.
    pub assumptions: Option<String>,
    /// What is drawn; none where the electrodes file is so damaged that only its faults can be told.
    pub drawn: Result<Drawn>,
    /// What was found in the electrodes file.
    pub diagnosis: Diagnosis,
}

/// What is drawn on a page.
#[derive(Debug)]
pub struct Drawn {
    /// The picture.
    pub figure: crate::plot::canvas::Page,
    /// The contact that is drawn.
    pub electrode: String,
    /// Number of contacts.
    pub contacts: u64,
    /// What made reading slower than it could be.
    pub warnings: Vec<PageWarning>,
}

/// What cannot be reported.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ReportProblem {
    /// An electrodes file without contacts of the table's population.
    #[error("no contacts, expected at least one")]
    NoContacts,
}

impl Problem for ReportProblem {}

/// Reads both files and makes the page.
///
/// An electrodes file that cannot be used is no error where its faults are known: then the page tells these alone.
///
/// # Errors
/// A file cannot be read, they do not belong together, or there is nothing to draw.
pub fn make(request: &Request<'_>) -> Result<Report> {
    if !(request.within.is_finite() && request.within > 0.0) {
        return Err(PlotProblem::Within(request.within)).in_object("--within");
    }
    let mut clock = Clock::start();
    let mut table = Table::open(request.table)?;
    // a table that lost its metadata gets the name that the coefficients have
    if let Some([only]) = ElectrodesFile::open(request.weights).ok().as_ref().map(ElectrodesFile::populations) {
        table.set_population(only.name());
    }
    let expected = expected(&table)?;
    let described = |file: ElectrodesFile| file.descriptions().map(drop).map(|()| file);
    let file = match ElectrodesFile::open(request.weights).and_then(described) {
        Ok(file) => file,
        Err(error) => return faults_alone(request, &table, error, &expected, &mut clock),
    };
    // a contact that is not there is no fault of the file
    let is_there = request.electrode.is_none_or(|name| file.electrodes().iter().any(|e| e.name == name));
    match full(request, &table, file, &expected, &mut clock) {
        Err(error) if is_there && error.place().file.as_deref() == Some(request.weights) => {
            faults_alone(request, &table, error, &expected, &mut clock)
        }
        made => made,
    }
}

/// The nodes that the electrodes file should have; none where the table does not tell its neurons.
fn expected(table: &Table) -> Result<Vec<Expected>> {
    if table.metadata().population.is_empty() {
        return Ok(Vec::new());
    }
    let segments: BTreeMap<u64, u64> = table.neurons()?.iter().map(|n| (n.node_id, n.segments)).collect();
    let population = table.metadata().population.clone();
    Ok(vec![Expected { source: table.path().display().to_string(), population, segments }])
}

fn full(
    request: &Request<'_>,
    table: &Table,
    file: ElectrodesFile,
    expected: &[Expected],
    clock: &mut Clock,
) -> Result<Report> {
    let electrode = match request.electrode {
        Some(name) => name.to_string(),
        None => contacts::middle(&file, table)?.ok_or(ReportProblem::NoContacts).in_file(request.weights)?,
    };
    drop(file);
    let lookup = Lookup::open(request.weights, &electrode, table)?;
    let all = figures::Weights { table, lookup: &lookup, views: &View::ALL, within: None, most: figures::MOST };
    let drawn = figures::weights(&all)?;
    clock.step("segments read and drawn");
    let scene = scene::Scene::of(&all, request.within)?;
    clock.step("segments round the contact read");

    let contacts = contacts::contacts(&lookup)?;
    let columns: Vec<usize> = contacts.iter().map(|(_, _, column)| *column as usize).collect();
    let factors = lookup.file().factors(lookup.population())?;
    let summaries = Summaries::of(&factors, &columns)?;
    let examined = electrodes_file::Request {
        file: request.weights,
        expected,
        segments: None,
        conductivity: None,
        columns: None,
        progress: &|_| (),
    };
    let own = lookup.population().name();
    let diagnosis = electrodes_file::examine_each(&examined, &|population, rows| {
        if population == own {
            summaries.see(rows);
        }
    })?;
    let summaries = summaries.finish(&factors, &columns)?;
    clock.step("coefficients read and examined");
    let named: Vec<_> = contacts.iter().map(|(name, told, _)| (*name, told.kind.as_deref())).collect();
    let settings = Settings::of(&File::open(request.weights)?, &named);
    let rows = contacts::rows(table, &contacts, summaries, &settings)?;
    clock.step("segments near each contact counted");

    let drawn_at = Drawn {
        electrode: electrode.clone(),
        contacts: rows.len() as u64,
        warnings: drawn.sample.warnings,
        figure: drawn.page,
    };
    let html = page::Page {
        title: format!("leadfield report: {}", table.metadata().population),
        facts: facts::facts(table, request.weights, Some((&lookup, &settings)))?,
        took: clock.told(request.took),
        findings: findings::told(&diagnosis, expected),
        drawn: Ok(page::Drawn { figure: drawn_at.figure.to_svg(), contacts: rows, chosen: electrode, scene }),
    }
    .to_html();
    Ok(Report { html, assumptions: table.assumptions(), drawn: Ok(drawn_at), diagnosis })
}

/// The page on a file that only the lenient reader of faults can read.
fn faults_alone(
    request: &Request<'_>,
    table: &Table,
    error: Error,
    expected: &[Expected],
    clock: &mut Clock,
) -> Result<Report> {
    let examined = electrodes_file::Request {
        file: request.weights,
        expected,
        segments: None,
        conductivity: None,
        columns: None,
        progress: &|_| (),
    };
    let diagnosis = match electrodes_file::examine(&examined) {
        Ok(diagnosis) if diagnosis.worst() == Some(Severity::Error) => diagnosis,
        _ => return Err(error),
    };
    clock.step("electrodes file examined");
    let html = page::Page {
        title: format!("leadfield report: {}", table.metadata().population),
        facts: facts::facts(table, request.weights, None)?,
        took: clock.told(request.took),
        findings: findings::told(&diagnosis, expected),
        drawn: Err(match error.hint() {
            Some(hint) => format!("{error} ({hint})"),
            None => error.to_string(),
        }),
    }
    .to_html();
    Ok(Report { html, assumptions: table.assumptions(), drawn: Err(error), diagnosis })
}
