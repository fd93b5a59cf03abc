//! `zarr.json`: the description of an array in Zarr 3.
//!
//! ```json
//! {"chunk_grid":{"configuration":{"chunk_shape":[4,4]},"name":"regular"},
//!  "chunk_key_encoding":{"name":"default"},"codecs":[…],"data_type":"float32","fill_value":0.0,
//!  "node_type":"array","shape":[16,8],"zarr_format":3}
//! ```
//!
//! Source: tensorstore `driver/zarr3/metadata.cc`; every rule was tried with tensorstore 0.1.86.
//! Only the units in `attributes` are not checked here: they are the user's, and do not concern
//! storage.

use std::borrow::Cow;

use super::chunk_keys::ChunkKeys;
use super::codecs::Chain;
use super::dtype::DType;
use super::named::Named;
use super::{ArrayHeader, Field, Format, fill_value, lengths, number, one_of, required};
use crate::error::{Error, ErrorKind, Offset, Result, counted};
use crate::json::{Dialect, Json, Kind};
use crate::limits::Limits;

/// Decodes one `zarr.json` document. Offsets in errors count from its start.
///
/// # Errors
/// `Malformed` if it breaks the format; `Unsupported` for element types, codecs, grids and
/// extensions that TensorStore does not know either; `Limit`. The reason names the member.
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
    node_type: Option<&'static str>,
    shape: Option<Vec<u64>>,
    data_type: Option<DType>,
    chunk_grid: Option<Field<Vec<u64>>>,
    chunk_key_encoding: Option<ChunkKeys>,
    codecs: Option<Chain>,
    /// It can be checked only when the element type is known.
    fill_value: Option<Field<Json<'a>>>,
    dimension_names: Option<Field<Vec<Option<Cow<'a, str>>>>>,
}

impl<'a> Members<'a> {
    fn read(&mut self, json: &mut Json<'a>, name: &str) -> Result<()> {
        match name {
            "zarr_format" => self.zarr_format = Some(number::whole(json, 3, 3)?),
            "node_type" => {
                self.node_type = Some(one_of(json, &["array"], ErrorKind::Malformed)?);
            }
            "shape" => self.shape = Some(lengths(json, 0)?),
            "data_type" => self.data_type = Some(data_type(json)?),
            "chunk_grid" => self.chunk_grid = Some(chunk_grid(json)?),
            "chunk_key_encoding" => self.chunk_key_encoding = Some(chunk_key_encoding(json)?),
            "codecs" => self.codecs = Some(Chain::read(json)?),
            "fill_value" => self.fill_value = Some(Field::later(json)?),
            "dimension_names" => {
                let names = |json: &mut Json<'a>| json.list(|json| json.optional(Json::string));
                self.dimension_names = Some(Field::read(json, names)?);
            }
            "attributes" => {
                json.expect(Kind::Object)?;
                json.skip()?;
            }
            "storage_transformers" => no_storage_transformers(json)?,
            _ => extension(json)?,
        }
        Ok(())
    }

    /// Combines the members; `start` is where their object begins.
    fn finish(self, start: Offset) -> Result<ArrayHeader> {
        required(self.zarr_format, "zarr_format", start)?;
        required(self.node_type, "node_type", start)?;
        let shape = required(self.shape, "shape", start)?;
        let dtype = required(self.data_type, "data_type", start)?;
        let grid = required(self.chunk_grid, "chunk_grid", start)?;
        let chunk_keys = required(self.chunk_key_encoding, "chunk_key_encoding", start)?;
        let codecs = required(self.codecs, "codecs", start)?;
        let mut fill_value = required(self.fill_value, "fill_value", start)?.value;

        if grid.value.len() != shape.len() {
            let (found, wanted) = (grid.value.len(), shape.len());
            let found = counted(found, "dimension", "dimensions");
            let reason = format!("chunk_grid: {found}, but shape has {wanted}");
            return Err(Error::malformed(grid.offset, reason));
        }
        if let Some(names) = &self.dimension_names {
            check_names(names, shape.len()).map_err(|e| e.while_reading("dimension_names"))?;
        }
        fill_value::check_v3(&mut fill_value, dtype)
            .map_err(|error| error.while_reading("fill_value"))?;
        let chunk_shape = codecs
            .read_chunk(&grid.value, dtype.item_bytes())
            .map_err(|error| error.while_reading("codecs"))?;
        let inner = codecs.inner_chunk_shape();
        let grid_chunk_shape = grid.value;
        Ok(ArrayHeader {
            format: Format::V3 {
                // Orbax treats an empty list as none.
                inner_chunk_shape: inner.filter(|inner| !inner.is_empty()).map(<[u64]>::to_vec),
            },
            shape,
            dtype,
            stored_dtype: dtype.name().to_owned(),
            chunk_shape,
            encoding: codecs.encoding(&grid_chunk_shape),
            grid_chunk_shape,
            compression: codecs.compression(),
            chunk_keys,
            has_fill_value: true,
        })
    }
}

fn data_type(json: &mut Json<'_>) -> Result<DType> {
    let kind = json.peek()?;
    let unsupported = |reason: String| Error::new(ErrorKind::Unsupported, reason).at(json.offset());
    match kind {
        Kind::String => {
            let name = json.clone().string()?;
            let dtype = DType::from_name(&name)
                .ok_or_else(|| unsupported(format!("unknown element type {name:?}")))?;
            json.skip()?;
            Ok(dtype)
        }
        Kind::Object | Kind::Array => Err(unsupported("a structured element type".to_owned())),
        _ => Err(json.malformed("expected the name of an element type")),
    }
}

fn chunk_grid(json: &mut Json<'_>) -> Result<Field<Vec<u64>>> {
    let named = Named::read(json)?;
    if named.name != "regular" {
        let reason = format!("unknown grid {:?}", named.name);
        return Err(Error::new(ErrorKind::Unsupported, reason).at(named.offset));
    }
    let mut chunk_shape = None;
    named.configuration(|json, name| {
        if name == "chunk_shape" {
            chunk_shape = Some(Field::read(json, |json| lengths(json, 1))?);
        }
        Ok(name == "chunk_shape")
    })?;
    required(chunk_shape, "chunk_shape", named.offset)
}

fn chunk_key_encoding(json: &mut Json<'_>) -> Result<ChunkKeys> {
    let named = Named::read(json)?;
    let (prefixed, default) = match named.name.as_ref() {
        "default" => (true, "/"),
        "v2" => (false, "."),
        other => {
            let reason = format!("unknown encoding {other:?}");
            return Err(Error::new(ErrorKind::Unsupported, reason).at(named.offset));
        }
    };
    let mut separator = default;
    named.configuration(|json, name| {
        if name == "separator" {
            separator = one_of(json, &[".", "/"], ErrorKind::Malformed)?;
        }
        Ok(name == "separator")
    })?;
    Ok(ChunkKeys {
        prefixed,
        separator: separator.bytes().next().unwrap_or(b'/'),
    })
}

fn no_storage_transformers(json: &mut Json<'_>) -> Result<()> {
    json.array(|json| {
        json.peek()?;
        let reason = "no storage transformer is known";
        Err(Error::new(ErrorKind::Unsupported, reason).at(json.offset()))
    })
}

/// A member that is not part of the format. It may be ignored only if it says so itself.
fn extension(json: &mut Json<'_>) -> Result<()> {
    let kind = json.peek()?;
    let offset = json.offset();
    let mut ignorable = false;
    if kind == Kind::Object {
        json.object(|json, name| {
            let raw = json.skip()?;
            if name == "must_understand" {
                ignorable = raw == "false";
            }
            Ok(())
        })?;
    }
    if ignorable {
        return Ok(());
    }
    let reason = "unknown member that does not say \"must_understand\": false";
    Err(Error::new(ErrorKind::Unsupported, reason).at(offset))
}

/// Checks that there is one name or null for each dimension, and that no two names are equal.
fn check_names(names: &Field<Vec<Option<Cow<'_, str>>>>, rank: usize) -> Result<()> {
    let mut given: Vec<_> = names.value.iter().flatten().collect();
    given.retain(|name| !name.is_empty());
    let count = given.len();
    given.sort_unstable();
    given.dedup();
    let reason = match names.value.len() {
        found if found != rank => format!(
            "{}, but shape has {}",
            counted(found, "name", "names"),
            counted(rank, "dimension", "dimensions")
        ),
        _ if given.len() != count => "two dimensions have the same name".to_owned(),
        _ => return Ok(()),
    };
    Err(Error::malformed(names.offset, reason))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zarr::Compression;
    use crate::zarr::encoding::{Content, Encoding, Shards, Step};
    use proptest::prelude::*;

    /// As orbax 0.12.8 wrote it.
    const DOCUMENT: &str = r#"{"chunk_grid":{"configuration":{"chunk_shape":[4,4]},"name":"regular"},"chunk_key_encoding":{"name":"default"},"codecs":[{"configuration":{"chunk_shape":[4,4],"codecs":[{"configuration":{"endian":"little"},"name":"bytes"},{"configuration":{"checksum":false,"level":3},"name":"zstd"}],"index_codecs":[{"configuration":{"endian":"little"},"name":"bytes"},{"name":"crc32c"}]},"name":"sharding_indexed"}],"data_type":"float32","fill_value":0.0,"node_type":"array","shape":[16,8],"zarr_format":3}"#;

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
            format: Format::V3 {
                inner_chunk_shape: Some(vec![4, 4]),
            },
            shape: vec![16, 8],
            dtype: DType::Float32,
            stored_dtype: "float32".to_owned(),
            chunk_shape: vec![4, 4],
            grid_chunk_shape: vec![4, 4],
            compression: Some(Compression {
                algorithm: "zstd",
                level: Some(3),
            }),
            chunk_keys: ChunkKeys {
                prefixed: true,
                separator: b'/',
            },
            encoding: Encoding {
                content: Content::Shards(Box::new(Shards {
                    count: 1,
                    encoding: Encoding {
                        steps: vec![Step::Zstd],
                        ..Encoding::default()
                    },
                    index_steps: vec![Step::Crc32c],
                    index_big_endian: false,
                    index_first: false,
                })),
                ..Encoding::default()
            },
            has_fill_value: true,
        };
        assert_eq!(read(DOCUMENT).unwrap(), header);
    }

    #[test]
    fn an_array_of_rank_zero_has_no_inner_chunks() {
        let text = DOCUMENT.replace("[4,4]", "[]").replace("[16,8]", "[]");
        let header = read(&text).unwrap();
        let inner_chunk_shape = None;
        assert_eq!(header.format, Format::V3 { inner_chunk_shape });
        assert!(header.shape.is_empty() && header.chunk_shape.is_empty());
    }

    #[test]
    fn what_tensorstore_takes_is_taken() {
        let end = "\"zarr_format\":3";
        for (from, to) in [
            (end, r#""zarr_format":3.0"#),
            (end, r#""zarr_format":3,"attributes":{"a":[1]}"#),
            (end, r#""zarr_format":3,"storage_transformers":[]"#),
            (end, r#""zarr_format":3,"dimension_names":["a",null]"#),
            (end, r#""zarr_format":3,"dimension_names":["",""]"#),
            (end, r#""zarr_format":3,"new":{"must_understand":false}"#),
            (
                r#"{"name":"default"}"#,
                r#"{"name":"v2","configuration":{"separator":"/"}}"#,
            ),
            (r#""fill_value":0.0"#, r#""fill_value":"0x7fc00000""#),
            (
                r#""index_codecs""#,
                r#""index_location":"start","index_codecs""#,
            ),
            ("{\"chunk_grid", "\u{feff}{\"chunk_grid"),
        ] {
            let text = with(from, to);
            assert!(read(&text).is_ok(), "{text}: {:?}", read(&text));
        }
    }

    #[test]
    fn refusals_name_kind_and_byte() {
        use ErrorKind::{Malformed, Unsupported};
        let shape = r#"{"chunk_shape":[4,4]}"#;
        let keys = r#"{"name":"default"}"#;
        let end = r#","zarr_format":3"#;
        // A mark precedes the byte that the error names; without a mark it is the first byte.
        for (from, to, kind) in [
            (DOCUMENT, "", Malformed),
            (DOCUMENT, "[]", Malformed),
            (DOCUMENT, "{}", Malformed),
            (r#","node_type":"array""#, "", Malformed),
            (r#","fill_value":0.0"#, "", Malformed),
            (
                r#"{"configuration":{"chunk_shape":[4,4]},"name":"regular"}"#,
                r#"^{"name":"odd"}"#,
                Unsupported,
            ),
            (
                r#"{"configuration":{"chunk_shape":[4,4]},"name":"regular"}"#,
                r#"^{"name":"regular"}"#,
                Malformed,
            ),
            (shape, "^null", Malformed),
            ("[4,4]", "[4,^0]", Malformed),
            ("[4,4]", "^[4]", Malformed),
            (r#""regular"}"#, r#""regular","x":^1}"#, Malformed),
            (keys, r#"^{"name":"v3"}"#, Unsupported),
            (
                keys,
                r#"{"name":"v2","configuration":{"separator":^"-"}}"#,
                Malformed,
            ),
            (r#"{"name":"crc32c"}"#, r#"^{"name":"crc32d"}"#, Unsupported),
            (r#""float32""#, r#"^"uint4""#, Unsupported),
            (r#""float32""#, r#"^{"name":"float32"}"#, Unsupported),
            (r#""float32""#, "^null", Malformed),
            ("0.0", "^null", Malformed),
            (r#""array""#, r#"^"group""#, Malformed),
            ("[16,8]", "[16,^-8]", Malformed),
            (end, r#","zarr_format":^2"#, Malformed),
            (end, r#","zarr_format":3,"new":^1"#, Unsupported),
            (
                end,
                r#","zarr_format":3,"new":^{"must_understand":true}"#,
                Unsupported,
            ),
            (end, r#","zarr_format":3,"attributes":^[]"#, Malformed),
            (
                end,
                r#","zarr_format":3,"dimension_names":^["a","a"]"#,
                Malformed,
            ),
            (
                end,
                r#","zarr_format":3,"dimension_names":^["a"]"#,
                Malformed,
            ),
            (
                end,
                r#","zarr_format":3,"storage_transformers":[^{}]"#,
                Unsupported,
            ),
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
