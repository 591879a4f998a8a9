//! The contents of an electrodes file except the weights: contacts, populations, provenance.

use std::collections::HashSet;

use super::{ELECTRODES, ElectrodesFileProblem};
use crate::geometry::Point;

/// Value of an HDF5 attribute, for settings and provenance.
#[derive(Debug, Clone, PartialEq)]
pub enum AttributeValue {
    /// Text.
    Text(String),
    /// A number.
    Number(f64),
    /// Several numbers.
    Numbers(Vec<f64>),
}

impl From<&str> for AttributeValue {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

/// Description of one contact in the file. Its index in [`FileLayout::electrodes`] is its column.
#[derive(Debug, Clone)]
pub struct ContactLayout {
    /// Name of the contact.
    pub name: String,
    /// Position, µm; stored as float32.
    pub position_um: Point,
    /// Name of the method.
    pub kind: String,
    /// Cortical layer.
    pub layer: String,
    /// Brain region.
    pub region: String,
    /// Settings of the method: attributes of `type`.
    pub settings: Vec<(&'static str, AttributeValue)>,
    /// Unit of the column, if it is not V/nA: attribute `units` of the contact's group.
    pub units: Option<String>,
}

/// The rows of one population.
#[derive(Debug, Clone, Default)]
pub struct PopulationLayout {
    /// Name of the population.
    pub name: String,
    /// Node ids, ascending.
    pub node_ids: Vec<u64>,
    /// Offsets, one more than nodes: the rows of node i are `offsets[i]..offsets[i + 1]`.
    pub offsets: Vec<u64>,
    /// Provenance of the rows: attributes of `/{population}`.
    pub provenance: Vec<(&'static str, AttributeValue)>,
}

impl PopulationLayout {
    /// Returns the number of rows.
    pub fn rows(&self) -> u64 {
        self.offsets.last().copied().unwrap_or(0)
    }
}

/// Contents of a file except the weights.
#[derive(Debug, Clone, Default)]
pub struct FileLayout {
    /// The contacts, in column order.
    pub electrodes: Vec<ContactLayout>,
    /// The populations.
    pub populations: Vec<PopulationLayout>,
    /// Provenance of the file: attributes of `/`. It contains no date, so that equal inputs give equal bytes.
    pub provenance: Vec<(&'static str, AttributeValue)>,
}

impl FileLayout {
    /// Checks that the file can store the layout: no `/` in names, no duplicate names, positions within float32.
    pub(super) fn check(&self) -> Result<(), ElectrodesFileProblem> {
        let mut taken = HashSet::from([ELECTRODES]);
        let populations = self.populations.iter().map(|p| ("population name", p.name.as_str()));
        let contacts = self.electrodes.iter().map(|e| ("contact name", e.name.as_str()));
        for (what, name) in populations.chain(contacts) {
            if matches!(name, "" | "." | "..") || name.contains(['/', '\0']) {
                return Err(ElectrodesFileProblem::Name { what, name: name.into() });
            }
            if !taken.insert(name) {
                return Err(ElectrodesFileProblem::DuplicateName(name.into()));
            }
        }
        for e in &self.electrodes {
            if let Some(found) =
                e.position_um.to_array().into_iter().find(|v| v.is_finite() && (*v as f32).is_infinite())
            {
                return Err(ElectrodesFileProblem::Position { contact: e.name.clone(), found: format!("{found:e}") });
            }
        }
        Ok(())
    }
}

/// Where one population's weights are stored in the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct WeightsExtent {
    pub(super) byte_offset: u64,
    pub(super) rows: u64,
}
