//! Writes HDF5 groups, datasets and attributes: contiguous and without time stamps, so that the same input gives the
//! same bytes.

use std::ptr::null_mut;
use std::str::FromStr;

use hdf5::types::{FixedUnicode, TypeDescriptor, VarLenUnicode};
use hdf5::{Dataset, Datatype, H5Type, ObjectReference1};
use hdf5_sys::h5d::H5Dwrite;
use hdf5_sys::h5p::{H5Pclose, H5Pcreate, H5Pset_buffer};
use hdf5_sys::h5s::H5S_ALL;

use super::{Hdf5File, Hdf5Problem};
use crate::error::{Context, Result};

impl Hdf5File {
    /// Creates a group and its parent groups, if they do not exist.
    ///
    /// # Errors
    /// Returns an error if the library refuses.
    pub fn create_group(&self, group: &str) -> Result<()> {
        if self.has_object(group) {
            return Ok(());
        }
        let built = self.inner.create_group_builder().obj_track_times(false).create(group);
        built.map(drop).map_err(|e| self.write_error(group, &e))
    }

    /// Writes a contiguous dataset of this shape (empty for a scalar), without a time stamp.
    ///
    /// # Errors
    /// Returns an error if the shape does not match the number of values, or the library refuses.
    pub fn write_dataset<T: H5Type>(&self, object: &str, values: &[T], shape: &[usize]) -> Result<()> {
        let built = self.dataset_builder().empty::<T>().shape(shape.to_vec()).create(object);
        let written = built.and_then(|d| if values.is_empty() { Ok(()) } else { d.write_raw(values) });
        written.map_err(|e| self.write_error(object, &e))
    }

    /// Writes a chunked dataset of this shape, without compression and without a time stamp.
    ///
    /// # Errors
    /// Returns an error if the shape does not match the number of values, or the library refuses.
    pub fn write_chunked_dataset<T: H5Type>(
        &self,
        object: &str,
        values: &[T],
        shape: &[usize],
        chunk: &[usize],
    ) -> Result<()> {
        let builder = self.inner.new_dataset_builder().chunk(chunk.to_vec()).obj_track_times(false);
        let written = builder.empty::<T>().shape(shape.to_vec()).create(object).and_then(|d| d.write_raw(values));
        written.map_err(|e| self.write_error(object, &e))
    }

    /// Writes a dataset of UTF-8 strings.
    ///
    /// # Errors
    /// Returns an error if a string contains a zero byte, or the library refuses.
    pub fn write_strings<S: AsRef<str>>(&self, object: &str, values: &[S], shape: &[usize]) -> Result<()> {
        let values = values.iter().map(|v| to_unicode(v.as_ref())).collect::<Result<Vec<_>, _>>();
        let values = values.in_file(&self.path).in_item(object)?;
        let built = self.dataset_builder().empty::<VarLenUnicode>().shape(shape.to_vec()).create(object);
        let written = built.and_then(|dataset| write_variable_length_strings(&dataset, &values));
        written.map_err(|e| self.write_error(object, &e))
    }

    /// Lays out a contiguous dataset without writing its values, and returns the byte offset of its first value.
    ///
    /// # Errors
    /// Returns an error if the library refuses.
    pub fn allocate_dataset<T: H5Type>(&self, object: &str, shape: &[usize]) -> Result<u64> {
        let builder = self.dataset_builder().with_dcpl(|p| {
            p.alloc_time(Some(hdf5::plist::dataset_create::AllocTime::Early))
                .fill_time(hdf5::plist::dataset_create::FillTime::Never)
        });
        let built = builder.empty::<T>().shape(shape.to_vec()).create(object);
        let dataset = built.map_err(|e| self.write_error(object, &e))?;
        Ok(dataset.offset().unwrap_or(0))
    }

    fn dataset_builder(&self) -> hdf5::DatasetBuilder {
        self.inner.new_dataset_builder().no_chunk().obj_track_times(false)
    }

    /// Writes a string attribute of an object.
    ///
    /// # Errors
    /// Returns an error if the text contains a zero byte, the object is missing, or the library refuses.
    pub fn write_string_attribute(&self, object: &str, name: &str, text: &str) -> Result<()> {
        let value = to_unicode(text).in_file(&self.path).in_item(object)?;
        self.write_attribute(object, name, &value)
    }

    /// Writes a string attribute of fixed length, as PyTables does: UTF-8 of at most 64 bytes.
    ///
    /// # Errors
    /// Returns an error if the text is longer, the object is missing, or the library refuses.
    pub fn write_fixed_attribute(&self, object: &str, name: &str, text: &str) -> Result<()> {
        let value = FixedUnicode::<MAX_FIXED_ATTRIBUTE_BYTES>::from_str(text)
            .map_err(|e| Hdf5Problem::Write(format!("{e} in {text:?}")));
        let value = value.in_file(&self.path).in_item(object)?;
        // the type has the length of the text: PyTables reads trailing zeros as a part of the text
        let own = TypeDescriptor::FixedUnicode(text.len().max(1));
        let built = self.open_location(object)?.new_attr_builder().empty_as(&own).create(name);
        built.and_then(|a| a.write_scalar(&value)).map_err(|e| self.write_error(object, &e))
    }

    /// Writes a scalar attribute of an object.
    ///
    /// # Errors
    /// Returns an error if the object is missing, or the library refuses.
    pub fn write_attribute<T: H5Type>(&self, object: &str, name: &str, value: &T) -> Result<()> {
        let built = self.open_location(object)?.new_attr::<T>().create(name);
        built.and_then(|a| a.write_scalar(value)).map_err(|e| self.write_error(object, &e))
    }

    /// Writes an attribute that is a list of numbers.
    ///
    /// # Errors
    /// Returns an error if the object is missing, or the library refuses.
    pub fn write_list_attribute<T: H5Type>(&self, object: &str, name: &str, values: &[T]) -> Result<()> {
        let built = self.open_location(object)?.new_attr::<T>().shape(values.len()).create(name);
        built.and_then(|a| a.write_raw(values)).map_err(|e| self.write_error(object, &e))
    }

    /// Writes an attribute that is a list of strings.
    ///
    /// # Errors
    /// Returns an error if a string contains a zero byte, the object is missing, or the library refuses.
    pub fn write_strings_attribute<S: AsRef<str>>(&self, object: &str, name: &str, values: &[S]) -> Result<()> {
        let values = values.iter().map(|v| to_unicode(v.as_ref())).collect::<Result<Vec<_>, _>>();
        self.write_list_attribute(object, name, &values.in_file(&self.path).in_item(object)?)
    }

    /// Writes an attribute that refers to another object of the file.
    ///
    /// # Errors
    /// Returns an error if an object is missing, or the library refuses.
    pub fn write_reference_attribute(&self, object: &str, name: &str, target: &str) -> Result<()> {
        let reference = self.inner.reference::<ObjectReference1>(target).map_err(|e| self.write_error(object, &e))?;
        self.write_attribute(object, name, &reference)
    }

    /// Writes a list of references to another object of the file.
    ///
    /// # Errors
    /// Returns an error if the target is missing, or the library refuses.
    pub fn write_references(&self, object: &str, target: &str, length: usize) -> Result<()> {
        let refer = |_| self.inner.reference::<ObjectReference1>(target);
        let references = (0..length).map(refer).collect::<hdf5::Result<Vec<_>>>();
        let references = references.map_err(|e| self.write_error(object, &e))?;
        self.write_dataset(object, &references, &[length])
    }

    /// Creates a soft link.
    ///
    /// # Errors
    /// Returns an error if the library refuses.
    pub fn create_soft_link(&self, target: &str, link: &str) -> Result<()> {
        self.inner.link_soft(target, link).map_err(|e| self.write_error(link, &e))
    }

    /// Flushes and closes the file.
    ///
    /// # Errors
    /// Returns an error if the library cannot write the remaining bytes.
    pub fn close(self) -> Result<()> {
        self.inner.flush().map_err(|e| self.write_error("/", &e))?;
        self.inner.clone().close().map_err(|e| self.write_error("/", &e))
    }
}

/// Longest string attribute of fixed length, bytes.
const MAX_FIXED_ATTRIBUTE_BYTES: usize = 64;

/// Bytes of the buffer in which strings are converted to references to the file's heap.
const STRING_BUFFER_BYTES: usize = 4096;

/// Writes as many strings as a dataset holds, with a small buffer. The library's default buffers of 1 MiB are allocated
/// and cleared for every call, which takes a hundred times as long as writing one string.
fn write_variable_length_strings(dataset: &Dataset, values: &[VarLenUnicode]) -> hdf5::Result<()> {
    if values.is_empty() {
        return Ok(());
    }
    if values.len() != dataset.size() {
        return Err(format!("{} strings for a dataset of {}", values.len(), dataset.size()).into());
    }
    let memory = Datatype::from_type::<VarLenUnicode>()?;
    hdf5::sync::sync(|| {
        // SAFETY: all three identifiers live until the calls are done, which happen under the library's lock; the
        // dataset holds as many values as `values`, whose type in memory is `memory`.
        unsafe {
            let transfer = hdf5::h5check(H5Pcreate(*hdf5::globals::H5P_DATASET_XFER))?;
            let written =
                hdf5::h5check(H5Pset_buffer(transfer, STRING_BUFFER_BYTES, null_mut(), null_mut())).and_then(|_| {
                    hdf5::h5check(H5Dwrite(
                        dataset.id(),
                        memory.id(),
                        H5S_ALL,
                        H5S_ALL,
                        transfer,
                        values.as_ptr().cast(),
                    ))
                });
            H5Pclose(transfer);
            written.map(drop)
        }
    })
}

fn to_unicode(text: &str) -> Result<VarLenUnicode, Hdf5Problem> {
    VarLenUnicode::from_str(text).map_err(|e| Hdf5Problem::Write(format!("{e} in {text:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_strings_than_the_buffer_holds_are_all_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.h5");
        let texts: Vec<String> = (0..STRING_BUFFER_BYTES).map(|i| "\u{b5}".repeat(i % 7) + &i.to_string()).collect();
        let file = Hdf5File::create(&path).unwrap();
        file.write_strings("/many", &texts, &[texts.len()]).unwrap();
        file.write_strings("/one", &["text"], &[]).unwrap();
        file.write_strings("/none", &[""; 0], &[0]).unwrap();
        let wrong = file.write_strings("/wrong", &["a", "b"], &[3]).unwrap_err().to_string();
        assert_eq!(wrong, format!("{}: /wrong: cannot be written: 2 strings for a dataset of 3", path.display()));
        file.close().unwrap();
        let file = Hdf5File::open(&path).unwrap();
        assert_eq!(file.read_strings("/many").unwrap(), texts);
        assert_eq!(file.read_string_scalar("/one").unwrap(), "text");
    }
}
