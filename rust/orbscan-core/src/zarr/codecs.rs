//! The codec chain of Zarr 3: what it says about read chunks and compression.
//!
//! A chain is any number of `transpose`, then one of `bytes` and `sharding_indexed`, then any
//! number of compressors and checksums. A sharding codec contains two more chains: one for its
//! sub-chunks, one for its index.
//!
//! Source: tensorstore `driver/zarr3/codec/*.cc`; every rule was tried with tensorstore 0.1.86.

use super::encoding::{self, Encoding, Step};
use super::named::Named;
use super::transpose::Order;
use super::{
    Compression, Field, MAX_RANK, chunk_bytes, compressor, lengths, one_of, required, too_large,
};
use crate::error::{Error, ErrorKind, Offset, Result, counted};
use crate::json::{Json, Kind};

/// The most sub-chunks that TensorStore accepts in one shard.
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
    /// Everything after the serializer.
    steps: Vec<Step>,
}

/// The codec that turns an array into bytes.
#[derive(Debug)]
enum Serializer {
    /// The elements one after the other.
    Bytes { has_endian: bool, big_endian: bool },
    /// Sub-chunks, each encoded by itself, and an index of them.
    Sharding(Box<Sharding>),
}

/// The settings of a sharding codec.
#[derive(Debug)]
struct Sharding {
    chunk_shape: Field<Vec<u64>>,
    codecs: Chain,
    index_codecs: Chain,
    index_first: bool,
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
        let mut steps = Vec::new();
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
                        steps.extend(Step::compressor(value.algorithm));
                        compressor.get_or_insert(Field { offset, value });
                    } else {
                        steps.push(Step::Crc32c);
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
            steps,
        })
    }

    /// Checks the chain against the chunks that it encodes, of `chunk_shape` elements of
    /// `item_bytes`, and returns the shape that one read decodes, in the order of the array's
    /// dimensions.
    ///
    /// # Errors
    /// `Malformed` if ranks differ, sub-chunks do not divide their chunk, or sizes overflow.
    pub(super) fn read_chunk(&self, chunk_shape: &[u64], item_bytes: u64) -> Result<Vec<u64>> {
        let mut shape = chunk_shape.to_vec();
        for transpose in &self.transposes {
            shape = transpose.value.apply(&shape).ok_or_else(|| {
                let rank = counted(shape.len(), "dimension", "dimensions");
                let reason = format!("transpose: order is not one of {rank}");
                Error::malformed(transpose.offset, reason)
            })?;
        }
        let mut read = match &self.serializer {
            Serializer::Bytes { has_endian, .. } => {
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

    /// How the bytes of a chunk of `chunk_shape` elements are encoded. The chain must have been
    /// checked for such chunks.
    pub(super) fn encoding(&self, chunk_shape: &[u64]) -> Encoding {
        let mut shape = chunk_shape.to_vec();
        for transpose in &self.transposes {
            shape = transpose.value.apply(&shape).unwrap_or(shape);
        }
        let (content, big_endian) = match &self.serializer {
            Serializer::Bytes { big_endian, .. } => (encoding::Content::Elements, *big_endian),
            Serializer::Sharding(sharding) => {
                let shards = sharding.shards(&shape);
                (encoding::Content::Shards(Box::new(shards)), false)
            }
        };
        Encoding {
            content,
            big_endian,
            steps: self.steps.clone(),
        }
    }

    /// The compression that Orbax reports: that of the chunks, or of the sub-chunks if there are
    /// any.
    ///
    /// Source: orbax `_src/metadata/value.py`, `Zarr3Metadata.from_json`.
    pub(super) fn compression(&self) -> Option<Compression> {
        let compressor = |chain: &Self| chain.compressor.as_ref().map(|field| field.value);
        let Serializer::Sharding(outer) = &self.serializer else {
            return compressor(self);
        };
        match outer.codecs.serializer {
            Serializer::Bytes { .. } => compressor(&outer.codecs),
            // Orbax takes the first codec whose name is none of three, and that is this one.
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
        let mut index_first = false;
        named.configuration(|json, name| {
            match name {
                "chunk_shape" => {
                    chunk_shape = Some(Field::read(json, |json| lengths(json, 1))?);
                }
                "codecs" => codecs = Some(Chain::read(json)?),
                "index_codecs" => index_codecs = Some(Chain::read(json)?),
                "index_location" => {
                    let location = one_of(json, &["start", "end"], ErrorKind::Malformed)?;
                    index_first = location == "start";
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Self {
            chunk_shape: required(chunk_shape, "chunk_shape", named.offset)?,
            codecs: required(codecs, "codecs", named.offset)?,
            index_codecs: required(index_codecs, "index_codecs", named.offset)?,
            index_first,
        })
    }

    fn shards(&self, shard: &[u64]) -> encoding::Shards {
        let sub_chunk = &self.chunk_shape.value;
        let counts = shard.iter().zip(sub_chunk);
        let count = counts.fold(1_u64, |count, (whole, part)| {
            count.saturating_mul(whole.checked_div(*part).unwrap_or_default())
        });
        encoding::Shards {
            count,
            encoding: self.codecs.encoding(sub_chunk),
            index_steps: self.index_codecs.steps.clone(),
            index_big_endian: matches!(
                self.index_codecs.serializer,
                Serializer::Bytes {
                    big_endian: true,
                    ..
                }
            ),
            index_first: self.index_first,
        }
    }

    fn read_chunk(&self, shard: &[u64], item_bytes: u64) -> Result<Vec<u64>> {
        let sub_chunk = &self.chunk_shape.value;
        let refuse = |reason| Err(Error::malformed(self.chunk_shape.offset, reason));
        if sub_chunk.len() != shard.len() {
            return refuse(format!(
                "chunk_shape: {}, but the array has {}",
                counted(sub_chunk.len(), "dimension", "dimensions"),
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
        // For each sub-chunk the index has an offset and a length of 8 bytes each.
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
    let mut endian = None;
    named.configuration(|json, name| {
        if name == "endian" {
            endian = Some(one_of(json, &["little", "big"], ErrorKind::Malformed)?);
        }
        Ok(name == "endian")
    })?;
    Ok(Codec::Serializer(Serializer::Bytes {
        has_endian: endian.is_some(),
        big_endian: endian == Some("big"),
    }))
}

#[cfg(test)]
mod tests;
