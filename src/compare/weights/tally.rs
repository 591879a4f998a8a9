//! What is counted while rows go by: for each contact the largest differences, those outside the tolerance, and how the
//! relative differences are spread; over all contacts the worst pairs.

use super::quantiles::{BINS, bin};
use super::worst::Worst;
use crate::compare::{Apart, Tolerance};

/// The largest difference so far, and its row in the first file.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Largest {
    pub value: f64,
    pub values: [f64; 2],
    pub row: u64,
}

impl Largest {
    /// The larger; of equals the one that comes first, so that threads do not matter.
    fn see(&mut self, value: f64, values: [f64; 2], row: u64) {
        if value > self.value || (value == self.value && value > 0.0 && row < self.row) {
            *self = Self { value, values, row };
        }
    }
}

/// The counts of all contacts: one entry a contact in each list.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    tolerance: Tolerance,
    pub absolute: Vec<Largest>,
    pub relative: Vec<Largest>,
    pub outside: Vec<u64>,
    pub nan_in_both: Vec<u64>,
    /// Relative differences, [`BINS`] bins a contact; pairs that are equal are in none.
    pub bins: Vec<u64>,
    pub worst: Worst,
    /// The row's differences: absolute, relative.
    row: [Vec<f64>; 2],
}

impl Tally {
    pub fn new(columns: usize, tolerance: Tolerance) -> Self {
        Self {
            tolerance,
            absolute: vec![Largest::default(); columns],
            relative: vec![Largest::default(); columns],
            outside: vec![0; columns],
            nan_in_both: vec![0; columns],
            bins: vec![0; columns * BINS],
            worst: Worst::default(),
            row: [vec![0.0; columns], vec![0.0; columns]],
        }
    }

    /// Adds a row of both files: the same contacts in the same order.
    pub fn add(&mut self, row: u64, a: &[f64], b: &[f64]) {
        // no early exit: it would keep the loop from being vectorised
        if a.iter().zip(b).fold(true, |same, (a, b)| same & (a == b)) {
            return;
        }
        let Tolerance { rtol, atol } = self.tolerance;
        let (least, measure) = (self.worst.least(), self.tolerance.measure());
        let [absolute, relative] = &mut self.row;
        let (mut finite, mut worst) = (true, false);
        for ((((&a, &b), apart), share), outside) in
            a.iter().zip(b).zip(absolute.iter_mut()).zip(relative.iter_mut()).zip(&mut self.outside)
        {
            let (difference, larger) = ((a - b).abs(), a.abs().max(b.abs()));
            let allowed = atol + rtol * larger;
            *apart = difference;
            *share = difference / larger.max(f64::MIN_POSITIVE);
            *outside += u64::from(difference > allowed);
            worst |= difference > least * (measure.atol + measure.rtol * larger);
            finite &= difference.is_finite();
        }
        if !finite {
            self.add_odd(a, b);
        }
        let larger = |apart: &[f64], so_far: &[Largest]| {
            apart.iter().zip(so_far).fold(false, |any, (apart, so_far)| any | (*apart > so_far.value))
        };
        let [absolute, relative] = &self.row;
        if larger(absolute, &self.absolute) {
            see(&mut self.absolute, absolute, row, a, b);
        }
        if larger(relative, &self.relative) {
            see(&mut self.relative, relative, row, a, b);
        }
        for (bins, &share) in self.bins.chunks_exact_mut(BINS).zip(relative) {
            if let Some(count) = bins.get_mut(bin(share)) {
                *count += 1;
            }
        }
        if worst || !finite {
            self.add_worst(row, a, b);
        }
    }

    /// Corrects what was counted of a row with values that are not finite.
    fn add_odd(&mut self, a: &[f64], b: &[f64]) {
        let [absolute, relative] = &mut self.row;
        for (column, (&a, &b)) in a.iter().zip(b).enumerate() {
            if (a - b).is_finite() {
                continue;
            }
            let apart = Apart::of(a, b);
            let both = a.is_nan() && b.is_nan();
            // of what was added before, an infinite difference alone was counted
            let counted = u64::from((a - b).abs() > self.tolerance.atol + self.tolerance.rtol * a.abs().max(b.abs()));
            let outside = u64::from(apart.absolute > 0.0);
            if let (Some(apart_of), Some(share), Some(count), Some(nan)) = (
                absolute.get_mut(column),
                relative.get_mut(column),
                self.outside.get_mut(column),
                self.nan_in_both.get_mut(column),
            ) {
                (*apart_of, *share) = (apart.absolute, apart.relative);
                *count = *count + outside - counted;
                *nan += u64::from(both);
            }
        }
    }

    fn add_worst(&mut self, row: u64, a: &[f64], b: &[f64]) {
        let [absolute, relative] = &self.row;
        for (column, (((&a, &b), &absolute), &relative)) in a.iter().zip(b).zip(absolute).zip(relative).enumerate() {
            if absolute > 0.0 {
                let excess = self.tolerance.excess(a, b, Apart { absolute, relative });
                self.worst.see(excess, row, column, [a, b]);
            }
        }
    }

    /// Adds the counts of another thread.
    pub fn join(mut self, other: &Self) -> Self {
        let largest = |own: &mut [Largest], other: &[Largest]| {
            own.iter_mut().zip(other).for_each(|(own, other)| own.see(other.value, other.values, other.row));
        };
        let sum = |own: &mut [u64], other: &[u64]| own.iter_mut().zip(other).for_each(|(own, other)| *own += other);
        largest(&mut self.absolute, &other.absolute);
        largest(&mut self.relative, &other.relative);
        sum(&mut self.outside, &other.outside);
        sum(&mut self.nan_in_both, &other.nan_in_both);
        sum(&mut self.bins, &other.bins);
        self.worst.join(&other.worst);
        self
    }
}

fn see(so_far: &mut [Largest], apart: &[f64], row: u64, a: &[f64], b: &[f64]) {
    for (((so_far, &apart), &a), &b) in so_far.iter_mut().zip(apart).zip(a).zip(b) {
        so_far.see(apart, [a, b], row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLERANCE: Tolerance = Tolerance { rtol: 0.1, atol: 0.0 };

    #[test]
    fn what_is_not_finite_is_outside_unless_both_are_the_same() {
        let mut tally = Tally::new(5, TOLERANCE);
        let (nan, inf) = (f64::NAN, f64::INFINITY);
        tally.add(0, &[nan, nan, inf, inf, 1.0], &[nan, 1.0, inf, -inf, 1.05]);
        assert_eq!(tally.outside, [0, 1, 0, 1, 0]);
        assert_eq!(tally.nan_in_both, [1, 0, 0, 0, 0]);
        let largest: Vec<f64> = tally.absolute.iter().map(|l| l.value).collect();
        assert_eq!(largest[..4], [0.0, inf, 0.0, inf]);
        assert_eq!(tally.relative[4].value, (1.05_f64 - 1.0).abs() / 1.05);
    }

    #[test]
    fn counts_do_not_depend_on_who_counts() {
        let rows: Vec<[f64; 3]> =
            (0..50_u32).map(|i| [f64::from(i * 7 % 13), f64::from(i), 1.0 + f64::from(i % 2)]).collect();
        let other = |row: &[f64; 3]| [row[0] * 1.25, row[1], row[2] + 0.5];
        let mut whole = Tally::new(3, TOLERANCE);
        let (mut even, mut odd) = (Tally::new(3, TOLERANCE), Tally::new(3, TOLERANCE));
        for (i, row) in rows.iter().enumerate() {
            whole.add(i as u64, row, &other(row));
            if i % 2 == 0 { &mut even } else { &mut odd }.add(i as u64, row, &other(row));
        }
        let joined = odd.join(&even);
        assert_eq!((&joined.absolute, &joined.relative), (&whole.absolute, &whole.relative));
        assert_eq!((&joined.outside, &joined.bins), (&whole.outside, &whole.bins));
        assert_eq!(joined.worst.pairs(), whole.worst.pairs());
        assert_eq!(whole.outside, [46, 0, 50], "four rows of the first column are 0");
    }
}
