//! Which pytree of a checkpoint is read.

use super::Selection;
use super::detect::{self, Root};
use crate::error::{Error, ErrorKind, Result};
use crate::orbax::names;
use crate::record::Layout;
use crate::store::{EntryKind, Stat, Store};

/// Which of the named directories hold a pytree: `_METADATA`, or the aggregate file of early
/// releases.
pub fn pytrees(store: &dyn Store, root: &Root, directories: &[&str]) -> Result<Vec<bool>> {
    let found = with_metadata(store, root, directories)?;
    or_aggregate(store, root, directories, found)
}

/// Completes the answer of [`pytrees`], given which of the directories have `_METADATA`.
pub fn or_aggregate(
    store: &dyn Store,
    root: &Root,
    directories: &[&str],
    mut found: Vec<bool>,
) -> Result<Vec<bool>> {
    let others = directories.iter().zip(&found).filter(|(_, found)| !**found);
    let others: Vec<&str> = others.map(|(name, _)| *name).collect();
    let mut aggregates = with_aggregate(store, root, &others)?.into_iter();
    for found in found.iter_mut().filter(|found| !**found) {
        *found = aggregates.next().unwrap_or(false);
    }
    Ok(found)
}

/// Which of the named directories have `_METADATA`.
pub fn with_metadata(store: &dyn Store, root: &Root, directories: &[&str]) -> Result<Vec<bool>> {
    let found = stat_in(store, root, directories, names::TREE_METADATA)?;
    Ok(found.iter().map(Option::is_some).collect())
}

/// Which of the named directories have the aggregate file of early releases.
fn with_aggregate(store: &dyn Store, root: &Root, directories: &[&str]) -> Result<Vec<bool>> {
    let found = stat_in(store, root, directories, names::AGGREGATE)?;
    let is_file = |stat: &Option<Stat>| stat.is_some_and(|stat| stat.kind == EntryKind::File);
    Ok(found.iter().map(is_file).collect())
}

fn stat_in(
    store: &dyn Store,
    root: &Root,
    directories: &[&str],
    file: &str,
) -> Result<Vec<Option<Stat>>> {
    let path = |name: &&str| root.path.join(name)?.join(file);
    let paths: Vec<_> = directories.iter().map(path).collect::<Result<_>>()?;
    store.stat(&paths).into_iter().collect()
}

/// The item that is read if it has `_METADATA`, which asking for that file will tell.
pub fn likely<'a>(root: &'a Root, selection: Selection<'a>) -> Option<&'a str> {
    match selection {
        // Any of the directories of a flat checkpoint could be an item, but none of them ever is.
        Selection::Auto if root.has(names::TREE_METADATA) => None,
        Selection::Auto => candidates(root).first().copied(),
        Selection::Flat => None,
        Selection::Named(name) => root.checkpointables().contains(&name).then_some(name),
    }
}

/// The checkpointables, those to be preferred first.
fn candidates(root: &Root) -> Vec<&str> {
    let mut candidates = root.checkpointables();
    candidates.sort_by_key(|name| names::preference(name));
    candidates
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
    let candidates = candidates(root);
    let first = |found: &[bool]| {
        let place = found.iter().position(|found| *found)?;
        candidates.get(place).map(|name| (*name).to_owned())
    };
    if let Some(name) = first(&with_metadata(store, root, &candidates)?) {
        return Ok(Some(name));
    }
    if root.layout == Layout::V0 && root.has(names::TREE_METADATA) {
        return Ok(None);
    }
    if let Some(name) = first(&with_aggregate(store, root, &candidates)?) {
        return Ok(Some(name));
    }
    if root.layout == Layout::V0 && root.has_file(names::AGGREGATE) {
        return Ok(None);
    }
    Err(no_pytree(store, root))
}

/// The error for a checkpoint in which no pytree was found.
pub fn no_pytree(store: &dyn Store, root: &Root) -> Error {
    if !root.has(names::CHECKPOINT_METADATA) {
        return detect::no_checkpoint(store, root);
    }
    let candidates = candidates(root);
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
    Error::new(ErrorKind::UnknownLayout, reason).in_file(&root.path)
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
    if known && pytrees(store, root, &[name])?.contains(&true) {
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
    let pytrees = children.iter().zip(found).filter(|(_, found)| *found);
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
