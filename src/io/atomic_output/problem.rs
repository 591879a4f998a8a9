//! Why an output is not written, or not given its name.

use crate::error::{ErrorKind, Problem};

/// Why an output is not written, or not given its name, though the operating system would allow it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutputConflict {
    /// Another process writes the output.
    #[error("in use by another run, expected one run at a time")]
    InUse,
    /// An interrupted run left parts that are done, and neither `--resume` nor `--force` is given.
    #[error("exists already, left by a run that did not finish")]
    Unfinished,
    /// The name of a temporary file is taken by something that no run of this program left.
    #[error("not replaced, expected a free name or what an interrupted run left, found {0}")]
    Foreign(&'static str),
    /// The file or folder under construction is another one than this run has made.
    #[error("removed or replaced while it was written, expected the {0} that this run has made")]
    Replaced(&'static str),
    /// The file under construction is shorter or longer than what was written.
    #[error("changed by others while it was written, expected {expected} bytes, found {found}")]
    Length {
        /// Bytes that were written.
        expected: u64,
        /// Bytes that are there.
        found: u64,
    },
    /// The file under construction holds other bytes than those that were written.
    #[error("changed by others while it was written, expected the bytes that were written, found others")]
    Content,
    /// A folder that is to be replaced is a link to one.
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
            Self::Unfinished => "resume it: `--resume`; or begin anew: `--force`",
            Self::Foreign(_) => "move it away, or choose another name for the output",
            Self::Replaced(_) | Self::Length { .. } | Self::Content => {
                "run it again, and let nothing else write there: the output was not given its name"
            }
            Self::IsLink => "choose another name, or remove it by hand",
        };
        Some(text.into())
    }
}
