//! The three-dimensional Hilbert curve: an order in which neighbours in the list are neighbours in space.
//!
//! Source: J. Skilling, "Programming the Hilbert curve", AIP Conf. Proc. 707, 381 (2004), doi:10.1063/1.1751381.

use super::{Aabb, Point};

/// Bits per axis: three axes use 63 bits of the key.
const BITS_PER_AXIS: u32 = 21;

/// Maps points of a box to positions along the curve.
#[derive(Debug, Clone, Copy)]
pub struct HilbertCurve {
    origin: Point,
    /// Cells per micrometre, the same on every axis, so that cells are cubes.
    cells_per_um: f64,
}

impl HilbertCurve {
    /// Creates the curve that fills the cube around a box.
    ///
    /// ```
    /// use leadfield::geometry::hilbert::HilbertCurve;
    /// use leadfield::geometry::{Aabb, Point};
    ///
    /// let at = |x: f64| Point::new(x, 0.0, 0.0);
    /// let curve = HilbertCurve::for_bounds(&Aabb::enclosing([at(0.0), Point::new(100.0, 100.0, 100.0)]));
    /// // neighbours in space have neighbouring keys
    /// assert!(curve.key(at(1.0)).abs_diff(curve.key(at(1.1))) < curve.key(at(1.0)).abs_diff(curve.key(at(90.0))));
    /// ```
    pub fn for_bounds(bounds: &Aabb) -> Self {
        let size = bounds.size();
        let side = size.x.max(size.y).max(size.z);
        let scale = if side.is_finite() && side > 0.0 { f64::from((1_u32 << BITS_PER_AXIS) - 1) / side } else { 0.0 };
        Self { origin: if bounds.is_empty() { Point::ORIGIN } else { bounds.min }, cells_per_um: scale }
    }

    /// Returns the position of a point along the curve; points outside the box count as the nearest cell.
    pub fn key(&self, p: Point) -> u64 {
        let p = (p - self.origin) * self.cells_per_um;
        // `as` saturates: negative numbers and NaN give 0
        let cell = |v: f64| (v as u32).min((1 << BITS_PER_AXIS) - 1);
        interleave(axes_to_transpose([cell(p.x), cell(p.y), cell(p.z)]))
    }
}

/// Skilling's axes-to-transpose: converts cell coordinates to the bits of the Hilbert index. It has no branches,
/// because they would be unpredictable, 63 times per key.
fn axes_to_transpose(mut x: [u32; 3]) -> [u32; 3] {
    let top = 1_u32 << (BITS_PER_AXIS - 1);
    let mut q = top;
    while q > 1 {
        let p = q - 1;
        for i in 0..3 {
            let inverts = u32::from(x[i] & q != 0).wrapping_neg();
            let swapped = (x[0] ^ x[i]) & p & !inverts;
            x[0] ^= swapped | (p & inverts);
            x[i] ^= swapped;
        }
        q >>= 1;
    }
    x[1] ^= x[0];
    x[2] ^= x[1];
    let mut t = 0;
    q = top;
    while q > 1 {
        t ^= (q - 1) & u32::from(x[2] & q != 0).wrapping_neg();
        q >>= 1;
    }
    x.map(|v| v ^ t)
}

/// Interleaves the bits of the three words, the highest first.
fn interleave(x: [u32; 3]) -> u64 {
    spread_bits(x[0]) << 2 | spread_bits(x[1]) << 1 | spread_bits(x[2])
}

/// Inserts two zero bits between the bits of a 21-bit number.
fn spread_bits(v: u32) -> u64 {
    let mut v = u64::from(v);
    v = (v | v << 32) & 0x001f_0000_0000_ffff;
    v = (v | v << 16) & 0x001f_0000_ff00_00ff;
    v = (v | v << 8) & 0x100f_00f0_0f00_f00f;
    v = (v | v << 4) & 0x10c3_0c30_c30c_30c3;
    (v | v << 2) & 0x1249_2492_4924_9249
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn successive_keys_are_neighbouring_cells() {
        let n = 8_u32;
        let shift = BITS_PER_AXIS - 3;
        let mut cells: Vec<(u64, [i64; 3])> = Vec::new();
        for x in 0..n {
            for y in 0..n {
                for z in 0..n {
                    let key = interleave(axes_to_transpose([x << shift, y << shift, z << shift]));
                    cells.push((key >> (3 * shift), [x.into(), y.into(), z.into()]));
                }
            }
        }
        cells.sort_unstable();
        for (i, (key, _)) in cells.iter().enumerate() {
            assert_eq!(*key, i as u64, "every key occurs once");
        }
        for pair in cells.windows(2) {
            let step: i64 = (0..3).map(|k| (pair[0].1[k] - pair[1].1[k]).abs()).sum();
            assert_eq!(step, 1, "{pair:?}");
        }
    }

    #[test]
    fn a_degenerate_box_has_a_key() {
        let p = Point::new(3.0, 3.0, 3.0);
        assert_eq!(HilbertCurve::for_bounds(&Aabb::enclosing([p])).key(p), 0);
        assert_eq!(HilbertCurve::for_bounds(&Aabb::EMPTY).key(p), 0);
    }
}
