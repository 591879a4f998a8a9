//! Decides whether two lists of weights are equal up to a factor.

/// Relative tolerance of a weight: files store contacts as float32, and old ones do not state their near field.
const PAIR_TOLERANCE: f64 = 0.01;
/// Minimum share of weights that agree, if not all must.
const MIN_AGREEING_SHARE: f64 = 0.99;
/// A constant factor of weights that agree counts as 1 up to this deviation, if the file states everything that they
/// depend on.
const EXACT_FACTOR_TOLERANCE: f64 = 1e-4;
/// A constant factor of weights that agree counts as 1 up to this deviation, if the file does not state everything.
const FACTOR_TOLERANCE: f64 = 2e-3;
/// Relative tolerance of ratios that are a constant factor.
const CONSTANT_TOLERANCE: f64 = 5e-4;

/// How many of a contact's weights have to agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct AgreementCriterion {
    /// All must agree, because the file states everything that they depend on.
    pub all_must_agree: bool,
    /// Weights are 0 or 1: rounding decides whether a midpoint on the border of a region is inside.
    pub is_share: bool,
}

impl AgreementCriterion {
    /// Returns the number of `all` weights that may differ.
    fn max_outliers(self, all: usize) -> usize {
        let some = all - (MIN_AGREEING_SHARE * all as f64).ceil() as usize;
        match self {
            Self { is_share: true, .. } => some.max(1),
            Self { all_must_agree: true, .. } => 0,
            Self { .. } => some,
        }
    }

    /// Returns whether pairs (file's, computed) agree once the computed ones are multiplied by `factor`.
    pub fn pairs_agree(self, pairs: &[(f64, f64)], factor: f64) -> bool {
        let mut left = self.max_outliers(pairs.len());
        pairs.iter().all(|&(file, computed)| {
            let same = is_close(file, computed * factor, PAIR_TOLERANCE);
            let may_differ = !same && left > 0;
            left -= usize::from(may_differ);
            same || may_differ
        })
    }

    /// Returns the factor between the pairs, if there is one: 1 if they agree.
    pub fn find_factor(self, pairs: &[(f64, f64)]) -> Option<f64> {
        let same = self.pairs_agree(pairs, 1.0);
        let Some(factor) = median_ratio(pairs).filter(|factor| *factor != 0.0) else { return same.then_some(1.0) };
        let exact =
            pairs.iter().filter(|(file, computed)| is_close(*file, computed * factor, CONSTANT_TOLERANCE)).count();
        let is_constant = pairs.len() - exact <= self.max_outliers(pairs.len()).max(pairs.len() / 100);
        if same {
            let least = if self.all_must_agree { EXACT_FACTOR_TOLERANCE } else { FACTOR_TOLERANCE };
            let is_one = self.is_share || !is_constant || (factor - 1.0).abs() <= least;
            return Some(if is_one { 1.0 } else { factor });
        }
        self.pairs_agree(pairs, factor).then_some(factor)
    }
}

fn is_close(a: f64, b: f64, up_to: f64) -> bool {
    a == b || (a - b).abs() <= up_to * a.abs().max(b.abs())
}

/// Returns the median of the ratios of pairs; `None` if no ratio is finite.
pub(crate) fn median_ratio(pairs: &[(f64, f64)]) -> Option<f64> {
    let mut ratios: Vec<f64> = pairs.iter().map(|(file, computed)| file / computed).filter(|r| r.is_finite()).collect();
    let middle = ratios.len() / 2;
    (!ratios.is_empty()).then(|| *ratios.select_nth_unstable_by(middle, f64::total_cmp).1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(factor: f64) -> Vec<(f64, f64)> {
        (1..=300).map(|i| (factor * f64::from(i), f64::from(i))).collect()
    }

    #[test]
    fn a_constant_factor_is_found_and_rounding_is_none() {
        let all = AgreementCriterion { all_must_agree: true, is_share: false };
        assert_eq!(all.find_factor(&pairs(1.0)), Some(1.0));
        assert_eq!(all.find_factor(&pairs(1.00005)), Some(1.0));
        assert_eq!(all.find_factor(&pairs(1.001)), Some(1.001));
        assert_eq!(AgreementCriterion::default().find_factor(&pairs(1.001)), Some(1.0));
        assert_eq!(all.find_factor(&pairs(1.005)), Some(1.005), "half a percent, but all weights by the same factor");
        assert_eq!(all.find_factor(&pairs(-1.0)), Some(-1.0));
        assert_eq!(all.find_factor(&pairs(1000.0)), Some(1000.0));
        let bent: Vec<(f64, f64)> = pairs(1.0).into_iter().map(|(file, computed)| (file.sqrt(), computed)).collect();
        assert_eq!(all.find_factor(&bent), None);
    }

    #[test]
    fn one_wrong_weight_counts_where_the_file_says_all() {
        let mut wrong = pairs(1.0);
        wrong[7].0 *= 2.0;
        assert_eq!(AgreementCriterion { all_must_agree: true, is_share: false }.find_factor(&wrong), None);
        assert_eq!(AgreementCriterion::default().find_factor(&wrong), Some(1.0));
        let mut shares = vec![(1.0, 1.0); 20];
        shares[3].0 = 0.0;
        assert!(
            AgreementCriterion { all_must_agree: true, is_share: true }.pairs_agree(&shares, 1.0),
            "one midpoint on the border"
        );
        shares[4].0 = 0.0;
        assert!(!AgreementCriterion { all_must_agree: true, is_share: true }.pairs_agree(&shares, 1.0));
    }
}
