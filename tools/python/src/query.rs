//! Queries on a segment table.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use leadfield::circuit::{NodeCondition, TableCircuit};
use leadfield::electrodes::lead_field_files::FieldPlacement;
use leadfield::electrodes::{Electrode, csd_regions};
use leadfield::error::{Context, join_quoted};
use leadfield::geometry::Point;
use leadfield::geometry::region::{Capsule, Cuboid, Disk, Predicate, Region, RegionProblem, Slab, Sphere};
use leadfield::lead_field::{self, LeadField, LeadFieldRequest};
use leadfield::segments::SectionType;
use leadfield::segments::query::{ArrowRowStream, GroupKey, OwnedQuery, OwnedTarget, RowStream};
use leadfield::weights::WeightLookup;
use numpy::{IntoPyArray, PyArray1};
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use super::arrow::{Rows, schema_capsule, stream_capsule};
use super::circuit::choose_if_given;
use super::electrodes::ElectrodeList;
use super::errors::OrRaise;
use super::{processes, work};

/// The settings of a query, as a dictionary.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct QueryArguments<'py> {
    /// Regions: kind and numbers; `None` for everywhere.
    regions: Option<Vec<(String, Vec<f64>)>>,
    /// Point and number of neighbours.
    nearest: Option<([f64; 3], usize)>,
    electrodes: Option<PyRef<'py, ElectrodeList>>,
    within: Option<f64>,
    predicate: Option<String>,
    section_types: Option<Vec<String>>,
    node_ids: Option<Vec<u64>>,
    node_set: Option<String>,
    /// Attributes of the nodes, each with the values that it may have.
    conditions: Vec<(String, Vec<String>)>,
    circuit: Option<PathBuf>,
    /// Whether columns of the circuit are wanted.
    needs_circuit: bool,
    /// Electrodes file and contact whose weights are a column.
    weights: Option<(PathBuf, String)>,
    /// Lead field whose values are columns.
    field: Option<PathBuf>,
    field_transform: Option<String>,
    index: Option<PathBuf>,
    columns: Vec<String>,
    limit: Option<usize>,
}

impl QueryArguments<'_> {
    /// Builds the query.
    pub fn build(self, py: Python<'_>, mut query: OwnedQuery) -> PyResult<Query> {
        let predicates = [("midpoint", Predicate::Midpoint), ("intersects", Predicate::Intersects)];
        query.predicate =
            choose_if_given("predicate", self.predicate.as_deref(), &predicates)?.unwrap_or(Predicate::Midpoint);
        query.filter.section_types = self.section_types.map(|names| parse_section_types(&names)).transpose()?;
        let mut warnings = Vec::new();
        query.target = match (self.nearest, &self.electrodes) {
            (Some((point, k)), _) => {
                // a sphere checks that the point is finite and in range
                let point = Sphere::new(Point::from(point), 1.0).in_item("nearest").or_raise()?.center();
                OwnedTarget::Nearest(point, k)
            }
            (None, Some(electrodes)) => {
                let (mut regions, found) = contact_regions(&electrodes.0, self.within)?;
                if let Some((_, contact)) = &self.weights {
                    regions.retain(|(name, _)| name == contact);
                    if regions.is_empty() {
                        let known = join_quoted(electrodes.0.iter().map(|e| &e.name), 12);
                        let text = format!("electrode: unknown contact, expected one of {known}, found `{contact}`");
                        return Err(PyValueError::new_err(text));
                    }
                }
                warnings = found;
                OwnedTarget::Contacts(regions)
            }
            (None, None) => match &self.regions {
                None => OwnedTarget::Everywhere,
                Some(regions) => OwnedTarget::Regions(regions.iter().map(make_region).collect::<PyResult<_>>()?),
            },
        };
        let conditions: Vec<NodeCondition> =
            self.conditions.into_iter().map(|(attribute, values)| NodeCondition { attribute, values }).collect();
        let needs_circuit = self.needs_circuit || self.node_set.is_some() || !conditions.is_empty();
        let (circuit, node_set) = (self.circuit, self.node_set);
        let table = query.table.clone();
        let opened = work::run_short(py, || {
            let opened = needs_circuit.then(|| TableCircuit::open(circuit.as_deref(), &table)).transpose()?;
            let chosen = match &opened {
                Some(opened) => opened.select_nodes(node_set.as_deref(), &conditions)?,
                None => None,
            };
            Ok(opened.map(|opened| (opened, chosen)))
        })?;
        query.filter.node_ids = self.node_ids.map(sorted);
        if let Some((path, contact)) = self.weights {
            query.sources.push(Arc::new(work::run_short(py, || WeightLookup::open(&path, &contact, &table))?));
        }
        if let Some(path) = self.field {
            let placement = self.field_transform.as_deref().map(str::parse::<FieldPlacement>).transpose().or_raise()?;
            let quantities = LeadField::quantities_for_columns(&self.columns);
            let field = work::run_short(py, || {
                // nothing is divided by the field's current
                let request = LeadFieldRequest {
                    quantities: &quantities,
                    lookup_bounds: table.bounds()?,
                    placement: placement.map(|placement| placement.0),
                    current_na: Some(1.0),
                };
                let field = lead_field::read(&path, &request)?;
                quantities.iter().try_for_each(|&quantity| field.require_quantity(quantity, "query"))?;
                Ok(field)
            })?;
            warnings.extend(field.warnings().iter().map(ToString::to_string));
            query.sources.push(Arc::new(field));
        }
        if let Some((opened, chosen)) = opened {
            query.filter.node_ids = match (query.filter.node_ids, chosen) {
                (Some(given), Some(chosen)) => {
                    Some(given.into_iter().filter(|node| chosen.binary_search(node).is_ok()).collect())
                }
                (given, chosen) => given.or(chosen),
            };
            query.sources.push(Arc::new(opened));
        }
        query.index = self.index;
        query.columns = self.columns;
        query.limit = self.limit;
        let query = Query { query: Arc::new(query), warnings };
        // unknown columns are refused now, and not when the rows are read
        query.query.borrow().rows().or_raise()?;
        Ok(query)
    }
}

fn sorted(mut node_ids: Vec<u64>) -> Vec<u64> {
    node_ids.sort_unstable();
    node_ids
}

fn parse_section_types(names: &[String]) -> PyResult<Vec<SectionType>> {
    let parse = |name: &String| {
        SectionType::from_name(name).ok_or_else(|| {
            let known = join_quoted(SectionType::ALL.map(SectionType::name), 7);
            PyValueError::new_err(format!("section_type: unknown, expected one of {known}, found `{name}`"))
        })
    };
    names.iter().map(parse).collect()
}

/// Regions with the names of their contacts.
type NamedRegions = Vec<(String, Arc<dyn Region>)>;

/// Returns the regions of contacts: balls, or those of their ObjectiveCSD types.
fn contact_regions(electrodes: &[Electrode], within_um: Option<f64>) -> PyResult<(NamedRegions, Vec<String>)> {
    if let Some(radius) = within_um {
        let ball = |e: &Electrode| -> PyResult<(String, Arc<dyn Region>)> {
            Ok((e.name.clone(), Arc::new(Sphere::new(e.position_um, radius).in_item("within").or_raise()?)))
        };
        return Ok((electrodes.iter().map(ball).collect::<PyResult<_>>()?, Vec::new()));
    }
    let (regions, warnings) = csd_regions::contact_regions(electrodes).or_raise()?;
    let regions = electrodes.iter().zip(regions).map(|(e, region)| match region {
        Some(region) => Ok((e.name.clone(), Arc::from(region))),
        None => Err(PyValueError::new_err(format!(
            "electrodes: contact `{}` has no region, expected a type `ObjectiveCSD_...` or a radius `within`",
            e.name
        ))),
    });
    Ok((regions.collect::<PyResult<_>>()?, warnings.iter().map(ToString::to_string).collect()))
}

/// Makes a region from its kind and its numbers, µm.
fn make_region((kind, numbers): &(String, Vec<f64>)) -> PyResult<Arc<dyn Region>> {
    type Made = Result<Arc<dyn Region>, RegionProblem>;
    let point = |first: usize| Point::new(numbers[first], numbers[first + 1], numbers[first + 2]);
    let forms: [(&str, &str, usize, &dyn Fn() -> Made); 5] = [
        ("sphere", "x, y, z, r", 4, &|| Ok(Arc::new(Sphere::new(point(0), numbers[3])?))),
        ("box", "x0, y0, z0, x1, y1, z1", 6, &|| Ok(Arc::new(Cuboid::new(point(0), point(3))?))),
        ("disk", "x, y, z, ax, ay, az, r, half", 8, &|| {
            Ok(Arc::new(Disk::new(point(0), point(3), numbers[6], numbers[7])?))
        }),
        ("slab", "x, y, z, ax, ay, az, half", 7, &|| Ok(Arc::new(Slab::new(point(0), point(3), numbers[6])?))),
        ("capsule", "x0, y0, z0, x1, y1, z1, r", 7, &|| Ok(Arc::new(Capsule::new(point(0), point(3), numbers[6])?))),
    ];
    let Some((_, form, count, make)) = forms.into_iter().find(|(name, ..)| name == kind) else {
        return Err(PyValueError::new_err(format!("unknown kind of region `{kind}`")));
    };
    if numbers.len() != count {
        let found = numbers.len();
        return Err(PyValueError::new_err(format!(
            "{kind}: malformed, expected {count} numbers ({form}), µm, found {found}"
        )));
    }
    make().in_item(kind).or_raise()
}

/// A prepared query.
#[pyclass(frozen, module = "leadfield._leadfield")]
pub struct Query {
    query: Arc<OwnedQuery>,
    warnings: Vec<String>,
}

#[pymethods]
impl Query {
    /// Warnings about the contacts or the lead field.
    #[getter]
    fn warnings(&self) -> Vec<String> {
        self.warnings.clone()
    }

    /// The names of the columns.
    #[getter]
    fn column_names(&self) -> PyResult<Vec<String>> {
        let schema = self.query.borrow().rows().or_raise()?.schema();
        Ok(schema.fields().iter().map(|field| field.name().clone()).collect())
    }

    /// Counts the segments.
    fn count(&self, py: Python<'_>) -> PyResult<u64> {
        work::run(py, None, |watch| self.query.borrow().stop(&|| watch.is_stopped()).count())
    }

    /// Counts the segments by the values of columns: pairs of values and number.
    fn count_by<'py>(&self, py: Python<'py>, columns: Vec<String>) -> PyResult<Vec<(Vec<Bound<'py, PyAny>>, u64)>> {
        let counts = work::run(py, None, |watch| self.query.borrow().stop(&|| watch.is_stopped()).count_by(&columns))?;
        let value = |key: &GroupKey| match key {
            GroupKey::Text(text) => text.into_bound_py_any(py),
            GroupKey::Integer(value) => value.into_bound_py_any(py),
            GroupKey::Signed(value) => value.into_bound_py_any(py),
            other => other.number().into_bound_py_any(py),
        };
        let entry = |(key, count): (Vec<GroupKey>, u64)| Ok((key.iter().map(value).collect::<PyResult<_>>()?, count));
        counts.into_iter().map(entry).collect()
    }

    /// Returns the ids of the nodes that have the segments, ascending.
    fn node_ids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<u64>>> {
        let nodes = work::run(py, None, |watch| self.query.borrow().stop(&|| watch.is_stopped()).node_ids())?;
        Ok(nodes.into_iter().collect::<Vec<u64>>().into_pyarray(py))
    }

    /// Reads all rows into memory.
    fn read(&self, py: Python<'_>) -> PyResult<Rows> {
        work::run(py, None, |watch| {
            let is_stopped = || watch.is_stopped();
            let query = self.query.borrow().stop(&is_stopped);
            let rows = query.rows()?;
            let mut batches = Vec::new();
            rows.for_each_batch(&mut |batch| {
                batches.push(batch.clone());
                Ok(())
            })?;
            Ok(Rows::new(rows.schema(), batches))
        })
    }

    /// Searches, and returns the rows in batches as they are found.
    fn batches(&self) -> PyResult<Batches> {
        let stream = self.query.clone().stream_within(processes::call_search).or_raise()?;
        Ok(Batches { process: std::process::id(), stream: Mutex::new(Some(stream)) })
    }

    /// Searches, and hands the rows over as they are found.
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        // the interface allows to ignore the request: the consumer casts
        let _ = requested_schema;
        let stream = self.query.clone().stream_within(processes::call_search).or_raise()?;
        stream_capsule(py, Box::new(ArrowRowStream(stream)))
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        schema_capsule(py, &self.query.borrow().rows().or_raise()?.schema())
    }
}

/// The rows of a query, batch by batch.
#[pyclass(frozen, module = "leadfield._leadfield")]
pub struct Batches {
    /// The process in which the search runs.
    process: u32,
    /// There until the batches are dropped.
    stream: Mutex<Option<RowStream>>,
}

impl Drop for Batches {
    fn drop(&mut self) {
        if self.process != std::process::id() {
            // the search runs in another process, which this one cannot stop
            std::mem::forget(self.stream.lock().unwrap_or_else(PoisonError::into_inner).take());
        }
    }
}

#[pymethods]
impl Batches {
    fn __iter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Rows>> {
        if self.process != std::process::id() {
            let text = "batches: begun in another process, expected a search that begins in this one";
            return Err(PyRuntimeError::new_err(text));
        }
        let found = py.detach(|| {
            let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
            stream.as_mut().and_then(|stream| Some((stream.schema(), stream.next()?)))
        });
        py.check_signals()?;
        found.map(|(schema, batch)| Ok(Rows::new(schema, vec![batch.or_raise()?]))).transpose()
    }
}
