//! A pull parser for msgpack: one token at a time, borrowed, without recursion.
//!
//! Announced lengths are never trusted: a token that claims more bytes than there are is an error,
//! and a container only announces how many values follow.
//!
//! Source: msgpack's `spec.md`. Python's writers also use its older form, in which strings may hold
//! any bytes.

use crate::cursor::{Cursor, to_usize};
use crate::error::{Error, Offset, Result};

/// One token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Token<'a> {
    /// Nothing.
    Nil,
    /// A truth value.
    Bool(bool),
    /// A whole number of at most 64 bits, signed or not.
    Integer(i128),
    /// A floating-point number.
    Float(f64),
    /// A string, not yet checked to be UTF-8.
    String(&'a [u8]),
    /// Bytes.
    Bytes(&'a [u8]),
    /// The head of a list: this many values follow.
    List(u64),
    /// The head of a map: this many pairs of key and value follow.
    Map(u64),
    /// The head of an application's own type: its code, and how many bytes of payload follow.
    Extension(i8, u64),
}

/// A parser positioned somewhere in a document.
#[derive(Clone, Debug)]
pub struct Msgpack<'a> {
    cursor: Cursor<'a>,
}

impl<'a> Msgpack<'a> {
    /// A parser at the start of `bytes`, whose first byte lies at `origin`.
    pub const fn new(bytes: &'a [u8], origin: Offset) -> Self {
        Self {
            cursor: Cursor::new(bytes, origin),
        }
    }

    /// The offset of the next byte.
    pub fn offset(&self) -> Offset {
        self.cursor.offset()
    }

    /// A `Malformed` error at the next byte.
    pub fn malformed(&self, reason: impl Into<String>) -> Error {
        self.cursor.malformed(reason)
    }

    /// Reads one token. The payload of an extension is left unread.
    ///
    /// # Errors
    /// `Malformed` if it is cut off, or begins with the one byte that the format never uses.
    pub fn token(&mut self) -> Result<Token<'a>> {
        let start = self.cursor.clone();
        let first = self.cursor.u8()?;
        let token = match first {
            0x00..=0x7f => Token::Integer(first.into()),
            0x80..=0x8f => Token::Map((first & 0x0f).into()),
            0x90..=0x9f => Token::List((first & 0x0f).into()),
            0xa0..=0xbf => Token::String(self.cursor.take((first & 0x1f).into())?),
            0xc0 => Token::Nil,
            0xc1 => return Err(start.malformed("0xc1 is not a msgpack marker")),
            0xc2 | 0xc3 => Token::Bool(first == 0xc3),
            0xc4..=0xc6 => Token::Bytes(self.sized(first & 3)?),
            0xc7 => self.extension(0)?,
            0xc8 => self.extension(1)?,
            0xc9 => self.extension(2)?,
            0xca => Token::Float(f32::from_be_bytes(self.cursor.array()?).into()),
            0xcb => Token::Float(f64::from_be_bytes(self.cursor.array()?)),
            0xcc => Token::Integer(self.cursor.u8()?.into()),
            0xcd => Token::Integer(self.cursor.u16_be()?.into()),
            0xce => Token::Integer(self.cursor.u32_be()?.into()),
            0xcf => Token::Integer(self.cursor.u64_be()?.into()),
            0xd0 => Token::Integer(i8::from_be_bytes(self.cursor.array()?).into()),
            0xd1 => Token::Integer(i16::from_be_bytes(self.cursor.array()?).into()),
            0xd2 => Token::Integer(i32::from_be_bytes(self.cursor.array()?).into()),
            0xd3 => Token::Integer(i64::from_be_bytes(self.cursor.array()?).into()),
            0xd4..=0xd8 => {
                let length = 1_u64 << first.saturating_sub(0xd4);
                Token::Extension(i8::from_be_bytes(self.cursor.array()?), length)
            }
            0xd9 => Token::String(self.sized(0)?),
            0xda => Token::String(self.sized(1)?),
            0xdb => Token::String(self.sized(2)?),
            0xdc => Token::List(self.length(1)?),
            0xdd => Token::List(self.length(2)?),
            0xde => Token::Map(self.length(1)?),
            0xdf => Token::Map(self.length(2)?),
            0xe0..=0xff => Token::Integer(i8::from_be_bytes([first]).into()),
        };
        Ok(token)
    }

    /// Reads a string.
    ///
    /// # Errors
    /// `Malformed` if the next value is not a string, or is not UTF-8.
    pub fn string(&mut self) -> Result<&'a str> {
        let start = self.cursor.clone();
        match self.token()? {
            Token::String(bytes) => {
                std::str::from_utf8(bytes).map_err(|_| start.malformed("string is not UTF-8"))
            }
            other => Err(start.malformed(format!("expected a string, found {}", other.name()))),
        }
    }

    /// The bytes of an extension's payload.
    ///
    /// # Errors
    /// `Malformed` if there are fewer.
    pub fn payload(&mut self, length: u64) -> Result<&'a [u8]> {
        self.cursor.take(to_usize(length))
    }

    /// Skips one value and everything in it.
    ///
    /// # Errors
    /// `Malformed` if it is cut off.
    pub fn skip(&mut self) -> Result<()> {
        // Counts cannot overflow: each level adds at most 2^33 and takes a byte.
        let mut left = 1_u64;
        while left > 0 {
            left = left.saturating_sub(1);
            match self.token()? {
                Token::List(count) => left = left.saturating_add(count),
                Token::Map(count) => left = left.saturating_add(count.saturating_mul(2)),
                Token::Extension(_, length) => drop(self.payload(length)?),
                _ => {}
            }
        }
        Ok(())
    }

    /// Checks that everything was read.
    ///
    /// # Errors
    /// `Malformed` if bytes are left.
    pub fn finish(&self) -> Result<()> {
        self.cursor.finish()
    }

    /// A length of 1, 2 or 4 bytes, given by its logarithm.
    fn length(&mut self, log_bytes: u8) -> Result<u64> {
        Ok(match log_bytes {
            0 => self.cursor.u8()?.into(),
            1 => self.cursor.u16_be()?.into(),
            _ => self.cursor.u32_be()?.into(),
        })
    }

    /// A length, and that many bytes.
    fn sized(&mut self, log_bytes: u8) -> Result<&'a [u8]> {
        let length = self.length(log_bytes)?;
        self.cursor.take(to_usize(length))
    }

    fn extension(&mut self, log_bytes: u8) -> Result<Token<'a>> {
        let length = self.length(log_bytes)?;
        let code = i8::from_be_bytes(self.cursor.array()?);
        Ok(Token::Extension(code, length))
    }
}

impl Token<'_> {
    /// What the token is, for error messages.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Nil => "nil",
            Self::Bool(_) => "a boolean",
            Self::Integer(_) => "an integer",
            Self::Float(_) => "a float",
            Self::String(_) => "a string",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
            Self::Extension(..) => "an extension",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn token(bytes: &[u8]) -> Result<Token<'_>> {
        Msgpack::new(bytes, Offset::File(0)).token()
    }

    #[test]
    fn every_first_byte_is_read_as_the_specification_says() {
        for (bytes, wanted) in [
            (&[0x7f][..], Token::Integer(127)),
            (&[0x82], Token::Map(2)),
            (&[0x9f], Token::List(15)),
            (&[0xa2, b'h', b'i'], Token::String(b"hi")),
            (&[0xc0], Token::Nil),
            (&[0xc2], Token::Bool(false)),
            (&[0xc3], Token::Bool(true)),
            (&[0xc4, 1, 9], Token::Bytes(&[9])),
            (&[0xc5, 0, 1, 9], Token::Bytes(&[9])),
            (&[0xc6, 0, 0, 0, 1, 9], Token::Bytes(&[9])),
            (&[0xc7, 21, 1], Token::Extension(1, 21)),
            (&[0xc8, 1, 0, 2], Token::Extension(2, 256)),
            (&[0xc9, 0, 1, 0, 0, 3], Token::Extension(3, 65_536)),
            (&[0xca, 0x3f, 0xc0, 0, 0], Token::Float(1.5)),
            (&[0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0], Token::Float(1.5)),
            (&[0xcc, 0xff], Token::Integer(255)),
            (&[0xcd, 1, 0], Token::Integer(256)),
            (&[0xce, 0, 1, 0, 0], Token::Integer(65_536)),
            (
                &[0xcf, 255, 255, 255, 255, 255, 255, 255, 255],
                Token::Integer(18_446_744_073_709_551_615),
            ),
            (&[0xd0, 0x80], Token::Integer(-128)),
            (&[0xd1, 0xff, 0], Token::Integer(-256)),
            (&[0xd2, 0xff, 0xff, 0xff, 0xfe], Token::Integer(-2)),
            (
                &[0xd3, 128, 0, 0, 0, 0, 0, 0, 0],
                Token::Integer(-9_223_372_036_854_775_808),
            ),
            (&[0xd4, 0xff], Token::Extension(-1, 1)),
            (&[0xd8, 4], Token::Extension(4, 16)),
            (&[0xd9, 1, b'x'], Token::String(b"x")),
            (&[0xda, 0, 1, b'x'], Token::String(b"x")),
            (&[0xdb, 0, 0, 0, 1, b'x'], Token::String(b"x")),
            (&[0xdc, 1, 0], Token::List(256)),
            (&[0xdd, 255, 255, 255, 255], Token::List(4_294_967_295)),
            (&[0xde, 0, 16], Token::Map(16)),
            (&[0xdf, 0, 0, 0, 16], Token::Map(16)),
            (&[0xe0], Token::Integer(-32)),
            (&[0xff], Token::Integer(-1)),
        ] {
            assert_eq!(token(bytes).unwrap(), wanted, "{bytes:02x?}");
            for end in 0..bytes.len() {
                assert!(token(&bytes[..end]).is_err(), "{bytes:02x?} cut to {end}");
            }
        }
    }

    #[test]
    fn refusals_name_the_byte() {
        for (bytes, at) in [
            (&[][..], 0),
            (&[0xc1], 0),
            (&[0xa3, b'x'], 1),
            (&[0xc6, 255, 255, 255, 255, 0], 5),
            (&[0xcd, 1], 1),
            (&[0xd9], 1),
        ] {
            let error = token(bytes).unwrap_err();
            assert_eq!(error.offset(), Some(Offset::File(at)), "{bytes:02x?}");
        }
    }

    #[test]
    fn skipping_needs_no_stack() {
        let mut deep = vec![0x91; 1_000_000];
        deep.push(0xc0);
        let mut msgpack = Msgpack::new(&deep, Offset::File(0));
        msgpack.skip().unwrap();
        msgpack.finish().unwrap();
        assert!(Msgpack::new(&deep[..100], Offset::File(0)).skip().is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_skipped_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let mut msgpack = Msgpack::new(&bytes, Offset::File(0));
            if msgpack.skip().is_ok() {
                prop_assert!(msgpack.offset().bytes() <= 64);
            }
        }
    }
}
