//! Current source density along a laminar probe, from potentials: the second difference, and the kernel method.
//!
//! **Standard estimate** (Nicholson C, Freeman JA (1975) J Neurophysiol 38:356-368). Where conductivity `sigma` is the
//! same everywhere and currents flow along the probe only,
//!
//! ```text
//! C = -sigma d2phi/dz2
//! ```
//!
//! `C` is the density of current sources per volume, `phi` the potential, and `z` the depth. The second derivative is
//! taken from three neighbouring contacts, `2 ((phi[i+1] - phi[i]) / h2 - (phi[i] - phi[i-1]) / h1) / (h1 + h2)`, `h1`
//! and `h2` their distances, which is exact for potentials that are quadratic in `z`. There is no estimate at the first
//! and the last contact.
//!
//! **Kernel method in one dimension** (Potworowski J, Jakuczun W, Łęski S, Wójcik D (2012) Neural Computation
//! 24:541-575, [doi:10.1162/NECO_a_00236](https://doi.org/10.1162/NECO_a_00236)). Sources are constant in discs of
//! radius `r` across the probe (as in Pettersen KH et al. (2006) J Neurosci Methods 154:116-133), and a sum of
//! Gaussians along it:
//!
//! ```text
//! b_j(z)   = exp(-(z - c_j)^2 / (2 w^2))
//! phi_j(z) = 1 / (2 sigma) * integral b_j(z') (sqrt((z - z')^2 + r^2) - |z - z'|) dz'
//! K(z, z') = sum_j phi_j(z) phi_j(z'),   K~(z, z') = sum_j b_j(z) phi_j(z')
//! C(z)     = K~(z, z_i) (K(z_i, z_k) + lambda 1)^-1 phi_k
//! ```
//!
//! `z_i` are the depths of the contacts. `lambda` is the one of several that predicts each contact best from the others
//! (leave-one-out cross-validation, as in the paper). Potentials beyond the contacts are estimated as well, so there
//! are values at all depths.
//!
//! Depths are in µm, potentials in V, `sigma` in S/m; densities are in µA/mm³, sinks are negative.

use super::SignalProblem;
use crate::units::MICROAMPERES_PER_CUBIC_MILLIMETER;

/// Returns the current source density at all depths but the first and the last, by the second difference, µA/mm³.
///
/// `values_v` are potentials in V, row-major: frames, then depths, like the result.
///
/// # Errors
/// Returns an error if there are fewer than three depths, if they do not ascend, or if numbers do not match.
pub fn second_difference_csd(
    depths_um: &[f64],
    values_v: &[f64],
    conductivity_s_per_m: f64,
) -> Result<Vec<f64>, SignalProblem> {
    check_profile(depths_um, values_v, conductivity_s_per_m)?;
    let factor = -conductivity_s_per_m * MICROAMPERES_PER_CUBIC_MILLIMETER;
    let density = |(z, phi): (&[f64], &[f64])| {
        let (below, above) = (z[1] - z[0], z[2] - z[1]);
        factor * 2.0 * ((phi[2] - phi[1]) / above - (phi[1] - phi[0]) / below) / (below + above)
    };
    let frames = values_v.chunks_exact(depths_um.len());
    Ok(frames.flat_map(|frame| depths_um.windows(3).zip(frame.windows(3)).map(density)).collect())
}

fn check_profile(depths_um: &[f64], values: &[f64], sigma: f64) -> Result<(), SignalProblem> {
    let found = depths_um.len();
    if found < 3 {
        return Err(SignalProblem::Depths { figure: "current source density", expected: 3, found });
    }
    let ascend = depths_um.windows(2).all(|pair| pair[1] > pair[0]);
    let fits = values.len().is_multiple_of(found) && sigma.is_finite() && sigma > 0.0;
    if ascend && fits { Ok(()) } else { Err(SignalProblem::Profile) }
}

/// Settings and result of the kernel method.
#[derive(Debug, Clone, PartialEq)]
pub struct KernelCsd {
    /// Depths of the estimates, µm.
    pub depths_um: Vec<f64>,
    /// Densities, µA/mm³, row-major: frames, then depths.
    pub values: Vec<f64>,
    /// The regularisation that was chosen, as a multiple of the mean of the kernel's diagonal.
    pub lambda: f64,
    /// Width of the Gaussians, µm.
    pub width_um: f64,
}

/// Radii of the discs of sources, µm.
pub(super) const SOURCE_RADII_UM: std::ops::RangeInclusive<f64> = 1e-3..=1e9;
/// Number of depths at which the density is estimated.
const ESTIMATES: usize = 120;
/// Widths of a Gaussian on either side of its centre to which it is integrated.
const INTEGRAL_WIDTHS: f64 = 6.0;
/// Steps of an integral.
const INTEGRAL_STEPS: usize = 240;
/// The regularisations that are tried, as multiples of the mean of the kernel's diagonal.
const LAMBDAS: [f64; 8] = [1e-10, 1e-8, 1e-7, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1];
/// Number of frames from which the regularisation is chosen.
const VALIDATION_FRAMES: usize = 200;
/// Largest number of Gaussians.
const MAX_SOURCES: usize = 256;

/// Returns the current source density by the kernel method, at equal steps from the first to the last depth.
///
/// `values_v` are potentials in V, row-major: frames, then depths. `radius_um` is the radius of the discs.
///
/// # Errors
/// The same as for [`second_difference_csd`], and an error if the radius is not from 1e-3 to 1e9 µm.
pub fn kernel_csd(
    depths_um: &[f64],
    values_v: &[f64],
    conductivity_s_per_m: f64,
    radius_um: f64,
) -> Result<KernelCsd, SignalProblem> {
    check_profile(depths_um, values_v, conductivity_s_per_m)?;
    let (Some(first), Some(last)) = (depths_um.first(), depths_um.last()) else { return Err(SignalProblem::Profile) };
    if !SOURCE_RADII_UM.contains(&radius_um) {
        return Err(SignalProblem::SourceRadius(radius_um));
    }
    // Gaussians overlap: they are as wide as the mean distance of contacts, and at most that far from each other
    let width_um = (last - first) / (depths_um.len() - 1) as f64;
    let count = (2 * depths_um.len() + 1).clamp(33, MAX_SOURCES);
    let centers = equal_steps(first - 2.0 * width_um, last + 2.0 * width_um, count);
    let width_um = width_um.max(centers.windows(2).map(|c| c[1] - c[0]).fold(0.0, f64::max));
    let source = Source { width_um, radius_um, conductivity_s_per_m };
    let estimates = equal_steps(*first, *last, ESTIMATES);
    let potentials: Vec<Vec<f64>> =
        depths_um.iter().map(|z| centers.iter().map(|c| source.potential(z - c)).collect()).collect();
    let densities: Vec<Vec<f64>> =
        estimates.iter().map(|z| centers.iter().map(|c| source.density(z - c)).collect()).collect();
    let kernel = products(&potentials, &potentials);
    let cross = products(&densities, &potentials);
    let (lambda, solver) = choose_lambda(&kernel, depths_um.len(), values_v).ok_or(SignalProblem::Profile)?;
    let mut values = Vec::with_capacity(values_v.len() / depths_um.len() * ESTIMATES);
    for frame in values_v.chunks_exact(depths_um.len()) {
        let solution = solver.solve(frame);
        values.extend(cross.chunks_exact(depths_um.len()).map(|row| dot(row, &solution)));
    }
    Ok(KernelCsd { depths_um: estimates, values, lambda, width_um })
}

/// A Gaussian source in a cylinder.
struct Source {
    width_um: f64,
    radius_um: f64,
    conductivity_s_per_m: f64,
}

impl Source {
    /// Returns the density at a distance from the centre, of a source with density 1 µA/mm³ at its centre.
    fn density(&self, z: f64) -> f64 {
        (-0.5 * (z / self.width_um).powi(2)).exp()
    }

    /// Returns the potential on the axis at a distance from the centre, V (by Simpson's rule, from either side of the
    /// kink).
    fn potential(&self, z: f64) -> f64 {
        let ends = [-INTEGRAL_WIDTHS * self.width_um, INTEGRAL_WIDTHS * self.width_um];
        let kink = z.clamp(ends[0], ends[1]);
        let integrand = |at: f64| {
            let apart = (z - at).abs();
            self.density(at) * (self.radius_um.powi(2) / (apart.hypot(self.radius_um) + apart))
        };
        let integral = integrate(&integrand, ends[0], kink) + integrate(&integrand, kink, ends[1]);
        integral / (2.0 * self.conductivity_s_per_m * MICROAMPERES_PER_CUBIC_MILLIMETER)
    }
}

/// Simpson's rule.
fn integrate(f: &dyn Fn(f64) -> f64, from: f64, to: f64) -> f64 {
    let step = (to - from) / INTEGRAL_STEPS as f64;
    let weight = |i: usize| match i {
        0 | INTEGRAL_STEPS => 1.0,
        i if i.is_multiple_of(2) => 2.0,
        _ => 4.0,
    };
    (0..=INTEGRAL_STEPS).map(|i| weight(i) * f(from + step * i as f64)).sum::<f64>() * step / 3.0
}

fn equal_steps(first: f64, last: f64, count: usize) -> Vec<f64> {
    (0..count).map(|i| first + (last - first) * i as f64 / (count - 1).max(1) as f64).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Returns the scalar products of all rows of one matrix with those of another, row-major.
fn products(a: &[Vec<f64>], b: &[Vec<f64>]) -> Vec<f64> {
    a.iter().flat_map(|row| b.iter().map(|column| dot(row, column)).collect::<Vec<_>>()).collect()
}

/// Chooses the regularisation that predicts the contacts best from each other, and factorises its matrix; `None` if no
/// matrix is positive definite.
///
/// The error at a left-out contact is `alpha_i / (G^-1)_ii`, `G = K + lambda 1` and `alpha = G^-1 phi`.
fn choose_lambda(kernel: &[f64], n: usize, values: &[f64]) -> Option<(f64, Cholesky)> {
    let scale = (0..n).map(|i| kernel[i * n + i]).sum::<f64>() / n as f64;
    let frames = values.len() / n;
    let step = frames.div_ceil(VALIDATION_FRAMES).max(1);
    let mut best: Option<(f64, f64, Cholesky)> = None;
    for lambda in LAMBDAS {
        let mut matrix = kernel.to_vec();
        (0..n).for_each(|i| matrix[i * n + i] += lambda * scale);
        let Some(solver) = Cholesky::new(matrix, n) else { continue };
        let diagonal = solver.inverse_diagonal();
        let error_of = |frame: &[f64]| -> f64 {
            solver.solve(frame).iter().zip(&diagonal).map(|(alpha, d)| (alpha / d).powi(2)).sum()
        };
        let error: f64 = values.chunks_exact(n).step_by(step).map(error_of).sum();
        if error.is_finite() && best.as_ref().is_none_or(|(least, ..)| error < *least) {
            best = Some((error, lambda, solver));
        }
    }
    best.map(|(_, lambda, solver)| (lambda, solver))
}

/// The factor L of a symmetric, positive definite matrix `L L^T`, row-major.
struct Cholesky {
    factor: Vec<f64>,
    n: usize,
}

impl Cholesky {
    /// Factorises a matrix; `None` if it is not positive definite.
    fn new(mut matrix: Vec<f64>, n: usize) -> Option<Self> {
        for i in 0..n {
            for j in 0..=i {
                let sum = matrix[i * n + j] - dot(&matrix[i * n..i * n + j], &matrix[j * n..j * n + j]);
                if i == j {
                    if !(sum.is_finite() && sum > 0.0) {
                        return None;
                    }
                    matrix[i * n + i] = sum.sqrt();
                } else {
                    matrix[i * n + j] = sum / matrix[j * n + j];
                }
            }
        }
        Some(Self { factor: matrix, n })
    }

    fn solve(&self, right: &[f64]) -> Vec<f64> {
        let (n, l) = (self.n, &self.factor);
        let mut x = right.to_vec();
        for i in 0..n {
            x[i] = (x[i] - dot(&l[i * n..i * n + i], &x[..i])) / l[i * n + i];
        }
        for i in (0..n).rev() {
            let above: f64 = (i + 1..n).map(|k| l[k * n + i] * x[k]).sum();
            x[i] = (x[i] - above) / l[i * n + i];
        }
        x
    }

    /// Returns the diagonal of the inverse.
    fn inverse_diagonal(&self) -> Vec<f64> {
        let unit = |i: usize| (0..self.n).map(|k| f64::from(u8::from(k == i))).collect::<Vec<_>>();
        (0..self.n).map(|i| self.solve(&unit(i))[i]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_difference_of_a_parabola_is_its_curvature() {
        // phi = a z^2 with a in V/µm²; C = -sigma 2 a, 1 V/µm² S/m is 1e12 A/m³ or 1e9 µA/mm³
        let depths = [0.0, 20.0, 50.0, 60.0, 100.0];
        let (a, sigma) = (3e-10, 0.3);
        let frames = [1.0, -2.0];
        let values: Vec<f64> = frames.iter().flat_map(|k| depths.map(|z| k * (a * z * z + 1e-6 * z + 1e-3))).collect();
        let found = second_difference_csd(&depths, &values, sigma).unwrap();
        assert_eq!(found.len(), 6);
        for (i, density) in found.iter().enumerate() {
            let expected = -sigma * 2.0 * a * 1e9 * frames[i / 3];
            assert!((density / expected - 1.0).abs() < 1e-6, "{density} {expected}");
        }
    }

    #[test]
    fn profiles_out_of_order_are_refused() {
        let few = second_difference_csd(&[0.0, 1.0], &[0.0, 0.0], 0.3).unwrap_err();
        assert_eq!(few.to_string(), "current source density needs contacts at 3 different depths or more, found 2");
        assert!(second_difference_csd(&[0.0, 2.0, 1.0], &[0.0; 3], 0.3).is_err());
        assert!(second_difference_csd(&[0.0, 1.0, 2.0], &[0.0; 4], 0.3).is_err());
        assert!(kernel_csd(&[0.0, 1.0, 2.0], &[0.0; 3], 0.3, 0.0).is_err());
    }

    #[test]
    fn a_narrow_source_has_the_potential_of_a_disc() {
        // on its axis a disc with surface density s has the potential s / (2 sigma) (sqrt(z² + r²) - |z|); a Gaussian
        // of density 1 and width w has the surface density sqrt(2 pi) w
        let source = Source { width_um: 0.1, radius_um: 300.0, conductivity_s_per_m: 0.3 };
        for z in [50.0, -200.0, 1000.0] {
            let surface = (2.0 * std::f64::consts::PI).sqrt() * 0.1;
            let expected = surface / (2.0 * 0.3) * (f64::hypot(z, 300.0) - z.abs()) / 1e9;
            assert!((source.potential(z) / expected - 1.0).abs() < 1e-5, "{z}");
        }
    }

    #[test]
    fn an_infinitely_wide_source_obeys_poisson_s_equation() {
        // far inside the cylinder, -sigma phi'' is the density at the centre
        let source = Source { width_um: 100.0, radius_um: 1e5, conductivity_s_per_m: 0.3 };
        let h = 5.0;
        let second = (source.potential(h) - 2.0 * source.potential(0.0) + source.potential(-h)) / (h * h);
        let density = -0.3 * second * 1e9;
        assert!((density - 1.0).abs() < 2e-3, "{density}");
    }

    #[test]
    fn the_kernel_method_finds_a_sink_between_two_sources() {
        // a dipole of Gaussians, wider than those of the method, and its potential by an independent sum of thin discs
        let (sigma, radius) = (0.3, 400.0);
        let truth = |z: f64| {
            let bump = |center: f64, width: f64| (-0.5 * ((z - center) / width).powi(2)).exp();
            -bump(500.0, 90.0) + 0.6 * bump(250.0, 90.0) + 0.4 * bump(760.0, 90.0)
        };
        let potential = |z: f64| {
            let discs = (0..4000).map(|i| -500.0 + 0.5 * f64::from(i) + 0.25);
            let one = |at: f64| truth(at) * 0.5 * ((z - at).hypot(radius) - (z - at).abs());
            discs.map(one).sum::<f64>() / (2.0 * sigma * 1e9)
        };
        let depths: Vec<f64> = (0..24).map(|i| 40.0 * f64::from(i)).collect();
        let values: Vec<f64> = depths.iter().map(|z| potential(*z)).collect();
        let found = kernel_csd(&depths, &values, sigma, radius).unwrap();
        let inner = found.depths_um.iter().zip(&found.values).filter(|(z, _)| (80.0..840.0).contains(*z));
        let worst = inner.map(|(z, c)| (c - truth(*z)).abs()).fold(0.0, f64::max);
        assert!(worst < 0.05, "the largest density is 1: {worst}, lambda {}", found.lambda);
        // the second difference assumes an infinite cylinder, and is further off
        let simple = second_difference_csd(&depths, &values, sigma).unwrap();
        let off = depths[1..23].iter().zip(&simple).map(|(z, c)| (c - truth(*z)).abs()).fold(0.0, f64::max);
        assert!(off > worst, "{off}");
    }

    #[test]
    fn a_factorised_matrix_solves_and_inverts() {
        let solver = Cholesky::new(vec![4.0, 2.0, 2.0, 3.0], 2).unwrap();
        // the inverse of [[4, 2], [2, 3]] is [[3, -2], [-2, 4]] / 8
        let x = solver.solve(&[8.0, 0.0]);
        assert!((x[0] - 3.0).abs() < 1e-12 && (x[1] + 2.0).abs() < 1e-12, "{x:?}");
        let diagonal = solver.inverse_diagonal();
        assert!((diagonal[0] - 0.375).abs() < 1e-12 && (diagonal[1] - 0.5).abs() < 1e-12);
        assert!(Cholesky::new(vec![1.0, 2.0, 2.0, 1.0], 2).is_none());
    }
}
