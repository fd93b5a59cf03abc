//! The checkpoints of a root whose names are not those of steps: `best_-0.5`, `ckpt-7`, `final`.

use crate::aside;
use crate::error::Result;
use crate::layout::recognise;
use crate::orbax::{names, step_name};
use crate::path::StorePath;
use crate::store::{Entry, Store};

/// The most directories that are examined.
const LOOKED_INTO: usize = 64;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Others {
    /// The names of checkpoints and of unfinished saves, ordered by the numbers in them.
    pub names: Vec<String>,
    /// How many directories were not examined: there were too many, or they cannot be read.
    pub unknown: usize,
}

/// Directories of a root that do not have names of steps, some of which are examined.
pub struct Beside {
    root: StorePath,
    directories: Vec<Entry>,
    unknown: usize,
}

impl Beside {
    /// Those directories that may be checkpoints, the first by the numbers in their names.
    pub fn of(root: &StorePath, mut directories: Vec<Entry>) -> Self {
        directories.retain(|entry| entry.name != names::ROOT_METADATA_DIRECTORY);
        directories.sort_unstable_by(|a, b| step_name::natural(&a.name, &b.name));
        let unknown = directories.len().saturating_sub(LOOKED_INTO);
        directories.truncate(LOOKED_INTO);
        Self {
            root: root.clone(),
            directories,
            unknown,
        }
    }

    /// The directories that are listed.
    pub fn listed(&self) -> Vec<StorePath> {
        let listed = self.directories.iter().filter(|entry| !is_leftover(entry));
        let paths = listed.filter_map(|entry| self.root.join(&entry.name).ok());
        paths.collect()
    }

    /// The result if none of them is examined.
    pub fn unseen(self) -> Others {
        let in_all = self.unknown.saturating_add(self.directories.len());
        let leftovers = self.directories.into_iter().filter(is_leftover);
        let names: Vec<String> = leftovers.map(|entry| entry.name).collect();
        Others {
            unknown: in_all.saturating_sub(names.len()),
            names,
        }
    }

    /// Examines them.
    pub fn look(self, store: &dyn Store) -> Others {
        let mut others = Others {
            unknown: self.unknown,
            ..Others::default()
        };
        let looks = aside::each(
            || store.width(),
            &self.directories,
            |entry| is_checkpoint(store, &self.root, entry),
        );
        for (entry, look) in self.directories.into_iter().zip(looks) {
            match look {
                Ok(true) => others.names.push(entry.name),
                Ok(false) => {}
                Err(_) => others.unknown = others.unknown.saturating_add(1),
            }
        }
        others
    }
}

/// Examines directories of a root that do not have names of steps.
pub fn look(store: &dyn Store, root: &StorePath, directories: Vec<Entry>) -> Others {
    let beside = Beside::of(root, directories);
    store.expect(&beside.listed(), &[]);
    beside.look(store)
}

fn is_leftover(entry: &Entry) -> bool {
    recognise::is_leftover(&entry.name, entry.link, true)
}

/// Whether a directory is a checkpoint or a temporary directory of a save.
///
/// # Errors
/// Why that cannot be determined.
fn is_checkpoint(store: &dyn Store, root: &StorePath, entry: &Entry) -> Result<bool> {
    if is_leftover(entry) {
        return Ok(true);
    }
    let path = root.join(&entry.name)?;
    let entries = store.list(&path)?;
    Ok(recognise::layout(store, &path, &entries)?.is_some())
}
