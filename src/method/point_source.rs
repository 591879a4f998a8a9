//! The point source: all current of a segment leaves at its midpoint.

use super::simd::{self, Cylinder, Formula, Group, LANES, Lanes, norm_2};
use super::{Contact, Kernel, Method};
use crate::error::Result;
use crate::geometry::Point;

/// The potential of a point source in an infinite, homogeneous medium.
pub struct PointSource;

impl Method for PointSource {
    fn name(&self) -> &'static str {
        "PointSource"
    }

    fn summary(&self) -> &'static str {
        "potential of a point source at the segment's midpoint"
    }

    fn is_analytic(&self) -> bool {
        true
    }

    fn prepare(&self, contacts: &[Contact]) -> Result<Box<dyn Kernel>> {
        Ok(Box::new(simd::Kernel::<Self>::new(contacts)))
    }
}

impl Formula for PointSource {
    type Source = Source;
    type Carried = ();

    #[inline(always)]
    fn coefficients(source: &Source, group: &Group, (): &mut ()) -> Lanes {
        source.coefficients(group)
    }
}

/// A segment as its midpoint.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source {
    position: Point,
    radius_2: f64,
}

impl From<Cylinder> for Source {
    #[inline(always)]
    fn from(segment: Cylinder) -> Self {
        Self { position: segment.start.midpoint(segment.end), radius_2: segment.radius * segment.radius }
    }
}

impl Source {
    /// Its coefficients at the contacts of a group.
    #[inline(always)]
    pub fn coefficients(&self, group: &Group) -> Lanes {
        let mut values = [0.0; LANES];
        for lane in group.lanes() {
            let r_2 = norm_2(self.position - group.position(lane));
            let least_2 = self.radius_2 * group.near[lane];
            values[lane] = group.scale[lane] / (if r_2 > least_2 { r_2 } else { least_2 }).sqrt();
        }
        values
    }
}
