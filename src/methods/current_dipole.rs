//! Current dipole moment: a contact of this method records the dipole moment of the membrane currents, not a potential.
//!
//! ```text
//! w = (m - c)_k,   p_k = sum of w I
//! ```
//!
//! | symbol | meaning | unit |
//! |---|---|---|
//! | w | weight of the segment in the column of the axis k | µm |
//! | m | midpoint of the segment | µm |
//! | c | centre of the neuron: the mean of the midpoints of its segments | µm |
//! | I | membrane current of the segment | nA |
//! | p_k | component of the dipole moment along x, y or z of the circuit | nA µm |
//!
//! A contact of this method in an electrodes file becomes three, one for each axis, with `_x`, `_y` and `_z` appended to
//! its name; so the simulator's report has the dipole moment itself, and any head model can follow. A contact's position
//! is not used. The three columns have the unit `um` (nA µm per nA).
//!
//! Assumptions: the membrane currents of a neuron sum to zero. Then c changes nothing.
//!
//! Limits: none; a neuron of one segment has the weight 0.
//!
//! Source: S. Naess et al., NeuroImage 225, 117467 (2021), doi:10.1016/j.neuroimage.2020.117467, equation of the current
//! dipole moment.
//!
//! Checked by hand: segments at z = 0 and z = 100 µm with -1 nA and 1 nA are a dipole of 100 nA µm along z; their
//! weights are -50 and 50 µm.

use super::dipole_reciprocity::neuron_center;
use super::medium::Axis;
use super::{Contact, Method, MethodProperties, PreparedMethod, SettingKind, WeightQuantity};
use crate::error::{Context, Problem, Result};
use crate::segments::NeuronSegments;

/// Name of the method in electrodes files.
pub const NAME: &str = "CurrentDipole";

/// The current dipole method: the position of a segment relative to the neuron's centre; see the [module](self).
pub struct CurrentDipole;

impl Method for CurrentDipole {
    fn properties(&self) -> MethodProperties {
        MethodProperties {
            quantity: WeightQuantity::DipoleMoment,
            expects_near_contacts: false,
            ..MethodProperties::new(
                NAME,
                "the current dipole moment of the neuron, in three columns",
                &[SettingKind::DipoleAxis],
            )
        }
    }

    fn prepare(&self, contacts: &[Contact]) -> Result<Box<dyn PreparedMethod>> {
        let axis = |c: &Contact| c.dipole_axis.ok_or(NoDipoleAxis).in_item(&format!("contact `{}`", c.name));
        Ok(Box::new(PreparedCurrentDipole(contacts.iter().map(axis).collect::<Result<_>>()?)))
    }
}

/// A contact has no axis: it was not read from an electrodes file, where it becomes three.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("no axis of the dipole moment, expected `x`, `y` or `z`, found none")]
pub struct NoDipoleAxis;

impl Problem for NoDipoleAxis {}

/// The method, prepared for a list of contacts with their axes.
#[derive(Debug)]
struct PreparedCurrentDipole(Vec<Axis>);

impl PreparedMethod for PreparedCurrentDipole {
    /// `neuron` must be a complete neuron, because its centre is the mean of all its segments.
    fn fill_weights(&self, neuron: &NeuronSegments<'_>, out: &mut [f64]) {
        let Some(center) = neuron_center(neuron) else { return };
        let rows = out.chunks_exact_mut(self.0.len().max(1));
        for ((start, end), row) in neuron.start.iter().zip(neuron.end).zip(rows) {
            let from_center = (start.midpoint(*end) - center).to_array();
            for (weight, axis) in row.iter_mut().zip(&self.0) {
                *weight = from_center[axis.index()];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Point;
    use crate::segments::{Segment, Segments};

    #[test]
    fn the_weights_are_the_positions_from_the_centre() {
        let at = |z: f64| {
            let p = Point::new(7.0, 8.0, z);
            Segment {
                node_id: 0,
                section_id: 0,
                segment_id: 0,
                section_type: None,
                start: p,
                end: p,
                radius_um: None,
                row: 0,
            }
        };
        let segments = Segments::from_iter([at(0.0), at(100.0)]);
        let contacts = Axis::ALL.map(|axis| Contact { dipole_axis: Some(axis), ..Contact::new(Point::ORIGIN) });
        let mut weights = [f64::NAN; 6];
        let all = NeuronSegments::new(&segments, 0..2);
        CurrentDipole.prepare(&contacts).unwrap().fill_weights(&all, &mut weights);
        assert_eq!(weights, [0.0, 0.0, -50.0, 0.0, 0.0, 50.0]);
    }

    #[test]
    fn a_contact_without_an_axis_is_an_error() {
        let contact = Contact { name: "p".into(), ..Contact::new(Point::ORIGIN) };
        assert_eq!(
            CurrentDipole.prepare(&[contact]).err().unwrap().to_string(),
            "contact `p`: no axis of the dipole moment, expected `x`, `y` or `z`, found none"
        );
    }
}
