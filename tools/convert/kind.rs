//! What an input is: by its content, then by its name.

use std::io::Read;
use std::path::Path;

use leadfield::Result;
use leadfield::convert::bluerecording;
use leadfield::convert::coefficients::{Batches, is_coefficients};
use leadfield::convert::columnar::Columnar;
use leadfield::error::{Context, FileProblem, Problem};
use leadfield::io::hdf5::File;
use leadfield::io::input_file;

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

/// A file inside a file of compressed bytes.
#[derive(Debug, thiserror::Error)]
#[error("compressed file, expected what it holds, found {}'s first bytes", .0.name)]
struct Compressed(&'static Compression);

impl Problem for Compressed {
    fn hint(&self) -> Option<String> {
        Some(format!("decompress it first: `{}`", self.0.program))
    }
}

/// A way to compress a whole file.
#[derive(Debug)]
struct Compression {
    name: &'static str,
    start: &'static [u8],
    program: &'static str,
}

/// Those that pandas and command lines know.
static COMPRESSIONS: &[Compression] = &[
    Compression { name: "gzip", start: b"\x1f\x8b", program: "gunzip" },
    Compression { name: "zip", start: b"PK\x03\x04", program: "unzip" },
    Compression { name: "bzip2", start: b"BZh", program: "bunzip2" },
    Compression { name: "xz", start: b"\xfd7zXZ", program: "unxz" },
    Compression { name: "zstd", start: b"\x28\xb5\x2f\xfd", program: "unzstd" },
];

impl Kind {
    /// What a file or a folder of parts is.
    pub fn of(path: &Path) -> Result<Self> {
        if path.is_dir() {
            return Ok(Self::Table);
        }
        let mut buffer = [0; 4096];
        let mut file = input_file::open(path)?;
        let length = file.read(&mut buffer).map_err(FileProblem::Read).in_file(path)?;
        let start = buffer.get(..length).unwrap_or_default();
        let compression = COMPRESSIONS.iter().find(|c| start.starts_with(c.start));
        match start {
            [0x80, ..] => Ok(Self::Boundaries),
            [b'P', b'A', b'R', b'1', ..] | [b'A', b'R', b'R', b'O', b'W', b'1', ..] => Self::of_columns(path),
            [0x89, b'H', b'D', b'F', ..] => Self::of_hdf5(path),
            // what is no pickle, though its name says so, is told by the pickle's reader
            _ if named(path, &["pkl", "pickle"]) => Ok(Self::Boundaries),
            _ if compression.is_none() && named(path, &["csv", "json", "txt"]) || is_text(start) => {
                Ok(Self::Electrodes)
            }
            _ => match compression {
                Some(found) => Err(Compressed(found)).in_file(path),
                None => Err(Unknown).in_file(path),
            },
        }
    }

    fn of_columns(path: &Path) -> Result<Self> {
        if bluerecording::is_boundaries(path)? {
            return Ok(Self::Boundaries);
        }
        let schema = Columnar::open(path)?.schema();
        Ok(if is_coefficients(&schema) { Self::Coefficients } else { Self::Table })
    }

    fn of_hdf5(path: &Path) -> Result<Self> {
        let file = File::open(path)?;
        // a root that cannot be read has no known kind either, and says why
        file.members("/")?;
        if file.has("/report") {
            Ok(Self::Report)
        } else if file.has("/electrodes") {
            Ok(Self::Weights)
        } else if bluerecording::is_boundaries(path)? {
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
