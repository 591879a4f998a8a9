//! Renames that replace nothing by accident: to a free name, or as an exchange of two names.

use std::io;
use std::path::Path;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

/// Renames a file or folder, and fails if the new name exists.
///
/// # Errors
/// Returns an error if the new name exists, or the operating system refuses.
pub(super) fn rename_to_free(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => rename_step_by_step(from, to),
        renamed => Ok(renamed?),
    }
}

/// Renames in several steps on file systems that cannot do it in one, such as NFS. A hard link fails if the name
/// exists; renaming a folder replaces at most an empty folder.
fn rename_step_by_step(from: &Path, to: &Path) -> io::Result<()> {
    if from.is_file() {
        match std::fs::hard_link(from, to) {
            Ok(()) => return std::fs::remove_file(from),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => return Err(e),
            // this file system has no hard links
            Err(_) => {}
        }
    }
    if to.symlink_metadata().is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    std::fs::rename(from, to)
}

/// Exchanges two names. Returns false if the file system cannot do that.
///
/// # Errors
/// Returns an error if one of the names is missing, or the operating system refuses.
pub(super) fn exchange_names(a: &Path, b: &Path) -> io::Result<bool> {
    match renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => Ok(false),
        traded => Ok(traded.map(|()| true)?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_taken_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for rename in [rename_to_free, rename_step_by_step] {
            std::fs::write(at("a"), "new").unwrap();
            std::fs::write(at("b"), "mine").unwrap();
            std::fs::create_dir(at("folder")).unwrap();
            std::fs::create_dir_all(at("full/of")).unwrap();
            for (from, to) in [("a", "b"), ("a", "full"), ("folder", "full"), ("folder", "b")] {
                assert_eq!(rename(&at(from), &at(to)).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
            }
            assert_eq!(std::fs::read(at("b")).unwrap(), b"mine");
            rename(&at("a"), &at("c")).unwrap();
            rename(&at("folder"), &at("moved")).unwrap();
            assert_eq!(std::fs::read(at("c")).unwrap(), b"new");
            std::fs::remove_file(at("c")).unwrap();
            std::fs::remove_dir(at("moved")).unwrap();
            std::fs::remove_dir_all(at("full")).unwrap();
        }
    }

    #[test]
    fn folders_exchange_names() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(at("a/one")).unwrap();
        std::fs::create_dir_all(at("b/two")).unwrap();
        if exchange_names(&at("a"), &at("b")).unwrap() {
            assert!(at("a/two").is_dir() && at("b/one").is_dir());
        }
    }
}
