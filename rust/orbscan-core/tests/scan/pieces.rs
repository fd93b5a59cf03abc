//! A scan in pieces: together they are the whole, and cost little more.

use std::collections::HashMap;

use orbscan_core::error::ErrorKind;
use orbscan_core::orbax::commit::Atomicity;
use orbscan_core::pattern::{Of, Pattern};
use orbscan_core::scan::entry::{Content, Entry};
use orbscan_core::scan::pieces::{Depth, Piece, divide};
use orbscan_core::scan::selection::Selection;
use orbscan_core::scan::{Options, scan};
use orbscan_core::store::memory::MemoryStore;
use orbscan_core::testing::counting_store::Requests;

use crate::support::*;

fn pieces_of(store: &MemoryStore, options: &Options, depth: Depth) -> Vec<Piece> {
    divide(vec![root(store.clone(), "runs")], options, depth)
}

/// What several find who share the pieces among them.
fn shared(store: &MemoryStore, pieces: &[Piece], options: &Options, count: usize) -> Vec<Entry> {
    let shares = (0..count).flat_map(|share| {
        let own = pieces.iter().skip(share).step_by(count);
        let options = Options {
            pieces: Some(own.cloned().collect()),
            ..options.clone()
        };
        found(store.clone(), options)
    });
    shares.collect()
}

fn told(entries: Vec<Entry>) -> Vec<String> {
    let line = |entry: Entry| {
        let error = entry.error().map(ToString::to_string);
        format!(
            "{} {:?} {:?} {:?} {error:?}",
            entry.path, entry.kind, entry.commit, entry.fingerprint
        )
    };
    let mut lines: Vec<String> = entries.into_iter().map(line).collect();
    lines.sort();
    lines
}

fn selections() -> Vec<Selection> {
    let all = Selection::default;
    let pattern = |text| Some(Pattern::new(text, Of::Path));
    vec![
        all(),
        Selection {
            latest: Some(2),
            ..all()
        },
        Selection {
            steps: Some(8..=100),
            ..all()
        },
        Selection {
            committed: Some(false),
            ..all()
        },
        Selection {
            pattern: pattern("run_*/**"),
            ..all()
        },
        Selection {
            exclude: vec![Pattern::new("run_1", Of::Path)],
            ..all()
        },
        Selection {
            latest: Some(1),
            committed: Some(true),
            ..all()
        },
    ]
}

#[test]
fn all_pieces_together_are_the_whole() {
    let store = runs();
    for selection in selections() {
        for atomicity in [None, Some(Atomicity::CommitFile)] {
            let mut options = with(selection.clone());
            options.read.rules.atomicity = atomicity;
            let whole = told(found(store.clone(), options.clone()));
            for depth in [1, 2, 5, 1_000]
                .map(Depth::Until)
                .into_iter()
                .chain([Depth::Checkpoints])
            {
                let pieces = pieces_of(&store, &options, depth);
                for count in [1, 3] {
                    let entries = shared(&store, &pieces, &options, count);
                    assert_eq!(told(entries), whole, "{depth:?} {count} {selection:?}");
                }
            }
        }
    }
}

#[test]
fn steps_are_pieces_of_which_one_was_looked_at() {
    let store = counted(manager(50));
    let roots = || vec![root(Borrowed(store), "runs")];
    let pieces = divide(roots(), &options(4), Depth::Until(40));
    assert_eq!((pieces.len(), store.requests().lists), (50, 1));
    let pieces = divide(roots(), &options(4), Depth::Until(400));
    // The root again, and the sample.
    assert_eq!((pieces.len(), store.requests().lists), (50, 3));
}

#[test]
fn shares_ask_for_little_more_than_one_scan() {
    let (whole, alone) = requests(manager(100), options(4));
    let store = counted(manager(100));
    let roots = || vec![root(Borrowed(store), "runs")];
    let pieces = divide(roots(), &options(4), Depth::Until(10 * 8));
    let mut entries = Vec::new();
    for share in 0..10 {
        let own = pieces.iter().skip(share).step_by(10).cloned().collect();
        let options = Options {
            pieces: Some(own),
            ..options(4)
        };
        entries.extend(scan(roots(), options));
    }
    assert_eq!(entries.len(), whole.len());
    let all = |asked: Requests| asked.lists + asked.stats + asked.fetches;
    let (alone, together) = (all(alone), all(store.requests()));
    assert!(
        together <= alone + 2,
        "{together} requests, {alone} by one scan"
    );
}

#[test]
fn newest_steps_stay_together() {
    let newest = with(Selection {
        latest: Some(2),
        ..Selection::default()
    });
    let pieces = pieces_of(&runs(), &newest, Depth::Until(1_000));
    let run = pieces.iter().filter(|piece| piece.way == "run_1");
    let names: Vec<usize> = run.map(|piece| piece.names.len()).collect();
    // The steps; what is no step is a piece of its own.
    assert!(names.contains(&4), "{names:?}");
}

#[test]
fn checkpoints_are_measured() {
    let store = runs();
    let pieces = pieces_of(&store, &options(4), Depth::Checkpoints);
    let sizes: HashMap<String, u64> = pieces
        .iter()
        .filter_map(|piece| Some((piece.names.first()?.0.clone(), piece.bytes)))
        .collect();
    let size = |at: &str| -> u64 {
        let files = store.files();
        let below = files.filter(|(file, _)| file.as_str().starts_with(at));
        below.map(|(_, content)| content.len() as u64).sum()
    };
    assert_eq!(sizes["100"], size("runs/run_1/100/"));
    // What was never finished is not checked.
    assert_eq!(sizes["1001.orbax-checkpoint-tmp"], 0);
}

#[test]
fn what_is_not_there_any_more_is_told() {
    let pieces = pieces_of(&runs(), &options(4), Depth::Until(1_000));
    let mut other = MemoryStore::new();
    write(&mut other, "runs/run_1/9");
    write(&mut other, "runs/run_9/9");
    let entries = shared(&other, &pieces, &options(4), 3);
    let failed = entries.iter().filter(|entry| {
        let Content::Failed(error) = &entry.content else {
            return false;
        };
        error.kind() == ErrorKind::NotFound
            && error
                .reason()
                .contains("was there when the scan was divided")
    });
    let names: Vec<&str> = failed.map(|entry| entry.path.as_str()).collect();
    assert!(names.contains(&"runs/run_1/10"), "{names:?}");
    assert!(names.contains(&"runs/broken"), "{names:?}");
    // What nobody had seen by then is not found either.
    assert!(entries.iter().all(|entry| !entry.path.contains("run_9")));
}

#[test]
fn pieces_of_several_roots_are_told_apart() {
    let store = runs();
    let roots = || {
        vec![
            root(store.clone(), "runs/run_1"),
            root(store.clone(), "runs/missing"),
            root(store.clone(), "runs/run_2"),
        ]
    };
    let whole = told(scan(roots(), options(4)).collect());
    let pieces = divide(roots(), &options(4), Depth::Until(1_000));
    let halves = [0, 1].into_iter().flat_map(|half| {
        let own = pieces.iter().skip(half).step_by(2).cloned().collect();
        let options = Options {
            pieces: Some(own),
            ..options(4)
        };
        scan(roots(), options)
    });
    assert_eq!(told(halves.collect()), whole);
}

#[test]
fn a_share_gives_its_entries_in_order() {
    let store = runs();
    let whole = found(store.clone(), options(4));
    let pieces = pieces_of(&store, &options(4), Depth::Until(1_000));
    let all = shared(&store, &pieces, &options(4), 1);
    assert_eq!(paths(&all), paths(&whole));
}

#[test]
fn what_lies_in_two_roots_is_in_the_pieces_of_one() {
    let store = runs();
    let roots = || ["runs", "runs/run_1", "runs"].map(|text| root(store.clone(), text));
    let options = Options::default();
    let whole = told(scan(roots().into(), options.clone()).collect());
    assert_eq!(
        whole.len(),
        told(found(store.clone(), options.clone())).len()
    );
    for depth in [Depth::Until(1), Depth::Until(40), Depth::Checkpoints] {
        let pieces = divide(roots().into(), &options, depth);
        let parts = pieces.iter().flat_map(|piece| {
            let options = Options {
                pieces: Some(vec![piece.clone()]),
                ..options.clone()
            };
            scan(roots().into(), options).collect::<Vec<_>>()
        });
        assert_eq!(told(parts.collect()), whole, "{depth:?}");
    }
}
