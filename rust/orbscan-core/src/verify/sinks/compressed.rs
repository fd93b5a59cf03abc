//! Sinks that decompress.

use std::io::Write;

use flate2::write::{GzDecoder, ZlibDecoder};
use zstd::stream::raw::{Decoder, InBuffer, Operation, OutBuffer};

use super::{Outcome, Sink};
use crate::verify::flaw::Flaw;

/// Bytes decompressed at a time.
const PIECE: usize = 1 << 17;

/// The place of the descriptor in a zstd frame.
const ZSTD_DESCRIPTOR: usize = 4;

/// The bit of the descriptor for a checksum of the content at the end of the frame.
const ZSTD_CHECKSUM: u8 = 1 << 2;

/// One zstd frame.
pub(super) struct Zstd {
    /// `None` if it could not be created, for lack of memory.
    decoder: Option<Decoder<'static>>,
    piece: Vec<u8>,
    ended: bool,
    /// Bytes seen so far, as far as it matters.
    seen: usize,
    sealed: bool,
    inner: Box<dyn Sink>,
}

impl Zstd {
    pub(super) fn new(inner: Box<dyn Sink>) -> Self {
        Self {
            decoder: Decoder::new().ok(),
            piece: vec![0; PIECE],
            ended: false,
            seen: 0,
            sealed: false,
            inner,
        }
    }

    /// Examines the descriptor of the frame, after the four bytes of its magic number.
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
            // If the buffer is full, there may be more output.
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

/// A writer that feeds a sink and keeps the sink's flaw.
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

/// What the two kinds share.
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

/// The sink of one gzip member.
pub(super) fn gzip(inner: Box<dyn Sink>) -> Box<dyn Sink> {
    Box::new(Inflate(GzDecoder::new(Passing::new(inner))))
}

/// The sink of one zlib stream.
pub(super) fn zlib(inner: Box<dyn Sink>) -> Box<dyn Sink> {
    Box::new(Inflate(ZlibDecoder::new(Passing::new(inner))))
}
