//! The potential of a current source in the brain of a [`FourSphereHead`], as a series in the order n.
//!
//! A point source of the current I at the distance b from the centre, inside the brain, has in shell s (1 brain, 2 CSF, 3
//! skull, 4 scalp) the potential of order n
//!
//! ```text
//! phi_n = [a_s (r/R_s)^n + b_s (R_s/r)^(n+1)] P_n(cos gamma)
//! ```
//!
//! at the distance r, where gamma is the angle between source and electrode at the centre. In the brain b_1 is the
//! source itself, I (b/R_1)^n / (4 pi s_1 R_1). At each interface potential and radial current are continuous, and no
//! current leaves the scalp. With p_s = a_s/b_s this gives, from the scalp inwards,
//!
//! ```text
//! p_4     = (n+1)/n
//! k       = s_(s+1)/s_s      x = p_(s+1) (R_s/R_(s+1))^(2n+1)
//! d       = n + k (n+1) + n x (1-k)
//! p_s     = [(n+1) (1-k) + x (n+1 + k n)] / d
//! b_(s+1) = b_s (R_s/R_(s+1))^(n+1) (2n+1) / d
//! ```
//!
//! No term overflows, since all powers are of numbers below 1, and no two terms cancel for equal conductivities. The
//! electrode in shell s, with G the product of all (2n+1)/d up to it, has
//!
//! ```text
//! phi = I/(4 pi s_1 r) sum over n >= 1 of g_n (b/r)^n P_n(cos gamma),   g_n = G (1 + p_s (r/R_s)^(2n+1))
//! ```
//!
//! The order n = 0 is left out: it does not depend on the source's position, and membrane currents sum to zero. So the
//! potential is that against its mean over the sphere through the electrode, which for a dipole is the potential
//! against infinity in the usual sense.
//!
//! Truncation: terms up to the order N are summed, where N is such that the rest is below 1e-14 of the largest g_n, by
//! the bound on a geometric series ([`order_for_potential`], [`order_for_gradient`]).
//!
//! Checked by hand: equal conductivities and an electrode on the scalp give g_n = (2n+1)/n, the series of the
//! homogeneous sphere.

use super::head::FourSphereHead;

/// Largest order that is summed. It suffices for a source at 0.997 of the electrode's distance from the centre: 0.24 mm
/// below an electrode on the brain.
pub const MAX_ORDER: usize = 25_000;

/// The part of the series that is left out, relative to the largest coefficient.
pub const TRUNCATION: f64 = 1e-14;

/// Returns the coefficients g_n of the orders 1 to `orders` for an electrode at a distance from the centre between the
/// surfaces of brain and scalp.
pub fn coefficients(head: &FourSphereHead, electrode_radius_um: f64, orders: usize) -> Vec<f64> {
    let (radii, sigmas) = (head.radii_um, head.conductivities_s_per_m);
    // an electrode on an interface has the same potential from both sides; take the outer shell of the two inner ones
    let shell = radii.iter().skip(1).position(|r| electrode_radius_um <= *r).map_or(3, |before| before + 1);
    let coefficient = |n: usize| {
        let n = n as f64;
        let (mut gain, mut p) = (1.0, (n + 1.0) / n);
        let mut at_electrode = 1.0 + p * (electrode_radius_um / radii[shell]).powf(2.0 * n + 1.0);
        for outer in (1..4).rev() {
            let inner = outer - 1;
            if outer == shell {
                at_electrode = 1.0 + p * (electrode_radius_um / radii[shell]).powf(2.0 * n + 1.0);
                gain = 1.0;
            }
            let k = sigmas[outer] / sigmas[inner];
            let x = p * (radii[inner] / radii[outer]).powf(2.0 * n + 1.0);
            let d = n + k * (n + 1.0) + n * x * (1.0 - k);
            p = ((n + 1.0) * (1.0 - k) + x * (n + 1.0 + k * n)) / d;
            gain *= (2.0 * n + 1.0) / d;
        }
        gain * at_electrode
    };
    (1..=orders).map(coefficient).collect()
}

/// Returns the smallest N, up to rounding, for which the sum over n > N of y^n is below [`TRUNCATION`] `/ spread`:
/// y^(N+1)/(1-y). `spread` is the ratio of the largest coefficient to that of order 1.
pub fn order_for_potential(y: f64, spread: f64) -> usize {
    solve_order(y, spread / (1.0 - y), 0.0)
}

/// Returns an N for which the sum over n > N of n^2 y^(n-1) is below [`TRUNCATION`] `/ spread`. The sum is at most 2
/// (N+1)^2 y^N / (1-y)^3, and bounds both components of the gradient, since |n P_n| <= n and |P_n'| <= n (n+1)/2.
pub fn order_for_gradient(y: f64, spread: f64) -> usize {
    solve_order(y, 2.0 * spread / (1.0 - y).powi(3), 2.0)
}

/// Returns an N with factor (N+1)^power y^N <= TRUNCATION; larger than [`MAX_ORDER`] if y is too close to 1.
fn solve_order(y: f64, factor: f64, power: f64) -> usize {
    if y <= 0.0 {
        return 1;
    }
    if y.is_nan() || y >= 1.0 {
        return MAX_ORDER + 1;
    }
    let decay = -y.ln();
    let mut order = 1.0;
    // the iteration rises to the solution from below
    for _ in 0..8 {
        order = ((factor / TRUNCATION).ln() + power * f64::ln(order + 1.0)) / decay;
        if order > MAX_ORDER as f64 {
            return MAX_ORDER + 1;
        }
        order = order.max(1.0);
    }
    order.ceil() as usize + 1
}

#[cfg(test)]
mod tests {
    use super::super::head::HeadSettings;
    use super::*;
    use crate::geometry::Point;

    fn head(conductivities_s_per_m: [f64; 4]) -> FourSphereHead {
        let settings = HeadSettings { center_um: Some(Point::ORIGIN), ..HeadSettings::default() };
        FourSphereHead { conductivities_s_per_m, ..settings.to_head().unwrap() }
    }

    #[test]
    fn equal_conductivities_are_a_homogeneous_sphere() {
        let head = head([0.4; 4]);
        for (r, n) in [(90e3, 1), (90e3, 7), (90e3, 400), (82e3, 1), (79e3, 30), (79.5e3, 2), (86e3, 90)] {
            let found = coefficients(&head, r, n)[n - 1];
            let n = n as f64;
            let expected = 1.0 + (n + 1.0) / n * (r / 90e3_f64).powf(2.0 * n + 1.0);
            assert!((found / expected - 1.0).abs() < 1e-13, "{r} {n}: {found} {expected}");
        }
    }

    #[test]
    fn the_same_interface_seen_from_both_shells_has_one_potential() {
        let head = head([0.33, 1.65, 0.0165, 0.33]);
        for r in [80e3, 85e3] {
            let (inside, outside) = (coefficients(&head, r, 300), coefficients(&head, r * (1.0 + 1e-12), 300));
            for (a, b) in inside.iter().zip(&outside) {
                // the step changes (r/R)^(2n+1) by at most 601e-12
                assert!((a / b - 1.0).abs() < 2e-9, "{r}: {a} {b}");
            }
        }
    }

    /// Potential and radial current of order n on both sides of each interface, from the coefficients themselves.
    #[test]
    fn potential_and_current_are_continuous_at_every_interface() {
        let head = head([0.33, 1.65, 0.0165, 0.5]);
        // phi_n over (b^n / (4 pi s1)) at r
        let phi = |r: f64, n: usize| coefficients(&head, r, n)[n - 1] / (r * 1e-4) * (r / 8e4).powi(-(n as i32));
        for n in [1, 2, 5, 20, 60] {
            for (inner, outer) in [(1, 2), (2, 3)] {
                let (at, h) = (head.radii_um[inner], 0.5);
                // one-sided derivatives of second order
                let slope = |h: f64| (-3.0 * phi(at, n) + 4.0 * phi(at + h, n) - phi(at + 2.0 * h, n)) / (2.0 * h);
                let (inside, outside) = (slope(-h), slope(h));
                let sigma = head.conductivities_s_per_m;
                let ratio = sigma[inner] * inside / (sigma[outer] * outside);
                assert!((ratio - 1.0).abs() < 1e-5, "order {n}, interface {inner}: {ratio}");
            }
            // nothing leaves the scalp
            let scalp = head.scalp_radius_um();
            let slope = (3.0 * phi(scalp, n) - 4.0 * phi(scalp - 0.5, n) + phi(scalp - 1.0, n)) / (2.0 * 0.5);
            let scale = phi(scalp, n) * n as f64 / scalp;
            assert!((slope / scale).abs() < 1e-4, "order {n}: {slope:e} of {scale:e}");
        }
    }

    #[test]
    fn the_rest_of_the_series_is_below_the_bound() {
        for y in [1e-3_f64, 0.3, 0.8, 0.87, 0.95, 0.99] {
            let sum =
                |first: usize, term: &dyn Fn(f64) -> f64| (first..first + 20_000).map(|n| term(n as f64)).sum::<f64>();
            let order = order_for_potential(y, 3.0);
            assert!(3.0 * sum(order + 1, &|n| y.powf(n)) <= TRUNCATION, "{y}: {order}");
            assert!(order < 3 || sum(order - 2, &|n| y.powf(n)) * 3.0 > TRUNCATION, "{y}: {order} is more than needed");
            let order = order_for_gradient(y, 3.0);
            assert!(3.0 * sum(order + 1, &|n| n * n * y.powf(n - 1.0)) <= TRUNCATION, "{y}: {order}");
        }
        assert_eq!((order_for_potential(0.0, 3.0), order_for_gradient(0.0, 3.0)), (1, 1));
        assert!(order_for_gradient(0.997, 3.0) <= MAX_ORDER);
        for y in [0.9999, 1.0, 1.1, f64::NAN] {
            assert!(order_for_gradient(y, 3.0) > MAX_ORDER, "{y}");
        }
    }
}
