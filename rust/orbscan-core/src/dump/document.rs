//! JSON documents, and JSON in their strings.

use bytes::Bytes;

use super::fields::{Fields, Room, Value};
use super::known::FileKind;
use super::{Dump, Out};
use crate::error::{Error, Offset, Result};
use crate::json::{Dialect, Json, Kind};
use crate::limits::Limits;
use crate::orbax::{
    array_metadata, checkpoint_metadata, deletion, metrics, root_metadata,
    shardings as sharding_file, strings, tree_metadata as tree_file,
};
use crate::zarr;

/// A document of a known kind, with the verdict of its decoder.
pub fn known(kind: FileKind, bytes: &Bytes, limits: &Limits, out: &mut Out<'_>) -> Dump {
    let mut issues = Vec::new();
    let decoded = match kind {
        FileKind::TreeMetadata => {
            let decoded = tree_file::decode(bytes, limits, &mut issues).map(|_| ());
            decoded.and(first(issues))
        }
        FileKind::CheckpointMetadata => {
            let decoded = checkpoint_metadata::decode(bytes, limits, &mut issues).map(|_| ());
            decoded.and(first(issues))
        }
        FileKind::Shardings => sharding_file::decode(bytes, limits).map(|_| ()),
        FileKind::Strings => strings::Strings::decode(bytes, limits).map(|_| ()),
        FileKind::ArrayMetadatas => array_metadata::visit(bytes, limits, |_, _| ()),
        FileKind::Metrics => metrics::decode(bytes, limits).map(|_| ()),
        FileKind::RootMetadata => root_metadata::decode(bytes, limits).map(|_| ()),
        FileKind::ZarrV2 => zarr::v2::decode(bytes, limits).map(|_| ()),
        FileKind::ZarrV3 => zarr::v3::decode(bytes, limits).map(|_| ()),
        _ => Ok(()),
    };
    let row = kind.description();
    let what = (row.what, row.meaning);
    document(what, bytes, dialect(kind), limits, decoded, out)
}

/// TensorStore writes the documents of arrays, Python all others.
const fn dialect(kind: FileKind) -> Dialect {
    match kind {
        FileKind::Shardings | FileKind::Strings | FileKind::ZarrV2 | FileKind::ZarrV3 => {
            Dialect::Strict
        }
        _ => Dialect::Python,
    }
}

/// The record of a deletion, given the checkpoint metadata with which it must agree.
pub fn deletion_record(bytes: &Bytes, metadata: Option<&[u8]>, limits: &Limits) -> Dump {
    let decoded = deletion::deleted_name(bytes, metadata, limits).map(|_| ());
    let row = FileKind::DeletionRecord.description();
    let what = (row.what, row.meaning);
    document(
        what,
        bytes,
        Dialect::Python,
        limits,
        decoded,
        &mut Out::default(),
    )
}

/// A document that has no name in Orbax.
pub fn other(bytes: &Bytes, limits: &Limits) -> Dump {
    Dump {
        meaning:
            "its name is not one that Orbax gives: a file of another program, or of a handler \
                  that is not one of Orbax's own"
                .to_owned(),
        ..part(bytes, Offset::File(0), limits)
    }
}

/// A group of Zarr v3, whose file is named like that of an array; `None` if it is something else.
pub fn group(bytes: &Bytes, limits: &Limits) -> Option<Dump> {
    let mut is_group = false;
    let mut json = Json::new(bytes, Dialect::Strict, limits).ok()?;
    let walked = json.object(|json, name| {
        if name == "node_type" && json.peek()? == Kind::String {
            is_group = json.string()? == "group";
            return Ok(());
        }
        json.skip().map(|_| ())
    });
    (walked.is_ok() && is_group).then(|| Dump {
        kind: "Zarr v3 group",
        meaning: "a directory of arrays that another program keeps; Orbax writes no groups"
            .to_owned(),
        ..part(bytes, Offset::File(0), limits)
    })
}

/// A document that is a part of a file, at position `at`.
pub fn part(bytes: &Bytes, at: Offset, limits: &Limits) -> Dump {
    let mut fields = Fields::new(Room::of(bytes.len(), limits));
    let walked = Json::nested(bytes, Dialect::Python, limits, at, 0)
        .and_then(|mut json| whole(&mut json, &mut fields, limits));
    Dump {
        kind: "a JSON document",
        meaning:
            "Orbax gives no file this name: it is one of another program, or of a handler that \
                  is not one of Orbax's own"
                .to_owned(),
        fields: fields.into_vec(),
        error: walked.err(),
    }
}

fn first(issues: Vec<Error>) -> Result<()> {
    issues.into_iter().next().map_or(Ok(()), Err)
}

fn document(
    (kind, meaning): (&'static str, &str),
    bytes: &Bytes,
    dialect: Dialect,
    limits: &Limits,
    decoded: Result<()>,
    out: &mut Out<'_>,
) -> Dump {
    let begun = out.begin(kind, meaning);
    let mut fields = Fields::told(Room::of(bytes.len(), limits), out.sink());
    let walked = begun
        .and_then(|()| Json::new(bytes, dialect, limits))
        .and_then(|mut json| whole(&mut json, &mut fields, limits));
    Dump {
        kind,
        meaning: meaning.to_owned(),
        fields: fields.into_vec(),
        error: decoded.err().or(walked.err()),
    }
}

/// Notes a whole document.
pub fn whole(json: &mut Json<'_>, fields: &mut Fields, limits: &Limits) -> Result<()> {
    value(json, "document".to_owned(), fields, limits)?;
    json.end()
}

/// Recursion ends at the nesting that [`Json`] allows.
fn value(json: &mut Json<'_>, name: String, fields: &mut Fields, limits: &Limits) -> Result<()> {
    let kind = json.peek()?;
    let at = Some(json.offset());
    match kind {
        Kind::Object => fields.group(at, name, |fields| {
            json.object(|json, name| value(json, name.into_owned(), fields, limits))
        }),
        Kind::Array => fields.group(at, name, |fields| {
            let mut index = 0_u64;
            json.array(|json| {
                let name = format!("[{index}]");
                index = index.saturating_add(1);
                value(json, name, fields, limits)
            })
        }),
        Kind::String => {
            let text = json.string()?.into_owned();
            let inner = inside(&text, fields.room(), limits);
            fields.note(at, name, Value::Text(text))?;
            fields.extend_inside(inner)
        }
        Kind::Number | Kind::Bool | Kind::Null => {
            let text = json.skip()?.to_owned();
            fields.note(at, name, Value::Json(text))
        }
    }
}

/// The fields of a document inside a string. Its escapes are resolved, so it has no offsets.
fn inside(text: &str, room: Room, limits: &Limits) -> Fields<'static> {
    let mut fields = Fields::new(room);
    if text.starts_with('{')
        && let Ok(mut json) = Json::new(text.as_bytes(), Dialect::Python, limits)
    {
        // A string that only looks like JSON is shown as a string. One level is enough: Orbax does
        // not nest JSON strings in JSON strings.
        let read = plain(&mut json, "inside".to_owned(), &mut fields).and_then(|()| json.end());
        if read.is_err() {
            return Fields::new(room);
        }
    }
    fields
}

/// [`value`], without looking into strings, and without offsets.
fn plain(json: &mut Json<'_>, name: String, fields: &mut Fields) -> Result<()> {
    match json.peek()? {
        Kind::Object => fields.group(None, name, |fields| {
            json.object(|json, name| plain(json, name.into_owned(), fields))
        }),
        Kind::Array => fields.group(None, name, |fields| {
            let mut index = 0_u64;
            json.array(|json| {
                let name = format!("[{index}]");
                index = index.saturating_add(1);
                plain(json, name, fields)
            })
        }),
        Kind::String => {
            let text = json.string()?.into_owned();
            fields.note(None, name, Value::Text(text))
        }
        Kind::Number | Kind::Bool | Kind::Null => {
            let text = json.skip()?.to_owned();
            fields.note(None, name, Value::Json(text))
        }
    }
}
