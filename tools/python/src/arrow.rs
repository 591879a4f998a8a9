//! Passes rows on through the Arrow PyCapsule interface, and as numpy arrays and Python lists.

use std::ffi::CStr;

use arrow_array::cast::AsArray;
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::types::{ArrowPrimitiveType, Float32Type, Float64Type, Int64Type, UInt8Type, UInt32Type, UInt64Type};
use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchIterator, RecordBatchReader};
use arrow_schema::ffi::FFI_ArrowSchema;
use arrow_schema::{ArrowError, DataType, SchemaRef};
use ndarray::ArrayView1;
use numpy::{Element, PyArray1};
use pyo3::exceptions::{PyKeyError, PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict, PyList};

/// Name of a capsule with a stream.
const STREAM: &CStr = c"arrow_array_stream";
/// Name of a capsule with a schema.
const SCHEMA: &CStr = c"arrow_schema";

/// Returns the capsule of a stream; whoever takes it reads the batches.
pub fn stream_capsule(py: Python<'_>, rows: Box<dyn RecordBatchReader + Send>) -> PyResult<Bound<'_, PyCapsule>> {
    PyCapsule::new_with_value(py, FFI_ArrowArrayStream::new(rows), STREAM)
}

/// Returns the capsule of a schema.
pub fn schema_capsule<'py>(py: Python<'py>, schema: &SchemaRef) -> PyResult<Bound<'py, PyCapsule>> {
    let schema = FFI_ArrowSchema::try_from(schema.as_ref()).map_err(arrow_failure)?;
    PyCapsule::new_with_value(py, schema, SCHEMA)
}

/// Arrow fails only if a type has no counterpart in its C interface; ours all have one.
fn arrow_failure(error: ArrowError) -> PyErr {
    PyRuntimeError::new_err(error.to_string())
}

/// Rows in memory, in batches of columns.
#[pyclass(frozen, module = "leadfield._leadfield")]
pub struct Rows {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

impl Rows {
    /// Creates rows from batches with this schema.
    pub fn new(schema: SchemaRef, batches: Vec<RecordBatch>) -> Self {
        Self { schema, batches }
    }

    fn column_index(&self, name: &str) -> PyResult<usize> {
        self.schema.index_of(name).map_err(|_| PyKeyError::new_err(name.to_string()))
    }

    /// Returns a column in one piece: without a copy if there is one batch.
    fn joined_column(&self, name: &str) -> PyResult<ArrayRef> {
        let index = self.column_index(name)?;
        let pieces: Vec<&dyn Array> = self.batches.iter().map(|batch| batch.column(index).as_ref()).collect();
        match (pieces.as_slice(), self.batches.first()) {
            ([_], Some(only)) => Ok(only.column(index).clone()),
            ([], _) => Ok(arrow_array::new_empty_array(self.schema.field(index).data_type())),
            (several, _) => arrow_select::concat::concat(several).map_err(arrow_failure),
        }
    }
}

#[pymethods]
impl Rows {
    fn __len__(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// The names of the columns.
    #[getter]
    fn column_names(&self) -> Vec<&str> {
        self.schema.fields().iter().map(|field| field.name().as_str()).collect()
    }

    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        // the interface allows to ignore the request: the consumer casts
        let _ = requested_schema;
        let batches = self.batches.clone().into_iter().map(Ok);
        stream_capsule(py, Box::new(RecordBatchIterator::new(batches, self.schema.clone())))
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        schema_capsule(py, &self.schema)
    }

    /// Returns a column as a numpy array that cannot be written to: without a copy if the rows are one batch. Missing
    /// numbers are NaN; text is an array of objects.
    fn column<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        let column = self.joined_column(name)?;
        match column.data_type() {
            DataType::UInt8 if column.null_count() > 0 => nullable::<UInt8Type>(py, &column),
            DataType::UInt8 => borrowed::<UInt8Type>(py, column),
            DataType::UInt32 => borrowed::<UInt32Type>(py, column),
            DataType::UInt64 => borrowed::<UInt64Type>(py, column),
            DataType::Int64 => borrowed::<Int64Type>(py, column),
            DataType::Float32 if column.null_count() > 0 => nullable::<Float32Type>(py, &column),
            DataType::Float32 => borrowed::<Float32Type>(py, column),
            DataType::Float64 if column.null_count() > 0 => nullable::<Float64Type>(py, &column),
            DataType::Float64 => borrowed::<Float64Type>(py, column),
            _ => {
                let list = to_list(py, &column)?;
                let kwargs = PyDict::new(py);
                kwargs.set_item("dtype", "O")?;
                py.import("numpy")?.getattr("array")?.call((list,), Some(&kwargs))
            }
        }
    }

    /// Returns the columns as lists of Python's numbers and texts.
    fn to_pydict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let columns = PyDict::new(py);
        for name in self.column_names() {
            columns.set_item(name, to_list(py, &self.joined_column(name)?)?)?;
        }
        Ok(columns)
    }

    /// Returns the addresses of a column's values, one for each batch: to prove that nothing was copied.
    fn buffer_addresses(&self, name: &str) -> PyResult<Vec<usize>> {
        let index = self.column_index(name)?;
        let address = |batch: &RecordBatch| {
            let data = batch.column(index).to_data();
            data.buffers().last().map_or(0, |buffer| buffer.as_ptr() as usize)
        };
        Ok(self.batches.iter().map(address).collect())
    }
}

/// Keeps a column alive for the numpy array that shows it.
#[pyclass(frozen)]
struct ColumnOwner(#[expect(dead_code, reason = "only its lifetime matters")] ArrayRef);

/// Returns a column without missing values as a numpy array of the same memory.
fn borrowed<'py, T>(py: Python<'py>, column: ArrayRef) -> PyResult<Bound<'py, PyAny>>
where
    T: ArrowPrimitiveType,
    T::Native: Element,
{
    let values = column.as_primitive::<T>().values().clone();
    let owner = Bound::new(py, ColumnOwner(column))?;
    let view = ArrayView1::from(values.as_ref());
    // SAFETY: `owner` holds the column, and with it the memory of `view`, which no one writes to: the array is made
    // read-only before anybody else sees it
    let array = unsafe { PyArray1::borrow_from_array(&view, owner.into_any()) };
    let kwargs = PyDict::new(py);
    kwargs.set_item("write", false)?;
    array.call_method("setflags", (), Some(&kwargs))?;
    Ok(array.into_any())
}

/// Returns a column with missing values as float64, NaN where one is missing.
fn nullable<'py, T>(py: Python<'py>, column: &ArrayRef) -> PyResult<Bound<'py, PyAny>>
where
    T: ArrowPrimitiveType,
    T::Native: Into<f64>,
{
    let values = column.as_primitive::<T>().iter().map(|value| value.map_or(f64::NAN, Into::into));
    Ok(PyArray1::from_vec(py, values.collect()).into_any())
}

/// Returns a column as a list, `None` where a value is missing.
fn to_list<'py>(py: Python<'py>, column: &ArrayRef) -> PyResult<Bound<'py, PyList>> {
    match column.data_type() {
        DataType::UInt8 => PyList::new(py, column.as_primitive::<UInt8Type>().iter().collect::<Vec<_>>()),
        DataType::UInt32 => PyList::new(py, column.as_primitive::<UInt32Type>().iter().collect::<Vec<_>>()),
        DataType::UInt64 => PyList::new(py, column.as_primitive::<UInt64Type>().iter().collect::<Vec<_>>()),
        DataType::Int64 => PyList::new(py, column.as_primitive::<Int64Type>().iter().collect::<Vec<_>>()),
        DataType::Float32 => PyList::new(py, column.as_primitive::<Float32Type>().iter().collect::<Vec<_>>()),
        DataType::Float64 => PyList::new(py, column.as_primitive::<Float64Type>().iter().collect::<Vec<_>>()),
        DataType::Utf8 => PyList::new(py, column.as_string::<i32>().iter().collect::<Vec<_>>()),
        other => Err(PyTypeError::new_err(format!("no Python values for a column of type {other}"))),
    }
}
