//! The nodes along one axis of a grid, and the search for the cell that contains a coordinate.
//!
//! Buckets of equal width cover the axis, as narrow as its smallest cell unless that needs too many. A bucket then
//! contains at most one node, and the cell of a coordinate is the bucket's first cell or the next one, without a search
//! and without a branch.

use std::ops::Range;

use crate::error::Problem;

/// Problems of an axis, or of values on a grid.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum GridProblem {
    /// An axis needs two nodes for interpolation.
    #[error("axis too short, expected at least 2 nodes, found {0}")]
    TooFewNodes(usize),
    /// A node is not above the previous one, or is not finite.
    #[error("axis not increasing, expected a finite number above `{before}`, found `{found}`")]
    NotIncreasing {
        /// Index of the node in the axis.
        row: usize,
        /// The previous node.
        before: f64,
        /// The node.
        found: f64,
    },
    /// The number of values differs from the number of nodes.
    #[error("values do not fit the axes, expected {expected:?}, found {found:?}")]
    Shape {
        /// Nodes along the axes.
        expected: Vec<usize>,
        /// Shape of the values.
        found: Vec<usize>,
    },
}

impl Problem for GridProblem {}

impl GridProblem {
    /// Returns the index of the invalid node, if there is one.
    pub const fn row(&self) -> Option<usize> {
        match self {
            Self::NotIncreasing { row, .. } => Some(*row),
            Self::TooFewNodes(_) | Self::Shape { .. } => None,
        }
    }
}

/// The nodes along one axis, µm: at least two, finite, strictly increasing.
#[derive(Debug, Clone)]
pub struct GridAxis {
    nodes: Vec<f64>,
    cells: Vec<AxisCell>,
    /// Buckets of equal width over the axis, in which the search begins.
    buckets: Vec<Bucket>,
    /// Whether no bucket contains two nodes.
    has_one_node_per_bucket: bool,
    /// Buckets per micrometre.
    buckets_per_um: f64,
    /// The first and last node.
    low: f64,
    high: f64,
}

/// The cell between two nodes.
#[derive(Debug, Clone, Copy)]
struct AxisCell {
    low: f64,
    /// Inverse of the width, rounded so that the product with the width is at least 1.
    inverse_width: f64,
    /// Start of the next cell; NaN for the last cell, so that comparisons are false.
    end: f64,
}

/// The first cell that overlaps a bucket, and its end.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    end: f64,
    cell: u32,
}

/// Number of coordinates that are located together.
pub(super) const LANES: usize = 64;

/// One number for each of the points that are located together.
pub(super) type LaneArray<T> = [T; LANES];

/// Limits of the mean number of buckets per cell: the smallest cell is as wide as a bucket between these limits.
const BUCKETS_PER_CELL: (f64, f64) = (2.0, 16.0);

/// Largest number of buckets; their indices have 32 bits.
const MAX_BUCKETS: f64 = 2_147_483_648.0;

/// 2^52: adding it to a number puts the nearest integer into the low bits.
const TWO_52: f64 = 4_503_599_627_370_496.0;

impl PartialEq for GridAxis {
    fn eq(&self, other: &Self) -> bool {
        self.nodes == other.nodes
    }
}

impl GridAxis {
    /// Creates an axis from its nodes, µm.
    ///
    /// # Errors
    /// Returns an error for fewer than two nodes, a node that is not above the previous one, or a node that is not
    /// finite.
    pub fn new(nodes: Vec<f64>) -> Result<Self, GridProblem> {
        check_increasing(&nodes)?;
        let count = (nodes.len() - 1) as f64;
        let smallest = nodes.windows(2).map(|w| w[1] - w[0]).fold(f64::INFINITY, f64::min);
        let (low, high) = (first_node(&nodes), last_node(&nodes));
        let length = high - low;
        let (least, most) = (BUCKETS_PER_CELL.0 * count, BUCKETS_PER_CELL.1 * count);
        let buckets = (length / smallest).clamp(least, most).ceil().min(MAX_BUCKETS);
        let scale = Some(buckets / length).filter(|s| s.is_finite()).unwrap_or(0.0);
        let mut axis = Self {
            cells: build_cells(&nodes),
            buckets: Vec::new(),
            has_one_node_per_bucket: true,
            buckets_per_um: scale,
            low,
            high,
            nodes,
        };
        // one more bucket, for the last node itself
        axis.fill_buckets(buckets as usize + 1);
        Ok(axis)
    }

    /// A coordinate in bucket `b` is above every node in a lower bucket, because [`GridAxis::bucket_index`] is
    /// monotonic; the last such node begins a cell from which the search only needs to go up.
    fn fill_buckets(&mut self, count: usize) {
        let mut cell = 0;
        for b in 0..count {
            let first = cell;
            while cell + 1 < self.cells.len() && self.cells.get(cell).is_some_and(|c| self.bucket_index(c.end) < b) {
                cell += 1;
            }
            self.has_one_node_per_bucket &= cell <= first + 1;
            let end = self.cells.get(cell).map_or(f64::NAN, |c| c.end);
            self.buckets.push(Bucket { end, cell: u32::try_from(cell).unwrap_or(0) });
        }
        // the nodes of the last bucket were not counted yet
        self.has_one_node_per_bucket &= self.cells.len() <= cell + 2;
    }

    fn bucket_index(&self, x: f64) -> usize {
        ((x - self.low) * self.buckets_per_um + TWO_52).to_bits() as u32 as usize
    }

    /// Returns the nodes, µm.
    pub fn nodes(&self) -> &[f64] {
        &self.nodes
    }

    /// Returns the first and last node, µm.
    pub(super) fn end_nodes(&self) -> (f64, f64) {
        (self.low, self.high)
    }

    /// Returns the cell that contains a coordinate, and the fraction of its side there, 0 to 1; `None` outside the
    /// axis.
    #[inline]
    pub fn locate(&self, x: f64) -> Option<(usize, f64)> {
        let (cell, low, inverse) = self.find_cell(x, self.bucket_index(x));
        self.contains(x).then(|| (cell, cell_fraction(x, low, inverse)))
    }

    /// Computes [`GridAxis::locate`] for many coordinates. Cells are added to `corner`, whose indices count nodes of
    /// the previous axes; outside the axis the fraction is NaN and the cell arbitrary.
    #[inline(never)]
    pub(super) fn locate_lanes(
        &self,
        x: &LaneArray<f64>,
        corner: &mut LaneArray<usize>,
        fractions: &mut LaneArray<f64>,
    ) {
        // three loops, so that the first and the last are vectorized
        let bucket: LaneArray<usize> = std::array::from_fn(|i| self.bucket_index(x[i]));
        let (mut low, mut inverse) = ([0.0; LANES], [0.0; LANES]);
        for i in 0..LANES {
            let cell;
            (cell, low[i], inverse[i]) = self.find_cell(x[i], bucket[i]);
            corner[i] = corner[i] * self.nodes.len() + cell;
        }
        for i in 0..LANES {
            let t = cell_fraction(x[i], low[i], inverse[i]);
            fractions[i] = if self.contains(x[i]) { t } else { f64::NAN };
        }
    }

    #[inline(always)]
    fn contains(&self, x: f64) -> bool {
        (x >= self.low) & (x <= self.high)
    }

    /// Returns the cell of a coordinate in a bucket, its first node and the inverse of its width. Coordinates outside
    /// the axis have no bucket and give an arbitrary cell.
    #[inline(always)]
    fn find_cell(&self, x: f64, bucket: usize) -> (usize, f64, f64) {
        let bucket = &self.buckets[bucket.min(self.buckets.len() - 1)];
        // the end of the last cell is NaN, so the comparison stops there
        let mut cell = bucket.cell as usize + usize::from(x >= bucket.end);
        if !self.has_one_node_per_bucket {
            cell += self.cells[cell..].partition_point(|c| c.end <= x);
        }
        let AxisCell { low, inverse_width: inverse, .. } = self.cells[cell];
        (cell, low, inverse)
    }
}

/// Returns the fraction of a cell's side at a coordinate: exactly 0 at its first node and 1 at its last.
#[inline(always)]
fn cell_fraction(x: f64, low: f64, inverse: f64) -> f64 {
    let t = (x - low) * inverse;
    if t < 1.0 { t } else { 1.0 }
}

fn build_cells(nodes: &[f64]) -> Vec<AxisCell> {
    let cell = |w: &[f64]| {
        let width = w[1] - w[0];
        let inverse = 1.0 / width;
        let inverse = if inverse * width < 1.0 { inverse.next_up() } else { inverse };
        AxisCell { low: w[0], inverse_width: inverse, end: w[1] }
    };
    let mut cells: Vec<AxisCell> = nodes.windows(2).map(cell).collect();
    if let Some(last) = cells.last_mut() {
        last.end = f64::NAN;
    }
    cells
}

pub(super) fn first_node(nodes: &[f64]) -> f64 {
    nodes.first().copied().unwrap_or(f64::NAN)
}

pub(super) fn last_node(nodes: &[f64]) -> f64 {
    nodes.last().copied().unwrap_or(f64::NAN)
}

/// Checks that nodes define an axis.
///
/// # Errors
/// Returns an error for fewer than two nodes, a node that is not above the previous one, or a node that is not finite.
pub fn check_increasing(nodes: &[f64]) -> Result<(), GridProblem> {
    if nodes.len() < 2 {
        return Err(GridProblem::TooFewNodes(nodes.len()));
    }
    let before = std::iter::once(f64::NEG_INFINITY).chain(nodes.iter().copied());
    let wrong = before.zip(nodes).enumerate().find(|(_, (before, found))| !(*found > before && found.is_finite()));
    wrong.map_or(Ok(()), |(row, (before, &found))| Err(GridProblem::NotIncreasing { row, before, found }))
}

/// Returns the midpoints of an axis' cells, where a component of a Yee-staggered field is located along its own axis.
pub fn cell_midpoints(nodes: &[f64]) -> Vec<f64> {
    nodes.windows(2).map(|w| (w[0] + w[1]) / 2.0).collect()
}

/// Returns the smallest range of nodes whose cells contain the part of `low..=high` that is on the axis; at least one
/// cell.
///
/// `nodes` must be increasing and at least two.
pub fn covering_nodes(nodes: &[f64], low: f64, high: f64) -> Range<usize> {
    let cells = nodes.len().saturating_sub(1);
    let from = nodes.partition_point(|&n| n <= low).saturating_sub(1).min(cells.saturating_sub(1));
    let to = nodes.partition_point(|&n| n < high).clamp(from + 1, cells.max(from + 1));
    from..to + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Axes of up to 60 nodes with steps that span nine orders of magnitude.
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
            let axis = GridAxis::new(nodes.clone()).unwrap();
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
        fn a_window_contains_the_range_and_no_other_cell(nodes in any_axis(), a in -0.2_f64..1.2, b in -0.2_f64..1.2) {
            let (first, last) = (nodes[0], nodes[nodes.len() - 1]);
            let at = |t: f64| first + t * (last - first);
            let (low, high) = (at(a.min(b)), at(a.max(b)));
            let w = covering_nodes(&nodes, low, high);
            let part = &nodes[w.clone()];
            prop_assert!(part.len() >= 2);
            if low <= last && high >= first {
                prop_assert!(part[0] <= low.max(first) && part[part.len() - 1] >= high.min(last));
            }
            if part.len() > 2 {
                prop_assert!(part[1] > low && part[part.len() - 2] < high);
            }
        }

        #[test]
        fn many_coordinates_are_located_as_single_ones(nodes in any_axis(), at in prop::collection::vec(-0.2_f64..1.2, LANES)) {
            let axis = GridAxis::new(nodes.clone()).unwrap();
            let (first, length) = (nodes[0], nodes[nodes.len() - 1] - nodes[0]);
            let mut x: LaneArray<f64> = std::array::from_fn(|i| first + at[i] * length);
            [x[0], x[1], x[2]] = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
            let (mut corner, mut fractions) = ([3; LANES], [0.0; LANES]);
            axis.locate_lanes(&x, &mut corner, &mut fractions);
            for i in 0..LANES {
                match axis.locate(x[i]) {
                    Some((cell, t)) => prop_assert_eq!((corner[i], fractions[i]), (3 * nodes.len() + cell, t)),
                    None => prop_assert!(fractions[i].is_nan()),
                }
            }
        }
    }

    #[test]
    fn axes_with_one_node_per_bucket_are_distinguished_from_others() {
        let simple = |nodes: &[f64]| GridAxis::new(nodes.to_vec()).unwrap().has_one_node_per_bucket;
        assert!(simple(&[0.0, 1.0]) && simple(&[0.0, 1.0, 2.0, 3.0]) && simple(&[-1.0, 0.0, 4.0, 8.0]));
        // with 16 buckets per cell the first bucket, 0.3 wide, contains two nodes, and so does the last
        assert!(!simple(&[0.0, 0.001, 0.002, 10.0]) && !simple(&[-10.0, -0.002, -0.001, 0.0]));
    }

    #[test]
    fn bad_axes_are_named() {
        let message = |nodes: Vec<f64>| GridAxis::new(nodes).unwrap_err().to_string();
        assert_eq!(message(vec![1.0]), "axis too short, expected at least 2 nodes, found 1");
        assert_eq!(message(vec![1.0, 2.0, 2.0]), "axis not increasing, expected a finite number above `2`, found `2`");
        assert_eq!(
            message(vec![1.0, f64::NAN]),
            "axis not increasing, expected a finite number above `1`, found `NaN`"
        );
    }
}
