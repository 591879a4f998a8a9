//! How segments are seen in a medium: scaled, cut where they pass through its boundary, folded to one side of it.

use super::{Axis, Side};
use crate::geometry::Point;

/// From the circuit's coordinates to those in which the medium is isotropic.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Map {
    /// Factor of each axis; of the one across the plane on the medium's side.
    pub factors: [f64; 3],
    /// Where anything changes at a plane.
    pub plane: Option<Plane>,
}

/// What changes at a plane.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plane {
    /// The axis across it.
    pub axis: Axis,
    /// Where on the axis, um.
    pub at: f64,
    /// The medium's side.
    pub medium: Side,
    /// Factor of the axis on the other side; none where a segment cannot be.
    pub beyond: Option<f64>,
    /// The side to which everything is mirrored.
    pub onto: Option<Side>,
}

/// A segment, or a part of one, as it is seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Piece {
    /// First end.
    pub start: Point,
    /// Second end.
    pub end: Point,
    /// What rounding left out of the two ends.
    pub low: [Point; 2],
    /// Its share of the segment; NaN where a segment cannot be.
    pub share: f64,
}

impl Plane {
    /// The coordinate across the plane, seen, and what rounding left out of it.
    fn seen(&self, coordinate: f64, factor: f64, onto: Option<Side>) -> (f64, f64) {
        let (height, low) = sum(coordinate, -self.at);
        let factor = if self.is_beyond(height) { self.beyond.unwrap_or(factor) } else { factor };
        let (height, rest) = product(factor, height);
        let low = factor.mul_add(low, rest);
        let turned = match onto {
            None => false,
            Some(Side::Below) => height > 0.0,
            Some(Side::Above) => height < 0.0,
        };
        let (height, low) = if turned { (-height, -low) } else { (height, low) };
        let (seen, rest) = sum(self.at, height);
        (seen, rest + low)
    }

    fn is_beyond(&self, height: f64) -> bool {
        match self.medium {
            Side::Below => height > 0.0,
            Side::Above => height < 0.0,
        }
    }

    fn height(&self, p: Point) -> f64 {
        p.to_array()[self.axis.index()] - self.at
    }

    /// Where a segment passes through: the share of it before that, and the point on the plane.
    fn cut(&self, start: Point, end: Point) -> Option<(f64, Point)> {
        let (from, to) = (self.height(start), self.height(end));
        let passes = (from < 0.0 && to > 0.0) || (from > 0.0 && to < 0.0);
        let share = from / (from - to);
        let mut point = start.lerp(end, share).to_array();
        point[self.axis.index()] = self.at;
        passes.then_some((share, point.into()))
    }
}

impl Map {
    /// A contact as it is seen, never mirrored, and what rounding left out of it.
    pub fn contact(&self, p: Point) -> (Point, Point) {
        self.point(p, None)
    }

    fn point(&self, p: Point, onto: Option<Side>) -> (Point, Point) {
        let (mut seen, mut low) = (p.to_array(), [0.0; 3]);
        for ((coordinate, low), factor) in seen.iter_mut().zip(&mut low).zip(self.factors) {
            (*coordinate, *low) = product(factor, *coordinate);
        }
        if let Some(plane) = self.plane {
            let k = plane.axis.index();
            (seen[k], low[k]) = plane.seen(p.to_array()[k], self.factors[k], onto);
        }
        (seen.into(), low.into())
    }

    /// A segment as it is seen, in one piece or two.
    pub fn pieces(&self, start: Point, end: Point) -> (Piece, Option<Piece>) {
        let onto = self.plane.and_then(|plane| plane.onto);
        let barred = |plane: Plane| {
            let beyond = |p| plane.is_beyond(plane.height(p));
            plane.beyond.is_none() && (beyond(start) || beyond(end))
        };
        let whole = if self.plane.is_some_and(barred) { f64::NAN } else { 1.0 };
        let piece = |a, b, share| {
            let ((start, start_low), (end, end_low)) = (self.point(a, onto), self.point(b, onto));
            Piece { start, end, low: [start_low, end_low], share: whole * share }
        };
        match self.plane.and_then(|plane| plane.cut(start, end)) {
            None => (piece(start, end, 1.0), None),
            Some((share, on_plane)) => (piece(start, on_plane, share), Some(piece(on_plane, end, 1.0 - share))),
        }
    }
}

/// a + b rounded, and what rounding left out.
fn sum(a: f64, b: f64) -> (f64, f64) {
    let high = a + b;
    let b_part = high - a;
    (high, (a - (high - b_part)) + (b - b_part))
}

/// a b rounded, and what rounding left out.
fn product(a: f64, b: f64) -> (f64, f64) {
    let high = a * b;
    (high, a.mul_add(b, -high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_through_the_plane_is_folded_to_one_side_of_it() {
        let plane = Plane { axis: Axis::Y, at: 10.0, medium: Side::Below, beyond: Some(1.0), onto: Some(Side::Above) };
        let map = Map { factors: [1.0; 3], plane: Some(plane) };
        let (first, second) = map.pieces(Point::new(0.0, 4.0, 0.0), Point::new(8.0, 12.0, 0.0));
        let on_plane = Point::new(6.0, 10.0, 0.0);
        let low = [Point::ORIGIN; 2];
        assert_eq!(first, Piece { start: Point::new(0.0, 16.0, 0.0), end: on_plane, low, share: 0.75 });
        assert_eq!(second, Some(Piece { start: on_plane, end: Point::new(8.0, 12.0, 0.0), low, share: 0.25 }));
        let (whole, none) = map.pieces(Point::new(0.0, 4.0, 0.0), Point::new(0.0, 10.0, 0.0));
        assert_eq!((whole.end, whole.share, none), (Point::new(0.0, 10.0, 0.0), 1.0, None));
    }

    #[test]
    fn beyond_the_plane_the_axis_has_a_factor_of_its_own() {
        let plane = Plane { axis: Axis::Z, at: 100.0, medium: Side::Above, beyond: Some(0.5), onto: None };
        let map = Map { factors: [1.0, 1.0, 2.0], plane: Some(plane) };
        let at = |z: f64| map.contact(Point::new(3.0, 4.0, z)).0;
        assert_eq!(at(101.0), Point::new(3.0, 4.0, 102.0));
        assert_eq!(at(98.0), Point::new(3.0, 4.0, 99.0));
    }

    #[test]
    fn what_reaches_into_an_insulator_has_no_share() {
        let plane = Plane { axis: Axis::X, at: 0.0, medium: Side::Above, beyond: None, onto: Some(Side::Below) };
        let map = Map { factors: [1.0; 3], plane: Some(plane) };
        let share = |from: f64, to: f64| map.pieces(Point::new(from, 0.0, 0.0), Point::new(to, 0.0, 0.0)).0.share;
        assert_eq!((share(0.0, 5.0), share(5.0, 0.0)), (1.0, 1.0));
        assert!(share(-1.0, 5.0).is_nan() && share(5.0, -1.0).is_nan() && share(-2.0, -1.0).is_nan());
    }
}
