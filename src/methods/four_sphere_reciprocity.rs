//! Four spheres by reciprocity: each segment has its own weight, the potential in the brain of a unit current through
//! the electrode, in a head of brain, cerebrospinal fluid, skull and scalp.
//!
//! ```text
//! w = 1e-3/(4 pi s1 r) sum over n of g_n (b/r)^n P_n(u)
//! ```
//!
//! | symbol | meaning | unit |
//! |---|---|---|
//! | w | weight of the segment at the electrode | V/nA |
//! | b | distance of the segment's midpoint m from the head's centre | µm |
//! | r | distance of the electrode from the head's centre | µm |
//! | u | cosine of the angle between m and the electrode at the head's centre | 1 |
//! | g_n | coefficients of the head, see [`shell_series`](super::shell_series) | 1 |
//! | s1 | conductivity of the brain | S/m |
//!
//! The potential at the electrode of a point source at m is that at m of a current into the electrode and evenly out of
//! the sphere through it (H. von Helmholtz, Ann. Phys. 165, 211, 1853, doi:10.1002/andp.18531650603). That current makes
//! no potential of order 0. With `reference` the current leaves through another electrode instead, which is the lead
//! field of a bipolar recording. Nothing is interpolated: the series is summed at each segment.
//!
//! [`four_sphere`](super::four_sphere) is the first order of this weight in m - c, the segment's distance from the
//! neuron's centre, but for the constant at c, which adds nothing because membrane currents sum to zero. The second order
//! is smaller by about |m - c| over the distance to the electrode.
//!
//! Assumptions: those of [`four_sphere`](super::four_sphere), except that the neuron is small. A segment is a point.
//!
//! Limits: each midpoint must lie in the brain sphere, and the electrode in CSF, skull or scalp. The rest of the series
//! is below 1e-14 of g_1. A midpoint nearer than 0.3 % of the electrode's radius to the electrode's sphere is an error.
//! The series is summed for each segment and electrode, which takes a hundred times as long as a dot product.
//!
//! Source: S. Naess et al., Front. Hum. Neurosci. 11, 490 (2017), doi:10.3389/fnhum.2017.00490, for the head; S. Rush and
//! D. A. Driscoll, IEEE Trans. Biomed. Eng. 16, 15 (1969), doi:10.1109/TBME.1969.4502598, for the reciprocity.
//!
//! Agreement: 1e-10 of the weight's range against 50-digit numbers (`tests/heads.rs`).
//!
//! Checked by hand: in a head of one conductivity a source b from the centre, straight below an electrode on the scalp of
//! radius R, has the sum of (2n+1)/n y^n = 2y/(1-y) - ln(1-y), with y = b/R.

use super::head::FourSphereHead;
use super::reciprocity::describe_segment;
use super::sphere_series::SphereSeries;
use super::{Contact, Method, MethodProperties, PreparedMethod, SettingKind};
use crate::error::{Error, Result};
use crate::geometry::Point;
use crate::segments::NeuronSegments;

/// Returns the potential at an electrode, V/nA, of a point source at `source` (µm), against the mean over the sphere
/// through the electrode.
///
/// # Errors
/// Returns an error if the electrode does not lie between brain and air, the source is outside the brain, or the series
/// does not converge.
pub fn source_potential(head: &FourSphereHead, electrode: Point, source: Point) -> Result<f64> {
    let series = SphereSeries::new(&[head.contact_at(electrode)?])?;
    let mut found = f64::NAN;
    series.potentials(source, |column, value| {
        if column == 0 {
            found = value;
        }
    });
    match series.explain(source, 0, "the source") {
        Some(problem) if found.is_nan() => Err(problem),
        _ => Ok(found),
    }
}

/// The four-sphere method by reciprocity: each segment in a spherical head; see the [module](self).
pub struct FourSphereReciprocity;

impl Method for FourSphereReciprocity {
    fn properties(&self) -> MethodProperties {
        MethodProperties {
            expects_near_contacts: false,
            ..MethodProperties::new(
                "FourSphereReciprocity",
                "each segment as a point source in a head of four spheres",
                SettingKind::HEAD_SETTINGS,
            )
        }
    }

    fn prepare(&self, contacts: &[Contact]) -> Result<Box<dyn PreparedMethod>> {
        let names = contacts.iter().map(|c| c.name.clone()).collect();
        Ok(Box::new(PreparedFourSphereReciprocity { series: SphereSeries::new(contacts)?, names }))
    }
}

/// The method, prepared for a list of contacts.
#[derive(Debug)]
struct PreparedFourSphereReciprocity {
    series: SphereSeries,
    names: Vec<String>,
}

impl PreparedMethod for PreparedFourSphereReciprocity {
    /// The weight is NaN for a midpoint outside the brain.
    fn fill_weights(&self, neuron: &NeuronSegments<'_>, out: &mut [f64]) {
        let midpoints = neuron.start.iter().zip(neuron.end).map(|(start, end)| start.midpoint(*end));
        for (m, row) in midpoints.zip(out.chunks_exact_mut(self.series.len().max(1))) {
            self.series.potentials(m, |column, value| {
                if let Some(weight) = row.get_mut(column) {
                    *weight = value;
                }
            });
        }
    }

    fn explain_missing_weight(&self, neuron: &NeuronSegments<'_>, segment: usize, column: usize) -> Option<Error> {
        let name = self.names.get(column)?;
        let segment = (segment < neuron.len()).then(|| neuron.get(segment))?;
        let what = format!("the midpoint of {}", describe_segment(&segment));
        Some(self.series.explain(segment.midpoint(), column, &what)?.in_item(&format!("contact `{name}`")))
    }
}
