//! Lists of contacts.

use std::path::PathBuf;

use leadfield::electrodes::probe::{self, ProbeAnchor, ProbePose};
use leadfield::electrodes::{ContactExtent, Electrodes, to_csv, to_json, to_probeinterface};
use leadfield::geometry::Point;
use ndarray::Array2;
use numpy::{IntoPyArray, PyArray2, PyReadonlyArray2};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::circuit::choose;
use super::errors::OrRaise;
use super::work;

/// Contacts, in the order of the weights' columns.
#[pyclass(frozen, module = "leadfield._leadfield")]
pub struct ElectrodeList(pub Electrodes);

fn extent(discs: bool) -> ContactExtent {
    if discs { ContactExtent::Disc } else { ContactExtent::Point }
}

#[pymethods]
impl ElectrodeList {
    /// Reads a file: CSV, JSON, BMTK's table or probeinterface.
    #[staticmethod]
    fn read(py: Python<'_>, path: PathBuf, discs: bool) -> PyResult<Self> {
        work::run_short(py, || Electrodes::read_with_extent(path, extent(discs))).map(Self)
    }

    /// Parses the text of such a file.
    #[staticmethod]
    #[pyo3(signature = (text, discs, folder = None))]
    fn parse(text: &str, discs: bool, folder: Option<PathBuf>) -> PyResult<Self> {
        let electrodes = Electrodes::parse(text, extent(discs)).or_raise()?;
        Ok(Self(electrodes.with_folder(folder.unwrap_or_default())))
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }

    /// The names.
    #[getter]
    fn names(&self) -> Vec<String> {
        self.0.iter().map(|e| e.name.clone()).collect()
    }

    /// The positions, µm: of shape (contacts, 3).
    #[getter]
    fn positions<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray2<f64>> {
        points_to_array(py, self.0.iter().map(|e| e.position_um))
    }

    /// The methods.
    #[getter]
    fn types(&self) -> Vec<&'static str> {
        self.0.iter().map(|e| e.method.name()).collect()
    }

    /// Warnings about the file: columns that are not used, an assumed encoding.
    #[getter]
    fn warnings(&self) -> Vec<String> {
        self.0.warnings().iter().map(ToString::to_string).collect()
    }

    /// The folder that relative names of lead fields start from.
    #[getter]
    fn folder(&self) -> PathBuf {
        self.0.folder().to_path_buf()
    }

    /// Returns the contacts as a JSON list.
    fn to_json(&self) -> String {
        to_json(&self.0)
    }

    /// Returns the contacts as CSV.
    fn to_csv(&self) -> String {
        to_csv(&self.0)
    }

    /// Returns the contacts as probeinterface's JSON, and what is lost.
    fn to_probeinterface(&self) -> (String, Vec<String>) {
        to_probeinterface(&self.0)
    }
}

fn points_to_array(py: Python<'_>, points: impl Iterator<Item = Point>) -> Bound<'_, PyArray2<f64>> {
    let rows: Vec<[f64; 3]> = points.map(|point| point.to_array()).collect();
    Array2::from(rows).into_pyarray(py)
}

/// Returns the positions of contacts in a line from the tip, µm.
#[pyfunction]
pub fn linear_um(py: Python<'_>, contacts: u32, pitch: f64) -> PyResult<Bound<'_, PyArray2<f64>>> {
    Ok(points_to_array(py, probe::linear(contacts, pitch).or_raise()?.into_iter()))
}

/// Returns the positions of contacts in rows and columns, µm.
#[pyfunction]
pub fn grid_um(py: Python<'_>, columns: u32, rows: u32, pitches: [f64; 2]) -> PyResult<Bound<'_, PyArray2<f64>>> {
    Ok(points_to_array(py, probe::grid(columns, rows, pitches).or_raise()?.into_iter()))
}

/// Returns the positions of sites of a Neuropixels 1.0 shank, µm.
#[pyfunction]
pub fn neuropixels_um(py: Python<'_>, first_site: u32, contacts: u32) -> PyResult<Bound<'_, PyArray2<f64>>> {
    Ok(points_to_array(py, probe::neuropixels(first_site, contacts).or_raise()?.into_iter()))
}

/// Positions and directions, each of shape (contacts, 3).
type PointArrays<'py> = (Bound<'py, PyArray2<f64>>, Bound<'py, PyArray2<f64>>);

/// Places a probe: returns the positions of its contacts, and the directions of their normals, in the circuit.
#[pyfunction]
pub fn place_um<'py>(
    py: Python<'py>,
    points: PyReadonlyArray2<'py, f64>,
    normals: PyReadonlyArray2<'py, f64>,
    at: [f64; 3],
    direction: [f64; 3],
    roll: f64,
    anchor: &str,
) -> PyResult<PointArrays<'py>> {
    let anchors = [("first", ProbeAnchor::First), ("center", ProbeAnchor::Center), ("origin", ProbeAnchor::Origin)];
    let anchor = choose("anchor", anchor, &anchors)?;
    let pose = ProbePose::new(Point::from(at), Point::from(direction), roll, anchor).or_raise()?;
    let placed = pose.place_contacts(&read_points("points", &points)?);
    let normals = read_points("normals", &normals)?.into_iter().map(|normal| pose.rotate_direction(normal));
    Ok((points_to_array(py, placed.into_iter()), points_to_array(py, normals)))
}

/// Reads an array of shape (n, 3).
pub fn read_points(argument: &str, array: &PyReadonlyArray2<'_, f64>) -> PyResult<Vec<Point>> {
    Ok(read_rows(argument, array)?.into_iter().map(Point::from).collect())
}

/// Reads an array of shape (n, 3) as rows.
pub fn read_rows(argument: &str, array: &PyReadonlyArray2<'_, f64>) -> PyResult<Vec<[f64; 3]>> {
    let values = array.as_array();
    if values.ncols() != 3 {
        return Err(PyValueError::new_err(format!(
            "{argument}: wrong shape, expected (n, 3), found ({}, {})",
            values.nrows(),
            values.ncols()
        )));
    }
    Ok(values.rows().into_iter().map(|row| [row[0], row[1], row[2]]).collect())
}
