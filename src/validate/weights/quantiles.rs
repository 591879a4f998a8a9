//! How differences are spread, in bounded memory: bins a quarter of an octave wide.

/// The least relative difference, as a power of two: doubles that differ at all differ by 2^-53 of the larger.
const MIN_EXPONENT: i32 = -54;
/// The largest: a and -a differ by twice the larger; further bins hold what is not finite.
const MAX_EXPONENT: i32 = 2;
/// Bins: one for what is equal, four an octave, one for what is beyond.
pub(super) const BINS: usize = ((MAX_EXPONENT - MIN_EXPONENT) * 4 + 2) as usize;

/// Exponent and mantissa of a double, read as one integer, are its logarithm but for up to 0.0861 of an octave.
const LINEAR: f64 = 0.0862;

/// The quantiles that are told.
pub const QUANTILES: [f64; 3] = [0.5, 0.9, 0.99];

/// The bin of the relative difference of a pair, from its absolute difference and the larger of the two, without a
/// division.
#[inline(always)]
pub(super) fn bin_index(difference: f64, most: f64) -> u32 {
    let high = |v: f64| (v.to_bits() >> 32) as i32;
    // 18 bits of the mantissa's 20 are left out: four bins an octave
    let quarters = (high(difference).wrapping_sub(high(most))) >> 18;
    let bin = (quarters - MIN_EXPONENT * 4 + 1).clamp(0, BINS as i32 - 1) as u32;
    if difference == 0.0 { 0 } else { bin }
}

/// The upper end of a bin.
fn bin_upper_bound(bin: usize) -> f64 {
    match bin {
        0 => 0.0,
        bin if bin == BINS - 1 => f64::INFINITY,
        bin => (f64::from(bin as i32 + MIN_EXPONENT * 4) / 4.0 + LINEAR).exp2(),
    }
}

/// Upper bounds of [`QUANTILES`] of `rows` relative differences: at most 1.35 times the quantile itself, 0 where that
/// share of the pairs is equal. `bins` are counts of what is not equal; `most` is the largest difference.
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
        // 1000 more pairs that are equal: half of all are
        assert_eq!(quantiles(&bins, 2000, 1e-6)[0], 0.0);
    }
}
