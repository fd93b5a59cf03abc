//! The entry points of a read: detect the layout, choose the items, read each.
//!
//! Requests to a store come in batches, without an order among the requests of one batch:
//!
//! | batch | asked for |
//! |---|---|
//! | 1 | the listing of the path; without a marker in it, whether the path is inside a checkpoint |
//! | 2 | `_CHECKPOINT_METADATA`, and of each likely item `_METADATA`, `_sharding`, `manifest.ocdbt` |
//! | (2) | which of its directories hold a pytree, if the likely one does not |
//! | 3 … | one level of the B+tree each, only nodes that can hold a wanted key |
//! | last | values too large to lie in a node; `array_metadatas/`, if a leaf may be a PRNG key |

pub mod aggregate;
pub mod arrays;
pub mod beside;
mod custom;
pub mod everything;
pub mod index;
pub mod inline;
pub mod inventory;
pub mod item;
pub mod leaves;
mod ocdbt_faults;
pub mod ocdbt_lookup;
mod ocdbt_search;
pub mod outline;
pub mod pointers;
pub mod prng;
pub mod recall;
pub mod recover;
pub mod safetensors;
pub mod select;
mod shardings;
pub mod stored;
pub mod table;

use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result, Subject};
use crate::layout::choose::{self, Tree};
use crate::layout::expected::Scope;
use crate::layout::root::Root;
use crate::layout::steady::{self, Seen};
use crate::layout::{Rules, complete, detect, expected, foreign, header, refusal};
use crate::limits::Limits;
use crate::orbax::checkpoint_metadata::CheckpointMetadata;
use crate::orbax::commit::Atomicity;
use crate::orbax::names::{self, Order};
use crate::path::StorePath;
use crate::record::{Checkpoint, Issue, Item, Layout, LeafTable};
use crate::store::{Bytes, Interest, Pytrees, Store, Want};
use outline::ItemFiles;
pub use recall::Recall;

/// Which pytree of a checkpoint is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection<'a> {
    /// The first in the given order, otherwise the checkpoint itself.
    Auto,
    /// The checkpoint itself, which has no named checkpointables.
    Flat,
    /// The checkpointable with that name.
    Named(&'a str),
}

/// How a checkpoint is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Whether the recorded container types are wanted.
    pub rich_types: bool,
    /// Whether metrics that are a pytree are an item if all are read. Orbax does not list such an
    /// item.
    pub metrics: bool,
    /// Whether `_sharding` is skipped: then no leaf has a sharding, and faults in that file are not
    /// found.
    pub without_shardings: bool,
    /// The order in which pytrees are tried if none is named.
    pub order: Order,
    /// What counts as a finished checkpoint.
    pub rules: Rules,
    /// The most that the checkpoint may cost.
    pub limits: Limits,
}

impl Options {
    /// What a read of these pytrees will request.
    pub const fn interest<'a>(&self, pytrees: Pytrees<'a>) -> Interest<'a> {
        Interest {
            pytrees,
            shardings: !self.without_shardings,
            metrics: false,
        }
    }

    /// What a read of the selected pytree will request.
    pub const fn interest_in<'a>(&self, selection: Selection<'a>) -> Interest<'a> {
        self.interest(match selection {
            Selection::Auto => Pytrees::First(self.order),
            Selection::Flat => Pytrees::Named(""),
            Selection::Named(name) => Pytrees::Named(name),
        })
    }
}

/// Reads one pytree. What it has in common with an item in `recall` is not decoded again.
///
/// # Errors
/// Any [`ErrorKind`]; files are named as [`Store::locate`] names them.
pub fn read_pytree(
    store: &dyn Store,
    path: &StorePath,
    selection: Selection<'_>,
    options: &Options,
    recall: &Recall,
) -> Result<Checkpoint> {
    let interest = options.interest_in(selection);
    steadily(store, path, options, interest, |store, seen| {
        let root = detect::detect(store, path, options.rules, &options.limits)?;
        seen.note(&root);
        if root.layout == Layout::Safetensors {
            let mut read = safetensors::read(store, &root, &options.limits)?;
            read.issues.extend(root.uncommitted);
            return Ok(read);
        }
        let (name, mut waves) = fetch_chosen(store, &root, selection, options)?;
        let mut issues = waves.issues;
        let files = waves.items.pop();
        let files = files.ok_or_else(|| Error::new(ErrorKind::NotFound, "no item was chosen"))?;
        let table = item::read(store, files, options, recall, &mut issues);
        let table = table.map_err(|error| match name {
            None => foreign::explained(&root, error),
            Some(_) => error,
        })?;
        issues.extend(root.uncommitted.clone());
        if let (Selection::Auto, Some(chosen)) = (selection, &name) {
            let handlers = &waves.metadata.item_handlers;
            issues.extend(expected::passed_over(
                store,
                &root,
                handlers,
                chosen,
                options.order,
                &options.limits,
            )?);
        }
        if let Selection::Named(name) = selection {
            issues.extend(expected::unfinished_of(&root, Scope::One(Some(name))));
        }
        let unread = beside::unread(&root, selection, name.as_deref());
        let items = vec![Item {
            name,
            table: Some(table),
            error: None,
        }];
        let read = checkpoint(&root, waves.metadata, issues, items);
        Ok(Checkpoint { unread, ..read })
    })
}

/// Reads all checkpointables, with `recall` as in [`read_pytree`]. One that should be a pytree and
/// cannot be read has no table, and its error is an issue.
///
/// # Errors
/// Any [`ErrorKind`] that concerns the checkpoint as a whole.
pub fn read_checkpointables(
    store: &dyn Store,
    path: &StorePath,
    options: &Options,
    recall: &Recall,
) -> Result<Checkpoint> {
    let interest = options.interest(Pytrees::All);
    steadily(store, path, options, interest, |store, seen| {
        let root = detect::detect(store, path, options.rules, &options.limits)?;
        seen.note(&root);
        if root.layout == Layout::Safetensors {
            return Err(flat(&root, "is a safetensors checkpoint"));
        }
        let children = root.checkpointables();
        let directories = children.iter().map(|name| root.path.join(name));
        let directories: Vec<StorePath> = directories.collect::<Result<_>>()?;
        let waves = fetch(store, &root, &directories, options)?;
        let handlers = &waves.metadata.item_handlers;
        let trees: Vec<bool> = waves.items.iter().map(ItemFiles::has_metadata).collect();
        let trees = choose::or_aggregate(store, &root, &children, &trees)?;
        let has_trees = trees.iter().any(|tree| *tree != Tree::None);
        if root.layout == Layout::V0 {
            if choose::is_flat(choose::own_tree(&root, has_trees), handlers) {
                return Err(flat(&root, "is a flat checkpoint"));
            }
            if !has_trees && !root.has(names::CHECKPOINT_METADATA) {
                return Err(refusal::no_pytree(store, &root, handlers, &options.limits));
            }
        }
        let mut issues = waves.issues;
        issues.extend(root.uncommitted.clone());
        if !has_trees {
            issues.extend(expected::lost_whole(
                store,
                &root,
                handlers,
                &options.limits,
            )?);
        }
        issues.extend(expected::missing(store, &root, handlers));
        let mut items = Vec::with_capacity(children.len());
        for ((name, tree), files) in children.iter().zip(trees).zip(waves.items) {
            let read = if tree == Tree::None {
                let handler = expected::handler_of(handlers, name);
                let lost =
                    expected::lost_tree(store, &files.directory, name, handler, &options.limits)?;
                if lost.is_none() {
                    issues.extend(expected::undescribed(&files.directory, name, handler));
                }
                lost.map_or(Ok(None), Err)
            } else {
                item::read(store, files, options, recall, &mut issues).map(Some)
            };
            items.push(item(Some(name), read, &mut issues));
        }
        if !choose::has_metrics_tree(store, &root)? {
            let limits = &options.limits;
            issues.extend(expected::lost_metrics(store, &root, handlers, limits)?);
        }
        Ok(checkpoint(&root, waves.metadata, issues, items))
    })
}

/// Reads everything outside the trees: all checkpointables are named and have no tables. The issues
/// are those of the checkpoint as a whole and of the checkpointable with that name.
///
/// # Errors
/// As [`read_checkpointables`].
pub fn read_header(
    store: &dyn Store,
    path: &StorePath,
    name: &str,
    options: &Options,
) -> Result<Checkpoint> {
    let interest = options.interest(Pytrees::None);
    steadily(store, path, options, interest, |store, seen| {
        let limits = &options.limits;
        let root = detect::detect(store, path, options.rules, limits)?;
        seen.note(&root);
        if root.layout == Layout::Safetensors {
            return Err(flat(&root, "is a safetensors checkpoint"));
        }
        let waves = fetch(store, &root, &[], options)?;
        let handlers = &waves.metadata.item_handlers;
        let contents = choose::contents(store, &root)?;
        if root.layout == Layout::V0 {
            let has_trees = contents.pytrees().next().is_some();
            if choose::is_flat(choose::own_tree(&root, has_trees), handlers) {
                return Err(flat(&root, "is a flat checkpoint"));
            }
            if contents.is_treeless() && !root.has(names::CHECKPOINT_METADATA) {
                return Err(refusal::no_pytree(store, &root, handlers, limits));
            }
        }
        let mut issues = waves.issues;
        issues.extend(root.uncommitted.clone());
        let scope = Scope::One(Some(name));
        let faults = expected::faults(store, &root, handlers, &contents, scope, limits)?;
        issues.extend(faults);
        let items = root
            .checkpointables()
            .into_iter()
            .map(|name| everything::unread(Some(name)));
        let items = items.collect();
        Ok(checkpoint(&root, waves.metadata, issues, items))
    })
}

/// Whether Orbax considers the path a checkpoint.
///
/// # Errors
/// `Store`.
pub fn is_checkpoint(
    store: &dyn Store,
    path: &StorePath,
    atomicity: Option<Atomicity>,
) -> Result<bool> {
    detect::is_checkpoint(store, path, atomicity).map_err(|error| locate(store, error))
}

/// The result for one checkpointable. If it cannot be read, that is also an issue of the
/// checkpoint.
fn item(name: Option<&str>, read: Result<Option<Arc<LeafTable>>>, issues: &mut Vec<Issue>) -> Item {
    let (table, error) = match read {
        Ok(table) => (table, None),
        Err(error) => (None, Some(error)),
    };
    issues.extend(error.clone());
    Item {
        name: name.map(str::to_owned),
        table,
        error,
    }
}

/// A checkpoint with these items.
pub(crate) fn checkpoint(
    root: &Root,
    metadata: CheckpointMetadata,
    issues: Vec<Issue>,
    items: Vec<Item>,
) -> Checkpoint {
    Checkpoint {
        layout: root.layout,
        init_timestamp_nsecs: metadata.init_timestamp_nsecs,
        commit_timestamp_nsecs: metadata.commit_timestamp_nsecs,
        custom_metadata: metadata.custom_metadata,
        handlers: metadata.item_handlers,
        issues,
        items,
        unread: Vec::new(),
    }
}

fn flat(root: &Root, what: &str) -> Error {
    let reason = format!("{what}: it has no named checkpointables, read it with metadata()");
    Error::new(ErrorKind::UnknownLayout, reason).in_file(&root.path)
}

/// A read of a path that the user gave, whose error is [`hinted`].
fn named(
    store: &dyn Store,
    path: &StorePath,
    limits: &Limits,
    read: impl FnOnce() -> Result<Checkpoint>,
) -> Result<Checkpoint> {
    located(store, || {
        read().map_err(|error| hinted(store, path, limits, error))
    })
}

/// Adds to the error about a path that the user gave the newest whole step beside it, if the path
/// is a broken step.
pub fn hinted(store: &dyn Store, path: &StorePath, limits: &Limits, error: Error) -> Error {
    let is_broken = matches!(
        error.subject(),
        Some(Subject::Incomplete | Subject::LostTree | Subject::MissingCheckpointable)
    );
    let newest = is_broken
        .then(|| complete::newest_beside(store, path, limits))
        .flatten();
    match newest {
        Some(name) => error.with_remark(&format!("; the newest whole step is {name:?}")),
        None => error,
    }
}

/// As [`named`], for a checkpoint that is read again if another one replaces it meanwhile.
fn steadily(
    store: &dyn Store,
    path: &StorePath,
    options: &Options,
    interest: Interest<'_>,
    attempt: impl FnMut(&dyn Store, &mut Seen) -> Result<Checkpoint>,
) -> Result<Checkpoint> {
    let is_whole = |checkpoint: &Checkpoint| checkpoint.issues.is_empty();
    named(store, path, &options.limits, || {
        steady::read(store, path, interest, attempt, is_whole)
    })
}

/// Errors and issues name files as a user would; all other code uses paths inside the store.
fn located(store: &dyn Store, read: impl FnOnce() -> Result<Checkpoint>) -> Result<Checkpoint> {
    let mut checkpoint = read().map_err(|error| locate(store, error))?;
    relocate(store, &mut checkpoint);
    Ok(checkpoint)
}

fn relocate(store: &dyn Store, checkpoint: &mut Checkpoint) {
    let relocate = |errors: &mut Vec<Error>| {
        for error in errors.iter_mut() {
            *error = locate(store, error.clone());
        }
    };
    relocate(&mut checkpoint.issues);
    for item in &mut checkpoint.items {
        item.error = item.error.take().map(|error| locate(store, error));
        // A shared table has no errors.
        if let Some(table) = item.table.as_mut().filter(|table| !table.errors.is_empty()) {
            relocate(&mut Arc::make_mut(table).errors);
        }
    }
}

/// Names the file of an error as a user would.
pub fn locate(store: &dyn Store, error: Error) -> Error {
    error.located(|file| match StorePath::new(file) {
        Ok(path) => store.locate(&path),
        Err(_) => file.to_owned(),
    })
}

/// Chooses the item, and requests its files.
fn fetch_chosen(
    store: &dyn Store,
    root: &Root,
    selection: Selection<'_>,
    options: &Options,
) -> Result<(Option<String>, Waves)> {
    if let Some(name) = select::likely(root, selection, options.order) {
        let waves = fetch(store, root, &[root.path.join(name)?], options)?;
        if waves.items.iter().all(ItemFiles::has_metadata) {
            return Ok((Some(name.to_owned()), waves));
        }
    }
    let name = select::choose(store, root, selection, options)?;
    let directory = root.path.join(name.as_deref().unwrap_or_default())?;
    let waves = fetch(store, root, &[directory], options)?;
    Ok((name, waves))
}

/// The answers to the second batch.
struct Waves {
    metadata: CheckpointMetadata,
    issues: Vec<Issue>,
    items: Vec<ItemFiles>,
}

fn fetch(
    store: &dyn Store,
    root: &Root,
    directories: &[StorePath],
    options: &Options,
) -> Result<Waves> {
    let limit = options.limits.max_document_bytes;
    let mut wants = vec![Want::whole(
        root.path.join(names::CHECKPOINT_METADATA)?,
        limit,
    )];
    for directory in directories {
        wants.extend(ItemFiles::wants(
            directory,
            limit,
            !options.without_shardings,
        )?);
    }
    let mut answers = store.fetch(&wants).into_iter();
    let file = wants
        .first()
        .map(|want| want.path.clone())
        .unwrap_or_default();
    let own = answers.next().unwrap_or_else(|| Ok(Bytes::default()));
    let (metadata, issues) = header::decode(own, &file, &options.limits)?;
    let mut items = Vec::with_capacity(directories.len());
    for directory in directories {
        let shardings = !options.without_shardings;
        items.push(ItemFiles::from_answers(
            directory.clone(),
            shardings,
            &mut answers,
        ));
    }
    Ok(Waves {
        metadata,
        issues,
        items,
    })
}
