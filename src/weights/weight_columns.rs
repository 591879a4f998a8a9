//! Contacts grouped by method, and each method's values put into the contacts' columns.

use super::WeightsProblem;
use super::montage::Montage;
use crate::electrodes::ConfiguredElectrode;
use crate::error::{Error, Result};
use crate::methods::{Method, PreparedMethod};
use crate::segments::NeuronSegments;

/// The columns of a row, each computed by its contact's method.
pub struct WeightColumns {
    groups: Vec<MethodGroup>,
    montage: Montage,
    width: usize,
}

/// The contacts of one method.
struct MethodGroup {
    kernel: Box<dyn PreparedMethod>,
    /// Their columns, ascending.
    columns: Vec<usize>,
}

impl WeightColumns {
    /// Prepares each method for its contacts.
    ///
    /// # Errors
    /// No contacts, or a contact lacks a setting that its method needs.
    pub fn new(electrodes: &[ConfiguredElectrode]) -> Result<Self> {
        if electrodes.is_empty() {
            return Err(WeightsProblem::NoContacts.into());
        }
        let mut groups: Vec<(&'static dyn Method, Vec<usize>)> = Vec::new();
        for (column, ConfiguredElectrode { electrode, .. }) in electrodes.iter().enumerate() {
            match groups.iter_mut().find(|(method, _)| method.name() == electrode.method.name()) {
                Some((_, columns)) => columns.push(column),
                None => groups.push((electrode.method, vec![column])),
            }
        }
        let prepare = |(method, columns): (&'static dyn Method, Vec<usize>)| {
            let contacts = columns.iter().filter_map(|&column| Some(electrodes.get(column)?.contact.clone()));
            Ok(MethodGroup { kernel: method.prepare(&contacts.collect::<Vec<_>>())?, columns })
        };
        let groups = groups.into_iter().map(prepare).collect::<Result<_>>()?;
        Ok(Self { groups, montage: Montage::from_electrodes(electrodes), width: electrodes.len() })
    }

    /// Number of columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// What a user should know of the contacts, though they could be made ready.
    pub fn warnings(&self) -> Vec<Error> {
        self.groups.iter().flat_map(|group| group.kernel.warnings()).collect()
    }

    /// Sizes that a column was computed with.
    pub fn size_attributes(&self, column: usize) -> Vec<(&'static str, f64)> {
        self.find_group(column).map_or(Vec::new(), |(group, own)| group.kernel.size_attributes(own))
    }

    /// Why the coefficient of a neuron's segment (its place in the view) is not a number, where the method knows.
    pub fn explain_missing_weight(&self, neuron: &NeuronSegments<'_>, segment: usize, column: usize) -> Option<Error> {
        let sources = std::iter::once(column).chain(self.montage.reference_columns(column));
        let mut owners = sources.filter_map(|source| self.find_group(source));
        owners.find_map(|(group, own)| group.kernel.explain_missing_weight(neuron, segment, own))
    }

    /// The group of a column, and its place there.
    fn find_group(&self, column: usize) -> Option<(&MethodGroup, usize)> {
        self.groups.iter().find_map(|group| Some((group, group.columns.iter().position(|c| *c == column)?)))
    }

    /// Writes the coefficients of a neuron: `out` is row-major, one row a segment, one column a contact. `scratch` is
    /// reused from call to call.
    pub fn fill_weights(&self, neuron: &NeuronSegments<'_>, out: &mut [f64], scratch: &mut Vec<f64>) {
        match self.groups.as_slice() {
            [only] => only.kernel.fill_weights(neuron, out),
            several => self.fill_groups(several, neuron, out, scratch),
        }
        self.montage.subtract_references(out, self.width, scratch);
    }

    fn fill_groups(
        &self,
        groups: &[MethodGroup],
        neuron: &NeuronSegments<'_>,
        out: &mut [f64],
        scratch: &mut Vec<f64>,
    ) {
        for group in groups {
            let own = group.columns.len();
            scratch.resize(neuron.len() * own, 0.0);
            group.kernel.fill_weights(neuron, scratch);
            for (row, values) in out.chunks_exact_mut(self.width).zip(scratch.chunks_exact(own)) {
                scatter(values, &group.columns, row);
            }
        }
    }
}

/// Puts values into their columns of a row.
fn scatter(values: &[f64], columns: &[usize], row: &mut [f64]) {
    for (&value, &column) in values.iter().zip(columns) {
        if let Some(place) = row.get_mut(column) {
            *place = value;
        }
    }
}
