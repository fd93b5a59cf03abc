//! The checkpoints of a root whose names are not those of steps: `best_-0.5`, `ckpt-7`, `final`.

use crate::aside;
use crate::error::Result;
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
    directories.truncate(LOOKED_INTO);
    let looks = aside::each(
        || store.width(),
        &directories,
        |entry| is_checkpoint(store, root, entry),
    );
    for (entry, look) in directories.into_iter().zip(looks) {
        match look {
            Ok(true) => others.names.push(entry.name.clone()),
            Ok(false) => {}
            Err(_) => others.unknown = others.unknown.saturating_add(1),
        }
    }
    others
}

/// Whether a directory is a checkpoint or the leftover of a save.
///
/// # Errors
/// Why that cannot be told.
fn is_checkpoint(store: &dyn Store, root: &StorePath, entry: &Entry) -> Result<bool> {
    if recognise::is_leftover(&entry.name, entry.link, true) {
        return Ok(true);
    }
    let path = root.join(&entry.name)?;
    let entries = store.list(&path)?;
    Ok(recognise::layout(store, &path, &entries)?.is_some())
}
