//! A NumPy file: an array of (frames, contacts), or (frames, groups, contacts).
//!
//! Source: NumPy Enhancement Proposal 1, format version 1.0: a magic string, two bytes of version, the length of the header,
//! and the header, a Python dictionary padded with blanks to a multiple of 64 bytes.

use std::io::Write;
use std::path::Path;

use super::laid_out::{DataExtent, FileLayout, check_common_unit};
use super::{SignalFormat, SignalFormatProblem, ValueType};
use crate::error::{Context, FileProblem, Result};
use crate::io::atomic_output::create_without_following;
use crate::signals::Signals;

/// The layout of a NumPy file.
pub struct NpyLayout {
    shape: Vec<usize>,
    value_type: ValueType,
}

impl NpyLayout {
    /// Creates the layout of signals; a single sum over all segments has no dimension of groups.
    ///
    /// # Errors
    /// Returns an error if the signals have several units.
    pub fn new(signals: &Signals<'_>, value_type: ValueType) -> Result<Self, SignalFormatProblem> {
        check_common_unit(signals, SignalFormat::Npy)?;
        let (frames, contacts) = (signals.times_ms().len(), signals.contacts().len());
        let shape =
            if signals.is_total() { vec![frames, contacts] } else { vec![frames, signals.groups().len(), contacts] };
        Ok(Self { shape, value_type })
    }

    fn header(&self) -> Vec<u8> {
        let order = if cfg!(target_endian = "little") { '<' } else { '>' };
        let shape: Vec<String> = self.shape.iter().map(usize::to_string).collect();
        let shape = shape.join(", ");
        let text =
            format!("{{'descr': '{order}f{}', 'fortran_order': False, 'shape': ({shape}), }}", self.value_type.width());
        let length = (PREFIX_BYTES + text.len() + 1).next_multiple_of(ALIGNMENT) - PREFIX_BYTES;
        let mut header = b"\x93NUMPY\x01\x00".to_vec();
        header.extend(u16::try_from(length).unwrap_or(u16::MAX).to_le_bytes());
        header.extend(format!("{text:<width$}\n", width = length - 1).bytes());
        header
    }
}

/// Bytes before the dictionary.
const PREFIX_BYTES: usize = 10;

/// The first value is at a multiple of this number of bytes.
const ALIGNMENT: usize = 64;

impl FileLayout for NpyLayout {
    fn write(&self, path: &Path) -> Result<Vec<DataExtent>> {
        let header = self.header();
        let columns: usize = self.shape.iter().skip(1).product();
        let values = self.shape.iter().product::<usize>() * self.value_type.width();
        let written = create_without_following(path).and_then(|mut file| {
            file.write_all(&header)?;
            file.set_len((header.len() + values) as u64)
        });
        written.map_err(FileProblem::Write).in_file(path)?;
        Ok(vec![DataExtent { byte_offset: header.len() as u64, columns: 0..columns }])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_a_padded_dictionary() {
        let header = NpyLayout { shape: vec![20, 8], value_type: ValueType::F32 }.header();
        assert_eq!(header.len() % 64, 0);
        assert_eq!(usize::from(u16::from_le_bytes([header[8], header[9]])), header.len() - 10);
        let text = std::str::from_utf8(&header[10..]).unwrap();
        assert_eq!(text.trim_end(), "{'descr': '<f4', 'fortran_order': False, 'shape': (20, 8), }");
        assert!(text.ends_with(" \n"));
    }
}
