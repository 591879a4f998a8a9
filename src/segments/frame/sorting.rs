//! Sorts rows that arrive in batches.

use super::{Frame, FrameProblem};
use crate::error::Result;

/// Rows are sorted and truncated when they exceed the limit by this number, or by the limit itself if that is larger.
const MIN_SORTED_ROWS: usize = 1 << 20;

/// A column to sort by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortKey {
    /// Name of the column.
    pub column: String,
    /// Whether the largest value comes first.
    pub descending: bool,
}

impl SortKey {
    /// Parses `COLUMN`, `COLUMN:asc` or `COLUMN:desc`.
    ///
    /// # Errors
    /// Returns an error if the order is neither `asc` nor `desc`.
    pub fn parse(text: &str) -> Result<Self> {
        let (column, descending) = match text.rsplit_once(':') {
            None | Some((_, "")) => (text, false),
            Some((column, "asc")) => (column, false),
            Some((column, "desc")) => (column, true),
            Some((_, found)) => return Err(FrameProblem::UnknownOrder(found.into()).into()),
        };
        Ok(Self { column: column.into(), descending })
    }
}

/// Sorts rows that arrive in batches. With a limit, memory is bounded by the limit and not by the number of rows.
#[derive(Debug)]
pub struct RowSorter {
    keys: Vec<SortKey>,
    limit: Option<usize>,
    rows: Frame,
    /// Number of rows above the limit that are collected before they are sorted and truncated.
    stretch_rows: usize,
}

impl RowSorter {
    /// Sorts by some columns; with a limit, returns only the first rows.
    pub fn new(keys: &[SortKey], limit: Option<usize>) -> Self {
        Self { keys: keys.to_vec(), limit, rows: Frame::default(), stretch_rows: MIN_SORTED_ROWS }
    }

    /// Adds rows; all must have the same columns.
    ///
    /// # Errors
    /// Returns an error if a column is missing, or if there are more rows than polars can count.
    pub fn add_rows(&mut self, rows: &Frame) -> Result<()> {
        self.rows.append(rows)?;
        match self.limit {
            Some(limit) if self.rows.len() > limit.saturating_add(self.stretch_rows.max(limit)) => {
                self.truncate_to_limit()
            }
            _ => Ok(()),
        }
    }

    /// Returns the sorted rows.
    ///
    /// # Errors
    /// Returns an error if a column is missing.
    pub fn finish(mut self) -> Result<Frame> {
        self.truncate_to_limit()?;
        Ok(self.rows)
    }

    fn truncate_to_limit(&mut self) -> Result<()> {
        self.rows = self.rows.sort(&self.keys)?;
        if let Some(limit) = self.limit {
            self.rows = self.rows.head(limit);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::cast::AsArray;
    use arrow_array::types::UInt64Type;
    use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray, UInt64Array};
    use proptest::prelude::*;

    use super::*;

    type Row = (Option<i8>, &'static str);

    /// Returns a frame of rows, with their indices as `row`.
    fn frame(first: usize, rows: &[Row]) -> Frame {
        let columns: [(&str, ArrayRef, bool); 3] = [
            ("row", Arc::new(UInt64Array::from_iter_values((first..first + rows.len()).map(|i| i as u64))), true),
            ("value", Arc::new(rows.iter().map(|row| row.0.map(f64::from)).collect::<Float64Array>()), true),
            ("text", Arc::new(rows.iter().map(|row| Some(row.1)).collect::<StringArray>()), true),
        ];
        Frame::from_batch(&RecordBatch::try_from_iter_with_nullable(columns).unwrap()).unwrap()
    }

    proptest! {
        #[test]
        fn rows_have_the_order_of_a_stable_sort(
            rows in prop::collection::vec((proptest::option::weighted(0.8, -3i8..4), prop::sample::select(vec!["b", "a", "ab"])), 1..60),
            keys in prop::sample::select(vec!["value", "value:desc", "text", "text:desc,value", "value:asc,text:desc"]),
            batch in 1usize..20,
            limit in proptest::option::of(0usize..30),
        ) {
            let keys: Vec<SortKey> = keys.split(',').map(|key| SortKey::parse(key).unwrap()).collect();
            let mut sorting = RowSorter::new(&keys, limit);
            sorting.stretch_rows = 4;
            for (i, rows) in rows.chunks(batch).enumerate() {
                sorting.add_rows(&frame(i * batch, rows)).unwrap();
            }
            let found = sorting.finish().unwrap().to_batch().unwrap();
            let found = found.column(0).as_primitive::<UInt64Type>().values().to_vec();
            let mut expected: Vec<u64> = (0..rows.len() as u64).collect();
            expected.sort_by(|&a, &b| {
                let (a, b) = (rows[a as usize], rows[b as usize]);
                let order = |key: &SortKey| match (key.column.as_str(), key.descending) {
                    // missing values come last in both orders
                    ("value", descending) => a.0.is_none().cmp(&b.0.is_none()).then(if descending { b.0.cmp(&a.0) } else { a.0.cmp(&b.0) }),
                    (_, true) => b.1.cmp(a.1),
                    (_, false) => a.1.cmp(b.1),
                };
                keys.iter().map(order).find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
            });
            expected.truncate(limit.unwrap_or(usize::MAX));
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_column_or_an_order_that_does_not_exist_is_refused() {
        let refused =
            |key: &str| SortKey::parse(key).and_then(|key| frame(0, &[(None, "a")]).sort(&[key])).unwrap_err();
        let error = refused("valeu:desc");
        assert_eq!(error.to_string(), "unknown column, expected one of `row`, `value`, `text`, found `valeu`");
        assert_eq!(error.hint().as_deref(), Some("did you mean `value`?"));
        assert_eq!(refused("value:down").to_string(), "unknown order, expected `asc` or `desc`, found `down`");
    }
}
