//! Reads strings: those of variable length from the heap, without the library, and those of fixed length by the library.

use std::sync::{MutexGuard, PoisonError};

use hdf5::types::{FixedAscii, FixedUnicode, TypeDescriptor};
use hdf5::{Attribute, Dataset, H5Type};

use super::heap::{AddressFormat, GlobalHeap, HeapError, HeapProblem, Reference};
use super::references::{ValueRange, read_references};
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
            TypeDescriptor::VarLenUnicode | TypeDescriptor::VarLenAscii => self.read_heap_strings(object, d),
            TypeDescriptor::FixedUnicode(n) if n <= MAX_FIXED_STRING_BYTES => {
                self.read_fixed_strings::<FixedUnicode<MAX_FIXED_STRING_BYTES>>(object, d)
            }
            TypeDescriptor::FixedAscii(n) if n <= MAX_FIXED_STRING_BYTES => {
                self.read_fixed_strings::<FixedAscii<MAX_FIXED_STRING_BYTES>>(object, d)
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

    /// Reads the strings of a dataset, some thousand at a time: in memory each takes the bytes of the longest.
    fn read_fixed_strings<T: H5Type + AsRef<[u8]>>(&self, object: &str, dataset: &Dataset) -> Result<Vec<String>> {
        self.check_dataset_plausible(object, dataset)?;
        let mut texts: Vec<String> = Vec::with_capacity(dataset.size());
        for range in ValueRange::divide(&dataset.shape(), STRINGS_PER_READ) {
            let _recorded = self.record_call(object);
            for value in range.read::<T>(dataset).map_err(|e| self.read_error(object, &e))? {
                texts.push(self.parse_text(|| self.row_location(object, texts.len()), value.as_ref())?);
            }
        }
        Ok(texts)
    }

    /// Reads the strings of a dataset, some thousand references at a time.
    fn read_heap_strings(&self, object: &str, dataset: &Dataset) -> Result<Vec<String>> {
        self.check_dataset_plausible(object, dataset)?;
        let format = self.address_format().in_item(object)?;
        let bytes = self.length_bytes()?;
        let mut texts: Vec<String> = Vec::with_capacity(dataset.size());
        let mut length = 0;
        for range in ValueRange::divide(&dataset.shape(), STRINGS_PER_READ) {
            let references = {
                let _watched = self.watch_call(object);
                read_references(dataset, range, format.offset_bytes).map_err(|e| self.read_error(object, &e))?
            };
            let mut heap = self.lock_heap();
            for reference in references {
                let place = || self.row_location(object, texts.len());
                let string = heap.read_string(&self.raw_file, format, reference);
                let string = match string {
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

    fn lock_heap(&self) -> MutexGuard<'_, GlobalHeap> {
        self.heap.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns how the file stores byte offsets. A file that this process writes is flushed first: its strings are read
    /// from the disk.
    fn address_format(&self) -> Result<AddressFormat> {
        if self.created {
            self.lock_heap().forget();
            self.inner.flush().map_err(|e| self.write_error("/", &e))?;
        }
        let format = AddressFormat::read(&self.raw_file).map_err(FileProblem::Read).in_file(&self.path)?;
        format.ok_or(Hdf5Problem::Heap(HeapProblem::AddressFormat)).in_file(&self.path)
    }

    /// Checks that all strings requested so far could be read, including those of attributes.
    ///
    /// # Errors
    /// Returns an error if one of them is in a damaged heap.
    pub fn check_strings(&self) -> Result<()> {
        match &self.lock_heap().damaged_string {
            None => Ok(()),
            Some((object, problem)) => Err(self.error(object, Hdf5Problem::Heap(problem.clone()))),
        }
    }

    /// Returns the names of an object's attributes without those that cannot be opened, which
    /// [`Hdf5File::check_attributes`] reports.
    pub fn attribute_names(&self, object: &str) -> Vec<String> {
        let _watched = self.watch_call(object);
        let Ok(location) = self.open_location(object) else { return Vec::new() };
        let bytes = self.length_bytes().unwrap_or(0);
        let problem = |name: &String| match location.attr(name) {
            Err(error) => Some(super::one_line_message(&error)),
            Ok(attribute) if attribute.size() as u64 > bytes => {
                Some("it declares more values than the file can hold".into())
            }
            Ok(_) => None,
        };
        let record = |text: String| {
            let mut heap = self.lock_heap();
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
        match &self.lock_heap().unreadable_attribute {
            None => Ok(()),
            Some((object, text)) => Err(self.error(object, Hdf5Problem::Read(text.clone()))),
        }
    }

    /// Reads an attribute of one string, scalar or in an array; `None` if it is missing, not a string, or in a damaged heap,
    /// which [`Hdf5File::check_strings`] reports.
    pub fn read_string_attribute(&self, object: &str, name: &str) -> Option<String> {
        let _watched = self.watch_call(object);
        let attribute = self.open_location(object).ok()?.attr(name).ok()?;
        match attribute.dtype().and_then(|t| t.to_descriptor()).ok()? {
            TypeDescriptor::VarLenUnicode | TypeDescriptor::VarLenAscii => {
                self.read_heap_attribute(object, name, &attribute)
            }
            TypeDescriptor::FixedUnicode(n) if n <= MAX_FIXED_STRING_BYTES => {
                read_scalar_string::<FixedUnicode<MAX_FIXED_STRING_BYTES>>(&attribute)
            }
            TypeDescriptor::FixedAscii(n) if n <= MAX_FIXED_STRING_BYTES => {
                read_scalar_string::<FixedAscii<MAX_FIXED_STRING_BYTES>>(&attribute)
            }
            _ => None,
        }
    }

    /// Reads an attribute of one string of variable length.
    fn read_heap_attribute(&self, object: &str, name: &str, attribute: &Attribute) -> Option<String> {
        if attribute.size() != 1 {
            return None;
        }
        let format = self.address_format().ok()?;
        let &[reference] = read_references(attribute, ValueRange::All, format.offset_bytes).ok()?.as_slice() else {
            return None;
        };
        self.read_referenced(&format!("{object}: attribute `{name}`"), format, reference)
    }

    /// Reads a string; `None` if it is not text, or in a damaged heap, which is recorded.
    fn read_referenced(&self, object: &str, format: AddressFormat, reference: Reference) -> Option<String> {
        let mut heap = self.lock_heap();
        match heap.read_string(&self.raw_file, format, reference) {
            Ok(string) => std::str::from_utf8(string).map(str::to_string).ok(),
            Err(HeapError::Damaged(problem)) => {
                heap.damaged_string.get_or_insert_with(|| (object.into(), problem));
                None
            }
            Err(HeapError::System(_)) => None,
        }
    }
}

fn read_scalar_string<T: H5Type + AsRef<[u8]>>(attribute: &Attribute) -> Option<String> {
    if attribute.size() != 1 {
        return None;
    }
    let values = attribute.read_raw::<T>().ok()?;
    std::str::from_utf8(values.first()?.as_ref()).map(str::to_string).ok()
}
