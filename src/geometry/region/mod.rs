//! Regions of space and exact tests on points, segments and boxes. All lengths are micrometres.
//!
//! Every region is convex and closed: its border belongs to it, and a segment lies inside along one [`SegmentSpan`]. A query
//! first drops boxes by [`Region::touches`], which is never too small, then tests what is left by a [`Predicate`].
//! The ObjectiveCSD methods use the same regions, so that a query finds exactly the segments with a weight.

mod capsule;
mod cuboid;
mod disk;
mod oriented_cuboid;
mod slab;
mod span;
mod sphere;

pub use capsule::{Capsule, nearest_point_on_segment};
pub use cuboid::Cuboid;
pub use disk::Disk;
pub use oriented_cuboid::OrientedCuboid;
pub use slab::Slab;
pub use span::SegmentSpan;
pub use sphere::Sphere;

use super::{Aabb, Point};
use crate::error::Problem;

/// Sizes and coordinates of a region go up to this, um, so that no product of two of them overflows.
pub const MAX_COORDINATE_UM: f64 = 1e100;

/// A convex, closed region of space.
///
/// Coordinates of points and boxes are taken to be at most [`MAX_COORDINATE_UM`]; a point that is not a number is nowhere.
pub trait Region: std::fmt::Debug + Send + Sync {
    /// Whether a point is inside or on the border.
    fn contains(&self, p: Point) -> bool;

    /// The part of the segment a-b that is inside, in plain arithmetic: [`Region::clip_segment`] settles the ends.
    fn clip_inexact(&self, a: Point, b: Point) -> Option<SegmentSpan>;

    /// Whether the region and a box that is neither empty nor infinite have a point in common, in plain arithmetic:
    /// [`Region::touches`] adds room for rounding.
    fn touches_inexact(&self, bounds: &Aabb) -> bool;

    /// The largest absolute coordinate that enters the region's arithmetic, um.
    fn max_coordinate_um(&self) -> f64;

    /// A box that holds the region, larger than the smallest one by no more than rounding; none if it is infinite.
    fn bounds(&self) -> Option<Aabb>;

    /// Volume, um^3; none if it is infinite.
    fn volume_um3(&self) -> Option<f64>;

    /// Whether the region and a box may have a point in common.
    ///
    /// Exact but for rounding, and never too small: true for every box that holds a point of the region, or both ends
    /// of a segment that the region intersects. The box is grown by `64 * f64::EPSILON` times the largest coordinate
    /// in play (1e-10 um at 1 cm).
    fn touches(&self, bounds: &Aabb) -> bool {
        if bounds.is_empty() {
            return false;
        }
        let bounds = pad_for_rounding(*bounds, self.max_coordinate_um());
        !bounds.is_finite() || self.touches_inexact(&bounds)
    }

    /// Whether the region surely [`contains`](Region::contains) every point of a box, and so intersects every segment
    /// with an end in it. A box that is inside but for a hair may be left out.
    ///
    /// The corners of the box, grown by the room of [`Region::touches`], are tested. A region is convex: what is inside
    /// of them is inside by that room at least, which is more than rounding costs.
    fn encloses(&self, bounds: &Aabb) -> bool {
        let grown = pad_for_rounding(*bounds, self.max_coordinate_um());
        !bounds.is_empty() && grown.is_finite() && grown.corners().into_iter().all(|corner| self.contains(corner))
    }

    /// The region as a slab, if it is one: it has no [`Region::bounds`], but an end in one direction.
    fn as_slab(&self) -> Option<&Slab> {
        None
    }

    /// The part of the segment a-b that is inside; none where nothing is. A touching segment has a part of length 0.
    ///
    /// An end that the region [`contains`](Region::contains) is in the part, whatever the rounding. Of a segment with
    /// an end that is not finite nothing is inside.
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

    /// Whether any point of the segment a-b is inside; always so where its midpoint is.
    fn intersects(&self, a: Point, b: Point) -> bool {
        let known = a.is_finite() && b.is_finite();
        (known && (self.contains(a) || self.contains(b)))
            || self.contains(a.midpoint(b))
            || (known && a != b && self.clip_inexact(a, b).is_some())
    }

    /// A box that is touched by every segment that the region intersects, of those whose coordinates lie in `all`;
    /// none if the region is infinite.
    fn search_box(&self, all: &Aabb) -> Option<Aabb> {
        let reach = self.max_coordinate_um() + max_abs_coordinate(all.min).max(max_abs_coordinate(all.max));
        self.bounds().map(|bounds| pad_for_rounding(bounds, reach))
    }

    /// The fraction of the segment's length that is inside, 0 to 1; for a segment without length 1 or 0, as its point.
    fn fraction_inside(&self, a: Point, b: Point) -> f64 {
        self.clip_segment(a, b).map_or(0.0, |span| span.fraction())
    }
}

/// When a segment counts as found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Predicate {
    /// Its midpoint is inside: what ObjectiveCSD weighs.
    #[default]
    Midpoint,
    /// Any point of it is inside.
    Intersects,
}

impl Predicate {
    /// All predicates.
    pub const ALL: [Self; 2] = [Self::Midpoint, Self::Intersects];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Midpoint => "midpoint",
            Self::Intersects => "intersects",
        }
    }

    /// Whether it holds for the segment a-b.
    pub fn matches(self, region: &dyn Region, a: Point, b: Point) -> bool {
        match self {
            Self::Midpoint => region.contains(a.midpoint(b)),
            Self::Intersects => region.intersects(a, b),
        }
    }
}

/// Numbers that make no region.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum RegionProblem {
    /// A position is not finite, or beyond [`MAX_COORDINATE_UM`].
    #[error("{what} out of range, expected finite coordinates up to 1e100 um, found {found}")]
    Position {
        /// Which position.
        what: &'static str,
        /// Its coordinates.
        found: Point,
    },
    /// A radius must leave an inside.
    #[error("radius out of range, expected a finite number above 0 um, found `{0}`")]
    Radius(f64),
    /// A size may be 0, which leaves a face.
    #[error("{what} out of range, expected a finite number of at least 0 um, found `{found}`")]
    Size {
        /// Which size.
        what: &'static str,
        /// Its value.
        found: f64,
    },
    /// An axis without a direction.
    #[error("axis has no direction, expected a finite vector with a length above 0, found {0}")]
    Axis(Point),
    /// A box whose corners are swapped.
    #[error("corners out of order, expected no coordinate of the first above the second's, found {min} and {max}")]
    Corners {
        /// The first corner.
        min: Point,
        /// The second corner.
        max: Point,
    },
}

impl Problem for RegionProblem {}

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

/// The unit vector of an axis of any length.
fn unit_axis(axis: Point) -> Result<Point, RegionProblem> {
    let largest = max_abs_coordinate(axis);
    if !(axis.is_finite() && largest > 0.0) {
        return Err(RegionProblem::Axis(axis));
    }
    let scaled = axis / largest;
    Ok(scaled / scaled.norm())
}

/// The largest absolute coordinate.
fn max_abs_coordinate(p: Point) -> f64 {
    p.x.abs().max(p.y.abs()).max(p.z.abs())
}

/// A box grown by what rounding may cost in arithmetic with coordinates up to its own and up to `reach`.
pub(crate) fn pad_for_rounding(bounds: Aabb, reach: f64) -> Aabb {
    let room = 64.0 * f64::EPSILON * (max_abs_coordinate(bounds.min).max(max_abs_coordinate(bounds.max)) + reach);
    let room = Point::new(room, room, room);
    Aabb { min: bounds.min - room, max: bounds.max + room }
}

/// The point of a box nearest to a point.
fn nearest_point_in_box(bounds: &Aabb, p: Point) -> Point {
    // `f64::clamp` panics where the bounds are swapped
    let clamp = |v: f64, low: f64, high: f64| v.max(low).min(high);
    let (low, high) = (bounds.min, bounds.max);
    Point::new(clamp(p.x, low.x, high.x), clamp(p.y, low.y, high.y), clamp(p.z, low.z, high.z))
}

/// The box `center` plus and minus `half` on each axis, with room for rounding.
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

    fn text<T: std::fmt::Debug>(made: Result<T, RegionProblem>) -> String {
        made.unwrap_err().to_string()
    }

    #[test]
    fn numbers_that_make_no_region_are_refused_by_name() {
        assert_eq!(
            text(Sphere::new(NAN, 1.0)),
            "center out of range, expected finite coordinates up to 1e100 um, found (NaN, 0, 0)"
        );
        for radius in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let expected = format!("radius out of range, expected a finite number above 0 um, found `{radius}`");
            assert_eq!(text(Sphere::new(Y, radius)), expected);
            assert_eq!(text(Disk::new(Y, Y, radius, 1.0)), expected);
            assert_eq!(text(Capsule::new(Y, Point::ORIGIN, radius)), expected);
        }
        assert_eq!(
            text(Slab::new(Y, Y, -1.0)),
            "half thickness out of range, expected a finite number of at least 0 um, found `-1`"
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
            "second end out of range, expected finite coordinates up to 1e100 um, found (NaN, 0, 0)"
        );
    }

    #[test]
    fn an_axis_of_any_length_gives_its_direction() {
        for length in [1e-200, 3.0, 1e200] {
            assert_eq!(unit_axis(Y * length), Ok(Y));
        }
    }

    #[test]
    fn no_region_touches_the_empty_box_and_every_region_touches_the_endless_one() {
        let endless = Aabb { min: Aabb::EMPTY.max, max: Aabb::EMPTY.min };
        let regions: [&dyn Region; 2] = [&Sphere::new(Y, 1.0).unwrap(), &Slab::new(Y, Y, 1.0).unwrap()];
        for region in regions {
            assert!(!region.touches(&Aabb::EMPTY));
            assert!(region.touches(&endless));
        }
    }

    #[test]
    fn a_segment_that_is_not_finite_is_nowhere() {
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
