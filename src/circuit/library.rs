//! Morphologies by name: each parsed once, as long as there is room to keep it.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::error::{Error, Result};
use crate::morphology::{self, Container, Format, Morphology};
use crate::sonata::config::MorphologySource;

type Parsed = Arc<OnceLock<Result<Arc<Morphology>, Arc<Error>>>>;

/// Bytes of morphologies that are kept. Those beyond are parsed anew when they are asked for again: parts follow one another,
/// so that none of many morphologies is likelier to be needed soon than another.
pub(crate) const ROOM: usize = 512 << 20;

/// How many others stay until as many newer ones have come: neurons of one morphology are placed one after the other.
const PASSING: usize = 64;

/// The morphologies of a population.
pub(crate) struct Library {
    place: Place,
    parsed: Mutex<HashMap<String, Parsed>>,
    room: usize,
    taken: AtomicUsize,
    /// Names of those for which there was no room, the oldest first.
    passing: Mutex<VecDeque<String>>,
}

enum Place {
    Folder(PathBuf, Format),
    Container(Container, PathBuf),
}

impl Library {
    /// Opens a folder of files, or a merged container.
    pub(crate) fn new(source: &MorphologySource) -> Result<Self> {
        let place = if source.format == Format::H5v1 && source.path.is_file() {
            Place::Container(Container::open(&source.path)?, source.path.clone())
        } else {
            Place::Folder(source.path.clone(), source.format)
        };
        Ok(Self { place, parsed: Mutex::default(), room: ROOM, taken: AtomicUsize::new(0), passing: Mutex::default() })
    }

    /// The file that holds a morphology.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        match &self.place {
            Place::Container(_, path) => path.join(name),
            Place::Folder(folder, format) => {
                let file = folder.join(format!("{name}.{}", format.extension()));
                // BMTK's networks name the file with its extension
                let named = folder.join(name);
                let has_extension = Path::new(name).extension().is_some_and(|found| found == format.extension());
                if has_extension && !file.is_file() && named.is_file() { named } else { file }
            }
        }
    }

    /// The file whose bytes a morphology is read from: a container holds many.
    pub(crate) fn stored_in(&self, name: &str) -> PathBuf {
        match &self.place {
            Place::Container(_, path) => path.clone(),
            Place::Folder(..) => self.file(name),
        }
    }

    /// A morphology; parsed when it is first asked for, by one thread while others wait for it.
    pub(crate) fn get(&self, name: &str) -> Result<Arc<Morphology>> {
        let known = self.parsed().get(name).cloned();
        let cell = known.unwrap_or_else(|| self.parsed().entry(name.to_string()).or_default().clone());
        let mut bytes = 0;
        let morphology = cell.get_or_init(|| {
            let mut morphology = self.read(name).map_err(Arc::new)?;
            morphology.shrink();
            bytes = morphology.bytes();
            Ok(Arc::new(morphology))
        });
        if bytes > 0 {
            self.keep(name, bytes);
        }
        morphology.clone().map_err(|e| Error::shared(&e))
    }

    /// Keeps a morphology for good if there is room, else for a while.
    fn keep(&self, name: &str, bytes: usize) {
        if self.taken.fetch_add(bytes, Ordering::Relaxed) + bytes <= self.room {
            return;
        }
        self.taken.fetch_sub(bytes, Ordering::Relaxed);
        let mut passing = self.passing.lock().unwrap_or_else(PoisonError::into_inner);
        passing.push_back(name.to_string());
        let oldest = if passing.len() > PASSING { passing.pop_front() } else { None };
        drop(passing);
        oldest.and_then(|name| self.parsed().remove(&name));
    }

    /// Number of the morphologies that are kept, and their bytes.
    pub(crate) fn kept(&self) -> (usize, usize) {
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
        let write = |name: String, x| std::fs::write(folder.path().join(name + ".swc"), text(x)).unwrap();
        (0..=PASSING as u8 + 1).for_each(|x| write(format!("m{x}"), 6 + x));
        let mut library = Library::new(&source).unwrap();
        let one = library.get("m0").unwrap();
        library.room = one.bytes();
        let other = library.get("m1").unwrap();
        assert!(other != one && Arc::ptr_eq(&other, &library.get("m1").unwrap()), "kept for a while");
        (2..=PASSING as u8 + 1).for_each(|x| drop(library.get(&format!("m{x}")).unwrap()));
        let again = library.get("m1").unwrap();
        assert!(other == again && !Arc::ptr_eq(&other, &again), "parsed again after many others");
        assert!(Arc::ptr_eq(&one, &library.get("m0").unwrap()), "what there was room for stays");
        assert_eq!(library.kept(), (1 + PASSING, one.bytes()));
    }
}
