//! The time of each decoder for a checkpoint of 1,000 arrays, each with one document and 8 chunks.
//!
//!     cargo bench --bench decoders                 medians, in microseconds
//!     cargo bench --bench decoders -- NAME ROUNDS  one decoder, nothing printed: for callgrind
//!
//! Machines are noisy, so the decoders take turns. Times show what a change is worth; whether there
//! is a change at all is shown by `instructions.py`, which counts instructions.

use std::hint::black_box;
use std::time::Instant;

use orbscan_core::limits::Limits;
use orbscan_core::orbax::{shardings, tree_metadata};
use orbscan_core::path::StorePath;
use orbscan_core::reader::ocdbt_lookup::lookup;
use orbscan_core::reader::{Options, Recall, Selection, read_pytree};
use orbscan_core::store::memory::MemoryStore;
use orbscan_core::testing::checkpoint_writer::CheckpointWriter;
use orbscan_core::tree;
use orbscan_core::zarr;

const LEAVES: usize = 1_000;
const CHUNKS: usize = 8;
const TURNS: usize = 31;

/// A decoder by name. Each call does the whole work once.
type Decoder<'a> = (&'static str, Box<dyn Fn() + 'a>);

fn main() {
    let writer = CheckpointWriter {
        leaves: LEAVES,
        chunks: CHUNKS,
    };
    let path = StorePath::new("7").expect("a plain name");
    let item = path.join("state").expect("a plain name");
    let mut store = MemoryStore::new();
    writer.write(&path, &mut store);
    let (limits, options) = (Limits::default(), Options::default());
    let (metadata, sharding) = (writer.tree_metadata(), writer.shardings());
    // The same tree as a program with another JSON library would spell it.
    let compact = metadata.replace(": ", ":").replace(", ", ",");
    let outline = |text: &str| {
        let read = tree_metadata::decode(text.as_bytes(), &limits, &mut Vec::new());
        black_box(read.expect("what the writer wrote").leaves.len());
    };
    let read = tree_metadata::decode(metadata.as_bytes(), &limits, &mut Vec::new());
    let keypaths = read.expect("what the writer wrote").keypaths;
    let entries = writer.database();
    let wanted: Vec<&Vec<u8>> = entries
        .keys()
        .filter(|key| key.ends_with(b"json"))
        .collect();
    let document = wanted
        .first()
        .and_then(|key| entries.get(*key))
        .expect("an array");
    let decoders: Vec<Decoder<'_>> = vec![
        ("tree_metadata", Box::new(|| outline(&metadata))),
        ("tree_metadata_general", Box::new(|| outline(&compact))),
        (
            "tree",
            Box::new(|| {
                black_box(
                    tree::build(&keypaths, &mut Vec::new())
                        .expect("a tree")
                        .nodes
                        .len(),
                );
            }),
        ),
        (
            "shardings",
            Box::new(|| {
                let read = shardings::decode(sharding.as_bytes(), &limits);
                black_box(read.expect("what the writer wrote").len());
            }),
        ),
        (
            "ocdbt",
            Box::new(|| {
                let found = lookup(&store, &item, &wanted, &limits);
                black_box(found.expect("what the writer wrote").values.len());
            }),
        ),
        (
            "zarr_v3",
            Box::new(|| {
                black_box(
                    zarr::v3::decode(document, &limits)
                        .expect("a document")
                        .shape
                        .len(),
                );
            }),
        ),
        (
            "read_pytree",
            Box::new(|| {
                let read = read_pytree(&store, &path, Selection::Auto, &options, &Recall::none());
                black_box(read.expect("what the writer wrote").items.len());
            }),
        ),
    ];
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|text| text != "--bench")
        .collect();
    match arguments.as_slice() {
        [] => print_medians(&decoders),
        [name, rounds] => {
            let rounds: usize = rounds.parse().expect("a number of rounds");
            let (_, decode) = decoders
                .iter()
                .find(|(known, _)| known == name)
                .expect("a decoder");
            (0..rounds).for_each(|_| decode());
        }
        _ => panic!("nothing, or the name of a decoder and a number of rounds"),
    }
}

fn print_medians(decoders: &[Decoder<'_>]) {
    let mut times = vec![Vec::with_capacity(TURNS); decoders.len()];
    for _ in 0..TURNS {
        for ((_, decode), times) in decoders.iter().zip(&mut times) {
            let started = Instant::now();
            decode();
            times.push(started.elapsed());
        }
    }
    for ((name, _), times) in decoders.iter().zip(&mut times) {
        times.sort_unstable();
        println!(
            "{name:24} {:>12.1} us",
            times[TURNS / 2].as_secs_f64() * 1e6
        );
    }
}
