//! Outputs that appear under their name only when they are complete.

mod space;

pub use space::{Trial, check_rest, check_room, check_space, free};

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::error::{Context, FileProblem, Result};

/// What to do with an output that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Keep it: an error.
    Keep,
    /// Replace it when the new one is complete.
    Replace,
}

/// An output (file or folder) under construction: written as `NAME.partial`, renamed by [`Staged::commit`], left
/// for a later run by [`Staged::leave`], removed when dropped before either.
#[derive(Debug)]
pub struct Staged {
    target: PathBuf,
    partial: PathBuf,
    committed: bool,
}

impl Staged {
    /// Starts an output that is a file.
    ///
    /// # Errors
    /// It exists and is to be kept, or is a folder, a device or a pipe; its folder is missing or cannot be written; a folder
    /// has its partial name.
    pub fn new(target: &Path, existing: Existing) -> Result<Self> {
        check_free(target, existing)?;
        for path in [target, &partial_of(target)] {
            if path.is_dir() {
                return Err(FileProblem::IsFolder).in_file(path);
            }
        }
        Self::start(target)
    }

    fn start(target: &Path) -> Result<Self> {
        let partial = partial_of(target);
        remove(&partial).map_err(FileProblem::Write).in_file(target)?;
        // tried now, so that an unwritable folder is known before hours of work
        std::fs::File::create(&partial).map_err(FileProblem::Write).in_file(target)?;
        Ok(Self { target: target.to_path_buf(), partial, committed: false })
    }

    /// The same, for a folder: the partial folder exists and is empty. A folder that is replaced goes with all it holds,
    /// so the caller must know what that is.
    ///
    /// # Errors
    /// It exists and is to be kept, or is a file; the folder above is missing or cannot be written.
    pub fn folder(target: &Path, existing: Existing) -> Result<Self> {
        check_free(target, existing)?;
        if target.is_file() {
            return Err(FileProblem::IsFile).in_file(target);
        }
        let staged = Self::start(target)?;
        remove(&staged.partial).map_err(FileProblem::Write).in_file(target)?;
        std::fs::create_dir(&staged.partial).map_err(FileProblem::Write).in_file(target)?;
        Ok(staged)
    }

    /// Goes on with what an earlier run left under the partial name, file or folder: see [`Staged::leave`].
    ///
    /// # Errors
    /// The output exists and is to be kept.
    pub fn resume(target: &Path, existing: Existing) -> Result<Self> {
        check_free(target, existing)?;
        Ok(Self { target: target.to_path_buf(), partial: partial_of(target), committed: false })
    }

    /// Writes to an output that another process has started, and will commit, leave or remove.
    pub fn join(target: &Path) -> Self {
        Self { target: target.to_path_buf(), partial: partial_of(target), committed: true }
    }

    /// Leaves what is done so far for a later run.
    pub fn leave(mut self) {
        self.committed = true;
    }

    /// Where to write.
    pub fn partial(&self) -> &Path {
        &self.partial
    }

    /// The name it will have.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Gives the complete output its name.
    ///
    /// # Errors
    /// The operating system refuses to sync or rename.
    pub fn commit(mut self) -> Result<()> {
        let synced = std::fs::File::open(&self.partial).and_then(|f| f.sync_all());
        let replaced = synced.and_then(|()| if self.target.is_dir() { remove(&self.target) } else { Ok(()) });
        let renamed = replaced.and_then(|()| std::fs::rename(&self.partial, &self.target));
        renamed.map_err(FileProblem::Write).in_file(&self.target)?;
        self.committed = true;
        sync_folder_of(&self.target);
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.committed {
            // nothing more can be done about a partial file that cannot be removed
            drop(remove(&self.partial));
        }
    }
}

/// `NAME.partial`: where an output is until it is complete.
pub fn partial_of(target: &Path) -> PathBuf {
    let mut name: OsString = target.file_name().unwrap_or_default().to_os_string();
    name.push(".partial");
    target.with_file_name(name)
}

/// The folder that a file is in.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."))
}

/// Makes the names in a file's folder safe against a loss of power, where the file system can do that.
fn sync_folder_of(path: &Path) {
    drop(std::fs::File::open(folder_of(path)).and_then(|f| f.sync_all()));
}

/// Checks that an output takes the place of no input, neither when it is complete nor before.
///
/// # Errors
/// An input is the output, or has its partial name.
pub fn check_apart<'a>(target: &Path, inputs: impl IntoIterator<Item = &'a Path>) -> Result<()> {
    let real = |path: &Path| path.canonicalize().ok();
    let (output, partial) = (real(target), real(&partial_of(target)));
    for input in inputs {
        match real(input) {
            None => {}
            same if same == output => return Err(FileProblem::IsInput).in_file(target),
            same if same == partial => return Err(FileProblem::IsPartial(target.to_path_buf())).in_file(input),
            Some(_) => {}
        }
    }
    Ok(())
}

/// Refuses to touch what is there, unless it is to be replaced and can be.
///
/// # Errors
/// As said.
pub fn check_free(target: &Path, existing: Existing) -> Result<()> {
    if target.metadata().is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        return Err(FileProblem::Special).in_file(target);
    }
    match existing {
        Existing::Keep if target.symlink_metadata().is_ok() => Err(FileProblem::Exists).in_file(target),
        Existing::Keep | Existing::Replace => Ok(()),
    }
}

/// Removes a file or a folder, if it is there.
fn remove(path: &Path) -> std::io::Result<()> {
    match path.symlink_metadata() {
        Ok(meta) if meta.is_dir() => std::fs::remove_dir_all(path),
        Ok(_) => std::fs::remove_file(path),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(e),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_never_replaces_a_folder_nor_a_folder_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "mine").unwrap();
        let told = |staged: Result<Staged>| {
            let text = format!("{:?}", staged.unwrap_err());
            text.replace(&format!("{}", folder.path().display()), "")
        };
        let hint = "\nhint: choose another name, or remove it by hand";
        let found = told(Staged::new(folder.path(), Existing::Replace));
        assert_eq!(found, format!(": is a folder, expected a file or a free name{hint}"));
        let found = told(Staged::folder(&file, Existing::Replace));
        assert_eq!(found, format!("/file: is a file, expected a folder or a free name{hint}"));
        assert_eq!(std::fs::read(&file).unwrap(), b"mine");
    }

    #[test]
    fn what_is_no_file_is_never_replaced() {
        // a link to a device, so that a mistake replaces no more than the link
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/dev/null", &link).unwrap();
        for existing in [Existing::Keep, Existing::Replace] {
            let told = Staged::new(&link, existing).unwrap_err().to_string();
            let expected = "is a device or a pipe, expected a file or a free name";
            assert_eq!(told, format!("{}: {expected}", link.display()));
        }
        assert!(link.is_symlink());
    }

    #[test]
    fn a_folder_of_the_partial_name_is_not_removed() {
        let folder = tempfile::tempdir().unwrap();
        let partial = folder.path().join("out.csv.partial");
        std::fs::create_dir(&partial).unwrap();
        let told = Staged::new(&folder.path().join("out.csv"), Existing::Keep).unwrap_err().to_string();
        assert_eq!(told, format!("{}: is a folder, expected a file or a free name", partial.display()));
        assert!(partial.is_dir());
    }

    #[test]
    fn an_output_and_its_inputs_are_kept_apart() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["a", "b.partial"] {
            std::fs::write(at(name), "mine").unwrap();
        }
        let told = |output: &str, input: &str| {
            check_apart(&at(output), [at(input).as_path()])
                .map_err(|e| e.to_string().replace(&at("").display().to_string(), ""))
        };
        assert_eq!(told("a", "b.partial"), Ok(()));
        assert_eq!(told("new", "missing"), Ok(()));
        assert_eq!(told("a", "./a").unwrap_err(), "a: is an input too, expected an output of another name");
        let expected = "b.partial: would be overwritten while `b` is made, expected an input of another name";
        assert_eq!(told("b", "b.partial").unwrap_err(), expected);
    }
}
