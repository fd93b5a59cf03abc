//! Databases to read, and how to read them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use orbscan_core::error::Result;
use orbscan_core::limits::Limits;
use orbscan_core::path::StorePath;
use orbscan_core::reader::ocdbt_lookup::{Answer, Found, lookup};
use orbscan_core::store::memory::MemoryStore;
use orbscan_core::testing::database_writer::DatabaseWriter;

pub type Entries = BTreeMap<Vec<u8>, Vec<u8>>;

pub const FIXTURES: [&str; 9] = [
    "small",
    "plain",
    "tall",
    "numbered",
    "generations",
    "merged",
    "grafted",
    "empty",
    "odd_keys",
];

pub fn path(text: &str) -> StorePath {
    StorePath::new(text).unwrap()
}

/// Puts all files under `folder` into `store`, under `at`.
pub fn load(folder: &Path, at: &StorePath, store: &mut MemoryStore) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = at.join(entry.file_name().to_str().unwrap()).unwrap();
        if entry.file_type().unwrap().is_dir() {
            load(&entry.path(), &name, store);
        } else {
            store.insert(name, fs::read(entry.path()).unwrap());
        }
    }
}

pub fn unhex(text: &str) -> Vec<u8> {
    let digits = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digits).collect()
}

/// A database that tensorstore wrote, in the directory `db`, and what tensorstore reads from it.
pub fn fixture(name: &str) -> (MemoryStore, Entries) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/ocdbt");
    let mut store = MemoryStore::new();
    load(&folder.join(name), &path("db"), &mut store);
    let expected = fs::read_to_string(folder.join(format!("{name}.expected"))).unwrap();
    let entry = |line: &str| {
        let (key, value) = line.split_once(' ').unwrap();
        (unhex(key), unhex(value))
    };
    (store, expected.lines().map(entry).collect())
}

pub fn find<K: AsRef<[u8]>>(store: &MemoryStore, keys: &[K]) -> Result<Found> {
    lookup(store, &path("db"), keys, &Limits::default())
}

pub fn value(answer: &Answer) -> Option<&[u8]> {
    answer
        .as_ref()
        .map(|value| value.as_ref().unwrap().as_ref())
}

/// Every key, and keys close to it.
pub fn keys_and_neighbours(entries: &Entries) -> Vec<Vec<u8>> {
    let mut keys: Vec<Vec<u8>> = vec![Vec::new(), vec![0xff; 9]];
    for key in entries.keys() {
        keys.push(key.clone());
        keys.push([key.as_slice(), &[0]].concat());
        keys.push(key[..key.len().saturating_sub(1)].to_vec());
        if let Some((last, rest)) = key.split_last() {
            keys.push([rest, &[last.wrapping_sub(1), 0xff]].concat());
        }
    }
    keys
}

pub fn assert_reads(store: &MemoryStore, entries: &Entries, keys: &[Vec<u8>]) {
    let found = find(store, keys).unwrap();
    for (key, answer) in keys.iter().zip(&found.values) {
        let expected = entries.get(key).map(Vec::as_slice);
        assert_eq!(value(answer), expected, "{}", key.escape_ascii());
    }
}

pub fn written(writer: &DatabaseWriter, entries: &Entries) -> MemoryStore {
    let mut store = MemoryStore::new();
    writer.write(entries, &path("db"), &mut store);
    store
}

/// Documents and chunks, as Orbax names them.
pub fn chunk_keys(arrays: usize, chunks: usize) -> Entries {
    let mut entries = Entries::new();
    for array in 0..arrays {
        let name = format!("params.layer_{array:03}.kernel");
        entries.insert(
            format!("{name}/.zarray").into_bytes(),
            format!("document {array}").into_bytes(),
        );
        for chunk in 0..chunks {
            entries.insert(format!("{name}/{chunk}.0").into_bytes(), vec![7; 20]);
        }
    }
    entries
}
