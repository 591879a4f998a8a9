//! The part of a segment inside a convex region.

use crate::geometry::Point;

/// A part of a segment, as fractions from its first end (0) to its second (1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SegmentSpan {
    /// Fraction of its start.
    pub start_fraction: f64,
    /// Fraction of its end, at least that of its start.
    pub end_fraction: f64,
}

impl SegmentSpan {
    /// The complete segment.
    pub const WHOLE: Self = Self { start_fraction: 0.0, end_fraction: 1.0 };
    /// Only the first end.
    pub(super) const START: Self = Self { start_fraction: 0.0, end_fraction: 0.0 };
    /// Only the second end.
    pub(super) const END: Self = Self { start_fraction: 1.0, end_fraction: 1.0 };

    /// Returns its share of the segment's length, 0 to 1.
    pub fn fraction(&self) -> f64 {
        self.end_fraction - self.start_fraction
    }

    /// Returns the common part of two parts; `None` if they are disjoint.
    pub(super) fn intersection(self, other: Self) -> Option<Self> {
        let both = Self {
            start_fraction: self.start_fraction.max(other.start_fraction),
            end_fraction: self.end_fraction.min(other.end_fraction),
        };
        (both.start_fraction <= both.end_fraction).then_some(both)
    }

    /// Returns the smallest part that contains both.
    pub(super) fn hull(self, other: Self) -> Self {
        Self {
            start_fraction: self.start_fraction.min(other.start_fraction),
            end_fraction: self.end_fraction.max(other.end_fraction),
        }
    }

    /// Returns the part where `low <= f <= high`, for f that changes linearly from `f0` to `f1`.
    pub(super) fn solve_linear_range(low: f64, high: f64, f0: f64, f1: f64) -> Option<Self> {
        if f0 == f1 {
            return (low <= f0 && f0 <= high).then_some(Self::WHOLE);
        }
        let (t0, t1) = ((low - f0) / (f1 - f0), (high - f0) / (f1 - f0));
        Self { start_fraction: t0.min(t1), end_fraction: t0.max(t1) }.intersection(Self::WHOLE)
    }

    /// Returns the part where `|m + t d| <= radius`: half a chord to each side of the point nearest to the origin,
    /// which preserves digits that the textbook's quadratic formula loses.
    pub(super) fn solve_within_radius(radius: f64, m: Point, d: Point) -> Option<Self> {
        let length_2 = d.norm_2();
        if length_2 < f64::MIN_POSITIVE {
            return (m.norm() <= radius).then_some(Self::WHOLE);
        }
        let nearest = -m.dot(d) / length_2;
        let half_chord_2 = radius * radius - (m + d * nearest).norm_2();
        if half_chord_2.is_nan() || half_chord_2 < 0.0 {
            return None;
        }
        let half = (half_chord_2 / length_2).sqrt();
        Self { start_fraction: nearest - half, end_fraction: nearest + half }.intersection(Self::WHOLE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chord_ends_where_pythagoras_predicts() {
        // 3-4-5: at height 3 in a circle of radius 5 the chord is from -4 to 4
        let span = SegmentSpan::solve_within_radius(5.0, Point::new(-8.0, 3.0, 0.0), Point::new(16.0, 0.0, 0.0));
        assert_eq!(span, Some(SegmentSpan { start_fraction: 0.25, end_fraction: 0.75 }));
        assert_eq!(SegmentSpan::solve_within_radius(2.0, Point::new(-8.0, 3.0, 0.0), Point::new(16.0, 0.0, 0.0)), None);
    }

    #[test]
    fn a_tangent_has_one_point_inside() {
        let span = SegmentSpan::solve_within_radius(3.0, Point::new(-8.0, 3.0, 0.0), Point::new(16.0, 0.0, 0.0));
        assert_eq!(span, Some(SegmentSpan { start_fraction: 0.5, end_fraction: 0.5 }));
    }

    #[test]
    fn a_falling_line_is_cut_like_a_rising_one() {
        assert_eq!(
            SegmentSpan::solve_linear_range(-1.0, 1.0, -2.0, 2.0),
            Some(SegmentSpan { start_fraction: 0.25, end_fraction: 0.75 })
        );
        assert_eq!(
            SegmentSpan::solve_linear_range(-1.0, 1.0, 2.0, -2.0),
            Some(SegmentSpan { start_fraction: 0.25, end_fraction: 0.75 })
        );
        assert_eq!(SegmentSpan::solve_linear_range(-1.0, 1.0, 2.0, 2.0), None);
        assert_eq!(SegmentSpan::solve_linear_range(-1.0, 1.0, 1.0, 1.0), Some(SegmentSpan::WHOLE));
    }
}
