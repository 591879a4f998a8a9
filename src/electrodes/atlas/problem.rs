//! Problems of a volume.

use super::nrrd::MAX_HEADER_BYTES;
use crate::error::Problem;

/// A problem of a volume.
#[derive(Debug, thiserror::Error)]
pub(super) enum NrrdProblem {
    #[error("not an NRRD file, expected it to begin with `NRRD`")]
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
    #[error("invalid region id in voxel {voxel}, expected an integer, found {found}")]
    NoId { voxel: u64, found: f64 },
}

impl Problem for NrrdProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Dimension(_) => Some("use a volume with one region id per voxel, without colour or time axes".into()),
            _ => None,
        }
    }
}
