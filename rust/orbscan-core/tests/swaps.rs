//! A checkpoint that is swapped for another at any moment of a read, and back: each answer is of one.
#![cfg(target_os = "linux")]

use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use orbscan_core::error::Result;
use orbscan_core::path::StorePath;
use orbscan_core::reader::{self, Recall, Selection, read_pytree};
use orbscan_core::store::local::LocalStore;
use orbscan_core::store::memory::MemoryStore;
use orbscan_core::store::{Bytes, Entry, Interest, Stat, Store, Want};
use orbscan_core::testing::checkpoint_writer::CheckpointWriter;
use orbscan_core::verify::{self, usage};

/// Leaves of the two checkpoints.
const LEAVES: [usize; 2] = [3, 5];

/// More requests than any read has.
const MOMENTS: usize = 60;

/// Two checkpoints, the first of which lies at the path.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let folder = format!("orbscan-{name}-{}", std::process::id());
        let place = Self(std::env::temp_dir().join(folder));
        for (name, leaves) in ["7", "other"].into_iter().zip(LEAVES) {
            let mut store = MemoryStore::new();
            let path = StorePath::new(name).unwrap();
            CheckpointWriter { leaves, chunks: 4 }.write(&path, &mut store);
            for (path, content) in store.files() {
                let file = place.0.join(path.as_str());
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(file, content).unwrap();
            }
        }
        place
    }

    fn swap(&self) {
        let [path, other, away] = ["7", "other", "away"].map(|name| self.0.join(name));
        fs::rename(&path, &away).unwrap();
        fs::rename(&other, &path).unwrap();
        fs::rename(&away, &other).unwrap();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

/// A store in which the checkpoints are swapped before the request of a number, and perhaps back after
/// it.
struct Disturbed {
    store: Box<dyn Store>,
    place: Arc<Place>,
    requests: Arc<AtomicUsize>,
    at: usize,
    back: bool,
}

impl Disturbed {
    fn new(place: &Arc<Place>, at: usize, back: bool) -> Self {
        Self {
            store: Box::new(LocalStore::new(&place.0)),
            place: Arc::clone(place),
            requests: Arc::default(),
            at,
            back,
        }
    }

    fn ask<T>(&self, ask: impl FnOnce(&dyn Store) -> T) -> T {
        let is_now = self.requests.fetch_add(1, Ordering::Relaxed) == self.at;
        if is_now {
            self.place.swap();
        }
        let answer = ask(self.store.as_ref());
        if is_now && self.back {
            self.place.swap();
        }
        answer
    }
}

impl Store for Disturbed {
    fn list(&self, directory: &StorePath) -> Result<Vec<Entry>> {
        self.ask(|store| store.list(directory))
    }

    fn stat(&self, paths: &[StorePath]) -> Vec<Result<Option<Stat>>> {
        let stat = |path| self.ask(|store| store.stat(std::slice::from_ref(path)));
        paths.iter().flat_map(stat).collect()
    }

    fn fetch(&self, wants: &[Want]) -> Vec<Result<Bytes>> {
        let fetch = |want| self.ask(|store| store.fetch(std::slice::from_ref(want)));
        wants.iter().flat_map(fetch).collect()
    }

    fn locate(&self, path: &StorePath) -> String {
        self.store.locate(path)
    }

    fn hold(&self, directory: &StorePath, interest: Interest<'_>) -> Option<Box<dyn Store>> {
        Some(Box::new(Self {
            store: self.ask(|store| store.hold(directory, interest))?,
            place: Arc::clone(&self.place),
            requests: Arc::clone(&self.requests),
            ..*self
        }))
    }
}

/// Reads while a swap happens, at each moment; the leaves that the answers have.
fn read(name: &str, read: impl Fn(&dyn Store, &StorePath) -> usize) {
    let path = StorePath::new("7").unwrap();
    let place = Arc::new(Place::new(name));
    for back in [false, true] {
        let mut found = Vec::new();
        for at in 0..MOMENTS {
            let store = Disturbed::new(&place, at, back);
            found.push(read(&store, &path));
            assert!(LEAVES.contains(&found[at]), "{at}: {found:?}");
            let requests = store.requests.load(Ordering::Relaxed);
            assert!(requests < MOMENTS, "{requests} requests");
            if !back && requests > at {
                place.swap();
            }
        }
        // What the last ones read was swapped at no moment.
        assert_eq!(found[MOMENTS - 1], LEAVES[0]);
        // What took the place before the directory was opened is what is read; what has an error is
        // read again.
        assert!(back || found[0] == LEAVES[1]);
    }
}

#[test]
fn metadata_is_of_one_checkpoint() {
    read("read", |store, path| {
        let options = reader::Options::default();
        let read = read_pytree(store, path, Selection::Auto, &options, &Recall::new()).unwrap();
        assert_eq!(read.issues, []);
        let table = read.items[0].table.as_ref().unwrap();
        assert_eq!(table.errors, []);
        table.leaf_of.len()
    });
}

#[test]
fn sizes_are_of_one_checkpoint() {
    read("usage", |store, path| {
        let options = reader::Options::default();
        let usage = usage::usage(store, path, &options, None).unwrap();
        assert_eq!(usage.checkpoint.issues, []);
        let arrays = &usage.items[0].arrays;
        assert!(arrays.iter().all(|array| array.chunks == 4));
        arrays.len()
    });
}

#[test]
fn checks_are_of_one_checkpoint() {
    read("verify", |store, path| {
        let options = verify::Options::default();
        let mut tell = |_| ControlFlow::Continue(());
        let report = verify::verify(store, path, &options, None, &mut tell).unwrap();
        let found: Vec<&str> = report.findings.iter().map(|f| f.reason.as_str()).collect();
        assert_eq!(report.extent.chunks, report.extent.leaves * 4, "{found:?}");
        usize::try_from(report.extent.leaves).unwrap()
    });
}
