//! Reads a file of contacts in the unit that an option gives, and prints what was noticed about it.

use std::path::Path;

use leadfield::Result;
use leadfield::electrodes::{self, ContactExtent, Electrode, LengthUnit, ReadOptions};

use super::Common;

/// Options for a file of contacts.
#[derive(clap::Args)]
pub struct ContactFileArgs {
    /// Unit of the lengths in the file of contacts, where it does not state one as in `x [mm]` (default: um)
    #[arg(long, value_name = "UNIT")]
    units: Option<UnitArg>,
}

/// [`LengthUnit`] as an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum UnitArg {
    /// Micrometres
    Um,
    /// Millimetres
    Mm,
    /// Metres
    M,
}

impl From<UnitArg> for LengthUnit {
    fn from(unit: UnitArg) -> Self {
        match unit {
            UnitArg::Um => Self::Micrometer,
            UnitArg::Mm => Self::Millimeter,
            UnitArg::M => Self::Meter,
        }
    }
}

impl ContactFileArgs {
    /// Returns whether `--units` was given.
    pub fn is_given(&self) -> bool {
        self.units.is_some()
    }

    /// Reads contacts as points, and prints warnings about the file.
    pub fn read(&self, path: &Path, common: &Common) -> Result<Vec<Electrode>> {
        self.read_with_extent(path, ContactExtent::Point, common)
    }

    /// Reads contacts with their extent, and prints warnings about the file.
    pub fn read_with_extent(&self, path: &Path, extent: ContactExtent, common: &Common) -> Result<Vec<Electrode>> {
        let options = ReadOptions { extent, unit: self.units.map(LengthUnit::from) };
        let parsed = electrodes::read_with_options(path, &options)?;
        parsed.warnings.iter().for_each(|warning| common.warn_with_hint(warning));
        Ok(parsed.electrodes)
    }
}
