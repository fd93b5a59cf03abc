//! Whether a directory holds, or held, the arrays of a pytree.
//!
//! A directory with a store had a tree: without its `_METADATA` the tree is lost, and the directory
//! is not another kind of checkpointable.
//!
//! One kind of checkpointable looks alike but never had a tree of its own: the single array of
//! `ArrayCheckpointHandler`, named `checkpoint`: a directory with `.zarray`, or in releases before
//! 0.6 a database. Source: orbax `_src/handlers/array_checkpoint_handler.py`.

use super::root::{directories, has_kind};
use crate::error::{ErrorKind, Result};
use crate::json::{Dialect, Json};
use crate::limits::Limits;
use crate::ocdbt::manifest;
use crate::orbax::names;
use crate::path::StorePath;
use crate::store::{Entry, EntryKind, Store, Want};

/// The most child directories that are checked for the document of an array.
const ASKED_AT_MOST: usize = 256;

/// The name of the array `checkpoint` in `_sharding`: in base64.
const SINGLE_ARRAY: &str = "Y2hlY2twb2ludA==";

/// The number of hexadecimal digits in the name of a data file.
const DATA_FILE_DIGITS: usize = 32;

/// The name of an entry that only the store of an Orbax pytree leaves, wherever it lies.
pub fn of_orbax(entries: &[Entry]) -> Option<&str> {
    let process = entries.iter().find(|entry| is_process_database(entry));
    if let Some(process) = process {
        return Some(&process.name);
    }
    let manifest = entries.iter().find(|entry| is_manifest(entry))?;
    // Other programs also keep OCDBT databases.
    let beside = has_kind(entries, names::SHARDING, EntryKind::File)
        || has_kind(entries, names::ARRAY_METADATAS, EntryKind::Directory);
    beside.then_some(manifest.name.as_str())
}

/// The name of an entry that shows the store of a pytree in a directory of a checkpoint, given all
/// entries of the directory.
///
/// # Errors
/// `Store`.
pub fn of_store(
    store: &dyn Store,
    directory: &StorePath,
    entries: &[Entry],
    limits: &Limits,
) -> Result<Option<String>> {
    if is_single_array(store, directory, entries, limits)? {
        return Ok(None);
    }
    if has_kind(entries, names::DATABASE_FILES, EntryKind::Directory)
        && holds_data_files(store, &directory.join(names::DATABASE_FILES)?)?
    {
        return Ok(Some(names::DATABASE_FILES.to_owned()));
    }
    let shows = |entry: &&Entry| match entry.name.as_str() {
        names::SHARDING => entry.kind == EntryKind::File,
        names::ARRAY_METADATAS => entry.kind == EntryKind::Directory,
        _ => is_manifest(entry) || is_process_database(entry),
    };
    if let Some(entry) = entries.iter().find(shows) {
        return Ok(Some(entry.name.clone()));
    }
    array_in(store, directory, entries)
}

/// The document of a Zarr array in a child of a directory, by its path below that directory.
///
/// # Errors
/// `Store`.
pub fn array_in(
    store: &dyn Store,
    directory: &StorePath,
    entries: &[Entry],
) -> Result<Option<String>> {
    let arrays = directories(entries);
    let mut asked = Vec::with_capacity(arrays.len().saturating_mul(2));
    for name in arrays.into_iter().take(ASKED_AT_MOST) {
        let array = directory.join(name)?;
        for document in [names::ZARR_V2, names::ZARR_V3] {
            asked.push(array.join(document)?);
        }
    }
    for (path, stat) in asked.iter().zip(store.stat(&asked)) {
        if stat?.is_some() {
            let below = path.as_str().strip_prefix(directory.as_str());
            return Ok(below.map(|below| below.trim_start_matches('/').to_owned()));
        }
    }
    Ok(None)
}

/// Whether a directory holds a single array: the one in the directory `checkpoint`, or the only one
/// in `_sharding`.
///
/// # Errors
/// `Store`.
pub fn is_single_array(
    store: &dyn Store,
    directory: &StorePath,
    entries: &[Entry],
    limits: &Limits,
) -> Result<bool> {
    if has_kind(entries, names::AGGREGATE, EntryKind::Directory) {
        return Ok(directories(entries)
            .iter()
            .all(|name| matches!(*name, names::AGGREGATE | names::ARRAY_METADATAS)));
    }
    if !has_kind(entries, names::SHARDING, EntryKind::File) {
        return Ok(false);
    }
    let want = Want::whole(directory.join(names::SHARDING)?, limits.max_document_bytes);
    let bytes = match store.fetch_one(want) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::Store => return Err(error),
        Err(_) => return Ok(false),
    };
    let mut names = Vec::new();
    let read = Json::new(&bytes, Dialect::Python, limits).and_then(|mut json| {
        json.object(|json, name| {
            names.push(name.into_owned());
            json.skip().map(drop)
        })
    });
    Ok(read.is_ok() && names == [SINGLE_ARRAY])
}

/// Whether a directory holds data files of a database, by their names: any directory can be named
/// `d`.
///
/// Source: tensorstore `kvstore/ocdbt/format/data_file_id.cc`, 16 random bytes in hexadecimal.
fn holds_data_files(store: &dyn Store, directory: &StorePath) -> Result<bool> {
    let is_data_file = |entry: &Entry| {
        entry.name.len() == DATA_FILE_DIGITS
            && entry.name.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    match store.list(directory) {
        Ok(entries) => Ok(entries.iter().any(is_data_file)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn is_manifest(entry: &Entry) -> bool {
    let named = entry.name == names::MANIFEST || manifest::number(&entry.name).is_some();
    named && entry.kind == EntryKind::File
}

fn is_process_database(entry: &Entry) -> bool {
    entry.kind == EntryKind::Directory && entry.name.starts_with(names::PROCESS_DATABASE_PREFIX)
}
