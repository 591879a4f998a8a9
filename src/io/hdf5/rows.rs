//! Reads some rows of a long column or table, so that the memory needed does not grow with the file.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, PoisonError};

use hdf5::types::TypeDescriptor;
use hdf5::{Dataset, H5Type};

use super::{Hdf5File, Hdf5Problem};
use crate::error::Result;

/// Bytes of decompressed rows that are cached: several threads may read in several places of a file.
const MAX_CACHED_BYTES: usize = 512 << 20;

/// Decompressed rows of one row of chunks.
#[derive(Debug, Clone)]
struct CachedRows {
    object: String,
    rows: Range<usize>,
    values: Arc<Vec<f64>>,
}

/// The rows of compressed datasets that were read last. A chunk is always decompressed completely, and the library
/// caches none that is larger than 1 MiB: without this cache it would be decompressed again for every block of its
/// rows.
#[derive(Debug, Default)]
pub(super) struct RowCache(VecDeque<CachedRows>);

impl RowCache {
    fn get(&self, object: &str, row: usize) -> Option<&CachedRows> {
        self.0.iter().find(|band| band.object == object && band.rows.contains(&row))
    }

    /// Adds a band, and drops the oldest bands that do not fit.
    fn insert(&mut self, band: CachedRows) {
        let bytes = |band: &CachedRows| band.values.len() * size_of::<f64>();
        let mut room = MAX_CACHED_BYTES.saturating_sub(bytes(&band));
        self.0.retain(|other| {
            let fits = bytes(other) <= room;
            room = room.saturating_sub(bytes(other));
            fits
        });
        self.0.push_front(band);
    }
}

impl Hdf5File {
    /// Reads rows `from..to` of a two-dimensional dataset of floats, in row-major order.
    ///
    /// # Errors
    /// Returns an error if the dataset is missing, does not hold numbers, is not two-dimensional, is too short, or
    /// cannot be read.
    pub fn read_float_rows(&self, object: &str, from: usize, to: usize) -> Result<Vec<f64>> {
        let dataset = self.open_dataset(object)?;
        self.check_float(object, &dataset)?;
        let shape = dataset.shape();
        let &[rows, columns] = shape.as_slice() else {
            let expected = format!("two dimensions and at least {to} rows");
            return Err(self.error(object, Hdf5Problem::Shape { expected, found: shape }));
        };
        if to > rows || from > to {
            let expected = format!("two dimensions and at least {to} rows");
            return Err(self.error(object, Hdf5Problem::Shape { expected, found: shape }));
        }
        self.check_box_plausible(object, &[from..to, 0..columns])?;
        let read = |rows: Range<usize>| {
            let _recorded = self.record_call(object);
            let read = dataset.read_slice_2d::<f64, _>((rows, ..)).map_err(|e| self.read_error(object, &e))?;
            Ok(read.into_raw_vec_and_offset().0)
        };
        let chunk = dataset.chunk().filter(|_| !dataset.filters().is_empty());
        let height = chunk.and_then(|chunk| chunk.first().copied()).unwrap_or(0);
        if height.saturating_mul(columns) <= 1 {
            return read(from..to);
        }
        let mut values = Vec::with_capacity((to - from) * columns);
        let mut row = from;
        while row < to {
            let first = row - row % height;
            let band = self.read_cached_rows(object, row, first..rows.min(first.saturating_add(height)), &read)?;
            let end = band.rows.end.min(to);
            let own = (row - band.rows.start) * columns..(end - band.rows.start) * columns;
            values.extend_from_slice(band.values.get(own).unwrap_or_default());
            row = end;
        }
        Ok(values)
    }

    /// Returns the row of chunks that contains a row, from the cache if possible.
    fn read_cached_rows(
        &self,
        object: &str,
        row: usize,
        rows: Range<usize>,
        read: &dyn Fn(Range<usize>) -> Result<Vec<f64>>,
    ) -> Result<CachedRows> {
        let mut bands = self.row_cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(band) = bands.get(object, row) {
            return Ok(band.clone());
        }
        let band = CachedRows { object: object.into(), values: Arc::new(read(rows.clone())?), rows };
        bands.insert(band.clone());
        Ok(band)
    }

    /// Reads a box of a dataset of floats, given as one range of indices for each dimension, in row-major order.
    ///
    /// # Errors
    /// Returns an error if the dataset is missing, does not hold numbers, has another number of dimensions, is too
    /// short, or cannot be read; also if the box has more values than the file can hold, so that a few damaged bytes
    /// cannot request all memory.
    pub fn read_float_box(&self, object: &str, ranges: &[Range<usize>]) -> Result<Vec<f64>> {
        let dataset = self.open_dataset(object)?;
        self.check_float(object, &dataset)?;
        let shape = dataset.shape();
        let inside = |(range, &length): (&Range<usize>, &usize)| range.start <= range.end && range.end <= length;
        if shape.len() != ranges.len() || !ranges.iter().zip(&shape).all(inside) {
            let expected = format!("at least {:?}", ranges.iter().map(|r| r.end).collect::<Vec<_>>());
            return Err(self.error(object, Hdf5Problem::Shape { expected, found: shape }));
        }
        self.check_box_plausible(object, ranges)?;
        let _recorded = self.record_call(object);
        let slab = hdf5::Hyperslab::from(ranges.iter().cloned().map(hdf5::SliceOrIndex::from).collect::<Vec<_>>());
        let values = dataset.read_slice::<f64, _, ndarray::IxDyn>(slab).map_err(|e| self.read_error(object, &e))?;
        Ok(values.into_raw_vec_and_offset().0)
    }

    /// Reads rows of a one-dimensional dataset of integers that need at most 32 bits.
    ///
    /// # Errors
    /// Returns an error if the dataset is missing, does not hold integers, has another number of dimensions, is too
    /// short, holds an integer that needs more bits, or cannot be read.
    pub fn read_u32_rows(&self, object: &str, rows: Range<usize>) -> Result<Vec<u32>> {
        let length = self.length(object)?;
        if rows.end > length {
            let expected = format!("at least {} rows", rows.end);
            return Err(self.error(object, Hdf5Problem::Shape { expected, found: vec![length] }));
        }
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        self.check_box_plausible(object, std::slice::from_ref(&rows))?;
        let dataset = self.open_dataset(object)?;
        let negative = |v: i64| Hdf5Problem::Negative(v);
        match self.type_descriptor(object, &dataset)? {
            TypeDescriptor::Unsigned(_) => {
                let values = self.read_slice::<u64>(object, &dataset, rows.clone())?;
                self.narrow_rows_to_u32(object, rows.start, values, |v| {
                    u32::try_from(v).map_err(|_| Hdf5Problem::TooLarge(v))
                })
            }
            TypeDescriptor::Integer(_) => {
                let values = self.read_slice::<i64>(object, &dataset, rows.clone())?;
                let narrow = |v: i64| {
                    let whole = u64::try_from(v).map_err(|_| negative(v))?;
                    u32::try_from(whole).map_err(|_| Hdf5Problem::TooLarge(whole))
                };
                self.narrow_rows_to_u32(object, rows.start, values, narrow)
            }
            other => Err(self.wrong_type_error(object, "integers", &other)),
        }
    }

    /// Returns the number of rows in a chunk of a one-dimensional dataset, which are always read together; 1 without
    /// chunks.
    ///
    /// # Errors
    /// Returns an error if the dataset is missing.
    pub fn rows_per_chunk(&self, object: &str) -> Result<usize> {
        let chunk = self.open_dataset(object)?.chunk().unwrap_or_default();
        Ok(chunk.first().copied().unwrap_or(1))
    }

    /// Returns the shape of a dataset's chunks; empty without chunks.
    ///
    /// # Errors
    /// Returns an error if the dataset is missing.
    pub fn chunk_shape(&self, object: &str) -> Result<Vec<usize>> {
        Ok(self.open_dataset(object)?.chunk().unwrap_or_default())
    }

    fn read_slice<T: H5Type>(&self, object: &str, dataset: &Dataset, rows: Range<usize>) -> Result<Vec<T>> {
        let _recorded = self.record_call(object);
        let read = dataset.read_slice_1d::<T, _>(rows).map_err(|e| self.read_error(object, &e))?;
        Ok(read.into_raw_vec_and_offset().0)
    }

    fn narrow_rows_to_u32<T>(
        &self,
        object: &str,
        first: usize,
        values: Vec<T>,
        narrow: impl Fn(T) -> Result<u32, Hdf5Problem>,
    ) -> Result<Vec<u32>> {
        let one = |(row, value)| narrow(value).map_err(|problem| self.error_at(object, row, problem));
        (first..).zip(values).map(one).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "tests write what `Hdf5File` cannot")]
    fn a_compressed_chunk_is_decompressed_once_for_all_its_rows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.h5");
        let table = ndarray::Array2::from_shape_fn((1000, 3), |(row, column)| (row * 3 + column) as f64);
        let file = hdf5::File::create(&path).unwrap();
        file.new_dataset_builder().deflate(1).chunk([300, 2]).with_data(&table).create("x").unwrap();
        file.close().unwrap();
        let file = Hdf5File::open(&path).unwrap();
        let expected = |rows: Range<usize>| table.slice(ndarray::s![rows, ..]).iter().copied().collect::<Vec<f64>>();
        for rows in [0..1, 299..301, 0..1000, 5..5, 999..1000, 250..950] {
            assert_eq!(file.read_float_rows("x", rows.start, rows.end).unwrap(), expected(rows));
        }
        let bands = file.row_cache.lock().unwrap();
        let kept: Vec<Range<usize>> = bands.0.iter().map(|band| band.rows.clone()).collect();
        assert_eq!(kept, [900..1000, 600..900, 300..600, 0..300], "each was read once");
    }

    #[test]
    fn rows_that_do_not_fit_are_dropped_and_the_newest_stay() {
        let band = |first: usize, bytes: usize| CachedRows {
            object: "x".into(),
            rows: first..first + 1,
            values: Arc::new(vec![0.0; bytes / 8]),
        };
        let mut bands = RowCache::default();
        (0..5).for_each(|i| bands.insert(band(i, MAX_CACHED_BYTES / 4)));
        assert!(bands.get("x", 0).is_none() && (1..5).all(|i| bands.get("x", i).is_some()));
        assert!(bands.get("y", 1).is_none());
    }
}
