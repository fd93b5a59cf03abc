//! Checked reads over bytes that know their offset.

use crate::error::{Error, ErrorKind, Offset, Result, counted};

/// A position in a byte slice. Every read is checked, and every error names the offset at which the
/// read began.
#[derive(Clone, Debug)]
pub struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    origin: Offset,
}

impl<'a> Cursor<'a> {
    /// Reads `bytes`, whose first byte lies at `origin`.
    pub const fn new(bytes: &'a [u8], origin: Offset) -> Self {
        Self {
            bytes,
            at: 0,
            origin,
        }
    }

    /// The offset of the next byte.
    pub fn offset(&self) -> Offset {
        self.origin.plus(to_u64(self.at))
    }

    /// The number of bytes read.
    pub const fn position(&self) -> usize {
        self.at
    }

    /// The bytes not yet read.
    pub fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// The number of bytes not yet read.
    pub const fn remaining(&self) -> usize {
        self.bytes.len().saturating_sub(self.at)
    }

    /// A [`ErrorKind::Malformed`] error at the next byte.
    pub fn malformed(&self, reason: impl Into<String>) -> Error {
        Error::malformed(self.offset(), reason)
    }

    /// An error of another kind at the next byte.
    pub fn error(&self, kind: ErrorKind, reason: impl Into<String>) -> Error {
        Error::new(kind, reason).at(self.offset())
    }

    /// The next `count` bytes.
    ///
    /// # Errors
    /// `Malformed` if there are fewer.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let end = self.at.checked_add(count);
        match end.and_then(|end| self.bytes.get(self.at..end)) {
            Some(bytes) => {
                self.at = self.at.saturating_add(count);
                Ok(bytes)
            }
            None => Err(self.malformed(format!(
                "expected {}, found {}",
                counted(count, "more byte", "more bytes"),
                self.remaining()
            ))),
        }
    }

    /// The next byte.
    pub fn u8(&mut self) -> Result<u8> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    /// A big-endian 16-bit number.
    pub fn u16_be(&mut self) -> Result<u16> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    /// A big-endian 32-bit number.
    pub fn u32_be(&mut self) -> Result<u32> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    /// A little-endian 32-bit number.
    pub fn u32_le(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// A big-endian 64-bit number.
    pub fn u64_be(&mut self) -> Result<u64> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    /// A little-endian 64-bit number.
    pub fn u64_le(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// A little-endian, signed 32-bit number.
    pub fn i32_le(&mut self) -> Result<i32> {
        Ok(i32::from_le_bytes(self.array()?))
    }

    /// The next `N` bytes as an array.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let bytes = self.take(N)?;
        // `take` gave exactly N bytes, so the conversion cannot fail.
        bytes.try_into().map_err(|_| self.malformed("short read"))
    }

    /// Checks that everything was read.
    ///
    /// # Errors
    /// `Malformed` if bytes are left.
    pub fn finish(&self) -> Result<()> {
        match self.remaining() {
            0 => Ok(()),
            left => {
                let left = counted(left, "byte", "bytes");
                Err(self.malformed(format!("{left} left after the end")))
            }
        }
    }
}

/// A length as a 64-bit number. Lossless on every platform that Rust supports.
pub fn to_u64(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// A number from a file as a length; too large ones become a length that no slice has.
pub fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_read_names_its_offset_and_both_lengths() {
        let mut cursor = Cursor::new(&[1, 2, 3], Offset::File(100));
        assert_eq!(cursor.u8().unwrap(), 1);
        let error = cursor.u32_le().unwrap_err();
        assert_eq!(error.offset(), Some(Offset::File(101)));
        assert_eq!(error.reason(), "expected 4 more bytes, found 2");
        assert_eq!(cursor.remaining(), 2);
    }

    #[test]
    fn finish_refuses_left_overs() {
        let mut cursor = Cursor::new(&[1, 2], Offset::Body(0));
        assert!(cursor.finish().is_err());
        cursor.take(2).unwrap();
        cursor.finish().unwrap();
    }
}
