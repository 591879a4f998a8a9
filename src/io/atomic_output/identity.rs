//! Which file a name stands for, and opening files without following links.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::UNIX_EPOCH;

/// What tells a file or folder from all others, also from a later one under its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileIdentity {
    device: u64,
    inode: u64,
    /// Nanoseconds since 1970; 0 where the file system does not record it. Inodes are used again, moments are not.
    created_ns: u128,
}

impl FileIdentity {
    pub fn from_metadata(found: &Metadata) -> Self {
        let created = found.created().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        Self { device: found.dev(), inode: found.ino(), created_ns: created.map_or(0, |since| since.as_nanos()) }
    }

    /// The identity of what has a name; of a link that of the link itself.
    pub fn from_path(path: &Path) -> io::Result<Self> {
        path.symlink_metadata().map(|found| Self::from_metadata(&found))
    }

    pub fn from_file(file: &File) -> io::Result<Self> {
        file.metadata().map(|found| Self::from_metadata(&found))
    }

    /// The identity as a line of text for later runs. Without the device, whose number differs between the nodes of a cluster.
    pub fn to_text(self) -> String {
        format!("{} {}", self.inode, self.created_ns)
    }
}

/// Creates a file that is not there yet, and never through a link.
pub(super) fn create_new(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).open(path)
}

/// Opens a file that is there, unless its name is a link. A pipe does not block.
pub(in crate::io) fn open_existing(path: &Path, write: bool) -> io::Result<File> {
    OpenOptions::new().read(true).write(write).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)
}

/// Opens a file to be written from its beginning, unless its name is a link: a file under construction, or one of a folder under
/// construction.
///
/// # Errors
/// The operating system refuses, e.g. since the name is a link.
pub fn create_without_following(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).custom_flags(libc::O_NOFOLLOW);
    options.open(path)
}

/// What stands under a name, in words; none where it is free.
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
