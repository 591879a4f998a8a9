//! ObjectiveCSD among the methods: one for each shape.

use super::{Contact, Density, Kernel, Measure, Setting, Shape, Spacing};
use crate::error::Result;
use crate::methods::{self, Method, Parameter};

/// The share of a segment in a region of a shape.
pub struct ObjectiveCsd(pub Shape);

/// What a contact says of its region.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Own {
    /// Radius, um; none for the default.
    pub radius: Option<f64>,
    /// Half the extent along the axis, um; none for the default.
    pub thickness: Option<f64>,
    /// A number shared by the contacts of one array.
    pub array: usize,
    /// Measure of a segment.
    pub measure: Measure,
    /// Divisor of the measure.
    pub density: Density,
    /// Neighbours for the default thickness; that of the first contact holds for all.
    pub spacing: Spacing,
}

impl Method for ObjectiveCsd {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn summary(&self) -> &'static str {
        match self.0 {
            Shape::Sphere => "1 in a ball round the contact, else 0",
            Shape::Disk => "1 in a disk across the axis of the contact's array, else 0",
            Shape::Plane => "1 in a layer across the axis of the contact's array, else 0",
        }
    }

    fn is_analytic(&self) -> bool {
        false
    }

    fn is_potential(&self) -> bool {
        false
    }

    fn parameters(&self) -> &'static [Parameter] {
        use Parameter::{Array, Measure, PerVolume, Radius, Thickness};
        match self.0 {
            Shape::Sphere => &[Radius, Measure, PerVolume],
            Shape::Disk => &[Radius, Thickness, Array, Measure, PerVolume],
            Shape::Plane => &[Thickness, Array, Measure],
        }
    }

    fn prepare(&self, contacts: &[methods::Contact]) -> Result<Box<dyn methods::Kernel>> {
        let region = |c: &methods::Contact| Contact {
            position: c.position,
            setting: Setting { shape: self.0, radius: c.region.radius, thickness: c.region.thickness },
            array: c.region.array,
        };
        let regions: Vec<Contact> = contacts.iter().map(region).collect();
        let how: Vec<_> = contacts.iter().map(|c| (c.region.measure, c.region.density)).collect();
        let spacing = contacts.first().map_or(Spacing::default(), |c| c.region.spacing);
        Ok(Box::new(Kernel::each(&regions, spacing, &how)?))
    }
}
