//! What can be wrong with a volume.

use super::nrrd::MAX_HEADER_BYTES;
use crate::error::Problem;

/// What can be wrong with a volume.
#[derive(Debug, thiserror::Error)]
pub(super) enum NrrdProblem {
    #[error("no NRRD file, expected it to begin with `NRRD`")]
    Magic,
    #[error("header without an end, expected a blank line within {MAX_HEADER_BYTES} bytes")]
    EndlessHeader,
    #[error("no `{0}` in the header")]
    Missing(&'static str),
    #[error("wrong `{field}`, expected {expected}, found `{found}`")]
    Field { field: &'static str, expected: &'static str, found: String },
    #[error("wrong dimension, expected 3, found `{0}`")]
    Dimension(String),
    #[error("data end early, expected {expected} bytes")]
    Truncated { expected: u64 },
    #[error("voxel {voxel} holds no region, expected a whole number, found {found}")]
    NoId { voxel: u64, found: f64 },
}

impl Problem for NrrdProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Dimension(_) => Some("region ids are one number a voxel: no colours, no time".into()),
            _ => None,
        }
    }
}
