//! The OCDBT database format: pure decoders of its manifest and its nodes.
//!
//! A database is a directory with `manifest.ocdbt` and immutable data files. The manifest names the
//! root of a B+tree; its leaves hold short values themselves and refer to long ones by data file,
//! offset and length. Every field of a node is stored as a *column* over all its entries, and
//! every node comes in an [`envelope`] with a checksum.
//!
//! Source: tensorstore `kvstore/ocdbt/index.rst` and the codecs under `kvstore/ocdbt/format/`.

pub mod btree;
pub mod data_files;
pub mod envelope;
pub mod frame;
pub mod generations;
pub mod interior;
pub mod keys;
pub mod leaf;
pub mod manifest;
pub mod strings;
pub mod values;
pub mod varint;
pub mod version_node;
pub mod version_tree;

use crate::error::{Error, Offset, Result};

/// Where a node or a value lies: `length` bytes at `offset` of data file number `file`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The index in the data file table of the node that holds the reference.
    pub file: u64,
    /// Bytes before it in the data file.
    pub offset: u64,
    /// Its length in bytes.
    pub length: u64,
}

impl Reference {
    /// Checks that the file is one of `files` and that the end is a valid position in a file.
    #[inline]
    fn check(self, files: u64, at: Offset) -> Result<Self> {
        let Self {
            file,
            offset,
            length,
        } = self;
        if file >= files {
            return Err(Error::malformed(
                at,
                format!("data file {file} of a table of {files}"),
            ));
        }
        // Positions are signed in the reference implementation.
        match offset.checked_add(length) {
            Some(end) if end <= i64::MAX.unsigned_abs() => Ok(self),
            _ => Err(Error::malformed(
                at,
                format!("offset {offset} and length {length} reach past 2^63 - 1"),
            )),
        }
    }
}

/// What a subtree holds, according to its parent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Keys under the node.
    pub keys: u64,
    /// Encoded bytes of the node and of all nodes under it.
    pub tree_bytes: u64,
    /// Bytes of all values outside the nodes.
    pub indirect_value_bytes: u64,
}
