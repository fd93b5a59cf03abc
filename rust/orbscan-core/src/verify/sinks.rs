//! The way of a chunk's bytes back to elements, a piece at a time: nothing is ever held whole.
//!
//! A chain of sinks is built from the inside: the last one counts elements, and each before it undoes
//! one step of the encoding.

use std::io::Write;

use flate2::write::{GzDecoder, ZlibDecoder};
use zstd::stream::raw::{Decoder, InBuffer, Operation, OutBuffer};

use super::finite::NotFinite;
use super::flaw::Flaw;
use crate::cursor::to_u64;
use crate::error::counted;
use crate::zarr::encoding::Step;

/// Bytes decompressed at a time.
const PIECE: usize = 1 << 17;

/// The place of the descriptor in a zstd frame.
const ZSTD_DESCRIPTOR: usize = 4;

/// The bit of the descriptor that says that the frame ends with a checksum of its content.
const ZSTD_CHECKSUM: u8 = 1 << 2;

/// Bytes of a blosc header.
const BLOSC_HEADER: usize = 16;

/// What came out at the end of a chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Elements that are NaN or infinite.
    pub not_finite: u64,
    /// Whether some of the content was not decoded.
    pub undecoded: bool,
    /// Bytes of shards that their indices do not refer to.
    pub surplus: u64,
    /// Whether some of it carries no checksum.
    pub unsealed: bool,
}

impl Outcome {
    /// The same of what a checksum covers.
    const fn sealed(self) -> Self {
        Self {
            unsealed: false,
            ..self
        }
    }

    /// Adds that of another part of the chunk.
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

    /// Ends; all bytes were taken.
    ///
    /// # Errors
    /// What is missing.
    fn finish(&mut self) -> Result<Outcome, Flaw>;
}

/// What is looked for in elements.
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
            Step::Gzip => Box::new(Inflate(GzDecoder::new(Passing::new(sink)))),
            Step::Zlib => Box::new(Inflate(ZlibDecoder::new(Passing::new(sink)))),
            Step::Crc32c => Box::new(Crc32c::new(sink)),
            Step::Blosc => Box::new(Blosc::new(decoded)),
            Step::Bz2 => Box::new(Bz2::default()),
        };
    }
    sink
}

/// The end of a chain: counts.
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

/// One zstd frame.
struct Zstd {
    /// `None` if it could not be made, for want of memory.
    decoder: Option<Decoder<'static>>,
    piece: Vec<u8>,
    ended: bool,
    /// Bytes seen so far, as far as that matters.
    seen: usize,
    sealed: bool,
    inner: Box<dyn Sink>,
}

impl Zstd {
    fn new(inner: Box<dyn Sink>) -> Self {
        Self {
            decoder: Decoder::new().ok(),
            piece: vec![0; PIECE],
            ended: false,
            seen: 0,
            sealed: false,
            inner,
        }
    }

    /// Looks at the descriptor of the frame, behind the four bytes of its magic number.
    fn look(&mut self, bytes: &[u8]) {
        let at = ZSTD_DESCRIPTOR.checked_sub(self.seen);
        if let Some(descriptor) = at.and_then(|at| bytes.get(at)) {
            self.sealed = descriptor & ZSTD_CHECKSUM != 0;
        }
        self.seen = self.seen.saturating_add(bytes.len());
    }
}

impl Sink for Zstd {
    fn feed(&mut self, bytes: &[u8]) -> Result<(), Flaw> {
        self.look(bytes);
        let Some(decoder) = &mut self.decoder else {
            return Err(Flaw::Unreadable("no memory to decompress it".to_owned()));
        };
        let mut input = InBuffer::around(bytes);
        loop {
            if self.ended {
                if input.pos() < bytes.len() {
                    return Err(Flaw::damaged("one zstd frame", "bytes behind its end"));
                }
                return Ok(());
            }
            let mut output = OutBuffer::around(self.piece.as_mut_slice());
            let hint = decoder
                .run(&mut input, &mut output)
                .map_err(|error| Flaw::damaged("a zstd frame", error.to_string()))?;
            let length = output.pos();
            self.inner
                .feed(self.piece.get(..length).unwrap_or_default())?;
            self.ended = hint == 0;
            // A full buffer means that there may be more to come out.
            if !self.ended && input.pos() >= bytes.len() && length < PIECE {
                return Ok(());
            }
        }
    }

    fn finish(&mut self) -> Result<Outcome, Flaw> {
        if !self.ended {
            return Err(Flaw::damaged("a whole zstd frame", "one that is cut off"));
        }
        let outcome = self.inner.finish()?;
        Ok(if self.sealed {
            outcome.sealed()
        } else {
            outcome
        })
    }
}

/// A writer before a sink, which keeps the sink's flaw.
struct Passing {
    inner: Box<dyn Sink>,
    flaw: Option<Flaw>,
}

impl Passing {
    fn new(inner: Box<dyn Sink>) -> Self {
        Self { inner, flaw: None }
    }
}

impl Write for Passing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.inner.feed(bytes).map_err(|flaw| {
            self.flaw = Some(flaw);
            std::io::Error::other("refused")
        })?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// One gzip member or zlib stream.
struct Inflate<D>(D);

/// What the two kinds have in common.
trait Inflating: Write {
    const NAME: &'static str;
    fn end(&mut self) -> std::io::Result<()>;
    fn passing(&mut self) -> &mut Passing;
}

impl Inflating for GzDecoder<Passing> {
    const NAME: &'static str = "a gzip member";

    fn end(&mut self) -> std::io::Result<()> {
        self.try_finish()
    }

    fn passing(&mut self) -> &mut Passing {
        self.get_mut()
    }
}

impl Inflating for ZlibDecoder<Passing> {
    const NAME: &'static str = "a zlib stream";

    fn end(&mut self) -> std::io::Result<()> {
        self.try_finish()
    }

    fn passing(&mut self) -> &mut Passing {
        self.get_mut()
    }
}

impl<D: Inflating> Inflate<D> {
    fn flaw(&mut self, error: &std::io::Error) -> Flaw {
        let own = || Flaw::damaged(D::NAME, error.to_string());
        self.0.passing().flaw.take().unwrap_or_else(own)
    }
}

impl<D: Inflating> Sink for Inflate<D> {
    fn feed(&mut self, bytes: &[u8]) -> Result<(), Flaw> {
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.0.write(rest) {
                Ok(0) => return Err(Flaw::damaged(D::NAME, "bytes behind its end")),
                Ok(taken) => rest = rest.get(taken..).unwrap_or_default(),
                Err(error) => return Err(self.flaw(&error)),
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<Outcome, Flaw> {
        if let Err(error) = self.0.end() {
            return Err(self.flaw(&error));
        }
        self.0.passing().inner.finish().map(Outcome::sealed)
    }
}

/// Bytes with their CRC-32C behind them.
struct Crc32c {
    sum: u32,
    /// The last bytes so far: the checksum, if nothing follows.
    tail: Vec<u8>,
    inner: Box<dyn Sink>,
}

impl Crc32c {
    fn new(inner: Box<dyn Sink>) -> Self {
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

/// A blosc buffer: only the lengths in its header are checked.
struct Blosc {
    header: Vec<u8>,
    length: u64,
    decoded: u64,
}

impl Blosc {
    fn new(decoded: u64) -> Self {
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
struct Bz2 {
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

#[cfg(test)]
mod tests {
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
