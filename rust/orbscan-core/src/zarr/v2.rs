//! `.zarray`: the description of an array in Zarr 2.
//!
//! ```json
//! {"chunks":[2,4],"compressor":{"id":"zstd","level":1},"dimension_separator":".","dtype":"<f4",
//!  "fill_value":null,"filters":null,"order":"C","shape":[8,8],"zarr_format":2}
//! ```
//!
//! Source: tensorstore `driver/zarr/metadata.cc`, `driver/zarr/dtype.cc`; every rule was tried with
//! tensorstore 0.1.86.

use super::chunk_keys::ChunkKeys;
use super::element::Element;
use super::encoding::{Content, Encoding, Step};
use super::fill_value::{self, Spelling};
use super::{
    ArrayHeader, Compression, Field, Format, MAX_RANK, chunk_bytes, compressor, lengths, number,
    one_of, required, too_large,
};
use crate::error::{Error, ErrorKind, Offset, Result, counted};
use crate::json::{Dialect, Json, Kind};
use crate::limits::Limits;

/// Decodes one `.zarray` document. Offsets in errors count from its start.
///
/// # Errors
/// `Malformed` if it breaks the format; `Unsupported` for element types, compressors and filters
/// that TensorStore does not know either; `Limit`. The reason names the member.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<ArrayHeader> {
    let mut json = Json::new(bytes, Dialect::Strict, limits)?;
    let mut members = Members::default();
    json.peek()?;
    let start = json.offset();
    json.object(|json, name| {
        members
            .read(json, &name)
            .map_err(|error| error.while_reading(&name))
    })?;
    json.end()?;
    members.finish(start)
}

/// The members seen so far. Of duplicates the last one counts, as in TensorStore.
#[derive(Default)]
struct Members<'a> {
    zarr_format: Option<i64>,
    shape: Option<Field<Vec<u64>>>,
    chunks: Option<Field<Vec<u64>>>,
    dtype: Option<Field<Element>>,
    compressor: Option<Field<Option<Compression>>>,
    /// It can be checked only when the element type is known.
    fill_value: Option<Field<Json<'a>>>,
    order: Option<&'static str>,
    filters: Option<()>,
    dimension_separator: Option<&'static str>,
}

impl<'a> Members<'a> {
    fn read(&mut self, json: &mut Json<'a>, name: &str) -> Result<()> {
        match name {
            "zarr_format" => self.zarr_format = Some(number::whole(json, 2, 2)?),
            "shape" => self.shape = Some(Field::read(json, |json| lengths(json, 0))?),
            "chunks" => self.chunks = Some(Field::read(json, |json| lengths(json, 1))?),
            "dtype" => self.dtype = Some(Field::read(json, Element::read)?),
            "compressor" => {
                self.compressor = Some(Field::read(json, |json| json.optional(compressor::v2))?);
            }
            "fill_value" => self.fill_value = Some(Field::later(json)?),
            "order" => self.order = Some(one_of(json, &["C", "F"], ErrorKind::Malformed)?),
            "filters" => self.filters = Some(no_filters(json)?),
            "dimension_separator" => {
                self.dimension_separator = Some(one_of(json, &[".", "/"], ErrorKind::Malformed)?);
            }
            _ => drop(json.skip()?),
        }
        Ok(())
    }

    /// Combines the members; `start` is where their object begins.
    fn finish(self, start: Offset) -> Result<ArrayHeader> {
        required(self.zarr_format, "zarr_format", start)?;
        let shape = required(self.shape, "shape", start)?.value;
        let chunks = required(self.chunks, "chunks", start)?;
        let element = required(self.dtype, "dtype", start)?;
        let compression = required(self.compressor, "compressor", start)?.value;
        let fill_value = required(self.fill_value, "fill_value", start)?.value;
        let order = required(self.order, "order", start)?;
        required(self.filters, "filters", start)?;

        let item_bytes = item_bytes(&shape, &chunks, &element)?;
        let has_fill_value = has_fill_value(fill_value, &element.value, item_bytes)
            .map_err(|error| error.while_reading("fill_value"))?;
        let encoding = encoding(&element.value.stored, compression);
        let separator = self.dimension_separator.unwrap_or(".");
        let Element {
            dtype,
            stored,
            inner_shape,
            ..
        } = element.value;
        Ok(ArrayHeader {
            format: Format::V2 {
                order,
                dimension_separator: separator,
            },
            shape: [shape, inner_shape.clone()].concat(),
            dtype,
            stored_dtype: stored,
            chunk_shape: [chunks.value.clone(), inner_shape].concat(),
            grid_chunk_shape: chunks.value,
            compression,
            chunk_keys: ChunkKeys {
                prefixed: false,
                separator: separator.bytes().next().unwrap_or(b'.'),
            },
            encoding,
            has_fill_value,
        })
    }
}

/// The bytes of an element, if dimensions and sizes are valid for an array.
fn item_bytes(shape: &[u64], chunks: &Field<Vec<u64>>, element: &Field<Element>) -> Result<u64> {
    if chunks.value.len() != shape.len() {
        let (found, wanted) = (chunks.value.len(), shape.len());
        let found = counted(found, "dimension", "dimensions");
        let reason = format!("chunks: {found}, but shape has {wanted}");
        return Err(Error::malformed(chunks.offset, reason));
    }
    let Element {
        dtype, inner_shape, ..
    } = &element.value;
    let item_bytes = chunk_bytes(inner_shape, dtype.item_bytes())
        .filter(|bytes| chunk_bytes(&chunks.value, *bytes).is_some())
        .ok_or_else(|| too_large(&chunks.value, chunks.offset).while_reading("chunks"))?;
    if shape.len().saturating_add(inner_shape.len()) > MAX_RANK {
        let reason = format!("dtype: adds dimensions beyond {MAX_RANK}");
        return Err(Error::malformed(element.offset, reason));
    }
    Ok(item_bytes)
}

/// Whether there is a fill value, which must fit the element type.
fn has_fill_value(mut json: Json<'_>, element: &Element, item_bytes: u64) -> Result<bool> {
    let found = json.peek()? != Kind::Null;
    let spelling = if element.raw {
        Spelling::Bytes(item_bytes)
    } else {
        Spelling::of(element.dtype)
    };
    fill_value::check_v2(&mut json, spelling)?;
    Ok(found)
}

fn encoding(stored: &str, compression: Option<Compression>) -> Encoding {
    let compressor = compression.and_then(|found| Step::compressor(found.algorithm));
    Encoding {
        content: Content::Elements,
        // A structured type has brackets and quotes around the type of its field.
        big_endian: stored.contains("'>") || stored.starts_with('>'),
        steps: compressor.into_iter().collect(),
    }
}

fn no_filters(json: &mut Json<'_>) -> Result<()> {
    json.optional(|json| {
        json.array(|json| {
            json.peek()?;
            Err(Error::new(ErrorKind::Unsupported, "filters").at(json.offset()))
        })
    })
    .map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zarr::dtype::DType;
    use proptest::prelude::*;

    /// As orbax 0.12.8 wrote it.
    const DOCUMENT: &str = r#"{"chunks":[2,4],"compressor":{"id":"zstd","level":1},"dimension_separator":".","dtype":"<f4","fill_value":null,"filters":null,"order":"C","shape":[8,8],"zarr_format":2}"#;

    fn read(text: &str) -> Result<ArrayHeader> {
        decode(text.as_bytes(), &Limits::default())
    }

    /// The document with `from`, which it must contain, replaced.
    fn with(from: &str, to: &str) -> String {
        assert!(DOCUMENT.contains(from), "{from}");
        DOCUMENT.replacen(from, to, 1)
    }

    #[test]
    fn a_real_document_is_read_whole() {
        let header = ArrayHeader {
            format: Format::V2 {
                order: "C",
                dimension_separator: ".",
            },
            shape: vec![8, 8],
            dtype: DType::Float32,
            stored_dtype: "<f4".to_owned(),
            chunk_shape: vec![2, 4],
            grid_chunk_shape: vec![2, 4],
            compression: Some(Compression {
                algorithm: "zstd",
                level: Some(1),
            }),
            chunk_keys: ChunkKeys {
                prefixed: false,
                separator: b'.',
            },
            encoding: Encoding {
                steps: vec![Step::Zstd],
                ..Encoding::default()
            },
            has_fill_value: false,
        };
        assert_eq!(read(DOCUMENT).unwrap(), header);
    }

    #[test]
    fn what_tensorstore_takes_is_taken() {
        for (from, to) in [
            (r#""dimension_separator":".","#, ""),
            (
                r#""dimension_separator":".""#,
                r#""dimension_separator":"/""#,
            ),
            (r#""order":"C""#, r#""order":"F""#),
            (r#""filters":null"#, r#""filters":[]"#),
            (r#""zarr_format":2"#, r#""zarr_format":2.0"#),
            (
                r#""shape":[8,8]"#,
                r#""shape":[4611686018427387904,4611686018427387904]"#,
            ),
            (r#""shape":[8,8]"#, r#""shape":[0,9223372036854775806]"#),
            (r#""shape":[8,8]"#, r#""shape":[8.0,8e0]"#),
            ("[2,4]", "[1073741824,1073741824]"),
            ("[2,4]", "[300,300]"),
            (r#""fill_value":null"#, r#""fill_value":"NaN""#),
            (r#""zarr_format":2"#, r#""zarr_format":2,"more":[1e999]"#),
            (r#""zarr_format":2"#, r#""zarr_format":2,"shape":[5,5]"#),
            ("{\"chunks", "\u{feff}{\"chunks"),
            (":2}", ":2} \n\0"),
        ] {
            let text = with(from, to);
            assert!(read(&text).is_ok(), "{text}: {:?}", read(&text));
        }
    }

    #[test]
    fn compressors_are_named_with_their_levels() {
        for (text, algorithm, level) in [
            (r#"{"id":"zstd"}"#, "zstd", Some(1)),
            (r#"{"level":-131072,"id":"zstd"}"#, "zstd", Some(-131_072)),
            (r#"{"id":"zlib"}"#, "zlib", Some(1)),
            (r#"{"id":"gzip","level":9}"#, "gzip", Some(9)),
            (r#"{"id":"bz2","level":2.0}"#, "bz2", Some(2)),
            (r#"{"id":"blosc"}"#, "blosc", None),
            (
                r#"{"id":"blosc","cname":"lz4hc","clevel":3,"shuffle":-1,"blocksize":0}"#,
                "blosc",
                None,
            ),
        ] {
            let text = with(r#"{"id":"zstd","level":1}"#, text);
            let compression = Compression { algorithm, level };
            assert_eq!(read(&text).unwrap().compression, Some(compression));
        }
        let text = with(r#"{"id":"zstd","level":1}"#, "null");
        assert_eq!(read(&text).unwrap().compression, None);
    }

    #[test]
    fn structured_types_add_their_dimensions() {
        for (text, dtype, stored, inner) in [
            (r#"[["a","<i4"]]"#, DType::Int32, "[['a', '<i4']]", vec![]),
            (
                r#"[["a'b","<i4",[2.0,3]]]"#,
                DType::Int32,
                "[[\"a'b\", '<i4', [2, 3]]]",
                vec![2, 3],
            ),
            (
                r#"[["a\"b'\n","bfloat16",[]]]"#,
                DType::BFloat16,
                r#"[['a"b\'\n', 'bfloat16']]"#,
                vec![],
            ),
            (r#""|V3""#, DType::Int8, "|V3", vec![3]),
            (
                r#"[["a","<V3",[2]]]"#,
                DType::Int8,
                "[['a', '<V3', [2]]]",
                vec![2, 3],
            ),
        ] {
            let header = read(&with(r#""<f4""#, text)).unwrap();
            assert_eq!(
                (header.dtype, header.stored_dtype.as_str()),
                (dtype, stored)
            );
            assert_eq!(header.shape, [vec![8, 8], inner.clone()].concat());
            assert_eq!(header.chunk_shape, [vec![2, 4], inner].concat());
            assert_eq!(header.grid_chunk_shape, [2, 4]);
        }
    }

    #[test]
    fn refusals_name_kind_and_byte() {
        use ErrorKind::{Malformed, Unsupported};
        // A mark precedes the byte that the error names; without a mark it is the first byte.
        for (from, to, kind) in [
            (DOCUMENT, "", Malformed),
            (DOCUMENT, "[]", Malformed),
            (DOCUMENT, "{}", Malformed),
            (r#","order":"C""#, "", Malformed),
            ("[2,4]", "^[2]", Malformed),
            ("[2,4]", "[2,^0]", Malformed),
            ("[2,4]", "^[2305843009213693952,1]", Malformed),
            ("[2,4]", "^{}", Malformed),
            (r#""zstd""#, r#"^"lz4""#, Unsupported),
            (r#"{"id":"zstd","level":1}"#, r#"^{"level":1}"#, Malformed),
            (r#""level":1"#, r#""level":^23"#, Malformed),
            (r#""level":1"#, r#""checksum":^true"#, Unsupported),
            (
                r#""zstd","level":1"#,
                r#""blosc","cname":^"x""#,
                Unsupported,
            ),
            (r#"r":".""#, r#"r":^"""#, Malformed),
            (r#""<f4""#, r#"^"|f4""#, Unsupported),
            (r#""<f4""#, "^5", Malformed),
            (r#""<f4""#, "^[]", Unsupported),
            (r#""<f4""#, r#"^[["a","<i4"],["b","<i4"]]"#, Unsupported),
            (r#""<f4""#, r#"[^["a"]]"#, Malformed),
            (r#""<f4""#, r#"[^["","<i4"]]"#, Malformed),
            (r#""<f4""#, r#"[["a",^"i4"]]"#, Unsupported),
            (r#""<f4""#, r#"[["a","<i4",[^0]]]"#, Malformed),
            (r#""<f4""#, r#"[["a","<i4",[2],^3]]"#, Malformed),
            (r#""<f4""#, r#"^"|S5""#, Unsupported),
            (r#""<f4""#, r#"^"|V0""#, Unsupported),
            (r#""fill_value":null"#, r#""fill_value":^true"#, Malformed),
            (r#""filters":null"#, r#""filters":[^{}]"#, Unsupported),
            (r#""filters":null"#, r#""filters":^5"#, Malformed),
            (r#""order":"C""#, r#""order":^"A""#, Malformed),
            ("[8,8]", "[8,^-1]", Malformed),
            ("[8,8]", "[8,^9223372036854775807]", Malformed),
            (r#""zarr_format":2"#, r#""zarr_format":^3"#, Malformed),
            (r#""zarr_format":2"#, r#""zarr_format":^NaN"#, Malformed),
        ] {
            let marked = with(from, to);
            let at = crate::cursor::to_u64(marked.find('^').unwrap_or(0));
            let text = marked.replace('^', "");
            let error = read(&text).unwrap_err();
            let found = (error.kind(), error.offset());
            assert_eq!(found, (kind, Some(Offset::File(at))), "{text}: {error}");
        }
    }

    #[test]
    fn the_rank_is_limited() {
        let ones = |rank| format!("[{}]", vec!["1"; rank].join(","));
        let ranked = |rank| {
            let text = with("[2,4]", &ones(rank));
            read(&text.replacen("[8,8]", &ones(rank), 1))
        };
        assert_eq!(ranked(32).unwrap().shape.len(), 32);
        assert_eq!(ranked(0).unwrap().shape.len(), 0);
        assert!(ranked(33).is_err());
        let inner = |rank| {
            read(&with(
                "\"<f4\"",
                &format!(r#"[["a","<f4",{}]]"#, ones(rank)),
            ))
        };
        assert_eq!(inner(30).unwrap().shape.len(), 32);
        assert!(inner(31).is_err());
    }

    #[test]
    fn every_prefix_is_refused() {
        for end in 0..DOCUMENT.len() {
            assert!(read(&DOCUMENT[..end]).is_err(), "{end}");
        }
    }

    proptest! {
        #[test]
        fn a_changed_byte_gives_a_value_or_an_error(at in 0..DOCUMENT.len(), byte: u8) {
            let mut bytes = DOCUMENT.as_bytes().to_vec();
            bytes[at] = byte;
            if let Err(error) = decode(&bytes, &Limits::default()) {
                prop_assert!(error.offset().is_some(), "{error}");
            }
        }
    }
}
