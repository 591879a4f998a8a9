//! Runs the search: through the pages of the table, by distance, or with a stored index.

use std::path::Path;

use arrow_array::UInt32Array;
use leadfield::Result;
use leadfield::geometry::Point;
use leadfield::geometry::region::{Predicate, Region};
use leadfield::io::atomic_output::{OverwritePolicy, check_can_start};
use leadfield::segments::index::SegmentIndex;
use leadfield::segments::table::{Hits, SegmentFilter, SegmentQuery, SegmentSelection, SegmentTable, TablePages};

use crate::cli::Common;

/// Number of rows that are fetched together.
const ROWS_PER_FETCH: usize = 1 << 16;

/// What to search for.
#[derive(Clone, Copy)]
pub enum SearchTarget<'a> {
    /// All segments.
    Everywhere,
    /// Segments in these regions.
    Regions(&'a [&'a dyn Region], Predicate),
    /// The k segments nearest to a point.
    Nearest(Point, usize),
}

/// A search that is ready to run.
pub struct Search<'a> {
    /// The table.
    pub table: &'a SegmentTable,
    /// What to search for.
    pub target: SearchTarget<'a>,
    /// Further conditions.
    pub filter: &'a SegmentFilter,
    /// The stored index to use.
    pub index: Option<&'a Path>,
    /// Prints warnings.
    pub common: &'a Common,
}

/// A function that takes hits, with their distances if they have any.
type HitVisitor<'v> = &'v mut dyn FnMut(Hits, &[f64]) -> Result<()>;

impl Search<'_> {
    /// Passes some columns of all hits to `visit`, and counts them.
    pub fn run(&self, columns: &[&str], visit: HitVisitor<'_>) -> Result<u64> {
        match (self.target, self.index) {
            (SearchTarget::Nearest(p, k), None) => self.search_nearest(p, k, columns, visit),
            (SearchTarget::Nearest(p, k), Some(path)) if self.filter.required_columns().is_empty() => {
                let index = self.open_index(path)?;
                let found = index.nearest(p, k);
                index.check_used_blocks()?;
                self.visit_neighbours(&self.open_pages(SegmentSelection::All)?, &found, columns, visit)
            }
            (SearchTarget::Nearest(p, k), Some(_)) => self.search_nearest(p, k, columns, visit),
            (SearchTarget::Regions(regions, predicate), Some(path)) => {
                self.search_index(&self.open_index(path)?, regions, predicate, columns, visit)
            }
            (SearchTarget::Regions(regions, predicate), None) => {
                self.search_pages(SegmentSelection::Regions(regions, predicate), columns, visit)
            }
            (SearchTarget::Everywhere, _) => self.search_pages(SegmentSelection::All, columns, visit),
        }
    }

    /// Opens the pages that a search may have to read, and warns about what they lack.
    fn open_pages(&self, within: SegmentSelection<'_>) -> Result<TablePages<'_>> {
        let pages = TablePages::open_selected(self.table, within)?;
        pages.warnings().iter().for_each(|warning| self.common.warn(warning));
        Ok(pages)
    }

    fn search_pages(&self, within: SegmentSelection<'_>, columns: &[&str], visit: HitVisitor<'_>) -> Result<u64> {
        let pages = self.open_pages(within)?;
        let query = SegmentQuery { selection: within, filter: self.filter, columns };
        Ok(pages.run_query(&query, &mut |hits| visit(hits, &[]))?.hits)
    }

    fn search_nearest(&self, p: Point, k: usize, columns: &[&str], visit: HitVisitor<'_>) -> Result<u64> {
        let pages = self.open_pages(SegmentSelection::All)?;
        let (found, _) = pages.nearest(p, k, self.filter)?;
        self.visit_neighbours(&pages, &found, columns, visit)
    }

    fn visit_neighbours(
        &self,
        pages: &TablePages<'_>,
        found: &[leadfield::segments::index::NearestSegment],
        columns: &[&str],
        visit: HitVisitor<'_>,
    ) -> Result<u64> {
        for together in found.chunks(ROWS_PER_FETCH) {
            let places: Vec<u64> = together.iter().map(|n| n.stored_index).collect();
            let distances: Vec<f64> = together.iter().map(|n| n.distance_um).collect();
            let batch = pages.fetch_segments(&places, columns)?;
            visit(Hits { batch, region: vec![0; places.len()] }, &distances)?;
        }
        Ok(found.len() as u64)
    }

    fn search_index(
        &self,
        index: &SegmentIndex,
        regions: &[&dyn Region],
        predicate: Predicate,
        columns: &[&str],
        visit: HitVisitor<'_>,
    ) -> Result<u64> {
        let mut names = columns.to_vec();
        names.extend(self.filter.required_columns().into_iter().filter(|name| !columns.contains(name)));
        if names.is_empty() {
            let total = regions.iter().map(|region| index.count(*region, predicate)).sum();
            return index.check_used_blocks().map(|()| total);
        }
        let pages = self.open_pages(SegmentSelection::Regions(regions, predicate))?;
        let mut total = 0;
        for (number, region) in (0..).zip(regions) {
            let found = index.find(*region, predicate);
            index.check_used_blocks()?;
            for places in found.chunks(ROWS_PER_FETCH) {
                let mut batch = pages.fetch_segments(places, &names)?;
                if !self.filter.required_columns().is_empty() {
                    let passing = UInt32Array::from(self.filter.passing_rows(&batch)?);
                    let taken = arrow_select::take::take_record_batch(&batch, &passing);
                    batch = taken.map_err(leadfield::segments::table::TableProblem::from)?;
                }
                total += batch.num_rows() as u64;
                let region = vec![number; batch.num_rows()];
                visit(Hits { batch, region }, &[])?;
            }
        }
        Ok(total)
    }

    /// Opens the stored index, or creates it if it does not exist.
    fn open_index(&self, path: &Path) -> Result<SegmentIndex> {
        let fingerprint = self.table.fingerprint()?;
        if !path.exists() {
            check_can_start(path, OverwritePolicy::Refuse, false)?;
            let index = self.table.build_index()?;
            index.write(path, fingerprint, OverwritePolicy::Refuse)?;
            self.common.print_note(format_args!("{}: index of {} segments", path.display(), index.len()));
            return Ok(index);
        }
        SegmentIndex::open(path, fingerprint)
    }
}
