//! File identities, and opening files without following links.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::UNIX_EPOCH;

use super::names::parent_folder;
use super::rename::rename_to_free;

/// The identity of a file or folder, which also differs from that of a later one under the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileIdentity {
    device: u64,
    inode: u64,
    /// Nanoseconds since 1970; 0 if the file system does not record it. Inode numbers are reused, creation times are
    /// not.
    created_ns: u128,
}

impl FileIdentity {
    pub fn from_metadata(found: &Metadata) -> Self {
        let created = found.created().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        Self { device: found.dev(), inode: found.ino(), created_ns: created.map_or(0, |since| since.as_nanos()) }
    }

    /// Returns the identity of the file, folder or link under a name. Links are not followed.
    pub fn from_path(path: &Path) -> io::Result<Self> {
        path.symlink_metadata().map(|found| Self::from_metadata(&found))
    }

    pub fn from_file(file: &File) -> io::Result<Self> {
        file.metadata().map(|found| Self::from_metadata(&found))
    }

    /// Formats the identity as text for later runs, without the device, whose number differs between the nodes of a
    /// cluster.
    pub fn to_text(self) -> String {
        format!("{} {}", self.inode, self.created_ns)
    }
}

/// Creates a file. Fails if the name exists, even as a link.
pub(super) fn create_new(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).open(path)
}

/// Creates a file that has its name only when the text is in it. Fails if the name exists, even as a link.
pub(super) fn create_with_text(path: &Path, text: &str) -> io::Result<File> {
    #[cfg(target_os = "linux")]
    match create_unnamed(path, text) {
        Err(e) if !matches!(e.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::StorageFull) => {}
        created => return created,
    }
    create_renamed(path, text)
}

/// Creates a file without a name, and links it to its name: nothing is left if the process is killed before.
#[cfg(target_os = "linux")]
fn create_unnamed(path: &Path, text: &str) -> io::Result<File> {
    use std::os::fd::AsRawFd;

    use rustix::fs::{AtFlags, CWD, linkat};

    let mut options = OpenOptions::new();
    let mut file = options.read(true).write(true).custom_flags(libc::O_TMPFILE).open(parent_folder(path))?;
    file.write_all(text.as_bytes())?;
    let link = format!("/proc/self/fd/{}", file.as_raw_fd());
    linkat(CWD, link.as_str(), CWD, path, AtFlags::SYMLINK_FOLLOW)?;
    Ok(file)
}

/// Creates a file under a name of this process, and renames it, on systems that have no files without names.
fn create_renamed(path: &Path, text: &str) -> io::Result<File> {
    static CREATED: AtomicU64 = AtomicU64::new(0);
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}-{}", std::process::id(), CREATED.fetch_add(1, Ordering::Relaxed)));
    let first = path.with_file_name(name);
    let mut file = create_new(&first)?;
    let named = file.write_all(text.as_bytes()).and_then(|()| rename_to_free(&first, path));
    if named.is_err() {
        drop(std::fs::remove_file(&first));
    }
    named.map(|()| file)
}

/// Opens an existing file, unless its name is a link. Opening a pipe does not block.
pub(in crate::io) fn open_existing(path: &Path, write: bool) -> io::Result<File> {
    OpenOptions::new().read(true).write(write).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)
}

/// Opens a file for writing from its beginning, unless its name is a link: an unfinished output, or a file in an
/// unfinished folder.
///
/// # Errors
/// Returns an error if the name is a link, or the operating system refuses.
pub fn create_without_following(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).custom_flags(libc::O_NOFOLLOW);
    options.open(path)
}

/// Describes what exists under a name; `None` if the name is free.
pub(super) fn file_kind_at(path: &Path) -> Option<&'static str> {
    path.symlink_metadata().ok().map(|found| file_kind(&found))
}

pub(super) fn file_kind(found: &Metadata) -> &'static str {
    let kind = found.file_type();
    match () {
        () if kind.is_file() => "another file",
        () if kind.is_dir() => "another folder",
        () if kind.is_symlink() => "a link",
        () => "a device or a pipe",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_text_never_is_empty_and_replaces_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        for create in [create_with_text, create_renamed] {
            let file = create(&path, "text\n").unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), b"text\n");
            assert_eq!(FileIdentity::from_file(&file).unwrap(), FileIdentity::from_path(&path).unwrap());
            assert_eq!(create(&path, "other").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
            assert_eq!(std::fs::read(&path).unwrap(), b"text\n");
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
            std::fs::remove_file(&path).unwrap();
            let missing = folder.path().join("missing/lock");
            assert_eq!(create(&missing, "text").unwrap_err().kind(), io::ErrorKind::NotFound);
        }
    }
}
