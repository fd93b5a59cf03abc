//! The steps that lie in the directory of a checkpoint: its manager keeps them there, and Orbax
//! accepts that.
//!
//! Arrays and checkpointables may also have names like steps. Only a step has the file that names
//! its handlers; if there is such a step, temporary directories belong to the manager as well.

use super::root::{has, sorted};
use super::{header, step};
use crate::error::Result;
use crate::limits::Limits;
use crate::orbax::checkpoint_metadata::ItemHandlers;
use crate::orbax::names;
use crate::path::StorePath;
use crate::store::{Entry, EntryKind, Store, Want};

/// The names of those directories of a checkpoint that are steps of their own, or temporary
/// directories of steps, sorted. A name in `item_handlers` of the checkpoint is a checkpointable.
///
/// # Errors
/// `Store`.
pub fn steps(
    store: &dyn Store,
    path: &StorePath,
    entries: &[Entry],
    limits: &Limits,
) -> Result<Vec<String>> {
    let mut numbered = sorted(entries, |entry| {
        entry.kind == EntryKind::Directory && step::of(&entry.name).is_some()
    });
    if numbered.is_empty() {
        return Ok(Vec::new());
    }
    let headers = numbered.iter().map(|name| header_in(path, name));
    let headers: Vec<StorePath> = headers.collect::<Result<_>>()?;
    let found = store.stat(&headers).into_iter();
    let found = found.map(|stat| Ok(stat?.is_some()));
    let mut have_header: Vec<bool> = found.collect::<Result<_>>()?;
    if have_header.contains(&true) && has(entries, names::CHECKPOINT_METADATA) {
        let named = named(store, path, limits);
        let is_item = |name: &str| named.iter().any(|item| item == name);
        let kept = numbered.into_iter().zip(have_header);
        (numbered, have_header) = kept.filter(|(name, _)| !is_item(name)).unzip();
    }
    if !have_header.contains(&true) {
        return Ok(Vec::new());
    }
    let is_step = |(name, has_header): &(&str, bool)| *has_header || step::parse(name).is_none();
    let steps = numbered.into_iter().zip(have_header).filter(is_step);
    Ok(steps.map(|(name, _)| name.to_owned()).collect())
}

fn header_in(path: &StorePath, name: &str) -> Result<StorePath> {
    path.join(name)?.join(names::CHECKPOINT_METADATA)
}

/// The checkpointables that the document of a checkpoint names; none if it cannot be read, which is
/// reported elsewhere.
fn named(store: &dyn Store, path: &StorePath, limits: &Limits) -> Vec<String> {
    let read = || {
        let file = path.join(names::CHECKPOINT_METADATA)?;
        let answer = store.fetch_one(Want::whole(file.clone(), limits.max_document_bytes));
        header::decode(answer, &file, limits)
    };
    match read().map(|(metadata, _)| metadata.item_handlers) {
        Ok(ItemHandlers::Named(named)) => named.into_iter().map(|(name, _)| name).collect(),
        _ => Vec::new(),
    }
}
