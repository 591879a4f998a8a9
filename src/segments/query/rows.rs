//! The rows of a result, as they are found or sorted.

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;

use super::TableQuery;
use super::columns::{ColumnUse, ResultColumns};
use crate::error::{Problem, Result};

/// Stops a search; no user sees it.
#[derive(Debug, thiserror::Error)]
#[error("the limit of rows is reached")]
struct LimitReached;

impl Problem for LimitReached {}

/// The rows of a query's result, with resolved columns: see [`TableQuery::rows`].
pub struct QueryRows<'q> {
    pub(super) query: &'q TableQuery<'q>,
    pub(super) columns: ResultColumns<'q>,
    /// Columns to sort by, the most important first.
    #[cfg(feature = "frame")]
    pub(super) keys: Vec<crate::segments::frame::SortKey>,
}

impl<'q> QueryRows<'q> {
    pub(super) fn new(query: &'q TableQuery<'q>) -> Result<Self> {
        let mut columns = ResultColumns::new(query)?;
        let default = if query.columns.is_empty() { columns.default_names() } else { Vec::new() };
        columns.add(query.columns.iter().chain(&default).map(String::as_str), ColumnUse::Shown)?;
        Ok(Self {
            query,
            columns,
            #[cfg(feature = "frame")]
            keys: Vec::new(),
        })
    }

    /// Returns the columns.
    pub fn schema(&self) -> SchemaRef {
        self.columns.visible_schema()
    }

    /// Searches, and passes the rows to `visit` in batches, as they are found or [sorted](Self::sort), until the query's
    /// limit is reached. Unsorted rows come in stored order (with an index: region by region), and the nearest by their
    /// distance, independent of the number of threads.
    ///
    /// # Errors
    /// Returns an error if the table, the index or a source is unreadable or damaged, or if `visit` fails.
    pub fn for_each_batch(&self, visit: &mut dyn FnMut(&RecordBatch) -> Result<()>) -> Result<()> {
        #[cfg(feature = "frame")]
        if !self.keys.is_empty() {
            return self.for_each_sorted_batch(visit);
        }
        let mut left = self.query.limit.unwrap_or(usize::MAX);
        let mut is_enough = false;
        let searched = self.query.search(&self.columns.required_columns(), &mut |hits, distances| {
            is_enough = left == 0;
            if is_enough {
                return Err(LimitReached.into());
            }
            let rows = self.columns.build_batch(&hits, distances)?;
            let rows = rows.slice(0, left.min(rows.num_rows()));
            left -= rows.num_rows();
            visit(&rows)
        });
        match searched {
            // rows after the last requested one need not be read
            Err(_) if is_enough => Ok(()),
            searched => searched.map(drop),
        }
    }
}
