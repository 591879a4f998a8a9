//! Reciprocity: the potential that a current through the contact makes at the segment, from a lead field.
//!
//! w = phi(m) / I
//!
//! with m the segment's midpoint, phi the lead field's potential there (V) and I the current that made the field (nA), so
//! that w is V/nA: no other factor is applied. The medium is the field solver's own; conductivity does not occur.
//!
//! Assumptions: the medium is linear and purely resistive, and the potential is the field of a current I that enters at
//! the contact and leaves at the reference of the recording (H. von Helmholtz, Ann. Phys. 165, 211, 1853,
//! doi:10.1002/andp.18531650603). A segment is a point.
//!
//! Limits: the coefficient is as good as the field's interpolation (second order in the size of its cells, see
//! `lead_field::grid`) and smaller than a cell nothing is resolved: near a contact choose a fine grid, or
//! `PointSource`. Outside the field it is an error, or 0 by choice.
//!
//! Agreement with BlueRecording 0.2.1 on the golden circuit, from the same midpoints (2 x 3161 values): 7e-16 relative. By
//! hand: phi = 3 mV at the midpoint in a field made by 1.5 nA gives 0.002 V/nA.

use std::sync::Arc;

use super::{Contact, Kernel as _, Method, Parameter};
use crate::error::{Context, Error, Problem, Result};
use crate::lead_field::{LeadField, OutsideField, Quantity};
use crate::segments::{NeuronSegments, Segment};

/// The method's name.
pub const NAME: &str = "Reciprocity";

/// The potential of a lead field at the segment's midpoint.
pub struct Reciprocity;

impl Method for Reciprocity {
    fn name(&self) -> &'static str {
        NAME
    }

    fn summary(&self) -> &'static str {
        "potential of a lead field at the segment's midpoint"
    }

    fn is_analytic(&self) -> bool {
        false
    }

    fn parameters(&self) -> &'static [Parameter] {
        &[Parameter::Field]
    }

    fn looks_up(&self) -> Option<Quantity> {
        Some(Quantity::Potential)
    }

    fn prepare(&self, contacts: &[Contact]) -> Result<Box<dyn super::Kernel>> {
        Ok(Box::new(Kernel::new(FieldContact::all(contacts, NAME)?)?))
    }
}

/// A contact without a lead field.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("no lead field, expected the one that `{method}` looks up, found none")]
pub struct NoField {
    /// The method.
    pub method: &'static str,
}

impl Problem for NoField {
    fn hint(&self) -> Option<String> {
        Some(
            "give `--fields FILE` for all contacts of such methods, one for each in file order, or `--field NAME=FILE`"
                .into(),
        )
    }
}

/// A contact with its field.
#[derive(Debug, Clone)]
pub struct FieldContact {
    /// The contact's name, for messages.
    pub name: String,
    /// The field that a current through it makes; one field may serve many contacts.
    pub field: Arc<LeadField>,
    /// What a point outside the field means.
    pub outside: OutsideField,
}

/// The coefficient, V/nA, from a potential in V and the current that made it, in nA.
///
/// ```
/// use leadfield::methods::reciprocity::coefficient;
/// assert_eq!(coefficient(0.003, 1.5), 0.002);
/// ```
pub fn coefficient(potential_v: f64, current_na: f64) -> f64 {
    potential_v / current_na
}

/// The method made ready for some contacts.
#[derive(Debug)]
pub struct Kernel {
    contacts: Vec<FieldContact>,
}

impl Kernel {
    /// Ready for contacts that each have a field with a potential.
    ///
    /// # Errors
    /// A field lacks the potential.
    pub fn new(contacts: Vec<FieldContact>) -> Result<Self> {
        contacts.iter().try_for_each(|c| c.field.require(Quantity::Potential, NAME))?;
        Ok(Self { contacts })
    }

    /// Coefficients as in [`super::Kernel::fill`], or why one is missing.
    ///
    /// # Errors
    /// A midpoint lies outside a contact's field, and the contact does not take 0 there.
    pub fn try_fill(&self, neuron: &NeuronSegments<'_>, out: &mut [f64]) -> Result<()> {
        self.fill(neuron, out);
        let missing = out.iter().position(|w| w.is_nan()).and_then(|at| {
            let columns = self.contacts.len();
            self.explain(neuron, at / columns, at % columns)
        });
        missing.map_or(Ok(()), Err)
    }
}

impl super::Kernel for Kernel {
    /// NaN stands for a midpoint outside the field of a contact with [`OutsideField::Error`].
    fn fill(&self, neuron: &NeuronSegments<'_>, out: &mut [f64]) {
        let midpoints: Vec<_> = neuron.start.iter().zip(neuron.end).map(|(start, end)| start.midpoint(*end)).collect();
        let mut potentials = vec![f64::NAN; midpoints.len()];
        for (column, contact) in self.contacts.iter().enumerate() {
            contact.field.potentials(&midpoints, &mut potentials);
            let weights = out.iter_mut().skip(column).step_by(self.contacts.len());
            for (weight, potential) in weights.zip(&potentials) {
                let weight_here = coefficient(*potential, contact.field.current_na());
                *weight = if weight_here.is_nan() { contact.instead() } else { weight_here };
            }
        }
    }

    fn explain(&self, neuron: &NeuronSegments<'_>, segment: usize, column: usize) -> Option<Error> {
        let contact = self.contacts.get(column)?;
        let segment = (segment < neuron.len()).then(|| neuron.get(segment))?;
        let m = segment.midpoint();
        let what = format!("the midpoint of {}", named(&segment));
        let refused = || contact.field.refusal(Quantity::Potential, m, &what, &contact.name);
        contact.field.potential(m).is_none().then(refused)
    }
}

impl FieldContact {
    /// Contacts that each have a field.
    ///
    /// # Errors
    /// [`NoField`], with the contact.
    pub(super) fn all(contacts: &[Contact], method: &'static str) -> Result<Vec<Self>> {
        let with_field = |c: &Contact| match &c.field {
            Some(field) => Ok(Self { name: c.name.clone(), field: field.clone(), outside: c.outside }),
            None => Err(NoField { method }).in_object(&format!("contact `{}`", c.name)),
        };
        contacts.iter().map(with_field).collect()
    }

    /// What stands for a value that the field does not have.
    pub(super) const fn instead(&self) -> f64 {
        match self.outside {
            OutsideField::Error => f64::NAN,
            OutsideField::Zero => 0.0,
        }
    }
}

fn named(s: &Segment) -> String {
    format!("segment {} of section {} of node {}", s.segment_id, s.section_id, s.node_id)
}
