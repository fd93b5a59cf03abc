//! What a damaged database gives: errors that name the file and the byte, and all that is whole.

use orbscan_core::error::{ErrorKind, Offset};
use orbscan_core::limits::Limits;
use orbscan_core::reader::ocdbt_lookup::lookup;
use orbscan_core::store::memory::MemoryStore;
use orbscan_core::testing::database_writer::DatabaseWriter;
use orbscan_core::testing::ocdbt_writer::Packing;

use crate::support::*;

#[test]
fn every_prefix_and_every_flipped_bit_of_a_manifest_is_an_error() {
    for name in FIXTURES {
        let (mut store, _) = fixture(name);
        let manifest = path("db/manifest.ocdbt");
        let good = store.get(&manifest).unwrap().clone();
        for end in 0..good.len() {
            store.insert(manifest.clone(), good.slice(..end));
            let error = find(&store, &[b"k"]).unwrap_err();
            assert_eq!(
                error.kind(),
                ErrorKind::Malformed,
                "{name}, {end} bytes: {error}"
            );
            assert_eq!(error.file(), Some("db/manifest.ocdbt"));
            assert!(error.offset().is_some());
        }
        for (bit, damaged) in flipped(&good) {
            store.insert(manifest.clone(), damaged);
            let error = find(&store, &[b"k"]).unwrap_err();
            assert!(error.offset().is_some(), "{name}, bit {bit}: {error}");
        }
    }
}

fn flipped(bytes: &[u8]) -> impl Iterator<Item = (usize, Vec<u8>)> {
    (0..bytes.len() * 8).map(|bit| {
        let mut damaged = bytes.to_vec();
        damaged[bit / 8] ^= 1 << (bit % 8);
        (bit, damaged)
    })
}

#[test]
fn every_flipped_bit_of_a_node_is_an_error_in_its_data_file() {
    for name in ["small", "plain", "odd_keys"] {
        let (store, entries) = fixture(name);
        let keys: Vec<_> = entries.keys().cloned().collect();
        let file = store
            .files()
            .map(|(path, _)| path)
            .find(|path| path.as_str().contains("/d/"));
        let file = file.unwrap().clone();
        let good = store.get(&file).unwrap().clone();
        let mut damaged_store = store.clone();
        let mut refused = 0;
        for (bit, damaged) in flipped(&good) {
            damaged_store.insert(file.clone(), damaged);
            let answers = match find(&damaged_store, &keys) {
                Ok(found) => found.values,
                Err(error) => vec![Some(Err(error))],
            };
            let errors: Vec<_> = answers
                .iter()
                .filter_map(|answer| answer.as_ref()?.as_ref().err())
                .collect();
            refused += usize::from(!errors.is_empty());
            for error in errors {
                assert_eq!(
                    error.file(),
                    Some(file.as_str()),
                    "{name}, bit {bit}: {error}"
                );
                assert!(error.offset().is_some(), "{name}, bit {bit}: {error}");
            }
        }
        // What is not refused are bits of values outside the nodes, and of abandoned nodes.
        assert!(refused > 95 * 8, "{name}: {refused}");
    }
}

/// Three levels, four leaves of two keys each.
fn tall() -> (MemoryStore, Entries) {
    let entries: Entries = (0..8).map(|key| (vec![b'a' + key], vec![key; 3])).collect();
    let writer = DatabaseWriter {
        fan_out: 2,
        packing: Packing::Plain,
        ..DatabaseWriter::default()
    };
    (written(&writer, &entries), entries)
}

/// Changes the byte at `at` of a file.
fn poke(store: &mut MemoryStore, file: &str, at: usize) {
    let file = path(file);
    let mut bytes = store.get(&file).unwrap().to_vec();
    bytes[at] ^= 1;
    store.insert(file, bytes);
}

#[test]
fn a_broken_leaf_fails_only_its_own_keys() {
    let (mut store, entries) = tall();
    // The first leaf follows the fourteen bytes that the writer begins with.
    poke(&mut store, "db/d/nodes", 14 + 20);
    let keys: Vec<_> = entries.keys().cloned().collect();
    let found = find(&store, &keys).unwrap();
    for (index, (answer, expected)) in found.values.iter().zip(entries.values()).enumerate() {
        match answer.as_ref().unwrap() {
            Ok(value) => assert!(index >= 2 && value == expected),
            Err(error) => {
                assert!(index < 2, "{error}");
                assert_eq!(error.kind(), ErrorKind::Checksum);
                assert_eq!(error.file(), Some("db/d/nodes"));
            }
        }
    }
    // Who does not ask for them does not learn of it.
    assert_reads(&store, &entries, &keys[2..]);
}

#[test]
fn a_broken_root_fails_the_lookup() {
    let (mut store, entries) = tall();
    let length = store.get(&path("db/d/nodes")).unwrap().len();
    poke(&mut store, "db/d/nodes", length - 10);
    let keys: Vec<_> = entries.keys().cloned().collect();
    let error = find(&store, &keys).unwrap_err();
    assert_eq!(
        (error.kind(), error.file()),
        (ErrorKind::Checksum, Some("db/d/nodes"))
    );
    assert_eq!(
        error.offset(),
        Some(Offset::File(u64::try_from(length - 4).unwrap()))
    );
}

#[test]
fn missing_and_cut_files_are_named() {
    let keys = [b"params.layer_0.kernel/.zarray"];
    let root_file = |store: &MemoryStore| {
        let mut files = store.files().map(|(path, _)| path.clone());
        files.find(|path| path.as_str().contains("/d/")).unwrap()
    };

    let error = find(&MemoryStore::new(), &keys).unwrap_err();
    assert_eq!(
        (error.kind(), error.file()),
        (ErrorKind::NotFound, Some("db/manifest.ocdbt"))
    );

    let (mut store, _) = fixture("plain");
    let file = root_file(&store);
    let good = store.remove(&file).unwrap();
    let error = find(&store, &keys).unwrap_err();
    assert_eq!(
        (error.kind(), error.file()),
        (ErrorKind::Malformed, Some(file.as_str()))
    );
    assert!(
        error
            .reason()
            .starts_with("data file missing, it holds a B+tree node"),
        "{error}"
    );

    store.insert(file.clone(), good.slice(..good.len() / 2));
    let error = find(&store, &keys).unwrap_err();
    assert_eq!(
        (error.kind(), error.file()),
        (ErrorKind::Malformed, Some(file.as_str()))
    );
    assert!(
        error
            .reason()
            .contains("bytes are wanted here, but the file has"),
        "{error}"
    );

    // Longer than needed is what a data file may be.
    store.insert(file.clone(), [good.as_ref(), b"more"].concat());
    assert!(find(&store, &keys).is_ok());

    store.remove(&file);
    store.insert_directory(file.clone());
    let error = find(&store, &keys).unwrap_err();
    assert_eq!(error.reason(), "is a directory, expected a file");
}

#[test]
fn the_missing_file_of_a_value_is_an_error_of_its_key() {
    let entries = chunk_keys(2, 2);
    let writer = DatabaseWriter {
        max_inline_value_bytes: 15,
        ..DatabaseWriter::default()
    };
    let mut store = written(&writer, &entries);
    store.remove(&path("db/d/values"));
    let keys: Vec<_> = entries.keys().cloned().collect();
    for (key, answer) in keys.iter().zip(find(&store, &keys).unwrap().values) {
        match answer.unwrap() {
            Ok(document) => assert_eq!(document, entries[key]),
            Err(error) => {
                assert!(!key.ends_with(b".zarray"));
                assert_eq!(
                    (error.kind(), error.file()),
                    (ErrorKind::Malformed, Some("db/d/values"))
                );
                assert!(error.reason().starts_with("data file missing"), "{error}");
            }
        }
    }
}

#[test]
fn git_lfs_pointers_are_called_by_their_name() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 12345\n";
    let (store, entries) = fixture("small");
    let keys: Vec<_> = entries.keys().cloned().collect();
    for (file, _) in store.files() {
        let mut store = store.clone();
        store.insert(file.clone(), pointer);
        let error = find(&store, &keys).unwrap_err();
        assert_eq!(error.file(), Some(file.as_str()));
        assert!(error.reason().contains("git-lfs pointer"), "{error}");
    }
}

#[test]
fn limits_stop_a_lookup() {
    let (store, entries) = tall();
    let keys: Vec<_> = entries.keys().cloned().collect();
    let limited = |limits: &Limits| lookup(&store, &path("db"), &keys, limits);
    let default = Limits::default;
    for limits in [
        Limits {
            max_nodes: 3,
            ..default()
        },
        Limits {
            max_total_node_bytes: 200,
            ..default()
        },
        Limits {
            max_node_bytes: 70,
            ..default()
        },
        Limits {
            max_path_bytes: 5,
            ..default()
        },
    ] {
        let errors = match limited(&limits) {
            Err(error) => vec![error],
            Ok(found) => found
                .values
                .into_iter()
                .filter_map(|answer| answer?.err())
                .collect(),
        };
        assert!(!errors.is_empty(), "{limits:?}");
        assert!(
            errors.iter().all(|error| error.kind() == ErrorKind::Limit),
            "{errors:?}"
        );
    }
    assert!(limited(&default()).is_ok());
}
