//! The worst pairs: those that are furthest beyond what the tolerance allows.

/// How many are kept.
const KEPT: usize = 10;

/// A pair that differs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pair {
    /// How many times what the tolerance allows.
    pub excess: f64,
    /// Row in the first file.
    pub row: u64,
    /// Place among the contacts compared.
    pub column: usize,
    /// The coefficients.
    pub values: [f64; 2],
}

/// The worst pairs, the worst first; of equals those that come first.
#[derive(Debug, Clone, Default)]
pub(super) struct Worst(Vec<Pair>);

impl Worst {
    /// What a pair must exceed to be among them.
    pub fn least(&self) -> f64 {
        if self.0.len() < KEPT { 0.0 } else { self.0.last().map_or(0.0, |pair| pair.excess) }
    }

    /// Takes a pair in if it is one of the worst.
    pub fn see(&mut self, excess: f64, row: u64, column: usize, values: [f64; 2]) {
        let before = |pair: &Pair| (pair.excess, row, column) >= (excess, pair.row, pair.column);
        let place = self.0.partition_point(before);
        if place < KEPT {
            self.0.insert(place, Pair { excess, row, column, values });
            self.0.truncate(KEPT);
        }
    }

    /// Takes in those of another thread.
    pub fn join(&mut self, other: &Self) {
        other.0.iter().for_each(|p| self.see(p.excess, p.row, p.column, p.values));
    }

    /// The pairs, the worst first.
    pub fn pairs(&self) -> &[Pair] {
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
            let mut worst = Worst::default();
            pairs.iter().for_each(|&(excess, row)| worst.see(excess, row, 0, [0.0; 2]));
            worst.pairs().iter().map(|p| (p.excess, p.row)).collect::<Vec<_>>()
        };
        let mut expected = pairs.clone();
        expected.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        assert_eq!(kept(&pairs), expected[..KEPT]);
        let reversed: Vec<_> = pairs.into_iter().rev().collect();
        assert_eq!(kept(&reversed), expected[..KEPT]);
    }
}
