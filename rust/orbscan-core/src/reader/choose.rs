//! Which pytree of a checkpoint is read.
//!
//! Orbax 0.12 prefers the name `state`, and earlier releases `pytree`; each was the standard name of
//! its time. The older one comes first here, so that a checkpoint that has both reads the same as
//! when it was written.

use super::Selection;
use super::detect::{self, Root};
use crate::error::{Error, ErrorKind, Result};
use crate::orbax::names;
use crate::record::Layout;
use crate::store::{EntryKind, Stat, Store};

/// What a directory holds of a pytree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tree {
    /// `_METADATA`.
    Metadata,
    /// Only the aggregate file of early releases.
    Aggregate,
    /// Nothing.
    None,
}

/// What each named directory holds, in one wave.
pub fn pytrees(store: &dyn Store, root: &Root, directories: &[&str]) -> Result<Vec<Tree>> {
    let mut asked = Vec::with_capacity(directories.len().saturating_mul(2));
    for name in directories {
        let directory = root.path.join(name)?;
        asked.push(directory.join(names::TREE_METADATA)?);
        asked.push(directory.join(names::AGGREGATE)?);
    }
    let found = store.stat(&asked).into_iter().collect::<Result<Vec<_>>>()?;
    let tree = |pair: &[Option<Stat>]| match pair {
        [Some(_), _] => Tree::Metadata,
        [
            None,
            Some(Stat {
                kind: EntryKind::File,
                ..
            }),
        ] => Tree::Aggregate,
        _ => Tree::None,
    };
    Ok(found.chunks(2).map(tree).collect())
}

/// The name of the item to read; `None` for the checkpoint itself.
///
/// # Errors
/// `NoSuchCheckpointable`, `DeletionInProgress`; `UnknownLayout` if there is none to choose; `Store`.
pub fn choose(store: &dyn Store, root: &Root, selection: Selection<'_>) -> Result<Option<String>> {
    match selection {
        Selection::Auto => automatic(store, root),
        Selection::Flat => direct(store, root).map(|()| None),
        Selection::Named(name) => named(store, root, name).map(Some),
    }
}

fn automatic(store: &dyn Store, root: &Root) -> Result<Option<String>> {
    let mut candidates = root.checkpointables();
    // False sorts before true: the standard names first, the newest release's after its elder's.
    candidates.sort_by_key(|name| (*name != names::PYTREE, *name != names::STATE));
    let found = pytrees(store, root, &candidates)?;
    let first = |wanted| {
        let place = found.iter().position(|tree| *tree == wanted)?;
        candidates.get(place).map(|name| (*name).to_owned())
    };
    if let Some(name) = first(Tree::Metadata) {
        return Ok(Some(name));
    }
    if root.layout == Layout::V0 && root.has(names::TREE_METADATA) {
        return Ok(None);
    }
    if let Some(name) = first(Tree::Aggregate) {
        return Ok(Some(name));
    }
    if root.layout == Layout::V0 && root.has_file(names::AGGREGATE) {
        return Ok(None);
    }
    if !root.has(names::CHECKPOINT_METADATA) {
        return Err(detect::no_checkpoint(store, root));
    }
    let names: Vec<String> = candidates.iter().map(|name| (*name).to_owned()).collect();
    let seen = if names.is_empty() {
        "none".to_owned()
    } else {
        detect::shown(&names)
    };
    let reason = format!(
        "has no pytree: no {} in it or in its checkpointables ({seen})",
        names::TREE_METADATA
    );
    Err(Error::new(ErrorKind::UnknownLayout, reason).in_file(&root.path))
}

fn direct(store: &dyn Store, root: &Root) -> Result<()> {
    let flat = root.has(names::TREE_METADATA) || root.has_file(names::AGGREGATE);
    if root.layout == Layout::V0 && flat {
        return Ok(());
    }
    Err(no_such(store, root, "the checkpoint itself is no pytree"))
}

fn named(store: &dyn Store, root: &Root, name: &str) -> Result<String> {
    if root.deleted.as_deref() == Some(name) {
        let reason = format!("the checkpointable {name:?} is being deleted");
        return Err(Error::new(ErrorKind::DeletionInProgress, reason).in_file(&root.path));
    }
    let known = root.checkpointables().contains(&name);
    if known && pytrees(store, root, &[name])?.first() != Some(&Tree::None) {
        return Ok(name.to_owned());
    }
    let reason = if known {
        format!("{name:?} is no pytree: it has no {}", names::TREE_METADATA)
    } else {
        format!("no checkpointable is called {name:?}")
    };
    Err(no_such(store, root, &reason))
}

/// The error for a name that does not exist, with those that do.
fn no_such(store: &dyn Store, root: &Root, reason: &str) -> Error {
    let children = root.checkpointables();
    let found = pytrees(store, root, &children).unwrap_or_default();
    let pytrees = children
        .iter()
        .zip(found)
        .filter(|(_, tree)| *tree != Tree::None);
    let pytrees: Vec<String> = pytrees.map(|(name, _)| (*name).to_owned()).collect();
    let hint = if !pytrees.is_empty() {
        format!("its pytrees are {}", detect::shown(&pytrees))
    } else if root.has(names::TREE_METADATA) {
        "the checkpoint itself is a pytree: pass checkpointable_name=None".to_owned()
    } else {
        "it has no pytree".to_owned()
    };
    Error::new(ErrorKind::NoSuchCheckpointable, format!("{reason}; {hint}")).in_file(&root.path)
}
