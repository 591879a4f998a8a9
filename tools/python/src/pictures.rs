//! Pictures as SVG, and the report as HTML.

use std::path::PathBuf;

use leadfield::electrodes::{Electrode, csd_regions};
use leadfield::error::Context;
use leadfield::geometry::region::{Region, Sphere};
use leadfield::plot::figures::{self, ProbeContact, ProbePlot, ViewPlane, WeightsPlot};
use leadfield::plot::html_report::{self, ReportRequest};
use leadfield::sonata::electrodes_file::{ColumnRule, ElectrodesFile};
use leadfield::validate::Tolerance;
use leadfield::validate::weights::{ExtraColumn, WeightsOptions, pair_populations};
use leadfield::weights::WeightLookup;
use pyo3::prelude::*;

use super::circuit::choose;
use super::electrodes::ElectrodeList;
use super::table::SegmentTable;
use super::work;

/// Returns the planes of a view.
fn view_planes(view: &str) -> PyResult<&'static [ViewPlane]> {
    let views: [(&str, &'static [ViewPlane]); 7] = [
        ("all", &ViewPlane::ALL),
        ("xy", &[ViewPlane::Xy]),
        ("xz", &[ViewPlane::Xz]),
        ("yx", &[ViewPlane::Yx]),
        ("yz", &[ViewPlane::Yz]),
        ("zx", &[ViewPlane::Zx]),
        ("zy", &[ViewPlane::Zy]),
    ];
    choose("view", view, &views)
}

/// Draws segments coloured by a contact's weights; returns SVG and warnings.
#[pyfunction]
#[pyo3(signature = (segments, weights, electrode, *, view, within))]
pub fn plot_weights(
    py: Python<'_>,
    segments: PyRef<'_, SegmentTable>,
    weights: PathBuf,
    electrode: &str,
    view: &str,
    within: Option<f64>,
) -> PyResult<(String, Vec<String>)> {
    let views = view_planes(view)?;
    let table = &segments.0;
    work::run(py, None, |_| {
        let lookup = WeightLookup::open(&weights, electrode, table)?;
        let max_segments = figures::MAX_SEGMENTS;
        let request = WeightsPlot { table, lookup: &lookup, views, within_um: within, max_segments };
        let drawn = figures::plot_weights(&request)?;
        Ok((drawn.figure.to_svg(), drawn.warnings().iter().map(ToString::to_string).collect()))
    })
}

/// Draws contacts, their regions and the segments in them; returns SVG and warnings.
#[pyfunction]
#[pyo3(signature = (electrodes, segments, *, view, within))]
pub fn plot_probe(
    py: Python<'_>,
    electrodes: PyRef<'_, ElectrodeList>,
    segments: Option<PyRef<'_, SegmentTable>>,
    view: &str,
    within: Option<f64>,
) -> PyResult<(String, Vec<String>)> {
    let views = view_planes(view)?;
    let (electrodes, table) = (&electrodes.0, segments.map(|table| table.0.clone()));
    work::run(py, None, |_| {
        let ball = |e: &Electrode, radius| -> leadfield::Result<csd_regions::ContactRegion> {
            let sphere = Sphere::new(e.position_um, radius).in_item("within")?;
            Ok(Some(Box::new(sphere) as Box<dyn Region>))
        };
        let (regions, warnings) = match within {
            Some(radius) => (electrodes.iter().map(|e| ball(e, radius)).collect::<leadfield::Result<_>>()?, Vec::new()),
            None => csd_regions::contact_regions(electrodes)?,
        };
        let mut warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
        let contacts: Vec<ProbeContact<'_>> = electrodes
            .iter()
            .zip(&regions)
            .map(|(e, region)| ProbeContact { name: &e.name, position: e.position_um, region: region.as_deref() })
            .collect();
        let drawn = figures::plot_probe(&ProbePlot { contacts: &contacts, table: table.as_deref(), views })?;
        warnings.extend(drawn.sample.iter().flat_map(|sample| &sample.warnings).map(ToString::to_string));
        Ok((drawn.figure.to_svg(), warnings))
    })
}

/// Draws the differences of two electrodes files; returns SVG.
#[pyfunction]
pub fn plot_comparison(py: Python<'_>, a: PathBuf, b: PathBuf) -> PyResult<String> {
    work::run(py, None, |_| {
        let (a, b) = (ElectrodesFile::open(&a)?, ElectrodesFile::open(&b)?);
        let pairing = pair_populations(&a, &b, None)?;
        let Some((p, q)) = pairing.pairs.first() else { return Err(figures::PlotProblem::NothingInCommon.into()) };
        let options = WeightsOptions {
            tolerance: Tolerance { rtol: 0.0, atol: 0.0 },
            extra_column: ExtraColumn::Ignore,
            column_rule: ColumnRule::Index,
        };
        Ok(figures::plot_comparison((&a, p), (&b, q), &options)?.figure.to_svg())
    })
}

/// Returns the report about a table and an electrodes file as HTML, and warnings.
#[pyfunction]
#[pyo3(signature = (segments, weights, *, electrode, within, signals))]
pub fn report(
    py: Python<'_>,
    segments: PathBuf,
    weights: PathBuf,
    electrode: Option<String>,
    within: Option<f64>,
    signals: Option<PathBuf>,
) -> PyResult<(String, Vec<String>)> {
    work::run(py, None, |_| {
        let report = html_report::build_report(&ReportRequest {
            table: &segments,
            weights: &weights,
            electrode: electrode.as_deref(),
            within_um: within.unwrap_or(html_report::DEFAULT_VIEW_HALF_SIDE_UM),
            signals: signals.as_deref(),
            timings_s: &[],
        })?;
        let mut warnings: Vec<String> = report.assumptions.into_iter().collect();
        match report.figure {
            Ok(drawn) => warnings.extend(drawn.warnings.iter().map(ToString::to_string)),
            Err(reason) => warnings.push(format!("no pictures: {reason}")),
        }
        Ok((report.html, warnings))
    })
}
