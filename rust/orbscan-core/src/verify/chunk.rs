//! One chunk, decoded.

use super::finite::NotFinite;
use super::flaw::Flaw;
use super::sinks::{Outcome, Sink, chain};
use crate::cursor::{Cursor, to_usize};
use crate::error::{Offset, Result};
use crate::path::StorePath;
use crate::store::{Bytes, Store, Want};
use crate::zarr::ArrayHeader;
use crate::zarr::encoding::{CHECKSUM_BYTES, Content, Encoding, Shards, Step};

/// Bytes of a large chunk that are read at once.
pub const PIECE_BYTES: u64 = 16 << 20;

/// Bytes of the entry for one sub-chunk in the index of a shard: offset and length.
const ENTRY: usize = 16;

/// In place of offset and length: the sub-chunk was left out, as it holds the fill value only.
const ABSENT: u64 = u64::MAX;

/// Where the bytes of a chunk come from.
pub enum Source<'a> {
    /// They are all here.
    Held(&'a [u8]),
    /// They are read piece by piece.
    Stored {
        /// Where from.
        store: &'a dyn Store,
        /// The file.
        path: &'a StorePath,
        /// Bytes before them in the file.
        offset: u64,
        /// How many there are.
        length: u64,
    },
}

impl Source<'_> {
    fn length(&self) -> u64 {
        match self {
            Self::Held(bytes) => crate::cursor::to_u64(bytes.len()),
            Self::Stored { length, .. } => *length,
        }
    }

    /// Reads a part, which must be in the chunk.
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
        }
    }

    /// Gives a part to a sink, a piece at a time.
    fn pour(&self, start: u64, length: u64, sink: &mut dyn Sink) -> std::result::Result<(), Flaw> {
        if let Self::Held(bytes) = self {
            let end = start.saturating_add(length);
            let part = bytes.get(to_usize(start)..to_usize(end));
            return sink.feed(part.unwrap_or_default());
        }
        let mut done = 0;
        while done < length {
            let piece = PIECE_BYTES.min(length.saturating_sub(done));
            sink.feed(&self.read(start.saturating_add(done), piece)?)?;
            done = done.saturating_add(piece);
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
    /// Decodes a chunk or sub-chunk, which lies in a part of the source.
    fn part(
        &self,
        encoding: &Encoding,
        start: u64,
        length: u64,
        decoded: u64,
    ) -> std::result::Result<Outcome, Flaw> {
        match &encoding.content {
            Content::Elements => {
                let values = self
                    .check_values
                    .then(|| NotFinite::new(self.header.dtype, encoding.big_endian));
                let mut sink = chain(&encoding.steps, decoded, values.flatten());
                self.source.pour(start, length, sink.as_mut())?;
                sink.finish()
            }
            // TensorStore takes nothing behind a sharding codec, nor does the decoder of headers.
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
            return Err(Flaw::damaged(expected, format!("{length} bytes")));
        };
        let index_at = if shards.index_first { 0 } else { before };
        let index = self.index(shards, start.saturating_add(index_at))?;
        let sub_chunk = decoded.checked_div(shards.count).unwrap_or_default();
        let mut outcome = Outcome::default();
        for (number, (offset, part)) in index.into_iter().enumerate() {
            if (offset, part) == (ABSENT, ABSENT) {
                continue;
            }
            if offset.checked_add(part).is_none_or(|end| end > length) {
                return Err(Flaw::damaged(
                    format!("sub-chunk {number} within the {length} bytes of its shard"),
                    format!("{part} bytes at {offset}"),
                ));
            }
            let at = start.saturating_add(offset);
            outcome.add(self.part(&shards.encoding, at, part, sub_chunk)?);
        }
        Ok(outcome)
    }

    /// The offset and the length of each sub-chunk.
    fn index(&self, shards: &Shards, at: u64) -> std::result::Result<Vec<(u64, u64)>, Flaw> {
        let bytes = self.source.read(at, shards.index_bytes())?;
        let mut covered = bytes.as_ref();
        for step in shards.index_steps.iter().rev() {
            if *step == Step::Crc32c {
                covered = checked(covered)?;
            }
        }
        let (entries, _) = covered.as_chunks::<ENTRY>();
        let number = |cursor: &mut Cursor<'_>| {
            if shards.index_big_endian {
                cursor.u64_be()
            } else {
                cursor.u64_le()
            }
        };
        let entry = |entry: &[u8; ENTRY]| {
            let mut cursor = Cursor::new(entry, Offset::File(at));
            Ok((number(&mut cursor)?, number(&mut cursor)?))
        };
        let entries: Result<Vec<(u64, u64)>> = entries.iter().map(entry).collect();
        Ok(entries?)
    }
}

/// The bytes before a CRC-32C, which must be right.
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
