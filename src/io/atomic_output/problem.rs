//! Reasons why an output is not written or not renamed to its name.

use crate::error::{ErrorKind, Problem};

/// The reasons why an output is not written or not renamed, although the operating system would allow it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutputConflict {
    /// Another process writes the output.
    #[error("in use by another run, expected one run at a time")]
    InUse,
    /// An interrupted run left finished parts, and neither `--resume` nor `--force` is given.
    #[error("exists already, left by an interrupted run")]
    Unfinished,
    /// The name of a temporary file belongs to a file that no run of this program created.
    #[error("not replaced, expected a free name or what an interrupted run left, found {0}")]
    Foreign(&'static str),
    /// The unfinished file or folder is not the one that this run created.
    #[error("removed or replaced while it was written, expected the {0} that this run created")]
    Replaced(&'static str),
    /// The unfinished file is shorter or longer than what was written.
    #[error("changed by others while it was written, expected {expected} bytes, found {found}")]
    Length {
        /// Bytes that were written.
        expected: u64,
        /// Bytes in the file.
        found: u64,
    },
    /// The unfinished file holds other bytes than were written.
    #[error("changed by others while it was written, expected the bytes that were written, found others")]
    Content,
    /// The folder to be replaced is a link.
    #[error("is a link, expected a folder or a free name")]
    IsLink,
}

impl Problem for OutputConflict {
    fn kind(&self) -> ErrorKind {
        ErrorKind::OutputConflict
    }

    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::InUse => "wait for it, or choose another name",
            Self::Unfinished => "resume it with `--resume`, or start again with `--force`",
            Self::Foreign(_) => "move it away, or choose another name for the output",
            Self::Replaced(_) | Self::Length { .. } | Self::Content => {
                "run it again while nothing else writes there; the output was not renamed"
            }
            Self::IsLink => "choose another name, or remove it by hand",
        };
        Some(text.into())
    }
}
