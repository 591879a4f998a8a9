//! Values on a rectilinear grid, interpolated trilinearly.
//!
//! Between the eight nodes (i, j, k) of a cell, with t, u, v the fractions of the cell's sides at a point,
//!
//! f = sum over the corners of f_ijk w_i(t) w_j(u) w_k(v),   w_0(t) = 1 - t,   w_1(t) = t.
//!
//! Exact at the nodes and for functions that are linear along each axis; elsewhere the error is at most
//! sum over the axes of h^2/8 max|d2f/dx2|, h the cell's side: second order as the grid refines. The axes may be
//! spaced unevenly. A point outside the grid has no value: nothing is extrapolated.

use std::ops::Range;

use crate::error::Problem;
use crate::geometry::{Aabb, Point};

/// What is wrong with an axis or with values on a grid.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum GridProblem {
    /// Nothing can be interpolated along fewer than two nodes.
    #[error("axis too short, expected at least 2 nodes, found {0}")]
    Short(usize),
    /// A node is not beyond the one before it, or is no number.
    #[error("axis not increasing, expected a finite number above `{before}`, found `{found}`")]
    Order {
        /// Place in the axis.
        row: usize,
        /// The node before.
        before: f64,
        /// The node.
        found: f64,
    },
    /// There are more or fewer values than nodes.
    #[error("values do not fit the axes, expected {expected:?}, found {found:?}")]
    Shape {
        /// Nodes along the axes.
        expected: Vec<usize>,
        /// What there is.
        found: Vec<usize>,
    },
}

impl Problem for GridProblem {}

impl GridProblem {
    /// The row of the axis at fault, where one node is.
    pub const fn row(&self) -> Option<usize> {
        match self {
            Self::Order { row, .. } => Some(*row),
            Self::Short(_) | Self::Shape { .. } => None,
        }
    }
}

/// The nodes along one axis, um: at least two, finite, strictly increasing.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    nodes: Vec<f64>,
    /// Buckets of equal width over the axis: the cell where the search in bucket `b` begins.
    first: Vec<u32>,
    /// Buckets per micrometre.
    scale: f64,
    /// The first node and the last.
    low: f64,
    high: f64,
}

/// Buckets a cell on the average: as many as make the smallest cell as wide as a bucket, between these two, so that most
/// searches end without a guess of the processor gone wrong.
const BUCKETS_PER_CELL: (f64, f64) = (2.0, 16.0);

impl Axis {
    /// An axis through these nodes, um.
    ///
    /// # Errors
    /// Fewer than two nodes, a node that is not above the one before it, a node that is not finite.
    pub fn new(nodes: Vec<f64>) -> Result<Self, GridProblem> {
        check_increasing(&nodes)?;
        let cells = (nodes.len() - 1) as f64;
        let smallest = nodes.windows(2).map(|w| w[1] - w[0]).fold(f64::INFINITY, f64::min);
        let (low, high) = (first_of(&nodes), last_of(&nodes));
        let length = high - low;
        let buckets = (length / smallest).clamp(BUCKETS_PER_CELL.0 * cells, BUCKETS_PER_CELL.1 * cells).ceil();
        let scale = Some(buckets / length).filter(|s| s.is_finite()).unwrap_or(0.0);
        // one more, for the last node itself
        let mut axis = Self { first: vec![0; buckets as usize + 1], scale, low, high, nodes };
        axis.fill_buckets();
        Ok(axis)
    }

    /// A point of bucket `b` lies beyond every node of a lower bucket, because [`Axis::bucket`] does not decrease;
    /// so the last such node begins a cell from which the search need only go up.
    fn fill_buckets(&mut self) {
        let last_cell = self.nodes.len() - 2;
        let mut cell = 0;
        for b in 0..self.first.len() {
            while cell < last_cell && self.nodes.get(cell + 1).is_some_and(|&n| self.bucket(n) < b) {
                cell += 1;
            }
            if let Some(first) = self.first.get_mut(b) {
                *first = u32::try_from(cell).unwrap_or(0);
            }
        }
    }

    fn bucket(&self, x: f64) -> usize {
        // `as` saturates: below zero gives 0
        ((x - self.low) * self.scale) as u32 as usize
    }

    /// The nodes, um.
    pub fn nodes(&self) -> &[f64] {
        &self.nodes
    }

    /// The cell that holds a coordinate and the fraction of its side there, 0 to 1; none outside the axis.
    #[inline]
    pub fn locate(&self, x: f64) -> Option<(usize, f64)> {
        if !(x >= self.low && x <= self.high) {
            return None;
        }
        let mut cell = *self.first.get(self.bucket(x))? as usize;
        // one step without a branch
        cell += usize::from(x > *self.nodes.get(cell + 1)?);
        while x > *self.nodes.get(cell + 1)? {
            cell += self.nodes.get(cell + 1..)?.partition_point(|&n| n < x);
        }
        let &[low, high] = self.nodes.get(cell..)?.first_chunk()?;
        Some((cell, (x - low) / (high - low)))
    }
}

fn first_of(nodes: &[f64]) -> f64 {
    nodes.first().copied().unwrap_or(f64::NAN)
}

fn last_of(nodes: &[f64]) -> f64 {
    nodes.last().copied().unwrap_or(f64::NAN)
}

/// Checks that nodes make an axis.
///
/// # Errors
/// Fewer than two nodes, a node that is not above the one before it, a node that is not finite.
pub fn check_increasing(nodes: &[f64]) -> Result<(), GridProblem> {
    if nodes.len() < 2 {
        return Err(GridProblem::Short(nodes.len()));
    }
    let before = std::iter::once(f64::NEG_INFINITY).chain(nodes.iter().copied());
    let wrong = before.zip(nodes).enumerate().find(|(_, (before, found))| !(*found > before && found.is_finite()));
    wrong.map_or(Ok(()), |(row, (before, &found))| Err(GridProblem::Order { row, before, found }))
}

/// The middles of an axis' cells: where a component of a Yee-staggered field lies along its own axis.
pub fn middles(nodes: &[f64]) -> Vec<f64> {
    nodes.windows(2).map(|w| (w[0] + w[1]) / 2.0).collect()
}

/// The fewest nodes whose cells hold every part of `low..=high` that lies on the axis; at least one cell.
///
/// `nodes` are increasing and at least two.
pub fn window(nodes: &[f64], low: f64, high: f64) -> Range<usize> {
    let cells = nodes.len().saturating_sub(1);
    let from = nodes.partition_point(|&n| n <= low).saturating_sub(1).min(cells.saturating_sub(1));
    let to = nodes.partition_point(|&n| n < high).clamp(from + 1, cells.max(from + 1));
    from..to + 1
}

/// Values at the nodes of three axes.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    axes: [Axis; 3],
    /// Row-major: z runs fastest.
    values: Vec<f64>,
}

impl Grid {
    /// A grid of values in row-major order (z runs fastest), `nx * ny * nz` of them.
    ///
    /// # Errors
    /// The number of values is another one.
    pub fn new(axes: [Axis; 3], values: Vec<f64>) -> Result<Self, GridProblem> {
        let expected = axes.each_ref().map(|a| a.nodes.len());
        let nodes = expected.iter().try_fold(1_usize, |n, &m| n.checked_mul(m));
        if nodes != Some(values.len()) {
            return Err(GridProblem::Shape { expected: expected.to_vec(), found: vec![values.len()] });
        }
        Ok(Self { axes, values })
    }

    /// The box that the grid covers, um.
    pub fn bounds(&self) -> Aabb {
        let [x, y, z] = &self.axes;
        Aabb { min: Point::new(x.low, y.low, z.low), max: Point::new(x.high, y.high, z.high) }
    }

    /// The interpolated value at a point (um); none outside the grid's box, or where a node round the point is NaN.
    ///
    /// ```
    /// use leadfield::geometry::Point;
    /// use leadfield::lead_field::grid::{Axis, Grid};
    ///
    /// let axis = || Axis::new(vec![0.0, 10.0]).unwrap();
    /// let corners = vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0];
    /// let grid = Grid::new([axis(), axis(), axis()], corners).unwrap();
    /// assert_eq!(grid.value(Point::new(5.0, 5.0, 5.0)), Some(3.5));
    /// assert_eq!(grid.value(Point::new(5.0, 5.0, 10.1)), None);
    /// ```
    #[inline]
    pub fn value(&self, p: Point) -> Option<f64> {
        self.find(p).and_then(|found| self.blended(&found)).filter(|value| !value.is_nan())
    }

    /// Writes [`Grid::value`] of many points, NaN where there is none: faster, because the cells of some points are
    /// found, axis by axis, and their corners asked for, before the first of their values is needed.
    pub fn values(&self, points: &[Point], out: &mut [f64]) {
        let mut found = [Found { corner: 0, fractions: [0.0; 3] }; AT_A_TIME];
        let row = self.axes.each_ref().map(|a| a.nodes.len());
        for (points, out) in points.chunks(AT_A_TIME).zip(out.chunks_mut(AT_A_TIME)) {
            found.iter_mut().for_each(|found| found.corner = 0);
            for (k, (axis, nodes)) in self.axes.iter().zip(row).enumerate() {
                for (found, p) in found.iter_mut().zip(points) {
                    // a fraction that is NaN makes the value NaN; cell 0 is as good as any
                    let (cell, t) = axis.locate(p.to_array()[k]).unwrap_or((0, f64::NAN));
                    found.corner = found.corner * nodes + cell;
                    found.fractions[k] = t;
                }
            }
            found.iter().zip(points).for_each(|(found, _)| self.fetch(found.corner));
            out.iter_mut().zip(&found).for_each(|(out, found)| *out = self.blended(found).unwrap_or(f64::NAN));
        }
    }

    /// Asks for the lines of memory that hold a cell's corners.
    #[inline]
    fn fetch(&self, corner: usize) {
        let [_, y, z] = &self.axes;
        let (row, plane) = (z.nodes.len(), y.nodes.len() * z.nodes.len());
        [0, row, plane, plane + row].iter().filter_map(|step| self.values.get(corner + step)).for_each(prefetch);
    }

    #[inline]
    fn find(&self, p: Point) -> Option<Found> {
        let [x, y, z] = &self.axes;
        let ((i, t), (j, u), (k, v)) = (x.locate(p.x)?, y.locate(p.y)?, z.locate(p.z)?);
        Some(Found { corner: (i * y.nodes.len() + j) * z.nodes.len() + k, fractions: [t, u, v] })
    }

    #[inline]
    fn blended(&self, found: &Found) -> Option<f64> {
        let (corner, [t, u, v]) = (found.corner, found.fractions);
        let [_, y, z] = &self.axes;
        let (row, plane) = (z.nodes.len(), y.nodes.len() * z.nodes.len());
        let low = blend(self.edge(corner, v)?, self.edge(corner + row, v)?, u);
        let high = blend(self.edge(corner + plane, v)?, self.edge(corner + plane + row, v)?, u);
        Some(blend(low, high, t))
    }

    /// The value along the edge of a cell that begins at a node and runs along z.
    #[inline]
    fn edge(&self, corner: usize, v: f64) -> Option<f64> {
        let &[low, high] = self.values.get(corner..)?.first_chunk()?;
        Some(blend(low, high, v))
    }
}

/// The first corner of a cell and the fractions of its sides.
#[derive(Debug, Clone, Copy)]
struct Found {
    corner: usize,
    fractions: [f64; 3],
}

/// Points whose cells are found before their values are fetched.
const AT_A_TIME: usize = 64;

/// Brings a value towards the processor, where the machine can be asked to.
#[inline]
fn prefetch(value: &f64) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: prefetching reads nothing that the program sees and cannot fault; SSE is part of x86-64.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(value).cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = value;
}

/// Linear interpolation that is exact at both ends.
#[inline]
fn blend(low: f64, high: f64, t: f64) -> f64 {
    low * (1.0 - t) + high * t
}

/// The part of a grid that a box touches.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// Ranges of nodes along the axes.
    pub ranges: [Range<usize>; 3],
}

impl Window {
    /// The nodes (um) of the cells that a box touches; each axis is increasing and has at least two.
    pub fn new(axes: &[Vec<f64>; 3], within: &Aabb) -> Self {
        let (low, high) = (within.min.to_array(), within.max.to_array());
        let [x, y, z] = axes;
        Self { ranges: [window(x, low[0], high[0]), window(y, low[1], high[1]), window(z, low[2], high[2])] }
    }

    /// The grid of this part, from its values.
    ///
    /// # Errors
    /// The values, or the axes, are others than those of the window.
    pub fn grid(&self, axes: &[Vec<f64>; 3], values: Vec<f64>) -> Result<Grid, GridProblem> {
        let axis = |k: usize| Axis::new(axes[k].get(self.ranges[k].clone()).unwrap_or_default().to_vec());
        Grid::new([axis(0)?, axis(1)?, axis(2)?], values)
    }
}

/// The box of a grid's axes, each at least two nodes.
pub fn bounds(axes: &[Vec<f64>; 3]) -> Aabb {
    let ends = |end: fn(&[f64]) -> f64| Point::from(axes.each_ref().map(|a| end(a)));
    Aabb { min: ends(first_of), max: ends(last_of) }
}

#[cfg(test)]
mod tests {
    use super::super::vector_grid::VectorGrid;
    use super::*;
    use proptest::prelude::*;

    fn uneven() -> Vec<f64> {
        vec![-3.0, -2.9, -1.0, 0.0, 0.5, 4.0, 4.000_001, 90.0]
    }

    fn sampled(axes: [Vec<f64>; 3], f: impl Fn(Point) -> f64) -> Grid {
        let mut values = Vec::new();
        for &x in &axes[0] {
            for &y in &axes[1] {
                for &z in &axes[2] {
                    values.push(f(Point::new(x, y, z)));
                }
            }
        }
        Grid::new(axes.map(|a| Axis::new(a).unwrap()), values).unwrap()
    }

    /// An axis of up to 60 nodes whose steps span nine orders of magnitude.
    fn any_axis() -> impl Strategy<Value = Vec<f64>> {
        let steps = prop::collection::vec((-5.0_f64..4.0).prop_map(|e| 10_f64.powf(e)), 1..60);
        (-1e3_f64..1e3, steps).prop_map(|(start, steps)| {
            let mut nodes = vec![start];
            steps.iter().for_each(|s| nodes.push(nodes[nodes.len() - 1] + s));
            nodes
        })
    }

    proptest! {
        #[test]
        fn the_cell_found_is_the_one_that_a_scan_over_all_cells_finds(nodes in any_axis(), at in 0.0_f64..1.0) {
            let axis = Axis::new(nodes.clone()).unwrap();
            let x = nodes[0] + at * (nodes[nodes.len() - 1] - nodes[0]);
            let (cell, t) = axis.locate(x).unwrap();
            prop_assert!(nodes[cell] <= x && x <= nodes[cell + 1]);
            prop_assert!((0.0..=1.0).contains(&t));
            for &node in &nodes {
                let (cell, t) = axis.locate(node).unwrap();
                prop_assert_eq!(if t == 1.0 { nodes[cell + 1] } else { nodes[cell] }, node);
                prop_assert!(t == 0.0 || t == 1.0);
            }
        }

        #[test]
        fn a_multilinear_function_is_reproduced(
            (a, b, c, d) in (-2.0_f64..2.0, -2.0_f64..2.0, -2.0_f64..2.0, -2.0_f64..2.0),
            (x, y, z) in (-3.0_f64..=90.0, -3.0_f64..=90.0, -3.0_f64..=90.0),
        ) {
            let f = |p: Point| a + b * p.x + c * p.y * p.z + d * p.x * p.y * p.z;
            let grid = sampled([uneven(), uneven(), uneven()], f);
            let p = Point::new(x, y, z);
            let size = 2.0 + 2.0 * x.abs() + 2.0 * 90_f64.powi(2) + 2.0 * 90_f64.powi(3);
            prop_assert!((grid.value(p).unwrap() - f(p)).abs() <= 1e-14 * size);
            let points = [p, Point::new(91.0, y, z), p * 0.5];
            let mut many = [0.0; 3];
            grid.values(&points, &mut many);
            prop_assert_eq!(many.map(|v| Some(v).filter(|v| !v.is_nan())), points.map(|p| grid.value(p)));
        }

        #[test]
        fn a_window_holds_the_range_and_no_cell_more(nodes in any_axis(), a in -0.2_f64..1.2, b in -0.2_f64..1.2) {
            let (first, last) = (nodes[0], nodes[nodes.len() - 1]);
            let at = |t: f64| first + t * (last - first);
            let (low, high) = (at(a.min(b)), at(a.max(b)));
            let w = window(&nodes, low, high);
            let part = &nodes[w.clone()];
            prop_assert!(part.len() >= 2);
            if low <= last && high >= first {
                prop_assert!(part[0] <= low.max(first) && part[part.len() - 1] >= high.min(last));
            }
            if part.len() > 2 {
                prop_assert!(part[1] > low && part[part.len() - 2] < high);
            }
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
                    assert_eq!(grid.value(p), Some(f(p)), "{p}");
                }
            }
        }
    }

    #[test]
    fn outside_and_nan_have_no_value() {
        let grid = sampled([uneven(), uneven(), uneven()], |p| p.x);
        for p in [[-3.001, 0.0, 0.0], [0.0, 90.001, 0.0], [0.0, 0.0, f64::NAN], [f64::INFINITY, 0.0, 0.0]] {
            assert_eq!(grid.value(Point::from(p)), None);
        }
        let holed = sampled([uneven(), uneven(), uneven()], |p| if p == Point::ORIGIN { f64::NAN } else { 1.0 });
        assert_eq!(holed.value(Point::new(0.1, 0.1, 0.1)), None);
        assert_eq!(holed.value(Point::new(5.0, 5.0, 5.0)), Some(1.0));
    }

    #[test]
    fn a_staggered_field_ends_half_a_cell_early_along_each_component() {
        let nodes = vec![0.0, 10.0, 20.0];
        let component = |k: usize| {
            let mut axes = [nodes.clone(), nodes.clone(), nodes.clone()];
            axes[k] = middles(&nodes);
            sampled(axes, |p| p.to_array()[k])
        };
        let field = VectorGrid { components: [component(0), component(1), component(2)] };
        let corner = |v| Point::new(v, v, v);
        assert_eq!(field.bounds(), Aabb { min: corner(5.0), max: corner(15.0) });
        assert_eq!(field.value(Point::new(6.0, 7.0, 8.0)), Some(Point::new(6.0, 7.0, 8.0)));
        assert_eq!(field.value(Point::new(4.0, 7.0, 8.0)), None);
    }

    #[test]
    fn bad_axes_and_values_are_named() {
        let message = |nodes: Vec<f64>| Axis::new(nodes).unwrap_err().to_string();
        assert_eq!(message(vec![1.0]), "axis too short, expected at least 2 nodes, found 1");
        assert_eq!(message(vec![1.0, 2.0, 2.0]), "axis not increasing, expected a finite number above `2`, found `2`");
        assert_eq!(
            message(vec![1.0, f64::NAN]),
            "axis not increasing, expected a finite number above `1`, found `NaN`"
        );
        let axis = || Axis::new(vec![0.0, 1.0]).unwrap();
        assert_eq!(
            Grid::new([axis(), axis(), axis()], vec![0.0; 7]).unwrap_err().to_string(),
            "values do not fit the axes, expected [2, 2, 2], found [7]"
        );
    }
}
