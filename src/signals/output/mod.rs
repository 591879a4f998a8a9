//! Writes signals: HDF5 and NumPy files whose blocks of frames are written at their places, and tables of columns.

mod bmtk;
mod columns;
mod laid_out;
mod npy;
mod nwb;
mod report_file;
mod signal_file;

pub use columns::{ColumnShape, SignalColumns};
#[doc(hidden)]
pub use report_file::{GROUPS_ATTRIBUTE, GROUPS_NAMED, GROUPS_NODE, GROUPS_TOTAL};
pub use signal_file::{SignalsRequest, check_output, write_signals};

use std::path::Path;

use crate::error::Problem;
use crate::signals::{SignalBlock, Signals};

/// A file format of signals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignalFormat {
    /// SONATA report in HDF5, as the simulator's `lfp` report, with the names of contacts and groups.
    Report,
    /// BMTK's file of extracellular potentials.
    Bmtk,
    /// Neurodata Without Borders.
    Nwb,
    /// NumPy array.
    Npy,
    /// Parquet.
    Parquet,
    /// Arrow IPC.
    Arrow,
    /// CSV.
    Csv,
}

/// The type of the written values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ValueType {
    /// Single precision.
    #[default]
    F32,
    /// Double precision.
    F64,
}

impl ValueType {
    /// Returns the bytes of a value.
    pub const fn width(self) -> usize {
        match self {
            Self::F32 => size_of::<f32>(),
            Self::F64 => size_of::<f64>(),
        }
    }
}

/// Reasons why signals cannot be written in a format.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum SignalFormatProblem {
    /// The file's name states no format.
    #[error("unknown output format, expected a name that ends in {expected}")]
    Ending {
        /// The known endings.
        expected: String,
    },
    /// The format cannot be resumed, or written by several ranks.
    #[error(
        "format `{0}` is written from the beginning to the end, expected `report`, `bmtk`, `nwb` or `npy` for \
         `--resume` and several ranks"
    )]
    Sequential(&'static str),
    /// The format has no groups.
    #[error("format `{format}` has no groups, expected one sum, found {found}")]
    Groups {
        /// The format.
        format: &'static str,
        /// Number of groups.
        found: usize,
    },
    /// Two columns of a wide table have one name.
    #[error("two columns of one name, expected different ones, found `{0}` again")]
    RepeatedColumn(String),
    /// The format has no columns.
    #[error("format `{0}` has no columns, expected `parquet`, `arrow` or `csv` for `--wide`")]
    NoColumns(&'static str),
    /// The format cannot state several units.
    #[error("signals of several units, expected one unit for format `{format}`, found {found}")]
    SeveralUnits {
        /// The format.
        format: &'static str,
        /// The units, each with its contacts.
        found: String,
    },
    /// A signal has no float32 number.
    #[error(
        "signal at contact `{contact}` in group `{group}` is out of range at {time_ms} ms, expected float32 numbers, found {value:e}"
    )]
    OutOfRange {
        /// Name of the contact.
        contact: String,
        /// The group.
        group: String,
        /// Time, ms.
        time_ms: f64,
        /// The signal.
        value: f64,
    },
    /// The format has potentials only.
    #[error("signal of contact `{contact}` is not a potential, expected V, mV or uV for format `nwb`, found `{unit}`")]
    NotPotential {
        /// Name of the contact.
        contact: String,
        /// Unit of its signal.
        unit: String,
    },
}

impl Problem for SignalFormatProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Ending { .. } => Some("or give the format: `--format csv`".into()),
            Self::Groups { .. } => Some("leave `--by` out, or write `.h5`, `.npy` or a table".into()),
            Self::OutOfRange { .. } => Some("store double precision: `--dtype f64`".into()),
            Self::RepeatedColumn(_) => Some("leave `--wide` out: a long table has a row for each value".into()),
            Self::SeveralUnits { .. } => {
                Some("choose contacts of one unit with `--electrode NAME,...`, or write `.h5` or a table".into())
            }
            Self::Sequential(_) | Self::NoColumns(_) | Self::NotPotential { .. } => None,
        }
    }
}

/// Refuses signals that the stored type would make infinite.
fn check_range(signals: &Signals<'_>, block: &SignalBlock, stored: ValueType) -> Result<(), SignalFormatProblem> {
    if stored == ValueType::F64 {
        return Ok(());
    }
    match signals.find_signal(block, |value| (value as f32).is_infinite()) {
        None => Ok(()),
        Some(found) => Err(SignalFormatProblem::OutOfRange {
            contact: found.contact.name.clone(),
            group: found.group.into(),
            time_ms: found.time_ms,
            value: found.value,
        }),
    }
}

impl SignalFormat {
    /// All formats, each with the ending of its files' names.
    const ALL: [(Self, &'static str); 7] = [
        (Self::Bmtk, "ecp.h5"),
        (Self::Report, ".h5"),
        (Self::Nwb, ".nwb"),
        (Self::Npy, ".npy"),
        (Self::Parquet, ".parquet"),
        (Self::Arrow, ".arrow"),
        (Self::Csv, ".csv"),
    ];

    /// Returns the format that a file's name states.
    ///
    /// # Errors
    /// Returns an error that lists the endings if the name has none of them.
    pub fn from_path(path: &Path) -> Result<Self, SignalFormatProblem> {
        let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
        let found = Self::ALL.iter().find(|(_, ending)| name.ends_with(ending));
        found.map(|(format, _)| *format).ok_or_else(|| {
            let endings: Vec<&str> = Self::ALL.iter().map(|(_, ending)| *ending).collect();
            SignalFormatProblem::Ending { expected: endings.join(", ") }
        })
    }

    /// Returns its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::Bmtk => "bmtk",
            Self::Nwb => "nwb",
            Self::Npy => "npy",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
            Self::Csv => "csv",
        }
    }

    /// Returns whether blocks are written at their places, in any order, so that a run can be resumed and shared.
    pub const fn is_laid_out(self) -> bool {
        matches!(self, Self::Report | Self::Bmtk | Self::Nwb | Self::Npy)
    }
}
