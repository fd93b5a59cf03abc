//! A store that counts requests.

use std::sync::Mutex;

use crate::cursor::to_u64;
use crate::error::Result;
use crate::path::StorePath;
use crate::store::{Bytes, Entry, Stat, Store, Want};

/// The requests made to a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    /// Directories listed.
    pub lists: u64,
    /// Paths whose metadata was requested.
    pub stats: u64,
    /// Batches of fetches.
    pub waves: u64,
    /// Fetches.
    pub fetches: u64,
    /// Bytes that they returned.
    pub bytes: u64,
}

/// Passes everything on to another store.
pub struct CountingStore<'s> {
    inner: &'s dyn Store,
    requests: Mutex<Requests>,
}

impl<'s> CountingStore<'s> {
    /// Counts the requests to `inner`.
    pub fn new(inner: &'s dyn Store) -> Self {
        Self {
            inner,
            requests: Mutex::default(),
        }
    }

    /// The requests so far.
    ///
    /// # Panics
    /// If another thread panicked during a request.
    pub fn requests(&self) -> Requests {
        *self.requests.lock().expect("no other thread panicked")
    }

    fn count(&self, add: impl FnOnce(&mut Requests)) {
        add(&mut self.requests.lock().expect("no other thread panicked"));
    }
}

impl Store for CountingStore<'_> {
    fn list(&self, directory: &StorePath) -> Result<Vec<Entry>> {
        self.count(|requests| requests.lists += 1);
        self.inner.list(directory)
    }

    fn stat(&self, paths: &[StorePath]) -> Vec<Result<Option<Stat>>> {
        self.count(|requests| requests.stats += to_u64(paths.len()));
        self.inner.stat(paths)
    }

    fn fetch(&self, wants: &[Want]) -> Vec<Result<Bytes>> {
        let answers = self.inner.fetch(wants);
        let found = answers.iter().flatten().map(|bytes| to_u64(bytes.len()));
        let bytes: u64 = found.sum();
        self.count(|requests| {
            requests.waves += 1;
            requests.fetches += to_u64(wants.len());
            requests.bytes += bytes;
        });
        answers
    }

    fn locate(&self, path: &StorePath) -> String {
        self.inner.locate(path)
    }

    fn broken_link(&self, path: &StorePath) -> Option<String> {
        self.inner.broken_link(path)
    }

    fn absolute(&self, path: &StorePath) -> String {
        self.inner.absolute(path)
    }

    fn resolve(&self, path: &StorePath) -> Result<String> {
        self.inner.resolve(path)
    }
}
