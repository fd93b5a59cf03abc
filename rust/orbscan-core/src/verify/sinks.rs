//! From a chunk's bytes back to elements, a piece at a time: a chunk is never in memory as a whole.
//!
//! A chain of sinks is built from the inside: the last one counts elements, and each one before it
//! undoes one step of the encoding.

mod compressed;
mod heads;
mod summed;

use self::compressed::{Zstd, gzip, zlib};
use self::heads::{Blosc, Bz2};
use self::summed::Crc32c;
use super::finite::NotFinite;
use super::flaw::Flaw;
use crate::cursor::to_u64;
use crate::error::counted;
use crate::zarr::encoding::Step;

/// The result at the end of a chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Elements that are NaN or infinite.
    pub not_finite: u64,
    /// Whether some of the content was not decoded.
    pub undecoded: bool,
    /// Bytes of shards that their indices do not refer to.
    pub surplus: u64,
    /// Whether some of the content carries no checksum.
    pub unsealed: bool,
}

impl Outcome {
    /// The same for content that a checksum covers.
    const fn sealed(self) -> Self {
        Self {
            unsealed: false,
            ..self
        }
    }

    /// Adds the outcome of another part of the chunk.
    pub fn add(&mut self, other: Self) {
        self.not_finite = self.not_finite.saturating_add(other.not_finite);
        self.undecoded |= other.undecoded;
        self.unsealed |= other.unsealed;
        self.surplus = self.surplus.saturating_add(other.surplus);
    }
}

/// Takes bytes.
pub trait Sink {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// What is wrong with them.
    fn feed(&mut self, bytes: &[u8]) -> Result<(), Flaw>;

    /// Ends the chain after all bytes.
    ///
    /// # Errors
    /// What is missing.
    fn finish(&mut self) -> Result<Outcome, Flaw>;
}

/// What is checked in elements.
#[derive(Clone, Debug, Default)]
pub struct Values {
    /// NaN and infinity.
    pub not_finite: Option<NotFinite>,
    /// Truth values that are neither 0 nor 1, which TensorStore refuses.
    pub bools: bool,
}

/// The chain that undoes `steps` and expects `decoded` bytes at the end.
pub fn chain(steps: &[Step], decoded: u64, values: Values) -> Box<dyn Sink> {
    let mut sink: Box<dyn Sink> = Box::new(Elements {
        expected: decoded,
        seen: 0,
        values,
    });
    for step in steps {
        sink = match step {
            Step::Zstd => Box::new(Zstd::new(sink)),
            Step::Gzip => gzip(sink),
            Step::Zlib => zlib(sink),
            Step::Crc32c => Box::new(Crc32c::new(sink)),
            Step::Blosc => Box::new(Blosc::new(decoded)),
            Step::Bz2 => Box::new(Bz2::default()),
        };
    }
    sink
}

/// The end of a chain: counts the bytes.
struct Elements {
    expected: u64,
    seen: u64,
    values: Values,
}

impl Sink for Elements {
    fn feed(&mut self, bytes: &[u8]) -> Result<(), Flaw> {
        self.seen = self.seen.saturating_add(to_u64(bytes.len()));
        if self.seen > self.expected {
            let expected = counted(self.expected, "byte of elements", "bytes of elements");
            return Err(Flaw::damaged(expected, "more"));
        }
        if let Some(not_finite) = &mut self.values.not_finite {
            not_finite.feed(bytes);
        }
        if self.values.bools
            && let Some(byte) = bytes.iter().find(|byte| **byte > 1)
        {
            return Err(Flaw::damaged("truth values 0 and 1", byte.to_string()));
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<Outcome, Flaw> {
        if self.seen < self.expected {
            let expected = counted(self.expected, "byte of elements", "bytes of elements");
            return Err(Flaw::damaged(expected, counted(self.seen, "byte", "bytes")));
        }
        Ok(Outcome {
            not_finite: self.values.not_finite.as_ref().map_or(0, NotFinite::count),
            unsealed: true,
            ..Outcome::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn run(steps: &[Step], bytes: &[u8], decoded: u64, piece: usize) -> Result<Outcome, Flaw> {
        let mut sink = chain(steps, decoded, Values::default());
        for piece in bytes.chunks(piece) {
            sink.feed(piece)?;
        }
        sink.finish()
    }

    fn content() -> Vec<u8> {
        (0..300_000_u32)
            .flat_map(|n| (n / 3).to_le_bytes())
            .collect()
    }

    fn gzipped(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zlibbed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn summed(bytes: &[u8]) -> Vec<u8> {
        [bytes, &crc32c::crc32c(bytes).to_le_bytes()].concat()
    }

    fn cases() -> Vec<(Vec<Step>, Vec<u8>)> {
        let plain = content();
        let zstd = zstd::bulk::compress(&plain, 1).unwrap();
        vec![
            (vec![Step::Crc32c], summed(&plain)),
            (vec![Step::Zstd, Step::Crc32c], summed(&zstd)),
            (vec![Step::Zstd], zstd),
            (vec![Step::Gzip], gzipped(&plain)),
            (vec![Step::Zlib], zlibbed(&plain)),
            (vec![], plain),
        ]
    }

    #[test]
    fn what_was_encoded_decodes_in_pieces_of_any_length() {
        let decoded = to_u64(content().len());
        for (steps, bytes) in cases() {
            for piece in [1_000, 65_536, bytes.len()] {
                let found = run(&steps, &bytes, decoded, piece).unwrap();
                assert!(!found.undecoded, "{steps:?}");
                assert_eq!((found.not_finite, found.surplus), (0, 0), "{steps:?}");
            }
        }
    }

    #[test]
    fn a_chunk_that_is_cut_off_or_goes_on_is_damaged() {
        let decoded = to_u64(content().len());
        for (steps, bytes) in cases() {
            for end in [0, 1, bytes.len() / 2, bytes.len() - 1] {
                let cut = run(&steps, &bytes[..end], decoded, 4_096);
                assert!(
                    matches!(cut, Err(Flaw::Damaged { .. })),
                    "{steps:?} {end} {cut:?}"
                );
            }
            let longer = [bytes.as_slice(), &[0, 1, 2]].concat();
            assert!(run(&steps, &longer, decoded, 4_096).is_err(), "{steps:?}");
            assert!(
                run(&steps, &bytes, decoded - 4, 4_096).is_err(),
                "{steps:?}"
            );
            assert!(
                run(&steps, &bytes, decoded + 4, 4_096).is_err(),
                "{steps:?}"
            );
        }
    }

    #[test]
    fn a_bomb_is_left_as_soon_as_it_is_too_large() {
        let bomb = zstd::bulk::compress(&vec![0; 1 << 26], 1).unwrap();
        let flaw = run(&[Step::Zstd], &bomb, 1_000, 1 << 20).unwrap_err();
        assert_eq!(flaw, Flaw::damaged("1000 bytes of elements", "more"));
    }

    #[test]
    fn a_flipped_bit_under_a_checksum_is_seen() {
        let (steps, mut bytes) = cases().remove(0);
        bytes[1_000] ^= 4;
        assert!(run(&steps, &bytes, to_u64(content().len()), 999).is_err());
    }

    #[test]
    fn what_carries_a_checksum_is_sealed() {
        let content = [7; 64];
        let zstd = |sealed| {
            let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
            encoder.include_checksum(sealed).unwrap();
            encoder.write_all(&content).unwrap();
            encoder.finish().unwrap()
        };
        let mut crc = content.to_vec();
        crc.extend(crc32c::crc32c(&content).to_le_bytes());
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&content).unwrap();
        for (steps, bytes, unsealed) in [
            (&[][..], content.to_vec(), true),
            (&[Step::Zstd][..], zstd(false), true),
            (&[Step::Zstd], zstd(true), false),
            (&[Step::Crc32c], crc, false),
            (&[Step::Gzip], gzip.finish().unwrap(), false),
        ] {
            for piece in [1, 3, 4, 5, 1_000] {
                let outcome = run(steps, &bytes, 64, piece).unwrap();
                assert_eq!(outcome.unsealed, unsealed, "{steps:?} by {piece}");
            }
        }
    }

    #[test]
    fn of_blosc_and_bzip2_only_the_heads_are_checked() {
        let mut blosc = vec![2, 1, 33, 4];
        for number in [64_u32, 64, 20] {
            blosc.extend(number.to_le_bytes());
        }
        blosc.extend([0; 4]);
        let undecoded = Outcome {
            undecoded: true,
            unsealed: true,
            ..Outcome::default()
        };
        assert_eq!(run(&[Step::Blosc], &blosc, 64, 7), Ok(undecoded));
        assert!(run(&[Step::Blosc], &blosc, 65, 7).is_err());
        assert!(run(&[Step::Blosc], &blosc[..19], 64, 7).is_err());
        assert!(run(&[Step::Blosc], &blosc[..9], 64, 7).is_err());
        assert_eq!(run(&[Step::Bz2], b"BZh9123", 64, 2), Ok(undecoded));
        assert!(run(&[Step::Bz2], b"PK", 64, 2).is_err());
    }
}
