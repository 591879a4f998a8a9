//! Dipole reciprocity: the neuron is a current dipole at its centre, in the electric field that a current through the
//! contact produces.
//!
//! ```text
//! w = -(r - c) . E(c) / I
//! ```
//!
//! | symbol | meaning | unit |
//! |---|---|---|
//! | w | weight of the segment at the contact | V/nA |
//! | r | midpoint of the segment | m |
//! | c | centre of the neuron: the mean of the midpoints of its segments | m |
//! | E | electric field of the lead field | V/m |
//! | I | current that produced the field | nA |
//!
//! Each segment counts once in the mean, also if several segments lie in the soma. The formula is the first-order term
//! of the potential about c. The zeroth-order term, phi(c), adds nothing, because the membrane currents of a neuron sum
//! to zero.
//!
//! Assumptions: those of [`reciprocity`](super::reciprocity), and a neuron that is small compared to its distance from
//! the contact and from boundaries (as for EEG).
//!
//! Limits: a neuron needs at least one segment; with exactly one the weight is 0. The centre must lie inside the field;
//! the segments need not. The centre is computed for each neuron. BlueRecording 0.2.1 computes the mean over all
//! neurons of a chunk instead, so its values depend on how the run was split, and agree with these if each chunk holds
//! one neuron.
//!
//! Agreement with such a run on the golden circuit, from the same midpoints (2 x 3161 values): 2e-14 of |r - c| |E| /
//! I, and 1e-12 of the value itself where the terms almost cancel.
//!
//! Checked by hand: for r - c = (100, 0, 0) µm, E = (-20, 5, 5) V/m and I = 1 nA the weight is 100e-6 m times 20 V/m
//! over 1 nA, which is 0.002 V/nA.

use super::reciprocity::FieldContact;
use super::{Contact, Method, MethodProperties, PreparedMethod as _, SettingKind};
use crate::error::{Error, Result};
use crate::geometry::Point;
use crate::lead_field::Quantity;
use crate::segments::NeuronSegments;
use crate::units::METERS_PER_MICROMETER;

/// Name of the method in electrodes files.
pub const NAME: &str = "DipoleReciprocity";

/// Dipole reciprocity: the neuron as a dipole at its centre, in the electric field of a lead field; see the
/// [module](self).
pub struct DipoleReciprocity;

impl Method for DipoleReciprocity {
    fn properties(&self) -> MethodProperties {
        MethodProperties {
            required_field: Some(Quantity::ElectricField),
            expects_near_contacts: false,
            ..MethodProperties::new(
                NAME,
                "the neuron as a dipole at its centre, in the electric field of a lead field",
                &[SettingKind::Field],
            )
        }
    }

    fn prepare(&self, contacts: &[Contact]) -> Result<Box<dyn super::PreparedMethod>> {
        Ok(Box::new(PreparedDipoleReciprocity::new(FieldContact::from_contacts(contacts, NAME)?)?))
    }
}

/// Returns the weight, V/nA, of a segment at `from_center` (µm) from the neuron's centre, for the electric field
/// `field` (V/m) that a current of `current_na` produces.
///
/// ```
/// use leadfield::{geometry::Point, methods::dipole_reciprocity::weight_from_field};
/// let w = weight_from_field(Point::new(100.0, 0.0, 0.0), Point::new(-20.0, 5.0, 5.0), 1.0);
/// assert!((w - 0.002).abs() < 1e-15);
/// ```
pub fn weight_from_field(from_center: Point, field: Point, current_na: f64) -> f64 {
    -(from_center * METERS_PER_MICROMETER).dot(field) / current_na
}

/// Returns the mean of the segments' midpoints, µm; `None` without segments.
///
/// The sum is relative to the first midpoint, so that a neuron far from the origin loses no digits.
pub fn neuron_center(neuron: &NeuronSegments<'_>) -> Option<Point> {
    let mut midpoints = neuron.start.iter().zip(neuron.end).map(|(start, end)| start.midpoint(*end));
    let first = midpoints.next()?;
    let sum = midpoints.fold(Point::ORIGIN, |sum, m| sum + (m - first));
    Some(first + sum / neuron.len() as f64)
}

/// Dipole reciprocity, prepared for a list of contacts.
#[derive(Debug)]
pub struct PreparedDipoleReciprocity {
    contacts: Vec<FieldContact>,
}

impl PreparedDipoleReciprocity {
    /// Prepares contacts that each have a lead field with an electric field.
    ///
    /// # Errors
    /// Returns an error if a lead field has no electric field.
    pub fn new(contacts: Vec<FieldContact>) -> Result<Self> {
        contacts.iter().try_for_each(|c| c.lead_field.require_quantity(Quantity::ElectricField, NAME))?;
        Ok(Self { contacts })
    }

    /// Writes the weights as [`super::PreparedMethod::fill_weights`] does; reports weights that cannot be computed as
    /// an error. `neuron` must be a complete neuron.
    ///
    /// # Errors
    /// Returns an error if the centre lies outside a contact's field and the contact does not use 0 there.
    pub fn try_fill_weights(&self, neuron: &NeuronSegments<'_>, out: &mut [f64]) -> Result<()> {
        self.fill_weights(neuron, out);
        let missing = (0..self.contacts.len()).find(|&column| out.get(column).is_some_and(|w| w.is_nan()));
        missing.and_then(|column| self.explain_missing_weight(neuron, 0, column)).map_or(Ok(()), Err)
    }
}

impl super::PreparedMethod for PreparedDipoleReciprocity {
    /// `neuron` must be a complete neuron, because its centre is the mean of all its segments. The weights are NaN if
    /// the centre lies outside the field of a contact with `OutsideField::Error`.
    fn fill_weights(&self, neuron: &NeuronSegments<'_>, out: &mut [f64]) {
        let Some(center) = neuron_center(neuron) else { return };
        let ends = || neuron.start.iter().zip(neuron.end);
        for (column, contact) in self.contacts.iter().enumerate() {
            let weights = out.iter_mut().skip(column).step_by(self.contacts.len());
            let field = contact.lead_field.electric_field(center);
            for ((start, end), weight) in ends().zip(weights) {
                let from_center = start.midpoint(*end) - center;
                let current_na = contact.lead_field.current_na();
                *weight = field.map_or(contact.outside_value(), |e| weight_from_field(from_center, e, current_na));
            }
        }
    }

    fn explain_missing_weight(&self, neuron: &NeuronSegments<'_>, _segment: usize, column: usize) -> Option<Error> {
        let contact = self.contacts.get(column)?;
        let center = neuron_center(neuron)?;
        let what = format!("the centre of node {}", neuron.node_id()?);
        let refused = || contact.lead_field.lookup_error(Quantity::ElectricField, center, &what, &contact.name);
        contact.lead_field.electric_field(center).is_none().then(refused)
    }
}
