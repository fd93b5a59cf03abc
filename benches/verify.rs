//! Checks one checkpoint at the level `index` a number of times, for comparison with `read`.
//!
//!     cargo run --release --example verify -- PATH [ROUNDS]

mod rounds;

use std::ops::ControlFlow;

use orbscan_core::verify::{Options, verify};

fn main() {
    let mut chunks = 0;
    rounds::run(|store, path| {
        let go_on = &mut |_| ControlFlow::Continue(());
        let report = verify(store, path, &Options::default(), None, go_on);
        let report = report.unwrap_or_else(|error| panic!("{error}"));
        assert!(report.is_ok(), "{:?}", report.findings);
        chunks = report.extent.chunks;
    });
    println!("{chunks} chunks");
}
