//! Where segments are looked for.

use leadfield::Result;
use leadfield::error::Context;
use leadfield::geometry::region::{Predicate, Region};

use super::contacts::Contacts;
use super::options::{Rule, TargetArgs};
use super::search::Target;
use super::{QueryProblem, region};

/// Where segments are looked for, opened and checked.
pub struct Place {
    pub regions: Vec<Box<dyn Region>>,
    pub contacts: Option<Contacts>,
    pub nearest: Option<(leadfield::geometry::Point, usize)>,
    pub predicate: Predicate,
}

impl Place {
    /// Opens and checks.
    pub fn of(args: &TargetArgs) -> Result<Self> {
        let predicate = match args.predicate {
            None | Some(Rule::Midpoint) => Predicate::Midpoint,
            Some(Rule::Intersects) => Predicate::Intersects,
        };
        let mut place = Self { regions: Vec::new(), contacts: None, nearest: None, predicate };
        if let Some(k) = args.nearest {
            if args.predicate.is_some() {
                return Err(QueryProblem::PredicateOfNearest).in_object("--predicate");
            }
            if k == 0 {
                return Err(QueryProblem::NoneNearest).in_object("--nearest");
            }
            place.nearest = Some((region::parse_point(args.at.as_deref().unwrap_or_default())?, k));
        }
        if let Some(path) = &args.electrodes {
            let mut contacts = Contacts::open(path, args.region_of_contacts())?;
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

    /// What the search is for.
    pub fn target<'a>(&self, regions: &'a [&'a dyn Region]) -> Target<'a> {
        match self.nearest {
            Some((point, k)) => Target::Nearest(point, k),
            None if regions.is_empty() && self.contacts.is_none() => Target::Everywhere,
            None => Target::Regions(regions, self.predicate),
        }
    }
}
