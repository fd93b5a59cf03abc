//! From a directory listing to a layout.
//!
//! Source: orbax `experimental/v1/_src/layout/{orbax_layout,orbax_v0_layout,registry}.py`, release
//! 0.12.8. Safetensors, which Orbax reads only when told to, are recognised here where nothing of
//! Orbax is found.

use crate::error::{Error, ErrorKind, Result};
use crate::limits::Limits;
use crate::orbax::{deletion, names};
use crate::path::StorePath;
use crate::record::Layout;
use crate::store::{Entry, EntryKind, Stat, Store, Want};

/// How many names an error lists at most.
const NAMES_SHOWN: usize = 10;

/// How many directories below a non-checkpoint are looked into for checkpoints to suggest.
const SUGGESTIONS_LOOKED_INTO: usize = 32;

/// A directory that is a checkpoint, with what its listing tells.
#[derive(Debug)]
pub struct Root {
    /// The directory; for safetensors also a single file.
    pub path: StorePath,
    /// How its files are arranged.
    pub layout: Layout,
    /// The checkpointable that is being deleted.
    pub deleted: Option<String>,
    entries: Vec<Entry>,
}

impl Root {
    /// A directory that was recognised by its listing, of which only names that mean nothing may be
    /// missing.
    ///
    /// # Errors
    /// As [`detect`], but for what the listing has already shown.
    pub fn listed(
        store: &dyn Store,
        path: StorePath,
        layout: Layout,
        entries: Vec<Entry>,
        limits: &Limits,
    ) -> Result<Self> {
        if layout == Layout::V1 {
            check_v1(&path, &entries)?;
        }
        let deleted = deleted_name(store, &path, &entries, limits)?;
        Ok(Self {
            path,
            layout,
            deleted,
            entries,
        })
    }

    /// Whether the directory has an entry of that name, of whatever kind.
    pub fn has(&self, name: &str) -> bool {
        has(&self.entries, name)
    }

    /// Whether the directory has a file of that name.
    pub fn has_file(&self, name: &str) -> bool {
        self.entries
            .iter()
            .any(|entry| entry.name == name && entry.kind == EntryKind::File)
    }

    /// Whether the directory has a directory of that name.
    pub fn has_directory(&self, name: &str) -> bool {
        self.entries
            .iter()
            .any(|entry| entry.name == name && entry.kind == EntryKind::Directory)
    }

    /// The names of the files that end in `suffix`, sorted.
    pub fn files_ending(&self, suffix: &str) -> Vec<&str> {
        sorted(&self.entries, |entry| {
            entry.kind == EntryKind::File && entry.name.ends_with(suffix)
        })
    }

    /// The names of the checkpointables, sorted: all directories but a reserved or a deleted one.
    pub fn checkpointables(&self) -> Vec<&str> {
        sorted(&self.entries, |entry| {
            entry.kind == EntryKind::Directory
                && !names::is_reserved(&entry.name)
                && self.deleted.as_deref() != Some(entry.name.as_str())
        })
    }
}

fn has(entries: &[Entry], name: &str) -> bool {
    entries.iter().any(|entry| entry.name == name)
}

fn sorted(entries: &[Entry], wanted: impl Fn(&Entry) -> bool) -> Vec<&str> {
    let chosen = entries.iter().filter(|entry| wanted(entry));
    let mut found: Vec<&str> = chosen.map(|entry| entry.name.as_str()).collect();
    found.sort_unstable();
    found
}

fn unknown(path: &StorePath, reason: impl Into<String>) -> Error {
    Error::new(ErrorKind::UnknownLayout, reason).in_file(path)
}

/// Recognises the checkpoint at `path`.
///
/// # Errors
/// `NotFound`, `UnknownLayout`, `Uncommitted`; `DeletionRecord` if a deletion left a record that
/// cannot be trusted; `Store`.
pub fn detect(store: &dyn Store, path: &StorePath, limits: &Limits) -> Result<Root> {
    let Some(entries) = directory(store, path)? else {
        let layout = Layout::Safetensors;
        return Ok(Root {
            path: path.clone(),
            layout,
            deleted: None,
            entries: Vec::new(),
        });
    };
    let layout = if has(&entries, names::V1_MARKER) {
        check_v1(path, &entries)?;
        Layout::V1
    } else {
        v0_or_safetensors(store, path, &entries)?
    };
    let deleted = deleted_name(store, path, &entries, limits)?;
    Ok(Root {
        path: path.clone(),
        layout,
        deleted,
        entries,
    })
}

/// The entries of a committed directory; none if the path is a safetensors file.
fn directory(store: &dyn Store, path: &StorePath) -> Result<Option<Vec<Entry>>> {
    let entries = match store.list(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let found = stat_one(store, path.clone())?;
            return match found.map(|stat| stat.kind) {
                Some(EntryKind::File) if path.name().ends_with(names::SAFETENSORS_SUFFIX) => {
                    Ok(None)
                }
                Some(EntryKind::File) => {
                    Err(unknown(path, "is a file, expected a checkpoint directory"))
                }
                Some(EntryKind::Directory) => Err(error),
                None => Err(Error::new(ErrorKind::NotFound, "does not exist").in_file(path)),
            };
        }
        Err(error) => return Err(error),
    };
    if path.name().contains(names::TEMPORARY_MARK) && !is_link(store, path) {
        let reason = "is a save that never finished: its name says temporary";
        return Err(Error::new(ErrorKind::Uncommitted, reason).in_file(path));
    }
    Ok(Some(entries))
}

/// Whether the directory above the path is a checkpoint.
pub fn is_inside(store: &dyn Store, path: &StorePath) -> Result<bool> {
    let Some(parent) = path.parent() else {
        return Ok(false);
    };
    let found = stat_one(store, parent.join(names::CHECKPOINT_METADATA)?)?;
    Ok(found.is_some())
}

fn stat_one(store: &dyn Store, path: StorePath) -> Result<Option<Stat>> {
    let found = store.stat(&[path]).pop();
    found.transpose().map(Option::flatten)
}

/// Whether Orbax would call the path a checkpoint: any directory that is not known to be something
/// else. The marker of a V1 checkpoint does not count here; without its metadata file it may still
/// pass for a V0 one.
///
/// # Errors
/// `Store`.
pub fn is_checkpoint(store: &dyn Store, path: &StorePath) -> Result<bool> {
    let directory = match directory(store, path) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::Store => return Err(error),
        Err(_) => return Ok(false),
    };
    let Some(entries) = directory else {
        return Ok(false);
    };
    if has(&entries, names::V1_MARKER) && has(&entries, names::CHECKPOINT_METADATA) {
        return Ok(true);
    }
    match v0_or_safetensors(store, path, &entries) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::Store => Err(error),
        Err(_) => Ok(false),
    }
}

/// Temporary directories are exempt if they were reached by a link: only a real one is a leftover.
pub fn is_link(store: &dyn Store, path: &StorePath) -> bool {
    let siblings = path.parent().and_then(|parent| store.list(&parent).ok());
    let mut siblings = siblings.into_iter().flatten();
    siblings.any(|entry| entry.name == path.name() && entry.link)
}

fn check_v1(path: &StorePath, entries: &[Entry]) -> Result<()> {
    if has(entries, names::CHECKPOINT_METADATA) {
        return Ok(());
    }
    Err(unknown(
        path,
        format!(
            "has the marker {} of a V1 checkpoint but no {}",
            names::V1_MARKER,
            names::CHECKPOINT_METADATA
        ),
    ))
}

fn v0_or_safetensors(store: &dyn Store, path: &StorePath, entries: &[Entry]) -> Result<Layout> {
    if is_inside(store, path)? {
        return Err(inside_checkpoint(store, path));
    }
    if has(entries, names::CHECKPOINT_METADATA) || has(entries, names::TREE_METADATA) {
        return Ok(Layout::V0);
    }
    let below = directories_with(store, path, entries, &[names::CHECKPOINT_METADATA])?;
    if !below.is_empty() {
        let reason = format!(
            "holds checkpoints but is none: pass one of {}",
            shown(&below)
        );
        return Err(unknown(path, reason));
    }
    let tensors = |entry: &Entry| entry.name.ends_with(names::SAFETENSORS_SUFFIX);
    if entries
        .iter()
        .any(|entry| entry.kind == EntryKind::File && tensors(entry))
    {
        return Ok(Layout::Safetensors);
    }
    Ok(Layout::V0)
}

/// The refusal of a directory that is a part of a checkpoint.
pub fn inside_checkpoint(store: &dyn Store, path: &StorePath) -> Error {
    let parent = path.parent().unwrap_or_default();
    unknown(
        path,
        format!(
            "is a part of the checkpoint {}: pass that path, and {:?} as the checkpointable_name",
            store.locate(&parent),
            path.name()
        ),
    )
}

/// The child directories that have one of the named entries, sorted.
pub fn directories_with(
    store: &dyn Store,
    path: &StorePath,
    entries: &[Entry],
    wanted: &[&str],
) -> Result<Vec<String>> {
    let directories = sorted(entries, |entry| entry.kind == EntryKind::Directory);
    let mut asked = Vec::with_capacity(directories.len().saturating_mul(wanted.len()));
    for directory in &directories {
        let child = path.join(directory)?;
        for name in wanted {
            asked.push((*directory, child.join(name)?));
        }
    }
    let (owners, paths): (Vec<&str>, Vec<StorePath>) = asked.into_iter().unzip();
    let mut found: Vec<String> = Vec::new();
    for (owner, stat) in owners.into_iter().zip(store.stat(&paths)) {
        if stat?.is_some() && found.last().map(String::as_str) != Some(owner) {
            found.push(owner.to_owned());
        }
    }
    Ok(found)
}

/// The error for a directory that holds nothing of a checkpoint: what was looked for, and which
/// checkpoints lie below.
pub fn no_checkpoint(store: &dyn Store, root: &Root) -> Error {
    let mut reason = format!(
        "is no checkpoint: no {}, {} or {} in it, and no {} or {} file in a directory of it",
        names::V1_MARKER,
        names::CHECKPOINT_METADATA,
        names::TREE_METADATA,
        names::TREE_METADATA,
        names::AGGREGATE,
    );
    let below = checkpoints_below(store, root);
    if !below.is_empty() {
        reason.push_str(&format!("; checkpoints below it: {}", shown(&below)));
    }
    unknown(&root.path, reason)
}

/// Child directories that look like checkpoints. A hint for people, so trouble on the way is not
/// reported, and the look is bounded.
fn checkpoints_below(store: &dyn Store, root: &Root) -> Vec<String> {
    let markers = [
        names::CHECKPOINT_METADATA,
        names::TREE_METADATA,
        names::AGGREGATE,
    ];
    let mut found = Vec::new();
    for name in root
        .checkpointables()
        .into_iter()
        .take(SUGGESTIONS_LOOKED_INTO)
    {
        let Ok(child) = root.path.join(name) else {
            continue;
        };
        let Ok(entries) = store.list(&child) else {
            continue;
        };
        let marked = markers.iter().any(|marker| has(&entries, marker));
        if marked
            || directories_with(store, &child, &entries, &markers).is_ok_and(|d| !d.is_empty())
        {
            found.push(name.to_owned());
        }
    }
    found
}

/// Names for people, not too many.
pub fn shown(found: &[String]) -> String {
    let some: Vec<String> = found
        .iter()
        .take(NAMES_SHOWN)
        .map(|name| format!("{name:?}"))
        .collect();
    match found.len().saturating_sub(some.len()) {
        0 => some.join(", "),
        more => format!("{} and {more} more", some.join(", ")),
    }
}

fn deleted_name(
    store: &dyn Store,
    path: &StorePath,
    entries: &[Entry],
    limits: &Limits,
) -> Result<Option<String>> {
    if !has(entries, names::DELETION_RECORD) {
        return Ok(None);
    }
    let record = path.join(names::DELETION_RECORD)?;
    let wants = [
        Want::whole(record.clone(), limits.max_document_bytes),
        Want::whole(
            path.join(names::CHECKPOINT_METADATA)?,
            limits.max_document_bytes,
        ),
    ];
    let mut fetched = store.fetch(&wants).into_iter();
    let distrust = |error: Error| match error.kind() {
        ErrorKind::Store => error,
        _ => Error::new(ErrorKind::DeletionRecord, error.reason()),
    };
    let bytes = fetched
        .next()
        .transpose()
        .map_err(distrust)
        .map_err(|e| e.in_file(&record))?;
    let metadata = fetched.next().transpose().ok().flatten();
    deletion::deleted_name(&bytes.unwrap_or_default(), metadata.as_deref(), limits)
        .map(Some)
        .map_err(|error| error.in_file(&record))
}
