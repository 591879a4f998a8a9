//! Computes vector products without cancellation.

use super::simd::norm_2;
use crate::geometry::Point;

/// Returns the squared length of the vector product.
#[inline(always)]
pub(super) fn cross_2(a: Point, b: Point) -> f64 {
    norm_2(Point::new(
        difference_of_products(a.y, b.z, a.z, b.y),
        difference_of_products(a.z, b.x, a.x, b.z),
        difference_of_products(a.x, b.y, a.y, b.x),
    ))
}

/// Returns a b - c d without cancellation; the result is exactly 0 if the products are equal.
///
/// Source: C.-P. Jeannerod, N. Louvet, J.-M. Muller, Math. Comp. 82, 2245 (2013), doi:10.1090/S0025-5718-2013-02679-8
/// (Kahan's algorithm).
#[inline(always)]
fn difference_of_products(a: f64, b: f64, c: f64, d: f64) -> f64 {
    let cd = c * d;
    a.mul_add(b, -cd) + (-c).mul_add(d, cd)
}
