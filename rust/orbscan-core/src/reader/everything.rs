//! All of a checkpoint that somebody has already recognised, whatever its layout.
//!
//! A scan comes here with the listing by which it found the checkpoint, so that nothing is listed or
//! looked at twice: what a directory holds shows in the answers to the fetches that its tree needs
//! anyway.

use super::detect::{self, Root};
use super::outline::ItemFiles;
use super::{Options, Recall, Waves, absent, choose};
use crate::error::Result;
use crate::orbax::checkpoint_metadata::ItemHandlers;
use crate::orbax::names;
use crate::path::StorePath;
use crate::record::{Checkpoint, Issue, Item, Layout};
use crate::store::{Entry, Store};

/// A directory, or a safetensors file, that was recognised.
#[derive(Clone, Debug)]
pub struct Recognised {
    /// Where it lies.
    pub path: StorePath,
    /// As what.
    pub layout: Layout,
    /// Its children. Files whose names mean nothing may be missing.
    pub entries: Vec<Entry>,
}

/// What was read.
#[derive(Debug)]
pub struct Everything {
    /// All checkpointables. One that should be a pytree and cannot be read has no table, and its
    /// error is an issue. A flat checkpoint has one without a name.
    pub checkpoint: Checkpoint,
    /// What a read gives that names no checkpointable, or its failure; `None` if there is no pytree
    /// and none is missing.
    pub chosen: Option<Result<Chosen>>,
}

/// The pytree that a read chooses which names none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chosen {
    /// Its place among the items.
    pub item: usize,
    /// Those faults of the checkpoint that such a read would report.
    pub issues: Vec<Issue>,
}

/// Reads every pytree.
///
/// # Errors
/// Any kind that concerns the checkpoint as a whole; files are named as [`Store::locate`] names
/// them.
pub fn read(
    store: &dyn Store,
    found: Recognised,
    options: &Options,
    recall: &Recall,
) -> Result<Everything> {
    let located = |error| super::locate(store, error);
    let mut read = read_items(store, found, options, recall).map_err(located)?;
    super::relocate(store, &mut read.checkpoint);
    read.chosen = read.chosen.map(|chosen| {
        let mut chosen = chosen.map_err(located)?;
        let issues = chosen.issues.into_iter().map(located);
        chosen.issues = issues.collect();
        Ok(chosen)
    });
    Ok(read)
}

/// Reads what stands outside the trees; the checkpointables are named and have no tables.
///
/// # Errors
/// As [`read`].
pub fn read_header(store: &dyn Store, found: Recognised, options: &Options) -> Result<Checkpoint> {
    super::located(store, || {
        let root = recognised(store, found, options)?;
        let waves = super::fetch(store, &root, &[], options)?;
        let direct = matches!(waves.metadata.item_handlers, ItemHandlers::Flat(_));
        let flat = direct || root.layout == Layout::Safetensors || may_be_flat(&root);
        let named = root.checkpointables().into_iter().map(Some);
        let shown: Vec<Option<&str>> = if flat { vec![None] } else { named.collect() };
        let items = shown.into_iter().map(unread).collect();
        Ok(super::checkpoint(
            &root,
            waves.metadata,
            waves.issues,
            items,
        ))
    })
}

fn recognised(store: &dyn Store, found: Recognised, options: &Options) -> Result<Root> {
    let Recognised {
        path,
        layout,
        entries,
    } = found;
    Root::listed(store, path, layout, entries, &options.limits)
}

/// Reads every pytree of the checkpoint at `path`, whatever its layout.
///
/// # Errors
/// As [`read`]; and as [`super::read_pytree`] that names none, if there is no pytree that can be read
/// and should be one, or nothing of a checkpoint.
pub fn read_path(
    store: &dyn Store,
    path: &StorePath,
    options: &Options,
    recall: &Recall,
) -> Result<Checkpoint> {
    super::located(store, || {
        let root = detect::detect(store, path, &options.limits)?;
        let Everything { checkpoint, chosen } = of_root(store, &root, options, recall)?;
        let readable = checkpoint.items.iter().any(|item| item.table.is_some());
        match chosen {
            Some(Err(error)) if !readable => Err(error),
            None if root.layout == Layout::V0 && !root.has(names::CHECKPOINT_METADATA) => {
                Err(detect::no_checkpoint(store, &root))
            }
            _ => Ok(checkpoint),
        }
    })
}

fn read_items(
    store: &dyn Store,
    found: Recognised,
    options: &Options,
    recall: &Recall,
) -> Result<Everything> {
    let root = recognised(store, found, options)?;
    of_root(store, &root, options, recall)
}

fn of_root(
    store: &dyn Store,
    root: &Root,
    options: &Options,
    recall: &Recall,
) -> Result<Everything> {
    if root.layout == Layout::Safetensors {
        let checkpoint = super::safetensors::read(store, root, &options.limits)?;
        let chosen = Some(Ok(Chosen::default()));
        return Ok(Everything { checkpoint, chosen });
    }
    if may_be_flat(root) {
        return flat(store, root, options, recall);
    }
    composite(store, root, options, recall)
}

/// Whether a checkpoint looks as if it held a tree of its own.
pub(super) fn may_be_flat(root: &Root) -> bool {
    let tree = root.has(names::TREE_METADATA) || root.has_file(names::AGGREGATE);
    root.layout == Layout::V0 && tree
}

/// What a directory was found to hold of a pytree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tree {
    /// `_METADATA`.
    Metadata,
    /// The aggregate file of early releases alone.
    Aggregate,
    /// Nothing.
    None,
}

/// A directory that is or may be a pytree; without a name, the checkpoint itself.
type Candidate<'a> = (Option<&'a str>, Tree);

/// Reads a checkpoint that has a tree of its own. Its directories are parts of that tree, but one
/// that looks like a pytree passes for a checkpointable and comes before it.
fn flat(store: &dyn Store, root: &Root, options: &Options, recall: &Recall) -> Result<Everything> {
    let own = if root.has(names::TREE_METADATA) {
        Tree::Metadata
    } else {
        Tree::Aggregate
    };
    let children = root.checkpointables();
    let found = choose::with_metadata(store, root, &children)?;
    let mut candidates = vec![(None, own)];
    for (name, found) in children.into_iter().zip(found) {
        if found {
            candidates.push((Some(name), Tree::Metadata));
        }
    }
    let waves = fetch(
        store,
        root,
        candidates.iter().map(|(name, _)| *name),
        options,
    )?;
    Ok(assemble(store, root, &candidates, waves, options, recall))
}

/// Reads a checkpoint of named items. Only where a fetch found no tree is the store asked again.
fn composite(
    store: &dyn Store,
    root: &Root,
    options: &Options,
    recall: &Recall,
) -> Result<Everything> {
    let children = root.checkpointables();
    let waves = fetch(
        store,
        root,
        children.iter().map(|name| Some(*name)),
        options,
    )?;
    let metadata: Vec<bool> = waves.items.iter().map(ItemFiles::has_metadata).collect();
    let any = choose::or_aggregate(store, root, &children, metadata.clone())?;
    let tree = |(metadata, any)| match (metadata, any) {
        (true, _) => Tree::Metadata,
        (false, true) => Tree::Aggregate,
        (false, false) => Tree::None,
    };
    let trees = metadata.into_iter().zip(any).map(tree);
    let candidates: Vec<Candidate<'_>> = children.into_iter().map(Some).zip(trees).collect();
    Ok(assemble(store, root, &candidates, waves, options, recall))
}

fn fetch<'a>(
    store: &dyn Store,
    root: &Root,
    names: impl Iterator<Item = Option<&'a str>>,
    options: &Options,
) -> Result<Waves> {
    let directories = names.map(|name| root.path.join(name.unwrap_or_default()));
    let directories: Vec<StorePath> = directories.collect::<Result<_>>()?;
    super::fetch(store, root, &directories, options)
}

/// The place of the pytree that is read if none is named, by the rules of [`choose::choose`].
fn chosen(candidates: &[Candidate<'_>]) -> Option<usize> {
    // False sorts before true.
    let rank = |(name, tree): Candidate<'_>| {
        let standard = name.map(|name| (name != names::PYTREE, name != names::STATE));
        (
            tree == Tree::Aggregate,
            name.is_none(),
            standard,
            name.map(str::to_owned),
        )
    };
    let places = (0..).zip(candidates);
    let pytrees = places.filter(|(_, (_, tree))| *tree != Tree::None);
    let first = pytrees.min_by_key(|(_, candidate)| rank(**candidate));
    first.map(|(place, _)| place)
}

fn assemble(
    store: &dyn Store,
    root: &Root,
    candidates: &[Candidate<'_>],
    waves: Waves,
    options: &Options,
    recall: &Recall,
) -> Everything {
    let choice = chosen(candidates);
    let mut result = None;
    // A flat checkpoint whose tree is lost looks like a composite one of odd items.
    let is_flat = matches!(waves.metadata.item_handlers, ItemHandlers::Flat(_));
    let mut is_missing = is_flat;
    let mut issues = waves.issues;
    let of_header = issues.len();
    let handlers = &waves.metadata.item_handlers;
    issues.extend(absent::lost(root, handlers));
    let mut items = Vec::with_capacity(candidates.len());
    for ((place, (name, tree)), files) in (0..).zip(candidates).zip(&waves.items) {
        if *tree == Tree::None {
            let name = name.unwrap_or_default();
            let missing = super::missing_tree(store, name, files, handlers);
            is_missing |= missing.is_some();
            let read = missing.map_or(Ok(None), Err);
            items.push(super::item(Some(name), read, &mut issues));
            continue;
        }
        let before = issues.len();
        let read = super::item::read(store, files, options, recall, &mut issues);
        if choice == Some(place) {
            let own = (0..).zip(&issues);
            let own = own.filter(|(at, _)| *at < of_header || *at >= before);
            let mut issues: Vec<Issue> = own.map(|(_, issue)| issue.clone()).collect();
            if let Some(name) = name {
                issues.extend(absent::preferred(root, handlers, name));
            }
            let chosen = Chosen {
                item: place,
                issues,
            };
            result = Some(read.as_ref().map(|_| chosen).map_err(Clone::clone));
        }
        items.push(super::item(*name, read.map(Some), &mut issues));
    }
    if is_flat && choice.is_none() {
        items = vec![unread(None)];
    }
    if choice.is_none() && is_missing {
        result = Some(Err(choose::no_pytree(store, root)));
    }
    Everything {
        checkpoint: super::checkpoint(root, waves.metadata, issues, items),
        chosen: result,
    }
}

fn unread(name: Option<&str>) -> Item {
    Item {
        name: name.map(str::to_owned),
        table: None,
        error: None,
    }
}
