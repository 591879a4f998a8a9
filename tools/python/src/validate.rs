//! Validation of electrodes files, and comparison of two.

use std::path::PathBuf;

use leadfield::Result;
use leadfield::circuit::{BadNeuronPolicy, CircuitRequest, SegmentationPlan};
use leadfield::sonata::electrodes_file::{self, ColumnRule};
use leadfield::units::SiemensPerMeter;
use leadfield::validate::Tolerance;
use leadfield::validate::electrodes_file::{
    Code, ExpectedNodes, Finding, ReferenceSegments, ValidationRequest, validate,
};
use leadfield::validate::weights::{
    CauseEvidence, ContactComparison, ExtraColumn, WeightsComparison, WeightsOptions, compare, find_causes,
    pair_populations,
};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::circuit::choose;
use super::table::SegmentTable;
use super::work;

/// Returns code, severity, title, effect on clients, and remedy of all findings that are looked for.
#[pyfunction]
pub fn finding_codes() -> Vec<(String, &'static str, &'static str, String, &'static str)> {
    let describe = |code: &Code| {
        let about = code.description();
        (about.code.to_string(), about.severity.name(), about.title, about.clients(), about.remedy)
    };
    Code::ALL.iter().map(describe).collect()
}

/// Validates an electrodes file; returns its findings as dictionaries.
#[pyfunction]
#[pyo3(signature = (path, *, circuit, population, segments, conductivity, progress))]
pub fn validate_electrodes_file<'py>(
    py: Python<'py>,
    path: PathBuf,
    circuit: Option<PathBuf>,
    population: Option<String>,
    segments: Option<PyRef<'py, SegmentTable>>,
    conductivity: Option<f64>,
    progress: Option<&Bound<'py, PyAny>>,
) -> PyResult<Vec<Bound<'py, PyDict>>> {
    let table = segments.map(|table| table.0.clone());
    let report = work::run(py, progress, |watch| {
        let mut expected = Vec::new();
        if let Some(config) = &circuit {
            expected.push(nodes_of_circuit(config, population.as_deref())?);
        }
        if let Some(table) = &table {
            expected.push(ExpectedNodes {
                source: table.path().display().to_string(),
                population: table.metadata().population.clone(),
                segment_counts: table.neurons()?.iter().map(|n| (n.node_id, n.segments)).collect(),
            });
        }
        validate(&ValidationRequest {
            segments: table.as_deref().map(ReferenceSegments::Table),
            conductivity: conductivity.map(SiemensPerMeter::new).transpose()?,
            progress: &|n| watch.add_progress(n),
            ..ValidationRequest::new(&path, &expected)
        })
    })?;
    let entry = |finding: &Finding| {
        let about = finding.code.description();
        let entry = PyDict::new(py);
        entry.set_item("code", about.code)?;
        entry.set_item("severity", finding.severity().name())?;
        entry.set_item("title", about.title)?;
        entry.set_item("text", finding.to_string())?;
        entry.set_item("clients", about.clients())?;
        entry.set_item("remedy", finding.remedy())?;
        entry.set_item("fixable", finding.fixable)?;
        Ok(entry)
    };
    report.findings.iter().map(entry).collect()
}

/// Returns the nodes of a circuit, with their numbers of segments.
fn nodes_of_circuit(config: &std::path::Path, population: Option<&str>) -> Result<ExpectedNodes> {
    let request = CircuitRequest { population, on_bad_neuron: BadNeuronPolicy::Skip, ..CircuitRequest::new(config) };
    let plan = SegmentationPlan::open(&request)?;
    Ok(ExpectedNodes {
        source: config.display().to_string(),
        population: plan.population().into(),
        segment_counts: plan.neurons().iter().map(|n| (n.node_id, n.segments)).collect(),
    })
}

/// Compares two electrodes files; returns whether they agree, and one dictionary for each population.
#[pyfunction]
#[pyo3(signature = (a, b, *, rtol, atol, ignore_extra_column, columns, population, segments, progress))]
#[expect(clippy::too_many_arguments, reason = "the keyword arguments of the Python function")]
#[expect(clippy::type_complexity, reason = "the tuple that Python gets")]
pub fn compare_weights<'py>(
    py: Python<'py>,
    a: PathBuf,
    b: PathBuf,
    rtol: f64,
    atol: f64,
    ignore_extra_column: bool,
    columns: &str,
    population: Option<(String, String)>,
    segments: Option<PyRef<'py, SegmentTable>>,
    progress: Option<&Bound<'py, PyAny>>,
) -> PyResult<(bool, [Vec<String>; 2], Vec<Bound<'py, PyDict>>)> {
    let rules = [("index", ColumnRule::Index), ("sorted-names", ColumnRule::SortedNames)];
    let options = WeightsOptions {
        tolerance: Tolerance { rtol, atol },
        extra_column: if ignore_extra_column { ExtraColumn::Ignore } else { ExtraColumn::Compare },
        column_rule: choose("columns", columns, &rules)?,
    };
    let table = segments.map(|table| table.0.clone());
    let (only_in, compared) = work::run(py, progress, |watch| {
        let files = (electrodes_file::ElectrodesFile::open(&a)?, electrodes_file::ElectrodesFile::open(&b)?);
        let named = population.as_ref().map(|(p, q)| (p.as_str(), q.as_str()));
        let pairing = pair_populations(&files.0, &files.1, named)?;
        let mut compared = Vec::new();
        for &(p, q) in &pairing.pairs {
            let found = compare((&files.0, p), (&files.1, q), &options, &|n| watch.add_progress(n))?;
            let evidence = CauseEvidence { segments: table.as_deref(), branches: None };
            let causes = match found.agrees() {
                true => Vec::new(),
                false => find_causes((&files.0, p), (&files.1, q), &options, &evidence, &found)?,
            };
            compared.push((found, causes.iter().map(ToString::to_string).collect::<Vec<String>>()));
        }
        Ok((pairing.only_in, compared))
    })?;
    let agrees = only_in.iter().all(Vec::is_empty) && compared.iter().all(|(found, _)| found.agrees());
    let entries = compared.into_iter().map(|(found, causes)| comparison_entry(py, &found, causes));
    Ok((agrees, only_in, entries.collect::<PyResult<_>>()?))
}

fn comparison_entry<'py>(
    py: Python<'py>,
    found: &WeightsComparison,
    causes: Vec<String>,
) -> PyResult<Bound<'py, PyDict>> {
    let entry = PyDict::new(py);
    entry.set_item("population", found.populations.clone())?;
    entry.set_item("agrees", found.agrees())?;
    entry.set_item("nodes", found.nodes)?;
    entry.set_item("rows", found.rows)?;
    entry.set_item("nodes_only_in", found.nodes_only_in.clone())?;
    entry.set_item("electrodes_only_in", found.contacts_only_in.clone())?;
    entry.set_item("extra_columns", found.extra_columns)?;
    let units = found.unit_mismatches.iter().map(|mismatch| mismatch.contact.clone());
    entry.set_item("units_differ", units.collect::<Vec<_>>())?;
    let counts = found.segment_counts.iter().map(|counts| (counts.node, counts.segments));
    entry.set_item("segment_counts_differ", counts.collect::<Vec<_>>())?;
    let contact = |e: &ContactComparison| {
        let contact = PyDict::new(py);
        contact.set_item("name", &e.name)?;
        contact.set_item("outside", e.outside_count)?;
        contact.set_item("largest_absolute", e.largest_absolute.map_or(0.0, |d| d.value))?;
        contact.set_item("largest_relative", e.largest_relative.map_or(0.0, |d| d.value))?;
        Ok(contact)
    };
    entry.set_item("electrodes", found.contacts.iter().map(contact).collect::<PyResult<Vec<_>>>()?)?;
    entry.set_item("causes", causes)?;
    Ok(entry)
}
