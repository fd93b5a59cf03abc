//! What a read recalls changes its cost, never its answer.

use std::sync::Arc;

use orbscan_core::path::StorePath;
use orbscan_core::reader::{Options, Recall, Selection, read_pytree};
use orbscan_core::record::{Checkpoint, LeafTable, Place};
use orbscan_core::store::memory::MemoryStore;
use orbscan_core::testing::checkpoint_writer::CheckpointWriter;

fn path(text: &str) -> StorePath {
    StorePath::new(text).unwrap()
}

/// A run whose steps are alike.
fn run(steps: &[&str]) -> MemoryStore {
    let mut store = MemoryStore::new();
    let writer = CheckpointWriter {
        leaves: 3,
        chunks: 2,
    };
    for step in steps {
        writer.write(&path(step), &mut store);
    }
    store
}

fn read(store: &MemoryStore, step: &str, options: &Options, recall: &Recall) -> Checkpoint {
    read_pytree(store, &path(step), Selection::Auto, options, recall).unwrap()
}

fn table(checkpoint: &Checkpoint) -> &Arc<LeafTable> {
    checkpoint.items[0].table.as_ref().unwrap()
}

/// Reads step 2 after step 1, checks that the answer is that of a read alone, and gives whether the
/// two share a table.
fn shared(store: &MemoryStore) -> bool {
    let options = Options::default();
    let recall = Recall::new();
    let first = read(store, "1", &options, &recall);
    let second = read(store, "2", &options, &recall);
    let alone = read(store, "2", &options, &Recall::new());
    assert_eq!(format!("{second:?}"), format!("{alone:?}"));
    Arc::ptr_eq(table(&first), table(&second))
}

fn replace(store: &mut MemoryStore, file: &str, old: &str, new: &str) {
    let text = String::from_utf8(store.get(&path(file)).unwrap().to_vec()).unwrap();
    assert!(text.contains(old), "{text}");
    store.insert(path(file), text.replacen(old, new, 1));
}

#[test]
fn steps_of_a_run_share_one_table() {
    assert!(shared(&run(&["1", "2"])));
}

#[test]
fn a_single_read_remembers_nothing() {
    let store = run(&["1", "2"]);
    let (options, recall) = (Options::default(), Recall::none());
    let [first, second] = ["1", "2"].map(|step| read(&store, step, &options, &recall));
    assert_eq!(format!("{first:?}"), format!("{second:?}"));
    assert!(!Arc::ptr_eq(table(&first), table(&second)));
}

#[test]
fn a_step_with_other_values_shares_the_table() {
    let mut store = run(&["1"]);
    let writer = CheckpointWriter {
        leaves: 3,
        chunks: 5,
    };
    writer.write(&path("2"), &mut store);
    assert!(shared(&store));
}

#[test]
fn any_document_that_differs_makes_another_table() {
    for (file, old, new) in [
        ("2/state/_METADATA", "[2, 4]", "[2, 8]"),
        (
            "2/state/_METADATA",
            "\"use_zarr3\": true",
            "\"use_zarr3\": 1",
        ),
        ("2/state/_sharding", "AxisType.Auto", "AxisType.Manual"),
    ] {
        let mut store = run(&["1", "2"]);
        replace(&mut store, file, old, new);
        assert!(!shared(&store), "{file}: {new}");
    }
    let mut store = run(&["1", "2"]);
    store.remove(&path("2/state/_sharding"));
    assert!(!shared(&store));
}

#[test]
fn an_array_that_differs_makes_another_table() {
    let mut store = run(&["1", "2"]);
    let wider = |text: &str| text.replace("\"shape\":[8,8]", "\"shape\":[8,16]");
    let writer = CheckpointWriter {
        leaves: 3,
        chunks: 2,
    };
    let mut entries = writer.database();
    for (key, value) in &mut entries {
        if key.starts_with(b"params.layer_000001.kernel/zarr.json") {
            *value = wider(std::str::from_utf8(value).unwrap()).into_bytes();
        }
    }
    let database = orbscan_core::testing::database_writer::DatabaseWriter::default();
    database.write(&entries, &path("2/state"), &mut store);
    assert!(!shared(&store));
}

#[test]
fn key_types_are_looked_at_again() {
    let mut store = run(&["1", "2"]);
    let writer = CheckpointWriter {
        leaves: 3,
        chunks: 2,
    };
    let mut entries = writer.database();
    for value in entries.values_mut() {
        let text = String::from_utf8_lossy(value).replace("bfloat16", "uint32");
        *value = text.into_bytes();
    }
    let database = orbscan_core::testing::database_writer::DatabaseWriter::default();
    let key = |name| {
        format!(
            r#"{{"array_metadatas": [{{"array_metadata": {{"param_name": "params.layer_000001.kernel", "write_shape": [8, 8], "chunk_shape": [8, 8], "ext_metadata": {{"random_key_impl": "{name}"}}}}}}]}}"#
        )
    };
    for (step, name) in [("1", "threefry2x32"), ("2", "threefry2x32")] {
        database.write(&entries, &path(step).join("state").unwrap(), &mut store);
        let file = path(step).join("state/array_metadatas/process_0").unwrap();
        store.insert(file, key(name));
    }
    let read_alone = read(&store, "2", &Options::default(), &Recall::new());
    assert_eq!(table(&read_alone).prng_impls, ["threefry2x32"]);
    assert!(shared(&store));
    store.insert(path("2/state/array_metadatas/process_0"), key("rbg"));
    assert!(!shared(&store));
}

#[test]
fn other_options_are_other_reads() {
    let store = run(&["1"]);
    let recall = Recall::new();
    let rich = Options {
        rich_types: true,
        ..Options::default()
    };
    let first = read(&store, "1", &Options::default(), &recall);
    let second = read(&store, "1", &rich, &recall);
    let third = read(&store, "1", &Options::default(), &recall);
    assert!(!Arc::ptr_eq(table(&first), table(&second)));
    assert!(Arc::ptr_eq(table(&first), table(&third)));
}

#[test]
fn a_table_with_faults_is_not_recalled() {
    let mut store = run(&["1", "2"]);
    for step in ["1", "2"] {
        let file = format!("{step}/state/_METADATA");
        replace(&mut store, &file, "[2, 4]", "\"x\"");
    }
    let recall = Recall::new();
    for step in ["1", "2"] {
        let found = read(&store, step, &Options::default(), &recall);
        let [issue] = found.issues.as_slice() else {
            panic!("{:?}", found.issues)
        };
        let file = issue.file().unwrap();
        assert!(file.contains(&format!("{step}/state/_METADATA")), "{file}");
    }
}

#[test]
fn only_the_latest_items_are_recalled() {
    let mut store = run(&[]);
    for leaves in 1..=40 {
        let writer = CheckpointWriter { leaves, chunks: 0 };
        writer.write(&path(&leaves.to_string()), &mut store);
    }
    let options = Options::default();
    let recall = Recall::new();
    let tables: Vec<_> = (1..=40)
        .map(|step| read(&store, &step.to_string(), &options, &recall))
        .map(|checkpoint| Arc::downgrade(table(&checkpoint)))
        .collect();
    let kept = tables.iter().filter(|table| table.strong_count() > 0);
    assert_eq!(kept.count(), 32);
    let again = read(&store, "40", &options, &recall);
    assert!(std::ptr::eq(
        Arc::as_ptr(table(&again)),
        tables[39].as_ptr()
    ));
}

#[test]
fn arrays_that_lie_elsewhere_make_another_table() {
    let mut store = run(&["1"]);
    replace(&mut store, "1/state/_METADATA", "\"use_ocdbt\": true, ", "");
    let writer = CheckpointWriter {
        leaves: 3,
        chunks: 0,
    };
    for name in ["orbax.checkpoint", "_CHECKPOINT_METADATA"] {
        let text = store.get(&path("1").join(name).unwrap()).unwrap().to_vec();
        store.insert(path("2").join(name).unwrap(), text);
    }
    for name in ["_METADATA", "_sharding"] {
        let text = store.get(&path("1/state").join(name).unwrap()).unwrap();
        let text = text.to_vec();
        store.insert(path("2/state").join(name).unwrap(), text);
    }
    for (key, document) in writer.database() {
        let file = format!("2/state/{}", String::from_utf8(key).unwrap());
        store.insert(path(&file), document);
    }
    assert!(!shared(&store));
    let read = |step| read(&store, step, &Options::default(), &Recall::new());
    assert_eq!(table(&read("1")).places, [Place::Database]);
    assert_eq!(table(&read("2")).places, [Place::Files]);
    assert_eq!(table(&read("1")).arrays, table(&read("2")).arrays);
}
