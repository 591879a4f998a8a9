//! stub: interface fixed, body to come
use std::path::Path;

use crate::error::Result;
use crate::segments::SectionCount;

/// Which segments each neuron has, as a compartment report's mapping tells.
#[derive(Debug)]
pub struct Layout {}

impl Layout {
    /// Reads the mapping of a population in a report.
    ///
    /// # Errors
    /// Missing file or population (those that are there are listed), N+1 index pointers expected, pointers that
    /// decrease or leave the elements, a node listed twice, element ids that do not fit the data's columns.
    pub fn open(path: &Path, population: &str) -> Result<Self> {
        let _ = (path, population);
        Ok(Self {})
    }
    /// Node ids, ascending.
    pub fn node_ids(&self) -> &[u64] {
        &[]
    }
    /// The sections of a node, ascending by id, with their numbers of segments; none if the node is not in the report.
    pub fn sections(&self, node: u64) -> Option<Vec<SectionCount>> {
        let _ = node;
        None
    }
    /// Number of segments of a node; none if the node is not in the report.
    pub fn segments(&self, node: u64) -> Option<u64> {
        let _ = node;
        None
    }
}

/// The populations of a report file, sorted.
///
/// # Errors
/// No HDF5, no `/report`.
pub fn populations(path: &Path) -> Result<Vec<String>> {
    let _ = path;
    Ok(vec![])
}
