//! Whether a step is complete, decided without reading a tree.

use super::choose::{self, Contents, Tree};
use super::expected::Scope;
use super::root::{Root, has};
use super::{detect, expected, header, part, recognise, step};
use crate::error::{Error, ErrorKind, Result};
use crate::limits::Limits;
use crate::orbax::checkpoint_metadata::ItemHandlers;
use crate::orbax::names;
use crate::path::StorePath;
use crate::record::Layout;
use crate::store::{Entry, EntryKind, Store, Want};

/// The most steps that are checked in order to find a complete one.
const LOOKED_AT: usize = 32;

/// The listing of a step.
pub struct Listed {
    /// Its entries, as far as they matter.
    pub entries: Vec<Entry>,
    /// What makes it a checkpoint.
    pub layout: Option<Layout>,
    /// The fault of a partial checkpoint, if nothing makes it a complete one.
    pub part: Option<Error>,
}

impl Listed {
    /// Lists a step.
    ///
    /// # Errors
    /// `NotFound`, `Store`.
    pub fn of(store: &dyn Store, path: &StorePath) -> Result<Self> {
        let mut entries = Vec::new();
        store.list_each(path, &mut |entry| {
            if recognise::matters(&entry) {
                entries.push(entry);
            }
        })?;
        let layout = recognise::layout(store, path, &entries)?;
        let part = match layout {
            Some(_) => None,
            None => part::fault(store, path, &entries, || Ok(false))?,
        };
        if layout == Some(Layout::V0) && has(&entries, names::TREE_METADATA) {
            // The directories of a flat checkpoint may be its arrays, by the thousands.
            entries.retain(|entry| {
                entry.kind != EntryKind::Directory
                    || entry.name == names::METRICS
                    || names::is_temporary(&entry.name)
            });
        }
        Ok(Self {
            entries,
            layout,
            part,
        })
    }
}

/// What is missing in a committed step. `is_among` says whether it lies among steps, so that an
/// empty directory is one, too; `has_metrics`, whether the document of its metrics was read.
///
/// # Errors
/// `DeletionRecord`, `Store`.
pub fn faults(
    store: &dyn Store,
    path: &StorePath,
    listed: &Listed,
    handlers: &ItemHandlers,
    is_among: bool,
    has_metrics: bool,
    limits: &Limits,
) -> Result<Vec<Error>> {
    let Some(layout) = listed.layout else {
        let part = match &listed.part {
            None if is_among => part::fault(store, path, &listed.entries, || Ok(true))?,
            part => part.clone(),
        };
        return Ok(vec![part.unwrap_or_else(|| nothing(path))]);
    };
    let root = detect::recognised(store, path.clone(), layout, listed.entries.clone(), limits)?;
    let handler = expected::handler_of(handlers, names::METRICS);
    let should_be_tree = handler.is_some_and(expected::is_pytree_handler);
    let is_document = has_metrics && !should_be_tree;
    let contents = contents(store, &root, is_document)?;
    let scope = if is_document {
        Scope::But(names::METRICS)
    } else {
        Scope::All
    };
    expected::faults(store, &root, handlers, &contents, scope, limits)
}

/// The newest complete step beside another one, under the same prefix. The result is only a
/// suggestion, so errors on the way are ignored, and the search is bounded.
pub fn newest_beside(store: &dyn Store, path: &StorePath, limits: &Limits) -> Option<String> {
    let (prefix, _) = step::parse(path.name())?;
    let parent = path.parent()?;
    let entries = store.list(&parent).ok()?;
    let beside = entries.iter().filter(|entry| {
        let is_step = step::parse(&entry.name).is_some_and(|(other, _)| other == prefix);
        is_step && entry.kind == EntryKind::Directory && entry.name != path.name()
    });
    let mut names: Vec<&str> = beside.map(|entry| entry.name.as_str()).collect();
    names.sort_unstable_by(|a, b| step::compare(b, a));
    let is_whole = |name: &&str| {
        let path = parent.join(name);
        path.is_ok_and(|path| is_whole(store, &path, limits).unwrap_or(false))
    };
    let newest = names.into_iter().take(LOOKED_AT).find(is_whole);
    newest.map(str::to_owned)
}

fn is_whole(store: &dyn Store, path: &StorePath, limits: &Limits) -> Result<bool> {
    let listed = Listed::of(store, path)?;
    let file = path.join(names::CHECKPOINT_METADATA)?;
    let answer = store.fetch_one(Want::whole(file.clone(), limits.max_document_bytes));
    let (metadata, _) = header::decode(answer, &file, limits)?;
    let handlers = &metadata.item_handlers;
    Ok(faults(store, path, &listed, handlers, false, false, limits)?.is_empty())
}

/// Its pytrees; `is_document` says that the metrics are not one.
fn contents<'r>(store: &dyn Store, root: &'r Root, is_document: bool) -> Result<Contents<'r>> {
    if root.layout == Layout::V0 && root.has(names::TREE_METADATA) {
        let metrics = !is_document && choose::has_metrics_tree(store, root)?;
        return Ok(Contents {
            flat: true,
            items: Vec::from_iter(metrics.then_some((names::METRICS, Tree::Metadata))),
        });
    }
    if is_document {
        return choose::contents_but_metrics(store, root);
    }
    choose::contents(store, root)
}

/// The fault of a directory that only has the name of a step.
fn nothing(path: &StorePath) -> Error {
    let reason = format!(
        "is not a checkpoint: it has neither {} nor a pytree",
        names::CHECKPOINT_METADATA
    );
    Error::new(ErrorKind::UnknownLayout, reason).in_file(path)
}
