//! Finds the segment table and the electrodes file among the inputs.

use std::path::{Path, PathBuf};

use leadfield::Result;
use leadfield::error::{Context, FileProblem, Problem, join_quoted};
use leadfield::file_kind::{FileKind, WrongKind};

/// The files of a report.
#[derive(Debug)]
pub struct ReportFiles {
    /// The segment table.
    pub table: PathBuf,
    /// The electrodes file.
    pub weights: PathBuf,
}

/// There are too few or too many files.
#[derive(Debug, thiserror::Error)]
#[error("expected one {what}, found {found}")]
struct NotOneInput {
    what: &'static str,
    found: String,
    advice: String,
}

impl Problem for NotOneInput {
    fn hint(&self) -> Option<String> {
        Some(self.advice.clone())
    }
}

/// A file of a kind that has no report.
#[derive(Debug, thiserror::Error)]
#[error("{}, expected a segment table or an electrodes file", .0.found.describe())]
struct NeitherFile(WrongKind);

impl Problem for NeitherFile {
    fn hint(&self) -> Option<String> {
        self.0.hint()
    }
}

impl ReportFiles {
    /// Finds the only table and the only electrodes file among the inputs, or in them if they are folders.
    pub fn find(inputs: &[PathBuf]) -> Result<Self> {
        let (mut tables, mut weights) = (Vec::new(), Vec::new());
        for path in inputs {
            match FileKind::detect(path)? {
                Some(FileKind::SegmentTable) => tables.push(path.clone()),
                Some(FileKind::ElectrodesFile | FileKind::OtherHdf5) => weights.push(path.clone()),
                Some(
                    FileKind::SegmentTables | FileKind::ConfigFolder | FileKind::AtlasFolder | FileKind::OtherFolder,
                ) => {
                    for file in list_folder(path)? {
                        match detect_in_folder(&file) {
                            Some(FileKind::SegmentTable) => tables.push(file),
                            // positions of several populations are a folder of tables; folders that cannot be read are
                            // ignored
                            Some(FileKind::SegmentTables) => tables.extend(table_folders(&file).unwrap_or_default()),
                            Some(FileKind::ElectrodesFile) => weights.push(file),
                            _ => {}
                        }
                    }
                }
                Some(found) => {
                    let expected = &[FileKind::ElectrodesFile];
                    let wrong = WrongKind { found, expected, other: None };
                    return Err(NeitherFile(wrong)).in_file(path);
                }
                // a damaged file: its reader says what is wrong with it
                None if has_ending(path, "parquet") => tables.push(path.clone()),
                None => weights.push(path.clone()),
            }
        }
        let shown = |paths: &[PathBuf], other: &str| paths.first().map_or(other.into(), |p| p.display().to_string());
        let (table, file) = (shown(&tables, "segments.parquet"), shown(&weights, "weights.h5"));
        let both = format!("name the two that belong together: `leadfield report {table} {file}`");
        let make = |lacking: bool, advice: &str| if lacking { advice.into() } else { both.clone() };
        let lacks_both = tables.is_empty() && weights.is_empty();
        let positions = if lacks_both {
            "create one from a circuit with `leadfield positions`, and an electrodes file from it with `leadfield \
             weights`"
        } else {
            "create one from a circuit with `leadfield positions`, or check only the file with `leadfield validate \
             electrodes-file`"
        };
        let compute = format!("create one with `leadfield weights {table} ELECTRODES -o weights.h5`");
        let advice = [make(tables.is_empty(), positions), make(weights.is_empty(), &compute)];
        let [of_tables, of_weights] = advice;
        Ok(Self {
            table: require_one(tables, "segment table", of_tables)?,
            weights: require_one(weights, "electrodes file", of_weights)?,
        })
    }
}

fn require_one(mut found: Vec<PathBuf>, what: &'static str, advice: String) -> Result<PathBuf> {
    match (found.pop(), found.is_empty()) {
        (Some(one), true) => Ok(one),
        (last, _) => {
            found.extend(last);
            Err(NotOneInput { what, found: join_quoted(found.iter().map(|p| p.display().to_string()), 6), advice }
                .into())
        }
    }
}

/// Lists a folder, sorted.
fn list_folder(folder: &Path) -> Result<Vec<PathBuf>> {
    let listed =
        std::fs::read_dir(folder).and_then(|all| all.map(|e| Ok(e?.path())).collect::<std::io::Result<Vec<_>>>());
    let mut paths = listed.map_err(FileProblem::Read).in_file(folder)?;
    paths.sort();
    Ok(paths)
}

fn has_ending(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|e| e == ending)
}

/// Detects the kind of a file in a folder; a file that cannot be read is of none. Only files with usual endings count.
fn detect_in_folder(path: &Path) -> Option<FileKind> {
    let may_be = path.is_dir() || has_ending(path, "parquet") || has_ending(path, "h5");
    let kind = if may_be { FileKind::detect(path).ok().flatten() } else { None };
    // a damaged table is not ignored
    kind.or_else(|| (may_be && has_ending(path, "parquet")).then_some(FileKind::SegmentTable))
}

/// Returns the tables in parts in a folder.
fn table_folders(folder: &Path) -> Result<Vec<PathBuf>> {
    let is_table = |path: &PathBuf| path.is_dir() && detect_in_folder(path) == Some(FileKind::SegmentTable);
    Ok(list_folder(folder)?.into_iter().filter(is_table).collect())
}
