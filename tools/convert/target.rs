//! What an input becomes, and in which format.

use std::ffi::OsString;
use std::path::Path;

use leadfield::Result;
use leadfield::error::{Context, Problem};

use super::kind::Kind;

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Target {
    /// A segment table
    Table,
    /// The boundary layout, as Parquet or HDF5
    Boundaries,
    /// Columns as Parquet
    Parquet,
    /// Columns as Arrow IPC
    Arrow,
    /// Columns as CSV; electrodes as CSV
    Csv,
    /// Electrodes as JSON
    Json,
    /// Electrodes as probeinterface's JSON
    Probeinterface,
    /// An electrodes file that every client accepts
    Weights,
}

/// A format of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Parquet,
    Arrow,
    Csv,
    Json,
    Hdf5,
}

/// What cannot be had of a kind.
#[derive(Debug, thiserror::Error)]
pub enum TargetProblem {
    #[error("{from} cannot become `{to}`, expected one of {expected}")]
    Unsuited { from: &'static str, to: &'static str, expected: String },
    #[error("unknown form of output, expected a name that ends in .parquet, .arrow, .csv, .json or .h5")]
    Ending,
    #[error("two forms have this ending, expected `--to boundaries` for positions of a segment table in Parquet")]
    Ambiguous,
}

impl Problem for TargetProblem {
    fn hint(&self) -> Option<String> {
        matches!(self, Self::Ending).then(|| "or name the form: `--to csv`".into())
    }
}

impl Format {
    /// The format of a name.
    pub fn of_name(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "parquet" => Some(Self::Parquet),
            "arrow" | "feather" => Some(Self::Arrow),
            "csv" => Some(Self::Csv),
            "json" => Some(Self::Json),
            "h5" | "hdf5" => Some(Self::Hdf5),
            _ => None,
        }
    }
}

/// What a kind can become.
fn choices(kind: Kind) -> &'static [Target] {
    match kind {
        Kind::Boundaries => &[Target::Table, Target::Boundaries],
        Kind::Table => &[Target::Boundaries, Target::Arrow, Target::Csv],
        Kind::Electrodes => &[Target::Csv, Target::Json, Target::Probeinterface],
        Kind::Weights => &[Target::Weights, Target::Parquet, Target::Arrow, Target::Csv],
        Kind::Coefficients => &[Target::Weights],
        Kind::Report => &[Target::Parquet, Target::Arrow, Target::Csv],
    }
}

/// The problem of a kind that cannot become a target.
pub fn unsuited(kind: Kind, target: Target) -> TargetProblem {
    let expected = choices(kind).iter().map(|t| format!("`{}`", t.name())).collect::<Vec<_>>().join(", ");
    TargetProblem::Unsuited { from: kind.name(), to: target.name(), expected }
}

impl Target {
    /// What an input becomes: what is asked for, else what its kind and the output's name tell.
    pub fn of(asked: Option<Self>, kind: Kind, out: &Path) -> Result<(Self, Format)> {
        let named = Format::of_name(out);
        let target = match (asked, kind, named) {
            (Some(target), ..) => target,
            (None, Kind::Table, Some(Format::Parquet)) => return Err(TargetProblem::Ambiguous).in_file(out),
            (None, Kind::Table | Kind::Boundaries, Some(Format::Hdf5)) => Self::Boundaries,
            (None, _, Some(Format::Hdf5)) => Self::Weights,
            (None, _, Some(Format::Parquet)) => Self::Parquet,
            (None, _, Some(Format::Arrow)) => Self::Arrow,
            (None, _, Some(Format::Csv)) => Self::Csv,
            (None, _, Some(Format::Json)) => Self::Json,
            (None, _, None) => return Err(TargetProblem::Ending).in_file(out),
        };
        if !choices(kind).contains(&target) {
            return Err(unsuited(kind, target)).in_file(out);
        }
        Ok((target, target.format(named)))
    }

    fn format(self, named: Option<Format>) -> Format {
        match self {
            Self::Boundaries if named == Some(Format::Hdf5) => Format::Hdf5,
            Self::Boundaries | Self::Table | Self::Parquet => Format::Parquet,
            Self::Arrow => Format::Arrow,
            Self::Csv => Format::Csv,
            Self::Json | Self::Probeinterface => Format::Json,
            Self::Weights => Format::Hdf5,
        }
    }

    /// The name of an output in a folder.
    pub fn file_name(self, input: &Path) -> OsString {
        let mut name = input.file_stem().unwrap_or_default().to_os_string();
        name.push(match self.format(None) {
            Format::Parquet => ".parquet",
            Format::Arrow => ".arrow",
            Format::Csv => ".csv",
            Format::Json => ".json",
            Format::Hdf5 => ".h5",
        });
        name
    }

    fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Boundaries => "boundaries",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Probeinterface => "probeinterface",
            Self::Weights => "weights",
        }
    }
}
