//! Infinite dipole: the neuron is a current dipole at its centre, in an infinite medium.
//!
//! ```text
//! w = M . (m - c),   M = 1e-3 (e - c) / (4 pi sigma |e - c|^3)
//! ```
//!
//! | symbol | meaning | unit |
//! |---|---|---|
//! | w | weight of the segment at the contact | V/nA |
//! | M | potential at the contact of a current dipole at c | V/(nA µm) |
//! | e | the contact | µm |
//! | c | centre of the neuron: the mean of the midpoints of its segments | µm |
//! | m | midpoint of the segment | µm |
//! | sigma | conductivity of the medium | S/m |
//!
//! In an anisotropic medium the positions are scaled first, as in [`medium`](super::medium), and M is the gradient of
//! the scaled point source.
//!
//! Assumptions: those of [`PointSource`](super::point_source), and a neuron that is small compared to its distance from
//! the contact. The error is of second order in the ratio of the two.
//!
//! Limits: |e - c| is at least the largest radius of the neuron's segments
//! ([`NearField::ClampToRadius`](super::NearField)), so that the weight is 0 at the centre itself; without that rule it
//! is undefined there. A neuron of one segment has the weight 0.
//!
//! Source: R. Plonsey, R. C. Barr, Bioelectricity: A Quantitative Approach, Springer 2007,
//! doi:10.1007/978-0-387-48865-3, on dipole fields in a volume conductor.
//!
//! Agreement: relative error at most 1e-13 against 50-digit numbers (`tests/heads.rs`).
//!
//! Checked by hand, for a segment 10 µm above the centre, a contact 100 µm above it and sigma = 0.25 S/m: 1e-3 (100 10)
//! / (4 pi 0.25 1e6) = 1e-6 / pi.
//!
//! ```
//! use leadfield::units::SiemensPerMeter;
//! use leadfield::{geometry::Point, methods::infinite_dipole::dipole_potential};
//!
//! let m = dipole_potential(Point::new(0.0, 0.0, 100.0), SiemensPerMeter::new(0.25)?);
//! assert!((m.z * 10.0 * std::f64::consts::PI / 1e-6 - 1.0).abs() < 1e-15);
//! # Ok::<(), leadfield::Error>(())
//! ```

use std::f64::consts::PI;

use super::dipole_kernel::{ContactVectors, DipoleFormula, DipoleKernel};
use super::medium::Conductivity;
use super::point_source::potential_at_1_um;
use super::{Contact, Method, MethodProperties, NearField, PreparedMethod, SettingKind};
use crate::error::{Error, Result};
use crate::geometry::Point;
use crate::units::{NANOAMPERE_PER_MICROMETER, SiemensPerMeter};

/// Returns the potential, V/(nA µm), of a current dipole at the position `to_contact` from it, µm, for each direction of
/// the dipole: the equation of this page in plain arithmetic.
pub fn dipole_potential(to_contact: Point, conductivity: SiemensPerMeter) -> Point {
    to_contact * (potential_at_1_um(conductivity) / to_contact.norm().powi(3))
}

/// The infinite dipole method: the neuron as a current dipole at its centre; see the [module](self).
pub struct InfiniteDipole;

impl Method for InfiniteDipole {
    fn properties(&self) -> MethodProperties {
        MethodProperties {
            expects_near_contacts: false,
            ..MethodProperties::new(
                "InfiniteDipole",
                "the neuron as a current dipole at its centre, in an infinite medium",
                &[SettingKind::Conductivity, SettingKind::Anisotropy],
            )
        }
    }

    fn prepare(&self, contacts: &[Contact]) -> Result<Box<dyn PreparedMethod>> {
        Ok(Box::new(DipoleKernel(PreparedInfiniteDipole(contacts.iter().map(ScaledContact::new).collect()))))
    }
}

/// A contact in the coordinates in which its medium is isotropic.
#[derive(Debug)]
struct ScaledContact {
    position_um: Point,
    scale: [f64; 3],
    /// 1e-3 / (4 pi sigma), with the geometric mean of the conductivities.
    potential_at_1_um: f64,
    near_field: NearField,
}

impl ScaledContact {
    fn new(contact: &Contact) -> Self {
        let conductivity: Conductivity = contact.conductivity;
        Self {
            position_um: contact.position_um,
            scale: conductivity.scale_factors(),
            potential_at_1_um: NANOAMPERE_PER_MICROMETER / (4.0 * PI * conductivity.geometric_mean_s_per_m()),
            near_field: contact.near_field,
        }
    }

    fn vector(&self, center: Point, radius_um: f64) -> Point {
        let scaled = |p: Point| {
            let [x, y, z] = self.scale;
            Point::new(p.x * x, p.y * y, p.z * z)
        };
        let to_contact = scaled(self.position_um - center);
        let distance = match self.near_field {
            NearField::Unclamped => to_contact.norm(),
            NearField::ClampToRadius => to_contact.norm().max(radius_um),
        };
        // the gradient in the circuit's coordinates has the scale once more
        scaled(to_contact) * (self.potential_at_1_um / distance.powi(3))
    }
}

/// The method, prepared for a list of contacts.
#[derive(Debug)]
struct PreparedInfiniteDipole(Vec<ScaledContact>);

impl DipoleFormula for PreparedInfiniteDipole {
    fn contact_count(&self) -> usize {
        self.0.len()
    }

    fn fill_vectors(&self, center: Point, radius_um: f64, vectors: &mut ContactVectors) {
        for (i, contact) in self.0.iter().enumerate() {
            vectors.set(i, contact.vector(center, radius_um));
        }
    }

    fn explain(&self, _center: Point, _column: usize, _what: &str) -> Option<Error> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::point_source;

    #[test]
    fn the_vector_is_the_gradient_of_the_point_source() {
        let (contact, center) = (Point::new(40.0, -30.0, 90.0), Point::new(3.0, 2.0, 1.0));
        let sigma = SiemensPerMeter::new(0.3).unwrap();
        let found = ScaledContact::new(&Contact { conductivity: sigma.into(), ..Contact::new(contact) });
        let found = found.vector(center, 0.5);
        let weight = |p: Point| point_source::weight(contact, (p, p), 0.5, sigma, NearField::Unclamped);
        for (component, step) in found.to_array().into_iter().zip([
            Point::new(1e-2, 0.0, 0.0),
            Point::new(0.0, 1e-2, 0.0),
            Point::new(0.0, 0.0, 1e-2),
        ]) {
            let slope = (weight(center + step) - weight(center - step)) / 2e-2;
            // central difference: (h/r)^2 = 1e-8
            assert!((slope - component).abs() < 1e-7 * found.norm());
        }
        assert!((found - dipole_potential(contact - center, sigma)).norm() < 1e-15 * found.norm());
    }

    #[test]
    fn in_an_anisotropic_medium_it_is_the_gradient_of_the_anisotropic_point_source() {
        let conductivity: Conductivity = "0.3,0.1,0.5".parse().unwrap();
        let contact = Contact { conductivity, ..Contact::new(Point::new(40.0, -30.0, 90.0)) };
        let found = ScaledContact::new(&contact).vector(Point::ORIGIN, 0.5);
        // phi = 1e-3 / (4 pi sqrt(sy sz x^2 + sx sz y^2 + sx sy z^2)), from the equation of the medium's page
        let [sx, sy, sz] = [0.3, 0.1, 0.5];
        let [x, y, z] = contact.position_um.to_array();
        let root = (sy * sz * x * x + sx * sz * y * y + sx * sy * z * z).sqrt();
        let factor = 1e-3 / (4.0 * std::f64::consts::PI * root.powi(3));
        let expected = Point::new(sy * sz * x, sx * sz * y, sx * sy * z) * factor;
        assert!((found - expected).norm() < 1e-14 * expected.norm(), "{found:?} {expected:?}");
    }

    #[test]
    fn at_its_centre_a_neuron_has_no_weight_and_no_infinity() {
        let contact = ScaledContact::new(&Contact::new(Point::ORIGIN));
        assert_eq!(contact.vector(Point::ORIGIN, 0.5), Point::ORIGIN);
        let unclamped = Contact { near_field: NearField::Unclamped, ..Contact::new(Point::ORIGIN) };
        assert!(ScaledContact::new(&unclamped).vector(Point::ORIGIN, 0.5).x.is_nan());
    }
}
