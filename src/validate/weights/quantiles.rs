//! Quantiles of differences in bounded memory: bins a quarter of an octave wide.

/// The smallest relative difference, as a power of two: doubles that differ at all differ by 2^-53 of the larger.
const MIN_EXPONENT: i32 = -54;
/// The largest: a and -a differ by twice the larger; the bins above are for values that are not finite.
const MAX_EXPONENT: i32 = 2;
/// Number of bins: one for equal values, four per octave, one for larger values.
pub(super) const BINS: usize = ((MAX_EXPONENT - MIN_EXPONENT) * 4 + 2) as usize;

/// Exponent and mantissa of a double, read as one integer, are its logarithm with an error of up to 0.0861 of an
/// octave.
const LINEAR: f64 = 0.0862;

/// The quantiles that are reported.
pub const QUANTILES: [f64; 3] = [0.5, 0.9, 0.99];

/// Returns the bin of the relative difference of a pair, from its absolute difference and the larger of the two,
/// without a division.
#[inline(always)]
pub(super) fn bin_index(difference: f64, most: f64) -> u32 {
    let high = |v: f64| (v.to_bits() >> 32) as i32;
    // drop 18 of the 20 mantissa bits in the high word: four bins per octave
    let quarters = (high(difference).wrapping_sub(high(most))) >> 18;
    let bin = (quarters - MIN_EXPONENT * 4 + 1).clamp(0, BINS as i32 - 1) as u32;
    if difference == 0.0 { 0 } else { bin }
}

/// Returns the upper bound of a bin.
fn bin_upper_bound(bin: usize) -> f64 {
    match bin {
        0 => 0.0,
        bin if bin == BINS - 1 => f64::INFINITY,
        bin => (f64::from(bin as i32 + MIN_EXPONENT * 4) / 4.0 + LINEAR).exp2(),
    }
}

/// Returns the upper bounds of [`QUANTILES`] of `rows` relative differences: at most 1.35 times the quantile, and 0 if
/// that share of the pairs is equal. `bins` are counts of unequal pairs; `most` is the largest difference.
pub(super) fn quantiles(bins: &[u64], rows: u64, most: f64) -> [f64; 3] {
    let counted: u64 = bins.iter().sum();
    QUANTILES.map(|share| {
        // the smallest difference that at least this share of the pairs do not exceed
        let rank = (share * rows as f64).ceil() as u64;
        let mut seen = rows.saturating_sub(counted);
        let reaches = |&count: &u64| {
            seen += count;
            seen >= rank
        };
        bins.iter().position(reaches).map_or(most, |bin| bin_upper_bound(bin).min(most))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_hold_what_is_below_their_upper_end() {
        assert_eq!((bin_index(0.0, 1.0), bin_index(0.0, 0.0), bin_upper_bound(0)), (0, 0, 0.0));
        for share in [f64::EPSILON / 2.0, 1e-12, 0.3, 0.5, 1.0, 1.9, 2.0] {
            for most in [1.0, 1.4, 1.9, 1e-280, 3e7] {
                let end = bin_upper_bound(bin_index(share * most, most) as usize);
                assert!(share <= end && end <= 1.35 * share, "{share} of {most} in a bin up to {end}");
            }
        }
        assert_eq!(bin_index(f64::INFINITY, 1.0) as usize, BINS - 1);
    }

    #[test]
    fn quantiles_bound_those_of_a_sorted_list() {
        let values: Vec<f64> = (1..=1000).map(|i| 1e-9 * f64::from(i)).collect();
        let mut bins = vec![0; BINS];
        values.iter().for_each(|&v| bins[bin_index(v, 1.0) as usize] += 1);
        let found = quantiles(&bins, 1000, 1e-6);
        for (found, exact) in found.iter().zip([values[499], values[899], values[989]]) {
            assert!(exact <= *found && *found <= 1.35 * exact, "{found} for {exact}");
        }
        // add 1000 equal pairs: half of all pairs are equal
        assert_eq!(quantiles(&bins, 2000, 1e-6)[0], 0.0);
    }
}
