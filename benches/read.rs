//! Reads one checkpoint a number of times: what `instructions.py` counts.
//!
//!     cargo run --release --example read -- PATH [ROUNDS]

use std::path::Path;

use orbscan_core::path::StorePath;
use orbscan_core::reader::{Options, Recall, Selection, read_pytree};
use orbscan_core::store::local::LocalStore;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().expect("the path of a checkpoint");
    let rounds = arguments
        .next()
        .map_or(1, |text| text.parse().expect("a number of rounds"));
    let path = std::path::absolute(path).expect("a path");
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .expect("a name");
    let name = StorePath::new(name).expect("a plain name");
    let mut leaves = 0;
    for _ in 0..rounds {
        let store = LocalStore::new(path.parent().unwrap_or(Path::new("/")));
        let read = read_pytree(
            &store,
            &name,
            Selection::Auto,
            &Options::default(),
            &Recall::new(),
        );
        let read = read.unwrap_or_else(|error| panic!("{error}"));
        leaves = read
            .items
            .iter()
            .filter_map(|item| item.table.as_ref())
            .map(|table| table.leaf_of.len())
            .sum();
    }
    println!("{leaves} leaves");
}
