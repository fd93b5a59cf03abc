//! What a scan costs.

use std::collections::HashMap;

use orbscan_core::scan::Options;
use orbscan_core::scan::entry::{Content, Entry};
use orbscan_core::scan::selection::Selection;
use orbscan_core::store::memory::MemoryStore;

use crate::support::*;

#[test]
fn a_checkpoint_costs_one_listing_and_the_files_of_its_tree() {
    let steps = 20;
    let (entries, asked) = requests(manager(steps), options(4));
    assert_eq!(entries.len(), steps);
    let each = |total: u64, beside: u64| (total - beside) / 20;
    assert_eq!(each(asked.lists, 1), 1);
    // `_CHECKPOINT_METADATA`; `_METADATA`, `_sharding` and `manifest.ocdbt`; one B+tree node.
    assert_eq!(each(asked.fetches, 0), 5);
    // Of what identifies it: `_CHECKPOINT_METADATA`, the directory of the item, and in it
    // `_METADATA`, `_sharding`, `manifest.ocdbt` and the key types of one process; and whether the
    // root is a part of a checkpoint.
    assert_eq!(each(asked.stats, 1), 6);
}

#[test]
fn headers_alone_cost_one_fetch() {
    let headers = Options {
        leaves: false,
        ..options(4)
    };
    let (entries, asked) = requests(manager(20), headers);
    assert_eq!((entries.len(), asked.fetches), (20, 20));
    let Content::Read(checkpoint) = &entries[0].content else {
        panic!("{:?}", entries[0])
    };
    assert_eq!(checkpoint.items[0].name.as_deref(), Some("state"));
    assert!(checkpoint.items[0].table.is_none());
}

#[test]
fn a_second_scan_reads_only_what_is_new() {
    let mut store = manager(20);
    let first: HashMap<String, u64> = found(store.clone(), options(2))
        .into_iter()
        .filter_map(|entry| Some((entry.path, entry.fingerprint?)))
        .collect();
    assert_eq!(first.len(), 20);
    write(&mut store, "runs/20");
    store.insert(path("runs/7/_CHECKPOINT_METADATA"), "{}");
    let since = Options {
        since: first.clone(),
        ..options(2)
    };
    let (entries, asked) = requests(store.clone(), since.clone());
    assert_eq!(asked.fetches, 2 * 5);
    let unchanged = |entry: &&Entry| matches!(entry.content, Content::Unchanged);
    assert_eq!(entries.iter().filter(unchanged).count(), 19);
    assert!(matches!(entries[7].content, Content::Read(_)));
    // What was there and is gone is told at the end; what is now unwanted is not.
    let mut smaller = MemoryStore::new();
    for (file, content) in store.files() {
        if !file.as_str().starts_with("runs/3/") {
            smaller.insert(file.clone(), content.clone());
        }
    }
    let selection = Selection {
        steps: Some(5..=6),
        ..Selection::default()
    };
    let entries = found(smaller, Options { selection, ..since });
    let seen: Vec<_> = entries
        .iter()
        .map(|entry| matches!(entry.content, Content::Vanished))
        .collect();
    assert_eq!(paths(&entries), ["5", "6", "3"]);
    assert_eq!(seen, [false, false, true]);
}

#[test]
fn unwanted_steps_are_not_looked_at() {
    let newest = Selection {
        latest: Some(2),
        ..Selection::default()
    };
    let (entries, asked) = requests(manager(200), with(newest));
    assert_eq!(paths(&entries), ["198", "199"]);
    assert_eq!(asked.lists, 1 + 2);
    let few = Selection {
        steps: Some(50..=54),
        ..Selection::default()
    };
    let (entries, asked) = requests(manager(200), with(few));
    assert_eq!(entries.len(), 5);
    // One more, to see that its siblings are checkpoints as well.
    assert_eq!(asked.lists, 1 + 5 + 1);
}
