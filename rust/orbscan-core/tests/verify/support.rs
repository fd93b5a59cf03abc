//! A checkpoint of three arrays that can be damaged in every part.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use orbscan_core::ocdbt::envelope::Content;
use orbscan_core::ocdbt::{Reference, Statistics};
use orbscan_core::path::StorePath;
use orbscan_core::store::memory::MemoryStore;
use orbscan_core::testing::checkpoint_writer::CheckpointWriter;
use orbscan_core::testing::database_writer::DatabaseWriter;
use orbscan_core::testing::ocdbt_writer::{
    File, LeafValue, Packing, VersionEntry, config, file_table, leaf_body, seal, varint, versions,
};
use orbscan_core::verify::report::{Finding, Report};
use orbscan_core::verify::{Level, Options, verify};

/// The checkpoint lies here in its store.
pub const ROOT: &str = "run/7";

/// Its pytree.
pub const ITEM: &str = "run/7/state";

/// Chunks of each array, of shape (8, 8) in chunks of (2, 4).
pub const CHUNKS: [(u64, u64); 8] = [
    (0, 0),
    (0, 1),
    (1, 0),
    (1, 1),
    (2, 0),
    (2, 1),
    (3, 0),
    (3, 1),
];

pub fn path(text: &str) -> StorePath {
    StorePath::new(text).unwrap()
}

/// The name of an array.
pub fn array(number: usize) -> String {
    format!("params.layer_{number:06}.kernel")
}

/// The key of a chunk.
pub fn key(number: usize, chunk: (u64, u64)) -> Vec<u8> {
    format!("{}/c/{}/{}", array(number), chunk.0, chunk.1).into_bytes()
}

/// The elements of a chunk, 16 bytes of bfloat16, compressed as the arrays say.
pub fn chunk(seed: u8) -> Vec<u8> {
    zstd::bulk::compress(&[seed; 16], 3).unwrap()
}

/// The entries of the database of an intact checkpoint.
pub fn entries(arrays: usize) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut entries = writer(arrays).database();
    for number in 0..arrays {
        for (place, at) in CHUNKS.into_iter().enumerate() {
            entries.insert(
                key(number, at),
                chunk(u8::try_from(number % 7 * 8 + place).unwrap()),
            );
        }
    }
    entries
}

fn writer(arrays: usize) -> CheckpointWriter {
    CheckpointWriter {
        leaves: arrays,
        chunks: 0,
    }
}

/// The documents of a checkpoint whose writer says that it stores every chunk.
pub fn documents(arrays: usize) -> MemoryStore {
    let mut store = MemoryStore::new();
    writer(arrays).write(&path(ROOT), &mut store);
    let tree = writer(arrays).tree_metadata();
    let all = r#""store_array_data_equal_to_fill_value": true, "use_ocdbt""#;
    store.insert(
        path(&format!("{ITEM}/_METADATA")),
        tree.replace(r#""use_ocdbt""#, all),
    );
    store
}

/// A checkpoint over these entries, with values of more than `inline` bytes in a data file.
pub fn with_entries(
    arrays: usize,
    entries: &BTreeMap<Vec<u8>, Vec<u8>>,
    inline: usize,
    fan_out: usize,
) -> MemoryStore {
    let mut store = documents(arrays);
    let database = DatabaseWriter {
        base: "ocdbt.process_0/".to_owned(),
        max_inline_value_bytes: inline,
        fan_out,
        ..DatabaseWriter::default()
    };
    for name in ["d/nodes", "d/values"] {
        store.remove(&path(&format!("{ITEM}/{name}")));
    }
    database.write(entries, &path(ITEM), &mut store);
    store
}

/// An intact checkpoint with its chunks in a data file.
pub fn intact() -> MemoryStore {
    with_entries(3, &entries(3), 0, 1 << 20)
}

/// The data file of the values of [`intact`].
pub fn values() -> StorePath {
    path(&format!("{ITEM}/ocdbt.process_0/d/values"))
}

/// A checkpoint whose database is a single leaf with exactly these references; the files are empty
/// but for `sizes`.
pub fn with_references(
    arrays: usize,
    entries: &BTreeMap<Vec<u8>, LeafValue>,
    sizes: &[(&str, usize)],
    statistics: Statistics,
) -> MemoryStore {
    let mut store = documents(arrays);
    for name in ["d/nodes", "d/values"] {
        store.remove(&path(&format!("{ITEM}/{name}")));
    }
    let file = |rest: &str| File {
        base: String::new(),
        rest: rest.to_owned(),
    };
    let files: Vec<File> = sizes.iter().map(|(name, _)| file(name)).collect();
    let entries: Vec<_> = entries
        .iter()
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect();
    let node = seal(
        Content::BtreeNode,
        &leaf_body(&files, &entries),
        Packing::Zstd,
    );
    let statistics = Statistics {
        tree_bytes: node.len() as u64,
        ..statistics
    };
    let mut manifest = config(0);
    file_table(&mut manifest, &[file("d/root")]);
    let root = Reference {
        file: 0,
        offset: 0,
        length: node.len() as u64,
    };
    let version = VersionEntry {
        generation: 1,
        height: 0,
        root,
        statistics,
        commit_time_nsecs: 5,
    };
    versions(&mut manifest, &[version]);
    varint(&mut manifest, 0);
    let manifest = seal(Content::Manifest, &manifest, Packing::Zstd);
    store.insert(path(&format!("{ITEM}/manifest.ocdbt")), manifest);
    store.insert(path(&format!("{ITEM}/d/root")), node);
    for (name, size) in sizes {
        store.insert(path(&format!("{ITEM}/{name}")), vec![0; *size]);
    }
    store
}

/// The checkpoint at a level.
pub fn checked(store: &MemoryStore, level: Level) -> Report {
    let options = Options {
        level,
        ..Options::default()
    };
    let mut report = verify(store, &path(ROOT), &options, None, &mut |_| {
        ControlFlow::Continue(())
    })
    .unwrap();
    report.findings.retain(is_of_the_test);
    report
}

/// A chunk that a test takes away leaves its bytes in the data file, and a database that it writes again
/// the nodes of the first.
fn is_of_the_test(finding: &Finding) -> bool {
    finding.code.name() != "bytes-surplus"
}

/// The names of the codes of all findings.
pub fn codes(report: &Report) -> Vec<&'static str> {
    report
        .findings
        .iter()
        .filter(|finding| is_of_the_test(finding))
        .map(|finding| finding.code.name())
        .collect()
}

/// The one finding of a code.
pub fn the<'r>(report: &'r Report, code: &str) -> &'r Finding {
    let mut found = report
        .findings
        .iter()
        .filter(|finding| finding.code.name() == code);
    let one = found
        .next()
        .unwrap_or_else(|| panic!("no {code} in {:?}", report.findings));
    assert!(found.next().is_none(), "more than one {code}");
    one
}

/// The names of the lost leaves.
pub fn lost(report: &Report) -> Vec<String> {
    report
        .lost_leaves
        .iter()
        .map(|(_, name)| name.clone())
        .collect()
}
