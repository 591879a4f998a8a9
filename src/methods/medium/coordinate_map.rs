//! Maps segments to the coordinates of a medium: scales them, cuts them at its boundary and folds them to one side of
//! it.

use super::{Axis, Side};
use crate::geometry::Point;

/// A map from the circuit's coordinates to those in which the medium is isotropic.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CoordinateMap {
    /// Factor of each axis; for the axis across the plane, the factor on the medium's side.
    pub factors: [f64; 3],
    /// The plane at which the map changes.
    pub plane: Option<MappedPlane>,
}

/// The plane at which a map changes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MappedPlane {
    /// The axis perpendicular to the plane.
    pub axis: Axis,
    /// Position on the axis, µm.
    pub position_um: f64,
    /// The side of the medium.
    pub medium_side: Side,
    /// Factor of the axis on the other side; `None` if segments cannot be there.
    pub beyond_factor: Option<f64>,
    /// The side to which all points are mirrored.
    pub mirror_onto: Option<Side>,
}

/// A segment, or a part of one, in the coordinates of the map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MappedSegment {
    /// First end.
    pub start: Point,
    /// Second end.
    pub end: Point,
    /// Rounding errors of the two ends.
    pub low_parts: [Point; 2],
    /// Its share of the segment; NaN if segments cannot be there.
    pub share: f64,
}

impl MappedPlane {
    /// Returns the mapped coordinate across the plane, and its rounding error.
    fn map_coordinate(&self, coordinate: f64, factor: f64, onto: Option<Side>) -> (f64, f64) {
        let (height, low) = two_sum(coordinate, -self.position_um);
        let factor = if self.is_beyond(height) { self.beyond_factor.unwrap_or(factor) } else { factor };
        let (height, rest) = two_product(factor, height);
        let low = factor.mul_add(low, rest);
        let turned = match onto {
            None => false,
            Some(Side::Below) => height > 0.0,
            Some(Side::Above) => height < 0.0,
        };
        let (height, low) = if turned { (-height, -low) } else { (height, low) };
        let (seen, rest) = two_sum(self.position_um, height);
        (seen, rest + low)
    }

    fn is_beyond(&self, height: f64) -> bool {
        match self.medium_side {
            Side::Below => height > 0.0,
            Side::Above => height < 0.0,
        }
    }

    fn signed_distance_um(&self, p: Point) -> f64 {
        p.to_array()[self.axis.index()] - self.position_um
    }

    /// Returns the point where a segment crosses the plane, and the share of the segment before it; `None` if it does
    /// not cross.
    fn cut_segment(&self, start: Point, end: Point) -> Option<(f64, Point)> {
        let (from, to) = (self.signed_distance_um(start), self.signed_distance_um(end));
        let passes = (from < 0.0 && to > 0.0) || (from > 0.0 && to < 0.0);
        let share = from / (from - to);
        let mut point = start.lerp(end, share).to_array();
        point[self.axis.index()] = self.position_um;
        passes.then_some((share, point.into()))
    }
}

impl CoordinateMap {
    /// Returns the mapped contact, which is never mirrored, and its rounding error.
    pub fn map_contact(&self, p: Point) -> (Point, Point) {
        self.map_point(p, None)
    }

    fn map_point(&self, p: Point, onto: Option<Side>) -> (Point, Point) {
        let (mut seen, mut low) = (p.to_array(), [0.0; 3]);
        for ((coordinate, low), factor) in seen.iter_mut().zip(&mut low).zip(self.factors) {
            (*coordinate, *low) = two_product(factor, *coordinate);
        }
        if let Some(plane) = self.plane {
            let k = plane.axis.index();
            (seen[k], low[k]) = plane.map_coordinate(p.to_array()[k], self.factors[k], onto);
        }
        (seen.into(), low.into())
    }

    /// Returns the mapped segment, in one piece or two.
    pub fn map_segment(&self, start: Point, end: Point) -> (MappedSegment, Option<MappedSegment>) {
        let onto = self.plane.and_then(|plane| plane.mirror_onto);
        let barred = |plane: MappedPlane| {
            let beyond = |p| plane.is_beyond(plane.signed_distance_um(p));
            plane.beyond_factor.is_none() && (beyond(start) || beyond(end))
        };
        let total_share = if self.plane.is_some_and(barred) { f64::NAN } else { 1.0 };
        let piece = |a, b, share| {
            let ((start, start_low), (end, end_low)) = (self.map_point(a, onto), self.map_point(b, onto));
            MappedSegment { start, end, low_parts: [start_low, end_low], share: total_share * share }
        };
        match self.plane.and_then(|plane| plane.cut_segment(start, end)) {
            None => (piece(start, end, 1.0), None),
            Some((share, on_plane)) => (piece(start, on_plane, share), Some(piece(on_plane, end, 1.0 - share))),
        }
    }
}

/// Returns a + b rounded, and the rounding error.
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let high = a + b;
    let b_part = high - a;
    (high, (a - (high - b_part)) + (b - b_part))
}

/// Returns a b rounded, and the rounding error.
fn two_product(a: f64, b: f64) -> (f64, f64) {
    let high = a * b;
    (high, a.mul_add(b, -high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_through_the_plane_is_folded_to_one_side_of_it() {
        let plane = MappedPlane {
            axis: Axis::Y,
            position_um: 10.0,
            medium_side: Side::Below,
            beyond_factor: Some(1.0),
            mirror_onto: Some(Side::Above),
        };
        let map = CoordinateMap { factors: [1.0; 3], plane: Some(plane) };
        let (first, second) = map.map_segment(Point::new(0.0, 4.0, 0.0), Point::new(8.0, 12.0, 0.0));
        let on_plane = Point::new(6.0, 10.0, 0.0);
        let low = [Point::ORIGIN; 2];
        assert_eq!(
            first,
            MappedSegment { start: Point::new(0.0, 16.0, 0.0), end: on_plane, low_parts: low, share: 0.75 }
        );
        assert_eq!(
            second,
            Some(MappedSegment { start: on_plane, end: Point::new(8.0, 12.0, 0.0), low_parts: low, share: 0.25 })
        );
        let (piece, none) = map.map_segment(Point::new(0.0, 4.0, 0.0), Point::new(0.0, 10.0, 0.0));
        assert_eq!((piece.end, piece.share, none), (Point::new(0.0, 10.0, 0.0), 1.0, None));
    }

    #[test]
    fn beyond_the_plane_the_axis_has_another_factor() {
        let plane = MappedPlane {
            axis: Axis::Z,
            position_um: 100.0,
            medium_side: Side::Above,
            beyond_factor: Some(0.5),
            mirror_onto: None,
        };
        let map = CoordinateMap { factors: [1.0, 1.0, 2.0], plane: Some(plane) };
        let at = |z: f64| map.map_contact(Point::new(3.0, 4.0, z)).0;
        assert_eq!(at(101.0), Point::new(3.0, 4.0, 102.0));
        assert_eq!(at(98.0), Point::new(3.0, 4.0, 99.0));
    }

    #[test]
    fn a_segment_in_an_insulator_has_no_share() {
        let plane = MappedPlane {
            axis: Axis::X,
            position_um: 0.0,
            medium_side: Side::Above,
            beyond_factor: None,
            mirror_onto: Some(Side::Below),
        };
        let map = CoordinateMap { factors: [1.0; 3], plane: Some(plane) };
        let share = |from: f64, to: f64| map.map_segment(Point::new(from, 0.0, 0.0), Point::new(to, 0.0, 0.0)).0.share;
        assert_eq!((share(0.0, 5.0), share(5.0, 0.0)), (1.0, 1.0));
        assert!(share(-1.0, 5.0).is_nan() && share(5.0, -1.0).is_nan() && share(-2.0, -1.0).is_nan());
    }
}
