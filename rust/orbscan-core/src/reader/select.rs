//! Which pytree a read returns.

use super::{Options, Selection, Waves};
use crate::error::{Error, ErrorKind, Result};
use crate::layout::choose::{self, Contents, Tree};
use crate::layout::root::Root;
use crate::layout::{expected, refusal};
use crate::orbax::checkpoint_metadata::ItemHandlers;
use crate::orbax::names::{self, Order};
use crate::record::Layout;
use crate::store::Store;

/// The item that is read if it has `_METADATA`, which the request for that file shows.
pub fn likely<'a>(root: &'a Root, selection: Selection<'a>, order: Order) -> Option<&'a str> {
    match selection {
        Selection::Auto => choose::likely(root, order),
        Selection::Flat => None,
        Selection::Named(name) => root.may_be_named(name).then_some(name),
    }
}

/// The name of the item to read; `None` for the checkpoint itself.
///
/// # Errors
/// `NoSuchCheckpointable`, `DeletionInProgress`; `UnknownLayout` if there is none to choose;
/// `Store`.
pub fn choose(
    store: &dyn Store,
    root: &Root,
    selection: Selection<'_>,
    options: &Options,
) -> Result<Option<String>> {
    match selection {
        Selection::Auto => {
            if let Some(name) = choose::automatic(store, root, options.order)? {
                return Ok(name.map(str::to_owned));
            }
            let Waves { metadata, .. } = super::fetch(store, root, &[], options)?;
            let handlers = &metadata.item_handlers;
            Err(refusal::no_pytree(store, root, handlers, &options.limits))
        }
        Selection::Flat => direct(store, root).map(|()| None),
        Selection::Named(name) => named(store, root, name).map(Some),
    }
}

/// The checkpointable that is examined alone, whatever it is and whatever is wrong with it; `None`
/// for the checkpoint itself.
///
/// # Errors
/// As [`choose()`], for one that is missing and need not exist.
pub fn alone(
    store: &dyn Store,
    root: &Root,
    selection: Selection<'_>,
    handlers: &ItemHandlers,
    contents: &Contents<'_>,
    options: &Options,
) -> Result<Option<String>> {
    let name = match selection {
        Selection::Named(name) => Some(name),
        Selection::Auto | Selection::Flat => None,
    };
    let is_metrics = |name| name == names::METRICS && root.has_metrics();
    let is_there = name.is_some_and(|name| {
        contents.has(name) || is_metrics(name) || expected::is_expected(root, handlers, name)
    });
    let is_lost = || expected::lost_whole(store, root, handlers, &options.limits);
    if is_there || (contents.is_treeless() && is_lost()?.is_some()) {
        return Ok(name.map(str::to_owned));
    }
    choose(store, root, selection, options)
}

fn direct(store: &dyn Store, root: &Root) -> Result<()> {
    let flat = root.has(names::TREE_METADATA) || root.has_file(names::AGGREGATE);
    if root.layout == Layout::V0 && flat {
        return Ok(());
    }
    Err(refusal::no_such(
        store,
        root,
        "the checkpoint itself is not a pytree",
    ))
}

fn named(store: &dyn Store, root: &Root, name: &str) -> Result<String> {
    if root.is_deleted(name) {
        let reason = format!("the checkpointable {name:?} is being deleted");
        return Err(Error::new(ErrorKind::DeletionInProgress, reason).in_file(&root.path));
    }
    let known = root.may_be_named(name);
    if known
        && choose::trees(store, root, &[name])?
            .iter()
            .any(|tree| *tree != Tree::None)
    {
        return Ok(name.to_owned());
    }
    let mut unfinished = root.unfinished().into_iter();
    let reason = if root.parts_of_tree().contains(&name) {
        format!("{name:?} is a part of a pytree, not a checkpointable")
    } else if known {
        format!(
            "{name:?} is not a pytree: it has no {}",
            names::TREE_METADATA
        )
    } else if let Some(item) = unfinished.find(|item| item.name == name) {
        format!(
            "the checkpointable {name:?} was never finished: its directory is still called {:?}",
            item.directory
        )
    } else if let Some(words) = expected::broken_link(store, &root.path, name) {
        format!("{name:?} {words}")
    } else {
        format!("no checkpointable is called {name:?}")
    };
    Err(refusal::no_such(store, root, &reason))
}
