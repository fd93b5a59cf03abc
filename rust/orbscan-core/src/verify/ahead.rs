//! The requests of a check, made together in advance on a slow disk or a distant store: a check
//! looks at every file, one directory after another, and reads the small ones.
//!
//! All directories of one depth are listed while the files of the depth above are looked at, and
//! the small files of all of them are read together. On a fast disk nothing is requested in
//! advance.

use std::collections::HashMap;

use crate::aside;
use crate::cursor::to_u64;
use crate::error::{Error, ErrorKind, Result};
use crate::layout::root::Root;
use crate::orbax::commit::Atomicity;
use crate::orbax::names;
use crate::path::StorePath;
use crate::stand_in;
use crate::store::{Bytes, Entry, EntryKind, Interest, Stat, Store, Want};

/// The most directories and files that are requested in advance; the rest are requested when
/// needed.
const MOST: usize = 1 << 16;

/// The depth down to which directories are searched: those of databases are less deep, those of
/// arrays rarely deeper.
const DEPTH: usize = 8;

/// Bytes of a document that is read ahead.
const MOST_BYTES: u64 = 1 << 20;

/// Bytes of small files that are kept in all.
const KEPT_BYTES: u64 = 64 << 20;

/// Small files that are read at once.
const AT_ONCE: usize = 4_096;

/// The error number of systems for a path at which nothing lies.
const ENOENT: i32 = 2;

/// A store of which much is already known.
pub(super) struct Ahead<'s> {
    store: &'s dyn Store,
    listed: HashMap<StorePath, Vec<Entry>>,
    stats: HashMap<StorePath, Option<Stat>>,
    /// Small files. What is fetched later is asked for once, as the bytes of chunks, and is not kept.
    kept: HashMap<StorePath, Bytes>,
}

enum Ask {
    List(StorePath),
    Stat(StorePath),
}

enum Answer {
    List(Vec<Entry>),
    Stat(Option<Stat>),
}

impl<'s> Ahead<'s> {
    /// The content of a checkpoint; `None` if requests are fast enough when they are needed.
    pub(super) fn of(store: &'s dyn Store, root: &Root) -> Option<Self> {
        if store.width() < 2 && !store.is_far() {
            return None;
        }
        let mut ahead = Self {
            store,
            listed: HashMap::new(),
            stats: HashMap::new(),
            kept: HashMap::new(),
        };
        // The steps that lie in a checkpoint are not part of it.
        let own = root.entries.iter();
        let own: Vec<&Entry> = own
            .filter(|entry| !root.steps.contains(&entry.name))
            .collect();
        let mut asks = asks(&root.path, own);
        if root.has(names::TREE_METADATA) {
            // The known listing lacks files whose names have no meaning.
            asks.push(Ask::List(root.path.clone()));
        }
        let mut left = MOST;
        for _ in 0..DEPTH {
            asks.truncate(left);
            left = left.saturating_sub(asks.len());
            if asks.is_empty() {
                break;
            }
            store.expect(&listed(&asks), &[]);
            let answers = aside::each(|| store.width(), &asks, |ask| ask.answer(store));
            let mut below = Vec::new();
            for (ask, answer) in asks.into_iter().zip(answers) {
                match (ask, answer) {
                    (Ask::List(path), Ok(Answer::List(entries))) => {
                        if path != root.path {
                            below.extend(self::asks(&path, &entries));
                        }
                        ahead.listed.insert(path, entries);
                    }
                    (Ask::Stat(path), Ok(Answer::Stat(stat))) => {
                        ahead.stats.insert(path, stat);
                    }
                    // The code that needs it reports the error.
                    _ => {}
                }
            }
            asks = below;
        }
        ahead.read_small();
        Some(ahead)
    }

    /// Reads what a check reads of all files: documents, and what may stand in for another file.
    fn read_small(&mut self) {
        let is_small = |path: &StorePath, size: u64| {
            let is_array = names::is_array_document(path.as_str());
            let may_be_pointer = stand_in::may_be_pointer(size) && !is_array;
            may_be_pointer || (size <= MOST_BYTES && is_read(path))
        };
        let files = self.stats.iter().filter_map(|(path, stat)| {
            let stat = stat.filter(|stat| stat.kind == EntryKind::File)?;
            is_small(path, stat.size).then(|| Want::whole(path.clone(), MOST_BYTES))
        });
        let wants: Vec<Want> = files.collect();
        let mut left = KEPT_BYTES;
        for wants in wants.chunks(AT_ONCE) {
            if left < MOST_BYTES {
                break;
            }
            for (want, answer) in wants.iter().zip(self.store.fetch(wants)) {
                if let Ok(bytes) = answer
                    && let Some(rest) = left.checked_sub(to_u64(bytes.len()))
                {
                    left = rest;
                    self.kept.insert(want.path.clone(), bytes);
                }
            }
        }
    }

    /// The error of a path of which the listing of its directory says that nothing lies there, spelled
    /// as a disk does.
    fn absent(&self, path: &StorePath) -> Option<Error> {
        let parent = path.parent()?;
        let is_absent = match self.listed.get(&parent) {
            Some(entries) => !entries.iter().any(|entry| entry.name == path.name()),
            None => self.absent(&parent).is_some(),
        };
        let error = || Error::new(ErrorKind::NotFound, "does not exist").with_errno(Some(ENOENT));
        is_absent.then(|| error().in_file(path))
    }

    /// The answer to a want, if it is known.
    fn known(&self, want: &Want) -> Option<Result<Bytes>> {
        let bytes = self.known_bytes(want);
        bytes.map(Ok).or_else(|| self.absent(&want.path).map(Err))
    }

    fn known_bytes(&self, want: &Want) -> Option<Bytes> {
        let bytes = self.kept.get(&want.path)?;
        let range = want.within(to_u64(bytes.len())).ok()?;
        let [start, end] = [range.start, range.end].map(usize::try_from);
        let (start, end) = (start.ok()?, end.ok()?);
        (end <= bytes.len() && start <= end).then(|| bytes.slice(start..end))
    }
}

/// Whether a check reads a file because of its name.
fn is_read(path: &StorePath) -> bool {
    let parent = path.parent();
    let is_in = |name: &str| parent.as_ref().is_some_and(|parent| parent.name() == name);
    is_in(names::ARRAY_METADATAS)
        || is_in(names::METRICS)
        || is_in(names::PROCESS_METADATA)
        || [
            names::CHECKPOINT_METADATA,
            names::TREE_METADATA,
            names::SHARDING,
            names::MANIFEST,
        ]
        .contains(&path.name())
}

/// The requests for the entries of a directory. Links to directories may form a circle.
fn asks<'e>(directory: &StorePath, entries: impl IntoIterator<Item = &'e Entry>) -> Vec<Ask> {
    let asked = entries.into_iter().filter_map(|entry| {
        let path = directory.join(&entry.name).ok()?;
        match entry.kind {
            EntryKind::File => Some(Ask::Stat(path)),
            EntryKind::Directory if !entry.link => Some(Ask::List(path)),
            EntryKind::Directory => None,
        }
    });
    asked.collect()
}

/// The directories that are to be listed.
fn listed(asks: &[Ask]) -> Vec<StorePath> {
    let listed = asks.iter().filter_map(|ask| match ask {
        Ask::List(path) => Some(path.clone()),
        Ask::Stat(_) => None,
    });
    listed.collect()
}

impl Ask {
    fn answer(&self, store: &dyn Store) -> Result<Answer> {
        match self {
            Self::List(path) => store.list(path).map(Answer::List),
            Self::Stat(path) => {
                let stat = store.stat(std::slice::from_ref(path)).pop();
                stat.transpose().map(|stat| Answer::Stat(stat.flatten()))
            }
        }
    }
}

impl Store for Ahead<'_> {
    fn list(&self, directory: &StorePath) -> Result<Vec<Entry>> {
        match (self.listed.get(directory), self.absent(directory)) {
            (Some(entries), _) => Ok(entries.clone()),
            (None, Some(error)) => Err(error),
            (None, None) => self.store.list(directory),
        }
    }

    fn expect(&self, directories: &[StorePath], files: &[StorePath]) {
        self.store.expect(directories, files);
    }

    fn shows_all(&self, directory: &StorePath) -> bool {
        self.store.shows_all(directory)
    }

    fn width(&self) -> usize {
        self.store.width()
    }

    fn is_far(&self) -> bool {
        self.store.is_far()
    }

    fn stat(&self, paths: &[StorePath]) -> Vec<Result<Option<Stat>>> {
        let known = |path: &StorePath| match self.stats.get(path) {
            Some(stat) => Some(*stat),
            None => self.absent(path).map(|_| None),
        };
        let known: Vec<Option<Option<Stat>>> = paths.iter().map(known).collect();
        let unknown = paths
            .iter()
            .zip(&known)
            .filter(|(_, known)| known.is_none());
        let unknown: Vec<StorePath> = unknown.map(|(path, _)| path.clone()).collect();
        let mut asked = self.store.stat(&unknown).into_iter();
        let stats = known.into_iter().map(|known| match known {
            Some(stat) => Ok(stat),
            None => asked.next().unwrap_or(Ok(None)),
        });
        stats.collect()
    }

    fn begin(&self, wants: &[Want]) {
        let unknown = wants.iter().filter(|want| self.known(want).is_none());
        let unknown: Vec<Want> = unknown.cloned().collect();
        self.store.begin(&unknown);
    }

    fn fetch(&self, wants: &[Want]) -> Vec<Result<Bytes>> {
        let known: Vec<Option<Result<Bytes>>> = wants.iter().map(|want| self.known(want)).collect();
        let unknown = wants
            .iter()
            .zip(&known)
            .filter(|(_, known)| known.is_none());
        let unknown: Vec<Want> = unknown.map(|(want, _)| want.clone()).collect();
        let mut asked = self.store.fetch(&unknown).into_iter();
        let answers = known.into_iter().map(|known| match known {
            Some(answer) => answer,
            None => asked.next().unwrap_or_else(|| Ok(Bytes::new())),
        });
        answers.collect()
    }

    fn locate(&self, path: &StorePath) -> String {
        self.store.locate(path)
    }

    fn broken_link(&self, path: &StorePath) -> Option<String> {
        self.store.broken_link(path)
    }

    fn absolute(&self, path: &StorePath) -> String {
        self.store.absolute(path)
    }

    fn resolve(&self, path: &StorePath) -> Result<String> {
        self.store.resolve(path)
    }

    fn hold(&self, directory: &StorePath, interest: Interest<'_>) -> Option<Box<dyn Store>> {
        self.store.hold(directory, interest)
    }

    fn is_stale(&self) -> bool {
        self.store.is_stale()
    }

    fn atomicity(&self) -> Atomicity {
        self.store.atomicity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::memory::MemoryStore;
    use crate::testing::counting_store::CountingStore;

    #[test]
    fn small_files_are_asked_for_once_and_chunks_are_let_go() {
        let [document, data] = ["a/_METADATA", "a/d/1"].map(|path| StorePath::new(path).unwrap());
        let mut store = MemoryStore::new();
        store.insert(document.clone(), "{}");
        store.insert(data.clone(), vec![0; 4_096]);
        let store = CountingStore::new(&store);
        let paths = [document.clone(), data.clone()];
        let stats = store.stat(&paths).into_iter().map(Result::unwrap);
        let mut ahead = Ahead {
            store: &store,
            listed: HashMap::new(),
            stats: paths.into_iter().zip(stats).collect(),
            kept: HashMap::new(),
        };
        ahead.read_small();
        let fetches = |want: Want| {
            let before = store.requests().fetches;
            for _ in 0..2 {
                ahead.fetch_one(want.clone()).unwrap();
            }
            store.requests().fetches - before
        };
        assert_eq!(fetches(Want::whole(document.clone(), 10)), 0);
        assert_eq!(fetches(Want::range(document, 1, 1)), 0);
        assert_eq!(fetches(Want::range(data, 10, 100)), 2);
    }
}
