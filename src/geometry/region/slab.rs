//! The layer between two parallel planes.

use super::{Region, RegionProblem, Span, direction, largest, position, size};
use crate::geometry::{Aabb, Point};

/// All points whose distance from a centre along an axis is at most half a thickness. It has no end sideways.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slab {
    center: Point,
    axis: Point,
    half_thickness: f64,
}

impl Slab {
    /// The slab of a centre, an axis of any length, and half the thickness, um. Without thickness it is a plane.
    ///
    /// # Errors
    /// The centre is not finite, the axis has no direction, or the half thickness is not finite or below 0.
    pub fn new(center: Point, axis: Point, half_thickness: f64) -> Result<Self, RegionProblem> {
        Ok(Self {
            center: position("center", center)?,
            axis: direction(axis)?,
            half_thickness: size("half thickness", half_thickness)?,
        })
    }

    /// A point in its middle.
    pub fn center(&self) -> Point {
        self.center
    }

    /// The unit vector across the slab.
    pub fn axis(&self) -> Point {
        self.axis
    }

    /// Half the thickness, um.
    pub fn half_thickness(&self) -> f64 {
        self.half_thickness
    }

    /// The coordinate along the axis, from the centre.
    pub(super) fn axial(&self, p: Point) -> f64 {
        (p - self.center).dot(self.axis)
    }
}

impl Region for Slab {
    fn contains(&self, p: Point) -> bool {
        self.axial(p).abs() <= self.half_thickness
    }

    fn clip(&self, a: Point, b: Point) -> Option<Span> {
        Span::between(-self.half_thickness, self.half_thickness, self.axial(a), self.axial(b))
    }

    fn meets(&self, bounds: &Aabb) -> bool {
        let (half, n) = (bounds.size() * 0.5, self.axis);
        let extent = half.x * n.x.abs() + half.y * n.y.abs() + half.z * n.z.abs();
        self.axial(bounds.center()).abs() <= self.half_thickness + extent
    }

    fn reach(&self) -> f64 {
        largest(self.center) + self.half_thickness
    }

    fn bounds(&self) -> Option<Aabb> {
        None
    }

    fn volume(&self) -> Option<f64> {
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
    fn it_reaches_half_a_thickness_to_either_side() {
        let slab = Slab::new(Point::new(0.0, 10.0, 0.0), Point::new(0.0, 7.0, 0.0), 2.0).unwrap();
        let at = |y: f64| Point::new(1e6, y, -1e6);
        assert_eq!([7.9, 8.0, 12.0, 12.1].map(|y| slab.contains(at(y))), [false, true, true, false]);
        assert_eq!(slab.fraction(at(6.0), at(14.0)), 0.5);
        assert!(slab.touches(&Aabb::of([at(0.0), at(8.0)])) && !slab.touches(&Aabb::of([at(0.0), at(7.9)])));
    }

    #[test]
    fn without_thickness_it_is_a_plane_that_segments_cross() {
        let plane = Slab::new(Point::ORIGIN, Point::new(0.0, 0.0, 1.0), 0.0).unwrap();
        let (below, above) = (Point::new(0.0, 0.0, -1.0), Point::new(0.0, 0.0, 3.0));
        assert!(plane.intersects(below, above) && !plane.intersects(above, above * 2.0));
        assert_eq!(plane.fraction(below, above), 0.0);
    }
}
