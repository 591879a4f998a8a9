//! Compares one row of two files with the vector instructions of the processor.

use super::quantiles::bin_index;
use crate::validate::Tolerance;

/// The values that a row is compared with: tolerances, and the largest differences so far with one entry per contact.
pub(super) struct RunningMax<'a> {
    pub tolerance: Tolerance,
    /// Scale of differences, and the multiple of it that a pair must exceed to be among the worst.
    pub measure: Tolerance,
    pub min_excess: f64,
    /// Largest absolute differences so far.
    pub absolute: &'a [f64],
    /// Largest relative differences so far.
    pub relative: &'a [f64],
}

/// Results for a row, one entry per contact.
pub(super) struct RowDifferences<'a> {
    /// Numbers of pairs outside the tolerance; the row's are added.
    pub outside: &'a mut [u64],
    /// Absolute differences.
    pub absolute: &'a mut [f64],
    /// Bins of the relative differences.
    pub bins: &'a mut [u32],
}

/// Whether a row must be examined pair by pair.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct RowFlags {
    /// A difference is not finite.
    pub has_non_finite: bool,
    /// A difference may be larger than all before.
    pub may_be_largest: bool,
    /// A pair may be among the worst.
    pub may_be_worst: bool,
}

/// Returns whether all pairs of a row are equal; NaN is not equal to NaN.
pub(super) fn rows_equal(a: &[f64], b: &[f64]) -> bool {
    // an early exit would prevent vectorisation
    a.iter().zip(b).fold(0, |any, (a, b)| any | u64::from(a != b)) == 0
}

/// Compares a row.
pub(super) fn compare_row(a: &[f64], b: &[f64], so_far: &RunningMax<'_>, found: &mut RowDifferences<'_>) -> RowFlags {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the processor supports AVX2, as just checked
        return unsafe { compare_row_avx2(a, b, so_far, found) };
    }
    compare_row_generic(a, b, so_far, found)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn compare_row_avx2(a: &[f64], b: &[f64], so_far: &RunningMax<'_>, found: &mut RowDifferences<'_>) -> RowFlags {
    compare_row_generic(a, b, so_far, found)
}

#[inline(always)]
fn compare_row_generic(a: &[f64], b: &[f64], so_far: &RunningMax<'_>, found: &mut RowDifferences<'_>) -> RowFlags {
    let RunningMax { tolerance, measure, min_excess: least, .. } = *so_far;
    let (mut odd, mut larger, mut worst) = (0_u64, 0_u64, 0_u64);
    let before = so_far.absolute.iter().zip(so_far.relative);
    let own = found.outside.iter_mut().zip(found.absolute.iter_mut()).zip(found.bins.iter_mut());
    for (((&a, &b), (&absolute, &relative)), ((outside, apart), bin)) in a.iter().zip(b).zip(before).zip(own) {
        let difference = (a - b).abs();
        let (a, b) = (a.abs(), b.abs());
        // `f64::max` would handle NaN, which costs further instructions
        let most = if a > b { a } else { b };
        *apart = difference;
        *bin = bin_index(difference, most);
        *outside += u64::from(difference > tolerance.atol + tolerance.rtol * most);
        odd |= u64::from(!difference.is_finite());
        larger |= u64::from(difference > absolute) | u64::from(difference > relative * NEARLY * most);
        worst |= u64::from(difference > least * (measure.atol + measure.rtol * most));
    }
    RowFlags { has_non_finite: odd != 0, may_be_largest: larger != 0, may_be_worst: worst != 0 }
}

/// Factor for near-maximum values: a product may be rounded up, so values slightly below the limit are examined, too.
const NEARLY: f64 = 1.0 - 4.0 * f64::EPSILON;
