//! Tolerance and difference of two numbers that should be equal.

/// Largest allowed difference of two numbers: `|a - b| <= atol + rtol max(|a|, |b|)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerance {
    /// Relative to the larger of the two.
    pub rtol: f64,
    /// Absolute, in the unit of the numbers.
    pub atol: f64,
}

/// Difference of two numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Difference {
    /// `|a - b|`; infinite if one is not finite, or the difference overflows.
    pub absolute: f64,
    /// `|a - b| / max(|a|, |b|)`; infinite if `absolute` is.
    pub relative: f64,
}

impl Difference {
    /// No difference.
    pub const EQUAL: Self = Self { absolute: 0.0, relative: 0.0 };

    /// Returns the difference of `a` and `b`. NaN in both files is equal: the question is whether the files agree.
    pub fn between(a: f64, b: f64) -> Self {
        if a == b || (a.is_nan() && b.is_nan()) {
            return Self::EQUAL;
        }
        let absolute = (a - b).abs();
        if absolute.is_finite() {
            Self { absolute, relative: absolute / a.abs().max(b.abs()) }
        } else {
            Self { absolute: f64::INFINITY, relative: f64::INFINITY }
        }
    }
}

impl Tolerance {
    /// Returns the scale of differences: this tolerance, or the larger of the two numbers if it allows no difference.
    pub(crate) fn excess_measure(&self) -> Self {
        if self.atol == 0.0 && self.rtol == 0.0 { Self { rtol: 1.0, atol: 0.0 } } else { *self }
    }

    /// Returns the difference of two numbers as a multiple of the tolerance; the relative difference if the tolerance
    /// is 0.
    pub fn excess(&self, a: f64, b: f64, apart: Difference) -> f64 {
        let Self { rtol, atol } = self.excess_measure();
        let excess = apart.absolute / (atol + rtol * a.abs().max(b.abs()));
        if apart.absolute.is_finite() { excess } else { f64::INFINITY }
    }

    /// Returns whether two numbers agree.
    pub fn allows(&self, a: f64, b: f64) -> bool {
        let Difference { absolute, .. } = Difference::between(a, b);
        absolute == 0.0 || (absolute.is_finite() && absolute <= self.atol + self.rtol * a.abs().max(b.abs()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tolerance_is_relative_to_the_larger_and_adds_the_absolute_part() {
        let tolerance = Tolerance { rtol: 0.1, atol: 1.0 };
        assert!(tolerance.allows(10.0, 12.2)); // 2.2 <= 1 + 1.22
        assert!(!tolerance.allows(10.0, 12.3)); // 2.3 > 1 + 1.23
        assert!(tolerance.allows(-10.0, -12.2));
        assert!(!Tolerance { rtol: 0.0, atol: 0.0 }.allows(1.0, 1.0 + f64::EPSILON));
    }

    #[test]
    fn what_is_not_a_number_agrees_only_with_its_like() {
        let wide = Tolerance { rtol: 1.0, atol: f64::MAX };
        assert!(wide.allows(f64::NAN, f64::NAN));
        assert!(wide.allows(f64::INFINITY, f64::INFINITY));
        assert!(!wide.allows(f64::NAN, 1.0));
        assert!(!wide.allows(f64::INFINITY, 1.0));
        assert!(!wide.allows(f64::INFINITY, f64::NEG_INFINITY));
        assert_eq!(Difference::between(1.0, f64::NAN).relative, f64::INFINITY);
    }
}
