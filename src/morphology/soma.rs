//! The soma: its points, the sphere that represents it, and its length in the simulator.

use std::ops::Range;

use crate::geometry::{Point, PrincipalAxis};

/// The soma, as the file stores it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Soma {
    /// Points, µm.
    pub points: Vec<[f32; 3]>,
    /// Diameters at the points, µm.
    pub diameters_um: Vec<f32>,
    /// Meaning of the points.
    pub form: SomaForm,
    /// Index in `points` at which each part starts: the contours of a stack, or the soma sections of the simulator.
    /// Empty for a single part.
    pub part_starts: Vec<usize>,
}

/// Meaning of a soma's points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SomaForm {
    /// There is no soma.
    #[default]
    None,
    /// One point: a sphere.
    Point,
    /// NeuroMorpho's three points (centre, below, above), which represent a sphere.
    ThreePoints,
    /// A chain of points with diameters: cylinders.
    Cylinders,
    /// An outline.
    Contour,
}

impl Soma {
    /// Returns the radius of the sphere that represents the soma, µm; `None` if there is no soma or it has no extent.
    ///
    /// - [`SomaForm::Point`], [`SomaForm::ThreePoints`]: the radius at the first point (the three points are a
    ///   cylinder as long as it is wide, whose lateral area is the sphere's;
    ///   <https://neuromorpho.org/SomaFormat.html>).
    /// - [`SomaForm::Cylinders`]: of the sphere with the lateral area of the (truncated) cones between consecutive
    ///   points, R^2 = sum (r1 + r2) s / 4 with r1 and r2 the radii at the two ends and s the slant height
    ///   sqrt(h^2 + (r1 - r2)^2).
    /// - [`SomaForm::Contour`]: the mean distance of the points from their centroid.
    ///
    /// Computed in float64.
    pub fn radius_um(&self) -> Option<f32> {
        let radius = match self.form {
            SomaForm::None => None,
            SomaForm::Point | SomaForm::ThreePoints => self.first_diameter().map(|d| d / 2.0),
            SomaForm::Cylinders => Some(self.equal_area_radius()),
            SomaForm::Contour => Some(self.mean_distance_from_centroid()),
        };
        radius.map(|r| r as f32).filter(|&r| r > 0.0)
    }

    /// Returns the lengths, µm, of the sections that NEURON's importer (Import3d) creates for the soma: several if its
    /// samples branch, or are separated in the file.
    ///
    /// - [`SomaForm::Point`], [`SomaForm::ThreePoints`], and a section of a single sample: a line through the point, as
    ///   long as the diameter.
    /// - [`SomaForm::Cylinders`]: the path length.
    /// - [`SomaForm::Contour`]: the contour is resampled at 101 equidistant points and cut across its principal axis;
    ///   the length is that from the second to the last but one of the points' projections on the axis. It is at most
    ///   a few per cent less than the extent.
    /// - a stack of contours: the path length through the contours' centres.
    ///
    /// Source: `contour2centroid` and `contourcenter` of NEURON's `import3d` library (BSD-3).
    pub fn section_lengths_um(&self) -> Vec<f64> {
        match self.form {
            SomaForm::None => Vec::new(),
            SomaForm::Point | SomaForm::ThreePoints => vec![self.sphere_length(0)],
            SomaForm::Cylinders => {
                let length = |range: Range<usize>| match self.points.get(range.clone()) {
                    Some(points) if points.len() > 1 => super::path_length(points),
                    _ => self.sphere_length(range.start),
                };
                self.part_ranges().into_iter().map(length).collect()
            }
            SomaForm::Contour if self.part_starts.len() > 1 => {
                vec![length_through(self.contours().map(|o| centroid(&resample_outline(&o))))]
            }
            SomaForm::Contour => vec![extent_along_axis(&resample_outline(&self.wide_points().collect::<Vec<_>>()))],
        }
    }

    /// Returns the number of soma sections in the simulator.
    pub fn section_count(&self) -> usize {
        match self.form {
            SomaForm::None => 0,
            SomaForm::Cylinders => self.part_starts.len().max(1),
            _ => 1,
        }
    }

    /// Returns the length of the line of three points that the importer creates from a single point.
    fn sphere_length(&self, at: usize) -> f64 {
        let (Some(&[x, y, z]), Some(&diameter)) = (self.points.get(at), self.diameters_um.get(at)) else { return 0.0 };
        let radius = f64::from(diameter) / 2.0;
        let tip = |sign: f64| [(f64::from(x) + sign * radius) as f32, y, z];
        super::path_length(&[tip(-1.0), [x, y, z], tip(1.0)])
    }

    /// Returns the index range of each part's points.
    fn part_ranges(&self) -> Vec<Range<usize>> {
        let starts = if self.part_starts.is_empty() { &[0][..] } else { &self.part_starts };
        let ends = starts.iter().skip(1).copied().chain([self.points.len()]);
        starts.iter().zip(ends).map(|(&from, to)| from..to).collect()
    }

    fn wide_points(&self) -> impl ExactSizeIterator<Item = Point> + '_ {
        self.points.iter().map(|&p| Point::from(p))
    }

    fn first_diameter(&self) -> Option<f64> {
        self.diameters_um.first().copied().map(f64::from)
    }

    /// Returns the points of each contour.
    fn contours(&self) -> impl Iterator<Item = Vec<Point>> + '_ {
        let points = |range| self.points.get(range).unwrap_or_default();
        self.part_ranges().into_iter().map(move |range| points(range).iter().map(|&p| Point::from(p)).collect())
    }

    fn equal_area_radius(&self) -> f64 {
        let quarter_area = |range: Range<usize>| {
            let points = self.points.get(range.clone()).unwrap_or_default();
            let radii = self.diameters_um.get(range).unwrap_or_default().iter().map(|&d| f64::from(d) / 2.0);
            let radii: Vec<f64> = radii.collect();
            let cones = points.windows(2).zip(radii.windows(2));
            let cone = |(p, r): (&[[f32; 3]], &[f64])| {
                let slant = Point::from(p[0]).distance(Point::from(p[1])).hypot(r[0] - r[1]);
                (r[0] + r[1]) * slant / 4.0
            };
            // a part with a single point is a sphere
            if let [radius] = radii[..] { radius * radius } else { cones.map(cone).sum() }
        };
        self.part_ranges().into_iter().map(quarter_area).sum::<f64>().sqrt()
    }

    fn mean_distance_from_centroid(&self) -> f64 {
        let n = self.points.len() as f64;
        let centroid = self.wide_points().fold(Point::ORIGIN, |sum, p| sum + p) / n;
        self.wide_points().map(|p| p.distance(centroid)).sum::<f64>() / n
    }
}

/// Returns the length of a path through points.
fn length_through(points: impl Iterator<Item = Point>) -> f64 {
    let mut before = None;
    points.map(|p| before.replace(p).map_or(0.0, |b: Point| b.distance(p))).sum()
}

fn centroid(points: &[Point]) -> Point {
    points.iter().fold(Point::ORIGIN, |sum, &p| sum + p) / points.len().max(1) as f64
}

/// Resamples an outline at 101 equidistant points, measured in x and y, from its first to its last point.
fn resample_outline(outline: &[Point]) -> Vec<Point> {
    const STEPS: u32 = 100;
    let mut lengths = vec![0.0_f64];
    for w in outline.windows(2) {
        let step = (w[1].x - w[0].x).hypot(w[1].y - w[0].y);
        lengths.push(lengths.last().copied().unwrap_or(0.0) + step);
    }
    let total = lengths.last().copied().unwrap_or(0.0);
    let at = |length: f64| {
        let i = lengths.partition_point(|&l| l <= length).saturating_sub(1).min(outline.len().saturating_sub(2));
        match (outline.get(i), outline.get(i + 1)) {
            (Some(&a), Some(&b)) if lengths[i + 1] > lengths[i] => {
                a.lerp(b, (length - lengths[i]) / (lengths[i + 1] - lengths[i]))
            }
            (Some(&a), _) => a,
            _ => Point::ORIGIN,
        }
    };
    (0..=STEPS).map(|j| at(total * (f64::from(j) / f64::from(STEPS)))).collect()
}

/// Returns the extent of the points along their principal axis, without the outermost point of either end.
///
/// As in NEURON, points between the two ends are dropped where a side of the outline turns back.
fn extent_along_axis(points: &[Point]) -> f64 {
    let Ok(axis) = PrincipalAxis::from_points(points) else { return 0.0 };
    let mut along: Vec<f64> = points.iter().map(|&p| axis.project(p)).collect();
    let place = |better: fn(f64, f64) -> bool, values: &[f64]| {
        (1..values.len()).fold(0, |best, i| if better(values[i], values[best]) { i } else { best })
    };
    let highest = place(|a, b| a > b, &along);
    along.rotate_left(highest);
    let lowest = place(|a, b| a < b, &along);
    let mut second = along.split_off(lowest);
    along.reverse();
    retain_rising(&mut along);
    retain_rising(&mut second);
    along.append(&mut second);
    along.sort_unstable_by(f64::total_cmp);
    match along.as_slice() {
        [_, low, .., high, _] => high - low,
        _ => 0.0,
    }
}

/// Drops values until the rest increases.
fn retain_rising(values: &mut Vec<f64>) {
    let mut j = values.len().saturating_sub(1);
    while j > 0 {
        if values[j] <= values[j - 1] {
            values.remove(j);
            j += usize::from(j != values.len());
        }
        j -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns an ellipse with half axes 12 (rotated by 30 degrees in the plane) and 8.
    fn ellipse(n: u16) -> Vec<[f32; 3]> {
        let (sin, cos) = (0.5, 0.75_f64.sqrt());
        let at = |i: u16| {
            let angle = std::f64::consts::TAU * f64::from(i) / f64::from(n);
            let (u, v) = (12.0 * angle.cos(), 8.0 * angle.sin());
            [(cos * u - sin * v) as f32, (sin * u + cos * v) as f32, 3.0]
        };
        (0..n).map(at).collect()
    }

    fn contour(points: Vec<[f32; 3]>, parts: Vec<usize>) -> Soma {
        Soma { diameters_um: vec![0.0; points.len()], points, form: SomaForm::Contour, part_starts: parts }
    }

    #[test]
    fn a_contour_is_as_long_as_its_extent_without_its_tips() {
        let length = contour(ellipse(60), vec![]).section_lengths_um()[0];
        assert!((0.97 * 24.0..=1.001 * 24.0).contains(&length), "{length}");
    }

    #[test]
    fn a_stack_is_measured_through_the_centres_of_its_contours() {
        let square = |z: f32, x: f32| [[x - 1.0, -1.0, z], [x + 1.0, -1.0, z], [x + 1.0, 1.0, z], [x - 1.0, 1.0, z]];
        let stack = contour([square(0.0, 0.0), square(3.0, 4.0), square(9.0, 4.0)].concat(), vec![0, 4, 8]);
        // all centres shift equally: 5 µm from (0, 0) to (4, 3), then 6 µm
        assert!((stack.section_lengths_um()[0] - 11.0).abs() < 1e-12, "{}", stack.section_lengths_um()[0]);
    }

    #[test]
    fn points_and_cylinders_have_the_length_of_their_section() {
        let soma = |n: usize, form| Soma {
            points: vec![[0.0; 3], [0.0, -4.0, 0.0], [3.0, 0.0, 0.0]][..n].to_vec(),
            diameters_um: vec![8.0; n],
            form,
            ..Soma::default()
        };
        assert_eq!(soma(1, SomaForm::Point).section_lengths_um(), [8.0]);
        assert_eq!(soma(3, SomaForm::ThreePoints).section_lengths_um(), [8.0]);
        assert_eq!(soma(3, SomaForm::Cylinders).section_lengths_um(), [9.0]);
        assert_eq!(Soma::default().section_lengths_um(), [0.0; 0]);
    }

    #[test]
    fn contours_without_extent_have_length_zero() {
        assert_eq!(contour(vec![[1.0; 3]; 4], vec![]).section_lengths_um(), [0.0]);
        assert_eq!(contour(vec![[1.0; 3]; 4], vec![0, 2]).section_lengths_um(), [0.0]);
        assert!(contour(vec![[0.0; 3], [10.0, 0.0, 0.0]], vec![]).section_lengths_um()[0] <= 10.0);
    }
}
