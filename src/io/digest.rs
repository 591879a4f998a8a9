//! Digests: numbers by which a run recognises the inputs of an earlier one, by the 64-bit hash FNV-1a:
//! <http://www.isthe.com/chongo/tech/comp/fnv/>.
//!
//! Values are added as bytes of a fixed form: integers little-endian, floats by their bits, text with its length, an
//! optional value with a byte that records whether it exists.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::error::{Context, FileProblem, Result};

/// A digest under construction.
#[derive(Debug, Clone, Copy)]
pub struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Digest {
    /// Adds bytes.
    pub fn add_bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    /// Adds an integer.
    pub fn add_u64(&mut self, value: u64) {
        self.add_bytes(&value.to_le_bytes());
    }

    /// Adds a flag.
    pub fn add_bool(&mut self, value: bool) {
        self.add_bytes(&[u8::from(value)]);
    }

    /// Adds a floating-point number by its bits.
    pub fn add_f64(&mut self, value: f64) {
        self.add_u64(value.to_bits());
    }

    /// Adds the number of floating-point numbers, then each number.
    pub fn add_f64s(&mut self, values: &[f64]) {
        self.add_u64(values.len() as u64);
        values.iter().for_each(|&value| self.add_f64(value));
    }

    /// Adds the length of a text, then the text.
    pub fn add_text(&mut self, text: &str) {
        self.add_u64(text.len() as u64);
        self.add_bytes(text.as_bytes());
    }

    /// Adds a value that may be missing.
    pub fn add_option<T>(&mut self, value: Option<T>, add: impl FnOnce(&mut Self, T)) {
        self.add_bool(value.is_some());
        if let Some(value) = value {
            add(self, value);
        }
    }

    /// Adds the length and a checksum of a file's content, so that a large file costs little more than reading it.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read.
    pub fn add_file(&mut self, path: &Path) -> Result<()> {
        let (length, checksum) = file_checksum(path)?;
        self.add_u64(length);
        self.add_u64(checksum.into());
        Ok(())
    }

    /// Returns the digest.
    pub fn finish(self) -> u64 {
        self.0
    }
}

/// Returns a file's length and the CRC-32 of its bytes.
///
/// # Errors
/// Returns an error if the file cannot be read.
pub fn file_checksum(path: &Path) -> Result<(u64, u32)> {
    let mut file = File::open(path).map_err(FileProblem::Read).in_file(path)?;
    let (mut checksum, mut buffer) = (crc32fast::Hasher::new(), vec![0; 1 << 20]);
    let mut length = 0;
    loop {
        let n = file.read(&mut buffer).map_err(FileProblem::Read).in_file(path)?;
        if n == 0 {
            return Ok((length, checksum.finalize()));
        }
        checksum.update(buffer.get(..n).unwrap_or_default());
        length += n as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest_of(add: impl FnOnce(&mut Digest)) -> u64 {
        let mut digest = Digest::default();
        add(&mut digest);
        digest.finish()
    }

    #[test]
    fn the_hash_matches_its_published_test_vector() {
        // from the authors' table of test vectors
        assert_eq!(digest_of(|d| d.add_bytes(b"foobar")), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn values_do_not_run_into_each_other() {
        let texts = |texts: &[&str]| digest_of(|d| texts.iter().for_each(|text| d.add_text(text)));
        assert_ne!(texts(&["ab", "c"]), texts(&["a", "bc"]));
        let options =
            |values: &[Option<f64>]| digest_of(|d| values.iter().for_each(|&v| d.add_option(v, Digest::add_f64)));
        assert_ne!(options(&[None, Some(0.0)]), options(&[Some(0.0), None]));
        assert_ne!(digest_of(|d| d.add_f64(0.0)), digest_of(|d| d.add_f64(-0.0)));
    }
}
