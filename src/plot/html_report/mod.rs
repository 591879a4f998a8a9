//! One HTML page about a segment table and an electrodes file, which needs no network and no other file.
//!
//! All weights are read once, in parallel: they are checked for values that clients cannot use, and summarised by
//! contact.

mod contact_table;
mod facts;
mod findings;
mod page;
mod scene;
mod settings;
mod signals_section;
mod summary;
mod timing;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use crate::circuit::TableCircuit;
use crate::error::{Context, Error, Problem, Result, join_quoted};
use crate::geometry::Aabb;
use crate::io::hdf5::Hdf5File;
use crate::plot::figures::{
    self, DistanceLine, PlotProblem, SampledSegment, SegmentCategories, ViewPlane, WeightsFigure, WeightsPlot,
};
use crate::segments::table::{PageWarning, SegmentTable};
use crate::sonata::electrodes_file::{AttributeValue, ElectrodesFile, read_settings};
use crate::units::SiemensPerMeter;
use crate::validate::electrodes_file::{self, ExpectedNodes, Severity, ValidationReport};
use crate::weights::WeightLookup;
use contact_table::ContactColumn;
use settings::{CONDUCTIVITY, ContactSettings};
use signals_section::SignalsSection;
use summary::SummaryAccumulator;
use timing::StepTimer;

/// Default half side of the box of segments in the 3D view, µm.
pub const DEFAULT_VIEW_HALF_SIDE_UM: f64 = 250.0;

/// A request for an HTML report: its inputs and settings.
#[derive(Debug, Clone, Copy)]
pub struct ReportRequest<'a> {
    /// The segment table.
    pub table: &'a Path,
    /// The electrodes file.
    pub weights: &'a Path,
    /// Name of the contact to draw; `None` for the one nearest to the centre of the segments.
    pub electrode: Option<&'a str>,
    /// The 3D view shows the segments up to this far from the contact along each axis, µm.
    pub within_um: f64,
    /// HDF5 file of signals to draw, such as `leadfield signals` writes.
    pub signals: Option<&'a Path>,
    /// Durations of earlier steps, s, which neither file states.
    pub timings_s: &'a [(&'a str, f64)],
}

/// An HTML report, with its picture and findings.
#[derive(Debug)]
pub struct HtmlReport {
    /// The HTML page.
    pub html: String,
    /// Assumptions about a table that lost its metadata.
    pub assumptions: Option<String>,
    /// The picture; an error if the electrodes file is so damaged that only its faults can be reported.
    pub figure: Result<ReportFigure>,
    /// Findings about the electrodes file.
    pub diagnosis: ValidationReport,
}

/// The picture on a page.
#[derive(Debug)]
pub struct ReportFigure {
    /// The picture.
    pub figure: crate::plot::canvas::Figure,
    /// The contact that is drawn.
    pub electrode: String,
    /// Number of contacts.
    pub contacts: u64,
    /// The reason why reading was slower than it could be.
    pub warnings: Vec<PageWarning>,
}

/// Reasons why a report cannot be built.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReportProblem {
    /// The electrodes file has no contacts for the table's population.
    #[error("no contacts, expected at least one")]
    NoContacts,
    /// The electrodes file has no weights of the table's population.
    #[error("no weights of the table's population, expected `{expected}`, found {found}")]
    OtherPopulation {
        /// The population of the table.
        expected: String,
        /// The populations of the electrodes file, quoted.
        found: String,
    },
}

impl Problem for ReportProblem {
    fn hint(&self) -> Option<String> {
        matches!(self, Self::OtherPopulation { .. }).then(|| {
            "name two files that belong together: `leadfield weights` makes an electrodes file from a table".into()
        })
    }
}

/// Checks that an electrodes file has weights of the table's population.
fn check_population(table: &SegmentTable, file: &ElectrodesFile) -> Result<(), ReportProblem> {
    let expected = &table.metadata().population;
    if expected.is_empty() || file.populations().iter().any(|population| population.name() == expected) {
        return Ok(());
    }
    let found = join_quoted(file.populations().iter().map(|population| population.name()), 6);
    Err(ReportProblem::OtherPopulation { expected: expected.clone(), found })
}

/// Reads both files and builds the page.
///
/// An electrodes file that cannot be used is not an error if its faults are known: then the page lists only these.
///
/// # Errors
/// Returns an error if a file cannot be read, if the files do not belong together, or if there is nothing to draw; also
/// if signals are requested and cannot be drawn.
pub fn build_report(request: &ReportRequest<'_>) -> Result<HtmlReport> {
    if !(request.within_um.is_finite() && request.within_um > 0.0) {
        return Err(PlotProblem::Within(request.within_um)).in_item("--within");
    }
    let mut clock = StepTimer::start();
    let signals = request.signals.map(SignalsSection::draw).transpose()?;
    if signals.is_some() {
        clock.finish_step("signals read and drawn");
    }
    let mut table = SegmentTable::open(request.table)?;
    // a table that lost its metadata gets the population name of the weights
    if let Some([only]) = ElectrodesFile::open(request.weights).ok().as_ref().map(ElectrodesFile::populations) {
        table.set_population(only.name());
    }
    let expected = expected_nodes(&table)?;
    let described = |file: ElectrodesFile| file.read_descriptions().map(drop).map(|()| file);
    let file = match ElectrodesFile::open(request.weights).and_then(described) {
        Ok(file) => file,
        Err(error) => return report_faults_only(request, &table, error, &expected, signals, &mut clock),
    };
    check_population(&table, &file).in_file(request.weights)?;
    // a missing contact is not a fault of the file
    let is_there = request.electrode.is_none_or(|name| file.electrodes().iter().any(|e| e.name == name));
    match report_all(request, &table, file, &expected, signals.clone(), &mut clock) {
        Err(error) if is_there && error.location().file.as_deref() == Some(request.weights) => {
            report_faults_only(request, &table, error, &expected, signals, &mut clock)
        }
        made => made,
    }
}

/// Returns the nodes that the electrodes file should have; `None` if the table does not state its neurons.
fn expected_nodes(table: &SegmentTable) -> Result<Vec<ExpectedNodes>> {
    if table.metadata().population.is_empty() {
        return Ok(Vec::new());
    }
    let segments: BTreeMap<u64, u64> = table.neurons()?.iter().map(|n| (n.node_id, n.segments)).collect();
    let population = table.metadata().population.clone();
    Ok(vec![ExpectedNodes { source: table.path().display().to_string(), population, segment_counts: segments }])
}

fn report_all(
    request: &ReportRequest<'_>,
    table: &SegmentTable,
    file: ElectrodesFile,
    expected: &[ExpectedNodes],
    signals: Option<SignalsSection>,
    clock: &mut StepTimer,
) -> Result<HtmlReport> {
    let electrode = match request.electrode {
        Some(name) => name.to_string(),
        None => contact_table::find_middle_contact(&file, table)?
            .ok_or(ReportProblem::NoContacts)
            .in_file(request.weights)?,
    };
    drop(file);
    let lookup = WeightLookup::open(request.weights, &electrode, table)?;
    let all = figures::WeightsPlot {
        table,
        lookup: &lookup,
        views: &ViewPlane::ALL,
        within_um: None,
        max_segments: figures::MAX_SEGMENTS,
    };
    let drawn = figures::plot_weights(&all)?;
    clock.finish_step("segments read and drawn");
    let contacts = contact_table::list_contacts(&lookup)?;
    let scene = scene::ViewerScene::build(&scene::SceneRequest {
        plot: &all,
        palette: &drawn.palette,
        contacts: &contacts,
        within_um: request.within_um,
    })?;
    clock.finish_step("segments around contacts read");
    let distance = draw_by_distance(&drawn, &lookup)?;
    let depth_profiles = draw_by_depth(&drawn, &all, &contacts);

    let columns: Vec<usize> = contacts.iter().map(|(_, _, column)| *column as usize).collect();
    let factors = lookup.file().weights_dataset(lookup.population())?;
    let summaries = SummaryAccumulator::new(&factors, &columns)?;
    let examined = electrodes_file::ValidationRequest::new(request.weights, expected);
    let own = lookup.population().name();
    let diagnosis = electrodes_file::validate_with(&examined, &|population, rows| {
        if population == own {
            summaries.add_rows(rows);
        }
    })?;
    let summaries = summaries.finish(&factors, &columns)?;
    clock.finish_step("weights read and examined");
    let named: Vec<_> = contacts.iter().map(|(name, description, _)| (*name, description.kind.as_deref())).collect();
    let settings = ContactSettings::read(&Hdf5File::open(request.weights)?, &named);
    let rows = contact_table::build_rows(table, &lookup, &contacts, summaries, &settings)?;
    clock.finish_step("segments near each contact counted");

    let drawn_at = ReportFigure {
        electrode: electrode.clone(),
        contacts: rows.len() as u64,
        warnings: drawn.sample.warnings,
        figure: drawn.figure,
    };
    let html = page::HtmlPage {
        population: table.metadata().population.clone(),
        key_numbers: facts::key_numbers(table, Some(&lookup))?,
        facts: facts::collect_facts(table, request.weights, Some((&lookup, &settings)))?,
        timings: clock.to_rows(request.timings_s),
        findings: findings::summarise_findings(&diagnosis, expected),
        signals,
        contents: Ok(page::PageContents {
            figure: drawn_at.figure.to_svg(),
            distance,
            depth_profiles,
            contacts: rows,
            selected_contact: electrode,
            scene,
        }),
    }
    .to_html();
    Ok(HtmlReport { html, assumptions: table.assumptions(), figure: Ok(drawn_at), diagnosis })
}

/// Draws the weights against the distance from the contact; returns why if they cannot be drawn.
fn draw_by_distance(drawn: &WeightsFigure, lookup: &WeightLookup) -> Result<Result<String, &'static str>> {
    let kind = lookup.description().kind.as_deref();
    let Some(contact) = lookup.description().position_um else {
        return Ok(Err("The electrodes file does not state the position of the contact."));
    };
    if figures::is_csd_method(kind) {
        return Ok(Err("Weights of ObjectiveCSD are 1 inside the region and 0 outside of it, at any distance."));
    }
    let settings = read_settings(&Hdf5File::open(lookup.file().path())?, lookup.electrode());
    let is_unbounded = settings.iter().all(|(key, _)| !["boundary", "reference", "disc_radius"].contains(key));
    let sigma = settings.iter().find_map(|(key, value)| match value {
        AttributeValue::Number(sigma) if *key == CONDUCTIVITY => SiemensPerMeter::new(*sigma).ok(),
        _ => None,
    });
    let line = match (kind, sigma) {
        (Some("PointSource" | "LineSource"), Some(sigma)) if is_unbounded => DistanceLine::PointSource(sigma),
        _ => DistanceLine::InverseDistance,
    };
    let figure = figures::plot_weights_by_distance(&drawn.sample, &drawn.values, contact, line);
    Ok(figure.map(|figure| figure.to_svg()).ok_or("All weights are 0."))
}

/// Draws segments and weights by depth, sorted by section type, and by morphological type if the circuit states it.
fn draw_by_depth(
    drawn: &WeightsFigure,
    plot: &WeightsPlot<'_>,
    contacts: &[ContactColumn<'_>],
) -> Vec<(&'static str, String)> {
    let segments = &drawn.sample.segments;
    let mut nodes: Vec<u64> = segments.iter().map(|s| s.node_id).collect();
    nodes.sort_unstable();
    nodes.dedup();
    let types = read_neuron_types(plot.table, &nodes).ok();
    let by_type = types.map(|types| {
        let text = |s: &SampledSegment| types.get(&s.node_id).map_or("unknown", String::as_str);
        SegmentCategories::by_text("mtype", &segments.iter().map(text).collect::<Vec<_>>())
    });
    let draw = |categories: SegmentCategories| {
        let profile = figures::DepthProfile {
            sample: &drawn.sample,
            values: &drawn.values,
            categories: &categories,
            axis: depth_axis(contacts),
            contact: (plot.lookup.electrode(), plot.lookup.description().position_um),
            method: plot.lookup.description().kind.as_deref(),
        };
        (categories.title, figures::plot_depth_profile(&profile).to_svg())
    };
    std::iter::once(SegmentCategories::by_section_type(segments)).chain(by_type).map(draw).collect()
}

/// Returns the axis along which contacts extend furthest; y, along which cortical columns extend, if none is longer.
fn depth_axis(contacts: &[ContactColumn<'_>]) -> usize {
    const UPRIGHT: usize = 1;
    let positions = contacts.iter().filter_map(|(_, description, _)| description.position_um);
    let bounds = Aabb::enclosing(positions);
    let size = if bounds.is_empty() { [0.0; 3] } else { bounds.size().to_array() };
    (0..3).fold(UPRIGHT, |best, axis| if size[axis] > size[best] { axis } else { best })
}

/// Returns the morphological types of some neurons, from the circuit that the table was made of, or the reason why they
/// are not known.
fn read_neuron_types(table: &SegmentTable, nodes: &[u64]) -> Result<HashMap<u64, String>, String> {
    if table.metadata().circuit_path.is_empty() {
        return Err("the segment table does not state its circuit".into());
    }
    let types = TableCircuit::open(None, table).and_then(|circuit| circuit.node_texts("mtype", nodes));
    Ok(nodes.iter().copied().zip(types.map_err(|error| error.to_string())?).collect())
}

/// Builds the page for a file that only the lenient validator can read.
fn report_faults_only(
    request: &ReportRequest<'_>,
    table: &SegmentTable,
    error: Error,
    expected: &[ExpectedNodes],
    signals: Option<SignalsSection>,
    clock: &mut StepTimer,
) -> Result<HtmlReport> {
    let examined = electrodes_file::ValidationRequest::new(request.weights, expected);
    let diagnosis = match electrodes_file::validate(&examined) {
        Ok(diagnosis) if diagnosis.worst_severity() == Some(Severity::Error) => diagnosis,
        _ => return Err(error),
    };
    clock.finish_step("electrodes file examined");
    let html = page::HtmlPage {
        population: table.metadata().population.clone(),
        key_numbers: facts::key_numbers(table, None)?,
        facts: facts::collect_facts(table, request.weights, None)?,
        timings: clock.to_rows(request.timings_s),
        findings: findings::summarise_findings(&diagnosis, expected),
        signals,
        contents: Err(match error.hint() {
            Some(hint) => format!("{error} ({hint})"),
            None => error.to_string(),
        }),
    }
    .to_html();
    Ok(HtmlReport { html, assumptions: table.assumptions(), figure: Err(error), diagnosis })
}
