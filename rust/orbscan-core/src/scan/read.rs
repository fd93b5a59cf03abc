//! Reads what was found.

use super::Options;
use super::entry::{Content, Entry};
use super::fingerprint::fingerprint;
use super::place::Visit;
use super::walk::{Found, exists};
use crate::error::{Error, ErrorKind, Result};
use crate::layout::steady::{self, Seen};
use crate::layout::{header, recognise};
use crate::limits::Limits;
use crate::memory;
use crate::orbax::{metrics, names};
use crate::path::StorePath;
use crate::reader::everything::{self, Recognised};
use crate::reader::{self, Recall};
use crate::record::{Checkpoint, Issue, Layout};
use crate::store::{EntryKind, Interest, Pytrees, Store, Want};

const NSECS_PER_SEC: i128 = 1_000_000_000;

/// Reads a checkpoint: all of it, or less if the options say so. For one that is not committed,
/// only its timestamps are read.
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
    let shardings = !options.read.without_shardings;
    if let Some(before) = options.since.get(&entry.path)
        && fingerprint(store, &recognised, shardings).as_ref() == Some(before)
    {
        entry.fingerprint = Some(*before);
        entry.content = Content::Unchanged;
        return entry;
    }
    let pytrees = if options.leaves {
        Pytrees::All
    } else {
        Pytrees::None
    };
    let interest = Interest {
        metrics: true,
        ..options.read.interest(pytrees)
    };
    let mut first = Some(recognised);
    let attempt = |store: &dyn Store, seen: &mut Seen| {
        // What is read now may differ from what was listed.
        let is_still = |listed: &Recognised| !seen.is_held || is_still(store, listed);
        let recognised = match first.take().filter(is_still) {
            Some(listed) => listed,
            None => again(store, &visit.path).map_err(|error| reader::locate(store, error))?,
        };
        entry.fingerprint = fingerprint(store, &recognised, shardings);
        seen.note_entries(&recognised.path, &recognised.entries);
        fill(&mut entry, store, recognised, options, recall)
    };
    let whole = || steady::read(store, &visit.path, interest, attempt, |is_whole| *is_whole);
    let (read, lacked) = memory::watched(whole);
    let read = match read {
        // Something was skipped, so the result is not everything.
        Ok(_) if lacked > 0 => {
            Err(Error::new(ErrorKind::Memory, memory::reason(lacked)).in_file(&entry.path))
        }
        read => read,
    };
    if let Err(error) = read {
        entry.content = if exists(store, &visit.path) {
            Content::Failed(error)
        } else {
            // It was deleted while it was read.
            Content::Vanished
        };
    }
    // The cause of a fault may disappear without a change of the fingerprint. An issue that only
    // says how a complete checkpoint was written stays true.
    let is_fault = |issue: &Issue| issue.is_loss() || issue.kind() != ErrorKind::Unsupported;
    if let Content::Read(checkpoint) = &entry.content
        && checkpoint.issues.iter().any(is_fault)
    {
        entry.fingerprint = None;
    }
    entry
}

/// Whether a directory is still the one that was listed.
fn is_still(store: &dyn Store, listed: &Recognised) -> bool {
    let mut seen = Seen::default();
    seen.note_entries(&listed.path, &listed.entries);
    seen.check(store).is_ok()
}

/// What lies there now, in place of something else.
fn again(store: &dyn Store, path: &StorePath) -> Result<Recognised> {
    let entries = store.list(path)?;
    let Some(layout) = recognise::layout(store, path, &entries)? else {
        let reason = "was a checkpoint when the scan reached it, and no longer is";
        return Err(Error::new(ErrorKind::Store, reason).in_file(path));
    };
    Ok(Recognised {
        path: path.clone(),
        layout,
        entries,
    })
}

/// Reads a checkpoint into an entry; returns whether nothing is wrong with it.
fn fill(
    entry: &mut Entry,
    store: &dyn Store,
    recognised: Recognised,
    options: &Options,
    recall: &Recall,
) -> Result<bool> {
    let metrics_file = metrics_file(&recognised);
    let mut checkpoint = if options.leaves {
        let read = everything::read(store, recognised, &options.read, recall)?;
        entry.chosen = read.chosen;
        read.checkpoint
    } else {
        everything::read_header(store, recognised, &options.read)?
    };
    if let Some(file) = metrics_file {
        match metrics_text(store, &file, &options.read.limits) {
            Ok(metrics) => entry.metrics = metrics,
            Err(error) => {
                let located = reader::locate(store, error.in_file(&file));
                checkpoint.issues.push(located);
            }
        }
    }
    let commit = commit_nsecs(&checkpoint);
    entry.set_timestamps(checkpoint.init_timestamp_nsecs, commit);
    let is_whole = checkpoint.issues.is_empty();
    entry.content = Content::Read(Box::new(checkpoint));
    Ok(is_whole)
}

/// When a checkpoint was committed. Orbax gives the time of safetensors in seconds.
fn commit_nsecs(checkpoint: &Checkpoint) -> Option<i128> {
    let stored = checkpoint.commit_timestamp_nsecs?;
    match checkpoint.layout {
        Layout::Safetensors => stored.checked_mul(NSECS_PER_SEC),
        Layout::V1 | Layout::V0 => Some(stored),
    }
}

/// When a save began and when it was committed, if that is recorded.
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

/// The path of the metrics of a manager, if the listing shows their directory.
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
