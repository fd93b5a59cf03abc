//! LEB128 numbers, seven bits a byte, low bits first; single numbers and whole columns of them.

use crate::cursor::{Cursor, to_u64, to_usize};
use crate::error::{Error, Offset, Result};

/// The bit that says that another byte follows.
const MORE: u8 = 0x80;

/// [`MORE`] in each byte of a word.
const MORE_IN_EACH: u64 = u64::from_le_bytes([MORE; 8]);

/// The width of a field. Within the length that the width needs, zero padding is legal: `81 80 00`
/// is 1.
#[derive(Clone, Copy, Debug)]
enum Width {
    Bits32,
    Bits64,
}

impl Width {
    const fn bits(self) -> u32 {
        match self {
            Self::Bits32 => 32,
            Self::Bits64 => 64,
        }
    }

    const fn max_bytes(self) -> usize {
        match self {
            Self::Bits32 => 5,
            Self::Bits64 => 10,
        }
    }

    const fn max(self) -> u64 {
        match self {
            Self::Bits32 => 0xffff_ffff,
            Self::Bits64 => u64::MAX,
        }
    }

    /// The number at the start of `bytes` and its length in bytes, or the reason why there is none.
    fn decode(self, bytes: &[u8]) -> std::result::Result<(u64, usize), String> {
        let mut number = 0_u64;
        let mut shift = 0_u32;
        for (position, &byte) in bytes.iter().enumerate().take(self.max_bytes()) {
            let low = u64::from(byte & !MORE);
            let shifted = low.wrapping_shl(shift);
            if shifted.wrapping_shr(shift) != low {
                return Err(self.too_large());
            }
            number |= shifted;
            shift = shift.saturating_add(7);
            if byte & MORE == 0 {
                let fits = number <= self.max();
                let length = position.saturating_add(1);
                return fits
                    .then_some((number, length))
                    .ok_or_else(|| self.too_large());
            }
        }
        if bytes.len() < self.max_bytes() {
            return Err("the bytes end inside a number".to_owned());
        }
        Err(format!(
            "number of more than {} bytes, for {} bits",
            self.max_bytes(),
            self.bits()
        ))
    }

    fn too_large(self) -> String {
        format!("number of more than {} bits", self.bits())
    }
}

/// Reads a number of at most 32 bits.
///
/// # Errors
/// `Malformed` at its first byte, if it is cut off, too long or too large.
pub fn read_u32(cursor: &mut Cursor<'_>) -> Result<u32> {
    // `Bits32` excludes larger numbers.
    read(cursor, Width::Bits32).map(|number| u32::try_from(number).unwrap_or(u32::MAX))
}

/// Reads a number of at most 64 bits.
///
/// # Errors
/// As [`read_u32`].
pub fn read_u64(cursor: &mut Cursor<'_>) -> Result<u64> {
    read(cursor, Width::Bits64)
}

fn read(cursor: &mut Cursor<'_>, width: Width) -> Result<u64> {
    let (number, length) = width
        .decode(cursor.rest())
        .map_err(|reason| cursor.malformed(reason))?;
    cursor.take(length)?;
    Ok(number)
}

/// A column of numbers that is known to be complete but is decoded only when it is read.
#[derive(Clone, Debug)]
pub struct Varints<'a> {
    rest: &'a [u8],
    length: usize,
    start: Offset,
}

impl<'a> Varints<'a> {
    /// Reads a column of `count` numbers from the cursor without decoding them.
    ///
    /// A column ends where the last of its numbers ends, and each number ends with its only byte
    /// whose top bit is zero. So it is enough to count such bytes, which the compiler turns into a
    /// few vector instructions for each 128 of them.
    ///
    /// # Errors
    /// `Malformed` at the first byte of the column if the bytes end before it does.
    pub fn take(cursor: &mut Cursor<'a>, count: u64, what: &str) -> Result<Self> {
        let start = cursor.offset();
        let Some(length) = extent(cursor.rest(), count) else {
            return Err(cursor.malformed(format!("{what}: the bytes end before {count} numbers")));
        };
        Ok(Self {
            rest: cursor.take(length)?,
            length,
            start,
        })
    }

    /// The bytes of the numbers not yet read.
    pub(super) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Skips the next `bytes` bytes, which must be whole numbers.
    pub(super) fn pass_bytes(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    /// Skips the next `count` numbers without decoding them.
    ///
    /// # Errors
    /// `Malformed` if there are fewer.
    pub fn skip(&mut self, count: usize) -> Result<()> {
        if count == 0 {
            return Ok(());
        }
        let length = extent(self.rest, to_u64(count)).ok_or_else(|| {
            Error::malformed(self.offset(), format!("fewer than {count} numbers"))
        })?;
        self.pass_bytes(length);
        Ok(())
    }

    /// Skips the next `count` numbers and returns their sum, if none of them is greater than `max`
    /// or longer than eight bytes. Otherwise it skips none.
    pub fn pass_sum(&mut self, count: usize, max: u64) -> Option<u64> {
        let mut rest = self.rest;
        let mut sum = 0_u64;
        for _ in 0..count {
            let number = match rest {
                [number, after @ ..] if *number < MORE => {
                    rest = after;
                    u64::from(*number)
                }
                _ => {
                    let (number, after) = short(rest)?;
                    rest = after;
                    number
                }
            };
            if number > max {
                return None;
            }
            sum = sum.checked_add(number)?;
        }
        self.rest = rest;
        Some(sum)
    }

    /// Whether none of the remaining numbers takes more than eight bytes, so that all are less than
    /// 2^56.
    ///
    /// A longer number would have eight consecutive bytes with the continuation bit. Sixteen bytes
    /// are examined at a time: after three steps of doubling, a bit is left where such a row
    /// starts.
    pub fn are_short(&self) -> bool {
        const MORE_IN_EACH: u128 = u128::from_le_bytes([MORE; 16]);
        let row = |bytes: [u8; 16]| {
            let one = u128::from_le_bytes(bytes) & MORE_IN_EACH;
            let two = one & (one >> 8);
            let four = two & (two >> 16);
            four & (four >> 32)
        };
        let mut found = 0;
        let mut rest = self.rest;
        // A row that starts in the upper half of one step starts in the lower half of the next.
        while let Some(chunk) = rest.first_chunk() {
            found |= row(*chunk);
            rest = rest.get(8..).unwrap_or_default();
        }
        let mut tail = [0; 16];
        tail.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        found | row(tail) == 0
    }

    /// Whether all remaining numbers are less than `limit`, if each takes only one byte.
    pub fn are_below(&self, limit: u64) -> bool {
        let limit = u8::try_from(limit).unwrap_or(MORE).min(MORE);
        count_bytes(self.rest, |byte| byte < limit) == self.rest.len()
    }

    /// The offset of the next number.
    pub fn offset(&self) -> Offset {
        let read = self.length.saturating_sub(self.rest.len());
        self.start.plus(to_u64(read))
    }

    /// The next number, of at most 64 bits.
    ///
    /// # Errors
    /// `Malformed` at its first byte, if it is too long or too large, or if there are none left.
    #[inline]
    pub fn next_u64(&mut self) -> Result<u64> {
        if let Some((number, rest)) = short(self.rest) {
            self.rest = rest;
            return Ok(number);
        }
        self.next(Width::Bits64)
    }

    /// The next number, of at most 16 bits, as a length.
    ///
    /// # Errors
    /// As [`Varints::next_u64`].
    #[inline]
    pub fn next_u16(&mut self) -> Result<usize> {
        // Lengths of keys and of shared prefixes rarely need two bytes.
        if let Some((&byte, rest)) = self.rest.split_first()
            && byte & MORE == 0
        {
            self.rest = rest;
            return Ok(usize::from(byte));
        }
        let at = self.offset();
        let number = self.next(Width::Bits32)?;
        if number > u64::from(u16::MAX) {
            return Err(Error::malformed(at, "number of more than 16 bits"));
        }
        Ok(to_usize(number))
    }

    #[cold]
    fn next(&mut self, width: Width) -> Result<u64> {
        let (number, length) = width
            .decode(self.rest)
            .map_err(|reason| Error::malformed(self.offset(), reason))?;
        self.rest = self.rest.get(length..).unwrap_or_default();
        Ok(number)
    }
}

/// The number of bytes that `count` numbers take at the start of `bytes`.
fn extent(bytes: &[u8], count: u64) -> Option<usize> {
    const STRIDE: usize = 128;
    let mut left = to_usize(count);
    let mut rest = bytes;
    // While more numbers are left than a stride has bytes, they do not end within it.
    while left > STRIDE {
        let (stride, after) = rest.split_at_checked(STRIDE)?;
        left = left.saturating_sub(count_bytes(stride, |byte| byte < MORE));
        rest = after;
    }
    while left > 0 {
        let (byte, after) = rest.split_first()?;
        left = left.saturating_sub(usize::from(*byte < MORE));
        rest = after;
    }
    bytes.len().checked_sub(rest.len())
}

/// The number of `bytes` for which `counts` returns true.
pub(super) fn count_bytes(bytes: &[u8], counts: impl Fn(u8) -> bool) -> usize {
    // At most 128 a chunk, so that a byte can hold the sum; wrapping, because a check after each
    // addition would prevent vectorisation.
    bytes.chunks(128).fold(0, |total, chunk| {
        let sum = chunk
            .iter()
            .fold(0_u8, |sum, &byte| sum.wrapping_add(u8::from(counts(byte))));
        total.saturating_add(usize::from(sum))
    })
}

/// The number at the start of `bytes` and the rest, if the number takes at most eight bytes and at
/// least eight bytes are there.
///
/// Offsets and lengths have from one to five bytes, in no order that a branch predictor could
/// learn. So there is no branch on the length: a word is loaded, the bits after the last byte of
/// the number are masked, and the groups of seven bits are merged in pairs.
/// byte of the number is masked away, and the groups of seven bits are pushed together in pairs.
#[inline]
fn short(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let word = u64::from_le_bytes(*bytes.first_chunk()?);
    let ends = !word & MORE_IN_EACH;
    if ends == 0 {
        return None;
    }
    // All bits up to and including the top bit of the last byte: 8, 16, … 64 of them.
    let mask = ends ^ ends.wrapping_sub(1);
    let x = word & mask & !MORE_IN_EACH;
    let x = (x & 0x007f_007f_007f_007f) | ((x & 0x7f00_7f00_7f00_7f00) >> 1);
    let x = (x & 0x0000_3fff_0000_3fff) | ((x & 0x3fff_0000_3fff_0000) >> 2);
    let x = (x & 0x0000_0000_0fff_ffff) | ((x & 0x0fff_ffff_0000_0000) >> 4);
    let length = to_usize(u64::from(ends.trailing_zeros() >> 3).wrapping_add(1));
    Some((x, bytes.get(length..)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use proptest::prelude::*;

    fn column(bytes: &[u8], count: u64) -> Result<(Varints<'_>, usize)> {
        let mut cursor = Cursor::new(bytes, Offset::Body(100));
        let column = Varints::take(&mut cursor, count, "numbers")?;
        Ok((column, cursor.remaining()))
    }

    /// Once alone, and once followed by enough bytes for reading a word at a time.
    fn both_ways(bytes: &[u8]) -> [Result<u64>; 2] {
        let padded: Vec<u8> = bytes.iter().copied().chain([0x55; 16]).collect();
        [bytes.to_vec(), padded].map(|bytes| column(&bytes, 1)?.0.next_u64())
    }

    #[test]
    fn numbers_and_their_paddings() {
        for (bytes, number) in [
            (&[0x00][..], 0),
            (&[0x7f], 127),
            (&[0x80, 0x01], 128),
            (&[0x81, 0x80, 0x00], 1),
            (&[0x80, 0xc2, 0xd7, 0x2f], 100_000_000),
            (&[0xff, 0xff, 0xff, 0xff, 0x0f], 0xffff_ffff),
            (&[0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00], 1),
            (
                &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
                (1 << 56) - 1,
            ),
            (
                &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
                u64::MAX,
            ),
        ] {
            for way in both_ways(bytes) {
                assert_eq!(way.unwrap(), number, "{bytes:02x?}");
            }
        }
    }

    #[test]
    fn numbers_too_large_or_too_long_are_refused_at_their_first_byte() {
        for bytes in [
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02][..],
            &[
                0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00,
            ],
        ] {
            for way in both_ways(bytes) {
                let error = way.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Malformed);
                assert_eq!(error.offset(), Some(Offset::Body(100)), "{bytes:02x?}");
            }
        }
    }

    #[test]
    fn narrow_fields_refuse_wide_numbers() {
        for (bytes, ok32, ok16) in [
            (&[0xff, 0xff, 0x03][..], true, true),
            (&[0xff, 0x80, 0x80, 0x80, 0x00], true, true),
            (&[0x80, 0x80, 0x04], true, false),
            (&[0xff, 0xff, 0xff, 0xff, 0x0f], true, false),
            (&[0xff, 0xff, 0xff, 0xff, 0x10], false, false),
            (&[0xff, 0x80, 0x80, 0x80, 0x80, 0x00], false, false),
        ] {
            let mut cursor = Cursor::new(bytes, Offset::File(0));
            assert_eq!(read_u32(&mut cursor).is_ok(), ok32, "{bytes:02x?}");
            let narrow = column(bytes, 1).unwrap().0.next_u16();
            assert_eq!(narrow.is_ok(), ok16, "{bytes:02x?}");
        }
    }

    #[test]
    fn a_cut_number_is_refused() {
        for bytes in [&[][..], &[0x80], &[0xff, 0xff]] {
            let mut cursor = Cursor::new(bytes, Offset::File(7));
            let error = read_u64(&mut cursor).unwrap_err();
            assert_eq!(error.offset(), Some(Offset::File(7)));
            assert!(column(bytes, 1).is_err());
        }
        assert!(column(&[1, 2, 0x83], 3).is_err());
        assert!(column(&[1, 2], u64::MAX).is_err());
    }

    #[test]
    fn the_next_number_of_an_exhausted_column_is_an_error() {
        let (mut numbers, left) = column(&[1, 0x82, 0x01, 9], 2).unwrap();
        assert_eq!(left, 1);
        numbers.next_u64().unwrap();
        assert_eq!(numbers.offset(), Offset::Body(101));
        numbers.next_u64().unwrap();
        assert_eq!(
            numbers.next_u64().unwrap_err().offset(),
            Some(Offset::Body(103))
        );
    }

    #[test]
    fn skipped_numbers_are_gone() {
        let bytes = [1, 0x82, 0x01, 9, 7];
        let (mut numbers, _) = column(&bytes, 4).unwrap();
        numbers.skip(2).unwrap();
        assert_eq!(numbers.next_u64().unwrap(), 9);
        assert_eq!(
            numbers.skip(2).unwrap_err().offset(),
            Some(Offset::Body(104))
        );
        numbers.skip(1).unwrap();
        numbers.skip(0).unwrap();
    }

    #[test]
    fn a_glance_sees_a_long_number_anywhere() {
        for before in 0..40 {
            for (rows, short) in [(7, true), (8, false), (9, false)] {
                let bytes = [vec![1; before], vec![0x80; rows], vec![1; 41 - before]].concat();
                let (numbers, _) = column(&bytes, 41).unwrap();
                assert_eq!(numbers.are_short(), short, "{before}, {rows}");
            }
        }
        assert!(column(&[], 0).unwrap().0.are_short());
    }

    #[test]
    fn a_glance_sees_numbers_at_a_limit() {
        for (bytes, limit, below) in [
            (&[0, 3, 2][..], 4, true),
            (&[0, 3, 2], 3, false),
            (&[0, 0x83, 0], 1_000, false),
            (&[127], u64::MAX, true),
            (&[], 0, true),
            (&[0], 0, false),
        ] {
            let (numbers, _) = column(
                bytes,
                to_u64(bytes.len() - usize::from(bytes.contains(&0x83))),
            )
            .unwrap();
            assert_eq!(numbers.are_below(limit), below, "{bytes:?} below {limit}");
        }
    }

    proptest! {
        #[test]
        fn a_column_reads_as_its_numbers_one_by_one(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let count = bytes.iter().filter(|byte| **byte < MORE).count();
            let (mut numbers, left) = column(&bytes, to_u64(count)).unwrap();
            prop_assert_eq!(left, bytes.iter().rev().take_while(|byte| **byte >= MORE).count());
            let mut cursor = Cursor::new(&bytes, Offset::Body(100));
            for _ in 0..count {
                prop_assert_eq!(numbers.offset(), cursor.offset());
                match (numbers.next_u64(), read_u64(&mut cursor)) {
                    (Ok(fast), Ok(slow)) => prop_assert_eq!(fast, slow),
                    (Err(fast), Err(slow)) => {
                        prop_assert_eq!(fast, slow);
                        break;
                    }
                    (fast, slow) => prop_assert!(false, "{:?} against {:?}", fast, slow),
                }
            }
        }
    }
}
