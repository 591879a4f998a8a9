//! The error for a file of another kind than the one that is expected.

use std::path::{Path, PathBuf};

use super::FileKind;
use crate::error::{Context, Error, ErrorKind, Problem, Result};

/// A file is of another kind than expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}, expected {}{}", .found.describe(), describe_expected(.expected), if .other.is_some() { ": arguments swapped?" } else { "" })]
pub struct WrongKind {
    /// The kind of the file.
    pub found: FileKind,
    /// The kinds that the reader accepts.
    pub expected: &'static [FileKind],
    /// Another argument, which is of an accepted kind.
    pub other: Option<PathBuf>,
}

impl WrongKind {
    /// Looks for a file of an accepted kind among the other arguments of a command; then the arguments are probably
    /// swapped, and the error says so.
    #[must_use]
    pub fn among(mut self, arguments: impl IntoIterator<Item = PathBuf>) -> Self {
        let is_accepted = |path: &PathBuf| {
            let kind = if path.exists() { FileKind::detect(path).ok().flatten() } else { None };
            kind.is_some_and(|kind| self.expected.contains(&kind))
        };
        self.other = arguments.into_iter().find(is_accepted);
        self
    }
}

/// Describes the first of the kinds, which stands for all.
fn describe_expected(expected: &[FileKind]) -> &'static str {
    match expected {
        [FileKind::CircuitConfig, FileKind::SimulationConfig, ..] => "a circuit or simulation configuration (JSON)",
        [FileKind::ContactTable, ..] => "a table or list of contacts (CSV, JSON)",
        [first, ..] => first.describe(),
        [] => "another file",
    }
}

impl Problem for WrongKind {
    fn hint(&self) -> Option<String> {
        use FileKind::{Boundaries, CircuitConfig, Compressed, ElectrodesFile, Pickle, SegmentTable, SimulationConfig};
        let accepts = |kind| self.expected.contains(&kind);
        if let Some(other) = &self.other {
            return Some(format!("`{}` is {}", other.display(), describe_expected(self.expected)));
        }
        let hint = match self.found {
            Compressed(compression) => return Some(format!("decompress it first: `{}`", compression.program())),
            CircuitConfig | SimulationConfig if accepts(SegmentTable) => {
                "make a segment table from it with `leadfield positions`"
            }
            Pickle | Boundaries if accepts(SegmentTable) => "make a segment table from it with `leadfield convert`",
            SegmentTable if accepts(ElectrodesFile) => "make an electrodes file from it with `leadfield weights`",
            FileKind::WeightColumns if accepts(ElectrodesFile) => {
                "make an electrodes file from it with `leadfield convert`"
            }
            FileKind::Nodes
            | FileKind::Edges
            | FileKind::NodeSets
            | FileKind::NodeTypes
            | FileKind::SwcMorphology
            | FileKind::AscMorphology
            | FileKind::H5Morphology
            | FileKind::MorphologyContainer
            | FileKind::CellTemplate
            | FileKind::CompartmentReport
                if accepts(CircuitConfig) =>
            {
                "name the configuration (JSON) that refers to it"
            }
            _ => return None,
        };
        Some(hint.into())
    }
}

/// Replaces the error of a reader that refused a file by [`WrongKind`] if the file is of another known kind.
///
/// The original error is returned if it is about another file, if the file could not be read at all, or if the file is
/// of an expected kind: then the error states what is wrong with it.
///
/// # Errors
/// Returns the error of the result, or [`WrongKind`].
pub fn name_wrong_kind<T>(result: Result<T>, path: &Path, expected: &'static [FileKind]) -> Result<T> {
    result.map_err(|error| find_wrong_kind(&error, path, expected).unwrap_or(error))
}

fn find_wrong_kind(error: &Error, path: &Path, expected: &'static [FileKind]) -> Option<Error> {
    let is_about_file = error.location().file.as_deref().is_none_or(|file| file == path);
    // a folder where a file is expected cannot be read
    let is_refused = matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Damaged) || path.is_dir();
    if !is_about_file || !is_refused || error.problem::<WrongKind>().is_some() {
        return None;
    }
    let found = FileKind::detect(path).ok()??;
    let is_other_content = matches!(found, FileKind::OtherHdf5 | FileKind::ParquetColumns | FileKind::OtherFolder);
    if expected.contains(&found) || is_other_content {
        return None;
    }
    Err::<(), _>(WrongKind { found, expected, other: None }).in_file(path).err()
}
