//! Builds the regions of contacts with ObjectiveCSD types.

use super::{Electrode, configure};
use crate::error::Result;
use crate::geometry::region::Region;
use crate::methods::NearField;
use crate::methods::objective_csd::{CsdOptions, CsdWarning, PreparedCsd, RegionContact, RegionShape};

/// The region of a contact; `None` if its type has no region.
pub type ContactRegion = Option<Box<dyn Region>>;

/// Returns the region of each contact, `None` for other types, and warnings.
///
/// # Errors
/// Returns an error for an array without axis or spacing, with the index among the contacts that have a region.
pub fn contact_regions(electrodes: &[Electrode]) -> Result<(Vec<ContactRegion>, Vec<CsdWarning>)> {
    let shapes: Vec<Option<RegionShape>> =
        electrodes.iter().map(|e| RegionShape::ALL.into_iter().find(|s| s.name() == e.method.name())).collect();
    let configured = configure(electrodes, &[], NearField::default())?;
    let with_region =
        configured.iter().zip(&shapes).filter_map(|(e, shape)| Some(RegionContact::new(&e.contact, (*shape)?)));
    let with_region: Vec<RegionContact> = with_region.collect();
    let (kernel, warnings) = PreparedCsd::new(&with_region, CsdOptions::default())?;
    let mut regions = kernel.into_regions().into_iter();
    Ok((shapes.iter().map(|shape| shape.and_then(|_| regions.next())).collect(), warnings))
}
