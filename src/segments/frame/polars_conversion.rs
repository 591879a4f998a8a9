//! Converts columns from Arrow to polars and back, through the [C data
//! interface](https://arrow.apache.org/docs/format/CDataInterface.html).
//!
//! Both crates define the two structures of that interface as separate types, in the layout that it specifies.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi, to_ffi};
use arrow_array::{Array, ArrayRef, StringArray, make_array};
use arrow_schema::DataType;
use polars_arrow::ffi;
use polars_core::prelude::{ArrayRef as PolarsArray, ArrowField, PlSmallStr, Series};

use super::FrameProblem;
use crate::error::{Error, Result};

// the interface specifies the structures, so both have the same size, which `transmute` also checks
const _: () = assert!(align_of::<FFI_ArrowArray>() == align_of::<ffi::ArrowArray>());
const _: () = assert!(align_of::<FFI_ArrowSchema>() == align_of::<ffi::ArrowSchema>());

/// Returns whether frames support columns of a type.
fn is_supported_type(values: &DataType) -> bool {
    use DataType::{Boolean, Float32, Float64, Int32, Int64, LargeUtf8, UInt8, UInt32, UInt64, Utf8, Utf8View};
    let numbers = matches!(values, UInt8 | UInt32 | UInt64 | Int32 | Int64 | Float32 | Float64);
    numbers || matches!(values, Boolean | Utf8 | LargeUtf8 | Utf8View)
}

/// Converts a column to polars.
pub(super) fn to_polars(name: &str, array: &ArrayRef) -> Result<Series> {
    // polars panics on types that it was built without
    if !is_supported_type(array.data_type()) {
        return Err(Error::from(FrameProblem::UnsupportedType(array.data_type().clone())).in_item(name));
    }
    let (array, schema) = to_ffi(&array.to_data()).map_err(FrameProblem::from)?;
    // SAFETY: both types are the `ArrowSchema` of the C data interface, which specifies their layout; each releases its
    // data through the function pointer in it
    let schema: ffi::ArrowSchema = unsafe { std::mem::transmute(schema) };
    // SAFETY: both types are the `ArrowArray` of the C data interface, as for the schema
    let array: ffi::ArrowArray = unsafe { std::mem::transmute(array) };
    // SAFETY: arrow exported the schema
    let field = unsafe { ffi::import_field_from_c(&schema) }.map_err(FrameProblem::from)?;
    // SAFETY: arrow exported the array, and it has the type in the schema
    let array = unsafe { ffi::import_array_from_c(array, field.dtype.clone()) }.map_err(FrameProblem::from)?;
    Ok(Series::try_from((PlSmallStr::from_str(name), array)).map_err(FrameProblem::from)?)
}

/// Converts a column to Arrow; text becomes `Utf8`.
pub(super) fn from_polars(array: PolarsArray) -> Result<ArrayRef> {
    let field = ArrowField::new(PlSmallStr::EMPTY, array.dtype().clone(), true);
    // SAFETY: both types are the `ArrowSchema` of the C data interface, which specifies their layout
    let schema: FFI_ArrowSchema = unsafe { std::mem::transmute(ffi::export_field_to_c(&field)) };
    // SAFETY: both types are the `ArrowArray` of the C data interface, as for the schema
    let array: FFI_ArrowArray = unsafe { std::mem::transmute(ffi::export_array_to_c(array)) };
    // SAFETY: polars exported array and schema from the same array
    let array = make_array(unsafe { from_ffi(array, &schema) }.map_err(FrameProblem::from)?);
    Ok(match array.data_type() {
        DataType::LargeUtf8 => Arc::new(array.as_string::<i64>().iter().collect::<StringArray>()),
        _ => array,
    })
}
