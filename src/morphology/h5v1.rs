//! stub
use super::Morphology;
use crate::error::Result;
use std::path::Path;
/// Reads a file.
pub(super) fn read(path: &Path) -> Result<Morphology> {
    let _ = path;
    Ok(Morphology::default())
}
/// Many morphologies merged in one HDF5 file.
pub struct Container {
    path: std::path::PathBuf,
}
impl Container {
    /// Opens.
    ///
    /// # Errors
    /// No HDF5.
    pub fn open(path: &Path) -> Result<Self> {
        Ok(Self { path: path.to_path_buf() })
    }
    /// Reads one.
    ///
    /// # Errors
    /// Not there.
    pub fn read(&self, name: &str) -> Result<Morphology> {
        let _ = (&self.path, name);
        Ok(Morphology::default())
    }
}
