//! Directories that a scan leaves out, and what that saves.

use std::collections::HashMap;
use std::sync::Arc;

use orbscan_core::error::Result;
use orbscan_core::path::StorePath;
use orbscan_core::pattern::{Of, Pattern};
use orbscan_core::scan::entry::{Content, Entry};
use orbscan_core::scan::selection::Selection;
use orbscan_core::scan::{Options, Root, scan};
use orbscan_core::store::memory::MemoryStore;
use orbscan_core::store::{self, Bytes, Stat, Store, Want};
use orbscan_core::testing::checkpoint_writer::CheckpointWriter;
use orbscan_core::testing::counting_store::CountingStore;

fn runs(steps: &[&str]) -> MemoryStore {
    let mut store = MemoryStore::new();
    let writer = CheckpointWriter {
        leaves: 1,
        chunks: 0,
    };
    for step in steps {
        writer.write(&StorePath::new(step).unwrap(), &mut store);
    }
    store
}

fn excluding(patterns: &[&str]) -> Options {
    Options {
        selection: Selection {
            exclude: patterns
                .iter()
                .map(|text| Pattern::new(text, Of::Path))
                .collect(),
            ..Selection::default()
        },
        ordered: true,
        threads: 1,
        ..Options::default()
    }
}

fn scanned(store: impl Store + 'static, at: &str, options: Options) -> Vec<Entry> {
    let place = Ok((
        Arc::new(store) as Arc<dyn Store>,
        StorePath::new(at).unwrap(),
    ));
    let text = at.to_owned();
    scan(vec![Root { text, place }], options).collect()
}

fn found(at: &str, options: Options) -> Vec<String> {
    let store = runs(&[
        "runs/a/7",
        "runs/a/8",
        "runs/a/_todelete_/6",
        "runs/b/snapshots/deep/5",
        "runs/b/9",
    ]);
    let entries = scanned(store, at, options);
    entries.into_iter().map(|entry| entry.path).collect()
}

#[test]
fn what_matches_is_neither_walked_nor_told() {
    for (patterns, expected) in [
        (&[][..], 5),
        (&["**/_todelete_"], 4),
        (&["**/_todelete_", "*/snapshots"], 3),
        (&["**/snapshots/**"], 4),
        (&["a"], 2),
        (&["_todelete_", "snapshots", "7"], 5),
        (&["**/[78]"], 3),
        (&["**"], 0),
    ] {
        let paths = found("runs", excluding(patterns));
        assert_eq!(paths.len(), expected, "{patterns:?}: {paths:?}");
    }
}

#[test]
fn a_checkpoint_that_was_given_is_left_out_by_its_name_and_a_directory_is_searched() {
    assert_eq!(found("runs/a/7", excluding(&["7"])), [""; 0]);
    assert_eq!(
        found("runs/b", excluding(&["b", "snapshots"])),
        ["runs/b/9"]
    );
}

#[test]
fn an_excluded_directory_costs_no_request() {
    let steps: Vec<String> = (0..50).map(|step| format!("runs/old/{step}")).collect();
    let mut steps: Vec<&str> = steps.iter().map(String::as_str).collect();
    steps.push("runs/new/1");
    let requests = |store: MemoryStore, options| {
        let counter: &'static CountingStore<'static> =
            Box::leak(Box::new(CountingStore::new(Box::leak(Box::new(store)))));
        let entries = scanned(Borrowed(counter), "runs", options);
        assert_eq!(entries.len(), 1);
        counter.requests()
    };
    let alone = requests(runs(&["runs/new/1"]), excluding(&[]));
    assert_eq!(requests(runs(&steps), excluding(&["old"])), alone);
}

#[test]
fn the_newest_are_the_newest_of_what_is_not_excluded() {
    let mut options = excluding(&["8"]);
    options.selection.latest = Some(1);
    assert_eq!(
        found("runs/a", options),
        ["runs/a/7", "runs/a/_todelete_/6"]
    );
}

#[test]
fn what_is_excluded_now_is_not_told_as_gone() {
    let since = ["runs/a/7", "runs/a/old/3", "runs/a/4"];
    let since: HashMap<String, u64> = since.iter().map(|path| ((*path).to_owned(), 0)).collect();
    let options = Options {
        since,
        ..excluding(&["a/old"])
    };
    let entries = scanned(runs(&["runs/a/7"]), "runs", options);
    let gone = |entry: &&Entry| matches!(entry.content, Content::Vanished);
    let gone: Vec<&str> = entries
        .iter()
        .filter(gone)
        .map(|entry| &*entry.path)
        .collect();
    assert_eq!(gone, ["runs/a/4"]);
}

/// A store that lives as long as the test program.
struct Borrowed(&'static CountingStore<'static>);

impl Store for Borrowed {
    fn list(&self, directory: &StorePath) -> Result<Vec<store::Entry>> {
        self.0.list(directory)
    }

    fn stat(&self, paths: &[StorePath]) -> Vec<Result<Option<Stat>>> {
        self.0.stat(paths)
    }

    fn fetch(&self, wants: &[Want]) -> Vec<Result<Bytes>> {
        self.0.fetch(wants)
    }

    fn locate(&self, path: &StorePath) -> String {
        self.0.locate(path)
    }
}
