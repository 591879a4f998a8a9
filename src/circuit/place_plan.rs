//! Placement of the segments of planned neurons: of all, or of selected ones for checks that need no table.

use std::collections::HashSet;
use std::sync::Arc;

use rayon::prelude::*;

use super::selected_neurons::describe_morphology_owners;
use super::{NEURONS_PER_THREAD_BATCH, SegmentTableOptions, SegmentationPlan, to_table_neuron};
use crate::circuit::placement::{AxonTreatment, NeuronPlan, place_segments, require_axon};
use crate::error::{Context, Error, Result};
use crate::geometry::{Aabb, hilbert};
use crate::io::resumable_output::StopCheck;
use crate::morphology::Morphology;
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
        self.place_neurons(&which, options, &|_| (), &StopCheck::never())
    }

    /// Returns the indices of the plans in Hilbert order of their somata.
    pub(crate) fn hilbert_order(&self) -> Vec<usize> {
        let soma = |p: &NeuronPlan| p.transform.translation;
        let curve = hilbert::HilbertCurve::for_bounds(&Aabb::enclosing(self.plans.iter().map(soma)));
        let mut order: Vec<usize> = (0..self.plans.len()).collect();
        order.sort_by_cached_key(|&i| (curve.key(soma(&self.plans[i])), self.plans[i].node_id));
        order
    }

    pub(crate) fn place_neurons(
        &self,
        which: &[usize],
        options: &SegmentTableOptions,
        placed: &(dyn Fn(u64) + Sync),
        stop: &StopCheck<'_>,
    ) -> Result<Segments> {
        let place_one = |&i: &usize| -> Result<Segments> {
            let segments = self.place_neuron(&self.plans[i], options)?;
            placed(segments.len() as u64);
            Ok(segments)
        };
        let plans = which.iter().filter_map(|&i| self.plans.get(i));
        let mut all = Segments::with_capacity(plans.map(NeuronPlan::segment_count).sum::<u64>() as usize);
        // small batches, because each neuron is copied: only a batch is in memory twice, not the part
        for batch in which.chunks(NEURONS_PER_THREAD_BATCH * rayon::current_num_threads()) {
            stop.check()?;
            let neurons: Vec<Result<Segments>> = batch.par_iter().map(place_one).collect();
            // report the first failing neuron in order, so that the error does not depend on the number of threads
            neurons.into_iter().try_for_each(|neuron| neuron.map(|segments| all.append(&segments)))?;
        }
        Ok(all)
    }

    pub(crate) fn place_neuron(&self, plan: &NeuronPlan, options: &SegmentTableOptions) -> Result<Segments> {
        let morphology = self.load_morphology(&plan.morphology_name, plan.axon)?;
        let transform = self.soma_centering.morphology_transform(plan.node_id, plan.transform, &morphology);
        let plan = &NeuronPlan { transform, ..plan.clone() };
        let placed = place_segments(&morphology, plan, options.stub_placement, self.count_checks);
        match &self.report_file {
            Some(report) => placed.in_file(report),
            None => placed,
        }
    }

    /// Loads a morphology and checks that it has the axon that is needed; an error names the nodes that use the
    /// morphology.
    fn load_morphology(&self, name: &str, axon: AxonTreatment) -> Result<Arc<Morphology>> {
        let with_axon =
            |m: Arc<Morphology>| require_axon(&m, axon, 0).in_file(&self.morphology_cache.file_path(name)).map(|()| m);
        let owners = || self.plans.iter().filter(|p| &*p.morphology_name == name).map(|p| p.node_id);
        let with_owner_hint = |e: Error| e.with_hint(describe_morphology_owners(owners(), &self.metadata.population));
        self.morphology_cache.get(name).and_then(with_axon).map_err(with_owner_hint)
    }
}
