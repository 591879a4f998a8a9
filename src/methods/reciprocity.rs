//! Reciprocity: the weight is the potential that a current through the contact produces at the segment, from a lead
//! field.
//!
//! ```text
//! w = phi(m) / I
//! ```
//!
//! | symbol | meaning | unit |
//! |---|---|---|
//! | w | weight of the segment at the contact | V/nA |
//! | m | midpoint of the segment | µm |
//! | phi | potential of the lead field | V |
//! | I | current that produced the field | nA |
//!
//! No other factor is applied. The medium is that of the field solver; the conductivity setting is not used.
//!
//! Assumptions: the medium is linear and purely resistive, and the potential is the field of a current I that enters at
//! the contact and leaves at the reference of the recording (H. von Helmholtz, Ann. Phys. 165, 211, 1853,
//! doi:10.1002/andp.18531650603). A segment is a point.
//!
//! Limits: the weight is as accurate as the interpolation of the field (second order in the size of its cells, see
//! `lead_field::grid`). Nothing smaller than a cell is resolved: near a contact use a fine grid, or `PointSource`. A
//! midpoint outside the field is an error, or optionally gives the weight 0.
//!
//! Agreement with BlueRecording 0.2.1 on the golden circuit, from the same midpoints (2 x 3161 values): 7e-16 relative.
//!
//! Checked by hand: phi = 3 mV at the midpoint in a field of 1.5 nA gives 0.002 V/nA.

use std::sync::Arc;

use super::{Contact, Method, MethodProperties, PreparedMethod as _, SettingKind};
use crate::error::{Context, Error, Problem, Result};
use crate::lead_field::{LeadField, OutsideField, Quantity};
use crate::segments::{NeuronSegments, Segment};

/// Name of the method in electrodes files.
pub const NAME: &str = "Reciprocity";

/// Reciprocity: the potential of a lead field at the segment's midpoint; see the [module](self).
pub struct Reciprocity;

impl Method for Reciprocity {
    fn properties(&self) -> MethodProperties {
        MethodProperties {
            required_field: Some(Quantity::Potential),
            expects_near_contacts: false,
            ..MethodProperties::new(NAME, "potential of a lead field at the segment's midpoint", &[SettingKind::Field])
        }
    }

    fn prepare(&self, contacts: &[Contact]) -> Result<Box<dyn super::PreparedMethod>> {
        Ok(Box::new(PreparedReciprocity::new(FieldContact::from_contacts(contacts, NAME)?)?))
    }
}

/// A contact has no lead field.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("no lead field, expected one for `{method}`, found none")]
pub struct MissingLeadField {
    /// Name of the method.
    pub method: &'static str,
}

impl Problem for MissingLeadField {
    fn hint(&self) -> Option<String> {
        Some(
            "give `--fields FILE` once, or once for each contact of such methods in file order, or `--field NAME=FILE`"
                .into(),
        )
    }
}

/// A contact with its lead field.
#[derive(Debug, Clone)]
pub struct FieldContact {
    /// The contact's name, for messages.
    pub name: String,
    /// The field that a current through the contact produces; several contacts may share one.
    pub lead_field: Arc<LeadField>,
    /// What the method does for a point outside the field.
    pub outside_field: OutsideField,
}

/// Returns the weight, V/nA, from a potential in V and the current that produced it, in nA.
///
/// ```
/// use leadfield::methods::reciprocity::weight_from_potential;
/// assert_eq!(weight_from_potential(0.003, 1.5), 0.002);
/// ```
pub fn weight_from_potential(potential_v: f64, current_na: f64) -> f64 {
    potential_v / current_na
}

/// Reciprocity, prepared for a list of contacts.
#[derive(Debug)]
pub struct PreparedReciprocity {
    contacts: Vec<FieldContact>,
}

impl PreparedReciprocity {
    /// Prepares contacts that each have a field with a potential.
    ///
    /// # Errors
    /// Returns an error if a field has no potential.
    pub fn new(contacts: Vec<FieldContact>) -> Result<Self> {
        contacts.iter().try_for_each(|c| c.lead_field.require_quantity(Quantity::Potential, NAME))?;
        Ok(Self { contacts })
    }

    /// Writes the weights as [`super::PreparedMethod::fill_weights`] does; reports a weight that cannot be computed as
    /// an error.
    ///
    /// # Errors
    /// Returns an error if a midpoint lies outside a contact's field and the contact does not use 0 there.
    pub fn try_fill_weights(&self, neuron: &NeuronSegments<'_>, out: &mut [f64]) -> Result<()> {
        self.fill_weights(neuron, out);
        let missing = out.iter().position(|w| w.is_nan()).and_then(|at| {
            let columns = self.contacts.len();
            self.explain_missing_weight(neuron, at / columns, at % columns)
        });
        missing.map_or(Ok(()), Err)
    }
}

impl super::PreparedMethod for PreparedReciprocity {
    /// The weight is NaN for a midpoint outside the field of a contact with [`OutsideField::Error`].
    fn fill_weights(&self, neuron: &NeuronSegments<'_>, out: &mut [f64]) {
        let midpoints: Vec<_> = neuron.start.iter().zip(neuron.end).map(|(start, end)| start.midpoint(*end)).collect();
        let mut potentials = vec![f64::NAN; midpoints.len()];
        for (column, contact) in self.contacts.iter().enumerate() {
            contact.lead_field.potentials(&midpoints, &mut potentials);
            let weights = out.iter_mut().skip(column).step_by(self.contacts.len());
            for (weight, potential) in weights.zip(&potentials) {
                let weight_here = weight_from_potential(*potential, contact.lead_field.current_na());
                *weight = if weight_here.is_nan() { contact.outside_value() } else { weight_here };
            }
        }
    }

    fn explain_missing_weight(&self, neuron: &NeuronSegments<'_>, segment: usize, column: usize) -> Option<Error> {
        let contact = self.contacts.get(column)?;
        let segment = (segment < neuron.len()).then(|| neuron.get(segment))?;
        let m = segment.midpoint();
        let what = format!("the midpoint of {}", describe_segment(&segment));
        let refused = || contact.lead_field.lookup_error(Quantity::Potential, m, &what, &contact.name);
        contact.lead_field.potential(m).is_none().then(refused)
    }
}

impl FieldContact {
    /// Returns the contacts with their fields.
    ///
    /// # Errors
    /// Returns [`MissingLeadField`], with the contact, if a contact has no field.
    pub(super) fn from_contacts(contacts: &[Contact], method: &'static str) -> Result<Vec<Self>> {
        let with_field = |c: &Contact| match &c.lead_field {
            Some(field) => Ok(Self { name: c.name.clone(), lead_field: field.clone(), outside_field: c.outside_field }),
            None => Err(MissingLeadField { method }).in_item(&format!("contact `{}`", c.name)),
        };
        contacts.iter().map(with_field).collect()
    }

    /// Returns the weight for a point outside the field.
    pub(super) const fn outside_value(&self) -> f64 {
        match self.outside_field {
            OutsideField::Error => f64::NAN,
            OutsideField::Zero => 0.0,
        }
    }
}

/// Describes a segment in a message.
pub(super) fn describe_segment(s: &Segment) -> String {
    format!("segment {} of section {} of node {}", s.segment_id, s.section_id, s.node_id)
}
