//! Columns of a result that come from elsewhere: looked up by node or row, or computed at the segments.

use arrow_array::ArrayRef;
use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;
use arrow_schema::Field;

use crate::error::Result;
use crate::geometry::Point;
use crate::segments::table::schema::{NODE_ID, ROW};
use crate::segments::table::{Hits, SegmentEnds, TableProblem};

/// A source of further columns of a query's result.
///
/// Weights, lead fields and node attributes implement it in the modules of their files; a program can add its own.
pub trait ColumnSource {
    /// Returns the names of all columns.
    ///
    /// # Errors
    /// Returns an error if the names cannot be read.
    fn column_names(&self) -> Result<Vec<String>>;

    /// Returns the names of the columns that a result has if no columns are requested; by default none.
    fn default_columns(&self) -> Vec<String> {
        Vec::new()
    }

    /// Returns the columns of the table that [`ColumnSource::column_values`] needs.
    fn required_columns(&self) -> &[&str];

    /// Returns the type of a column.
    ///
    /// # Errors
    /// Returns an error if there is no such column, or if it cannot be read.
    fn column_field(&self, name: &str) -> Result<Field>;

    /// Returns the values of a column, one for each hit.
    ///
    /// # Errors
    /// Returns an error if there is no such column, if it cannot be read, or if a hit cannot have a value.
    fn column_values(&self, name: &str, hits: &Hits) -> Result<ArrayRef>;
}

impl Hits {
    /// Returns the node ids of the hits; `node_id` must be a requested column.
    ///
    /// # Errors
    /// Returns an error if the column is missing.
    pub fn node_ids(&self) -> Result<&[u64]> {
        self.integers(NODE_ID)
    }

    /// Returns the rows of the hits in `scaling_factors`; `row` must be a requested column.
    ///
    /// # Errors
    /// Returns an error if the column is missing.
    pub fn rows(&self) -> Result<&[u64]> {
        self.integers(ROW)
    }

    fn integers(&self, name: &str) -> Result<&[u64]> {
        let column = self.batch.column_by_name(name).and_then(|column| column.as_primitive_opt::<UInt64Type>());
        Ok(column.ok_or_else(|| TableProblem::MissingColumns(format!("`{name}`")))?.values())
    }

    /// Iterates over the midpoints of the hits, µm; the coordinates must be requested columns.
    ///
    /// # Errors
    /// Returns an error if a coordinate is missing.
    pub fn midpoints(&self) -> Result<impl Iterator<Item = Point>> {
        let ends = SegmentEnds::from_batch(&self.batch)?;
        Ok((0..self.region.len()).map(move |i| {
            let (a, b) = ends.get(i);
            a.midpoint(b)
        }))
    }
}
