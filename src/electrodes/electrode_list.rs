//! A list of electrodes as users of the library read and make it.

use std::path::{Path, PathBuf};

use super::{ContactExtent, Electrode, ParsedElectrodes, ReadOptions, read_with_options, save, validate_electrodes};
use crate::error::{Error, Result};
use crate::io::atomic_output::OverwritePolicy;

/// The electrodes of a file, or of the caller: a checked list, in column order of the weights.
#[derive(Clone)]
pub struct Electrodes {
    electrodes: Vec<Electrode>,
    /// The folder that relative names of lead fields start from.
    folder: PathBuf,
    warnings: Vec<Error>,
}

impl Electrodes {
    /// Reads electrodes from CSV, BMTK, JSON or probeinterface; see [`read`](super::read).
    ///
    /// # Errors
    /// Returns an error if the file cannot be read or is malformed, with file and line or entry.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        Self::read_with_options(path, &ReadOptions::default())
    }

    /// Parses the text of a file of electrodes, in any of the formats of [`read`](super::read). Relative names of lead
    /// fields start from the current folder.
    ///
    /// # Errors
    /// Returns an error if the text is malformed, with line or entry.
    pub fn parse(text: &str, extent: ContactExtent) -> Result<Self> {
        let options = ReadOptions { extent, ..ReadOptions::default() };
        let ParsedElectrodes { electrodes, warnings } = super::from_bytes(text.as_bytes(), &options)?;
        Ok(Self { electrodes, folder: PathBuf::new(), warnings })
    }

    /// Reads a file as [`Electrodes::read`] does, with the requested extent for contacts of probeinterface.
    ///
    /// # Errors
    /// Returns the errors of [`Electrodes::read`].
    pub fn read_with_extent(path: impl AsRef<Path>, extent: ContactExtent) -> Result<Self> {
        Self::read_with_options(path, &ReadOptions { extent, ..ReadOptions::default() })
    }

    /// Sets the folder that relative names of lead fields start from.
    #[must_use]
    pub fn with_folder(self, folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), ..self }
    }

    /// Reads electrodes in another unit or with another extent.
    ///
    /// # Errors
    /// Returns the errors of [`Electrodes::read`], and an error if the file states another unit.
    pub fn read_with_options(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Self> {
        let path = path.as_ref();
        let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
        let ParsedElectrodes { electrodes, warnings } = read_with_options(path, options)?;
        Ok(Self { electrodes, folder, warnings })
    }

    /// Takes the caller's electrodes.
    ///
    /// # Errors
    /// Returns an error if two have one name, a name cannot be stored, a setting does not belong to the method, or
    /// there are none.
    pub fn from_list(electrodes: Vec<Electrode>) -> Result<Self> {
        Ok(Self { electrodes: validate_electrodes(electrodes)?, folder: PathBuf::new(), warnings: Vec::new() })
    }

    /// Writes the electrodes to a file whose name ends in `.csv` or `.json`.
    ///
    /// # Errors
    /// Returns an error if the name has another ending, or the file exists or cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        save(path.as_ref(), &self.electrodes, OverwritePolicy::Refuse)
    }

    /// Returns the warnings about the file: columns that are not used, an assumed encoding.
    pub fn warnings(&self) -> &[Error] {
        &self.warnings
    }

    /// Returns the folder that relative names of lead fields start from.
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
