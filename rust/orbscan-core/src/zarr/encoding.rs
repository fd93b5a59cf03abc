//! How the elements of a chunk are encoded as bytes.

/// The encoding of a chunk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Encoding {
    /// What is encoded.
    pub content: Content,
    /// Whether the most significant byte of an element comes first.
    pub big_endian: bool,
    /// The steps that are applied to its bytes, in the order of writing.
    pub steps: Vec<Step>,
}

/// What the bytes of a chunk represent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Content {
    /// The elements one after the other.
    #[default]
    Elements,
    /// Sub-chunks, each encoded by itself, and an index of them.
    Shards(Box<Shards>),
}

/// A chunk that holds sub-chunks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Shards {
    /// How many sub-chunks there are.
    pub count: u64,
    /// The encoding of each sub-chunk.
    pub encoding: Encoding,
    /// The steps that are applied to the bytes of the index, in the order of writing.
    pub index_steps: Vec<Step>,
    /// Whether the numbers of the index have their most significant byte first.
    pub index_big_endian: bool,
    /// Whether the index precedes the sub-chunks, rather than following them.
    pub index_first: bool,
}

/// One step that is applied to bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Compressed as one zstd frame.
    Zstd,
    /// Compressed as one gzip member.
    Gzip,
    /// Compressed as one zlib stream.
    Zlib,
    /// Compressed as one bzip2 stream.
    Bz2,
    /// Compressed as one blosc buffer.
    Blosc,
    /// Followed by four bytes of CRC-32C.
    Crc32c,
}

/// Bytes that a checksum adds.
pub const CHECKSUM_BYTES: u64 = 4;

/// Bytes of the entry for one sub-chunk in the index of a shard: offset and length.
pub const INDEX_ENTRY_BYTES: u64 = 16;

impl Step {
    /// The compressor with this name.
    pub(super) fn compressor(name: &str) -> Option<Self> {
        match name {
            "zstd" => Some(Self::Zstd),
            "gzip" => Some(Self::Gzip),
            "zlib" => Some(Self::Zlib),
            "bz2" => Some(Self::Bz2),
            "blosc" => Some(Self::Blosc),
            _ => None,
        }
    }
}

impl Encoding {
    /// The least and the greatest number of bytes that `decoded` bytes of elements can become;
    /// `None` means that there is no upper limit.
    pub fn stored_bytes(&self, decoded: u64) -> (u64, Option<u64>) {
        let (mut least, mut most) = match &self.content {
            Content::Elements => (decoded, Some(decoded)),
            Content::Shards(shards) => (shards.index_bytes(), None),
        };
        for step in &self.steps {
            if *step == Step::Crc32c {
                least = least.saturating_add(CHECKSUM_BYTES);
                most = most.map(|most| most.saturating_add(CHECKSUM_BYTES));
            } else {
                (least, most) = (1, None);
            }
        }
        (least, most)
    }
}

impl Shards {
    /// The length of the index in bytes.
    pub fn index_bytes(&self) -> u64 {
        let checksums = self
            .index_steps
            .iter()
            .filter(|step| **step == Step::Crc32c);
        let checksums = u64::try_from(checksums.count()).unwrap_or(u64::MAX);
        let entries = self.count.saturating_mul(INDEX_ENTRY_BYTES);
        entries.saturating_add(checksums.saturating_mul(CHECKSUM_BYTES))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_known_where_nothing_is_compressed() {
        let encoding = |steps: &[Step]| Encoding {
            steps: steps.to_vec(),
            ..Encoding::default()
        };
        for (steps, expected) in [
            (&[][..], (64, Some(64))),
            (&[Step::Crc32c], (68, Some(68))),
            (&[Step::Zstd], (1, None)),
            (&[Step::Gzip, Step::Crc32c], (5, None)),
        ] {
            assert_eq!(encoding(steps).stored_bytes(64), expected, "{steps:?}");
        }
        let shards = Shards {
            count: 4,
            encoding: encoding(&[]),
            index_steps: vec![Step::Crc32c],
            index_big_endian: false,
            index_first: false,
        };
        let sharded = Encoding {
            content: Content::Shards(Box::new(shards)),
            ..Encoding::default()
        };
        assert_eq!(sharded.stored_bytes(64), (68, None));
    }
}
