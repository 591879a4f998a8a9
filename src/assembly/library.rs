//! Morphologies by name, each parsed once.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::error::{Error, Result};
use crate::morphology::{self, Container, Format, Morphology};
use crate::sonata::config::MorphologySource;

type Parsed = Arc<OnceLock<Result<Arc<Morphology>, Arc<Error>>>>;

/// The morphologies of a population.
pub(super) struct Library {
    place: Place,
    parsed: Mutex<HashMap<String, Parsed>>,
}

enum Place {
    Folder(PathBuf, Format),
    Container(Container, PathBuf),
}

impl Library {
    /// Opens a folder of files, or a merged container.
    pub(super) fn new(source: &MorphologySource) -> Result<Self> {
        let place = if source.format == Format::H5v1 && source.path.is_file() {
            Place::Container(Container::open(&source.path)?, source.path.clone())
        } else {
            Place::Folder(source.path.clone(), source.format)
        };
        Ok(Self { place, parsed: Mutex::default() })
    }

    /// The file that holds a morphology.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        match &self.place {
            Place::Container(_, path) => path.join(name),
            Place::Folder(folder, format) => folder.join(format!("{name}.{}", format.extension())),
        }
    }

    /// The file whose bytes a morphology is read from: a container holds many.
    pub(super) fn stored_in(&self, name: &str) -> PathBuf {
        match &self.place {
            Place::Container(_, path) => path.clone(),
            Place::Folder(..) => self.file(name),
        }
    }

    /// Number of morphologies that have been parsed.
    pub(super) fn len(&self) -> usize {
        self.parsed.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// A morphology; parsed when it is first asked for, by one thread while others wait for it.
    pub(super) fn get(&self, name: &str) -> Result<Arc<Morphology>> {
        let cell = {
            let mut parsed = self.parsed.lock().unwrap_or_else(PoisonError::into_inner);
            parsed.entry(name.to_string()).or_default().clone()
        };
        let morphology = cell.get_or_init(|| self.read(name).map(Arc::new).map_err(Arc::new));
        morphology.clone().map_err(|e| Error::shared(&e))
    }

    fn read(&self, name: &str) -> Result<Morphology> {
        match &self.place {
            Place::Container(container, _) => container.read(name),
            Place::Folder(_, format) => morphology::read(&self.file(name), *format),
        }
    }
}
