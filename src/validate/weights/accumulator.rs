//! Accumulates differences row by row: for each contact the largest differences, the number outside the tolerance, and
//! the distribution of relative differences; over all contacts the worst pairs.

use super::quantiles::BINS;
use super::row_kernel::{self, RowDifferences, RunningMax};
use super::worst_pairs::WorstPairs;
use crate::validate::{Difference, Tolerance};

/// The largest difference so far, and its row in the first file.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct LargestDifference {
    pub value: f64,
    pub values: [f64; 2],
    pub row: u64,
}

impl LargestDifference {
    /// Keeps the larger difference; of equal ones that of the first row, so that the result does not depend on threads.
    fn update(&mut self, value: f64, values: [f64; 2], row: u64) {
        if value > self.value || (value == self.value && value > 0.0 && row < self.row) {
            *self = Self { value, values, row };
        }
    }
}

/// The accumulated results: one entry per contact in each list.
#[derive(Debug, Clone)]
pub(super) struct Accumulator {
    tolerance: Tolerance,
    pub absolute: Vec<LargestDifference>,
    pub relative: Vec<LargestDifference>,
    pub outside: Vec<u64>,
    pub nan_in_both: Vec<u64>,
    /// Relative differences, [`BINS`] bins per contact; equal pairs are in no bin.
    pub bins: Vec<u64>,
    pub worst: WorstPairs,
    /// The values of the largest absolute and relative differences, contiguous for the vectorised kernel.
    largest_values: [Vec<f64>; 2],
    /// The row's absolute differences, and the bins of the relative ones.
    row_differences: Vec<f64>,
    row_bins: Vec<u32>,
}

impl Accumulator {
    pub fn new(columns: usize, tolerance: Tolerance) -> Self {
        Self {
            tolerance,
            absolute: vec![LargestDifference::default(); columns],
            relative: vec![LargestDifference::default(); columns],
            outside: vec![0; columns],
            nan_in_both: vec![0; columns],
            bins: vec![0; columns * BINS],
            worst: WorstPairs::default(),
            largest_values: [vec![0.0; columns], vec![0.0; columns]],
            row_differences: vec![0.0; columns],
            row_bins: vec![0; columns],
        }
    }

    /// Adds a row of both files, with the same contacts in the same order.
    pub fn add_row(&mut self, row: u64, a: &[f64], b: &[f64]) {
        if row_kernel::rows_equal(a, b) {
            return;
        }
        let (tolerance, measure, least) = (self.tolerance, self.tolerance.excess_measure(), self.worst.min_excess());
        let [absolute, relative] = &self.largest_values;
        let so_far = RunningMax { tolerance, measure, min_excess: least, absolute, relative };
        let mut found = RowDifferences {
            outside: &mut self.outside,
            absolute: &mut self.row_differences,
            bins: &mut self.row_bins,
        };
        let look = row_kernel::compare_row(a, b, &so_far, &mut found);
        if look.has_non_finite {
            self.correct_non_finite(a, b);
        }
        for (bins, &bin) in self.bins.chunks_exact_mut(BINS).zip(&self.row_bins) {
            if let Some(count) = bins.get_mut(bin as usize) {
                *count += 1;
            }
        }
        if look.has_non_finite || look.may_be_largest || look.may_be_worst {
            self.examine_row(row, a, b);
        }
    }

    /// Corrects the counts for pairs that are not finite.
    fn correct_non_finite(&mut self, a: &[f64], b: &[f64]) {
        let counts = self.outside.iter_mut().zip(&mut self.nan_in_both);
        let differences = self.row_differences.iter_mut().zip(&mut self.row_bins);
        for (((&a, &b), (outside, nan)), (difference, bin)) in a.iter().zip(b).zip(counts).zip(differences) {
            if (a - b).is_finite() {
                continue;
            }
            let Tolerance { rtol, atol } = self.tolerance;
            // an infinite difference may have been counted by the kernel; NaN was not
            let counted = (a - b).abs() > atol + rtol * if a.abs() > b.abs() { a.abs() } else { b.abs() };
            *difference = Difference::between(a, b).absolute;
            *bin = if *difference > 0.0 { BINS as u32 - 1 } else { 0 };
            *outside = *outside + u64::from(*difference > 0.0) - u64::from(counted);
            *nan += u64::from(a.is_nan() && b.is_nan());
        }
    }

    /// Checks each pair of a row that may have a new largest difference or one of the worst pairs.
    fn examine_row(&mut self, row: u64, a: &[f64], b: &[f64]) {
        let [most_absolute, most_relative] = &mut self.largest_values;
        let largest = self.absolute.iter_mut().zip(&mut self.relative).zip(most_absolute.iter_mut().zip(most_relative));
        for (column, ((&a, &b), ((absolute, relative), most))) in a.iter().zip(b).zip(largest).enumerate() {
            let apart = Difference::between(a, b);
            absolute.update(apart.absolute, [a, b], row);
            relative.update(apart.relative, [a, b], row);
            (*most.0, *most.1) = (absolute.value, relative.value);
            if apart.absolute > 0.0 {
                self.worst.insert(self.tolerance.excess(a, b, apart), row, column, [a, b]);
            }
        }
    }

    /// Adds the results of another thread.
    pub fn merge(mut self, other: &Self) -> Self {
        let largest = |own: &mut [LargestDifference], other: &[LargestDifference]| {
            own.iter_mut().zip(other).for_each(|(own, other)| own.update(other.value, other.values, other.row));
        };
        let sum = |own: &mut [u64], other: &[u64]| own.iter_mut().zip(other).for_each(|(own, other)| *own += other);
        largest(&mut self.absolute, &other.absolute);
        largest(&mut self.relative, &other.relative);
        sum(&mut self.outside, &other.outside);
        sum(&mut self.nan_in_both, &other.nan_in_both);
        sum(&mut self.bins, &other.bins);
        self.worst.merge(&other.worst);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLERANCE: Tolerance = Tolerance { rtol: 0.1, atol: 0.0 };

    #[test]
    fn what_is_not_finite_is_outside_unless_both_are_the_same() {
        let mut accumulator = Accumulator::new(5, TOLERANCE);
        let (nan, inf) = (f64::NAN, f64::INFINITY);
        accumulator.add_row(0, &[nan, nan, inf, inf, 1.0], &[nan, 1.0, inf, -inf, 1.05]);
        assert_eq!(accumulator.outside, [0, 1, 0, 1, 0]);
        assert_eq!(accumulator.nan_in_both, [1, 0, 0, 0, 0]);
        let largest: Vec<f64> = accumulator.absolute.iter().map(|l| l.value).collect();
        assert_eq!(largest[..4], [0.0, inf, 0.0, inf]);
        assert_eq!(accumulator.relative[4].value, (1.05_f64 - 1.0).abs() / 1.05);
    }

    #[test]
    fn counts_do_not_depend_on_who_counts() {
        let rows: Vec<[f64; 3]> =
            (0..50_u32).map(|i| [f64::from(i * 7 % 13), f64::from(i), 1.0 + f64::from(i % 2)]).collect();
        let other = |row: &[f64; 3]| [row[0] * 1.25, row[1], row[2] + 0.5];
        let mut whole = Accumulator::new(3, TOLERANCE);
        let (mut even, mut odd) = (Accumulator::new(3, TOLERANCE), Accumulator::new(3, TOLERANCE));
        for (i, row) in rows.iter().enumerate() {
            whole.add_row(i as u64, row, &other(row));
            if i % 2 == 0 { &mut even } else { &mut odd }.add_row(i as u64, row, &other(row));
        }
        let joined = odd.merge(&even);
        assert_eq!((&joined.absolute, &joined.relative), (&whole.absolute, &whole.relative));
        assert_eq!((&joined.outside, &joined.bins), (&whole.outside, &whole.bins));
        assert_eq!(joined.worst.pairs(), whole.worst.pairs());
        assert_eq!(whole.outside, [46, 0, 50], "four rows of the first column are 0");
    }
}
