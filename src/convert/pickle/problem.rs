//! What can be wrong with a pickle.

use super::MAX_MARKS;
use crate::error::Problem;

/// What can be wrong with a pickle, or with the data frame in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PickleProblem {
    /// The first bytes are not those of a pickle.
    #[error("no pickle, expected one of protocol 2 to 5, found {0}")]
    NoPickle(String),
    /// Another protocol.
    #[error("wrong protocol, expected 2 to 5, found {0}")]
    Protocol(u8),
    /// A protocol without a number in front: instructions are letters and lines of text.
    #[error("wrong protocol, expected 2 to 5, found 0 or 1")]
    TextProtocol,
    /// The file ends in the middle of an instruction.
    #[error("ends too early, expected {needed} more bytes, found {left}")]
    UnexpectedEnd {
        /// Bytes that the instruction asks for.
        needed: u64,
        /// Bytes that are left.
        left: u64,
    },
    /// The file ends before the instruction that ends a pickle.
    #[error("ends too early, expected the instruction `.` at the end, found none")]
    MissingStop,
    /// Something behind the end.
    #[error("goes on behind its end, expected nothing, found {0} more bytes")]
    TrailingBytes(u64),
    /// More values than can be numbered.
    #[error("too many values, expected less than 2^32")]
    TooManyValues,
    /// A byte that is no instruction, or none that a data frame needs.
    #[error("instruction without meaning here, expected those of a data frame of protocol 2 to 5, found {0:#04x}")]
    UnknownOpcode(u8),
    /// An instruction that asks for something outside the file.
    #[error("{what} is refused, expected a pickle that stands for itself, found {found:#04x}")]
    ExternalReference {
        /// What it would do.
        what: &'static str,
        /// The instruction.
        found: u8,
    },
    /// A frame that overlaps another or leaves the file.
    #[error("wrong frame, expected at most {left} bytes, found {found}")]
    Frame {
        /// Bytes that are left.
        left: u64,
        /// Bytes that it claims.
        found: u64,
    },
    /// An instruction that needs more than there is.
    #[error("nothing to work on, expected {0} on the stack, found none")]
    StackUnderflow(&'static str),
    /// Marks in marks in marks.
    #[error("nested too deeply, expected at most {MAX_MARKS} open marks, found one more")]
    NestingDepth,
    /// A memo that could not come from a file of this length.
    #[error("memo too large, expected an index below {expected}, the file's length, found {found}")]
    MemoLarge {
        /// The file's length.
        expected: u64,
        /// The index.
        found: u64,
    },
    /// Nothing was stored there.
    #[error("empty memo, expected an index that was stored before, found {0}")]
    MemoEmpty(u64),
    /// A name that has no meaning here.
    #[error("`{0}` has no meaning here, expected the constructors of a pandas data frame")]
    UnknownGlobal(String),
    /// Bytes that are no UTF-8.
    #[error("no text, expected UTF-8")]
    InvalidText,
    /// An integer of more than 64 bits.
    #[error("number too large, expected at most 8 bytes, found {0}")]
    IntegerTooLarge(u64),
    /// Another thing than the instruction or the frame needs.
    #[error("wrong {object}, expected {expected}, found {found}")]
    WrongType {
        /// What it is a part of.
        object: &'static str,
        /// What belongs there.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A level of the columns' labels that is text.
    #[error("the column level `{level}` holds text, expected whole numbers, found `{}`", shorten_label(found))]
    TextLabels {
        /// The level's name.
        level: String,
        /// The first label.
        found: String,
    },
    /// Arrays that are used again and again.
    #[error("arrays claim too much, expected at most {expected} bytes in all, found {found}")]
    MemoryLimit {
        /// As many as the file's length allows.
        expected: u64,
        /// As many as were asked for.
        found: u64,
    },
}

impl Problem for PickleProblem {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoPickle(found) if found.starts_with("gzip") => "decompress it first: `gunzip`",
            Self::NoPickle(found) if found.starts_with("zip") => "decompress it first: `unzip`",
            Self::NoPickle(found) if found.starts_with("bzip2") => "decompress it first: `bunzip2`",
            Self::NoPickle(found) if found.starts_with("xz") => "decompress it first: `unxz`",
            Self::NoPickle(found) if found.starts_with("zstd") => "decompress it first: `unzstd`",
            Self::TextLabels { .. } => {
                "make them numbers in Python: `levels = [level.astype(int) for level in frame.columns.levels]`, then \
                 `frame.columns = frame.columns.set_levels(levels)`"
            }
            Self::UnexpectedEnd { .. } | Self::MissingStop | Self::Frame { .. } => {
                "the file may be cut short: copy it again"
            }
            Self::UnknownGlobal(_) => "it was not executed, but Python would do so: do not open this file there",
            Self::ExternalReference { what, .. } if what.starts_with("a buffer") => {
                "it was written with `buffer_callback`: write it again with `to_pickle`"
            }
            Self::Protocol(_) | Self::TextProtocol => "write it again with `to_pickle(path, protocol=4)`",
            _ => return None,
        };
        Some(hint.into())
    }
}

/// A label in one line.
fn shorten_label(label: &str) -> String {
    label.chars().take(40).collect::<String>().escape_debug().to_string()
}
