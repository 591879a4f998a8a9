//! Data frames of rows, sorted and aggregated by the crate polars, behind a type of this library.
//!
//! Only this module names polars, so that only [`Frame::as_polars`], [`Frame::into_polars`] and [`Frame::from_polars`]
//! make its version part of the public interface. Columns are converted from and to Arrow through the C data interface,
//! without a copy if polars stores them in the same layout.

mod exact_sum;
mod grouping;
mod polars_conversion;
mod sorting;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow_schema::{ArrowError, Field, Schema};
use polars_core::prelude::{Column, CompatLevel, DataFrame, DataType, PolarsError, SortMultipleOptions};

pub use self::grouping::{Aggregate, Operation, RowGrouper};
pub use self::sorting::{RowSorter, SortKey};
use crate::error::{Error, Problem, Result, find_closest, join_quoted};
use crate::segments::Segments;
use crate::segments::table::{Hits, Precision, segments_from_batch, segments_to_batch};

/// Problems with the use of a frame.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FrameProblem {
    /// No column has this name.
    #[error("unknown column, expected one of {known}, found `{found}`")]
    UnknownColumn {
        /// The names of the columns.
        known: String,
        /// The requested name.
        found: String,
        /// The most similar name.
        closest: Option<String>,
    },
    /// Two columns would have the same name.
    #[error("two columns with the same name, expected each name once, found `{0}` twice")]
    DuplicateColumn(String),
    /// No operation has this name.
    #[error("unknown aggregate, expected one of {known}, found `{found}`")]
    UnknownOperation {
        /// The names of the operations.
        known: String,
        /// The requested name.
        found: String,
        /// The most similar name.
        closest: Option<&'static str>,
    },
    /// An operation has no column, but needs one.
    #[error("no column to aggregate, expected `{0}:COLUMN`, found `{0}`")]
    NoColumn(&'static str),
    /// An operation is not defined for the values of a column.
    #[error("`{operation}` is not defined for a column of {values}, found `{column}`")]
    Undefined {
        /// The operation.
        operation: &'static str,
        /// The kind of values in the column.
        values: &'static str,
        /// The column.
        column: String,
    },
    /// Frames do not support the type of a column.
    #[error("wrong type, expected numbers of 32 or 64 bits, bytes, truth values or text, found {0}")]
    UnsupportedType(arrow_schema::DataType),
    /// The order is neither `asc` nor `desc`.
    #[error("unknown order, expected `asc` or `desc`, found `{0}`")]
    UnknownOrder(String),
    /// There are more rows than polars can count.
    #[error("too many rows to hold, expected at most {MAX_ROWS}, found {0}")]
    TooManyRows(usize),
    /// Polars failed.
    #[error("polars: {0}")]
    Polars(#[from] PolarsError),
    /// Arrow failed.
    #[error("Arrow: {0}")]
    Arrow(#[from] ArrowError),
}

/// Polars numbers rows with 32 bits, and reserves one value.
const MAX_ROWS: usize = u32::MAX as usize - 1;

impl Problem for FrameProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownColumn { closest, .. } => closest.as_ref().map(|name| format!("did you mean `{name}`?")),
            Self::UnknownOperation { closest, .. } => closest.map(|name| format!("did you mean `{name}`?")),
            Self::TooManyRows(_) => Some("narrow the region, or ask for aggregates that need no rows in memory".into()),
            _ => None,
        }
    }
}

/// Rows in named columns.
#[derive(Debug, Clone, Default)]
pub struct Frame {
    data: DataFrame,
}

impl Frame {
    /// Creates a frame from the rows of a batch.
    ///
    /// # Errors
    /// Returns an error if polars does not support a type, or if two columns have the same name.
    pub fn from_batch(batch: &RecordBatch) -> Result<Self> {
        let schema = batch.schema_ref();
        let mut names: Vec<&String> = schema.fields().iter().map(|field| field.name()).collect();
        names.sort_unstable();
        if let Some([name, ..]) = names.windows(2).find(|pair| pair.first() == pair.last()) {
            return Err(FrameProblem::DuplicateColumn(name.to_string()).into());
        }
        let columns = schema.fields().iter().zip(batch.columns());
        let columns = columns.map(|(field, array)| Ok(polars_conversion::to_polars(field.name(), array)?.into()));
        let columns = columns.collect::<Result<Vec<Column>>>()?;
        Ok(Self { data: DataFrame::new(batch.num_rows(), columns).map_err(FrameProblem::from)? })
    }

    /// Returns the rows as one batch; text becomes `Utf8`.
    ///
    /// # Errors
    /// Returns an error if Arrow does not support a type.
    pub fn to_batch(&self) -> Result<RecordBatch> {
        let convert = |column: &Column| -> Result<(Field, ArrayRef)> {
            let array = polars_conversion::from_polars(column.clone().rechunk_to_arrow(CompatLevel::oldest()))?;
            Ok((Field::new(column.name().as_str(), array.data_type().clone(), true), array))
        };
        let columns = self.data.columns().iter().map(convert).collect::<Result<Vec<_>>>()?;
        let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = columns.into_iter().unzip();
        let options = RecordBatchOptions::new().with_row_count(Some(self.len()));
        let batch = RecordBatch::try_new_with_options(Schema::new(fields).into(), arrays, &options);
        Ok(batch.map_err(FrameProblem::from)?)
    }

    /// Wraps a polars data frame.
    pub fn from_polars(data: DataFrame) -> Self {
        Self { data }
    }

    /// Returns the polars data frame, in the version of `polars-core` that this crate depends on.
    pub fn as_polars(&self) -> &DataFrame {
        &self.data
    }

    /// Converts to the polars data frame, in the version of `polars-core` that this crate depends on.
    pub fn into_polars(self) -> DataFrame {
        self.data
    }

    /// Returns the number of rows.
    pub fn len(&self) -> usize {
        self.data.height()
    }

    /// Returns whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Iterates over the names of the columns, in order.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.data.columns().iter().map(|column| column.name().as_str())
    }

    /// Appends rows with the same columns.
    ///
    /// # Errors
    /// Returns an error if the columns differ, or if there are more rows than polars can count.
    pub fn append(&mut self, rows: &Self) -> Result<()> {
        let total = self.len().saturating_add(rows.len());
        if total > MAX_ROWS {
            return Err(FrameProblem::TooManyRows(total).into());
        }
        self.data.vstack_mut(&rows.data).map_err(FrameProblem::from)?;
        Ok(())
    }

    /// Returns the first rows, at most `rows`.
    #[must_use]
    pub fn head(&self, rows: usize) -> Self {
        self.slice(0, rows)
    }

    /// Returns at most `rows` rows, starting with row `first`.
    #[must_use]
    pub fn slice(&self, first: usize, rows: usize) -> Self {
        let first = first.min(self.len());
        Self { data: self.data.slice(first as i64, rows.min(self.len() - first)) }
    }

    /// Returns the rows sorted by some columns, the first key being the most important. Missing values come last, NaN
    /// after all numbers; equal rows keep their order.
    ///
    /// # Errors
    /// Returns an error if a column is missing.
    pub fn sort(&self, keys: &[SortKey]) -> Result<Self> {
        self.sort_with_nulls(keys, true)
    }

    /// Sorts as [`Frame::sort`] does, with missing values first or last.
    fn sort_with_nulls(&self, keys: &[SortKey], nulls_last: bool) -> Result<Self> {
        let columns = keys.iter().map(|key| self.column(&key.column).cloned()).collect::<Result<Vec<_>>>()?;
        let options = SortMultipleOptions::new()
            .with_order_descending_multi(keys.iter().map(|key| key.descending))
            .with_nulls_last_multi(keys.iter().map(|_| nulls_last))
            .with_maintain_order(true);
        let names: Vec<_> = columns.iter().map(|column| column.name().clone()).collect();
        Ok(Self { data: self.data.sort(names, options).map_err(FrameProblem::from)? })
    }

    /// Returns a column.
    fn column(&self, name: &str) -> Result<&Column> {
        self.data.column(name).map_err(|_| self.unknown_column_error(name))
    }

    fn unknown_column_error(&self, name: &str) -> Error {
        let closest = find_closest(name, self.columns()).map(String::from);
        FrameProblem::UnknownColumn { known: join_quoted(self.columns(), 60), found: name.into(), closest }.into()
    }
}

/// Returns whether values of a type can be added.
fn is_number(values: &DataType) -> bool {
    values.is_primitive_numeric()
}

impl Hits {
    /// Converts the hits to a data frame: the requested columns, and the number of the region as `region`.
    ///
    /// # Errors
    /// Returns an error if the batch already has a column `region`.
    pub fn to_frame(&self) -> Result<Frame> {
        let mut frame = Frame::from_batch(&self.batch)?;
        let region: ArrayRef = std::sync::Arc::new(UInt32Array::from(self.region.clone()));
        if frame.columns().any(|name| name == "region") {
            return Err(FrameProblem::DuplicateColumn("region".into()).into());
        }
        let region = polars_conversion::to_polars("region", &region)?;
        frame.data.with_column(region.into()).map_err(FrameProblem::from)?;
        Ok(frame)
    }
}

impl Segments {
    /// Converts the segments to a data frame with the columns of a segment table.
    ///
    /// # Errors
    /// Returns an error if polars fails, which it does not for these columns.
    pub fn to_frame(&self) -> Result<Frame> {
        let rows: Vec<usize> = (0..self.len()).collect();
        Frame::from_batch(&segments_to_batch(self, &rows, Precision::F64).map_err(FrameProblem::from)?)
    }

    /// Converts a data frame with the columns of a segment table, in any order and with others among them. Integers and
    /// floats of other widths are converted if each value fits; section types may be numbers or names.
    ///
    /// # Errors
    /// Returns an error if a column is missing, or if a value is invalid for its column.
    pub fn from_frame(frame: &Frame) -> Result<Self> {
        segments_from_batch(&frame.to_batch()?)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::cast::AsArray;
    use arrow_array::types::UInt32Type;
    use arrow_array::{Float32Array, Float64Array, Int64Array, StringArray, UInt8Array, UInt64Array};

    use super::*;
    use crate::geometry::Point;
    use crate::segments::{SectionType, Segment};

    fn batch_of(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap()
    }

    #[test]
    fn every_type_of_a_result_is_equal_after_conversion_and_back() {
        let batch = batch_of(vec![
            ("u8", Arc::new(UInt8Array::from(vec![Some(1), None, Some(255)]))),
            ("u32", Arc::new(UInt32Array::from(vec![7, 8, u32::MAX]))),
            ("u64", Arc::new(UInt64Array::from(vec![None, Some(u64::MAX), Some(0)]))),
            ("f32", Arc::new(Float32Array::from(vec![Some(0.1), None, Some(f32::INFINITY)]))),
            ("f64", Arc::new(Float64Array::from(vec![Some(-0.0), Some(1e300), None]))),
            ("text", Arc::new(StringArray::from(vec![Some("a text longer than twelve bytes"), None, Some("")]))),
        ]);
        assert_eq!(Frame::from_batch(&batch).unwrap().to_batch().unwrap(), batch);
        // slices of arrays that begin in the middle of a byte of validity bits
        let part = batch.slice(1, 2);
        let frame = Frame::from_batch(&part).unwrap();
        assert_eq!(frame.to_batch().unwrap(), part);
        let mut twice = frame.clone();
        twice.append(&frame).unwrap();
        assert_eq!(twice.slice(2, 5).to_batch().unwrap(), part);
        assert_eq!((twice.len(), twice.head(3).len(), twice.slice(9, 1).len()), (4, 3, 0));
        let none = batch.slice(0, 0);
        assert_eq!(Frame::from_batch(&none).unwrap().to_batch().unwrap(), none);
    }

    #[test]
    fn a_type_that_frames_do_not_hold_is_refused_with_its_column() {
        let narrow: ArrayRef = Arc::new(arrow_array::Int16Array::from(vec![1]));
        let error = Frame::from_batch(&batch_of(vec![("narrow", narrow)])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "narrow: wrong type, expected numbers of 32 or 64 bits, bytes, truth values or text, found Int16"
        );
    }

    #[test]
    fn values_are_shared_and_not_copied() {
        let values = UInt64Array::from_iter_values(0..1000);
        let at = values.values().as_ptr();
        let frame = Frame::from_batch(&batch_of(vec![("row", Arc::new(values))])).unwrap();
        assert_eq!(frame.as_polars().column("row").unwrap().u64().unwrap().cont_slice().unwrap().as_ptr(), at);
        let back = frame.to_batch().unwrap();
        assert_eq!(back.column(0).as_primitive::<arrow_array::types::UInt64Type>().values().as_ptr(), at);
    }

    #[test]
    fn rows_without_columns_are_counted() {
        let options = RecordBatchOptions::new().with_row_count(Some(3));
        let batch = RecordBatch::try_new_with_options(Schema::empty().into(), Vec::new(), &options).unwrap();
        let mut frame = Frame::default();
        (0..2).for_each(|_| frame.append(&Frame::from_batch(&batch).unwrap()).unwrap());
        assert_eq!((frame.len(), frame.to_batch().unwrap().num_rows()), (6, 6));
    }

    #[test]
    fn hits_have_the_number_of_their_region() {
        let batch = batch_of(vec![("row", Arc::new(UInt64Array::from(vec![5, 6])))]);
        let frame = Hits { batch, region: vec![1, 0] }.to_frame().unwrap();
        assert_eq!(frame.columns().collect::<Vec<_>>(), ["row", "region"]);
        assert_eq!(frame.to_batch().unwrap().column(1).as_primitive::<UInt32Type>().values(), &[1, 0]);
        let taken = batch_of(vec![("region", Arc::new(UInt64Array::from(vec![5])))]);
        let error = Hits { batch: taken, region: vec![0] }.to_frame().unwrap_err();
        assert_eq!(error.to_string(), "two columns with the same name, expected each name once, found `region` twice");
    }

    fn segments() -> Segments {
        let mut segments = Segments::default();
        for (row, kind) in [(0, Some(SectionType::Soma)), (1, None)] {
            let (start, end) = (Point::new(0.1, 2.0, -3.0), Point::new(4.0, 5.0, 6.5));
            let radius = kind.map(|_| 0.5);
            let (node_id, section_id, segment_id) = (7, row as u32, 2);
            segments.push(Segment {
                node_id,
                section_id,
                segment_id,
                section_type: kind,
                start,
                end,
                radius_um: radius,
                row,
            });
        }
        segments
    }

    #[test]
    fn segments_go_through_a_frame_unchanged() {
        let frame = segments().to_frame().unwrap();
        assert_eq!(Segments::from_frame(&frame).unwrap(), segments());
        let polars = Frame::from_polars(frame.into_polars());
        assert_eq!(Segments::from_frame(&polars).unwrap(), segments());
    }

    #[test]
    fn other_widths_are_converted_and_a_missing_column_is_an_error() {
        let batch = segments().to_frame().unwrap().to_batch().unwrap();
        let column = |name: &str| batch.column_by_name(name).unwrap().clone();
        let mut columns: Vec<(&str, ArrayRef)> = vec![
            ("note", Arc::new(StringArray::from(vec!["a", "b"]))),
            ("section_type", Arc::new(StringArray::from(vec![Some("soma"), None]))),
            ("node_id", Arc::new(Int64Array::from(vec![7, 7]))),
        ];
        let others = ["row", "section_id", "segment_id", "x0", "y0", "z0", "x1", "y1", "z1", "radius"];
        columns.extend(others.map(|name| (name, column(name))));
        let frame = |columns: &[(&'static str, ArrayRef)]| Frame::from_batch(&batch_of(columns.to_vec())).unwrap();
        assert_eq!(Segments::from_frame(&frame(&columns)).unwrap(), segments());
        columns.pop();
        let error = Segments::from_frame(&frame(&columns)).unwrap_err();
        assert_eq!(error.to_string(), "not a segment table, expected its columns, found no `radius`");
    }
}
