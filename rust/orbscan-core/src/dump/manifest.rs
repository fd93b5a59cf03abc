//! Manifests: the configuration, and the newest versions.

use bytes::Bytes;

use super::fields::{Fields, Value};
use super::node::{files, path};
use crate::cursor::Cursor;
use crate::error::Result;
use crate::limits::Limits;
use crate::ocdbt::envelope::Body;
use crate::ocdbt::manifest::Manifest;

/// What the decoder says.
pub fn check(bytes: &Bytes, limits: &Limits) -> Result<()> {
    Manifest::decode(bytes, limits).map(|_| ())
}

/// Notes the fields of a manifest.
pub fn walk(body: &Body, fields: &mut Fields) -> Result<()> {
    let mut cursor = body.cursor();
    let at = Some(cursor.offset());
    let kind = fields.group(at, "configuration", |fields| {
        configuration(&mut cursor, fields)
    })?;
    if kind == 0 {
        let paths = files(&mut cursor, fields)?;
        let at = Some(cursor.offset());
        fields.group(at, "versions", |fields| {
            versions(&mut cursor, &paths, fields)
        })?;
        let at = Some(cursor.offset());
        fields.group(at, "version tree nodes", |fields| {
            nodes(&mut cursor, &paths, fields, true)
        })?;
    }
    cursor.finish()
}

fn configuration(cursor: &mut Cursor<'_>, fields: &mut Fields) -> Result<u8> {
    let at = Some(cursor.offset());
    let uuid: [u8; 16] = cursor.array()?;
    let digits: Vec<String> = uuid.iter().map(|byte| format!("{byte:02x}")).collect();
    fields.note(at, "uuid", Value::Text(digits.concat()))?;
    let kind = fields.byte(cursor, "manifest kind")?;
    fields.varint(cursor, "max inline value bytes")?;
    fields.varint(cursor, "max decoded node bytes")?;
    fields.byte(cursor, "version tree arity log2")?;
    if fields.varint(cursor, "compression method")? == 1 {
        let at = Some(cursor.offset());
        let level = cursor.i32_le()?;
        fields.note(at, "compression level", Value::Json(level.to_string()))?;
    }
    Ok(kind)
}

/// Notes versions; gives the last generation.
pub fn versions(cursor: &mut Cursor<'_>, paths: &[String], fields: &mut Fields) -> Result<u64> {
    let count = fields.varint(cursor, "count")?;
    let generations = fields.varints(cursor, count, "generations")?;
    fields.bytes(cursor, count, "root heights")?;
    references(cursor, count, "root ", paths, fields)?;
    statistics(cursor, count, fields)?;
    fields.u64s(cursor, count, "commit times (ns since 1970)")?;
    Ok(generations.last().copied().unwrap_or_default())
}

/// Notes references to version tree nodes; gives the last generation.
pub fn nodes(
    cursor: &mut Cursor<'_>,
    paths: &[String],
    fields: &mut Fields,
    heights: bool,
) -> Result<u64> {
    let count = fields.varint(cursor, "count")?;
    let generations = fields.varints(cursor, count, "generations")?;
    references(cursor, count, "", paths, fields)?;
    fields.varints(cursor, count, "numbers of generations")?;
    fields.u64s(cursor, count, "commit times (ns since 1970)")?;
    if heights {
        fields.bytes(cursor, count, "heights")?;
    }
    Ok(generations.last().copied().unwrap_or_default())
}

/// Notes the columns of references, and each of them in words.
pub fn references(
    cursor: &mut Cursor<'_>,
    count: u64,
    of: &str,
    paths: &[String],
    fields: &mut Fields,
) -> Result<Vec<String>> {
    let files = fields.varints(cursor, count, &format!("{of}data files"))?;
    let offsets = fields.varints(cursor, count, &format!("{of}offsets"))?;
    let lengths = fields.varints(cursor, count, &format!("{of}lengths"))?;
    let words = files.into_iter().zip(offsets).zip(lengths);
    Ok(words
        .map(|((file, offset), length)| reference(paths, file, offset, length))
        .collect())
}

/// A reference in words.
pub fn reference(paths: &[String], file: u64, offset: u64, length: u64) -> String {
    if (offset, length) == (u64::MAX, u64::MAX) {
        return "empty tree".to_owned();
    }
    format!("{length} bytes at {offset} of {}", path(paths, file))
}

/// Notes the columns of what subtrees hold.
pub fn statistics(cursor: &mut Cursor<'_>, count: u64, fields: &mut Fields) -> Result<()> {
    fields.varints(cursor, count, "numbers of keys")?;
    fields.varints(cursor, count, "tree bytes")?;
    fields.varints(cursor, count, "indirect value bytes")?;
    Ok(())
}
