//! Local checkpoints, of which each host holds a part.

use std::ops::ControlFlow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use orbscan_core::error::{ErrorKind, Result};
use orbscan_core::path::StorePath;
use orbscan_core::store::Store;
use orbscan_core::store::memory::MemoryStore;
use orbscan_core::testing::checkpoint_writer::CheckpointWriter;
use orbscan_core::testing::counting_store::CountingStore;
use orbscan_core::verify::report::Report;
use orbscan_core::verify::{Level, OnProgress, Options, Progress, verify, verify_together};

use crate::support::*;

/// Two processes of four devices. The arrays are divided over eight, one chunk each.
const TWO: &str = "[[0, 1, 2, 3], [4, 5, 6, 7]]";
const FOUR: &str = "[[0, 1], [2, 3], [4, 5], [6, 7]]";
const MESH: &str = "[0, 1, 2, 3, 4, 5, 6, 7]";

/// What `_sharding` says of each array, where tests change it.
const MESH_SHAPE: &str = r#"\"shape\": [4, 2]"#;
const SPEC: &str = r#"\"partition_spec\": [\"x\", \"y\"]"#;

/// The chunks of rows of the grid.
fn rows(rows: &[u64]) -> Vec<(u64, u64)> {
    let chunks = CHUNKS.into_iter();
    chunks.filter(|(row, _)| rows.contains(row)).collect()
}

/// A checkpoint of two arrays, of which only some chunks are here.
fn holding(of_first: &[(u64, u64)], of_second: &[(u64, u64)]) -> MemoryStore {
    let mut entries = entries(2);
    for (number, here) in [of_first, of_second].into_iter().enumerate() {
        for chunk in CHUNKS.iter().filter(|chunk| !here.contains(chunk)) {
            entries.remove(&key(number, *chunk)).unwrap();
        }
    }
    with_entries(2, &entries, 0, 4)
}

/// The same, written by several processes.
fn local(of_first: &[(u64, u64)], of_second: &[(u64, u64)], processes: &str) -> MemoryStore {
    let mut store = holding(of_first, of_second);
    written_by(&mut store, processes);
    store
}

fn written_by(store: &mut MemoryStore, processes: &str) {
    let at = |name: &str| path(&format!("{ROOT}/process_metadata/{name}"));
    store.insert(at("global_process_metadata.json"), processes.to_owned());
    store.insert(at("mesh_metadata.json"), MESH);
}

/// Writes `_sharding` anew, with other words for some.
fn sharded(store: &mut MemoryStore, changes: &[(&str, &str)]) {
    let writer = CheckpointWriter {
        leaves: 2,
        chunks: 0,
    };
    let mut text = writer.shardings();
    for (old, new) in changes {
        assert!(text.contains(old), "{old}");
        text = text.replace(old, new);
    }
    store.insert(path(&format!("{ITEM}/_sharding")), text);
}

fn here(report: &Report) -> Vec<u64> {
    report
        .part
        .iter()
        .flat_map(|part| part.here.clone())
        .collect()
}

/// How many chunks of how many the one finding of a code is about, and where the first is.
fn chunks(report: &Report, code: &str) -> (u64, Vec<u64>) {
    let chunks = the(report, code).chunks.clone().unwrap();
    (chunks.count, chunks.runs[0].0.clone())
}

#[test]
fn chunks_of_another_process_are_held_by_another_host() {
    for (process, own) in [(0, [0, 1]), (1, [2, 3])] {
        let store = local(&rows(&own), &rows(&own), TWO);
        for level in [Level::Index, Level::Data] {
            let report = checked(&store, level);
            assert_eq!(codes(&report), ["chunk-elsewhere"]);
            assert!(report.is_ok() && report.lost_leaves.is_empty());
            let part = report.part.as_ref().unwrap();
            assert_eq!((part.processes, here(&report)), (2, vec![process]));
            assert_eq!(report.chunks, (8, 16));
        }
        assert_eq!(checked(&store, Level::Structure).part, None);
    }
}

#[test]
fn a_single_leaf_is_named_with_its_chunks() {
    let mut entries = entries(1);
    for chunk in rows(&[2, 3]) {
        entries.remove(&key(0, chunk)).unwrap();
    }
    let mut store = with_entries(1, &entries, 0, 4);
    written_by(&mut store, TWO);
    let report = checked(&store, Level::Index);
    assert_eq!(the(&report, "chunk-elsewhere").leaf, Some(array(0)));
    assert_eq!(chunks(&report, "chunk-elsewhere"), (4, vec![2, 0]));
}

#[test]
fn a_directory_is_of_every_process_of_which_it_has_a_chunk_that_no_other_holds() {
    let report = checked(&local(&rows(&[0, 1]), &CHUNKS, TWO), Level::Index);
    assert_eq!(codes(&report), ["chunk-missing"]);
    assert_eq!(chunks(&report, "chunk-missing"), (4, vec![2, 0]));
}

#[test]
fn a_chunk_of_the_process_that_wrote_here_is_lost() {
    let mut own = rows(&[2, 3]);
    own.retain(|chunk| *chunk != (3, 0));
    let report = checked(&local(&rows(&[2, 3]), &own, TWO), Level::Index);
    assert_eq!(codes(&report), ["chunk-missing", "chunk-elsewhere"]);
    let finding = the(&report, "chunk-missing");
    assert_eq!(finding.leaf, Some(array(1)));
    let expected = (finding.expected.as_deref(), finding.found.as_deref());
    assert_eq!(expected, (Some("4 chunks"), Some("3 chunks")));
    assert_eq!(chunks(&report, "chunk-missing"), (1, vec![3, 0]));
    assert_eq!(lost(&report), [array(1)]);
    assert_eq!(here(&report), []);
}

#[test]
fn an_array_that_is_gone_is_lost_as_far_as_its_process_held_it() {
    let report = checked(&local(&rows(&[2, 3]), &[], TWO), Level::Index);
    assert_eq!(chunks(&report, "chunk-missing"), (4, vec![2, 0]));
    assert_eq!(the(&report, "chunk-missing").leaf, Some(array(1)));
}

#[test]
fn a_directory_without_any_chunk_is_of_no_process() {
    let report = checked(&local(&[], &[], TWO), Level::Index);
    assert_eq!(codes(&report), ["chunk-missing"; 2]);
    assert!(
        report
            .findings
            .iter()
            .all(|f| f.chunks.as_ref().unwrap().count == 8)
    );
    assert_eq!(report.part, None);
}

#[test]
fn without_several_processes_every_chunk_should_be_here() {
    let one = "[[0, 1, 2, 3, 4, 5, 6, 7]]";
    for store in [
        holding(&rows(&[0]), &CHUNKS),
        local(&rows(&[0]), &CHUNKS, one),
    ] {
        let report = checked(&store, Level::Index);
        assert_eq!(codes(&report), ["chunk-missing"]);
        assert_eq!(chunks(&report, "chunk-missing"), (6, vec![1, 0]));
        assert_eq!(report.part, None);
    }
}

#[test]
fn a_replicated_array_is_on_every_host() {
    let mut store = local(&rows(&[0, 1, 2]), &CHUNKS, TWO);
    sharded(&mut store, &[(SPEC, r#"\"partition_spec\": []"#)]);
    let report = checked(&store, Level::Index);
    assert_eq!(codes(&report), ["chunk-missing"]);
    assert_eq!(chunks(&report, "chunk-missing"), (2, vec![3, 0]));
}

#[test]
fn an_array_of_a_single_device_is_on_every_host() {
    let mut store = local(&rows(&[0, 1, 2]), &CHUNKS, TWO);
    let single = r#"{\"sharding_type\": \"SingleDeviceSharding\", \"device_str\": \"cpu:0\"}"#;
    let entry = |number| {
        let name = URL_SAFE.encode(array(number));
        format!(r#""{name}":"{single}""#)
    };
    let text = format!("{{{},{}}}", entry(0), entry(1));
    store.insert(path(&format!("{ITEM}/_sharding")), text);
    let report = checked(&store, Level::Index);
    assert_eq!(codes(&report), ["chunk-missing"]);
}

/// Over a mesh of two replicas, each of four devices.
const REPLICAS: [(&str, &str); 3] = [
    (MESH_SHAPE, r#"\"shape\": [2, 4]"#),
    (SPEC, r#"\"partition_spec\": [\"y\"]"#),
    (
        r#"[[{\"id\": 0}, {\"id\": 1}], [{\"id\": 2}, {\"id\": 3}], [{\"id\": 4}, {\"id\": 5}], [{\"id\": 6}, {\"id\": 7}]]"#,
        r#"[[{\"id\": 0}, {\"id\": 1}, {\"id\": 2}, {\"id\": 3}], [{\"id\": 4}, {\"id\": 5}, {\"id\": 6}, {\"id\": 7}]]"#,
    ),
];

#[test]
fn processes_that_hold_the_same_are_both_named() {
    let mut store = local(&rows(&[0, 1]), &rows(&[0, 1]), FOUR);
    sharded(&mut store, &REPLICAS);
    let report = checked(&store, Level::Index);
    assert_eq!(codes(&report), ["chunk-elsewhere"]);
    assert_eq!(here(&report), [0, 2]);
}

#[test]
fn a_host_of_two_processes_holds_the_shares_of_both() {
    let store = local(&rows(&[0, 1, 2]), &rows(&[0, 1, 2]), FOUR);
    let report = checked(&store, Level::Index);
    assert_eq!(codes(&report), ["chunk-elsewhere"]);
    assert_eq!(here(&report), [0, 1, 2]);
    let mut own = rows(&[0, 1]);
    own.push((2, 1));
    let report = checked(&local(&rows(&[0, 1, 2]), &own, FOUR), Level::Index);
    assert_eq!(chunks(&report, "chunk-missing"), (1, vec![2, 0]));
    assert_eq!(here(&report), [0, 1]);
}

#[test]
fn devices_lie_in_the_mesh_in_any_order() {
    // The devices of each process are a column of the mesh.
    let columns = "[[0, 2, 4, 6], [1, 3, 5, 7]]";
    let column: Vec<(u64, u64)> = CHUNKS
        .into_iter()
        .filter(|(_, column)| *column == 1)
        .collect();
    let report = checked(&local(&column, &column, columns), Level::Index);
    assert_eq!(
        (codes(&report), here(&report)),
        (vec!["chunk-elsewhere"], vec![1])
    );
    let report = checked(
        &local(&rows(&[0, 1]), &rows(&[0, 1]), columns),
        Level::Index,
    );
    assert!(codes(&report).contains(&"chunk-missing"));
}

#[test]
fn where_a_sharding_names_no_devices_those_of_the_mesh_count() {
    let mut store = local(&rows(&[2, 3]), &rows(&[2, 3]), TWO);
    let devices = r#", \"device_mesh\": {\"mesh\": [[{\"id\": 0}, {\"id\": 1}], [{\"id\": 2}, {\"id\": 3}], [{\"id\": 4}, {\"id\": 5}], [{\"id\": 6}, {\"id\": 7}]]}"#;
    sharded(&mut store, &[(devices, "")]);
    assert_eq!(here(&checked(&store, Level::Index)), [1]);
    let mesh = path(&format!("{ROOT}/process_metadata/mesh_metadata.json"));
    store.insert(mesh, "[4, 5, 6, 7, 0, 1, 2, 3]");
    assert_eq!(here(&checked(&store, Level::Index)), [0]);
}

#[test]
fn where_it_is_not_known_who_holds_what_only_an_array_that_is_gone_is_lost() {
    // Devices that no process has.
    let strangers = "[[10, 11], [12, 13]]";
    let report = checked(&local(&rows(&[0]), &rows(&[0]), strangers), Level::Index);
    assert_eq!(codes(&report), ["chunk-elsewhere"]);
    assert_eq!((here(&report), report.part.unwrap().processes), (vec![], 2));
    let report = checked(&local(&rows(&[0]), &[], strangers), Level::Index);
    assert_eq!(codes(&report), ["chunk-missing", "chunk-elsewhere"]);
    assert_eq!(lost(&report), [array(1)]);
}

#[test]
fn chunks_larger_than_a_shard_tell_nothing_of_processes() {
    // Shards are half as wide as chunks.
    let mut store = local(&rows(&[0]), &rows(&[0]), TWO);
    sharded(
        &mut store,
        &[(SPEC, r#"\"partition_spec\": [\"y\", \"x\"]"#)],
    );
    let report = checked(&store, Level::Index);
    assert_eq!(codes(&report), ["chunk-elsewhere"]);
    assert_eq!(here(&report), []);
}

#[test]
fn the_documents_of_0_11_0_lie_beside_the_steps() {
    let mut store = holding(&rows(&[2, 3]), &rows(&[2, 3]));
    for (name, text) in [
        ("global_process_metadata.json", TWO),
        ("mesh_metadata.json", MESH),
    ] {
        store.insert(path(&format!("run/process_metadata/7/{name}")), text);
    }
    assert_eq!(here(&checked(&store, Level::Index)), [1]);
}

#[test]
fn only_a_checkpoint_that_misses_chunks_is_asked_for_its_processes() {
    let fetched = |store: &MemoryStore| {
        let counting = CountingStore::new(store);
        let mut go_on = |_: Progress| ControlFlow::Continue(());
        verify(
            &counting,
            &path(ROOT),
            &Options::default(),
            None,
            &mut go_on,
        )
        .unwrap();
        counting.requests().fetches
    };
    let (whole, mut part) = (entries(2), entries(2));
    part.remove(&key(1, (0, 0))).unwrap();
    let [whole, part] = [whole, part].map(|entries| with_entries(2, &entries, 0, 1 << 20));
    assert_eq!(fetched(&part), fetched(&whole) + 2);
}

#[test]
fn documents_that_cannot_be_read_are_told_and_excuse_nothing() {
    for (name, text) in [
        ("global_process_metadata.json", "{}"),
        ("global_process_metadata.json", "[[0, 1"),
        ("mesh_metadata.json", "null"),
    ] {
        let mut store = local(&rows(&[0, 1]), &rows(&[0, 1]), TWO);
        let file = format!("{ROOT}/process_metadata/{name}");
        store.insert(path(&file), text);
        let report = checked(&store, Level::Index);
        let finding = the(&report, "document-unreadable");
        assert_eq!(
            finding.file.as_deref(),
            Some(store.locate(&path(&file)).as_str())
        );
        assert_eq!(finding.checkpointable.as_deref(), Some("process_metadata"));
        assert!(codes(&report).contains(&"chunk-missing"), "{name} {text}");
    }
}

#[test]
fn a_damaged_chunk_is_an_error_of_its_host() {
    let mut entries = entries(2);
    for number in 0..2 {
        for chunk in rows(&[2, 3]) {
            entries.remove(&key(number, chunk)).unwrap();
        }
    }
    entries.insert(key(1, (0, 0)), b"no zstd at all".to_vec());
    let mut store = with_entries(2, &entries, 0, 4);
    written_by(&mut store, TWO);
    let report = checked(&store, Level::Data);
    assert_eq!(codes(&report), ["chunk-damaged", "chunk-elsewhere"]);
    assert_eq!(lost(&report), [array(1)]);
}

/// The stores as one checkpoint; `progress` is told how far it has come.
fn watched(stores: &[MemoryStore], level: Level, progress: OnProgress<'_>) -> Result<Report> {
    let options = Options {
        level,
        ..Options::default()
    };
    let mut directories: Vec<(&dyn Store, StorePath)> = Vec::new();
    for store in stores {
        directories.push((store, path(ROOT)));
    }
    verify_together(&directories, &options, progress)
}

fn together(stores: &[MemoryStore], level: Level) -> Result<Report> {
    watched(stores, level, &mut |_| ControlFlow::Continue(()))
}

fn combined(stores: &[MemoryStore]) -> Report {
    together(stores, Level::Index).unwrap()
}

/// What a host holds whose processes have these rows of both arrays.
fn host(own: &[u64]) -> MemoryStore {
    local(&rows(own), &rows(own), TWO)
}

#[test]
fn hosts_that_hold_everything_together_are_whole() {
    for level in [Level::Structure, Level::Index, Level::Data] {
        let report = together(&[host(&[0, 1]), host(&[2, 3])], level).unwrap();
        assert_eq!((codes(&report), report.part), (vec![], None));
        assert!(report.complete);
        assert_eq!(report.extent.leaves, 2);
    }
    let report = combined(&[host(&[0, 1]), host(&[2, 3]), host(&[0, 1])]);
    assert_eq!(codes(&report), [""; 0]);
}

#[test]
fn chunks_that_no_host_holds_are_missing() {
    let store = |own: &[u64]| local(&rows(own), &rows(own), FOUR);
    let report = combined(&[store(&[0]), store(&[1]), store(&[3])]);
    assert_eq!(codes(&report), ["chunk-missing"; 2]);
    assert_eq!(chunks_of_first(&report), (2, vec![2, 0]));
    assert_eq!(report.findings[0].file, None);
    assert_eq!(lost(&report), [array(0), array(1)]);
}

#[test]
fn directories_without_process_metadata_are_combined_too() {
    let store = |own: &[u64]| holding(&rows(own), &rows(own));
    assert_eq!(codes(&combined(&[store(&[0, 1]), store(&[2, 3])])), [""; 0]);
    let report = combined(&[store(&[0]), store(&[2, 3])]);
    assert_eq!(codes(&report), ["chunk-missing"; 2]);
    assert_eq!(chunks_of_first(&report), (2, vec![1, 0]));
}

fn chunks_of_first(report: &Report) -> (u64, Vec<u64>) {
    let chunks = report.findings[0].chunks.clone().unwrap();
    (chunks.count, chunks.runs[0].0.clone())
}

#[test]
fn a_chunk_that_its_host_lost_is_told_once_with_the_directory() {
    let mut own = rows(&[0, 1]);
    own.retain(|chunk| *chunk != (1, 1));
    let report = combined(&[local(&own, &rows(&[0, 1]), TWO), host(&[2, 3])]);
    assert_eq!(codes(&report), ["chunk-missing"]);
    let finding = the(&report, "chunk-missing");
    assert_eq!(finding.leaf, Some(array(0)));
    assert!(finding.file.as_ref().unwrap().ends_with(ROOT));
    assert_eq!(chunks(&report, "chunk-missing"), (1, vec![1, 1]));
}

#[test]
fn a_host_that_lost_a_chunk_is_named_even_if_a_replica_has_it() {
    let mut own = rows(&[0, 1]);
    own.retain(|chunk| *chunk != (1, 1));
    let report = combined(&[local(&own, &own, TWO), host(&[2, 3]), host(&[0, 1])]);
    assert_eq!(codes(&report), ["chunk-missing"; 2]);
}

#[test]
fn other_processes_are_another_save() {
    let other = local(
        &rows(&[2, 3]),
        &rows(&[2, 3]),
        "[[4, 5, 6, 7], [0, 1, 2, 3]]",
    );
    let report = combined(&[host(&[0, 1]), other]);
    assert_eq!(codes(&report), ["hosts-differ"]);
}

#[test]
fn another_tree_is_another_save() {
    let mut other = host(&[2, 3]);
    let writer = CheckpointWriter {
        leaves: 1,
        chunks: 0,
    };
    other.insert(path(&format!("{ITEM}/_METADATA")), writer.tree_metadata());
    let report = combined(&[host(&[0, 1]), other]);
    let finding = the(&report, "hosts-differ");
    assert_eq!(finding.leaf, Some(array(1)));
    assert_eq!(finding.found.as_deref(), Some("no such leaf"));
}

#[test]
fn other_checkpointables_are_another_save() {
    let mut other = host(&[2, 3]);
    let tree = r#"{"tree_metadata": {}, "use_ocdbt": false, "use_zarr3": true}"#;
    other.insert(path(&format!("{ROOT}/more/_METADATA")), tree);
    let report = combined(&[host(&[0, 1]), other]);
    let finding = the(&report, "hosts-differ");
    assert_eq!(finding.checkpointable.as_deref(), Some("more"));
}

#[test]
fn what_is_no_checkpoint_is_refused() {
    let error = together(&[host(&[0, 1]), MemoryStore::new()], Level::Index).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn a_check_that_is_ended_looks_at_no_further_directory() {
    let stores = [host(&[0, 1]), MemoryStore::new()];
    let report = watched(&stores, Level::Data, &mut |_| ControlFlow::Break(()));
    assert!(!report.unwrap().complete);
}

#[test]
fn progress_goes_on_from_directory_to_directory() {
    let stores = [host(&[0, 1]), host(&[2, 3])];
    let mut last = Progress::default();
    let report = watched(&stores, Level::Data, &mut |now| {
        assert!(now.chunks >= last.chunks && now.total_bytes >= last.total_bytes);
        last = now;
        ControlFlow::Continue(())
    });
    assert_eq!(last.chunks, 16);
    assert_eq!(report.unwrap().extent.data_bytes, last.bytes);
}
