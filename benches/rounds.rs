//! The common part of the programs that read one checkpoint a number of times: their arguments are
//! `PATH [ROUNDS]`.

use std::path::Path;

use orbscan_core::path::StorePath;
use orbscan_core::store::local::LocalStore;

/// Calls `round` with the checkpoint that the command line names, as often as it says.
pub fn run(mut round: impl FnMut(&LocalStore, &StorePath)) {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().expect("the path of a checkpoint");
    let rounds = arguments
        .next()
        .map_or(1, |text| text.parse().expect("a number of rounds"));
    for _ in 0..rounds {
        let (store, place) = LocalStore::open(Path::new(&path)).expect("a path");
        round(&store, &place);
    }
}
