//! The level `data`: the bytes of chunks.

use std::ops::ControlFlow;

use orbscan_core::store::memory::MemoryStore;
use orbscan_core::verify::report::Report;
use orbscan_core::verify::{Level, Options, Progress, Slice, verify};

use crate::support::*;

fn with_chunk(bytes: Vec<u8>) -> Report {
    let mut entries = entries(3);
    entries.insert(key(1, (1, 0)), bytes);
    checked(&with_entries(3, &entries, 0, 4), Level::Data)
}

#[test]
fn chunks_that_do_not_decode_are_named() {
    let longer = zstd::bulk::compress(&[1; 17], 3).unwrap();
    let shorter = zstd::bulk::compress(&[1; 15], 3).unwrap();
    let cut = chunk(1)[..10].to_vec();
    let behind = [chunk(1), vec![0]].concat();
    for (bytes, expected) in [
        (longer, "16 bytes of elements"),
        (shorter, "16 bytes of elements"),
        (cut, "a whole zstd frame"),
        (behind, "one zstd frame"),
        (b"no zstd at all".to_vec(), "a zstd frame"),
    ] {
        let report = with_chunk(bytes);
        let finding = the(&report, "chunk-damaged");
        assert_eq!(finding.leaf, Some(array(1)));
        assert_eq!(finding.expected.as_deref(), Some(expected));
        let chunks = finding.chunks.as_ref().unwrap();
        assert_eq!(chunks.runs, [(vec![1, 0], vec![1, 0])]);
        assert_eq!(lost(&report), [array(1)]);
    }
}

#[test]
fn values_that_are_not_finite_are_found_on_request_only() {
    let mut elements = [0_u8; 16];
    elements[6..8].copy_from_slice(&[0xc0, 0x7f]);
    let mut entries = entries(3);
    entries.insert(key(1, (1, 0)), zstd::bulk::compress(&elements, 3).unwrap());
    let store = with_entries(3, &entries, 0, 4);
    assert_eq!(checked(&store, Level::Data).findings, []);
    let options = Options {
        level: Level::Data,
        check_values: true,
        ..Options::default()
    };
    let go_on = &mut |_| ControlFlow::Continue(());
    let report = verify(&store, &path(ROOT), &options, None, go_on).unwrap();
    assert_eq!(the(&report, "not-finite").leaf, Some(array(1)));
    assert!(report.is_ok());
}

/// What one part of a check finds that is done in so many.
fn part(store: &MemoryStore, index: u64, count: u64) -> Report {
    let options = Options {
        level: Level::Data,
        slice: Slice { index, count },
        ..Options::default()
    };
    let go_on = &mut |_| ControlFlow::Continue(());
    verify(store, &path(ROOT), &options, None, go_on).unwrap()
}

#[test]
fn every_chunk_is_decoded_in_one_part() {
    let whole = checked(&intact(), Level::Data).extent.data_bytes;
    for count in [1, 2, 3, 7, 100] {
        let parts: Vec<u64> = (0..count)
            .map(|index| part(&intact(), index, count).extent.data_bytes)
            .collect();
        assert_eq!(parts.iter().sum::<u64>(), whole, "{count}");
        // Nodes take more than these chunks, and files are measured with them.
        let busy = parts.iter().filter(|bytes| **bytes > 0).count();
        assert!(busy > 1 || count < 7, "{parts:?}");
    }
}

#[test]
fn what_is_not_about_decoded_chunks_is_told_by_the_first_part() {
    let mut entries = entries(3);
    entries.insert(key(1, (1, 0)), b"no zstd at all".to_vec());
    entries.remove(&key(0, (0, 0)));
    let store = with_entries(3, &entries, 0, 4);
    let reports: Vec<Report> = (0..4).map(|index| part(&store, index, 4)).collect();
    let with = |code: &str| -> Vec<usize> {
        let has = |report: &Report| report.findings.iter().any(|f| f.code.name() == code);
        (0..4).filter(|at| has(&reports[*at])).collect()
    };
    assert_eq!(with("chunk-missing"), [0]);
    assert_eq!(with("chunk-damaged").len(), 1);
    // All of them know that the checkpoint is not sound.
    assert!(reports.iter().all(|report| !report.is_ok()));
}

#[test]
fn progress_is_told_and_can_end_the_check() {
    let store = intact();
    let options = Options {
        level: Level::Data,
        ..Options::default()
    };
    let mut last = Progress::default();
    let go_on = &mut |now: Progress| {
        last = now;
        ControlFlow::Continue(())
    };
    let report = verify(&store, &path(ROOT), &options, None, go_on).unwrap();
    assert_eq!((last.chunks, last.bytes), (24, report.extent.data_bytes));
    assert!(last.bytes > 0 && last.bytes <= last.total_bytes);
    let stop = &mut |_: Progress| ControlFlow::Break(());
    let report = verify(&store, &path(ROOT), &options, None, stop).unwrap();
    assert!(!report.complete);
}

/// What is told of a check that reads no more than `limit` bytes in a second and is ended when that
/// was told `most` times; and what was found.
fn told(store: &MemoryStore, limit: u64, most: usize) -> (Vec<Progress>, Report) {
    let options = Options {
        level: Level::Data,
        max_bandwidth: Some(limit),
        ..Options::default()
    };
    let mut told = Vec::new();
    let go_on = &mut |now: Progress| {
        told.push(now);
        if told.len() < most {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    };
    let report = verify(store, &path(ROOT), &options, None, go_on).unwrap();
    (told, report)
}

#[test]
fn a_wait_can_be_ended() {
    // At one byte in a second these chunks take minutes.
    let (told, report) = told(&intact(), 1, 3);
    assert_eq!(
        told.iter().map(|now| now.chunks).collect::<Vec<_>>(),
        [24; 3]
    );
    assert!(!report.complete);
}

#[test]
fn a_checkpointable_does_not_wait_for_what_was_read_of_another() {
    let mut store = with_entries(30, &entries(30), 0, 1 << 20);
    let small = with_entries(1, &entries(1), 0, 1 << 20);
    for (file, content) in small.files() {
        if let Some(name) = file.as_str().strip_prefix(ITEM) {
            store.insert(path(&format!("{ROOT}/zoo{name}")), content.clone());
        }
    }
    // The large one takes a quarter of a second, the small one a hundredth.
    let bytes = checked(&store, Level::Data).extent.data_bytes;
    let (told, report) = told(&store, bytes * 4, usize::MAX);
    assert!(report.complete);
    let last = told.iter().rev().take_while(|now| now.bytes == bytes);
    assert!((1..=2).contains(&last.count()), "{told:?}");
}

/// A checkpoint of one array in shards of (2, 4), each with four sub-chunks of (1, 2), plainly stored,
/// with checksums behind each and behind the index.
fn sharded(change: impl Fn(&mut Vec<u8>)) -> MemoryStore {
    let mut entries = entries(1);
    let document = r#"{"chunk_grid":{"configuration":{"chunk_shape":[2,4]},"name":"regular"},"chunk_key_encoding":{"name":"default"},"codecs":[{"configuration":{"chunk_shape":[1,2],"codecs":[{"configuration":{"endian":"little"},"name":"bytes"},{"name":"crc32c"}],"index_codecs":[{"configuration":{"endian":"little"},"name":"bytes"},{"name":"crc32c"}]},"name":"sharding_indexed"}],"data_type":"bfloat16","fill_value":0.0,"node_type":"array","shape":[8,8],"zarr_format":3}"#;
    entries.retain(|_, _| false);
    entries.insert(
        format!("{}/zarr.json", array(0)).into_bytes(),
        document.into(),
    );
    for at in CHUNKS {
        let mut shard = shard();
        if at == (1, 0) {
            change(&mut shard);
        }
        entries.insert(key(0, at), shard);
    }
    with_entries(1, &entries, 600, 4)
}

/// Three sub-chunks; the second is left out.
fn shard() -> Vec<u8> {
    let mut shard = Vec::new();
    let mut index = Vec::new();
    for number in 0..4_u8 {
        if number == 1 {
            index.extend([0xff; 16]);
            continue;
        }
        let elements = [number; 4];
        index.extend((shard.len() as u64).to_le_bytes());
        index.extend(8_u64.to_le_bytes());
        shard.extend(elements);
        shard.extend(crc32c::crc32c(&elements).to_le_bytes());
    }
    shard.extend(&index);
    shard.extend(crc32c::crc32c(&index).to_le_bytes());
    shard
}

#[test]
fn shards_are_decoded_by_their_index() {
    assert_eq!(checked(&sharded(|_| {}), Level::Data).findings, []);
}

#[test]
fn every_flipped_bit_of_a_shard_with_checksums_is_found() {
    for bit in 0..shard().len() * 8 {
        let store = sharded(|shard| shard[bit / 8] ^= 1 << (bit % 8));
        let report = checked(&store, Level::Data);
        let chunks = the(&report, "chunk-damaged").chunks.clone().unwrap();
        assert_eq!(chunks.runs, [(vec![1, 0], vec![1, 0])], "{bit}");
    }
}

#[test]
fn sub_chunks_that_share_bytes_are_found() {
    // The last sub-chunk again at the place of the first, in the index, and behind the end.
    for (offset, expected) in [
        (0, "8 bytes at 0 for sub-chunk 3 alone"),
        (4, "8 bytes at 4 for sub-chunk 3 alone"),
        (24, "8 bytes at 24 for sub-chunk 3 alone"),
        (90, "sub-chunk 3 within the 92 bytes of its shard"),
    ] {
        let report = checked(
            &sharded(|shard| {
                let index = shard.len() - 4 - 64;
                shard[index + 48..index + 56].copy_from_slice(&u64::to_le_bytes(offset));
                let checksum = crc32c::crc32c(&shard[index..index + 64]).to_le_bytes();
                shard[index + 64..].copy_from_slice(&checksum);
            }),
            Level::Data,
        );
        let finding = the(&report, "chunk-damaged");
        assert_eq!(finding.expected.as_deref(), Some(expected));
    }
}

#[test]
fn truth_values_that_tensorstore_refuses_are_damage() {
    let mut entries = entries(1);
    let document = entries
        .get_mut(format!("{}/zarr.json", array(0)).as_bytes())
        .unwrap();
    let text = String::from_utf8(document.clone()).unwrap();
    let text = text.replace(r#""data_type":"bfloat16""#, r#""data_type":"bool""#);
    *document = text
        .replace(r#""fill_value":0.0"#, r#""fill_value":false"#)
        .into();
    for at in CHUNKS {
        let value = if at == (1, 0) { 2 } else { 1 };
        entries.insert(key(0, at), zstd::bulk::compress(&[value; 8], 3).unwrap());
    }
    let report = checked(&with_entries(1, &entries, 0, 4), Level::Data);
    let finding = the(&report, "chunk-damaged");
    assert_eq!(finding.expected.as_deref(), Some("truth values 0 and 1"));
    assert_eq!(finding.chunks.as_ref().unwrap().runs.len(), 1);
}

#[test]
fn a_shard_shorter_than_its_index_has_an_impossible_length() {
    let report = checked(&sharded(|shard| shard.truncate(60)), Level::Index);
    assert_eq!(
        the(&report, "chunk-length").expected.as_deref(),
        Some("at least 68 bytes")
    );
}
