//! MEG: the magnetic field of the neuron as a current dipole at its centre, in a spherically symmetric conductor.
//!
//! ```text
//! w = M(c) . (m - c)
//! M = mu0/(4 pi F^2) c x (F k - (k . grad F) r)
//! F = a (r a + r^2 - c . r)
//! grad F = (a^2/r + a.r/a + 2a + 2r) r - (a + 2r + a.r/a) c
//! ```
//!
//! | symbol | meaning | unit |
//! |---|---|---|
//! | w | weight of the segment at the magnetometer | fT/nA |
//! | M | field along k of a current dipole at c | fT/(nA µm) |
//! | m | midpoint of the segment | µm |
//! | c | centre of the neuron, from the head's centre | µm |
//! | r | magnetometer, from the head's centre; r is also its length | µm |
//! | a | r - c; a is also its length | µm |
//! | k | unit normal of the coil (`coil_normal`); outward from the head if it is not given | 1 |
//! | mu0/(4 pi) | 1e-7 T m/A: 1e5 fT µm^2/(nA µm) | |
//!
//! Volume currents are included: the field outside a conductor whose conductivity depends on the radius alone does not
//! depend on that conductivity, so that no layers are needed. A radial dipole, and any dipole at the head's centre, has
//! no field outside.
//!
//! Assumptions: the conductor is spherically symmetric and not magnetic; the magnetometer is a point; the neuron is small
//! compared to its distance from it.
//!
//! Limits: the neuron's centre lies in the brain sphere and the magnetometer outside the scalp, both those of
//! [`head`](super::head). F is above 0 there. `reference` subtracts another magnetometer, as in a gradiometer.
//!
//! Source: J. Sarvas, Phys. Med. Biol. 32, 11 (1987), doi:10.1088/0031-9155/32/1/004, equation 25.
//!
//! Agreement: 1e-12 of |M| against the 50-digit gradient of Sarvas' scalar potential, and with LFPykit 0.6.2
//! (`tests/heads.rs`, `docs/eeg.md`).
//!
//! Checked by hand, for k along r: M = mu0/(4 pi) k x c / a^3, the field of the dipole without volume currents. With c =
//! 70 mm along z and r = 110 mm along x it is along -y, with a^3 = (70^2 + 110^2)^1.5 mm^3.
//!
//! ```
//! use leadfield::geometry::Point;
//! use leadfield::methods::meg::dipole_field;
//!
//! let (c, r) = (Point::new(0.0, 0.0, 70_000.0), Point::new(110_000.0, 0.0, 0.0));
//! let m = dipole_field(r, r / r.norm(), c);
//! let expected = 1e5 * 70_000.0 / (70_000.0_f64.powi(2) + 110_000.0_f64.powi(2)).powf(1.5);
//! assert!((m.y / -expected - 1.0).abs() < 1e-13 && m.x == 0.0 && m.z == 0.0);
//! ```

use super::dipole_kernel::{ContactVectors, DipoleFormula, DipoleKernel};
use super::head::{ElectrodePlace, FourSphereHead, HeadProblem, SURFACE_TOLERANCE_UM};
use super::{Contact, Method, MethodProperties, PreparedMethod, SettingKind, WeightQuantity};
use crate::error::{Context, Error, Result};
use crate::geometry::Point;
use crate::units::FEMTOTESLA_OF_NANOAMPERE_PER_MICROMETER;

/// Name of the method in electrodes files.
pub const NAME: &str = "MEG";

/// Returns the field along `normal` (a unit vector) at `sensor`, fT/(nA µm), of a current dipole at `dipole` for each
/// direction of the dipole: the equation of this page. Positions are relative to the head's centre, µm.
pub fn dipole_field(sensor: Point, normal: Point, dipole: Point) -> Point {
    let between = sensor - dipole;
    let (a, r) = (between.norm(), sensor.norm());
    let along = between.dot(sensor) / a;
    let f = a * (r * a + r * r - dipole.dot(sensor));
    let gradient = sensor * (a * a / r + along + 2.0 * a + 2.0 * r) - dipole * (a + 2.0 * r + along);
    let bracket = normal * f - sensor * gradient.dot(normal);
    dipole.cross(bracket) * (FEMTOTESLA_OF_NANOAMPERE_PER_MICROMETER / (f * f))
}

/// The MEG method: the magnetic field of the neuron as a dipole in a spherical head; see the [module](self).
pub struct Meg;

impl Method for Meg {
    fn properties(&self) -> MethodProperties {
        MethodProperties {
            quantity: WeightQuantity::MagneticField,
            expects_near_contacts: false,
            ..MethodProperties::new(
                NAME,
                "magnetic field of the neuron as a current dipole at its centre, in a spherical head",
                &[SettingKind::HeadCenter, SettingKind::HeadRadii, SettingKind::CoilNormal],
            )
        }
    }

    fn prepare(&self, contacts: &[Contact]) -> Result<Box<dyn PreparedMethod>> {
        let magnetometers = contacts.iter().map(Magnetometer::new).collect::<Result<_>>()?;
        Ok(Box::new(DipoleKernel(PreparedMeg(magnetometers))))
    }
}

/// A magnetometer of a head.
#[derive(Debug)]
struct Magnetometer {
    name: String,
    head: FourSphereHead,
    from_center_um: Point,
    normal: Point,
}

impl Magnetometer {
    fn new(contact: &Contact) -> Result<Self> {
        let place = || format!("contact `{}`", contact.name);
        let head = contact.head.to_head().in_item(&place())?;
        let from_center_um = contact.position_um - head.center_um;
        let (found, scalp) = (from_center_um.norm(), head.scalp_radius_um());
        if found.is_nan() || found < scalp - SURFACE_TOLERANCE_UM {
            let problem = ElectrodePlace { brain: head.brain_radius_um(), scalp, found };
            return Err(HeadProblem::MagnetometerInside(problem)).in_item(&place());
        }
        let normal = contact.coil_normal.unwrap_or(from_center_um / found);
        Ok(Self { name: contact.name.clone(), head, from_center_um, normal })
    }
}

/// The method, prepared for a list of contacts.
#[derive(Debug)]
struct PreparedMeg(Vec<Magnetometer>);

impl DipoleFormula for PreparedMeg {
    fn contact_count(&self) -> usize {
        self.0.len()
    }

    fn fill_vectors(&self, center: Point, _radius_um: f64, vectors: &mut ContactVectors) {
        for (i, sensor) in self.0.iter().enumerate() {
            let dipole = center - sensor.head.center_um;
            let is_inside = dipole.norm() <= sensor.head.brain_radius_um();
            let none = Point::new(f64::NAN, f64::NAN, f64::NAN);
            vectors.set(i, if is_inside { dipole_field(sensor.from_center_um, sensor.normal, dipole) } else { none });
        }
    }

    fn explain(&self, center: Point, column: usize, what: &str) -> Option<Error> {
        let sensor = self.0.get(column)?;
        let problem = sensor.head.source_problem(center, what)?;
        Some(Error::from(problem).in_item(&format!("contact `{}`", sensor.name)))
    }
}
