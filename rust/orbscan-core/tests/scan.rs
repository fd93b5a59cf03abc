//! The walk, its order and its cost, over checkpoints in memory.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use orbscan_core::error::{Error, ErrorKind, Result};
use orbscan_core::orbax::commit::Atomicity;
use orbscan_core::path::StorePath;
use orbscan_core::pattern::{Of, Pattern};
use orbscan_core::scan::entry::{Content, Entry, Kind};
use orbscan_core::scan::selection::{Selection, Shard};
use orbscan_core::scan::{Options, Poll, Root, Scan, scan};
use orbscan_core::store::memory::MemoryStore;
use orbscan_core::store::{self, Bytes, Stat, Store, Want};
use orbscan_core::testing::checkpoint_writer::CheckpointWriter;
use orbscan_core::testing::counting_store::{CountingStore, Requests};

fn path(text: &str) -> StorePath {
    StorePath::new(text).unwrap()
}

fn write(store: &mut MemoryStore, at: &str) {
    let writer = CheckpointWriter {
        leaves: 3,
        chunks: 1,
    };
    writer.write(&path(at), store);
}

/// Two runs of a manager, and what else people keep.
fn runs() -> MemoryStore {
    let mut store = MemoryStore::new();
    for step in [9, 10, 100, 1_000] {
        write(&mut store, &format!("runs/run_1/{step}"));
    }
    for step in [7, 8] {
        write(&mut store, &format!("runs/run_2/step_{step:04}"));
    }
    let mut put = |at: &str, text: &'static str| store.insert(path(at), text);
    put("runs/run_1/metadata/_ROOT_METADATA", "{}");
    put("runs/run_1/1001.orbax-checkpoint-tmp/state/_METADATA", "");
    put("runs/final.partial_save/x/orbax.checkpoint", "");
    put("runs/notes/todo.txt", "");
    put("runs/old/3/default/_METADATA", "{}");
    put("runs/flat/_METADATA", "{}");
    put("runs/llm/model.safetensors", "");
    put("runs/broken/orbax.checkpoint", "");
    store.insert_directory(path("runs/empty"));
    store
}

fn root(store: impl Store + 'static, at: &str) -> Root {
    Root {
        text: at.to_owned(),
        place: Ok((Arc::new(store), path(at))),
    }
}

fn options(threads: usize) -> Options {
    Options {
        threads,
        ordered: true,
        ..Options::default()
    }
}

fn with(selection: Selection) -> Options {
    Options {
        selection,
        ..options(4)
    }
}

fn paths(entries: &[Entry]) -> Vec<&str> {
    let below = |entry: &'_ Entry| entry.path.len().min(5);
    entries
        .iter()
        .map(|entry| &entry.path[below(entry)..])
        .collect()
}

fn found(store: MemoryStore, options: Options) -> Vec<Entry> {
    scan(vec![root(store, "runs")], options).collect()
}

/// What all of `runs` gives, in order.
const ALL: [(&str, Kind); 13] = [
    ("broken", Kind::V1),
    ("final.partial_save", Kind::Temporary),
    ("flat", Kind::V0),
    ("llm", Kind::Safetensors),
    ("old/3", Kind::V0),
    ("run_1/9", Kind::V1),
    ("run_1/10", Kind::V1),
    ("run_1/100", Kind::V1),
    ("run_1/1000", Kind::V1),
    ("run_1/1001.orbax-checkpoint-tmp", Kind::Temporary),
    ("run_2/step_0007", Kind::V1),
    ("run_2/step_0008", Kind::V1),
    ("", Kind::Unknown),
];

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

/// A store that lives as long as the test program, and its counter.
fn counted(store: MemoryStore) -> &'static CountingStore<'static> {
    Box::leak(Box::new(CountingStore::new(Box::leak(Box::new(store)))))
}

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

fn manager(steps: usize) -> MemoryStore {
    let mut store = MemoryStore::new();
    for step in 0..steps {
        write(&mut store, &format!("runs/{step}"));
    }
    store
}

fn requests(store: MemoryStore, options: Options) -> (Vec<Entry>, Requests) {
    let counter = counted(store);
    let entries = scan(vec![root(Borrowed(counter), "runs")], options).collect();
    (entries, counter.requests())
}

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

/// Waits for a state; past its limit, which no busy machine comes near to, it hangs.
#[track_caller]
fn wait_until(mut is_reached: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_reached() {
        assert!(begun.elapsed() < Duration::from_secs(900), "it hangs");
        std::thread::yield_now();
    }
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

/// A store that has something odd in it.
struct Odd {
    inner: MemoryStore,
    /// Panics at the sight of this.
    panics: &'static str,
    /// May not be listed.
    locked: &'static str,
    /// Leads elsewhere.
    links: &'static [&'static str],
}

impl Odd {
    fn new(inner: MemoryStore) -> Self {
        Self {
            inner,
            panics: "-",
            locked: "-",
            links: &[],
        }
    }
}

impl Store for Odd {
    fn list(&self, directory: &StorePath) -> Result<Vec<store::Entry>> {
        assert_ne!(directory.as_str(), self.panics, "no");
        if directory.as_str() == self.locked {
            return Err(Error::new(ErrorKind::Store, "permission denied").in_file(directory));
        }
        let mut entries = self.inner.list(directory)?;
        for entry in &mut entries {
            let path = directory.join(&entry.name)?;
            entry.link = self.links.contains(&path.as_str());
        }
        Ok(entries)
    }

    fn resolve(&self, path: &StorePath) -> Result<String> {
        let link = self.links.contains(&path.as_str());
        Ok(if link { "elsewhere/" } else { "" }.to_owned() + path.as_str())
    }

    fn stat(&self, paths: &[StorePath]) -> Vec<Result<Option<Stat>>> {
        self.inner.stat(paths)
    }

    fn fetch(&self, wants: &[Want]) -> Vec<Result<Bytes>> {
        self.inner.fetch(wants)
    }

    fn locate(&self, path: &StorePath) -> String {
        self.inner.locate(path)
    }
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
                .contains("fault of this program")
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
        options.read.rules.atomicity = atomicity;
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
                "its name is final, but no commit timestamp is recorded"
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
        options.read.rules.atomicity = atomicity;
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
    // That which panics was given beside the root that it lies in.
    let expected = [
        "nowhere", "odd", "runs/0", "runs/1", "runs/2", "runs/3", "runs/3",
    ];
    assert_eq!(told, expected);
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
