//! The checkpoints of a root whose names are not those of steps: `best_-0.5`, `ckpt-7`, `final`.

use crate::layout::recognise;
use crate::orbax::{names, step_name};
use crate::path::StorePath;
use crate::store::{Entry, Store};

/// How many directories are looked into at most.
const LOOKED_INTO: usize = 64;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Others {
    /// The names of checkpoints and of unfinished saves, ordered by the numbers in them.
    pub names: Vec<String>,
    /// How many directories were not looked into: there were too many, or they cannot be read.
    pub unknown: usize,
}

/// Looks into the directories of a root that are not called like steps.
pub fn look(store: &dyn Store, root: &StorePath, directories: &[Entry]) -> Others {
    let mut directories: Vec<&Entry> = directories
        .iter()
        .filter(|entry| entry.name != names::ROOT_METADATA_DIRECTORY)
        .collect();
    directories.sort_unstable_by(|a, b| step_name::natural(&a.name, &b.name));
    let mut others = Others {
        unknown: directories.len().saturating_sub(LOOKED_INTO),
        ..Others::default()
    };
    for entry in directories.into_iter().take(LOOKED_INTO) {
        match is_checkpoint(store, root, entry) {
            Some(true) => others.names.push(entry.name.clone()),
            Some(false) => {}
            None => others.unknown = others.unknown.saturating_add(1),
        }
    }
    others
}

/// Whether a directory is a checkpoint or the leftover of a save; `None` if that cannot be told.
fn is_checkpoint(store: &dyn Store, root: &StorePath, entry: &Entry) -> Option<bool> {
    if recognise::is_leftover(&entry.name, entry.link, true) {
        return Some(true);
    }
    let path = root.join(&entry.name).ok()?;
    let entries = store.list(&path).ok()?;
    let layout = recognise::layout(store, &path, &entries).ok()?;
    Some(layout.is_some())
}
