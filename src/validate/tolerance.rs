//! Comparison of two files that should hold the same: how far apart, and where.

/// How far apart two numbers may be: `|a - b| <= atol + rtol max(|a|, |b|)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerance {
    /// Relative to the larger of the two.
    pub rtol: f64,
    /// Absolute, in the numbers' unit.
    pub atol: f64,
}

/// How far apart two numbers are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Difference {
    /// `|a - b|`; infinite where one is not finite, or the difference overflows.
    pub absolute: f64,
    /// `|a - b| / max(|a|, |b|)`; infinite where `absolute` is.
    pub relative: f64,
}

impl Difference {
    /// Not apart at all.
    pub const EQUAL: Self = Self { absolute: 0.0, relative: 0.0 };

    /// How far `a` and `b` are apart. NaN in both files is equal: the question is whether the files agree.
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
    /// What differences are measured by: what is allowed, or the larger of the two numbers where nothing is.
    pub(crate) fn excess_measure(&self) -> Self {
        if self.atol == 0.0 && self.rtol == 0.0 { Self { rtol: 1.0, atol: 0.0 } } else { *self }
    }

    /// How many times what is allowed two numbers are apart; the relative difference where nothing is allowed.
    pub fn excess(&self, a: f64, b: f64, apart: Difference) -> f64 {
        let Self { rtol, atol } = self.excess_measure();
        let excess = apart.absolute / (atol + rtol * a.abs().max(b.abs()));
        if apart.absolute.is_finite() { excess } else { f64::INFINITY }
    }

    /// Whether two numbers agree.
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
