//! Polylines measured by path length.

use crate::geometry::Point;

/// Points with their path lengths from the first one, µm.
#[derive(Debug, Clone, Default)]
pub struct Polyline {
    /// The points.
    pub points: Vec<Point>,
    /// Path length at each point, µm: not decreasing, 0 at the first.
    pub lengths_um: Vec<f64>,
}

impl Polyline {
    /// Builds the polyline through some points.
    pub fn from_points(points: impl IntoIterator<Item = Point>) -> Self {
        let mut path = Self::default();
        points.into_iter().for_each(|p| path.push(p));
        path
    }

    /// Adds a point at the end.
    pub fn push(&mut self, p: Point) {
        let length = match (self.points.last(), self.lengths_um.last()) {
            (Some(&last), Some(length)) => length + last.distance(p),
            _ => 0.0,
        };
        self.points.push(p);
        self.lengths_um.push(length);
    }

    /// Returns the total length, µm; 0 for an empty polyline.
    pub fn length_um(&self) -> f64 {
        self.lengths_um.last().copied().unwrap_or(0.0)
    }

    /// Returns the index `i` of the step (`i` to `i + 1`) that contains a path length; beyond the ends the first or
    /// last step.
    pub fn step_at(&self, length: f64) -> usize {
        let after = self.lengths_um.partition_point(|&l| l <= length);
        after.saturating_sub(1).min(self.points.len().saturating_sub(2))
    }

    /// Returns the point at a path length; the first and last steps extend straight beyond the ends.
    pub fn point_at(&self, length: f64) -> Point {
        let i = self.step_at(length);
        match (self.points.get(i), self.points.get(i + 1)) {
            (Some(&a), Some(&b)) => interpolate((self.lengths_um[i], a), (self.lengths_um[i + 1], b), length),
            (Some(&a), None) => a,
            _ => Point::ORIGIN,
        }
    }
}

/// Interpolates linearly between two points of known path length.
pub fn interpolate(a: (f64, Point), b: (f64, Point), length: f64) -> Point {
    if a.0 == b.0 { a.1 } else { a.1.lerp(b.1, (length - a.0) / (b.0 - a.0)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_measured_along_its_corners_and_extended_straight() {
        let path = Polyline::from_points([Point::ORIGIN, Point::new(3.0, 0.0, 0.0), Point::new(3.0, 4.0, 0.0)]);
        assert_eq!(path.length_um(), 7.0);
        assert_eq!(path.point_at(5.0), Point::new(3.0, 2.0, 0.0));
        assert_eq!(path.point_at(9.0), Point::new(3.0, 6.0, 0.0));
        assert_eq!(path.point_at(-1.0), Point::new(-1.0, 0.0, 0.0));
    }

    #[test]
    fn repeated_points_are_accepted() {
        let p = Point::new(1.0, 1.0, 1.0);
        assert_eq!(Polyline::from_points([p, p, p]).point_at(0.0), p);
        assert_eq!(Polyline::from_points([p]).point_at(3.0), p);
    }
}
