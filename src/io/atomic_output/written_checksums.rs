//! Checksums of the bytes written to a file, which detect changes by others before the file is renamed.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bytes for each checksum.
const BLOCK_BYTES: usize = 1 << 20;

/// Largest number of blocks that are read back. Files of up to 256 MiB are checked completely; of longer files this
/// many blocks are checked, evenly spread, with the first and the last.
const MAX_CHECKED_BLOCKS: usize = 256;

/// Length and checksums of what was written to a file from its beginning to its end.
#[derive(Debug, Default)]
pub(super) struct WrittenChecksums {
    length: u64,
    /// CRC-32 of the complete blocks.
    blocks: Vec<u32>,
    /// CRC-32 of the block that is not yet complete.
    last_block: crc32fast::Hasher,
}

impl WrittenChecksums {
    fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = BLOCK_BYTES - (self.length % BLOCK_BYTES as u64) as usize;
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.last_block.update(now);
            self.length += now.len() as u64;
            if now.len() == room {
                self.blocks.push(std::mem::take(&mut self.last_block).finalize());
            }
            bytes = later;
        }
    }

    pub fn length(&self) -> u64 {
        self.length
    }

    /// Returns whether a file holds these bytes.
    pub fn matches_file(&self, file: &File) -> io::Result<bool> {
        let mut buffer = vec![0; BLOCK_BYTES];
        let unfinished = self.last_block.clone().finalize();
        let count = self.length.div_ceil(BLOCK_BYTES as u64) as usize;
        for block in evenly_spaced(count, MAX_CHECKED_BLOCKS) {
            let at = block as u64 * BLOCK_BYTES as u64;
            let bytes = buffer.get_mut(..(self.length - at).min(BLOCK_BYTES as u64) as usize).unwrap_or_default();
            match file.read_exact_at(bytes, at) {
                Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
                read => read?,
            }
            if crc32fast::hash(bytes) != self.blocks.get(block).copied().unwrap_or(unfinished) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Returns at most `most` of the numbers below `count`, evenly spread, with the first and the last.
fn evenly_spaced(count: usize, most: usize) -> impl Iterator<Item = usize> {
    let chosen = count.min(most);
    (0..chosen).map(move |i| if chosen < 2 { 0 } else { i * (count - 1) / (chosen - 1) })
}

/// Writes the bytes of an output in order, and records their checksums.
#[derive(Debug)]
pub struct OutputFile {
    pub(super) file: File,
    pub(super) written: Arc<Mutex<WrittenChecksums>>,
}

pub(super) fn lock_checksums(written: &Mutex<WrittenChecksums>) -> MutexGuard<'_, WrittenChecksums> {
    written.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut written = lock_checksums(&self.written);
        let n = self.file.write(bytes)?;
        written.update(bytes.get(..n).unwrap_or_default());
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_changed_byte_of_a_short_file_is_found() {
        let (file, written) = (tempfile::tempfile().unwrap(), Arc::new(Mutex::new(WrittenChecksums::default())));
        let mut output = OutputFile { file: file.try_clone().unwrap(), written: written.clone() };
        let bytes: Vec<u8> = (0..BLOCK_BYTES * 5 / 2).map(|i| (i % 251) as u8).collect();
        bytes.chunks(77_777).for_each(|some| output.write_all(some).unwrap());
        let is_whole = || lock_checksums(&written).matches_file(&file).unwrap();
        assert_eq!(lock_checksums(&written).length(), bytes.len() as u64);
        assert!(is_whole());
        for at in [0, BLOCK_BYTES - 1, BLOCK_BYTES, bytes.len() - 1] {
            file.write_all_at(&[bytes[at] ^ 1], at as u64).unwrap();
            assert!(!is_whole(), "{at}");
            file.write_all_at(&bytes[at..=at], at as u64).unwrap();
            assert!(is_whole(), "{at}");
        }
        file.set_len(bytes.len() as u64 - 1).unwrap();
        assert!(!is_whole());
        // cut off while it was being written: the file has a gap of zeros before the later bytes
        file.set_len(0).unwrap();
        file.set_len(bytes.len() as u64).unwrap();
        assert!(!is_whole());
    }

    #[test]
    fn blocks_of_long_files_are_spread_from_end_to_end() {
        assert_eq!(evenly_spaced(0, 4).count(), 0);
        assert_eq!(evenly_spaced(1, 4).collect::<Vec<_>>(), [0]);
        assert_eq!(evenly_spaced(3, 4).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(evenly_spaced(10, 4).collect::<Vec<_>>(), [0, 3, 6, 9]);
    }
}
