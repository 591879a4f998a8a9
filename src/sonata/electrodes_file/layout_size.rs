//! Exact size of an electrodes file before it is written.

use super::FileLayout;
use super::layout::write_layout;
use crate::error::{Context, FileProblem, Result};

/// Returns the size, bytes, of the complete file of a layout.
///
/// Only the HDF5 library knows how it lays out a file, so the layout is written to the folder for temporary files; the
/// weights are a hole in that file, which takes no space.
///
/// # Errors
/// Returns an error if a name cannot be stored, or that folder cannot be written.
pub fn layout_size_bytes(layout: &FileLayout) -> Result<u64> {
    layout.check()?;
    let folder = tempfile::tempdir().map_err(FileProblem::Write).in_file(&std::env::temp_dir())?;
    let path = folder.path().join("layout.h5");
    write_layout(&path, layout)?;
    let found = std::fs::metadata(&path).map_err(FileProblem::Read).in_file(&path)?;
    Ok(found.len())
}
