//! Queries on a segment table: which segments, and which columns of them.
//!
//! A [`TableQuery`] says what to search for; it then counts the segments, or passes them on in batches, sorted or
//! grouped if requested. It chooses between the pages of the table and a stored index, and reads only the columns that
//! the result needs.
//!
//! ```no_run
//! use leadfield::geometry::{Point, region::Sphere};
//! use leadfield::segments::query::TableQuery;
//! use leadfield::segments::table::SegmentTable;
//!
//! let table = SegmentTable::open_without_neurons("segments.parquet".as_ref())?;
//! let ball = Sphere::new(Point::new(100.0, -850.0, 0.0), 50.0)?;
//! let query = TableQuery::new(&table).region(&ball).columns(["node_id", "length", "inside"]);
//! let found = query.count()?;
//! query.for_each_batch(&mut |rows| {
//!     assert!(rows.num_rows() as u64 <= found);
//!     Ok(())
//! })?;
//! # Ok::<(), leadfield::Error>(())
//! ```
//!
//! A result has the columns of the table ([`schema`](super::table::schema)), [`COMPUTED_COLUMNS`], [`ELECTRODE`] and
//! [`DISTANCE`] if they are defined, and the columns of each [`ColumnSource`]: weights of an electrodes file, a lead
//! field, attributes of the nodes.

mod column_source;
mod columns;
mod count_by;
#[cfg(feature = "frame")]
mod groups;
mod natural_order;
mod owned;
mod rows;
mod search;

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;

pub use self::column_source::ColumnSource;
pub use self::columns::{COMPUTED_COLUMNS, ColumnUse, DISTANCE, ELECTRODE, UnknownColumn};
pub use self::count_by::GroupKey;
#[cfg(feature = "frame")]
pub use self::groups::GroupedRows;
#[doc(hidden)]
pub use self::natural_order::compare_naturally;
pub use self::owned::{ArrowRowStream, OwnedQuery, OwnedTarget, RowStream, SharedSource};
pub use self::rows::QueryRows;
use crate::error::Result;
use crate::geometry::Point;
use crate::geometry::region::{Predicate, Region};
use crate::segments::table::schema::NODE_ID;
use crate::segments::table::{PageWarning, SegmentFilter, SegmentTable};

/// A query on a segment table.
///
/// By default it finds all segments once, with the columns of the table.
#[derive(Clone)]
pub struct TableQuery<'a> {
    table: &'a SegmentTable,
    target: SearchTarget<'a>,
    predicate: Predicate,
    filter: SegmentFilter,
    index: Option<PathBuf>,
    sources: Vec<&'a dyn ColumnSource>,
    columns: Vec<String>,
    limit: Option<usize>,
    notify: Option<&'a dyn Fn(&QueryNotice<'_>)>,
    stop: Option<&'a (dyn Fn() -> bool + Sync)>,
}

/// The segments that a query searches for.
#[derive(Clone)]
enum SearchTarget<'a> {
    /// All segments.
    Everywhere,
    /// Segments in regions.
    Regions(Vec<&'a dyn Region>),
    /// Segments in the regions of contacts, with the names of the contacts.
    Contacts(Vec<String>, Vec<&'a dyn Region>),
    /// The k segments nearest to a point.
    Nearest(Point, usize),
}

/// Something that a user may want to know while a query runs.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum QueryNotice<'n> {
    /// The query works, but reads more than necessary.
    Page(&'n PageWarning),
    /// An index was built and written.
    IndexBuilt {
        /// The file.
        path: &'n Path,
        /// Number of segments in it.
        segments: usize,
    },
}

impl fmt::Display for QueryNotice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Page(warning) => warning.fmt(f),
            Self::IndexBuilt { path, segments } => write!(f, "{}: index of {segments} segments", path.display()),
        }
    }
}

impl<'a> TableQuery<'a> {
    /// Creates a query for all segments of a table.
    pub fn new(table: &'a SegmentTable) -> Self {
        Self {
            table,
            target: SearchTarget::Everywhere,
            predicate: Predicate::Midpoint,
            filter: SegmentFilter::default(),
            index: None,
            sources: Vec::new(),
            columns: Vec::new(),
            limit: None,
            notify: None,
            stop: None,
        }
    }

    /// Searches a region, in addition to those of earlier calls.
    #[must_use]
    pub fn region(self, region: &'a dyn Region) -> Self {
        self.regions([region])
    }

    /// Searches regions, in addition to those of earlier calls: a segment is found once for every region that contains
    /// it. An empty list finds nothing.
    #[must_use]
    pub fn regions(mut self, regions: impl IntoIterator<Item = &'a dyn Region>) -> Self {
        match &mut self.target {
            SearchTarget::Regions(known) => known.extend(regions),
            other => *other = SearchTarget::Regions(regions.into_iter().collect()),
        }
        self
    }

    /// Searches the regions of contacts, each with the contact's name, instead of other regions. The name is the column
    /// [`ELECTRODE`].
    #[must_use]
    pub fn contacts(self, contacts: impl IntoIterator<Item = (impl Into<String>, &'a dyn Region)>) -> Self {
        let (names, regions) = contacts.into_iter().map(|(name, region)| (name.into(), region)).unzip();
        Self { target: SearchTarget::Contacts(names, regions), ..self }
    }

    /// Sets when a segment counts as inside a region; by default, if its midpoint is.
    #[must_use]
    pub fn predicate(self, predicate: Predicate) -> Self {
        Self { predicate, ..self }
    }

    /// Searches the `k` segments nearest to a point instead of regions, by the distance to the segment and not to its
    /// midpoint. They come nearest first, with the column [`DISTANCE`].
    #[must_use]
    pub fn nearest(self, point: Point, k: usize) -> Self {
        Self { target: SearchTarget::Nearest(point, k), ..self }
    }

    /// Sets further conditions on the segments.
    #[must_use]
    pub fn filter(self, filter: SegmentFilter) -> Self {
        Self { filter, ..self }
    }

    /// Searches with a stored index of the table, which is built and written if the file does not exist. The result is
    /// the same; a search of all segments, and a filtered one for the nearest, do not use the index.
    #[must_use]
    pub fn index(self, path: impl Into<PathBuf>) -> Self {
        Self { index: Some(path.into()), ..self }
    }

    /// Adds a source of columns. Of columns with the same name, those of the query itself and then those of the first
    /// source take precedence.
    #[must_use]
    pub fn source(mut self, source: &'a dyn ColumnSource) -> Self {
        self.sources.push(source);
        self
    }

    /// Sets the columns of the rows, in order; a name may be repeated. By default (and for an empty list): the contact,
    /// the columns of the table, the distance, and the [default columns](ColumnSource::default_columns) of the sources.
    #[must_use]
    pub fn columns(self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { columns: names.into_iter().map(Into::into).collect(), ..self }
    }

    /// Returns only the first rows or groups.
    #[must_use]
    pub fn limit(self, rows: usize) -> Self {
        Self { limit: Some(rows), ..self }
    }

    /// Calls a function with each notice while the query runs.
    #[must_use]
    pub fn notify(self, notify: &'a dyn Fn(&QueryNotice<'_>)) -> Self {
        Self { notify: Some(notify), ..self }
    }

    /// Sets a function that is asked from time to time whether to stop. A search that stops is an error.
    #[must_use]
    pub fn stop(self, is_stopped: &'a (dyn Fn() -> bool + Sync)) -> Self {
        Self { stop: Some(is_stopped), ..self }
    }

    /// Returns the table.
    pub fn table(&self) -> &'a SegmentTable {
        self.table
    }

    /// Counts the segments, once for every region that contains them; the limit is ignored.
    ///
    /// # Errors
    /// Returns an error if the table or the index is unreadable or damaged.
    pub fn count(&self) -> Result<u64> {
        self.search(&[], &mut |_, _| Ok(()))
    }

    /// Returns the ids of the nodes that have the segments; the limit is ignored.
    ///
    /// # Errors
    /// Returns an error if the table or the index is unreadable or damaged.
    pub fn node_ids(&self) -> Result<BTreeSet<u64>> {
        let mut nodes = BTreeSet::new();
        self.search(&[NODE_ID], &mut |hits, _| {
            nodes.extend(hits.node_ids()?);
            Ok(())
        })?;
        Ok(nodes)
    }

    /// Resolves the columns of the rows, before anything is searched.
    ///
    /// # Errors
    /// Returns [`UnknownColumn`] for a name that is no column, or the error of a source.
    pub fn rows(&self) -> Result<QueryRows<'_>> {
        QueryRows::new(self)
    }

    /// Passes the rows to `visit` in batches, as they are found; does what [`QueryRows::for_each_batch`] does.
    ///
    /// # Errors
    /// Returns an error if a column is unknown, the table, the index or a source is unreadable or damaged, or `visit`
    /// fails.
    pub fn for_each_batch(&self, visit: &mut dyn FnMut(&RecordBatch) -> Result<()>) -> Result<()> {
        self.rows()?.for_each_batch(visit)
    }

    /// Groups the segments by some columns, and aggregates each group; without columns, all segments are one group.
    /// Without aggregates: the number of segments as `segments`, and the sums of `length` and `inside`.
    ///
    /// # Errors
    /// Returns [`UnknownColumn`] for a name that is no column, the error of a source, or
    /// [`FrameProblem`](super::frame::FrameProblem) if an operation is not defined for its column or two columns of the
    /// result have the same name.
    #[cfg(feature = "frame")]
    pub fn group_by(&self, columns: &[String], aggregates: &[super::frame::Aggregate]) -> Result<GroupedRows<'_>> {
        GroupedRows::new(self, columns, aggregates)
    }

    /// Returns the regions; none if no regions are searched.
    fn region_list(&self) -> &[&'a dyn Region] {
        match &self.target {
            SearchTarget::Regions(regions) | SearchTarget::Contacts(_, regions) => regions,
            SearchTarget::Everywhere | SearchTarget::Nearest(..) => &[],
        }
    }

    /// Returns the names of the contacts, one for each region, if the regions are those of contacts.
    pub fn contact_names(&self) -> Option<&[String]> {
        match &self.target {
            SearchTarget::Contacts(names, _) => Some(names),
            _ => None,
        }
    }

    fn is_nearest(&self) -> bool {
        matches!(self.target, SearchTarget::Nearest(..))
    }

    fn send_notice(&self, notice: &QueryNotice<'_>) {
        if let Some(notify) = self.notify {
            notify(notice);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::sync::Arc;

    use arrow_array::cast::AsArray;
    use arrow_array::types::{Float64Type, UInt64Type};
    use arrow_array::{ArrayRef, Float64Array};
    use arrow_schema::{DataType, Field};

    use super::*;
    use crate::geometry::region::{Cuboid, Sphere};
    use crate::segments::table::schema::ROW;
    use crate::segments::table::{Hits, Precision, TableMetadata, TableNeuron, write_part};
    use crate::segments::{SectionType, Segment, Segments};

    const SEGMENTS_PER_NODE: u64 = 20;

    /// A table of 200 segments along the x axis, each 1 µm long and 1 µm from the next: segment `i` starts at 2 `i`.
    struct Line {
        folder: tempfile::TempDir,
        table: SegmentTable,
    }

    impl Line {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("line.parquet");
            let segment = |row: u64| Segment {
                node_id: row / SEGMENTS_PER_NODE,
                section_id: 0,
                segment_id: (row % SEGMENTS_PER_NODE) as u32,
                section_type: Some(if row.is_multiple_of(2) { SectionType::Dend } else { SectionType::Apic }),
                start: Point::new(2.0 * row as f64, 0.0, 0.0),
                end: Point::new(2.0 * row as f64 + 1.0, 0.0, 0.0),
                radius_um: Some(0.5),
                row,
            };
            let segments: Segments = (0..200).map(segment).collect();
            let neuron =
                |node_id| TableNeuron { node_id, first_row: node_id * SEGMENTS_PER_NODE, segments: SEGMENTS_PER_NODE };
            let neurons: Vec<TableNeuron> = (0..10).map(neuron).collect();
            let metadata = TableMetadata { segments: 200, neurons: 10, parts: 1, ..TableMetadata::default() };
            write_part(&path, &segments, &neurons, &metadata, Precision::F64).unwrap();
            Self { table: SegmentTable::open_without_neurons(&path).unwrap(), folder }
        }
    }

    fn batches(rows: &QueryRows<'_>) -> Vec<RecordBatch> {
        let mut all = Vec::new();
        rows.for_each_batch(&mut |batch| {
            all.push(batch.clone());
            Ok(())
        })
        .unwrap();
        all
    }

    fn column<T: arrow_array::types::ArrowPrimitiveType>(batches: &[RecordBatch], name: &str) -> Vec<T::Native> {
        let values = |batch: &RecordBatch| batch.column_by_name(name).unwrap().as_primitive::<T>().values().to_vec();
        batches.iter().flat_map(values).collect()
    }

    fn rows_of(query: &TableQuery<'_>) -> Vec<u64> {
        column::<UInt64Type>(&batches(&query.rows().unwrap()), ROW)
    }

    fn sorted(mut rows: Vec<u64>) -> Vec<u64> {
        rows.sort_unstable();
        rows
    }

    /// Twice the row of a segment, as `twice`.
    struct Twice;

    impl ColumnSource for Twice {
        fn column_names(&self) -> Result<Vec<String>> {
            Ok(vec!["twice".into(), "length".into(), "other".into()])
        }

        fn default_columns(&self) -> Vec<String> {
            vec!["twice".into()]
        }

        fn required_columns(&self) -> &[&str] {
            &[ROW]
        }

        fn column_field(&self, name: &str) -> Result<Field> {
            Ok(Field::new(name, DataType::Float64, false))
        }

        fn column_values(&self, _: &str, hits: &Hits) -> Result<ArrayRef> {
            Ok(Arc::new(Float64Array::from_iter_values(hits.rows()?.iter().map(|&row| 2.0 * row as f64))))
        }
    }

    #[test]
    fn pages_and_index_find_the_same_segments_of_a_region() {
        let line = Line::new();
        // the midpoints of segments 10 to 29 are at 20.5 to 58.5
        let block = Cuboid::new(Point::new(20.5, -1.0, -1.0), Point::new(58.5, 1.0, 1.0)).unwrap();
        let query = TableQuery::new(&line.table).region(&block);
        let notices = RefCell::new(Vec::new());
        let notify = |notice: &QueryNotice<'_>| notices.borrow_mut().push(notice.to_string());
        let path = line.folder.path().join("line.index");
        let indexed = query.clone().index(&path).notify(&notify);
        for _ in 0..2 {
            for query in [&query, &indexed] {
                assert_eq!(query.count().unwrap(), 20);
                assert_eq!(sorted(rows_of(query)), (10..30).collect::<Vec<u64>>());
                assert_eq!(query.node_ids().unwrap().into_iter().collect::<Vec<u64>>(), [0, 1]);
                assert_eq!(rows_of(&query.clone().limit(7)), rows_of(query)[..7]);
                let dendrites = SegmentFilter { section_types: Some(vec![SectionType::Dend]), node_ids: None };
                assert_eq!(query.clone().filter(dendrites).count().unwrap(), 10);
                assert_eq!(query.clone().regions([&block as &dyn Region]).count().unwrap(), 40);
                // segment 9 ends at 19, segment 30 begins at 60
                assert_eq!(query.clone().predicate(Predicate::Intersects).count().unwrap(), 20);
            }
        }
        assert_eq!(*notices.borrow(), [format!("{}: index of 200 segments", path.display())]);
        assert_eq!(TableQuery::new(&line.table).count().unwrap(), 200);
        assert_eq!(TableQuery::new(&line.table).regions([]).count().unwrap(), 0);
    }

    #[test]
    fn a_search_ends_when_it_is_to_stop() {
        let line = Line::new();
        let query = TableQuery::new(&line.table);
        assert_eq!(query.clone().stop(&|| false).count().unwrap(), 200);
        let stopped = query.stop(&|| true);
        let kind = |result: Result<u64>| result.unwrap_err().kind();
        assert_eq!(kind(stopped.count()), crate::error::ErrorKind::Interrupted);
        assert_eq!(kind(stopped.clone().nearest(Point::ORIGIN, 3).count()), crate::error::ErrorKind::Interrupted);
        assert!(stopped.count_by(&["node_id".into()]).is_err() && stopped.node_ids().is_err());
    }

    #[test]
    fn contacts_distances_and_sources_are_columns() {
        let line = Line::new();
        let names = |query: &TableQuery<'_>| {
            let schema = query.rows().unwrap().schema();
            schema.fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>()
        };
        let balls = [100.0, 300.0].map(|x| Sphere::new(Point::new(x, 0.0, 0.0), 3.25).unwrap());
        let contacts = ["a", "b"].into_iter().zip(balls.iter().map(|ball| ball as &dyn Region));
        let near = TableQuery::new(&line.table).contacts(contacts).source(&Twice);
        let all = names(&near);
        assert_eq!((all.first().unwrap().as_str(), all.last().unwrap().as_str(), all.len()), (ELECTRODE, "twice", 14));
        let near = near.columns([ELECTRODE, "x", "inside", "twice", "length", "twice"]);
        assert_eq!(names(&near), [ELECTRODE, "x", "inside", "twice", "length", "twice"]);
        let found = batches(&near.rows().unwrap());
        // a ball reaches from 96.75 to 103.25: midpoints of segments 49 (98 to 99), 50 (100 to 101) and 51 (102 to 103)
        let texts = found.iter().flat_map(|b| b.column(0).as_string::<i32>().iter().flatten().map(String::from));
        let mut pairs: Vec<(String, f64)> = texts.zip(column::<Float64Type>(&found, "x")).collect();
        pairs.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let expected = [("a", 98.5), ("a", 100.5), ("a", 102.5), ("b", 298.5), ("b", 300.5), ("b", 302.5)];
        assert_eq!(pairs, expected.map(|(name, x)| (name.to_string(), x)));
        // the query's own length takes precedence over the source's
        assert_eq!(column::<Float64Type>(&found, "length"), [1.0; 6]);
        assert_eq!(column::<Float64Type>(&found, "inside"), [1.0; 6]);
        let starts = column::<Float64Type>(&found, "x").iter().map(|x| x - 0.5).collect::<Vec<_>>();
        assert_eq!(column::<Float64Type>(&found, "twice"), starts);
        let nearest = TableQuery::new(&line.table).nearest(Point::new(-3.0, 4.0, 0.0), 2);
        assert_eq!(names(&nearest).last().unwrap(), DISTANCE);
        let found = batches(&nearest.rows().unwrap());
        // the first segments start at x = 0 and 2: sqrt(9 + 16) and sqrt(25 + 16)
        assert_eq!(column::<Float64Type>(&found, DISTANCE), [5.0, 41f64.sqrt()]);
        assert_eq!(column::<UInt64Type>(&found, ROW), [0, 1]);
    }

    #[test]
    fn an_unknown_column_is_refused_before_the_search_with_its_use() {
        let line = Line::new();
        let refused = |name: &str| {
            let query = TableQuery::new(&line.table).source(&Twice).columns([name]);
            let error = query.rows().err().unwrap();
            (error.problem::<UnknownColumn>().unwrap().clone(), error.hint())
        };
        let (problem, hint) = refused("twise");
        assert_eq!((problem.found.as_str(), problem.used_as), ("twise", ColumnUse::Shown));
        assert!(problem.known.ends_with("`inside`, `twice`, `length`, `other`"), "{}", problem.known);
        assert_eq!(hint.unwrap(), "did you mean `twice`?");
        // no contacts and no point: these are no columns
        assert_eq!((refused(ELECTRODE).1, refused(DISTANCE).1), (None, None));
    }

    #[cfg(feature = "frame")]
    #[test]
    fn rows_are_sorted_and_grouped_by_any_column() {
        use crate::segments::frame::{Aggregate, FrameProblem, SortKey};

        let line = Line::new();
        let key = |text: &str| [SortKey::parse(text).unwrap()];
        let query = TableQuery::new(&line.table).source(&Twice).columns([ROW]).limit(3);
        let sorted = query.rows().unwrap().sort(&key("twice:desc")).unwrap();
        assert_eq!(sorted.schema().fields().len(), 1);
        assert_eq!(column::<UInt64Type>(&batches(&sorted), ROW), [199, 198, 197]);
        let by = ["node_id".to_string()];
        let groups = query.group_by(&by, &[]).unwrap().sort(&key("node_id:desc")).unwrap().collect().unwrap();
        let groups = [groups.to_batch().unwrap()];
        assert_eq!(column::<UInt64Type>(&groups, "node_id"), [9, 8, 7]);
        assert_eq!(column::<UInt64Type>(&groups, "segments"), [SEGMENTS_PER_NODE; 3]);
        assert_eq!(column::<Float64Type>(&groups, "inside"), [20.0; 3]);
        let largest = [Aggregate::parse("max:twice").unwrap()];
        let all = [query.group_by(&[], &largest).unwrap().collect().unwrap().to_batch().unwrap()];
        assert_eq!(column::<Float64Type>(&all, "max_twice"), [398.0]);
        let used_as = |error: crate::Error| error.problem::<UnknownColumn>().unwrap().used_as;
        let none = [Aggregate::parse("max:none").unwrap()];
        assert_eq!(used_as(query.group_by(&["none".into()], &[]).err().unwrap()), ColumnUse::GroupKey);
        assert_eq!(used_as(query.group_by(&[], &none).err().unwrap()), ColumnUse::Aggregated);
        assert_eq!(used_as(query.rows().unwrap().sort(&key("none")).err().unwrap()), ColumnUse::SortKey);
        let error = query.group_by(&by, &[]).unwrap().sort(&key("row")).err().unwrap();
        assert!(matches!(error.problem(), Some(FrameProblem::UnknownColumn { .. })), "{error}");
    }
}
