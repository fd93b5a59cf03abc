//! From the listing of a directory to what lies there.
//!
//! Stricter than Orbax, to which any directory is a checkpoint that is not known to be something
//! else, even an empty one: a scan wants a reason to call it one.

use crate::error::Result;
use crate::orbax::names;
use crate::path::StorePath;
use crate::record::Layout;
use crate::store::{Entry, EntryKind, Stat, Store, Want};

use super::step;

/// Whether an entry of a directory can matter to anybody. Millions of other files may lie beside
/// the checkpoints.
pub fn matters(entry: &Entry) -> bool {
    let known = [
        names::V1_MARKER,
        names::CHECKPOINT_METADATA,
        names::DELETION_RECORD,
        names::TREE_METADATA,
        names::AGGREGATE,
        names::COMMIT_SUCCESS,
    ];
    entry.kind == EntryKind::Directory
        || known.contains(&entry.name.as_str())
        || entry.name.ends_with(names::SAFETENSORS_SUFFIX)
}

/// Whether a directory is the leftover of a save, whatever lies in it. A link never is; and where
/// commit files decide, only a partial save can be told by its name.
pub fn is_leftover(name: &str, link: bool, by_name: bool) -> bool {
    let temporary = by_name && name.contains(names::TEMPORARY_MARK);
    (temporary || name.ends_with(names::PARTIAL_SAVE_SUFFIX)) && !link
}

/// The layout of the checkpoint in a directory; `None` if it is an ordinary directory.
///
/// # Errors
/// `Store`.
pub fn layout(store: &dyn Store, path: &StorePath, entries: &[Entry]) -> Result<Option<Layout>> {
    let find = |name: &str| entries.iter().find(|entry| entry.name == name);
    let is_file = |name: &str| find(name).is_some_and(|entry| entry.kind == EntryKind::File);
    let header = find(names::CHECKPOINT_METADATA).is_some();
    if is_file(names::V1_MARKER) || (header && find(names::V1_MARKER).is_some()) {
        return Ok(Some(Layout::V1));
    }
    if header || find(names::TREE_METADATA).is_some() {
        return Ok(Some(Layout::V0));
    }
    if is_file(names::AGGREGATE) && is_aggregate(store, &path.join(names::AGGREGATE)?) {
        return Ok(Some(Layout::V0));
    }
    let is_tensors = |entry: &Entry| entry.name.ends_with(names::SAFETENSORS_SUFFIX);
    if entries
        .iter()
        .any(|entry| entry.kind == EntryKind::File && is_tensors(entry))
    {
        return Ok(Some(Layout::Safetensors));
    }
    let old = holds_old_items(store, path, entries)?;
    Ok(old.then_some(Layout::V0))
}

/// Other programs call files `checkpoint` too; that of Orbax is a msgpack mapping or list.
fn is_aggregate(store: &dyn Store, file: &StorePath) -> bool {
    let first = store.fetch_one(Want::range(file.clone(), 0, 1));
    let is_container = |bytes: &[u8]| matches!(bytes.first(), Some(0x80..=0x9f | 0xdc..=0xdf));
    first.is_ok_and(|bytes| is_container(&bytes))
}

/// Whether a directory that says nothing of itself holds items all the same: releases before 0.5.11
/// wrote no `_CHECKPOINT_METADATA`.
///
/// An item looks like a flat checkpoint, so that this asks for more: that the directory has the name
/// of a step, or a commit file, or the item one of the standard names.
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
            // A checkpoint of its own.
            (_, [Some(_), ..]) => return Ok(false),
            (_, [_, Some(_), _]) => items = true,
            ([.., file], [.., Some(stat)]) => {
                items |= is_file(stat) && is_aggregate(store, file);
            }
            _ => {}
        }
    }
    Ok(items)
}
