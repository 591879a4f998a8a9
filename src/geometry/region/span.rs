//! The part of a segment inside a convex region.

use crate::geometry::Point;

/// A part of a segment, by fractions of the way from its first end (0) to its second (1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SegmentSpan {
    /// Where it begins.
    pub start_fraction: f64,
    /// Where it ends, not before it begins.
    pub end_fraction: f64,
}

impl SegmentSpan {
    /// The whole segment.
    pub const WHOLE: Self = Self { start_fraction: 0.0, end_fraction: 1.0 };
    /// The first end alone.
    pub(super) const START: Self = Self { start_fraction: 0.0, end_fraction: 0.0 };
    /// The second end alone.
    pub(super) const END: Self = Self { start_fraction: 1.0, end_fraction: 1.0 };

    /// Its share of the segment's length, 0 to 1.
    pub fn fraction(&self) -> f64 {
        self.end_fraction - self.start_fraction
    }

    /// What two parts share.
    pub(super) fn intersection(self, other: Self) -> Option<Self> {
        let both = Self {
            start_fraction: self.start_fraction.max(other.start_fraction),
            end_fraction: self.end_fraction.min(other.end_fraction),
        };
        (both.start_fraction <= both.end_fraction).then_some(both)
    }

    /// The smallest part that holds both.
    pub(super) fn hull(self, other: Self) -> Self {
        Self {
            start_fraction: self.start_fraction.min(other.start_fraction),
            end_fraction: self.end_fraction.max(other.end_fraction),
        }
    }

    /// Where `low <= f <= high`, for f that goes linearly from `f0` to `f1`.
    pub(super) fn solve_linear_range(low: f64, high: f64, f0: f64, f1: f64) -> Option<Self> {
        if f0 == f1 {
            return (low <= f0 && f0 <= high).then_some(Self::WHOLE);
        }
        let (t0, t1) = ((low - f0) / (f1 - f0), (high - f0) / (f1 - f0));
        Self { start_fraction: t0.min(t1), end_fraction: t0.max(t1) }.intersection(Self::WHOLE)
    }

    /// Where `|m + t d| <= radius`: from the nearest point to the origin half a chord to either side, which keeps its
    /// digits where the textbook's quadratic loses them.
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
    fn a_chord_is_cut_where_pythagoras_says() {
        // 3-4-5: at height 3 in a circle of radius 5 the chord runs from -4 to 4
        let span = SegmentSpan::solve_within_radius(5.0, Point::new(-8.0, 3.0, 0.0), Point::new(16.0, 0.0, 0.0));
        assert_eq!(span, Some(SegmentSpan { start_fraction: 0.25, end_fraction: 0.75 }));
        assert_eq!(SegmentSpan::solve_within_radius(2.0, Point::new(-8.0, 3.0, 0.0), Point::new(16.0, 0.0, 0.0)), None);
    }

    #[test]
    fn a_tangent_is_touched_in_one_point() {
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
