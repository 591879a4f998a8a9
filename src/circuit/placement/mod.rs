//! Where the segments of a neuron lie: from a morphology, a transform and the number of segments of each section.
//!
//! Pure work: no file is opened here. [`discretise`] says how many segments a section has, [`place_segments()`] where they
//! are, [`axon_stub`] where the stubs lie that stand for a replaced axon.

pub mod axon_stub;
pub mod discretise;
mod neuron_placer;
mod polyline;
mod problem;
mod sampled_radii;
mod segmented_section;
mod template_radii;

pub use axon_stub::StubPlacement;
pub use neuron_placer::{AxonTreatment, CountChecks, NeuronPlan, place_segments, require_axon};
pub use problem::{MismatchKind, PlacementProblem};
