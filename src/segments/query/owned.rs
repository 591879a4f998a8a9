//! A query that owns its table, regions and sources, and the stream of its rows: for callers that cannot borrow.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};

use super::{ColumnSource, TableQuery};
use crate::error::{Error, FileProblem, Problem, Result};
use crate::geometry::Point;
use crate::geometry::region::{Predicate, Region};
use crate::segments::table::{SegmentFilter, SegmentTable};

/// A source of columns that threads may share.
pub type SharedSource = Arc<dyn ColumnSource + Send + Sync>;

/// The part of space that an [`OwnedQuery`] searches.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum OwnedTarget {
    /// All segments.
    #[default]
    Everywhere,
    /// Segments in regions.
    Regions(Vec<Arc<dyn Region>>),
    /// Segments in the regions of contacts: the name and the region of each.
    Contacts(Vec<(String, Arc<dyn Region>)>),
    /// The k segments nearest to a point.
    Nearest(Point, usize),
}

/// A [`TableQuery`] that borrows nothing, with the same settings.
///
/// ```no_run
/// use std::sync::Arc;
///
/// use leadfield::geometry::{Point, region::Sphere};
/// use leadfield::segments::query::{OwnedQuery, OwnedTarget};
/// use leadfield::segments::table::SegmentTable;
///
/// let table = SegmentTable::open_without_neurons("segments.parquet".as_ref())?;
/// let mut query = OwnedQuery::new(table.into());
/// query.target = OwnedTarget::Regions(vec![Arc::new(Sphere::new(Point::new(100.0, -850.0, 0.0), 50.0)?)]);
/// for rows in Arc::new(query).stream()? {
///     assert!(rows?.num_rows() > 0);
/// }
/// # Ok::<(), leadfield::Error>(())
/// ```
#[derive(Clone)]
pub struct OwnedQuery {
    /// The table.
    pub table: Arc<SegmentTable>,
    /// What to search.
    pub target: OwnedTarget,
    /// When a segment counts as inside a region.
    pub predicate: Predicate,
    /// Further conditions on the segments.
    pub filter: SegmentFilter,
    /// A stored index, which is built if the file does not exist.
    pub index: Option<PathBuf>,
    /// Sources of columns; the first takes precedence.
    pub sources: Vec<SharedSource>,
    /// The columns of the rows; empty for the default ones.
    pub columns: Vec<String>,
    /// Largest number of rows.
    pub limit: Option<usize>,
}

impl fmt::Debug for OwnedQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("OwnedQuery");
        fields.field("table", &self.table.path()).field("target", &self.target).field("columns", &self.columns);
        fields.finish_non_exhaustive()
    }
}

impl OwnedQuery {
    /// Creates a query for all segments of a table.
    pub fn new(table: Arc<SegmentTable>) -> Self {
        Self {
            table,
            target: OwnedTarget::default(),
            predicate: Predicate::Midpoint,
            filter: SegmentFilter::default(),
            index: None,
            sources: Vec::new(),
            columns: Vec::new(),
            limit: None,
        }
    }

    /// Returns the query that borrows from this one.
    pub fn borrow(&self) -> TableQuery<'_> {
        let mut query = TableQuery::new(&self.table).predicate(self.predicate).filter(self.filter.clone());
        query = match &self.target {
            OwnedTarget::Everywhere => query,
            OwnedTarget::Regions(regions) => query.regions(regions.iter().map(|region| &**region)),
            OwnedTarget::Contacts(contacts) => query.contacts(contacts.iter().map(|(name, region)| (name, &**region))),
            OwnedTarget::Nearest(point, k) => query.nearest(*point, *k),
        };
        for source in &self.sources {
            query = query.source(&**source);
        }
        if let Some(path) = &self.index {
            query = query.index(path);
        }
        if let Some(rows) = self.limit {
            query = query.limit(rows);
        }
        query.columns(&self.columns)
    }

    /// Searches in a thread of its own, and returns the rows in batches as they are found; at most three batches are in
    /// memory. A stream that is dropped ends the search.
    ///
    /// # Errors
    /// Returns [`UnknownColumn`](super::UnknownColumn) for a name that is no column, the error of a source, or an error
    /// if the thread cannot be started. The stream returns the errors of the search.
    pub fn stream(self: Arc<Self>) -> Result<RowStream> {
        self.stream_within(|search| search())
    }

    /// Does what [`OwnedQuery::stream`] does, but lets a function call the search, in its thread: to run it in another
    /// thread pool. The pool must be its own, since the search waits for the reader of the rows.
    ///
    /// # Errors
    /// Returns the errors of [`OwnedQuery::stream`].
    pub fn stream_within(
        self: Arc<Self>,
        call: impl FnOnce(&mut (dyn FnMut() + Send)) + Send + 'static,
    ) -> Result<RowStream> {
        let schema = self.borrow().rows()?.schema();
        let (sender, receiver) = sync_channel(1);
        let search = move || call(&mut || send_rows(&self, &sender));
        let thread = std::thread::Builder::new().name("query".into()).spawn(search).map_err(FileProblem::Read)?;
        Ok(RowStream { schema, receiver: Some(receiver), thread: Some(thread) })
    }
}

/// Ends the search of a stream that was dropped; no user sees it.
#[derive(Debug, thiserror::Error)]
#[error("the rows are no longer read")]
struct StreamDropped;

impl Problem for StreamDropped {}

/// Runs a query and sends its rows; at the end the error, if there was one.
fn send_rows(query: &OwnedQuery, sender: &SyncSender<Result<RecordBatch>>) {
    let send = &mut |rows: &RecordBatch| sender.send(Ok(rows.clone())).map_err(|_| Error::from(StreamDropped));
    if let Err(error) = query.borrow().for_each_batch(send) {
        // sending fails if the stream was dropped
        drop(sender.send(Err(error)));
    }
}

/// The rows of a query, in batches: see [`OwnedQuery::stream`].
#[derive(Debug)]
pub struct RowStream {
    schema: SchemaRef,
    /// `None` once the stream is dropped.
    receiver: Option<Receiver<Result<RecordBatch>>>,
    thread: Option<JoinHandle<()>>,
}

impl RowStream {
    /// Returns the columns.
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }
}

impl Iterator for RowStream {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        self.receiver.as_ref()?.recv().ok()
    }
}

impl Drop for RowStream {
    fn drop(&mut self) {
        // the next row that is found ends the search
        self.receiver = None;
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// A [`RowStream`] with the errors of Arrow.
#[derive(Debug)]
pub struct ArrowRowStream(pub RowStream);

impl Iterator for ArrowRowStream {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|rows| rows.map_err(|error| ArrowError::ExternalError(Box::new(error))))
    }
}

impl RecordBatchReader for ArrowRowStream {
    fn schema(&self) -> SchemaRef {
        self.0.schema()
    }
}
