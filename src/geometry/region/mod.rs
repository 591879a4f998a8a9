//! Regions of space, with exact tests on points, segments and boxes. All lengths are in micrometres.
//!
//! Every region is convex and closed: its border is inside, and the inside part of a segment is one [`SegmentSpan`]. A
//! query first excludes boxes with [`Region::touches`], which never misses a box, and then tests the remaining segments
//! with a [`Predicate`]. The ObjectiveCSD methods use the same regions, so a query finds exactly the segments with a
//! weight.

mod capsule;
mod cuboid;
mod disk;
mod oriented_cuboid;
mod slab;
mod span;
mod sphere;

pub use capsule::Capsule;
pub use cuboid::Cuboid;
pub use disk::Disk;
pub use oriented_cuboid::OrientedCuboid;
pub use slab::Slab;
pub use span::SegmentSpan;
pub use sphere::Sphere;

use super::{Aabb, Point};
use crate::error::Problem;

/// Largest size and coordinate of a region, µm, so that no product of two of them overflows.
pub const MAX_COORDINATE_UM: f64 = 1e100;

/// A convex, closed region of space.
///
/// Coordinates of points and boxes are assumed to be at most [`MAX_COORDINATE_UM`]; a point with NaN is outside.
pub trait Region: std::fmt::Debug + Send + Sync {
    /// Returns whether a point is inside or on the border.
    fn contains(&self, p: Point) -> bool;

    /// Returns the part of the segment a-b that is inside, without care for rounding; [`Region::clip_segment`] corrects
    /// the ends.
    fn clip_inexact(&self, a: Point, b: Point) -> Option<SegmentSpan>;

    /// Returns whether the region has a point in common with a box that is neither empty nor infinite, without care for
    /// rounding; [`Region::touches`] adds a margin.
    fn touches_inexact(&self, bounds: &Aabb) -> bool;

    /// Returns the largest absolute coordinate in the region's arithmetic, µm.
    fn max_coordinate_um(&self) -> f64;

    /// Returns a box around the region, larger than the smallest one only by a margin for rounding; `None` if the
    /// region is infinite.
    fn bounds(&self) -> Option<Aabb>;

    /// Returns the volume, µm^3; `None` if it is infinite.
    fn volume_um3(&self) -> Option<f64>;

    /// Returns whether the region and a box may have a point in common.
    ///
    /// Exact except for rounding, and never a wrong `false`: true for every box that contains a point of the region, or
    /// both ends of a segment that the region intersects. The box is extended by `64 * f64::EPSILON` times the largest
    /// coordinate involved (1e-10 µm at 1 cm).
    fn touches(&self, bounds: &Aabb) -> bool {
        if bounds.is_empty() {
            return false;
        }
        let bounds = pad_for_rounding(*bounds, self.max_coordinate_um());
        !bounds.is_finite() || self.touches_inexact(&bounds)
    }

    /// Returns whether the region certainly [`contains`](Region::contains) every point of a box, and so intersects
    /// every segment with an end in it. May return false for a box that is only just inside.
    ///
    /// The corners of the box, extended by the margin of [`Region::touches`], are tested. A region is convex, so the
    /// box is inside by at least that margin, which is more than the rounding error.
    fn encloses(&self, bounds: &Aabb) -> bool {
        let grown = pad_for_rounding(*bounds, self.max_coordinate_um());
        !bounds.is_empty() && grown.is_finite() && grown.corners().into_iter().all(|corner| self.contains(corner))
    }

    /// Returns the region as a slab, if it is one: a slab has no [`Region::bounds`], but is bounded in one direction.
    fn as_slab(&self) -> Option<&Slab> {
        None
    }

    /// Returns the region as a sphere, if it is one: its cross-sections are circles.
    fn as_sphere(&self) -> Option<&Sphere> {
        None
    }

    /// Returns the part of the segment a-b that is inside; `None` if no part is. A touching segment has a part of
    /// length 0.
    ///
    /// An end that the region [`contains`](Region::contains) is always in the part, for any rounding. A segment with an
    /// end that is not finite has no part inside.
    fn clip_segment(&self, a: Point, b: Point) -> Option<SegmentSpan> {
        if !(a.is_finite() && b.is_finite()) {
            return None;
        }
        match (self.contains(a), self.contains(b)) {
            (true, true) => Some(SegmentSpan::WHOLE),
            _ if a == b => None,
            (true, false) => {
                Some(SegmentSpan { start_fraction: 0.0, ..self.clip_inexact(a, b).unwrap_or(SegmentSpan::START) })
            }
            (false, true) => {
                Some(SegmentSpan { end_fraction: 1.0, ..self.clip_inexact(a, b).unwrap_or(SegmentSpan::END) })
            }
            (false, false) => self.clip_inexact(a, b),
        }
    }

    /// Returns whether any point of the segment a-b is inside; always true if its midpoint is.
    fn intersects(&self, a: Point, b: Point) -> bool {
        let known = a.is_finite() && b.is_finite();
        (known && (self.contains(a) || self.contains(b)))
            || self.contains(a.midpoint(b))
            || (known && a != b && self.clip_inexact(a, b).is_some())
    }

    /// Returns a box that is touched by every segment that the region intersects, among those with coordinates in
    /// `all`; `None` if the region is infinite.
    fn search_box(&self, all: &Aabb) -> Option<Aabb> {
        let reach = self.max_coordinate_um() + max_abs_coordinate(all.min).max(max_abs_coordinate(all.max));
        self.bounds().map(|bounds| pad_for_rounding(bounds, reach))
    }

    /// Returns the fraction of the segment's length that is inside, 0 to 1; for a segment of zero length 1 if its point
    /// is inside, 0 otherwise.
    fn fraction_inside(&self, a: Point, b: Point) -> f64 {
        self.clip_segment(a, b).map_or(0.0, |span| span.fraction())
    }
}

/// The condition for a segment to be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Predicate {
    /// Its midpoint is inside, as in ObjectiveCSD.
    #[default]
    Midpoint,
    /// Any point of it is inside.
    Intersects,
}

impl Predicate {
    /// All predicates.
    pub const ALL: [Self; 2] = [Self::Midpoint, Self::Intersects];

    /// Returns whether the condition is true for the segment a-b.
    pub fn matches(self, region: &dyn Region, a: Point, b: Point) -> bool {
        match self {
            Self::Midpoint => region.contains(a.midpoint(b)),
            Self::Intersects => region.intersects(a, b),
        }
    }
}

/// Problems of the numbers that define a region.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum RegionProblem {
    /// A position is not finite, or beyond [`MAX_COORDINATE_UM`].
    #[error("{what} out of range, expected finite coordinates up to 1e100 µm, found {found}")]
    Position {
        /// The name of the position.
        what: &'static str,
        /// Its coordinates.
        found: Point,
    },
    /// A radius is not above 0.
    #[error("radius out of range, expected a number above 0 and at most 1e100 µm, found `{}`", short_number(*.0))]
    Radius(f64),
    /// A size is below 0.
    #[error("{what} out of range, expected a number from 0 to 1e100 µm, found `{}`", short_number(*.found))]
    Size {
        /// The name of the size.
        what: &'static str,
        /// Its value.
        found: f64,
    },
    /// An axis has no direction.
    #[error("axis has no direction, expected a finite vector with a length above 0, found {0}")]
    Axis(Point),
    /// The corners of a box are swapped.
    #[error("corners out of order, expected no coordinate of the first above the second's, found {min} and {max}")]
    Corners {
        /// The first corner.
        min: Point,
        /// The second corner.
        max: Point,
    },
}

impl Problem for RegionProblem {}

/// Formats a number; a very large or small one with an exponent, instead of hundreds of digits.
fn short_number(value: f64) -> String {
    let is_short = value == 0.0 || !value.is_finite() || (1e-5..1e16).contains(&value.abs());
    if is_short { value.to_string() } else { format!("{value:e}") }
}

fn check_position(what: &'static str, p: Point) -> Result<Point, RegionProblem> {
    // a comparison with NaN is false
    let fits = p.to_array().iter().all(|v| v.abs() <= MAX_COORDINATE_UM);
    if fits { Ok(p) } else { Err(RegionProblem::Position { what, found: p }) }
}

fn check_radius(radius: f64) -> Result<f64, RegionProblem> {
    if radius > 0.0 && radius <= MAX_COORDINATE_UM { Ok(radius) } else { Err(RegionProblem::Radius(radius)) }
}

fn check_size(what: &'static str, size: f64) -> Result<f64, RegionProblem> {
    if (0.0..=MAX_COORDINATE_UM).contains(&size) { Ok(size) } else { Err(RegionProblem::Size { what, found: size }) }
}

/// Returns the unit vector of an axis of any length.
fn unit_axis(axis: Point) -> Result<Point, RegionProblem> {
    let largest = max_abs_coordinate(axis);
    if !(axis.is_finite() && largest > 0.0) {
        return Err(RegionProblem::Axis(axis));
    }
    let scaled = axis / largest;
    Ok(scaled / scaled.norm())
}

/// Returns the largest absolute coordinate.
fn max_abs_coordinate(p: Point) -> f64 {
    p.x.abs().max(p.y.abs()).max(p.z.abs())
}

/// Extends a box by the possible rounding error of arithmetic with coordinates up to its own and up to `reach`.
pub(crate) fn pad_for_rounding(bounds: Aabb, reach: f64) -> Aabb {
    let margin = 64.0 * f64::EPSILON * (max_abs_coordinate(bounds.min).max(max_abs_coordinate(bounds.max)) + reach);
    let margin = Point::new(margin, margin, margin);
    Aabb { min: bounds.min - margin, max: bounds.max + margin }
}

/// Returns the point of the segment a-b nearest to a point.
pub fn nearest_point_on_segment(p: Point, a: Point, b: Point) -> Point {
    let (d, m) = (b - a, p - a);
    let length_2 = d.norm_2();
    let t = if length_2 < f64::MIN_POSITIVE { 0.0 } else { m.dot(d) / length_2 };
    a.lerp(b, t.clamp(0.0, 1.0))
}

/// Returns the point of a box nearest to a point.
fn nearest_point_in_box(bounds: &Aabb, p: Point) -> Point {
    // `f64::clamp` panics if the bounds are swapped
    let clamp = |v: f64, low: f64, high: f64| v.max(low).min(high);
    let (low, high) = (bounds.min, bounds.max);
    Point::new(clamp(p.x, low.x, high.x), clamp(p.y, low.y, high.y), clamp(p.z, low.z, high.z))
}

/// Returns the box `center` plus and minus `half` on each axis, with a margin for rounding.
fn box_around(center: Point, half: Point) -> Aabb {
    pad_for_rounding(
        Aabb { min: center - half, max: center + half },
        max_abs_coordinate(center) + max_abs_coordinate(half),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAN: Point = Point::new(f64::NAN, 0.0, 0.0);
    const Y: Point = Point::new(0.0, 1.0, 0.0);

    fn text<T: std::fmt::Debug>(result: Result<T, RegionProblem>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn invalid_numbers_are_errors_with_a_name() {
        assert_eq!(
            text(Sphere::new(NAN, 1.0)),
            "center out of range, expected finite coordinates up to 1e100 µm, found (NaN, 0, 0)"
        );
        for radius in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let expected =
                format!("radius out of range, expected a number above 0 and at most 1e100 µm, found `{radius}`");
            assert_eq!(text(Sphere::new(Y, radius)), expected);
            assert_eq!(text(Disk::new(Y, Y, radius, 1.0)), expected);
            assert_eq!(text(Capsule::new(Y, Point::ORIGIN, radius)), expected);
        }
        assert_eq!(
            text(Slab::new(Y, Y, -1.0)),
            "half thickness out of range, expected a number from 0 to 1e100 µm, found `-1`"
        );
        assert_eq!(
            text(Disk::new(Y, Point::ORIGIN, 1.0, 1.0)),
            "axis has no direction, expected a finite vector with a length above 0, found (0, 0, 0)"
        );
        assert_eq!(
            text(Slab::new(Y, NAN, 1.0)),
            "axis has no direction, expected a finite vector with a length above 0, found (NaN, 0, 0)"
        );
        assert_eq!(
            text(Cuboid::new(Y, Point::ORIGIN)),
            "corners out of order, expected no coordinate of the first above the second's, found (0, 1, 0) and (0, 0, 0)"
        );
        assert_eq!(
            text(Capsule::new(Y, NAN, 1.0)),
            "second end out of range, expected finite coordinates up to 1e100 µm, found (NaN, 0, 0)"
        );
    }

    #[test]
    fn an_axis_of_any_length_gives_its_direction() {
        for length in [1e-200, 3.0, 1e200] {
            assert_eq!(unit_axis(Y * length), Ok(Y));
        }
    }

    #[test]
    fn no_region_touches_the_empty_box_and_every_region_touches_the_unbounded_one() {
        let endless = Aabb { min: Aabb::EMPTY.max, max: Aabb::EMPTY.min };
        let regions: [&dyn Region; 2] = [&Sphere::new(Y, 1.0).unwrap(), &Slab::new(Y, Y, 1.0).unwrap()];
        for region in regions {
            assert!(!region.touches(&Aabb::EMPTY));
            assert!(region.touches(&endless));
        }
    }

    #[test]
    fn a_segment_that_is_not_finite_is_outside() {
        let regions: [&dyn Region; 2] = [&Sphere::new(Y, 1.0).unwrap(), &Slab::new(Y, Y, 1.0).unwrap()];
        for region in regions {
            for (a, b) in [(Y, NAN), (NAN, Y), (NAN, NAN), (Y * f64::INFINITY, Y)] {
                assert!(!region.intersects(a, b), "{region:?} {a} {b}");
                assert_eq!(region.fraction_inside(a, b), 0.0);
            }
        }
    }

    #[test]
    fn predicates_differ_on_a_long_segment_that_only_starts_inside() {
        let sphere = Sphere::new(Point::ORIGIN, 1.0).unwrap();
        assert!(!Predicate::Midpoint.matches(&sphere, Point::ORIGIN, Y * 10.0));
        assert!(Predicate::Intersects.matches(&sphere, Point::ORIGIN, Y * 10.0));
    }
}
