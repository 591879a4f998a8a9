//! Circuits: populations, nodes, node sets, templates, and the writing of segment tables.

use std::path::PathBuf;

use leadfield::circuit::hoc::AxonReplacement;
use leadfield::circuit::placement::{CountChecks, StubPlacement};
use leadfield::circuit::synthetic::{self, CircuitSpec, SyntheticReport};
use leadfield::circuit::{
    self, BadNeuronPolicy, CircuitRequest, Discretisation, PopulationTables, SegmentTableOptions,
};
use leadfield::geometry::EulerOrder;
use leadfield::io::resumable_output::RunSettings;
use leadfield::segments::table::Precision;
use leadfield::sonata::config::SonataConfig;
use numpy::{IntoPyArray, PyArray1};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::arrow::Rows;
use super::errors::OrRaise;
use super::table::overwrite_policy;
use super::work;

/// A circuit or simulation configuration.
#[pyclass(frozen, module = "leadfield._leadfield")]
pub struct Circuit(circuit::Circuit);

/// Returns the value of a choice; the exception lists the choices.
pub fn choose<T: Copy>(argument: &str, given: &str, choices: &[(&str, T)]) -> PyResult<T> {
    let found = choices.iter().find(|(name, _)| *name == given).map(|(_, value)| *value);
    found.ok_or_else(|| {
        let known: Vec<String> = choices.iter().map(|(name, _)| format!("`{name}`")).collect();
        PyValueError::new_err(format!("{argument}: unknown, expected one of {}, found `{given}`", known.join(", ")))
    })
}

/// Returns the value of a choice that need not be made.
pub fn choose_if_given<T: Copy>(argument: &str, given: Option<&str>, choices: &[(&str, T)]) -> PyResult<Option<T>> {
    given.map(|given| choose(argument, given, choices)).transpose()
}

const AXON_RULES: [(&str, AxonReplacement); 5] = [
    ("taper", AxonReplacement::Taper),
    ("legacy", AxonReplacement::Legacy),
    ("bluepyopt", AxonReplacement::BluePyOpt),
    ("delete", AxonReplacement::Delete),
    ("keep", AxonReplacement::Keep),
];

const AXON_PLACEMENTS: [(&str, StubPlacement); 3] = [
    ("arc", StubPlacement::Arc),
    ("bluerecording", StubPlacement::BlueRecording),
    ("bluerecording-0.2", StubPlacement::BlueRecording02),
];

#[pymethods]
impl Circuit {
    #[new]
    fn open(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        work::run_short(py, || circuit::Circuit::open(path)).map(Self)
    }

    /// The path of the configuration.
    #[getter]
    fn path(&self) -> PathBuf {
        self.0.path().to_path_buf()
    }

    /// The names of the populations that have segments.
    #[getter]
    fn populations(&self) -> Vec<String> {
        self.0.populations().to_vec()
    }

    /// Returns the name and the type of all populations.
    fn population_types(&self, py: Python<'_>) -> PyResult<Vec<(String, String)>> {
        let populations = work::run_short(py, || self.0.all_populations())?;
        Ok(populations.into_iter().map(|population| (population.name, population.kind)).collect())
    }

    /// Returns the names of the node sets.
    fn node_set_names(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        work::run_short(py, || self.0.node_set_names())
    }

    /// Returns the ids of a node set.
    #[pyo3(signature = (name, population = None))]
    fn node_set<'py>(
        &self,
        py: Python<'py>,
        name: &str,
        population: Option<&str>,
    ) -> PyResult<Bound<'py, PyArray1<u64>>> {
        Ok(work::run_short(py, || self.0.node_set(name, population))?.into_pyarray(py))
    }

    /// Returns node ids and attributes as rows.
    #[pyo3(signature = (population = None, columns = Vec::new()))]
    fn nodes(&self, py: Python<'_>, population: Option<&str>, columns: Vec<String>) -> PyResult<Rows> {
        let batch = work::run_short(py, || self.0.nodes(population)?.to_record_batch(&columns))?;
        Ok(Rows::new(batch.schema(), vec![batch]))
    }

    /// Returns the templates: name, number of nodes, axon rule and chunk length, or the reason why it cannot be read.
    #[pyo3(signature = (population = None))]
    fn templates<'py>(&self, py: Python<'py>, population: Option<&str>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let templates = work::run_short(py, || self.0.templates(population))?;
        let describe = |template: circuit::TemplateUse| {
            let entry = PyDict::new(py);
            entry.set_item("name", template.name)?;
            entry.set_item("nodes", template.node_count)?;
            let rule = template.rule.as_ref().ok();
            entry.set_item("axon_rule", rule.map(|rule| rule.axon_replacement.name()))?;
            entry.set_item("segment_length_um", rule.map(|rule| rule.chunk_um))?;
            entry.set_item("error", template.rule.as_ref().err().map(ToString::to_string))?;
            Ok(entry)
        };
        templates.into_iter().map(describe).collect()
    }

    /// Writes the segment table of a population, or of all; returns the populations and the warnings.
    #[pyo3(signature = (out, *, population, node_set, report, discretisation, axon_rule, segment_length, axon_placement,
        euler_order, skip_bad_neurons, any_discretisation, precision, segments_per_part, resume, overwrite, progress))]
    #[expect(clippy::too_many_arguments, reason = "the keyword arguments of the Python function")]
    fn write_segments(
        &self,
        py: Python<'_>,
        out: PathBuf,
        population: Option<String>,
        node_set: Option<String>,
        report: Option<String>,
        discretisation: Option<&str>,
        axon_rule: Option<&str>,
        segment_length: Option<f64>,
        axon_placement: &str,
        euler_order: Option<&str>,
        skip_bad_neurons: bool,
        any_discretisation: bool,
        precision: &str,
        segments_per_part: Option<u64>,
        resume: bool,
        overwrite: bool,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<(Vec<String>, Vec<String>)> {
        let sources = [("report", Discretisation::Report), ("rule", Discretisation::Rule)];
        let discretisation = choose_if_given("discretisation", discretisation, &sources)?;
        let axon_replacement = choose_if_given("axon_rule", axon_rule, &AXON_RULES)?;
        let stub_placement = choose("axon_placement", axon_placement, &AXON_PLACEMENTS)?;
        let orders = [("sonata", EulerOrder::Sonata), ("neurodamus", EulerOrder::Neurodamus)];
        let euler_order = choose_if_given("euler_order", euler_order, &orders)?;
        let precision = choose("precision", precision, &[("f64", Precision::F64), ("f32", Precision::F32)])?;
        let default = SegmentTableOptions::default();
        let options = SegmentTableOptions {
            stub_placement,
            precision,
            segments_per_part: segments_per_part.unwrap_or(default.segments_per_part),
            ..default
        };
        let existing = overwrite_policy(overwrite);
        work::run(py, progress, |watch| {
            circuit::check_output(&out, existing, resume)?;
            let tables = PopulationTables::open(&CircuitRequest {
                node_set: node_set.as_deref(),
                population: population.as_deref(),
                report: report.as_deref(),
                discretisation,
                axon_replacement,
                segment_length_um: segment_length,
                euler_order,
                count_checks: if any_discretisation { CountChecks::SectionsOnly } else { CountChecks::default() },
                on_bad_neuron: if skip_bad_neurons { BadNeuronPolicy::Skip } else { BadNeuronPolicy::Error },
                ..CircuitRequest::new(self.0.path())
            })?;
            let mut warnings: Vec<String> = tables.plans.iter().filter_map(|plan| plan.assumption()).collect();
            warnings.dedup();
            warnings.extend(tables.plans.iter().flat_map(|plan| plan.warnings(euler_order.is_some())));
            let (is_stopped, on_progress) = (|| watch.is_stopped(), |n| watch.add_progress(n));
            let settings = RunSettings { existing, resume, is_stopped: &is_stopped, on_progress: &on_progress };
            tables.write(&out, &options, &settings)?;
            let populations = tables.plans.iter().map(|plan| plan.population().to_string()).collect();
            Ok((populations, warnings))
        })
    }

    /// Returns whether the file is a simulation configuration.
    fn is_simulation(&self) -> PyResult<bool> {
        Ok(matches!(SonataConfig::open(self.0.path()).or_raise()?, SonataConfig::Simulation(_)))
    }
}

/// Writes a synthetic circuit into a folder; returns its number of segments.
#[pyfunction]
#[pyo3(signature = (folder, *, cells, seed, morphologies, with_report, current_frames, radius, height, overwrite, progress))]
#[expect(clippy::too_many_arguments, reason = "the keyword arguments of the Python function")]
pub fn synthesize_circuit(
    py: Python<'_>,
    folder: PathBuf,
    cells: usize,
    seed: u64,
    morphologies: Option<usize>,
    with_report: bool,
    current_frames: Option<usize>,
    radius: f64,
    height: f64,
    overwrite: bool,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<u64> {
    let spec = CircuitSpec {
        cells,
        seed,
        morphologies: morphologies.unwrap_or_else(|| CircuitSpec::default_morphologies(cells)),
        radius_um: radius,
        height_um: height,
        report: match current_frames {
            Some(frames) => SyntheticReport::Currents { frames },
            None if with_report => SyntheticReport::OneFrame,
            None => SyntheticReport::None,
        },
    };
    work::run(py, progress, |watch| {
        let written = synthetic::write(&spec, &folder, overwrite_policy(overwrite), &mut |n| watch.add_progress(n))?;
        Ok(written.segments)
    })
}
