//! Axis-aligned bounding boxes.

use super::Point;

/// An axis-aligned box; [`Aabb::EMPTY`] contains no point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Aabb {
    /// Corner with the smallest coordinates.
    pub min: Point,
    /// Corner with the largest coordinates.
    pub max: Point,
}

impl Aabb {
    /// The empty box: extending it by a point gives that point.
    pub const EMPTY: Self = Self {
        min: Point::new(f64::INFINITY, f64::INFINITY, f64::INFINITY),
        max: Point::new(f64::NEG_INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY),
    };

    /// Returns the smallest box around some points.
    pub fn enclosing(points: impl IntoIterator<Item = Point>) -> Self {
        points.into_iter().fold(Self::EMPTY, Self::extended_to)
    }

    /// Returns the box extended to contain a point.
    #[must_use]
    pub fn extended_to(self, p: Point) -> Self {
        Self {
            min: Point::new(self.min.x.min(p.x), self.min.y.min(p.y), self.min.z.min(p.z)),
            max: Point::new(self.max.x.max(p.x), self.max.y.max(p.y), self.max.z.max(p.z)),
        }
    }

    /// Returns the smallest box around both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        if other.is_empty() { self } else { self.extended_to(other.min).extended_to(other.max) }
    }

    /// Returns the box that two boxes share; empty if they are disjoint.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        let (a, b) = (self, other);
        Self {
            min: Point::new(a.min.x.max(b.min.x), a.min.y.max(b.min.y), a.min.z.max(b.min.z)),
            max: Point::new(a.max.x.min(b.max.x), a.max.y.min(b.max.y), a.max.z.min(b.max.z)),
        }
    }

    /// Returns whether a point is inside the box or on its border.
    pub fn contains(&self, p: Point) -> bool {
        self.distance(&Self::enclosing([p])) == 0.0
    }

    /// Returns whether the box contains no point.
    pub fn is_empty(&self) -> bool {
        !(self.min.x <= self.max.x && self.min.y <= self.max.y && self.min.z <= self.max.z)
    }

    /// Returns whether all coordinates are finite.
    pub fn is_finite(&self) -> bool {
        self.min.is_finite() && self.max.is_finite()
    }

    /// Returns the lengths of the sides.
    pub fn size(&self) -> Point {
        self.max - self.min
    }

    /// Returns the centre.
    pub fn center(&self) -> Point {
        self.min.midpoint(self.max)
    }

    /// Returns the eight corners.
    pub fn corners(&self) -> [Point; 8] {
        let (low, high) = (self.min, self.max);
        let corner = |bits: usize| {
            let pick = |bit: usize, low: f64, high: f64| if bits >> bit & 1 == 0 { low } else { high };
            Point::new(pick(0, low.x, high.x), pick(1, low.y, high.y), pick(2, low.z, high.z))
        };
        [0, 1, 2, 3, 4, 5, 6, 7].map(corner)
    }

    /// Returns the distance between the nearest points of two boxes: 0 if they touch.
    pub fn distance(&self, other: &Self) -> f64 {
        let gap = |a0: f64, a1: f64, b0: f64, b1: f64| (b0 - a1).max(a0 - b1).max(0.0);
        Point::new(
            gap(self.min.x, self.max.x, other.min.x, other.max.x),
            gap(self.min.y, self.max.y, other.min.y, other.max.y),
            gap(self.min.z, self.max.z, other.min.z, other.max.z),
        )
        .norm()
    }
}

/// Defaults to the empty box.
impl Default for Aabb {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl std::fmt::Display for Aabb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (a, b) = (self.min, self.max);
        write!(f, "x {:.1}..{:.1}, y {:.1}..{:.1}, z {:.1}..{:.1} µm", a.x, b.x, a.y, b.y, a.z, b.z)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_of_boxes_is_that_of_their_nearest_corners() {
        let a = Aabb::enclosing([Point::ORIGIN, Point::new(1.0, 1.0, 1.0)]);
        let b = Aabb::enclosing([Point::new(4.0, 5.0, 1.0)]);
        assert_eq!(a.distance(&b), 5.0);
        assert_eq!(a.distance(&a), 0.0);
    }
}
