//! Finds the end of a string, eight bytes at a time.

/// One in each byte of a word.
const ONES: u64 = u64::from_le_bytes([1; 8]);

/// The top bit of each byte of a word.
const TOPS: u64 = u64::from_le_bytes([0x80; 8]);

/// The first position from `at` on with a quote, a backslash or a control character; the length of
/// `bytes` if there is none.
#[inline]
pub(super) fn plain_until(bytes: &[u8], at: usize) -> usize {
    let mut at = at;
    let mut rest = bytes.get(at..).unwrap_or_default();
    while let Some(word) = rest.first_chunk() {
        let found = special(u64::from_le_bytes(*word));
        if found != 0 {
            let before = found.trailing_zeros() >> 3;
            return usize::try_from(before).map_or(at, |before| at.saturating_add(before));
        }
        at = at.saturating_add(8);
        rest = rest.get(8..).unwrap_or_default();
    }
    let is_special = |byte: &u8| matches!(byte, 0..=0x1f | b'"' | b'\\');
    let more = rest.iter().position(is_special).unwrap_or(rest.len());
    at.saturating_add(more)
}

/// The top bit of each byte of `word` that ends a plain run, lowest byte first. Bits above the
/// lowest one may be false positives, because a borrow propagates only upwards.
#[inline]
fn special(word: u64) -> u64 {
    let below = |limit: u64, word: u64| word.wrapping_sub(ONES.wrapping_mul(limit)) & !word & TOPS;
    let is = |byte: u8| below(1, word ^ u64::from_le_bytes([byte; 8]));
    below(0x20, word) | is(b'"') | is(b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_value_is_told_apart_at_every_place() {
        for byte in 0..=255_u8 {
            for length in 0..20 {
                for place in 0..length {
                    let mut bytes = vec![b'a'; length];
                    bytes[place] = byte;
                    let special = byte < 0x20 || byte == b'"' || byte == b'\\';
                    let wanted = if special { place } else { length };
                    assert_eq!(plain_until(&bytes, 0), wanted, "{byte:#x} at {place}");
                }
            }
        }
    }

    #[test]
    fn the_first_of_several_counts() {
        assert_eq!(plain_until(b"a\"\"\x1f\\aaaaaaa", 0), 1);
        assert_eq!(plain_until(b"a\"\"\x1f\\aaaaaaa", 2), 2);
        assert_eq!(plain_until(b"\x7f\x80\xff   !#[]\n", 0), 10);
    }
}
