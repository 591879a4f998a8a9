//! Sums that do not depend on the order of their terms.
//!
//! A sum is stored as three floats s0 + s1 + s2. Each term is added to s0, the rounding error of that to s1, and the
//! rounding error of that to s2; the errors are exact (Knuth, The Art of Computer Programming, vol. 2, 4.2.2, theorem
//! B). Only the addition to s2 rounds, so that n terms x give the exact sum while n² max|s0| / q < 2¹⁵⁹, where q is the
//! unit in the last place of the smallest term; and otherwise a sum with an error below n³ max|x| 2⁻¹⁵⁹. A million terms of
//! double precision, or a billion of single precision, have an exact sum if they differ by less than a factor of 2⁴⁵. An
//! exact sum is rounded once, so it is the same in any order.

/// A sum of floats.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct ExactSum([f64; ExactSum::PARTS]);

impl ExactSum {
    /// Number of floats whose exact sum it is.
    pub const PARTS: usize = 3;

    /// Adds a term.
    pub fn add(&mut self, term: f64) {
        let [first, second, third] = &mut self.0;
        let (sum, error) = add_exactly(*first, term);
        *first = sum;
        let (sum, error) = add_exactly(*second, error);
        *second = sum;
        *third += error;
    }

    /// Returns the floats whose exact sum it is: adding them to another sum adds this one.
    pub fn parts(&self) -> [f64; Self::PARTS] {
        self.0
    }

    /// Returns the sum, rounded once; infinite or NaN if a term or the sum of the terms is.
    pub fn value(&self) -> f64 {
        let [first, second, third] = self.0;
        if !first.is_finite() {
            return first;
        }
        let (second, third) = add_exactly(second, third);
        let (first, second) = add_exactly(first, second);
        first + (second + third)
    }
}

impl FromIterator<f64> for ExactSum {
    fn from_iter<I: IntoIterator<Item = f64>>(terms: I) -> Self {
        let mut sum = Self::default();
        terms.into_iter().for_each(|term| sum.add(term));
        sum
    }
}

/// Returns the rounded sum of two floats, and its rounding error.
fn add_exactly(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let b_part = sum - a;
    (sum, (a - (sum - b_part)) + (b - b_part))
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn sum(terms: &[f64]) -> f64 {
        terms.iter().copied().collect::<ExactSum>().value()
    }

    #[test]
    fn terms_that_cancel_leave_the_exact_rest() {
        assert_eq!(sum(&[]), 0.0);
        assert_eq!(sum(&[1e100, 1.0, -1e100, 1e-100]), 1.0);
        assert_eq!(sum(&[0.1; 10]), 1.0, "ten times the double nearest to 0.1 is nearest to 1");
        // half a unit in the last place, and a little more
        assert_eq!(sum(&[1.0, f64::EPSILON / 2.0]), 1.0);
        assert_eq!(sum(&[1.0, f64::EPSILON / 2.0, f64::EPSILON * f64::EPSILON]), 1.0 + f64::EPSILON);
    }

    #[test]
    fn the_order_and_the_grouping_of_terms_do_not_matter() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        for _ in 0..50 {
            // as coordinates and lengths in micrometres: both signs, a million times apart
            let mut terms: Vec<f64> =
                (0..5000).map(|_| (rng.random::<f64>() - 0.5) * 10_f64.powi(rng.random_range(-3..4))).collect();
            let expected = sum(&terms);
            let in_order: f64 = terms.iter().sum();
            assert!((expected - in_order).abs() < 1e-9);
            for part in [1, 7, 1000] {
                for i in (1..terms.len()).rev() {
                    terms.swap(i, rng.random_range(0..=i));
                }
                let parts = terms.chunks(part).flat_map(|terms| terms.iter().copied().collect::<ExactSum>().parts());
                assert_eq!(parts.collect::<ExactSum>().value(), expected);
                assert_eq!(sum(&terms), expected);
            }
        }
    }

    #[test]
    fn terms_that_are_not_finite_decide() {
        assert_eq!(sum(&[1.0, f64::INFINITY, 2.0]), f64::INFINITY);
        assert!(sum(&[f64::INFINITY, f64::NEG_INFINITY]).is_nan() && sum(&[1.0, f64::NAN]).is_nan());
    }
}
