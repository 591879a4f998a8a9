//! Typed columns of a batch of rows.

use std::ops::Range;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, UInt8Type, UInt32Type, UInt64Type};
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;

use super::normalize::normalize_batch;
use super::problem::TableProblem;
use super::schema::{COORDINATES, NODE_ID, Precision, RADIUS, ROW, SECTION_ID, SECTION_TYPE, SEGMENT_ID};
use crate::error::{Error, Result};
use crate::geometry::{Aabb, Point};
use crate::segments::{SectionType, Segment, Segments};

/// The typed columns of a batch.
pub(super) struct BatchRows<'a> {
    node_id: &'a [u64],
    section_id: &'a [u32],
    segment_id: &'a [u32],
    section_type: &'a arrow_array::UInt8Array,
    ends: SegmentEnds<'a>,
    radius: &'a arrow_array::Float32Array,
    row: &'a [u64],
}

/// The ends of the segments of a batch with the six coordinate columns.
#[derive(Debug, Clone, Copy)]
pub struct SegmentEnds<'a>(CoordinateColumns<'a>);

/// x0, y0, z0, x1, y1, z1.
#[derive(Debug, Clone, Copy)]
enum CoordinateColumns<'a> {
    Double([&'a [f64]; 6]),
    Single([&'a [f32]; 6]),
}

/// Returns a column that must not have nulls.
fn required_column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a dyn Array> {
    let array = batch.column_by_name(name).ok_or_else(|| TableProblem::MissingColumns(format!("`{name}`")))?;
    let may_be_null = name == SECTION_TYPE || name == RADIUS;
    if array.null_count() > 0 && !may_be_null {
        return Err(Error::from(TableProblem::Null).in_item(name));
    }
    Ok(array.as_ref())
}

/// Returns the error for a coordinate with another width than the first.
fn mixed_width_error(batch: &RecordBatch, name: &str, precision: Precision) -> Error {
    let schema = batch.schema();
    let found = schema.field_with_name(name).map_or(DataType::Null, |f| f.data_type().clone());
    Error::from(TableProblem::Type { expected: precision.data_type(), found }).in_item(name)
}

impl<'a> SegmentEnds<'a> {
    /// Reads the coordinate columns of a batch; all must have the width of the first.
    ///
    /// # Errors
    /// Returns an error if a column is missing, has another type, or has nulls.
    pub fn from_batch(batch: &'a RecordBatch) -> Result<Self> {
        let wide = |name: &str| required_column(batch, name).map(|c| c.as_primitive_opt::<Float64Type>());
        if wide(COORDINATES[0])?.is_some() {
            let mut double: [&[f64]; 6] = [&[]; 6];
            for (values, name) in double.iter_mut().zip(COORDINATES) {
                *values = wide(name)?.ok_or_else(|| mixed_width_error(batch, name, Precision::F64))?.values();
            }
            return Ok(Self(CoordinateColumns::Double(double)));
        }
        let mut single: [&[f32]; 6] = [&[]; 6];
        for (values, name) in single.iter_mut().zip(COORDINATES) {
            let found = required_column(batch, name)?.as_primitive_opt::<Float32Type>();
            *values = found.ok_or_else(|| mixed_width_error(batch, name, Precision::F32))?.values();
        }
        Ok(Self(CoordinateColumns::Single(single)))
    }

    /// Checks that the coordinates of some rows are finite and inside a box; `first` is the index in the file of the
    /// batch's first row.
    ///
    /// # Errors
    /// Returns an error for the first coordinate that is not.
    pub(super) fn check_inside(&self, rows: Range<usize>, bounds: &Aabb, first: u64) -> Result<()> {
        for (axis, name) in COORDINATES.iter().enumerate() {
            let low = bounds.min.to_array()[axis % 3].max(f64::MIN);
            let high = bounds.max.to_array()[axis % 3].min(f64::MAX);
            if let Some((place, found)) = self.find_outside(axis, rows.clone(), low, high) {
                let problem = match found.is_finite() {
                    true => TableProblem::OutsideStatistics { low, high, found },
                    false => TableProblem::NotFinite(found),
                };
                return Err(Error::from(problem).at_index(name, first + place as u64));
            }
        }
        Ok(())
    }

    /// Returns the first value of a coordinate, among some rows, that is not in a range, with its index among these
    /// rows.
    pub(super) fn find_outside(&self, axis: usize, rows: Range<usize>, low: f64, high: f64) -> Option<(usize, f64)> {
        match &self.0 {
            CoordinateColumns::Double(columns) => find_value_outside(columns.get(axis)?.get(rows)?, low, high),
            CoordinateColumns::Single(columns) => find_value_outside(columns.get(axis)?.get(rows)?, low, high),
        }
    }

    /// Returns the two ends of a row, µm.
    ///
    /// # Panics
    /// Panics if `i` is not a row of the batch, as slice indexing does.
    pub fn get(&self, i: usize) -> (Point, Point) {
        let c: [f64; 6] = match &self.0 {
            CoordinateColumns::Double(columns) => columns.map(|c| c[i]),
            CoordinateColumns::Single(columns) => columns.map(|c| f64::from(c[i])),
        };
        (Point::new(c[0], c[1], c[2]), Point::new(c[3], c[4], c[5]))
    }
}

/// Checks that all coordinates of a batch are finite.
pub(super) fn check_finite(batch: &RecordBatch) -> Result<()> {
    for name in COORDINATES {
        let Some(column) = batch.column_by_name(name) else { continue };
        let double =
            column.as_primitive_opt::<Float64Type>().map(|c| c.values().iter().copied().find(|v| !v.is_finite()));
        let single = || column.as_primitive_opt::<Float32Type>()?.values().iter().copied().find(|v| !v.is_finite());
        if let Some(found) = double.unwrap_or_else(|| single().map(f64::from)) {
            return Err(Error::from(TableProblem::NotFinite(found)).in_item(name));
        }
    }
    Ok(())
}

/// Returns the first value outside a range, which includes NaN, with its index.
fn find_value_outside<T: Copy + Into<f64>>(values: &[T], low: f64, high: f64) -> Option<(usize, f64)> {
    // test all values first: this loop is vectorized, a search with early exit is not
    let is_outside = |value: f64| !(value >= low && value <= high);
    if !values.iter().fold(false, |any, &value| any | is_outside(value.into())) {
        return None;
    }
    values.iter().map(|&value| value.into()).enumerate().find(|&(_, value)| is_outside(value))
}

impl<'a> BatchRows<'a> {
    pub(super) fn from_batch(batch: &'a RecordBatch) -> Result<Self> {
        let column = |name| required_column(batch, name);
        let long = |name| -> Result<&'a [u64]> { Ok(column(name)?.as_primitive::<UInt64Type>().values()) };
        let int = |name| -> Result<&'a [u32]> { Ok(column(name)?.as_primitive::<UInt32Type>().values()) };
        Ok(Self {
            node_id: long(NODE_ID)?,
            section_id: int(SECTION_ID)?,
            segment_id: int(SEGMENT_ID)?,
            section_type: column(SECTION_TYPE)?.as_primitive::<UInt8Type>(),
            ends: SegmentEnds::from_batch(batch)?,
            radius: column(RADIUS)?.as_primitive::<Float32Type>(),
            row: long(ROW)?,
        })
    }

    /// Returns the ends of the segments.
    pub(super) fn ends(&self) -> &SegmentEnds<'a> {
        &self.ends
    }

    /// Returns the number of rows.
    pub(super) fn len(&self) -> usize {
        self.node_id.len()
    }

    pub(super) fn get(&self, i: usize) -> Segment {
        let (start, end) = self.ends.get(i);
        Segment {
            node_id: self.node_id[i],
            section_id: self.section_id[i],
            segment_id: self.segment_id[i],
            section_type: self.section_type(i),
            start,
            end,
            radius_um: self.radius(i),
            row: self.row[i],
        }
    }

    fn section_type(&self, i: usize) -> Option<SectionType> {
        let number = self.section_type.is_valid(i).then(|| self.section_type.value(i));
        number.and_then(SectionType::from_number)
    }

    /// Iterates over invalid radii, with their rows in the batch.
    pub(super) fn invalid_radii(&self) -> impl Iterator<Item = (usize, f32)> {
        let radii = (0..self.len()).filter_map(|i| Some((i, self.radius(i)?)));
        radii.filter(|(_, radius)| !(radius.is_finite() && *radius >= 0.0))
    }

    fn radius(&self, i: usize) -> Option<f32> {
        self.radius.is_valid(i).then(|| self.radius.value(i))
    }

    /// Iterates over the node and the row of each segment.
    pub(super) fn nodes_and_rows(&self) -> impl Iterator<Item = (u64, u64)> {
        self.node_id.iter().copied().zip(self.row.iter().copied())
    }

    /// Writes all rows to their positions, column by column: positions are far apart in memory, and the cache misses of
    /// one column overlap. The caller sets nodes and rows, which follow from the positions.
    pub(super) fn scatter_into(&self, places: &[usize], segments: &mut Segments) {
        scatter_values(places, &mut segments.section_id, |i| self.section_id[i]);
        scatter_values(places, &mut segments.segment_id, |i| self.segment_id[i]);
        scatter_values(places, &mut segments.section_type, |i| self.section_type(i));
        match &self.ends.0 {
            CoordinateColumns::Double([x0, y0, z0, x1, y1, z1]) => {
                scatter_values(places, &mut segments.start, |i| Point::new(x0[i], y0[i], z0[i]));
                scatter_values(places, &mut segments.end, |i| Point::new(x1[i], y1[i], z1[i]));
            }
            CoordinateColumns::Single(_) => {
                scatter_values(places, &mut segments.start, |i| self.ends.get(i).0);
                scatter_values(places, &mut segments.end, |i| self.ends.get(i).1);
            }
        }
        scatter_values(places, &mut segments.radius_um, |i| self.radius(i));
    }
}

/// Writes values to their positions in a column.
fn scatter_values<T>(places: &[usize], column: &mut [T], value: impl Fn(usize) -> T) {
    places.iter().enumerate().for_each(|(i, &place)| column[place] = value(i));
}

/// Converts a batch with the columns of a segment table, in any order and with others among them. Integers and floats
/// of other widths are converted if each value fits; section types may be numbers or names.
///
/// # Errors
/// Returns an error if a column is missing or has another type, or if a value is invalid for its column.
pub fn segments_from_batch(batch: &RecordBatch) -> Result<Segments> {
    let schema = Precision::F64.schema();
    for field in schema.fields() {
        required_column(batch, field.name())?;
    }
    let batch = normalize_batch(batch, &schema)?;
    let rows = BatchRows::from_batch(&batch)?;
    let mut segments = Segments::with_capacity(rows.len());
    (0..rows.len()).for_each(|i| segments.push(rows.get(i)));
    Ok(segments)
}

/// Returns the rows in an electrodes file of a batch with this column.
pub(super) fn row_values(batch: &RecordBatch) -> Result<&[u64]> {
    Ok(required_column(batch, ROW)?.as_primitive::<UInt64Type>().values())
}

/// Iterates over the node and the row of each row of a batch with these two columns.
pub(super) fn nodes_and_rows(batch: &RecordBatch) -> Result<impl Iterator<Item = (u64, u64)>> {
    let values = |name| required_column(batch, name).map(|c| c.as_primitive::<UInt64Type>().values());
    Ok(values(NODE_ID)?.iter().copied().zip(values(ROW)?.iter().copied()))
}

/// Section type and node of the rows of a batch, if it has these columns.
pub(super) struct FilterColumns<'a> {
    section_type: Option<&'a arrow_array::UInt8Array>,
    node_id: Option<&'a [u64]>,
}

impl<'a> FilterColumns<'a> {
    pub(super) fn from_batch(batch: &'a RecordBatch) -> Result<Self> {
        let has = |name: &str| batch.schema().index_of(name).is_ok();
        let kind = has(SECTION_TYPE).then(|| required_column(batch, SECTION_TYPE)).transpose()?;
        let node = has(NODE_ID).then(|| required_column(batch, NODE_ID)).transpose()?;
        Ok(Self {
            section_type: kind.map(|c| c.as_primitive::<UInt8Type>()),
            node_id: node.map(|c| c.as_primitive::<UInt64Type>().values().as_ref()),
        })
    }

    pub(super) fn section_type(&self, i: usize) -> Option<SectionType> {
        self.section_type.filter(|c| c.is_valid(i)).map(|c| c.value(i)).and_then(SectionType::from_number)
    }

    pub(super) fn node_id(&self, i: usize) -> Option<u64> {
        self.node_id.and_then(|nodes| nodes.get(i)).copied()
    }
}
