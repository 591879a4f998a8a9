//! The loop that all dipole methods share: a vector per contact for each neuron, then a dot product per segment.
//!
//! ```text
//! w = M(c) . (m - c)
//! ```
//!
//! M(c) is the signal at the contact of a current dipole at c, per nA µm; m is the midpoint of the segment, and c the
//! centre of the neuron, the mean of the midpoints. Since the membrane currents of a neuron sum to zero, c moves
//! nothing but the place of the dipole.

use super::dipole_reciprocity::neuron_center;
use super::reciprocity::describe_segment;
use super::{PreparedMethod, radius_or_default_um};
use crate::error::Error;
use crate::geometry::Point;
use crate::segments::NeuronSegments;

/// A formula for the signal of a current dipole at contacts.
pub(super) trait DipoleFormula: Send + Sync {
    /// Returns the number of contacts.
    fn contact_count(&self) -> usize;

    /// Writes M for a dipole at `center`, µm, into one vector for each contact; NaN if there is none. The neuron's
    /// largest segment has the radius `radius_um`.
    fn fill_vectors(&self, center: Point, radius_um: f64, vectors: &mut ContactVectors);

    /// Returns why a contact has no signal from a dipole at `center`; `what` names the dipole.
    fn explain(&self, center: Point, column: usize, what: &str) -> Option<Error>;

    /// Sets the weights of contacts to NaN whose head has no place for a segment at `midpoint`, µm.
    fn refuse_segment(&self, _midpoint: Point, _weights: &mut [f64]) {}

    /// Returns why [`DipoleFormula::refuse_segment`] refused a segment; `what` names its midpoint.
    fn explain_segment(&self, _midpoint: Point, _column: usize, _what: &str) -> Option<Error> {
        None
    }
}

/// A vector for each contact, by component.
#[derive(Debug, Default)]
pub(super) struct ContactVectors {
    pub x: Vec<f64>,
    pub y: Vec<f64>,
    pub z: Vec<f64>,
}

impl ContactVectors {
    fn with_length(length: usize) -> Self {
        Self { x: vec![0.0; length], y: vec![0.0; length], z: vec![0.0; length] }
    }

    /// Sets the vector of a contact; an index after the last contact is ignored.
    pub fn set(&mut self, contact: usize, vector: Point) {
        for (values, value) in [&mut self.x, &mut self.y, &mut self.z].into_iter().zip(vector.to_array()) {
            if let Some(place) = values.get_mut(contact) {
                *place = value;
            }
        }
    }
}

/// A dipole method, prepared for a list of contacts.
#[derive(Debug)]
pub(super) struct DipoleKernel<F>(pub F);

impl<F: DipoleFormula> PreparedMethod for DipoleKernel<F> {
    /// `neuron` must be a complete neuron, because its centre is the mean of all its segments.
    fn fill_weights(&self, neuron: &NeuronSegments<'_>, out: &mut [f64]) {
        let (Some(center), contacts) = (neuron_center(neuron), self.0.contact_count()) else { return };
        if contacts == 0 {
            return;
        }
        let radius_um = neuron.radius_um.iter().map(|r| radius_or_default_um(*r)).fold(0.0, f64::max);
        let mut vectors = ContactVectors::with_length(contacts);
        self.0.fill_vectors(center, radius_um, &mut vectors);
        for ((start, end), row) in neuron.start.iter().zip(neuron.end).zip(out.chunks_exact_mut(contacts)) {
            let midpoint = start.midpoint(*end);
            let d = midpoint - center;
            let components = vectors.x.iter().zip(&vectors.y).zip(&vectors.z);
            for (weight, ((x, y), z)) in row.iter_mut().zip(components) {
                *weight = x * d.x + y * d.y + z * d.z;
            }
            self.0.refuse_segment(midpoint, row);
        }
    }

    fn explain_missing_weight(&self, neuron: &NeuronSegments<'_>, segment: usize, column: usize) -> Option<Error> {
        let of_center =
            || self.0.explain(neuron_center(neuron)?, column, &format!("the centre of node {}", neuron.node_id()?));
        let of_segment = || {
            let segment = (segment < neuron.len()).then(|| neuron.get(segment))?;
            let what = format!("the midpoint of {}", describe_segment(&segment));
            self.0.explain_segment(segment.midpoint(), column, &what)
        };
        of_center().or_else(of_segment)
    }
}
