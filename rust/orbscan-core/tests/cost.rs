//! What reading a checkpoint may cost, counted: a cost that grows by mistake fails here.

use std::sync::Arc;

use orbscan_core::path::StorePath;
use orbscan_core::reader::{Options, Recall, Selection, read_header, read_pytree};
use orbscan_core::record::LeafTable;
use orbscan_core::store::Store;
use orbscan_core::store::memory::MemoryStore;
use orbscan_core::testing::checkpoint_writer::CheckpointWriter;
use orbscan_core::testing::counting_store::{CountingStore, Requests};

fn path(text: &str) -> StorePath {
    StorePath::new(text).unwrap()
}

fn checkpoint(leaves: usize, chunks: usize) -> MemoryStore {
    let mut store = MemoryStore::new();
    CheckpointWriter { leaves, chunks }.write(&path("7"), &mut store);
    store
}

fn read(store: &dyn Store) -> (Arc<LeafTable>, Requests) {
    read_with(store, &Options::default())
}

fn read_with(store: &dyn Store, options: &Options) -> (Arc<LeafTable>, Requests) {
    let counting = CountingStore::new(store);
    let mut read = read_pytree(
        &counting,
        &path("7"),
        Selection::Auto,
        options,
        &Recall::new(),
    )
    .unwrap();
    assert_eq!(read.issues, []);
    let table = read.items.pop().and_then(|item| item.table).unwrap();
    (table, counting.requests())
}

#[test]
fn requests_do_not_grow_with_leaves_or_chunks() {
    for (leaves, chunks) in [(1, 0), (10, 8), (1_000, 0), (1_000, 8)] {
        let (table, requests) = read(&checkpoint(leaves, chunks));
        assert_eq!(table.leaf_of.len(), leaves);
        let expected = Requests {
            lists: 1,
            stats: 0,
            // The files of the item; one B+tree node.
            waves: 2,
            fetches: 5,
            bytes: requests.bytes,
        };
        assert_eq!(requests, expected, "{leaves} leaves, {chunks} chunks");
    }
}

#[test]
fn what_is_not_wanted_is_not_asked_for() {
    let options = Options {
        without_shardings: true,
        ..Options::default()
    };
    let (table, requests) = read_with(&checkpoint(10, 8), &options);
    let mut leaves = table.leaves.iter();
    assert!(leaves.all(|leaf| leaf.sharding.is_none()));
    // The files of the item but one; one B+tree node.
    assert_eq!(requests.fetches, 4);
}

#[test]
fn no_byte_is_read_twice_and_none_that_is_not_needed() {
    let mut store = checkpoint(100, 8);
    let sizes = |store: &MemoryStore| -> u64 {
        store.files().map(|(_, content)| content.len() as u64).sum()
    };
    let needed = sizes(&store);
    // What a real checkpoint has besides.
    store.insert(path("7/state/array_metadatas/process_0"), vec![b' '; 9_999]);
    store.insert(
        path("7/state/d/0123456789abcdef0123456789abcdef"),
        vec![0; 9_999],
    );
    store.insert(path("7/commit_success.txt"), "done");
    let (_, requests) = read(&store);
    assert!(requests.bytes <= needed, "{} of {needed}", requests.bytes);
}

#[test]
fn what_stands_outside_the_trees_is_read_without_them() {
    let store = checkpoint(1_000, 8);
    let counting = CountingStore::new(&store);
    let read = read_header(&counting, &path("7"), "state", &Options::default()).unwrap();
    let names: Vec<Option<&str>> = read.items.iter().map(|item| item.name.as_deref()).collect();
    assert_eq!(
        (names.as_slice(), read.issues),
        (&[Some("state")][..], vec![])
    );
    assert!(read.items.iter().all(|item| item.table.is_none()));
    let requests = counting.requests();
    assert_eq!(
        (requests.lists, requests.fetches),
        (1, 1),
        "only `_CHECKPOINT_METADATA`"
    );
}

#[test]
fn what_repeats_is_one_row() {
    let (table, _) = read(&checkpoint(1_000, 1));
    assert_eq!(table.leaves.len(), 1);
    assert_eq!(table.arrays.len(), 1);
    assert_eq!(table.shardings.len(), 1);
    assert_eq!(table.write_shapes.len(), 1);
    // The two constant keys, and one for each layer.
    assert_eq!(table.tree.keys.len(), 1_002);
    assert_eq!(table.tree.nodes.len(), 2_002);
}
