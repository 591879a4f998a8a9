//! Contacts side by side: the numbers that a formula computes for a group of contacts at once.

use super::NearField;
use crate::geometry::Point;

/// Number of contacts in a group: two vectors of AVX-512, four of AVX2. Both stages of a formula then fit into
/// registers.
pub(super) const LANES: usize = 16;

/// One number for each contact of a group, aligned to cache lines.
///
/// It is filled by a loop over all lanes. Closures would not be compiled for each vector width.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(super) struct Lanes<const N: usize = LANES>(pub [f64; N]);

impl<const N: usize> Default for Lanes<N> {
    fn default() -> Self {
        Self([0.0; N])
    }
}

impl<const N: usize> std::ops::Index<usize> for Lanes<N> {
    type Output = f64;

    #[inline(always)]
    fn index(&self, lane: usize) -> &f64 {
        &self.0[lane]
    }
}

impl<const N: usize> std::ops::IndexMut<usize> for Lanes<N> {
    #[inline(always)]
    fn index_mut(&mut self, lane: usize) -> &mut f64 {
        &mut self.0[lane]
    }
}

/// A point contact in an unbounded, isotropic medium.
#[derive(Debug, Clone, Copy)]
pub(super) struct PointContact {
    /// Position, µm.
    pub position_um: Point,
    /// Conductivity of the medium, S/m.
    pub conductivity_s_per_m: f64,
    /// Treatment of the near field.
    pub near_field: NearField,
    /// Rounding error of the position, if coordinates are scaled.
    pub low_part: Option<Point>,
}

/// Returns the scalar product, with fused operations.
#[inline(always)]
pub(super) fn dot(a: Point, b: Point) -> f64 {
    a.x.mul_add(b.x, a.y.mul_add(b.y, a.z * b.z))
}

/// Returns the squared length, with fused operations.
#[inline(always)]
pub(super) fn norm_2(p: Point) -> f64 {
    dot(p, p)
}
