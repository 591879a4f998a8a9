//! Runs the search: through the pages of the table, by distance, or through a stored index.

use std::path::Path;

use arrow_array::UInt32Array;
use leadfield::Result;
use leadfield::geometry::Point;
use leadfield::geometry::region::{Predicate, Region};
use leadfield::io::atomic_output::{Existing, check_startable};
use leadfield::segments::index::Resident;
use leadfield::segments::table::{Filter, Hits, Pages, Query, Table, Within};

use crate::cli::Common;

/// Places that are looked up together.
const TOGETHER: usize = 1 << 16;

/// What is looked for.
#[derive(Clone, Copy)]
pub enum Target<'a> {
    /// Everything.
    Everywhere,
    /// What these regions hold.
    Regions(&'a [&'a dyn Region], Predicate),
    /// The k segments nearest to a point.
    Nearest(Point, usize),
}

/// A search, ready to run.
pub struct Search<'a> {
    /// The table.
    pub table: &'a Table,
    /// What is looked for.
    pub target: Target<'a>,
    /// What else must hold.
    pub filter: &'a Filter,
    /// The stored index to go by.
    pub index: Option<&'a Path>,
    /// How warnings are told.
    pub common: &'a Common,
}

/// Takes hits, with their distances if they have some.
type Visit<'v> = &'v mut dyn FnMut(Hits, &[f64]) -> Result<()>;

impl Search<'_> {
    /// Gives out some columns of all hits, and counts them.
    pub fn run(&self, columns: &[&str], visit: Visit<'_>) -> Result<u64> {
        match (self.target, self.index) {
            (Target::Nearest(p, k), None) => self.nearest(p, k, columns, visit),
            (Target::Nearest(p, k), Some(path)) if self.filter.columns().is_empty() => {
                let index = self.resident(path)?;
                let found = index.nearest(p, k);
                index.check()?;
                self.neighbours(&self.pages(Within::Everywhere)?, &found, columns, visit)
            }
            (Target::Nearest(p, k), Some(_)) => self.nearest(p, k, columns, visit),
            (Target::Regions(regions, predicate), Some(path)) => {
                self.by_index(&self.resident(path)?, regions, predicate, columns, visit)
            }
            (Target::Regions(regions, predicate), None) => {
                self.by_pages(Within::Regions(regions, predicate), columns, visit)
            }
            (Target::Everywhere, _) => self.by_pages(Within::Everywhere, columns, visit),
        }
    }

    /// The pages that a search may have to read, with a word on what they lack.
    fn pages(&self, within: Within<'_>) -> Result<Pages<'_>> {
        let pages = Pages::within(self.table, within)?;
        pages.warnings().iter().for_each(|warning| self.common.warn(warning));
        Ok(pages)
    }

    fn by_pages(&self, within: Within<'_>, columns: &[&str], visit: Visit<'_>) -> Result<u64> {
        let pages = self.pages(within)?;
        let query = Query { within, filter: self.filter, columns };
        Ok(pages.query(&query, &mut |hits| visit(hits, &[]))?.hits)
    }

    fn nearest(&self, p: Point, k: usize, columns: &[&str], visit: Visit<'_>) -> Result<u64> {
        let pages = self.pages(Within::Everywhere)?;
        let (found, _) = pages.nearest(p, k, self.filter)?;
        self.neighbours(&pages, &found, columns, visit)
    }

    fn neighbours(
        &self,
        pages: &Pages<'_>,
        found: &[leadfield::segments::index::Neighbour],
        columns: &[&str],
        visit: Visit<'_>,
    ) -> Result<u64> {
        for together in found.chunks(TOGETHER) {
            let places: Vec<u64> = together.iter().map(|n| n.place).collect();
            let distances: Vec<f64> = together.iter().map(|n| n.distance).collect();
            let batch = pages.fetch(&places, columns)?;
            visit(Hits { batch, region: vec![0; places.len()] }, &distances)?;
        }
        Ok(found.len() as u64)
    }

    fn by_index(
        &self,
        index: &Resident,
        regions: &[&dyn Region],
        predicate: Predicate,
        columns: &[&str],
        visit: Visit<'_>,
    ) -> Result<u64> {
        let mut names = columns.to_vec();
        names.extend(self.filter.columns().into_iter().filter(|name| !columns.contains(name)));
        if names.is_empty() {
            let total = regions.iter().map(|region| index.count(*region, predicate)).sum();
            return index.check().map(|()| total);
        }
        let pages = self.pages(Within::Regions(regions, predicate))?;
        let mut total = 0;
        for (number, region) in (0..).zip(regions) {
            let found = index.find(*region, predicate);
            index.check()?;
            for places in found.chunks(TOGETHER) {
                let mut batch = pages.fetch(places, &names)?;
                if !self.filter.columns().is_empty() {
                    let passing = UInt32Array::from(self.filter.passing(&batch)?);
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

    /// The stored index; made now if there is none.
    fn resident(&self, path: &Path) -> Result<Resident> {
        let fingerprint = self.table.fingerprint()?;
        if !path.exists() {
            check_startable(path, Existing::Keep, false)?;
            let made = self.table.resident()?;
            made.write(path, fingerprint, Existing::Keep)?;
            self.common.say(format_args!("{}: index of {} segments", path.display(), made.len()));
            return Ok(made);
        }
        Resident::open(path, fingerprint)
    }
}
