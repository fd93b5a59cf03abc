//! Manifests: the configuration, and the newest versions.

use bytes::Bytes;

use super::fields::{Fields, Value};
use super::references::files;
use super::version_node::{nodes, versions};
use crate::cursor::Cursor;
use crate::error::Result;
use crate::limits::Limits;
use crate::ocdbt::envelope::Body;
use crate::ocdbt::manifest::Manifest;

/// The verdict of the decoder.
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
