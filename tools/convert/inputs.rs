//! Expands the inputs: files, patterns, and all files below folders.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use leadfield::Result;
use leadfield::error::{Context, FileProblem, Problem};

/// Endings of the files that are converted in folders.
const ENDINGS: [&str; 10] = ["pkl", "pickle", "parquet", "h5", "hdf5", "arrow", "feather", "csv", "json", "txt"];

/// Inputs that match no files.
#[derive(Debug, thiserror::Error)]
enum InputProblem {
    #[error("no files, expected some with names that end in {}", ENDINGS.map(|e| format!(".{e}")).join(", "))]
    NoFiles,
    #[error("no files match, expected at least one")]
    NoMatch,
    #[error("wrong pattern, expected one of `*`, `?`, `[...]` in names: {0}")]
    Pattern(&'static str),
}

impl Problem for InputProblem {}

/// The expanded inputs.
#[derive(Default)]
pub struct Inputs {
    /// The files in the order of the arguments, for each argument sorted by number and name.
    pub files: Vec<PathBuf>,
    /// Files below folders with other endings.
    pub left_out: Vec<PathBuf>,
}

/// Expands the inputs to files.
pub fn expand_inputs(inputs: &[PathBuf]) -> Result<Inputs> {
    let mut all = Inputs::default();
    for input in inputs {
        let found = match input.to_str() {
            Some(pattern) if !input.exists() && pattern.contains(['*', '?', '[']) => match_pattern(input, pattern)?,
            _ => vec![input.clone()],
        };
        for path in found {
            if path.is_dir() && !is_table(&path) {
                let Inputs { files, left_out } = find_files_below(&path)?;
                all.files.extend(files);
                all.left_out.extend(left_out);
            } else {
                all.files.push(path);
            }
        }
    }
    Ok(all)
}

fn match_pattern(input: &Path, pattern: &str) -> Result<Vec<PathBuf>> {
    let paths = glob::glob(pattern).map_err(|e| InputProblem::Pattern(e.msg)).in_file(input)?;
    let mut found = Vec::new();
    for path in paths {
        found.push(path.map_err(|e| FileProblem::Read(e.into())).in_file(input)?);
    }
    found.sort_by_cached_key(|path| natural_key(path));
    if found.is_empty() { Err(InputProblem::NoMatch).in_file(input) } else { Ok(found) }
}

/// Returns whether a folder is a segment table in parts, which is one input.
fn is_table(folder: &Path) -> bool {
    folder.join(leadfield::segments::table::part_files::part_file_name(0)).is_file()
}

fn find_files_below(folder: &Path) -> Result<Inputs> {
    let (mut found, mut folders) = (Inputs::default(), vec![folder.to_path_buf()]);
    // links between folders may form a cycle, so each folder is visited only once
    let mut seen = HashSet::new();
    while let Some(next) = folders.pop() {
        if !seen.insert(next.canonicalize().map_err(FileProblem::Read).in_file(&next)?) {
            continue;
        }
        for entry in std::fs::read_dir(&next).map_err(FileProblem::Read).in_file(&next)? {
            let path = entry.map_err(FileProblem::Read).in_file(&next)?.path();
            match path.is_dir() {
                true if is_table(&path) => found.files.push(path),
                true => folders.push(path),
                false if has_known_ending(&path) => found.files.push(path),
                false => found.left_out.push(path),
            }
        }
    }
    found.files.sort_by_cached_key(|path| natural_key(path));
    found.left_out.sort();
    if found.files.is_empty() { Err(InputProblem::NoFiles).in_file(folder) } else { Ok(found) }
}

fn has_known_ending(path: &Path) -> bool {
    path.extension().and_then(|e| e.to_str()).is_some_and(|e| ENDINGS.contains(&e.to_ascii_lowercase().as_str()))
}

/// A part of a name: digits are compared as numbers.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum NamePart {
    Number(u128),
    Text(String),
}

fn natural_key(path: &Path) -> Vec<NamePart> {
    let text = path.to_string_lossy();
    let chars: Vec<char> = text.chars().collect();
    let piece = |run: &[char]| {
        let text: String = run.iter().collect();
        text.parse().map_or(NamePart::Text(text), NamePart::Number)
    };
    chars.chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit()).map(piece).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_go_by_their_value() {
        let mut names = ["1/positions10.pkl", "0/positions2.pkl", "1/positions9.pkl", "0/positions1.pkl"];
        names.sort_by_key(|name| natural_key(Path::new(name)));
        assert_eq!(names, ["0/positions1.pkl", "0/positions2.pkl", "1/positions9.pkl", "1/positions10.pkl"]);
    }
}
