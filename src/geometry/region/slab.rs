//! The layer between two parallel planes.

use super::{Region, RegionProblem, SegmentSpan, check_position, check_size, max_abs_coordinate, unit_axis};
use crate::geometry::{Aabb, Point};

/// All points within half a thickness of a centre along an axis. It is unbounded in the other directions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slab {
    center: Point,
    axis: Point,
    half_thickness_um: f64,
}

impl Slab {
    /// Creates the slab from a centre, an axis of any length, and half the thickness, µm. A thickness of 0 makes it a
    /// plane.
    ///
    /// # Errors
    /// Returns an error if the centre is not finite, the axis has no direction, or the half thickness is not finite or
    /// below 0.
    pub fn new(center: Point, axis: Point, half_thickness: f64) -> Result<Self, RegionProblem> {
        Ok(Self {
            center: check_position("center", center)?,
            axis: unit_axis(axis)?,
            half_thickness_um: check_size("half thickness", half_thickness)?,
        })
    }

    /// Returns a point in the middle of the slab.
    pub fn center(&self) -> Point {
        self.center
    }

    /// Returns the unit vector perpendicular to the slab.
    pub fn axis(&self) -> Point {
        self.axis
    }

    /// Returns half the thickness, µm.
    pub fn half_thickness_um(&self) -> f64 {
        self.half_thickness_um
    }

    /// Returns the coordinate along the axis, from the centre.
    pub(super) fn axial_coordinate(&self, p: Point) -> f64 {
        (p - self.center).dot(self.axis)
    }
}

impl Region for Slab {
    fn contains(&self, p: Point) -> bool {
        self.axial_coordinate(p).abs() <= self.half_thickness_um
    }

    fn clip_inexact(&self, a: Point, b: Point) -> Option<SegmentSpan> {
        SegmentSpan::solve_linear_range(
            -self.half_thickness_um,
            self.half_thickness_um,
            self.axial_coordinate(a),
            self.axial_coordinate(b),
        )
    }

    fn touches_inexact(&self, bounds: &Aabb) -> bool {
        let (half, n) = (bounds.size() * 0.5, self.axis);
        let extent = half.x * n.x.abs() + half.y * n.y.abs() + half.z * n.z.abs();
        self.axial_coordinate(bounds.center()).abs() <= self.half_thickness_um + extent
    }

    fn max_coordinate_um(&self) -> f64 {
        max_abs_coordinate(self.center) + self.half_thickness_um
    }

    fn bounds(&self) -> Option<Aabb> {
        None
    }

    fn volume_um3(&self) -> Option<f64> {
        None
    }

    fn as_slab(&self) -> Option<&Slab> {
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_extends_half_a_thickness_to_each_side() {
        let slab = Slab::new(Point::new(0.0, 10.0, 0.0), Point::new(0.0, 7.0, 0.0), 2.0).unwrap();
        let at = |y: f64| Point::new(1e6, y, -1e6);
        assert_eq!([7.9, 8.0, 12.0, 12.1].map(|y| slab.contains(at(y))), [false, true, true, false]);
        assert_eq!(slab.fraction_inside(at(6.0), at(14.0)), 0.5);
        assert!(
            slab.touches(&Aabb::enclosing([at(0.0), at(8.0)])) && !slab.touches(&Aabb::enclosing([at(0.0), at(7.9)]))
        );
    }

    #[test]
    fn without_thickness_it_is_a_plane_that_segments_cross() {
        let plane = Slab::new(Point::ORIGIN, Point::new(0.0, 0.0, 1.0), 0.0).unwrap();
        let (below, above) = (Point::new(0.0, 0.0, -1.0), Point::new(0.0, 0.0, 3.0));
        assert!(plane.intersects(below, above) && !plane.intersects(above, above * 2.0));
        assert_eq!(plane.fraction_inside(below, above), 0.0);
    }
}
