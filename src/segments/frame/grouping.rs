//! Aggregates groups of rows that arrive in batches.
//!
//! Rows are aggregated in chunks, and the aggregates of chunks are merged, so that memory grows with the number of
//! groups and not with the number of rows. [`Operation::Median`], [`Operation::Std`] and [`Operation::Unique`] cannot
//! be merged: with one of them all rows stay in memory, in the columns that are needed.

use polars_core::prelude::{
    Column, DataFrame, DataType, Float64Chunked, GroupsIndicator, GroupsType, IntoColumn, IntoSeries, NewChunkedArray,
    StringChunked,
};

use super::exact_sum::ExactSum;
use super::{Frame, FrameProblem, SortKey, is_number};
use crate::error::{Result, find_closest, join_quoted};
use crate::segments::SectionType;
use crate::segments::table::schema::SECTION_TYPE;

/// Number of rows that are aggregated together.
const STRETCH_ROWS: usize = 1 << 20;

/// Integers below this are exact as floats.
const MAX_EXACT_INTEGER: f64 = 9e15;

/// An aggregate operation on the rows of a group. Missing values are ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// Number of rows; for a column, number of values.
    Count,
    /// Sum; 0 without values.
    Sum,
    /// Arithmetic mean; missing without values.
    Mean,
    /// Smallest value that is not NaN; missing without values.
    Min,
    /// Largest value that is not NaN; missing without values.
    Max,
    /// Median; the mean of the middle two for an even number of values.
    Median,
    /// Sample standard deviation (n - 1); missing with fewer than two values.
    Std,
    /// Number of distinct values.
    Unique,
}

impl Operation {
    /// All operations.
    pub const ALL: [Self; 8] =
        [Self::Count, Self::Sum, Self::Mean, Self::Min, Self::Max, Self::Median, Self::Std, Self::Unique];

    /// Returns its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Sum => "sum",
            Self::Mean => "mean",
            Self::Min => "min",
            Self::Max => "max",
            Self::Median => "median",
            Self::Std => "std",
            Self::Unique => "unique",
        }
    }

    /// Returns whether results of chunks can be merged.
    const fn is_mergeable(self) -> bool {
        !matches!(self, Self::Median | Self::Std | Self::Unique)
    }

    /// Checks that the operation is defined for a column's values. Section types count as names, not as the numbers
    /// that encode them.
    fn check_column_type(self, column: &Column) -> Result<()> {
        let name = column.name().as_str();
        let values = match column.dtype() {
            _ if name == SECTION_TYPE => "kinds of section",
            DataType::String => "text",
            values if is_number(values) => return Ok(()),
            _ => "values that are not numbers",
        };
        let is_defined = match self {
            Self::Count | Self::Unique => true,
            Self::Min | Self::Max => values == "text",
            _ => false,
        };
        if is_defined {
            return Ok(());
        }
        Err(FrameProblem::Undefined { operation: self.name(), values, column: name.into() }.into())
    }
}

/// One aggregate column of the result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aggregate {
    /// The operation.
    pub operation: Operation,
    /// The column; `None` to count rows.
    pub column: Option<String>,
    /// Name of the result column.
    pub name: String,
}

impl Aggregate {
    /// Parses `count` or `OPERATION:COLUMN`; the result column is named like the text, with `_` instead of `:`.
    ///
    /// # Errors
    /// Returns an error if the operation is unknown, or needs a column and has none.
    pub fn parse(text: &str) -> Result<Self> {
        let (found, column) = text.split_once(':').map_or((text, None), |(name, column)| (name, Some(column)));
        let names = || Operation::ALL.map(Operation::name);
        let operation = Operation::ALL.into_iter().find(|operation| operation.name() == found);
        let operation = operation.ok_or_else(|| FrameProblem::UnknownOperation {
            known: join_quoted(names(), Operation::ALL.len()),
            found: found.into(),
            closest: find_closest(found, names()),
        })?;
        let column = column.filter(|name| !name.is_empty()).map(String::from);
        if column.is_none() && operation != Operation::Count {
            return Err(FrameProblem::NoColumn(operation.name()).into());
        }
        let name = column.as_ref().map_or_else(|| found.into(), |column| format!("{found}_{column}"));
        Ok(Self { operation, column, name })
    }

    /// Returns the partial aggregates to compute for each chunk of rows.
    fn partial_aggregates(&self) -> Vec<PartialAggregate> {
        let step = |operation| PartialAggregate { operation, column: self.column.clone() };
        match self.operation {
            Operation::Mean => vec![step(Operation::Sum), step(Operation::Count)],
            operation => vec![step(operation)],
        }
    }
}

/// An operation on a column, with results that are stored in a separate column until they are merged.
#[derive(Debug, Clone, PartialEq, Eq)]
struct PartialAggregate {
    operation: Operation,
    column: Option<String>,
}

impl PartialAggregate {
    /// Returns the name of its result column. It is unique, because keys come first.
    fn result_name(&self) -> String {
        format!("\0{}:{}", self.operation.name(), self.column.as_deref().unwrap_or_default())
    }

    /// Returns the names of the columns that a sum of floats has until it is complete.
    fn sum_names(&self) -> [String; ExactSum::PARTS] {
        std::array::from_fn(|part| format!("{}:{part}", self.result_name()))
    }

    /// Returns its results for groups of rows.
    fn aggregate_groups(&self, rows: &Frame, groups: &GroupsType) -> Result<Vec<Column>> {
        let results = match &self.column {
            None => {
                Column::from(groups.group_count().into_series()).cast(&DataType::UInt64).map_err(FrameProblem::from)?
            }
            Some(name) => {
                let column = rows.column(name)?;
                // 64 bits are too few for the sum of integers that may have any value, such as attributes
                let is_float_sum = column.dtype().is_float() || column.dtype().is_signed_integer();
                if self.operation == Operation::Sum && is_float_sum {
                    return self.sum_groups(&[column], groups);
                }
                aggregate_column(column, self.operation, groups)?
            }
        };
        Ok(vec![results.with_name(self.result_name().into())])
    }

    /// Returns its merged results for groups of chunk results.
    fn merge_groups(&self, results: &Frame, groups: &GroupsType) -> Result<Vec<Column>> {
        if let Some(parts) = self.sum_columns(results) {
            return self.sum_groups(&parts, groups);
        }
        let operation = if self.operation == Operation::Count { Operation::Sum } else { self.operation };
        let merged = aggregate_column(results.column(&self.result_name())?, operation, groups)?;
        Ok(vec![merged.with_name(self.result_name().into())])
    }

    /// Returns the columns of a sum of floats; `None` for other results.
    fn sum_columns<'a>(&self, results: &'a Frame) -> Option<Vec<&'a Column>> {
        self.sum_names().iter().map(|name| results.column(name).ok()).collect()
    }

    /// Sums the values of some columns for groups of rows.
    fn sum_groups(&self, columns: &[&Column], groups: &GroupsType) -> Result<Vec<Column>> {
        let mut sums = vec![ExactSum::default(); groups.len()];
        for column in columns {
            let values = float_values(column)?;
            for (group, sum) in sums.iter_mut().enumerate() {
                group_rows(groups, group).for_each(|row| sum.add(values.get(row).copied().flatten().unwrap_or(0.0)));
            }
        }
        let column = |(part, name): (usize, String)| {
            let values = sums.iter().map(|sum| sum.parts().get(part).copied());
            Float64Chunked::from_iter_options(name.into(), values).into_column()
        };
        Ok(self.sum_names().into_iter().enumerate().map(column).collect())
    }

    /// Returns its result for each group, when all rows were aggregated.
    fn complete_results(&self, results: &Frame) -> Result<Column> {
        let Some(parts) = self.sum_columns(results) else { return Ok(results.column(&self.result_name())?.clone()) };
        let parts = parts.into_iter().map(float_values).collect::<Result<Vec<_>>>()?;
        let sum = |row: usize| parts.iter().filter_map(|part| part.get(row).copied().flatten()).collect::<ExactSum>();
        let sums = (0..results.len()).map(|row| Some(sum(row).value()));
        Ok(Float64Chunked::from_iter_options("".into(), sums).into_column())
    }
}

/// Returns the values of a column as floats.
fn float_values(column: &Column) -> Result<Vec<Option<f64>>> {
    let column = column.cast(&DataType::Float64).map_err(FrameProblem::from)?;
    Ok(column.f64().map_err(FrameProblem::from)?.iter().collect())
}

/// Returns the rows of a group.
fn group_rows(groups: &GroupsType, group: usize) -> Box<dyn Iterator<Item = usize> + '_> {
    match groups.get(group) {
        GroupsIndicator::Idx((_, rows)) => Box::new(rows.iter().map(|&row| row as usize)),
        GroupsIndicator::Slice([first, count]) => Box::new(first as usize..(first + count) as usize),
    }
}

/// Returns the sample standard deviation of each group, in two passes, so that it does not depend on the order of rows.
fn deviations(column: &Column, groups: &GroupsType) -> Result<Column> {
    let values = float_values(column)?;
    let deviation = |group: usize| {
        let own: Vec<f64> = group_rows(groups, group).filter_map(|row| values.get(row).copied().flatten()).collect();
        let count = own.len() as f64;
        let mean = own.iter().copied().collect::<ExactSum>().value() / count;
        let squares = own.iter().map(|value| (value - mean) * (value - mean)).collect::<ExactSum>().value();
        (own.len() > 1).then(|| (squares / (count - 1.0)).sqrt())
    };
    Ok(Float64Chunked::from_iter_options("".into(), (0..groups.len()).map(deviation)).into_column())
}

/// Returns the results of an operation on a column, for groups of its rows.
fn aggregate_column(column: &Column, operation: Operation, groups: &GroupsType) -> Result<Column> {
    let cast = |column: &Column, values| column.cast(&values).map_err(FrameProblem::from);
    // sums in narrow types would overflow or lose digits
    let wide = match column.dtype() {
        values if values.is_float() => DataType::Float64,
        values if values.is_signed_integer() => DataType::Int64,
        _ => DataType::UInt64,
    };
    // SAFETY: the groups are groups of rows of the frame that contains the column, so no index is out of bounds
    let results = unsafe {
        match operation {
            Operation::Count if column.null_count() == 0 => groups.group_count().into_series().into(),
            Operation::Count => cast(&column.is_not_null().into_series().into(), DataType::UInt64)?.agg_sum(groups),
            Operation::Sum => cast(column, wide)?.agg_sum(groups),
            Operation::Mean => column.agg_mean(groups),
            Operation::Min => column.agg_min(groups),
            Operation::Max => column.agg_max(groups),
            Operation::Median => cast(column, DataType::Float64)?.agg_median(groups),
            Operation::Std => deviations(column, groups)?,
            Operation::Unique if column.null_count() == 0 => column.agg_n_unique(groups),
            Operation::Unique => {
                // polars counts missing values as one additional value
                let missing: Column = column.is_null().into_series().into();
                let missing = cast(&missing, DataType::UInt64)?.agg_max(groups);
                let found = cast(&column.agg_n_unique(groups), DataType::UInt64)?;
                (found - missing).map_err(FrameProblem::from)?
            }
        }
    };
    let is_number_of_values = matches!(operation, Operation::Count | Operation::Unique);
    Ok(if is_number_of_values { cast(&results, DataType::UInt64)? } else { results })
}

/// Groups rows that arrive in batches by the values of some columns, and aggregates each group.
#[derive(Debug)]
pub struct RowGrouper {
    key_columns: Vec<String>,
    aggregates: Vec<Aggregate>,
    steps: Vec<PartialAggregate>,
    /// Rows of the chunk that is not aggregated yet, with the needed columns.
    rows: Frame,
    /// Results of earlier chunks.
    results: Option<Frame>,
    /// Number of rows of a chunk.
    stretch_rows: usize,
}

impl RowGrouper {
    /// Groups `rows`, and all rows that are added later, by some columns; without columns all rows are one group.
    ///
    /// # Errors
    /// Returns an error if a column is missing, an operation is not defined for its values, or two result columns have
    /// the same name.
    pub fn new(by: &[String], aggregates: &[Aggregate], rows: &Frame) -> Result<Self> {
        let mut names: Vec<&String> = Vec::new();
        for name in by.iter().chain(aggregates.iter().map(|aggregate| &aggregate.name)) {
            if names.contains(&name) {
                return Err(FrameProblem::DuplicateColumn(name.clone()).into());
            }
            names.push(name);
        }
        by.iter().try_for_each(|name| rows.column(name).map(drop))?;
        for Aggregate { operation, column, .. } in aggregates {
            column.as_ref().map_or(Ok(()), |name| operation.check_column_type(rows.column(name)?))?;
        }
        let mut steps: Vec<PartialAggregate> = Vec::new();
        for step in aggregates.iter().flat_map(Aggregate::partial_aggregates) {
            if !steps.contains(&step) {
                steps.push(step);
            }
        }
        let (by, aggregates) = (by.to_vec(), aggregates.to_vec());
        let mut grouping = Self {
            key_columns: by,
            aggregates,
            steps,
            rows: Frame::default(),
            results: None,
            stretch_rows: STRETCH_ROWS,
        };
        grouping.add_rows(rows)?;
        Ok(grouping)
    }

    /// Adds rows; they must have the columns of the first rows.
    ///
    /// # Errors
    /// Returns an error if the columns differ, or if there are more rows than polars can count.
    pub fn add_rows(&mut self, rows: &Frame) -> Result<()> {
        self.rows.append(rows)?;
        // the more groups there are, the less often their results are merged
        let merged = self.results.as_ref().map_or(0, Frame::len);
        let is_mergeable = self.steps.iter().all(|step| step.operation.is_mergeable());
        if is_mergeable && self.rows.len() >= self.stretch_rows.max(merged) {
            self.results = Some(self.aggregate_rows()?);
            self.rows = self.rows.head(0);
        }
        Ok(())
    }

    /// Returns one row per group: the key columns, then the aggregates. Groups are sorted by their keys, missing keys
    /// first; section types are given by name. Without key columns there is exactly one row, also if there are no rows.
    ///
    /// # Errors
    /// Returns an error if polars fails.
    pub fn finish(self) -> Result<Frame> {
        let results = self.aggregate_rows()?;
        let keys = self.key_columns.iter().map(|name| format_keys(results.column(name)?));
        let aggregates = self.aggregates.iter().map(|aggregate| self.result_column(aggregate, &results));
        let columns = keys.chain(aggregates).collect::<Result<Vec<_>>>()?;
        let frame = Frame { data: DataFrame::new(results.len(), columns).map_err(FrameProblem::from)? };
        let order: Vec<SortKey> =
            self.key_columns.iter().map(|column| SortKey { column: column.clone(), descending: false }).collect();
        frame.sort_with_nulls(&order, false)
    }

    /// Returns the results of all partial aggregates for all rows so far.
    fn aggregate_rows(&self) -> Result<Frame> {
        let stretch = self.group_rows(&self.rows, PartialAggregate::aggregate_groups)?;
        let Some(results) = &self.results else { return Ok(stretch) };
        let mut both = results.clone();
        both.append(&stretch)?;
        self.group_rows(&both, PartialAggregate::merge_groups)
    }

    /// Returns the keys, and the results of all partial aggregates, for the groups of some rows.
    fn group_rows(
        &self,
        rows: &Frame,
        result: fn(&PartialAggregate, &Frame, &GroupsType) -> Result<Vec<Column>>,
    ) -> Result<Frame> {
        let one_chunk = Frame { data: rows.data.clone().rechunk_mut().clone() };
        let rows = &one_chunk;
        let (mut columns, groups) = if self.key_columns.is_empty() {
            (Vec::new(), GroupsType::new_slice(vec![[0, rows.len() as u32]], false, true).into_sliceable())
        } else {
            let grouped = rows.data.group_by(&self.key_columns).map_err(FrameProblem::from)?;
            (grouped.keys(), grouped.into_groups())
        };
        for step in &self.steps {
            columns.extend(result(step, rows, &groups)?);
        }
        Ok(Frame { data: DataFrame::new(groups.len(), columns).map_err(FrameProblem::from)? })
    }

    /// Returns a column of the result.
    fn result_column(&self, aggregate: &Aggregate, results: &Frame) -> Result<Column> {
        let results = aggregate
            .partial_aggregates()
            .iter()
            .map(|step| step.complete_results(results))
            .collect::<Result<Vec<_>>>()?;
        let column = match &results[..] {
            [sums, counts] => divide_columns(sums, counts)?,
            [result] => result.clone(),
            _ => Column::full_null(aggregate.name.as_str().into(), 0, &DataType::Null),
        };
        Ok(column.with_name(aggregate.name.as_str().into()))
    }
}

/// Divides sums by the number of their values; the result is missing if the number is zero.
fn divide_columns(sums: &Column, counts: &Column) -> Result<Column> {
    let float = |column: &Column| column.cast(&DataType::Float64).map_err(FrameProblem::from);
    let (sums, counts) = (float(sums)?, float(counts)?);
    let sums = sums.f64().map_err(FrameProblem::from)?.iter();
    let counts = counts.f64().map_err(FrameProblem::from)?.iter();
    let mean = |(sum, count): (Option<f64>, Option<f64>)| sum.zip(count.filter(|&n| n > 0.0)).map(|(sum, n)| sum / n);
    Ok(Float64Chunked::from_iter_options("".into(), sums.zip(counts).map(mean)).into_column())
}

/// Converts a key column for users: section types to names, integral values to integers.
fn format_keys(column: &Column) -> Result<Column> {
    let name = column.name();
    if name == SECTION_TYPE && column.dtype() == &DataType::UInt8 {
        let kinds = column.u8().map_err(FrameProblem::from)?.iter();
        let kinds = kinds.map(|number| number.and_then(SectionType::from_number).map(SectionType::name));
        return Ok(StringChunked::from_iter_options(name.clone(), kinds).into_column());
    }
    if column.dtype().is_float() {
        let float = column.cast(&DataType::Float64).map_err(FrameProblem::from)?;
        let is_whole =
            |value: Option<f64>| value.is_none_or(|v| (0.0..MAX_EXACT_INTEGER).contains(&v) && v.fract() == 0.0);
        if float.f64().map_err(FrameProblem::from)?.iter().all(is_whole) {
            return Ok(column.cast(&DataType::UInt64).map_err(FrameProblem::from)?);
        }
    }
    Ok(column.clone())
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::sync::Arc;

    use arrow_array::cast::AsArray;
    use arrow_array::types::{Float64Type, UInt64Type};
    use arrow_array::{ArrayRef, Float32Array, Float64Array, RecordBatch, StringArray, UInt8Array, UInt32Array};
    use proptest::prelude::*;

    use super::*;

    /// A row: section type, text, integer, and a value in eighths, so that sums are exact in any order.
    type Row = (Option<u8>, &'static str, u32, Option<i16>);

    fn value(eighths: i16) -> f64 {
        f64::from(eighths) / 8.0
    }

    fn frame(rows: &[Row]) -> Frame {
        let columns: Vec<(&str, ArrayRef)> = vec![
            (SECTION_TYPE, Arc::new(rows.iter().map(|row| row.0).collect::<UInt8Array>())),
            ("text", Arc::new(rows.iter().map(|row| Some(row.1)).collect::<StringArray>())),
            ("whole", Arc::new(rows.iter().map(|row| row.2).collect::<UInt32Array>())),
            ("value", Arc::new(rows.iter().map(|row| row.3.map(value)).collect::<Float64Array>())),
            ("single", Arc::new(rows.iter().map(|row| row.3.map(|v| value(v) as f32)).collect::<Float32Array>())),
        ];
        let columns = columns.into_iter().map(|(name, array)| (name, array, true));
        Frame::from_batch(&RecordBatch::try_from_iter_with_nullable(columns).unwrap()).unwrap()
    }

    fn strings(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| name.to_string()).collect()
    }

    /// Groups rows that arrive in batches, merged every few rows.
    fn grouped(rows: &[Row], batch: usize, by: &[&str], aggregates: &[&str]) -> RecordBatch {
        let aggregates: Vec<Aggregate> = aggregates.iter().map(|text| Aggregate::parse(text).unwrap()).collect();
        let mut grouping = RowGrouper::new(&strings(by), &aggregates, &frame(&[])).unwrap();
        grouping.stretch_rows = 5;
        rows.chunks(batch).for_each(|rows| grouping.add_rows(&frame(rows)).unwrap());
        grouping.finish().unwrap().to_batch().unwrap()
    }

    /// Returns the numbers of a column as doubles.
    fn numbers(batch: &RecordBatch, name: &str) -> Vec<Option<f64>> {
        let column = batch.column_by_name(name).unwrap();
        match column.as_primitive_opt::<UInt64Type>() {
            Some(whole) => whole.iter().map(|v| v.map(|v| v as f64)).collect(),
            None => column.as_primitive::<Float64Type>().iter().collect(),
        }
    }

    fn texts(batch: &RecordBatch, name: &str) -> Vec<Option<String>> {
        batch.column_by_name(name).unwrap().as_string::<i32>().iter().map(|text| text.map(String::from)).collect()
    }

    /// Returns the median of sorted values.
    fn median(sorted: &[f64]) -> Option<f64> {
        let n = sorted.len();
        (n > 0).then(|| (sorted[(n - 1) / 2] + sorted[n / 2]) / 2.0)
    }

    /// Returns the sample standard deviation, computed in two passes.
    fn deviation(values: &[f64]) -> Option<f64> {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        (n > 1.0).then(|| (values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (n - 1.0)).sqrt())
    }

    fn rows() -> impl Strategy<Value = Vec<Row>> {
        let kind = proptest::option::weighted(0.8, 0u8..7);
        let text = prop::sample::select(vec!["L5", "L23_PC", "L6", ""]);
        prop::collection::vec((kind, text, 0u32..4, proptest::option::weighted(0.7, -80i16..80)), 0..60)
    }

    proptest! {
        #[test]
        fn aggregates_equal_those_of_a_loop(rows in rows(), batch in 1usize..20) {
            let mut expected: BTreeMap<(Option<String>, u32), Vec<&Row>> = BTreeMap::new();
            for row in &rows {
                let kind = row.0.and_then(SectionType::from_number).map(|kind| kind.name().to_string());
                expected.entry((kind, row.2)).or_default().push(row);
            }
            let values = |rows: &[&Row]| rows.iter().filter_map(|row| row.3).map(value).collect::<Vec<f64>>();
            let mergeable = ["count", "count:value", "sum:value", "mean:value", "min:value", "max:value", "sum:single",
                "sum:whole", "min:text", "max:text"];
            let all = [&mergeable[..], &["median:value", "std:value", "unique:value", "unique:text"]].concat();
            for aggregates in [&mergeable[..], &all] {
                let found = grouped(&rows, batch, &[SECTION_TYPE, "whole"], aggregates);
                prop_assert_eq!(texts(&found, SECTION_TYPE), expected.keys().map(|k| k.0.clone()).collect::<Vec<_>>());
                let each = |result: &dyn Fn(&[&Row]) -> Option<f64>| {
                    expected.values().map(|rows| result(rows)).collect::<Vec<_>>()
                };
                let count = each(&|rows| Some(rows.len() as f64));
                prop_assert_eq!(numbers(&found, "count"), count);
                prop_assert_eq!(numbers(&found, "count_value"), each(&|rows| Some(values(rows).len() as f64)));
                prop_assert_eq!(numbers(&found, "sum_value"), each(&|rows| Some(values(rows).iter().sum::<f64>() + 0.0)));
                prop_assert_eq!(numbers(&found, "sum_single"), numbers(&found, "sum_value"));
                let whole = each(&|rows| Some(rows.iter().map(|row| f64::from(row.2)).sum()));
                prop_assert_eq!(numbers(&found, "sum_whole"), whole);
                let mean = |rows: &[&Row]| {
                    let values = values(rows);
                    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
                };
                prop_assert_eq!(numbers(&found, "mean_value"), each(&mean));
                prop_assert_eq!(numbers(&found, "min_value"), each(&|rows| values(rows).into_iter().reduce(f64::min)));
                prop_assert_eq!(numbers(&found, "max_value"), each(&|rows| values(rows).into_iter().reduce(f64::max)));
                let text = |of: fn(std::slice::Iter<'_, &Row>) -> Option<&'static str>| {
                    expected.values().map(|rows| of(rows.iter()).map(String::from)).collect::<Vec<_>>()
                };
                prop_assert_eq!(texts(&found, "min_text"), text(|rows| rows.map(|row| row.1).min()));
                prop_assert_eq!(texts(&found, "max_text"), text(|rows| rows.map(|row| row.1).max()));
                if aggregates.len() == mergeable.len() {
                    continue;
                }
                let sorted = |rows: &[&Row]| {
                    let mut values = values(rows);
                    values.sort_by(f64::total_cmp);
                    values
                };
                prop_assert_eq!(numbers(&found, "median_value"), each(&|rows| median(&sorted(rows))));
                let unique = |rows: &[&Row]| rows.iter().filter_map(|row| row.3).collect::<BTreeSet<_>>().len() as f64;
                prop_assert_eq!(numbers(&found, "unique_value"), each(&|rows| Some(unique(rows))));
                for (found, expected) in numbers(&found, "std_value").iter().zip(each(&|rows| deviation(&values(rows)))) {
                    prop_assert_eq!(found.is_some(), expected.is_some());
                    let (found, expected) = (found.unwrap_or(0.0), expected.unwrap_or(0.0));
                    prop_assert!((found - expected).abs() <= 1e-12 * expected, "{} {}", found, expected);
                }
            }
        }

        #[test]
        fn without_columns_to_group_by_all_rows_are_one_group(rows in rows(), batch in 1usize..20) {
            let found = grouped(&rows, batch, &[], &["count", "sum:value", "mean:value", "min:value", "unique:text", "std:value"]);
            let values: Vec<f64> = rows.iter().filter_map(|row| row.3).map(value).collect();
            prop_assert_eq!(numbers(&found, "count"), [Some(rows.len() as f64)]);
            prop_assert_eq!(numbers(&found, "sum_value"), [Some(values.iter().sum::<f64>() + 0.0)]);
            prop_assert_eq!(numbers(&found, "min_value"), [values.iter().copied().reduce(f64::min)]);
            let mean = (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64);
            prop_assert_eq!(numbers(&found, "mean_value"), [mean]);
            let unique = rows.iter().map(|row| row.1).collect::<BTreeSet<_>>().len() as f64;
            prop_assert_eq!(numbers(&found, "unique_text"), [Some(unique)]);
            prop_assert_eq!(numbers(&found, "std_value")[0].is_some(), values.len() > 1);
        }
    }

    #[test]
    fn nan_counts_in_sums_and_means_and_not_in_extremes() {
        let column = |values: Vec<Option<f64>>| {
            let keys: ArrayRef = Arc::new(UInt32Array::from_iter_values([1, 1, 2, 2]));
            let values: ArrayRef = Arc::new(Float64Array::from(values));
            let columns = [("key", keys, true), ("value", values, true)];
            Frame::from_batch(&RecordBatch::try_from_iter_with_nullable(columns).unwrap()).unwrap()
        };
        let rows = column(vec![Some(f64::NAN), Some(3.0), Some(f64::NAN), None]);
        let aggregates = ["sum:value", "mean:value", "min:value", "max:value", "count:value"];
        let aggregates = aggregates.map(|text| Aggregate::parse(text).unwrap());
        let by_key = RowGrouper::new(&strings(&["key"]), &aggregates, &rows).unwrap().finish().unwrap();
        let found = by_key.to_batch().unwrap();
        let is_nan = |name: &str| numbers(&found, name).iter().map(|v| v.unwrap().is_nan()).collect::<Vec<_>>();
        assert_eq!((is_nan("sum_value"), is_nan("mean_value")), (vec![true, true], vec![true, true]));
        assert_eq!((is_nan("min_value"), is_nan("max_value")), (vec![false, true], vec![false, true]));
        assert_eq!(numbers(&found, "count_value"), [Some(2.0), Some(1.0)]);
        let together = RowGrouper::new(&[], &aggregates, &rows).unwrap().finish().unwrap().to_batch().unwrap();
        assert_eq!(
            (numbers(&together, "min_value"), numbers(&together, "max_value")),
            (vec![Some(3.0)], vec![Some(3.0)])
        );
    }

    #[test]
    fn integral_keys_have_no_fraction_and_others_keep_theirs() {
        for (values, is_whole) in [([5.0, 2.0], true), ([2.5, 2.0], false), ([-1.0, 2.0], false)] {
            let layer: ArrayRef = Arc::new(Float64Array::from(values.to_vec()));
            let rows = Frame::from_batch(&RecordBatch::try_from_iter([("layer", layer)]).unwrap()).unwrap();
            let count = Aggregate::parse("count").unwrap();
            let found =
                RowGrouper::new(&strings(&["layer"]), &[count], &rows).unwrap().finish().unwrap().to_batch().unwrap();
            assert_eq!(found.column(0).as_primitive_opt::<UInt64Type>().is_some(), is_whole, "{values:?}");
            let mut sorted = values;
            sorted.sort_by(f64::total_cmp);
            assert_eq!(numbers(&found, "layer"), sorted.map(Some));
        }
    }

    #[test]
    fn undefined_aggregates_are_errors() {
        let refused = |by: &[&str], text: &str| {
            let aggregate = Aggregate::parse(text).unwrap();
            RowGrouper::new(&strings(by), &[aggregate], &frame(&[])).unwrap_err().to_string()
        };
        assert_eq!(refused(&[], "sum:text"), "`sum` is not defined for a column of text, found `text`");
        let kinds = "`min` is not defined for a column of kinds of section, found `section_type`";
        assert_eq!(refused(&[], "min:section_type"), kinds);
        let known = "`section_type`, `text`, `whole`, `value`, `single`";
        assert_eq!(refused(&[], "sum:valeu"), format!("unknown column, expected one of {known}, found `valeu`"));
        assert_eq!(refused(&["x"], "count"), format!("unknown column, expected one of {known}, found `x`"));
        let twice = "two columns with the same name, expected each name once, found `text` twice";
        assert_eq!(refused(&["text", "text"], "count"), twice);
    }
}
