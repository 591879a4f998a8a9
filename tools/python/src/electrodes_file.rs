//! Electrodes files.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use leadfield::error::{Context, Problem, join_quoted};
use leadfield::sonata::electrodes_file::{self, PopulationEntry};
use ndarray::Array2;
use numpy::{IntoPyArray, PyArray1, PyArray2};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::work;
use super::work::Watch;

/// Rows that are read at once.
const ROWS_PER_READ: u64 = 1 << 14;

/// A request that the file cannot fulfil.
#[derive(Debug, thiserror::Error)]
enum RequestProblem {
    #[error("no such node in population `{0}`")]
    Node(String),
    #[error("unknown electrode, expected one of {known}, found `{found}`")]
    Electrode { known: String, found: String },
    #[error("too little memory for the weights, expected {0} bytes")]
    NoMemory(u128),
}

impl Problem for RequestProblem {}

/// An electrodes file.
#[pyclass(frozen, module = "leadfield._leadfield")]
pub struct ElectrodesFile {
    path: PathBuf,
    /// `None` once it is closed.
    open: RwLock<Option<Arc<OpenFile>>>,
}

/// An electrodes file that is open.
struct OpenFile(electrodes_file::ElectrodesFile);

impl ElectrodesFile {
    fn get_open(&self) -> PyResult<Arc<OpenFile>> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        let closed = || PyValueError::new_err(format!("{}: closed, expected an open file", self.path.display()));
        open.clone().ok_or_else(closed)
    }
}

#[pymethods]
impl ElectrodesFile {
    #[new]
    fn open(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let open = work::run_short(py, || electrodes_file::ElectrodesFile::open(&path))?;
        Ok(Self { path, open: RwLock::new(Some(Arc::new(OpenFile(open)))) })
    }

    /// Closes the file, as soon as no other thread reads from it.
    fn close(&self, py: Python<'_>) {
        let open = self.open.write().unwrap_or_else(PoisonError::into_inner).take();
        py.detach(|| drop(open));
    }

    /// Whether it is closed.
    #[getter]
    fn is_closed(&self) -> bool {
        self.open.read().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// The path.
    #[getter]
    fn path(&self) -> PathBuf {
        self.path.clone()
    }

    /// The names of the populations, sorted.
    #[getter]
    fn populations(&self) -> PyResult<Vec<String>> {
        Ok(self.get_open()?.0.populations().iter().map(|population| population.name().to_string()).collect())
    }

    /// The contacts of a population by column, or all by name: name, position (µm), type, layer, region.
    #[expect(clippy::type_complexity, reason = "a row of the Python list")]
    #[pyo3(signature = (population = None))]
    fn contacts(
        &self,
        py: Python<'_>,
        population: Option<&str>,
    ) -> PyResult<Vec<(String, Option<[f64; 3]>, Option<String>, Option<String>, Option<String>)>> {
        let file = self.get_open()?;
        let described = work::run_short(py, || {
            let names = match population {
                Some(name) => file.contacts_by_column(file.0.population(name)?),
                None => file.0.electrodes().iter().map(|e| e.name.clone()).collect(),
            };
            names.into_iter().map(|name| Ok((file.0.read_description(&name)?, name))).collect()
        })?;
        let row = |(about, name): (electrodes_file::ContactDescription, String)| {
            (name, about.position_um.map(|p| p.to_array()), about.kind, about.layer, about.region)
        };
        let described: Vec<(electrodes_file::ContactDescription, String)> = described;
        Ok(described.into_iter().map(row).collect())
    }

    /// Returns the node ids of a population, in file order.
    fn node_ids<'py>(&self, py: Python<'py>, population: &str) -> PyResult<Bound<'py, PyArray1<u64>>> {
        let file = self.get_open()?;
        let population = work::run_short(py, || file.0.population(population))?;
        Ok(population.node_ids().to_vec().into_pyarray(py))
    }

    /// Returns the offsets of a population: the rows of node i are offsets[i] to offsets[i + 1].
    fn offsets<'py>(&self, py: Python<'py>, population: &str) -> PyResult<Bound<'py, PyArray1<u64>>> {
        let file = self.get_open()?;
        let population = work::run_short(py, || file.0.population(population))?;
        Ok(population.offsets().to_vec().into_pyarray(py))
    }

    /// Returns the unit of a population's weights, if the file states it.
    fn units(&self, py: Python<'_>, population: &str) -> PyResult<Option<String>> {
        let file = self.get_open()?;
        let population = work::run_short(py, || file.0.population(population))?;
        Ok(population.units().map(String::from))
    }

    /// Returns a numeric setting of a contact, if the file states it.
    fn setting(&self, contact: &str, key: &str) -> PyResult<Option<f64>> {
        Ok(self.get_open()?.0.read_setting(contact, key))
    }

    /// Reads the weights of some nodes at some contacts, in the order asked for; `None` for all of them.
    #[pyo3(signature = (population, node_ids = None, electrodes = None))]
    fn get<'py>(
        &self,
        py: Python<'py>,
        population: &str,
        node_ids: Option<Vec<u64>>,
        electrodes: Option<Vec<String>>,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let file = self.get_open()?;
        let values = work::run(py, None, |watch| {
            let population = file.0.population(population)?;
            let columns = file.columns(population, electrodes.as_deref()).in_file(file.0.path())?;
            let ranges: Vec<std::ops::Range<u64>> = match node_ids {
                None => std::iter::once(0..population.rows()).collect(),
                Some(nodes) => {
                    let range = |&node: &u64| {
                        let rows = population.rows_of_node(node);
                        let missing = || RequestProblem::Node(population.name().into());
                        rows.ok_or_else(missing).at_index("node", node).in_file(file.0.path())
                    };
                    nodes.iter().map(range).collect::<leadfield::Result<_>>()?
                }
            };
            file.read_ranges(population, &ranges, &columns, watch)
        })?;
        Ok(values.into_pyarray(py))
    }
}

impl OpenFile {
    /// Returns the names of a population's contacts in the order of their columns.
    fn contacts_by_column(&self, population: &PopulationEntry) -> Vec<String> {
        let column = |e: &electrodes_file::ContactEntry| Some((e.column(population.name())?, e.name.clone()));
        let mut contacts: Vec<(u64, String)> = self.0.electrodes().iter().filter_map(column).collect();
        contacts.sort();
        contacts.into_iter().map(|(_, name)| name).collect()
    }

    /// Returns the columns of contacts.
    fn columns(&self, population: &PopulationEntry, names: Option<&[String]>) -> leadfield::Result<Vec<usize>> {
        let all = self.contacts_by_column(population);
        let names = names.unwrap_or(&all);
        let column = |name: &String| {
            let entry = self.0.electrodes().iter().find(|e| e.name == *name);
            let column = entry.and_then(|e| e.column(population.name()));
            let unknown = || RequestProblem::Electrode { known: join_quoted(&all, 12), found: name.clone() };
            Ok(column.ok_or_else(unknown)? as usize)
        };
        names.iter().map(column).collect()
    }

    /// Reads some columns of ranges of rows.
    fn read_ranges(
        &self,
        population: &PopulationEntry,
        ranges: &[std::ops::Range<u64>],
        columns: &[usize],
        watch: &Watch,
    ) -> leadfield::Result<Array2<f64>> {
        let rows: u64 = ranges.iter().map(|range| range.end - range.start).sum();
        let problem = || RequestProblem::NoMemory(u128::from(rows) * columns.len() as u128 * 8);
        let mut values = Vec::new();
        let count = (rows as usize).checked_mul(columns.len()).ok_or_else(problem)?;
        values.try_reserve_exact(count).map_err(|_| problem())?;
        let dataset = self.0.weights_dataset(population)?;
        let width = population.columns() as usize;
        let is_whole = columns.iter().copied().eq(0..width);
        let mut block = Vec::new();
        for range in ranges {
            let mut first = range.start;
            while first < range.end {
                watch.check()?;
                let end = range.end.min(first + ROWS_PER_READ);
                dataset.read_rows(first..end, &mut block)?;
                if is_whole {
                    values.extend_from_slice(&block);
                } else {
                    let pick = |row: &[f64]| columns.iter().map(|&column| row[column]).collect::<Vec<f64>>();
                    values.extend(block.chunks_exact(width).flat_map(pick));
                }
                first = end;
            }
        }
        Ok(Array2::from_shape_vec((rows as usize, columns.len()), values).map_err(|_| problem())?)
    }
}
