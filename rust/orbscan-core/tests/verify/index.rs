//! The level `index`: what the store lists, against grids and files.

use std::collections::BTreeMap;

use orbscan_core::error::Offset;
use orbscan_core::ocdbt::{Reference, Statistics};
use orbscan_core::reader::{self, Selection};
use orbscan_core::store::Store;
use orbscan_core::testing::counting_store::CountingStore;
use orbscan_core::testing::ocdbt_writer::LeafValue;
use orbscan_core::verify::{Level, Options, verify};

use crate::support::*;

#[test]
fn an_intact_checkpoint_has_no_finding_at_any_level() {
    for (inline, fan_out) in [(0, 1 << 20), (1_024, 1 << 20), (20, 3), (0, 2)] {
        let store = with_entries(3, &entries(3), inline, fan_out);
        for level in [Level::Structure, Level::Index, Level::Data] {
            let report = checked(&store, level);
            assert_eq!(report.findings, [], "{inline} {fan_out} {level:?}");
            assert!(report.complete);
        }
        let extent = checked(&store, Level::Index).extent;
        assert_eq!((extent.leaves, extent.arrays, extent.chunks), (3, 3, 24));
    }
}

#[test]
fn a_missing_chunk_is_named_with_its_array_and_its_elements() {
    let mut entries = entries(3);
    entries.remove(&key(1, (2, 1))).unwrap();
    let report = checked(&with_entries(3, &entries, 0, 4), Level::Index);
    assert_eq!(codes(&report), ["chunk-missing"]);
    let finding = the(&report, "chunk-missing");
    assert_eq!(finding.checkpointable.as_deref(), Some("state"));
    assert_eq!(finding.leaf, Some(array(1)));
    let chunks = finding.chunks.as_ref().unwrap();
    assert_eq!((chunks.count, chunks.of), (1, 8));
    assert_eq!(chunks.runs, [(vec![2, 1], vec![2, 1])]);
    assert_eq!(chunks.elements, Some(vec![(4, 6), (4, 8)]));
    assert_eq!(lost(&report), [array(1)]);
    assert!(!report.is_ok());
}

#[test]
fn an_array_without_any_chunk_is_one_run() {
    let mut entries = entries(3);
    entries.retain(|key, _| !key.starts_with(format!("{}/c/", array(0)).as_bytes()));
    let report = checked(&with_entries(3, &entries, 0, 4), Level::Index);
    let chunks = the(&report, "chunk-missing").chunks.clone().unwrap();
    assert_eq!(chunks.runs, [(vec![0, 0], vec![3, 1])]);
    assert_eq!(chunks.elements, Some(vec![(0, 8), (0, 8)]));
}

#[test]
fn a_writer_that_may_leave_chunks_out_gets_a_warning_only() {
    let mut entries = entries(3);
    entries.remove(&key(1, (2, 1))).unwrap();
    let mut store = with_entries(3, &entries, 0, 1 << 20);
    let tree = path(&format!("{ITEM}/_METADATA"));
    let text = String::from_utf8(store.get(&tree).unwrap().to_vec()).unwrap();
    store.insert(
        tree,
        text.replace(
            "_equal_to_fill_value\": true",
            "_equal_to_fill_value\": false",
        ),
    );
    let report = checked(&store, Level::Index);
    assert_eq!(codes(&report), ["chunk-absent"]);
    assert!(report.is_ok());
    assert_eq!(lost(&report), [""; 0]);
}

#[test]
fn keys_that_mean_nothing_are_told_from_chunks() {
    let mut entries = entries(3);
    for surplus in ["c/4/0", "c/9/9", "c/0", "c/x/0", "notes"] {
        entries.insert(format!("{}/{surplus}", array(2)).into_bytes(), vec![1]);
    }
    entries.insert(b"other/zarr.json".to_vec(), vec![1; 5]);
    entries.insert(b"other/c/0/0".to_vec(), vec![1; 7]);
    entries.insert(b"lost+found".to_vec(), vec![1; 2]);
    let report = checked(&with_entries(3, &entries, 0, 4), Level::Index);
    assert!(report.is_ok());
    let outside = the(&report, "chunk-outside");
    assert_eq!(outside.leaf, Some(array(2)));
    assert!(
        outside.reason.contains(": 2, the first is"),
        "{}",
        outside.reason
    );
    assert!(
        the(&report, "key-unknown")
            .reason
            .contains(": 3, the first is")
    );
    let array = &the(&report, "array-without-leaf").reason;
    assert!(array.contains("\"other\", 2 keys of 12 bytes"), "{array}");
    assert!(
        the(&report, "key-stray")
            .reason
            .contains("1 key of 2 bytes")
    );
}

#[test]
fn a_short_data_file_costs_the_chunks_behind_its_end() {
    let intact = intact();
    let size = intact.get(&values()).unwrap().len();
    for (keep, lost_arrays) in [(size - 1, 1), (size / 2, 2), (0, 3)] {
        let mut store = intact.clone();
        let cut = store.get(&values()).unwrap().slice(..keep);
        store.insert(values(), cut);
        // Documents lie in the data file, too, so they may be lost with it.
        let report = checked(&store, Level::Index);
        assert!(!report.is_ok());
        assert_eq!(
            lost(&report).len(),
            lost_arrays,
            "{keep} {:?}",
            report.findings
        );
        if keep > 0 {
            let file = the(&report, "data-file-short");
            assert_eq!(file.expected, Some(format!("at least {size} bytes")));
            assert_eq!(file.found, Some(format!("{keep} bytes")));
        }
    }
}

#[test]
fn a_data_file_that_is_gone_costs_what_lay_in_it() {
    let mut store = with_entries(3, &entries(3), 1_024, 1 << 20);
    store.remove(&path(&format!("{ITEM}/ocdbt.process_0/d/nodes")));
    let report = checked(&store, Level::Index);
    assert_eq!(codes(&report), ["database-unreadable"]);
    assert_eq!(lost(&report).len(), 3);

    let mut references = BTreeMap::new();
    for (key, value) in entries(3) {
        // Chunks of the last array lie in a file of their own.
        let value = if key.starts_with(format!("{}/c/", array(2)).as_bytes()) {
            LeafValue::Indirect(Reference {
                file: 0,
                offset: 0,
                length: 29,
            })
        } else {
            LeafValue::Inline(value)
        };
        references.insert(key, value);
    }
    let mut store = with_references(3, &references, &[("d/v", 0)], Statistics::default());
    store.remove(&path(&format!("{ITEM}/d/v")));
    let report = checked(&store, Level::Index);
    assert_eq!(lost(&report), [array(2)]);
    let missing = the(&report, "data-file-missing");
    assert_eq!(missing.file.as_deref(), Some("memory:run/7/state/d/v"));
    assert_eq!(the(&report, "chunk-lost").chunks.as_ref().unwrap().count, 8);
}

/// References to chunks of 29 bytes one after the other, documents in the node.
fn references(
    change: impl Fn(&mut Reference, &[u8]),
) -> (BTreeMap<Vec<u8>, LeafValue>, Statistics) {
    let mut references = BTreeMap::new();
    let mut statistics = Statistics::default();
    let mut offset = 0;
    for (key, value) in entries(3) {
        statistics.keys += 1;
        if key.ends_with(b"zarr.json") {
            references.insert(key, LeafValue::Inline(value));
            continue;
        }
        let mut reference = Reference {
            file: 0,
            offset,
            length: 29,
        };
        offset += 29;
        change(&mut reference, &key);
        statistics.indirect_value_bytes += reference.length;
        references.insert(key, LeafValue::Indirect(reference));
    }
    (references, statistics)
}

#[test]
fn references_side_by_side_are_fine() {
    let (references, statistics) = references(|_, _| {});
    let store = with_references(3, &references, &[("d/v", 24 * 29)], statistics);
    assert_eq!(checked(&store, Level::Index).findings, []);
}

#[test]
fn chunks_that_share_bytes_are_errors() {
    let moved = key(1, (0, 1));
    for offset in [0, 10, 23 * 29] {
        let (references, statistics) = references(|reference, key| {
            if key == moved {
                reference.offset = offset;
            }
        });
        let store = with_references(3, &references, &[("d/v", 24 * 29)], statistics);
        let report = checked(&store, Level::Index);
        // Which of two chunks is the wrong one, nobody knows: both are named.
        let other = if offset > 23 * 28 { array(2) } else { array(0) };
        let mut expected = [array(1), other];
        expected.sort();
        assert_eq!(codes(&report), ["chunk-overlap"; 2]);
        assert_eq!(lost(&report), expected, "{offset}");
    }
}

#[test]
fn a_reference_past_the_end_is_an_error_of_its_chunk() {
    let moved = key(0, (3, 0));
    let (references, statistics) = references(|reference, key| {
        if key == moved {
            reference.offset = 24 * 29 - 1;
        }
    });
    let store = with_references(3, &references, &[("d/v", 24 * 29)], statistics);
    let report = checked(&store, Level::Index);
    let finding = the(&report, "chunk-lost");
    assert_eq!(finding.leaf, Some(array(0)));
    assert_eq!(
        finding.chunks.as_ref().unwrap().runs,
        [(vec![3, 0], vec![3, 0])]
    );
    assert_eq!(finding.offset.map(Offset::bytes), Some(24 * 29 - 1));
    // The last chunk of the last array lies there, too.
    assert_eq!(the(&report, "chunk-overlap").leaf, Some(array(2)));
    assert_eq!(codes(&report)[2..], ["data-file-short"]);
}

#[test]
fn an_empty_chunk_has_an_impossible_length() {
    let emptied = key(2, (1, 1));
    let (references, statistics) = references(|reference, key| {
        if key == emptied {
            reference.length = 0;
        }
    });
    let store = with_references(3, &references, &[("d/v", 24 * 29)], statistics);
    let report = checked(&store, Level::Index);
    let finding = the(&report, "chunk-length");
    assert_eq!(finding.leaf, Some(array(2)));
    assert_eq!(finding.found.as_deref(), Some("0 bytes"));
}

#[test]
fn files_and_statistics_that_do_not_fit_are_no_errors() {
    let (references, mut statistics) = references(|_, _| {});
    statistics.keys += 1;
    let files = [("d/v", 24 * 29), ("d/w", 3)];
    let store = with_references(3, &references, &files, statistics);
    let report = checked(&store, Level::Index);
    assert!(report.is_ok());
    assert_eq!(codes(&report), ["node-statistics", "data-file-unused"]);
    let file = the(&report, "data-file-unused").file.clone();
    assert_eq!(file.as_deref(), Some("memory:run/7/state/d/w"));
}

#[test]
fn a_damaged_node_costs_the_arrays_that_it_lists() {
    let intact = with_entries(9, &entries(9), 1_024, 6);
    let nodes = path(&format!("{ITEM}/ocdbt.process_0/d/nodes"));
    let bytes = intact.get(&nodes).unwrap().to_vec();
    let (mut seen, mut lost_in_all) = (0, std::collections::BTreeSet::new());
    for at in (0..bytes.len()).step_by(97) {
        let mut store = intact.clone();
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        store.insert(nodes.clone(), damaged);
        let report = checked(&store, Level::Index);
        if report.findings.is_empty() {
            // The bytes before the first node belong to nobody.
            assert!(at < 20, "{at}");
            continue;
        }
        assert!(!report.is_ok(), "{at}");
        assert!(!report.lost_leaves.is_empty(), "{at}");
        seen += 1;
        lost_in_all.extend(lost(&report));
    }
    assert!(seen > 10);
    assert_eq!(lost_in_all.len(), 9);
}

#[test]
fn a_grid_of_any_size_takes_no_memory_for_what_is_missing() {
    let mut entries = entries(3);
    let document = format!("{}/zarr.json", array(1)).into_bytes();
    let text = String::from_utf8(entries[&document].clone()).unwrap();
    let text = text
        .replace("[8,8]", "[1099511627776,1048576]")
        .replace("[2,4]", "[1,1]");
    entries.insert(document, text.into_bytes());
    let report = checked(&with_entries(3, &entries, 1_024, 1 << 20), Level::Index);
    let chunks = the(&report, "chunk-missing").chunks.clone().unwrap();
    assert_eq!((chunks.count, chunks.of), ((1 << 60) - 8, 1 << 60));
    assert_eq!((chunks.more_runs, chunks.elements), (None, None));
}

#[test]
fn many_findings_of_a_kind_are_counted_not_kept() {
    let mut entries = entries(150);
    for number in 0..150 {
        entries.remove(&key(number, (0, 0))).unwrap();
    }
    let report = checked(&with_entries(150, &entries, 1_024, 1 << 20), Level::Index);
    assert_eq!(report.findings.len(), 100);
    let left_out: Vec<_> = report
        .left_out
        .iter()
        .map(|(code, n)| (code.name(), *n))
        .collect();
    assert_eq!(left_out, [("chunk-missing", 50)]);
    assert_eq!(report.lost_leaves.len(), 150);
}

#[test]
fn no_chunk_is_read_below_the_level_data() {
    let store = intact();
    let counting = CountingStore::new(&store);
    let none = reader::Options::default();
    reader::read_pytree(
        &counting,
        &path(ROOT),
        Selection::Auto,
        &none,
        &reader::Recall::new(),
    )
    .unwrap();
    let reading = counting.requests();
    let counting = CountingStore::new(&store);
    let go_on = &mut |_| std::ops::ControlFlow::Continue(());
    verify(&counting, &path(ROOT), &Options::default(), None, go_on).unwrap();
    let checking = counting.requests();
    // The documents once, the nodes twice.
    assert!(
        checking.bytes < 2 * reading.bytes,
        "{checking:?} {reading:?}"
    );
    let files = store
        .files()
        .filter(|(file, _)| file.as_str().starts_with(ITEM))
        .count();
    assert!(checking.stats <= 10 + files as u64, "{checking:?}");
    assert!(store.locate(&values()).contains("values"));
}

#[test]
fn a_grid_that_cannot_be_counted_is_said_not_to_be_checked() {
    let mut entries = entries(1);
    let document = entries
        .get_mut(format!("{}/zarr.json", array(0)).as_bytes())
        .unwrap();
    let text = String::from_utf8(document.clone()).unwrap();
    let huge = format!(r#""shape":[{0},{0}]"#, 1_u64 << 62);
    *document = text.replace(r#""shape":[8,8]"#, &huge).into_bytes();
    let report = checked(&with_entries(1, &entries, 0, 4), Level::Index);
    assert_eq!(the(&report, "not-checked").leaf, Some(array(0)));
}
