//! What a checkpoint holds beside the one pytree that is read.

use super::{Options, Selection, locate};
use crate::error::Result;
use crate::layout::choose::{self, Tree};
use crate::layout::root::Root;
use crate::layout::{detect, expected};
use crate::orbax::checkpoint_metadata::ItemHandlers;
use crate::orbax::{names, step_name};
use crate::path::StorePath;
use crate::record::Layout;
use crate::store::Store;

/// A checkpointable that was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Other {
    /// Its name; `None` for the tree of the checkpoint itself.
    pub name: Option<String>,
    /// Whether it is a pytree, or one that has lost its tree; `None` if the store refuses access.
    pub is_pytree: Option<bool>,
}

/// The possible checkpointables besides the chosen one, according to the listing.
pub fn unread(root: &Root, selection: Selection<'_>, chosen: Option<&str>) -> Vec<Option<String>> {
    // The choice has already found that none of the directories is a pytree.
    if selection == Selection::Auto && chosen.is_none() {
        return Vec::new();
    }
    let own = chosen.is_some() && choose::own_tree(root, false) != Tree::None;
    let own = own.then_some(None);
    let directories = root.checkpointables().into_iter();
    let directories = directories.chain(root.has_metrics().then_some(names::METRICS));
    let others = directories.filter(|name| chosen != Some(*name));
    own.into_iter()
        .chain(others.map(|name| Some(name.to_owned())))
        .collect()
}

/// The checkpointables besides the chosen one. No tree is read.
///
/// # Errors
/// As [`detect::detect`].
pub fn others(
    store: &dyn Store,
    path: &StorePath,
    chosen: Option<&str>,
    options: &Options,
) -> Result<Vec<Other>> {
    find(store, path, chosen, options).map_err(|error| locate(store, error))
}

fn find(
    store: &dyn Store,
    path: &StorePath,
    chosen: Option<&str>,
    options: &Options,
) -> Result<Vec<Other>> {
    let root = detect::detect(store, path, options.rules, &options.limits)?;
    if root.layout == Layout::Safetensors {
        return Ok(Vec::new());
    }
    let waves = super::fetch(store, &root, &[], options)?;
    let handlers = &waves.metadata.item_handlers;
    Ok(of_root(store, &root, handlers, chosen, options))
}

/// [`others`] of a checkpoint whose documents were already read.
pub fn of_root(
    store: &dyn Store,
    root: &Root,
    handlers: &ItemHandlers,
    chosen: Option<&str>,
    options: &Options,
) -> Vec<Other> {
    let mut names = root.checkpointables();
    names.extend(root.has_metrics().then_some(names::METRICS));
    let trees: Vec<Option<Tree>> = names.iter().map(|name| tree(store, root, name)).collect();
    let any = trees.iter().flatten().any(|tree| *tree != Tree::None);
    let flat = choose::own_tree(root, any) != Tree::None;
    let own = Other {
        name: None,
        is_pytree: Some(true),
    };
    let mut others = Vec::from_iter((flat && chosen.is_some()).then_some(own));
    for (name, tree) in names.into_iter().zip(trees) {
        // The other directories of a flat checkpoint are parts of its tree.
        if chosen == Some(name) || (flat && tree == Some(Tree::None)) {
            continue;
        }
        let is_pytree = match tree {
            Some(Tree::None) => has_lost_tree(store, root, name, handlers, options),
            tree => tree.map(|_| true),
        };
        if name == names::METRICS && is_pytree == Some(false) {
            continue;
        }
        let name = Some(name.to_owned());
        others.push(Other { name, is_pytree });
    }
    others.sort_by(|a, b| step_name::natural(text(a), text(b)));
    others
}

fn text(other: &Other) -> &str {
    other.name.as_deref().unwrap_or_default()
}

/// What a checkpointable has of a pytree; `None` if the store refuses access, which does not
/// concern the chosen one.
fn tree(store: &dyn Store, root: &Root, name: &str) -> Option<Tree> {
    let found = choose::items(store, root, &[name]).ok()?;
    found.first().copied()
}

/// Whether a checkpointable without a tree is a pytree that has lost it; `None` as for [`tree`].
fn has_lost_tree(
    store: &dyn Store,
    root: &Root,
    name: &str,
    handlers: &ItemHandlers,
    options: &Options,
) -> Option<bool> {
    let directory = root.path.join(name).ok()?;
    let handler = expected::handler_of(handlers, name);
    let lost = expected::lost_tree(store, &directory, name, handler, &options.limits);
    lost.ok().map(|lost| lost.is_some())
}
