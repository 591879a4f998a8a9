//! For the tests of this folder: a file written with the library's own calls, opened through the door.

use std::path::Path;

use super::File;

/// Writes a file and opens it to read.
#[expect(clippy::disallowed_methods, reason = "tests of the door write what the door does not")]
pub fn written(path: &Path, write: impl FnOnce(&hdf5::File)) -> File {
    let file = hdf5::File::create(path).unwrap();
    write(&file);
    file.close().unwrap();
    File::open(path).unwrap()
}
