//! One chunk, decoded.

use super::extents::Runs;
use super::finite::NotFinite;
use super::flaw::Flaw;
use super::sinks::{Outcome, Sink, Values, chain};
use super::streamed::Streamed;
use crate::cursor::{to_u64, to_usize};
use crate::error::{Error, ErrorKind, Result, counted};
use crate::path::StorePath;
use crate::store::{Bytes, Store, Want};
use crate::zarr::ArrayHeader;
use crate::zarr::encoding::{CHECKSUM_BYTES, Content, Encoding, Shards, Step};

/// Bytes of a large chunk that are read at once.
pub const PIECE_BYTES: u64 = 16 << 20;

/// The largest index of a shard, which is kept in memory as a whole: entries for four million
/// sub-chunks. Sparse files could claim any number.
const MAX_INDEX_BYTES: u64 = 64 << 20;

/// Bytes of the entry for one sub-chunk in the index of a shard: offset and length.
const ENTRY: usize = 16;

/// In place of offset and length: the sub-chunk was left out, because it contains only the fill
/// value.
const ABSENT: u64 = u64::MAX;

/// Where the bytes of a chunk come from.
pub enum Source<'a> {
    /// They are all in memory.
    Held(&'a [u8]),
    /// They are read piece by piece.
    Stored {
        /// The store.
        store: &'a dyn Store,
        /// The file.
        path: &'a StorePath,
        /// Bytes before them in the file.
        offset: u64,
        /// The number of bytes.
        length: u64,
    },
    /// Likewise, and the next parts are under way meanwhile.
    Distant(Streamed<'a>),
}

impl Source<'_> {
    fn length(&self) -> u64 {
        match self {
            Self::Held(bytes) => to_u64(bytes.len()),
            Self::Stored { length, .. } => *length,
            Self::Distant(streamed) => streamed.length(),
        }
    }

    /// Reads a part, which must lie in the chunk.
    fn read(&self, start: u64, length: u64) -> Result<Bytes> {
        match self {
            Self::Held(bytes) => {
                let end = start.saturating_add(length);
                let part = bytes.get(to_usize(start)..to_usize(end));
                Ok(Bytes::copy_from_slice(part.unwrap_or_default()))
            }
            Self::Stored {
                store,
                path,
                offset,
                ..
            } => {
                let start = offset.saturating_add(start);
                store.fetch_one(Want::range((*path).clone(), start, length))
            }
            Self::Distant(streamed) => streamed.all(start, length),
        }
    }

    /// Passes a part to a sink, a piece at a time.
    fn pour(&self, start: u64, length: u64, sink: &mut dyn Sink) -> std::result::Result<(), Flaw> {
        if let Self::Held(bytes) = self {
            let end = start.saturating_add(length);
            let part = bytes.get(to_usize(start)..to_usize(end));
            return sink.feed(part.unwrap_or_default());
        }
        let mut done = 0;
        while done < length {
            let (start, left) = (start.saturating_add(done), length.saturating_sub(done));
            let piece = match self {
                Self::Distant(streamed) => streamed.some(start, left)?,
                Self::Held(_) | Self::Stored { .. } => self.read(start, PIECE_BYTES.min(left))?,
            };
            if piece.is_empty() {
                break;
            }
            sink.feed(&piece)?;
            done = done.saturating_add(to_u64(piece.len()));
        }
        Ok(())
    }
}

/// Decodes a chunk of an array.
///
/// # Errors
/// What is wrong with its bytes.
pub fn decode(
    header: &ArrayHeader,
    source: &Source<'_>,
    check_values: bool,
) -> std::result::Result<Outcome, Flaw> {
    let decoding = Decoding {
        header,
        source,
        check_values,
    };
    decoding.part(&header.encoding, 0, source.length(), header.chunk_bytes())
}

struct Decoding<'a> {
    header: &'a ArrayHeader,
    source: &'a Source<'a>,
    check_values: bool,
}

impl Decoding<'_> {
    /// Decodes a chunk or sub-chunk, which is a part of the source.
    fn part(
        &self,
        encoding: &Encoding,
        start: u64,
        length: u64,
        decoded: u64,
    ) -> std::result::Result<Outcome, Flaw> {
        match &encoding.content {
            Content::Elements => {
                let dtype = self.header.dtype;
                let not_finite = self
                    .check_values
                    .then(|| NotFinite::new(dtype, encoding.big_endian));
                let values = Values {
                    not_finite: not_finite.flatten(),
                    bools: dtype.is_bool(),
                };
                let mut sink = chain(&encoding.steps, decoded, values);
                self.source.pour(start, length, sink.as_mut())?;
                sink.finish()
            }
            // Neither TensorStore nor the decoder of headers accepts codecs after a sharding codec.
            Content::Shards(shards) => self.shards(shards, start, length, decoded),
        }
    }

    fn shards(
        &self,
        shards: &Shards,
        start: u64,
        length: u64,
        decoded: u64,
    ) -> std::result::Result<Outcome, Flaw> {
        let index_bytes = shards.index_bytes();
        let Some(before) = length.checked_sub(index_bytes) else {
            let expected = format!("at least {index_bytes} bytes, of the index");
            return Err(Flaw::damaged(expected, counted(length, "byte", "bytes")));
        };
        let index_at = if shards.index_first { 0 } else { before };
        let index = self.index(shards, start.saturating_add(index_at))?;
        let sub_chunk = decoded.checked_div(shards.count).unwrap_or_default();
        let mut outcome = Outcome::default();
        let mut taken = Runs::default();
        taken.insert(index_at, index_bytes);
        for (number, entry) in entries(&index).enumerate() {
            let (offset, part) = extent(entry, shards.index_big_endian);
            if (offset, part) == (ABSENT, ABSENT) {
                continue;
            }
            if offset.checked_add(part).is_none_or(|end| end > length) {
                return Err(Flaw::damaged(
                    format!(
                        "sub-chunk {number} within the {} of its shard",
                        counted(length, "byte", "bytes")
                    ),
                    format!("{} at {offset}", counted(part, "byte", "bytes")),
                ));
            }
            if taken.insert(offset, part) {
                return Err(Flaw::damaged(
                    format!(
                        "{} at {offset} for sub-chunk {number} alone",
                        counted(part, "byte", "bytes")
                    ),
                    "bytes that another sub-chunk or the index holds, too",
                ));
            }
            let at = start.saturating_add(offset);
            outcome.add(self.part(&shards.encoding, at, part, sub_chunk)?);
        }
        let surplus = length.saturating_sub(taken.covered(length));
        outcome.surplus = outcome.surplus.saturating_add(surplus);
        Ok(outcome)
    }

    /// The index, without its checksum.
    fn index(&self, shards: &Shards, at: u64) -> std::result::Result<Bytes, Flaw> {
        let length = shards.index_bytes();
        if length > MAX_INDEX_BYTES {
            let reason = format!("an index of {length} bytes, the limit is {MAX_INDEX_BYTES}");
            return Err(Error::new(ErrorKind::Limit, reason).into());
        }
        let mut bytes = self.source.read(at, length)?;
        for step in shards.index_steps.iter().rev() {
            if *step == Step::Crc32c {
                bytes = bytes.slice_ref(checked(&bytes)?);
            }
        }
        Ok(bytes)
    }
}

/// The entries of an index.
fn entries(index: &[u8]) -> impl Iterator<Item = &[u8; ENTRY]> {
    index.as_chunks::<ENTRY>().0.iter()
}

/// The offset and the length in an entry.
fn extent(entry: &[u8; ENTRY], big_endian: bool) -> (u64, u64) {
    let mut numbers = entry.as_chunks::<8>().0.iter().map(|bytes| {
        if big_endian {
            u64::from_be_bytes(*bytes)
        } else {
            u64::from_le_bytes(*bytes)
        }
    });
    let mut next = || numbers.next().unwrap_or_default();
    (next(), next())
}

/// The bytes before a CRC-32C, which must be correct.
fn checked(bytes: &[u8]) -> std::result::Result<&[u8], Flaw> {
    let end = bytes.len().saturating_sub(to_usize(CHECKSUM_BYTES));
    let (covered, stored) = bytes.split_at_checked(end).unwrap_or_default();
    let found = crc32c::crc32c(covered);
    if stored != found.to_le_bytes() {
        return Err(Flaw::damaged(
            "the index of the shard under its CRC-32C",
            format!("one of CRC-32C {found:#010x}"),
        ));
    }
    Ok(covered)
}
