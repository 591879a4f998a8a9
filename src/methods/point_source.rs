//! Point source: all membrane current of a segment leaves at its midpoint.
//!
//! ```text
//! w = 1e-3 / (4 pi sigma r)
//! ```
//!
//! | symbol | meaning | unit |
//! |---|---|---|
//! | w | weight: potential at the contact for 1 nA of membrane current | V/nA |
//! | sigma | conductivity of the medium | S/m |
//! | r | distance from the contact to the segment's midpoint | µm |
//!
//! Assumptions: the medium is infinite, homogeneous, isotropic and purely ohmic; the reference is at infinity. Other
//! media and contacts with a size are sums of this case: see [`medium`](super::medium) and [`disc`](super::disc).
//!
//! Near field: with [`NearField::ClampToRadius`] r is at least the segment's radius.
//! With [`NearField::Unclamped`] the weight is infinite at the midpoint itself.
//!
//! Computation: 1 / r comes from r^2 by `inverse_sqrt.rs`, without a square root or a division of doubles.
//!
//! Source: R. Plonsey, R. C. Barr, Bioelectricity: A Quantitative Approach, Springer 2007,
//! doi:10.1007/978-0-387-48865-3, on monopole fields in a volume conductor.
//!
//! Agreement: relative error at most 5e-16 against 25-digit numbers (`tests/analytic.rs`).
//!
//! Checked by hand, for a contact 5 µm from a soma at (3, 4, 0) and sigma = 0.25 S/m: 1e-3 / (4 pi 0.25 5) = 1e-3 / (5
//! pi).
//!
//! ```
//! use leadfield::geometry::Point;
//! use leadfield::methods::{self, Contact};
//! use leadfield::segments::{NeuronSegments, Segment, Segments};
//! use leadfield::units::SiemensPerMeter;
//!
//! let (start, end) = (Point::ORIGIN, Point::ORIGIN);
//! let soma = Segment {
//!     node_id: 0, section_id: 0, segment_id: 0, section_type: None, start, end, radius_um: None, row: 0,
//! };
//! let segments = Segments::from_iter([soma]);
//! let conductivity = SiemensPerMeter::new(0.25)?.into();
//! let contact = Contact { conductivity, ..Contact::new(Point::new(3.0, 4.0, 0.0)) };
//! let method = methods::find_method("PointSource").unwrap().prepare(&[contact])?;
//! let mut w = [0.0];
//! method.fill_weights(&NeuronSegments::new(&segments, 0..1), &mut w);
//! assert!((w[0] * 5.0 * std::f64::consts::PI / 1e-3 - 1.0).abs() < 1e-15);
//! # Ok::<(), leadfield::Error>(())
//! ```

use super::group_bounds::with_margin_squared;
use super::lanes::{LANES, Lanes, norm_2};
use super::own_arrays::MethodInMedium;
use super::simd::{ContactLanes, Cylinder, Formula, HasMidpoint, SegmentContext, is_f32_safe};
use super::{Contact, Method, MethodProperties, NearField, PreparedMethod, SettingKind, inverse_sqrt, multi_term};
use crate::error::Result;
use crate::geometry::Point;
use crate::units::{NANOAMPERE_PER_MICROMETER, SiemensPerMeter};

/// Returns the weight of one segment, from `start` to `end`, at one contact, V/nA: the equation of this page in plain
/// arithmetic. Positions and radius are in µm. The vectorised kernel agrees with it to 1e-15 relative.
pub fn weight(
    contact: Point,
    (start, end): (Point, Point),
    radius_um: f64,
    conductivity: SiemensPerMeter,
    near_field: NearField,
) -> f64 {
    let distance = contact.distance(start.midpoint(end));
    let distance = match near_field {
        NearField::Unclamped => distance,
        NearField::ClampToRadius => distance.max(radius_um),
    };
    potential_at_1_um(conductivity) / distance
}

/// Returns the potential, V, of 1 nA at a distance of 1 µm: 1e-3 / (4 pi sigma).
pub(super) fn potential_at_1_um(conductivity: SiemensPerMeter) -> f64 {
    NANOAMPERE_PER_MICROMETER / (4.0 * std::f64::consts::PI * conductivity.get())
}

/// The point source method: the potential of a point source at the segment's midpoint; see the module.
pub struct PointSource;

impl PointSource {
    /// Returns the method in an infinite medium of this conductivity, S/m, for segments in the caller's own arrays.
    ///
    /// # Errors
    /// Returns an error if the conductivity is not a positive number.
    pub fn in_medium(conductivity_s_per_m: f64) -> Result<MethodInMedium> {
        MethodInMedium::new(&Self, conductivity_s_per_m)
    }
}

impl Method for PointSource {
    fn properties(&self) -> MethodProperties {
        MethodProperties::new(
            "PointSource",
            "potential of a point source at the segment's midpoint",
            SettingKind::MEDIUM_SETTINGS,
        )
    }

    fn prepare(&self, contacts: &[Contact]) -> Result<Box<dyn PreparedMethod>> {
        multi_term::prepare_contacts::<Self>(contacts)
    }
}

impl Formula for PointSource {
    type PreparedSegment = SegmentPoint;
    type NeuronState = ();
    type Stage1Output = PointStage1Output;
    const USES_MIDPOINT_ONLY: bool = true;

    #[inline(always)]
    fn needs_distance(source: &SegmentPoint, all_near: bool) -> bool {
        !(all_near && source.is_radius_f32_safe())
    }

    #[inline(always)]
    fn stage1(
        source: &SegmentPoint,
        context: SegmentContext,
        group: &ContactLanes,
        (): &mut (),
        output: &mut PointStage1Output,
    ) {
        output.distances_2 = source.near_field_distances_2(group);
        output.needs_f64 = source.needs_f64(context, group);
        for lane in 0..LANES {
            output.estimates[lane] = inverse_sqrt::estimate_f32(output.distances_2[lane]);
        }
    }

    #[inline(always)]
    fn stage2(output: &PointStage1Output, group: &ContactLanes) -> Lanes {
        if output.needs_f64 {
            return weights_in_f64(&output.distances_2, group);
        }
        let mut values = Lanes::default();
        for lane in 0..LANES {
            values[lane] =
                group.potential_at_1_um[lane] * inverse_sqrt::refine(output.distances_2[lane], output.estimates[lane]);
        }
        values
    }
}

/// Squared distances, and single-precision estimates of their inverse square roots.
#[derive(Debug, Default)]
pub(super) struct PointStage1Output {
    distances_2: Lanes,
    estimates: Lanes,
    /// Whether squares may be out of the range of single precision.
    needs_f64: bool,
}

/// A segment as a point at its midpoint.
#[derive(Debug, Clone, Copy)]
pub(super) struct SegmentPoint {
    position_um: Point,
    radius_2: f64,
    is_f32_safe: bool,
}

/// Distance, µm, from which squares are in the range of single precision.
const MIN_F32_SAFE_DISTANCE_UM: f64 = 1e-14;

impl From<Cylinder> for SegmentPoint {
    #[inline(always)]
    fn from(segment: Cylinder) -> Self {
        let position = segment.start.midpoint(segment.end);
        Self { position_um: position, radius_2: segment.radius * segment.radius, is_f32_safe: is_f32_safe(position) }
    }
}

impl HasMidpoint for SegmentPoint {
    #[inline(always)]
    fn midpoint(&self) -> Point {
        self.position_um
    }
}

impl SegmentPoint {
    /// Returns the weights at the contacts of a group.
    #[inline(always)]
    pub fn weights(&self, group: &ContactLanes) -> Lanes {
        weights_in_f64(&self.near_field_distances_2(group), group)
    }

    /// Returns whether the near-field rule keeps squares in the range of single precision.
    #[inline(always)]
    fn is_radius_f32_safe(&self) -> bool {
        self.radius_2 > MIN_F32_SAFE_DISTANCE_UM * MIN_F32_SAFE_DISTANCE_UM
    }

    /// Returns the squared distances after the near-field rule.
    #[inline(always)]
    fn near_field_distances_2(&self, group: &ContactLanes) -> Lanes {
        let mut squares = Lanes::default();
        for lane in 0..LANES {
            let r_2 = norm_2(self.position_um - group.position(lane));
            let least_2 = self.radius_2 * group.clamp_to_radius[lane];
            squares[lane] = if r_2 > least_2 { r_2 } else { least_2 };
        }
        squares
    }

    /// Returns whether squares may be out of the range of single precision.
    #[inline(always)]
    fn needs_f64(&self, context: SegmentContext, group: &ContactLanes) -> bool {
        let off = (group.all_clamped && self.is_radius_f32_safe())
            || context.distance_2 > with_margin_squared(MIN_F32_SAFE_DISTANCE_UM);
        !(off && self.is_f32_safe && group.is_f32_safe)
    }
}

/// Returns the weights for any squared distances, without single precision.
#[inline(always)]
fn weights_in_f64(squares: &Lanes, group: &ContactLanes) -> Lanes {
    let mut values = Lanes::default();
    for lane in 0..LANES {
        values[lane] = group.potential_at_1_um[lane] * inverse_sqrt::inverse_sqrt_full_range(squares[lane]);
    }
    values
}
