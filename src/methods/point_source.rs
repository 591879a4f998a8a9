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
//! Computation: 1 / r comes from r^2 by `inverse_root.rs`, without a root or a quotient of doubles.
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
//! use leadfield::methods::{self, Contact};
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
//! let kernel = methods::by_name("PointSource").unwrap().prepare(&[contact])?;
//! let mut w = [0.0];
//! kernel.fill(&NeuronSegments::of(&segments, 0..1), &mut w);
//! assert!((w[0] * 5.0 * std::f64::consts::PI / 1e-3 - 1.0).abs() < 1e-15);
//! # Ok::<(), leadfield::Error>(())
//! ```

use super::boxes::surely_beyond_2;
use super::simd::{Centered, Cylinder, Formula, Group, LANES, Lanes, Place, is_moderate, norm_2};
use super::{Contact, Kernel, Method, composed, inverse_root};
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
    type Half = Half;
    const MIDPOINT: bool = true;

    #[inline(always)]
    fn is_measured(source: &Source, all_near: bool) -> bool {
        !(all_near && source.is_spaced())
    }

    #[inline(always)]
    fn begin(source: &Source, place: Place, group: &Group, (): &mut (), half: &mut Half) {
        half.squares = source.squares(group);
        half.exact = source.is_exact(place, group);
        for lane in 0..LANES {
            half.estimates[lane] = inverse_root::estimate(half.squares[lane]);
        }
    }

    #[inline(always)]
    fn finish(half: &Half, group: &Group) -> Lanes {
        if half.exact {
            return exact(&half.squares, group);
        }
        let mut values = Lanes::default();
        for lane in 0..LANES {
            values[lane] = group.scale[lane] * inverse_root::refined(half.squares[lane], half.estimates[lane]);
        }
        values
    }
}

/// Squared distances, and what singles say of their inverse roots.
#[derive(Debug, Default)]
pub(super) struct Half {
    squares: Lanes,
    estimates: Lanes,
    /// Whether singles may not hold the squares.
    exact: bool,
}

/// A segment as its midpoint.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source {
    position: Point,
    radius_2: f64,
    moderate: bool,
}

/// Distance, um, from which on squares are in the range of singles.
const LEAST: f64 = 1e-14;

impl From<Cylinder> for Source {
    #[inline(always)]
    fn from(segment: Cylinder) -> Self {
        let position = segment.start.midpoint(segment.end);
        Self { position, radius_2: segment.radius * segment.radius, moderate: is_moderate(position) }
    }
}

impl Centered for Source {
    #[inline(always)]
    fn middle(&self) -> Point {
        self.position
    }
}

impl Source {
    /// Its coefficients at the contacts of a group.
    #[inline(always)]
    pub fn coefficients(&self, group: &Group) -> Lanes {
        exact(&self.squares(group), group)
    }

    /// Whether the near field's rule keeps squares in the range of singles.
    #[inline(always)]
    fn is_spaced(&self) -> bool {
        self.radius_2 > LEAST * LEAST
    }

    /// Squared distances, the near field's rule applied.
    #[inline(always)]
    fn squares(&self, group: &Group) -> Lanes {
        let mut squares = Lanes::default();
        for lane in 0..LANES {
            let r_2 = norm_2(self.position - group.position(lane));
            let least_2 = self.radius_2 * group.near[lane];
            squares[lane] = if r_2 > least_2 { r_2 } else { least_2 };
        }
        squares
    }

    /// Whether singles may not hold the squares.
    #[inline(always)]
    fn is_exact(&self, place: Place, group: &Group) -> bool {
        let off = (group.all_near && self.is_spaced()) || place.distance_2 > surely_beyond_2(LEAST);
        !(off && self.moderate && group.moderate)
    }
}

/// The coefficients for any squared distances.
#[inline(always)]
fn exact(squares: &Lanes, group: &Group) -> Lanes {
    let mut values = Lanes::default();
    for lane in 0..LANES {
        values[lane] = group.scale[lane] * inverse_root::anywhere(squares[lane]);
    }
    values
}
