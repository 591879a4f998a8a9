//! The bytes of a pickle: arguments of instructions, checked against frame and file.

use super::PickleProblem;

type Result<T> = std::result::Result<T, PickleProblem>;

/// A place in the bytes.
#[derive(Debug)]
pub(super) struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Where the frame ends that the place is in.
    frame: Option<usize>,
}

impl<'a> Input<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, frame: None }
    }

    /// The place.
    pub fn at(&self) -> usize {
        self.at
    }

    /// How many bytes are left in the file.
    pub fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// All bytes from here on.
    pub fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// The next instruction.
    pub fn instruction(&mut self) -> Result<u8> {
        if self.frame == Some(self.at) {
            self.frame = None;
        }
        self.take(1).map(|b| b[0]).map_err(|_| PickleProblem::NoEnd)
    }

    /// So many bytes.
    pub fn take(&mut self, count: u64) -> Result<&'a [u8]> {
        let end = self.frame.unwrap_or(self.bytes.len());
        let left = end - self.at;
        match usize::try_from(count) {
            Ok(n) if n <= left => {
                let taken = &self.bytes[self.at..self.at + n];
                self.at += n;
                Ok(taken)
            }
            _ => Err(PickleProblem::Cut { needed: count, left: left as u64 }),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N as u64)?);
        Ok(array)
    }

    /// An unsigned number of 1, 2, 4 or 8 bytes, little end first.
    pub fn unsigned(&mut self, width: usize) -> Result<u64> {
        let bytes = self.take(width as u64)?;
        Ok(bytes.iter().rev().fold(0, |n, &b| n << 8 | u64::from(b)))
    }

    /// A signed number of 4 bytes.
    pub fn int_32(&mut self) -> Result<i64> {
        Ok(i64::from(i32::from_le_bytes(self.array()?)))
    }

    /// A number of 8 bytes, big end first.
    pub fn float(&mut self) -> Result<f64> {
        Ok(f64::from_be_bytes(self.array()?))
    }

    /// A signed number of as many bytes as a length of `width` bytes says.
    pub fn long(&mut self, width: usize) -> Result<i64> {
        let length = self.unsigned(width)?;
        let bytes = self.take(length)?;
        let negative = bytes.last().is_some_and(|b| b & 0x80 != 0);
        let mut wide = [if negative { 0xff } else { 0 }; 8];
        wide.get_mut(..bytes.len()).ok_or(PickleProblem::Integer(length))?.copy_from_slice(bytes);
        Ok(i64::from_le_bytes(wide))
    }

    /// As many bytes as a length of `width` bytes says.
    pub fn counted(&mut self, width: usize) -> Result<&'a [u8]> {
        let length = self.unsigned(width)?;
        self.take(length)
    }

    /// As much text as a length of `width` bytes says.
    pub fn text(&mut self, width: usize) -> Result<&'a str> {
        std::str::from_utf8(self.counted(width)?).map_err(|_| PickleProblem::Text)
    }

    /// Text up to the end of the line, which is passed over.
    pub fn line(&mut self) -> Result<&'a str> {
        let end = self.frame.unwrap_or(self.bytes.len());
        let rest = &self.bytes[self.at..end];
        let length = rest.iter().position(|&b| b == b'\n');
        let length = length.ok_or(PickleProblem::Cut { needed: rest.len() as u64 + 1, left: rest.len() as u64 })?;
        self.at += length + 1;
        std::str::from_utf8(&rest[..length]).map_err(|_| PickleProblem::Text)
    }

    /// Enters a frame of as many bytes as the next 8 bytes say.
    pub fn enter_frame(&mut self) -> Result<()> {
        let found = self.unsigned(8)?;
        let left = self.left() as u64;
        if self.frame.is_some() || found > left {
            // inside a frame none can begin
            return Err(PickleProblem::Frame { left: if self.frame.is_some() { 0 } else { left }, found });
        }
        self.frame = Some(self.at + found as usize);
        Ok(())
    }
}
