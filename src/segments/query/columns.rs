//! The columns of a result: stored in the table, computed from it, or taken from a source.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, RecordBatch, RecordBatchOptions, StringArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef};

use super::{ColumnSource, TableQuery};
use crate::error::{Error, Problem, Result, find_closest, join_quoted};
use crate::geometry::Point;
use crate::segments::table::schema::{COORDINATES, NODE_ID};
use crate::segments::table::{Hits, SegmentEnds, TableProblem};

/// Names of the columns that are computed from the table: the midpoint `x`, `y`, `z`, the `length`, and the length
/// `inside` the region (the whole length without regions), µm.
pub const COMPUTED_COLUMNS: [&str; 5] = ["x", "y", "z", "length", "inside"];

/// Name of the column with the contact of the region, if those of [contacts](TableQuery::contacts) are
/// searched.
pub const ELECTRODE: &str = "electrode";

/// Name of the column with the distance from the point, µm, of the [nearest](TableQuery::nearest) segments.
pub const DISTANCE: &str = "distance";

/// The use of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ColumnUse {
    /// The column is part of the rows.
    Shown,
    /// Rows are grouped by it.
    GroupKey,
    /// It is aggregated.
    Aggregated,
    /// Rows are sorted by it.
    SortKey,
}

/// A name is not a column of the result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown column, expected one of {known}, found `{found}`")]
pub struct UnknownColumn {
    /// The requested name.
    pub found: String,
    /// The names of the columns.
    pub known: String,
    /// The most similar name.
    pub closest: Option<String>,
    /// The purpose of the request.
    pub used_as: ColumnUse,
}

impl Problem for UnknownColumn {
    fn hint(&self) -> Option<String> {
        self.closest.as_ref().map(|closest| format!("did you mean `{closest}`?"))
    }
}

/// The origin of one column.
#[derive(Clone, Copy)]
enum ColumnOrigin<'q> {
    /// A column of the table.
    Stored,
    /// A coordinate of the midpoint, µm.
    Midpoint(usize),
    /// The segment's length, µm.
    Length,
    /// The length inside the region, µm.
    Inside,
    /// The name of the region's contact.
    ContactName,
    /// The distance from the point, µm.
    Distance,
    /// A column of a source.
    Source(&'q dyn ColumnSource),
}

/// The columns of a result, in order.
pub(super) struct ResultColumns<'q> {
    query: &'q TableQuery<'q>,
    /// The schema of the table.
    stored_schema: SchemaRef,
    /// The sources, each with the names of its columns.
    sources: Vec<(&'q dyn ColumnSource, Vec<String>)>,
    origins: Vec<ColumnOrigin<'q>>,
    /// Schema of all columns.
    pub schema: SchemaRef,
    /// Number of columns that are not only sorted by; they come first.
    visible_count: usize,
}

impl<'q> ResultColumns<'q> {
    /// Lists the columns that a query can have; the result has none yet.
    pub fn new(query: &'q TableQuery<'q>) -> Result<Self> {
        let sources = query.sources.iter().map(|&source| Ok((source, source.column_names()?)));
        Ok(Self {
            query,
            stored_schema: query.table.precision().schema(),
            sources: sources.collect::<Result<_>>()?,
            origins: Vec::new(),
            schema: Schema::empty().into(),
            visible_count: 0,
        })
    }

    /// Adds columns after the others. Only shown columns may be repeated; others are added if they are new.
    pub fn add<'n>(&mut self, names: impl IntoIterator<Item = &'n str>, used_as: ColumnUse) -> Result<()> {
        let mut fields: Vec<Arc<Field>> = self.schema.fields().to_vec();
        for name in names {
            if used_as != ColumnUse::Shown && fields.iter().any(|field| field.name() == name) {
                continue;
            }
            let (origin, field) = self.find(name, used_as)?;
            self.origins.push(origin);
            fields.push(field.into());
        }
        if used_as != ColumnUse::SortKey {
            self.visible_count = fields.len();
        }
        self.schema = Schema::new(fields).into();
        Ok(())
    }

    /// Returns the names of the columns of a result for which no columns are requested.
    pub fn default_names(&self) -> Vec<String> {
        let contact = self.query.contact_names().map(|_| ELECTRODE.to_string());
        let stored = self.stored_schema.fields().iter().map(|field| field.name().clone());
        let distance = self.query.is_nearest().then(|| DISTANCE.to_string());
        let sources = self.query.sources.iter().flat_map(|source| source.default_columns());
        contact.into_iter().chain(stored).chain(distance).chain(sources).collect()
    }

    /// Returns the schema without the columns that are only sorted by.
    pub fn visible_schema(&self) -> SchemaRef {
        let fields: Vec<_> = self.schema.fields().iter().take(self.visible_count).cloned().collect();
        Schema::new(fields).into()
    }

    /// Returns the columns of the table that are needed.
    pub fn required_columns(&self) -> Vec<&str> {
        let mut required: Vec<&str> = Vec::new();
        for (origin, field) in self.origins.iter().zip(self.schema.fields()) {
            match origin {
                ColumnOrigin::Stored => required.push(field.name()),
                ColumnOrigin::Midpoint(_) | ColumnOrigin::Length | ColumnOrigin::Inside => required.extend(COORDINATES),
                ColumnOrigin::ContactName | ColumnOrigin::Distance => (),
                ColumnOrigin::Source(source) => required.extend(source.required_columns()),
            }
        }
        if required.is_empty() {
            // if no column is needed, read the node id, so that rows can be counted
            required.push(NODE_ID);
        }
        let mut distinct: Vec<&str> = Vec::new();
        for name in required {
            if !distinct.contains(&name) {
                distinct.push(name);
            }
        }
        distinct
    }

    /// Builds the rows of some hits; `distances` are theirs, if they have any.
    pub fn build_batch(&self, hits: &Hits, distances: &[f64]) -> Result<RecordBatch> {
        let arrays = self.origins.iter().zip(self.schema.fields());
        let arrays = arrays.map(|(origin, field)| self.build_array(*origin, field.name(), hits, distances));
        let options = RecordBatchOptions::new().with_row_count(Some(hits.region.len()));
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), arrays.collect::<Result<_>>()?, &options);
        batch.map_err(|e| Error::from(TableProblem::from(e)))
    }

    fn find(&self, name: &str, used_as: ColumnUse) -> Result<(ColumnOrigin<'q>, Field)> {
        let float = |origin| Ok((origin, Field::new(name, DataType::Float64, false)));
        match name {
            ELECTRODE if self.query.contact_names().is_some() => {
                return Ok((ColumnOrigin::ContactName, Field::new(name, DataType::Utf8, false)));
            }
            DISTANCE if self.query.is_nearest() => return float(ColumnOrigin::Distance),
            "x" => return float(ColumnOrigin::Midpoint(0)),
            "y" => return float(ColumnOrigin::Midpoint(1)),
            "z" => return float(ColumnOrigin::Midpoint(2)),
            "length" => return float(ColumnOrigin::Length),
            "inside" => return float(ColumnOrigin::Inside),
            _ => (),
        }
        if let Ok(field) = self.stored_schema.field_with_name(name) {
            return Ok((ColumnOrigin::Stored, field.clone()));
        }
        match self.sources.iter().find(|(_, names)| names.iter().any(|known| known == name)) {
            Some((source, _)) => Ok((ColumnOrigin::Source(*source), source.column_field(name)?)),
            None => Err(self.unknown_column(name, used_as).into()),
        }
    }

    fn unknown_column(&self, name: &str, used_as: ColumnUse) -> UnknownColumn {
        let stored = self.stored_schema.fields().iter().map(|field| field.name().as_str());
        let contact = self.query.contact_names().map(|_| ELECTRODE);
        let distance = self.query.is_nearest().then_some(DISTANCE);
        let sources = self.sources.iter().flat_map(|(_, names)| names.iter().map(String::as_str));
        let known: Vec<&str> = stored.chain(COMPUTED_COLUMNS).chain(contact).chain(distance).chain(sources).collect();
        let closest = find_closest(name, known.iter().copied()).map(String::from);
        UnknownColumn { found: name.into(), known: join_quoted(known, 60), closest, used_as }
    }

    fn build_array(&self, origin: ColumnOrigin<'_>, name: &str, hits: &Hits, distances: &[f64]) -> Result<ArrayRef> {
        match origin {
            ColumnOrigin::Stored => {
                let missing = || TableProblem::MissingColumns(format!("`{name}`"));
                Ok(hits.batch.column_by_name(name).ok_or_else(missing)?.clone())
            }
            ColumnOrigin::Midpoint(axis) => measure_segments(hits, |_, a, b| a.midpoint(b).to_array()[axis]),
            ColumnOrigin::Length => measure_segments(hits, |_, a, b| a.distance(b)),
            ColumnOrigin::Inside => measure_segments(hits, |region, a, b| self.length_inside(region, a, b)),
            ColumnOrigin::ContactName => {
                let names = self.query.contact_names().unwrap_or_default();
                let name = |region: &u32| names.get(*region as usize).map(String::as_str);
                Ok(Arc::new(hits.region.iter().map(name).collect::<StringArray>()))
            }
            ColumnOrigin::Distance => Ok(Arc::new(Float64Array::from(distances.to_vec()))),
            ColumnOrigin::Source(source) => source.column_values(name, hits),
        }
    }

    /// Returns the length of the segment a-b inside a region; its whole length if there is no region.
    fn length_inside(&self, region: u32, a: Point, b: Point) -> f64 {
        let share = self.query.region_list().get(region as usize).map_or(1.0, |r| r.fraction_inside(a, b));
        share * a.distance(b)
    }
}

/// Computes a value from the region number and the two ends of each hit.
fn measure_segments(hits: &Hits, measure: impl Fn(u32, Point, Point) -> f64) -> Result<ArrayRef> {
    let ends = SegmentEnds::from_batch(&hits.batch)?;
    let values = hits.region.iter().enumerate().map(|(i, &region)| {
        let (a, b) = ends.get(i);
        measure(region, a, b)
    });
    Ok(Arc::new(Float64Array::from_iter_values(values)))
}
