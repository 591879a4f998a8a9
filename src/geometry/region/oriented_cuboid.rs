//! The rotated box.

use super::{Region, RegionProblem, SegmentSpan, box_around, check_position, check_size, max_abs_coordinate};
use crate::geometry::{Aabb, Point, Quaternion};

/// A box with any orientation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OrientedCuboid {
    center: Point,
    /// Unit vectors along its edges.
    axes: [Point; 3],
    /// Half the length of the edges along each axis.
    half_lengths_um: [f64; 3],
}

impl OrientedCuboid {
    /// Creates the box from its centre, half the length of its edges along x, y and z, µm, and a rotation.
    ///
    /// # Errors
    /// Returns an error if the centre is not finite, or if a half length is not finite or below 0.
    pub fn new(center: Point, half: Point, rotation: Quaternion) -> Result<Self, RegionProblem> {
        let edge = |half: f64| check_size("half edge", half);
        Ok(Self {
            center: check_position("center", center)?,
            axes: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]].map(|axis| rotation.rotate(axis.into())),
            half_lengths_um: [edge(half.x)?, edge(half.y)?, edge(half.z)?],
        })
    }

    /// Returns half the extent of its projection on a line, times the length of the line's direction vector.
    fn half_extent_along(&self, line: Point) -> f64 {
        self.axes_and_half_lengths().map(|(axis, half)| half * axis.dot(line).abs()).sum()
    }

    fn axes_and_half_lengths(&self) -> impl Iterator<Item = (Point, f64)> + '_ {
        self.axes.iter().copied().zip(self.half_lengths_um)
    }
}

/// Returns half the extent of an axis-aligned box's projection, as [`OrientedCuboid::half_extent_along`] does.
fn box_half_extent_along(half: Point, line: Point) -> f64 {
    half.x * line.x.abs() + half.y * line.y.abs() + half.z * line.z.abs()
}

impl Region for OrientedCuboid {
    fn contains(&self, p: Point) -> bool {
        self.axes_and_half_lengths().all(|(axis, half)| (p - self.center).dot(axis).abs() <= half)
    }

    fn clip_inexact(&self, a: Point, b: Point) -> Option<SegmentSpan> {
        let (a, b) = (a - self.center, b - self.center);
        self.axes_and_half_lengths().try_fold(SegmentSpan::WHOLE, |span, (axis, half)| {
            span.intersection(SegmentSpan::solve_linear_range(-half, half, a.dot(axis), b.dot(axis))?)
        })
    }

    /// Two boxes are disjoint exactly if their projections are disjoint on a face normal of either or on the cross
    /// product of two edges: Gottschalk, Lin & Manocha, "OBBTree", SIGGRAPH 1996, doi:10.1145/237170.237244.
    fn touches_inexact(&self, bounds: &Aabb) -> bool {
        let (between, half) = (bounds.center() - self.center, bounds.size() * 0.5);
        let apart =
            |line: Point| between.dot(line).abs() > self.half_extent_along(line) + box_half_extent_along(half, line);
        let normals = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]].map(Point::from);
        let crossed = || normals.iter().flat_map(|n| self.axes.map(|axis| n.cross(axis)));
        !normals.iter().chain(&self.axes).copied().any(apart) && !crossed().any(apart)
    }

    fn max_coordinate_um(&self) -> f64 {
        max_abs_coordinate(self.center) + self.half_lengths_um.iter().sum::<f64>()
    }

    fn bounds(&self) -> Option<Aabb> {
        let [x, y, z] =
            [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]].map(|axis| self.half_extent_along(axis.into()));
        Some(box_around(self.center, Point::new(x, y, z)))
    }

    fn volume_um3(&self) -> Option<f64> {
        Some(8.0 * self.half_lengths_um.iter().product::<f64>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::{FRAC_PI_4, SQRT_2};

    /// Returns a cube with half edge 1, rotated by 45 degrees about z: in the x-y plane a diamond that extends to
    /// sqrt(2).
    fn diamond() -> OrientedCuboid {
        let turn = Quaternion::from_euler(0.0, 0.0, FRAC_PI_4);
        OrientedCuboid::new(Point::ORIGIN, Point::new(1.0, 1.0, 1.0), turn).unwrap()
    }

    #[test]
    fn a_rotated_cube_extends_along_its_diagonal() {
        let along = |x: f64| Point::new(x, 0.0, 0.0);
        assert!(diamond().contains(along(SQRT_2 - 1e-12)) && !diamond().contains(along(SQRT_2 + 1e-12)));
        assert!((diamond().fraction_inside(along(0.0), along(2.0 * SQRT_2)) - 0.5).abs() < 1e-15);
        assert!((diamond().bounds().unwrap().max.x - SQRT_2).abs() < 1e-12);
        assert!((diamond().volume_um3().unwrap() - 8.0).abs() < 1e-15);
    }

    #[test]
    fn a_box_beyond_its_slanted_face_is_not_touched_though_their_bounds_overlap() {
        let corner = |at: f64| Aabb::enclosing([Point::new(at, at, 0.0), Point::new(1.4, 1.4, 0.5)]);
        // the face is x + y = sqrt(2), which contains (0.7071, 0.7071)
        assert!(!diamond().touches(&corner(0.708)));
        assert!(diamond().touches(&corner(0.707)));
    }

    #[test]
    fn edges_that_pass_each_other_are_separated_only_by_the_cross_product() {
        let unit = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]].map(Point::from);
        let half = Point::new(1.0, 1.0, 1.0);
        let cube = OrientedCuboid::new(Point::ORIGIN, half, Quaternion::from_euler(0.5, 0.7, 0.9)).unwrap();
        let normal = unit[2].cross(cube.axes[2]);
        // the middle of a face of the Minkowski sum: a box there has its z edge against the cube's third edge
        let directions = || unit.iter().chain(&cube.axes).copied();
        let lean = directions().filter(|g| g.dot(normal).abs() > 1e-9);
        let lean = lean.fold(Point::ORIGIN, |sum, g| sum + g * g.dot(normal).signum());
        let at = |share: f64| Aabb { min: lean * share - half, max: lean * share + half };
        assert!(!cube.touches(&at(1.000_001)) && cube.touches(&at(0.999_999)));
        let apart =
            |n: Point| 1.000_001 * lean.dot(n).abs() > cube.half_extent_along(n) + box_half_extent_along(half, n);
        assert!(!directions().any(apart), "no face separates them");
    }
}
