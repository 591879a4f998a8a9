//! stub: interface fixed, body to come
use std::path::Path;

use super::nodes::Nodes;
use crate::error::Result;

/// The node sets of a circuit, with a simulation's merged over them.
#[derive(Debug, Default)]
pub struct NodeSets {}

impl NodeSets {
    /// Reads node-set files; a set of a later file replaces one of the same name.
    ///
    /// # Errors
    /// Missing, not JSON, not an object of sets.
    pub fn open<'a>(files: impl IntoIterator<Item = &'a Path>) -> Result<Self> {
        let _ = files.into_iter().count();
        Ok(Self {})
    }
    /// Names of the sets, sorted.
    pub fn names(&self) -> Vec<&str> {
        vec![]
    }
    /// The node ids of a set within one population, ascending, each once.
    ///
    /// # Errors
    /// Unknown set, unknown attribute, a cycle, a node id outside the population, a malformed rule.
    pub fn resolve(&self, name: &str, population: &str, nodes: &Nodes) -> Result<Vec<u64>> {
        let _ = (name, population, nodes);
        Ok(vec![])
    }
}
