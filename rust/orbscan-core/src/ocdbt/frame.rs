//! The length of a zstd frame and the most that it can hold, from the headers of its blocks.
//!
//! zstd itself would silently decode a second frame or skip a skippable one, and the size of the
//! content in the header of a frame is only a claim. Both are checked here without decompressing.
//!
//! Source: RFC 8878, section 3.1.1.

use crate::cursor::{Cursor, to_usize};
use crate::error::{Error, Offset, Result, counted};

/// The first four bytes of a frame, little-endian.
const MAGIC: u32 = 0xfd2f_b528;

/// The most that a block of a frame decompresses to.
const MAX_BLOCK_BYTES: u64 = 128 << 10;

/// What the headers of a frame say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The size of the content, if the frame claims one.
    pub content_size: Option<u64>,
    /// The most that the blocks can decompress to.
    blocks: u64,
}

impl Extent {
    /// The most bytes that the frame can decompress to.
    pub fn max_content(self) -> u64 {
        self.content_size.unwrap_or(u64::MAX).min(self.blocks)
    }
}

/// Measures `bytes`, which must be exactly one frame; its first byte lies at `origin`.
///
/// # Errors
/// `Malformed` if `bytes` do not begin with a frame, end inside it or continue after it.
pub fn measure(bytes: &[u8], origin: Offset) -> Result<Extent> {
    let mut cursor = Cursor::new(bytes, origin);
    let in_header = |error: Error| error.while_reading("zstd frame header");
    let magic = cursor.u32_le().map_err(in_header)?;
    if magic != MAGIC {
        return Err(Error::malformed(
            origin,
            format!("expected a zstd frame, found the magic {magic:08x}"),
        ));
    }
    let (content_size, checksum) = header(&mut cursor).map_err(in_header)?;
    let blocks = blocks(&mut cursor).map_err(|error| error.while_reading("zstd block"))?;
    if checksum {
        cursor
            .take(4)
            .map_err(|error| error.while_reading("checksum of the zstd frame"))?;
    }
    if cursor.remaining() > 0 {
        let left = counted(cursor.remaining(), "byte", "bytes");
        return Err(cursor.malformed(format!("{left} after the zstd frame")));
    }
    Ok(Extent {
        content_size,
        blocks,
    })
}

/// Reads the header after the magic: the size of the content, and whether a checksum ends the
/// frame.
fn header(cursor: &mut Cursor<'_>) -> Result<(Option<u64>, bool)> {
    let descriptor = cursor.u8()?;
    let single_segment = descriptor & 0x20 != 0;
    if !single_segment {
        // The window size, which a decoder does not need if it has the whole output in memory.
        cursor.take(1)?;
    }
    let dictionary_id_bytes = match descriptor & 3 {
        3 => 4,
        bytes => usize::from(bytes),
    };
    cursor.take(dictionary_id_bytes)?;
    let content_size = match descriptor >> 6 {
        0 if !single_segment => None,
        0 => Some(u64::from(cursor.u8()?)),
        // Two bytes start counting where one byte ends.
        1 => Some(u64::from(u16::from_le_bytes(cursor.array()?)).saturating_add(256)),
        2 => Some(u64::from(cursor.u32_le()?)),
        _ => Some(cursor.u64_le()?),
    };
    Ok((content_size, descriptor & 4 != 0))
}

/// Walks the blocks, and returns the most that they can decompress to.
fn blocks(cursor: &mut Cursor<'_>) -> Result<u64> {
    let mut content = 0_u64;
    loop {
        let at = cursor.offset();
        let [low, middle, high] = cursor.array()?;
        let header = u32::from_le_bytes([low, middle, high, 0]);
        let size = u64::from(header >> 3);
        let (stored, most) = match (header >> 1) & 3 {
            0 => (size, size),
            // One byte, repeated.
            1 => (1, size),
            2 => (size, MAX_BLOCK_BYTES),
            _ => return Err(Error::malformed(at, "block of an unknown type")),
        };
        if most > MAX_BLOCK_BYTES {
            return Err(Error::malformed(at, format!("block of {most} bytes")));
        }
        cursor.take(to_usize(stored))?;
        content = content.saturating_add(most);
        if header & 1 != 0 {
            return Ok(content);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cursor::to_u64;

    const AT: Offset = Offset::File(14);

    fn frame(content: &[u8]) -> Vec<u8> {
        zstd::bulk::compress(content, 0).unwrap()
    }

    #[test]
    fn a_frame_tells_what_it_can_hold() {
        for length in [0, 1, 255, 256, 70_000, 128 << 10, 1_000_000] {
            let content = b"abcdefghijk".repeat(length / 11 + 1);
            let content = &content[..length];
            let extent = measure(&frame(content), AT).unwrap();
            assert_eq!(extent.content_size, Some(to_u64(length)));
            assert!(extent.blocks >= to_u64(length), "{length}");
            assert_eq!(extent.max_content(), to_u64(length));
        }
    }

    #[test]
    fn a_frame_without_a_size_is_bounded_by_its_blocks() {
        let content = vec![7; 1_000_000];
        let mut encoder = zstd::Encoder::new(Vec::new(), 0).unwrap();
        std::io::Write::write_all(&mut encoder, &content).unwrap();
        let extent = measure(&encoder.finish().unwrap(), AT).unwrap();
        assert_eq!(extent.content_size, None);
        assert!((1_000_000..1_200_000).contains(&extent.max_content()));
    }

    #[test]
    fn every_other_form_is_refused_where_it_goes_wrong() {
        let whole = frame(b"hello");
        let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0], whole.as_slice()].concat();
        let twice = whole.repeat(2);
        let longer = [whole.as_slice(), &[0]].concat();
        let reserved = [0x28, 0xb5, 0x2f, 0xfd, 0x20, 5, 0x07, 0, 0];
        let huge_block = [0x28, 0xb5, 0x2f, 0xfd, 0x20, 5, 0x03, 0, 0xff, 1];
        let end = to_u64(whole.len());
        for (name, bytes, at) in [
            ("nothing", &[][..], 0),
            ("skippable", &skippable, 0),
            ("twice", &twice, end),
            ("longer", &longer, end),
            ("cut header", &whole[..5], 5),
            ("no block", &whole[..6], 6),
            ("cut block", &whole[..10], 9),
            ("reserved type", &reserved, 6),
            ("huge block", &huge_block, 6),
        ] {
            let error = measure(bytes, AT).unwrap_err();
            assert_eq!(error.offset(), Some(AT.plus(at)), "{name}: {error}");
        }
    }
}
