//! Every file below a directory, with its size, in the order of the paths as bytes.
//!
//! If arrays lie in plain files, the paths are the keys of their chunks; if they lie in a database,
//! the files are its data files.

use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result, counted};
use crate::path::StorePath;
use crate::store::{Entry, EntryKind, Store, lies_within};

/// The deepest nesting of directories: array names with slashes are nested.
const MAX_DEPTH: usize = 64;

/// The most links to directories that are followed: people move data files to other disks, a few at
/// a time. Links beside each other that lead to the same place would double the files with each
/// level.
const MAX_LINKS: usize = 1_000;

/// The most directories and files that are listed.
const MAX_ENTRIES: usize = 1 << 26;

/// A file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Where it lies in the store.
    pub path: StorePath,
    /// Its size in bytes.
    pub size: u64,
}

/// Files that disappeared between the listing of their directory and the request for their size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gone {
    /// The first of them.
    pub first: Option<StorePath>,
    /// How many there are.
    pub count: u64,
}

impl Gone {
    fn add(&mut self, path: &StorePath) {
        self.first.get_or_insert_with(|| path.clone());
        self.count = self.count.saturating_add(1);
    }

    /// The issue about them; `None` if there are none.
    pub fn issue(&self) -> Option<Error> {
        let first = self.first.as_ref()?;
        let others = match self.count.saturating_sub(1) {
            0 => "went away".to_owned(),
            more => format!(
                "this and {} went away",
                counted(more, "more file", "more files")
            ),
        };
        let reason = format!(
            "{others} while the files were counted: the checkpoint is being deleted or written; count \
             again when it is at rest"
        );
        Some(Error::new(ErrorKind::Store, reason).in_file(first))
    }
}

/// Passes every file below `directory` to `visitor`, smaller paths first, except those in its
/// directories that are named in `without`; returns which files disappeared meanwhile. Makes one
/// listing and one batch of requests for sizes per directory. A link that leads back to where the
/// walk came from is not followed.
///
/// # Errors
/// The error of the store; `Limit` if there are too many files, or directories are nested too
/// deeply; `Unsupported` if the store cannot list its files.
pub fn walk(
    store: &dyn Store,
    directory: &StorePath,
    without: &[&str],
    mut visitor: impl FnMut(File),
) -> Result<Gone> {
    if !store.shows_all(directory) {
        let reason = "its files cannot be listed, so none can be found missing or counted: copy the \
                      checkpoint to a disk, or verify it at level structure";
        return Err(Error::new(ErrorKind::Unsupported, reason).in_file(directory));
    }
    let mut listed = 0_usize;
    let mut followed = 0_usize;
    let mut gone = Gone::default();
    let mut top = list(store, directory, &mut gone)?;
    top.retain(|entry| entry.kind != Kind::Directory || !without.contains(&entry.path.name()));
    let mut levels = vec![Level {
        path: directory.clone(),
        left: top,
        passed: Arc::default(),
    }];
    while let Some(level) = levels.last_mut() {
        let Some(Listed { path, kind, link }) = level.left.pop() else {
            levels.pop();
            continue;
        };
        listed = listed.saturating_add(1);
        if listed > MAX_ENTRIES {
            return Err(limit(format!("more than {MAX_ENTRIES} files"), directory));
        }
        if let Kind::File(size) = kind {
            visitor(File { path, size });
            continue;
        }
        let passed = if link {
            followed = followed.saturating_add(1);
            if followed > MAX_LINKS {
                return Err(limit(format!("more than {MAX_LINKS} links"), directory));
            }
            level.follow(store, &path)?
        } else {
            Some(Arc::clone(&level.passed))
        };
        let Some(passed) = passed else { continue };
        if levels.len() >= MAX_DEPTH {
            let reason = format!("more than {MAX_DEPTH} directories inside each other");
            return Err(limit(reason, &path));
        }
        levels.push(Level {
            left: list(store, &path, &mut gone)?,
            path,
            passed,
        });
    }
    Ok(gone)
}

/// A directory on the way down.
struct Level {
    path: StorePath,
    /// The rest of its listing, next entry last.
    left: Vec<Listed>,
    /// The targets of the links on the way to it.
    passed: Arc<[String]>,
}

impl Level {
    /// [`Level::passed`] after the link at `path`; `None` if it leads in a circle.
    fn follow(&self, store: &dyn Store, path: &StorePath) -> Result<Option<Arc<[String]>>> {
        let (from, to) = (store.resolve(&self.path)?, store.resolve(path)?);
        let mut passed = self.passed.to_vec();
        passed.push(from);
        let circle = passed.iter().any(|passed| lies_within(passed, &to));
        Ok((!circle).then(|| passed.into()))
    }
}

/// An entry of a directory.
struct Listed {
    path: StorePath,
    kind: Kind,
    link: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Directory,
    /// A file of this size.
    File(u64),
}

fn limit(reason: String, path: &StorePath) -> Error {
    Error::new(ErrorKind::Limit, reason).in_file(path)
}

/// The entries of a directory, greatest first; files with their sizes.
fn list(store: &dyn Store, directory: &StorePath, gone: &mut Gone) -> Result<Vec<Listed>> {
    let mut entries = store.list(directory)?;
    entries.sort_unstable_by(|a, b| order(b).cmp(order(a)));
    let paths = entries.iter().map(|entry| directory.join(&entry.name));
    let paths: Vec<StorePath> = paths.collect::<Result<_>>()?;
    let is_file = |entry: &Entry| entry.kind == EntryKind::File;
    let files = paths.iter().zip(&entries);
    let files = files.filter(|(_, entry)| is_file(entry));
    let files: Vec<StorePath> = files.map(|(path, _)| path.clone()).collect();
    let mut sizes = store.stat(&files).into_iter();
    let mut found = Vec::with_capacity(entries.len());
    for (path, entry) in paths.into_iter().zip(&entries) {
        let kind = if is_file(entry) {
            match sizes.next().transpose()?.flatten() {
                Some(stat) => Kind::File(stat.size),
                // A broken link is not a file.
                None if entry.link => continue,
                None => {
                    gone.add(&path);
                    continue;
                }
            }
        } else {
            Kind::Directory
        };
        let link = entry.link;
        found.push(Listed { path, kind, link });
    }
    Ok(found)
}

/// The order of the paths below an entry: those of a directory continue with a slash.
fn order(entry: &Entry) -> impl Iterator<Item = u8> {
    let slash = (entry.kind == EntryKind::Directory).then_some(b'/');
    entry.name.bytes().chain(slash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::memory::MemoryStore;
    use crate::store::{Bytes, Stat, Want};

    #[test]
    fn files_come_in_the_order_of_their_paths() {
        let mut store = MemoryStore::new();
        let paths = ["a/a.b/0", "a/a/b/0.0", "a/a/.zarray", "a/a0/0", "a/b", "c"];
        for path in paths {
            store.insert(StorePath::new(path).unwrap(), path.to_owned());
        }
        let mut found = Vec::new();
        let gone = walk(&store, &StorePath::new("a").unwrap(), &["a0"], |file| {
            assert_eq!(file.size, file.path.as_str().len() as u64);
            found.push(file.path.as_str().to_owned());
        });
        assert_eq!(gone.unwrap().issue(), None);
        let mut expected = ["a/a.b/0", "a/a/b/0.0", "a/a/.zarray", "a/b"];
        expected.sort_unstable();
        assert_eq!(found, expected);
    }

    /// A store in which the files of one directory disappear as soon as it is listed.
    struct Vanishing(MemoryStore);

    impl Store for Vanishing {
        fn list(&self, directory: &StorePath) -> Result<Vec<Entry>> {
            self.0.list(directory)
        }

        fn stat(&self, paths: &[StorePath]) -> Vec<Result<Option<Stat>>> {
            let is_gone = |path: &StorePath| path.as_str().starts_with("gone/");
            let stats = paths.iter().zip(self.0.stat(paths));
            let stats = stats.map(|(path, stat)| if is_gone(path) { Ok(None) } else { stat });
            stats.collect()
        }

        fn fetch(&self, wants: &[Want]) -> Vec<Result<Bytes>> {
            self.0.fetch(wants)
        }

        fn locate(&self, path: &StorePath) -> String {
            self.0.locate(path)
        }
    }

    #[test]
    fn files_that_go_away_under_way_are_told() {
        let mut store = MemoryStore::new();
        for path in ["gone/1", "gone/2", "here"] {
            store.insert(StorePath::new(path).unwrap(), "x");
        }
        let mut seen = Vec::new();
        let gone = walk(&Vanishing(store), &StorePath::root(), &[], |file| {
            seen.push(file.path);
        });
        let issue = gone.unwrap().issue().unwrap();
        assert_eq!(seen, [StorePath::new("here").unwrap()]);
        assert_eq!(issue.kind(), ErrorKind::Store);
        assert!(issue.file().unwrap().starts_with("gone/"));
        assert!(
            issue.reason().starts_with("this and 1 more file went away"),
            "{issue}"
        );
    }

    #[test]
    fn directories_deep_inside_each_other_are_refused() {
        let mut store = MemoryStore::new();
        let deep = vec!["d"; 80].join("/");
        store.insert(StorePath::new(&deep).unwrap(), "x");
        let error = walk(&store, &StorePath::root(), &[], |_| {}).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit);
    }
}
