//! Splits a table into parts, and names its files.

use std::path::{Path, PathBuf};

use super::TableNeuron;
use crate::error::{Context, FileProblem, Problem, Result, join_quoted};
use crate::io::parquet_file::is_written_here;

/// Name of the manifest in the folder of a table.
pub const MANIFEST_FILE_NAME: &str = "_manifest.parquet";

/// A folder with files that do not belong to a table.
#[derive(Debug, thiserror::Error)]
#[error("not replaced, expected a folder with only the parts and the manifest that `leadfield` wrote, found {0}")]
struct ForeignFolder(String);

impl Problem for ForeignFolder {
    fn hint(&self) -> Option<String> {
        Some("choose another name, or remove it by hand".into())
    }
}

/// Returns whether a table with this path is one file: it ends in `.parquet`. Otherwise it is a folder of parts.
pub fn is_single_file(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "parquet")
}

/// Returns the file name of a part.
pub fn part_file_name(part: usize) -> String {
    format!("part-{part:0PART_DIGITS$}.parquet")
}

/// Fewest digits of the number in a part's name.
const PART_DIGITS: usize = 5;

/// Returns whether this program gives such a name to a file of a table: `part-` with five digits or more, or the
/// manifest's. Other programs give longer names, such as `part-00000-2f1c-c000.snappy.parquet`.
pub fn is_own_name(name: &str) -> bool {
    let number = name.strip_prefix("part-").and_then(|rest| rest.strip_suffix(".parquet"));
    let is_number = |text: &str| text.len() >= PART_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
    name == MANIFEST_FILE_NAME || number.is_some_and(is_number)
}

/// Returns whether a file with the name of a part is one: an incomplete one in an unfinished output, otherwise a Parquet
/// file of this program.
fn is_own_file(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let is_unfinished = || {
        let mut endings = path.ancestors().skip(1).take(2).filter_map(Path::extension);
        endings.any(|ending| ending == "partial")
    };
    is_own_name(name) && (is_unfinished() || is_written_here(path))
}

/// Returns whether a file is read as a part, whichever program wrote it.
pub(super) fn is_part_file(path: &Path) -> bool {
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    name.starts_with("part-") && name.ends_with(".parquet")
}

fn list_folder(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths =
        std::fs::read_dir(folder)?.map(|entry| entry.map(|e| e.path())).collect::<std::io::Result<Vec<_>>>()?;
    // all paths have the same folder: compare their names byte by byte
    paths.sort_unstable_by(|a, b| a.as_os_str().cmp(b.as_os_str()));
    Ok(paths)
}

/// Returns the part files of a folder, in order.
pub(super) fn list_part_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = list_folder(folder)?;
    files.retain(|path| is_part_file(path));
    Ok(files)
}

/// Checks that a folder can be replaced without losing other data: it may contain only the parts and the manifest of a
/// table that this program wrote, or folders of them.
///
/// # Errors
/// Returns an error if the folder contains other files, or cannot be read.
pub fn check_replaceable(folder: &Path) -> Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    let mut others = list_folder(folder).map_err(FileProblem::Read).in_file(folder)?;
    // do not follow links: a link is not a folder
    let kind = |path: &Path| path.symlink_metadata().map(|found| found.file_type());
    let is_folder = |path: &Path| kind(path).is_ok_and(|kind| kind.is_dir());
    let is_empty = |path: &Path| is_folder(path) && list_folder(path).is_ok_and(|paths| paths.is_empty());
    let is_table = |path: &Path| is_folder(path) && list_part_files(path).is_ok_and(|parts| !parts.is_empty());
    others.iter().filter(|path| is_table(path)).try_for_each(|path| check_replaceable(path))?;
    let is_own = |path: &Path| kind(path).is_ok_and(|kind| kind.is_file()) && is_own_file(path);
    others.retain(|path| !(is_table(path) || is_own(path)));
    let names = others.iter().filter_map(|path| path.file_name()).map(|name| name.to_string_lossy());
    // an unfinished output may contain empty folders, and removing them loses no data
    let is_ours = others.iter().all(|path| is_empty(path));
    if is_ours { Ok(()) } else { Err(ForeignFolder(join_quoted(names, 4))).in_file(folder) }
}

/// Splits neurons, in the given order, into runs of at most `most` segments; a neuron is never split.
pub fn split_neurons(neurons: &[TableNeuron], most: u64) -> Vec<std::ops::Range<usize>> {
    let mut parts = Vec::new();
    let (mut from, mut segments) = (0, 0_u64);
    for (i, neuron) in neurons.iter().enumerate() {
        if i > from && segments.saturating_add(neuron.segments) > most {
            parts.push(from..i);
            (from, segments) = (i, 0);
        }
        segments = segments.saturating_add(neuron.segments);
    }
    if from < neurons.len() {
        parts.push(from..neurons.len());
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_this_program_gives_are_its_own() {
        for name in ["part-00000.parquet", "part-123456.parquet", "_manifest.parquet"] {
            assert!(is_own_name(name), "{name}");
        }
        for name in ["part-0.parquet", "part-00000-2f1c-c000.snappy.parquet", "part-.parquet", "part-0000x.parquet"] {
            assert!(!is_own_name(name), "{name}");
        }
        assert!((0..3).chain([99_999, 100_000]).all(|part| is_own_name(&part_file_name(part))));
    }

    #[test]
    fn neurons_are_never_split_between_parts() {
        let neurons = [3, 3, 9, 1, 1].map(|segments| TableNeuron { node_id: 0, first_row: 0, segments });
        assert_eq!(split_neurons(&neurons, 6), [0..2, 2..3, 3..5]);
        assert_eq!(split_neurons(&neurons, 100), vec![0..neurons.len()]);
        assert!(split_neurons(&[], 6).is_empty());
    }
}
