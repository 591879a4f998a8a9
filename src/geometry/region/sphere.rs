//! The sphere around a point.

use super::{
    Region, RegionProblem, SegmentSpan, box_around, check_position, check_radius, max_abs_coordinate,
    nearest_point_in_box,
};
use crate::geometry::{Aabb, Point};

/// All points within a radius of a centre.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sphere {
    center: Point,
    radius_um: f64,
}

impl Sphere {
    /// Creates the sphere from a centre and a radius, µm.
    ///
    /// ```
    /// use leadfield::geometry::Point;
    /// use leadfield::geometry::region::{Region, Sphere};
    ///
    /// let ball = Sphere::new(Point::ORIGIN, 10.0)?;
    /// let (start, end) = (Point::new(5.0, 0.0, 0.0), Point::new(25.0, 0.0, 0.0));
    /// assert!(ball.contains(start) && !ball.contains(end));
    /// assert_eq!(ball.fraction_inside(start, end), 0.25);
    /// # Ok::<(), leadfield::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the centre is not finite, or if the radius is not finite and above 0.
    pub fn new(center: Point, radius: f64) -> Result<Self, RegionProblem> {
        Ok(Self { center: check_position("center", center)?, radius_um: check_radius(radius)? })
    }

    /// Returns the centre.
    pub fn center(&self) -> Point {
        self.center
    }

    /// Returns the radius, µm.
    pub fn radius_um(&self) -> f64 {
        self.radius_um
    }
}

impl Region for Sphere {
    fn contains(&self, p: Point) -> bool {
        self.center.distance(p) <= self.radius_um
    }

    fn clip_inexact(&self, a: Point, b: Point) -> Option<SegmentSpan> {
        SegmentSpan::solve_within_radius(self.radius_um, a - self.center, b - a)
    }

    fn touches_inexact(&self, bounds: &Aabb) -> bool {
        self.contains(nearest_point_in_box(bounds, self.center))
    }

    fn as_sphere(&self) -> Option<&Sphere> {
        Some(self)
    }

    fn max_coordinate_um(&self) -> f64 {
        max_abs_coordinate(self.center) + self.radius_um
    }

    fn bounds(&self) -> Option<Aabb> {
        Some(box_around(self.center, Point::new(self.radius_um, self.radius_um, self.radius_um)))
    }

    fn volume_um3(&self) -> Option<f64> {
        Some(4.0 / 3.0 * std::f64::consts::PI * self.radius_um.powi(3))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_border_is_inside() {
        let sphere = Sphere::new(Point::new(1.0, 0.0, 0.0), 5.0).unwrap();
        assert!(sphere.contains(Point::new(4.0, 4.0, 0.0)));
        assert!(!sphere.contains(Point::new(4.0, 4.0 + 4.0 * f64::EPSILON, 0.0)));
    }

    #[test]
    fn a_box_at_a_corner_of_its_bounds_is_not_touched() {
        let sphere = Sphere::new(Point::ORIGIN, 1.0).unwrap();
        let corner = |at: f64| Aabb::enclosing([Point::new(at, at, at), Point::new(1.0, 1.0, 1.0)]);
        // the diagonal leaves the unit sphere at 1/sqrt(3) = 0.57735
        assert!(!sphere.touches(&corner(0.578)));
        assert!(sphere.touches(&corner(0.577)));
    }

    #[test]
    fn a_segment_without_length_counts_as_its_point() {
        let sphere = Sphere::new(Point::ORIGIN, 1.0).unwrap();
        let (inside, outside) = (Point::new(0.5, 0.0, 0.0), Point::new(1.5, 0.0, 0.0));
        assert_eq!((sphere.fraction_inside(inside, inside), sphere.fraction_inside(outside, outside)), (1.0, 0.0));
        assert_eq!((sphere.intersects(inside, inside), sphere.intersects(outside, outside)), (true, false));
    }
}
