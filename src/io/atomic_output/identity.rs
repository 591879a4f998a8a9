//! File identities, and opening files without following links.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::UNIX_EPOCH;

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
