//! Errors of Parquet files, whatever their content.

use arrow_schema::ArrowError;
use parquet::errors::ParquetError;

use crate::error::Problem;

/// The decoder's message for a page whose checksum does not match.
const PAGE_CHECKSUM: &str = "Page CRC checksum mismatch";

/// The supported compressions, as an error lists them.
const READABLE_COMPRESSIONS: &str = "none, snappy, gzip, zstd or lz4";

/// Errors of a Parquet file, whatever its content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
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
    /// An unsupported compression.
    #[error("compression cannot be read, expected {READABLE_COMPRESSIONS}, found `{0}`")]
    Compression(String),
    /// Not a Parquet file, or a damaged one.
    #[error("not a readable Parquet file: {0}")]
    Unreadable(String),
}

impl ParquetProblem {
    /// Converts the error text of a library.
    fn from_text(text: &str) -> Self {
        let line = text.lines().next().unwrap_or_default();
        if line.contains(PAGE_CHECKSUM) {
            return Self::PageChanged;
        }
        // for example "Disabled feature at compile time: brotli"
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
            // this text survives in the decoder, which turns errors into text
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
        // the Parquet library also reports a disk error as a file that cannot be read
        matches!(self, Self::Unreadable(_))
    }
}
