//! Checks that a disk has space for an output, and measures its speed with a temporary file that has no name.

use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use super::names::{existing_folder, partial_path_for};
use crate::error::{Context, FileProblem, Result};

/// The unit of [`MetadataExt::blocks`] on all file systems: POSIX `<sys/stat.h>`, as all systems have it.
const BLOCK_BYTES: u64 = 512;

/// Returns the free bytes on the disk of an output; `None` if its file system does not report them.
pub fn free_bytes(target: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(existing_folder(target)).ok().filter(|disk| disk.f_blocks > 0)?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Refuses an output that does not fit on its disk.
///
/// # Errors
/// Returns an error if fewer bytes are free.
pub fn check_space(target: &Path, bytes: u64) -> Result<()> {
    free_bytes(target).map_or(Ok(()), |free| check_fits(bytes, free)).in_file(target)
}

/// Refuses an output that does not fit on its disk, before it is created; the bytes of an unfinished run's output count
/// as free, since they are overwritten or removed.
///
/// # Errors
/// Returns an error if fewer bytes are free.
pub fn check_space_before_start(target: &Path, bytes: u64) -> Result<()> {
    let left = occupied_bytes(&partial_path_for(target));
    free_bytes(target).map_or(Ok(()), |free| check_fits(bytes, free.saturating_add(left))).in_file(target)
}

/// Returns the bytes that a file, or the files of a folder, occupy on their disk.
fn occupied_bytes(path: &Path) -> u64 {
    let Ok(found) = path.symlink_metadata() else { return 0 };
    if !found.is_dir() {
        return found.blocks().saturating_mul(BLOCK_BYTES);
    }
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    entries.map(|entry| occupied_bytes(&entry.path())).sum()
}

fn check_fits(expected: u64, found: u64) -> Result<(), FileProblem> {
    if expected <= found { Ok(()) } else { Err(FileProblem::NoSpace { expected, found }) }
}

/// Refuses a file that is laid out, if its disk has too little space for the rows that are not yet written.
///
/// # Errors
/// Returns an error if the space is too small, or the file is missing.
pub fn check_unwritten_space(partial: &Path, target: &Path) -> Result<()> {
    let rest = unwritten_bytes(partial).map_err(FileProblem::Read).in_file(partial)?;
    check_space(target, rest)
}

/// Returns the bytes of a file that were never written, for which its disk has not yet allocated space.
fn unwritten_bytes(file: &Path) -> std::io::Result<u64> {
    let found = std::fs::metadata(file)?;
    Ok(found.len().saturating_sub(found.blocks().saturating_mul(BLOCK_BYTES)))
}

/// A file without a name on the disk of an output. The system removes it when it is dropped, and also when the program
/// is killed.
#[derive(Debug)]
pub struct IoProbe(File);

impl IoProbe {
    /// Creates the file in the output's folder, or in a folder above it if that does not exist yet.
    ///
    /// # Errors
    /// Returns an error if the folder cannot be written.
    pub fn create_beside(target: &Path) -> Result<Self> {
        tempfile::tempfile_in(existing_folder(target)).map(Self).map_err(FileProblem::Write).in_file(target)
    }

    /// Writes bytes at a place.
    ///
    /// # Errors
    /// Returns an error if the operating system refuses.
    pub fn write_at(&self, bytes: &[u8], at: u64) -> Result<()> {
        Ok(self.0.write_all_at(bytes, at).map_err(FileProblem::Write)?)
    }

    /// Reads back bytes from a place.
    ///
    /// # Errors
    /// Returns an error if the operating system refuses, or the file is shorter.
    pub fn read_at(&self, bytes: &mut [u8], at: u64) -> Result<()> {
        Ok(self.0.read_exact_at(bytes, at).map_err(FileProblem::Read)?)
    }

    /// Syncs everything that was written to the disk.
    ///
    /// # Errors
    /// Returns an error if the operating system refuses.
    pub fn sync(&self) -> Result<()> {
        Ok(self.0.sync_data().map_err(FileProblem::Write)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_larger_than_the_free_space_is_refused() {
        assert!(check_fits(100, 100).is_ok());
        let message = format!("{:?}", check_fits(101, 100).in_file(Path::new("w.h5")).unwrap_err());
        let text = "w.h5: too little space on the disk, expected 101 bytes, found 100 that are free\n\
                    hint: free some space, or write to another disk";
        assert_eq!(message, text);
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("w.h5");
        assert!(check_space(&target, 1).is_ok() && check_space(&target, u64::MAX).is_err());
        assert!(free_bytes(&folder.path().join("to/be/made/w.h5")).is_some());
    }

    #[test]
    fn bytes_never_written_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let file = File::create(&path).unwrap();
        file.set_len(1 << 20).unwrap();
        assert_eq!(unwritten_bytes(&path).unwrap(), 1 << 20);
        file.write_all_at(&vec![1; 1 << 19], 1 << 19).unwrap();
        file.sync_all().unwrap();
        // a file system allocates whole blocks, and may count some for its own use
        assert!((1_u64 << 19).abs_diff(unwritten_bytes(&path).unwrap()) <= 1 << 16);
    }

    #[test]
    fn a_probe_has_no_name() {
        let folder = tempfile::tempdir().unwrap();
        let trial = IoProbe::create_beside(&folder.path().join("w.h5")).unwrap();
        trial.write_at(b"bytes", 7).unwrap();
        trial.sync().unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(IoProbe::create_beside(&folder.path().join("to/be/made/w.h5")).is_ok());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        std::fs::write(folder.path().join("file"), "").unwrap();
        let message = IoProbe::create_beside(&folder.path().join("file/w.h5")).unwrap_err().to_string();
        assert!(message.ends_with("file/w.h5: cannot be written: not a directory"), "{message}");
    }
}
