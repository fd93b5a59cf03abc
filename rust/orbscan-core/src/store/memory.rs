//! A store that holds its files in memory: for tests, and for checkpoints that came over a network.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::{Entry, EntryKind, Stat, Store, Want, not_found};
use crate::cursor::{to_u64, to_usize};
use crate::error::{Error, ErrorKind, Result};
use crate::path::StorePath;

/// Files by path. A directory exists if something lies in it or if it was created.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    files: BTreeMap<StorePath, Bytes>,
    directories: BTreeSet<StorePath>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds or replaces a file, and creates the directories above it.
    pub fn insert(&mut self, path: StorePath, content: impl Into<Bytes>) {
        if let Some(parent) = path.parent() {
            self.insert_directory(parent);
        }
        self.files.insert(path, content.into());
    }

    /// Creates a directory and those above it.
    pub fn insert_directory(&mut self, path: StorePath) {
        let mut next = Some(path);
        while let Some(path) = next {
            next = path.parent();
            self.directories.insert(path);
        }
    }

    /// Removes a file; the directories above it stay.
    pub fn remove(&mut self, path: &StorePath) -> Option<Bytes> {
        self.files.remove(path)
    }

    /// The content of a file.
    pub fn get(&self, path: &StorePath) -> Option<&Bytes> {
        self.files.get(path)
    }

    /// All files, sorted by path.
    pub fn files(&self) -> impl Iterator<Item = (&StorePath, &Bytes)> {
        self.files.iter()
    }

    fn kind(&self, path: &StorePath) -> Option<EntryKind> {
        if self.files.contains_key(path) {
            return Some(EntryKind::File);
        }
        let directory = path.as_str().is_empty() || self.directories.contains(path);
        directory.then_some(EntryKind::Directory)
    }

    fn read(&self, want: &Want) -> Result<Bytes> {
        let Some(content) = self.files.get(&want.path) else {
            return Err(match self.kind(&want.path) {
                Some(_) => want.is_a_directory(),
                None => not_found(&want.path),
            });
        };
        let range = want.within(to_u64(content.len()))?;
        // `within` checked that the end is no later than the end of the content.
        Ok(content.slice(to_usize(range.start)..to_usize(range.end)))
    }
}

impl Store for MemoryStore {
    fn list(&self, directory: &StorePath) -> Result<Vec<Entry>> {
        match self.kind(directory) {
            Some(EntryKind::Directory) => {}
            Some(EntryKind::File) => {
                let reason = "is a file, expected a directory";
                return Err(Error::new(ErrorKind::NotFound, reason).in_file(directory));
            }
            None => return Err(not_found(directory)),
        }
        let children = |path: &&StorePath| path.parent().as_ref() == Some(directory);
        let entry = |kind| {
            move |path: &StorePath| Entry {
                name: path.name().to_owned(),
                kind,
                link: false,
                id: 0,
            }
        };
        let files = self.files.keys().filter(children);
        let directories = self.directories.iter().filter(children);
        Ok(files
            .map(entry(EntryKind::File))
            .chain(directories.map(entry(EntryKind::Directory)))
            .collect())
    }

    fn stat(&self, paths: &[StorePath]) -> Vec<Result<Option<Stat>>> {
        let stat = |path: &StorePath| {
            let size = self
                .files
                .get(path)
                .map_or(0, |content| to_u64(content.len()));
            let kind = self.kind(path)?;
            Some(Stat {
                kind,
                size,
                modified_nsecs: None,
                version: 0,
                id: 0,
            })
        };
        paths.iter().map(|path| Ok(stat(path))).collect()
    }

    fn fetch(&self, wants: &[Want]) -> Vec<Result<Bytes>> {
        wants.iter().map(|want| self.read(want)).collect()
    }

    fn locate(&self, path: &StorePath) -> String {
        format!("memory:{path}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Offset;
    use crate::store::Span;

    fn path(text: &str) -> StorePath {
        StorePath::new(text).unwrap()
    }

    fn store() -> MemoryStore {
        let mut store = MemoryStore::new();
        store.insert(path("run/7/state/manifest.ocdbt"), "hello");
        store.insert_directory(path("run/7/empty"));
        store
    }

    fn fetch(text: &str, span: Span, max_bytes: u64) -> Result<Bytes> {
        let path = path(text);
        store()
            .fetch(&[Want {
                path,
                span,
                max_bytes,
            }])
            .remove(0)
    }

    #[test]
    fn lists_children_only() {
        let mut names: Vec<_> = store().list(&path("run/7")).unwrap();
        names.sort_by(|a, b| a.name.cmp(&b.name));
        let names: Vec<_> = names
            .iter()
            .map(|entry| (entry.name.as_str(), entry.kind))
            .collect();
        assert_eq!(
            names,
            [
                ("empty", EntryKind::Directory),
                ("state", EntryKind::Directory)
            ]
        );
        assert_eq!(store().list(&StorePath::root()).unwrap().len(), 1);
        for bad in ["walk", "run/7/state/manifest.ocdbt"] {
            let error = store().list(&path(bad)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound);
            assert_eq!(error.file(), Some(bad));
        }
    }

    #[test]
    fn tells_what_lies_where() {
        let paths = ["run", "run/7/state/manifest.ocdbt", "nowhere"].map(path);
        let kinds: Vec<_> = store()
            .stat(&paths)
            .into_iter()
            .map(|stat| stat.unwrap().map(|stat| stat.kind))
            .collect();
        assert_eq!(
            kinds,
            [Some(EntryKind::Directory), Some(EntryKind::File), None]
        );
    }

    #[test]
    fn fetches_the_whole_or_a_part() {
        let file = "run/7/state/manifest.ocdbt";
        assert_eq!(fetch(file, Span::Whole, 5).unwrap(), "hello");
        let part = |offset, length| fetch(file, Span::Range { offset, length }, 5);
        assert_eq!(part(1, 3).unwrap(), "ell");
        assert_eq!(part(5, 0).unwrap(), "");
        assert_eq!(part(0, 5).unwrap(), "hello");
    }

    #[test]
    fn refusals_name_the_file_and_why() {
        let file = "run/7/state/manifest.ocdbt";
        let range = |offset, length| Span::Range { offset, length };
        for (at, span, max, kind, offset, reason) in [
            (
                "x",
                Span::Whole,
                9,
                ErrorKind::NotFound,
                None,
                "no such file",
            ),
            (
                "run",
                Span::Whole,
                9,
                ErrorKind::Malformed,
                None,
                "is a directory, expected a file",
            ),
            (
                file,
                Span::Whole,
                4,
                ErrorKind::Limit,
                None,
                "5 bytes, the limit is 4",
            ),
            (
                file,
                range(3, 3),
                9,
                ErrorKind::Malformed,
                Some(3),
                "3 bytes are wanted here",
            ),
            (
                file,
                range(u64::MAX, 2),
                9,
                ErrorKind::Malformed,
                Some(u64::MAX),
                "has 5 bytes",
            ),
        ] {
            let error = fetch(at, span, max).unwrap_err();
            assert_eq!((error.kind(), error.file()), (kind, Some(at)));
            assert_eq!(error.offset(), offset.map(Offset::File));
            assert!(error.reason().contains(reason), "{error}");
        }
    }
}
