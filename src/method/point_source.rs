//! The point source: all current of a segment leaves at its midpoint.
//!
//! ```text
//! w = 1e-3 / (4 pi sigma r)
//! ```
//!
//! | symbol | meaning | unit |
//! |---|---|---|
//! | w | coefficient: potential at the contact for 1 nA of membrane current | V/nA |
//! | sigma | conductivity of the medium | S/m |
//! | r | distance from the contact to the segment's midpoint | um |
//!
//! Assumes an infinite, homogeneous, isotropic, purely ohmic medium, and a reference at infinity. Other media and contacts
//! of a size come down to this case: see [`medium`](super::medium) and [`disc`](super::disc).
//!
//! Near field: with [`NearField::Radius`](super::NearField::Radius) r is at least the segment's radius. With
//! [`NearField::Exact`](super::NearField::Exact) the coefficient is infinite at the midpoint itself.
//!
//! Source: R. Plonsey, R. C. Barr, Bioelectricity: A Quantitative Approach, Springer 2007,
//! doi:10.1007/978-0-387-48865-3, on monopole fields in a volume conductor.
//!
//! Agreement: relative error at most 5e-16 against 25-digit numbers (`tests/analytic.rs`).
//!
//! Checked by hand, a contact at 5 um (3, 4, 0) from a soma, sigma 0.25 S/m: 1e-3 / (4 pi 0.25 5) = 1e-3 / (5 pi).
//!
//! ```
//! use leadfield::geometry::Point;
//! use leadfield::method::{self, Contact};
//! use leadfield::segments::{NeuronSegments, Segment, Segments};
//! use leadfield::units::SiemensPerMeter;
//!
//! let (start, end) = (Point::ORIGIN, Point::ORIGIN);
//! let soma = Segment {
//!     node_id: 0, section_id: 0, segment_id: 0, section_type: None, start, end, radius: None, row: 0,
//! };
//! let segments = Segments::from_iter([soma]);
//! let conductivity = SiemensPerMeter::new(0.25)?.into();
//! let contact = Contact { conductivity, ..Contact::at(Point::new(3.0, 4.0, 0.0)) };
//! let kernel = method::by_name("PointSource").unwrap().prepare(&[contact])?;
//! let mut w = [0.0];
//! kernel.fill(&NeuronSegments::of(&segments, 0..1), &mut w);
//! assert!((w[0] * 5.0 * std::f64::consts::PI / 1e-3 - 1.0).abs() < 1e-15);
//! # Ok::<(), leadfield::Error>(())
//! ```

use super::simd::{Cylinder, Formula, Group, LANES, Lanes, norm_2};
use super::{Contact, Kernel, Method, composed};
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
        composed::kernel::<Self>(contacts)
    }
}

impl Formula for PointSource {
    type Source = Source;
    type Carried = ();
    const MIDPOINT: bool = true;

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
