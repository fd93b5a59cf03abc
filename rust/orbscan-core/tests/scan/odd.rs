//! What is odd: roots that are none, stores that refuse, scans that nobody reads to the end.

use std::sync::Arc;
use std::time::Duration;

use orbscan_core::error::{Error, ErrorKind};
use orbscan_core::orbax::commit::Atomicity;
use orbscan_core::pattern::{Of, Pattern};
use orbscan_core::scan::entry::{Entry, Kind};
use orbscan_core::scan::selection::{Selection, Shard};
use orbscan_core::scan::{Options, Poll, Root, Scan, scan};
use orbscan_core::store::Store;
use orbscan_core::store::memory::MemoryStore;

use crate::support::*;

#[test]
fn roots_that_are_no_roots_are_told() {
    let store = runs();
    let mut roots: Vec<Root> = ["runs/nowhere", "runs/notes/todo.txt", "runs/run_1/9/state"]
        .map(|at| root(store.clone(), at))
        .into();
    roots.push(Root {
        text: "odd".to_owned(),
        place: Err(Error::new(ErrorKind::Unsupported, "odd")),
    });
    roots.push(root(store.clone(), "runs/run_1/9"));
    roots.push(root(store, "runs/llm/model.safetensors"));
    let entries: Vec<Entry> = scan(roots, options(3)).collect();
    let kinds: Vec<_> = entries
        .iter()
        .map(|entry| (entry.kind, entry.error().map(Error::kind)))
        .collect();
    assert_eq!(
        kinds,
        [
            (Kind::Unknown, Some(ErrorKind::Unsupported)),
            (Kind::Unknown, Some(ErrorKind::NotFound)),
            (Kind::Unknown, Some(ErrorKind::UnknownLayout)),
            (Kind::Unknown, Some(ErrorKind::UnknownLayout)),
            (Kind::V1, None),
            (Kind::Safetensors, Some(ErrorKind::Malformed)),
        ]
    );
}

#[test]
fn while_nobody_takes_entries_little_is_read() {
    for ordered in [false, true] {
        let counter = counted(manager(100));
        let options = Options {
            ordered,
            ..options(4)
        };
        let mut scan = scan(vec![root(Borrowed(counter), "runs")], options);
        assert!(scan.next().is_some());
        wait_until(|| matches!(scan.poll(Duration::from_millis(1)), Poll::Entry(_)));
        for _ in 0..10_000 {
            std::thread::yield_now();
        }
        // Two were taken, eight wait, and each thread may have one in its hands.
        assert!(counter.requests().fetches <= 5 * (2 + 8 + 4));
        assert_eq!(scan.count(), 98);
    }
}

#[test]
fn a_dropped_scan_ends_its_threads() {
    let counter = counted(manager(100));
    let store: Arc<dyn Store> = Arc::new(Borrowed(counter));
    let root = Root {
        text: "runs".to_owned(),
        place: Ok((Arc::clone(&store), path("runs"))),
    };
    let mut scan = scan(vec![root], options(4));
    assert!(scan.next().is_some());
    drop(scan);
    // Every thread holds the store for as long as it lives.
    wait_until(|| Arc::strong_count(&store) == 1);
    assert!(counter.requests().fetches <= 5 * (1 + 8 + 4));
}

#[test]
fn a_stopped_scan_ends() {
    let mut scan: Scan = scan(vec![root(manager(50), "runs")], options(2));
    assert!(scan.next().is_some());
    scan.stop();
    assert_eq!(scan.count(), 0);
}

#[test]
fn a_panic_is_told_and_ends_nothing() {
    for threads in [1, 4] {
        let store = Odd {
            panics: "runs/3",
            ..Odd::new(manager(10))
        };
        let entries: Vec<Entry> = scan(vec![root(store, "runs")], options(threads)).collect();
        assert_eq!(entries.len(), 10);
        let failed: Vec<_> = entries
            .iter()
            .filter(|entry| entry.error().is_some())
            .collect();
        assert_eq!(failed[0].path, "runs/3");
        assert!(
            failed[0]
                .error()
                .unwrap()
                .reason()
                .contains("internal error in orbscan")
        );
    }
}

#[test]
fn progress_counts_to_the_end() {
    let mut scan = scan(vec![root(manager(10), "runs")], options(1));
    assert!(scan.next().is_some());
    let first = scan.progress();
    assert_eq!((first.found, first.done, first.waiting), (1, 1, 9));
    assert_eq!(scan.by_ref().count(), 9);
    assert_eq!(scan.progress().done, 10);
    assert_eq!(scan.progress().waiting, 0);
}

#[test]
fn where_a_file_commits_every_step_without_one_is_told() {
    let mut store = MemoryStore::new();
    for name in ["1", "2", "7.orbax-checkpoint-tmp"] {
        write(&mut store, &format!("runs/cf/{name}"));
    }
    for name in ["1", "7.orbax-checkpoint-tmp"] {
        store.insert(path(&format!("runs/cf/{name}/commit_success.txt")), "");
    }
    for name in [
        "3/default/ocdbt.process_0",
        "4",
        "5.orbax-checkpoint-tmp/odd",
        "6.partial_save",
        "notes",
        "step_8",
    ] {
        store.insert_directory(path(&format!("runs/cf/{name}")));
    }
    store.insert(path("runs/cf/5.orbax-checkpoint-tmp/odd/_METADATA"), "{}");
    // Called like steps, and none: no sibling is one.
    store.insert_directory(path("runs/2024/empty"));
    write(&mut store, "runs/run_1/9");
    let told = |atomicity| -> Vec<(String, &str, bool, bool)> {
        let mut options = options(2);
        options.read.rules.atomicity = Some(atomicity);
        let entries = found(store.clone(), options).into_iter();
        let shown = |entry: Entry| {
            let way = entry.path.trim_start_matches("runs/").to_owned();
            let Entry { kind, commit, .. } = entry;
            (way, kind.name(), commit.committed, commit.temporary)
        };
        entries.map(shown).collect()
    };
    let row = |way: &str, kind, committed, leftover| (way.to_owned(), kind, committed, leftover);
    assert_eq!(
        told(Atomicity::CommitFile),
        [
            row("cf/1", "v1", true, false),
            row("cf/2", "v1", false, true),
            row("cf/3", "temporary", false, true),
            row("cf/4", "temporary", false, true),
            row("cf/5.orbax-checkpoint-tmp", "temporary", false, true),
            row("cf/6.partial_save", "temporary", false, true),
            row("cf/7.orbax-checkpoint-tmp", "v1", true, false),
            row("run_1/9", "v1", false, true),
        ]
    );
    assert_eq!(
        told(Atomicity::CommitFileOrRename),
        [
            row("cf/1", "v1", true, false),
            row("cf/2", "v1", true, false),
            // Nothing is there of these but their names.
            row("cf/3", "unknown", true, false),
            row("cf/4", "unknown", true, false),
            row("cf/5.orbax-checkpoint-tmp", "temporary", false, true),
            row("cf/6.partial_save", "temporary", false, false),
            row("cf/7.orbax-checkpoint-tmp", "v1", true, false),
            row("run_1/9", "v1", true, false),
        ]
    );
}

#[test]
fn timestamps_come_with_what_is_not_committed_as_well() {
    let mut store = manager(1);
    let begun = r#"{"init_timestamp_nsecs": 5}"#;
    let ended = r#"{"init_timestamp_nsecs": 5, "commit_timestamp_nsecs": 9}"#;
    for (name, header) in [
        ("0", begun),
        ("1.orbax-checkpoint-tmp", ended),
        ("2.orbax-checkpoint-tmp", begun),
        ("3.orbax-checkpoint-tmp", "not json"),
    ] {
        let header = header.to_owned();
        store.insert(path(&format!("runs/{name}/_CHECKPOINT_METADATA")), header);
    }
    let entries = found(store, options(2));
    let shown: Vec<_> = entries
        .iter()
        .map(|entry| {
            let times = (entry.init_timestamp_nsecs, entry.commit_timestamp_nsecs);
            (times, entry.commit.reason.as_ref())
        })
        .collect();
    assert_eq!(
        shown,
        [
            (
                (Some(5), None),
                "its name has no temporary suffix, but no commit timestamp is recorded"
            ),
            (
                (Some(5), Some(9)),
                "its name is temporary, but a commit timestamp is recorded"
            ),
            ((Some(5), None), "its name is temporary"),
            ((None, None), "its name is temporary"),
        ]
    );
}

fn locked(at: &'static str) -> Odd {
    Odd {
        locked: at,
        ..Odd::new(manager(4))
    }
}

#[test]
fn a_step_that_may_not_be_read_is_finished_if_its_name_says_so() {
    let committed = |at, atomicity| {
        let mut options = options(2);
        options.read.rules.atomicity = Some(atomicity);
        let entries: Vec<Entry> = scan(vec![root(locked(at), "runs")], options).collect();
        let mut unknown = entries.iter().filter(|entry| entry.kind == Kind::Unknown);
        let entry = unknown.next().unwrap();
        assert_eq!(entry.error().unwrap().kind(), ErrorKind::Store);
        entry.commit.committed
    };
    assert!(committed("runs/2", Atomicity::Rename));
    assert!(!committed("runs/2", Atomicity::CommitFile));
    // It need not be a checkpoint.
    assert!(!committed("runs", Atomicity::Rename));
}

#[test]
fn what_may_not_be_read_is_left_out_if_it_is_not_wanted() {
    let told = |selection| -> Vec<String> {
        let entries = scan(vec![root(locked("runs/2"), "runs")], with(selection));
        entries.map(|entry| entry.path).collect()
    };
    let all = Selection::default();
    let steps = Selection {
        steps: Some(1..=1),
        ..all.clone()
    };
    assert_eq!(told(steps), ["runs/1"]);
    let pattern = Selection {
        pattern: Some(Pattern::new("3", Of::Path)),
        ..all.clone()
    };
    assert_eq!(told(pattern), ["runs/3"]);
    let uncommitted = Selection {
        committed: Some(false),
        ..all.clone()
    };
    assert_eq!(told(uncommitted), [""; 0]);
    // What is wanted may lie below it.
    let pattern = Selection {
        pattern: Some(Pattern::new("2/*", Of::Path)),
        ..all
    };
    assert_eq!(told(pattern), ["runs/2"]);
}

#[test]
fn what_cannot_be_looked_at_is_told_in_one_share() {
    let mut told = Vec::new();
    for index in 0..3 {
        let shard = Some(Shard { index, count: 3 });
        let selection = Selection {
            shard,
            ..Selection::default()
        };
        let mut roots = vec![root(locked("runs/2"), "runs")];
        for (text, name) in [("nowhere", "nowhere"), ("odd", "-")] {
            let mut root = root(MemoryStore::new(), name);
            root.text = text.to_owned();
            if name == "-" {
                root.place = Err(Error::new(ErrorKind::Unsupported, "odd"));
            }
            roots.push(root);
        }
        let panicking = Odd {
            panics: "runs/3",
            ..Odd::new(manager(4))
        };
        roots.push(root(panicking, "runs/3"));
        told.extend(scan(roots, with(selection)).map(|entry| entry.path));
    }
    told.sort_unstable();
    // The one that panics was given beside the root that it lies in, and is told once.
    let expected = ["nowhere", "odd", "runs/0", "runs/1", "runs/2", "runs/3"];
    assert_eq!(told, expected);
}
