//! Sorted and grouped rows of a result, through data frames.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, UInt64Type};
use arrow_array::{ArrayRef, ArrowPrimitiveType, PrimitiveArray, RecordBatch, StringArray, UInt32Array};
use arrow_schema::DataType;
use arrow_select::take::take;

use super::columns::{ColumnUse, ELECTRODE, ResultColumns};
use super::natural_order::compare_naturally;
use super::{QueryRows, TableQuery};
use crate::error::Result;
use crate::segments::frame::{Aggregate, Frame, FrameProblem, Operation, RowGrouper, RowSorter, SortKey};

/// Number of sorted rows in a batch.
const ROWS_PER_BATCH: usize = 1 << 16;

impl QueryRows<'_> {
    /// Sorts the rows by some columns, the most important first; they need not be columns of the rows. Missing values
    /// come last, and equal rows keep their order. The rows are kept in memory; with a limit, about twice as many as
    /// that.
    ///
    /// # Errors
    /// Returns [`UnknownColumn`](super::UnknownColumn) for a name that is no column, or the error of a source.
    pub fn sort(mut self, keys: &[SortKey]) -> Result<Self> {
        self.columns.add(keys.iter().map(|key| key.column.as_str()), ColumnUse::SortKey)?;
        self.keys = keys.to_vec();
        Ok(self)
    }

    pub(super) fn for_each_sorted_batch(&self, visit: &mut dyn FnMut(&RecordBatch) -> Result<()>) -> Result<()> {
        let mut sorter = RowSorter::new(&self.keys, self.query.limit);
        self.query.search(&self.columns.required_columns(), &mut |hits, distances| {
            sorter.add_rows(&Frame::from_batch(&self.columns.build_batch(&hits, distances)?)?)
        })?;
        let rows = sorter.finish()?;
        let schema = self.schema();
        for first in (0..rows.len()).step_by(ROWS_PER_BATCH) {
            let batch = rows.slice(first, ROWS_PER_BATCH).to_batch()?;
            let shown = batch.columns().iter().take(schema.fields().len()).map(Arc::clone).collect();
            visit(&RecordBatch::try_new(schema.clone(), shown).map_err(FrameProblem::from)?)?;
        }
        Ok(())
    }
}

/// The groups of a query's result: see [`TableQuery::group_by`].
pub struct GroupedRows<'q> {
    query: &'q TableQuery<'q>,
    columns: ResultColumns<'q>,
    by: Vec<String>,
    aggregates: Vec<Aggregate>,
    keys: Vec<SortKey>,
}

impl<'q> GroupedRows<'q> {
    pub(super) fn new(query: &'q TableQuery<'q>, by: &[String], aggregates: &[Aggregate]) -> Result<Self> {
        let aggregates = if aggregates.is_empty() { default_aggregates() } else { aggregates.to_vec() };
        let mut columns = ResultColumns::new(query)?;
        columns.add(by.iter().map(String::as_str), ColumnUse::GroupKey)?;
        columns.add(aggregates.iter().filter_map(|aggregate| aggregate.column.as_deref()), ColumnUse::Aggregated)?;
        let groups = Self { query, columns, by: by.to_vec(), aggregates, keys: Vec::new() };
        // check the aggregates before the search
        groups.start_grouping()?;
        Ok(groups)
    }

    /// Sorts the groups by some columns of the result, the most important first; otherwise, and if these are equal, they
    /// are sorted by their keys.
    ///
    /// # Errors
    /// Returns [`FrameProblem::UnknownColumn`] for a name that is no column of the result.
    pub fn sort(mut self, keys: &[SortKey]) -> Result<Self> {
        self.start_grouping()?.finish()?.sort(keys)?;
        self.keys = keys.to_vec();
        Ok(self)
    }

    /// Searches, and returns one row per group: the keys, then the aggregates; only the first groups if the query has a
    /// limit. Groups by contact are in the natural order of the contacts' names; a contact without segments is a group of
    /// none, if only contacts are grouped.
    ///
    /// # Errors
    /// Returns an error if the table, the index or a source is unreadable or damaged.
    pub fn collect(&self) -> Result<Frame> {
        let mut grouper = self.start_grouping()?;
        self.query.search(&self.columns.required_columns(), &mut |hits, distances| {
            grouper.add_rows(&Frame::from_batch(&self.columns.build_batch(&hits, distances)?)?)
        })?;
        let groups = self.complete_contacts(grouper.finish()?)?.sort(&self.keys)?;
        Ok(groups.head(self.query.limit.unwrap_or(usize::MAX)))
    }

    /// Orders groups by contact, and adds the contacts without segments.
    fn complete_contacts(&self, groups: Frame) -> Result<Frame> {
        let (Some(contacts), Some(ELECTRODE)) = (self.query.contact_names(), self.by.first().map(String::as_str))
        else {
            return Ok(groups);
        };
        let batch = groups.to_batch()?;
        let Some(names) = batch.column(0).as_string_opt::<i32>() else { return Ok(groups) };
        let mut rows: Vec<(&str, Option<u32>)> =
            names.iter().map(Option::unwrap_or_default).zip((0..).map(Some)).collect();
        if self.by.len() == 1 {
            let absent = contacts.iter().filter(|contact| !names.iter().flatten().any(|name| name == contact.as_str()));
            rows.extend(absent.map(|contact| (contact.as_str(), None)));
        }
        // stable: groups of the same contact keep their order
        rows.sort_by(|(a, _), (b, _)| compare_naturally(a, b));
        let indices: UInt32Array = rows.iter().map(|(_, row)| *row).collect();
        let mut columns = Vec::with_capacity(batch.num_columns());
        for (i, (field, column)) in batch.schema_ref().fields().iter().zip(batch.columns()).enumerate() {
            let taken = take(column, &indices, None).map_err(FrameProblem::from)?;
            let aggregate = i.checked_sub(self.by.len()).and_then(|i| self.aggregates.get(i));
            let column: ArrayRef = match aggregate.map(|aggregate| aggregate.operation) {
                None if i == 0 => Arc::new(StringArray::from_iter_values(rows.iter().map(|(name, _)| name))),
                Some(Operation::Count | Operation::Sum | Operation::Unique) => fill_with_zeros(taken),
                _ => taken,
            };
            columns.push((field.name().clone(), column, true));
        }
        Frame::from_batch(&RecordBatch::try_from_iter_with_nullable(columns).map_err(FrameProblem::from)?)
    }

    fn start_grouping(&self) -> Result<RowGrouper> {
        let no_rows = Frame::from_batch(&RecordBatch::new_empty(self.columns.schema.clone()))?;
        RowGrouper::new(&self.by, &self.aggregates, &no_rows)
    }
}

/// Replaces missing numbers by 0.
fn fill_with_zeros(column: ArrayRef) -> ArrayRef {
    fn fill<T: ArrowPrimitiveType>(column: &ArrayRef) -> ArrayRef {
        let values = column.as_primitive::<T>().iter().map(Option::unwrap_or_default);
        Arc::new(PrimitiveArray::<T>::from_iter_values(values))
    }
    match column.data_type() {
        DataType::UInt64 => fill::<UInt64Type>(&column),
        DataType::Int64 => fill::<Int64Type>(&column),
        DataType::Float64 => fill::<Float64Type>(&column),
        _ => column,
    }
}

/// Returns the number of segments, and their length, in total and inside the region.
fn default_aggregates() -> Vec<Aggregate> {
    let sum = |name: &str| Aggregate { operation: Operation::Sum, column: Some(name.into()), name: name.into() };
    let segments = Aggregate { operation: Operation::Count, column: None, name: "segments".into() };
    vec![segments, sum("length"), sum("inside")]
}
