//! `ObjectiveCSD` as methods, one for each shape.

use super::{Density, Measure, NeighbourRule, PreparedCsd, RegionContact, RegionShape};
use crate::error::Result;
use crate::methods::{self, Method, MethodProperties, SettingKind, WeightQuantity};

/// The `ObjectiveCSD` method of a shape: the share of a segment inside the contact's region.
pub struct ObjectiveCsd(pub RegionShape);

/// The region settings of a contact.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct RegionOverrides {
    /// Radius, µm; `None` for the default.
    pub radius_um: Option<f64>,
    /// Half the extent along the axis, µm; `None` for the default.
    pub thickness_um: Option<f64>,
    /// Number of the array; contacts of one array share it.
    pub array_number: usize,
    /// Measure of a segment.
    pub measure: Measure,
    /// Divisor of the measure.
    pub density: Density,
    /// Neighbour rule for the default thickness; that of the first contact applies to all.
    pub spacing: NeighbourRule,
}

impl Method for ObjectiveCsd {
    fn properties(&self) -> MethodProperties {
        use SettingKind::{Array, Measure, PerVolume, Radius, Thickness};
        let (summary, accepted_settings): (_, &[_]) = match self.0 {
            RegionShape::Sphere => ("1 in a ball around the contact, else 0", &[Radius, Measure, PerVolume]),
            RegionShape::Disk => (
                "1 in a disk across the axis of the contact's array, else 0",
                &[Radius, Thickness, Array, Measure, PerVolume],
            ),
            RegionShape::Plane => {
                ("1 in a layer across the axis of the contact's array, else 0", &[Thickness, Array, Measure])
            }
        };
        MethodProperties {
            quantity: WeightQuantity::CurrentShare,
            ..MethodProperties::new(self.0.name(), summary, accepted_settings)
        }
    }

    fn prepare(&self, contacts: &[methods::Contact]) -> Result<Box<dyn methods::PreparedMethod>> {
        let regions: Vec<RegionContact> = contacts.iter().map(|c| RegionContact::new(c, self.0)).collect();
        let how: Vec<_> = contacts.iter().map(|c| (c.csd_region.measure, c.csd_region.density)).collect();
        let spacing = contacts.first().map_or(NeighbourRule::default(), |c| c.csd_region.spacing);
        Ok(Box::new(PreparedCsd::with_measures(&regions, spacing, &how)?))
    }
}
