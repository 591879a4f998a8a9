//! Checks that a folder holds only the files that this program writes there.

use std::path::{Path, PathBuf};

use crate::error::{Context, FileProblem, Problem, Result, join_quoted};

/// A folder holds other files than this program writes there.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not replaced, expected a folder with only {expected}, found {found}")]
struct ForeignContents {
    expected: &'static str,
    found: String,
}

impl Problem for ForeignContents {
    fn hint(&self) -> Option<String> {
        Some("choose another name, or remove it by hand".into())
    }
}

/// An entry of a folder, at any depth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FolderEntry<'a> {
    /// A file, by its path below the folder.
    File(&'a Path),
    /// A folder, by its path below the folder.
    Folder(&'a Path),
}

impl<'a> FolderEntry<'a> {
    /// Its path below the folder.
    pub fn path(self) -> &'a Path {
        match self {
            Self::File(path) | Self::Folder(path) => path,
        }
    }

    /// An entry of the same kind, at another path.
    #[must_use]
    pub fn with_path<'b>(self, path: &'b Path) -> FolderEntry<'b> {
        match self {
            Self::File(_) => FolderEntry::File(path),
            Self::Folder(_) => FolderEntry::Folder(path),
        }
    }
}

/// Checks that `is_ours` accepts every entry of a folder; links and devices are never accepted. `expected` is the
/// error's description of what the folder may hold.
///
/// # Errors
/// Returns an error if the folder cannot be read or holds other entries; it names some of them.
pub fn check_contents(folder: &Path, expected: &'static str, is_ours: &dyn Fn(FolderEntry<'_>) -> bool) -> Result<()> {
    let mut foreign = Vec::new();
    find_foreign(folder, Path::new(""), is_ours, &mut foreign).map_err(FileProblem::Read).in_file(folder)?;
    if foreign.is_empty() {
        return Ok(());
    }
    foreign.sort_unstable();
    let found = join_quoted(foreign.iter().map(|path| path.to_string_lossy()), 4);
    Err(ForeignContents { expected, found }).in_file(folder)
}

fn find_foreign(
    folder: &Path,
    below: &Path,
    is_ours: &dyn Fn(FolderEntry<'_>) -> bool,
    foreign: &mut Vec<PathBuf>,
) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder.join(below))? {
        let entry = entry?;
        let (path, kind) = (below.join(entry.file_name()), entry.file_type()?);
        match () {
            () if kind.is_file() && is_ours(FolderEntry::File(&path)) => {}
            () if kind.is_dir() && is_ours(FolderEntry::Folder(&path)) => {
                find_foreign(folder, &path, is_ours, foreign)?
            }
            () => foreign.push(path),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_entries_are_named_and_links_are_never_accepted() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(at("ours/deep")).unwrap();
        std::fs::write(at("ours/deep/known.txt"), "").unwrap();
        let is_ours = |entry: FolderEntry<'_>| match entry {
            FolderEntry::File(path) => path.file_name() == Some("known.txt".as_ref()),
            FolderEntry::Folder(path) => path.starts_with("ours"),
        };
        check_contents(folder.path(), "known files", &is_ours).unwrap();
        std::fs::write(at("ours/deep/thesis.tex"), "").unwrap();
        std::fs::create_dir(at("more")).unwrap();
        std::os::unix::fs::symlink(at("ours/deep/known.txt"), at("ours/known.txt")).unwrap();
        let message = format!("{:?}", check_contents(folder.path(), "known files", &is_ours).unwrap_err());
        let text = "not replaced, expected a folder with only known files, found `more`, `ours/deep/thesis.tex`, `ours/known.txt`";
        let hint = "hint: choose another name, or remove it by hand";
        assert_eq!(message, format!("{}: {text}\n{hint}", folder.path().display()));
    }
}
