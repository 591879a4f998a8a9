//! A list of electrodes as users of the library read and make it.

use std::path::{Path, PathBuf};

use super::{ContactExtent, Electrode, read_with_extent, save, validate_electrodes};
use crate::error::Result;
use crate::io::atomic_output::OverwritePolicy;

/// The electrodes of a file, or of the caller: a checked list, in column order of the weights.
#[derive(Clone)]
pub struct Electrodes {
    electrodes: Vec<Electrode>,
    /// The folder that relative names of lead fields start from.
    folder: PathBuf,
}

impl Electrodes {
    /// Reads electrodes from CSV, BMTK, JSON or probeinterface; see [`read`](super::read).
    ///
    /// # Errors
    /// Returns an error if the file cannot be read or is malformed, with file and line or entry.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        Self::read_with_extent(path, ContactExtent::Point)
    }

    /// Parses the text of a file of electrodes, in any of the formats of [`read`](super::read). Relative names of lead
    /// fields start from the current folder.
    ///
    /// # Errors
    /// Returns an error if the text is malformed, with line or entry.
    pub fn parse(text: &str, extent: ContactExtent) -> Result<Self> {
        Ok(Self { electrodes: super::parse(text.as_bytes(), extent)?, folder: PathBuf::new() })
    }

    /// Reads a file as [`Electrodes::read`] does, with the requested extent for contacts of probeinterface.
    ///
    /// # Errors
    /// Returns the errors of [`Electrodes::read`].
    pub fn read_with_extent(path: impl AsRef<Path>, extent: ContactExtent) -> Result<Self> {
        let path = path.as_ref();
        let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
        Ok(Self { electrodes: read_with_extent(path, extent)?, folder })
    }

    /// Sets the folder that relative names of lead fields start from.
    #[must_use]
    pub fn with_folder(self, folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), ..self }
    }

    /// Takes the caller's electrodes.
    ///
    /// # Errors
    /// Returns an error if two have one name, a name cannot be stored, a setting does not belong to the method, or there are
    /// none.
    pub fn from_list(electrodes: Vec<Electrode>) -> Result<Self> {
        Ok(Self { electrodes: validate_electrodes(electrodes)?, folder: PathBuf::new() })
    }

    /// Writes the electrodes to a file whose name ends in `.csv` or `.json`.
    ///
    /// # Errors
    /// Returns an error if the name has another ending, or the file exists or cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        save(path.as_ref(), &self.electrodes, OverwritePolicy::Refuse)
    }

    /// The folder that relative names of lead fields start from.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl std::ops::Deref for Electrodes {
    type Target = [Electrode];

    fn deref(&self) -> &[Electrode] {
        &self.electrodes
    }
}
