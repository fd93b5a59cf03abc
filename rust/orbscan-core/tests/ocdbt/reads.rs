//! What a whole database gives, and what it costs.

use orbscan_core::error::Offset;
use orbscan_core::limits::Limits;
use orbscan_core::ocdbt::data_files::DataFile;
use orbscan_core::ocdbt::envelope::{self, Content};
use orbscan_core::ocdbt::generations::Arity;
use orbscan_core::ocdbt::manifest::Manifest;
use orbscan_core::ocdbt::version_node::{VersionEntries, VersionNode};
use orbscan_core::ocdbt::version_tree::VersionNodeReference;
use orbscan_core::ocdbt::{Reference, Statistics};
use orbscan_core::store::memory::MemoryStore;
use orbscan_core::testing::database_writer::DatabaseWriter;
use orbscan_core::testing::ocdbt_writer::{
    ChildEntry, File, LeafValue, Packing, VersionEntry, config, file_table, interior_body,
    leaf_body, seal, varint, versions,
};

use crate::support::*;

#[test]
fn databases_of_tensorstore_read_as_tensorstore_reads_them() {
    for name in FIXTURES {
        let (store, entries) = fixture(name);
        assert_reads(&store, &entries, &keys_and_neighbours(&entries));
        // One at a time, the way down the tree is another.
        for key in entries.keys() {
            assert_reads(&store, &entries, std::slice::from_ref(key));
        }
    }
}

/// The generations under a version tree node, oldest first.
fn generations_under(
    store: &MemoryStore,
    arity: Arity,
    node: &VersionNodeReference,
    file: &DataFile,
) -> Vec<u64> {
    let limits = Limits::default();
    let (start, length) = (node.reference.offset, node.reference.length);
    let content = store
        .get(&path("db").join(file.path.as_str()).unwrap())
        .unwrap();
    let range = usize::try_from(start).unwrap()..usize::try_from(start + length).unwrap();
    let bytes = content.slice(range);
    let body = envelope::open(&bytes, Content::VersionNode, Offset::File(start), &limits).unwrap();
    let decoded = VersionNode::decode(&body, file.base.clone(), arity, node).unwrap();
    match decoded.entries {
        VersionEntries::Leaf(versions) => {
            versions.iter().map(|version| version.generation).collect()
        }
        VersionEntries::Interior(nodes) => {
            let ids = nodes.iter().map(|node| node.reference.file);
            let files = decoded.files.resolve(ids, &limits).unwrap();
            let under = |node: &VersionNodeReference| {
                generations_under(store, arity, node, &files[&node.reference.file])
            };
            nodes.iter().flat_map(under).collect()
        }
    }
}

#[test]
fn the_version_tree_leads_to_every_generation() {
    let (store, _) = fixture("generations");
    let bytes = store.get(&path("db/manifest.ocdbt")).unwrap();
    let manifest = Manifest::decode(bytes, &Limits::default()).unwrap();
    let state = manifest.state.unwrap();
    let arity = manifest.config.version_tree_arity;
    assert!(state.version_tree.iter().any(|(node, _)| node.height > 1));
    let mut generations: Vec<u64> = state
        .version_tree
        .iter()
        .flat_map(|(node, file)| generations_under(&store, arity, node, file.as_ref().unwrap()))
        .collect();
    generations.extend(state.versions.iter().map(|version| version.generation));
    assert_eq!(generations, (1..=state.generation()).collect::<Vec<_>>());
}

#[test]
fn keys_may_come_in_any_order_and_twice() {
    let (store, entries) = fixture("tall");
    let mut keys: Vec<_> = entries.keys().rev().cloned().collect();
    keys.extend(entries.keys().step_by(3).cloned());
    assert_reads(&store, &entries, &keys);
}

#[test]
fn only_nodes_that_can_hold_a_wanted_key_are_read() {
    let entries = chunk_keys(20, 500);
    let writer = DatabaseWriter {
        fan_out: 50,
        ..DatabaseWriter::default()
    };
    let store = written(&writer, &entries);
    let all: Vec<_> = entries.keys().cloned().collect();
    let everything = find(&store, &all).unwrap().cost;
    assert_eq!((everything.waves, everything.nodes), (3, 201 + 5 + 1));

    let documents: Vec<_> = all
        .iter()
        .filter(|key| key.ends_with(b".zarray"))
        .cloned()
        .collect();
    let found = find(&store, &documents).unwrap();
    assert!(found.values.iter().all(Option::is_some));
    assert_eq!((found.cost.waves, found.cost.nodes), (3, 20 + 4 + 1));
    assert_eq!(found.cost.values, 0);

    let one = find(&store, &documents[..1]).unwrap().cost;
    assert_eq!((one.waves, one.nodes), (3, 3));
    let absent = find(&store, &[b"params.layer_019.kernel/zebra"])
        .unwrap()
        .cost;
    assert_eq!((absent.waves, absent.nodes), (3, 3));
    // Less than every key, or without the prefix that all keys of a subtree share.
    for outside in ["a", "params.layer_0\0", "zebra"] {
        let cost = find(&store, &[outside]).unwrap().cost;
        assert_eq!((cost.waves, cost.nodes), (1, 1), "{outside}");
    }
    assert_eq!(find::<&[u8]>(&store, &[]).unwrap().cost.waves, 0);
}

#[test]
fn values_outside_the_nodes_take_one_more_wave() {
    let entries = chunk_keys(3, 10);
    let writer = DatabaseWriter {
        max_inline_value_bytes: 0,
        ..DatabaseWriter::default()
    };
    let keys: Vec<_> = entries.keys().cloned().collect();
    let found = find(&written(&writer, &entries), &keys).unwrap();
    assert_eq!(
        (found.cost.waves, found.cost.nodes, found.cost.values),
        (2, 1, 33)
    );
    let bytes: usize = entries.values().map(Vec::len).sum();
    assert_eq!(found.cost.value_bytes, u64::try_from(bytes).unwrap());
}

#[test]
fn the_greatest_numbered_manifest_counts() {
    let (mut store, entries) = fixture("numbered");
    let keys: Vec<_> = entries.keys().cloned().collect();
    for ignored in [
        "manifest.00000000000000FF",
        "manifest.0000000000000000",
        "manifest.ff",
        "manifest.00000000000000ff~",
    ] {
        store.insert(path(&format!("db/{ignored}")), "not a manifest");
    }
    store.insert_directory(path("db/manifest.00000000000000fe"));
    assert_reads(&store, &entries, &keys);

    let newest = store
        .get(&path("db/manifest.0000000000000004"))
        .unwrap()
        .clone();
    store.insert(path("db/manifest.0000000000000009"), newest);
    let error = find(&store, &keys).unwrap_err();
    assert_eq!(error.file(), Some("db/manifest.0000000000000009"));
    assert_eq!(error.reason(), "holds generation 4, its name says 9");

    let (other, _) = fixture("small");
    let foreign = other.get(&path("db/manifest.ocdbt")).unwrap().clone();
    store.insert(path("db/manifest.0000000000000009"), foreign);
    let error = find(&store, &keys).unwrap_err();
    assert_eq!(
        error.reason(),
        "its configuration is not that of manifest.ocdbt"
    );
}

#[test]
fn without_numbered_manifests_the_database_is_empty() {
    let (store, entries) = fixture("numbered");
    let mut alone = MemoryStore::new();
    let manifest = path("db/manifest.ocdbt");
    alone.insert(manifest.clone(), store.get(&manifest).unwrap().clone());
    let keys: Vec<_> = entries.keys().cloned().collect();
    assert_reads(&alone, &Entries::new(), &keys);
}

/// A database whose root has two children, at `a` and `b`, that are the same leaf, in which two keys
/// lead to the same value.
fn shared() -> MemoryStore {
    let file = |rest: &str| File {
        base: String::new(),
        rest: rest.to_owned(),
    };
    let value = Reference {
        file: 0,
        offset: 1,
        length: 3,
    };
    let entries = [b"x", b"y"].map(|key| (key.to_vec(), LeafValue::Indirect(value)));
    let leaf_node = leaf_body(&[file("d/values")], &entries);
    let mut nodes = seal(Content::BtreeNode, &leaf_node, Packing::Plain);
    let leaf = Reference {
        file: 0,
        offset: 0,
        length: u64::try_from(nodes.len()).unwrap(),
    };
    let children = [b"a", b"b"].map(|key| ChildEntry {
        key: key.to_vec(),
        stripped: 1,
        reference: leaf,
        statistics: Statistics::default(),
    });
    let root_node = interior_body(1, &[file("d/nodes")], &children);
    let root = seal(Content::BtreeNode, &root_node, Packing::Plain);
    let version = VersionEntry {
        generation: 1,
        height: 1,
        root: Reference {
            file: 0,
            offset: leaf.length,
            length: u64::try_from(root.len()).unwrap(),
        },
        statistics: Statistics::default(),
        commit_time_nsecs: 1,
    };
    nodes.extend(root);
    let mut manifest = config(0);
    file_table(&mut manifest, &[file("d/nodes")]);
    versions(&mut manifest, &[version]);
    varint(&mut manifest, 0);
    let mut store = MemoryStore::new();
    store.insert(path("db/d/nodes"), nodes);
    store.insert(path("db/d/values"), "<one>");
    let manifest = seal(Content::Manifest, &manifest, Packing::Plain);
    store.insert(path("db/manifest.ocdbt"), manifest);
    store
}

#[test]
fn what_hangs_in_two_places_is_fetched_once() {
    let found = find(&shared(), &["ax", "ay", "az", "bx", "x"]).unwrap();
    let values: Vec<_> = found.values.iter().map(value).collect();
    let one = Some(&b"one"[..]);
    assert_eq!(values, [one, one, None, one, None]);
    let cost = found.cost;
    assert_eq!((cost.waves, cost.nodes, cost.values), (3, 2, 1));
}

#[test]
fn a_few_documents_do_not_keep_a_large_node_alive() {
    let entries = chunk_keys(1, 2_000);
    let store = written(&DatabaseWriter::default(), &entries);
    let document = entries
        .keys()
        .find(|key| key.ends_with(b".zarray"))
        .unwrap();
    let answer = find(&store, &[document]).unwrap().values.remove(0);
    // Nothing else holds what the answer is a part of, so it can be taken as it is.
    let owned = answer.unwrap().unwrap().try_into_mut().unwrap();
    assert!(owned.capacity() < 100, "{}", owned.capacity());
}
