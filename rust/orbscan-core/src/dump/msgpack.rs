//! The msgpack file of early releases, token by token.

use bytes::Bytes;

use super::Dump;
use super::fields::{Fields, Room, Value};
use super::known::FileKind;
use crate::error::{Offset, Result};
use crate::limits::Limits;
use crate::msgpack::{Msgpack, Token};
use crate::orbax::aggregate as aggregate_file;

/// The aggregate file.
pub fn aggregate(bytes: &Bytes, limits: &Limits) -> Dump {
    let mut fields = Fields::new(Room::of(bytes.len(), limits));
    let mut msgpack = Msgpack::new(bytes, Offset::File(0));
    let walked = value(
        &mut msgpack,
        "document".to_owned(),
        &mut fields,
        limits.max_nesting,
    )
    .and_then(|()| msgpack.finish());
    let decoded = aggregate_file::decode(bytes, limits).map(|_| ());
    let row = FileKind::Aggregate.description();
    Dump {
        kind: row.what,
        meaning: row.meaning.to_owned(),
        fields: fields.into_vec(),
        error: decoded.err().or(walked.err()),
    }
}

/// A whole file that is one map of msgpack, whatever its name: the aggregate file can have any
/// name, and Flax wrote such files before Orbax did. `None` if it is something else.
pub fn map(bytes: &Bytes, limits: &Limits) -> Option<Dump> {
    let mut msgpack = Msgpack::new(bytes, Offset::File(0));
    let Ok(Token::Map(1..)) = msgpack.token() else {
        return None;
    };
    let dump = aggregate(bytes, limits);
    dump.error.is_none().then_some(dump)
}

/// Recursion ends at `depth`, where the decoder ends it too.
fn value(msgpack: &mut Msgpack<'_>, name: String, fields: &mut Fields, depth: u32) -> Result<()> {
    let at = Some(msgpack.offset());
    let Some(depth) = depth.checked_sub(1) else {
        return Err(msgpack.malformed("nested too deeply to show"));
    };
    let token = msgpack.token()?;
    let shown = match token {
        Token::Map(count) => {
            return fields.group(at, name, |fields| {
                for _ in 0..count {
                    let key = key(msgpack)?;
                    value(msgpack, key, fields, depth)?;
                }
                Ok(())
            });
        }
        Token::List(count) => {
            return fields.group(at, name, |fields| {
                for index in 0..count {
                    value(msgpack, format!("[{index}]"), fields, depth)?;
                }
                Ok(())
            });
        }
        Token::Extension(kind, length) => {
            let payload = msgpack.payload(length)?;
            return fields.group(at, name, |fields| {
                fields.note(at, "extension type", Value::Json(kind.to_string()))?;
                fields.note(at, "payload", Value::Bytes(payload.to_vec()))
            });
        }
        Token::Nil => Value::Json("null".to_owned()),
        Token::Bool(truth) => Value::Json(truth.to_string()),
        Token::Integer(number) => Value::Json(number.to_string()),
        Token::Float(number) => Value::Json(number.to_string()),
        Token::String(text) => Value::Text(text.escape_ascii().to_string()),
        Token::Bytes(bytes) => Value::Bytes(bytes.to_vec()),
    };
    fields.note(at, name, shown)
}

/// The key of a map as text, whatever its type.
fn key(msgpack: &mut Msgpack<'_>) -> Result<String> {
    Ok(match msgpack.token()? {
        Token::String(text) => text.escape_ascii().to_string(),
        Token::Integer(number) => number.to_string(),
        other => return Err(msgpack.malformed(format!("{} as a key", other.name()))),
    })
}
