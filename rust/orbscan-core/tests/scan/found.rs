//! What a scan finds, and what of it is wanted.

use std::collections::BTreeSet;
use std::sync::Arc;

use orbscan_core::error::ErrorKind;
use orbscan_core::pattern::{Of, Pattern};
use orbscan_core::scan::entry::Content;
use orbscan_core::scan::selection::{Selection, Shard};
use orbscan_core::scan::{Options, Root, scan};
use orbscan_core::store::Store;
use orbscan_core::store::memory::MemoryStore;

use crate::support::*;

#[test]
fn finds_every_kind_in_order_and_nothing_else() {
    for threads in [1, 2, 8, usize::MAX] {
        let entries = found(runs(), options(threads));
        let seen: Vec<_> = paths(&entries)
            .into_iter()
            .zip(entries.iter().map(|entry| entry.kind))
            .collect();
        assert_eq!(seen, ALL[..12], "{threads} threads");
        let steps: Vec<_> = entries.iter().filter_map(|entry| entry.step).collect();
        assert_eq!(steps, [3, 9, 10, 100, 1_000, 1_001, 7, 8]);
    }
}

#[test]
fn without_order_the_same_are_found() {
    let unordered = Options {
        ordered: false,
        ..options(8)
    };
    let entries = found(runs(), unordered);
    let seen: BTreeSet<_> = paths(&entries).into_iter().collect();
    assert_eq!(seen, ALL[..12].iter().map(|(path, _)| *path).collect());
    assert_eq!(entries.len(), 12);
}

#[test]
fn a_broken_one_carries_its_error_and_ends_nothing() {
    let entries = found(runs(), options(2));
    let state = |at: usize| match &entries[at].content {
        Content::Read(_) => "read",
        Content::Unread => "unread",
        Content::Failed(_) => "failed",
        _ => "else",
    };
    assert_eq!((state(0), state(1), state(5)), ("failed", "unread", "read"));
    let error = entries[0].error().unwrap();
    assert_eq!(error.file(), Some("memory:runs/broken"));
    // The pytree that a read would choose, of those in the checkpoint.
    assert_eq!(entries[2].error().unwrap().kind(), ErrorKind::Malformed);
    assert_eq!(
        entries[5].chosen.as_ref().unwrap().as_ref().unwrap().item,
        0
    );
}

#[test]
fn selections_leave_out_what_is_not_wanted() {
    let selection = Selection::default();
    for (selection, expected) in [
        (
            Selection {
                steps: Some(10..=100),
                ..selection.clone()
            },
            vec!["run_1/10", "run_1/100"],
        ),
        (
            Selection {
                latest: Some(1),
                committed: Some(true),
                pattern: Some(Pattern::new("run_*/*", Of::Path)),
                ..selection.clone()
            },
            vec!["run_1/1000", "run_2/step_0008"],
        ),
        (
            Selection {
                committed: Some(false),
                ..selection.clone()
            },
            vec!["final.partial_save", "run_1/1001.orbax-checkpoint-tmp"],
        ),
        (
            Selection {
                pattern: Some(Pattern::new("**/step_*7", Of::Path)),
                ..selection
            },
            vec!["run_2/step_0007"],
        ),
    ] {
        assert_eq!(paths(&found(runs(), with(selection))), expected);
    }
}

#[test]
fn shares_are_disjoint_and_complete() {
    let mut seen = Vec::new();
    for index in 0..3 {
        let shard = Some(Shard { index, count: 3 });
        let selection = Selection {
            shard,
            ..Selection::default()
        };
        let entries = found(runs(), with(selection));
        seen.extend(entries.into_iter().map(|entry| entry.path));
    }
    assert_eq!(seen.len(), 12);
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>().len(), 12);
}

#[test]
fn shares_do_not_depend_on_how_a_root_is_spelled() {
    let shared = |text: &str| -> Vec<Option<u64>> {
        let shard = Some(Shard { index: 1, count: 3 });
        let selection = Selection {
            shard,
            ..Selection::default()
        };
        let mut root = root(manager(20), "runs");
        root.text = text.to_owned();
        let entries = scan(vec![root], with(selection));
        entries.map(|entry| entry.step).collect()
    };
    let share = shared("runs");
    assert!((1..20).contains(&share.len()), "{share:?}");
    for text in ["./runs", "runs/", "/data/runs"] {
        assert_eq!(shared(text), share, "{text}");
    }
}

#[test]
fn the_latest_are_counted_among_links_and_directories() {
    let mut store = manager(4);
    write(&mut store, "runs/9");
    write(&mut store, "runs/_9");
    write(&mut store, "runs/003");
    write(&mut store, "runs/8.orbax-checkpoint-tmp");
    let store = Odd {
        links: &["runs/0", "runs/2", "runs/9"],
        ..Odd::new(store)
    };
    let store = Arc::new(store);
    let latest = |latest| -> Vec<String> {
        let selection = Selection {
            latest: Some(latest),
            ..Selection::default()
        };
        let root = Root {
            text: "runs".to_owned(),
            place: Ok((Arc::clone(&store) as Arc<dyn Store>, path("runs"))),
        };
        let entries = scan(vec![root], with(selection));
        entries.map(|entry| entry.path).collect()
    };
    // What is called otherwise is counted by itself, and what is temporary not at all.
    let beside = ["runs/8.orbax-checkpoint-tmp", "runs/9", "runs/_9"];
    let sorted = |latest_wanted| {
        let mut found = latest(latest_wanted);
        found.sort_unstable();
        found
    };
    assert_eq!(sorted(1), beside);
    // Of equal numbers the last by name.
    assert_eq!(sorted(2), [&["runs/3"], &beside[..]].concat());
    assert_eq!(sorted(3), [&["runs/003", "runs/3"], &beside[..]].concat());
}

#[test]
fn a_checkpoint_of_json_alone_is_sound() {
    let mut store = MemoryStore::new();
    store.insert(path("runs/0/_CHECKPOINT_METADATA"), "{}");
    for item in ["config", "state"] {
        store.insert(path(&format!("runs/0/{item}/metadata")), "{\"seen\": 1}");
    }
    let entries = found(store.clone(), options(1));
    assert!(entries[0].error().is_none());
    assert!(entries[0].chosen.is_none());
    let Content::Read(checkpoint) = &entries[0].content else {
        panic!("{:?}", entries[0])
    };
    assert!(checkpoint.issues.is_empty(), "{:?}", checkpoint.issues);
    // A pytree that has lost its tree is still told apart.
    store.insert(path("runs/0/state/manifest.ocdbt"), "");
    assert!(found(store, options(1))[0].error().is_some());
}

#[test]
fn an_aggregate_has_an_identity() {
    let fingerprints = |content: &'static [u8]| -> Vec<Option<u64>> {
        let mut store = MemoryStore::new();
        store.insert(path("runs/flat/checkpoint"), content);
        store.insert(path("runs/steps/3/default/checkpoint"), content);
        let entries = found(store, options(1)).into_iter();
        entries.map(|entry| entry.fingerprint).collect()
    };
    let (first, second) = (fingerprints(b"\x80"), fingerprints(b"\x81\xa1a\xc0"));
    assert_eq!(first.len(), 2);
    for (first, second) in first.into_iter().zip(second) {
        assert!(first.is_some());
        assert_ne!(first, second);
    }
}
