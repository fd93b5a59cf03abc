//! Whether elements are NaN or infinite.

use crate::zarr::dtype::DType;

/// The most bytes of a float.
const MAX_BYTES: usize = 8;

/// The bits of a float that show whether it is finite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pattern {
    /// The bytes of one number, or of each part of a complex one.
    bytes: usize,
    /// The bits to look at.
    mask: u64,
    /// Their value for NaN and infinity.
    value: u64,
}

/// Counts the elements of a chunk that are NaN or infinite.
#[derive(Clone, Debug)]
pub struct NotFinite {
    pattern: Pattern,
    big_endian: bool,
    /// The first bytes of a number whose rest has not come yet.
    partial: Vec<u8>,
    count: u64,
}

impl NotFinite {
    /// A counter for elements of a type; `None` for types that are always finite.
    pub fn new(dtype: DType, big_endian: bool) -> Option<Self> {
        Some(Self {
            pattern: pattern(dtype)?,
            big_endian,
            partial: Vec::with_capacity(MAX_BYTES),
            count: 0,
        })
    }

    /// Examines the next bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        let size = self.pattern.bytes;
        let wanted = match self.partial.len() {
            0 => 0,
            have => size.saturating_sub(have).min(bytes.len()),
        };
        let (head, rest) = bytes.split_at_checked(wanted).unwrap_or((bytes, &[]));
        if wanted > 0 {
            self.partial.extend_from_slice(head);
            if self.partial.len() < size {
                return;
            }
            let number = std::mem::take(&mut self.partial);
            self.look(&number);
        }
        let whole = rest.chunks_exact(size);
        let left = whole.remainder();
        let found = whole.filter(|number| self.is_match(number)).count();
        self.count = self.count.saturating_add(crate::cursor::to_u64(found));
        self.partial.clear();
        self.partial.extend_from_slice(left);
    }

    /// The number of such elements.
    pub const fn count(&self) -> u64 {
        self.count
    }

    fn look(&mut self, number: &[u8]) {
        if self.is_match(number) {
            self.count = self.count.saturating_add(1);
        }
    }

    fn is_match(&self, number: &[u8]) -> bool {
        let add = |bits: u64, byte: &u8| (bits << 8) | u64::from(*byte);
        let bits = if self.big_endian {
            number.iter().fold(0, add)
        } else {
            number.iter().rev().fold(0, add)
        };
        bits & self.pattern.mask == self.pattern.value
    }
}

fn pattern(dtype: DType) -> Option<Pattern> {
    let exponent = |bytes, mask| {
        Some(Pattern {
            bytes,
            mask,
            value: mask,
        })
    };
    match dtype {
        DType::Float16 => exponent(2, 0x7c00),
        DType::BFloat16 => exponent(2, 0x7f80),
        DType::Float32 | DType::Complex64 => exponent(4, 0x7f80_0000),
        DType::Float64 | DType::Complex128 => exponent(8, 0x7ff0_0000_0000_0000),
        DType::Float8E5M2 => exponent(1, 0x7c),
        DType::Float8E3M4 => exponent(1, 0x70),
        // These have no infinity, and only one or two values for NaN.
        DType::Float8E4M3Fn => exponent(1, 0x7f),
        DType::Float8E8M0Fnu => exponent(1, 0xff),
        DType::Float8E4M3B11Fnuz | DType::Float8E4M3Fnuz | DType::Float8E5M2Fnuz => Some(Pattern {
            bytes: 1,
            mask: 0xff,
            value: 0x80,
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(dtype: DType, big_endian: bool, bytes: &[u8], piece: usize) -> u64 {
        let mut values = NotFinite::new(dtype, big_endian).unwrap();
        for piece in bytes.chunks(piece) {
            values.feed(piece);
        }
        values.count()
    }

    #[test]
    fn nan_and_infinity_are_counted_however_the_bytes_come() {
        let floats = [
            0.0_f32,
            f32::NAN,
            1e38,
            f32::INFINITY,
            f32::NEG_INFINITY,
            -1.5,
        ];
        let little: Vec<u8> = floats
            .iter()
            .flat_map(|float| float.to_le_bytes())
            .collect();
        let big: Vec<u8> = floats
            .iter()
            .flat_map(|float| float.to_be_bytes())
            .collect();
        for piece in [1, 3, 4, 7, 100] {
            assert_eq!(count(DType::Float32, false, &little, piece), 3, "{piece}");
            assert_eq!(count(DType::Float32, true, &big, piece), 3, "{piece}");
        }
        let doubles: Vec<u8> = [f64::NAN, 2.0]
            .iter()
            .flat_map(|f| f.to_le_bytes())
            .collect();
        assert_eq!(count(DType::Float64, false, &doubles, 5), 1);
        assert_eq!(count(DType::Complex128, false, &doubles, 5), 1);
    }

    #[test]
    fn short_floats_have_their_own_patterns() {
        for (dtype, bytes, expected) in [
            (DType::BFloat16, &[0x80, 0x7f, 0x80, 0x3f][..], 1),
            (DType::Float16, &[0x00, 0x7c, 0x00, 0x3c], 1),
            (DType::Float8E4M3Fn, &[0x7f, 0xff, 0x7e, 0x78], 2),
            (DType::Float8E5M2, &[0x7c, 0x7d, 0x7b], 2),
            (DType::Float8E4M3Fnuz, &[0x80, 0x7f, 0x00], 1),
            (DType::Float8E8M0Fnu, &[0xff, 0xfe], 1),
            (DType::Float8E3M4, &[0x70, 0x6f], 1),
        ] {
            assert_eq!(count(dtype, false, bytes, 3), expected, "{dtype:?}");
        }
        assert!(NotFinite::new(DType::Int32, false).is_none());
        assert!(NotFinite::new(DType::Bool, false).is_none());
    }
}
