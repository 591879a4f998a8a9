//! The names of an output and of its temporary files, and the checks of what exists under them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::{ContentsCheck, OutputConflict, OverwritePolicy};
use crate::error::{Context, FileProblem, Result};
use crate::io::input_file;

/// Returns `NAME.partial`, the name of an unfinished output.
pub fn partial_path_for(target: &Path) -> PathBuf {
    let mut name: OsString = target.file_name().unwrap_or_default().to_os_string();
    name.push(".partial");
    target.with_file_name(name)
}

/// Returns `OUT.checkpoint`, the name of the lock file.
pub fn lock_path_for(target: &Path) -> PathBuf {
    let mut name = target.file_name().unwrap_or_default().to_os_string();
    name.push(".checkpoint");
    target.with_file_name(name)
}

/// Longest name of a file or folder, in bytes: the usual limit of file systems less the length of `.partial`.
const MAX_NAME_BYTES: usize = 240;

/// Returns whether a name from a file, such as that of a population, may become the name of a folder: it leads to no
/// other folder, is not hidden, and has no characters that a terminal or a shell script would misinterpret.
pub fn is_plain_name(name: &str) -> bool {
    let is_strange = |c: char| c.is_control() || matches!(c, '/' | '\\');
    !name.is_empty() && !name.starts_with('.') && name.len() <= MAX_NAME_BYTES && !name.contains(is_strange)
}

/// Returns the folder that a file is in.
pub(super) fn parent_folder(path: &Path) -> &Path {
    path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."))
}

/// Returns the nearest existing folder above a file: the folder itself, if it is not to be made.
pub(super) fn existing_folder(path: &Path) -> &Path {
    let above = path.ancestors().skip(1).filter(|folder| *folder != Path::new(""));
    above.into_iter().find(|folder| folder.symlink_metadata().is_ok()).unwrap_or(Path::new("."))
}

/// Syncs a file's folder, so that its new name survives a loss of power, if the file system can do that.
pub(super) fn sync_parent_folder(path: &Path) {
    drop(std::fs::File::open(parent_folder(path)).and_then(|f| f.sync_all()));
}

/// Checks that neither an output nor one of its temporary files replaces an input.
///
/// # Errors
/// Returns an error if an input is the output, or has the name of one of its temporary files.
pub fn check_not_an_input<'a>(target: &Path, inputs: impl IntoIterator<Item = &'a Path>) -> Result<()> {
    let real = |path: &Path| path.canonicalize().ok();
    let output = real(target);
    let temporary = [partial_path_for(target), lock_path_for(target)].map(|path| real(&path));
    for input in inputs {
        match real(input) {
            None => {}
            same if same == output => return Err(FileProblem::IsInput).in_file(target),
            same if temporary.contains(&same) => {
                return Err(FileProblem::IsPartial(target.to_path_buf())).in_file(input);
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Refuses an existing output, unless it is to be replaced and can be.
///
/// # Errors
/// Returns an error if the output exists and must not be replaced, or is a device or a pipe.
pub fn check_overwrite(target: &Path, existing: OverwritePolicy) -> Result<()> {
    if target.metadata().is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        return Err(FileProblem::SpecialFile).in_file(target);
    }
    match existing {
        OverwritePolicy::Refuse if target.symlink_metadata().is_ok() => Err(FileProblem::Exists).in_file(target),
        OverwritePolicy::Refuse | OverwritePolicy::Replace => Ok(()),
    }
}

/// Refuses an existing output, unless it is to be replaced and can be. The output is a folder if `contents` is given.
///
/// # Errors
/// Returns an error if the output exists and must not be replaced, or is of another kind, or is a folder with other
/// files.
pub fn check_target(target: &Path, existing: OverwritePolicy, contents: Option<ContentsCheck>) -> Result<()> {
    match contents {
        None => check_file_target(target, existing),
        Some(contents) => check_folder_target(target, existing, contents),
    }
}

/// Refuses a file output that cannot be created.
pub(super) fn check_file_target(target: &Path, existing: OverwritePolicy) -> Result<()> {
    check_overwrite(target, existing)?;
    check_not_read_before(target)?;
    match [target, &partial_path_for(target)].into_iter().find(|path| path.is_dir()) {
        Some(folder) => Err(FileProblem::IsFolder).in_file(folder),
        None => Ok(()),
    }
}

/// Refuses to replace a file that was opened for reading, if inputs are recorded.
pub(super) fn check_not_read_before(target: &Path) -> Result<()> {
    if input_file::is_input(target) { Err(FileProblem::IsInput).in_file(target) } else { Ok(()) }
}

/// Refuses a folder output that cannot be created.
pub(super) fn check_folder_target(target: &Path, existing: OverwritePolicy, contents: ContentsCheck) -> Result<()> {
    check_overwrite(target, existing)?;
    match target.symlink_metadata() {
        Ok(found) if found.is_symlink() && target.is_dir() => Err(OutputConflict::IsLink).in_file(target),
        Ok(found) if !found.is_dir() => Err(FileProblem::IsFile).in_file(target),
        Ok(_) => contents(target),
        Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_never_replaces_an_input() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["a", "b.partial", "b.checkpoint"] {
            std::fs::write(at(name), "mine").unwrap();
        }
        let message = |output: &str, input: &str| {
            check_not_an_input(&at(output), [at(input).as_path()])
                .map_err(|e| e.to_string().replace(&at("").display().to_string(), ""))
        };
        assert_eq!(message("a", "b.partial"), Ok(()));
        assert_eq!(message("new", "missing"), Ok(()));
        assert_eq!(message("a", "./a").unwrap_err(), "a: is also an input, expected another file as output");
        let expected = "b.partial: would be overwritten while `b` is made, expected an input of another name";
        assert_eq!(message("b", "b.partial").unwrap_err(), expected);
        assert_eq!(message("b", "b.checkpoint").unwrap_err(), expected.replace("b.partial", "b.checkpoint"));
    }

    #[test]
    fn names_that_lead_elsewhere_or_hide_are_not_plain() {
        for name in ["neurons", "S1nonbarrel_neurons", "a b", "a.b", "Nervenzellen \u{e4}", "-x"] {
            assert!(is_plain_name(name), "{name}");
        }
        let long = "n".repeat(MAX_NAME_BYTES + 1);
        for name in ["", ".", "..", ".hidden", "a/b", "/a", "../a", "a\\b", "a\0b", "a\nb", "\u{7f}", "\u{9b}", &long] {
            assert!(!is_plain_name(name), "{name:?}");
        }
    }
}
