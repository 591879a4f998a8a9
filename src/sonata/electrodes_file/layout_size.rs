//! How large a file will be, to the byte.

use super::FileLayout;
use super::layout::write_layout;
use crate::error::{Context, FileProblem, Result};

/// Bytes of the complete file of a layout.
///
/// The library alone knows how it lays out a file, so it does, in the folder for temporary files: the rows of the
/// coefficients are a hole there, which takes no room.
///
/// # Errors
/// A name cannot be stored; that folder cannot be written.
pub fn layout_size_bytes(layout: &FileLayout) -> Result<u64> {
    layout.check()?;
    let folder = tempfile::tempdir().map_err(FileProblem::Write).in_file(&std::env::temp_dir())?;
    let path = folder.path().join("layout.h5");
    write_layout(&path, layout)?;
    let found = std::fs::metadata(&path).map_err(FileProblem::Read).in_file(&path)?;
    Ok(found.len())
}
