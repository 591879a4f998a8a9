//! Collects the worst pairs: those furthest outside the tolerance.

/// Maximum number of worst pairs.
const MAX_WORST_PAIRS: usize = 10;

/// A pair that differs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct WorstRowPair {
    /// Difference as a multiple of the tolerance.
    pub excess: f64,
    /// Row in the first file.
    pub row: u64,
    /// Index among the contacts compared.
    pub column: usize,
    /// The weights.
    pub values: [f64; 2],
}

/// The worst pairs, the worst first; of equal ones the first are kept.
#[derive(Debug, Clone, Default)]
pub(super) struct WorstPairs(Vec<WorstRowPair>);

impl WorstPairs {
    /// Returns the value that a pair must exceed to be among them.
    pub fn min_excess(&self) -> f64 {
        if self.0.len() < MAX_WORST_PAIRS { 0.0 } else { self.0.last().map_or(0.0, |pair| pair.excess) }
    }

    /// Adds a pair if it is one of the worst.
    pub fn insert(&mut self, excess: f64, row: u64, column: usize, values: [f64; 2]) {
        let before = |pair: &WorstRowPair| (pair.excess, row, column) >= (excess, pair.row, pair.column);
        let place = self.0.partition_point(before);
        if place < MAX_WORST_PAIRS {
            self.0.insert(place, WorstRowPair { excess, row, column, values });
            self.0.truncate(MAX_WORST_PAIRS);
        }
    }

    /// Adds the pairs of another thread.
    pub fn merge(&mut self, other: &Self) {
        other.0.iter().for_each(|p| self.insert(p.excess, p.row, p.column, p.values));
    }

    /// Returns the pairs, the worst first.
    pub fn pairs(&self) -> &[WorstRowPair] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_are_kept_whatever_the_order() {
        let pairs: Vec<(f64, u64)> = (0..40).map(|i| (f64::from((i * 7) % 20), u64::from(i as u32))).collect();
        let kept = |pairs: &[(f64, u64)]| {
            let mut worst = WorstPairs::default();
            pairs.iter().for_each(|&(excess, row)| worst.insert(excess, row, 0, [0.0; 2]));
            worst.pairs().iter().map(|p| (p.excess, p.row)).collect::<Vec<_>>()
        };
        let mut expected = pairs.clone();
        expected.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        assert_eq!(kept(&pairs), expected[..MAX_WORST_PAIRS]);
        let reversed: Vec<_> = pairs.into_iter().rev().collect();
        assert_eq!(kept(&reversed), expected[..MAX_WORST_PAIRS]);
    }
}
