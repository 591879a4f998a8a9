//! One page of HTML on a segment table and an electrodes file: it needs no network and no other file.

mod contacts;
mod facts;
mod page;
mod scene;

use std::path::Path;

use crate::error::{Context, Problem, Result};
use crate::plot::{self, View};
use crate::table::{PageWarning, Table};
use crate::weights::Lookup;

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
}

/// A page.
#[derive(Debug)]
pub struct Report {
    /// The page.
    pub html: String,
    /// The picture on it.
    pub figure: crate::picture::Page,
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
/// # Errors
/// A file cannot be read, they do not belong together, or there is nothing to draw.
pub fn make(request: &Request<'_>) -> Result<Report> {
    let table = Table::open(request.table)?;
    let electrode = match request.electrode {
        Some(name) => name.to_string(),
        None => {
            let middle = contacts::middle(request.weights, &table)?;
            middle.ok_or(ReportProblem::NoContacts).in_file(request.weights)?
        }
    };
    let lookup = Lookup::open(request.weights, &electrode, &table)?;
    let all = plot::Weights { table: &table, lookup: &lookup, views: &View::ALL, within: None, most: plot::MOST };
    let drawn = plot::weights(&all)?;
    let rows = contacts::rows(&table, &lookup)?;
    let contacts = rows.len() as u64;
    let html = page::Page {
        title: format!("leadfield report: {}", table.metadata().population),
        facts: facts::facts(&table, &lookup)?,
        figure: drawn.page.to_svg(),
        contacts: rows,
        chosen: electrode.clone(),
        scene: scene::Scene::of(&all, request.within)?,
    }
    .to_html();
    Ok(Report { html, figure: drawn.page, electrode, contacts, warnings: drawn.sample.warnings })
}
