//! Computes the line source's geometry for contacts that almost touch a segment, in twice the precision of a double.
//!
//! The distance from a contact to a segment's axis is |a x L| / L, where a is the vector from the contact to an end. If
//! that distance is of the order of 1e-16 L, the rounding of `a`, and of scaled coordinates in an anisotropic medium,
//! is as large as the distance itself. Here coordinates are sums of two doubles, and their differences and products are
//! exact to about 1e-32. The distance, and the test whether it is below the radius, therefore have a relative error of
//! about 1e-16.
//!
//! Source: T. J. Dekker, Numer. Math. 18, 224 (1971), doi:10.1007/BF01397083; D. E. Knuth, The Art of Computer
//! Programming 2, 4.2.2 (the sum of two doubles and its error).

use super::lanes::{LANES, Lanes, dot, norm_2};
use crate::geometry::Point;

/// A number as the unevaluated sum of two doubles that do not overlap.
#[derive(Debug, Clone, Copy)]
struct DoubleDouble {
    high: f64,
    low: f64,
}

impl DoubleDouble {
    /// Returns a + b without rounding error.
    fn two_sum(a: f64, b: f64) -> Self {
        let high = a + b;
        let b_part = high - a;
        Self { high, low: (a - (high - b_part)) + (b - b_part) }
    }

    /// Returns a b without rounding error.
    fn two_product(a: f64, b: f64) -> Self {
        let high = a * b;
        Self { high, low: a.mul_add(b, -high) }
    }

    fn add_f64(self, low: f64) -> Self {
        let Self { high, low: rest } = Self::two_sum(self.high, low + self.low);
        Self { high, low: rest }
    }

    fn subtract(self, other: Self) -> Self {
        let high = Self::two_sum(self.high, -other.high);
        let low = Self::two_sum(self.low, -other.low);
        let middle = high.add_f64(low.high);
        middle.add_f64(low.low)
    }

    fn multiply(self, other: Self) -> Self {
        Self::two_product(self.high, other.high).add_f64(self.high.mul_add(other.low, self.low * other.high))
    }

    fn to_f64(self) -> f64 {
        self.high + self.low
    }
}

/// A point with each coordinate stored as the sum of two doubles.
#[derive(Debug, Clone, Copy)]
pub(super) struct PrecisePoint {
    /// The coordinates, rounded to doubles.
    pub high: Point,
    /// The rounding errors of `high`.
    pub low: Point,
}

type DoubleDoubleVector = [DoubleDouble; 3];

fn subtract_points(to: PrecisePoint, from: PrecisePoint) -> DoubleDoubleVector {
    let (to_high, to_low) = (to.high.to_array(), to.low.to_array());
    let (from_high, from_low) = (from.high.to_array(), from.low.to_array());
    std::array::from_fn(|k| DoubleDouble::two_sum(to_high[k], -from_high[k]).add_f64(to_low[k] - from_low[k]))
}

fn round_to_point(vector: DoubleDoubleVector) -> Point {
    vector.map(DoubleDouble::to_f64).into()
}

/// Returns |a x b|^2.
fn cross_2(a: DoubleDoubleVector, b: DoubleDoubleVector) -> f64 {
    let component = |i: usize, j: usize| a[i].multiply(b[j]).subtract(a[j].multiply(b[i])).to_f64();
    norm_2(Point::new(component(1, 2), component(2, 0), component(0, 1)))
}

/// Returns whether any number of a group is below zero.
#[inline(always)]
pub(super) fn any_negative(numbers: &Lanes) -> bool {
    let mut least = f64::INFINITY;
    for lane in 0..LANES {
        least = if numbers[lane] < least { numbers[lane] } else { least };
    }
    least < 0.0
}

/// The distances and products that the line formula needs for one contact; see [`line_source`](super::line_source).
#[derive(Debug, Clone, Copy)]
pub(super) struct LineGeometry {
    /// Squared distance to the first end, after the near-field rule.
    pub r1_2: f64,
    /// Squared distance to the second end, after the near-field rule.
    pub r2_2: f64,
    /// a.b, after the near-field rule.
    pub dot: f64,
    /// |a x b|^2, after the near-field rule.
    pub cross_2: f64,
    /// Length of the segment.
    pub length: f64,
}

/// Returns the geometry of a segment seen from a contact; `radius_2` is the square of its radius, or 0 without the
/// near-field rule.
pub(super) fn precise_line_geometry(
    contact: PrecisePoint,
    start: PrecisePoint,
    end: PrecisePoint,
    radius_2: f64,
) -> LineGeometry {
    let (a, b, along) = (subtract_points(start, contact), subtract_points(end, contact), subtract_points(end, start));
    let (to_start, to_end, axis) = (round_to_point(a), round_to_point(b), round_to_point(along));
    let (r1_2, r2_2, length_2) = (norm_2(to_start), norm_2(to_end), norm_2(axis));
    let first = r1_2 < r2_2;
    let (nearer, nearer_2, outside) =
        if first { (a, r1_2, dot(to_start, axis)) } else { (b, r2_2, -dot(to_end, axis)) };
    let cross = cross_2(nearer, along);
    let (delta, cross_2) = if outside < 0.0 {
        // |a x b|^2 + delta L^2 is d^2 L^2 or R^2 L^2; choosing between them avoids the difference R^2 - d^2
        let d_2 = cross / length_2;
        if d_2 < radius_2 { (radius_2 - d_2, radius_2 * length_2) } else { (0.0, cross) }
    } else {
        let delta = if nearer_2 < radius_2 { radius_2 - nearer_2 } else { 0.0 };
        (delta, delta.mul_add(length_2, cross))
    };
    let dot = dot(to_start, to_end) + delta;
    LineGeometry { r1_2: r1_2 + delta, r2_2: r2_2 + delta, dot, cross_2, length: length_2.sqrt() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(high: [f64; 3]) -> PrecisePoint {
        PrecisePoint { high: high.into(), low: Point::ORIGIN }
    }

    #[test]
    fn a_distance_far_below_the_rounding_of_coordinates_is_exact() {
        // the contact is a third of the way along, except for 2^-52: 1 + 2^-52 is the next double after 1
        let step = f64::EPSILON;
        let (start, end) = (point([-2.0, -2.0, -2.0]), point([4.0, 4.0, 4.0]));
        let contact = point([1.0, 1.0, 1.0 + step]);
        let seen = precise_line_geometry(contact, start, end, 0.0);
        // |a x L|^2 = |(0, 0, e) x (6, 6, 6)|^2 = 72 e^2
        assert!((seen.cross_2 / (72.0 * step * step) - 1.0).abs() < 1e-15, "{seen:?}");
        let near = super::precise_line_geometry(contact, start, end, 9.0 * step * step);
        assert!((near.cross_2 / (108.0 * 9.0 * step * step) - 1.0).abs() < 1e-15, "{near:?}");
    }

    #[test]
    fn low_parts_count() {
        let low = |z: f64| PrecisePoint { high: Point::new(1.0, 1.0, 1.0), low: Point::new(0.0, 0.0, z) };
        let seen = precise_line_geometry(low(1e-25), point([-2.0, -2.0, -2.0]), point([4.0, 4.0, 4.0]), 0.0);
        assert!((seen.cross_2 / 72e-50 - 1.0).abs() < 1e-6, "{seen:?}");
    }
}
