//! The coefficients, in blocks of rows: read at their place in the file where they lie in one piece, else by HDF5.

use std::ops::Range;
use std::os::unix::fs::FileExt;

use zerocopy::IntoBytes;

use crate::error::{Context, FileProblem, Result};
use crate::io::hdf5::{File, H5Problem};

/// The coefficients of a population: rows of segments, columns of contacts.
#[derive(Debug)]
pub struct Factors {
    file: File,
    object: String,
    rows: u64,
    columns: u64,
    /// The file again, and the place of the first value, where values lie in one piece as this machine has them.
    plain: Option<(std::fs::File, u64)>,
}

impl Factors {
    /// Opens a two-dimensional dataset of numbers.
    ///
    /// # Errors
    /// Missing, not two-dimensional, or more values than the file can hold.
    pub fn open(file: &File, object: &str) -> Result<Self> {
        let shape = file.shape(object)?;
        let [rows, columns] = shape[..] else {
            return Err(file.error(object, H5Problem::Shape { expected: "[rows, contacts]".into(), found: shape }));
        };
        file.check_plausible(object, &[0..rows, 0..columns])?;
        let plain = match file.storage(object)?.plain_f64() {
            Some(byte) => {
                Some((std::fs::File::open(file.path()).map_err(FileProblem::Read).in_file(file.path())?, byte))
            }
            None => None,
        };
        Ok(Self { file: file.clone(), object: object.into(), rows: rows as u64, columns: columns as u64, plain })
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
    pub fn read(&self, rows: Range<u64>, values: &mut Vec<f64>) -> Result<()> {
        let inside = rows.start <= rows.end && rows.end <= self.rows;
        let Some((plain, byte)) = self.plain.as_ref().filter(|_| inside) else {
            *values = self.file.float_rows(&self.object, rows.start as usize, rows.end as usize)?;
            return Ok(());
        };
        values.resize(((rows.end - rows.start) * self.columns) as usize, 0.0);
        let at = byte + rows.start * self.columns * size_of::<f64>() as u64;
        let read = plain.read_exact_at(values.as_mut_slice().as_mut_bytes(), at);
        read.map_err(FileProblem::Read).in_file(self.file.path()).in_object(&self.object)
    }
}
