//! Detects contacts that are in another unit or coordinate frame than the segments.

use std::fmt;

use super::SegmentSource;
use crate::electrodes::ConfiguredElectrode;
use crate::error::Result;
use crate::geometry::Aabb;
use crate::methods::Contact;

/// A contact farther than this from every segment is suspicious, µm.
pub const SUSPICIOUS_DISTANCE_UM: f64 = 10_000.0;

/// A warning: every contact is farther than [`SUSPICIOUS_DISTANCE_UM`] from every segment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DistantContacts {
    /// Bounding box of the contacts, µm.
    pub contact_bounds_um: Aabb,
    /// Bounding box of the segments, µm.
    pub segment_bounds_um: Aabb,
}

impl DistantContacts {
    /// Compares the tables' bounding boxes with each contact whose method expects it near; lead fields do not use its
    /// position, and electrodes of a head are far away.
    ///
    /// # Errors
    /// Returns an error if the bounding box of a table cannot be read.
    pub fn find(sources: &[&dyn SegmentSource], electrodes: &[ConfiguredElectrode]) -> Result<Option<Self>> {
        let boxes = sources.iter().map(|s| s.bounds()).collect::<Result<Vec<_>>>()?;
        let segments = boxes.iter().copied().fold(Aabb::EMPTY, Aabb::union);
        let is_near = |e: &&ConfiguredElectrode| e.electrode.method.expects_near_contacts();
        let placed: Vec<&Contact> = electrodes.iter().filter(is_near).map(|e| &e.contact).collect();
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
             are both in µm, and in the circuit's frame?",
            self.contact_bounds_um, self.segment_bounds_um
        )
    }
}
