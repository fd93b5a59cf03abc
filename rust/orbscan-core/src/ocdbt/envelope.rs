//! The outer layer of every manifest and node: magic, length, version, compression, checksum.

use std::cell::RefCell;

use bytes::Bytes;
use zstd::zstd_safe::zstd_sys::ZSTD_ErrorCode;
use zstd::zstd_safe::{DCtx, get_error_name, is_error_kind};

use super::{frame, varint};
use crate::cursor::{Cursor, to_u64, to_usize};
use crate::error::{Error, ErrorKind, Offset, Result, counted};
use crate::limits::Limits;
use crate::memory::{self, Spare};
use crate::stand_in;

/// Magic, length and checksum: the least that an envelope has.
const MIN_BYTES: usize = 16;

/// Bytes of the checksum at the end.
const CHECKSUM_BYTES: usize = 4;

/// What an envelope may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// The entry point of a database.
    Manifest,
    /// A leaf or interior node of the B+tree.
    BtreeNode,
    /// A node of the tree of older versions.
    VersionNode,
}

impl Content {
    /// All kinds of content.
    pub const ALL: [Self; 3] = [Self::Manifest, Self::BtreeNode, Self::VersionNode];

    /// The first four bytes, big-endian.
    pub const fn magic(self) -> u32 {
        match self {
            Self::Manifest => 0x0cdb_3a2a,
            Self::BtreeNode => 0x0cdb_20de,
            Self::VersionNode => 0x0cdb_1234,
        }
    }

    /// Its name, with an article.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Manifest => "an OCDBT manifest",
            Self::BtreeNode => "a B+tree node",
            Self::VersionNode => "a version tree node",
        }
    }
}

/// The decompressed content of an envelope whose checksum was correct.
#[derive(Clone, Debug)]
pub struct Body {
    bytes: Bytes,
    origin: Offset,
}

impl Body {
    /// Reads the body from its start. Offsets count from the start of the file, or, if the body was
    /// compressed, from the start of the decompressed content.
    pub fn cursor(&self) -> Cursor<'_> {
        Cursor::new(&self.bytes, self.origin)
    }

    /// The length of the body in bytes.
    pub fn length(&self) -> usize {
        self.bytes.len()
    }

    /// A part of the body that shares its memory and keeps it alive, instead of being a copy.
    ///
    /// `part` must have been read from [`Body::cursor`]; anything else is copied.
    pub fn share(&self, part: &[u8]) -> Bytes {
        if self.bytes.as_ptr_range().contains(&part.as_ptr()) {
            self.bytes.slice_ref(part)
        } else {
            Bytes::copy_from_slice(part)
        }
    }
}

/// Checks an envelope of `content` at the position `at`, and decompresses its body.
///
/// The checksum covers the compressed form, so nothing is decompressed before it has been checked.
///
/// # Errors
/// `Malformed` if the magic, the length or the compressed frame is wrong, `Checksum`, `Unsupported`
/// for an unknown version or compression, `Limit` for a body of more than `max_node_bytes`.
///
/// Source: tensorstore `ocdbt/format/codec_util.cc`, `DecodeWithOptionalCompression`.
pub fn open(bytes: &Bytes, content: Content, at: Offset, limits: &Limits) -> Result<Body> {
    open_in(&Spare::default(), bytes, content, at, limits)
}

/// As [`open`], for one of many: large bodies are decompressed where earlier ones were.
///
/// # Errors
/// As [`open`].
pub fn open_in(
    spare: &Spare,
    bytes: &Bytes,
    content: Content,
    at: Offset,
    limits: &Limits,
) -> Result<Body> {
    let mut cursor = Cursor::new(bytes, at);
    check_magic(&mut cursor.clone(), content, bytes)?;
    if bytes.len() < MIN_BYTES {
        return Err(cursor.malformed(format!(
            "{}, too few for {}",
            counted(bytes.len(), "byte", "bytes"),
            content.name()
        )));
    }
    cursor.u32_be()?;
    check_length(&mut cursor, bytes)?;
    let covered = bytes.len().saturating_sub(CHECKSUM_BYTES);
    check_sum(bytes, covered, at)?;

    // From here on the cursor ends before the checksum, so no field can extend into it.
    let position = cursor.position();
    let covered = bytes.get(position..covered).unwrap_or_default();
    let mut cursor = Cursor::new(covered, cursor.offset());
    let version_at = cursor.offset();
    let version = varint::read_u32(&mut cursor)?;
    if version != 0 {
        let reason = format!("format version {version} of {}", content.name());
        return Err(Error::new(ErrorKind::Unsupported, reason).at(version_at));
    }
    let compression_at = cursor.offset();
    match varint::read_u32(&mut cursor)? {
        0 => plain(bytes, cursor.rest(), cursor.offset(), limits),
        1 => decompress(spare, cursor.rest(), cursor.offset(), limits),
        other => Err(
            Error::new(ErrorKind::Unsupported, format!("compression {other}")).at(compression_at),
        ),
    }
}

fn check_magic(cursor: &mut Cursor<'_>, content: Content, bytes: &[u8]) -> Result<()> {
    let at = cursor.offset();
    let wrong = |found: String| {
        let wanted = content.magic();
        let name = content.name();
        let remark = stand_in::remark(bytes);
        Error::malformed(
            at,
            format!("expected the magic {wanted:08x} of {name}, found {found}{remark}"),
        )
    };
    match cursor.u32_be() {
        Ok(magic) if magic == content.magic() => Ok(()),
        Ok(magic) => Err(wrong(format!("{magic:08x}"))),
        Err(_) => Err(wrong(counted(bytes.len(), "byte", "bytes"))),
    }
}

fn check_length(cursor: &mut Cursor<'_>, bytes: &[u8]) -> Result<()> {
    let at = cursor.offset();
    let length = cursor.u64_le()?;
    if length == to_u64(bytes.len()) {
        return Ok(());
    }
    Err(Error::malformed(
        at,
        format!(
            "says it has {}, found {}",
            counted(length, "byte", "bytes"),
            bytes.len()
        ),
    ))
}

fn check_sum(bytes: &[u8], covered: usize, at: Offset) -> Result<()> {
    let (covered, checksum) = bytes.split_at_checked(covered).unwrap_or((bytes, &[]));
    let at = at.plus(to_u64(covered.len()));
    let wanted = Cursor::new(checksum, at).u32_le()?;
    let found = crc32c::crc32c(covered);
    if found == wanted {
        return Ok(());
    }
    let reason = format!("checksum {wanted:08x}, but the bytes before it have {found:08x}");
    Err(Error::new(ErrorKind::Checksum, reason).at(at))
}

fn plain(bytes: &Bytes, body: &[u8], origin: Offset, limits: &Limits) -> Result<Body> {
    check_size(to_u64(body.len()), origin, limits)?;
    Ok(Body {
        bytes: bytes.slice_ref(body),
        origin,
    })
}

fn check_size(size: u64, at: Offset, limits: &Limits) -> Result<()> {
    if size > limits.max_node_bytes {
        let limit = limits.max_node_bytes;
        let reason = format!("body of {size} bytes, the limit is {limit}");
        return Err(Error::new(ErrorKind::Limit, reason).at(at));
    }
    Ok(())
}

/// What is needed to decompress bodies.
#[derive(Default)]
struct Workbench {
    /// Its tables take longer to set up than a small node takes to decompress.
    decompressor: DCtx<'static>,
    /// A buffer for small bodies.
    small: Vec<u8>,
}

thread_local! {
    static WORKBENCH: RefCell<Workbench> = RefCell::default();
}

/// Bodies up to this size are decompressed in a buffer that is kept, and copied: new pages for two
/// blocks cost more than the copy.
const SMALL: u64 = 256 << 10;

/// Decompresses exactly one frame.
///
/// The buffer is as large as the blocks of the frame can make it, not as the frame claims, and
/// never larger than the limit. That is exact enough to return it as it is, which saves zstd the
/// copy through its own window that it would need if the output came in pieces; pages that the
/// frame does not fill are never touched.
fn decompress(spare: &Spare, frame: &[u8], at: Offset, limits: &Limits) -> Result<Body> {
    let extent = frame::measure(frame, at)?;
    if let Some(size) = extent.content_size {
        check_size(size, at, limits)?;
    }
    let capacity = extent.max_content().min(limits.max_node_bytes);
    let is_bounded = capacity < extent.max_content();
    let failure = |code| {
        let full = is_error_kind(code, ZSTD_ErrorCode::ZSTD_error_dstSize_tooSmall);
        if full && is_bounded {
            let reason = format!("body of more than {capacity} bytes, which is the limit");
            return Error::new(ErrorKind::Limit, reason).at(at);
        }
        Error::malformed(at, format!("broken zstd frame: {}", get_error_name(code)))
    };
    let bytes = WORKBENCH.with_borrow_mut(
        |Workbench {
             decompressor,
             small,
         }| {
            // The kept buffer may be larger than a limit, so a limit needs a buffer of its own.
            if capacity <= SMALL && !is_bounded {
                small.clear();
                small.reserve(to_usize(capacity));
                decompressor.decompress(small, frame).map_err(failure)?;
                return Ok(Bytes::copy_from_slice(small));
            }
            if let Some(mut pages) = spare.pages(to_usize(capacity)) {
                let written = decompressor.decompress(pages.rest(), frame);
                pages.advance(written.map_err(failure)?);
                return Ok(spare.lend(pages));
            }
            let mut body = memory::buffer(to_usize(capacity))?;
            decompressor.decompress(&mut body, frame).map_err(failure)?;
            if body.capacity() / 2 > body.len() {
                body.shrink_to_fit();
            }
            Ok(Bytes::from(body))
        },
    )?;
    Ok(Body {
        bytes,
        origin: Offset::Body(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::ocdbt_writer::{Packing, reseal, seal};

    const AT: Offset = Offset::File(1_000);

    fn opened(bytes: &[u8], limits: &Limits) -> Result<Body> {
        open(
            &Bytes::copy_from_slice(bytes),
            Content::BtreeNode,
            AT,
            limits,
        )
    }

    fn node(packing: Packing) -> Vec<u8> {
        seal(Content::BtreeNode, b"hello hello hello hello", packing)
    }

    /// An envelope around what follows the length, with a correct length and checksum.
    fn around(rest: &[u8]) -> Vec<u8> {
        let mut bytes = [&0x0cdb_20de_u32.to_be_bytes()[..], &[0; 8], rest].concat();
        reseal(&mut bytes, 0);
        bytes
    }

    #[test]
    fn every_packing_opens() {
        for (packing, start) in [
            (Packing::Plain, AT.plus(14)),
            (Packing::Zstd, Offset::Body(0)),
            (Packing::ZstdStreamed, Offset::Body(0)),
        ] {
            let body = opened(&node(packing), &Limits::default()).unwrap();
            assert_eq!(body.cursor().rest(), b"hello hello hello hello");
            assert_eq!(body.cursor().offset(), start);
        }
    }

    #[test]
    fn large_bodies_open_one_after_another() {
        let spare = Spare::default();
        let limits = Limits::default();
        let mut kept = Vec::new();
        for (length, byte) in [(3 << 20, b'a'), (2 << 20, b'b'), (4 << 20, b'c'), (9, b'd')] {
            let content = vec![byte; length];
            let node = seal(Content::BtreeNode, &content, Packing::Zstd);
            let node = Bytes::from(node);
            let body = open_in(&spare, &node, Content::BtreeNode, AT, &limits).unwrap();
            assert!(body.cursor().rest() == content);
            kept.push((byte, body.share(&body.cursor().rest()[..9])));
        }
        // What is kept of a body is not overwritten.
        for (byte, part) in kept {
            assert_eq!(part, [byte; 9].as_slice());
        }
    }

    #[test]
    fn a_shared_part_is_no_copy() {
        let body = opened(&node(Packing::Zstd), &Limits::default()).unwrap();
        let part = body.cursor().rest().get(6..11).unwrap();
        assert_eq!(body.share(part).as_ptr(), part.as_ptr());
        assert_eq!(body.share(b"foreign"), "foreign");
        assert_eq!(body.share(&[]), "");
    }

    #[test]
    fn numbers_may_be_padded() {
        let body = opened(&around(b"\x80\0\x80\x80\0body"), &Limits::default()).unwrap();
        assert_eq!(body.cursor().rest(), b"body");
        assert_eq!(body.cursor().offset(), AT.plus(17));
    }

    #[test]
    fn refusals_name_kind_and_byte() {
        use ErrorKind::{Checksum, Malformed, Unsupported};
        let good = node(Packing::Plain);
        let frame = zstd::bulk::compress(b"body", 0).unwrap();
        let with = |at: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            bytes
        };
        let frames = |parts: &[&[u8]]| around(&[&[0, 1], parts.concat().as_slice()].concat());
        for (name, kind, at, bytes) in [
            ("nothing", Malformed, 0, Vec::new()),
            ("three bytes", Malformed, 0, good[..3].to_vec()),
            ("fifteen bytes", Malformed, 0, good[..15].to_vec()),
            (
                "a manifest",
                Malformed,
                0,
                seal(Content::Manifest, b"", Packing::Plain),
            ),
            ("a wrong length", Malformed, 4, with(4, 99)),
            (
                "a byte too few",
                Malformed,
                4,
                good[..good.len() - 1].to_vec(),
            ),
            (
                "a byte too many",
                Malformed,
                4,
                [good.as_slice(), &[0]].concat(),
            ),
            ("a flipped byte", Checksum, 37, with(20, 0)),
            ("a flipped checksum", Checksum, 37, with(40, good[40] ^ 1)),
            ("nothing inside", Malformed, 12, around(b"")),
            ("version 1", Unsupported, 12, around(&[1, 0])),
            ("compression 2", Unsupported, 13, around(&[0, 2])),
            (
                "a version of 33 bits",
                Malformed,
                12,
                around(&[0xff, 0xff, 0xff, 0xff, 0x1f, 0]),
            ),
            ("no frame", Malformed, 14, around(&[0, 1])),
            (
                "another frame",
                Malformed,
                14 + to_u64(frame.len()),
                frames(&[&frame, &frame]),
            ),
            (
                "a byte after the frame",
                Malformed,
                14 + to_u64(frame.len()),
                frames(&[&frame, b"x"]),
            ),
            (
                "a skippable frame",
                Malformed,
                14,
                frames(&[b"\x50\x2a\x4d\x18\0\0\0\0", &frame]),
            ),
            (
                "a broken frame",
                Malformed,
                14,
                frames(&[b"\x28\xb5\x2f\xfd\x20\x05\x05\0\0"]),
            ),
            (
                "a wrong content size",
                Malformed,
                14,
                frames(&[b"\x28\xb5\x2f\xfd\x20\x05\x19\0\0abc"]),
            ),
        ] {
            let error = opened(&bytes, &Limits::default()).unwrap_err();
            assert_eq!(
                (error.kind(), error.offset()),
                (kind, Some(AT.plus(at))),
                "{name}: {error}"
            );
        }
    }

    #[test]
    fn a_body_above_the_limit_is_refused_however_it_is_packed() {
        let limits = Limits {
            max_node_bytes: 999_999,
            ..Limits::default()
        };
        let enough = Limits {
            max_node_bytes: 1_000_000,
            ..Limits::default()
        };
        for packing in [Packing::Plain, Packing::Zstd, Packing::ZstdStreamed] {
            let bytes = seal(Content::BtreeNode, &vec![7; 1_000_000], packing);
            let error = opened(&bytes, &limits).unwrap_err();
            assert_eq!(
                (error.kind(), error.offset()),
                (ErrorKind::Limit, Some(AT.plus(14)))
            );
            assert_eq!(opened(&bytes, &enough).unwrap().length(), 1_000_000);
        }
    }

    #[test]
    fn the_reuse_of_the_decompressor_survives_a_broken_frame() {
        let broken = around(b"\0\x01\x28\xb5\x2f\xfd\x20\x05\x05\0\0");
        assert!(opened(&broken, &Limits::default()).is_err());
        assert!(opened(&node(Packing::Zstd), &Limits::default()).is_ok());
    }

    #[test]
    fn a_git_lfs_pointer_is_called_one() {
        let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 12\n";
        let error = opened(pointer, &Limits::default()).unwrap_err();
        assert!(error.reason().contains("git-lfs pointer"), "{error}");
    }
}
