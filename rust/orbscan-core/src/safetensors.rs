//! The header of a safetensors file.
//!
//! ```text
//! u64, little-endian: length N of the header
//! N bytes of JSON:    {"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
//!                      "__metadata__": {"format": "pt"}}, then spaces
//! data:               where data_offsets count from
//! ```
//!
//! Source: the format's own description; orbax `experimental/v1/_src/layout/safetensors_layout.py`
//! for the dtypes that are read, and how. Orbax does not look at `data_offsets`.

use std::collections::HashSet;

use crate::cursor::{Cursor, to_u64};
use crate::error::{Error, ErrorKind, Offset, Result, counted};
use crate::json::{Dialect, Json};
use crate::limits::Limits;
use crate::zarr::dtype::DType;

/// The bytes before the header.
pub const PREFIX_BYTES: u64 = 8;

/// A decoded header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The tensors, in header order.
    pub tensors: Vec<Tensor>,
    /// `__metadata__`, in header order.
    pub metadata: Vec<(String, String)>,
}

/// One tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// Its name.
    pub name: String,
    /// What one element is.
    pub dtype: DType,
    /// Its shape, in elements.
    pub shape: Vec<u64>,
}

/// The length of the header in bytes. `prefix` is the first [`PREFIX_BYTES`] of a file of
/// `file_bytes`.
///
/// # Errors
/// `Malformed` if the prefix is cut off or the file ends before the header does; `Limit`.
pub fn header_bytes(prefix: &[u8], file_bytes: u64, limits: &Limits) -> Result<u64> {
    let length = Cursor::new(prefix, Offset::File(0)).u64_le()?;
    let left = file_bytes.saturating_sub(PREFIX_BYTES);
    let start = Offset::File(0);
    if length > left {
        let length = counted(length, "byte", "bytes");
        let reason = format!("a header of {length}, with {left} left in the file");
        return Err(Error::malformed(start, reason));
    }
    if length > limits.max_document_bytes {
        let most = limits.max_document_bytes;
        let reason = format!("a header of {length} bytes, the limit is {most}");
        return Err(Error::new(ErrorKind::Limit, reason).at(start));
    }
    Ok(length)
}

/// Decodes the header of a file of `file_bytes`. Offsets in errors count from the start of the
/// file.
///
/// # Errors
/// `Malformed` if it does not follow the format, or tensors lie outside the file or have another
/// size than their shape and dtype give; `Unsupported` for dtypes that Orbax does not read;
/// `Limit`.
pub fn decode_header(header: &[u8], file_bytes: u64, limits: &Limits) -> Result<Header> {
    let origin = Offset::File(PREFIX_BYTES);
    let data_start = PREFIX_BYTES.saturating_add(to_u64(header.len()));
    let data_bytes = file_bytes.saturating_sub(data_start);
    let mut json = Json::nested(header, Dialect::Python, limits, origin, 0)?;
    let mut names = HashSet::new();
    let mut decoded = Header::default();
    json.object(|json, name| {
        json.peek()?;
        if !names.insert(name.clone()) {
            return Err(json.malformed(format!("a second entry {name:?}")));
        }
        if name == "__metadata__" {
            decoded.metadata = metadata(json).map_err(|e| e.while_reading("__metadata__"))?;
            return Ok(());
        }
        let (dtype, shape) =
            tensor(json, data_bytes).map_err(|e| e.while_reading(format!("tensor {name:?}")))?;
        let name = name.into_owned();
        decoded.tensors.push(Tensor { name, dtype, shape });
        Ok(())
    })?;
    json.end()?;
    Ok(decoded)
}

fn metadata(json: &mut Json<'_>) -> Result<Vec<(String, String)>> {
    let mut pairs = Vec::new();
    json.object(|json, name| {
        pairs.push((name.into_owned(), json.string()?.into_owned()));
        Ok(())
    })?;
    Ok(pairs)
}

fn tensor(json: &mut Json<'_>, data_bytes: u64) -> Result<(DType, Vec<u64>)> {
    json.peek()?;
    let start = json.offset();
    let (mut kind, mut shape, mut offsets) = (None, None, None);
    json.object(|json, name| {
        json.peek()?;
        let offset = json.offset();
        let read = match name.as_ref() {
            "dtype" => dtype(json).map(|value| kind = Some(value)),
            "shape" => json.shape().map(|value| shape = Some(value)),
            "data_offsets" => json.shape().map(|value| offsets = Some((value, offset))),
            _ => json.skip().map(|_| ()),
        };
        read.map_err(|error| error.while_reading(&name))
    })?;
    let missing = |name: &str| Error::malformed(start, format!("member {name:?} is missing"));
    let dtype = kind.ok_or_else(|| missing("dtype"))?;
    let shape = shape.ok_or_else(|| missing("shape"))?;
    let (offsets, offset) = offsets.ok_or_else(|| missing("data_offsets"))?;
    check_offsets(&offsets, data_bytes, dtype, &shape)
        .map_err(|reason| Error::malformed(offset, format!("data_offsets: {reason}")))?;
    Ok((dtype, shape))
}

/// Checks where the data of a tensor lies, in a file with `data_bytes` of data.
fn check_offsets(
    offsets: &[u64],
    data_bytes: u64,
    dtype: DType,
    shape: &[u64],
) -> std::result::Result<(), String> {
    let [begin, end] = offsets else {
        return Err(format!("expected a begin and an end, found {offsets:?}"));
    };
    let Some(found) = end.checked_sub(*begin) else {
        return Err(format!("the end {end} lies before the begin {begin}"));
    };
    if *end > data_bytes {
        return Err(format!(
            "the end {end} lies behind the file's {}",
            counted(data_bytes, "byte of data", "bytes of data")
        ));
    }
    if dtype.array_bytes(shape) == Some(found) {
        return Ok(());
    }
    let name = dtype.name();
    let found = counted(found, "byte", "bytes");
    Err(format!("{found} for {name} of shape {shape:?}"))
}

fn dtype(json: &mut Json<'_>) -> Result<DType> {
    json.peek()?;
    let offset = json.offset();
    let name = json.string()?;
    let dtype = match name.as_ref() {
        "BOOL" => DType::Bool,
        "I8" => DType::Int8,
        "U8" => DType::UInt8,
        "I16" => DType::Int16,
        "U16" => DType::UInt16,
        "I32" => DType::Int32,
        "U32" => DType::UInt32,
        "I64" => DType::Int64,
        "U64" => DType::UInt64,
        "F16" => DType::Float16,
        "F32" => DType::Float32,
        "F64" => DType::Float64,
        "BF16" => DType::BFloat16,
        "F8_E5M2" => DType::Float8E5M2,
        "F8_E4M3" => DType::Float8E4M3Fn,
        other => {
            let reason = format!("unknown dtype {other:?}");
            return Err(Error::new(ErrorKind::Unsupported, reason).at(offset));
        }
    };
    Ok(dtype)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As the safetensors library wrote it: one float32 tensor of 2 elements.
    const FILE: &[u8; 72] = b"8\0\0\0\0\0\0\0{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}  \x18\xec\x9e\xbfV\x95\x0c\xbf";

    fn read(file: &[u8]) -> Result<Header> {
        let limits = Limits::default();
        let prefix = file.get(..8).unwrap_or(file);
        let file_bytes = to_u64(file.len());
        let length = header_bytes(prefix, file_bytes, &limits)?;
        let end = usize::try_from(length).unwrap() + 8;
        decode_header(&file[8..end], file_bytes, &limits)
    }

    /// Decodes a header that is followed by 16 bytes of data.
    fn header(text: &str) -> Result<Header> {
        let file_bytes = to_u64(text.len()) + 8 + 16;
        decode_header(text.as_bytes(), file_bytes, &Limits::default())
    }

    #[test]
    fn a_real_file_is_read() {
        let w = Tensor {
            name: "w".to_owned(),
            dtype: DType::Float32,
            shape: vec![2],
        };
        assert_eq!(read(FILE).unwrap().tensors, [w]);
    }

    #[test]
    fn order_and_metadata_are_kept() {
        let header = header(
            r#"{"b":{"dtype":"F8_E4M3","shape":[2,3],"data_offsets":[2,8]},"__metadata__":{"z":"1","a":"2"},"a":{"dtype":"BOOL","shape":[],"data_offsets":[15,16]},"e":{"shape":[0,9223372036854775807,9],"data_offsets":[16,16],"dtype":"I64"}}   "#,
        )
        .unwrap();
        let names: Vec<_> = header.tensors.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["b", "a", "e"]);
        assert_eq!(header.tensors[0].dtype, DType::Float8E4M3Fn);
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(header.metadata, [pair("z", "1"), pair("a", "2")]);
    }

    #[test]
    fn refusals_name_kind_and_byte_of_the_file() {
        use ErrorKind::{Malformed, Unsupported};
        for (text, kind, at) in [
            ("", Malformed, 8),
            ("[]", Malformed, 8),
            ("{} x", Malformed, 11),
            (r#"{"w":[]}"#, Malformed, 13),
            (r#"{"w":{}}"#, Malformed, 13),
            (
                r#"{"w":{"dtype":"F32","data_offsets":[0,8]}}"#,
                Malformed,
                13,
            ),
            (r#"{"w":{"dtype":"F32","shape":[2]}}"#, Malformed, 13),
            (r#"{"w":{"dtype":"F4"}}"#, Unsupported, 22),
            (r#"{"w":{"dtype":5}}"#, Malformed, 22),
            (r#"{"w":{"shape":[-1]}}"#, Malformed, 23),
            (
                r#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,7]}}"#,
                Malformed,
                55,
            ),
            (
                r#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#,
                Malformed,
                55,
            ),
            (
                r#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[9,17]}}"#,
                Malformed,
                55,
            ),
            (
                r#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0]}}"#,
                Malformed,
                55,
            ),
            (
                r#"{"w":{"dtype":"I64","shape":[4294967296,4294967296],"data_offsets":[0,0]}}"#,
                Malformed,
                75,
            ),
            (r#"{"__metadata__":{"a":1}}"#, Malformed, 29),
            (r#"{"__metadata__":{},"__metadata__":{}}"#, Malformed, 42),
        ] {
            let error = header(text).unwrap_err();
            let found = (error.kind(), error.offset());
            assert_eq!(found, (kind, Some(Offset::File(at))), "{text}: {error}");
        }
    }

    #[test]
    fn the_announced_length_is_checked_first() {
        for (file, kind, at) in [
            (&b""[..], ErrorKind::Malformed, 0),
            (b"\x02\0\0\0\0\0\0", ErrorKind::Malformed, 0),
            (b"\x03\0\0\0\0\0\0\0{}", ErrorKind::Malformed, 0),
            (
                b"\xff\xff\xff\xff\xff\xff\xff\xff{}",
                ErrorKind::Malformed,
                0,
            ),
        ] {
            let error = read(file).unwrap_err();
            let found = (error.kind(), error.offset());
            assert_eq!(found, (kind, Some(Offset::File(at))), "{file:?}");
        }
        let limits = Limits {
            max_document_bytes: 1,
            ..Limits::default()
        };
        let error = header_bytes(&FILE[..8], 72, &limits).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit);
    }

    #[test]
    fn every_prefix_of_a_file_is_refused() {
        for end in 0..FILE.len() {
            assert!(read(&FILE[..end]).is_err(), "{end}");
        }
    }

    proptest! {
        #[test]
        fn a_changed_byte_gives_a_value_or_an_error(at in 0..72_usize, byte: u8) {
            let mut file = *FILE;
            file[at] = byte;
            if let Err(error) = read(&file) {
                prop_assert!(error.offset().is_some(), "{error}");
            }
        }
    }
}
