//! Strings: of datasets, read from the heap directly where they lie in one piece, and of attributes, by the library.

use std::os::unix::fs::FileExt;
use std::sync::PoisonError;

use hdf5::dataset::Layout;
use hdf5::types::{FixedAscii, FixedUnicode, TypeDescriptor, VarLenAscii, VarLenUnicode};
use hdf5::{Attribute, Dataset, H5Type};

use super::heap::{HeapError, HeapProblem, REFERENCE};
use super::{File, H5Problem};
use crate::error::{Context, Error, FileProblem, Place, Result};

/// Fixed-length strings are read up to this many bytes.
const LONGEST: usize = 512;
/// Strings that are read at a time.
const BLOCK: usize = 4096;

impl File {
    /// All values of a dataset of strings, of any of HDF5's four kinds.
    ///
    /// # Errors
    /// Missing, not strings, not UTF-8, unreadable, or in a heap that is damaged.
    pub fn strings(&self, object: &str) -> Result<Vec<String>> {
        let dataset = self.dataset(object)?;
        let d = &dataset;
        match self.descriptor(object, d)? {
            TypeDescriptor::VarLenUnicode | TypeDescriptor::VarLenAscii if self.is_plain_heap(d) => {
                self.heap_strings(object, d)
            }
            TypeDescriptor::VarLenUnicode => self.library_strings::<VarLenUnicode>(object, d),
            TypeDescriptor::VarLenAscii => self.library_strings::<VarLenAscii>(object, d),
            TypeDescriptor::FixedUnicode(n) if n <= LONGEST => {
                self.texts(object, &self.raw::<FixedUnicode<LONGEST>>(object, d)?)
            }
            TypeDescriptor::FixedAscii(n) if n <= LONGEST => {
                self.texts(object, &self.raw::<FixedAscii<LONGEST>>(object, d)?)
            }
            other => Err(self.wrong_type(object, "strings", &other)),
        }
    }

    fn text(&self, place: impl FnOnce() -> Place, bytes: &[u8]) -> Result<String> {
        std::str::from_utf8(bytes).map(str::to_string).map_err(|_| Error::new(place(), H5Problem::Text))
    }

    fn row(&self, object: &str, row: usize) -> Place {
        Place::file(&self.path).object(object).row(row as u64)
    }

    fn texts<T: AsRef<[u8]>>(&self, object: &str, values: &[T]) -> Result<Vec<String>> {
        let text = |(row, v): (usize, &T)| self.text(|| self.row(object, row), v.as_ref());
        values.iter().enumerate().map(text).collect()
    }

    /// Whether references to strings can be read at their place.
    fn is_plain_heap(&self, dataset: &Dataset) -> bool {
        self.plain.is_some() && dataset.offset().is_some() && dataset.layout() == Layout::Contiguous
    }

    /// Strings of a dataset in one piece, without the library: it may not come back from a damaged heap, and is slow.
    fn heap_strings(&self, object: &str, dataset: &Dataset) -> Result<Vec<String>> {
        self.check_all(object, dataset)?;
        let (Some(file), Some(first)) = (&self.plain, dataset.offset()) else { return Ok(Vec::new()) };
        let bytes = file.metadata().map_err(FileProblem::Read).in_file(&self.path)?.len();
        let mut heap = self.heap.lock().unwrap_or_else(PoisonError::into_inner);
        let mut texts: Vec<String> = Vec::with_capacity(dataset.size());
        let (mut references, mut length) = (Vec::new(), 0);
        for begin in (0..dataset.size()).step_by(BLOCK) {
            references.resize((dataset.size() - begin).min(BLOCK) * REFERENCE, 0);
            let read = file.read_exact_at(&mut references, first + (begin * REFERENCE) as u64);
            read.map_err(FileProblem::Read).in_file(&self.path).in_object(object)?;
            for reference in references.chunks_exact(REFERENCE) {
                let place = || self.row(object, texts.len());
                let string = match heap.string(file, reference) {
                    Ok(string) => string,
                    Err(HeapError::Damaged(problem)) => {
                        heap.damaged = Some((object.into(), problem.clone()));
                        return Err(Error::new(place(), H5Problem::Heap(problem)));
                    }
                    Err(HeapError::System(problem)) => return Err(Error::new(place(), FileProblem::Read(problem))),
                };
                length += string.len() as u64;
                if length > bytes {
                    return Err(Error::new(place(), H5Problem::Heap(HeapProblem::Shared { length })));
                }
                texts.push(self.text(place, string)?);
            }
        }
        Ok(texts)
    }

    /// Strings in chunks, or of a rare file, by the library.
    fn library_strings<T: H5Type + AsRef<[u8]>>(&self, object: &str, dataset: &Dataset) -> Result<Vec<String>> {
        let &[length] = dataset.shape().as_slice() else {
            let _watched = self.watched(object);
            return self.texts(object, &self.raw::<T>(object, dataset)?);
        };
        self.check_all(object, dataset)?;
        let mut texts = Vec::with_capacity(length);
        for begin in (0..length).step_by(BLOCK) {
            let _watched = self.watched(object);
            let block = dataset.read_slice_1d::<T, _>(begin..(begin + BLOCK).min(length));
            for value in block.map_err(|e| self.read_error(object, &e))? {
                texts.push(self.text(|| self.row(object, texts.len()), value.as_ref())?);
            }
        }
        Ok(texts)
    }

    /// Whether all strings that were asked for so far could be read, attributes too.
    ///
    /// # Errors
    /// One of them lies in a damaged heap.
    pub fn check_strings(&self) -> Result<()> {
        match &self.heap.lock().unwrap_or_else(PoisonError::into_inner).damaged {
            None => Ok(()),
            Some((object, problem)) => Err(self.error(object, H5Problem::Heap(problem.clone()))),
        }
    }

    /// Names of an object's attributes. Those that cannot be opened are left out: [`File::check_attributes`] tells.
    pub fn attribute_names(&self, object: &str) -> Vec<String> {
        let _watched = self.watched(object);
        let Ok(location) = self.location(object) else { return Vec::new() };
        let bytes = std::fs::metadata(&self.path).map_or(0, |metadata| metadata.len());
        let problem = |name: &String| match location.attr(name) {
            Err(error) => Some(super::reason(&error)),
            Ok(attribute) if attribute.size() as u64 > bytes => {
                Some("it claims more values than the file can hold".into())
            }
            Ok(_) => None,
        };
        let record = |text: String| {
            let mut heap = self.heap.lock().unwrap_or_else(PoisonError::into_inner);
            heap.attribute.get_or_insert_with(|| (object.into(), text));
        };
        let mut names = location.attr_names().unwrap_or_else(|error| {
            record(format!("attributes: {}", super::reason(&error)));
            Vec::new()
        });
        names.retain(|name| match problem(name) {
            None => true,
            Some(text) => {
                record(format!("attribute `{name}`: {text}"));
                false
            }
        });
        names
    }

    /// Whether all attributes whose names were asked for so far can be read.
    ///
    /// # Errors
    /// One of them cannot.
    pub fn check_attributes(&self) -> Result<()> {
        match &self.heap.lock().unwrap_or_else(PoisonError::into_inner).attribute {
            None => Ok(()),
            Some((object, text)) => Err(self.error(object, H5Problem::Read(text.clone()))),
        }
    }

    /// A string attribute, if it is there and is a string. None is read once the heap is known to be damaged:
    /// [`File::check_strings`] tells.
    pub fn string_attribute(&self, object: &str, name: &str) -> Option<String> {
        let _watched = self.watched(object);
        let attribute = self.location(object).ok()?.attr(name).ok()?;
        let is_damaged = || self.heap.lock().unwrap_or_else(PoisonError::into_inner).damaged.is_some();
        match attribute.dtype().and_then(|t| t.to_descriptor()).ok()? {
            TypeDescriptor::VarLenUnicode | TypeDescriptor::VarLenAscii if is_damaged() => None,
            TypeDescriptor::VarLenUnicode => scalar::<VarLenUnicode>(&attribute),
            TypeDescriptor::VarLenAscii => scalar::<VarLenAscii>(&attribute),
            TypeDescriptor::FixedUnicode(n) if n <= LONGEST => scalar::<FixedUnicode<LONGEST>>(&attribute),
            TypeDescriptor::FixedAscii(n) if n <= LONGEST => scalar::<FixedAscii<LONGEST>>(&attribute),
            _ => None,
        }
    }
}

fn scalar<T: H5Type + AsRef<[u8]>>(attribute: &Attribute) -> Option<String> {
    let value = attribute.read_scalar::<T>().ok()?;
    std::str::from_utf8(value.as_ref()).map(str::to_string).ok()
}
