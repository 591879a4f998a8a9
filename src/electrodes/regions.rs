//! The regions of contacts that have one: those of their ObjectiveCSD types.

use super::{Electrode, contacts};
use crate::error::Result;
use crate::geometry::region::Region;
use crate::methods::NearField;
use crate::methods::objective_csd::{Contact, Kernel, Options, Setting, Shape, Warning};

/// The region of a contact, if it has one.
pub type Own = Option<Box<dyn Region>>;

/// The region of each contact, none for those of other types, and what is worth a look.
///
/// # Errors
/// An array without axis or spacing, at the contact's place among those with a region.
pub fn regions(electrodes: &[Electrode]) -> Result<(Vec<Own>, Vec<Warning>)> {
    let shapes: Vec<Option<Shape>> =
        electrodes.iter().map(|e| Shape::ALL.into_iter().find(|s| s.name() == e.method.name())).collect();
    let own = contacts(electrodes, &[], NearField::default())?;
    let contact = |(c, shape): (crate::methods::Contact, &Option<Shape>)| {
        let setting = Setting { shape: (*shape)?, radius: c.region.radius, thickness: c.region.thickness };
        Some(Contact { position: c.position, setting, array: c.region.array })
    };
    let with_region: Vec<Contact> = own.into_iter().zip(&shapes).filter_map(contact).collect();
    let (kernel, warnings) = Kernel::new(&with_region, Options::default())?;
    let mut made = kernel.into_regions().into_iter();
    Ok((shapes.iter().map(|shape| shape.and_then(|_| made.next())).collect(), warnings))
}
