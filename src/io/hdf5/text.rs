//! Reads strings: of contiguous datasets directly from the heap, of other datasets and of attributes by the library.

use std::os::unix::fs::FileExt;
use std::sync::PoisonError;

use hdf5::dataset::Layout;
use hdf5::types::{FixedAscii, FixedUnicode, TypeDescriptor, VarLenAscii, VarLenUnicode};
use hdf5::{Attribute, Dataset, H5Type};

use super::heap::{HeapError, HeapProblem, REFERENCE_BYTES};
use super::{Hdf5File, Hdf5Problem};
use crate::error::{Context, Error, ErrorLocation, FileProblem, Result};

/// Longest fixed-length string, bytes.
const MAX_FIXED_STRING_BYTES: usize = 512;
/// Number of strings that are read at a time.
const STRINGS_PER_READ: usize = 4096;

impl Hdf5File {
    /// Reads all values of a dataset of strings, of any of HDF5's four kinds.
    ///
    /// # Errors
    /// Returns an error if the dataset is missing, does not hold strings, is not UTF-8, is in a damaged heap, or cannot
    /// be read.
    pub fn read_strings(&self, object: &str) -> Result<Vec<String>> {
        let dataset = self.open_dataset(object)?;
        let d = &dataset;
        match self.type_descriptor(object, d)? {
            TypeDescriptor::VarLenUnicode | TypeDescriptor::VarLenAscii if self.is_plain_heap(d) => {
                self.read_heap_strings(object, d)
            }
            TypeDescriptor::VarLenUnicode => self.read_library_strings::<VarLenUnicode>(object, d),
            TypeDescriptor::VarLenAscii => self.read_library_strings::<VarLenAscii>(object, d),
            TypeDescriptor::FixedUnicode(n) if n <= MAX_FIXED_STRING_BYTES => {
                self.parse_texts(object, &self.read_values::<FixedUnicode<MAX_FIXED_STRING_BYTES>>(object, d)?)
            }
            TypeDescriptor::FixedAscii(n) if n <= MAX_FIXED_STRING_BYTES => {
                self.parse_texts(object, &self.read_values::<FixedAscii<MAX_FIXED_STRING_BYTES>>(object, d)?)
            }
            other => Err(self.wrong_type_error(object, "strings", &other)),
        }
    }

    fn parse_text(&self, place: impl FnOnce() -> ErrorLocation, bytes: &[u8]) -> Result<String> {
        std::str::from_utf8(bytes).map(str::to_string).map_err(|_| Error::new(place(), Hdf5Problem::InvalidText))
    }

    fn row_location(&self, object: &str, row: usize) -> ErrorLocation {
        ErrorLocation::file(&self.path).with_item(object).with_index(row as u64)
    }

    fn parse_texts<T: AsRef<[u8]>>(&self, object: &str, values: &[T]) -> Result<Vec<String>> {
        let text = |(row, v): (usize, &T)| self.parse_text(|| self.row_location(object, row), v.as_ref());
        values.iter().enumerate().map(text).collect()
    }

    /// Returns whether the references to strings can be read without the library.
    fn is_plain_heap(&self, dataset: &Dataset) -> bool {
        self.raw_file.is_some() && dataset.offset().is_some() && dataset.layout() == Layout::Contiguous
    }

    /// Reads the strings of a contiguous dataset without the library, which may not return from a damaged heap, and is
    /// slow.
    fn read_heap_strings(&self, object: &str, dataset: &Dataset) -> Result<Vec<String>> {
        self.check_dataset_plausible(object, dataset)?;
        let (Some(file), Some(first)) = (&self.raw_file, dataset.offset()) else { return Ok(Vec::new()) };
        let bytes = file.metadata().map_err(FileProblem::Read).in_file(&self.path)?.len();
        let mut heap = self.heap.lock().unwrap_or_else(PoisonError::into_inner);
        let mut texts: Vec<String> = Vec::with_capacity(dataset.size());
        let (mut references, mut length) = (Vec::new(), 0);
        for begin in (0..dataset.size()).step_by(STRINGS_PER_READ) {
            references.resize((dataset.size() - begin).min(STRINGS_PER_READ) * REFERENCE_BYTES, 0);
            let read = file.read_exact_at(&mut references, first + (begin * REFERENCE_BYTES) as u64);
            read.map_err(FileProblem::Read).in_file(&self.path).in_item(object)?;
            for reference in references.chunks_exact(REFERENCE_BYTES) {
                let place = || self.row_location(object, texts.len());
                let string = match heap.read_string(file, reference) {
                    Ok(string) => string,
                    Err(HeapError::Damaged(problem)) => {
                        heap.damaged_string = Some((object.into(), problem.clone()));
                        return Err(Error::new(place(), Hdf5Problem::Heap(problem)));
                    }
                    Err(HeapError::System(problem)) => return Err(Error::new(place(), FileProblem::Read(problem))),
                };
                length += string.len() as u64;
                if length > bytes {
                    return Err(Error::new(place(), Hdf5Problem::Heap(HeapProblem::TooMuchText { length })));
                }
                texts.push(self.parse_text(place, string)?);
            }
        }
        Ok(texts)
    }

    /// Reads strings in chunks, or of a file with unusual addresses, by the library.
    fn read_library_strings<T: H5Type + AsRef<[u8]>>(&self, object: &str, dataset: &Dataset) -> Result<Vec<String>> {
        let &[length] = dataset.shape().as_slice() else {
            let _watched = self.watch_call(object);
            return self.parse_texts(object, &self.read_values::<T>(object, dataset)?);
        };
        self.check_dataset_plausible(object, dataset)?;
        let mut texts = Vec::with_capacity(length);
        for begin in (0..length).step_by(STRINGS_PER_READ) {
            let _watched = self.watch_call(object);
            let block = dataset.read_slice_1d::<T, _>(begin..(begin + STRINGS_PER_READ).min(length));
            for value in block.map_err(|e| self.read_error(object, &e))? {
                texts.push(self.parse_text(|| self.row_location(object, texts.len()), value.as_ref())?);
            }
        }
        Ok(texts)
    }

    /// Checks that all strings requested so far could be read, including those of attributes.
    ///
    /// # Errors
    /// Returns an error if one of them is in a damaged heap.
    pub fn check_strings(&self) -> Result<()> {
        match &self.heap.lock().unwrap_or_else(PoisonError::into_inner).damaged_string {
            None => Ok(()),
            Some((object, problem)) => Err(self.error(object, Hdf5Problem::Heap(problem.clone()))),
        }
    }

    /// Returns the names of an object's attributes without those that cannot be opened, which
    /// [`Hdf5File::check_attributes`] reports.
    pub fn attribute_names(&self, object: &str) -> Vec<String> {
        let _watched = self.watch_call(object);
        let Ok(location) = self.open_location(object) else { return Vec::new() };
        let bytes = std::fs::metadata(&self.path).map_or(0, |metadata| metadata.len());
        let problem = |name: &String| match location.attr(name) {
            Err(error) => Some(super::one_line_message(&error)),
            Ok(attribute) if attribute.size() as u64 > bytes => {
                Some("it declares more values than the file can hold".into())
            }
            Ok(_) => None,
        };
        let record = |text: String| {
            let mut heap = self.heap.lock().unwrap_or_else(PoisonError::into_inner);
            heap.unreadable_attribute.get_or_insert_with(|| (object.into(), text));
        };
        let mut names = location.attr_names().unwrap_or_else(|error| {
            record(format!("attributes: {}", super::one_line_message(&error)));
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

    /// Checks that all attributes whose names were requested so far can be read.
    ///
    /// # Errors
    /// Returns an error if one of them cannot be read.
    pub fn check_attributes(&self) -> Result<()> {
        match &self.heap.lock().unwrap_or_else(PoisonError::into_inner).unreadable_attribute {
            None => Ok(()),
            Some((object, text)) => Err(self.error(object, Hdf5Problem::Read(text.clone()))),
        }
    }

    /// Reads a string attribute; `None` if it is missing or not a string. After a damaged heap was found no
    /// variable-length attribute is read: [`Hdf5File::check_strings`] reports the damage.
    pub fn read_string_attribute(&self, object: &str, name: &str) -> Option<String> {
        let _watched = self.watch_call(object);
        let attribute = self.open_location(object).ok()?.attr(name).ok()?;
        let is_damaged = || self.heap.lock().unwrap_or_else(PoisonError::into_inner).damaged_string.is_some();
        match attribute.dtype().and_then(|t| t.to_descriptor()).ok()? {
            TypeDescriptor::VarLenUnicode | TypeDescriptor::VarLenAscii if is_damaged() => None,
            TypeDescriptor::VarLenUnicode => read_scalar_string::<VarLenUnicode>(&attribute),
            TypeDescriptor::VarLenAscii => read_scalar_string::<VarLenAscii>(&attribute),
            TypeDescriptor::FixedUnicode(n) if n <= MAX_FIXED_STRING_BYTES => {
                read_scalar_string::<FixedUnicode<MAX_FIXED_STRING_BYTES>>(&attribute)
            }
            TypeDescriptor::FixedAscii(n) if n <= MAX_FIXED_STRING_BYTES => {
                read_scalar_string::<FixedAscii<MAX_FIXED_STRING_BYTES>>(&attribute)
            }
            _ => None,
        }
    }
}

fn read_scalar_string<T: H5Type + AsRef<[u8]>>(attribute: &Attribute) -> Option<String> {
    let value = attribute.read_scalar::<T>().ok()?;
    std::str::from_utf8(value.as_ref()).map(str::to_string).ok()
}
