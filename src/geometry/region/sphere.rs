//! The ball round a point.

use super::{Region, RegionProblem, Span, box_round, largest, nearest_in, position, positive};
use crate::geometry::{Aabb, Point};

/// All points at most a radius from a centre.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sphere {
    center: Point,
    radius: f64,
}

impl Sphere {
    /// The sphere of a centre and a radius, um.
    ///
    /// # Errors
    /// The centre is not finite, or the radius is not finite and above 0.
    pub fn new(center: Point, radius: f64) -> Result<Self, RegionProblem> {
        Ok(Self { center: position("center", center)?, radius: positive(radius)? })
    }

    /// The centre.
    pub fn center(&self) -> Point {
        self.center
    }

    /// The radius, um.
    pub fn radius(&self) -> f64 {
        self.radius
    }
}

impl Region for Sphere {
    fn contains(&self, p: Point) -> bool {
        self.center.distance(p) <= self.radius
    }

    fn clip(&self, a: Point, b: Point) -> Option<Span> {
        Span::within(self.radius, a - self.center, b - a)
    }

    fn meets(&self, bounds: &Aabb) -> bool {
        self.contains(nearest_in(bounds, self.center))
    }

    fn reach(&self) -> f64 {
        largest(self.center) + self.radius
    }

    fn bounds(&self) -> Option<Aabb> {
        Some(box_round(self.center, Point::new(self.radius, self.radius, self.radius)))
    }

    fn volume(&self) -> Option<f64> {
        Some(4.0 / 3.0 * std::f64::consts::PI * self.radius.powi(3))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_border_belongs_to_it() {
        let sphere = Sphere::new(Point::new(1.0, 0.0, 0.0), 5.0).unwrap();
        assert!(sphere.contains(Point::new(4.0, 4.0, 0.0)));
        assert!(!sphere.contains(Point::new(4.0, 4.0 + 4.0 * f64::EPSILON, 0.0)));
    }

    #[test]
    fn a_box_at_a_corner_of_its_bounds_is_not_touched() {
        let sphere = Sphere::new(Point::ORIGIN, 1.0).unwrap();
        let corner = |at: f64| Aabb::of([Point::new(at, at, at), Point::new(1.0, 1.0, 1.0)]);
        // the diagonal leaves the unit sphere at 1/sqrt(3) = 0.57735
        assert!(!sphere.touches(&corner(0.578)));
        assert!(sphere.touches(&corner(0.577)));
    }

    #[test]
    fn a_segment_without_length_is_its_point() {
        let sphere = Sphere::new(Point::ORIGIN, 1.0).unwrap();
        let (inside, outside) = (Point::new(0.5, 0.0, 0.0), Point::new(1.5, 0.0, 0.0));
        assert_eq!((sphere.fraction(inside, inside), sphere.fraction(outside, outside)), (1.0, 0.0));
        assert_eq!((sphere.intersects(inside, inside), sphere.intersects(outside, outside)), (true, false));
    }
}
