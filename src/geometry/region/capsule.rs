//! The capsule: a cylinder with hemispherical ends, such as a shank.

use super::{
    Disk, Region, RegionProblem, SegmentSpan, Sphere, check_position, check_radius, max_abs_coordinate,
    nearest_point_in_box, nearest_point_on_segment,
};
use crate::geometry::{Aabb, Point};

/// All points within a radius of a segment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Capsule {
    ends: [Sphere; 2],
    /// The cylinder between the ends; `None` if they are one point.
    shaft: Option<Disk>,
}

impl Capsule {
    /// Creates the capsule around the segment a-b with a radius, µm. If the ends are one point it is a sphere.
    ///
    /// # Errors
    /// Returns an error if an end is not finite, or if the radius is not finite and above 0.
    pub fn new(a: Point, b: Point, radius: f64) -> Result<Self, RegionProblem> {
        let (a, b) = (check_position("first end", a)?, check_position("second end", b)?);
        let ends = [Sphere::new(a, check_radius(radius)?)?, Sphere::new(b, radius)?];
        let shaft = (a != b).then(|| Disk::new(a.midpoint(b), b - a, radius, a.distance(b) * 0.5));
        Ok(Self { ends, shaft: shaft.transpose()? })
    }

    fn end_points(&self) -> [Point; 2] {
        self.ends.map(|end| end.center())
    }

    fn radius_um(&self) -> f64 {
        self.ends[0].radius_um()
    }
}

/// Returns the distance between a segment and a box, 0 if they meet.
///
/// Along the segment the squared distance is convex and, between the crossings of the faces' planes, a parabola. The
/// minimum of each piece is computed in closed form, and the smallest is returned.
fn distance_to_box(a: Point, b: Point, bounds: &Aabb) -> f64 {
    let stops = face_crossings(a, b, bounds);
    let pieces = stops.iter().zip(stops.iter().skip(1));
    let at = |t: f64| {
        let p = a.lerp(b, t);
        p.distance(nearest_point_in_box(bounds, p))
    };
    pieces.map(|(&from, &to)| at(nearest_fraction(a, b, bounds, from, to))).fold(f64::INFINITY, f64::min)
}

/// Returns the fractions of the segment where it crosses the plane of a face, sorted, between 0 and 1.
fn face_crossings(a: Point, b: Point, bounds: &Aabb) -> Vec<f64> {
    let (from, way) = (a.to_array(), (b - a).to_array());
    let planes = [bounds.min.to_array(), bounds.max.to_array()];
    let mut stops = vec![0.0, 1.0];
    for plane in planes {
        let at = from.iter().zip(way).zip(plane).map(|((from, way), plane)| (plane - from) / way);
        stops.extend(at.filter(|t| 0.0 < *t && *t < 1.0));
    }
    stops.sort_unstable_by(f64::total_cmp);
    stops
}

/// Returns the fraction between two neighbouring crossings where the segment is nearest to the box.
fn nearest_fraction(a: Point, b: Point, bounds: &Aabb, from: f64, to: f64) -> f64 {
    let middle = 0.5 * (from + to);
    let p = a.lerp(b, middle);
    let (gaps, way) = ((p - nearest_point_in_box(bounds, p)).to_array(), (b - a).to_array());
    let outside = gaps.iter().zip(way).filter(|(gap, _)| **gap != 0.0);
    let (slope, curvature) = outside.fold((0.0, 0.0), |(s, c), (gap, way)| (s + gap * way, c + way * way));
    if curvature > 0.0 { (middle - slope / curvature).max(from).min(to) } else { middle }
}

impl Region for Capsule {
    fn contains(&self, p: Point) -> bool {
        let [a, b] = self.end_points();
        p.distance(nearest_point_on_segment(p, a, b)) <= self.radius_um()
    }

    fn clip_inexact(&self, a: Point, b: Point) -> Option<SegmentSpan> {
        let shaft = self.shaft.and_then(|shaft| shaft.clip_inexact(a, b));
        self.ends.iter().filter_map(|end| end.clip_inexact(a, b)).chain(shaft).reduce(SegmentSpan::hull)
    }

    fn touches_inexact(&self, bounds: &Aabb) -> bool {
        let [a, b] = self.end_points();
        distance_to_box(a, b, bounds) <= self.radius_um()
    }

    fn max_coordinate_um(&self) -> f64 {
        let [a, b] = self.end_points();
        max_abs_coordinate(a).max(max_abs_coordinate(b)) + self.radius_um()
    }

    fn bounds(&self) -> Option<Aabb> {
        let [a, b] = self.ends.map(|end| end.bounds());
        Some(a?.union(b?))
    }

    fn volume_um3(&self) -> Option<f64> {
        let [ball, _] = self.ends.map(|end| end.volume_um3());
        Some(ball? + self.shaft.and_then(|shaft| shaft.volume_um3()).unwrap_or(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::PI;

    /// Returns the capsule from the origin to (10, 0, 0) with radius 1.
    fn capsule() -> Capsule {
        Capsule::new(Point::ORIGIN, Point::new(10.0, 0.0, 0.0), 1.0).unwrap()
    }

    #[test]
    fn its_ends_are_round() {
        assert!(capsule().contains(Point::new(-1.0, 0.0, 0.0)) && capsule().contains(Point::new(10.6, 0.8, 0.0)));
        assert!(!capsule().contains(Point::new(10.7, 0.8, 0.0)) && !capsule().contains(Point::new(5.0, 0.8, 0.7)));
        assert!((capsule().volume_um3().unwrap() - (10.0 * PI + 4.0 / 3.0 * PI)).abs() < 1e-13);
    }

    #[test]
    fn a_segment_along_it_is_inside_from_tip_to_tip() {
        let share = capsule().fraction_inside(Point::new(-7.0, 0.0, 0.0), Point::new(17.0, 0.0, 0.0));
        assert!((share - 0.5).abs() < 1e-15, "{share}");
        assert_eq!(capsule().fraction_inside(Point::new(5.0, -2.0, 0.0), Point::new(5.0, 2.0, 0.0)), 0.5);
    }

    #[test]
    fn without_length_it_is_a_sphere() {
        let (c, ball) = (Point::new(1.0, 2.0, 3.0), 2.0);
        let (capsule, sphere) = (Capsule::new(c, c, ball).unwrap(), Sphere::new(c, ball).unwrap());
        assert_eq!(capsule.bounds(), sphere.bounds());
        assert_eq!(capsule.volume_um3(), sphere.volume_um3());
        let (a, b) = (Point::new(-3.0, 2.0, 4.0), Point::new(6.0, 2.5, 3.0));
        assert_eq!(capsule.fraction_inside(a, b), sphere.fraction_inside(a, b));
    }

    #[test]
    fn the_distance_to_a_box_is_between_the_nearest_points() {
        let unit = Aabb::enclosing([Point::ORIGIN, Point::new(1.0, 1.0, 1.0)]);
        // a line x + y = 4 in the plane z = 0.5 has a distance of sqrt(2) from the corner (1, 1)
        let slanted = distance_to_box(Point::new(4.0, 0.0, 0.5), Point::new(0.0, 4.0, 0.5), &unit);
        assert!((slanted - std::f64::consts::SQRT_2).abs() < 1e-15);
        assert_eq!(distance_to_box(Point::new(-3.0, 0.5, 0.5), Point::new(9.0, 0.5, 0.5), &unit), 0.0);
        assert_eq!(distance_to_box(Point::new(4.0, 5.0, 0.0), Point::new(4.0, 5.0, 1.0), &unit), 5.0);
        assert_eq!(distance_to_box(Point::new(4.0, 5.0, 0.0), Point::new(4.0, 5.0, 0.0), &unit), 5.0);
    }
}
