//! Weights: of a table into memory or into an electrodes file, and of own arrays.

use std::path::PathBuf;
use std::time::Instant;

use leadfield::electrodes::lead_field_files::{FieldPlacement, NamedFieldFile};
use leadfield::error::Context;
use leadfield::io::atomic_output::check_not_an_input;
use leadfield::lead_field::OutsideField;
use leadfield::methods::medium::Conductivity;
use leadfield::methods::own_arrays::SegmentArrays;
use leadfield::methods::{METHODS, NearField};
use leadfield::sonata::electrodes_file::PopulationLayout;
use leadfield::weights::{Weights, WeightsSummary, check_output, write_given_weights};
use numpy::{IntoPyArray, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::circuit::choose;
use super::electrodes::{ElectrodeList, read_rows};
use super::errors::OrRaise;
use super::table::{SegmentTable, overwrite_policy};
use super::work;

/// The names of the methods, each with one sentence.
#[pyfunction]
pub fn method_names() -> Vec<(&'static str, &'static str)> {
    METHODS.iter().map(|method| (method.name(), method.summary())).collect()
}

/// How weights are computed, as a dictionary.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct WeightsArguments {
    /// Each one number, or three separated by commas, S/m.
    conductivities: Vec<String>,
    near_field: String,
    fields: Vec<PathBuf>,
    /// Lead fields by name.
    named_fields: Vec<(String, PathBuf)>,
    outside_field: String,
    field_current: Option<f64>,
    field_transform: Option<String>,
}

impl WeightsArguments {
    /// Adds the settings.
    pub fn add_to<'a>(&self, mut weights: Weights<'a>) -> PyResult<Weights<'a>> {
        let parse = |text: &String| text.parse::<Conductivity>().in_item("conductivity");
        let conductivities = self.conductivities.iter().map(parse).collect::<Result<Vec<_>, _>>().or_raise()?;
        let near_fields = [("radius", NearField::ClampToRadius), ("exact", NearField::Unclamped)];
        let outside = [("error", OutsideField::Error), ("zero", OutsideField::Zero)];
        let named =
            self.named_fields.iter().map(|(name, file)| NamedFieldFile { name: name.clone(), file: file.clone() });
        weights = weights
            .conductivities(conductivities)
            .near_field(choose("near_field", &self.near_field, &near_fields)?)
            .lead_fields(&self.fields)
            .named_lead_fields(named)
            .outside_field(choose("outside_field", &self.outside_field, &outside)?);
        if let Some(current) = self.field_current {
            weights = weights.field_current_na(current);
        }
        if let Some(text) = &self.field_transform {
            weights = weights.field_placement(text.parse::<FieldPlacement>().or_raise()?);
        }
        Ok(weights)
    }
}

/// Computes the weights of a table, of shape (segments, contacts), as float64 or float32; returns warnings too.
#[pyfunction]
#[pyo3(signature = (table, electrodes, arguments, single_precision, progress = None))]
pub fn weights<'py>(
    py: Python<'py>,
    table: PyRef<'py, SegmentTable>,
    electrodes: PyRef<'py, ElectrodeList>,
    arguments: WeightsArguments,
    single_precision: bool,
    progress: Option<&Bound<'py, PyAny>>,
) -> PyResult<(Bound<'py, PyAny>, Vec<String>)> {
    let prepared = arguments.add_to(Weights::new(&table.0, &electrodes.0))?;
    // one of the two is computed
    let (double, single, warnings) = work::run(py, progress, |watch| {
        let (stop, count) = (|| watch.is_stopped(), |n| watch.add_progress(n));
        let prepared = prepared.stop(&stop).progress(&count);
        let warnings = prepared.warnings()?;
        Ok(if single_precision {
            (None, prepared.compute::<f32>()?.pop(), warnings)
        } else {
            (prepared.compute::<f64>()?.pop(), None, warnings)
        })
    })?;
    let array = match (double, single) {
        (Some(values), _) => values.into_pyarray(py).into_any(),
        (None, values) => values.unwrap_or_default().into_pyarray(py).into_any(),
    };
    Ok((array, warnings))
}

/// Returns the seconds that the library takes for what [`weights`] computes: a measurement of what the bindings add.
#[pyfunction]
pub fn time_weights(
    py: Python<'_>,
    table: PyRef<'_, SegmentTable>,
    electrodes: PyRef<'_, ElectrodeList>,
    arguments: WeightsArguments,
) -> PyResult<f64> {
    let prepared = arguments.add_to(Weights::new(&table.0, &electrodes.0))?;
    work::run_short(py, || {
        let started = Instant::now();
        let values = prepared.compute::<f64>()?;
        let seconds = started.elapsed().as_secs_f64();
        drop(values);
        Ok(seconds)
    })
}

/// Computes the weights of own segments, of shape (segments, contacts).
#[pyfunction]
pub fn weights_of<'py>(
    py: Python<'py>,
    starts: PyReadonlyArray2<'py, f64>,
    ends: PyReadonlyArray2<'py, f64>,
    radii: PyReadonlyArray1<'py, f32>,
    electrodes: PyRef<'py, ElectrodeList>,
    arguments: WeightsArguments,
) -> PyResult<Bound<'py, PyAny>> {
    let (starts, ends) = (read_rows("starts", &starts)?, read_rows("ends", &ends)?);
    let radii: Vec<f32> = radii.as_array().iter().copied().collect();
    let prepared = arguments.add_to(Weights::without_table(&electrodes.0))?;
    let computed = work::run(py, None, |watch| {
        let stop = || watch.is_stopped();
        prepared.stop(&stop).compute_arrays(&SegmentArrays::new(&starts, &ends, &radii)?)
    })?;
    Ok(computed.into_pyarray(py).into_any())
}

/// Writes weights that were computed elsewhere into an electrodes file.
#[pyfunction]
#[pyo3(signature = (out, population, node_ids, offsets, weights, electrodes, *, overwrite))]
#[expect(clippy::too_many_arguments, reason = "the arguments of the Python function")]
pub fn save_weights(
    py: Python<'_>,
    out: PathBuf,
    population: String,
    node_ids: Vec<u64>,
    offsets: Vec<u64>,
    weights: PyReadonlyArray2<'_, f64>,
    electrodes: PyRef<'_, ElectrodeList>,
    overwrite: bool,
) -> PyResult<()> {
    let population = PopulationLayout { name: population, node_ids, offsets, ..PopulationLayout::default() };
    let (weights, electrodes) = (weights.as_array(), &electrodes.0);
    work::run_short(py, || write_given_weights(&out, overwrite_policy(overwrite), electrodes, population, weights))
}

/// Writes an electrodes file; returns a summary and warnings.
#[pyfunction]
#[pyo3(signature = (tables, electrodes, out, arguments, *, resume, overwrite, progress))]
#[expect(clippy::too_many_arguments, reason = "the arguments of the Python function")]
pub fn write_weights<'py>(
    py: Python<'py>,
    tables: Vec<PyRef<'py, SegmentTable>>,
    electrodes: PyRef<'py, ElectrodeList>,
    out: PathBuf,
    arguments: WeightsArguments,
    resume: bool,
    overwrite: bool,
    progress: Option<&Bound<'py, PyAny>>,
) -> PyResult<(Bound<'py, PyDict>, Vec<String>)> {
    let (mut rest, mut prepared) = (tables.iter(), Weights::without_table(&electrodes.0));
    rest.by_ref().for_each(|table| prepared = prepared.clone().add_table(&table.0));
    prepared = arguments.add_to(prepared)?;
    if resume {
        prepared = prepared.resume();
    }
    if overwrite {
        prepared = prepared.overwrite();
    }
    let inputs: Vec<PathBuf> = tables.iter().map(|table| table.0.path().to_path_buf()).collect();
    let (summary, warnings) = work::run(py, progress, |watch| {
        check_not_an_input(&out, inputs.iter().chain(&arguments.fields).map(PathBuf::as_path))?;
        check_output(&out, overwrite_policy(overwrite), resume)?;
        let (stop, count) = (|| watch.is_stopped(), |n| watch.add_progress(n));
        let prepared = prepared.stop(&stop).progress(&count);
        let warnings = prepared.warnings()?;
        Ok((prepared.write(&out)?, warnings))
    })?;
    let WeightsSummary { contacts, neurons, segments, bytes, parts, resumed_parts, damaged_parts } = summary;
    let entries = PyDict::new(py);
    let numbers = [
        ("contacts", contacts),
        ("neurons", neurons),
        ("segments", segments),
        ("bytes", bytes),
        ("parts", parts),
        ("resumed_parts", resumed_parts),
        ("damaged_parts", damaged_parts),
    ];
    numbers.into_iter().try_for_each(|(key, number)| entries.set_item(key, number))?;
    Ok((entries, warnings))
}
