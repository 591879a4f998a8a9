//! The area to search, from the options.

use leadfield::Result;
use leadfield::error::Context;
use leadfield::geometry::region::{Predicate, Region};
use leadfield::segments::query::TableQuery;

use super::contacts::QueryContacts;
use super::options::{PredicateArg, TargetArgs};
use super::{QueryProblem, region};
use crate::cli::Common;

/// The area to search, opened and checked.
pub struct SearchArea {
    pub regions: Vec<Box<dyn Region>>,
    pub contacts: Option<QueryContacts>,
    pub nearest: Option<(leadfield::geometry::Point, usize)>,
    pub predicate: Predicate,
}

impl SearchArea {
    /// Opens and checks the area given by the options, for contacts with some names; without names, for all.
    pub fn from_args(args: &TargetArgs, electrodes: &[String], common: &Common) -> Result<Self> {
        let predicate = match args.predicate {
            None | Some(PredicateArg::Midpoint) => Predicate::Midpoint,
            Some(PredicateArg::Intersects) => Predicate::Intersects,
        };
        let mut place = Self { regions: Vec::new(), contacts: None, nearest: None, predicate };
        if let Some(k) = args.nearest {
            if args.predicate.is_some() {
                return Err(QueryProblem::PredicateOfNearest).in_item("--predicate");
            }
            if k == 0 {
                return Err(QueryProblem::NoneNearest).in_item("--nearest");
            }
            place.nearest = Some((region::parse_point(args.at.as_deref().unwrap_or_default())?, k));
        }
        if args.contact_file.is_given() && args.electrodes.is_none() {
            return Err(QueryProblem::UnitsWithoutContacts).in_item("--units");
        }
        if let Some(path) = &args.electrodes {
            let mut contacts = QueryContacts::new(path, &args.contact_file.read(path, common)?, args.contact_region())?;
            contacts.keep_only(electrodes).in_item("--electrode")?;
            place.regions = std::mem::take(&mut contacts.regions);
            place.contacts = Some(contacts);
        }
        let shapes = [
            (region::SPHERE, &args.sphere),
            (region::DISK, &args.disk),
            (region::SLAB, &args.slab),
            (region::BOX, &args.cuboid),
            (region::CAPSULE, &args.capsule),
        ];
        for (kind, text) in shapes {
            place.regions.extend(text.as_deref().map(|text| kind.parse(text)).transpose()?);
        }
        Ok(place)
    }

    /// Adds the area to a query.
    pub fn add_to<'a>(&'a self, query: TableQuery<'a>) -> TableQuery<'a> {
        let query = query.predicate(self.predicate);
        let regions = self.regions.iter().map(|region| -> &'a dyn Region { region.as_ref() });
        match (self.nearest, &self.contacts) {
            (Some((point, k)), _) => query.nearest(point, k),
            (None, Some(contacts)) => query.contacts(contacts.names.iter().zip(regions)),
            (None, None) if self.regions.is_empty() => query,
            (None, None) => query.regions(regions),
        }
    }
}
