//! One row of two files: how far each pair is apart, for whatever vectors the processor has.

use super::quantiles::bin_of;
use crate::validate::Tolerance;

/// What a row is compared with, one entry a contact.
pub(super) struct SoFar<'a> {
    pub tolerance: Tolerance,
    /// What the worst pairs are measured by, and how many times that they exceed.
    pub measure: Tolerance,
    pub least: f64,
    /// Largest absolute differences so far.
    pub absolute: &'a [f64],
    /// Largest relative differences so far.
    pub relative: &'a [f64],
}

/// What a row gives, one entry a contact.
pub(super) struct Found<'a> {
    /// Pairs outside the tolerance: counted on.
    pub outside: &'a mut [u64],
    /// Absolute differences.
    pub apart: &'a mut [f64],
    /// Bins of the relative differences.
    pub bins: &'a mut [u32],
}

/// Whether a row needs a closer look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Look {
    /// A difference is not finite.
    pub odd: bool,
    /// A difference may be larger than all before.
    pub larger: bool,
    /// A pair may be one of the worst.
    pub worst: bool,
}

/// Whether all pairs of a row are equal; NaN is not.
pub(super) fn equal(a: &[f64], b: &[f64]) -> bool {
    // no early exit: it would keep the loop from being vectorised
    a.iter().zip(b).fold(0, |any, (a, b)| any | u64::from(a != b)) == 0
}

/// Compares a row.
pub(super) fn compare(a: &[f64], b: &[f64], so_far: &SoFar<'_>, found: &mut Found<'_>) -> Look {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has it
        return unsafe { compare_avx2(a, b, so_far, found) };
    }
    compare_any(a, b, so_far, found)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn compare_avx2(a: &[f64], b: &[f64], so_far: &SoFar<'_>, found: &mut Found<'_>) -> Look {
    compare_any(a, b, so_far, found)
}

#[inline(always)]
fn compare_any(a: &[f64], b: &[f64], so_far: &SoFar<'_>, found: &mut Found<'_>) -> Look {
    let SoFar { tolerance, measure, least, .. } = *so_far;
    let (mut odd, mut larger, mut worst) = (0_u64, 0_u64, 0_u64);
    let before = so_far.absolute.iter().zip(so_far.relative);
    let own = found.outside.iter_mut().zip(found.apart.iter_mut()).zip(found.bins.iter_mut());
    for (((&a, &b), (&absolute, &relative)), ((outside, apart), bin)) in a.iter().zip(b).zip(before).zip(own) {
        let difference = (a - b).abs();
        let (a, b) = (a.abs(), b.abs());
        // not `f64::max`, which looks for NaN
        let most = if a > b { a } else { b };
        *apart = difference;
        *bin = bin_of(difference, most);
        *outside += u64::from(difference > tolerance.atol + tolerance.rtol * most);
        odd |= u64::from(!difference.is_finite());
        larger |= u64::from(difference > absolute) | u64::from(difference > relative * NEARLY * most);
        worst |= u64::from(difference > least * (measure.atol + measure.rtol * most));
    }
    Look { odd: odd != 0, larger: larger != 0, worst: worst != 0 }
}

/// A product may be rounded up: what is nearly as large is looked at.
const NEARLY: f64 = 1.0 - 4.0 * f64::EPSILON;
