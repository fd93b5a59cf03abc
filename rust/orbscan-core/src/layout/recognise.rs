//! From the listing of a directory to what lies there.
//!
//! This is stricter than Orbax, which accepts any directory that it cannot rule out, even an empty
//! one: a scan needs evidence to call a directory a checkpoint.

use super::root::{has, has_kind};
use super::{evidence, foreign, step};
use crate::error::Result;
use crate::limits::Limits;
use crate::ocdbt::manifest;
use crate::orbax::names;
use crate::path::StorePath;
use crate::record::Layout;
use crate::store::{Entry, EntryKind, Stat, Store, Want};

/// The most directories of a step that are checked for a single array.
const LOOKED_INTO: usize = 32;

/// The first bytes of a git-lfs pointer.
const GIT_LFS: &[u8] = b"version https://git-lfs";

/// Whether an entry of a directory can matter to any caller. Millions of other files may lie beside
/// the checkpoints.
pub fn matters(entry: &Entry) -> bool {
    let known = [
        names::V1_MARKER,
        names::CHECKPOINT_METADATA,
        names::DELETION_RECORD,
        names::TREE_METADATA,
        names::AGGREGATE,
        names::COMMIT_SUCCESS,
        names::MANIFEST,
        names::SHARDING,
    ];
    entry.kind == EntryKind::Directory
        // It may lead nowhere, and may have led to a checkpointable.
        || entry.link
        || known.contains(&entry.name.as_str())
        || entry.name.ends_with(names::SAFETENSORS_SUFFIX)
        || manifest::number(&entry.name).is_some()
        || foreign::is_mark(&entry.name)
}

/// Whether a directory is a temporary directory of a save, whatever lies in it. A link never is;
/// and where commit files decide, only a partial save can be recognised by its name.
pub fn is_leftover(name: &str, link: bool, by_name: bool) -> bool {
    let temporary = by_name && names::is_temporary(name);
    (temporary || name.ends_with(names::PARTIAL_SAVE_SUFFIX)) && !link
}

/// Whether a listing has the marker of a V1 checkpoint, which is a file.
pub fn is_marked_v1(entries: &[Entry]) -> bool {
    has_kind(entries, names::V1_MARKER, EntryKind::File)
        || (has(entries, names::V1_MARKER) && has(entries, names::CHECKPOINT_METADATA))
}

/// Whether a listing has a safetensors file.
pub fn has_safetensors(entries: &[Entry]) -> bool {
    let is_tensors = |entry: &Entry| entry.name.ends_with(names::SAFETENSORS_SUFFIX);
    entries
        .iter()
        .any(|entry| entry.kind == EntryKind::File && is_tensors(entry))
}

/// The layout of the checkpoint in a directory; `None` if it is an ordinary directory.
///
/// # Errors
/// `Store`.
pub fn layout(store: &dyn Store, path: &StorePath, entries: &[Entry]) -> Result<Option<Layout>> {
    if is_marked_v1(entries) {
        return Ok(Some(Layout::V1));
    }
    if has(entries, names::CHECKPOINT_METADATA) || has(entries, names::TREE_METADATA) {
        return Ok(Some(Layout::V0));
    }
    if has_kind(entries, names::AGGREGATE, EntryKind::File) {
        let file = path.join(names::AGGREGATE)?;
        if is_aggregate(store, &file) || is_damaged_aggregate(store, path, entries)? {
            return Ok(Some(Layout::V0));
        }
    }
    if has_safetensors(entries) {
        return Ok(Some(Layout::Safetensors));
    }
    let has_lost_tree = || -> Result<bool> {
        let limits = Limits::default();
        Ok(evidence::of_orbax(entries).is_some()
            && !evidence::is_single_array(store, path, entries, &limits)?)
    };
    let is_one = holds_old_items(store, path, entries)? || has_lost_tree()?;
    Ok(is_one.then_some(Layout::V0))
}

/// Other programs also name files `checkpoint`; that of Orbax is a msgpack mapping or list.
fn is_aggregate(store: &dyn Store, file: &StorePath) -> bool {
    let first = store.fetch_one(Want::range(file.clone(), 0, 1));
    let is_container = |bytes: &[u8]| matches!(bytes.first(), Some(0x80..=0x9f | 0xdc..=0xdf));
    first.is_ok_and(|bytes| is_container(&bytes))
}

/// Whether a file `checkpoint` that is not msgpack was Orbax's: arrays lie beside it, or nothing at
/// all and it is empty, or a git-lfs pointer.
fn is_damaged_aggregate(store: &dyn Store, path: &StorePath, entries: &[Entry]) -> Result<bool> {
    let file = path.join(names::AGGREGATE)?;
    let is_foreign = |entry: &Entry| foreign::is_mark(&entry.name);
    if entries.iter().any(is_foreign) || foreign::is_text_of_tensorflow(store, &file)? {
        return Ok(false);
    }
    if evidence::array_in(store, path, entries)?.is_some() {
        return Ok(true);
    }
    let is_alone = matches!(entries, [_]);
    Ok(is_alone && is_empty_or_pointer(store, &file)?)
}

fn is_empty_or_pointer(store: &dyn Store, file: &StorePath) -> Result<bool> {
    let stat = store.stat(std::slice::from_ref(file)).pop();
    let Some(stat) = stat.transpose()?.flatten() else {
        return Ok(false);
    };
    let begins = u64::try_from(GIT_LFS.len()).unwrap_or(u64::MAX);
    let want = Want::range(file.clone(), 0, stat.size.min(begins));
    Ok(stat.size == 0 || store.fetch_one(want).is_ok_and(|bytes| *bytes == *GIT_LFS))
}

/// Whether a directory without any marker holds items all the same: releases before 0.5.11 wrote no
/// `_CHECKPOINT_METADATA`.
///
/// An item looks like a flat checkpoint, so more evidence is needed: the directory has the name of
/// a step or a commit file, or the item has one of the default names.
fn holds_old_items(store: &dyn Store, path: &StorePath, entries: &[Entry]) -> Result<bool> {
    let is_standard = |name: &str| matches!(name, names::DEFAULT | names::STATE | names::PYTREE);
    let expected = step::parse(path.name()).is_some()
        || entries
            .iter()
            .any(|entry| entry.name == names::COMMIT_SUCCESS || is_standard(&entry.name));
    if !expected {
        return Ok(false);
    }
    let may_be_item = |entry: &&Entry| {
        entry.kind == EntryKind::Directory
            && step::of(&entry.name).is_none()
            && !names::is_reserved(&entry.name)
    };
    let mut asked = Vec::new();
    for entry in entries.iter().filter(may_be_item) {
        let child = path.join(&entry.name)?;
        for name in [
            names::CHECKPOINT_METADATA,
            names::TREE_METADATA,
            names::AGGREGATE,
        ] {
            asked.push(child.join(name)?);
        }
    }
    let found = store.stat(&asked).into_iter().collect::<Result<Vec<_>>>()?;
    let is_file = |stat: &Stat| stat.kind == EntryKind::File;
    let mut items = false;
    for (paths, found) in asked.chunks(3).zip(found.chunks(3)) {
        match (paths, found) {
            // It is a checkpoint of its own.
            (_, [Some(_), ..]) => return Ok(false),
            (_, [_, Some(_), _]) => items = true,
            ([.., file], [.., Some(stat)]) => {
                items |= is_file(stat) && is_aggregate(store, file);
            }
            _ => {}
        }
    }
    Ok(items || holds_single_array(store, path, entries.iter().filter(may_be_item))?)
}

/// Whether one of the directories of a step is the item of a single array, which never has a tree.
fn holds_single_array<'e>(
    store: &dyn Store,
    path: &StorePath,
    directories: impl Iterator<Item = &'e Entry>,
) -> Result<bool> {
    for entry in directories.take(LOOKED_INTO) {
        let directory = path.join(&entry.name)?;
        let Ok(inside) = store.list(&directory) else {
            continue;
        };
        if evidence::of_orbax(&inside).is_some()
            && evidence::is_single_array(store, &directory, &inside, &Limits::default())?
        {
            return Ok(true);
        }
    }
    Ok(false)
}
