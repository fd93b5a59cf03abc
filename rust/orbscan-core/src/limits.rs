//! Every cap on what a file can make us do, with its reason.

/// Bytes of one OCDBT key or data file path. A limit of the format: their lengths are 16-bit fields.
pub const MAX_KEY_BYTES: usize = 65_535;

/// Entries of one B+tree node. A limit of the format.
pub const MAX_NODE_ENTRIES: u32 = 1 << 20;

/// Bytes of one value inside a B+tree node. A limit of the format.
pub const MAX_INLINE_VALUE_BYTES: u64 = 1 << 20;

/// Bytes of one number in a JSON document. Python refuses to convert longer ones, because of the
/// time it takes.
pub const MAX_NUMBER_BYTES: usize = 4_300;

/// The most that reading one checkpoint may cost. A checkpoint that asks for more is an error of
/// kind [`crate::error::ErrorKind::Limit`], never a crash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one JSON or msgpack document. The largest real one is `_sharding`, which repeats the
    /// device mesh for each leaf: 27 MB for 3,411 leaves on 512 devices.
    pub max_document_bytes: u64,
    /// Bytes of one Zarr document. Real ones have some hundred, and one in a B+tree node cannot
    /// have more.
    pub max_array_document_bytes: u64,
    /// Bytes of all Zarr documents of an item that do not lie in B+tree nodes, as early releases
    /// wrote them for trees of thousands of arrays.
    pub max_array_documents_bytes: u64,
    /// Nesting of JSON and msgpack, also inside JSON strings. Python's own parser gives up at about
    /// a thousand.
    pub max_nesting: u32,
    /// Key entries in one keypath. Orbax rebuilds trees by recursion, which Python stops at 1,000.
    pub max_keypath: usize,
    /// Key entries of all keypaths of one aggregate file together. Each leaf repeats its whole
    /// keypath, so a few nested bytes could expand to gigabytes. This many take 130 MB, and are ten
    /// times as many as in any real file.
    pub max_keypath_entries: usize,
    /// Bytes of the path of a data file. Linux does not open longer ones; the format would allow
    /// 65,535, each of which prefix compression can write in three bytes.
    pub max_path_bytes: usize,
    /// Bytes that one B+tree node may decompress to. Orbax asks for nodes of at most 100,000,000
    /// bytes; a single entry may exceed that.
    pub max_node_bytes: u64,
    /// B+tree nodes read for one checkpoint.
    pub max_nodes: u64,
    /// Bytes of all B+tree nodes of one checkpoint together, decompressed.
    pub max_total_node_bytes: u64,
    /// Bytes that a dump of a large file may note; a dump of a small one may note less. Names share
    /// prefixes with the name before, so a small file could expand to gigabytes.
    pub max_dump_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_document_bytes: 2 << 30,
            max_array_document_bytes: MAX_INLINE_VALUE_BYTES,
            max_array_documents_bytes: 1 << 28,
            max_nesting: 500,
            max_keypath: 1_000,
            max_keypath_entries: 1 << 22,
            max_path_bytes: 4_096,
            max_node_bytes: 1 << 30,
            max_nodes: 1_000_000,
            max_total_node_bytes: 8 << 30,
            max_dump_bytes: 1 << 29,
        }
    }
}
