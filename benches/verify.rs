//! Checks one checkpoint at the level `index` a number of times: to be held against `read`.
//!
//!     cargo run --release --example verify -- PATH [ROUNDS]

use std::ops::ControlFlow;
use std::path::Path;

use orbscan_core::path::StorePath;
use orbscan_core::store::local::LocalStore;
use orbscan_core::verify::{Options, verify};

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
    let mut chunks = 0;
    for _ in 0..rounds {
        let store = LocalStore::new(path.parent().unwrap_or(Path::new("/")));
        let go_on = &mut |_| ControlFlow::Continue(());
        let report = verify(&store, &name, &Options::default(), go_on);
        let report = report.unwrap_or_else(|error| panic!("{error}"));
        assert!(report.is_ok(), "{:?}", report.findings);
        chunks = report.extent.chunks;
    }
    println!("{chunks} chunks");
}
