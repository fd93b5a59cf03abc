//! The sink for bytes with a checksum.

use super::{Outcome, Sink};
use crate::cursor::to_u64;
use crate::error::counted;
use crate::verify::flaw::Flaw;

/// Bytes followed by their CRC-32C.
pub(super) struct Crc32c {
    sum: u32,
    /// The last bytes so far: the checksum, if nothing follows.
    tail: Vec<u8>,
    inner: Box<dyn Sink>,
}

impl Crc32c {
    pub(super) fn new(inner: Box<dyn Sink>) -> Self {
        Self {
            sum: 0,
            tail: Vec::new(),
            inner,
        }
    }
}

impl Sink for Crc32c {
    fn feed(&mut self, bytes: &[u8]) -> Result<(), Flaw> {
        self.tail.extend_from_slice(bytes);
        let covered = self.tail.len().saturating_sub(4);
        let covered: Vec<u8> = self.tail.drain(..covered).collect();
        self.sum = crc32c::crc32c_append(self.sum, &covered);
        self.inner.feed(&covered)
    }

    fn finish(&mut self) -> Result<Outcome, Flaw> {
        let Ok(stored) = <[u8; 4]>::try_from(self.tail.as_slice()) else {
            return Err(Flaw::damaged(
                "a checksum",
                counted(to_u64(self.tail.len()), "byte", "bytes"),
            ));
        };
        let stored = u32::from_le_bytes(stored);
        if stored != self.sum {
            let expected = format!("CRC-32C {stored:#010x}");
            return Err(Flaw::damaged(expected, format!("{:#010x}", self.sum)));
        }
        self.inner.finish().map(Outcome::sealed)
    }
}
