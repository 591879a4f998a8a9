//! The axis-aligned box as a region.

use super::{Region, RegionProblem, SegmentSpan, check_position, max_abs_coordinate, pad_for_rounding};
use crate::geometry::{Aabb, Point};

/// All points between two corners, in each coordinate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cuboid(Aabb);

impl Cuboid {
    /// Creates the box from its smallest and largest corner, µm. Equal coordinates give a face, an edge or a point.
    ///
    /// # Errors
    /// Returns an error if a corner is not finite, or if the corners are swapped in a coordinate.
    pub fn new(min: Point, max: Point) -> Result<Self, RegionProblem> {
        let bounds = Aabb { min: check_position("first corner", min)?, max: check_position("second corner", max)? };
        if bounds.is_empty() { Err(RegionProblem::Corners { min, max }) } else { Ok(Self(bounds)) }
    }
}

impl Region for Cuboid {
    fn contains(&self, p: Point) -> bool {
        let (p, low, high) = (p.to_array(), self.0.min.to_array(), self.0.max.to_array());
        p.iter().zip(low).zip(high).all(|((&v, low), high)| low <= v && v <= high)
    }

    fn clip_inexact(&self, a: Point, b: Point) -> Option<SegmentSpan> {
        let (low, high) = (self.0.min, self.0.max);
        let x = SegmentSpan::solve_linear_range(low.x, high.x, a.x, b.x)?;
        let y = SegmentSpan::solve_linear_range(low.y, high.y, a.y, b.y)?;
        let z = SegmentSpan::solve_linear_range(low.z, high.z, a.z, b.z)?;
        x.intersection(y)?.intersection(z)
    }

    fn touches_inexact(&self, bounds: &Aabb) -> bool {
        self.0.distance(bounds) == 0.0
    }

    fn max_coordinate_um(&self) -> f64 {
        max_abs_coordinate(self.0.min).max(max_abs_coordinate(self.0.max))
    }

    fn bounds(&self) -> Option<Aabb> {
        Some(pad_for_rounding(self.0, 0.0))
    }

    fn volume_um3(&self) -> Option<f64> {
        let size = self.0.size();
        Some(size.x * size.y * size.z)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_border_is_inside_to_the_last_bit() {
        let cuboid = Cuboid::new(Point::new(0.1, -0.3, 0.0), Point::new(0.7, 0.2, 0.0)).unwrap();
        assert!(cuboid.contains(Point::new(0.7, -0.3, 0.0)));
        assert!(!cuboid.contains(Point::new(0.7_f64.next_up(), -0.3, 0.0)));
        assert_eq!(cuboid.volume_um3(), Some(0.0));
    }

    #[test]
    fn a_diagonal_is_cut_at_the_nearest_faces() {
        let cuboid = Cuboid::new(Point::ORIGIN, Point::new(1.0, 2.0, 4.0)).unwrap();
        // enters through z = 0 at half the length, leaves through the corner (1, 2, 4) at the end
        assert_eq!(cuboid.fraction_inside(Point::new(0.0, 0.0, -4.0), Point::new(1.0, 2.0, 4.0)), 0.5);
        assert_eq!(cuboid.fraction_inside(Point::new(2.0, 0.0, 0.0), Point::new(2.0, 2.0, 4.0)), 0.0);
    }
}
