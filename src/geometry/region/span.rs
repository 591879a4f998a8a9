//! The part of a segment inside a convex region.

use crate::geometry::Point;

/// A part of a segment, by fractions of the way from its first end (0) to its second (1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    /// Where it begins.
    pub from: f64,
    /// Where it ends, not before it begins.
    pub to: f64,
}

impl Span {
    /// The whole segment.
    pub const WHOLE: Self = Self { from: 0.0, to: 1.0 };
    /// The first end alone.
    pub(super) const START: Self = Self { from: 0.0, to: 0.0 };
    /// The second end alone.
    pub(super) const END: Self = Self { from: 1.0, to: 1.0 };

    /// Its share of the segment's length, 0 to 1.
    pub fn length(&self) -> f64 {
        self.to - self.from
    }

    /// What two parts share.
    pub(super) fn and(self, other: Self) -> Option<Self> {
        let both = Self { from: self.from.max(other.from), to: self.to.min(other.to) };
        (both.from <= both.to).then_some(both)
    }

    /// The smallest part that holds both.
    pub(super) fn hull(self, other: Self) -> Self {
        Self { from: self.from.min(other.from), to: self.to.max(other.to) }
    }

    /// Where `low <= f <= high`, for f that goes linearly from `f0` to `f1`.
    pub(super) fn between(low: f64, high: f64, f0: f64, f1: f64) -> Option<Self> {
        if f0 == f1 {
            return (low <= f0 && f0 <= high).then_some(Self::WHOLE);
        }
        let (t0, t1) = ((low - f0) / (f1 - f0), (high - f0) / (f1 - f0));
        Self { from: t0.min(t1), to: t0.max(t1) }.and(Self::WHOLE)
    }

    /// Where `|m + t d| <= radius`: from the nearest point to the origin half a chord to either side, which keeps its
    /// digits where the textbook's quadratic loses them.
    pub(super) fn within(radius: f64, m: Point, d: Point) -> Option<Self> {
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
        Self { from: nearest - half, to: nearest + half }.and(Self::WHOLE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chord_is_cut_where_pythagoras_says() {
        // 3-4-5: at height 3 in a circle of radius 5 the chord runs from -4 to 4
        let span = Span::within(5.0, Point::new(-8.0, 3.0, 0.0), Point::new(16.0, 0.0, 0.0));
        assert_eq!(span, Some(Span { from: 0.25, to: 0.75 }));
        assert_eq!(Span::within(2.0, Point::new(-8.0, 3.0, 0.0), Point::new(16.0, 0.0, 0.0)), None);
    }

    #[test]
    fn a_tangent_is_touched_in_one_point() {
        let span = Span::within(3.0, Point::new(-8.0, 3.0, 0.0), Point::new(16.0, 0.0, 0.0));
        assert_eq!(span, Some(Span { from: 0.5, to: 0.5 }));
    }

    #[test]
    fn a_falling_line_is_cut_like_a_rising_one() {
        assert_eq!(Span::between(-1.0, 1.0, -2.0, 2.0), Some(Span { from: 0.25, to: 0.75 }));
        assert_eq!(Span::between(-1.0, 1.0, 2.0, -2.0), Some(Span { from: 0.25, to: 0.75 }));
        assert_eq!(Span::between(-1.0, 1.0, 2.0, 2.0), None);
        assert_eq!(Span::between(-1.0, 1.0, 1.0, 1.0), Some(Span::WHOLE));
    }
}
