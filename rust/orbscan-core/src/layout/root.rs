//! What the listing of a checkpoint shows.

use crate::orbax::names;
use crate::path::StorePath;
use crate::record::{Issue, Layout};
use crate::store::{Entry, EntryKind};

/// A directory that is a checkpoint, with what its listing shows.
#[derive(Debug)]
pub struct Root {
    /// The directory; for safetensors also a single file.
    pub path: StorePath,
    /// How its files are arranged.
    pub layout: Layout,
    /// The checkpointable that is being deleted.
    pub deleted: Option<String>,
    /// Why it is not a finished checkpoint, if it is read all the same.
    pub uncommitted: Option<Issue>,
    /// Its directories that are steps of their own, or temporary directories of steps, sorted.
    pub steps: Vec<String>,
    /// Its children. Files whose names have no meaning may be missing.
    pub entries: Vec<Entry>,
}

/// A checkpointable whose directory still has the temporary name under which it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfinished<'r> {
    /// Its final name.
    pub name: &'r str,
    /// Its current name.
    pub directory: &'r str,
}

impl Root {
    /// Whether the directory has an entry of that name, of whatever kind.
    pub fn has(&self, name: &str) -> bool {
        has(&self.entries, name)
    }

    /// Whether the directory has a file of that name.
    pub fn has_file(&self, name: &str) -> bool {
        has_kind(&self.entries, name, EntryKind::File)
    }

    /// Whether the directory has a directory of that name.
    pub fn has_directory(&self, name: &str) -> bool {
        has_kind(&self.entries, name, EntryKind::Directory)
    }

    /// The names of the files that end in `suffix`, sorted.
    pub fn files_ending(&self, suffix: &str) -> Vec<&str> {
        sorted(&self.entries, |entry| {
            entry.kind == EntryKind::File && entry.name.ends_with(suffix)
        })
    }

    /// The names of the checkpointables, sorted: all directories except those that are reserved or
    /// deleted, and except the steps that lie there.
    pub fn checkpointables(&self) -> Vec<&str> {
        sorted(&self.entries, |entry| {
            entry.kind == EntryKind::Directory
                && !names::is_reserved(&entry.name)
                && !self.is_deleted(&entry.name)
                && !self.steps.contains(&entry.name)
        })
    }

    /// Whether a read may name one of its directories: a checkpointable, or the metrics, which may
    /// have been saved as a pytree. Orbax reserves that name and never chooses it.
    pub fn may_be_named(&self, name: &str) -> bool {
        self.checkpointables().contains(&name) || (name == names::METRICS && self.has_metrics())
    }

    /// Whether there is a directory of metrics.
    pub fn has_metrics(&self) -> bool {
        self.has_directory(names::METRICS)
    }

    /// The checkpointables that were never finished, with the temporary names of their directories.
    pub fn unfinished(&self) -> Vec<Unfinished<'_>> {
        let mut found = self.temporary();
        found.retain(|item| !self.has_directory(item.name));
        found
    }

    /// What interrupted saves of checkpointables left beside them, by their temporary names.
    pub fn leftovers(&self) -> Vec<Unfinished<'_>> {
        let mut found = self.temporary();
        found.retain(|item| self.has_directory(item.name));
        found
    }

    fn temporary(&self) -> Vec<Unfinished<'_>> {
        let directories = self.checkpointables().into_iter();
        let unfinished = directories.filter_map(|directory| {
            let name = names::before_mark(directory)?;
            Some(Unfinished { name, directory })
        });
        unfinished.collect()
    }

    /// Whether a checkpointable is being deleted.
    pub fn is_deleted(&self, name: &str) -> bool {
        self.deleted.as_deref() == Some(name)
    }

    /// The names of what Orbax writes into the directory of a pytree, except arrays, sorted; empty
    /// if it is only a directory whose name may be a user's choice.
    pub fn parts_of_tree(&self) -> Vec<&str> {
        let parts = sorted(&self.entries, |entry| match entry.kind {
            EntryKind::Directory => names::is_directory_of_tree(&entry.name),
            EntryKind::File => names::is_file_of_tree(&entry.name),
        });
        if parts == [names::DATABASE_FILES] {
            return Vec::new();
        }
        parts
    }
}

/// Whether there is an entry of that name, of whatever kind.
pub fn has(entries: &[Entry], name: &str) -> bool {
    entries.iter().any(|entry| entry.name == name)
}

/// Whether there is an entry of that name and kind.
pub fn has_kind(entries: &[Entry], name: &str, kind: EntryKind) -> bool {
    entries
        .iter()
        .any(|entry| entry.name == name && entry.kind == kind)
}

/// The names of the entries that are wanted, sorted.
pub fn sorted(entries: &[Entry], wanted: impl Fn(&Entry) -> bool) -> Vec<&str> {
    let chosen = entries.iter().filter(|entry| wanted(entry));
    let mut found: Vec<&str> = chosen.map(|entry| entry.name.as_str()).collect();
    found.sort_unstable();
    found
}

/// The names of the directories, sorted.
pub fn directories(entries: &[Entry]) -> Vec<&str> {
    sorted(entries, |entry| entry.kind == EntryKind::Directory)
}
