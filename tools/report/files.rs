//! Finds the segment table and the electrodes file among the inputs.

use std::path::{Path, PathBuf};

use leadfield::Result;
use leadfield::error::{Context, FileProblem, Problem, join_quoted};
use leadfield::io::hdf5::Hdf5File;

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

impl ReportFiles {
    /// Finds the only table and the only electrodes file among the inputs, or in them if they are folders.
    pub fn find(inputs: &[PathBuf]) -> Result<Self> {
        let (mut tables, mut weights) = (Vec::new(), Vec::new());
        for path in inputs {
            std::fs::metadata(path).map_err(FileProblem::Read).in_file(path)?;
            let folder = path.is_dir() && !is_table_folder(path)?;
            for file in if folder { list_folder(path)? } else { vec![path.clone()] } {
                if is_table(&file)? {
                    tables.push(file);
                } else if file.is_dir() {
                    // positions of several populations are a folder of tables; folders without read permission are
                    // ignored
                    tables.extend(table_folders(&file).unwrap_or_default());
                } else if !folder || is_weights(&file) {
                    weights.push(file);
                }
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

/// Returns whether a folder is itself a table in parts.
fn is_table_folder(folder: &Path) -> Result<bool> {
    let part = |p: &PathBuf| {
        has_ending(p, "parquet") && p.file_name().is_some_and(|n| n.to_string_lossy().starts_with("part-"))
    };
    Ok(list_folder(folder)?.iter().any(part))
}

/// Returns the tables in parts in a folder.
fn table_folders(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut tables = Vec::new();
    for path in list_folder(folder)? {
        if path.is_dir() && is_table_folder(&path)? {
            tables.push(path);
        }
    }
    Ok(tables)
}

fn is_table(path: &Path) -> Result<bool> {
    Ok(if path.is_dir() { is_table_folder(path)? } else { has_ending(path, "parquet") })
}

/// Returns whether a file of a folder is an electrodes file; errors mean that it is not.
fn is_weights(path: &Path) -> bool {
    path.is_file() && has_ending(path, "h5") && Hdf5File::open(path).is_ok_and(|file| file.has_object("/electrodes"))
}
