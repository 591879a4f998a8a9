//! Cache of morphologies by name: parses each once, as long as memory allows.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::error::{Error, Result};
use crate::morphology::{self, Morphology, MorphologyContainer, MorphologyFormat};
use crate::sonata::config::MorphologySource;

type CacheCell = Arc<OnceLock<Result<Arc<Morphology>, Arc<Error>>>>;

/// Maximum memory of the cached morphologies, bytes. Further ones are parsed again when they are needed again: parts
/// follow one another, so no morphology is more likely to be needed soon than another.
pub(crate) const MAX_CACHED_BYTES: usize = 512 << 20;

/// Number of further morphologies that stay cached for a while: neurons with the same morphology are placed in
/// sequence.
const MAX_RECENT_MORPHOLOGIES: usize = 64;

/// The morphologies of a population, parsed on demand.
pub(crate) struct MorphologyCache {
    store: MorphologyStore,
    parsed: Mutex<HashMap<String, CacheCell>>,
    max_bytes: usize,
    cached_bytes: AtomicUsize,
    /// Names of the morphologies that did not fit, the oldest first.
    recent: Mutex<VecDeque<String>>,
}

enum MorphologyStore {
    Folder(PathBuf, MorphologyFormat),
    Container(MorphologyContainer, PathBuf),
}

impl MorphologyCache {
    /// Opens a folder of morphology files, or a merged container.
    pub(crate) fn new(source: &MorphologySource) -> Result<Self> {
        let place = if source.format == MorphologyFormat::H5v1 && source.path.is_file() {
            MorphologyStore::Container(MorphologyContainer::open(&source.path)?, source.path.clone())
        } else {
            MorphologyStore::Folder(source.path.clone(), source.format)
        };
        Ok(Self {
            store: place,
            parsed: Mutex::default(),
            max_bytes: MAX_CACHED_BYTES,
            cached_bytes: AtomicUsize::new(0),
            recent: Mutex::default(),
        })
    }

    /// Returns the path of a morphology: its file, or its name inside the container.
    pub(crate) fn file_path(&self, name: &str) -> PathBuf {
        match &self.store {
            MorphologyStore::Container(_, path) => path.join(name),
            MorphologyStore::Folder(folder, format) => {
                let file = folder.join(format!("{name}.{}", format.extension()));
                // BMTK's networks include the extension in the name
                let named = folder.join(name);
                let has_extension = Path::new(name).extension().is_some_and(|found| found == format.extension());
                if has_extension && !file.is_file() && named.is_file() { named } else { file }
            }
        }
    }

    /// Returns the file that a morphology is read from; a container holds many.
    pub(crate) fn source_file(&self, name: &str) -> PathBuf {
        match &self.store {
            MorphologyStore::Container(_, path) => path.clone(),
            MorphologyStore::Folder(..) => self.file_path(name),
        }
    }

    /// Returns a morphology; the first request parses it, while other threads that need it wait.
    pub(crate) fn get(&self, name: &str) -> Result<Arc<Morphology>> {
        let known = self.lock_parsed().get(name).cloned();
        let cell = known.unwrap_or_else(|| self.lock_parsed().entry(name.to_string()).or_default().clone());
        let mut bytes = 0;
        let morphology = cell.get_or_init(|| {
            let mut morphology = self.read_morphology(name).map_err(Arc::new)?;
            morphology.shrink_to_fit();
            bytes = morphology.memory_bytes();
            Ok(Arc::new(morphology))
        });
        if bytes > 0 {
            self.retain_or_evict(name, bytes);
        }
        morphology.clone().map_err(|e| Error::clone(&e))
    }

    /// Caches a morphology permanently if it fits, otherwise until enough newer ones have been cached.
    fn retain_or_evict(&self, name: &str, bytes: usize) {
        if self.cached_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes <= self.max_bytes {
            return;
        }
        self.cached_bytes.fetch_sub(bytes, Ordering::Relaxed);
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.push_back(name.to_string());
        let oldest = if recent.len() > MAX_RECENT_MORPHOLOGIES { recent.pop_front() } else { None };
        drop(recent);
        oldest.and_then(|name| self.lock_parsed().remove(&name));
    }

    /// Returns the number and the bytes of the cached morphologies.
    pub(crate) fn usage(&self) -> (usize, usize) {
        (self.lock_parsed().len(), self.cached_bytes.load(Ordering::Relaxed))
    }

    fn lock_parsed(&self) -> MutexGuard<'_, HashMap<String, CacheCell>> {
        self.parsed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read_morphology(&self, name: &str) -> Result<Morphology> {
        match &self.store {
            MorphologyStore::Container(container, _) => container.read(name),
            MorphologyStore::Folder(_, format) => morphology::read(&self.file_path(name), *format),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_morphology_that_does_not_fit_is_parsed_again() {
        let folder = tempfile::tempdir().unwrap();
        let source = MorphologySource { path: folder.path().into(), format: MorphologyFormat::Swc };
        let text = |x: u8| format!("1 1 0 0 0 5 -1\n2 3 {x} 0 0 1 1\n3 3 {x} 9 0 1 2\n");
        let write = |name: String, x| std::fs::write(folder.path().join(name + ".swc"), text(x)).unwrap();
        (0..=MAX_RECENT_MORPHOLOGIES as u8 + 1).for_each(|x| write(format!("m{x}"), 6 + x));
        let mut cache = MorphologyCache::new(&source).unwrap();
        let one = cache.get("m0").unwrap();
        cache.max_bytes = one.memory_bytes();
        let other = cache.get("m1").unwrap();
        assert!(other != one && Arc::ptr_eq(&other, &cache.get("m1").unwrap()), "kept for a while");
        (2..=MAX_RECENT_MORPHOLOGIES as u8 + 1).for_each(|x| drop(cache.get(&format!("m{x}")).unwrap()));
        let again = cache.get("m1").unwrap();
        assert!(other == again && !Arc::ptr_eq(&other, &again), "parsed again after many others");
        assert!(Arc::ptr_eq(&one, &cache.get("m0").unwrap()), "what there was room for stays");
        assert_eq!(cache.usage(), (1 + MAX_RECENT_MORPHOLOGIES, one.memory_bytes()));
    }
}
