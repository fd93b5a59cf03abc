//! Every entry of an OCDBT database, in key order.
//!
//! A lookup reads the nodes that can hold a wanted key; a walk reads all of them, checks what a
//! lookup does not need (the statistics in parents), and continues if a node is damaged. It keeps
//! in memory only the nodes on the way down and a batch of their children.

mod levels;
mod nodes;

use std::collections::VecDeque;
use std::ops::ControlFlow;

use bytes::Bytes;

use super::ocdbt_faults::missing_data_file;
use super::ocdbt_lookup::Database;
use super::pointers;
use crate::cursor::to_u64;
use crate::error::{Error, ErrorKind, Offset, Result, counted};
use crate::limits::Limits;
use crate::ocdbt::Statistics;
use crate::ocdbt::keys::Bounds;
use crate::path::StorePath;
use crate::store::{Store, Want};
pub use levels::ask_ahead;
use nodes::{Content, Held, Nodes, Pending};

/// Nodes that are requested at once.
const BATCH_NODES: usize = 1_024;

/// Bytes of nodes that are requested at once, unless a single node is larger.
const BATCH_BYTES: u64 = 64 << 20;

/// The value of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// In the node: the value itself.
    Inline(&'a [u8]),
    /// In a data file.
    Stored(Extent),
}

impl Value<'_> {
    /// Its length in bytes.
    pub fn length(&self) -> u64 {
        match self {
            Self::Inline(bytes) => to_u64(bytes.len()),
            Self::Stored(extent) => extent.length,
        }
    }
}

/// Bytes of a data file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The number that the visitor gave the file.
    pub file: usize,
    /// Bytes before it in the file.
    pub offset: u64,
    /// Its length in bytes.
    pub length: u64,
}

impl Extent {
    /// Whether the two have a byte in common.
    pub const fn overlaps(&self, other: &Self) -> bool {
        self.file == other.file
            && self.offset < other.offset.saturating_add(other.length)
            && other.offset < self.offset.saturating_add(self.length)
    }
}

/// A node that cannot be read, or that differs from what its parent says.
#[derive(Clone, Debug)]
pub struct NodeFault {
    /// What is wrong; it names the file.
    pub error: Error,
    /// The keys that the node can hold: from the first one on, and less than the second if there is
    /// one.
    pub keys: (Vec<u8>, Option<Vec<u8>>),
    /// Whether its entries are lost. Otherwise only what its parent says about them is wrong.
    pub lost: bool,
}

/// Receives what a walk finds.
pub trait Visitor {
    /// A data file that a node refers to; returns the number that extents use for it. The same file
    /// may be passed again.
    fn file(&mut self, path: StorePath) -> usize;

    /// A node, before its entries.
    fn node(&mut self, extent: Extent);

    /// An entry of the database.
    fn entry(&mut self, key: &[u8], value: Value<'_>) -> ControlFlow<()>;

    /// A fault of a node. The walk continues after the node.
    fn node_fault(&mut self, fault: NodeFault);
}

/// Walks the database in `directory`, given the content of its `manifest.ocdbt`.
///
/// # Errors
/// Anything that prevents reading nodes at all, as [`Database::open`]; `Limit`.
pub fn walk(
    store: &dyn Store,
    directory: &StorePath,
    manifest: &Bytes,
    limits: &Limits,
    visitor: &mut dyn Visitor,
) -> Result<ControlFlow<()>> {
    let database = Database::open(store, directory, manifest, limits)?;
    let Some(mut root) = root_of(&database, directory)? else {
        return Ok(ControlFlow::Continue(()));
    };
    root.extent.file = visitor.file(root.path.clone());
    let walk = Walk {
        store,
        nodes: Nodes::new(directory, limits, visitor),
        open: Vec::new(),
    };
    walk.run(root)
}

/// The root of a database, if it has one, in a file that has no number yet.
fn root_of(database: &Database<'_>, directory: &StorePath) -> Result<Option<Pending>> {
    let Some((root, file)) = database.root() else {
        return Ok(None);
    };
    Ok(Some(Pending {
        extent: Extent {
            file: 0,
            offset: root.reference.offset,
            length: root.reference.length,
        },
        path: directory.join(file.path.as_str())?,
        base: file.base.clone(),
        height: root.height,
        bounds: Bounds::default(),
        prefix: Vec::new(),
        until: None,
        statistics: root.statistics,
    }))
}

/// A node that was read, but not all of its children.
struct Open {
    node: Pending,
    waiting: VecDeque<Pending>,
    fetched: VecDeque<(Pending, Result<Bytes>)>,
    held: Held,
}

/// A walk under way.
struct Walk<'a> {
    store: &'a dyn Store,
    nodes: Nodes<'a>,
    open: Vec<Open>,
}

impl Walk<'_> {
    fn run(mut self, root: Pending) -> Result<ControlFlow<()>> {
        let limits = self.nodes.limits();
        let bytes = self.store.fetch_one(root.want(limits));
        self.enter(root, bytes)?;
        // Children are one lower than their parents, so this loop ends, whatever the nodes say.
        while !self.nodes.stopped
            && let Some(top) = self.open.last_mut()
        {
            if top.fetched.is_empty() {
                fetch(self.store, limits, top);
            }
            match top.fetched.pop_front() {
                Some((node, bytes)) => self.enter(node, bytes)?,
                None => self.leave(),
            }
        }
        Ok(if self.nodes.stopped {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        })
    }

    /// Handles a node: passes on the entries of a leaf, opens an interior node.
    ///
    /// # Errors
    /// `Limit`.
    fn enter(&mut self, node: Pending, bytes: Result<Bytes>) -> Result<()> {
        let read = bytes
            .map_err(|error| missing_data_file(error, "it holds a B+tree node"))
            .and_then(|bytes| self.nodes.read(&node, &bytes));
        match read {
            Ok(Content::Leaf(held)) => self.close(&node, held),
            Ok(Content::Interior(waiting)) => self.open.push(Open {
                held: Held::of(&node),
                fetched: VecDeque::new(),
                waiting,
                node,
            }),
            Err(error) if error.kind() == ErrorKind::Limit => return Err(error),
            Err(error) => {
                self.nodes.visitor.node_fault(node.fault(error, true));
                let held = Held::of(&node);
                self.add_to_parent(Held {
                    damaged: true,
                    ..held
                });
            }
        }
        Ok(())
    }

    /// Leaves the innermost open node.
    fn leave(&mut self) {
        if let Some(open) = self.open.pop() {
            self.close(&open.node, open.held);
        }
    }

    /// Compares what a node holds with what its parent says.
    fn close(&mut self, node: &Pending, held: Held) {
        if !held.damaged && !self.nodes.stopped && held.statistics != node.statistics {
            let reason = format!(
                "holds {}, its parent says {}",
                shown(held.statistics),
                shown(node.statistics)
            );
            let error = Error::malformed(Offset::File(node.extent.offset), reason);
            self.nodes.visitor.node_fault(node.fault(error, false));
        }
        self.add_to_parent(held);
    }

    fn add_to_parent(&mut self, held: Held) {
        if let Some(parent) = self.open.last_mut() {
            parent.held.add(held);
        }
    }
}

fn fetch(store: &dyn Store, limits: &Limits, open: &mut Open) {
    let mut batch: Vec<Pending> = Vec::new();
    let mut bytes = 0_u64;
    while let Some(next) = open.waiting.front() {
        bytes = bytes.saturating_add(next.extent.length);
        if !batch.is_empty() && (bytes > BATCH_BYTES || batch.len() >= BATCH_NODES) {
            break;
        }
        batch.extend(open.waiting.pop_front());
    }
    if batch.is_empty() {
        return;
    }
    let wants: Vec<Want> = batch.iter().map(|node| node.want(limits)).collect();
    let mut fetched = store.fetch(&wants);
    pointers::remark(store, &wants, &mut fetched);
    open.fetched = batch.into_iter().zip(fetched).collect();
}

fn shown(statistics: Statistics) -> String {
    let Statistics {
        keys,
        tree_bytes,
        indirect_value_bytes,
    } = statistics;
    format!(
        "{} in {} of nodes and {} of values",
        counted(keys, "key", "keys"),
        counted(tree_bytes, "byte", "bytes"),
        counted(indirect_value_bytes, "byte", "bytes")
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::store::memory::MemoryStore;
    use crate::testing::counting_store::CountingStore;
    use crate::testing::database_writer::DatabaseWriter;

    /// Notes everything.
    #[derive(Default)]
    struct Notes {
        files: Vec<StorePath>,
        nodes: Vec<Extent>,
        entries: Vec<(Vec<u8>, u64)>,
        node_faults: Vec<NodeFault>,
        enough: usize,
    }

    impl Visitor for Notes {
        fn file(&mut self, path: StorePath) -> usize {
            if let Some(known) = self.files.iter().position(|file| *file == path) {
                return known;
            }
            self.files.push(path);
            self.files.len() - 1
        }

        fn node(&mut self, extent: Extent) {
            self.nodes.push(extent);
        }

        fn entry(&mut self, key: &[u8], value: Value<'_>) -> ControlFlow<()> {
            self.entries.push((key.to_vec(), value.length()));
            if self.entries.len() == self.enough {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        }

        fn node_fault(&mut self, fault: NodeFault) {
            self.node_faults.push(fault);
        }
    }

    const DIRECTORY: &str = "run/state";

    fn written(keys: usize, fan_out: usize) -> (MemoryStore, BTreeMap<Vec<u8>, Vec<u8>>) {
        let mut entries = BTreeMap::new();
        for number in 0..keys {
            let key = format!("layer_{:03}/{}", number / 7, number % 7);
            entries.insert(key.into_bytes(), vec![1; number % 40]);
        }
        let writer = DatabaseWriter {
            base: "ocdbt.process_0/".to_owned(),
            fan_out,
            max_inline_value_bytes: 16,
            ..DatabaseWriter::default()
        };
        let mut store = MemoryStore::new();
        writer.write(&entries, &StorePath::new(DIRECTORY).unwrap(), &mut store);
        (store, entries)
    }

    fn walked(store: &dyn Store, notes: &mut Notes) -> Result<ControlFlow<()>> {
        let directory = StorePath::new(DIRECTORY).unwrap();
        let manifest = directory.join("manifest.ocdbt").unwrap();
        let manifest = store.fetch_one(Want::whole(manifest, 1 << 20)).unwrap();
        walk(store, &directory, &manifest, &Limits::default(), notes)
    }

    #[test]
    fn every_entry_is_shown_once_and_in_order_and_every_node_is_read_once() {
        for (keys, fan_out) in [(0, 4), (3, 4), (100, 3), (500, 4), (500, 1 << 20)] {
            let (store, entries) = written(keys, fan_out);
            let counting = CountingStore::new(&store);
            let mut notes = Notes::default();
            assert!(walked(&counting, &mut notes).unwrap().is_continue());
            let expected: Vec<_> = entries
                .into_iter()
                .map(|(key, value)| (key, value.len() as u64))
                .collect();
            assert_eq!(notes.entries, expected, "{keys} {fan_out}");
            assert!(notes.node_faults.is_empty(), "{:?}", notes.node_faults);
            let reads = counting.requests().fetches - 1;
            assert_eq!(reads, notes.nodes.len() as u64);
            let mut places: Vec<u64> = notes.nodes.iter().map(|node| node.offset).collect();
            places.sort_unstable();
            places.dedup();
            assert_eq!(places.len(), notes.nodes.len());
        }
    }

    #[test]
    fn the_files_of_values_follow_the_base_of_their_node() {
        let (store, _) = written(40, 4);
        let mut notes = Notes::default();
        assert!(walked(&store, &mut notes).unwrap().is_continue());
        let mut files: Vec<&str> = notes.files.iter().map(StorePath::as_str).collect();
        files.sort_unstable();
        let expected = ["nodes", "values"].map(|n| format!("{DIRECTORY}/ocdbt.process_0/d/{n}"));
        assert_eq!(files, expected);
    }

    #[test]
    fn a_damaged_node_costs_its_own_keys_only() {
        let (mut store, entries) = written(100, 3);
        let mut sound = Notes::default();
        assert!(walked(&store, &mut sound).unwrap().is_continue());
        let path = StorePath::new("run/state/ocdbt.process_0/d/nodes").unwrap();
        // The fourth leaf in key order; interior nodes come before their leaves.
        let leaf = sound.nodes.iter().copied();
        let leaf = leaf
            .filter(|node| node.offset < sound.nodes[0].offset / 2)
            .nth(3)
            .unwrap();
        let mut bytes = store.get(&path).unwrap().to_vec();
        bytes[usize::try_from(leaf.offset).unwrap() + 20] ^= 1;
        store.insert(path.clone(), bytes);
        let mut notes = Notes::default();
        assert!(walked(&store, &mut notes).unwrap().is_continue());
        assert_eq!(notes.entries.len(), 97);
        // There is no fault about the statistics above it.
        let [fault] = notes.node_faults.as_slice() else {
            panic!("{:?}", notes.node_faults);
        };
        assert_eq!(fault.error.kind(), ErrorKind::Checksum);
        assert_eq!(fault.error.file(), Some(path.as_str()));
        assert!(fault.lost);
        let (from, until) = &fault.keys;
        let within = |key: &&Vec<u8>| *key >= from && until.as_ref().is_none_or(|end| *key < end);
        let lost: Vec<&Vec<u8>> = entries.keys().filter(within).collect();
        let found = |key: &&Vec<u8>| notes.entries.iter().any(|(known, _)| known == *key);
        assert_eq!(lost.len(), 3);
        assert!(!lost.iter().any(found));
    }

    #[test]
    fn a_visitor_that_has_enough_ends_the_walk() {
        let (store, _) = written(100, 3);
        let mut notes = Notes {
            enough: 5,
            ..Notes::default()
        };
        assert!(walked(&store, &mut notes).unwrap().is_break());
        assert_eq!(notes.entries.len(), 5);
        assert!(notes.node_faults.is_empty());
    }
}
