//! The disk: a cylinder with flat ends.

use super::{
    Cuboid, Region, RegionProblem, SegmentSpan, Slab, box_around, check_radius, max_abs_coordinate,
    nearest_point_in_box, nearest_point_on_segment,
};
use crate::geometry::{Aabb, Point};

/// All points within a radius of a line, and within half a thickness of a centre along it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Disk {
    center: Point,
    radius_um: f64,
    slab: Slab,
}

impl Disk {
    /// Creates the disk from a centre, an axis of any length, a radius and half the thickness, µm. A thickness of 0
    /// makes it flat.
    ///
    /// # Errors
    /// Returns an error if the centre is not finite, the axis has no direction, the radius is not finite and above 0,
    /// or the half thickness is not finite or below 0.
    pub fn new(center: Point, axis: Point, radius: f64, half_thickness: f64) -> Result<Self, RegionProblem> {
        Ok(Self { slab: Slab::new(center, axis, half_thickness)?, center, radius_um: check_radius(radius)? })
    }

    /// Returns the component of a vector perpendicular to the axis.
    fn component_across(&self, v: Point) -> Point {
        v - self.slab.axis() * v.dot(self.slab.axis())
    }

    /// Returns whether the part of the axis inside the disk intersects a box.
    fn axis_meets(&self, bounds: &Aabb) -> bool {
        let half = self.slab.axis() * self.slab.half_thickness_um();
        Cuboid::new(bounds.min, bounds.max).is_ok_and(|b| b.intersects(self.center - half, self.center + half))
    }

    /// Returns the corners of the part of a box between the disk's two planes, as vectors perpendicular to the axis.
    fn project_box(&self, bounds: &Aabb) -> Vec<Point> {
        let mut corners = Vec::with_capacity(32);
        for (a, b) in box_edges(bounds) {
            if let Some(span) = self.slab.clip_inexact(a, b) {
                corners.push(self.component_across(a.lerp(b, span.start_fraction) - self.center));
                corners.push(self.component_across(a.lerp(b, span.end_fraction) - self.center));
            }
        }
        corners
    }
}

/// Returns the twelve edges of a box.
fn box_edges(bounds: &Aabb) -> impl Iterator<Item = (Point, Point)> {
    let corners = bounds.corners();
    let steps = (0..8).flat_map(|bits| [1, 2, 4].map(|step| (bits, step)));
    steps.filter(|(bits, step)| bits & step == 0).map(move |(bits, step)| (corners[bits], corners[bits | step]))
}

impl Region for Disk {
    fn contains(&self, p: Point) -> bool {
        self.slab.contains(p) && self.component_across(p - self.center).norm() <= self.radius_um
    }

    fn clip_inexact(&self, a: Point, b: Point) -> Option<SegmentSpan> {
        let round = SegmentSpan::solve_within_radius(
            self.radius_um,
            self.component_across(a - self.center),
            self.component_across(b - a),
        )?;
        self.slab.clip_inexact(a, b)?.intersection(round)
    }

    /// The part of the box between the planes of the disk is convex, and its projection along the axis is a polygon.
    /// The disk meets the box if the axis intersects the polygon, or if a line between two of its corners passes within
    /// the radius: all such lines lie in the polygon, and its sides are among them.
    fn touches_inexact(&self, bounds: &Aabb) -> bool {
        let apart =
            || self.bounds().is_some_and(|own| own.distance(bounds) > 0.0) || !self.slab.touches_inexact(bounds);
        let near = |a: Point, b: Point| nearest_point_on_segment(Point::ORIGIN, a, b).norm() <= self.radius_um;
        let passes = || {
            let corners = self.project_box(bounds);
            corners.iter().enumerate().any(|(i, &a)| corners.iter().skip(i).any(|&b| near(a, b)))
        };
        self.contains(nearest_point_in_box(bounds, self.center)) || (!apart() && (self.axis_meets(bounds) || passes()))
    }

    fn max_coordinate_um(&self) -> f64 {
        max_abs_coordinate(self.center) + self.radius_um + self.slab.half_thickness_um()
    }

    fn bounds(&self) -> Option<Aabb> {
        // the extent of the rim is r sin(angle between the axis and the coordinate axis)
        let rim = |n: f64| self.radius_um * (1.0 - n * n).max(0.0).sqrt() + self.slab.half_thickness_um() * n.abs();
        let n = self.slab.axis();
        Some(box_around(self.center, Point::new(rim(n.x), rim(n.y), rim(n.z))))
    }

    fn volume_um3(&self) -> Option<f64> {
        Some(std::f64::consts::PI * self.radius_um.powi(2) * 2.0 * self.slab.half_thickness_um())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::PI;

    /// Returns a disk of radius 5 in the x-z plane, from y = -1 to y = 1.
    fn disk() -> Disk {
        Disk::new(Point::ORIGIN, Point::new(0.0, 3.0, 0.0), 5.0, 1.0).unwrap()
    }

    #[test]
    fn rim_and_faces_are_inside() {
        assert!(disk().contains(Point::new(3.0, 1.0, -4.0)));
        assert!(!disk().contains(Point::new(3.0, 1.000_001, -4.0)));
        assert!(!disk().contains(Point::new(3.000_001, 1.0, -4.0)));
        assert_eq!(disk().volume_um3(), Some(PI * 25.0 * 2.0));
    }

    #[test]
    fn a_segment_is_cut_by_the_rim_or_by_the_faces() {
        assert_eq!(disk().fraction_inside(Point::new(-10.0, 0.0, 0.0), Point::new(10.0, 0.0, 0.0)), 0.5);
        assert_eq!(disk().fraction_inside(Point::new(0.0, -2.0, 0.0), Point::new(0.0, 2.0, 0.0)), 0.5);
        assert_eq!(disk().fraction_inside(Point::new(-10.0, 1.5, 0.0), Point::new(10.0, 1.5, 0.0)), 0.0);
    }

    #[test]
    fn a_box_next_to_the_rim_of_a_slanted_disk_is_not_touched_though_bounds_and_planes_are() {
        let slanted = Disk::new(Point::ORIGIN, Point::new(1.0, 1.0, 0.0), 1.0, 0.0).unwrap();
        // the disk's rim passes through (1, -1, 0)/sqrt(2); the box is in its plane, outside the rim along z
        let beside = |z: f64| Aabb::enclosing([Point::new(0.4, -0.6, z), Point::new(0.6, -0.4, 1.0)]);
        // nearest point perpendicular to the axis: (0.4, -0.4, z), so the rim is at z = sqrt(1 - 0.32) = 0.8246
        assert!(slanted.touches(&beside(0.824)) && !slanted.touches(&beside(0.826)));
    }

    #[test]
    fn a_box_that_only_the_axis_intersects_is_touched() {
        let wide = Aabb::enclosing([Point::new(-9.0, 0.2, -9.0), Point::new(9.0, 0.4, 9.0)]);
        assert!(disk().touches(&wide));
        // slanted, so that the point of the box nearest to the centre is outside the disk, and away from the box's
        // diagonals
        let pin = |y: f64| Disk::new(Point::new(1.3, y, 2.1), Point::new(0.1, 1.0, 0.2), 1e-3, 1.0).unwrap();
        assert!(pin(0.0).touches(&wide) && !pin(-1.0).touches(&wide));
    }
}
