//! Four spheres: the neuron is a current dipole at its centre, in a head of brain, cerebrospinal fluid, skull and scalp.
//!
//! ```text
//! w = M(c) . (m - c)
//! M = 1e-3/(4 pi s1 r^2) sum over n of g_n y^(n-1) [n P_n(u) c^ + P_n'(u) (e^ - u c^)]
//! ```
//!
//! | symbol | meaning | unit |
//! |---|---|---|
//! | w | weight of the segment at the electrode | V/nA |
//! | M | potential at the electrode of a current dipole at c | V/(nA µm) |
//! | m | midpoint of the segment | µm |
//! | c | centre of the neuron: the mean of the midpoints of its segments | µm |
//! | c^, e^ | directions of c and of the electrode from the head's centre | 1 |
//! | r | distance of the electrode from the head's centre | µm |
//! | y | distance of c from the head's centre, divided by r | 1 |
//! | u | c^ . e^, the cosine of the angle between them | 1 |
//! | g_n | coefficients of the head, see [`shell_series`](super::shell_series) | 1 |
//! | s1 | conductivity of the brain | S/m |
//!
//! M is the gradient with respect to c of the potential of a point source at c. The bracket has no singular point: on
//! the axis e^ - u c^ is 0, and at the head's centre only n = 1 is left, with M along e^.
//!
//! Assumptions: the four spheres of [`head`](super::head) are homogeneous, isotropic and purely ohmic, outside is air.
//! The neuron is small compared to its distance from the interfaces; see
//! [`four_sphere_reciprocity`](super::four_sphere_reciprocity) for the same head without that assumption. The potential
//! is that against infinity; `reference` subtracts another electrode.
//!
//! Limits: the neuron's centre and all its midpoints must lie in the brain sphere, and the electrode in CSF, skull or scalp (an ECoG electrode
//! is one in the CSF). The rest of the series is below 1e-14 of M's largest possible value at that depth. A centre
//! nearer than 0.3 % of the electrode's radius to the electrode's sphere is an error, because the series would need more
//! than 25000 terms.
//!
//! Source: S. Naess et al., Front. Hum. Neurosci. 11, 490 (2017), doi:10.3389/fnhum.2017.00490. The coefficients are
//! derived here from the conditions at the interfaces, not copied.
//!
//! Agreement: 1e-10 relative to |M| against 50-digit numbers from the interface conditions themselves, and with LFPykit
//! 0.6.2 (`tests/heads.rs`, `docs/eeg.md`).
//!
//! Checked by hand: in a head of one conductivity s a dipole at the centre has the potential 3 p . e^ / (4 pi s R^2) on
//! the scalp, three times that of the infinite medium.
//!
//! ```
//! use leadfield::geometry::Point;
//! use leadfield::methods::four_sphere::dipole_potential;
//! use leadfield::methods::head::{FourSphereHead, DEFAULT_RADII_UM};
//!
//! let head = FourSphereHead {
//!     center_um: Point::ORIGIN, radii_um: DEFAULT_RADII_UM, conductivities_s_per_m: [0.25; 4],
//! };
//! let m = dipole_potential(&head, Point::new(0.0, 0.0, 90_000.0), Point::ORIGIN)?;
//! let expected = 3.0 * 1e-3 / (4.0 * std::f64::consts::PI * 0.25 * 90_000.0_f64.powi(2));
//! assert!((m.z / expected - 1.0).abs() < 1e-14);
//! # Ok::<(), leadfield::Error>(())
//! ```

use super::dipole_kernel::{ContactVectors, DipoleFormula, DipoleKernel};
use super::head::{FourSphereHead, HeadSettings};
use super::sphere_series::SphereSeries;
use super::{Contact, Method, MethodProperties, PreparedMethod, SettingKind};
use crate::error::{Error, Result};
use crate::geometry::Point;
use crate::units::SiemensPerMeter;

/// Returns the potential at an electrode, V/(nA µm), of a current dipole at `dipole` (µm) for each direction of the
/// dipole.
///
/// # Errors
/// Returns an error if the electrode does not lie between brain and air, the dipole is outside the brain, or the series
/// does not converge.
pub fn dipole_potential(head: &FourSphereHead, electrode: Point, dipole: Point) -> Result<Point> {
    let series = SphereSeries::new(&[head.contact_at(electrode)?])?;
    let mut found = Point::ORIGIN;
    series.gradients(dipole, |column, vector| {
        if column == 0 {
            found = vector;
        }
    });
    match series.explain(dipole, 0, "the dipole") {
        Some(problem) if !found.is_finite() => Err(problem),
        _ => Ok(found),
    }
}

impl FourSphereHead {
    /// Returns a contact on this head.
    pub(super) fn contact_at(&self, electrode: Point) -> Result<Contact> {
        let [brain, csf, skull, scalp] = self.conductivities_s_per_m.map(SiemensPerMeter::new);
        let head = HeadSettings {
            center_um: Some(self.center_um),
            radii_um: Some(self.radii_um),
            conductivities: Some([brain?, csf?, skull?, scalp?]),
        };
        Ok(Contact { head, ..Contact::new(electrode) })
    }
}

/// The four-sphere method: the neuron as a current dipole in a spherical head; see the [module](self).
pub struct FourSphere;

impl Method for FourSphere {
    fn properties(&self) -> MethodProperties {
        MethodProperties {
            expects_near_contacts: false,
            ..MethodProperties::new(
                "FourSphere",
                "the neuron as a current dipole at its centre, in a head of four spheres",
                SettingKind::HEAD_SETTINGS,
            )
        }
    }

    fn prepare(&self, contacts: &[Contact]) -> Result<Box<dyn PreparedMethod>> {
        let series = SphereSeries::new(contacts)?;
        let mut heads: Vec<(FourSphereHead, Vec<usize>)> = Vec::new();
        for (column, electrode) in (0..series.len()).filter_map(|column| Some((column, series.electrode(column)?))) {
            match heads.iter_mut().find(|(head, _)| *head == electrode.head) {
                Some((_, columns)) => columns.push(column),
                None => heads.push((electrode.head, vec![column])),
            }
        }
        let names = contacts.iter().map(|c| c.name.clone()).collect();
        Ok(Box::new(DipoleKernel(PreparedFourSphere { series, heads, names })))
    }
}

/// The method, prepared for a list of contacts.
#[derive(Debug)]
struct PreparedFourSphere {
    series: SphereSeries,
    /// The different heads, each with its contacts' columns.
    heads: Vec<(FourSphereHead, Vec<usize>)>,
    names: Vec<String>,
}

impl DipoleFormula for PreparedFourSphere {
    fn contact_count(&self) -> usize {
        self.series.len()
    }

    fn fill_vectors(&self, center: Point, _radius_um: f64, vectors: &mut ContactVectors) {
        self.series.gradients(center, |column, vector| vectors.set(column, vector));
    }

    fn explain(&self, center: Point, column: usize, what: &str) -> Option<Error> {
        let name = self.names.get(column)?;
        Some(self.series.explain(center, column, what)?.in_item(&format!("contact `{name}`")))
    }
    fn refuse_segment(&self, midpoint: Point, weights: &mut [f64]) {
        for (_, columns) in self.heads.iter().filter(|(head, _)| !head.is_in_brain(midpoint)) {
            for column in columns {
                if let Some(weight) = weights.get_mut(*column) {
                    *weight = f64::NAN;
                }
            }
        }
    }

    fn explain_segment(&self, midpoint: Point, column: usize, what: &str) -> Option<Error> {
        let problem = self.series.electrode(column)?.head.source_problem(midpoint, what)?;
        Some(Error::from(problem).in_item(&format!("contact `{}`", self.names.get(column)?)))
    }
}
