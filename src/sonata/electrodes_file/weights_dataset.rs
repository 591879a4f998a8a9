//! The coefficients, in blocks of rows: read at their place in the file where they lie in one piece, else by HDF5.

use std::ops::Range;
use std::os::unix::fs::FileExt;

use zerocopy::IntoBytes;

use crate::error::{Context, FileProblem, Result};
use crate::io::hdf5::{Hdf5File, Hdf5Problem};

/// The coefficients of a population: rows of segments, columns of contacts.
#[derive(Debug)]
pub struct WeightsDataset {
    file: Hdf5File,
    object: String,
    rows: u64,
    columns: u64,
    /// The file again, and the place of the first value, where values lie in one piece as this machine has them.
    contiguous: Option<(std::fs::File, u64)>,
}

impl WeightsDataset {
    /// Opens a two-dimensional dataset of numbers.
    ///
    /// # Errors
    /// Missing, not two-dimensional, or more values than the file can hold.
    pub fn open(file: &Hdf5File, object: &str) -> Result<Self> {
        let shape = file.shape(object)?;
        let [rows, columns] = shape[..] else {
            return Err(file.error(object, Hdf5Problem::Shape { expected: "[rows, contacts]".into(), found: shape }));
        };
        file.check_box_plausible(object, &[0..rows, 0..columns])?;
        let plain = match file.storage(object)?.native_f64_offset() {
            Some(byte) => {
                Some((std::fs::File::open(file.path()).map_err(FileProblem::Read).in_file(file.path())?, byte))
            }
            None => None,
        };
        Ok(Self {
            file: file.clone(),
            object: object.into(),
            rows: rows as u64,
            columns: columns as u64,
            contiguous: plain,
        })
    }

    /// Number of rows.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Number of columns.
    pub fn columns(&self) -> u64 {
        self.columns
    }

    /// Reads some rows, row-major, into a buffer that is kept from call to call. Several threads may read at a time.
    ///
    /// # Errors
    /// Outside the dataset, or unreadable.
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
