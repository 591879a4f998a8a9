//! Why a neuron cannot be placed.

use crate::circuit::hoc::{AxonReplacement, CHUNK_UM};
use crate::error::{Problem, format_count};

/// Why a neuron cannot be placed.
#[derive(Debug, thiserror::Error)]
pub enum PlacementProblem {
    /// The counts are not this morphology's.
    #[error(
        "segment counts do not fit morphology `{morphology}` at {at}, expected {} ({}, {CHUNK_UM} um rule), found {}",
        format_count(*expected, "segment"), form.describe(), format_count(*found, "segment")
    )]
    CountMismatch {
        /// The morphology's name.
        morphology: String,
        /// The first section that does not fit.
        at: String,
        /// The rule's total.
        expected: u64,
        /// What was asked for.
        form: AxonReplacement,
        /// The total that is there.
        found: u64,
        /// The form whose counts they are.
        fitting: Option<AxonReplacement>,
        /// What does not fit.
        misfit: MismatchKind,
    },
    /// No counts but the soma's.
    #[error(
        "only the soma's segments are listed, expected those of all {} of morphology `{morphology}`, found {}",
        format_count(*sections as u64, "section"), format_count(*found, "segment")
    )]
    SomaOnly {
        /// The morphology's name.
        morphology: String,
        /// Number of its sections.
        sections: usize,
        /// The total that is there.
        found: u64,
    },
    /// Too little axon for stubs in its place.
    #[error(
        "axon cannot be replaced by stubs, expected at least {expected} axon sections in the morphology, found {found}"
    )]
    NoAxon {
        /// Sections that it needs.
        expected: usize,
        /// Sections that there are.
        found: usize,
    },
}

/// What of a neuron's counts does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MismatchKind {
    /// The sections themselves.
    Sections,
    /// Only the numbers of their segments.
    Lengths,
}

impl Problem for PlacementProblem {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::CountMismatch { fitting: Some(AxonReplacement::Keep), form, .. }
                if *form != AxonReplacement::Keep =>
            {
                "these are the counts of a neuron with its axon kept: use `--keep-axon`".into()
            }
            Self::CountMismatch { fitting: Some(fit), form: AxonReplacement::Keep, .. } => {
                format!("these are the counts of a neuron with its {}: leave out `--keep-axon`", fit.describe())
            }
            Self::CountMismatch { misfit: MismatchKind::Sections, .. } => {
                "the report may be of another circuit, or of an older state of its morphologies".into()
            }
            Self::CountMismatch { misfit: MismatchKind::Lengths, .. } => {
                "the report may be of another circuit; where its neurons are cut by a rule of their own, \
                 `--any-discretisation` takes its counts as they are"
                    .into()
            }
            Self::SomaOnly { .. } => "the simulation that wrote this report had other settings: run it again with \
                                      `\"sections\": \"all\", \"compartments\": \"all\"`; one frame is enough"
                .into(),
            Self::NoAxon { .. } => "keep what there is of the axon with `--keep-axon`, if the simulation did so".into(),
        })
    }
}
