//! The documents that describe one array: `.zarray` of Zarr 2, `zarr.json` of Zarr 3.
//!
//! Both decoders accept what TensorStore accepts, because Orbax reads through it. They read a
//! document once and build no tree: checkpoints have thousands of them, all tiny.

pub mod chunk_keys;
mod codecs;
mod compressor;
pub mod dtype;
mod element;
pub mod encoding;
mod fill_value;
mod named;
mod number;
mod transpose;
pub mod v2;
pub mod v3;

use crate::error::{Error, ErrorKind, Offset, Result};
use crate::json::Json;
use chunk_keys::ChunkKeys;
use dtype::DType;
use encoding::Encoding;

/// The most dimensions that TensorStore handles.
const MAX_RANK: usize = 32;

/// The greatest length of a dimension. The next number means "unbounded" in TensorStore.
const MAX_LENGTH: i128 = 0x7fff_ffff_ffff_fffe;

/// What a document says about its array.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ArrayHeader {
    /// The members of only one of the two formats.
    pub format: Format,
    /// The whole array, in elements; with the dimensions of a structured element type at the end.
    pub shape: Vec<u64>,
    /// What one element is.
    pub dtype: DType,
    /// The element type as the document spells it; a structured one as Python's `str` would.
    pub stored_dtype: String,
    /// The shape of one read of chunk data, in elements: one sub-chunk of the innermost sharding
    /// codec, in the order of the array's dimensions. May exceed the array.
    pub chunk_shape: Vec<u64>,
    /// The shape of one file of chunk data, in elements.
    pub grid_chunk_shape: Vec<u64>,
    /// The compression of chunks, if any.
    pub compression: Option<Compression>,
    /// How the keys of chunks are spelled.
    pub chunk_keys: ChunkKeys,
    /// The encoding of chunks.
    pub encoding: Encoding,
    /// Whether there is a fill value, so that a writer may leave out chunks that contain nothing
    /// else. TensorStore stores every chunk if there is none.
    pub has_fill_value: bool,
}

impl ArrayHeader {
    /// The bytes of a chunk's elements before they are encoded. Chunks at the edge count in full.
    pub fn chunk_bytes(&self) -> u64 {
        let shape = match self.format {
            // With the dimensions of a structured element type.
            Format::V2 { .. } => &self.chunk_shape,
            Format::V3 { .. } => &self.grid_chunk_shape,
        };
        // The decoders have checked that it fits.
        chunk_bytes(shape, self.dtype.item_bytes()).unwrap_or(u64::MAX)
    }
}

/// The members of only one of the two formats.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Zarr 2, `.zarray`.
    V2 {
        /// The order of elements in a chunk: `C` or `F`.
        order: &'static str,
        /// The separator between the numbers in a chunk's key: `.` or `/`.
        dimension_separator: &'static str,
    },
    /// Zarr 3, `zarr.json`.
    V3 {
        /// The sub-chunks of the outermost sharding codec, in elements, as stored; `None` without
        /// sharding and for an array of rank zero.
        inner_chunk_shape: Option<Vec<u64>>,
    },
}

/// How chunks are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Compression {
    /// The name of the codec; `sharding_indexed` for shards inside shards.
    pub algorithm: &'static str,
    /// The member `level` of the codec, which blosc does not have.
    pub level: Option<i64>,
}

/// A member's value, and where it begins.
#[derive(Clone, Debug)]
struct Field<T> {
    offset: Offset,
    value: T,
}

impl<T> Field<T> {
    /// Reads the next value.
    fn read<'a>(
        json: &mut Json<'a>,
        value: impl FnOnce(&mut Json<'a>) -> Result<T>,
    ) -> Result<Self> {
        json.peek()?;
        let offset = json.offset();
        let value = value(json)?;
        Ok(Self { offset, value })
    }
}

impl<'a> Field<Json<'a>> {
    /// Checks that the next value is JSON and keeps it until more is known.
    fn later(json: &mut Json<'a>) -> Result<Self> {
        json.peek()?;
        let offset = json.offset();
        let value = json.clone();
        json.skip()?;
        Ok(Self { offset, value })
    }
}

/// The value of a required member; `object` is the position of its object.
fn required<T>(member: Option<T>, name: &str, object: Offset) -> Result<T> {
    member.ok_or_else(|| Error::malformed(object, format!("member {name:?} is missing")))
}

/// Reads one of a few words.
///
/// # Errors
/// `Malformed` if it is not a string, `otherwise` if it is another word.
fn one_of(
    json: &mut Json<'_>,
    words: &[&'static str],
    otherwise: ErrorKind,
) -> Result<&'static str> {
    json.peek()?;
    let offset = json.offset();
    let text = json.string()?;
    words
        .iter()
        .find(|word| **word == text)
        .copied()
        .ok_or_else(|| {
            let words: Vec<_> = words.iter().map(|word| format!("{word:?}")).collect();
            let reason = format!("expected {}, found {text:?}", words.join(" or "));
            Error::new(otherwise, reason).at(offset)
        })
}

/// Reads the lengths of dimensions, each at least `least`.
///
/// # Errors
/// `Malformed` if it is not such a list, or has too many.
fn lengths(json: &mut Json<'_>, least: i128) -> Result<Vec<u64>> {
    let mut lengths = Vec::new();
    json.array(|json| {
        json.peek()?;
        if lengths.len() >= MAX_RANK {
            return Err(json.malformed(format!("more than {MAX_RANK} dimensions")));
        }
        lengths.push(number::whole(json, least, MAX_LENGTH)?);
        Ok(())
    })?;
    Ok(lengths)
}

/// The bytes of a chunk, if they fit into a signed 64-bit number.
fn chunk_bytes(chunk_shape: &[u64], item_bytes: u64) -> Option<u64> {
    let bytes = chunk_shape
        .iter()
        .try_fold(item_bytes, |bytes, length| bytes.checked_mul(*length))?;
    i64::try_from(bytes).ok().map(|_| bytes)
}

/// The error for a chunk whose size overflows, as in TensorStore.
fn too_large(chunk_shape: &[u64], offset: Offset) -> Error {
    let reason = format!("a chunk of {chunk_shape:?} elements has more than 2^63 bytes");
    Error::malformed(offset, reason)
}
