//! Reads what was found.

use super::Options;
use super::entry::{Content, Entry};
use super::fingerprint::Fingerprint;
use super::place::Visit;
use super::walk::{Found, exists};
use crate::error::{ErrorKind, Result};
use crate::layout::header;
use crate::limits::Limits;
use crate::orbax::{metrics, names};
use crate::path::StorePath;
use crate::reader::everything::{self, Recognised};
use crate::reader::{self, Recall};
use crate::record::{Checkpoint, Layout};
use crate::store::{EntryKind, Store, Want};

const NSECS_PER_SEC: i128 = 1_000_000_000;

/// Reads a checkpoint: all of it, or less if the options say so. Of what is not committed, only when
/// it was written.
pub fn read(found: Found, visit: &Visit, options: &Options, recall: &Recall) -> Entry {
    let Found {
        mut entry,
        recognised,
    } = found;
    let store = visit.base.store.as_ref();
    let Some(recognised) = recognised.filter(|_| entry.commit.committed) else {
        if let Ok((init, commit)) = timestamps(store, &visit.path, &options.read.limits) {
            entry.set_timestamps(init, commit);
        }
        return entry;
    };
    entry.identity = identity(store, &recognised);
    if entry.identity.is_some() && options.since.get(&entry.path) == entry.identity.as_ref() {
        entry.content = Content::Unchanged;
        return entry;
    }
    let metrics_file = metrics_file(&recognised);
    if let Err(error) = fill(&mut entry, store, recognised, options, recall) {
        entry.content = if exists(store, &visit.path) {
            Content::Failed(error)
        } else {
            // Somebody took it away while it was read.
            Content::Vanished
        };
    }
    if let (Content::Read(checkpoint), Some(file)) = (&mut entry.content, metrics_file) {
        match metrics_text(store, &file, &options.read.limits) {
            Ok(metrics) => entry.metrics = metrics,
            Err(error) => {
                let located = reader::locate(store, error.in_file(&file));
                checkpoint.issues.push(located);
            }
        }
    }
    entry
}

fn fill(
    entry: &mut Entry,
    store: &dyn Store,
    recognised: Recognised,
    options: &Options,
    recall: &Recall,
) -> Result<()> {
    let checkpoint = if options.leaves {
        let read = everything::read(store, recognised, &options.read, recall)?;
        entry.chosen = read.chosen;
        read.checkpoint
    } else {
        everything::read_header(store, recognised, &options.read)?
    };
    let commit = commit_nsecs(&checkpoint);
    entry.set_timestamps(checkpoint.init_timestamp_nsecs, commit);
    entry.content = Content::Read(Box::new(checkpoint));
    Ok(())
}

/// When a checkpoint was committed. Orbax gives that of safetensors in seconds.
fn commit_nsecs(checkpoint: &Checkpoint) -> Option<i128> {
    let stored = checkpoint.commit_timestamp_nsecs?;
    match checkpoint.layout {
        Layout::Safetensors => stored.checked_mul(NSECS_PER_SEC),
        Layout::V1 | Layout::V0 => Some(stored),
    }
}

/// When a save began and when it was committed, as far as that is recorded.
fn timestamps(
    store: &dyn Store,
    path: &StorePath,
    limits: &Limits,
) -> Result<(Option<i128>, Option<i128>)> {
    let file = path.join(names::CHECKPOINT_METADATA)?;
    let answer = store.fetch_one(Want::whole(file.clone(), limits.max_document_bytes));
    let (metadata, _) = header::decode(answer, &file, limits)?;
    Ok((
        metadata.init_timestamp_nsecs,
        metadata.commit_timestamp_nsecs,
    ))
}

/// The files of which the identity of a checkpoint is made, relative to it.
#[derive(Default)]
struct Identifying {
    /// Where it keeps its metadata.
    files: Vec<String>,
    /// The directories that may keep theirs in the aggregate file of early releases instead.
    directories: Vec<String>,
}

fn identifying(recognised: &Recognised) -> Identifying {
    let mut found = Identifying::default();
    let entries = &recognised.entries;
    if recognised.layout == Layout::Safetensors {
        let files = entries.iter().map(|entry| entry.name.clone());
        let mut files: Vec<String> = files
            .filter(|name| name.ends_with(names::SAFETENSORS_SUFFIX))
            .collect();
        files.sort_unstable();
        found.files = if entries.is_empty() {
            vec![String::new()]
        } else {
            files
        };
        return found;
    }
    let has = |name: &str| entries.iter().any(|entry| entry.name == name);
    found.files.push(names::CHECKPOINT_METADATA.to_owned());
    let mut add = |directory: String| {
        for name in [names::TREE_METADATA, names::MANIFEST] {
            found.files.push(format!("{directory}{name}"));
        }
        found.directories.push(directory);
    };
    if has(names::TREE_METADATA) || has(names::AGGREGATE) {
        add(String::new());
    }
    if has(names::TREE_METADATA) {
        return found;
    }
    let items = entries
        .iter()
        .filter(|entry| entry.kind == EntryKind::Directory && !names::is_reserved(&entry.name));
    let mut items: Vec<&str> = items.map(|entry| entry.name.as_str()).collect();
    items.sort_unstable();
    for item in items {
        add(format!("{item}/"));
    }
    found
}

/// A number that changes with the metadata, from sizes and times of change.
fn identity(store: &dyn Store, recognised: &Recognised) -> Option<u64> {
    let Identifying { files, directories } = identifying(recognised);
    let mut fingerprint = Fingerprint::new();
    let found = add_stats(&mut fingerprint, store, recognised, &files)?;
    // Asked only where nothing newer was found, so that no other checkpoint costs more.
    let is_bare = |directory: &String| {
        let tree = format!("{directory}{}", names::TREE_METADATA);
        let manifest = format!("{directory}{}", names::MANIFEST);
        !found.contains(&&tree) && !found.contains(&&manifest)
    };
    let bare = directories.into_iter().filter(is_bare);
    let aggregates: Vec<String> = bare
        .map(|directory| format!("{directory}{}", names::AGGREGATE))
        .collect();
    let more = add_stats(&mut fingerprint, store, recognised, &aggregates)?;
    (!found.is_empty() || !more.is_empty()).then(|| fingerprint.finish())
}

/// Takes in the files that are there, and gives their names.
fn add_stats<'f>(
    fingerprint: &mut Fingerprint,
    store: &dyn Store,
    recognised: &Recognised,
    files: &'f [String],
) -> Option<Vec<&'f String>> {
    let paths = files.iter().map(|file| recognised.path.join(file));
    let paths: Vec<StorePath> = paths.collect::<Result<_>>().ok()?;
    let mut found = Vec::new();
    for (file, stat) in files.iter().zip(store.stat(&paths)) {
        if let Ok(Some(stat)) = stat {
            fingerprint.add_text(file);
            fingerprint.add(&stat.size.to_le_bytes());
            fingerprint.add(&stat.modified_nsecs.unwrap_or_default().to_le_bytes());
            found.push(file);
        }
    }
    Some(found)
}

/// Where a manager would have written metrics, if the listing shows the directory.
fn metrics_file(recognised: &Recognised) -> Option<StorePath> {
    let mut entries = recognised.entries.iter();
    let shown =
        entries.any(|entry| entry.name == names::METRICS && entry.kind == EntryKind::Directory);
    let directory = shown.then(|| recognised.path.join(names::METRICS).ok())??;
    directory.join(names::METRICS).ok()
}

/// The metrics as JSON; `None` if there are none.
fn metrics_text(store: &dyn Store, file: &StorePath, limits: &Limits) -> Result<Option<String>> {
    let want = Want::whole(file.clone(), limits.max_document_bytes);
    let bytes = match store.fetch_one(want) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    metrics::decode(&bytes, limits).map(Some)
}
