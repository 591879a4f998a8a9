//! Computes 1 / sqrt(q) without a division or square root of doubles, which cost more than the rest of a formula.
//!
//! The square root and quotient y in single precision have a relative error of 2^-23; one step of third order,
//!
//! ```text
//! e = 1 - q y^2,    1 / sqrt(q) = y (1 - e)^(-1/2) = y (1 + e/2 + 3/8 e^2 + ...)
//! ```
//!
//! leaves 5/16 e^3 < 1e-20. IEEE 754 defines the bits of all these operations, so the result is the same on every
//! processor.

/// Squares that single precision can represent: distances from 1e-15 µm to 1e18 µm.
const F32_RANGE: std::ops::RangeInclusive<f64> = 1e-30..=1e36;

/// Returns the estimate in single precision, with a relative error of about 2^-23, for q inside [`F32_RANGE`].
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "`refine` restores the lost digits")]
pub(super) fn estimate_f32(q: f64) -> f64 {
    f64::from(1.0 / (q as f32).sqrt())
}

/// Returns 1 / sqrt(q) from the estimate, within one and a half units in the last place.
#[inline(always)]
pub(super) fn refine(q: f64, estimate: f64) -> f64 {
    let e = (-(q * estimate)).mul_add(estimate, 1.0);
    (estimate * e).mul_add(e.mul_add(0.375, 0.5), estimate)
}

/// Returns 1 / sqrt(q) of any number: the same bits as [`refine`] inside [`F32_RANGE`], infinity at zero.
#[inline(always)]
pub(super) fn inverse_sqrt_full_range(q: f64) -> f64 {
    if F32_RANGE.contains(&q) { refine(q, estimate_f32(q)) } else { 1.0 / q.sqrt() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn exact_squares_give_exact_inverse_roots() {
        for (q, root) in [(1.0, 1.0), (16.0, 4.0), (0.25, 0.5), (1e-40, 1e-20), (1e40, 1e20)] {
            assert_eq!(inverse_sqrt_full_range(q), 1.0 / root, "{q}");
        }
        assert_eq!(inverse_sqrt_full_range(0.0), f64::INFINITY);
        assert_eq!(inverse_sqrt_full_range(f64::INFINITY), 0.0);
        assert!(inverse_sqrt_full_range(f64::NAN).is_nan());
    }

    proptest! {
        #[test]
        fn the_result_agrees_with_the_platform_to_two_units_in_the_last_place(exponent in -45.0..45.0_f64, digits in 1.0..4.0_f64) {
            let q = digits * 10_f64.powf(exponent);
            prop_assert!((inverse_sqrt_full_range(q) * q.sqrt() - 1.0).abs() <= 2.0 * f64::EPSILON, "{q}");
        }
    }
}
