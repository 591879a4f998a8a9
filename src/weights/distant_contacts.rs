//! The check for contacts in other units or in another frame than the segments.

use std::fmt;

use super::SegmentSource;
use crate::electrodes::ConfiguredElectrode;
use crate::error::Result;
use crate::geometry::Aabb;
use crate::methods::Contact;

/// Contacts this far from every segment are suspicious, um.
pub const SUSPICIOUS_DISTANCE_UM: f64 = 10_000.0;

/// Every contact is further than [`SUSPICIOUS_DISTANCE_UM`] from every segment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DistantContacts {
    /// The box round the contacts, um.
    pub contact_bounds_um: Aabb,
    /// The box round the segments, um.
    pub segment_bounds_um: Aabb,
}

impl DistantContacts {
    /// Looks at the boxes of the tables and at each contact without a lead field, whose place is in no formula.
    ///
    /// # Errors
    /// A table does not tell its box.
    pub fn find(sources: &[&dyn SegmentSource], electrodes: &[ConfiguredElectrode]) -> Result<Option<Self>> {
        let boxes = sources.iter().map(|s| s.bounds()).collect::<Result<Vec<_>>>()?;
        let segments = boxes.iter().copied().fold(Aabb::EMPTY, Aabb::union);
        let placed: Vec<&Contact> = electrodes.iter().map(|e| &e.contact).filter(|c| c.lead_field.is_none()).collect();
        let is_far = |c: &Contact| {
            boxes.iter().all(|b| b.is_empty() || b.distance(&Aabb::enclosing([c.position_um])) > SUSPICIOUS_DISTANCE_UM)
        };
        let far = !segments.is_empty() && !placed.is_empty() && placed.iter().copied().all(is_far);
        let contacts = Aabb::enclosing(placed.iter().map(|c| c.position_um));
        Ok(far.then_some(Self { contact_bounds_um: contacts, segment_bounds_um: segments }))
    }
}

impl fmt::Display for DistantContacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "every contact is more than 10 mm from every segment: contacts in {}, segments in {}; \
             are both in um, and in the circuit's frame?",
            self.contact_bounds_um, self.segment_bounds_um
        )
    }
}
