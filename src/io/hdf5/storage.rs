//! The storage of a dataset, and the check of its declared size against the file's length before memory is allocated.

use std::ops::Range;

use hdf5::Dataset;
use hdf5::dataset::Layout;
use hdf5::datatype::ByteOrder;
use hdf5::filters::Filter;
use hdf5::types::{FloatSize, TypeDescriptor};

use super::filters::filter_name;
use super::{Hdf5File, Hdf5Problem};
use crate::error::Result;

/// The largest compression ratio of deflate.
const MAX_DEFLATE_RATIO: u64 = 1032;

/// The storage of a dataset in its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetStorage {
    /// Whether the values are contiguous, so that rows can be read at [`DatasetStorage::byte_offset`].
    pub is_contiguous: bool,
    /// Whether the values are in chunks.
    pub is_chunked: bool,
    /// Names of the filters that a reader built without compression lacks.
    pub compression: Vec<String>,
    /// Byte offset of the first value; `None` if nothing is allocated, or the values are not contiguous.
    pub byte_offset: Option<u64>,
    /// Whether the values are float64 in the byte order of this machine.
    pub is_native_f64: bool,
}

impl DatasetStorage {
    /// Returns the byte offset of the first value, if the values are contiguous float64 in this machine's byte order,
    /// so that they can be read without the library.
    pub fn native_f64_offset(&self) -> Option<u64> {
        self.byte_offset.filter(|_| self.is_contiguous && self.is_native_f64)
    }
}

impl Hdf5File {
    /// Returns the storage of a dataset.
    ///
    /// # Errors
    /// Returns an error if the dataset is missing.
    pub fn storage(&self, object: &str) -> Result<DatasetStorage> {
        let dataset = self.open_dataset(object)?;
        let layout = dataset.layout();
        let float = self.type_descriptor(object, &dataset)? == TypeDescriptor::Float(FloatSize::U8);
        let native = || dataset.dtype().is_ok_and(|t| t.byte_order() == NATIVE_BYTE_ORDER);
        Ok(DatasetStorage {
            is_contiguous: layout == Layout::Contiguous,
            is_chunked: layout == Layout::Chunked,
            compression: dataset.filters().iter().filter_map(compression_name).collect(),
            byte_offset: dataset.offset(),
            is_native_f64: float && native(),
        })
    }

    /// Returns the byte offset and the width, bytes, of the values of a contiguous dataset of floats in this machine's
    /// byte order, which can be read without the library; `None` for others.
    ///
    /// # Errors
    /// Returns an error if the dataset is missing.
    pub fn native_float_extent(&self, object: &str) -> Result<Option<(u64, usize)>> {
        let dataset = self.open_dataset(object)?;
        let width = match self.type_descriptor(object, &dataset)? {
            TypeDescriptor::Float(FloatSize::U4) => size_of::<f32>(),
            TypeDescriptor::Float(FloatSize::U8) => size_of::<f64>(),
            _ => return Ok(None),
        };
        let is_native = dataset.dtype().is_ok_and(|t| t.byte_order() == NATIVE_BYTE_ORDER);
        let is_plain = is_native && dataset.layout() == Layout::Contiguous && dataset.filters().is_empty();
        Ok(dataset.offset().filter(|_| is_plain).map(|offset| (offset, width)))
    }

    /// Refuses a box with more values than the file can hold.
    ///
    /// # Errors
    /// Returns an error if there are more values, or the file or the dataset is missing.
    pub fn check_box_plausible(&self, object: &str, ranges: &[Range<usize>]) -> Result<()> {
        let values = ranges.iter().fold(1_u64, |n, range| n.saturating_mul(range.len() as u64));
        self.check_value_count(object, &self.open_dataset(object)?, values)
    }

    /// Refuses a dataset that declares more values than the file can hold.
    pub(super) fn check_dataset_plausible(&self, object: &str, dataset: &Dataset) -> Result<()> {
        let values = dataset.shape().iter().fold(1_u64, |n, &length| n.saturating_mul(length as u64));
        self.check_value_count(object, dataset, values)
    }

    fn check_value_count(&self, object: &str, dataset: &Dataset, values: u64) -> Result<()> {
        let width = dataset.dtype().map_or(1, |t| t.size().max(1)) as u64;
        // contiguous and scalar datasets have no chunks
        if values.saturating_mul(width) <= MIN_CHECKED_BYTES && (dataset.is_scalar() || dataset.offset().is_some()) {
            return Ok(());
        }
        let bytes = self.length_bytes()?;
        let filters = dataset.filters();
        if values > 0 {
            self.check_filters_available(object, dataset)?;
        }
        check_single_compression(&filters).map_err(|problem| self.error(object, problem))?;
        let most = if filters.is_empty() { bytes } else { bytes.saturating_mul(MAX_DEFLATE_RATIO) };
        // a chunk is always decoded completely
        let chunk = dataset.chunk().unwrap_or_default();
        let chunk = chunk.iter().fold(1_u64, |n, &length| n.saturating_mul(length as u64));
        // a small dataset that was never written holds its fill value and needs no bytes in the file
        let least = |values: u64| values.saturating_mul(width) <= most.max(MIN_CHECKED_BYTES);
        // for values that were never written the library returns fill values, in any number
        let whole = dataset.shape().iter().fold(1_u64, |n, &length| n.saturating_mul(length as u64));
        if least(values) && least(whole) && (filters.is_empty() || least(chunk)) {
            return Ok(());
        }
        Err(self.error(object, Hdf5Problem::ImplausibleSize { values: values.max(chunk).max(whole), bytes }))
    }
}

/// Refuses more than one compression: the first expands the bytes of the file at most about a thousandfold, the next
/// one a thousandfold again.
fn check_single_compression(filters: &[Filter]) -> Result<(), Hdf5Problem> {
    match filters.iter().filter(|filter| compression_name(filter).is_some()).count() {
        0 | 1 => Ok(()),
        more => Err(Hdf5Problem::MultipleFilters(more)),
    }
}

/// The byte order of this machine.
const NATIVE_BYTE_ORDER: ByteOrder =
    if cfg!(target_endian = "little") { ByteOrder::LittleEndian } else { ByteOrder::BigEndian };

/// Datasets of at most this many bytes are never refused.
const MIN_CHECKED_BYTES: u64 = 1 << 16;

/// Returns the name of a filter that a reader built without compression lacks.
fn compression_name(filter: &Filter) -> Option<String> {
    match filter {
        Filter::Shuffle | Filter::Fletcher32 | Filter::NBit | Filter::ScaleOffset(_) => None,
        other => Some(filter_name(other)),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::io::hdf5::Hdf5File;

    /// Writes a file and opens it for reading.
    #[expect(clippy::disallowed_methods, reason = "tests write what `Hdf5File` cannot")]
    fn written(path: &Path, write: impl FnOnce(&hdf5::File)) -> Hdf5File {
        let file = hdf5::File::create(path).unwrap();
        write(&file);
        file.close().unwrap();
        Hdf5File::open(path).unwrap()
    }

    #[test]
    fn a_dataset_larger_than_its_file_can_hold_is_refused_before_it_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.h5");
        let file = written(&path, |f| {
            // never written: 8 TB that the file does not hold
            let empty = f.new_dataset::<f64>().chunk([1024]).shape([1_000_000_000_000_usize]);
            empty.create("huge").unwrap();
            f.new_dataset::<u64>().shape([4]).create("small").unwrap();
            f.new_dataset_builder().deflate(9).with_data(&vec![0.0_f64; 100_000]).create("deflated").unwrap();
        });
        let bytes = path.metadata().unwrap().len();
        let path = path.display();
        assert_eq!(
            file.read_floats("/huge").unwrap_err().to_string(),
            format!(
                "{path}: /huge: too many values, expected at most what a file of {bytes} bytes can hold, \
                 found 1000000000000 values"
            )
        );
        assert_eq!(
            file.read_float_box("/huge", std::slice::from_ref(&(0..2))).unwrap_err().to_string(),
            file.read_floats("/huge").unwrap_err().to_string(),
            "a part of what was never written is refused, too"
        );
        assert_eq!(file.read_unsigned("/small").unwrap(), [0; 4], "fill values of a small dataset");
        assert_eq!(file.read_floats("/deflated").unwrap().len(), 100_000);
    }

    #[test]
    fn more_than_one_compression_is_refused() {
        let once = [Filter::Shuffle, Filter::Deflate(9), Filter::Fletcher32];
        assert!(check_single_compression(&once).is_ok());
        let twice = [Filter::Deflate(9), Filter::Shuffle, Filter::Deflate(9)];
        assert_eq!(
            check_single_compression(&twice).unwrap_err().to_string(),
            "compressed 2 times, expected at most one compression filter"
        );
    }

    #[test]
    fn storage_is_reported() {
        let folder = tempfile::tempdir().unwrap();
        let file = written(&folder.path().join("a.h5"), |f| {
            f.new_dataset_builder().no_chunk().with_data(&[1.0_f64, 2.0]).create("plain").unwrap();
            f.new_dataset_builder().chunk([2]).with_data(&[1.0_f64, 2.0]).create("chunked").unwrap();
            f.new_dataset_builder().shuffle().deflate(1).with_data(&[1.0_f32, 2.0]).create("deflated").unwrap();
        });
        let plain = file.storage("/plain").unwrap();
        assert!(
            plain.is_contiguous && plain.is_native_f64 && plain.byte_offset.is_some() && plain.compression.is_empty()
        );
        let chunked = file.storage("/chunked").unwrap();
        assert!(chunked.is_chunked && !chunked.is_contiguous && chunked.byte_offset.is_none());
        let deflated = file.storage("/deflated").unwrap();
        assert_eq!((deflated.compression, deflated.is_native_f64), (vec!["deflate".to_string()], false));
    }
}
