//! Random numbers that are the same on every machine.
//!
//! ChaCha8 generates the bits; only `+ - * /` and the square root are applied to them, whose rounding IEEE 754 defines.
//! Directions and rotations come from rejection sampling (G. Marsaglia, "Choosing a point from the surface of a
//! sphere", Ann. Math. Stat. 43, 645 (1972), doi:10.1214/aoms/1177692644), because sines and cosines differ between
//! mathematical libraries.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use crate::geometry::Point;

/// A stream of random numbers.
pub(super) struct SeededRng(ChaCha8Rng);

impl SeededRng {
    /// Creates the stream with a number; the streams of one seed are independent of each other.
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Self(rng)
    }

    /// Draws a number uniformly from [0, 1), a multiple of 2^-53.
    pub fn next_unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Draws a number uniformly from [from, to).
    pub fn next_between(&mut self, from: f64, to: f64) -> f64 {
        from + (to - from) * self.next_unit()
    }

    /// Draws an integer uniformly from 0..n (0 for n = 0), by the high half of a product; its bias is at most n / 2^64.
    pub fn next_below(&mut self, n: usize) -> usize {
        ((u128::from(self.0.next_u64()) * n as u128) >> 64) as usize
    }

    /// Draws an integer uniformly from -2^15 .. 2^15.
    pub fn next_signed_16_bits(&mut self) -> i32 {
        i32::from((self.0.next_u32() >> 16) as u16 as i16)
    }

    /// Draws a direction uniformly from the unit sphere.
    pub fn next_direction(&mut self) -> Point {
        let [x, y, z] = self.next_on_sphere();
        Point::new(x, y, z)
    }

    /// Draws a rotation uniformly from the unit sphere of quaternions (w, x, y, z).
    pub fn next_rotation(&mut self) -> [f64; 4] {
        self.next_on_sphere()
    }

    fn next_on_sphere<const D: usize>(&mut self) -> [f64; D] {
        loop {
            let v: [f64; D] = std::array::from_fn(|_| self.next_between(-1.0, 1.0));
            let norm_2: f64 = v.iter().map(|c| c * c).sum();
            if (1e-4..=1.0).contains(&norm_2) {
                return v.map(|c| c / norm_2.sqrt());
            }
        }
    }

    /// Shuffles the values (Fisher and Yates).
    pub fn shuffle<T>(&mut self, values: &mut [T]) {
        for last in (1..values.len()).rev() {
            values.swap(last, self.next_below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_of_a_seed_repeat_and_differ() {
        let draw = |seed, stream| SeededRng::new(seed, stream).next_unit();
        assert_eq!(draw(1, 2), draw(1, 2));
        assert_ne!(draw(1, 2), draw(1, 3));
        assert_ne!(draw(1, 2), draw(2, 2));
    }

    #[test]
    fn directions_have_length_one_and_no_bias() {
        let mut rng = SeededRng::new(1, 0);
        let drawn: Vec<Point> = (0..10_000).map(|_| rng.next_direction()).collect();
        assert!(drawn.iter().all(|d| (d.norm() - 1.0).abs() < 1e-15));
        // each coordinate has variance 1/3, so its mean over n draws has deviation 1 / sqrt(3 n) = 0.006; five of them
        let mean = drawn.iter().fold(Point::ORIGIN, |sum, &d| sum + d) / 10_000.0;
        assert!(mean.to_array().iter().all(|c| c.abs() < 0.03), "{mean}");
    }

    #[test]
    fn a_shuffle_keeps_all_values() {
        let mut values: Vec<u32> = (0..100).collect();
        SeededRng::new(1, 0).shuffle(&mut values);
        assert_ne!(values, (0..100).collect::<Vec<_>>());
        values.sort_unstable();
        assert_eq!(values, (0..100).collect::<Vec<_>>());
    }
}
