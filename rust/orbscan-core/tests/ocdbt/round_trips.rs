//! What was written is read, and what was forged is refused.

use bytes::Bytes;
use orbscan_core::testing::database_writer::DatabaseWriter;
use orbscan_core::testing::ocdbt_writer::{Packing, reseal};
use proptest::prelude::*;

use crate::support::*;

fn entries() -> impl Strategy<Value = Entries> {
    // Few letters and short pieces, so that keys share much with each other.
    let piece = prop::sample::select(vec![
        &b""[..],
        b"a",
        b"ab",
        b"\0",
        b"\xff",
        b"/.zarray",
        b"abcdefghijklmnopqr",
    ]);
    let key = prop::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat());
    let value = prop::collection::vec(any::<u8>(), 0..40);
    prop::collection::btree_map(key, value, 0..60)
}

fn writers() -> impl Strategy<Value = DatabaseWriter> {
    let packing = prop::sample::select(vec![Packing::Plain, Packing::Zstd, Packing::ZstdStreamed]);
    let base = prop::sample::select(vec!["", "ocdbt.process_0/", "a/b/"]);
    (
        packing,
        base,
        1..9_usize,
        0..40_usize,
        any::<bool>(),
        1..50_u64,
    )
        .prop_map(
            |(packing, base, fan_out, max_inline_value_bytes, numbered, generation)| {
                DatabaseWriter {
                    packing,
                    base: base.to_owned(),
                    fan_out,
                    max_inline_value_bytes,
                    numbered,
                    generation,
                }
            },
        )
}

proptest! {
    #[test]
    fn what_was_written_is_read(entries in entries(), writer in writers()) {
        let store = written(&writer, &entries);
        assert_reads(&store, &entries, &keys_and_neighbours(&entries));
    }

    #[test]
    fn a_changed_byte_never_changes_a_value(
        entries in entries(),
        writer in writers(),
        file in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        to in any::<u8>(),
    ) {
        let mut store = written(&writer, &entries);
        let (name, good) = {
            let files: Vec<_> = store.files().filter(|(name, _)| name.name() != "values").collect();
            let (name, good) = files[file.index(files.len())];
            (name.clone(), good.clone())
        };
        let mut damaged = good.to_vec();
        damaged[at.index(good.len())] = to;
        store.insert(name, damaged);
        if let Ok(found) = find(&store, &entries.keys().collect::<Vec<_>>()) {
            for (answer, expected) in found.values.iter().zip(entries.values()) {
                if let Ok(value) = answer.as_ref().unwrap() {
                    prop_assert_eq!(value, expected);
                }
            }
        }
    }

    /// Behind a right checksum anything may stand: it is an answer or an error, and never a crash.
    #[test]
    fn a_forged_body_is_an_answer_or_an_error(
        entries in entries(),
        writer in writers(),
        at in any::<prop::sample::Index>(),
        to in any::<u8>(),
    ) {
        let writer = DatabaseWriter { packing: Packing::Plain, fan_out: 1 << 20, ..writer };
        let mut store = written(&writer, &entries);
        let nodes = path(&format!("db/{}d/nodes", writer.base));
        let manifest = path("db/manifest.ocdbt");
        for (file, start) in [(nodes, 14), (manifest, 0)] {
            let good = store.get(&file).unwrap().clone();
            if good.len() > start {
                let mut node = good[start..].to_vec();
                let position = at.index(node.len());
                node[position] = to;
                reseal(&mut node, 4);
                store.insert(file.clone(), [&good[..start], &node].concat());
                let keys: Vec<_> = entries.keys().collect();
                match find(&store, &keys) {
                    Ok(found) => prop_assert_eq!(found.values.len(), keys.len()),
                    Err(error) => prop_assert!(!error.reason().is_empty()),
                }
                store.insert(file, Bytes::clone(&good));
            }
        }
    }
}
