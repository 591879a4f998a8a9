//! Cuts a section into segments of equal path length, with radii that preserve its membrane area.

use super::polyline::Polyline;
use crate::geometry::Point;
use crate::morphology::Section;

/// A section cut into segments, in the morphology's coordinates.
pub(super) struct SegmentedSection {
    /// The `n + 1` boundaries, at equal path lengths.
    pub boundaries: Vec<Point>,
    /// Radius of each segment, µm.
    pub radii_um: Vec<f32>,
}

impl SegmentedSection {
    /// Cuts a section into `n` segments.
    pub fn cut(section: &Section, n: u32) -> Self {
        let path = Polyline::from_points(section.wide_points());
        let at = |j: u32| path.length_um() * (f64::from(j) / f64::from(n));
        let boundaries = (0..=n).map(|j| path.point_at(at(j))).collect();
        let radii = (0..n).map(|j| equal_area_radius(&path, &section.diameters_um, at(j), at(j + 1)) as f32).collect();
        Self { boundaries, radii_um: radii }
    }
}

/// Returns the radius, µm, of the cylinder with the length and the membrane area of a path between two path lengths.
///
/// The membrane between two points is a frustum: area pi (r1 + r2) sqrt(h^2 + (r1 - r2)^2), h their distance. As in
/// NEURON, a step in diameter (h = 0) has its ring of membrane; at a boundary the ring belongs to the segment before
/// it. If the path has no length, the radius is the mean of the points' radii.
fn equal_area_radius(path: &Polyline, diameters: &[f32], from: f64, to: f64) -> f64 {
    if from >= to {
        return diameters.iter().map(|&d| f64::from(d).abs() / 2.0).sum::<f64>() / diameters.len().max(1) as f64;
    }
    let first = if from > 0.0 { path.step_at(from) } else { 0 };
    let area_over_pi: f64 =
        (first..=path.step_at(to)).map(|i| frustum_area_over_pi(path, diameters, i, from, to)).sum();
    area_over_pi / (2.0 * (to - from))
}

/// Returns the membrane area divided by pi, µm², of the part of step `i` between two path lengths.
fn frustum_area_over_pi(path: &Polyline, diameters: &[f32], i: usize, from: f64, to: f64) -> f64 {
    let ([a, b], [d0, d1]) = (
        [i, i + 1].map(|k| path.lengths_um.get(k).copied().unwrap_or(0.0)),
        [i, i + 1].map(|k| diameters.get(k).map_or(0.0, |&d| f64::from(d).abs())),
    );
    let (low, high) = (from.max(a), to.min(b));
    let is_step_in_diameter = a == b && a <= to && (a > from || a == 0.0);
    if low >= high && !is_step_in_diameter {
        return 0.0;
    }
    let radius = |l: f64| 0.5 * (d0 + (d1 - d0) * ((l - a) / (b - a)));
    let (r0, r1) = if is_step_in_diameter { (d0 / 2.0, d1 / 2.0) } else { (radius(low), radius(high)) };
    (r0 + r1) * (high - low).hypot(r0 - r1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_radius_preserves_the_membrane_area() {
        // a cone from radius 1 to 3 over 10 µm: area pi (1 + 3) sqrt(100 + 4)
        let path = Polyline::from_points([Point::ORIGIN, Point::new(10.0, 0.0, 0.0)]);
        let full = equal_area_radius(&path, &[2.0, 6.0], 0.0, 10.0);
        assert!((2.0 * full * 10.0 - 4.0 * 104.0_f64.sqrt()).abs() < 1e-12);
        let halves = equal_area_radius(&path, &[2.0, 6.0], 0.0, 5.0) + equal_area_radius(&path, &[2.0, 6.0], 5.0, 10.0);
        assert!((halves / 2.0 - full).abs() < 1e-12);
    }

    #[test]
    fn a_step_in_diameter_belongs_to_the_segment_that_ends_with_it() {
        // 10 µm of radius 1, 10 µm of radius 2: the ring between them has the area pi (1 + 2) (2 - 1)
        let points = [0.0, 10.0, 10.0, 20.0].map(|x| Point::new(x, 0.0, 0.0));
        let path = Polyline::from_points(points);
        let diameters = [2.0, 2.0, 4.0, 4.0];
        let radii =
            [(0.0, 10.0), (10.0, 20.0), (0.0, 20.0)].map(|(from, to)| equal_area_radius(&path, &diameters, from, to));
        assert_eq!(radii, [(20.0 + 3.0) / 20.0, 2.0, (20.0 + 40.0 + 3.0) / 40.0]);
    }

    #[test]
    fn a_step_in_diameter_at_either_end_counts_and_zero_length_is_accepted() {
        let path = |xs: [f64; 3]| Polyline::from_points(xs.map(|x| Point::new(x, 0.0, 0.0)));
        for (xs, diameters) in [([0.0, 0.0, 10.0], [4.0, 2.0, 2.0]), ([0.0, 10.0, 10.0], [2.0, 2.0, 4.0])] {
            assert_eq!(equal_area_radius(&path(xs), &diameters, 0.0, 10.0), (20.0 + 3.0) / 20.0);
        }
        assert_eq!(equal_area_radius(&path([5.0; 3]), &[2.0, 4.0, 3.0], 0.0, 0.0), 1.5);
    }
}
