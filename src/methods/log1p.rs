//! Computes logarithms as a power of two and an inverse hyperbolic tangent, without a branch and with one division.

use std::f64::consts::LN_2;

/// The bits of 1.0.
const ONE: u64 = 0x3ff0_0000_0000_0000;
/// 2^52; an integer below it, written into the mantissa bits of 2^52, increases the number by that integer.
const TWO_52: f64 = 4_503_599_627_370_496.0;
/// The sign and exponent bits of a double.
const EXPONENT: u64 = 0xfff0_0000_0000_0000;
/// Half of the lowest exponent bit.
const HALF: u64 = 1 << 51;

/// Denominators below this count as zero: the logarithm is infinite.
const MIN_DENOMINATOR: f64 = 1e-200;

/// Largest |s| for which the polynomial of 2 atanh(s) is exact to rounding; the reduction stays below it.
#[cfg(test)]
const LARGEST: f64 = 0.2004;

/// P(z) in 2 atanh(s) = 2 s (1 + z P(z)), z = s^2. It minimizes the largest relative error over 0 <= z <= 0.04016,
/// which is 1.6e-17. It was computed with the Remez exchange algorithm at 60 digits; the Taylor series begins with 1/3,
/// 1/5, 1/7.
const P: [f64; 7] = [
    0.333_333_333_333_364_23,
    0.199_999_999_980_428_03,
    0.142_857_147_046_031_59,
    0.111_110_686_735_985_87,
    0.090_932_019_736_072_03,
    0.076_246_102_766_167_94,
    0.076_878_931_500_882_43,
];

/// ln = k ln 2 + 2 atanh(f / g), not yet evaluated, so that a caller can select between two forms before the division.
#[derive(Debug, Clone, Copy)]
pub(super) struct DeferredLogarithm {
    pub k: f64,
    pub f: f64,
    pub g: f64,
}

impl DeferredLogarithm {
    /// Returns ln(1 + num / den) for num >= 0 and den >= 0 and any quotient; infinite for den below 1e-200.
    ///
    /// With 2^k close to 1 + num / den, f = num 2^-k - den (1 - 2^-k) and g = num 2^-k + den (1 + 2^-k). The quotient
    /// itself is never computed; for k = 0, f = num, so that small quotients keep all their digits. k comes from the
    /// difference of the bits of num + den and of den, which is the base-2 logarithm of their quotient within 0.087.
    /// Hence (1 + num / den) 2^-k is in 0.666..1.502, and |f / g| is below 0.2004.
    #[inline(always)]
    pub fn ln_1p_quotient(num: f64, den: f64) -> Self {
        let vanishing = den < MIN_DENOMINATOR;
        let den = if vanishing { 1.0 } else { den };
        let octaves = (num + den).to_bits().wrapping_sub(den.to_bits()).wrapping_add(HALF) & EXPONENT;
        let scale = f64::from_bits(ONE.wrapping_sub(octaves));
        let k = f64::from_bits((octaves >> 52) | TWO_52.to_bits()) - TWO_52;
        let f = num.mul_add(scale, den.mul_add(scale, -den));
        let g = num.mul_add(scale, den.mul_add(scale, den));
        Self { k: if vanishing { f64::INFINITY } else { k }, f, g }
    }

    /// Evaluates the logarithm, within two units in the last place.
    #[inline(always)]
    pub fn evaluate(self) -> f64 {
        self.k.mul_add(LN_2, twice_atanh(self.f / self.g))
    }
}

/// Returns 2 atanh(s) for |s| <= 0.2004.
#[inline(always)]
pub(super) fn twice_atanh(s: f64) -> f64 {
    let z = s * s;
    let z_2 = z * z;
    let low = P[3].mul_add(z, P[2]).mul_add(z_2, P[1].mul_add(z, P[0]));
    let high = P[6].mul_add(z_2, P[5].mul_add(z, P[4]));
    let twice = s + s;
    (twice * z).mul_add(high.mul_add(z_2 * z_2, low), twice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Returns the distance of two doubles in units in the last place.
    fn ulps(a: f64, b: f64) -> u64 {
        a.to_bits().abs_diff(b.to_bits())
    }

    fn ln_1p_quotient(num: f64, den: f64) -> f64 {
        DeferredLogarithm::ln_1p_quotient(num, den).evaluate()
    }

    #[test]
    fn known_logarithms() {
        assert_eq!(ln_1p_quotient(0.0, 1.0), 0.0);
        assert_eq!(ln_1p_quotient(1.0, 1.0), LN_2);
        assert_eq!(ln_1p_quotient(1023.0, 1.0), 10.0 * LN_2);
        // ln(1 + x) = x - x^2/2 + ..., so for x far below the last digit the result is x itself
        assert_eq!(ln_1p_quotient(1e-20, 1.0), 1e-20);
        assert_eq!(ln_1p_quotient(3e-300, 1.0), 3e-300);
    }

    #[test]
    fn a_vanishing_denominator_gives_infinity() {
        assert_eq!(ln_1p_quotient(1.0, 0.0), f64::INFINITY);
        assert_eq!(ln_1p_quotient(1e9, 1e-300), f64::INFINITY);
        assert_eq!(ln_1p_quotient(1e-199, 1e-199), LN_2);
    }

    #[test]
    fn nan_gives_nan() {
        assert!(ln_1p_quotient(f64::NAN, 1.0).is_nan());
        assert!(ln_1p_quotient(1.0, f64::NAN).is_nan());
    }

    proptest! {
        #[test]
        fn the_result_agrees_with_the_platform_to_four_units_in_the_last_place(
            exponent in -300.0..150.0_f64, den in 1e-3..1e3_f64
        ) {
            let x = 10_f64.powf(exponent);
            let num = x * den;
            prop_assert!(ulps(ln_1p_quotient(num, den), (num / den).ln_1p()) <= 4);
        }

        #[test]
        fn the_reduction_stays_in_the_range_of_the_polynomial(num in 0.0..1e12_f64, den in 1e-12..1e3_f64) {
            let DeferredLogarithm { k, f, g } = DeferredLogarithm::ln_1p_quotient(num, den);
            prop_assert!((f / g).abs() <= LARGEST);
            prop_assert!((0.0..1000.0).contains(&k) && k.fract() == 0.0);
        }

        #[test]
        fn atanh_agrees_with_the_platform(s in -0.2..0.2_f64) {
            prop_assert!((twice_atanh(s) / (2.0 * s.atanh()) - 1.0).abs() < 1e-15);
        }
    }
}
