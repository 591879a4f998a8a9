//! Runs the search of a query: through the pages of the table, by distance, or with a stored index.

use std::path::Path;

use arrow_array::UInt32Array;

use super::{QueryNotice, SearchTarget, TableQuery};
use crate::error::Result;
use crate::geometry::Point;
use crate::geometry::region::Region;
use crate::io::atomic_output::{OverwritePolicy, check_can_start};
use crate::io::checkpoint::CheckpointProblem;
use crate::segments::index::{NearestSegment, SegmentIndex};
use crate::segments::table::{Hits, SegmentQuery, SegmentSelection, TablePages, TableProblem};

/// Number of rows that are fetched together.
const ROWS_PER_FETCH: usize = 1 << 16;

/// A function that takes hits, with their distances if they have any.
type HitVisitor<'v> = &'v mut dyn FnMut(Hits, &[f64]) -> Result<()>;

impl TableQuery<'_> {
    /// Passes some columns of all hits to `visit`, and counts them.
    pub(super) fn search(&self, columns: &[&str], visit: HitVisitor<'_>) -> Result<u64> {
        match (&self.target, &self.index) {
            (SearchTarget::Everywhere, _) => self.search_pages(SegmentSelection::All, columns, visit),
            (SearchTarget::Regions(regions) | SearchTarget::Contacts(_, regions), None) => {
                self.search_pages(SegmentSelection::Regions(regions, self.predicate), columns, visit)
            }
            (SearchTarget::Regions(regions) | SearchTarget::Contacts(_, regions), Some(path)) => {
                self.search_index(&self.open_index(path)?, regions, columns, visit)
            }
            // the index has no columns to filter by
            (&SearchTarget::Nearest(p, k), Some(path)) if self.filter.required_columns().is_empty() => {
                let index = self.open_index(path)?;
                let found = index.nearest(p, k);
                index.check_used_blocks()?;
                self.visit_neighbours(&self.open_pages(SegmentSelection::All)?, &found, columns, visit)
            }
            (&SearchTarget::Nearest(p, k), _) => self.search_nearest(p, k, columns, visit),
        }
    }

    pub(super) fn check_not_stopped(&self) -> Result<()> {
        if self.stop.is_some_and(|is_stopped| is_stopped()) { Err(CheckpointProblem::Stopped.into()) } else { Ok(()) }
    }

    /// Opens the pages that a search may have to read, and reports what they lack.
    fn open_pages(&self, within: SegmentSelection<'_>) -> Result<TablePages<'_>> {
        let pages = TablePages::open_selected(self.table, within)?;
        pages.warnings().iter().for_each(|warning| self.send_notice(&QueryNotice::Page(warning)));
        Ok(match self.stop {
            Some(is_stopped) => pages.stop(is_stopped),
            None => pages,
        })
    }

    fn search_pages(&self, within: SegmentSelection<'_>, columns: &[&str], visit: HitVisitor<'_>) -> Result<u64> {
        let pages = self.open_pages(within)?;
        let query = SegmentQuery { selection: within, filter: &self.filter, columns };
        Ok(pages.run_query(&query, &mut |hits| visit(hits, &[]))?.hits)
    }

    fn search_nearest(&self, p: Point, k: usize, columns: &[&str], visit: HitVisitor<'_>) -> Result<u64> {
        let pages = self.open_pages(SegmentSelection::All)?;
        let (found, _) = pages.nearest(p, k, &self.filter)?;
        self.visit_neighbours(&pages, &found, columns, visit)
    }

    fn visit_neighbours(
        &self,
        pages: &TablePages<'_>,
        found: &[NearestSegment],
        columns: &[&str],
        visit: HitVisitor<'_>,
    ) -> Result<u64> {
        for together in found.chunks(ROWS_PER_FETCH) {
            self.check_not_stopped()?;
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
        columns: &[&str],
        visit: HitVisitor<'_>,
    ) -> Result<u64> {
        let filter_columns = self.filter.required_columns();
        let mut names = columns.to_vec();
        names.extend(filter_columns.iter().filter(|name| !columns.contains(name)));
        if names.is_empty() {
            let total = regions.iter().map(|region| index.count(*region, self.predicate)).sum();
            return index.check_used_blocks().map(|()| total);
        }
        let pages = self.open_pages(SegmentSelection::Regions(regions, self.predicate))?;
        let mut total = 0;
        for (number, region) in (0..).zip(regions) {
            let found = index.find(*region, self.predicate);
            index.check_used_blocks()?;
            for places in found.chunks(ROWS_PER_FETCH) {
                self.check_not_stopped()?;
                let mut batch = pages.fetch_segments(places, &names)?;
                if !filter_columns.is_empty() {
                    let passing = UInt32Array::from(self.filter.passing_rows(&batch)?);
                    let taken = arrow_select::take::take_record_batch(&batch, &passing);
                    batch = taken.map_err(TableProblem::from)?;
                }
                total += batch.num_rows() as u64;
                let region = vec![number; batch.num_rows()];
                visit(Hits { batch, region }, &[])?;
            }
        }
        Ok(total)
    }

    /// Opens the stored index, or builds it if it does not exist.
    fn open_index(&self, path: &Path) -> Result<SegmentIndex> {
        let fingerprint = self.table.fingerprint()?;
        if path.exists() {
            return SegmentIndex::open(path, fingerprint);
        }
        check_can_start(path, OverwritePolicy::Refuse, false)?;
        let index = self.table.build_index()?;
        index.write(path, fingerprint, OverwritePolicy::Refuse)?;
        self.send_notice(&QueryNotice::IndexBuilt { path, segments: index.len() });
        Ok(index)
    }
}
