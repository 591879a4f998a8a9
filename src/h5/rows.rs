//! Reading some rows of a long column: what is in memory at one time does not grow with the file.

use std::ops::Range;

use hdf5::types::TypeDescriptor;
use hdf5::{Dataset, H5Type};

use super::{File, H5Problem};
use crate::error::Result;

impl File {
    /// Rows of a one-dimensional dataset of integers that need no more than 32 bits.
    ///
    /// # Errors
    /// Missing, not integers, of another number of dimensions, out of range, one that does not fit, unreadable.
    pub fn unsigned_32_rows(&self, object: &str, rows: Range<usize>) -> Result<Vec<u32>> {
        let length = self.length(object)?;
        if rows.end > length {
            let expected = format!("at least {} rows", rows.end);
            return Err(self.error(object, H5Problem::Shape { expected, found: vec![length] }));
        }
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        self.check_plausible(object, std::slice::from_ref(&rows))?;
        let dataset = self.dataset(object)?;
        let negative = |v: i64| H5Problem::Negative(v);
        match self.descriptor(object, &dataset)? {
            TypeDescriptor::Unsigned(_) => {
                let values = self.slice::<u64>(object, &dataset, rows.clone())?;
                self.narrow(object, rows.start, values, |v| u32::try_from(v).map_err(|_| H5Problem::Large(v)))
            }
            TypeDescriptor::Integer(_) => {
                let values = self.slice::<i64>(object, &dataset, rows.clone())?;
                let narrow = |v: i64| {
                    let whole = u64::try_from(v).map_err(|_| negative(v))?;
                    u32::try_from(whole).map_err(|_| H5Problem::Large(whole))
                };
                self.narrow(object, rows.start, values, narrow)
            }
            other => Err(self.wrong_type(object, "integers", &other)),
        }
    }

    /// Rows in a chunk of a one-dimensional dataset: less is not read in one go; 1 where there are no chunks.
    ///
    /// # Errors
    /// The dataset is missing.
    pub fn chunk_rows(&self, object: &str) -> Result<usize> {
        let chunk = self.dataset(object)?.chunk().unwrap_or_default();
        Ok(chunk.first().copied().unwrap_or(1))
    }

    fn slice<T: H5Type>(&self, object: &str, dataset: &Dataset, rows: Range<usize>) -> Result<Vec<T>> {
        let read = dataset.read_slice_1d::<T, _>(rows).map_err(|e| self.read_error(object, &e))?;
        Ok(read.into_raw_vec_and_offset().0)
    }

    fn narrow<T>(
        &self,
        object: &str,
        first: usize,
        values: Vec<T>,
        narrow: impl Fn(T) -> Result<u32, H5Problem>,
    ) -> Result<Vec<u32>> {
        let one = |(row, value)| narrow(value).map_err(|problem| self.error_at(object, row, problem));
        (first..).zip(values).map(one).collect()
    }
}
