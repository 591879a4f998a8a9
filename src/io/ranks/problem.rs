//! What can go wrong between ranks, and errors of one as another tells them.

use crate::error::{Error, ErrorLocation, Problem};

/// What can go wrong between ranks.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PartitionProblem {
    /// The run ended elsewhere; rank 0 knows why, and tells.
    #[error("the run was ended by another rank")]
    EndedElsewhere,
    /// Ranks that read different things.
    #[error(
        "rank {rank} has read other inputs or settings than rank 0, expected digest {expected:016x}, found {found:016x}"
    )]
    OtherInputs {
        /// The rank.
        rank: usize,
        /// The digest of rank 0.
        expected: u64,
        /// That of the rank.
        found: u64,
    },
    /// Nonsense on the line.
    #[error("message of rank {0} is not understood, expected the same program on all ranks")]
    Message(usize),
}

impl Problem for PartitionProblem {
    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::EndedElsewhere => return None,
            Self::OtherInputs { .. } => "give all ranks the same files, on a file system that all nodes share",
            Self::Message(_) => "install one version of the program on all nodes",
        };
        Some(text.into())
    }
}

/// Why another rank failed, in its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub place: ErrorLocation,
    pub told: Told,
}

/// What is wrong, without the place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub(super) struct Told {
    pub text: String,
    pub hint: Option<String>,
    pub may_pass: bool,
}

impl Failure {
    pub fn of(error: &Error) -> Self {
        let place = error.location().clone();
        let text = error.to_string();
        let text = text.strip_prefix(&place.to_string()).unwrap_or(&text).to_string();
        Self { place, told: Told { text, hint: error.hint(), may_pass: error.is_transient() } }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::new(failure.place, failure.told)
    }
}

impl Problem for Told {
    fn hint(&self) -> Option<String> {
        self.hint.clone()
    }

    fn is_transient(&self) -> bool {
        self.may_pass
    }
}
