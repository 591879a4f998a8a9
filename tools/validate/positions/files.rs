//! What is compared: a table, a file of boundaries, or all that a folder and its subfolders have of these.

use std::path::{Path, PathBuf};

use leadfield::Result;
use leadfield::convert::bluerecording;
use leadfield::error::{Context, FileProblem, Problem, listed};
use leadfield::segments::table::Table;
use leadfield::segments::table::manifest::FILE_NAME;
use leadfield::validate::positions::Placed;

use crate::cli::{Common, open_table};

/// How many names a warning lists.
const LISTED: usize = 12;

/// What can be wrong with a folder.
#[derive(Debug, thiserror::Error)]
enum FolderProblem {
    #[error("node {0} in two files, expected each node once")]
    Twice(u64),
    #[error("no positions, expected files `*.pkl`, `*.parquet` or `*.h5` in the folder, found none")]
    None,
}

impl Problem for FolderProblem {}

/// All segments of a file or folder.
pub fn placed(path: &Path, common: &Common) -> Result<Placed> {
    if !path.is_dir() {
        return of_file(path, common);
    }
    let mut found = Found::default();
    found.collect(path)?;
    if !found.others.is_empty() {
        let others = listed(found.others.iter().map(|p| p.strip_prefix(path).unwrap_or(p).to_string_lossy()), LISTED);
        common.warn(format_args!("{}: left out, since no name of positions: {others}", path.display()));
    }
    if found.files.is_empty() {
        return Err(FolderProblem::None).in_file(path);
    }
    found.files.iter().try_fold(Placed::default(), |mut all, file| {
        let own = if file.is_dir() { Placed::of_table(&Table::open(file)?)? } else { of_file(file, common)? };
        all.join(own).map_err(FolderProblem::Twice).in_file(file)?;
        Ok(all)
    })
}

fn of_file(path: &Path, common: &Common) -> Result<Placed> {
    if bluerecording::is_boundaries(path)? {
        return Ok(Placed::of_boundaries(&bluerecording::read(path)?));
    }
    Placed::of_table(&open_table(path, None, common)?)
}

/// What is below a folder.
#[derive(Default)]
struct Found {
    /// Files of positions; for the parts of a table their folder.
    files: Vec<PathBuf>,
    /// Files of other names.
    others: Vec<PathBuf>,
}

impl Found {
    fn collect(&mut self, folder: &Path) -> Result<()> {
        let entries = std::fs::read_dir(folder).and_then(|entries| entries.map(|e| e.map(|e| e.path())).collect());
        let mut paths: Vec<PathBuf> = entries.map_err(FileProblem::Read).in_file(folder)?;
        paths.sort_unstable();
        let mut parts = false;
        for path in paths {
            let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
            if path.is_dir() {
                self.collect(&path)?;
            } else if is_part(&path) && !bluerecording::is_boundaries(&path)? {
                parts = true;
            } else if path.file_name() == Some(FILE_NAME.as_ref()) {
                // that of the parts beside it
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

/// Whether it has the name of a table's part.
fn is_part(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.starts_with("part-") && name.ends_with(".parquet")
}
