//! The largest differences of one contact.

use crate::compare::{Apart, Tolerance};
use crate::sonata::electrodes_file::Population;

/// Two coefficients that differ, and where.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Difference {
    /// How far they are apart: absolute in V/nA, or relative.
    pub value: f64,
    /// The coefficients, V/nA.
    pub values: [f64; 2],
    /// The node.
    pub node: u64,
    /// The row, from the node's first.
    pub row: u64,
}

/// What was found for one contact.
#[derive(Debug, Clone, PartialEq)]
pub struct ElectrodeComparison {
    /// Its name, `(column N)` for a column of no contact.
    pub name: String,
    /// Largest absolute difference, if there is any.
    pub largest_absolute: Option<Difference>,
    /// Largest relative difference, if there is any.
    pub largest_relative: Option<Difference>,
    /// Number of coefficients outside the tolerance.
    pub outside: u64,
    /// Number of coefficients that are NaN in both files: they count as equal.
    pub nan_in_both: u64,
}

/// The largest difference so far.
#[derive(Debug, Clone, Copy, Default)]
struct Largest {
    value: f64,
    values: [f64; 2],
    row: u64,
}

/// What is counted for one contact while rows go by.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    absolute: Largest,
    relative: Largest,
    outside: u64,
    nan_in_both: u64,
}

impl Largest {
    fn see(&mut self, value: f64, values: [f64; 2], row: u64) {
        if value > self.value {
            *self = Self { value, values, row };
        }
    }

    fn told(self, population: &Population) -> Option<Difference> {
        let (node, row) = (self.value > 0.0).then(|| population.node_of(self.row))??;
        Some(Difference { value: self.value, values: self.values, node, row })
    }
}

/// One column of row-major values.
fn column(values: &[f64], column: usize, width: usize) -> impl Iterator<Item = f64> + '_ {
    values.get(column..).unwrap_or_default().iter().copied().step_by(width.max(1))
}

impl Tally {
    /// Adds a block of rows of both files: values (row-major) and number of columns; `first` is its first row in the
    /// first file.
    pub fn add(&mut self, first: u64, blocks: [(&[f64], usize); 2], columns: [usize; 2], tolerance: Tolerance) {
        let [(a, width_a), (b, width_b)] = blocks;
        let pairs = column(a, columns[0], width_a).zip(column(b, columns[1], width_b));
        for ((a, b), row) in pairs.zip(first..) {
            if a != b {
                self.differ(a, b, row, tolerance);
            }
        }
    }

    /// Adds two coefficients that are not equal.
    fn differ(&mut self, a: f64, b: f64, row: u64, tolerance: Tolerance) {
        let apart = Apart::of(a, b);
        self.absolute.see(apart.absolute, [a, b], row);
        self.relative.see(apart.relative, [a, b], row);
        self.outside += u64::from(!tolerance.allows(a, b));
        self.nan_in_both += u64::from(a.is_nan() && b.is_nan());
    }

    /// What was found, with rows told as nodes of the first file.
    pub fn told(self, name: &str, population: &Population) -> ElectrodeComparison {
        ElectrodeComparison {
            name: name.into(),
            largest_absolute: self.absolute.told(population),
            largest_relative: self.relative.told(population),
            outside: self.outside,
            nan_in_both: self.nan_in_both,
        }
    }
}
