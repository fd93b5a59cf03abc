//! Hashes that are the same on every machine and in every release.

use crate::cursor::to_u64;

const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0100_0000_01b3;

/// An FNV-1a hash of 64 bits.
///
/// It distinguishes inputs that are not forged: today's checkpoint from yesterday's, the shares of
/// many machines.
#[derive(Clone, Copy, Debug)]
pub struct Fnv(u64);

impl Fnv {
    /// The hash of nothing.
    pub const fn new() -> Self {
        Self(OFFSET_BASIS)
    }

    /// Adds bytes.
    pub fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(PRIME);
        }
    }

    /// Adds a string and its length, so that no two lists of strings look alike.
    pub fn add_text(&mut self, text: &str) {
        self.add(&to_u64(text.len()).to_le_bytes());
        self.add(text.as_bytes());
    }

    /// The hash, mixed once more: the low bits of FNV-1a alone would be distributed unevenly.
    pub const fn finish(self) -> u64 {
        let stirred = (self.0 ^ (self.0 >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        stirred ^ (stirred >> 29)
    }
}

impl Default for Fnv {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(texts: &[&str]) -> u64 {
        let mut fingerprint = Fnv::new();
        for text in texts {
            fingerprint.add_text(text);
        }
        fingerprint.finish()
    }

    #[test]
    fn never_changes() {
        assert_eq!(of(&["run/7"]), 153_934_131_137_741_512);
    }

    #[test]
    fn tells_lists_apart() {
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
    }

    #[test]
    fn shares_evenly() {
        let shares = 7;
        let mut tally = [0_usize; 7];
        for step in 0..7_000 {
            let share = of(&[&format!("runs/a/{step}")]) % shares;
            tally[usize::try_from(share).unwrap()] += 1;
        }
        assert!(
            tally.iter().all(|count| (850..1_150).contains(count)),
            "{tally:?}"
        );
    }
}
