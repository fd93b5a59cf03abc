//! Writes whole OCDBT databases.

use std::collections::BTreeMap;

use super::ocdbt_writer::{
    ChildEntry, File, LeafValue, Packing, VersionEntry, common_prefix, config, file_table,
    interior_body, leaf_body, seal, varint, versions,
};
use crate::ocdbt::envelope::Content;
use crate::ocdbt::{Reference, Statistics};
use crate::path::StorePath;
use crate::store::memory::MemoryStore;

/// Writes a database: a B+tree over the given entries, in one data file for the nodes and one for
/// the values.
#[derive(Clone, Debug)]
pub struct DatabaseWriter {
    /// How manifests and nodes are packed.
    pub packing: Packing,
    /// The base of both data files, empty or ending in a `/`.
    pub base: String,
    /// Entries of one node.
    pub fan_out: usize,
    /// Longer values go outside the nodes.
    pub max_inline_value_bytes: usize,
    /// Whether the state is in a numbered manifest.
    pub numbered: bool,
    /// The number of the current version.
    pub generation: u64,
}

impl Default for DatabaseWriter {
    fn default() -> Self {
        Self {
            packing: Packing::Zstd,
            base: String::new(),
            fan_out: 1 << 20,
            max_inline_value_bytes: 1_024,
            numbered: false,
            generation: 2,
        }
    }
}

/// A node that was written, as its parent describes it.
struct Written {
    key: Vec<u8>,
    stripped: usize,
    reference: Reference,
    statistics: Statistics,
}

/// The number of the value file in leaves, and of the node file in interior nodes and the manifest.
const VALUES: u64 = 0;
const NODES: u64 = 0;

impl DatabaseWriter {
    /// Writes the entries, sorted by key, into `directory` of `store`.
    pub fn write(
        &self,
        entries: &BTreeMap<Vec<u8>, Vec<u8>>,
        directory: &StorePath,
        store: &mut MemoryStore,
    ) {
        let mut values = Vec::new();
        let entries: Vec<(Vec<u8>, LeafValue)> = entries
            .iter()
            .map(|(key, value)| (key.clone(), self.place(value, &mut values)))
            .collect();
        // A node need not be at the start of its file.
        let mut nodes = b"something else".to_vec();
        let (height, root) = self.write_tree(&entries, &mut nodes);
        let mut put = |path: &str, content: Vec<u8>| {
            store.insert(directory.join(path).unwrap(), content);
        };
        put(&format!("{}d/values", self.base), values);
        put(&format!("{}d/nodes", self.base), nodes);
        let state = seal(
            Content::Manifest,
            &self.manifest_body(height, root.as_ref()),
            self.packing,
        );
        if self.numbered {
            put(
                "manifest.ocdbt",
                seal(Content::Manifest, &config(1), self.packing),
            );
            put(&format!("manifest.{:016x}", self.generation), state);
        } else {
            put("manifest.ocdbt", state);
        }
    }

    fn place(&self, value: &[u8], values: &mut Vec<u8>) -> LeafValue {
        if value.len() <= self.max_inline_value_bytes {
            return LeafValue::Inline(value.to_vec());
        }
        let reference = Reference {
            file: VALUES,
            offset: values.len() as u64,
            length: value.len() as u64,
        };
        values.extend(value);
        LeafValue::Indirect(reference)
    }

    fn file(&self, name: &str, inherited: bool) -> File {
        let base = if inherited { "" } else { &self.base };
        File {
            base: base.to_owned(),
            rest: format!("d/{name}"),
        }
    }

    /// Writes all nodes, lowest first; returns the height of the root, and the root if there is
    /// one.
    fn write_tree(
        &self,
        entries: &[(Vec<u8>, LeafValue)],
        out: &mut Vec<u8>,
    ) -> (u8, Option<Written>) {
        let mut level: Vec<Written> = Vec::new();
        let groups: Vec<_> = entries.chunks(self.fan_out).collect();
        for group in &groups {
            let stripped =
                Self::stripped(group.iter().map(|(key, _)| key.as_slice()), groups.len());
            let inner: Vec<_> = group
                .iter()
                .map(|(key, value)| (key[stripped..].to_vec(), value.clone()))
                .collect();
            let body = leaf_body(&[self.file("values", true)], &inner);
            let held = Statistics {
                keys: group.len() as u64,
                tree_bytes: 0,
                indirect_value_bytes: group.iter().map(|(_, value)| indirect_bytes(value)).sum(),
            };
            level.push(self.write_node(&body, &group[0].0, stripped, held, out));
        }
        let mut height = 0;
        while level.len() > 1 {
            height += 1;
            let groups: Vec<_> = level.chunks(self.fan_out.max(2)).collect();
            let mut above = Vec::new();
            for group in &groups {
                let keys = group.iter().map(|child| &child.key[..child.stripped]);
                let stripped = Self::stripped(keys, groups.len());
                let body = interior_body(
                    height,
                    &[self.file("nodes", true)],
                    &children(group, stripped),
                );
                let sum = |count: fn(&Statistics) -> u64| {
                    group.iter().map(|child| count(&child.statistics)).sum()
                };
                let held = Statistics {
                    keys: sum(|held| held.keys),
                    tree_bytes: sum(|held| held.tree_bytes),
                    indirect_value_bytes: sum(|held| held.indirect_value_bytes),
                };
                above.push(self.write_node(&body, &group[0].key, stripped, held, out));
            }
            level = above;
        }
        (height, level.pop())
    }

    /// The length of the common prefix of the keys of a node; a root strips nothing.
    fn stripped<'k>(keys: impl Iterator<Item = &'k [u8]>, nodes: usize) -> usize {
        if nodes == 1 {
            return 0;
        }
        let keys: Vec<&[u8]> = keys.collect();
        keys.iter()
            .map(|key| common_prefix(key, keys[0]))
            .min()
            .unwrap_or(0)
    }

    fn write_node(
        &self,
        body: &[u8],
        key: &[u8],
        stripped: usize,
        held: Statistics,
        out: &mut Vec<u8>,
    ) -> Written {
        let node = seal(Content::BtreeNode, body, self.packing);
        let reference = Reference {
            file: NODES,
            offset: out.len() as u64,
            length: node.len() as u64,
        };
        out.extend(&node);
        Written {
            key: key.to_vec(),
            stripped,
            reference,
            statistics: Statistics {
                tree_bytes: held.tree_bytes + node.len() as u64,
                ..held
            },
        }
    }

    fn manifest_body(&self, height: u8, root: Option<&Written>) -> Vec<u8> {
        let mut out = config(0);
        file_table(&mut out, &[self.file("nodes", false)]);
        let missing = Reference {
            file: NODES,
            offset: u64::MAX,
            length: u64::MAX,
        };
        let version = |generation, root: Option<&Written>| VersionEntry {
            generation,
            height: root.map_or(0, |_| height),
            root: root.map_or(missing, |root| root.reference),
            statistics: root.map_or_else(Statistics::default, |root| root.statistics),
            commit_time_nsecs: 1_000 + generation,
        };
        // A new database begins with an empty version.
        let first = self.generation - (self.generation - 1) % 16;
        let mut all = vec![version(self.generation, root)];
        if first < self.generation {
            all.insert(0, version(first, None));
        }
        versions(&mut out, &all);
        varint(&mut out, 0);
        out
    }
}

/// The length of a value outside the node.
fn indirect_bytes(value: &LeafValue) -> u64 {
    match value {
        LeafValue::Inline(_) => 0,
        LeafValue::Indirect(reference) => reference.length,
    }
}

/// The entries for the children of a node whose keys lack `stripped` bytes.
fn children(group: &[Written], stripped: usize) -> Vec<ChildEntry> {
    group
        .iter()
        .map(|child| ChildEntry {
            key: child.key[stripped..].to_vec(),
            stripped: child.stripped - stripped,
            reference: child.reference,
            statistics: child.statistics,
        })
        .collect()
}
