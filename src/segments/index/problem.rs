//! Errors of a stored index.

use crate::error::Problem;

/// Version of the format.
pub(super) const VERSION: u32 = 3;

/// Problems of a stored index.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum IndexProblem {
    /// The file is not an index.
    #[error("not an index, expected a file written by `leadfield query --index`")]
    NotAnIndex,
    /// The index has the format of a newer or older program.
    #[error("unsupported index format, expected version {VERSION}, found {0}")]
    Version(u32),
    /// The table has changed, or the index belongs to another one.
    #[error("index of another table, expected the fingerprint {expected:016x}, found {found:016x}")]
    OtherTable {
        /// Fingerprint of the table.
        expected: u64,
        /// Fingerprint in the index.
        found: u64,
    },
    /// The file has the wrong length.
    #[error("cut short or damaged, expected {expected} bytes, found {found}")]
    Length {
        /// The length that follows from the header.
        expected: u64,
        /// The length of the file.
        found: u64,
    },
    /// Bytes differ from those that were written.
    #[error("damaged, expected the bytes that were written, found others")]
    Damaged,
    /// Another program truncated the file while it was in use.
    #[error("truncated while it was in use, expected an index that does not change")]
    Shortened,
    /// The numbers in the file are little-endian, as in memory on such a machine.
    #[error("stored indices need a little-endian machine")]
    Endian,
}

impl Problem for IndexProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Endian => Some("omit `--index`".into()),
            _ => Some("remove the file: `--index` writes a new one".into()),
        }
    }
}
