//! Versions, and nodes of the tree of older versions.

use bytes::Bytes;

use super::fields::Fields;
use super::references::{files, references, statistics};
use crate::cursor::Cursor;
use crate::error::Result;
use crate::ocdbt::Reference;
use crate::ocdbt::envelope::Body;
use crate::ocdbt::generations::Arity;
use crate::ocdbt::version_node::VersionNode;
use crate::ocdbt::version_tree::VersionNodeReference;

/// Notes the fields of a node; returns the last generation that it covers.
pub fn walk(body: &Body, fields: &mut Fields) -> Result<u64> {
    let mut cursor = body.cursor();
    fields.byte(&mut cursor, "version tree arity log2")?;
    let height = fields.byte(&mut cursor, "height")?;
    let paths = files(&mut cursor, fields)?;
    let at = Some(cursor.offset());
    let last = match height {
        0 => fields.group(at, "versions", |fields| {
            versions(&mut cursor, &paths, fields)
        }),
        _ => fields.group(at, "version tree nodes", |fields| {
            nodes(&mut cursor, &paths, fields, false)
        }),
    }?;
    cursor.finish()?;
    Ok(last)
}

/// Notes versions; returns the last generation.
pub fn versions(cursor: &mut Cursor<'_>, paths: &[String], fields: &mut Fields) -> Result<u64> {
    let count = fields.varint(cursor, "count")?;
    let generations = fields.varints(cursor, count, "generations")?;
    fields.bytes(cursor, count, "root heights")?;
    references(cursor, count, "root ", paths, fields)?;
    statistics(cursor, count, fields)?;
    fields.u64s(cursor, count, "commit times (ns since 1970)")?;
    Ok(generations.last().copied().unwrap_or_default())
}

/// Notes references to version tree nodes; returns the last generation.
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

/// The verdict of the decoder. The node that refers to this one is not available, so it is assumed
/// to agree with it.
pub fn check(body: &Body, generation: u64) -> Result<()> {
    let mut cursor = body.cursor();
    let arity = Arity::take(&mut cursor)?;
    let parent = VersionNodeReference {
        generation,
        reference: Reference {
            file: 0,
            offset: 0,
            length: 0,
        },
        generations: 0,
        commit_time_nsecs: 0,
        height: cursor.u8()?,
    };
    VersionNode::decode(body, Bytes::new(), arity, &parent).map(|_| ())
}
