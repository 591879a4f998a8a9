//! Signals: into memory, into a file, and as pictures.

use std::path::PathBuf;

use leadfield::Result;
use leadfield::error::{Context, FileProblem};
use leadfield::geometry::Point;
use leadfield::io::atomic_output::check_not_an_input;
use leadfield::io::ranks::Ranks;
use leadfield::io::resumable_output::RunSettings;
use leadfield::plot::figures::signals::{
    SignalFigureKind, SignalSelection, SignalTraces, SignalsPlot, plot_signals as draw_signals,
};
use leadfield::segments::table::SegmentTable as Table;
use leadfield::signals::output::{
    ColumnShape, SignalFormat, SignalFormatProblem, SignalsRequest, ValueType, check_output,
    write_signals as write_file,
};
use leadfield::signals::{
    CurrentKind, CurrentReport, Grouping, GroupingProblem, MissingNodes, PopulationNodes, SignalReference, SignalUnit,
    Signals, SignalsBuilder, StatedUnit, TimeSelection, open_circuit, resolve_node_set,
};
use leadfield::sonata::config::SonataConfig;
use leadfield::sonata::electrodes_file::ElectrodesFile;
use leadfield::units::SiemensPerMeter;
use leadfield::weights::{SegmentSource, Weights};
use numpy::{IntoPyArray, PyArrayMethods, PyReadonlyArray2};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::circuit::{choose, choose_if_given};
use super::electrodes::{ElectrodeList, read_points};
use super::errors::OrRaise;
use super::table::{SegmentTable, overwrite_policy};
use super::weights::WeightsArguments;
use super::work::{self, Watch};
use crate::cli::output::write_signal_columns;

/// The settings of signals, as a dictionary.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct SignalsArguments<'py> {
    reports: Vec<PathBuf>,
    weights: Option<PathBuf>,
    tables: Vec<PyRef<'py, SegmentTable>>,
    electrodes: Option<PyRef<'py, ElectrodeList>>,
    settings: WeightsArguments,
    circuit: Option<PathBuf>,
    density: bool,
    by: Option<String>,
    by_node_sets: Option<Vec<String>>,
    node_set: Option<String>,
    /// Names of the contacts to use; none for all.
    contacts: Vec<String>,
    allow_missing: bool,
    start: Option<f64>,
    end: Option<f64>,
    stride: Option<f64>,
    reference: Option<String>,
    unit: String,
    block_frames: Option<usize>,
}

/// The settings of signals, without Python's objects.
struct Request<'a> {
    reports: &'a [PathBuf],
    weights: Option<&'a PathBuf>,
    tables: Vec<&'a Table>,
    /// Configures the electrodes, if there are any.
    electrodes: Option<Weights<'a>>,
    circuit: Option<&'a PathBuf>,
    by: Option<&'a str>,
    by_node_sets: Option<&'a [String]>,
    node_set: Option<&'a str>,
    contacts: &'a [String],
    times: TimeSelection,
    reference: SignalReference,
    unit: SignalUnit,
    currents: CurrentKind,
    missing: MissingNodes,
    block_frames: Option<usize>,
}

/// The most neurons whose net currents a warning states.
const MAX_NAMED_NEURONS: usize = 3;

const UNITS: [(&str, SignalUnit); 3] =
    [("V", SignalUnit::Volt), ("mV", SignalUnit::Millivolt), ("uV", SignalUnit::Microvolt)];

impl SignalsArguments<'_> {
    fn to_request(&self) -> PyResult<Request<'_>> {
        let tables: Vec<&Table> = self.tables.iter().map(|table| &*table.0).collect();
        let electrodes = self.electrodes.as_ref().map(|electrodes| {
            let weights = Weights::without_table(&electrodes.0);
            let weights = tables.iter().fold(weights, |weights, table| weights.add_table(table));
            self.settings.add_to(weights)
        });
        Ok(Request {
            reports: &self.reports,
            weights: self.weights.as_ref(),
            electrodes: electrodes.transpose()?,
            tables,
            circuit: self.circuit.as_ref(),
            by: self.by.as_deref(),
            by_node_sets: self.by_node_sets.as_deref(),
            node_set: self.node_set.as_deref(),
            contacts: &self.contacts,
            times: TimeSelection { start_ms: self.start, end_ms: self.end, stride_ms: self.stride },
            reference: self.reference.as_deref().map(SignalReference::from_text).unwrap_or_default(),
            unit: choose("unit", &self.unit, &UNITS)?,
            currents: if self.density { CurrentKind::Density } else { CurrentKind::Current },
            missing: if self.allow_missing { MissingNodes::LeaveOut } else { MissingNodes::Refuse },
            block_frames: self.block_frames,
        })
    }
}

/// What was found out about the inputs.
struct Inspected {
    /// Whether the reports have potentials.
    is_online: bool,
    /// What may be wrong with the contacts.
    warnings: Vec<String>,
}

impl Request<'_> {
    /// Opens the inputs, and hands over the prepared signals.
    fn with_signals<T>(&self, use_signals: impl FnOnce(&Signals<'_>, &Inspected) -> Result<T>) -> Result<T> {
        if let Some(circuit) = self.circuit {
            std::fs::metadata(circuit).map_err(FileProblem::Read).in_file(circuit)?;
        }
        let mut reports = Vec::new();
        for path in self.reports {
            reports.extend(CurrentReport::open_all(path)?);
        }
        let file = self.weights.map(|path| ElectrodesFile::open(path)).transpose()?;
        let configured = self.electrodes.as_ref().map_or(Ok(Vec::new()), Weights::configured)?;
        let sources: Vec<&dyn SegmentSource> = self.tables.iter().map(|&table| table as &dyn SegmentSource).collect();
        let builder = Signals::from_inputs(&reports, file.as_ref(), &sources, &configured)?;
        let is_online = builder.is_online();
        let circuit = || open_circuit(self.circuit.map(PathBuf::as_path), &sources, file.as_ref());
        let signals = self.add_settings(builder, &reports, &circuit)?.prepare()?;
        signals.check_reference_is_clear().in_item("reference")?;
        let warnings = self.electrodes.as_ref().filter(|_| !is_online).map_or(Ok(Vec::new()), Weights::warnings)?;
        use_signals(&signals, &Inspected { is_online, warnings })
    }

    fn add_settings<'s>(
        &self,
        builder: SignalsBuilder<'s>,
        reports: &[CurrentReport],
        circuit: &dyn Fn() -> Result<SonataConfig>,
    ) -> Result<SignalsBuilder<'s>> {
        let populations: Vec<PopulationNodes<'_>> = reports.iter().map(|r| (r.population(), r.node_ids())).collect();
        let grouping = match (self.by, self.by_node_sets) {
            (None, None) => Grouping::Total,
            (None, Some(names)) => Grouping::by_node_sets(&circuit().in_item("by")?, &populations, names)?,
            (Some("population"), _) => Grouping::Population,
            (Some("node"), _) => Grouping::Node,
            (Some("section_type"), _) => Grouping::SectionType,
            (Some(names), _) => {
                let grouping = Grouping::by_attribute_or_node_sets(&circuit().in_item("by")?, &populations, names);
                grouping.map_err(|error| match error.problem::<GroupingProblem>() {
                    Some(GroupingProblem::Unknown { .. }) => error.in_item("by"),
                    _ => error,
                })?
            }
        };
        let resolve = |name| resolve_node_set(&circuit().in_item("node_set")?, &populations, name);
        let builder = builder
            .group_by(grouping)
            .nodes(self.node_set.map(resolve).transpose()?)
            .contacts(self.contacts)
            .times(self.times)
            .reference(self.reference.clone())
            .unit(self.unit)
            .missing_nodes(self.missing)
            .currents(self.currents);
        Ok(match self.block_frames {
            Some(frames) => builder.block_frames(frames),
            None => builder,
        })
    }
}

/// The description of the values, for Python.
struct Description {
    times_ms: Vec<f64>,
    step_ms: f64,
    names: Vec<String>,
    /// NaN where a position is unknown.
    positions_um: Vec<[f64; 3]>,
    kinds: Vec<String>,
    units: Vec<String>,
    groups: Vec<String>,
    is_total: bool,
    /// Population and node id of each group by node.
    nodes: Vec<(String, u64)>,
    is_online: bool,
    contact_warnings: Vec<String>,
    neurons: u64,
    elements: u64,
    /// Number of nodes that are left out, and the names of the first.
    left_out: Option<(usize, String)>,
    ungrouped: u64,
    /// Population, node id, net current in nA, time in ms.
    imbalances: Vec<(String, u64, f64, f64)>,
    /// A warning of these neurons, and a text for each.
    imbalance_warning: Option<(String, Vec<String>)>,
    /// A warning of a stated unit of densities.
    unit_warning: Option<String>,
}

impl Description {
    /// Describes signals whose values are computed.
    fn new(signals: &Signals<'_>, &Inspected { is_online, ref warnings }: &Inspected) -> Self {
        let estimate = signals.estimate();
        let population = |report: usize| signals.reports().get(report).map_or("", CurrentReport::population);
        let imbalances = signals.imbalances();
        let named = imbalances.iter().take(MAX_NAMED_NEURONS).map(ToString::to_string).collect();
        let takes_currents = signals.current_kind() == CurrentKind::Current && !is_online;
        let stated = takes_currents.then(|| StatedUnit::find(signals.reports())).flatten();
        Self {
            times_ms: signals.times_ms().to_vec(),
            step_ms: signals.step_ms(),
            names: signals.contacts().iter().map(|contact| contact.name.clone()).collect(),
            positions_um: signals
                .contacts()
                .iter()
                .map(|contact| contact.position_um.map_or([f64::NAN; 3], |point| point.to_array()))
                .collect(),
            kinds: signals.contacts().iter().map(|contact| contact.kind.clone()).collect(),
            units: signals.units().into_iter().map(str::to_string).collect(),
            groups: signals.groups().to_vec(),
            is_total: signals.is_total(),
            nodes: signals.nodes().iter().map(|&(report, node)| (population(report).to_string(), node)).collect(),
            is_online,
            contact_warnings: warnings.clone(),
            neurons: estimate.neurons,
            elements: estimate.elements,
            left_out: signals.describe_left_out().map(|named| (signals.left_out_nodes().len(), named)),
            ungrouped: signals.ungrouped_nodes(),
            imbalance_warning: signals.imbalance_warning().map(|text| (text, named)),
            unit_warning: stated.filter(|stated| stated.is_density).map(|stated| stated.to_string()),
            imbalances: imbalances.into_iter().map(|n| (n.population, n.node_id, n.net_na, n.time_ms)).collect(),
        }
    }

    fn into_dict(self, py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
        let entries = PyDict::new(py);
        entries.set_item("times", self.times_ms.into_pyarray(py))?;
        entries.set_item("step", self.step_ms)?;
        entries.set_item("electrode_names", self.names)?;
        entries.set_item("positions", ndarray::Array2::from(self.positions_um).into_pyarray(py))?;
        entries.set_item("types", self.kinds)?;
        entries.set_item("units", self.units)?;
        entries.set_item("groups", (!self.is_total).then_some(self.groups))?;
        entries.set_item("nodes", self.nodes)?;
        entries.set_item("is_online", self.is_online)?;
        entries.set_item("contact_warnings", self.contact_warnings)?;
        entries.set_item("neurons", self.neurons)?;
        entries.set_item("segments", self.elements)?;
        entries.set_item("left_out", self.left_out)?;
        entries.set_item("ungrouped", self.ungrouped)?;
        entries.set_item("imbalances", self.imbalances)?;
        entries.set_item("imbalance_warning", self.imbalance_warning)?;
        entries.set_item("unit_warning", self.unit_warning)?;
        Ok(entries)
    }
}

/// A value of an array.
trait ArrayValue: Copy + Send {
    fn from_sum(sum: f64) -> Self;
}

impl ArrayValue for f64 {
    fn from_sum(sum: f64) -> Self {
        sum
    }
}

impl ArrayValue for f32 {
    fn from_sum(sum: f64) -> Self {
        sum as Self
    }
}

/// The array does not fit into memory.
#[derive(Debug, thiserror::Error)]
#[error("too little memory for the signals, expected {0} bytes to be free")]
struct TooLarge(u64);

impl leadfield::error::Problem for TooLarge {
    fn kind(&self) -> leadfield::error::ErrorKind {
        leadfield::error::ErrorKind::NoSpace
    }

    fn hint(&self) -> Option<String> {
        Some("`write_signals` needs no memory for the whole result".into())
    }
}

/// Computes all frames, row-major of shape (frames, groups, contacts), block by block.
fn compute_array<T: ArrayValue>(signals: &Signals<'_>, watch: &Watch) -> Result<Vec<T>> {
    let shape = (signals.times_ms().len(), signals.groups().len(), signals.contacts().len());
    let count = shape.0 * shape.1 * shape.2;
    let mut values: Vec<T> = Vec::new();
    values.try_reserve_exact(count).map_err(|_| TooLarge((count * size_of::<T>()) as u64))?;
    for first in (0..shape.0).step_by(signals.block_frames()) {
        let frames = first..shape.0.min(first + signals.block_frames());
        let block = signals.compute_frames(frames, &|| watch.is_stopped(), &|n| watch.add_progress(n))?;
        values.extend(block.values.iter().map(|&sum| T::from_sum(sum)));
    }
    Ok(values)
}

/// Computes signals; returns an array of shape (frames, groups, contacts), and its description.
#[pyfunction]
#[pyo3(signature = (arguments, single_precision, progress = None))]
pub fn signals<'py>(
    py: Python<'py>,
    arguments: SignalsArguments<'py>,
    single_precision: bool,
    progress: Option<&Bound<'py, PyAny>>,
) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyDict>)> {
    let request = arguments.to_request()?;
    // one of the two is computed
    let (double, single, description) = work::run(py, progress, |watch| {
        request.with_signals(|signals, inspected| {
            let (mut double, mut single) = (None, None);
            if single_precision {
                single = Some(compute_array::<f32>(signals, watch)?);
            } else {
                double = Some(compute_array::<f64>(signals, watch)?);
            }
            Ok((double, single, Description::new(signals, inspected)))
        })
    })?;
    let shape = [description.times_ms.len(), description.groups.len(), description.names.len()];
    let array = match (double, single) {
        (Some(values), _) => values.into_pyarray(py).reshape(shape)?.into_any(),
        (None, values) => values.unwrap_or_default().into_pyarray(py).reshape(shape)?.into_any(),
    };
    Ok((array, description.into_dict(py)?))
}

const FORMATS: [(&str, SignalFormat); 7] = [
    ("report", SignalFormat::Report),
    ("bmtk", SignalFormat::Bmtk),
    ("nwb", SignalFormat::Nwb),
    ("npy", SignalFormat::Npy),
    ("parquet", SignalFormat::Parquet),
    ("arrow", SignalFormat::Arrow),
    ("csv", SignalFormat::Csv),
];

/// Writes signals into a file; returns their description, and the numbers of units of work and of those that an earlier
/// run had done.
#[pyfunction]
#[pyo3(signature = (arguments, out, *, format, wide, single_precision, resume, overwrite, progress))]
#[expect(clippy::too_many_arguments, reason = "the keyword arguments of the Python function")]
pub fn write_signals<'py>(
    py: Python<'py>,
    arguments: SignalsArguments<'py>,
    out: PathBuf,
    format: Option<&str>,
    wide: bool,
    single_precision: bool,
    resume: bool,
    overwrite: bool,
    progress: Option<&Bound<'py, PyAny>>,
) -> PyResult<(Bound<'py, PyDict>, u64, u64)> {
    let format = choose_if_given("format", format, &FORMATS)?;
    let request = arguments.to_request()?;
    let inputs: Vec<PathBuf> = (request.reports.iter().chain(request.weights).cloned())
        .chain(request.tables.iter().map(|table| table.path().to_path_buf()))
        .collect();
    let value_type = if single_precision { ValueType::F32 } else { ValueType::F64 };
    let (description, units, resumed) = work::run(py, progress, |watch| {
        let format = format.map_or_else(|| SignalFormat::from_path(&out), Ok).in_file(&out)?;
        check_not_an_input(&out, inputs.iter().map(PathBuf::as_path))?;
        if resume && !format.is_laid_out() {
            return Err(SignalFormatProblem::Sequential(format.name())).in_file(&out);
        }
        if wide && format.is_laid_out() {
            return Err(SignalFormatProblem::NoColumns(format.name())).in_file(&out);
        }
        check_output(&out, overwrite_policy(overwrite), resume)?;
        let settings = RunSettings {
            existing: overwrite_policy(overwrite),
            resume,
            is_stopped: &|| watch.is_stopped(),
            on_progress: &|n| watch.add_progress(n),
        };
        request.with_signals(|signals, inspected| {
            let (mut units, mut resumed) = (0, 0);
            let request = SignalsRequest { signals, output: &out, format, value_type, settings };
            if format.is_laid_out() {
                let done = write_file(&request, &Ranks::default())?;
                (units, resumed) = (done.units, done.resumed);
            } else {
                let shape = if wide { ColumnShape::Wide } else { ColumnShape::Long };
                write_signal_columns(&request, Some(&out), shape)?;
            }
            Ok((Description::new(signals, inspected), units, resumed))
        })
    })?;
    Ok((description.into_dict(py)?, units, resumed))
}

/// How signals are drawn, as a dictionary.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct PictureArguments {
    figure: String,
    conductivity: f64,
    source_radius: f64,
    title: String,
}

impl PictureArguments {
    fn draw(
        &self,
        py: Python<'_>,
        traces: impl FnOnce() -> Result<SignalTraces> + Send,
    ) -> PyResult<(String, Vec<String>)> {
        let figures: [(&str, &[SignalFigureKind]); 6] = [
            ("all", &SignalFigureKind::ALL),
            ("traces", &[SignalFigureKind::Traces]),
            ("image", &[SignalFigureKind::Image]),
            ("csd", &[SignalFigureKind::Csd]),
            ("kcsd", &[SignalFigureKind::KernelCsd]),
            ("spectrum", &[SignalFigureKind::Spectrum]),
        ];
        let kinds = choose("figure", &self.figure, &figures)?;
        let conductivity = SiemensPerMeter::new(self.conductivity).in_item("conductivity").or_raise()?;
        work::run(py, None, |_| {
            let drawn = draw_signals(&SignalsPlot {
                traces: &traces()?,
                kinds,
                conductivity_s_per_m: conductivity.get(),
                source_radius_um: self.source_radius,
                title: &self.title,
            })?;
            Ok((drawn.figure.to_svg(), drawn.left_out))
        })
    }
}

/// Draws signals in memory, values of shape (frames, contacts); returns SVG, and why figures were left out.
#[pyfunction]
pub fn plot_traces(
    py: Python<'_>,
    times: Vec<f64>,
    names: Vec<String>,
    positions: PyReadonlyArray2<'_, f64>,
    values: PyReadonlyArray2<'_, f64>,
    unit: String,
    picture: PictureArguments,
) -> PyResult<(String, Vec<String>)> {
    let positions = read_points("positions", &positions)?;
    let is_known = |point: &Point| point.to_array().iter().all(|coordinate| coordinate.is_finite());
    let positions_um = if positions.iter().all(is_known) { positions } else { Vec::new() };
    let values: Vec<f64> = values.as_array().iter().copied().collect();
    let traces = SignalTraces { times_ms: times, contact_names: names, positions_um, values, unit, notes: Vec::new() };
    picture.draw(py, move || Ok(traces))
}

/// Draws the signals of a report; returns SVG, and why figures were left out.
#[pyfunction]
#[pyo3(signature = (report, electrodes, unit, contacts, group, picture))]
pub fn plot_signals(
    py: Python<'_>,
    report: PathBuf,
    electrodes: Option<PyRef<'_, ElectrodeList>>,
    unit: Option<String>,
    contacts: Vec<String>,
    group: Option<String>,
    picture: PictureArguments,
) -> PyResult<(String, Vec<String>)> {
    let electrodes = electrodes.as_ref().map(|list| &list.0[..]);
    picture.draw(py, move || {
        let selection = SignalSelection { contacts: &contacts, group: group.as_deref() };
        SignalTraces::read_selected(&report, electrodes, unit.as_deref(), &selection)
    })
}
