//! Detects the type of an input by its content, then by its name.

use std::io::Read;
use std::path::Path;

use leadfield::Result;
use leadfield::convert::bluerecording;
use leadfield::convert::columnar::ColumnarFile;
use leadfield::convert::weight_table::{BatchSource, is_weight_table};
use leadfield::error::{Context, FileProblem, Problem};
use leadfield::file_kind::{FileKind, WrongKind};
use leadfield::io::hdf5::Hdf5File;
use leadfield::io::input_file;

use super::target::ConvertTarget;

/// Type of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InputKind {
    /// Positions in the layout of BlueRecording.
    Positions,
    /// A segment table.
    Table,
    /// Contacts.
    Electrodes,
    /// An electrodes file.
    Weights,
    /// A table of weights.
    WeightTable,
    /// A compartment report.
    Report,
}

/// The type of a file is unknown.
#[derive(Debug, thiserror::Error)]
#[error(
    "unknown file type, expected positions (pickle, Parquet, HDF5), a segment table, electrodes, an electrodes file \
     or a report"
)]
struct UnknownInputKind;

impl Problem for UnknownInputKind {}

/// Weights as text, which this program writes but cannot read.
#[derive(Debug, thiserror::Error)]
#[error("columns of weights as CSV, expected Parquet or Arrow, since CSV lacks positions and types of the contacts")]
struct WeightsAsText;

impl Problem for WeightsAsText {
    fn hint(&self) -> Option<String> {
        Some("convert the electrodes file to `.parquet` or `.arrow`, which can be converted back".into())
    }
}

/// A file of a known kind that has no conversion.
#[derive(Debug, thiserror::Error)]
#[error(
    "{}, expected positions (pickle, Parquet, HDF5), a segment table, electrodes, an electrodes file or a report",
    .0.found.describe()
)]
struct ConvertedKind(WrongKind);

impl Problem for ConvertedKind {
    fn hint(&self) -> Option<String> {
        self.0.hint()
    }
}

impl InputKind {
    /// Detects the type of a file or a folder of parts.
    pub fn detect(path: &Path) -> Result<Self> {
        if path.is_dir() {
            return Ok(Self::Table);
        }
        let mut buffer = [0; 4096];
        let mut file = input_file::open(path)?;
        let length = file.read(&mut buffer).map_err(FileProblem::Read).in_file(path)?;
        let start = buffer.get(..length).unwrap_or_default();
        match start {
            [0x80, ..] => Ok(Self::Positions),
            [b'P', b'A', b'R', b'1', ..] | [b'A', b'R', b'R', b'O', b'W', b'1', ..] => Self::detect_columnar(path),
            [0x89, b'H', b'D', b'F', ..] => Self::detect_hdf5(path),
            // a file with this name that is not a pickle is reported by the pickle reader
            _ if has_ending(path, &["pkl", "pickle"]) => Ok(Self::Positions),
            _ if start.starts_with(b"node_id,row,") => Err(WeightsAsText).in_file(path),
            // other texts are reported by the reader of contacts
            _ => match FileKind::detect(path)? {
                Some(found @ FileKind::Compressed(_)) => Err(wrong_kind(found)).in_file(path),
                _ if has_ending(path, &["csv", "json", "txt"]) || is_text(start) => Ok(Self::Electrodes),
                Some(found) => Err(wrong_kind(found)).in_file(path),
                None => Err(UnknownInputKind).in_file(path),
            },
        }
    }

    fn detect_columnar(path: &Path) -> Result<Self> {
        if bluerecording::is_positions_file(path)? {
            return Ok(Self::Positions);
        }
        let schema = ColumnarFile::open(path)?.schema();
        Ok(if is_weight_table(&schema) { Self::WeightTable } else { Self::Table })
    }

    fn detect_hdf5(path: &Path) -> Result<Self> {
        let file = Hdf5File::open(path)?;
        // a root group that cannot be read is an error, not an unknown type
        file.member_names("/")?;
        if file.has_object("/report") {
            Ok(Self::Report)
        } else if file.has_object("/electrodes") {
            Ok(Self::Weights)
        } else if bluerecording::is_positions_file(path)? {
            Ok(Self::Positions)
        } else {
            match FileKind::detect(path)? {
                Some(found) if found != FileKind::OtherHdf5 => Err(wrong_kind(found)).in_file(path),
                _ => Err(UnknownInputKind).in_file(path),
            }
        }
    }

    /// Returns the default target.
    pub fn default_target(self) -> ConvertTarget {
        match self {
            Self::Positions => ConvertTarget::Table,
            Self::Table | Self::Report => ConvertTarget::Parquet,
            Self::Electrodes => ConvertTarget::Json,
            Self::Weights | Self::WeightTable => ConvertTarget::Weights,
        }
    }

    /// Returns the name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Positions => "positions",
            Self::Table => "segment tables",
            Self::Electrodes => "electrodes",
            Self::Weights => "electrodes files",
            Self::WeightTable => "columns of weights",
            Self::Report => "reports",
        }
    }
}

/// Returns the error for a file of a known kind that has no conversion.
fn wrong_kind(found: FileKind) -> ConvertedKind {
    ConvertedKind(WrongKind { found, expected: &[], other: None })
}

fn has_ending(path: &Path, endings: &[&str]) -> bool {
    path.extension().and_then(|e| e.to_str()).is_some_and(|e| endings.contains(&e.to_ascii_lowercase().as_str()))
}

fn is_text(start: &[u8]) -> bool {
    !start.is_empty()
        && std::str::from_utf8(start).map_or_else(|e| e.error_len().is_none(), |_| true)
        && !start.contains(&0)
}
