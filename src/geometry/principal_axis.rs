//! Fits a line to points: their first principal component.
//!
//! The direction is the eigenvector with the largest eigenvalue of the points' covariance matrix, computed with Jacobi
//! rotations (Golub & Van Loan, Matrix Computations, section 8.5). Its sign is arbitrary; here its largest component is
//! positive, and if several components are equal to 1e-9, the first of them.

use super::Point;
use crate::error::Problem;

/// The line through the mean of some points in the direction of their largest spread.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PrincipalAxis {
    /// The mean of the points, µm.
    pub center: Point,
    /// Unit vector along the line.
    pub direction: Point,
    /// Deviation of the points from the line, in degrees: the angle whose tangent is their root mean square distance
    /// from the line, divided by that along it. 0 for points on a line, at least 45 for a square or a cube of points.
    pub off_axis_degrees: f64,
}

/// The points have no axis.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("no axis, expected at least two points at different positions, found {}", found(*points))]
pub struct NoPrincipalAxis {
    /// Number of points, all at one position.
    pub points: usize,
}

impl Problem for NoPrincipalAxis {}

fn found(points: usize) -> String {
    if points < 2 { points.to_string() } else { format!("{points} at one position") }
}

impl PrincipalAxis {
    /// Computes the axis of some points.
    ///
    /// # Errors
    /// Returns [`NoPrincipalAxis`] if no two points have different positions.
    pub fn from_points(points: &[Point]) -> Result<Self, NoPrincipalAxis> {
        let none = NoPrincipalAxis { points: points.len() };
        let first = *points.first().ok_or(NoPrincipalAxis { points: 0 })?;
        // relative to the first point: the large coordinates of a whole brain would lose digits
        let mean = points.iter().fold(Point::ORIGIN, |sum, &p| sum + (p - first)) / points.len() as f64;
        let spread: Vec<Point> = points.iter().map(|&p| p - first - mean).collect();
        let largest = spread.iter().flat_map(|p| p.to_array()).fold(0.0, |most, v| v.abs().max(most));
        if points.iter().all(|&p| p == first) || !(largest > 0.0 && largest.is_finite()) {
            return Err(none);
        }
        let scaled: Vec<Point> = spread.iter().map(|&p| p / largest).collect();
        let direction = with_positive_largest(first_component(&scaled));
        Ok(Self { center: first + mean, direction, off_axis_degrees: compute_off_axis_degrees(&scaled, direction) })
    }

    /// Returns the coordinate of a point along the axis, from the centre, µm.
    pub fn project(&self, p: Point) -> f64 {
        (p - self.center).dot(self.direction)
    }
}

/// Returns the direction of the largest spread of points with their mean at the origin.
fn first_component(points: &[Point]) -> Point {
    let mut matrix = [[0.0; 3]; 3];
    for v in points.iter().map(|p| p.to_array()) {
        for (row, a) in matrix.iter_mut().zip(v) {
            row.iter_mut().zip(v).for_each(|(entry, b)| *entry += a * b);
        }
    }
    let (values, vectors) = symmetric_eigen(matrix);
    let most =
        if values[0] >= values[1] && values[0] >= values[2] { 0 } else { 1 + usize::from(values[2] > values[1]) };
    let direction = Point::from(vectors.map(|row| row[most]));
    direction / direction.norm()
}

/// Returns the eigenvalues of a symmetric matrix, and the eigenvectors as columns of a matrix.
///
/// Every sweep squares the remaining off-diagonal elements, so sixteen sweeps are more than doubles need.
fn symmetric_eigen(mut a: [[f64; 3]; 3]) -> ([f64; 3], [[f64; 3]; 3]) {
    let mut vectors = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    for (p, q) in [(0, 1), (0, 2), (1, 2)].repeat(16) {
        if a[p][q] != 0.0 {
            let (c, s) = jacobi_rotation(a[p][p], a[p][q], a[q][q]);
            rotate_columns(&mut a, p, q, c, s);
            rotate_rows(&mut a, p, q, c, s);
            rotate_columns(&mut vectors, p, q, c, s);
            (a[p][q], a[q][p]) = (0.0, 0.0);
        }
    }
    ([a[0][0], a[1][1], a[2][2]], vectors)
}

/// Returns cosine and sine of the smaller rotation that diagonalizes the matrix ((pp, pq), (pq, qq)).
fn jacobi_rotation(pp: f64, pq: f64, qq: f64) -> (f64, f64) {
    let theta = (qq - pp) / (2.0 * pq);
    let tan = theta.signum() / (theta.abs() + theta.hypot(1.0));
    let cos = 1.0 / tan.hypot(1.0);
    (cos, tan * cos)
}

fn rotate_columns(a: &mut [[f64; 3]; 3], p: usize, q: usize, c: f64, s: f64) {
    for row in a {
        (row[p], row[q]) = (c * row[p] - s * row[q], s * row[p] + c * row[q]);
    }
}

fn rotate_rows(a: &mut [[f64; 3]; 3], p: usize, q: usize, c: f64, s: f64) {
    let (mut row_p, mut row_q) = (a[p], a[q]);
    for (x, y) in row_p.iter_mut().zip(&mut row_q) {
        (*x, *y) = (c * *x - s * *y, s * *x + c * *y);
    }
    (a[p], a[q]) = (row_p, row_q);
}

/// Returns the vector or its opposite: the one with a positive largest component.
fn with_positive_largest(v: Point) -> Point {
    let most = v.to_array().iter().fold(0.0_f64, |most, c| c.abs().max(most));
    let leading = v.to_array().into_iter().find(|c| c.abs() >= most * 0.999_999_999);
    if leading.is_some_and(|c| c < 0.0) { -v } else { v }
}

/// Computes [`PrincipalAxis::off_axis_degrees`].
fn compute_off_axis_degrees(points: &[Point], direction: Point) -> f64 {
    let (off, along) = points.iter().fold((0.0, 0.0), |(off, along), &p| {
        let t = p.dot(direction);
        (off + (p - direction * t).norm_2(), along + t * t)
    });
    off.sqrt().atan2(along.sqrt()).to_degrees()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(from: Point, step: Point, n: i32) -> Vec<Point> {
        (0..n).map(|i| from + step * f64::from(i)).collect()
    }

    #[test]
    fn points_on_a_line_give_its_direction_and_their_mean() {
        let axis =
            PrincipalAxis::from_points(&line(Point::new(4000.0, -2.0, 7.0), Point::new(0.0, -20.0, 0.0), 5)).unwrap();
        assert_eq!(axis.direction, Point::new(0.0, 1.0, 0.0));
        assert_eq!(axis.center, Point::new(4000.0, -42.0, 7.0));
        assert_eq!(axis.off_axis_degrees, 0.0);
        assert_eq!(axis.project(Point::new(0.0, -40.0, 0.0)), 2.0);
    }

    #[test]
    fn the_spread_off_the_axis_is_given_as_an_angle() {
        // two columns 2 µm apart, both from -3 to 3: root mean squares 1 and 3
        let points = [(-1.0, -3.0), (-1.0, 3.0), (1.0, -3.0), (1.0, 3.0)].map(|(x, y)| Point::new(x, y, 0.0));
        let axis = PrincipalAxis::from_points(&points).unwrap();
        assert!((axis.off_axis_degrees - (1.0_f64 / 3.0).atan().to_degrees()).abs() < 1e-12);
        assert_eq!(axis.direction, Point::new(0.0, 1.0, 0.0));
    }

    #[test]
    fn fewer_than_two_positions_have_no_axis() {
        let p = Point::new(0.1, 0.2, 0.3);
        let text = |points: &[Point]| PrincipalAxis::from_points(points).unwrap_err().to_string();
        let expected = "no axis, expected at least two points at different positions, found";
        assert_eq!(text(&[]), format!("{expected} 0"));
        assert_eq!(text(&[p]), format!("{expected} 1"));
        assert_eq!(text(&[p; 3]), format!("{expected} 3 at one position"));
    }

    #[test]
    fn the_smallest_and_the_largest_spreads_have_an_axis() {
        for scale in [1e-300, 1e150] {
            let axis = PrincipalAxis::from_points(&line(Point::ORIGIN, Point::new(scale, scale, 0.0), 2)).unwrap();
            assert!(axis.direction.distance(Point::new(0.5_f64.sqrt(), 0.5_f64.sqrt(), 0.0)) < 1e-15);
        }
    }

    proptest! {
        /// Checks the definition: no other direction has a larger spread, and the axis is an eigenvector of the
        /// covariance matrix (its image is parallel to it).
        #[test]
        fn no_direction_has_a_larger_spread(
            points in prop::collection::vec(prop::array::uniform3(-100.0..100.0_f64), 2..12),
            others in prop::collection::vec(prop::array::uniform3(-1.0..1.0_f64), 20),
        ) {
            let points: Vec<Point> = points.into_iter().map(Point::from).collect();
            let axis = PrincipalAxis::from_points(&points).unwrap();
            let spread = |d: Point| points.iter().map(|&p| (p - axis.center).dot(d).powi(2)).sum::<f64>();
            let most = spread(axis.direction);
            prop_assert!((axis.direction.norm() - 1.0).abs() < 1e-15);
            for other in others.into_iter().map(Point::from).filter(|d| d.norm() > 0.1) {
                prop_assert!(spread(other / other.norm()) <= most * (1.0 + 1e-12));
            }
            let image = points.iter().fold(Point::ORIGIN, |sum, &p| sum + (p - axis.center) * axis.project(p));
            prop_assert!(image.distance(axis.direction * most) <= 1e-12 * most);
        }
    }
}
