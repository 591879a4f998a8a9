//! One row of two files: how far each pair is apart, for whatever vectors the processor has.

use super::quantiles::bin_index;
use crate::validate::Tolerance;

/// What a row is compared with, one entry a contact.
pub(super) struct RunningMax<'a> {
    pub tolerance: Tolerance,
    /// What the worst pairs are measured by, and how many times that they exceed.
    pub measure: Tolerance,
    pub min_excess: f64,
    /// Largest absolute differences so far.
    pub absolute: &'a [f64],
    /// Largest relative differences so far.
    pub relative: &'a [f64],
}

/// What a row gives, one entry a contact.
pub(super) struct RowDifferences<'a> {
    /// Pairs outside the tolerance: counted on.
    pub outside: &'a mut [u64],
    /// Absolute differences.
    pub absolute: &'a mut [f64],
    /// Bins of the relative differences.
    pub bins: &'a mut [u32],
}

/// Whether a row needs a closer look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct RowFlags {
    /// A difference is not finite.
    pub has_non_finite: bool,
    /// A difference may be larger than all before.
    pub may_be_largest: bool,
    /// A pair may be one of the worst.
    pub may_be_worst: bool,
}

/// Whether all pairs of a row are equal; NaN is not.
pub(super) fn rows_equal(a: &[f64], b: &[f64]) -> bool {
    // no early exit: it would keep the loop from being vectorised
    a.iter().zip(b).fold(0, |any, (a, b)| any | u64::from(a != b)) == 0
}

/// Compares a row.
pub(super) fn compare_row(a: &[f64], b: &[f64], so_far: &RunningMax<'_>, found: &mut RowDifferences<'_>) -> RowFlags {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has it
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
        // not `f64::max`, which looks for NaN
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

/// A product may be rounded up: what is nearly as large is looked at.
const NEARLY: f64 = 1.0 - 4.0 * f64::EPSILON;
