//! One step of a keypath, as `_METADATA` spells it.

use std::borrow::Cow;

use crate::error::{Error, ErrorKind, Result};
use crate::json::{Json, Kind};
use crate::tree::KeyEntry;

/// One of `{"key": "b", "key_type": 2}`.
pub(super) fn read<'a>(json: &mut Json<'a>) -> Result<KeyEntry<'a>> {
    json.peek()?;
    let offset = json.offset();
    let (mut key, mut sequence) = (None, None);
    json.object(|json, name| {
        match name.as_ref() {
            "key" => key = Some(key_text(json)?),
            "key_type" => sequence = Some(is_sequence(json)?),
            _ => {
                json.skip()?;
            }
        }
        Ok(())
    })?;
    let missing = |member| Error::malformed(offset, format!("no member {member} in key_metadata"));
    let key = key.ok_or_else(|| missing("key"))?;
    if !sequence.ok_or_else(|| missing("key_type"))? {
        return Ok(KeyEntry::Mapping(key));
    }
    let index = python_index(&key).ok_or_else(|| {
        Error::malformed(offset, format!("{key:?} is not an index into a sequence"))
    })?;
    Ok(KeyEntry::Sequence(index))
}

/// A key as text; Orbax applies `str()` to whatever it finds.
fn key_text<'a>(json: &mut Json<'a>) -> Result<Cow<'a, str>> {
    Ok(match json.peek()? {
        Kind::String => json.string()?,
        Kind::Null => {
            json.skip()?;
            "None".into()
        }
        Kind::Bool => if json.boolean()? { "True" } else { "False" }.into(),
        Kind::Number => {
            let offset = json.offset();
            let text = json.number()?;
            let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'-') && text != "-0";
            if !plain {
                let reason = format!("a key that is the number {text}");
                return Err(Error::new(ErrorKind::Unsupported, reason).at(offset));
            }
            text.into()
        }
        Kind::Object | Kind::Array => return Err(json.malformed("a key that is not a string")),
    })
}

/// Key type 1 is an index into a sequence, 2 a key of a mapping. In Python `true` equals 1 and
/// `2.0` equals 2, so they do in Orbax.
fn is_sequence(json: &mut Json<'_>) -> Result<bool> {
    let kind = json.peek()?;
    let offset = json.offset();
    let text = json.skip()?;
    let number = match kind {
        Kind::Bool if text == "true" => Some(1.0),
        Kind::Number => match text {
            "1" => Some(1.0),
            "2" => Some(2.0),
            text => text.parse().ok(),
        },
        _ => None,
    };
    match number {
        Some(1.0) => Ok(true),
        Some(2.0) => Ok(false),
        _ => Err(Error::malformed(
            offset,
            format!("key_type {text}: expected 1 (sequence) or 2 (mapping)"),
        )),
    }
}

/// The result of Python's `int()` for the text, if it is not negative.
fn python_index(text: &str) -> Option<u64> {
    if let Ok(index) = text.parse() {
        return Some(index);
    }
    let text = text.trim();
    let digits = text.strip_prefix('+').unwrap_or(text);
    let apart = digits
        .split('_')
        .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    if apart {
        digits.replace('_', "").parse().ok()
    } else {
        None
    }
}
