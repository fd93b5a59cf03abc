//! A number that changes with everything on which an answer about a checkpoint depends.
//!
//! It is computed from the listing that was made anyway, and from the size, change times and
//! version of every document that was or would be read, and of the directories that hold them. It
//! does not detect a change in place of a data file of a database, because nothing ever makes one.

use super::fnv::Fnv;
use crate::error::Result;
use crate::orbax::names;
use crate::path::StorePath;
use crate::reader::everything::Recognised;
use crate::record::Layout;
use crate::store::{EntryKind, Stat, Store};

/// The files of a pytree on which the fingerprint depends, relative to its directory.
const OF_PYTREE: [&str; 4] = [
    names::TREE_METADATA,
    names::SHARDING,
    names::MANIFEST,
    names::FIRST_ARRAY_METADATA,
];

/// The fingerprint of a checkpoint; `None` if it has none, or if only a read can tell. It differs
/// for a checkpoint whose shardings are not read: if they are wanted later, it is read again.
pub fn fingerprint(store: &dyn Store, recognised: &Recognised, shardings: bool) -> Option<u64> {
    let mut fingerprint = Making {
        store,
        root: &recognised.path,
        hash: Fnv::new(),
        documents: 0,
    };
    fingerprint.add_listing(recognised);
    if !shardings {
        fingerprint.hash.add_text(names::SHARDING);
    }
    let found = fingerprint.add(&files(recognised))?;
    for directory in pytrees(recognised) {
        let has = |name: &str| found.contains(&below(&directory, name));
        match (has(names::TREE_METADATA), has(names::MANIFEST)) {
            (_, true) => {}
            (true, false) => fingerprint.add_arrays(&directory)?,
            // Requested only if nothing newer was found, so that other checkpoints do not cost
            // more.
            (false, false) => {
                fingerprint.add(&[below(&directory, names::AGGREGATE)])?;
            }
        }
    }
    (fingerprint.documents > 0).then(|| fingerprint.hash.finish())
}

/// A fingerprint that is being computed.
struct Making<'a> {
    store: &'a dyn Store,
    root: &'a StorePath,
    hash: Fnv,
    /// Files that were found.
    documents: usize,
}

impl Making<'_> {
    /// Adds the names and kinds of the entries of the checkpoint.
    fn add_listing(&mut self, recognised: &Recognised) {
        let entries = recognised.entries.iter();
        let mut listed: Vec<(&str, bool)> = entries
            .map(|entry| (entry.name.as_str(), entry.kind == EntryKind::Directory))
            .collect();
        listed.sort_unstable();
        for (name, is_directory) in listed {
            self.hash.add_text(name);
            self.hash.add(&[u8::from(is_directory)]);
        }
    }

    /// Adds the metadata of some paths, and returns those that exist.
    fn add(&mut self, paths: &[String]) -> Option<Vec<String>> {
        let inside = paths.iter().map(|path| self.root.join(path));
        let inside: Vec<StorePath> = inside.collect::<Result<_>>().ok()?;
        let mut found = Vec::new();
        for (path, stat) in paths.iter().zip(self.store.stat(&inside)) {
            self.hash.add_text(path);
            let Some(stat) = stat.ok()? else {
                self.hash.add(&[0]);
                continue;
            };
            self.add_stat(&stat);
            found.push(path.clone());
        }
        Some(found)
    }

    fn add_stat(&mut self, stat: &Stat) {
        let is_file = stat.kind == EntryKind::File;
        self.documents = self.documents.saturating_add(usize::from(is_file));
        self.hash.add(&[1, u8::from(is_file)]);
        self.hash.add(&stat.size.to_le_bytes());
        let modified = stat.modified_nsecs.unwrap_or_default();
        self.hash.add(&modified.to_le_bytes());
        self.hash.add(&stat.version.to_le_bytes());
    }

    /// Adds the documents of arrays in files, or the manifests of databases that were never merged.
    /// `None` if an array lies deeper: its name has slashes, and only the tree has it.
    fn add_arrays(&mut self, directory: &str) -> Option<()> {
        let listed = self.store.list(&self.root.join(directory).ok()?).ok()?;
        let directories = listed
            .into_iter()
            .filter(|entry| entry.kind == EntryKind::Directory);
        let mut names: Vec<String> = directories.map(|entry| entry.name).collect();
        names.retain(|name| name != names::ARRAY_METADATAS);
        names.sort_unstable();
        for name in names {
            let inside = below(directory, &name);
            let documents: &[&str] = if name.starts_with(names::PROCESS_DATABASE_PREFIX) {
                &[names::MANIFEST]
            } else {
                &[names::ZARR_V2, names::ZARR_V3]
            };
            let documents: Vec<String> = documents
                .iter()
                .map(|document| below(&inside, document))
                .collect();
            if self.add(&documents)?.is_empty() {
                return None;
            }
        }
        Some(())
    }
}

/// The directories that may hold a pytree, relative to the checkpoint.
fn pytrees(recognised: &Recognised) -> Vec<String> {
    let entries = recognised.entries.iter();
    if recognised.layout == Layout::Safetensors {
        return Vec::new();
    }
    let has = |name: &str| entries.clone().any(|entry| entry.name == name);
    let mut found = Vec::new();
    if has(names::TREE_METADATA) || has(names::AGGREGATE) {
        found.push(String::new());
    }
    if !has(names::TREE_METADATA) {
        let items = entries
            .clone()
            .filter(|entry| entry.kind == EntryKind::Directory && !names::is_reserved(&entry.name));
        found.extend(items.map(|entry| entry.name.clone()));
        found.sort_unstable();
    }
    found
}

/// The documents on which an answer depends, and the directories that hold them.
fn files(recognised: &Recognised) -> Vec<String> {
    let names = recognised.entries.iter().map(|entry| entry.name.as_str());
    if recognised.layout == Layout::Safetensors {
        let tensors = names.filter(|name| name.ends_with(names::SAFETENSORS_SUFFIX));
        let mut tensors: Vec<String> = tensors.map(ToOwned::to_owned).collect();
        tensors.sort_unstable();
        if tensors.is_empty() {
            // The checkpoint is a single such file.
            tensors.push(String::new());
        }
        return tensors;
    }
    let mut found = vec![names::CHECKPOINT_METADATA.to_owned()];
    // They are requested only if the listing shows them.
    let metrics = below(names::METRICS, names::METRICS);
    for (shown, document) in [
        (names::METRICS, metrics.as_str()),
        (names::DELETION_RECORD, names::DELETION_RECORD),
    ] {
        if names.clone().any(|name| name == shown) {
            found.push(document.to_owned());
        }
    }
    for directory in pytrees(recognised) {
        found.extend(OF_PYTREE.iter().map(|name| below(&directory, name)));
        if !directory.is_empty() {
            found.push(directory);
        }
    }
    found
}

/// The path of an entry of a directory, both relative to the checkpoint.
fn below(directory: &str, name: &str) -> String {
    if directory.is_empty() {
        name.to_owned()
    } else {
        format!("{directory}/{name}")
    }
}
