//! What a checkpoint takes: exact, and nothing is counted twice.

use orbscan_core::reader;
use orbscan_core::verify::roles::Role;
use orbscan_core::verify::usage::{Parts, usage};

use crate::support::*;

#[test]
fn the_bytes_of_files_are_the_sum_of_what_lies_in_them() {
    for (inline, fan_out) in [(0, 1 << 20), (0, 3), (1_024, 5)] {
        let store = with_entries(3, &entries(3), inline, fan_out);
        let usage = usage(&store, &path(ROOT), &reader::Options::default(), None).unwrap();
        let [item] = usage.items.as_slice() else {
            panic!("{:?}", usage.items);
        };
        let chunk_bytes: u64 = CHUNKS.iter().map(|_| chunk(0).len() as u64).sum();
        for array in &item.arrays {
            assert_eq!(array.stored_bytes + array.inline_bytes, chunk_bytes);
            assert_eq!(array.chunks, 8);
        }
        assert_eq!(item.arrays.len(), 3);
        for file in &usage.files {
            let Parts {
                data,
                index,
                unused,
                unknown,
            } = file.parts;
            assert_eq!(file.size, Some(data + index + unused + unknown), "{file:?}");
        }
        let in_files: u64 = item.arrays.iter().map(|array| array.stored_bytes).sum();
        let data: u64 = usage.files.iter().map(|file| file.parts.data).sum();
        assert_eq!(data, in_files);
        let sizes: u64 = usage.files.iter().filter_map(|file| file.size).sum();
        let stored = store
            .files()
            .filter(|(file, _)| file.as_str().starts_with(ROOT));
        let stored: u64 = stored.map(|(_, bytes)| bytes.len() as u64).sum();
        assert_eq!(sizes, stored);
    }
}

#[test]
fn what_nothing_refers_to_is_free() {
    let mut store = intact();
    store.insert(path(&format!("{ITEM}/d/old")), vec![0; 1_000]);
    let longer = [store.get(&values()).unwrap().as_ref(), &[0; 77]].concat();
    store.insert(values(), longer);
    let usage = usage(&store, &path(ROOT), &reader::Options::default(), None).unwrap();
    let free = |name: &str| {
        let file = usage.files.iter().find(|file| file.path.ends_with(name));
        file.map(|file| (file.role, file.parts.unused)).unwrap()
    };
    assert_eq!(free("d/old"), (Role::Unused, 1_000));
    assert_eq!(free("d/values"), (Role::Data, 77));
    // The writer puts something else before its nodes.
    assert_eq!(free("d/nodes"), (Role::Data, 14));
}
