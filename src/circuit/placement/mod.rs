//! Placement of a neuron's segments from a morphology, a transform and the number of segments of each section.
//!
//! This module opens no files. [`discretise`] computes how many segments a section has, [`place_segments()`] where they
//! lie, and [`axon_stub`] where the stubs lie that replace an axon.

pub mod axon_stub;
pub mod discretise;
mod neuron_placer;
mod neuron_plan;
mod polyline;
mod problem;
mod segmented_section;
mod template_radii;

pub use axon_stub::StubPlacement;
pub use neuron_placer::{CountChecks, place_segments, require_axon};
pub use neuron_plan::{AxonTreatment, NeuronPlan};
pub use problem::{MismatchKind, PlacementProblem};
