//! stub: interface fixed, body to come
use super::config::NodePopulation;
use crate::error::Result;
use crate::geometry::Transform;

/// The nodes of one population: places, orientations, morphologies, attributes.
#[derive(Debug)]
pub struct Nodes {}

/// An attribute's values for all nodes.
#[derive(Debug, Clone, PartialEq)]
pub enum Attribute {
    /// Text, enumerations resolved through `@library`. An empty library value selects nothing.
    Text(Vec<String>),
    /// Numbers.
    Number(Vec<f64>),
}

impl Nodes {
    /// Opens a population's `nodes.h5`.
    ///
    /// # Errors
    /// No such population in the file (those that are there are listed), no `node_type_id`, group `0` missing.
    pub fn open(population: &NodePopulation) -> Result<Self> {
        let _ = population;
        Ok(Self {})
    }
    /// Number of nodes.
    pub fn len(&self) -> usize {
        0
    }
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        true
    }
    /// The transforms of some nodes, in the order given.
    ///
    /// # Errors
    /// `x`, `y` or `z` missing or not finite, a node id outside the population, a zero quaternion.
    pub fn transforms(&self, nodes: &[u64]) -> Result<Vec<Transform>> {
        let _ = nodes;
        Ok(vec![])
    }
    /// An attribute of all nodes, e.g. `morphology`, `mtype`.
    ///
    /// # Errors
    /// Unknown (those that are there are listed), an enumeration index outside its library.
    pub fn attribute(&self, name: &str) -> Result<Attribute> {
        let _ = name;
        Ok(Attribute::Text(vec![]))
    }
    /// The morphology names (no extension, perhaps a subfolder) of some nodes, in the order given.
    ///
    /// # Errors
    /// As [`Nodes::attribute`], not text, or a node id outside the population.
    pub fn morphologies(&self, nodes: &[u64]) -> Result<Vec<String>> {
        let _ = nodes;
        Ok(vec![])
    }
    /// Names of all attributes, sorted.
    ///
    /// # Errors
    /// The group is gone.
    pub fn attributes(&self) -> Result<Vec<String>> {
        Ok(vec![])
    }
}
