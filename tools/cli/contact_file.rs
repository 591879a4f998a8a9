//! Reads a file of contacts, or standard input (`-`), in the unit that an option gives, and prints warnings about it.

use std::path::Path;

use leadfield::Result;
use leadfield::electrodes::{self, ContactExtent, Electrode, LengthUnit, ParsedElectrodes, ReadOptions};
use leadfield::error::Context;
use leadfield::io::input_file;
use leadfield::units::{LENGTH_UNITS, UnknownUnit};

use super::Common;
use super::help::CONTACTS;

/// The name of standard input among the arguments, and of standard output.
pub const DASH: &str = "-";

/// Name of standard input in errors.
const STANDARD_INPUT: &str = "standard input";

/// Returns whether a path means standard input or standard output.
pub fn is_dash(path: &Path) -> bool {
    path == Path::new(DASH)
}

/// Returns the name for errors about a file.
pub fn name_of(path: &Path) -> &Path {
    if is_dash(path) { Path::new(STANDARD_INPUT) } else { path }
}

/// Reads contacts from a file or from standard input.
fn parse(path: &Path, options: &ReadOptions) -> Result<ParsedElectrodes> {
    if !is_dash(path) {
        return electrodes::read_with_options(path, options);
    }
    let bytes = input_file::read_text_from(std::io::stdin().lock()).in_file(name_of(path))?;
    let mut parsed = electrodes::from_bytes(&bytes, options).in_file(name_of(path))?;
    parsed.warnings = parsed.warnings.into_iter().map(|warning| warning.in_file(name_of(path))).collect();
    Ok(parsed)
}

/// Options for a file of contacts.
#[derive(clap::Args)]
pub struct ContactFileArgs {
    /// Unit of the lengths in the file of contacts, where it does not state one as in `x [mm]`: um, mm, cm or m
    /// [default: um]
    #[arg(long, value_name = "UNIT", value_parser = parse_unit, help_heading = CONTACTS)]
    units: Option<LengthUnit>,
}

/// Parses a unit. An enumeration would suggest `m` for any longer name that begins with it.
fn parse_unit(text: &str) -> Result<LengthUnit, UnknownUnit> {
    LengthUnit::from_name(text).map_or_else(|| LENGTH_UNITS.factor(text).map(|_| LengthUnit::default()), Ok)
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
        let options = ReadOptions { extent, unit: self.units };
        let parsed = parse(path, &options)?;
        parsed.warnings.iter().for_each(|warning| common.warn_with_hint(warning));
        Ok(parsed.electrodes)
    }
}
