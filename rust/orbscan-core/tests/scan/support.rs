//! Checkpoints in memory, and what counts the requests for them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use orbscan_core::error::{Error, ErrorKind, Result};
use orbscan_core::path::StorePath;
use orbscan_core::scan::entry::{Entry, Kind};
use orbscan_core::scan::selection::Selection;
use orbscan_core::scan::{Options, Root, scan};
use orbscan_core::store::memory::MemoryStore;
use orbscan_core::store::{self, Bytes, Stat, Store, Want};
use orbscan_core::testing::checkpoint_writer::CheckpointWriter;
use orbscan_core::testing::counting_store::{CountingStore, Requests};

pub fn path(text: &str) -> StorePath {
    StorePath::new(text).unwrap()
}

pub fn write(store: &mut MemoryStore, at: &str) {
    let writer = CheckpointWriter {
        leaves: 3,
        chunks: 1,
    };
    writer.write(&path(at), store);
}

/// Two runs of a manager, and what else people keep.
pub fn runs() -> MemoryStore {
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

pub fn root(store: impl Store + 'static, at: &str) -> Root {
    Root {
        text: at.to_owned(),
        place: Ok((Arc::new(store), path(at))),
    }
}

pub fn options(threads: usize) -> Options {
    Options {
        threads,
        ordered: true,
        ..Options::default()
    }
}

pub fn with(selection: Selection) -> Options {
    Options {
        selection,
        ..options(4)
    }
}

pub fn paths(entries: &[Entry]) -> Vec<&str> {
    let below = |entry: &'_ Entry| entry.path.len().min(5);
    entries
        .iter()
        .map(|entry| &entry.path[below(entry)..])
        .collect()
}

pub fn found(store: MemoryStore, options: Options) -> Vec<Entry> {
    scan(vec![root(store, "runs")], options).collect()
}

/// What all of `runs` gives, in order.
pub const ALL: [(&str, Kind); 13] = [
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

/// A store that lives as long as the test program, and its counter.
pub fn counted(store: MemoryStore) -> &'static CountingStore<'static> {
    Box::leak(Box::new(CountingStore::new(Box::leak(Box::new(store)))))
}

pub struct Borrowed(pub &'static CountingStore<'static>);

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

pub fn manager(steps: usize) -> MemoryStore {
    let mut store = MemoryStore::new();
    for step in 0..steps {
        write(&mut store, &format!("runs/{step}"));
    }
    store
}

pub fn requests(store: MemoryStore, options: Options) -> (Vec<Entry>, Requests) {
    let counter = counted(store);
    let entries = scan(vec![root(Borrowed(counter), "runs")], options).collect();
    (entries, counter.requests())
}

/// Waits for a state; past its limit, which no busy machine comes near to, it hangs.
#[track_caller]
pub fn wait_until(mut is_reached: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_reached() {
        assert!(begun.elapsed() < Duration::from_secs(900), "it hangs");
        std::thread::yield_now();
    }
}

/// A store that has something odd in it.
pub struct Odd {
    pub inner: MemoryStore,
    /// Panics at the sight of this.
    pub panics: &'static str,
    /// May not be listed.
    pub locked: &'static str,
    /// Leads elsewhere.
    pub links: &'static [&'static str],
}

impl Odd {
    pub fn new(inner: MemoryStore) -> Self {
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
