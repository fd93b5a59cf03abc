//! Answers about one checkpoint, not about a mixture of two of which one replaced the other.
//!
//! If the store can hold a directory, everything that a read requests is in the directory that lay
//! there when it began: an answer without a fault is about that checkpoint, whatever has replaced
//! it since.
//!
//! Otherwise, and if something was wrong, the listing at the start of a read gives the number of
//! each file. At the end, one of them is looked at again by its path: if a directory was renamed to
//! this place, the number is another.

use super::root::Root;
use crate::error::{Error, ErrorKind, Result};
use crate::orbax::names;
use crate::path::StorePath;
use crate::store::{Entry, Interest, Store};

/// How often a checkpoint is read that changes each time.
const ATTEMPTS: usize = 2;

/// What a read has seen of the checkpoint.
#[derive(Debug, Default)]
pub struct Seen {
    /// A file in it, and the number of the file.
    mark: Option<(StorePath, u64)>,
    /// Whether the directory is held, and may differ from the one that was listed before.
    pub is_held: bool,
}

impl Seen {
    /// Notes the listing of the checkpoint.
    pub fn note(&mut self, root: &Root) {
        self.note_entries(&root.path, &root.entries);
    }

    /// Notes the listing of a directory.
    pub fn note_entries(&mut self, directory: &StorePath, entries: &[Entry]) {
        // The number of a link is its own, not that of its target.
        let numbered = entries.iter().filter(|entry| entry.id != 0 && !entry.link);
        let own = |entry: &&Entry| entry.name == names::CHECKPOINT_METADATA;
        let entry = numbered.clone().find(own).or(numbered.clone().next());
        self.mark = entry.and_then(|entry| Some((directory.join(&entry.name).ok()?, entry.id)));
    }

    /// The number that the file has now; `None` if nothing was noted, 0 if the file is gone.
    fn now(&self, store: &dyn Store) -> Option<u64> {
        let (path, _) = self.mark.as_ref()?;
        let stat = store.stat(std::slice::from_ref(path)).pop()?;
        Some(stat.ok()?.map_or(0, |stat| stat.id))
    }

    /// Checks that the checkpoint is still the one that was noted.
    ///
    /// # Errors
    /// `Store` if it is another.
    pub fn check(&self, store: &dyn Store) -> Result<()> {
        let Some((path, id)) = &self.mark else {
            return Ok(());
        };
        if self.now(store).is_none_or(|now| now == *id) {
            return Ok(());
        }
        Err(changed(&path.parent().unwrap_or_default()))
    }
}

/// Calls `attempt` to read the checkpoint at `path`, if possible from the directory that lies there
/// when it begins, and from no other. It is called again if something else lies there afterwards;
/// but not if the directory was held and the answer is complete according to `is_whole`: then the
/// answer is about what lay there.
///
/// # Errors
/// The error of the last attempt; `Store` if the checkpoint changed each time.
pub fn read<T>(
    store: &dyn Store,
    path: &StorePath,
    interest: Interest<'_>,
    mut attempt: impl FnMut(&dyn Store, &mut Seen) -> Result<T>,
    is_whole: impl Fn(&T) -> bool,
) -> Result<T> {
    let mut before = None;
    let mut last = None;
    let mut refused = None;
    for _ in 0..ATTEMPTS {
        let held = store.hold(path, interest);
        let mut seen = Seen {
            is_held: held.is_some(),
            ..Seen::default()
        };
        let read = attempt(held.as_deref().unwrap_or(store), &mut seen);
        if held.as_ref().is_some_and(|held| held.is_stale()) {
            // The error of the store names the file that changed.
            refused = read.err().filter(|error| error.kind() == ErrorKind::Store);
            last = Some(path.clone());
            continue;
        }
        if held.is_some() && read.as_ref().is_ok_and(&is_whole) {
            return read;
        }
        let now = seen.now(store);
        let Some((path, id)) = seen.mark else {
            return read;
        };
        // Some file systems number files differently in listings: then the number is the same as
        // after the previous attempt.
        if now.is_none_or(|now| now == id) || (now == before && now != Some(0)) {
            return read;
        }
        before = now;
        refused = None;
        last = path.parent();
    }
    Err(refused.unwrap_or_else(|| changed(&last.unwrap_or_else(|| path.clone()))))
}

fn changed(directory: &StorePath) -> Error {
    let reason = "another directory took the place of the checkpoint each time it was read; read it \
                  again when it is at rest";
    Error::new(ErrorKind::Store, reason).in_file(directory)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::store::memory::MemoryStore;
    use crate::store::{Bytes, EntryKind, Pytrees, Stat, Want};

    /// A store that returns another number of a file each time.
    struct Numbers(Mutex<Vec<Option<u64>>>);

    impl Store for Numbers {
        fn list(&self, directory: &StorePath) -> Result<Vec<Entry>> {
            MemoryStore::new().list(directory)
        }

        fn stat(&self, paths: &[StorePath]) -> Vec<Result<Option<Stat>>> {
            let mut numbers = self.0.lock().unwrap();
            let stat = |id| Stat {
                kind: EntryKind::File,
                size: 0,
                modified_nsecs: None,
                version: 0,
                id,
            };
            let answers = paths.iter().map(|_| Ok(numbers.remove(0).map(stat)));
            answers.collect()
        }

        fn fetch(&self, wants: &[Want]) -> Vec<Result<Bytes>> {
            MemoryStore::new().fetch(wants)
        }

        fn locate(&self, path: &StorePath) -> String {
            path.as_str().to_owned()
        }
    }

    /// How often it is read if listings and later looks give these numbers, and whether the last
    /// answer is returned.
    fn reads(listed: &[u64], looked: &[Option<u64>]) -> (usize, Result<usize>) {
        let store = Numbers(Mutex::new(looked.to_vec()));
        let mut count = 0;
        let attempt = |_: &dyn Store, seen: &mut Seen| {
            let entry = |name: &str, id, link| Entry {
                name: name.to_owned(),
                kind: EntryKind::File,
                link,
                id,
            };
            let entries = [
                entry("a link", 77, true),
                entry(names::CHECKPOINT_METADATA, listed[count], false),
            ];
            seen.note_entries(&StorePath::new("run/7").unwrap(), &entries);
            count += 1;
            Ok(count)
        };
        let interest = Interest::of(Pytrees::All);
        let read = read(&store, &StorePath::root(), interest, attempt, |_| true);
        (count, read)
    }

    #[test]
    fn what_stays_is_read_once() {
        assert_eq!(reads(&[5], &[Some(5)]), (1, Ok(1)));
    }

    #[test]
    fn what_is_replaced_is_read_again() {
        assert_eq!(reads(&[5, 6], &[Some(6), Some(6)]), (2, Ok(2)));
        assert_eq!(reads(&[5, 6], &[None, Some(6)]), (2, Ok(2)));
    }

    #[test]
    fn what_is_replaced_each_time_is_an_error() {
        for looked in [[Some(6), Some(7)], [None, None]] {
            let (count, read) = reads(&[5, 6], &looked);
            let error = read.unwrap_err();
            assert_eq!((count, error.kind()), (2, ErrorKind::Store));
            assert_eq!(error.file(), Some("run/7"));
        }
    }

    #[test]
    fn a_file_system_that_lists_other_numbers_costs_one_more_read() {
        assert_eq!(reads(&[5, 5], &[Some(9), Some(9)]), (2, Ok(2)));
    }

    #[test]
    fn a_store_without_numbers_is_asked_nothing() {
        assert_eq!(reads(&[0], &[]), (1, Ok(1)));
    }
}
