//! Errors of pickles.

use crate::error::Problem;

/// Maximum number of open marks: a frame's pickle has about ten.
pub const MAX_MARKS: usize = 1000;

pub(super) type PickleResult<T> = std::result::Result<T, PickleProblem>;

/// Errors of a pickle, or of the data frame in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PickleProblem {
    /// The first bytes are not those of a pickle.
    #[error("not a pickle, expected protocol 2 to 5, found {0}")]
    NoPickle(String),
    /// The protocol is not supported.
    #[error("wrong protocol, expected 2 to 5, found {0}")]
    Protocol(u8),
    /// The protocol is 0 or 1: instructions are letters and lines of text.
    #[error("wrong protocol, expected 2 to 5, found 0 or 1")]
    TextProtocol,
    /// The file ends inside an instruction.
    #[error("ends too early, expected {needed} more bytes, found {left}")]
    UnexpectedEnd {
        /// Number of bytes that the instruction needs.
        needed: u64,
        /// Number of bytes left.
        left: u64,
    },
    /// The file ends before the instruction that ends a pickle.
    #[error("ends too early, expected the instruction `.` at the end, found none")]
    MissingStop,
    /// There are bytes after the end.
    #[error("data after the end, expected none, found {0} more bytes")]
    TrailingBytes(u64),
    /// There are more values than can be numbered.
    #[error("too many values, expected fewer than 2^32")]
    TooManyValues,
    /// A byte is not an instruction, or not one that a data frame needs.
    #[error("unsupported instruction, expected those of a data frame in protocol 2 to 5, found {0:#04x}")]
    UnknownOpcode(u8),
    /// An instruction refers to something outside the file.
    #[error("{what} is not supported, expected a self-contained pickle, found {found:#04x}")]
    ExternalReference {
        /// What it refers to.
        what: &'static str,
        /// The instruction.
        found: u8,
    },
    /// A frame overlaps another or extends beyond the file.
    #[error("wrong frame, expected at most {left} bytes, found {found}")]
    Frame {
        /// Number of bytes left.
        left: u64,
        /// Number of bytes that it claims.
        found: u64,
    },
    /// The stack has too few values for an instruction.
    #[error("empty stack, expected {0}, found none")]
    StackUnderflow(&'static str),
    /// Marks are nested too deeply.
    #[error("nested too deeply, expected at most {MAX_MARKS} open marks, found one more")]
    NestingDepth,
    /// A memo index is too large for a file of this length.
    #[error("memo too large, expected an index below {expected}, the file's length, found {found}")]
    MemoLarge {
        /// The file's length.
        expected: u64,
        /// The index.
        found: u64,
    },
    /// Nothing was stored at the index.
    #[error("nothing stored in the memo, expected an index used before, found {0}")]
    MemoEmpty(u64),
    /// A name is not supported.
    #[error("unsupported name `{0}`, expected a constructor of a pandas data frame")]
    UnknownGlobal(String),
    /// Bytes are not UTF-8.
    #[error("invalid text, expected UTF-8")]
    InvalidText,
    /// An integer has more than 64 bits.
    #[error("number too large, expected at most 8 bytes, found {0}")]
    IntegerTooLarge(u64),
    /// A value is not of the type that the instruction or the frame needs.
    #[error("wrong {object}, expected {expected}, found {found}")]
    WrongType {
        /// What the value is a part of.
        object: &'static str,
        /// What is needed.
        expected: String,
        /// What was found.
        found: String,
    },
    /// A level of the columns' labels is text.
    #[error("the column level `{level}` has text labels, expected integers, found `{}`", shorten_label(found))]
    TextLabels {
        /// Name of the level.
        level: String,
        /// The first label.
        found: String,
    },
    /// Arrays are used too often.
    #[error("arrays too large, expected at most {expected} bytes in all, found {found}")]
    MemoryLimit {
        /// Number of bytes that the file's length allows.
        expected: u64,
        /// Number of bytes that were requested.
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
                "convert them to numbers in Python: `levels = [level.astype(int) for level in frame.columns.levels]`, \
                 then `frame.columns = frame.columns.set_levels(levels)`"
            }
            Self::UnexpectedEnd { .. } | Self::MissingStop | Self::Frame { .. } => {
                "the file may be truncated: copy it again"
            }
            Self::UnknownGlobal(_) => "not executed here, but Python would execute it: do not open this file in Python",
            Self::ExternalReference { what, .. } if what.starts_with("an external buffer") => {
                "it was written with `buffer_callback`: write it again with `to_pickle`"
            }
            Self::Protocol(_) | Self::TextProtocol => "write it again with `to_pickle(path, protocol=4)`",
            _ => return None,
        };
        Some(hint.into())
    }
}

/// Shortens a label to one line.
fn shorten_label(label: &str) -> String {
    label.chars().take(40).collect::<String>().escape_debug().to_string()
}

/// Returns the error for an unsupported instruction.
pub(super) fn unsupported_opcode(instruction: u8) -> PickleProblem {
    let outside = |what| PickleProblem::ExternalReference { what, found: instruction };
    match instruction {
        b'P' | b'Q' => outside("an external object (persistent id)"),
        0x82..=0x84 => outside("an object of Python's extension registry"),
        0x97 | 0x98 => outside("an external buffer (out of band)"),
        other => PickleProblem::UnknownOpcode(other),
    }
}

/// Describes a file by its first two bytes, which are not those of a pickle.
pub(super) fn describe_magic(first: u8, second: u8) -> String {
    match (first, second) {
        (0x1f, 0x8b) => "gzip's first bytes".into(),
        (b'P', b'K') => "zip's first bytes".into(),
        (b'B', b'Z') => "bzip2's first bytes".into(),
        (0xfd, b'7') => "xz's first bytes".into(),
        (0x28, 0xb5) => "zstd's first bytes".into(),
        _ => format!("{first:#04x} and {second:#04x} as its first bytes"),
    }
}

/// Returns whether a file begins as pickles of protocols 0 and 1 do: with the name of a constructor, a module in one
/// line and a name in the next, or with a list or a dictionary.
pub(super) fn is_text_protocol(start: &[u8]) -> bool {
    let is_name =
        |line: &[u8]| !line.is_empty() && line.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.'));
    let named = start.strip_prefix(b"c").or_else(|| start.strip_prefix(b"(c")).or_else(|| start.strip_prefix(b"(i"));
    if let Some(rest) = named {
        let mut lines = rest.split(|&b| b == b'\n');
        return rest.contains(&b'\n') && lines.next().is_some_and(is_name) && lines.next().is_some_and(is_name);
    }
    [&b"(lp"[..], b"(dp", b"]q\0", b"}q\0"].iter().any(|prefix| start.starts_with(prefix))
}
