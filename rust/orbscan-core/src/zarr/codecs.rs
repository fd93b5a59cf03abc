//! The codec chain of Zarr 3: what it says of read chunks and compression.
//!
//! A chain is any number of `transpose`, then one of `bytes` and `sharding_indexed`, then any
//! number of compressors and checksums. A sharding codec holds two more chains: one for its
//! sub-chunks, one for its index.
//!
//! Source: tensorstore `driver/zarr3/codec/*.cc`; every rule was tried on tensorstore 0.1.86.

use super::named::Named;
use super::transpose::Order;
use super::{
    Compression, Field, MAX_RANK, chunk_bytes, compressor, lengths, one_of, required, too_large,
};
use crate::error::{Error, ErrorKind, Offset, Result};
use crate::json::{Json, Kind};

/// The most sub-chunks that TensorStore takes in one shard.
const MAX_GRID: u64 = 1 << 30;

/// A chain of codecs, as read.
#[derive(Debug)]
pub(super) struct Chain {
    offset: Offset,
    transposes: Vec<Field<Order>>,
    serializer: Serializer,
    /// The first codec after the serializer, of whatever kind.
    trailer: Option<Offset>,
    /// The first compressor.
    compressor: Option<Field<Compression>>,
}

/// What turns an array into bytes.
#[derive(Debug)]
enum Serializer {
    /// The elements one after the other.
    Bytes { has_endian: bool },
    /// Sub-chunks, each encoded by itself, and an index of them.
    Sharding(Box<Sharding>),
}

/// The settings of a sharding codec.
#[derive(Debug)]
struct Sharding {
    chunk_shape: Field<Vec<u64>>,
    codecs: Chain,
    index_codecs: Chain,
}

/// One codec.
enum Codec {
    Transpose(Order),
    Serializer(Serializer),
    Compressor(Compression),
    Checksum,
}

impl Chain {
    /// Reads a list of codecs.
    ///
    /// # Errors
    /// `Malformed` if codecs or settings are missing or out of order; `Unsupported` for unknown
    /// codecs.
    pub(super) fn read(json: &mut Json<'_>) -> Result<Self> {
        json.expect(Kind::Array)?;
        let offset = json.offset();
        let mut transposes = Vec::new();
        let mut serializer = None;
        let mut trailer = None;
        let mut compressor = None;
        json.array(|json| {
            json.peek()?;
            let offset = json.offset();
            let out_of_order = |what| Err(Error::malformed(offset, what));
            match (Codec::read(json)?, &serializer) {
                (Codec::Transpose(value), None) => transposes.push(Field { offset, value }),
                (Codec::Transpose(_), Some(_)) => {
                    return out_of_order("transpose after the array became bytes");
                }
                (Codec::Serializer(value), None) => serializer = Some(value),
                (Codec::Serializer(_), Some(_)) => {
                    return out_of_order("a second codec that turns an array into bytes");
                }
                (_, None) => return out_of_order("no codec before it turns the array into bytes"),
                (codec, Some(_)) => {
                    trailer.get_or_insert(offset);
                    if let Codec::Compressor(value) = codec {
                        compressor.get_or_insert(Field { offset, value });
                    }
                }
            }
            Ok(())
        })?;
        let missing = || Error::malformed(offset, "no codec turns the array into bytes");
        Ok(Self {
            offset,
            transposes,
            serializer: serializer.ok_or_else(missing)?,
            trailer,
            compressor,
        })
    }

    /// Checks the chain against the chunks it encodes, of `chunk_shape` elements of `item_bytes`,
    /// and gives the shape of what one read decodes, in the order of the array's dimensions.
    ///
    /// # Errors
    /// `Malformed` if ranks differ, sub-chunks do not divide their chunk, or sizes overflow.
    pub(super) fn read_chunk(&self, chunk_shape: &[u64], item_bytes: u64) -> Result<Vec<u64>> {
        let mut shape = chunk_shape.to_vec();
        for transpose in &self.transposes {
            shape = transpose.value.apply(&shape).ok_or_else(|| {
                let rank = shape.len();
                let reason = format!("transpose: order is not one of {rank} dimensions");
                Error::malformed(transpose.offset, reason)
            })?;
        }
        let mut read = match &self.serializer {
            Serializer::Bytes { has_endian } => {
                if !has_endian && item_bytes > 1 {
                    let reason = "bytes: endian is missing, but elements have several bytes";
                    return Err(Error::malformed(self.offset, reason));
                }
                chunk_bytes(&shape, item_bytes).ok_or_else(|| too_large(&shape, self.offset))?;
                shape
            }
            Serializer::Sharding(sharding) => {
                if let Some(offset) = self.trailer {
                    let reason = "a codec behind sharding_indexed, which needs partial reads";
                    return Err(Error::malformed(offset, reason));
                }
                sharding
                    .read_chunk(&shape, item_bytes)
                    .map_err(|error| error.while_reading("sharding_indexed"))?
            }
        };
        for transpose in self.transposes.iter().rev() {
            read = transpose.value.undo(&read);
        }
        Ok(read)
    }

    /// The sub-chunks of the outermost sharding codec, as stored.
    pub(super) fn inner_chunk_shape(&self) -> Option<&[u64]> {
        match &self.serializer {
            Serializer::Bytes { .. } => None,
            Serializer::Sharding(sharding) => Some(&sharding.chunk_shape.value),
        }
    }

    /// The compression that Orbax reports: of the chunks, or of the sub-chunks if there are any.
    ///
    /// Source: orbax `_src/metadata/value.py`, `Zarr3Metadata.from_json`.
    pub(super) fn compression(&self) -> Option<Compression> {
        let compressor = |chain: &Self| chain.compressor.as_ref().map(|field| field.value);
        let Serializer::Sharding(outer) = &self.serializer else {
            return compressor(self);
        };
        match outer.codecs.serializer {
            Serializer::Bytes { .. } => compressor(&outer.codecs),
            // It takes the first codec whose name is none of three, and that is this one.
            Serializer::Sharding(_) => Some(Compression {
                algorithm: "sharding_indexed",
                level: None,
            }),
        }
    }
}

impl Sharding {
    fn read(named: &Named<'_>) -> Result<Self> {
        let mut chunk_shape = None;
        let mut codecs = None;
        let mut index_codecs = None;
        named.configuration(|json, name| {
            match name {
                "chunk_shape" => {
                    chunk_shape = Some(Field::read(json, |json| lengths(json, 1))?);
                }
                "codecs" => codecs = Some(Chain::read(json)?),
                "index_codecs" => index_codecs = Some(Chain::read(json)?),
                "index_location" => {
                    one_of(json, &["start", "end"], ErrorKind::Malformed)?;
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Self {
            chunk_shape: required(chunk_shape, "chunk_shape", named.offset)?,
            codecs: required(codecs, "codecs", named.offset)?,
            index_codecs: required(index_codecs, "index_codecs", named.offset)?,
        })
    }

    fn read_chunk(&self, shard: &[u64], item_bytes: u64) -> Result<Vec<u64>> {
        let sub_chunk = &self.chunk_shape.value;
        let refuse = |reason| Err(Error::malformed(self.chunk_shape.offset, reason));
        if sub_chunk.len() != shard.len() {
            return refuse(format!(
                "chunk_shape: {} dimensions, but the array has {}",
                sub_chunk.len(),
                shard.len()
            ));
        }
        // The index has one dimension more.
        if shard.len() >= MAX_RANK {
            return refuse(format!("shards of more than {} dimensions", MAX_RANK - 1));
        }
        let mut grid = Vec::with_capacity(MAX_RANK);
        for (whole, part) in shard.iter().zip(sub_chunk) {
            match whole.checked_rem(*part) {
                Some(0) => grid.push(whole.checked_div(*part).unwrap_or_default()),
                _ => {
                    return refuse(format!(
                        "chunk_shape: {sub_chunk:?} does not divide {shard:?}"
                    ));
                }
            }
        }
        if chunk_bytes(&grid, 1).is_none_or(|count| count > MAX_GRID) {
            return refuse(format!(
                "chunk_shape: a shard of more than {MAX_GRID} sub-chunks"
            ));
        }
        // For each sub-chunk the index holds an offset and a length of 8 bytes each.
        grid.push(2);
        self.check_index(&grid)
            .map_err(|error| error.while_reading("index_codecs"))?;
        self.codecs
            .read_chunk(sub_chunk, item_bytes)
            .map_err(|error| error.while_reading("codecs"))
    }

    fn check_index(&self, shape: &[u64]) -> Result<()> {
        let chain = &self.index_codecs;
        let variable = match &chain.serializer {
            Serializer::Bytes { .. } => chain.compressor.as_ref().map(|field| field.offset),
            Serializer::Sharding(_) => Some(chain.offset),
        };
        if let Some(offset) = variable {
            let reason = "the size of an index may not depend on its content";
            return Err(Error::malformed(offset, reason));
        }
        chain.read_chunk(shape, 8).map(|_| ())
    }
}

impl Codec {
    fn read(json: &mut Json<'_>) -> Result<Self> {
        let named = Named::read(json)?;
        let codec = match named.name.as_ref() {
            "bytes" => bytes(&named),
            "transpose" => Order::v3(&named).map(Self::Transpose),
            "sharding_indexed" => {
                Sharding::read(&named).map(|it| Self::Serializer(Serializer::Sharding(it.into())))
            }
            "crc32c" => named
                .configuration(|_, _| Ok(false))
                .map(|()| Self::Checksum),
            _ => compressor::v3(&named).map(Self::Compressor),
        };
        codec.map_err(|error| error.while_reading(&named.name))
    }
}

fn bytes(named: &Named<'_>) -> Result<Codec> {
    let mut has_endian = false;
    named.configuration(|json, name| {
        if name == "endian" {
            one_of(json, &["little", "big"], ErrorKind::Malformed)?;
            has_endian = true;
        }
        Ok(name == "endian")
    })?;
    Ok(Codec::Serializer(Serializer::Bytes { has_endian }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cursor::to_u64;
    use crate::json::Dialect;
    use crate::limits::Limits;

    const BYTES: &str = r#"{"name":"bytes","configuration":{"endian":"little"}}"#;
    const ZSTD: &str = r#"{"configuration":{"level":3},"name":"zstd"}"#;
    const CRC: &str = r#"{"name":"crc32c"}"#;

    fn transpose(order: &str) -> String {
        format!(r#"{{"name":"transpose","configuration":{{"order":{order}}}}}"#)
    }

    fn sharding(chunk_shape: &str, codecs: &[&str]) -> String {
        indexed(chunk_shape, codecs, &[BYTES, CRC])
    }

    fn indexed(chunk_shape: &str, codecs: &[&str], index: &[&str]) -> String {
        let (codecs, index) = (codecs.join(","), index.join(","));
        format!(
            r#"{{"name":"sharding_indexed","configuration":{{"chunk_shape":{chunk_shape},"codecs":[{codecs}],"index_codecs":[{index}]}}}}"#
        )
    }

    fn read(codecs: &[&str]) -> Result<Chain> {
        let text = format!("[{}]", codecs.join(","));
        let mut json = Json::new(text.as_bytes(), Dialect::Strict, &Limits::default())?;
        Chain::read(&mut json)
    }

    /// The read chunk of float32 chunks of this shape.
    fn read_chunk(codecs: &[&str], chunk_shape: &[u64]) -> Result<Vec<u64>> {
        read(codecs)?.read_chunk(chunk_shape, 4)
    }

    #[test]
    fn read_chunks_are_the_innermost_in_the_order_of_the_array() {
        let turn = &transpose("[1,0]");
        let cycle = &transpose("[1,2,0]");
        for (codecs, chunk_shape, read) in [
            (vec![BYTES], &[4, 4][..], &[4, 4][..]),
            (vec![turn, BYTES, ZSTD, CRC], &[4, 2], &[4, 2]),
            (vec![&sharding("[2,2]", &[BYTES])], &[4, 4], &[2, 2]),
            (vec![&sharding("[2,4]", &[turn, BYTES])], &[4, 4], &[2, 4]),
            (vec![turn, &sharding("[4,2]", &[BYTES])], &[4, 4], &[2, 4]),
            (
                vec![&transpose("\"F\""), &sharding("[4,2]", &[BYTES])],
                &[4, 4],
                &[2, 4],
            ),
            (
                vec![&transpose("\"C\""), &sharding("[4,2]", &[BYTES])],
                &[4, 4],
                &[4, 2],
            ),
            (
                vec![turn, turn, &sharding("[4,2]", &[BYTES])],
                &[4, 4],
                &[4, 2],
            ),
            (
                vec![&sharding("[2,4]", &[&sharding("[1,2]", &[BYTES])])],
                &[4, 4],
                &[1, 2],
            ),
            (
                vec![&sharding("[2,4]", &[turn, &sharding("[4,1]", &[BYTES])])],
                &[4, 4],
                &[1, 4],
            ),
            (
                vec![cycle, &sharding("[2,3,4]", &[BYTES])],
                &[8, 4, 9],
                &[4, 2, 3],
            ),
            (vec![&sharding("[]", &[BYTES])], &[], &[]),
        ] {
            assert_eq!(
                read_chunk(&codecs, chunk_shape).unwrap(),
                read,
                "{codecs:?}"
            );
        }
    }

    #[test]
    fn compression_is_what_orbax_reports() {
        let blosc = r#"{"name":"blosc","configuration":{"cname":"lz4","clevel":5,"shuffle":"noshuffle","blocksize":0}}"#;
        let gzip = r#"{"name":"gzip","configuration":{"level":5}}"#;
        for (codecs, compression) in [
            (vec![BYTES], None),
            (vec![BYTES, CRC, ZSTD, gzip], Some(("zstd", Some(3)))),
            (vec![BYTES, gzip], Some(("gzip", Some(5)))),
            (vec![BYTES, blosc], Some(("blosc", None))),
            (vec![&sharding("[1]", &[BYTES, CRC])], None),
            (
                vec![&sharding("[1]", &[BYTES, ZSTD])],
                Some(("zstd", Some(3))),
            ),
            (
                vec![&sharding("[1]", &[&sharding("[1]", &[BYTES, ZSTD])])],
                Some(("sharding_indexed", None)),
            ),
        ] {
            let found = read(&codecs).unwrap().compression();
            assert_eq!(
                found.map(|it| (it.algorithm, it.level)),
                compression,
                "{codecs:?}"
            );
        }
    }

    #[test]
    fn refusals_name_kind_and_byte() {
        use ErrorKind::{Malformed, Unsupported};
        let shards = sharding("[2,2]", &[BYTES]);
        let (shards, marked_zstd) = (shards.as_str(), &*format!("^{ZSTD}"));
        // A mark stands before the byte that the error names; without one it is the first.
        for (codecs, kind) in [
            (vec![], Malformed),
            (vec![marked_zstd], Malformed),
            (vec!["^5"], Malformed),
            (vec!["^{}"], Malformed),
            (vec![r#"{"name":"bytes"}"#], Malformed),
            (vec![r#"{"name":"bytes","x":^1}"#], Malformed),
            (
                vec![r#"{"name":"bytes","configuration":{"endian":^"native"}}"#],
                Malformed,
            ),
            (
                vec![r#"{"name":"bytes","configuration":{"x":^1}}"#],
                Malformed,
            ),
            (vec![BYTES, r#"^{"name":"lz4"}"#], Unsupported),
            (vec![BYTES, &format!("^{BYTES}")], Malformed),
            (
                vec![
                    BYTES,
                    r#"^{"name":"transpose","configuration":{"order":[1,0]}}"#,
                ],
                Malformed,
            ),
            (vec![BYTES, r#"^{"name":"zstd"}"#], Malformed),
            (
                vec![BYTES, r#"{"name":"gzip","configuration":{"level":^10}}"#],
                Malformed,
            ),
            (
                vec![BYTES, r#"{"name":"blosc","configuration":{"cname":^"x"}}"#],
                Unsupported,
            ),
            (
                vec![BYTES, r#"{"name":"crc32c","configuration":{"x":^1}}"#],
                Malformed,
            ),
            (
                vec![
                    r#"^{"name":"transpose","configuration":{"order":[0]}}"#,
                    BYTES,
                ],
                Malformed,
            ),
            (vec![&transpose("^[0,0]"), BYTES], Malformed),
            (vec![&transpose("^\"A\""), BYTES], Malformed),
            (vec![r#"^{"name":"transpose"}"#, BYTES], Malformed),
            (vec![&sharding("^[3,2]", &[BYTES])], Malformed),
            (vec![&sharding("^[8,8]", &[BYTES])], Malformed),
            (vec![&sharding("^[2]", &[BYTES])], Malformed),
            (vec![&sharding("[2,^0]", &[BYTES])], Malformed),
            (vec![&sharding("[2,2]", &["^5"])], Malformed),
            (
                vec![&indexed("[2,2]", &[BYTES], &[BYTES, marked_zstd])],
                Malformed,
            ),
            (vec![shards, marked_zstd], Malformed),
            (vec![r#"^{"name":"sharding_indexed"}"#], Malformed),
        ] {
            let at = codecs.join(",").find('^').map_or(0, |at| to_u64(at) + 1);
            let codecs: Vec<_> = codecs.iter().map(|codec| codec.replace('^', "")).collect();
            let codecs: Vec<_> = codecs.iter().map(String::as_str).collect();
            let error = read_chunk(&codecs, &[4, 4]).unwrap_err();
            let found = (error.kind(), error.offset());
            assert_eq!(found, (kind, Some(Offset::File(at))), "{codecs:?}: {error}");
        }
    }

    #[test]
    fn sizes_are_limited_as_in_tensorstore() {
        let (large, half) = (1 << 31, 1 << 30);
        assert!(read_chunk(&[BYTES], &[large - 1, half]).is_ok());
        assert!(read_chunk(&[BYTES], &[large, half]).is_err());
        let halves = sharding("[1073741824,1073741824]", &[BYTES]);
        assert!(read_chunk(&[&halves], &[large, half]).is_ok());
        let ones = sharding("[1,1]", &[BYTES]);
        assert!(read_chunk(&[&ones], &[1 << 15, 1 << 15]).is_ok());
        assert!(read_chunk(&[&ones], &[1 << 16, 1 << 15]).is_err());
        let rank = |rank| {
            let ones = vec!["1"; rank].join(",");
            let shards = sharding(&format!("[{ones}]"), &[BYTES]);
            read_chunk(&[&shards], &vec![1; rank])
        };
        assert!(rank(31).is_ok());
        assert!(rank(32).is_err());
    }

    #[test]
    fn shards_in_shards_are_read_as_deep_as_json_may_nest() {
        let mut codec = BYTES.to_owned();
        for _ in 0..160 {
            codec = sharding("[1]", &[&codec]);
        }
        assert_eq!(read_chunk(&[&codec], &[1]).unwrap(), [1]);
        for _ in 0..10 {
            codec = sharding("[1]", &[&codec]);
        }
        assert!(read(&[&codec]).is_err_and(|error| error.kind() == ErrorKind::Limit));
    }
}
