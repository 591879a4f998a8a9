//! Interpolates values on a rectilinear grid trilinearly.
//!
//! Inside a cell with the eight nodes (i, j, k), where t, u, v are the fractions of the cell's sides at a point,
//!
//! f = sum over the corners of f_ijk w_i(t) w_j(u) w_k(v),   w_0(t) = 1 - t,   w_1(t) = t.
//!
//! The interpolation is exact at the nodes and for functions that are linear along each axis. Elsewhere the error is at
//! most the sum over the axes of h^2/8 max|d2f/dx2|, where h is the cell's side: second order as the grid is refined.
//! The nodes may be spaced unevenly. A point outside the grid has no value, because nothing is extrapolated.

use std::ops::Range;

pub use super::axis::{GridAxis, GridProblem, cell_midpoints, check_increasing, covering_nodes};
use super::axis::{LANES, LaneArray, first_node, last_node};
use crate::geometry::{Aabb, Point};

/// A scalar at the nodes of a grid with three axes.
#[derive(Debug, Clone, PartialEq)]
pub struct ScalarGrid {
    axes: [GridAxis; 3],
    /// Row-major: z varies fastest.
    values: Vec<f64>,
}

impl ScalarGrid {
    /// Creates a grid from `nx * ny * nz` values in row-major order (z varies fastest).
    ///
    /// # Errors
    /// Returns an error if the number of values is wrong.
    pub fn new(axes: [GridAxis; 3], values: Vec<f64>) -> Result<Self, GridProblem> {
        let expected = axes.each_ref().map(|a| a.nodes().len());
        let nodes = expected.iter().try_fold(1_usize, |n, &m| n.checked_mul(m));
        if nodes != Some(values.len()) {
            return Err(GridProblem::Shape { expected: expected.to_vec(), found: vec![values.len()] });
        }
        Ok(Self { axes, values })
    }

    /// Returns the box that the grid covers, µm.
    pub fn bounds(&self) -> Aabb {
        let ends = self.axes.each_ref().map(GridAxis::end_nodes);
        Aabb { min: ends.map(|(low, _)| low).into(), max: ends.map(|(_, high)| high).into() }
    }

    /// Returns the interpolated value at a point (µm); `None` outside the grid, or if a node of the cell is NaN.
    ///
    /// ```
    /// use leadfield::geometry::Point;
    /// use leadfield::lead_field::grid::{GridAxis, ScalarGrid};
    ///
    /// let axis = || GridAxis::new(vec![0.0, 10.0]).unwrap();
    /// let corners = vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0];
    /// let grid = ScalarGrid::new([axis(), axis(), axis()], corners).unwrap();
    /// assert_eq!(grid.interpolate(Point::new(5.0, 5.0, 5.0)), Some(3.5));
    /// assert_eq!(grid.interpolate(Point::new(5.0, 5.0, 10.1)), None);
    /// ```
    #[inline]
    pub fn interpolate(&self, p: Point) -> Option<f64> {
        self.find_cell(p).and_then(|found| self.interpolate_cell(&found)).filter(|value| !value.is_nan())
    }

    /// Writes [`ScalarGrid::interpolate`] of many points, NaN without a value. This is faster: cells of several points
    /// are found, axis by axis, and their corners prefetched, before the first value is needed.
    pub fn interpolate_all(&self, points: &[Point], out: &mut [f64]) {
        for (points, out) in points.chunks(LANES).zip(out.chunks_mut(LANES)) {
            let mut xyz = [[f64::NAN; LANES]; 3];
            for (i, p) in points.iter().enumerate() {
                [xyz[0][i], xyz[1][i], xyz[2][i]] = p.to_array();
            }
            let mut corner: LaneArray<usize> = [0; LANES];
            let mut fractions = [[0.0; LANES]; 3];
            for ((axis, x), fractions) in self.axes.iter().zip(&xyz).zip(&mut fractions) {
                axis.locate_lanes(x, &mut corner, fractions);
            }
            corner.iter().for_each(|&corner| self.prefetch_cell(corner));
            let [t, u, v] = &fractions;
            let found = (0..LANES).map(|i| CellPosition { corner: corner[i], fractions: [t[i], u[i], v[i]] });
            out.iter_mut().zip(found).for_each(|(out, found)| *out = self.interpolate_cell(&found).unwrap_or(f64::NAN));
        }
    }

    /// Returns the index offsets of the next node along y and of the next node along x.
    #[inline]
    fn strides(&self) -> (usize, usize) {
        let [_, y, z] = &self.axes;
        (z.nodes().len(), y.nodes().len() * z.nodes().len())
    }

    /// Prefetches the cache lines with a cell's corners.
    #[inline]
    fn prefetch_cell(&self, corner: usize) {
        let (row, plane) = self.strides();
        [0, row, plane, plane + row].iter().filter_map(|step| self.values.get(corner + step)).for_each(prefetch);
    }

    #[inline]
    fn find_cell(&self, p: Point) -> Option<CellPosition> {
        let [x, y, z] = &self.axes;
        let ((i, t), (j, u), (k, v)) = (x.locate(p.x)?, y.locate(p.y)?, z.locate(p.z)?);
        Some(CellPosition { corner: (i * y.nodes().len() + j) * z.nodes().len() + k, fractions: [t, u, v] })
    }

    /// Interpolates along y and x for both ends of the edge along z, then along z.
    #[inline]
    fn interpolate_cell(&self, found: &CellPosition) -> Option<f64> {
        let (corner, [t, u, v]) = (found.corner, found.fractions);
        let (row, plane) = self.strides();
        let low = lerp_pairs(self.edge_values(corner)?, self.edge_values(corner + row)?, u);
        let high = lerp_pairs(self.edge_values(corner + plane)?, self.edge_values(corner + plane + row)?, u);
        let [low, high] = lerp_pairs(low, high, t);
        Some(low * (1.0 - v) + high * v)
    }

    /// Returns the values at the two ends of a cell edge that begins at a node and is parallel to z.
    #[inline]
    fn edge_values(&self, corner: usize) -> Option<[f64; 2]> {
        self.values.get(corner..)?.first_chunk().copied()
    }
}

/// The first corner of a cell, and the fractions of its sides.
#[derive(Debug, Clone, Copy)]
struct CellPosition {
    corner: usize,
    fractions: [f64; 3],
}

/// Prefetches a value into the cache, on processors that support it.
#[inline]
fn prefetch(value: &f64) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch has no visible effect and cannot fault; SSE is part of x86-64
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(value).cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = value;
}

/// Linear interpolation of two pairs, exact at both ends.
#[inline]
fn lerp_pairs(low: [f64; 2], high: [f64; 2], t: f64) -> [f64; 2] {
    let s = 1.0 - t;
    [low[0] * s + high[0] * t, low[1] * s + high[1] * t]
}

/// The part of a grid that a box touches.
#[derive(Debug, Clone, PartialEq)]
pub struct GridWindow {
    /// Ranges of nodes along the axes.
    pub ranges: [Range<usize>; 3],
}

impl GridWindow {
    /// Finds the nodes (µm) of the cells that a box touches; each axis must be increasing with at least two nodes.
    pub fn new(axes: &[Vec<f64>; 3], within: &Aabb) -> Self {
        let (low, high) = (within.min.to_array(), within.max.to_array());
        let [x, y, z] = axes;
        Self {
            ranges: [
                covering_nodes(x, low[0], high[0]),
                covering_nodes(y, low[1], high[1]),
                covering_nodes(z, low[2], high[2]),
            ],
        }
    }

    /// Creates the grid of this part from its values.
    ///
    /// # Errors
    /// Returns an error if the values or the axes do not match the window.
    pub fn to_grid(&self, axes: &[Vec<f64>; 3], values: Vec<f64>) -> Result<ScalarGrid, GridProblem> {
        let axis = |k: usize| GridAxis::new(axes[k].get(self.ranges[k].clone()).unwrap_or_default().to_vec());
        ScalarGrid::new([axis(0)?, axis(1)?, axis(2)?], values)
    }
}

/// Returns the box of a grid's axes; each must have at least two nodes.
pub fn axes_bounds(axes: &[Vec<f64>; 3]) -> Aabb {
    let ends = |end: fn(&[f64]) -> f64| Point::from(axes.each_ref().map(|a| end(a)));
    Aabb { min: ends(first_node), max: ends(last_node) }
}

#[cfg(test)]
mod tests {
    use super::super::vector_grid::VectorGrid;
    use super::*;
    use proptest::prelude::*;

    fn uneven() -> Vec<f64> {
        vec![-3.0, -2.9, -1.0, 0.0, 0.5, 4.0, 4.000_001, 90.0]
    }

    fn sampled(axes: [Vec<f64>; 3], f: impl Fn(Point) -> f64) -> ScalarGrid {
        let mut values = Vec::new();
        for &x in &axes[0] {
            for &y in &axes[1] {
                for &z in &axes[2] {
                    values.push(f(Point::new(x, y, z)));
                }
            }
        }
        ScalarGrid::new(axes.map(|a| GridAxis::new(a).unwrap()), values).unwrap()
    }

    proptest! {
        #[test]
        fn a_multilinear_function_is_reproduced(
            (a, b, c, d) in (-2.0_f64..2.0, -2.0_f64..2.0, -2.0_f64..2.0, -2.0_f64..2.0),
            (x, y, z) in (-3.0_f64..=90.0, -3.0_f64..=90.0, -3.0_f64..=90.0),
        ) {
            let f = |p: Point| a + b * p.x + c * p.y * p.z + d * p.x * p.y * p.z;
            let grid = sampled([uneven(), uneven(), uneven()], f);
            let p = Point::new(x, y, z);
            let size = 2.0 + 2.0 * x.abs() + 2.0 * 90_f64.powi(2) + 2.0 * 90_f64.powi(3);
            prop_assert!((grid.interpolate(p).unwrap() - f(p)).abs() <= 1e-14 * size);
            let points = [p, Point::new(91.0, y, z), p * 0.5];
            let mut many = [0.0; 3];
            grid.interpolate_all(&points, &mut many);
            prop_assert_eq!(many.map(|v| Some(v).filter(|v| !v.is_nan())), points.map(|p| grid.interpolate(p)));
        }
    }

    #[test]
    fn nodes_have_their_own_values_exactly() {
        let f = |p: Point| (p.x * 1.1).sin() + p.y / 3.0 - (p.z + 4.0).sqrt();
        let grid = sampled([uneven(), uneven(), uneven()], f);
        for &x in &uneven() {
            for &y in &uneven() {
                for &z in &uneven() {
                    let p = Point::new(x, y, z);
                    assert_eq!(grid.interpolate(p), Some(f(p)), "{p}");
                }
            }
        }
    }

    #[test]
    fn outside_and_nan_have_no_value() {
        let grid = sampled([uneven(), uneven(), uneven()], |p| p.x);
        for p in [[-3.001, 0.0, 0.0], [0.0, 90.001, 0.0], [0.0, 0.0, f64::NAN], [f64::INFINITY, 0.0, 0.0]] {
            assert_eq!(grid.interpolate(Point::from(p)), None);
        }
        let holed = sampled([uneven(), uneven(), uneven()], |p| if p == Point::ORIGIN { f64::NAN } else { 1.0 });
        assert_eq!(holed.interpolate(Point::new(0.1, 0.1, 0.1)), None);
        assert_eq!(holed.interpolate(Point::new(5.0, 5.0, 5.0)), Some(1.0));
    }

    #[test]
    fn a_staggered_field_ends_half_a_cell_early_along_each_component() {
        let nodes = vec![0.0, 10.0, 20.0];
        let component = |k: usize| {
            let mut axes = [nodes.clone(), nodes.clone(), nodes.clone()];
            axes[k] = cell_midpoints(&nodes);
            sampled(axes, |p| p.to_array()[k])
        };
        let field = VectorGrid { components: [component(0), component(1), component(2)] };
        let corner = |v| Point::new(v, v, v);
        assert_eq!(field.bounds(), Aabb { min: corner(5.0), max: corner(15.0) });
        assert_eq!(field.interpolate(Point::new(6.0, 7.0, 8.0)), Some(Point::new(6.0, 7.0, 8.0)));
        assert_eq!(field.interpolate(Point::new(4.0, 7.0, 8.0)), None);
    }

    #[test]
    fn values_that_do_not_fit_are_named() {
        let axis = || GridAxis::new(vec![0.0, 1.0]).unwrap();
        assert_eq!(
            ScalarGrid::new([axis(), axis(), axis()], vec![0.0; 7]).unwrap_err().to_string(),
            "values do not fit the axes, expected [2, 2, 2], found [7]"
        );
    }
}
