//! Opening input files: regular files only.
//!
//! Opening a pipe waits for a writer, and reading a device may never end, so both are refused before they are opened.

use std::fs::File;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use crate::error::{Context, FileProblem, Result};

/// Refuses a pipe, a socket or a device; what is missing is left to the call that opens it.
///
/// # Errors
/// [`FileProblem::NotRegular`]
pub fn check(path: &Path) -> Result<()> {
    let Ok(kind) = std::fs::metadata(path).map(|metadata| metadata.file_type()) else { return Ok(()) };
    let found = match kind {
        _ if kind.is_fifo() => "a pipe",
        _ if kind.is_socket() => "a socket",
        _ if kind.is_char_device() || kind.is_block_device() => "a device",
        _ => return Ok(()),
    };
    Err(FileProblem::NotRegular(found)).in_file(path)
}

/// Opens a file for reading.
///
/// # Errors
/// It is missing, may not be read, or is no regular file.
pub fn open(path: &Path) -> Result<File> {
    check(path)?;
    File::open(path).map_err(FileProblem::Read).in_file(path)
}

/// Reads a whole file.
///
/// # Errors
/// As [`open`].
pub fn read(path: &Path) -> Result<Vec<u8>> {
    check(path)?;
    std::fs::read(path).map_err(FileProblem::Read).in_file(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_regular_file_is_refused_before_it_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let refused = |path: &Path| open(path).unwrap_err().to_string();
        assert_eq!(refused(Path::new("/dev/null")), "/dev/null: is a device, expected a file");
        assert_eq!(refused(&socket), format!("{}: is a socket, expected a file", socket.display()));
        assert_eq!(read(&socket).unwrap_err().hint().unwrap(), "write what comes from it to a file first");
        assert_eq!(refused(Path::new("/none")), "/none: cannot be read: no such file or directory");
    }
}
