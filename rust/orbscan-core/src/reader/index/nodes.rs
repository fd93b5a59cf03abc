//! One node of a B+tree: what it refers to, and what it holds.

use std::collections::VecDeque;

use bytes::Bytes;

use super::{Extent, NodeFault, Value, Visitor};
use crate::cursor::to_u64;
use crate::error::{Error, ErrorKind, Offset, Result};
use crate::limits::Limits;
use crate::memory::Spare;
use crate::ocdbt::btree::{Entries, Node};
use crate::ocdbt::data_files::{DataFile, DataFileTable};
use crate::ocdbt::envelope;
use crate::ocdbt::interior::Interior;
use crate::ocdbt::keys::Bounds;
use crate::ocdbt::leaf::Leaf;
use crate::ocdbt::{Reference, Statistics, values};
use crate::path::StorePath;
use crate::reader::ocdbt_faults::over;
use crate::store::{Span, Want};

/// Bytes of the paths of all data files together: prefix compression lets small files have long
/// paths.
const MAX_PATHS_BYTES: u64 = 256 << 20;

/// Paths spelled out at a time.
const PATHS_AT_ONCE: u64 = 4_096;

/// A node to read, and what its parent says about it.
pub(super) struct Pending {
    pub(super) extent: Extent,
    pub(super) path: StorePath,
    pub(super) base: Bytes,
    pub(super) height: u8,
    pub(super) bounds: Bounds,
    /// The prefix that the keys of the node lack.
    pub(super) prefix: Vec<u8>,
    /// The key at which the next node begins.
    pub(super) until: Option<Vec<u8>>,
    pub(super) statistics: Statistics,
}

impl Pending {
    /// The request to a store.
    pub(super) fn want(&self, limits: &Limits) -> Want {
        Want {
            path: self.path.clone(),
            span: Span::Range {
                offset: self.extent.offset,
                length: self.extent.length,
            },
            max_bytes: limits.max_node_bytes,
        }
    }

    /// The fault to report if the node cannot be read, or differs from what its parent says.
    pub(super) fn fault(&self, error: Error, lost: bool) -> NodeFault {
        NodeFault {
            error: error.in_file(&self.path),
            keys: (
                [self.prefix.as_slice(), &self.bounds.lower].concat(),
                self.until.clone(),
            ),
            lost,
        }
    }
}

/// What a node and everything that was read below it hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub(super) statistics: Statistics,
    /// Whether anything could not be read, so that the statistics cannot be compared.
    pub(super) damaged: bool,
}

impl Held {
    pub(super) fn of(node: &Pending) -> Self {
        let statistics = Statistics {
            tree_bytes: node.extent.length,
            ..Statistics::default()
        };
        Self {
            statistics,
            damaged: false,
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        let (own, more) = (&mut self.statistics, other.statistics);
        own.keys = own.keys.saturating_add(more.keys);
        own.tree_bytes = own.tree_bytes.saturating_add(more.tree_bytes);
        own.indirect_value_bytes = own
            .indirect_value_bytes
            .saturating_add(more.indirect_value_bytes);
        self.damaged |= other.damaged;
    }
}

/// The kind of a node that was read.
pub(super) enum Content {
    /// A leaf, whose entries were passed on.
    Leaf(Held),
    /// An interior node, and its children in order.
    Interior(VecDeque<Pending>),
}

/// Reads nodes one by one and passes their content to a visitor.
pub(super) struct Nodes<'a> {
    directory: &'a StorePath,
    limits: &'a Limits,
    pub(super) visitor: &'a mut dyn Visitor,
    count: u64,
    body_bytes: u64,
    paths_bytes: u64,
    key: Vec<u8>,
    spare: Spare,
    /// Whether the visitor stopped the walk.
    pub(super) stopped: bool,
}

impl<'a> Nodes<'a> {
    /// Nodes whose files have paths relative to `directory`.
    pub(super) fn new(
        directory: &'a StorePath,
        limits: &'a Limits,
        visitor: &'a mut dyn Visitor,
    ) -> Self {
        Self {
            directory,
            limits,
            visitor,
            count: 0,
            body_bytes: 0,
            paths_bytes: 0,
            key: Vec::new(),
            spare: Spare::default(),
            stopped: false,
        }
    }

    /// The limits for reading them.
    pub(super) const fn limits(&self) -> &'a Limits {
        self.limits
    }

    /// Reads a node, passes on the entries of a leaf and returns the children of an interior node.
    pub(super) fn read(&mut self, node: &Pending, bytes: &Bytes) -> Result<Content> {
        self.count = self.count.saturating_add(1);
        if self.count > self.limits.max_nodes {
            return Err(over(self.limits.max_nodes, "nodes"));
        }
        let at = Offset::File(node.extent.offset);
        let content = envelope::Content::BtreeNode;
        let body = envelope::open_in(&self.spare, bytes, content, at, self.limits)?;
        self.body_bytes = self.body_bytes.saturating_add(to_u64(body.length()));
        if self.body_bytes > self.limits.max_total_node_bytes {
            return Err(over(self.limits.max_total_node_bytes, "decompressed bytes"));
        }
        let decoded = Node::decode(&body, node.base.clone(), node.height)?;
        self.visitor.node(node.extent);
        match &decoded.entries {
            Entries::Leaf(leaf) => self.leaf(node, leaf, &decoded.files).map(Content::Leaf),
            Entries::Interior(interior) => self
                .children(node, interior, &decoded.files)
                .map(Content::Interior),
        }
    }

    fn leaf(&mut self, node: &Pending, leaf: &Leaf<'_>, table: &DataFileTable<'_>) -> Result<Held> {
        let mut files = Vec::new();
        self.each_file(table, |_, number| files.push(number))?;
        let mut held = Held::of(node);
        let (key, visitor, stopped) = (&mut self.key, &mut self.visitor, &mut self.stopped);
        leaf.visit(&node.bounds, |own, value| {
            if *stopped {
                return Ok(());
            }
            let statistics = &mut held.statistics;
            statistics.keys = statistics.keys.saturating_add(1);
            let value = match value {
                values::Value::Inline(bytes) => Value::Inline(bytes),
                values::Value::Indirect(reference) => {
                    statistics.indirect_value_bytes = statistics
                        .indirect_value_bytes
                        .saturating_add(reference.length);
                    Value::Stored(extent(reference, &files)?)
                }
            };
            let flow = if node.prefix.is_empty() {
                visitor.entry(own, value)
            } else {
                key.clear();
                key.extend_from_slice(&node.prefix);
                key.extend_from_slice(own);
                visitor.entry(key, value)
            };
            *stopped = flow.is_break();
            Ok(())
        })?;
        Ok(held)
    }

    /// The children of an interior node, in order.
    fn children(
        &mut self,
        node: &Pending,
        interior: &Interior<'_>,
        table: &DataFileTable<'_>,
    ) -> Result<VecDeque<Pending>> {
        let mut files = Vec::new();
        self.each_file(table, |file, number| files.push((file, number)))?;
        let numbers: Vec<usize> = files.iter().map(|(_, number)| *number).collect();
        let mut children: VecDeque<Pending> = VecDeque::new();
        let mut room = self.limits.max_node_bytes;
        interior.visit(&node.bounds, |key, child| {
            room = room
                .checked_sub(to_u64(key.len()))
                .ok_or_else(|| over(self.limits.max_node_bytes, "bytes of keys in one node"))?;
            let stripped = key.len().saturating_sub(child.bounds.lower.len());
            let prefix = [&node.prefix, key.get(..stripped).unwrap_or_default()].concat();
            if let Some(before) = children.back_mut() {
                before.until = Some([&node.prefix, key].concat());
            }
            let place = usize::try_from(child.reference.file).unwrap_or(usize::MAX);
            let (file, _) = files.get(place).ok_or_else(|| no_file(child.reference))?;
            children.push_back(Pending {
                extent: extent(child.reference, &numbers)?,
                path: self.directory.join(file.path.as_str())?,
                base: file.base.clone(),
                height: node.height.saturating_sub(1),
                bounds: child.bounds,
                prefix,
                until: node.until.clone(),
                statistics: child.statistics,
            });
            Ok(())
        })?;
        Ok(children)
    }

    /// Passes on every file of a table, and notes the number that the visitor gives it.
    fn each_file(
        &mut self,
        table: &DataFileTable<'_>,
        mut show: impl FnMut(DataFile, usize),
    ) -> Result<()> {
        let mut next = 0;
        while next < table.count() {
            let end = table.count().min(next.saturating_add(PATHS_AT_ONCE));
            for file in table.resolve(next..end, self.limits)?.into_values() {
                let path = self.directory.join(file.path.as_str())?;
                self.paths_bytes = self.paths_bytes.saturating_add(to_u64(path.as_str().len()));
                if self.paths_bytes > MAX_PATHS_BYTES {
                    return Err(over(MAX_PATHS_BYTES, "bytes of data file paths"));
                }
                show(file, self.visitor.file(path));
            }
            next = end;
        }
        Ok(())
    }
}

fn extent(reference: Reference, files: &[usize]) -> Result<Extent> {
    let place = usize::try_from(reference.file).unwrap_or(usize::MAX);
    let file = files.get(place).ok_or_else(|| no_file(reference))?;
    Ok(Extent {
        file: *file,
        offset: reference.offset,
        length: reference.length,
    })
}

fn no_file(reference: Reference) -> Error {
    let reason = format!("data file {} is not in the table", reference.file);
    Error::new(ErrorKind::Malformed, reason)
}
