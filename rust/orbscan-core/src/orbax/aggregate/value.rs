//! The leaves of an aggregate file.

use crate::cursor::to_u64;
use crate::error::{Error, ErrorKind, Offset, Result, counted};
use crate::msgpack::{Msgpack, Token};
use crate::zarr::dtype::DType;

/// The first member of a chunked array.
const CHUNKED: &str = "__msgpack_chunked_array__";

/// The first characters of a string that stands for a leaf stored elsewhere; the second is older.
const PLACEHOLDERS: [&str; 2] = ["PLACEHOLDER://", "AGGREGATED://"];

/// What a leaf is. Values themselves are not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AggregateValue {
    /// An array stored elsewhere under this param name.
    Placeholder(String),
    /// An array.
    Array {
        /// Its shape, in elements.
        shape: Vec<u64>,
        /// Numpy's name of its dtype.
        dtype: String,
    },
    /// A numpy scalar.
    NumpyScalar {
        /// Numpy's name of its dtype.
        dtype: String,
    },
    /// A Python integer.
    Integer,
    /// A Python float.
    Float,
    /// A Python bool.
    Bool,
    /// A Python complex.
    Complex,
    /// A string.
    String,
    /// Bytes.
    Bytes,
    /// `None`.
    None,
    /// An empty mapping.
    EmptyDict,
    /// An empty list.
    EmptyList,
    /// An empty tuple.
    EmptyTuple,
}

/// A string leaf: a string, or the placeholder of a leaf stored elsewhere.
pub(super) fn text(bytes: &[u8], offset: Offset) -> Result<AggregateValue> {
    let text =
        std::str::from_utf8(bytes).map_err(|_| Error::malformed(offset, "string is not UTF-8"))?;
    let name = PLACEHOLDERS.iter().find_map(|mark| text.strip_prefix(mark));
    Ok(name.map_or(AggregateValue::String, |name| {
        AggregateValue::Placeholder(name.to_owned())
    }))
}

/// Whether the map of three entries that was just opened is a chunked array. Writers put the mark
/// first.
pub(super) fn is_chunked(msgpack: &Msgpack<'_>) -> bool {
    msgpack.clone().string().is_ok_and(|key| key == CHUNKED)
}

/// The chunked array whose map was opened at `offset`.
pub(super) fn chunked(msgpack: &mut Msgpack<'_>, offset: Offset) -> Result<AggregateValue> {
    msgpack.skip()?;
    msgpack.skip()?;
    let (mut shape, mut dtype) = (None, None);
    for _ in 0..2 {
        match msgpack.string()? {
            "shape" => shape = Some(numbered(msgpack, length)?),
            "chunks" => dtype = numbered(msgpack, chunk_dtype)?.into_iter().next(),
            other => {
                let reason = format!("a chunked array has no member {other:?}");
                return Err(Error::malformed(offset, reason));
            }
        }
    }
    match (shape, dtype) {
        (Some(shape), Some(dtype)) => Ok(AggregateValue::Array { shape, dtype }),
        _ => Err(Error::malformed(
            offset,
            "a chunked array without shape or chunks",
        )),
    }
}

/// The values of a map with the keys `"0"`, `"1"` and so on, which stands for a tuple.
fn numbered<'a, T>(
    msgpack: &mut Msgpack<'a>,
    mut value: impl FnMut(&mut Msgpack<'a>) -> Result<T>,
) -> Result<Vec<T>> {
    let offset = msgpack.offset();
    let Token::Map(count) = msgpack.token()? else {
        return Err(Error::malformed(
            offset,
            "expected a map of numbered values",
        ));
    };
    let mut values = Vec::new();
    for number in 0..count {
        let offset = msgpack.offset();
        if msgpack.string()? != number.to_string() {
            return Err(Error::malformed(offset, format!("expected key {number}")));
        }
        values.push(value(msgpack)?);
    }
    Ok(values)
}

/// The length of one dimension.
fn length(msgpack: &mut Msgpack<'_>) -> Result<u64> {
    let offset = msgpack.offset();
    match msgpack.token()? {
        Token::Integer(number) if number >= 0 => {
            u64::try_from(number).map_err(|_| Error::malformed(offset, "length out of range"))
        }
        other => {
            let reason = format!("expected a length, found {}", other.name());
            Err(Error::malformed(offset, reason))
        }
    }
}

/// The dtype of one chunk of a chunked array.
fn chunk_dtype(msgpack: &mut Msgpack<'_>) -> Result<String> {
    let offset = msgpack.offset();
    if let Token::Extension(1, length) = msgpack.token()? {
        return ndarray(msgpack.payload(length)?, offset).map(|(_, dtype)| dtype);
    }
    Err(Error::malformed(offset, "expected an array"))
}

/// A value of an extension type whose head is at `offset`.
pub(super) fn extension(code: i8, payload: &[u8], offset: Offset) -> Result<AggregateValue> {
    match code {
        1 => ndarray(payload, offset).map(|(shape, dtype)| AggregateValue::Array { shape, dtype }),
        2 => Ok(AggregateValue::Complex),
        3 => ndarray(payload, offset).map(|(_, dtype)| AggregateValue::NumpyScalar { dtype }),
        other => {
            let reason = format!("unknown extension {other}");
            Err(Error::new(ErrorKind::Unsupported, reason).at(offset))
        }
    }
}

/// The shape and dtype of an array in the payload of an extension whose head is at `offset`.
fn ndarray(payload: &[u8], offset: Offset) -> Result<(Vec<u64>, String)> {
    let bad = |reason: String| Error::malformed(offset, format!("array: {reason}"));
    let inside = |error: Error| bad(error.reason().to_owned());
    let mut msgpack = Msgpack::new(payload, offset);
    if msgpack.token().map_err(inside)? != Token::List(3) {
        return Err(bad("expected shape, dtype and bytes".to_owned()));
    }
    let Token::List(rank) = msgpack.token().map_err(inside)? else {
        return Err(bad("expected a shape".to_owned()));
    };
    let mut shape = Vec::new();
    for _ in 0..rank {
        shape.push(length(&mut msgpack).map_err(inside)?);
    }
    let name = msgpack.string().map_err(inside)?;
    // The writer stores bytes; older writers only have strings.
    let (Token::Bytes(data) | Token::String(data)) = msgpack.token().map_err(inside)? else {
        return Err(bad("expected bytes".to_owned()));
    };
    msgpack.finish().map_err(inside)?;
    let found = to_u64(data.len());
    if DType::from_name(name).is_some_and(|dtype| dtype.array_bytes(&shape) != Some(found)) {
        return Err(bad(format!(
            "{} for {name} of shape {shape:?}",
            counted(found, "byte", "bytes")
        )));
    }
    Ok((shape, name.to_owned()))
}
