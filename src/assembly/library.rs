//! Morphologies by name: each parsed once, as long as there is room to keep it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::error::{Error, Result};
use crate::morphology::{self, Container, Format, Morphology};
use crate::sonata::config::MorphologySource;

type Parsed = Arc<OnceLock<Result<Arc<Morphology>, Arc<Error>>>>;

/// Bytes of morphologies that are kept. Those beyond are parsed anew when they are asked for again: neurons come in the
/// order of their places, so that none of many morphologies is likelier to be needed soon than another.
pub(super) const ROOM: usize = 256 << 20;

/// The morphologies of a population.
pub(super) struct Library {
    place: Place,
    parsed: Mutex<HashMap<String, Parsed>>,
    room: usize,
    taken: AtomicUsize,
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
        Ok(Self { place, parsed: Mutex::default(), room: ROOM, taken: AtomicUsize::new(0) })
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

    /// A morphology; parsed when it is first asked for, by one thread while others wait for it.
    pub(super) fn get(&self, name: &str) -> Result<Arc<Morphology>> {
        let known = self.parsed().get(name).cloned();
        let cell = known.unwrap_or_else(|| self.parsed().entry(name.to_string()).or_default().clone());
        let mut bytes = 0;
        let morphology = cell.get_or_init(|| {
            let mut morphology = self.read(name).map_err(Arc::new)?;
            morphology.shrink();
            bytes = morphology.bytes();
            Ok(Arc::new(morphology))
        });
        if self.taken.fetch_add(bytes, Ordering::Relaxed) + bytes > self.room && bytes > 0 {
            self.taken.fetch_sub(bytes, Ordering::Relaxed);
            self.parsed().remove(name);
        }
        morphology.clone().map_err(|e| Error::shared(&e))
    }

    /// Number of the morphologies that are kept, and their bytes.
    pub(super) fn kept(&self) -> (usize, usize) {
        (self.parsed().len(), self.taken.load(Ordering::Relaxed))
    }

    fn parsed(&self) -> MutexGuard<'_, HashMap<String, Parsed>> {
        self.parsed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, name: &str) -> Result<Morphology> {
        match &self.place {
            Place::Container(container, _) => container.read(name),
            Place::Folder(_, format) => morphology::read(&self.file(name), *format),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_there_is_no_room_for_is_parsed_again() {
        let folder = tempfile::tempdir().unwrap();
        let source = MorphologySource { path: folder.path().into(), format: Format::Swc };
        let text = |x: u8| format!("1 1 0 0 0 5 -1\n2 3 {x} 0 0 1 1\n3 3 {x} 9 0 1 2\n");
        ["a", "b"].iter().zip([6, 7]).for_each(|(name, x)| {
            std::fs::write(folder.path().join(format!("{name}.swc")), text(x)).unwrap();
        });
        let mut library = Library::new(&source).unwrap();
        let one = library.get("a").unwrap();
        assert!(Arc::ptr_eq(&one, &library.get("a").unwrap()), "kept");
        library.room = one.bytes();
        let other = library.get("b").unwrap();
        let again = library.get("b").unwrap();
        assert!(other == again && other != one && !Arc::ptr_eq(&other, &again), "no room for two");
        assert!(Arc::ptr_eq(&one, &library.get("a").unwrap()), "what is kept stays");
        assert_eq!(library.kept(), (1, one.bytes()));
    }
}
