//! The level `structure`: what documents say, and which finding it becomes.

use std::collections::BTreeMap;

use orbscan_core::store::memory::MemoryStore;
use orbscan_core::verify::Level;
use orbscan_core::verify::report::Report;

use crate::support::*;

const CHECKPOINT_METADATA: &str = "run/7/_CHECKPOINT_METADATA";

/// Replaces `from`, which the file must hold, wherever it stands.
fn edit(store: &mut MemoryStore, file: &str, from: &str, to: &str) {
    let text = String::from_utf8(store.get(&path(file)).unwrap().to_vec()).unwrap();
    assert!(text.contains(from), "{from}");
    store.insert(path(file), text.replace(from, to));
}

/// What is found if the tree has these leaves, by keys and value type, besides an intact array.
fn with_tree(entries: &[(&[&str], &str)]) -> Report {
    checked(&with_leaves(entries, &with_unreadable()), Level::Structure)
}

/// A checkpoint of an intact array and of a leaf of these keys and that value type.
fn with_leaf(keys: &[&str], value_type: &str) -> MemoryStore {
    with_leaves(&[(keys, value_type)], &entries(1))
}

fn with_leaves(entries: &[(&[&str], &str)], stored: &BTreeMap<Vec<u8>, Vec<u8>>) -> MemoryStore {
    let mut store = with_entries(1, stored, 0, 4);
    for (keys, value_type) in entries {
        let key = |key: &&str| format!(r#"{{"key": "{key}", "key_type": 2}}"#);
        let name = spelled(keys);
        let is_empty = matches!(*value_type, "None" | "Dict" | "List" | "Tuple");
        let keys: Vec<String> = keys.iter().map(key).collect();
        let entry = format!(
            r#"{{"tree_metadata": {{"{name}": {{"key_metadata": [{}], "value_metadata": {{"value_type": "{value_type}", "skip_deserialize": {is_empty}}}}}, "#,
            keys.join(", ")
        );
        let tree = format!("{ITEM}/_METADATA");
        edit(&mut store, &tree, r#"{"tree_metadata": {"#, &entry);
    }
    store
}

/// What the entry of a leaf is called: the tuple of its keys.
fn spelled(keys: &[&str]) -> String {
    let quoted: Vec<String> = keys.iter().map(|key| format!("'{key}'")).collect();
    let comma = if keys.len() == 1 { "," } else { "" };
    format!("({}{comma})", quoted.join(", "))
}

/// One intact array, and two that nobody can read, `weights` and `handler`.
fn with_unreadable() -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut entries = entries(1);
    let document = entries[format!("{}/zarr.json", array(0)).as_bytes()].clone();
    let document = String::from_utf8(document).unwrap();
    let document = document.replace("bfloat16", "datetime64");
    for name in ["weights", "handler"] {
        entries.insert(
            format!("{name}/zarr.json").into_bytes(),
            document.clone().into(),
        );
    }
    entries
}

#[test]
fn an_unreadable_array_is_an_error_whatever_its_leaf_is_called() {
    for name in ["weights", "handler"] {
        let report = with_tree(&[(&[name], "np.ndarray")]);
        let finding = the(&report, "leaf-unreadable");
        assert_eq!(finding.leaf.as_deref(), Some(name));
        assert_eq!(lost(&report), [name]);
    }
}

#[test]
fn leaves_of_a_custom_handler_are_sound_and_told_once() {
    let report = with_tree(&[
        (&["weights"], "my.Type"),
        (&["handler"], "my.Type"),
        (&["other"], "Type"),
    ]);
    assert_eq!(codes(&report), ["leaf-unsupported", "leaf-unsupported"]);
    assert!(report.is_ok());
    assert!(
        report.findings[1].reason.ends_with("so for 1 more leaf"),
        "{report:?}"
    );
    assert!(lost(&report).is_empty());
}

#[test]
fn a_leaf_called_write_shape_has_the_faults_of_any_leaf() {
    for name in ["weights", "write_shape"] {
        let report = with_tree(&[(&[name], "string"), (&[name, "below"], "string")]);
        let reason = &the(&report, "document").reason;
        assert!(reason.contains("other leaves lie below it"), "{reason}");
    }
}

#[test]
fn a_write_shape_that_is_none_is_told_as_one() {
    let mut store = documents(1);
    let tree = format!("{ITEM}/_METADATA");
    edit(
        &mut store,
        &tree,
        r#""write_shape": [2, 4]"#,
        r#""write_shape": "ab""#,
    );
    let report = checked(&store, Level::Structure);
    assert_eq!(codes(&report), ["write-shape"]);
}

#[test]
fn a_fault_of_leaves_that_agree_is_told_once_and_names_the_first() {
    let mut store = documents(4);
    let file = format!("{ITEM}/_sharding");
    edit(&mut store, &file, "[4, 2]", "[3, 2]");
    let report = checked(&store, Level::Structure);
    let finding = the(&report, "sharding-mismatch");
    assert_eq!(finding.leaf, Some(array(0)));
    assert!(
        finding.reason.ends_with("; so for 3 more leaves"),
        "{finding:?}"
    );
}

#[test]
fn what_the_reader_refuses_is_an_error_and_what_it_tolerates_is_none() {
    for (text, code) in [
        ("{", "checkpoint-metadata"),
        ("[1]", "layout"),
        (r#"{"custom_metadata": {"a": 1}, "other": 2}"#, "layout"),
    ] {
        let mut store = documents(1);
        store.insert(path(CHECKPOINT_METADATA), text);
        let report = checked(&store, Level::Structure);
        assert_eq!(codes(&report), [code], "{text}");
        assert_eq!(report.is_ok(), code == "checkpoint-metadata", "{text}");
    }
    let mut store = documents(1);
    store.remove(&path(CHECKPOINT_METADATA));
    store.insert_directory(path(CHECKPOINT_METADATA));
    let report = checked(&store, Level::Structure);
    assert_eq!(codes(&report), ["checkpoint-metadata"]);
}

#[test]
fn a_directory_called_like_a_document_is_none() {
    let mut store = documents(1);
    for name in ["metadata", "metrics"] {
        store.insert_directory(path(&format!("run/7/dataset/{name}")));
    }
    assert_eq!(codes(&checked(&store, Level::Structure)), [""; 0]);
    store.insert(path("run/7/dataset/data.json"), "{");
    let report = checked(&store, Level::Structure);
    let finding = the(&report, "document-unreadable");
    assert_eq!(finding.checkpointable.as_deref(), Some("dataset"));
}

#[test]
fn a_leaf_whose_entry_is_called_otherwise_is_a_warning() {
    for value_type in ["None", "Dict", "List", "Tuple"] {
        let mut store = with_leaf(&["a", "b"], value_type);
        let report = checked(&store, Level::Structure);
        assert_eq!(report.findings, [], "{value_type}");
        let tree = format!("{ITEM}/_METADATA");
        edit(&mut store, &tree, r#""key": "b""#, r#""key": "c""#);
        let report = checked(&store, Level::Structure);
        assert_eq!(codes(&report), ["entry-name"], "{value_type}");
        let finding = the(&report, "entry-name");
        assert_eq!(finding.leaf.as_deref(), Some("a.c"));
        assert_eq!(finding.reason, r#"its entry is called "('a', 'b')""#);
        assert!(finding.file.as_deref().unwrap().ends_with(&tree));
        assert!(finding.offset.is_some());
        assert!(report.is_ok());
    }
}
