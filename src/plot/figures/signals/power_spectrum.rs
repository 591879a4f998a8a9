//! Power spectral density by Welch's method: the mean of the periodograms of overlapping segments.
//!
//! Welch PD (1967) IEEE Trans Audio Electroacoust 15:70-73,
//! [doi:10.1109/TAU.1967.1161901](https://doi.org/10.1109/TAU.1967.1161901).
//!
//! ```text
//! P(f_k) = c_k / (f_s sum w_n^2 S) * sum_s |sum_n w_n (x_(s,n) - mean x_s) exp(-2 pi i k n / N)|^2
//! ```
//!
//! `N` is the length of a segment, `w` Hann's window (periodic), `S` the number of segments, which overlap by half,
//! `f_s` the sampling rate, and `f_k = k f_s / N`. `c_k` is 2, but 1 at 0 and at `f_s / 2`, since negative frequencies are
//! added to positive ones. With these settings the result is that of `scipy.signal.welch`.

use super::SignalProblem;

/// A one-sided power spectral density.
#[derive(Debug, Clone, PartialEq)]
pub struct PowerSpectrum {
    /// Frequencies, Hz: from 0 to half the sampling rate.
    pub frequencies_hz: Vec<f64>,
    /// Densities, the square of the values' unit per Hz.
    pub density: Vec<f64>,
}

/// Returns the power spectral density of values by Welch's method.
///
/// `segment_frames` is the length of a segment, a power of two from 2 to the number of values.
///
/// # Errors
/// Returns an error if the length of a segment is not a power of two, or if there are fewer values.
pub fn welch(values: &[f64], rate_hz: f64, segment_frames: usize) -> Result<PowerSpectrum, SignalProblem> {
    let n = segment_frames;
    if n < 2 || values.len() < n {
        return Err(SignalProblem::Frames { expected: n.max(2), found: values.len() });
    }
    if !(n.is_power_of_two() && rate_hz.is_finite() && rate_hz > 0.0) {
        return Err(SignalProblem::Profile);
    }
    let turn = |k: usize| std::f64::consts::TAU * k as f64 / n as f64;
    let window: Vec<f64> = (0..n).map(|k| 0.5 - 0.5 * turn(k).cos()).collect();
    let power: f64 = window.iter().map(|w| w * w).sum();
    let mut density = vec![0.0; n / 2 + 1];
    let segments = (values.len() - n) / (n / 2) + 1;
    for s in 0..segments {
        let own = &values[s * (n / 2)..s * (n / 2) + n];
        let mean = own.iter().sum::<f64>() / n as f64;
        let mut spectrum: Vec<[f64; 2]> = own.iter().zip(&window).map(|(v, w)| [(v - mean) * w, 0.0]).collect();
        transform(&mut spectrum);
        density.iter_mut().zip(&spectrum).for_each(|(sum, [re, im])| *sum += re * re + im * im);
    }
    for (k, sum) in density.iter_mut().enumerate() {
        let sides = if k == 0 || k == n / 2 { 1.0 } else { 2.0 };
        *sum *= sides / (rate_hz * power * segments as f64);
    }
    let frequencies_hz = (0..=n / 2).map(|k| k as f64 * rate_hz / n as f64).collect();
    Ok(PowerSpectrum { frequencies_hz, density })
}

/// Fourier transform of a power of two complex numbers, in place (Cooley and Tukey 1965).
fn transform(values: &mut [[f64; 2]]) {
    let n = values.len();
    let bits = n.trailing_zeros();
    for i in 0..n {
        let j = i.reverse_bits() >> (usize::BITS - bits);
        if i < j {
            values.swap(i, j);
        }
    }
    let mut half = 1;
    while half < n {
        for k in 0..half {
            let (sin, cos) = (-std::f64::consts::PI * k as f64 / half as f64).sin_cos();
            for first in (k..n).step_by(2 * half) {
                let ([a, b], [c, d]) = (values[first], values[first + half]);
                let turned = [c * cos - d * sin, c * sin + d * cos];
                values[first] = [a + turned[0], b + turned[1]];
                values[first + half] = [a - turned[0], b - turned[1]];
            }
        }
        half *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};

    #[test]
    fn the_fast_transform_is_the_plain_sum() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        for n in [2_usize, 8, 64] {
            let values: Vec<[f64; 2]> =
                (0..n).map(|_| [rng.random_range(-1.0..1.0), rng.random_range(-1.0..1.0)]).collect();
            let mut fast = values.clone();
            transform(&mut fast);
            for (k, [re, im]) in fast.iter().enumerate() {
                let term = |(i, [a, b]): (usize, &[f64; 2])| {
                    let (sin, cos) = (-std::f64::consts::TAU * (i * k % n) as f64 / n as f64).sin_cos();
                    [a * cos - b * sin, a * sin + b * cos]
                };
                let plain = values.iter().enumerate().map(term).fold([0.0; 2], |s, t| [s[0] + t[0], s[1] + t[1]]);
                assert!((plain[0] - re).abs() < 1e-12 && (plain[1] - im).abs() < 1e-12, "{n} {k}");
            }
        }
    }

    #[test]
    fn a_sine_has_its_power_at_its_frequency() {
        // at the middle of a bin, Hann's window passes 3/2 bins: the density is A²/2 / (1.5 f_s / N)
        let (n, rate, amplitude) = (256, 1000.0, 3.0);
        let frequency = 20.0 * rate / n as f64;
        let wave = |i: i32| 7.0 + amplitude * (std::f64::consts::TAU * frequency * f64::from(i) / rate).sin();
        let found = welch(&(0..2000).map(wave).collect::<Vec<_>>(), rate, n).unwrap();
        let expected = amplitude * amplitude / 2.0 / (1.5 * rate / n as f64);
        assert!((found.density[20] / expected - 1.0).abs() < 1e-9, "{} {expected}", found.density[20]);
        assert_eq!(found.frequencies_hz[20], frequency);
        let largest = found.density.iter().copied().fold(0.0, f64::max);
        assert_eq!(found.density[20], largest);
        assert!(found.density[0] < 1e-12 * largest, "the mean is taken off");
    }

    #[test]
    fn the_integral_over_frequencies_is_the_weighted_variance() {
        // Parseval: for one segment the sum of the density times the bin is the mean of (w x)² over that of w²
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(2);
        let (n, rate) = (128, 500.0);
        let values: Vec<f64> = (0..n).map(|_| rng.random_range(-1.0..1.0)).collect();
        let found = welch(&values, rate, n).unwrap();
        let mean = values.iter().sum::<f64>() / n as f64;
        let window = |i: usize| (std::f64::consts::PI * i as f64 / n as f64).sin().powi(2);
        let sum = |f: &dyn Fn(usize) -> f64| (0..n).map(f).sum::<f64>();
        let variance = sum(&|i| (window(i) * (values[i] - mean)).powi(2)) / sum(&|i| window(i).powi(2));
        let integral: f64 = found.density.iter().sum::<f64>() * rate / n as f64;
        assert!((integral / variance - 1.0).abs() < 1e-12, "{integral} {variance}");
    }

    #[test]
    fn segment_lengths_that_are_not_powers_of_two_or_too_large_are_refused() {
        assert_eq!(welch(&[0.0; 9], 1.0, 6), Err(SignalProblem::Profile));
        assert_eq!(welch(&[0.0; 9], 1.0, 16), Err(SignalProblem::Frames { expected: 16, found: 9 }));
    }
}
