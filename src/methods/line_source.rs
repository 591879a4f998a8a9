//! Line source: the membrane current of a segment leaves evenly along its axis.
//!
//! The weight is the mean of the point source's potential over the segment:
//!
//! ```text
//!           1e-3     L    ds        1e-3         r1 + r2 + L
//! w = ------------- int  ----  = ------------ ln -----------
//!      4 pi sigma L  0   r(s)    4 pi sigma L    r1 + r2 - L
//! ```
//!
//! | symbol | meaning | unit |
//! |---|---|---|
//! | w | weight: potential at the contact for 1 nA of membrane current | V/nA |
//! | sigma | conductivity of the medium | S/m |
//! | L | length of the segment | µm |
//! | a, b | vectors from the contact to the segment's two ends | µm |
//! | r1, r2 | lengths of a and b | µm |
//! | R | radius of the segment; 0.5 µm if unknown | µm |
//! | d | distance from the contact to the nearest point of the segment | µm |
//!
//! Assumptions: the medium is infinite, homogeneous, isotropic and purely ohmic; the reference is at infinity; the
//! current per length is constant along the segment. A segment of zero length, such as a soma, is a [point
//! source](super::point_source::PointSource). Other media and contacts with a size are sums of this case: see
//! [`medium`](super::medium) and [`disc`](super::disc).
//!
//! # Computation
//! The difference r1 + r2 - L cancels, so it is never computed. If r1 + r2 >= 5 L the logarithm is 2 atanh(L / (r1 +
//! r2)). Otherwise it is
//!
//! ```text
//! ln(1 + L (r1 + r2 + L) / D),   D = r1 r2 + a.b                    where a.b >= 0
//!                                    |a x b|^2 / (r1 r2 - a.b)      elsewhere
//! ```
//!
//! since (r1 + r2 - L) (r1 + r2 + L) = (r1 + r2)^2 - |b - a|^2 = 2 (r1 r2 + a.b), and r1^2 r2^2 - (a.b)^2 = |a x b|^2.
//! Each form is exact to rounding where it is used: on the axis, next to an end, and at any distance. Contacts nearer
//! than 1e-4 L (in scaled coordinates, nearer than 1e-4 of the coordinates) are computed in twice the precision: see
//! `close_contact`.
//!
//! # Near field
//! With [`NearField::ClampToRadius`] a contact nearer than R is moved straight away
//! from the segment until its distance is R, in an additional dimension that is orthogonal to space: a and b gain one
//! component with the square delta = max(0, R^2 - d^2). So
//!
//! ```text
//! r1^2, r2^2, a.b   gain delta,          hence r1 r2 + a.b belongs to the moved contact
//! |a x b|^2         gains delta L^2,     from (r1^2 + delta) (r2^2 + delta) - (a.b + delta)^2
//! ```
//!
//! and D has the same two forms as before. The weight is continuous at d = R, and the contact's position along the axis
//! does not change. For a contact on the segment, the result is that at the distance R next to it. d is the distance to
//! the segment and not to its infinite line, so contacts far beyond an end are not changed. The result is finite for
//! every contact, and at most that of a point source at the distance R.
//!
//! With [`NearField::Unclamped`] the weight is infinite on the segment, and never NaN.
//!
//! # Source
//! G. R. Holt, C. Koch, J. Comput. Neurosci. 6, 169 (1999), doi:10.1023/A:1008832702585. Their three cases of h and l
//! are the one formula above.
//!
//! # Agreement
//! Largest relative error against 25-digit numbers (`tests/analytic.rs`), for distances from 1 µm to 30 mm: 7e-16 for L
//! from 1e-3 to 250 µm, 2e-15 up to 1000 µm, and 5e-15 inside the near field. The usual form of the formula reaches
//! 7e-9. For contacts close to long segments, the remaining error is the rounding of coordinates relative to the
//! contact.
//!
//! # Example
//! Checked by hand, for a contact opposite the middle of the segment and triangles with sides 3, 4, 5: L = 6, r1 = r2 =
//! 5, so that the weight contains ln((10 + 6) / (10 - 6)) / 6 = ln(4) / 6.
//!
//! ```
//! use leadfield::geometry::Point;
//! use leadfield::methods::{self, Contact};
//! use leadfield::segments::{NeuronSegments, Segment, Segments};
//! use leadfield::units::SiemensPerMeter;
//!
//! let (start, end) = (Point::new(-3.0, 0.0, 0.0), Point::new(3.0, 0.0, 0.0));
//! let dendrite = Segment {
//!     node_id: 0, section_id: 1, segment_id: 0, section_type: None, start, end, radius_um: None, row: 0,
//! };
//! let segments = Segments::from_iter([dendrite]);
//! let conductivity = SiemensPerMeter::new(0.25)?.into();
//! let contact = Contact { conductivity, ..Contact::new(Point::new(0.0, 4.0, 0.0)) };
//! let method = methods::find_method("LineSource").unwrap().prepare(&[contact])?;
//! let mut w = [0.0];
//! method.fill_weights(&NeuronSegments::new(&segments, 0..1), &mut w);
//! let expected = 1e-3 / std::f64::consts::PI * 4.0_f64.ln() / 6.0;
//! assert!((w[0] / expected - 1.0).abs() < 1e-15);
//! # Ok::<(), leadfield::Error>(())
//! ```

use super::close_contact::{self, LineGeometry, PrecisePoint, any_negative};
use super::group_bounds::with_margin_squared;
use super::lanes::{LANES, Lanes, dot, norm_2};
use super::log1p::{DeferredLogarithm, twice_atanh};
use super::own_arrays::MethodInMedium;
use super::point_source;
use super::simd::{ContactLanes, Cylinder, Formula, HasMidpoint, SegmentContext};
use super::{Contact, Method, MethodProperties, NearField, PreparedMethod, SettingKind, multi_term};
use crate::error::Result;
use crate::geometry::Point;
use crate::geometry::region::nearest_point_on_segment;
use crate::units::SiemensPerMeter;

/// Returns the weight of one segment, from `start` to `end`, at one contact, V/nA: the equation of this page in plain
/// arithmetic. Positions and radius are in µm.
///
/// The vectorised kernel agrees with it to 2e-13 relative, except for contacts nearer than 1e-4 of the segment's length,
/// where the kernel uses twice the precision. For many segments and contacts use
/// [`LineSource::in_medium`].
pub fn weight(
    contact: Point,
    (start, end): (Point, Point),
    radius_um: f64,
    conductivity: SiemensPerMeter,
    near_field: NearField,
) -> f64 {
    let length = start.distance(end);
    if length == 0.0 {
        return point_source::weight(contact, (start, end), radius_um, conductivity, near_field);
    }
    let delta = match near_field {
        NearField::Unclamped => 0.0,
        NearField::ClampToRadius => {
            let distance = contact.distance(nearest_point_on_segment(contact, start, end));
            (radius_um * radius_um - distance * distance).max(0.0)
        }
    };
    let (a, b) = (start - contact, end - contact);
    let (r1, r2) = ((a.norm_2() + delta).sqrt(), (b.norm_2() + delta).sqrt());
    let sum = r1 + r2;
    let logarithm = if sum >= 5.0 * length {
        2.0 * (length / sum).atanh()
    } else {
        let dot = a.dot(b) + delta;
        let divisor =
            if dot >= 0.0 { r1 * r2 + dot } else { (a.cross(b).norm_2() + delta * length * length) / (r1 * r2 - dot) };
        (length * (sum + length) / divisor).ln_1p()
    };
    point_source::potential_at_1_um(conductivity) * logarithm / length
}

/// The line source method: the mean potential of point sources along the segment; see the module.
pub struct LineSource;

impl LineSource {
    /// Returns the method in an infinite medium of this conductivity, S/m, for segments in the caller's own arrays.
    ///
    /// # Errors
    /// Returns an error if the conductivity is not a positive number.
    pub fn in_medium(conductivity_s_per_m: f64) -> Result<MethodInMedium> {
        MethodInMedium::new(&Self, conductivity_s_per_m)
    }
}

impl Method for LineSource {
    fn properties(&self) -> MethodProperties {
        MethodProperties::new(
            "LineSource",
            "mean potential of point sources spread evenly along the segment",
            SettingKind::MEDIUM_SETTINGS,
        )
    }

    fn prepare(&self, contacts: &[Contact]) -> Result<Box<dyn PreparedMethod>> {
        multi_term::prepare_contacts::<Self>(contacts)
    }
}

impl Formula for LineSource {
    type PreparedSegment = LineOrPoint;
    type NeuronState = EndDistances;
    type Stage1Output = LineStage1Output;
    const USES_MIDPOINT_ONLY: bool = false;

    #[inline(always)]
    fn needs_distance(source: &LineOrPoint, _all_near: bool) -> bool {
        matches!(source, LineOrPoint::Line(_))
    }

    #[inline(always)]
    fn stage1(
        source: &LineOrPoint,
        context: SegmentContext,
        group: &ContactLanes,
        state: &mut EndDistances,
        output: &mut LineStage1Output,
    ) {
        output.per_length = None;
        match source {
            LineOrPoint::Line(line) if context.distance_2 > line.slender_beyond_2 => {
                line.stage1_far(context, group, state, output)
            }
            LineOrPoint::Line(line) => output.lanes = line.near_weights(group),
            LineOrPoint::Point(point) => output.lanes = point.weights(group),
        }
    }

    #[inline(always)]
    fn stage2(output: &LineStage1Output, group: &ContactLanes) -> Lanes {
        let Some(per_length) = output.per_length else { return output.lanes };
        let mut values = Lanes::default();
        for lane in 0..LANES {
            values[lane] = scale_logarithm(group.potential_at_1_um[lane], per_length, twice_atanh(output.lanes[lane]));
        }
        values
    }
}

/// The weights; or, if `per_length` (1 / L) is set, L / (r1 + r2) for contacts that are all far away.
#[derive(Debug, Default)]
pub(super) struct LineStage1Output {
    lanes: Lanes,
    per_length: Option<f64>,
}

/// A segment as a line, or as a point if it has no length.
#[derive(Debug, Clone, Copy)]
pub(super) enum LineOrPoint {
    /// A segment with a length.
    Line(SegmentLine),
    /// A segment without length: a soma, or a degenerate segment.
    Point(point_source::SegmentPoint),
}

impl From<Cylinder> for LineOrPoint {
    #[inline(always)]
    fn from(segment: Cylinder) -> Self {
        SegmentLine::from_cylinder(&segment).map_or_else(|| Self::Point(segment.into()), Self::Line)
    }
}

impl HasMidpoint for LineOrPoint {
    #[inline(always)]
    fn midpoint(&self) -> Point {
        match self {
            Self::Line(line) => line.midpoint,
            Self::Point(point) => point.midpoint(),
        }
    }
}

/// Squared length, µm^2, up to which a segment counts as a point: the powers of shorter lengths underflow.
const MAX_POINT_LENGTH_2: f64 = 1e-100;

/// Share of a segment's length below which distances to it are computed more precisely: in doubles their relative error
/// is 2e-13 there.
const CLOSE_LENGTH_SHARE: f64 = 1e-4;

/// Ratio (r1 + r2) / L from which the inverse hyperbolic tangent needs no argument reduction.
const MIN_SLENDER_RATIO: f64 = 5.0;

/// A segment with a length, and the values that do not depend on the contact.
#[derive(Debug, Clone, Copy)]
pub(super) struct SegmentLine {
    start: Point,
    end: Point,
    low_parts: [Point; 2],
    midpoint: Point,
    axis: Point,
    length: f64,
    per_length: f64,
    radius_2: f64,
    /// Squared distance from the midpoint beyond which r1 + r2 >= 5 L and the near-field rule changes nothing: r1 + r2
    /// is at least twice that distance, and the segment is at most half its length nearer than its midpoint.
    slender_beyond_2: f64,
}

impl SegmentLine {
    /// Returns the line; `None` for a segment that is too short to be squared.
    #[inline(always)]
    fn from_cylinder(segment: &Cylinder) -> Option<Self> {
        let &Cylinder { start, end, radius, low_parts: low } = segment;
        let along = end - start;
        let length_2 = norm_2(along);
        let length = length_2.sqrt();
        let line = Self {
            start,
            end,
            low_parts: low,
            midpoint: start.midpoint(end),
            axis: along,
            length,
            per_length: 1.0 / length,
            radius_2: radius * radius,
            slender_beyond_2: with_margin_squared(f64::max(0.5 * MIN_SLENDER_RATIO * length, 0.5 * length + radius)),
        };
        (length_2 > MAX_POINT_LENGTH_2).then_some(line)
    }

    /// Computes the first stage for a group whose contacts are all far away; the bits equal those of
    /// [`SegmentLine::near_weights`].
    #[inline(always)]
    fn stage1_far(
        &self,
        context: SegmentContext,
        group: &ContactLanes,
        r: &mut EndDistances,
        output: &mut LineStage1Output,
    ) {
        output.per_length = Some(self.per_length);
        let sums = r.next_end_distance_sums(self, context, group);
        for lane in 0..LANES {
            output.lanes[lane] = self.length / sums[lane];
        }
    }

    /// Returns the weights for contacts at any position.
    #[inline(always)]
    fn near_weights(&self, group: &ContactLanes) -> Lanes {
        let (mut values, mut excess) = (Lanes::default(), Lanes::default());
        for lane in 0..LANES {
            let p = group.position(lane);
            let (logarithm, distance_2) =
                self.logarithm_and_distance_2(self.start - p, self.end - p, group.clamp_to_radius[lane]);
            values[lane] = scale_logarithm(group.potential_at_1_um[lane], self.per_length, logarithm);
            let close = CLOSE_LENGTH_SHARE.mul_add(self.length, group.coarse_um[lane]);
            excess[lane] = distance_2 - close * close;
        }
        if any_negative(&excess) {
            self.correct_close(group, &excess, &mut values);
        }
        values
    }

    /// Recomputes the weights of contacts that almost touch the segment, where doubles lose digits.
    #[cold]
    #[inline(never)]
    fn correct_close(&self, group: &ContactLanes, excess: &Lanes, values: &mut Lanes) {
        let [start, end] = [(self.start, self.low_parts[0]), (self.end, self.low_parts[1])]
            .map(|(high, low)| PrecisePoint { high, low });
        for lane in 0..LANES {
            if excess[lane] < 0.0 {
                let near = group.clamp_to_radius[lane] * self.radius_2;
                let LineGeometry { r1_2, r2_2, dot, cross_2, length } =
                    close_contact::precise_line_geometry(group.precise_position(lane), start, end, near);
                let line = Self { length, per_length: 1.0 / length, ..*self };
                let logarithm = line.logarithm_from_distances(r1_2.sqrt(), r2_2.sqrt(), dot, cross_2);
                values[lane] = scale_logarithm(group.potential_at_1_um[lane], line.per_length, logarithm);
            }
        }
    }

    /// Returns ln((r1 + r2 + L) / (r1 + r2 - L)) after the near-field rule, and the squared distance to the segment
    /// that the rule used.
    #[inline(always)]
    fn logarithm_and_distance_2(&self, a: Point, b: Point, near: f64) -> (f64, f64) {
        let (r1_2, r2_2) = (norm_2(a), norm_2(b));
        let (delta, d_2) = self.near_field_delta_2(a, b, r1_2, r2_2, near);
        let (r1, r2) = ((r1_2 + delta).sqrt(), (r2_2 + delta).sqrt());
        let cross_2 = (delta * self.length).mul_add(self.length, cross_2(a, b));
        (self.logarithm_from_distances(r1, r2, dot(a, b) + delta, cross_2), d_2 + delta)
    }

    /// Returns the logarithm from r1, r2, a.b and |a x b|^2.
    #[inline(always)]
    fn logarithm_from_distances(&self, r1: f64, r2: f64, dot: f64, cross_2: f64) -> f64 {
        let sum = r1 + r2;
        let general = self.unreduced_logarithm(r1 * r2, sum, dot, cross_2);
        let slender = sum >= MIN_SLENDER_RATIO * self.length;
        let pick = |s: f64, g: f64| if slender { s } else { g };
        DeferredLogarithm { k: pick(0.0, general.k), f: pick(self.length, general.f), g: pick(sum, general.g) }
            .evaluate()
    }

    /// Returns ln(1 + L (r1 + r2 + L) / D) from the product and sum of r1 and r2, a.b and |a x b|^2.
    #[inline(always)]
    fn unreduced_logarithm(&self, product: f64, sum: f64, dot: f64, cross_2: f64) -> DeferredLogarithm {
        let p = product + dot.abs();
        let beside = dot >= 0.0;
        let num = self.length * (sum + self.length);
        DeferredLogarithm::ln_1p_quotient(if beside { num } else { num * p }, if beside { p } else { cross_2 })
    }

    /// Returns delta = max(0, R^2 - d^2) and d^2, where d is the distance to the segment. It is computed from the
    /// nearer end, where the vector product with the axis and the sign of the scalar product are exact to rounding.
    #[inline(always)]
    fn near_field_delta_2(&self, a: Point, b: Point, r1_2: f64, r2_2: f64, near: f64) -> (f64, f64) {
        let first = r1_2 < r2_2;
        let pick = |of_a: f64, of_b: f64| if first { of_a } else { of_b };
        let nearer = Point::new(pick(a.x, b.x), pick(a.y, b.y), pick(a.z, b.z));
        let outside = pick(1.0, -1.0) * dot(nearer, self.axis);
        let axis_2 = cross_2(nearer, self.axis) * self.per_length * self.per_length;
        let d_2 = if outside < 0.0 { axis_2 } else { pick(r1_2, r2_2) };
        let delta = self.radius_2.mul_add(near, -d_2);
        (if delta > 0.0 { delta } else { 0.0 }, d_2)
    }
}

/// Returns the mean potential: the potential at 1 µm, divided by the length, times the logarithm.
#[inline(always)]
fn scale_logarithm(scale: f64, per_length: f64, logarithm: f64) -> f64 {
    scale * per_length * logarithm
}

/// Distances of a group's contacts to the end of a segment, reused as those to the start of the next one.
#[derive(Debug, Default)]
pub(super) struct EndDistances {
    /// Row of the segment that the distances belong to; 0 for none.
    row: usize,
    r: Lanes,
}

impl EndDistances {
    /// Returns the sums of the distances to the two ends of a segment, and stores those to the second end.
    #[inline(always)]
    fn next_end_distance_sums(&mut self, line: &SegmentLine, context: SegmentContext, group: &ContactLanes) -> Lanes {
        if !(context.starts_at_previous_end && self.row + 1 == context.row) {
            self.r = group.distances(line.start);
        }
        let r2 = group.distances(line.end);
        let mut sums = Lanes::default();
        for lane in 0..LANES {
            sums[lane] = self.r[lane] + r2[lane];
        }
        (self.row, self.r) = (context.row, r2);
        sums
    }
}

/// Returns the squared length of the vector product.
#[inline(always)]
fn cross_2(a: Point, b: Point) -> f64 {
    norm_2(Point::new(
        difference_of_products(a.y, b.z, a.z, b.y),
        difference_of_products(a.z, b.x, a.x, b.z),
        difference_of_products(a.x, b.y, a.y, b.x),
    ))
}

/// Returns a b - c d without cancellation; the result is exactly 0 if the products are equal.
///
/// Source: C.-P. Jeannerod, N. Louvet, J.-M. Muller, Math. Comp. 82, 2245 (2013), doi:10.1090/S0025-5718-2013-02679-8
/// (Kahan's algorithm).
#[inline(always)]
fn difference_of_products(a: f64, b: f64, c: f64, d: f64) -> f64 {
    let cd = c * d;
    a.mul_add(b, -cd) + (-c).mul_add(d, cd)
}
