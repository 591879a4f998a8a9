//! What can be wrong with a Parquet file, whatever is in it.

use arrow_schema::ArrowError;
use parquet::errors::ParquetError;

use crate::error::Problem;

/// The words by which the decoder reports a page whose checksum does not match.
const PAGE_CHECKSUM: &str = "Page CRC checksum mismatch";

/// The compressions that are read, as an error lists them.
const READABLE_COMPRESSIONS: &str = "none, snappy, gzip, zstd or lz4";

/// What can be wrong with a Parquet file, whatever is in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParquetProblem {
    /// The bytes of a page are not those that were written.
    #[error("page checksum does not match, expected the bytes that were written, found others")]
    PageChanged,
    /// The footer is not the one that was written.
    #[error("checksum of the metadata does not match, expected the bytes that were written, found others")]
    FooterChanged,
    /// The page index is not the one that was written.
    #[error("checksum of the page index does not match, expected the bytes that were written, found others")]
    IndexChanged,
    /// A compression that is not read here.
    #[error("compression cannot be read, expected {READABLE_COMPRESSIONS}, found `{0}`")]
    Compression(String),
    /// No Parquet, or damaged.
    #[error("no readable Parquet file: {0}")]
    Unreadable(String),
}

impl ParquetProblem {
    /// A problem from the words of a library.
    fn from_text(text: &str) -> Self {
        let line = text.lines().next().unwrap_or_default();
        if line.contains(PAGE_CHECKSUM) {
            return Self::PageChanged;
        }
        // "Disabled feature at compile time: brotli"
        match line.split_once("Disabled feature at compile time: ") {
            Some((_, feature)) => Self::Compression(feature.trim_end_matches(['"', '.']).to_string()),
            None => Self::Unreadable(line.strip_prefix("Parquet error: ").unwrap_or(line).to_string()),
        }
    }
}

impl From<ParquetError> for ParquetProblem {
    fn from(error: ParquetError) -> Self {
        match error {
            ParquetError::External(inner) => match inner.downcast::<Self>() {
                Ok(problem) => *problem,
                Err(inner) => Self::from_text(&inner.to_string()),
            },
            error => Self::from_text(&error.to_string()),
        }
    }
}

impl From<ParquetProblem> for ParquetError {
    fn from(problem: ParquetProblem) -> Self {
        match problem {
            // the words survive where the decoder turns its errors into text
            ParquetProblem::PageChanged => Self::General(PAGE_CHECKSUM.into()),
            problem => Self::External(Box::new(problem)),
        }
    }
}

impl From<ArrowError> for ParquetProblem {
    fn from(error: ArrowError) -> Self {
        Self::from_text(&error.to_string())
    }
}

impl Problem for ParquetProblem {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::PageChanged | Self::FooterChanged | Self::IndexChanged => {
                "the file changed since it was written: make it again, or copy it again"
            }
            Self::Compression(_) => {
                "write the file with another compression: `compression=\"zstd\"` in pandas and polars"
            }
            Self::Unreadable(_) => "the file may be cut short, or be of another format",
        };
        Some(hint.into())
    }

    fn is_transient(&self) -> bool {
        // a disk that fails while it is read is reported by the Parquet library
        matches!(self, Self::Unreadable(_))
    }
}
