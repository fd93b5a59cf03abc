//! Flat or composite, and which pytree of a checkpoint is read.

use super::foreign;
use super::root::Root;
use crate::error::Result;
use crate::orbax::checkpoint_metadata::ItemHandlers;
use crate::orbax::names::{self, Order};
use crate::record::Layout;
use crate::store::{EntryKind, Stat, Store};

/// What was found of a pytree in a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tree {
    /// `_METADATA`.
    Metadata,
    /// Only the aggregate file of early releases.
    Aggregate,
    /// Nothing.
    None,
}

/// A directory that is or may be a pytree; without a name, the checkpoint itself.
pub type Candidate<'a> = (Option<&'a str>, Tree);

/// The pytrees of a checkpoint.
#[derive(Debug)]
pub struct Contents<'r> {
    /// Whether the checkpoint itself is one pytree, without a name. Its directories that look like
    /// pytrees are listed as checkpointables all the same.
    pub flat: bool,
    /// Its checkpointables, sorted by name, and what each has of a pytree. The metrics are included
    /// if they are a pytree.
    pub items: Vec<(&'r str, Tree)>,
}

impl<'r> Contents<'r> {
    /// The names of the checkpointables that are pytrees.
    pub fn pytrees(&self) -> impl Iterator<Item = &'r str> {
        let trees = self.items.iter().filter(|(_, tree)| *tree != Tree::None);
        trees.map(|(name, _)| *name)
    }

    /// Whether a checkpointable of that name exists, whether it is a pytree or not.
    pub fn has(&self, name: &str) -> bool {
        // Other directories of a flat checkpoint are parts of its tree.
        let is_item = |tree: Tree| !self.flat || tree != Tree::None;
        let mut items = self.items.iter();
        items.any(|(item, tree)| *item == name && is_item(*tree))
    }

    /// Whether there is no pytree at all; one with the name of the metrics does not make a
    /// checkpoint.
    pub fn is_treeless(&self) -> bool {
        !self.flat && self.pytrees().all(|name| name == names::METRICS)
    }
}

/// Looks for the pytrees of a checkpoint, in at most two batches of requests.
///
/// # Errors
/// `Store`.
pub fn contents<'r>(store: &dyn Store, root: &'r Root) -> Result<Contents<'r>> {
    let mut contents = contents_but_metrics(store, root)?;
    if has_metrics_tree(store, root)? {
        contents.items.push((names::METRICS, Tree::Metadata));
        contents.items.sort_unstable();
    }
    Ok(contents)
}

/// As [`contents`], if the metrics are known not to be a pytree.
///
/// # Errors
/// `Store`.
pub fn contents_but_metrics<'r>(store: &dyn Store, root: &'r Root) -> Result<Contents<'r>> {
    let children = root.checkpointables();
    let trees = items(store, root, &children)?;
    let any = trees.iter().any(|tree| *tree != Tree::None);
    Ok(Contents {
        flat: own_tree(root, any) != Tree::None,
        items: children.into_iter().zip(trees).collect(),
    })
}

/// Whether the directory with the name of the metrics is a pytree that was saved under that name.
///
/// # Errors
/// `Store`.
pub fn has_metrics_tree(store: &dyn Store, root: &Root) -> Result<bool> {
    Ok(root.has_metrics() && with_metadata(store, root, &[names::METRICS])?.contains(&true))
}

/// What each of the named checkpointables has of a pytree.
///
/// # Errors
/// `Store`.
pub fn items(store: &dyn Store, root: &Root, names: &[&str]) -> Result<Vec<Tree>> {
    if !root.has(names::TREE_METADATA) {
        return trees(store, root, names);
    }
    // Any other file in a directory of a flat checkpoint is a part of its tree.
    let found = with_metadata(store, root, names)?;
    Ok(found.into_iter().map(of_metadata).collect())
}

/// What the checkpoint itself has of a pytree, given whether any of its checkpointables is one:
/// then a file `checkpoint` beside them is not Orbax's.
pub fn own_tree(root: &Root, any_item: bool) -> Tree {
    if root.layout == Layout::V0 && root.has(names::TREE_METADATA) {
        Tree::Metadata
    } else if root.layout == Layout::V0 && !any_item && root.has_file(names::AGGREGATE) {
        Tree::Aggregate
    } else {
        Tree::None
    }
}

/// Whether a checkpoint has no named checkpointables, according to its own tree or its handler.
pub fn is_flat(own: Tree, handlers: &ItemHandlers) -> bool {
    own != Tree::None || matches!(handlers, ItemHandlers::Flat(_))
}

/// What each of the named directories has of a pytree.
///
/// # Errors
/// `Store`.
pub fn trees(store: &dyn Store, root: &Root, directories: &[&str]) -> Result<Vec<Tree>> {
    let found = with_metadata(store, root, directories)?;
    or_aggregate(store, root, directories, &found)
}

/// Completes the result of [`trees`], given which of the directories have `_METADATA`.
///
/// # Errors
/// `Store`.
pub fn or_aggregate(
    store: &dyn Store,
    root: &Root,
    directories: &[&str],
    metadata: &[bool],
) -> Result<Vec<Tree>> {
    let others = directories.iter().zip(metadata);
    let others: Vec<&str> = others.filter(|(_, has)| !**has).map(|(n, _)| *n).collect();
    let mut aggregates = with_aggregate(store, root, &others)?.into_iter();
    let mut tree = |has_metadata: bool| {
        if has_metadata {
            Tree::Metadata
        } else if aggregates.next().unwrap_or(false) {
            Tree::Aggregate
        } else {
            Tree::None
        }
    };
    Ok(metadata.iter().map(|has| tree(*has)).collect())
}

/// Which of the named directories have `_METADATA`.
fn with_metadata(store: &dyn Store, root: &Root, directories: &[&str]) -> Result<Vec<bool>> {
    let found = stat_in(store, root, directories, names::TREE_METADATA)?;
    Ok(found.iter().map(Option::is_some).collect())
}

/// Which of the named directories have the aggregate file of early releases. TensorFlow also has a
/// file of that name.
fn with_aggregate(store: &dyn Store, root: &Root, directories: &[&str]) -> Result<Vec<bool>> {
    let found = stat_in(store, root, directories, names::AGGREGATE)?;
    let is_file = |stat: &Option<Stat>| stat.is_some_and(|stat| stat.kind == EntryKind::File);
    let mut aggregates = Vec::with_capacity(directories.len());
    for (name, stat) in directories.iter().zip(&found) {
        let file = root.path.join(name)?.join(names::AGGREGATE)?;
        aggregates.push(is_file(stat) && !foreign::is_text_of_tensorflow(store, &file)?);
    }
    Ok(aggregates)
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

/// The checkpointable that is read if none is named, provided that it has `_METADATA`, which a
/// request for that file shows. `None` if the checkpoint itself is a pytree, or has no
/// checkpointables.
pub fn likely(root: &Root, order: Order) -> Option<&str> {
    // The directories of a flat checkpoint look like items, but are never items.
    if root.has(names::TREE_METADATA) {
        return None;
    }
    let names = root.checkpointables().into_iter();
    names.min_by_key(|name| names::preference(name, order))
}

/// The index of the pytree that is read if none is named: one with `_METADATA` before one with the
/// aggregate file, a named one before the checkpoint itself, then by [`names::preference`]. `None`
/// if there is no pytree.
pub fn first(candidates: &[Candidate<'_>], order: Order) -> Option<usize> {
    let places = candidates.iter().enumerate();
    let pytrees = places.filter(|(_, (_, tree))| *tree != Tree::None);
    let first = pytrees.min_by_key(|(_, candidate)| rank(**candidate, order));
    first.map(|(place, _)| place)
}

/// The candidate with the least rank is read.
fn rank((name, tree): Candidate<'_>, order: Order) -> (Tree, bool, Option<names::Preference<'_>>) {
    let preference = name.map(|name| names::preference(name, order));
    (tree, name.is_none(), preference)
}

/// The name of the pytree that is read if none is named, `Some(None)` for the checkpoint itself;
/// `None` if there is none.
///
/// # Errors
/// `Store`.
pub fn automatic<'r>(
    store: &dyn Store,
    root: &'r Root,
    order: Order,
) -> Result<Option<Option<&'r str>>> {
    let names = root.checkpointables();
    let metadata = with_metadata(store, root, &names)?;
    let own = own_tree(root, false);
    let candidates = |trees: Vec<Tree>| -> Vec<Candidate<'r>> {
        let items = names.iter().map(|name| Some(*name)).zip(trees);
        items.chain([(None, own)]).collect()
    };
    let mut found = candidates(metadata.iter().copied().map(of_metadata).collect());
    // An aggregate file can be chosen only if nothing newer was found.
    if !metadata.contains(&true) && own != Tree::Metadata {
        found = candidates(or_aggregate(store, root, &names, &metadata)?);
    }
    Ok(first(&found, order).and_then(|place| found.get(place).map(|(name, _)| *name)))
}

fn of_metadata(has: bool) -> Tree {
    if has { Tree::Metadata } else { Tree::None }
}
