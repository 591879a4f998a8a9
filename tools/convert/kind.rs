//! What an input is: by its content, then by its name.

use std::io::Read;
use std::path::Path;

use leadfield::Result;
use leadfield::boundaries;
use leadfield::error::{Context, FileProblem, Problem};
use leadfield::exchange::coefficients::{Batches, is_coefficients};
use leadfield::exchange::columnar::Columnar;
use leadfield::h5::File;

use super::target::Target;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Positions in the layout of BlueRecording.
    Boundaries,
    /// A segment table.
    Table,
    /// Contacts.
    Electrodes,
    /// An electrodes file.
    Weights,
    /// Columns of coefficients.
    Coefficients,
    /// A compartment report.
    Report,
}

/// A file of no kind that can be converted.
#[derive(Debug, thiserror::Error)]
#[error(
    "unknown kind of file, expected positions (pickle, Parquet, HDF5), a segment table, electrodes, an electrodes file or a report"
)]
struct Unknown;

impl Problem for Unknown {}

impl Kind {
    /// What a file or a folder of parts is.
    pub fn of(path: &Path) -> Result<Self> {
        if path.is_dir() {
            return Ok(Self::Table);
        }
        let mut buffer = [0; 4096];
        let mut file = std::fs::File::open(path).map_err(FileProblem::Read).in_file(path)?;
        let length = file.read(&mut buffer).map_err(FileProblem::Read).in_file(path)?;
        let start = buffer.get(..length).unwrap_or_default();
        match start {
            [0x80, ..] => Ok(Self::Boundaries),
            [b'P', b'A', b'R', b'1', ..] | [b'A', b'R', b'R', b'O', b'W', b'1', ..] => Self::of_columns(path),
            [0x89, b'H', b'D', b'F', ..] => Self::of_hdf5(path),
            // what is no pickle, though its name says so, is told by the pickle's reader
            _ if named(path, &["pkl", "pickle"]) => Ok(Self::Boundaries),
            _ if named(path, &["csv", "json", "txt"]) || is_text(start) => Ok(Self::Electrodes),
            _ => Err(Unknown).in_file(path),
        }
    }

    fn of_columns(path: &Path) -> Result<Self> {
        if boundaries::is_boundaries(path)? {
            return Ok(Self::Boundaries);
        }
        let schema = Columnar::open(path)?.schema();
        Ok(if is_coefficients(&schema) { Self::Coefficients } else { Self::Table })
    }

    fn of_hdf5(path: &Path) -> Result<Self> {
        let file = File::open(path)?;
        if file.has("/report") {
            Ok(Self::Report)
        } else if file.has("/electrodes") {
            Ok(Self::Weights)
        } else if boundaries::is_boundaries(path)? {
            Ok(Self::Boundaries)
        } else {
            Err(Unknown).in_file(path)
        }
    }

    /// What it becomes where nothing is said.
    pub fn target(self) -> Target {
        match self {
            Self::Boundaries => Target::Table,
            Self::Table | Self::Report => Target::Parquet,
            Self::Electrodes => Target::Json,
            Self::Weights | Self::Coefficients => Target::Weights,
        }
    }

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Boundaries => "positions",
            Self::Table => "segment tables",
            Self::Electrodes => "electrodes",
            Self::Weights => "electrodes files",
            Self::Coefficients => "columns of coefficients",
            Self::Report => "reports",
        }
    }
}

fn named(path: &Path, endings: &[&str]) -> bool {
    path.extension().and_then(|e| e.to_str()).is_some_and(|e| endings.contains(&e.to_ascii_lowercase().as_str()))
}

fn is_text(start: &[u8]) -> bool {
    !start.is_empty()
        && std::str::from_utf8(start).map_or_else(|e| e.error_len().is_none(), |_| true)
        && !start.contains(&0)
}
