//! Sinks for encodings that are not decoded: only the first bytes are checked.

use super::{Outcome, Sink};
use crate::cursor::to_u64;
use crate::error::counted;
use crate::verify::flaw::Flaw;

/// Bytes of a blosc header.
const BLOSC_HEADER: usize = 16;

/// A blosc buffer: only the lengths in its header are checked.
pub(super) struct Blosc {
    header: Vec<u8>,
    length: u64,
    decoded: u64,
}

impl Blosc {
    pub(super) fn new(decoded: u64) -> Self {
        Self {
            header: Vec::new(),
            length: 0,
            decoded,
        }
    }

    /// A number in the header.
    fn number(&self, at: usize) -> Option<u64> {
        let bytes = self.header.get(at..)?.first_chunk::<4>()?;
        Some(u64::from(u32::from_le_bytes(*bytes)))
    }
}

impl Sink for Blosc {
    fn feed(&mut self, bytes: &[u8]) -> Result<(), Flaw> {
        let wanted = BLOSC_HEADER.saturating_sub(self.header.len());
        self.header.extend(bytes.iter().take(wanted));
        self.length = self.length.saturating_add(to_u64(bytes.len()));
        Ok(())
    }

    fn finish(&mut self) -> Result<Outcome, Flaw> {
        // Source: c-blosc `README_CHUNK_FORMAT.rst`: bytes before compression at 4, after it at 12.
        let (Some(decoded), Some(length)) = (self.number(4), self.number(12)) else {
            let found = counted(self.length, "byte", "bytes");
            return Err(Flaw::damaged("a blosc header", found));
        };
        if (decoded, length) != (self.decoded, self.length) {
            return Err(Flaw::damaged(
                format!(
                    "{} from {}",
                    counted(self.decoded, "byte", "bytes"),
                    self.length
                ),
                format!(
                    "a blosc header that says {} from {length}",
                    counted(decoded, "byte", "bytes")
                ),
            ));
        }
        Ok(Outcome {
            undecoded: true,
            unsealed: true,
            ..Outcome::default()
        })
    }
}

/// A bzip2 stream: only its first bytes are checked.
#[derive(Default)]
pub(super) struct Bz2 {
    head: Vec<u8>,
}

impl Sink for Bz2 {
    fn feed(&mut self, bytes: &[u8]) -> Result<(), Flaw> {
        let wanted = 3_usize.saturating_sub(self.head.len());
        self.head.extend(bytes.iter().take(wanted));
        Ok(())
    }

    fn finish(&mut self) -> Result<Outcome, Flaw> {
        if self.head != b"BZh" {
            return Err(Flaw::damaged("a bzip2 stream", "something else"));
        }
        Ok(Outcome {
            undecoded: true,
            unsealed: true,
            ..Outcome::default()
        })
    }
}
