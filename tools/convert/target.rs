//! Chooses what an input is converted to, and in which format.

use std::ffi::OsString;
use std::path::Path;

use leadfield::Result;
use leadfield::error::{Context, Problem};

use super::kind::InputKind;

/// Target of a conversion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ConvertTarget {
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

/// A file format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetFormat {
    Parquet,
    Arrow,
    Csv,
    Json,
    Hdf5,
}

/// Invalid targets.
#[derive(Debug, thiserror::Error)]
pub enum TargetProblem {
    #[error("cannot convert {from} to `{to}`, expected one of {expected}")]
    Unsuited { from: &'static str, to: &'static str, expected: String },
    #[error("unknown output format, expected a name that ends in .parquet, .arrow, .csv, .json or .h5")]
    Ending,
    #[error("two formats have this ending, expected `--to boundaries` for positions of a segment table in Parquet")]
    Ambiguous,
}

impl Problem for TargetProblem {
    fn hint(&self) -> Option<String> {
        matches!(self, Self::Ending).then(|| "or give the format: `--to csv`".into())
    }
}

impl TargetFormat {
    /// Returns the format for a file name.
    pub fn from_path(path: &Path) -> Option<Self> {
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

/// Returns the possible targets of a type.
fn possible_targets(kind: InputKind) -> &'static [ConvertTarget] {
    match kind {
        InputKind::Positions => &[ConvertTarget::Table, ConvertTarget::Boundaries],
        InputKind::Table => &[ConvertTarget::Boundaries, ConvertTarget::Arrow, ConvertTarget::Csv],
        InputKind::Electrodes => &[ConvertTarget::Csv, ConvertTarget::Json, ConvertTarget::Probeinterface],
        InputKind::Weights => {
            &[ConvertTarget::Weights, ConvertTarget::Parquet, ConvertTarget::Arrow, ConvertTarget::Csv]
        }
        InputKind::WeightTable => &[ConvertTarget::Weights],
        InputKind::Report => &[ConvertTarget::Parquet, ConvertTarget::Arrow, ConvertTarget::Csv],
    }
}

/// Returns the error for a target that is not possible.
pub fn unsuited_problem(kind: InputKind, target: ConvertTarget) -> TargetProblem {
    let expected = possible_targets(kind).iter().map(|t| format!("`{}`", t.name())).collect::<Vec<_>>().join(", ");
    TargetProblem::Unsuited { from: kind.name(), to: target.name(), expected }
}

impl ConvertTarget {
    /// Returns the target: the requested one, or else that for the type and the output's name.
    pub fn resolve(asked: Option<Self>, kind: InputKind, out: &Path) -> Result<(Self, TargetFormat)> {
        let named = TargetFormat::from_path(out);
        let target = match (asked, kind, named) {
            (Some(target), ..) => target,
            (None, InputKind::Table, Some(TargetFormat::Parquet)) => return Err(TargetProblem::Ambiguous).in_file(out),
            (None, InputKind::Table | InputKind::Positions, Some(TargetFormat::Hdf5)) => Self::Boundaries,
            (None, _, Some(TargetFormat::Hdf5)) => Self::Weights,
            (None, _, Some(TargetFormat::Parquet)) => Self::Parquet,
            (None, _, Some(TargetFormat::Arrow)) => Self::Arrow,
            (None, _, Some(TargetFormat::Csv)) => Self::Csv,
            (None, _, Some(TargetFormat::Json)) => Self::Json,
            (None, _, None) => return Err(TargetProblem::Ending).in_file(out),
        };
        if !possible_targets(kind).contains(&target) {
            return Err(unsuited_problem(kind, target)).in_file(out);
        }
        Ok((target, target.file_format(named)))
    }

    fn file_format(self, named: Option<TargetFormat>) -> TargetFormat {
        match self {
            Self::Boundaries if named == Some(TargetFormat::Hdf5) => TargetFormat::Hdf5,
            Self::Boundaries | Self::Table | Self::Parquet => TargetFormat::Parquet,
            Self::Arrow => TargetFormat::Arrow,
            Self::Csv => TargetFormat::Csv,
            Self::Json | Self::Probeinterface => TargetFormat::Json,
            Self::Weights => TargetFormat::Hdf5,
        }
    }

    /// Returns the name of an output in a folder.
    pub fn file_name(self, input: &Path) -> OsString {
        let mut name = input.file_stem().unwrap_or_default().to_os_string();
        name.push(match self.file_format(None) {
            TargetFormat::Parquet => ".parquet",
            TargetFormat::Arrow => ".arrow",
            TargetFormat::Csv => ".csv",
            TargetFormat::Json => ".json",
            TargetFormat::Hdf5 => ".h5",
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
