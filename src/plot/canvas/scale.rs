//! Axis scales: map numbers to positions along an axis, and choose its ticks.

/// A tick: its number and its label.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    /// The number.
    pub value: f64,
    /// The text next to the tick.
    pub label: String,
}

/// Scale of an axis from one number to another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum AxisScale {
    /// Equal steps are equal differences.
    Linear(f64, f64),
    /// Equal steps are equal ratios; both ends are above zero.
    Log(f64, f64),
}

impl AxisScale {
    /// Returns the position of a number: 0 at the low end, 1 at the high end. NaN if the logarithm is not defined.
    pub fn position(self, v: f64) -> f64 {
        match self {
            Self::Linear(low, high) => (v - low) / (high - low),
            Self::Log(low, high) => (v / low).ln() / (high / low).ln(),
        }
    }

    /// Returns whether a number is on the axis, up to rounding.
    fn contains(self, v: f64) -> bool {
        (-1e-7..=1.0 + 1e-7).contains(&self.position(v))
    }

    /// Returns at most about `most` labelled ticks: round numbers, or powers of ten.
    pub fn ticks(self, most: usize) -> Vec<Tick> {
        match self {
            Self::Linear(low, high) => linear_ticks(low, high, most),
            Self::Log(low, high) if (high / low).log10() < 1.0 => {
                // within a decade there are too few powers of ten
                let ticks = linear_ticks(low, high, most).into_iter();
                ticks.map(|t| Tick { label: format_scientific(t.value), ..t }).collect()
            }
            Self::Log(low, high) => {
                let powers = decade_range(low, high).filter(|e| self.contains(10f64.powi(*e))).count();
                let few = self.one_two_five_ticks();
                // one label does not show a ratio, and two do not show the ends
                if powers < 2 || (powers < 3 && few.len() <= most.max(1)) {
                    return few;
                }
                let every = decade_range(low, high).count().div_ceil(most.max(1)).max(1) as i32;
                let labelled = decade_range(low, high).filter(|e| e.rem_euclid(every) == 0);
                let ticks = labelled.map(|e| Tick { value: 10f64.powi(e), label: format_power_of_ten(e) });
                ticks.filter(|t| self.contains(t.value)).collect()
            }
        }
    }

    /// Returns 1, 2 and 5 times the powers of ten.
    fn one_two_five_ticks(self) -> Vec<Tick> {
        let Self::Log(low, high) = self else { return Vec::new() };
        let steps = decade_range(low, high).flat_map(|e| [1.0, 2.0, 5.0].map(|k| k * 10f64.powi(e)));
        steps.filter(|v| self.contains(*v)).map(|at| Tick { value: at, label: format_scientific(at) }).collect()
    }

    /// Returns the numbers with a short tick without a label: 2 to 9 times the powers of ten.
    pub fn minor_ticks(self) -> Vec<f64> {
        match self {
            Self::Log(low, high) if (1.0..8.0).contains(&(high / low).log10()) => {
                let steps = decade_range(low, high).flat_map(|e| (2..10).map(move |k| f64::from(k) * 10f64.powi(e)));
                steps.filter(|v| self.contains(*v)).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// Returns the exponents of ten from at or below `low` to at or above `high`.
fn decade_range(low: f64, high: f64) -> std::ops::RangeInclusive<i32> {
    low.log10().floor() as i32..=high.log10().ceil() as i32
}

/// Returns the step, 1, 2, 2.5 or 5 times a power of ten, that gives at most `most` ticks.
pub(crate) fn round_step(range: f64, most: usize) -> f64 {
    let least = range / most.max(1) as f64;
    let power = 10f64.powf(least.log10().floor());
    [1.0, 2.0, 2.5, 5.0, 10.0]
        .map(|k| k * power)
        .into_iter()
        .find(|s| *s >= least * (1.0 - 1e-12))
        .unwrap_or(10.0 * power)
}

fn linear_ticks(low: f64, high: f64, most: usize) -> Vec<Tick> {
    let step = round_step(high - low, most);
    let (first, last) = ((low / step - 1e-7).ceil(), (high / step + 1e-7).floor());
    if !(step.is_finite() && step > 0.0 && last - first < 1000.0) {
        return Vec::new();
    }
    let numbers: Vec<f64> = (0..=(last - first) as i64).map(|i| (first + i as f64) * step).collect();
    let small = step.log10().floor() < -4.0 || numbers.iter().any(|v| v.abs() >= 1e6);
    let decimals = decimals_for_step(step);
    let label = |v: f64| if small { format_scientific(v) } else { format_fixed(v, decimals) };
    numbers.into_iter().map(|at| Tick { value: at, label: label(at) }).collect()
}

/// Returns the number of decimals that multiples of a step need.
fn decimals_for_step(step: f64) -> usize {
    (0..6).find(|d| (step * 10f64.powi(*d)).fract().abs() < 1e-8).unwrap_or(6) as usize
}

fn format_fixed(v: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", v.abs());
    let is_zero = text.chars().all(|c| c == '0' || c == '.');
    if v < 0.0 && !is_zero { format!("\u{2212}{text}") } else { text }
}

/// Formats a number as `2.5x10` to a power.
fn format_scientific(v: f64) -> String {
    if v == 0.0 {
        return "0".into();
    }
    let exponent = v.abs().log10().floor() as i32;
    let factor = format!("{:.2}", v.abs() / 10f64.powi(exponent));
    let factor = factor.trim_end_matches('0').trim_end_matches('.');
    let sign = if v < 0.0 { "\u{2212}" } else { "" };
    if factor == "1" {
        format!("{sign}{}", format_power_of_ten(exponent))
    } else {
        format!("{sign}{factor}\u{d7}{}", format_power_of_ten(exponent))
    }
}

/// Formats a power of ten with superscript digits.
fn format_power_of_ten(exponent: i32) -> String {
    let raised = |c: char| match c {
        '-' => '\u{207b}',
        '1' => '\u{b9}',
        '2' => '\u{b2}',
        '3' => '\u{b3}',
        digit => digit.to_digit(10).and_then(|d| char::from_u32(0x2070 + d)).unwrap_or(digit),
    };
    format!("10{}", exponent.to_string().chars().map(raised).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scale: AxisScale, most: usize) -> Vec<String> {
        scale.ticks(most).into_iter().map(|t| t.label).collect()
    }

    #[test]
    fn ticks_stand_at_round_numbers() {
        assert_eq!(labels(AxisScale::Linear(-0.3, 1.0), 4), ["0.0", "0.5", "1.0"]);
        assert_eq!(labels(AxisScale::Linear(-450.0, 410.0), 5), ["\u{2212}400", "\u{2212}200", "0", "200", "400"]);
        assert_eq!(
            labels(AxisScale::Linear(0.0, 3e-7), 3),
            ["0", "10\u{207b}\u{2077}", "2\u{d7}10\u{207b}\u{2077}", "3\u{d7}10\u{207b}\u{2077}"]
        );
        assert!(
            labels(AxisScale::Linear(1.0, 1.0), 4).is_empty() && labels(AxisScale::Linear(f64::NAN, 1.0), 4).is_empty()
        );
    }

    #[test]
    fn logarithmic_ticks_are_powers_of_ten_and_skip_some_where_there_are_many() {
        assert_eq!(
            labels(AxisScale::Log(5e-8, 2e-5), 6),
            ["10\u{207b}\u{2077}", "10\u{207b}\u{2076}", "10\u{207b}\u{2075}"]
        );
        assert_eq!(
            labels(AxisScale::Log(1e-12, 1.0), 5),
            ["10\u{207b}\u{b9}\u{b2}", "10\u{207b}\u{2079}", "10\u{207b}\u{2076}", "10\u{207b}\u{b3}", "10\u{2070}"]
        );
        assert_eq!(AxisScale::Log(1.0, 30.0).minor_ticks(), [2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 20.0, 30.0]);
        assert_eq!(
            labels(AxisScale::Log(1.5, 30.0), 6),
            ["2\u{d7}10\u{2070}", "5\u{d7}10\u{2070}", "10\u{b9}", "2\u{d7}10\u{b9}"]
        );
        assert_eq!(
            labels(AxisScale::Log(2.0, 4.0), 3),
            ["2\u{d7}10\u{2070}", "3\u{d7}10\u{2070}", "4\u{d7}10\u{2070}"]
        );
    }

    #[test]
    fn places_run_from_the_low_end_to_the_high_one() {
        assert_eq!([0.0, 5.0, 20.0].map(|v| AxisScale::Linear(0.0, 10.0).position(v)), [0.0, 0.5, 2.0]);
        assert!((AxisScale::Log(1e-4, 1.0).position(1e-2) - 0.5).abs() < 1e-15);
        assert!(AxisScale::Log(1.0, 2.0).position(-1.0).is_nan());
    }
}
