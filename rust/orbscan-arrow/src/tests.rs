//! The tables as a whole.

mod catalogue;
mod checkpoints;
mod findings;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array as _, ArrayRef, RecordBatch};
use orbscan_core::error::{Error, ErrorKind};
use orbscan_core::orbax::checkpoint_metadata::ItemHandlers;
use orbscan_core::orbax::commit::Commit;
use orbscan_core::orbax::sharding::{Sharding, SpecEntry};
use orbscan_core::record::{Array, Checkpoint, Item, Layout, Leaf, LeafKind, LeafTable};
use orbscan_core::scan::entry::{Content, Entry, Kind};
use orbscan_core::tree::{self, KeyEntry, Keypaths};
use orbscan_core::zarr::dtype::DType;

use crate::json::{Spelling, json_lines};
use crate::{CheckpointBatches, Few, LeafBatches};

/// A leaf with this array.
fn leaf(kind: LeafKind, array: Option<usize>) -> Leaf {
    Leaf {
        kind,
        array,
        sharding: None,
        write_shape: None,
        prng_impl: None,
        place: None,
    }
}

/// `{"layers": [{"b": …, "w": …}, {"b": …, "w": …}], "opt": …}` with a leaf of each kind.
fn table() -> LeafTable {
    let key = |name: &'static str| KeyEntry::Mapping(name.into());
    let mut keypaths = Keypaths::default();
    for layer in 0..2 {
        for name in ["b", "w"] {
            keypaths.key(key("layers"));
            keypaths.key(KeyEntry::Sequence(layer));
            keypaths.key(key(name));
            keypaths.end();
        }
    }
    keypaths.key(key("opt"));
    keypaths.end();
    let sharded = Leaf {
        sharding: Some(0),
        write_shape: Some(0),
        ..leaf(LeafKind::JaxArray, Some(0))
    };
    let random = Leaf {
        sharding: Some(1),
        prng_impl: Some(0),
        ..leaf(LeafKind::JaxArray, Some(1))
    };
    let unreadable = leaf(LeafKind::Unreadable(0), None);
    LeafTable {
        tree: tree::build(&keypaths, &mut Vec::new()).unwrap(),
        leaf_of: vec![2, 0, 1, 0, 3],
        names: keypaths.param_names(),
        leaves: vec![sharded, random, leaf(LeafKind::None, None), unreadable],
        arrays: vec![
            Array::Inline(vec![8, 4], DType::Float32),
            Array::Inline(vec![2], DType::UInt32),
        ],
        shardings: vec![
            Sharding::Named {
                shape: vec![4, 2],
                axis_names: vec!["x".to_owned(), "y".to_owned()],
                axis_types: None,
                partition_spec: vec![SpecEntry::Axis("x".to_owned()), SpecEntry::Unsplit],
                device_mesh: None,
            },
            Sharding::Single {
                device_str: "cpu:0".to_owned(),
            },
        ],
        write_shapes: vec![vec![2, 4]],
        prng_impls: vec!["threefry2x32".to_owned()],
        places: Vec::new(),
        stored_names: BTreeMap::new(),
        errors: vec![Error::new(ErrorKind::Checksum, "does not agree")],
        custom: Vec::new(),
    }
}

fn entry(path: &str, content: Content) -> Entry {
    let (init_timestamp_nsecs, commit_timestamp_nsecs) = match &content {
        Content::Read(read) => (read.init_timestamp_nsecs, read.commit_timestamp_nsecs),
        _ => (None, None),
    };
    Entry {
        path: path.to_owned(),
        root: "runs".into(),
        step: Some(7),
        kind: Kind::V1,
        commit: Commit {
            committed: true,
            reason: "its name has no temporary suffix".into(),
            temporary: false,
        },
        init_timestamp_nsecs,
        commit_timestamp_nsecs,
        fingerprint: Some(0xab),
        metrics: Some("{\"loss\": 1}".to_owned()),
        chosen: None,
        content,
    }
}

fn checkpoint(tables: Vec<(Option<&str>, Option<LeafTable>)>) -> Content {
    let item = |(name, table): (Option<&str>, Option<LeafTable>)| Item {
        name: name.map(str::to_owned),
        table: table.map(Arc::new),
        error: None,
    };
    Content::Read(Box::new(Checkpoint {
        layout: Layout::V1,
        init_timestamp_nsecs: Some(1_000),
        commit_timestamp_nsecs: Some(4_500),
        custom_metadata: None,
        handlers: ItemHandlers::Unknown,
        issues: Vec::new(),
        items: tables.into_iter().map(item).collect(),
        unread: Vec::new(),
    }))
}

fn failed() -> Content {
    Content::Failed(Error::new(ErrorKind::NotFound, "does not exist").in_file(&"gone"))
}

/// One read checkpoint with two checkpointables, one that cannot be read, one that is unchanged.
fn entries() -> Vec<Entry> {
    let items = vec![
        (Some("dataset"), None),
        (Some("ema"), Some(table())),
        (Some("state"), Some(table())),
    ];
    vec![
        entry("runs/7", checkpoint(items)),
        entry("runs/8", failed()),
        entry("runs/9", Content::Unchanged),
        entry("runs/10", checkpoint(vec![(None, Some(table()))])),
    ]
}

fn leaf_batches(rows: usize) -> Vec<RecordBatch> {
    leaf_batches_of(Few::Plain, rows)
}

fn leaf_batches_of(few: Few, rows: usize) -> Vec<RecordBatch> {
    LeafBatches::with_batch_rows(entries().into_iter(), few, rows)
        .collect::<Result<_, _>>()
        .unwrap()
}

fn checkpoint_row(content: Content) -> RecordBatch {
    let mut batches = CheckpointBatches::new([entry("runs/7", content)].into_iter(), Few::Plain);
    batches.next().unwrap().unwrap()
}

/// A row of a column as text.
fn cell(column: &ArrayRef, row: usize) -> String {
    if column.is_null(row) {
        return "-".to_owned();
    }
    if let Some(texts) = column.as_string_opt::<i32>() {
        return texts.value(row).to_owned();
    }
    if let Some(numbers) = column.as_primitive_opt::<Int64Type>() {
        return numbers.value(row).to_string();
    }
    if let Some(moments) = column.as_primitive_opt::<TimestampMicrosecondType>() {
        return format!("{}us", moments.value(row));
    }
    if let Some(codes) = column.as_dictionary_opt::<Int32Type>() {
        let code = codes.keys().value(row).try_into().unwrap();
        return cell(codes.values(), code);
    }
    if let Some(flags) = column.as_boolean_opt() {
        return flags.value(row).to_string();
    }
    if let Some(lists) = column.as_list_opt::<i32>() {
        let values = lists.value(row);
        let cells: Vec<String> = (0..values.len()).map(|at| cell(&values, at)).collect();
        return format!("[{}]", cells.join(" "));
    }
    let entry = column.as_struct();
    let fields = entry.columns().iter().map(|field| cell(field, row));
    fields.collect::<Vec<_>>().join("|")
}

fn column(batches: &[RecordBatch], name: &str) -> Vec<String> {
    let cells = |batch: &RecordBatch| {
        let column = batch.column_by_name(name).unwrap();
        (0..batch.num_rows())
            .map(|row| cell(column, row))
            .collect::<Vec<_>>()
    };
    batches.iter().flat_map(cells).collect()
}

#[test]
fn leaves_are_rows_in_the_order_of_the_tree() {
    let batches = leaf_batches(100);
    assert_eq!(batches.len(), 1);
    let tree = [
        "layers[0]/b",
        "layers[0]/w",
        "layers[1]/b",
        "layers[1]/w",
        "opt",
    ];
    let first = |name: &str| column(&batches, name)[..5].to_vec();
    for (name, cells) in [
        ("keypath", tree),
        ("path", ["runs/7"; 5]),
        ("root", ["runs"; 5]),
        ("step", ["7"; 5]),
        ("fingerprint", ["00000000000000ab"; 5]),
        ("checkpointable", ["ema"; 5]),
        (
            "keys",
            [
                "[layers|- -|0 b|-]",
                "[layers|- -|0 w|-]",
                "[layers|- -|1 b|-]",
                "[layers|- -|1 w|-]",
                "[opt|-]",
            ],
        ),
        (
            "value_type",
            ["None", "jax.Array", "jax.Array", "jax.Array", "unreadable"],
        ),
        ("dtype", ["-", "float32", "uint32", "float32", "-"]),
        ("shape", ["-", "[8 4]", "[2]", "[8 4]", "-"]),
        ("write_shape", ["-", "[2 4]", "-", "[2 4]", "-"]),
        ("size", ["0", "32", "2", "32", "-"]),
        ("nbytes", ["0", "128", "8", "128", "-"]),
        ("prng_impl", ["-", "-", "threefry2x32", "-", "-"]),
        (
            "sharding_type",
            [
                "-",
                "NamedSharding",
                "SingleDeviceSharding",
                "NamedSharding",
                "-",
            ],
        ),
        ("mesh_shape", ["-", "[4 2]", "-", "[4 2]", "-"]),
        ("axis_names", ["-", "[x y]", "-", "[x y]", "-"]),
        (
            "partition_spec",
            ["-", "P('x', None)", "-", "P('x', None)", "-"],
        ),
        ("device", ["-", "-", "cpu:0", "-", "-"]),
        ("error_kind", ["-", "-", "-", "-", "checksum"]),
        ("error", ["-", "-", "-", "-", "does not agree"]),
    ] {
        assert_eq!(first(name), cells, "{name}");
    }
}

#[test]
fn a_checkpoint_that_cannot_be_read_is_a_row_without_a_keypath() {
    let batches = leaf_batches(100);
    let row = |name: &str| column(&batches, name)[10].clone();
    assert_eq!(row("path"), "runs/8");
    assert_eq!(row("keypath"), "-");
    assert_eq!(row("keys"), "-");
    assert_eq!(row("size"), "-");
    assert_eq!(row("error_kind"), "not_found");
    assert_eq!(row("error"), "gone: does not exist");
    assert_eq!(batches[0].num_rows(), 5 + 5 + 1 + 5);
}

#[test]
fn a_table_is_the_same_in_batches_of_any_size() {
    let whole = leaf_batches(100);
    for rows in [1, 2, 3, 5, 7, 15, 16] {
        let parts = leaf_batches(rows);
        assert!(
            parts
                .iter()
                .rev()
                .skip(1)
                .all(|part| part.num_rows() == rows)
        );
        for field in whole[0].schema().fields() {
            let name = field.name();
            assert_eq!(column(&parts, name), column(&whole, name), "{name}, {rows}");
        }
    }
}

#[test]
fn a_text_keeps_its_number_from_batch_to_batch() {
    let batches = leaf_batches_of(Few::Categories, 3);
    let numbers = |batch: &RecordBatch| {
        let types = batch.column_by_name("value_type").unwrap();
        let types = types.as_dictionary::<Int32Type>();
        let words = types.values();
        (0..words.len())
            .map(|at| cell(words, at))
            .collect::<Vec<_>>()
    };
    let last = numbers(batches.last().unwrap());
    for batch in &batches {
        assert!(last.starts_with(&numbers(batch)));
    }
}

#[test]
fn categories_are_the_same_texts() {
    let (plain, few) = (leaf_batches(100), leaf_batches_of(Few::Categories, 100));
    for field in plain[0].schema().fields() {
        let name = field.name();
        assert_eq!(column(&few, name), column(&plain, name), "{name}");
    }
}

#[test]
fn a_batch_ends_before_long_texts_that_repeat_exceed_what_offsets_can_count() {
    let mut long = table();
    long.shardings[0] = Sharding::Named {
        shape: vec![1],
        axis_names: vec!["a".repeat(17 << 20)],
        axis_types: None,
        partition_spec: vec![SpecEntry::Axis("b".repeat(17 << 20))],
        device_mesh: None,
    };
    let long = Arc::new(long);
    let item = |_| Item {
        name: None,
        table: Some(Arc::clone(&long)),
        error: None,
    };
    let Content::Read(mut read) = checkpoint(Vec::new()) else {
        unreachable!()
    };
    read.items = (0..3).map(item).collect();
    let entries = [entry("a", Content::Read(read))].into_iter();
    let batches = LeafBatches::new(entries, Few::Plain).map(Result::unwrap);
    let rows: Vec<usize> = batches.map(|batch| batch.num_rows()).collect();
    // Two of the five leaves of a tree have these strings, and fill a batch.
    assert_eq!(rows, [4, 5, 5, 1]);
}

#[test]
fn every_row_says_whether_its_checkpoint_is_complete() {
    let whole = LeafTable {
        errors: Vec::new(),
        ..table()
    };
    let odd = |issue: Error| {
        let Content::Read(mut read) = checkpoint(vec![(None, Some(whole.clone()))]) else {
            unreachable!()
        };
        read.issues.push(issue);
        Content::Read(read)
    };
    let issue = Error::new(ErrorKind::Malformed, "does not agree");
    for (content, complete) in [
        (checkpoint(vec![(None, Some(whole.clone()))]), "true"),
        (checkpoint(vec![(None, Some(table()))]), "false"),
        (odd(issue.clone().without_loss()), "true"),
        (odd(issue), "false"),
    ] {
        let leaves: Vec<RecordBatch> =
            LeafBatches::new([entry("a", content)].into_iter(), Few::Plain)
                .collect::<Result<_, _>>()
                .unwrap();
        assert_eq!(column(&leaves, "complete"), [complete; 5]);
    }
}

#[test]
fn numbers_beyond_63_bits_are_null() {
    let mut huge = table();
    huge.arrays[0] = Array::Inline(vec![1 << 62, 4], DType::Float32);
    huge.arrays[1] = Array::Inline(vec![u64::MAX], DType::UInt32);
    let content = checkpoint(vec![(None, Some(huge))]);
    let batches: Vec<RecordBatch> = LeafBatches::new([entry("a", content)].into_iter(), Few::Plain)
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(
        column(&batches, "shape"),
        [
            "-",
            "[4611686018427387904 4]",
            "-",
            "[4611686018427387904 4]",
            "-"
        ]
    );
    assert_eq!(column(&batches, "size"), ["0", "-", "-", "-", "-"]);
    assert_eq!(column(&batches, "nbytes"), ["0", "-", "-", "-", "-"]);
}

#[test]
fn a_shared_table_is_laid_out_once() {
    let shared = Arc::new(table());
    let mut known = crate::block::KnownTables::default();
    let mut vocabulary = crate::facts::Vocabulary::default();
    let mut open = |table: &Arc<LeafTable>| known.open(Arc::clone(table), &mut vocabulary).unwrap();
    let (_, first) = open(&shared);
    let (mut rest, second) = open(&shared);
    assert!(Arc::ptr_eq(&first, &second));
    assert!(rest.next_block().unwrap().is_none());
    let (_, other) = open(&Arc::new(table()));
    assert!(!Arc::ptr_eq(&first, &other));
}

#[test]
fn a_tree_of_one_leaf_has_a_keypath() {
    let mut keypaths = Keypaths::default();
    keypaths.end();
    let single = LeafTable {
        tree: tree::build(&keypaths, &mut Vec::new()).unwrap(),
        leaf_of: vec![0],
        ..table()
    };
    let content = checkpoint(vec![(None, Some(single))]);
    let batches: Vec<RecordBatch> = LeafBatches::new([entry("a", content)].into_iter(), Few::Plain)
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(column(&batches, "keypath"), ["."]);
    assert_eq!(column(&batches, "keys"), ["[]"]);
}

#[test]
fn rows_are_lines_of_json() {
    let batch = &leaf_batches(100)[0];
    let lines = json_lines(batch, Spelling::Ascii).unwrap();
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(lines.len(), batch.num_rows());
    assert_eq!(
        lines[0],
        r#"{"path": "runs/7", "root": "runs", "step": 7, "fingerprint": "00000000000000ab", "checkpointable": "ema", "keypath": "layers[0]/b", "keys": [{"key": "layers", "index": null}, {"key": null, "index": 0}, {"key": "b", "index": null}], "value_type": "None", "dtype": null, "shape": null, "chunk_shape": null, "write_shape": null, "size": 0, "nbytes": 0, "prng_impl": null, "sharding_type": null, "mesh_shape": null, "axis_names": null, "partition_spec": null, "device": null, "error_kind": null, "error": null, "complete": false}"#
    );
    assert!(lines[1].contains(r#""shape": [8, 4], "chunk_shape": null, "write_shape": [2, 4]"#));
    assert!(lines[1].contains(r#""axis_names": ["x", "y"], "partition_spec": "P('x', None)""#));
    let row = json_lines(
        &checkpoint_row(checkpoint(vec![(None, None)])),
        Spelling::Utf8,
    )
    .unwrap();
    assert!(row.contains(
        r#""init_timestamp": "1970-01-01 00:00:00.000001Z", "init_timestamp_nsecs": 1000, "commit"#
    ));
    assert!(row.contains(r#""metrics": "{\"loss\": 1}""#));
}
