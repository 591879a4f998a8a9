//! Reads the bytes of a pickle: arguments of instructions, checked against the limits of frame and file.

use super::PickleProblem;
use super::problem::PickleResult;

/// A position in the bytes of a pickle.
#[derive(Debug)]
pub(super) struct ByteReader<'a> {
    bytes: &'a [u8],
    position: usize,
    /// End of the frame that contains the position.
    frame_end: Option<usize>,
}

impl<'a> ByteReader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0, frame_end: None }
    }

    /// Returns the current position.
    pub fn position(&self) -> usize {
        self.position
    }

    /// Returns the number of bytes left in the file.
    pub fn remaining(&self) -> usize {
        self.bytes.len() - self.position
    }

    /// Returns all remaining bytes.
    pub fn remaining_bytes(&self) -> &'a [u8] {
        self.bytes.get(self.position..).unwrap_or_default()
    }

    /// Reads the next instruction.
    pub fn read_opcode(&mut self) -> PickleResult<u8> {
        if self.frame_end == Some(self.position) {
            self.frame_end = None;
        }
        self.read_bytes(1).map(|b| b[0]).map_err(|_| PickleProblem::MissingStop)
    }

    /// Reads `count` bytes.
    pub fn read_bytes(&mut self, count: u64) -> PickleResult<&'a [u8]> {
        let end = self.frame_end.unwrap_or(self.bytes.len());
        let left = end - self.position;
        match usize::try_from(count) {
            Ok(n) if n <= left => {
                let taken = &self.bytes[self.position..self.position + n];
                self.position += n;
                Ok(taken)
            }
            _ => Err(PickleProblem::UnexpectedEnd { needed: count, left: left as u64 }),
        }
    }

    fn read_array<const N: usize>(&mut self) -> PickleResult<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.read_bytes(N as u64)?);
        Ok(array)
    }

    /// Reads an unsigned little-endian number of 1, 2, 4 or 8 bytes.
    pub fn read_unsigned(&mut self, width: usize) -> PickleResult<u64> {
        let bytes = self.read_bytes(width as u64)?;
        Ok(bytes.iter().rev().fold(0, |n, &b| n << 8 | u64::from(b)))
    }

    /// Reads a signed little-endian number of 4 bytes.
    pub fn read_i32(&mut self) -> PickleResult<i64> {
        Ok(i64::from(i32::from_le_bytes(self.read_array()?)))
    }

    /// Reads a big-endian double.
    pub fn read_f64(&mut self) -> PickleResult<f64> {
        Ok(f64::from_be_bytes(self.read_array()?))
    }

    /// Reads a signed number with a length prefix of `width` bytes.
    pub fn read_long(&mut self, width: usize) -> PickleResult<i64> {
        let length = self.read_unsigned(width)?;
        let bytes = self.read_bytes(length)?;
        let negative = bytes.last().is_some_and(|b| b & 0x80 != 0);
        let mut wide = [if negative { 0xff } else { 0 }; 8];
        wide.get_mut(..bytes.len()).ok_or(PickleProblem::IntegerTooLarge(length))?.copy_from_slice(bytes);
        Ok(i64::from_le_bytes(wide))
    }

    /// Reads bytes with a length prefix of `width` bytes.
    pub fn read_counted_bytes(&mut self, width: usize) -> PickleResult<&'a [u8]> {
        let length = self.read_unsigned(width)?;
        self.read_bytes(length)
    }

    /// Reads text with a length prefix of `width` bytes.
    pub fn read_text(&mut self, width: usize) -> PickleResult<&'a str> {
        std::str::from_utf8(self.read_counted_bytes(width)?).map_err(|_| PickleProblem::InvalidText)
    }

    /// Reads text up to the end of the line, and skips the line end.
    pub fn read_line(&mut self) -> PickleResult<&'a str> {
        let end = self.frame_end.unwrap_or(self.bytes.len());
        let rest = &self.bytes[self.position..end];
        let length = rest.iter().position(|&b| b == b'\n');
        let length =
            length.ok_or(PickleProblem::UnexpectedEnd { needed: rest.len() as u64 + 1, left: rest.len() as u64 })?;
        self.position += length + 1;
        std::str::from_utf8(&rest[..length]).map_err(|_| PickleProblem::InvalidText)
    }

    /// Enters a frame whose length is in the next 8 bytes.
    pub fn enter_frame(&mut self) -> PickleResult<()> {
        let found = self.read_unsigned(8)?;
        let left = self.remaining() as u64;
        if self.frame_end.is_some() || found > left {
            // frames cannot be nested
            return Err(PickleProblem::Frame { left: if self.frame_end.is_some() { 0 } else { left }, found });
        }
        self.frame_end = Some(self.position + found as usize);
        Ok(())
    }
}
