//! Some of a circuit's neurons: for checks that need no table.

use std::collections::HashSet;

use super::{Assembly, Options, neuron};
use crate::error::Result;
use crate::segments::Segments;
use crate::segments::table::Neuron;

impl Assembly {
    /// The neurons, node ids ascending.
    pub fn neurons(&self) -> Vec<Neuron> {
        self.plans.iter().map(neuron).collect()
    }

    /// Places the segments of some nodes; nodes that are not there are left out.
    ///
    /// # Errors
    /// A morphology cannot be read, or a neuron cannot be placed.
    pub fn place(&self, nodes: &[u64], options: &Options) -> Result<Segments> {
        let nodes: HashSet<u64> = nodes.iter().copied().collect();
        let which: Vec<usize> = (0..self.plans.len()).filter(|&i| nodes.contains(&self.plans[i].node_id)).collect();
        self.place_all(&which, options, &|_| ())
    }
}
