//! Writes OCDBT manifests and nodes, field by field.
//!
//! The encoders write what they are given, valid or not: a test that needs a broken node passes
//! broken parts. The `DatabaseWriter` beside them writes consistent databases.

use crate::ocdbt::envelope::Content;
use crate::ocdbt::version_tree::VersionNodeReference;
use crate::ocdbt::{Reference, Statistics};

/// How a body is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// Stored as it is.
    Plain,
    /// One zstd frame that states the size of its content.
    Zstd,
    /// One zstd frame that does not.
    ZstdStreamed,
}

/// A data file: the base that nodes in it inherit, and the rest of its path.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct File {
    /// The prefix that nodes read from the file put before their paths.
    pub base: String,
    /// What follows the base.
    pub rest: String,
}

/// A value of a leaf entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeafValue {
    /// In the node.
    Inline(Vec<u8>),
    /// In a data file.
    Indirect(Reference),
}

/// A child of an interior node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildEntry {
    /// The key; the child holds no smaller keys.
    pub key: Vec<u8>,
    /// How many bytes of the key the child strips from its own.
    pub stripped: usize,
    /// Where it lies.
    pub reference: Reference,
    /// What it holds.
    pub statistics: Statistics,
}

/// A version in a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionEntry {
    /// The number of the commit.
    pub generation: u64,
    /// The height of the root.
    pub height: u8,
    /// Where the root lies; offset and length `u64::MAX` for an empty tree.
    pub root: Reference,
    /// What it holds.
    pub statistics: Statistics,
    /// Nanoseconds since 1970.
    pub commit_time_nsecs: u64,
}

/// Appends a LEB128 number.
pub fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn varints(out: &mut Vec<u8>, numbers: impl IntoIterator<Item = u64>) {
    for number in numbers {
        varint(out, number);
    }
}

/// Packs a body: magic, length, version, compression, checksum.
pub fn seal(content: Content, body: &[u8], packing: Packing) -> Vec<u8> {
    let mut out = content.magic().to_be_bytes().to_vec();
    out.extend([0; 8]);
    out.push(0);
    match packing {
        Packing::Plain => {
            out.push(0);
            out.extend(body);
        }
        Packing::Zstd => {
            out.push(1);
            out.extend(zstd::bulk::compress(body, 0).unwrap());
        }
        Packing::ZstdStreamed => {
            out.push(1);
            let mut encoder = zstd::Encoder::new(&mut out, 0).unwrap();
            std::io::Write::write_all(&mut encoder, body).unwrap();
            encoder.finish().unwrap();
        }
    }
    reseal(&mut out, 0);
    out
}

/// Corrects the length and checksum of an envelope whose last `old` bytes are an old checksum.
pub fn reseal(envelope: &mut Vec<u8>, old: usize) {
    envelope.truncate(envelope.len() - old);
    let length = envelope.len() as u64 + 4;
    envelope[4..12].copy_from_slice(&length.to_le_bytes());
    let checksum = crc32c::crc32c(envelope);
    envelope.extend(checksum.to_le_bytes());
}

pub(super) fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// Appends a data file table.
pub fn file_table(out: &mut Vec<u8>, files: &[File]) {
    let path = |file: &File| format!("{}{}", file.base, file.rest).into_bytes();
    let shared: Vec<usize> = files
        .windows(2)
        .map(|pair| {
            let shared = common_prefix(&path(&pair[0]), &path(&pair[1]));
            if pair[0].base.len() == pair[1].base.len() {
                shared
            } else {
                shared.min(pair[0].base.len()).min(pair[1].base.len())
            }
        })
        .collect();
    let suffix = |index: usize| {
        path(&files[index])[if index == 0 { 0 } else { shared[index - 1] }..].to_vec()
    };
    let suffixes: Vec<Vec<u8>> = (0..files.len()).map(suffix).collect();
    varint(out, files.len() as u64);
    varints(out, shared.iter().map(|length| *length as u64));
    varints(out, suffixes.iter().map(|suffix| suffix.len() as u64));
    varints(out, files.iter().map(|file| file.base.len() as u64));
    out.extend(suffixes.concat());
}

/// The lengths of the shared prefixes, the lengths of the suffixes, and the suffixes.
fn compress_keys<'k>(keys: impl Iterator<Item = &'k [u8]>) -> (Vec<u64>, Vec<u64>, Vec<u8>) {
    let (mut shared, mut lengths, mut suffixes) = (Vec::new(), Vec::new(), Vec::new());
    let mut last: Option<&[u8]> = None;
    for key in keys {
        let prefix = last.map_or(0, |last| common_prefix(last, key));
        if last.is_some() {
            shared.push(prefix as u64);
        }
        lengths.push((key.len() - prefix) as u64);
        suffixes.extend(&key[prefix..]);
        last = Some(key);
    }
    (shared, lengths, suffixes)
}

/// The body of a leaf.
pub fn leaf_body(files: &[File], entries: &[(Vec<u8>, LeafValue)]) -> Vec<u8> {
    let mut out = vec![0];
    file_table(&mut out, files);
    varint(&mut out, entries.len() as u64);
    let (shared, lengths, suffixes) = compress_keys(entries.iter().map(|(key, _)| key.as_slice()));
    varints(&mut out, shared);
    varints(&mut out, lengths);
    out.extend(suffixes);
    let length = |value: &LeafValue| match value {
        LeafValue::Inline(bytes) => bytes.len() as u64,
        LeafValue::Indirect(reference) => reference.length,
    };
    varints(&mut out, entries.iter().map(|(_, value)| length(value)));
    let is_indirect = |value: &LeafValue| matches!(value, LeafValue::Indirect(_));
    out.extend(
        entries
            .iter()
            .map(|(_, value)| u8::from(is_indirect(value))),
    );
    let references = || {
        entries.iter().filter_map(|(_, value)| match value {
            LeafValue::Inline(_) => None,
            LeafValue::Indirect(reference) => Some(reference),
        })
    };
    varints(&mut out, references().map(|reference| reference.file));
    varints(&mut out, references().map(|reference| reference.offset));
    for (_, value) in entries {
        if let LeafValue::Inline(bytes) = value {
            out.extend(bytes);
        }
    }
    out
}

/// The body of an interior node.
pub fn interior_body(height: u8, files: &[File], children: &[ChildEntry]) -> Vec<u8> {
    let mut out = vec![height];
    file_table(&mut out, files);
    varint(&mut out, children.len() as u64);
    let (shared, lengths, suffixes) =
        compress_keys(children.iter().map(|child| child.key.as_slice()));
    varints(&mut out, shared);
    varints(&mut out, lengths);
    varints(&mut out, children.iter().map(|child| child.stripped as u64));
    out.extend(suffixes);
    varints(&mut out, children.iter().map(|child| child.reference.file));
    varints(
        &mut out,
        children.iter().map(|child| child.reference.offset),
    );
    varints(
        &mut out,
        children.iter().map(|child| child.reference.length),
    );
    statistics(&mut out, children.iter().map(|child| child.statistics));
    out
}

fn statistics(out: &mut Vec<u8>, all: impl Iterator<Item = Statistics> + Clone) {
    varints(out, all.clone().map(|statistics| statistics.keys));
    varints(out, all.clone().map(|statistics| statistics.tree_bytes));
    varints(out, all.map(|statistics| statistics.indirect_value_bytes));
}

/// The configuration at the start of a manifest: `kind` 0 is single, 1 numbered; arity 2^4.
pub fn config(kind: u8) -> Vec<u8> {
    let mut out = vec![0xab; 16];
    out.push(kind);
    varint(&mut out, 1_024);
    varint(&mut out, 100_000_000);
    out.push(4);
    varint(&mut out, 1);
    out.extend(0_i32.to_le_bytes());
    out
}

/// Appends versions, as in a manifest and in leaves of the version tree.
pub fn versions(out: &mut Vec<u8>, versions: &[VersionEntry]) {
    varint(out, versions.len() as u64);
    varints(out, versions.iter().map(|version| version.generation));
    out.extend(versions.iter().map(|version| version.height));
    varints(out, versions.iter().map(|version| version.root.file));
    varints(out, versions.iter().map(|version| version.root.offset));
    varints(out, versions.iter().map(|version| version.root.length));
    statistics(out, versions.iter().map(|version| version.statistics));
    out.extend(
        versions
            .iter()
            .flat_map(|version| version.commit_time_nsecs.to_le_bytes()),
    );
}

/// Appends references to version tree nodes; with their heights in a manifest, without in a node.
pub fn version_nodes(out: &mut Vec<u8>, nodes: &[VersionNodeReference], heights: bool) {
    varint(out, nodes.len() as u64);
    varints(out, nodes.iter().map(|node| node.generation));
    varints(out, nodes.iter().map(|node| node.reference.file));
    varints(out, nodes.iter().map(|node| node.reference.offset));
    varints(out, nodes.iter().map(|node| node.reference.length));
    varints(out, nodes.iter().map(|node| node.generations));
    out.extend(
        nodes
            .iter()
            .flat_map(|node| node.commit_time_nsecs.to_le_bytes()),
    );
    if heights {
        out.extend(nodes.iter().map(|node| node.height));
    }
}
