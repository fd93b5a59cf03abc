//! Safetensors files: the length of the header, and the header.

use bytes::Bytes;

use super::fields::{Fields, Room, Value};
use super::known::FileKind;
use super::{Dump, document};
use crate::cursor::{to_u64, to_usize};
use crate::error::{Offset, Result, counted};
use crate::json::{Dialect, Json};
use crate::limits::Limits;
use crate::safetensors::{PREFIX_BYTES, decode_header, header_bytes};

/// A whole file.
pub fn file(bytes: &Bytes, limits: &Limits) -> Dump {
    let mut fields = Fields::new(Room::of(bytes.len(), limits));
    let walked = walk(bytes, limits, &mut fields);
    let row = FileKind::Safetensors.description();
    Dump {
        kind: row.what,
        meaning: row.meaning.to_owned(),
        fields: fields.into_vec(),
        error: walked.err(),
    }
}

fn walk(bytes: &Bytes, limits: &Limits, fields: &mut Fields) -> Result<()> {
    let size = to_u64(bytes.len());
    let start = to_usize(PREFIX_BYTES);
    let length = header_bytes(bytes.get(..start).unwrap_or(bytes), size, limits)?;
    fields.note(
        Some(Offset::File(0)),
        "header length",
        Value::Number(length),
    )?;
    let end = PREFIX_BYTES.saturating_add(length);
    let header = bytes.get(start..to_usize(end)).unwrap_or_default();
    let origin = Offset::File(PREFIX_BYTES);
    let walked = Json::nested(header, Dialect::Python, limits, origin, 0)
        .and_then(|mut json| document::whole(&mut json, fields, limits));
    let data = counted(size.saturating_sub(end), "byte", "bytes");
    fields.note(Some(Offset::File(end)), "data", Value::Text(data))?;
    decode_header(header, size, limits)?;
    walked
}
