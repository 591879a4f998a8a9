//! Reads the files to compare: a table, a boundary file, or all of them in a folder and its subfolders.

use std::path::{Path, PathBuf};

use leadfield::Result;
use leadfield::convert::bluerecording;
use leadfield::error::{Context, FileProblem, Problem, join_quoted};
use leadfield::segments::table::SegmentTable;
use leadfield::segments::table::part_files::MANIFEST_FILE_NAME;
use leadfield::validate::positions::PlacedSegments;

use crate::cli::{Common, open_table};
use crate::validate::MAX_LISTED_NAMES;

/// Errors of folders.
#[derive(Debug, thiserror::Error)]
enum FolderProblem {
    #[error("node {0} in two files, expected each node once")]
    DuplicateNode(u64),
    #[error("no positions, expected files `*.pkl`, `*.parquet` or `*.h5` in the folder, found none")]
    NoFiles,
}

impl Problem for FolderProblem {}

/// Reads all segments of a file or folder.
pub fn read_segments(path: &Path, common: &Common) -> Result<PlacedSegments> {
    if !path.is_dir() {
        return read_file(path, common);
    }
    let mut found = FolderContents::default();
    found.collect(path)?;
    if !found.others.is_empty() {
        let others = join_quoted(
            found.others.iter().map(|p| p.strip_prefix(path).unwrap_or(p).to_string_lossy()),
            MAX_LISTED_NAMES,
        );
        common.warn(format_args!(
            "{}: files left out, because their names are not of positions: {others}",
            path.display()
        ));
    }
    if found.files.is_empty() {
        return Err(FolderProblem::NoFiles).in_file(path);
    }
    found.files.iter().try_fold(PlacedSegments::default(), |mut all, file| {
        let own = if file.is_dir() {
            PlacedSegments::from_table(&SegmentTable::open(file)?)?
        } else {
            read_file(file, common)?
        };
        all.merge(own).map_err(FolderProblem::DuplicateNode).in_file(file)?;
        Ok(all)
    })
}

fn read_file(path: &Path, common: &Common) -> Result<PlacedSegments> {
    if bluerecording::is_positions_file(path)? {
        return Ok(PlacedSegments::from_neurons(&bluerecording::read(path)?));
    }
    PlacedSegments::from_table(&open_table(path, None, common)?)
}

/// Content of a folder.
#[derive(Default)]
struct FolderContents {
    /// Files of positions; for the parts of a table, their folder.
    files: Vec<PathBuf>,
    /// Files with other names.
    others: Vec<PathBuf>,
}

impl FolderContents {
    fn collect(&mut self, folder: &Path) -> Result<()> {
        let entries = std::fs::read_dir(folder).and_then(|entries| entries.map(|e| e.map(|e| e.path())).collect());
        let mut paths: Vec<PathBuf> = entries.map_err(FileProblem::Read).in_file(folder)?;
        paths.sort_unstable();
        let mut parts = false;
        for path in paths {
            let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
            if path.is_dir() {
                self.collect(&path)?;
            } else if is_table_part(&path) && !bluerecording::is_positions_file(&path)? {
                parts = true;
            } else if path.file_name() == Some(MANIFEST_FILE_NAME.as_ref()) {
                // the manifest of a table in the same folder
            } else if matches!(ending, "pkl" | "pickle" | "parquet" | "h5" | "hdf5") {
                self.files.push(path);
            } else {
                self.others.push(path);
            }
        }
        if parts {
            self.files.push(folder.to_path_buf());
        }
        Ok(())
    }
}

/// Returns whether a file name is that of a part of a table.
fn is_table_part(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.starts_with("part-") && name.ends_with(".parquet")
}
