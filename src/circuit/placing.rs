//! Placing the segments of planned neurons.

use std::sync::Arc;

use rayon::prelude::*;

use super::neurons::owners;
use super::{Assembly, NEURONS_TOGETHER, Options};
use crate::circuit::placement::{Axon, NeuronPlan, check_axon, place};
use crate::error::{Context, Error, Result};
use crate::geometry::{Aabb, hilbert};
use crate::morphology::Morphology;
use crate::segments::Segments;

impl Assembly {
    /// Places of the neurons in Hilbert order of their somata.
    pub(crate) fn hilbert_order(&self) -> Vec<usize> {
        let soma = |p: &NeuronPlan| p.transform.translation;
        let curve = hilbert::Curve::over(&Aabb::of(self.plans.iter().map(soma)));
        let mut order: Vec<usize> = (0..self.plans.len()).collect();
        order.sort_by_cached_key(|&i| (curve.key(soma(&self.plans[i])), self.plans[i].node_id));
        order
    }

    pub(crate) fn place_all(
        &self,
        which: &[usize],
        options: &Options,
        placed: &(dyn Fn(u64) + Sync),
    ) -> Result<Segments> {
        let place_one = |&i: &usize| -> Result<Segments> {
            let segments = self.place_one(&self.plans[i], options)?;
            placed(segments.len() as u64);
            Ok(segments)
        };
        let plans = which.iter().filter_map(|&i| self.plans.get(i));
        let mut all = Segments::with_capacity(plans.map(NeuronPlan::segments).sum::<u64>() as usize);
        // few at a time, since each is copied: what is in memory twice is not the part
        for together in which.chunks(NEURONS_TOGETHER * rayon::current_num_threads()) {
            let neurons: Vec<Result<Segments>> = together.par_iter().map(place_one).collect();
            // the first failing neuron in order is the one that is told, whatever the number of threads
            neurons.into_iter().try_for_each(|neuron| neuron.map(|segments| all.append(&segments)))?;
        }
        Ok(all)
    }

    pub(crate) fn place_one(&self, plan: &NeuronPlan, options: &Options) -> Result<Segments> {
        let morphology = self.morphology(&plan.morphology, plan.axon)?;
        let transform = self.frame.transform(plan.node_id, plan.transform, &morphology);
        let plan = &NeuronPlan { transform, ..plan.clone() };
        let placed = place(&morphology, plan, options.placement, self.checks);
        match &self.report_file {
            Some(report) => placed.in_file(report),
            None => placed,
        }
    }

    /// A morphology that suits the axon's fate; an error tells whose it is.
    fn morphology(&self, name: &str, axon: Axon) -> Result<Arc<Morphology>> {
        let suited = |m: Arc<Morphology>| check_axon(&m, axon, 0).in_file(&self.library.file(name)).map(|()| m);
        let named = || self.plans.iter().filter(|p| &*p.morphology == name).map(|p| p.node_id);
        let advised = |e: Error| e.advised(owners(named(), &self.metadata.population));
        self.library.get(name).and_then(suited).map_err(advised)
    }
}
