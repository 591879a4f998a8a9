//! Digests: a number that tells whether a later run has the inputs of an earlier one. The hash FNV-1a of 64 bits:
//! <http://www.isthe.com/chongo/tech/comp/fnv/>.

use std::fmt::{self, Write};
use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::error::{Context, FileProblem, Result};

/// A digest under construction. It takes text with `write!`.
#[derive(Debug, Clone, Copy)]
pub struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Digest {
    /// Adds bytes.
    pub fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    /// Adds how a value shows itself to programmers, which tells all its fields, and a line's end.
    pub fn add_value(&mut self, value: &impl fmt::Debug) {
        // writing to a digest cannot fail
        let _ = writeln!(self, "{value:?}");
    }

    /// Adds what a file holds: its length and a checksum, so that large files cost little more than reading them.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn add_file(&mut self, path: &Path) -> Result<()> {
        checksum_of(path).map(|found| self.add_value(&found))
    }

    /// The number.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl Write for Digest {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.add(text.as_bytes());
        Ok(())
    }
}

/// A file's length and the CRC-32 of its bytes.
///
/// # Errors
/// The file cannot be read.
pub fn checksum_of(path: &Path) -> Result<(u64, u32)> {
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

    #[test]
    fn the_hash_is_that_of_its_authors() {
        let mut digest = Digest::default();
        digest.add(b"foobar");
        // from the authors' table of test vectors
        assert_eq!(digest.get(), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn values_do_not_run_into_each_other() {
        let of = |parts: &[&str]| {
            let mut digest = Digest::default();
            parts.iter().for_each(|part| digest.add_value(part));
            digest.get()
        };
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
    }
}
