//! Where the segments of a neuron lie: from a morphology, a transform and the number of segments of each section.
//!
//! Pure work: no file is opened here. [`discretise`] says how many segments a section has, [`place()`] where they
//! are, [`axon_stub`] where the stubs lie that stand for a replaced axon.

pub mod axon_stub;
pub mod discretise;
mod path;
mod place;
mod shape;

pub use axon_stub::Placement;
pub use place::{Checks, NeuronPlan, check_axon, place};

/// What the simulator does with a neuron's axon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axon {
    /// It keeps it as reconstructed.
    Keep,
    /// It cuts it off and puts stubs in its place (two of 30 um, mostly one of 1000 um).
    Replace(Placement),
}
