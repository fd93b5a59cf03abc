//! Everything in a checkpoint that was already recognised, whatever its layout.
//!
//! A scan passes the listing by which it found the checkpoint, so that nothing is listed or looked
//! at twice: the content of a directory follows from the fetches that its tree needs anyway.

use super::outline::ItemFiles;
use super::{Options, Recall, Waves};
use crate::error::Result;
use crate::layout::choose::{self, Candidate, Tree};
use crate::layout::expected::Scope;
use crate::layout::root::Root;
use crate::layout::{detect, expected, foreign, refusal};
use crate::orbax::checkpoint_metadata::ItemHandlers;
use crate::orbax::names;
use crate::path::StorePath;
use crate::record::{Checkpoint, Issue, Item, Layout};
use crate::store::{Entry, Pytrees, Store};

/// A recognised directory or safetensors file.
#[derive(Clone, Debug)]
pub struct Recognised {
    /// Where it lies.
    pub path: StorePath,
    /// The layout that was recognised.
    pub layout: Layout,
    /// Its children. Files whose names have no meaning may be missing.
    pub entries: Vec<Entry>,
}

/// What was read.
#[derive(Debug)]
pub struct Everything {
    /// All checkpointables. One that should be a pytree and cannot be read has no table, and its
    /// error is an issue. A flat checkpoint has one without a name.
    pub checkpoint: Checkpoint,
    /// The result of a read that names no checkpointable, or its failure; `None` if there is no
    /// pytree and none is missing.
    pub chosen: Option<Result<Chosen>>,
}

/// The pytree that a read chooses if none is named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chosen {
    /// Its index among the items.
    pub item: usize,
    /// The faults of the checkpoint that such a read would report.
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

/// Reads everything outside the trees; the checkpointables are named and have no tables.
///
/// # Errors
/// As [`read`].
pub fn read_header(store: &dyn Store, found: Recognised, options: &Options) -> Result<Checkpoint> {
    super::located(store, || {
        let root = recognised(store, found, options)?;
        let waves = super::fetch(store, &root, &[], options)?;
        let contents = choose::contents(store, &root)?;
        let handlers = &waves.metadata.item_handlers;
        let mut issues = waves.issues;
        issues.extend(expected::faults(
            store,
            &root,
            handlers,
            &contents,
            Scope::All,
            &options.limits,
        )?);
        let own = choose::own_tree(&root, contents.pytrees().next().is_some());
        let lost = contents.is_treeless()
            && expected::lost_whole(store, &root, handlers, &options.limits)?.is_some();
        let flat = root.layout == Layout::Safetensors || lost || choose::is_flat(own, handlers);
        let named = root.checkpointables().into_iter().map(Some);
        let shown: Vec<Option<&str>> = if flat { vec![None] } else { named.collect() };
        let items = shown.into_iter().map(unread).collect();
        Ok(super::checkpoint(&root, waves.metadata, issues, items))
    })
}

fn recognised(store: &dyn Store, found: Recognised, options: &Options) -> Result<Root> {
    let Recognised {
        path,
        layout,
        entries,
    } = found;
    detect::recognised(store, path, layout, entries, &options.limits)
}

/// Reads every pytree of the checkpoint at `path`, whatever its layout.
///
/// # Errors
/// As [`read`]; and as [`super::read_pytree`] without a name, if no pytree can be read although one
/// should be there, or if there is nothing of a checkpoint.
pub fn read_path(
    store: &dyn Store,
    path: &StorePath,
    options: &Options,
    recall: &Recall,
) -> Result<Checkpoint> {
    let options = Options {
        metrics: true,
        ..options.clone()
    };
    let interest = options.interest(Pytrees::All);
    super::steadily(store, path, &options, interest, |store, seen| {
        let root = detect::detect(store, path, options.rules, &options.limits)?;
        seen.note(&root);
        let Everything {
            mut checkpoint,
            chosen,
        } = of_root(store, &root, &options, recall)?;
        checkpoint.issues.extend(root.uncommitted.clone());
        let readable = checkpoint.items.iter().any(|item| item.table.is_some());
        match chosen {
            Some(Err(error)) if !readable => Err(error),
            None if root.layout == Layout::V0 && !root.has(names::CHECKPOINT_METADATA) => {
                let unknown = ItemHandlers::Unknown;
                Err(refusal::no_pytree(store, &root, &unknown, &options.limits))
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
    if choose::own_tree(root, false) == Tree::None {
        return composite(store, root, options, recall);
    }
    flat(store, root, options, recall)
}

/// Reads a checkpoint that has a tree of its own. Its directories are parts of that tree, except
/// one that looks like a pytree, which counts as a checkpointable and comes before it.
fn flat(store: &dyn Store, root: &Root, options: &Options, recall: &Recall) -> Result<Everything> {
    let children = root.checkpointables();
    let trees = choose::items(store, root, &children)?;
    let any = trees.iter().any(|tree| *tree != Tree::None);
    let own = choose::own_tree(root, any);
    let itself = (own != Tree::None).then_some((None, own));
    let items = children.into_iter().map(Some).zip(trees);
    let items = items.filter(|(_, tree)| *tree != Tree::None);
    let candidates: Vec<Candidate<'_>> = itself.into_iter().chain(items).collect();
    let names = candidates.iter().map(|(name, _)| *name);
    let waves = fetch(store, root, names, options)?;
    assemble(store, root, &candidates, waves, options, recall)
}

/// Reads a checkpoint of named items. More requests are made only if a fetch found no tree.
fn composite(
    store: &dyn Store,
    root: &Root,
    options: &Options,
    recall: &Recall,
) -> Result<Everything> {
    let children = root.checkpointables();
    let names = children.iter().map(|name| Some(*name));
    let waves = fetch(store, root, names, options)?;
    let metadata: Vec<bool> = waves.items.iter().map(ItemFiles::has_metadata).collect();
    let trees = choose::or_aggregate(store, root, &children, &metadata)?;
    let candidates: Vec<Candidate<'_>> = children.into_iter().map(Some).zip(trees).collect();
    assemble(store, root, &candidates, waves, options, recall)
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

fn assemble(
    store: &dyn Store,
    root: &Root,
    candidates: &[Candidate<'_>],
    waves: Waves,
    options: &Options,
    recall: &Recall,
) -> Result<Everything> {
    let choice = choose::first(candidates, options.order);
    let handlers = &waves.metadata.item_handlers;
    let mut issues = waves.issues;
    if choice.is_none() && expected::lost_whole(store, root, handlers, &options.limits)?.is_some() {
        // A flat checkpoint whose tree is lost looks like a composite one with unknown items.
        let error = refusal::no_pytree(store, root, handlers, &options.limits);
        let items = vec![unread(None)];
        return Ok(Everything {
            checkpoint: super::checkpoint(root, waves.metadata, issues, items),
            chosen: Some(Err(error)),
        });
    }
    let mut result = None;
    let missing = expected::missing(store, root, handlers);
    let mut is_missing = !missing.is_empty();
    let of_header = issues.len();
    issues.extend(missing);
    let mut items = Vec::with_capacity(candidates.len());
    for ((place, (name, tree)), files) in candidates.iter().enumerate().zip(waves.items) {
        if *tree == Tree::None {
            let name = name.unwrap_or_default();
            let handler = expected::handler_of(handlers, name);
            let missing =
                expected::lost_tree(store, &files.directory, name, handler, &options.limits)?;
            is_missing |= missing.is_some();
            if missing.is_none() {
                issues.extend(expected::undescribed(&files.directory, name, handler));
            }
            let read = missing.map_or(Ok(None), Err);
            items.push(super::item(Some(name), read, &mut issues));
            continue;
        }
        let before = issues.len();
        let read = super::item::read(store, files, options, recall, &mut issues);
        let read = read.map_err(|error| match name {
            None => foreign::explained(root, error),
            Some(_) => error,
        });
        if choice == Some(place) {
            let own = issues.iter().enumerate();
            let own = own.filter(|(at, _)| *at < of_header || *at >= before);
            let mut issues: Vec<Issue> = own.map(|(_, issue)| issue.clone()).collect();
            if let Some(name) = name {
                issues.extend(expected::passed_over(
                    store,
                    root,
                    handlers,
                    name,
                    options.order,
                    &options.limits,
                )?);
            }
            let chosen = Chosen {
                item: place,
                issues,
            };
            result = Some(read.as_ref().map(|_| chosen).map_err(Clone::clone));
        }
        items.push(super::item(*name, read.map(Some), &mut issues));
    }
    if choose::has_metrics_tree(store, root)? {
        if options.metrics {
            items.push(metrics(store, root, options, recall, &mut issues)?);
        }
    } else if let Some(lost) = expected::lost_metrics(store, root, handlers, &options.limits)? {
        if options.metrics {
            let item = super::item(Some(names::METRICS), Err(lost), &mut issues);
            items.push(item);
        } else {
            issues.push(lost);
        }
    }
    if choice.is_none() && is_missing {
        result = Some(Err(refusal::no_pytree(
            store,
            root,
            handlers,
            &options.limits,
        )));
    }
    Ok(Everything {
        checkpoint: super::checkpoint(root, waves.metadata, issues, items),
        chosen: result,
    })
}

/// Reads the metrics, which are a pytree.
fn metrics(
    store: &dyn Store,
    root: &Root,
    options: &Options,
    recall: &Recall,
    issues: &mut Vec<Issue>,
) -> Result<Item> {
    let waves = fetch(store, root, [Some(names::METRICS)].into_iter(), options)?;
    let read = match waves.items.into_iter().next() {
        None => Ok(None),
        Some(files) => super::item::read(store, files, options, recall, issues).map(Some),
    };
    Ok(super::item(Some(names::METRICS), read, issues))
}

/// A checkpointable whose tree was not read.
pub(super) fn unread(name: Option<&str>) -> Item {
    Item {
        name: name.map(str::to_owned),
        table: None,
        error: None,
    }
}
