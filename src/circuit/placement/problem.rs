//! Reasons why a neuron cannot be placed.

use crate::circuit::hoc::{AxonReplacement, CHUNK_UM};
use crate::error::{Problem, format_count};

/// Reasons why a neuron cannot be placed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlacementProblem {
    /// The segment counts do not fit the morphology.
    #[error(
        "segment counts do not fit morphology `{morphology}` at {at}, expected {} ({}, {CHUNK_UM} µm rule), found {}",
        format_count(*expected, "segment"), form.describe(), format_count(*found, "segment")
    )]
    CountMismatch {
        /// Name of the morphology.
        morphology: String,
        /// The first section that does not fit.
        at: String,
        /// Total number of segments by the rule.
        expected: u64,
        /// The requested treatment of the axon.
        form: AxonReplacement,
        /// Total number of segments found.
        found: u64,
        /// The treatment of the axon that would explain the counts, if there is one.
        fitting: Option<AxonReplacement>,
        /// What does not fit.
        misfit: MismatchKind,
    },
    /// Only the soma has segment counts.
    #[error(
        "only the soma's segments are listed, expected those of all {} of morphology `{morphology}`, found {}",
        format_count(*sections as u64, "section"), format_count(*found, "segment")
    )]
    SomaOnly {
        /// Name of the morphology.
        morphology: String,
        /// Number of sections of the morphology.
        sections: usize,
        /// Total number of segments found.
        found: u64,
    },
    /// The axon has too few sections to be replaced by stubs.
    #[error(
        "axon cannot be replaced by stubs, expected at least {expected} axon sections in the morphology, found {found}"
    )]
    NoAxon {
        /// Number of axon sections that are needed.
        expected: usize,
        /// Number of axon sections found.
        found: usize,
    },
}

/// The part of the segment counts that does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MismatchKind {
    /// The section ids.
    Sections,
    /// Only the numbers of segments.
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
                "the report may belong to another circuit, or to an older version of its morphologies".into()
            }
            Self::CountMismatch { misfit: MismatchKind::Lengths, .. } => {
                "the report may belong to another circuit; if its neurons are cut by another rule, accept its counts \
                 with `--any-discretisation`"
                    .into()
            }
            Self::SomaOnly { .. } => "the simulation that wrote this report had other settings: run it again with \
                                      `\"sections\": \"all\", \"compartments\": \"all\"`; one frame is enough"
                .into(),
            Self::NoAxon { .. } => "keep the reconstructed axon with `--keep-axon`, if the simulation kept it".into(),
        })
    }
}
