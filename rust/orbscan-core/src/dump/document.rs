//! JSON documents, and the JSON that they hold in strings.

use bytes::Bytes;

use super::Dump;
use super::fields::{Fields, Room, Value};
use crate::error::{Error, Offset, Result};
use crate::json::{Dialect, Json, Kind};
use crate::limits::Limits;
use crate::orbax::{checkpoint_metadata, shardings as sharding_file, tree_metadata as tree_file};
use crate::zarr;

/// `_METADATA`.
pub fn tree_metadata(bytes: &Bytes, limits: &Limits) -> Dump {
    let mut issues = Vec::new();
    let decoded = tree_file::decode(bytes, limits, &mut issues).map(|_| ());
    let decoded = decoded.and(first(issues));
    document(
        "tree metadata of Orbax",
        bytes,
        Dialect::Python,
        limits,
        decoded,
    )
}

/// `_sharding`.
pub fn shardings(bytes: &Bytes, limits: &Limits) -> Dump {
    let decoded = sharding_file::decode(bytes, limits).map(|_| ());
    document(
        "shardings of Orbax",
        bytes,
        Dialect::Strict,
        limits,
        decoded,
    )
}

/// `_CHECKPOINT_METADATA`.
pub fn checkpoint_metadata(bytes: &Bytes, limits: &Limits) -> Dump {
    let mut issues = Vec::new();
    let decoded = checkpoint_metadata::decode(bytes, limits, &mut issues).map(|_| ());
    let decoded = decoded.and(first(issues));
    document(
        "checkpoint metadata of Orbax",
        bytes,
        Dialect::Python,
        limits,
        decoded,
    )
}

/// `.zarray`.
pub fn zarr_v2(bytes: &Bytes, limits: &Limits) -> Dump {
    let decoded = zarr::v2::decode(bytes, limits).map(|_| ());
    document("Zarr v2 array", bytes, Dialect::Strict, limits, decoded)
}

/// `zarr.json`.
pub fn zarr_v3(bytes: &Bytes, limits: &Limits) -> Dump {
    let decoded = zarr::v3::decode(bytes, limits).map(|_| ());
    document("Zarr v3 array", bytes, Dialect::Strict, limits, decoded)
}

/// Any other document; it lies at `at`.
pub fn any(bytes: &Bytes, at: Offset, limits: &Limits) -> Dump {
    let mut fields = Fields::new(Room::of(bytes.len(), limits));
    let walked = Json::nested(bytes, Dialect::Python, limits, at, 0)
        .and_then(|mut json| whole(&mut json, &mut fields, limits));
    Dump {
        kind: "a JSON document",
        fields: fields.into_vec(),
        error: walked.err(),
    }
}

fn first(issues: Vec<Error>) -> Result<()> {
    issues.into_iter().next().map_or(Ok(()), Err)
}

fn document(
    kind: &'static str,
    bytes: &Bytes,
    dialect: Dialect,
    limits: &Limits,
    decoded: Result<()>,
) -> Dump {
    let mut fields = Fields::new(Room::of(bytes.len(), limits));
    let walked = Json::new(bytes, dialect, limits)
        .and_then(|mut json| whole(&mut json, &mut fields, limits));
    Dump {
        kind,
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

/// The fields of a document that a string holds. Its escapes are gone, so it has no offsets.
fn inside(text: &str, room: Room, limits: &Limits) -> Fields {
    let mut fields = Fields::new(room);
    if text.starts_with('{')
        && let Ok(mut json) = Json::new(text.as_bytes(), Dialect::Python, limits)
    {
        // A string that only looks like JSON is shown as a string. One level is enough: nothing that
        // Orbax writes has strings in strings.
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
