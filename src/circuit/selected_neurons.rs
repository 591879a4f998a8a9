//! The selected neurons: their transforms and morphologies, and the plans built from them.

use std::collections::HashSet;
use std::sync::Arc;

use super::node_selection::NodeSelection;
use crate::circuit::hoc::StubDiameters;
use crate::circuit::placement::{AxonTreatment, NeuronPlan};
use crate::error::{Result, format_count};
use crate::geometry::Transform;
use crate::segments::SectionCount;

/// The selected neurons, as columns.
pub(crate) struct SelectedNeurons<'a> {
    /// SONATA node ids, ascending.
    pub node_ids: &'a [u64],
    /// Names of the morphologies, shared between neurons.
    pub morphology_names: Vec<Arc<str>>,
    transforms: Vec<Transform>,
}

impl<'a> SelectedNeurons<'a> {
    /// Reads transforms and morphology names from the nodes file.
    pub fn read(selection: &'a NodeSelection) -> Result<Self> {
        let (nodes, ids) = (&selection.nodes, selection.node_ids.as_slice());
        Ok(Self {
            node_ids: ids,
            transforms: nodes.transforms(ids)?,
            morphology_names: intern_names(nodes.morphology_names(ids)?),
        })
    }

    /// Builds a plan for each neuron for which `sections` returns one, given its index and node id. Rows are not
    /// numbered yet.
    pub fn to_plans(
        &self,
        sections: impl Fn(usize, u64) -> Option<(Arc<[SectionCount]>, AxonTreatment, StubDiameters)>,
    ) -> Vec<NeuronPlan> {
        let columns = self.node_ids.iter().zip(&self.transforms).zip(&self.morphology_names);
        let plan = |(i, ((&node_id, transform), name)): (usize, ((&u64, &Transform), &Arc<str>))| {
            let (sections, axon, stub_diameters) = sections(i, node_id)?;
            let (morphology, transform) = (name.clone(), *transform);
            Some(NeuronPlan {
                node_id,
                morphology_name: morphology,
                first_row: 0,
                section_counts: sections,
                axon,
                stub_diameters,
                transform,
            })
        };
        columns.enumerate().filter_map(plan).collect()
    }
}

/// Shares equal names, so that each is stored once.
fn intern_names(names: Vec<String>) -> Vec<Arc<str>> {
    let mut known: HashSet<Arc<str>> = HashSet::new();
    let share = |name: String| {
        known.get(name.as_str()).cloned().unwrap_or_else(|| {
            let name = Arc::from(name);
            known.insert(Arc::clone(&name));
            name
        })
    };
    names.into_iter().map(share).collect()
}

/// Says which nodes use a morphology, for hints.
pub(crate) fn describe_morphology_owners(mut nodes: impl Iterator<Item = u64>, population: &str) -> String {
    let first = nodes.next().unwrap_or_default();
    describe_owners("morphology", first, nodes.count() as u64, population)
}

/// Says that a morphology or template belongs to a node and a number of others, for hints.
pub(super) fn describe_owners(what: &str, first: u64, others: u64, population: &str) -> String {
    let others = match others {
        0 => String::new(),
        n => format!(" and of {}", format_count(n, "other")),
    };
    format!("it is the {what} of node {first} of population `{population}`{others}")
}
