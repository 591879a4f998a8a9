//! Disc contact: the weight of a flat, round contact is the mean of the point-contact weights over its disc.
//!
//! ```text
//! w = 1/(pi a^2) integral over the disc of w(p) dA
//! ```
//!
//! | symbol | meaning | unit |
//! |---|---|---|
//! | w | weight of the disc contact | V/nA |
//! | w(p) | weight of a point contact at p | V/nA |
//! | a | radius of the disc | µm |
//!
//! The integral is a sum over n = 4 m^2 points: m rings with squared radii at the Gauss-Legendre nodes on (0, a^2),
//! each with 4 m points at equal angles. The sum is exact for polynomials of degree 4 m - 1 in the plane of the disc.
//!
//! Assumptions: a metal contact has the same potential everywhere and carries no net current. Its potential is close to
//! the mean of the potential that the medium would have without it. That mean is used here: the contact does not
//! disturb the medium.
//!
//! Largest relative error for a point source at the distance d from the nearest point of a disc of radius a, in any
//! direction:
//!
//! | n | d = a/2 | d = a | d = 2 a | d = 5 a |
//! |---|---|---|---|---|
//! | 4 | 7e-2 | 2e-2 | 2e-3 | 2e-4 |
//! | 16 | 8e-3 | 4e-4 | 2e-5 | 5e-8 |
//! | 36 (default) | 1e-3 | 2e-5 | 1e-7 | 2e-11 |
//! | 64 | 2e-4 | 5e-7 | 6e-10 | 1e-14 |
//! | 100 | 2e-5 | 2e-8 | 5e-12 | 1e-14 |
//!
//! On the axis, at the height h above the centre, the mean of 1/r is 2 (sqrt(a^2 + h^2) - h) / a^2. The tests compare
//! with this value. In an anisotropic medium a and d belong to the scaled disc.
//!
//! Source: the disc-electrode approximation, H. Linden et al., Front. Neuroinform. 7, 41 (2014),
//! doi:10.3389/fninf.2013.00041; T. V. Ness et al., Neuroinformatics 13, 403 (2015), doi:10.1007/s12021-015-9265-6.

use std::f64::consts::{PI, TAU};

use crate::geometry::Point;

/// A flat, round contact; see the [module](self).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Disc {
    /// Radius, µm.
    pub radius_um: f64,
    /// Unit normal vector.
    pub normal: Point,
    /// Smallest number of points to average over; `None` selects the default.
    pub min_points: Option<u32>,
}

/// Number of rings of the default rule.
const DEFAULT_RINGS: u32 = 3;

/// Each ring has this number of points, times the number of rings.
const POINTS_PER_RING_STEP: u32 = 4;

impl Disc {
    /// Largest number of points that can be requested.
    pub const MAX_POINTS: u32 = 2500;

    fn ring_count(&self) -> u32 {
        let least = |points: u32| f64::from(points.min(Self::MAX_POINTS)) / f64::from(POINTS_PER_RING_STEP);
        // small integers: the square root of a square number is exact
        self.min_points.map_or(DEFAULT_RINGS, |points| least(points).sqrt().ceil().max(1.0) as u32)
    }

    /// Returns the number of points to average over: the smallest of 4, 16, 36, ... that is at least the requested
    /// number.
    pub fn point_count(&self) -> u32 {
        POINTS_PER_RING_STEP * self.ring_count().pow(2)
    }

    /// Returns the extent of the disc along an axis to each side of its centre, µm.
    pub(super) fn half_extent_um(&self, axis: super::medium::Axis) -> f64 {
        let normal = self.normal.to_array();
        let [a, b] = axis.other_axes().map(|other| normal[other.index()]);
        self.radius_um * a.hypot(b)
    }

    /// Returns the points of the disc around a centre, µm, and their shares of the mean; the shares sum to 1.
    pub(super) fn quadrature_points(&self, center: Point) -> Vec<(Point, f64)> {
        let rings = self.ring_count();
        let [u, v] = perpendicular_axes(self.normal);
        let per_ring = POINTS_PER_RING_STEP * rings;
        let rule = gauss_legendre(rings);
        let ring = |(number, (square, share)): (usize, (f64, f64))| {
            let radius = self.radius_um * square.sqrt();
            // alternate rings are rotated by half a step, so that their points do not line up
            let turned = if number % 2 == 0 { 0.0 } else { 0.5 };
            (0..per_ring).map(move |i| {
                let (sin, cos) = (TAU * (f64::from(i) + turned) / f64::from(per_ring)).sin_cos();
                (center + (u * cos + v * sin) * radius, share / f64::from(per_ring))
            })
        };
        rule.into_iter().enumerate().flat_map(ring).collect()
    }
}

/// Returns two unit vectors that are perpendicular to a unit vector and to each other.
fn perpendicular_axes(normal: Point) -> [Point; 2] {
    // the axis with the largest angle to the normal, so that the vector product is well conditioned
    let [x, y, z] = normal.to_array().map(f64::abs);
    let axis = if x <= y && x <= z {
        Point::new(1.0, 0.0, 0.0)
    } else if y <= z {
        Point::new(0.0, 1.0, 0.0)
    } else {
        Point::new(0.0, 0.0, 1.0)
    };
    let first = normal.cross(axis);
    let first = first / first.norm();
    [first, normal.cross(first)]
}

/// Returns the nodes and weights of the Gauss-Legendre rule on (0, 1); the weights sum to 1.
fn gauss_legendre(count: u32) -> Vec<(f64, f64)> {
    /// Newton's method converges from this guess in four or five steps.
    const STEPS: usize = 10;
    let n = f64::from(count);
    let node = |i: u32| {
        let guess = (PI * (f64::from(i) + 0.75) / (n + 0.5)).cos();
        let x = (0..STEPS).fold(guess, |x, _| {
            let (p, slope) = legendre(count, x);
            x - p / slope
        });
        let (_, slope) = legendre(count, x);
        ((1.0 - x) / 2.0, 1.0 / ((1.0 - x * x) * slope * slope))
    };
    (0..count).map(node).collect()
}

/// Returns the Legendre polynomial of a degree of at least 1, and its derivative, at x inside (-1, 1).
fn legendre(degree: u32, x: f64) -> (f64, f64) {
    let (mut before, mut p) = (1.0, x);
    for k in 2..=degree {
        let k = f64::from(k);
        (before, p) = (p, ((2.0 * k - 1.0) * x * p - (k - 1.0) * before) / k);
    }
    (p, f64::from(degree) * (x * p - before) / (x * x - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn disc(radius: f64, normal: Point, points: Option<u32>) -> Disc {
        Disc { radius_um: radius, normal: normal / normal.norm(), min_points: points }
    }

    fn mean(disc: &Disc, f: impl Fn(Point) -> f64) -> f64 {
        disc.quadrature_points(Point::ORIGIN).into_iter().map(|(p, share)| share * f(p)).sum()
    }

    #[test]
    fn the_point_count_is_the_next_possible_one() {
        let count = |points| disc(1.0, Point::new(0.0, 0.0, 1.0), points).point_count();
        assert_eq!([None, Some(1), Some(4), Some(5), Some(36), Some(37)].map(count), [36, 4, 4, 16, 36, 64]);
        assert_eq!(count(Some(u32::MAX)), Disc::MAX_POINTS);
        assert_eq!(disc(1.0, Point::new(0.0, 0.0, 1.0), Some(37)).quadrature_points(Point::ORIGIN).len(), 64);
    }

    #[test]
    fn polynomials_up_to_the_stated_degree_are_exact() {
        // the mean of x^2i y^2j over the unit disc is (2i)! (2j)! / (4^(i+j) i! j! (i+j+1)!)
        let factorial = |n: i32| (1..=n).map(f64::from).product::<f64>();
        for rings in 1..=5 {
            let disc = disc(1.0, Point::new(0.0, 0.0, 1.0), Some(4 * rings * rings));
            let most = (2 * rings - 1).cast_signed();
            for (i, j) in (0..=most).flat_map(|i| (0..=most - i).map(move |j| (i, j))) {
                let exact = factorial(2 * i) * factorial(2 * j)
                    / (4_f64.powi(i + j) * factorial(i) * factorial(j) * factorial(i + j + 1));
                let found = mean(&disc, |p| p.x.powi(2 * i) * p.y.powi(2 * j));
                assert!((found - exact).abs() < 1e-14, "{rings} {i} {j}: {found} {exact}");
                assert!(mean(&disc, |p| p.x.powi(2 * i + 1) * p.y.powi(2 * j)).abs() < 1e-14);
            }
        }
    }

    #[test]
    fn on_the_axis_the_mean_is_the_closed_form_within_the_stated_error() {
        // d = a/2, a, 2 a, 5 a: the columns of the table above
        let stated = [
            (4, [7e-2, 2e-2, 2e-3, 2e-4]),
            (16, [8e-3, 4e-4, 2e-5, 5e-8]),
            (36, [1e-3, 2e-5, 1e-7, 2e-11]),
            (64, [2e-4, 5e-7, 6e-10, 1e-14]),
            (100, [2e-5, 2e-8, 5e-12, 1e-14]),
        ];
        for (points, errors) in stated {
            let disc = disc(3.0, Point::new(1.0, -2.0, 0.5), Some(points));
            for (times, error) in [0.5, 1.0, 2.0, 5.0].into_iter().zip(errors) {
                let h = 3.0 * times;
                let source = disc.normal * h;
                // 2 (sqrt(a^2 + h^2) - h) / a^2, rewritten without cancellation
                let exact = 2.0 / (3.0_f64.hypot(h) + h);
                let relative = (mean(&disc, |p| 1.0 / p.distance(source)) / exact - 1.0).abs();
                assert!(relative <= error, "{points} points at {times} radii: {relative:e}");
            }
        }
    }

    proptest! {
        #[test]
        fn off_the_axis_the_error_is_within_the_stated_one(
            x in -1.0..1.0_f64, y in -1.0..1.0_f64, z in -1.0..1.0_f64, times in 1.0..6.0_f64
        ) {
            prop_assume!((x, y, z) != (0.0, 0.0, 0.0));
            let direction = Point::new(x, y, z) / Point::new(x, y, z).norm();
            let at = |points| mean(&disc(1.0, Point::new(0.0, 0.0, 1.0), Some(points)), |p| {
                // no point of the disc is nearer than `times` radii
                1.0 / p.distance(direction * (1.0 + times))
            });
            prop_assert!((at(36) / at(900) - 1.0).abs() <= 2e-5);
        }

        #[test]
        fn all_points_lie_on_the_disc(x in -1.0..1.0_f64, y in -1.0..1.0_f64, z in -1.0..1.0_f64) {
            prop_assume!(Point::new(x, y, z).norm() > 1e-3);
            let disc = disc(2.0, Point::new(x, y, z), None);
            let center = Point::new(5.0, 6.0, 7.0);
            let points = disc.quadrature_points(center);
            for (p, _) in &points {
                prop_assert!((*p - center).dot(disc.normal).abs() < 1e-14 && p.distance(center) < 2.0);
            }
            let shares: f64 = points.iter().map(|(_, share)| share).sum();
            prop_assert!((shares - 1.0).abs() < 1e-14);
        }
    }
}
