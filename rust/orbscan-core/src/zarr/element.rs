//! The element type of Zarr 2: a plain one, raw bytes, or a structure of one field.
//!
//! Source: tensorstore `driver/zarr/dtype.cc`.

use std::fmt::Write as _;

use super::dtype::DType;
use super::{MAX_LENGTH, lengths};
use crate::error::{Error, ErrorKind, Result};
use crate::json::{Json, Kind};

/// The type of one array element, as the document gives it.
pub(super) struct Element {
    pub(super) dtype: DType,
    /// Its spelling in the document.
    pub(super) stored: String,
    /// Dimensions inside one element, which TensorStore appends to those of the array.
    pub(super) inner_shape: Vec<u64>,
    /// Whether the fill value is given as bytes.
    pub(super) raw: bool,
}

impl Element {
    /// Reads the member `dtype`.
    ///
    /// # Errors
    /// `Malformed` if it has another form; `Unsupported` for unknown types.
    pub(super) fn read(json: &mut Json<'_>) -> Result<Self> {
        match json.peek()? {
            Kind::String => {
                let (dtype, inner_shape, stored) = base(json)?;
                let raw = !inner_shape.is_empty();
                Ok(Self {
                    dtype,
                    stored,
                    inner_shape,
                    raw,
                })
            }
            _ => Self::structure(json),
        }
    }

    /// A structured type. TensorStore opens one without the name of a field only if there is just
    /// one: `[["name", "<i4"]]` or `[["name", "<i4", [2, 3]]]`.
    fn structure(json: &mut Json<'_>) -> Result<Self> {
        json.expect(Kind::Array)?;
        let offset = json.offset();
        let mut fields = json.list(field)?;
        match (fields.pop(), fields.len()) {
            (Some(only), 0) => Ok(only),
            (_, others) => {
                let count = others.saturating_add(1);
                let reason = match others {
                    0 => "a structured type without fields".to_owned(),
                    _ => format!("a structured type of {count} fields"),
                };
                Err(Error::new(ErrorKind::Unsupported, reason).at(offset))
            }
        }
    }
}

/// One field of a structured type: its name, its type and perhaps its shape.
fn field(json: &mut Json<'_>) -> Result<Element> {
    let mut name = None;
    let mut kind = None;
    let mut outer_shape = None;
    json.expect(Kind::Array)?;
    let offset = json.offset();
    json.array(|json| {
        json.peek()?;
        if name.is_none() {
            name = Some(json.string()?.into_owned());
        } else if kind.is_none() {
            kind = Some(base(json)?);
        } else if outer_shape.is_none() {
            outer_shape = Some(lengths(json, 1)?);
        } else {
            return Err(json.malformed("a field has a name, a type and a shape, no more"));
        }
        Ok(())
    })?;
    let (Some(name), Some((dtype, flexible, spelled))) = (name, kind) else {
        return Err(Error::malformed(offset, "a field needs a name and a type"));
    };
    if name.is_empty() {
        return Err(Error::malformed(offset, "a field needs a name"));
    }
    let outer_shape = outer_shape.unwrap_or_default();
    let mut stored = format!("[[{}, {}", python_repr(&name), python_repr(&spelled));
    if !outer_shape.is_empty() {
        // Writing to a string cannot fail.
        let _ = write!(stored, ", {outer_shape:?}");
    }
    stored.push_str("]]");
    Ok(Element {
        dtype,
        stored,
        inner_shape: [outer_shape, flexible].concat(),
        raw: true,
    })
}

/// An element type without fields: what it is, the dimensions it adds, its spelling.
fn base(json: &mut Json<'_>) -> Result<(DType, Vec<u64>, String)> {
    json.peek()?;
    let offset = json.offset();
    let text = json.string()?;
    if let Some(dtype) = DType::from_zarr2(&text) {
        return Ok((dtype, Vec::new(), text.into_owned()));
    }
    // Raw bytes, `|V3`: Orbax shows them as int8 with one more dimension.
    let raw = text.strip_prefix(['<', '>', '|']);
    let digits = raw.and_then(|raw| raw.strip_prefix('V'));
    let digits = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()));
    match digits.and_then(|digits| digits.parse::<i64>().ok()) {
        Some(length) if length > 0 && i128::from(length) <= MAX_LENGTH => {
            Ok((DType::Int8, vec![length.unsigned_abs()], text.into_owned()))
        }
        _ => {
            let reason = format!("unknown element type {text:?}");
            Err(Error::new(ErrorKind::Unsupported, reason).at(offset))
        }
    }
}

/// `text` as Python's `repr` spells it, so that structured types read as Orbax prints them.
fn python_repr(text: &str) -> String {
    let doubled = text.contains('\'') && !text.contains('"');
    let quote = if doubled { '"' } else { '\'' };
    let mut out = String::from(quote);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\\' => out.push_str("\\\\"),
            c if c == quote => out.extend(['\\', quote]),
            c if c.is_control() => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push(quote);
    out
}
