//! The keys of an array's chunks, and the grid that they index.
//!
//! | format | key of chunk (1, 0) | key of the only chunk of a scalar |
//! |---|---|---|
//! | Zarr 2, separator `.` or `/` | `1.0` `1/0` | `0` |
//! | Zarr 3, `default` | `c/1/0` `c.1.0` | `c` |
//! | Zarr 3, `v2` | `1.0` `1/0` | `0` |
//!
//! Source: tensorstore `driver/zarr/driver.cc` and `driver/zarr3/metadata.cc`, `EncodeChunkKey`.

use super::ArrayHeader;

/// How the keys of an array's chunks are spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ChunkKeys {
    /// Whether they begin with a `c`.
    pub prefixed: bool,
    /// The separator between the numbers.
    pub separator: u8,
}

/// What a key means in a grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The chunk with this number, in row-major order.
    Chunk(u64),
    /// A chunk outside of the grid.
    Outside,
    /// Not a chunk.
    NoChunk,
}

/// The chunks of one array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grid {
    keys: ChunkKeys,
    shape: Vec<u64>,
    chunk_shape: Vec<u64>,
    /// Chunks along each dimension.
    counts: Vec<u64>,
    total: u64,
}

impl Grid {
    /// The grid of an array; `None` if it has more than 2^64 chunks, which no store can hold.
    pub fn new(header: &ArrayHeader) -> Option<Self> {
        let chunk_shape = header.grid_chunk_shape.clone();
        // A structured element type adds dimensions to the shape that lie within each chunk.
        let dimensions = header.shape.iter().zip(&chunk_shape);
        let counts: Vec<u64> = dimensions
            .map(|(length, chunk)| length.div_ceil((*chunk).max(1)))
            .collect();
        let total = counts.iter().try_fold(1_u64, |n, c| n.checked_mul(*c))?;
        Some(Self {
            keys: header.chunk_keys,
            shape: header.shape.clone(),
            chunk_shape,
            counts,
            total,
        })
    }

    /// The elements of the array along each dimension of the grid.
    pub fn shape(&self) -> &[u64] {
        &self.shape
    }

    /// The elements of a chunk along each dimension.
    pub fn chunk_shape(&self) -> &[u64] {
        &self.chunk_shape
    }

    /// The number of chunks along each dimension.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// The number of chunks.
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// The chunk of a key, which comes without the name of the array.
    #[inline]
    pub fn place(&self, key: &[u8]) -> Place {
        let numbers = if self.keys.prefixed {
            match (key, self.counts.is_empty()) {
                ([b'c'], true) => return Place::Chunk(0),
                ([b'c', separator, rest @ ..], false) if *separator == self.keys.separator => rest,
                _ => return Place::NoChunk,
            }
        } else {
            match (key, self.counts.is_empty()) {
                ([b'0'], true) => return Place::Chunk(0),
                (_, true) => return Place::NoChunk,
                _ => key,
            }
        };
        self.numbered(numbers)
    }

    fn numbered(&self, text: &[u8]) -> Place {
        let mut rest = text;
        let mut linear = 0_u64;
        let mut inside = true;
        let mut counts = self.counts.iter();
        while let Some(count) = counts.next() {
            let Some((number, behind)) = number(rest) else {
                return Place::NoChunk;
            };
            inside &= number < *count;
            // Inside the grid this is less than `total`; outside it is not used.
            linear = linear.wrapping_mul(*count).wrapping_add(number);
            rest = match (behind, counts.len()) {
                ([], 0) => behind,
                ([separator, behind @ ..], 1..) if *separator == self.keys.separator => behind,
                _ => return Place::NoChunk,
            };
        }
        if inside {
            Place::Chunk(linear)
        } else {
            Place::Outside
        }
    }

    /// The indices of chunk number `linear`.
    pub fn indices(&self, linear: u64) -> Vec<u64> {
        indices(linear, &self.counts)
    }

    /// The smallest box that contains the elements of the chunks from `first` to `last` in
    /// row-major order: along each dimension from the first element to before the second.
    pub fn corners(&self, first: &[u64], last: &[u64]) -> Vec<(u64, u64)> {
        // After the dimension in which two chunks differ, all dimensions are covered completely.
        let mut differ = false;
        let mut corners = Vec::with_capacity(first.len());
        let dimensions = self.counts.iter().zip(&self.chunk_shape).zip(&self.shape);
        for ((low, high), ((count, chunk), length)) in first.iter().zip(last).zip(dimensions) {
            let (low, high) = if differ {
                (0, count.saturating_sub(1))
            } else {
                (*low, *high)
            };
            differ |= low != high;
            let end = high.saturating_add(1).saturating_mul(*chunk);
            corners.push((low.saturating_mul(*chunk), end.min(*length)));
        }
        corners
    }
}

/// The indices of a row-major number.
pub fn indices(number: u64, shape: &[u64]) -> Vec<u64> {
    let mut rest = number;
    let mut indices: Vec<u64> = Vec::with_capacity(shape.len());
    for length in shape.iter().rev() {
        indices.push(rest.checked_rem(*length).unwrap_or_default());
        rest = rest.checked_div(*length).unwrap_or_default();
    }
    indices.reverse();
    indices
}

/// The decimal number at the start of a text, as writers spell it, and the rest.
#[inline]
fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let (first, mut rest) = text.split_first()?;
    let mut number = digit(*first)?;
    while let Some((next, behind)) = rest.split_first()
        && let Some(next) = digit(*next)
    {
        if number == 0 {
            return None;
        }
        number = number.checked_mul(10)?.checked_add(next)?;
        rest = behind;
    }
    Some((number, rest))
}

fn digit(byte: u8) -> Option<u64> {
    let value = byte.wrapping_sub(b'0');
    (value < 10).then(|| u64::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use crate::zarr::{v2, v3};
    use Place::{Chunk, NoChunk, Outside};

    fn zarr2(shape: &str, chunks: &str, separator: &str) -> Grid {
        let text = format!(
            r#"{{"chunks":{chunks},"compressor":null,"dimension_separator":"{separator}","dtype":"<f4","fill_value":null,"filters":null,"order":"C","shape":{shape},"zarr_format":2}}"#
        );
        Grid::new(&v2::decode(text.as_bytes(), &Limits::default()).unwrap()).unwrap()
    }

    fn zarr3(shape: &str, chunks: &str, encoding: &str) -> Grid {
        let text = format!(
            r#"{{"chunk_grid":{{"configuration":{{"chunk_shape":{chunks}}},"name":"regular"}},"chunk_key_encoding":{encoding},"codecs":[{{"configuration":{{"endian":"little"}},"name":"bytes"}}],"data_type":"float32","fill_value":0.0,"node_type":"array","shape":{shape},"zarr_format":3}}"#
        );
        Grid::new(&v3::decode(text.as_bytes(), &Limits::default()).unwrap()).unwrap()
    }

    const DEFAULT: &str = r#"{"name":"default"}"#;

    #[test]
    fn every_spelling_of_a_key_names_its_chunk() {
        let dotted = r#"{"name":"default","configuration":{"separator":"."}}"#;
        let old = r#"{"name":"v2"}"#;
        let old_slashed = r#"{"name":"v2","configuration":{"separator":"/"}}"#;
        for (grid, key, place) in [
            (zarr2("[8,8]", "[4,3]", "."), "1.2", Chunk(5)),
            (zarr2("[8,8]", "[4,3]", "."), "0.0", Chunk(0)),
            (zarr2("[8,8]", "[4,3]", "."), "1.3", Outside),
            (
                zarr2("[8,8]", "[4,3]", "."),
                "18446744073709551615.0",
                Outside,
            ),
            (
                zarr2("[8,8]", "[4,3]", "."),
                "18446744073709551616.0",
                NoChunk,
            ),
            (zarr2("[8,8]", "[4,3]", "."), "1/2", NoChunk),
            (zarr2("[8,8]", "[4,3]", "."), "01.2", NoChunk),
            (zarr2("[8,8]", "[4,3]", "."), "1", NoChunk),
            (zarr2("[8,8]", "[4,3]", "."), "1.2.0", NoChunk),
            (zarr2("[8,8]", "[4,3]", "."), "1.2.", NoChunk),
            (zarr2("[8,8]", "[4,3]", "."), "1.", NoChunk),
            (zarr2("[8,8]", "[4,3]", "."), ".zarray", NoChunk),
            (zarr2("[8,8]", "[4,3]", "/"), "1/2", Chunk(5)),
            (zarr2("[12]", "[1]", "."), "10", Chunk(10)),
            (zarr2("[]", "[]", "."), "0", Chunk(0)),
            (zarr2("[]", "[]", "."), "1", NoChunk),
            (zarr2("[0,8]", "[4,4]", "."), "0.0", Outside),
            (zarr3("[8,8]", "[4,3]", DEFAULT), "c/1/2", Chunk(5)),
            (zarr3("[8,8]", "[4,3]", DEFAULT), "1/2", NoChunk),
            (zarr3("[8,8]", "[4,3]", DEFAULT), "c", NoChunk),
            (zarr3("[8,8]", "[4,3]", DEFAULT), "zarr.json", NoChunk),
            (zarr3("[8,8]", "[4,3]", dotted), "c.1.2", Chunk(5)),
            (zarr3("[8,8]", "[4,3]", old), "1.2", Chunk(5)),
            (zarr3("[8,8]", "[4,3]", old_slashed), "1/2", Chunk(5)),
            (zarr3("[]", "[]", DEFAULT), "c", Chunk(0)),
            (zarr3("[]", "[]", DEFAULT), "c/0", NoChunk),
            (zarr3("[]", "[]", old), "0", Chunk(0)),
        ] {
            assert_eq!(grid.place(key.as_bytes()), place, "{key} {grid:?}");
        }
    }

    #[test]
    fn chunks_have_numbers_indices_and_elements() {
        let grid = zarr2("[8,8]", "[4,3]", ".");
        assert_eq!(grid.total(), 6);
        for linear in 0..6 {
            let indices = grid.indices(linear);
            let key = format!("{}.{}", indices[0], indices[1]);
            assert_eq!(grid.place(key.as_bytes()), Chunk(linear));
        }
        assert_eq!(grid.corners(&[1, 2], &[1, 2]), [(4, 8), (6, 8)]);
        assert_eq!(grid.corners(&[0, 1], &[0, 2]), [(0, 4), (3, 8)]);
        assert_eq!(grid.corners(&[0, 2], &[1, 0]), [(0, 8), (0, 8)]);
        let scalar = zarr2("[]", "[]", ".");
        assert_eq!((scalar.total(), scalar.indices(0)), (1, vec![]));
    }

    #[test]
    fn a_grid_of_more_chunks_than_can_be_counted_is_none() {
        let text = format!(
            r#"{{"chunks":[1,1],"compressor":null,"dtype":"<f4","fill_value":null,"filters":null,"order":"C","shape":[{},16],"zarr_format":2}}"#,
            1_u64 << 62
        );
        let header = v2::decode(text.as_bytes(), &Limits::default()).unwrap();
        assert_eq!(Grid::new(&header), None);
    }
}
