//! Reads one checkpoint a number of times, for `instructions.py`.
//!
//!     cargo run --release --example read -- PATH [ROUNDS]

mod rounds;

use orbscan_core::reader::{Options, Recall, Selection, read_pytree};

fn main() {
    let mut leaves = 0;
    rounds::run(|store, path| {
        let options = Options::default();
        let read = read_pytree(store, path, Selection::Auto, &options, &Recall::none());
        let read = read.unwrap_or_else(|error| panic!("{error}"));
        leaves = read
            .items
            .iter()
            .filter_map(|item| item.table.as_ref())
            .map(|table| table.leaf_of.len())
            .sum();
    });
    println!("{leaves} leaves");
}
