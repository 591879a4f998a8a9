//! Plans of neurons: everything that is known about a neuron before its segments are placed.

use std::sync::Arc;

use crate::circuit::hoc::{AxonReplacement, StubDiameters};
use crate::geometry::Transform;
use crate::segments::SectionCount;

/// Treatment of a neuron's axon by the simulator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AxonTreatment {
    /// The axon is kept as reconstructed.
    Keep,
    /// The axon is replaced by stubs of this form; `None` accepts any form that the counts show.
    Replace(Option<AxonReplacement>),
}

impl From<AxonReplacement> for AxonTreatment {
    fn from(form: AxonReplacement) -> Self {
        if form.replaces_axon() { Self::Replace(Some(form)) } else { Self::Keep }
    }
}

/// The plan of a neuron: everything that is known before its segments are placed.
#[derive(Debug, Clone)]
pub struct NeuronPlan {
    /// SONATA node id.
    pub node_id: u64,
    /// Name of the morphology.
    pub morphology_name: Arc<str>,
    /// Row of its first segment in `scaling_factors`.
    pub first_row: u64,
    /// Sections and their numbers of segments, ascending by section id.
    pub section_counts: Arc<[SectionCount]>,
    /// Treatment of the axon.
    pub axon: AxonTreatment,
    /// Diameters of the stubs that replace the axon.
    pub stub_diameters: StubDiameters,
    /// Transform from the morphology's coordinates to the circuit's.
    pub transform: Transform,
}

impl NeuronPlan {
    /// Returns the number of segments.
    pub fn segment_count(&self) -> u64 {
        self.section_counts.iter().map(|s| u64::from(s.segments)).sum()
    }

    /// Returns the form of the stubs, if it is known.
    pub(super) fn axon_replacement(&self) -> Option<AxonReplacement> {
        match self.axon {
            AxonTreatment::Keep => None,
            AxonTreatment::Replace(form) => form,
        }
    }
}
