//! The time of our own JSON parser for `_METADATA`, compared with other parsers.
//!
//! Three tasks: walking over a document without keeping anything, building a tree from it, and what
//! orbscan actually does, building the columns of a tree. The others can do only the first two, and
//! none of them reports at which byte of a nested text something is wrong. The parsers take turns;
//! medians.

use std::hint::black_box;
use std::time::Instant;

use jiter::{Jiter, JsonValue};
use orbscan_core::json::{Dialect, Json};
use orbscan_core::limits::Limits;
use orbscan_core::orbax::tree_metadata;
use orbscan_core::testing::checkpoint_writer::CheckpointWriter;

const TURNS: usize = 31;

/// A parser by name. Each call reads the whole document once.
type Parser<'a> = (&'static str, Box<dyn Fn() + 'a>);

fn main() {
    for leaves in [1_000, 10_000] {
        let text = CheckpointWriter { leaves, chunks: 0 }.tree_metadata();
        // The same tree as a program with another JSON library would spell it.
        let compact = text.replace(": ", ":").replace(", ", ",");
        println!("{leaves} leaves, {} bytes", text.len());
        for (name, nanoseconds) in medians(&parsers(&text, &compact)) {
            let rate = text.len() as f64 / nanoseconds;
            println!("  {name:<38}{:>10.1} us{rate:>8.2} GB/s", nanoseconds / 1e3);
        }
    }
}

fn parsers<'a>(text: &'a str, compact: &'a str) -> Vec<Parser<'a>> {
    let limits = Limits::default();
    let columns = |text: &'a str| {
        move || {
            let limits = Limits::default();
            let read = tree_metadata::decode(text.as_bytes(), &limits, &mut Vec::new());
            black_box(read.expect("what the writer wrote").leaves.len());
        }
    };
    vec![
        (
            "orbscan, walk",
            Box::new(move || {
                let mut json = Json::new(text.as_bytes(), Dialect::Python, &limits).expect("text");
                black_box(json.skip().expect("a value"));
            }),
        ),
        (
            "jiter, walk",
            Box::new(|| Jiter::new(text.as_bytes()).next_skip().expect("a value")),
        ),
        (
            "sonic-rs, walk",
            Box::new(|| {
                let value = sonic_rs::from_slice::<sonic_rs::LazyValue<'_>>(text.as_bytes());
                black_box(value.expect("a value").as_raw_str().len());
            }),
        ),
        (
            "jiter, tree",
            Box::new(|| {
                black_box(JsonValue::parse(text.as_bytes(), true).expect("a value"));
            }),
        ),
        (
            "sonic-rs, tree",
            Box::new(|| {
                let value = sonic_rs::from_slice::<sonic_rs::Value>(text.as_bytes());
                black_box(value.expect("a value"));
            }),
        ),
        ("orbscan, columns", Box::new(columns(text))),
        (
            "orbscan, columns, spelled otherwise",
            Box::new(columns(compact)),
        ),
    ]
}

/// The median of each parser, in nanoseconds.
fn medians<'a>(parsers: &[Parser<'a>]) -> Vec<(&'static str, f64)> {
    let mut times = vec![Vec::new(); parsers.len()];
    for _ in 0..TURNS {
        for ((_, parse), times) in parsers.iter().zip(&mut times) {
            let start = Instant::now();
            parse();
            times.push(start.elapsed().as_secs_f64() * 1e9);
        }
    }
    let median = |mut times: Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    };
    let names = parsers.iter().map(|(name, _)| *name);
    names.zip(times.into_iter().map(median)).collect()
}
