//! B+tree nodes: the columns, and the entries that they form.

use bytes::Bytes;

use super::fields::{Fields, Value};
use super::references::{files, reference, references, statistics};
use crate::cursor::{Cursor, to_u64, to_usize};
use crate::error::{Offset, Result, counted};
use crate::limits::Limits;
use crate::ocdbt::btree::{Entries, Node};
use crate::ocdbt::envelope::Body;
use crate::ocdbt::keys::Bounds;

/// The kind of a value that lies in a data file.
const INDIRECT: u64 = 1;

/// Paths that are spelled out at a time: shared prefixes can expand a few bytes to gigabytes.
const PATHS_AT_ONCE: usize = 16_384;

/// The verdict of the decoder. Only the parent knows whether the keys are within their bounds.
pub fn check(body: &Body, limits: &Limits) -> Result<()> {
    let height = body.cursor().u8()?;
    let node = Node::decode(body, Bytes::new(), height)?;
    let files = 0..node.files.count();
    for first in files.clone().step_by(PATHS_AT_ONCE) {
        let end = first.saturating_add(to_u64(PATHS_AT_ONCE));
        node.files.resolve(first..end.min(files.end), limits)?;
    }
    match node.entries {
        Entries::Leaf(leaf) => leaf.find(&Bounds::default(), &[]).map(|_| ()),
        Entries::Interior(interior) => interior.select(&Bounds::default(), &[]).map(|_| ()),
    }
}

/// Notes the fields of a node.
pub fn walk(body: &Body, fields: &mut Fields) -> Result<()> {
    let mut cursor = body.cursor();
    let height = fields.byte(&mut cursor, "height")?;
    let paths = files(&mut cursor, fields)?;
    let count = fields.varint(&mut cursor, "number of entries")?;
    let mut shared = vec![0];
    shared.extend(fields.varints(&mut cursor, count.saturating_sub(1), "key prefix lengths")?);
    let suffixes = fields.varints(&mut cursor, count, "key suffix lengths")?;
    if height > 0 {
        fields.varints(&mut cursor, count, "subtree common prefix lengths")?;
    }
    let keys = keys(&mut cursor, &shared, &suffixes, fields)?;
    if height == 0 {
        leaf(&mut cursor, count, &keys, &paths, fields)?;
    } else {
        let words = references(&mut cursor, count, "child ", &paths, fields)?;
        statistics(&mut cursor, count, fields)?;
        fields.group(None, "children", |fields| {
            for ((at, key), words) in keys.into_iter().zip(words) {
                fields.note(Some(at), key, Value::Text(words))?;
            }
            Ok(())
        })?;
    }
    cursor.finish()
}

/// Notes the positions of the key suffixes, and returns the keys, each with the offset of its
/// suffix.
fn keys(
    cursor: &mut Cursor<'_>,
    shared: &[u64],
    suffixes: &[u64],
    fields: &mut Fields,
) -> Result<Vec<(Offset, String)>> {
    let at = Some(cursor.offset());
    let length = suffixes
        .iter()
        .fold(0_u64, |sum, length| sum.saturating_add(*length));
    let length = length.min(to_u64(cursor.remaining()));
    fields.note(
        at,
        "key suffixes",
        Value::Text(counted(length, "byte", "bytes")),
    )?;
    let mut keys = Vec::new();
    let mut key = Vec::new();
    for (shared, suffix) in shared.iter().zip(suffixes) {
        let at = cursor.offset();
        key.truncate(to_usize(*shared));
        key.extend_from_slice(cursor.take(to_usize(*suffix))?);
        let shown = key.escape_ascii().to_string();
        fields.reserve(shown.len())?;
        keys.push((at, shown));
    }
    Ok(keys)
}

fn leaf(
    cursor: &mut Cursor<'_>,
    count: u64,
    keys: &[(Offset, String)],
    paths: &[String],
    fields: &mut Fields,
) -> Result<()> {
    let lengths = fields.varints(cursor, count, "value lengths")?;
    let kinds = fields.bytes(cursor, count, "value kinds")?;
    let indirect = to_u64(kinds.iter().filter(|kind| **kind == INDIRECT).count());
    let files = fields.varints(cursor, indirect, "data files of values")?;
    let offsets = fields.varints(cursor, indirect, "offsets of values")?;
    let mut places = files.into_iter().zip(offsets);
    fields.group(Some(cursor.offset()), "entries", |fields| {
        for (((at, key), length), kind) in keys.iter().zip(lengths).zip(kinds) {
            if kind != INDIRECT {
                let at = Some(cursor.offset());
                let value = cursor.take(to_usize(length))?;
                fields.note(at, key.as_str(), Value::Bytes(value.to_vec()))?;
            } else if let Some((file, offset)) = places.next() {
                let words = reference(paths, file, offset, length);
                fields.note(Some(*at), key.as_str(), Value::Text(words))?;
            }
        }
        Ok(())
    })
}
