//! Segment tables.

use std::path::PathBuf;
use std::sync::Arc;

use leadfield::error::Context;
use leadfield::io::atomic_output::OverwritePolicy;
use leadfield::segments::Segments;
use leadfield::segments::query::OwnedQuery;
use leadfield::segments::table::{self, Precision, TableMetadata, TableProblem, segments_to_batch};
use leadfield::weights::SegmentSource;
use numpy::{IntoPyArray, PyArray1};
use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::arrow::Rows;
use super::query::{Query, QueryArguments};
use super::work;

/// Converts `overwrite` to the library's type.
pub fn overwrite_policy(overwrite: bool) -> OverwritePolicy {
    if overwrite { OverwritePolicy::Replace } else { OverwritePolicy::Refuse }
}

/// A segment table.
#[pyclass(frozen, module = "leadfield._leadfield")]
pub struct SegmentTable(pub Arc<table::SegmentTable>);

/// Columns of neurons: node ids, first rows, numbers of segments.
type NeuronColumns<'py> = (Bound<'py, PyArray1<u64>>, Bound<'py, PyArray1<u64>>, Bound<'py, PyArray1<u64>>);

#[pymethods]
impl SegmentTable {
    #[new]
    #[pyo3(signature = (path, population = None))]
    fn open(py: Python<'_>, path: PathBuf, population: Option<&str>) -> PyResult<Self> {
        let mut table = work::run_short(py, || table::SegmentTable::open(&path))?;
        if let Some(name) = population {
            table.set_population(name);
        }
        Ok(Self(Arc::new(table)))
    }

    fn __len__(&self) -> usize {
        self.0.len() as usize
    }

    /// The path.
    #[getter]
    fn path(&self) -> PathBuf {
        self.0.path().to_path_buf()
    }

    /// The lower and the upper corner of the box around all segments, µm.
    #[getter]
    fn bounds(&self, py: Python<'_>) -> PyResult<([f64; 3], [f64; 3])> {
        let bounds = work::run_short(py, || self.0.bounds())?;
        Ok((bounds.min.to_array(), bounds.max.to_array()))
    }

    /// The metadata.
    #[getter]
    fn metadata<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let TableMetadata {
            population, circuit_path, discretisation, axon_rule, assumed_rule, program_version, ..
        } = self.0.metadata();
        let entries = PyDict::new(py);
        let texts = [
            ("population", population),
            ("circuit", circuit_path),
            ("discretisation", discretisation),
            ("axon_rule", axon_rule),
            ("assumed_rule", assumed_rule),
            ("program_version", program_version),
        ];
        texts.into_iter().try_for_each(|(key, text)| entries.set_item(key, text))?;
        let numbers = [
            ("segments", self.0.len()),
            ("neurons", self.0.metadata().neurons),
            ("parts", self.0.parts().len() as u64),
        ];
        numbers.into_iter().try_for_each(|(key, number)| entries.set_item(key, number))?;
        entries.set_item("precision", if self.0.precision() == Precision::F64 { "f64" } else { "f32" })?;
        Ok(entries)
    }

    /// What is assumed about a table that another program rewrote, and about the numbers of segments.
    fn assumptions(&self) -> Vec<String> {
        self.0.assumptions().into_iter().chain(self.0.metadata().assumption()).collect()
    }

    /// Returns path, numbers of segments and neurons, and corners of the box of each part.
    fn parts<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let describe = |part: &table::TablePart| {
            let bounds = work::run_short(py, || part.bounds())?;
            let entry = PyDict::new(py);
            entry.set_item("path", part.path())?;
            entry.set_item("segments", part.len())?;
            entry.set_item("neurons", part.neurons().len())?;
            entry.set_item("bounds", (bounds.min.to_array(), bounds.max.to_array()))?;
            Ok(entry)
        };
        self.0.parts().iter().map(describe).collect()
    }

    /// Returns the segments of a part, in the order of `row`.
    fn part(&self, py: Python<'_>, index: usize) -> PyResult<Rows> {
        let count = self.0.parts().len();
        if index >= count {
            return Err(PyIndexError::new_err(format!("no part {index}, expected 0 to {}", count - 1)));
        }
        let batch = work::run(py, None, |_| {
            let segments = self.0.read_part(index, Segments::default())?;
            let order: Vec<usize> = (0..segments.len()).collect();
            let batch = segments_to_batch(&segments, &order, self.0.precision()).map_err(TableProblem::from);
            batch.in_file(self.0.path())
        })?;
        Ok(Rows::new(batch.schema(), vec![batch]))
    }

    /// Returns node ids, first rows and numbers of segments of all neurons.
    fn neurons<'py>(&self, py: Python<'py>) -> PyResult<NeuronColumns<'py>> {
        let neurons = work::run_short(py, || self.0.neurons())?;
        let column =
            |value: fn(&table::TableNeuron) -> u64| neurons.iter().map(value).collect::<Vec<u64>>().into_pyarray(py);
        Ok((column(|n| n.node_id), column(|n| n.first_row), column(|n| n.segments)))
    }

    /// Prepares a query; see `leadfield.Segments.query`.
    fn query(&self, py: Python<'_>, arguments: QueryArguments<'_>) -> PyResult<Query> {
        arguments.build(py, OwnedQuery::new(self.0.clone()))
    }
}
