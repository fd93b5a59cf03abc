//! How often a read waits for a slow disk, one time after another: what is asked at once counts once.

use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Arc, Barrier};

use orbscan_core::aside;
use orbscan_core::error::Result;
use orbscan_core::limits::Limits;
use orbscan_core::path::StorePath;
use orbscan_core::reader::{self, Recall, Selection, read_pytree};
use orbscan_core::scan::entry::Content;
use orbscan_core::scan::{Options, Root, scan, steps};
use orbscan_core::store::local::LocalStore;
use orbscan_core::store::memory::MemoryStore;
use orbscan_core::store::{Bytes, Entry, Stat, Store, Want};
use orbscan_core::testing::checkpoint_writer::CheckpointWriter;
use orbscan_core::verify::{self, usage};

fn path(text: &str) -> StorePath {
    StorePath::new(text).unwrap()
}

/// Files on a disk, which is taken for a slow one.
struct Place(PathBuf);

impl Place {
    fn new(name: &str, store: &MemoryStore) -> Self {
        let folder = format!("orbscan-{name}-{}", std::process::id());
        let place = Self(std::env::temp_dir().join(folder));
        for (path, content) in store.files() {
            let file = place.0.join(path.as_str());
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, content).unwrap();
        }
        place
    }

    fn store(&self) -> LocalStore {
        LocalStore::new(&self.0).on_slow_disk()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

/// How often something waits.
fn waits<T>(read: impl FnOnce() -> T) -> (T, u64) {
    let before = aside::rounds();
    let done = read();
    (done, aside::rounds() - before)
}

fn checkpoint(leaves: usize) -> MemoryStore {
    let mut store = MemoryStore::new();
    CheckpointWriter { leaves, chunks: 4 }.write(&path("7"), &mut store);
    store
}

#[test]
fn a_read_waits_five_times() {
    for leaves in [1, 100, 2_000] {
        let place = Place::new(&format!("read-{leaves}"), &checkpoint(leaves));
        let (options, recall) = (reader::Options::default(), Recall::new());
        let store = place.store();
        let read = || read_pytree(&store, &path("7"), Selection::Auto, &options, &recall);
        let (read, waits) = waits(read);
        let read = read.unwrap();
        assert_eq!(read.issues, []);
        let table = read.items[0].table.as_ref().unwrap();
        assert_eq!(table.leaf_of.len(), leaves);
        assert!(waits <= 5, "{leaves}: {waits}");
    }
}

#[test]
fn steps_wait_four_times_and_a_sixty_fourth_of_one_for_each() {
    // Where threads are many.
    let share = u64::try_from(aside::MOST / 4).unwrap();
    for count in [1, 200, 300] {
        let mut store = MemoryStore::new();
        for step in 0..count {
            let writer = CheckpointWriter {
                leaves: 1,
                chunks: 0,
            };
            writer.write(&path(&format!("run/{step}")), &mut store);
            let metrics = path(&format!("run/{step}/metrics/metrics"));
            store.insert(metrics, r#"{"loss": 1.0}"#);
        }
        let place = Place::new(&format!("steps-{count}"), &store);
        let store = place.store();
        let scope = steps::Scope::default();
        let read = || steps::list(&store, &path("run"), scope, &Limits::default());
        let (read, waits) = waits(read);
        let steps = read.unwrap().steps;
        assert_eq!(u64::try_from(steps.len()).unwrap(), count);
        let is_whole = |step: &steps::Step| step.error.is_none() && step.metrics.is_some();
        assert!(steps.iter().all(is_whole));
        assert!(waits <= 4 + count.div_ceil(share), "{count}: {waits}");
    }
}

/// A slow store, in which all checkpoints have to be listed at the same time.
struct Meeting {
    store: MemoryStore,
    all: Barrier,
}

impl Store for Meeting {
    fn list(&self, directory: &StorePath) -> Result<Vec<Entry>> {
        if directory.parent() == Some(path("runs")) {
            self.all.wait();
        }
        self.store.list(directory)
    }

    fn width(&self) -> usize {
        aside::MOST
    }

    fn stat(&self, paths: &[StorePath]) -> Vec<Result<Option<Stat>>> {
        self.store.stat(paths)
    }

    fn fetch(&self, wants: &[Want]) -> Vec<Result<Bytes>> {
        self.store.fetch(wants)
    }

    fn locate(&self, path: &StorePath) -> String {
        self.store.locate(path)
    }
}

#[test]
fn a_scan_of_a_slow_store_has_as_many_threads_as_that_is_worth() {
    const COUNT: usize = 100;
    let mut store = MemoryStore::new();
    for step in 0..COUNT {
        let writer = CheckpointWriter {
            leaves: 1,
            chunks: 0,
        };
        writer.write(&path(&format!("runs/{step}")), &mut store);
    }
    let store = Meeting {
        store,
        all: Barrier::new(COUNT),
    };
    let root = Root {
        text: "runs".to_owned(),
        place: Ok((Arc::new(store), path("runs"))),
    };
    let options = Options {
        threads: 2,
        ..Options::default()
    };
    let entries: Vec<_> = scan(vec![root], options).collect();
    let is_read = |content: &Content| matches!(content, Content::Read(_));
    assert_eq!(entries.len(), COUNT);
    assert!(entries.iter().all(|entry| is_read(&entry.content)));
}

#[test]
fn a_check_waits_twelve_times_however_many_files_there_are() {
    for files in [0, 40, 400] {
        let mut store = checkpoint(10);
        for number in 0..files {
            let file = format!("7/state/ocdbt.process_{}/d/{number}", number % 7);
            store.insert(path(&file), "x");
        }
        let place = Place::new(&format!("check-{files}"), &store);
        let options = verify::Options::default();
        let mut tell = |_| ControlFlow::Continue(());
        let store = place.store();
        let (report, waits) =
            waits(|| verify::verify(&store, &path("7"), &options, None, &mut tell));
        assert_eq!(report.unwrap().extent.chunks, 40);
        assert!(waits <= 12, "{files}: {waits}");
    }
}

/// What a check of a checkpoint says, and what it takes.
fn checked(store: &LocalStore) -> String {
    let options = verify::Options::default();
    let mut tell = |_| ControlFlow::Continue(());
    let report = verify::verify(store, &path("7"), &options, None, &mut tell);
    let used = usage::usage(store, &path("7"), &options.read, None);
    format!("{report:#?}{used:#?}")
}

#[test]
fn a_check_finds_the_same_on_a_slow_disk() {
    let mut store = checkpoint(10);
    store.insert(path("7/state/ocdbt.process_0/d/1"), "x".repeat(200));
    store.insert(path("7/metrics/metrics"), r#"{"loss": 1.0}"#);
    let place = Place::new("damage", &store);
    let fast = LocalStore::new(&place.0);
    let is_same = |what: &str| assert_eq!(checked(&place.store()), checked(&fast), "{what}");
    is_same("whole");
    for (file, content) in store.files() {
        let on_disk = place.0.join(file.as_str());
        fs::remove_file(&on_disk).unwrap();
        is_same(&format!("{file} is gone"));
        fs::write(&on_disk, &content[..content.len() / 2]).unwrap();
        is_same(&format!("{file} is cut"));
        let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n";
        fs::write(&on_disk, pointer).unwrap();
        is_same(&format!("{file} is a pointer"));
        fs::remove_file(&on_disk).unwrap();
        fs::create_dir(&on_disk).unwrap();
        is_same(&format!("{file} is a directory"));
        fs::remove_dir(&on_disk).unwrap();
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("nowhere", &on_disk).unwrap();
            is_same(&format!("{file} is a broken link"));
            fs::remove_file(&on_disk).unwrap();
        }
        fs::write(&on_disk, content).unwrap();
    }
}
