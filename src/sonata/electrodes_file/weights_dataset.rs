//! Reads weights in blocks of rows: directly at their byte offset if the dataset is contiguous, otherwise through HDF5.

use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use zerocopy::IntoBytes;

use crate::error::{Context, FileProblem, Result};
use crate::io::hdf5::{Hdf5File, Hdf5Problem};

/// The weights of a population: one row per segment, one column per contact.
#[derive(Debug)]
pub struct WeightsDataset {
    file: Hdf5File,
    object: String,
    rows: u64,
    columns: u64,
    /// The open file, and the offset of the first value, if the values are contiguous and in native format.
    contiguous: Option<(Arc<std::fs::File>, u64)>,
}

impl WeightsDataset {
    /// Opens a two-dimensional dataset of numbers.
    ///
    /// # Errors
    /// Returns an error if the dataset is missing, is not two-dimensional, or claims more values than the file can
    /// contain.
    pub fn open(file: &Hdf5File, object: &str) -> Result<Self> {
        let shape = file.shape(object)?;
        let [rows, columns] = shape[..] else {
            return Err(file.error(object, Hdf5Problem::Shape { expected: "[rows, contacts]".into(), found: shape }));
        };
        file.check_box_plausible(object, &[0..rows, 0..columns])?;
        let plain = file.storage(object)?.native_f64_offset().map(|byte| (file.raw_file().clone(), byte));
        Ok(Self {
            file: file.clone(),
            object: object.into(),
            rows: rows as u64,
            columns: columns as u64,
            contiguous: plain,
        })
    }

    /// Returns the number of rows.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Returns the number of columns.
    pub fn columns(&self) -> u64 {
        self.columns
    }

    /// Reads some rows, row-major, into a buffer that can be reused. Several threads may read at a time.
    ///
    /// # Errors
    /// Returns an error if the rows are outside the dataset or cannot be read.
    pub fn read_rows(&self, rows: Range<u64>, values: &mut Vec<f64>) -> Result<()> {
        let inside = rows.start <= rows.end && rows.end <= self.rows;
        let Some((plain, byte)) = self.contiguous.as_ref().filter(|_| inside) else {
            *values = self.file.read_float_rows(&self.object, rows.start as usize, rows.end as usize)?;
            return Ok(());
        };
        values.resize(((rows.end - rows.start) * self.columns) as usize, 0.0);
        let at = byte + rows.start * self.columns * size_of::<f64>() as u64;
        let read = plain.read_exact_at(values.as_mut_slice().as_mut_bytes(), at);
        read.map_err(FileProblem::Read).in_file(self.file.path()).in_item(&self.object)
    }
}
