//! Envelopes: the outer layer of manifests and nodes.

use bytes::{Bytes, BytesMut};

use super::fields::Room;
use super::known::FileKind;
use super::{Dump, Fields, Value, btree, content, manifest, version_node};
use crate::cursor::{Cursor, to_u64, to_usize};
use crate::error::{Offset, Result, counted};
use crate::limits::Limits;
use crate::ocdbt::envelope::{self, Content};

/// Bytes before the body of an envelope without padding: magic, length, version, compression.
const HEAD_BYTES: usize = 14;

/// Bytes of the checksum.
const CHECKSUM_BYTES: usize = 4;

/// The positions of manifests and nodes in a file, the lengths that they claim, and what they are.
pub fn find(bytes: &Bytes) -> Vec<(usize, usize, Content)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|rest| rest.len() > HEAD_BYTES) {
        // All magic numbers begin with the same two bytes, and most other places do not have them.
        let Some(next) = rest.windows(2).position(|pair| pair == [0x0c, 0xdb]) else {
            break;
        };
        let start = at.saturating_add(next);
        let rest = bytes.slice(start..);
        let Some(content) = content(&rest).filter(|_| is_whole_or_cut(&rest)) else {
            at = start.saturating_add(1);
            continue;
        };
        let length = claimed_length(&rest).unwrap_or(rest.len()).max(HEAD_BYTES);
        found.push((start, length, content));
        // A wrong length must not hide what follows it.
        let passed = if has_right_checksum(&rest, length) {
            length
        } else {
            HEAD_BYTES
        };
        at = start.saturating_add(passed);
    }
    found
}

/// Whether the bytes at a magic number can be an envelope: the version and compression are known.
fn is_whole_or_cut(bytes: &[u8]) -> bool {
    matches!(bytes.get(12..HEAD_BYTES), Some([0, 0 | 1]))
}

/// Whether the checksum at the end of the first `length` bytes is correct.
fn has_right_checksum(bytes: &[u8], length: usize) -> bool {
    let parts = bytes.get(..length).and_then(|whole| {
        let covered = whole.len().checked_sub(CHECKSUM_BYTES)?;
        whole.split_at_checked(covered)
    });
    parts.is_some_and(|(covered, checksum)| crc32c::crc32c(covered).to_le_bytes() == checksum)
}

/// The length that an envelope claims.
pub fn claimed_length(bytes: &[u8]) -> Option<usize> {
    let length = Cursor::new(bytes.get(4..)?, Offset::File(0))
        .u64_le()
        .ok()?;
    Some(to_usize(length))
}

/// Dumps one envelope and its content; also returns what is left of the allowance.
pub fn dump(
    bytes: &Bytes,
    content: Content,
    at: Offset,
    room: Room,
    limits: &Limits,
) -> (Dump, Room) {
    let mut fields = Fields::new(room);
    let mut error = head(bytes, at, &mut fields).err();
    let opened = envelope::open(bytes, content, at, limits);
    let body = match opened {
        Ok(body) => Some(body),
        Err(found) => {
            error = Some(found);
            mended(bytes).and_then(|mended| envelope::open(&mended, content, at, limits).ok())
        }
    };
    if let Some(body) = body {
        // If the walk fails, the error of the decoder is the better one.
        let (walked, decoded) = match content {
            Content::Manifest => (
                manifest::walk(&body, &mut fields),
                manifest::check(bytes, limits),
            ),
            Content::BtreeNode => (btree::walk(&body, &mut fields), btree::check(&body, limits)),
            Content::VersionNode => match version_node::walk(&body, &mut fields) {
                Ok(newest) => (Ok(()), version_node::check(&body, newest)),
                Err(error) => (Err(error), Ok(())),
            },
        };
        error = error.or(decoded.err()).or(walked.err());
    }
    let left = fields.room();
    let dump = Dump {
        kind: content.name(),
        meaning: meaning(content).to_owned(),
        fields: fields.into_vec(),
        error,
    };
    (dump, left)
}

/// What a structure is for.
fn meaning(content: Content) -> &'static str {
    match content {
        Content::Manifest => FileKind::Manifest.description().meaning,
        Content::BtreeNode => {
            "keys of a database with their values, or the places of the nodes below"
        }
        Content::VersionNode => "older versions of a database, and where their B+trees lie",
    }
}

fn head(bytes: &Bytes, at: Offset, fields: &mut Fields) -> Result<()> {
    let mut cursor = Cursor::new(bytes, at);
    let start = Some(cursor.offset());
    let magic = cursor.u32_be()?;
    fields.note(start, "magic", Value::Text(format!("{magic:08x}")))?;
    let start = Some(cursor.offset());
    fields.note(start, "length", Value::Number(cursor.u64_le()?))?;
    fields.varint(&mut cursor, "version")?;
    let start = Some(cursor.offset());
    let compression = match cursor.u8()? {
        0 => "none".to_owned(),
        1 => "zstd".to_owned(),
        other => other.to_string(),
    };
    fields.note(start, "compression", Value::Text(compression))?;
    let body = cursor.rest();
    let Some((body, checksum)) = body.split_at_checked(body.len().saturating_sub(CHECKSUM_BYTES))
    else {
        return Ok(());
    };
    let length = format!("{} as stored", counted(body.len(), "byte", "bytes"));
    fields.note(Some(cursor.offset()), "body", Value::Text(length))?;
    let covered = bytes.len().saturating_sub(CHECKSUM_BYTES);
    let found = crc32c::crc32c(bytes.get(..covered).unwrap_or_default());
    let start = at.plus(to_u64(covered));
    let wanted = Cursor::new(checksum, start).u32_le()?;
    let verdict = if found == wanted {
        format!("{wanted:08x}")
    } else {
        format!("{wanted:08x}, but the bytes before it have {found:08x}")
    };
    fields.note(Some(start), "checksum", Value::Text(verdict))?;
    Ok(())
}

/// The envelope with a correct length and checksum, so that a body behind wrong ones can be shown.
fn mended(bytes: &Bytes) -> Option<Bytes> {
    let covered = bytes.len().checked_sub(CHECKSUM_BYTES)?;
    let (magic, rest) = bytes.get(..covered)?.split_at_checked(4)?;
    let mut mended = BytesMut::from(magic);
    mended.extend_from_slice(&to_u64(bytes.len()).to_le_bytes());
    mended.extend_from_slice(rest.get(8..)?);
    let checksum = crc32c::crc32c(&mended);
    mended.extend_from_slice(&checksum.to_le_bytes());
    Some(mended.freeze())
}
