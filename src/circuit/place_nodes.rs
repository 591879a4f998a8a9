//! Placement of selected neurons, for checks that need no table.

use std::collections::HashSet;

use super::{SegmentTableOptions, SegmentationPlan, to_table_neuron};
use crate::error::Result;
use crate::segments::Segments;
use crate::segments::table::TableNeuron;

impl SegmentationPlan {
    /// Returns the neurons in ascending order of node id.
    pub fn neurons(&self) -> Vec<TableNeuron> {
        self.plans.iter().map(to_table_neuron).collect()
    }

    /// Places the segments of some nodes; ignores nodes that the plan does not contain.
    ///
    /// # Errors
    /// Returns an error if a morphology cannot be read or a neuron cannot be placed.
    pub fn place_nodes(&self, nodes: &[u64], options: &SegmentTableOptions) -> Result<Segments> {
        let nodes: HashSet<u64> = nodes.iter().copied().collect();
        let which: Vec<usize> = (0..self.plans.len()).filter(|&i| nodes.contains(&self.plans[i].node_id)).collect();
        self.place_neurons(&which, options, &|_| ())
    }
}
