//! Recognises directories of other libraries, so that they are not reported as damaged checkpoints.
//!
//! Sources: tensorflow `python/checkpoint/checkpoint_management.py` (`checkpoint`, a text of the
//! protocol buffer `CheckpointState`) and `saved_model.pb`; torch `distributed/checkpoint/
//! filesystem.py` (`.metadata`, `*.distcp`); zarr-specs v2 (`.zgroup`) and v3 (`zarr.json`);
//! t5x `checkpoints.py` (arrays in directories that begin with `target.` or `state.`).

use super::root::{Root, has_kind};
use crate::error::{Error, ErrorKind, Result, Subject};
use crate::orbax::names;
use crate::path::StorePath;
use crate::store::{Entry, EntryKind, Store, Want};

/// How much of a file is read in order to recognise it.
const LOOKED_AT: u64 = 4096;

/// Files of other libraries, and what a directory with such a file is.
const MARKS: &[(&str, &str)] = &[
    ("saved_model.pb", "a TensorFlow SavedModel"),
    ("saved_model.pbtxt", "a TensorFlow SavedModel"),
    (".metadata", "a PyTorch distributed checkpoint"),
    (".zgroup", "a Zarr group"),
    (names::ZARR_V2, "a Zarr array"),
    ("pytorch_model.bin", "a PyTorch checkpoint"),
    ("pytorch_model.bin.index.json", "a PyTorch checkpoint"),
];

/// The file of a Zarr v3 node says which type it is; neither type is Orbax's.
const ZARR_V3: &str = "a Zarr array or group";

/// Whether a file of that name in a directory matters to [`told`].
pub fn is_mark(name: &str) -> bool {
    name == names::ZARR_V3 || MARKS.iter().any(|(mark, _)| *mark == name)
}

/// What a directory is, in words for people, if its listing shows files of another library. Use
/// this only if nothing of Orbax was found.
pub fn told(root: &Root) -> Option<&'static str> {
    let mut marks = MARKS.iter();
    let found = marks.find(|(mark, _)| root.has_file(mark));
    let zarr = || root.has_file(names::ZARR_V3).then_some(ZARR_V3);
    found.map(|(_, what)| *what).or_else(zarr)
}

/// Whether the file `checkpoint` of a directory is the text file in which TensorFlow keeps the name
/// of its newest checkpoint.
///
/// # Errors
/// `Store`.
pub fn is_tensorflow(store: &dyn Store, path: &StorePath, entries: &[Entry]) -> Result<bool> {
    if !has_kind(entries, names::AGGREGATE, EntryKind::File) {
        return Ok(false);
    }
    is_text_of_tensorflow(store, &path.join(names::AGGREGATE)?)
}

/// Whether a file `checkpoint` is that text file.
///
/// # Errors
/// `Store`.
pub fn is_text_of_tensorflow(store: &dyn Store, file: &StorePath) -> Result<bool> {
    let size = match store.stat(std::slice::from_ref(file)).pop() {
        Some(stat) => stat?.map_or(0, |stat| stat.size),
        None => 0,
    };
    let want = Want::range(file.clone(), 0, size.min(LOOKED_AT));
    match store.fetch_one(want) {
        Ok(bytes) => Ok(begins_as_tensorflow(&bytes)),
        Err(error) if error.kind() == ErrorKind::Store => Err(error),
        Err(_) => Ok(false),
    }
}

/// Whether bytes begin like that text; lines of comments may come first.
pub fn begins_as_tensorflow(bytes: &[u8]) -> bool {
    let mut lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with(b"#"));
    first.is_some_and(|line| line.starts_with(b"model_checkpoint_path"))
}

/// The error for a directory of TensorFlow.
pub fn tensorflow(path: &StorePath) -> Error {
    refusal(path, "a TensorFlow checkpoint")
}

/// The error for a directory of another library.
pub fn refusal(path: &StorePath, what: &str) -> Error {
    let reason = format!("is {what}, not an Orbax checkpoint");
    Error::new(ErrorKind::UnknownLayout, reason)
        .about(Subject::Foreign)
        .in_file(path)
}

/// The error for the msgpack file of a directory without `_METADATA` that cannot be read: for a T5X
/// checkpoint, whose arrays only T5X can find, it says so.
#[must_use]
pub fn explained(root: &Root, error: Error) -> Error {
    let is_t5x = |name: &str| name.starts_with("target.") || name.starts_with("state.");
    let mut directories = root.entries.iter();
    let t5x = directories.any(|entry| entry.kind == EntryKind::Directory && is_t5x(&entry.name));
    if t5x && !root.has(names::TREE_METADATA) && error.kind() != ErrorKind::Store {
        let what = format!(
            "a T5X checkpoint that orbscan cannot read ({})",
            error.reason()
        );
        return refusal(&root.path, &what);
    }
    error
}
