//! Outputs that appear under their name only when they are complete.

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

/// An output (file or folder) under construction: written as `NAME.partial`, renamed by [`Staged::commit`], removed
/// when dropped before that.
#[derive(Debug)]
pub struct Staged {
    target: PathBuf,
    partial: PathBuf,
    committed: bool,
}

impl Staged {
    /// Starts an output.
    ///
    /// # Errors
    /// It exists and is to be kept, or its folder is missing or cannot be written.
    pub fn new(target: &Path, existing: Existing) -> Result<Self> {
        if existing == Existing::Keep && target.symlink_metadata().is_ok() {
            return Err(FileProblem::Exists).in_file(target);
        }
        let mut name: OsString = target.file_name().unwrap_or_default().to_os_string();
        name.push(".partial");
        let partial = target.with_file_name(name);
        remove(&partial).map_err(FileProblem::Write).in_file(target)?;
        // tried now, so that an unwritable folder is known before hours of work
        std::fs::File::create(&partial).map_err(FileProblem::Write).in_file(target)?;
        Ok(Self { target: target.to_path_buf(), partial, committed: false })
    }

    /// The same, for a folder: the partial folder exists and is empty.
    ///
    /// # Errors
    /// As [`Staged::new`].
    pub fn folder(target: &Path, existing: Existing) -> Result<Self> {
        let staged = Self::new(target, existing)?;
        remove(&staged.partial).map_err(FileProblem::Write).in_file(target)?;
        std::fs::create_dir(&staged.partial).map_err(FileProblem::Write).in_file(target)?;
        Ok(staged)
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

/// Removes a file or a folder, if it is there.
fn remove(path: &Path) -> std::io::Result<()> {
    match path.symlink_metadata() {
        Ok(meta) if meta.is_dir() => std::fs::remove_dir_all(path),
        Ok(_) => std::fs::remove_file(path),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(e),
    }
}
