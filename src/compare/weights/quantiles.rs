//! How differences are spread, in bounded memory: bins a quarter of an octave wide.

/// The largest exponent of a bin: differences of 2 and more share the last one.
const TOP: usize = 1023 + 1;
/// The smallest: doubles that differ at all differ by 2^-53 of the larger.
const BOTTOM: usize = 1023 - 54;
/// Bins: one for what is equal, and four an octave.
pub(super) const BINS: usize = (TOP - BOTTOM) * 4 + 2;

/// The quantiles that are told.
pub const QUANTILES: [f64; 3] = [0.5, 0.9, 0.99];

/// The bin of a relative difference.
pub(super) fn bin(relative: f64) -> usize {
    // exponent and the first two bits of the mantissa
    let quarter = (relative.to_bits() >> 50) as usize;
    (quarter + 1).saturating_sub(BOTTOM * 4).min(BINS - 1)
}

/// The upper end of a bin.
fn upper(bin: usize) -> f64 {
    match bin {
        0 => 0.0,
        bin if bin == BINS - 1 => f64::INFINITY,
        bin => f64::from_bits(((bin + BOTTOM * 4) as u64) << 50),
    }
}

/// Upper bounds of [`QUANTILES`] of `rows` relative differences: at most 1.25 times the quantile itself, 0 where that
/// share of the pairs is equal. `bins` are counts of what is not equal; `most` is the largest difference.
pub(super) fn quantiles(bins: &[u64], rows: u64, most: f64) -> [f64; 3] {
    let counted: u64 = bins.iter().sum();
    QUANTILES.map(|share| {
        // the smallest difference that at least this share of the pairs do not exceed
        let rank = (share * rows as f64).ceil() as u64;
        let mut seen = rows.saturating_sub(counted);
        for (bin, &count) in bins.iter().enumerate() {
            if seen >= rank {
                return upper(bin.saturating_sub(1)).min(most);
            }
            seen += count;
        }
        most
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_hold_what_is_below_their_upper_end() {
        assert_eq!((bin(0.0), upper(0)), (0, 0.0));
        for value in [f64::EPSILON / 2.0, 1e-12, 0.3, 0.5, 1.0, 1.9] {
            let end = upper(bin(value));
            assert!(value < end && end <= 1.25 * value, "{value} in a bin up to {end}");
        }
        assert_eq!(bin(f64::INFINITY), BINS - 1);
    }

    #[test]
    fn quantiles_bound_those_of_a_sorted_list() {
        let values: Vec<f64> = (1..=1000).map(|i| 1e-9 * f64::from(i)).collect();
        let mut bins = vec![0; BINS];
        values.iter().for_each(|&v| bins[bin(v)] += 1);
        let found = quantiles(&bins, 1000, 1e-6);
        for (found, exact) in found.iter().zip([values[499], values[899], values[989]]) {
            assert!(exact <= *found && *found <= 1.25 * exact, "{found} for {exact}");
        }
        // 1000 more pairs that are equal: half of all are
        assert_eq!(quantiles(&bins, 2000, 1e-6)[0], 0.0);
    }
}
