//! From a path to the checkpoint that lies there.
//!
//! Source: orbax `experimental/v1/_src/layout/{orbax_layout,orbax_v0_layout,registry}.py`, release
//! 0.12.8. Safetensors, which Orbax reads only on request, are recognised here if nothing of Orbax
//! is found.

use super::root::{Root, has};
use super::{Rules, below, foreign, nested, recognise, refusal, step};
use crate::error::{Error, ErrorKind, Result, Subject};
use crate::limits::Limits;
use crate::orbax::commit::{self, Atomicity, Commit, Facts};
use crate::orbax::{deletion, names, step_name};
use crate::path::StorePath;
use crate::record::{Issue, Layout};
use crate::store::{Entry, EntryKind, Stat, Store, Want, leads_nowhere};

/// Recognises the checkpoint at `path`.
///
/// # Errors
/// `NotFound`, `UnknownLayout`, `Uncommitted`; `DeletionRecord` if a deletion left a record that
/// cannot be trusted; `Store`. A partial checkpoint is an `UnknownLayout` about
/// [`Subject::Incomplete`].
pub fn detect(store: &dyn Store, path: &StorePath, rules: Rules, limits: &Limits) -> Result<Root> {
    let Some(entries) = listed(store, path)? else {
        return Ok(Root {
            path: path.clone(),
            layout: Layout::Safetensors,
            deleted: None,
            uncommitted: None,
            steps: Vec::new(),
            entries: Vec::new(),
        });
    };
    let uncommitted = uncommitted(store, path, &entries, rules)?;
    let layout = match layout(store, path, &entries) {
        Err(error) if error.kind() == ErrorKind::UnknownLayout => {
            let is_marked = rules.allow_uncommitted && recognise::is_marked_v1(&entries);
            if uncommitted.is_none() || !is_marked {
                // Its name already says why it does not hold a checkpoint.
                return Err(uncommitted.unwrap_or(error));
            }
            // A save of V1 writes its metadata file last.
            Layout::V1
        }
        layout => layout?,
    };
    Ok(Root {
        path: path.clone(),
        layout,
        deleted: deleted_name(store, path, &entries, limits)?,
        uncommitted,
        steps: nested::steps(store, path, &entries, limits)?,
        entries,
    })
}

/// Accepts a directory that was recognised by its listing, from which only names without a meaning
/// may be missing.
///
/// # Errors
/// As [`detect`], except for what the listing has already shown.
pub fn recognised(
    store: &dyn Store,
    path: StorePath,
    layout: Layout,
    entries: Vec<Entry>,
    limits: &Limits,
) -> Result<Root> {
    if layout == Layout::V1 {
        check_v1(&path, &entries)?;
    }
    let deleted = deleted_name(store, &path, &entries, limits)?;
    let steps = nested::steps(store, &path, &entries, limits)?;
    Ok(Root {
        path,
        layout,
        deleted,
        uncommitted: None,
        steps,
        entries,
    })
}

/// The entries of a directory; `None` if the path is a safetensors file.
fn listed(store: &dyn Store, path: &StorePath) -> Result<Option<Vec<Entry>>> {
    let error = match store.list(path) {
        Ok(entries) => return Ok(Some(entries)),
        Err(error) if error.kind() == ErrorKind::NotFound => error,
        Err(error) => return Err(error),
    };
    match stat_one(store, path.clone())?.map(|stat| stat.kind) {
        Some(EntryKind::File) if path.name().ends_with(names::SAFETENSORS_SUFFIX) => Ok(None),
        Some(EntryKind::File) => Err(refusal::unknown(
            path,
            "is a file, expected a checkpoint directory",
        )),
        Some(EntryKind::Directory) => Err(error),
        None => {
            let reason = match store.broken_link(path) {
                Some(target) => leads_nowhere(&target),
                None => "does not exist".to_owned(),
            };
            Err(Error::new(ErrorKind::NotFound, reason).in_file(path))
        }
    }
}

/// Why a directory is not a finished checkpoint, if it is read all the same: a partial save, which
/// Orbax reads too, or any save if the rules allow it.
///
/// # Errors
/// `Uncommitted` if it may not be read.
fn uncommitted(
    store: &dyn Store,
    path: &StorePath,
    entries: &[Entry],
    rules: Rules,
) -> Result<Option<Issue>> {
    let commit = judged(store, path, entries, rules.atomicity);
    if commit.committed {
        return Ok(None);
    }
    let partial = path.name().ends_with(names::PARTIAL_SAVE_SUFFIX);
    let reason = format!("is not a finished checkpoint: {}", commit.reason);
    let error = Error::new(ErrorKind::Uncommitted, reason).in_file(path);
    if commit.temporary && !rules.allow_uncommitted {
        return Err(error);
    }
    Ok((partial || commit.temporary).then_some(error))
}

/// Whether a directory is a finished checkpoint, according to its name and its entries.
pub fn judged(
    store: &dyn Store,
    path: &StorePath,
    entries: &[Entry],
    atomicity: Option<Atomicity>,
) -> Commit {
    let atomicity = atomicity.unwrap_or_else(|| store.atomicity());
    let name = path.name();
    let mut facts = Facts {
        name,
        directory: true,
        link: false,
        commit_file: has(entries, names::COMMIT_SUCCESS),
    };
    let commit = commit::judge(facts, atomicity);
    // Whether it is a link is requested only if that decides.
    if commit.committed || !is_link(store, path) {
        return commit;
    }
    facts.link = true;
    commit::judge(facts, atomicity)
}

/// Whether the directory above the path is a checkpoint.
pub fn is_inside(store: &dyn Store, path: &StorePath) -> Result<bool> {
    let Some(parent) = path.parent() else {
        return Ok(false);
    };
    let found = stat_one(store, parent.join(names::CHECKPOINT_METADATA)?)?;
    Ok(found.is_some())
}

/// Whether a directory is a step of its own wherever it lies: a manager may keep its steps in the
/// directory of a flat checkpoint.
pub fn is_own_step(path: &StorePath, entries: &[Entry]) -> bool {
    step::parse(path.name()).is_some() && has(entries, names::CHECKPOINT_METADATA)
}

fn stat_one(store: &dyn Store, path: StorePath) -> Result<Option<Stat>> {
    let found = store.stat(&[path]).pop();
    found.transpose().map(Option::flatten)
}

/// Whether the path is laid out like a checkpoint: as in Orbax, any directory that is not known to
/// be something else, and in addition a step in the directory of a flat checkpoint. The marker of a
/// V1 checkpoint does not count here; without its metadata file the directory may still count as a
/// V0 checkpoint.
///
/// # Errors
/// `Store`.
pub fn is_checkpoint(
    store: &dyn Store,
    path: &StorePath,
    atomicity: Option<Atomicity>,
) -> Result<bool> {
    let entries = match listed(store, path) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::Store => return Err(error),
        Err(_) => return Ok(false),
    };
    let Some(entries) = entries else {
        return Ok(false);
    };
    if judged(store, path, &entries, atomicity).temporary {
        return Ok(false);
    }
    if has(&entries, names::V1_MARKER) && has(&entries, names::CHECKPOINT_METADATA) {
        return Ok(true);
    }
    if !is_own_step(path, &entries) && is_inside(store, path)? {
        return Ok(false);
    }
    match v0_or_safetensors(store, path, &entries) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::Store => Err(error),
        Err(_) => Ok(false),
    }
}

/// Whether the path is a link: a temporary directory that is reached by a link is not temporary.
pub fn is_link(store: &dyn Store, path: &StorePath) -> bool {
    let siblings = path.parent().and_then(|parent| store.list(&parent).ok());
    let mut siblings = siblings.into_iter().flatten();
    siblings.any(|entry| entry.name == path.name() && entry.link)
}

fn check_v1(path: &StorePath, entries: &[Entry]) -> Result<()> {
    if has(entries, names::CHECKPOINT_METADATA) {
        return Ok(());
    }
    let reason = format!(
        "has the marker {} of a V1 checkpoint but no {}",
        names::V1_MARKER,
        names::CHECKPOINT_METADATA
    );
    Err(refusal::unknown(path, reason).about(Subject::Incomplete))
}

fn layout(store: &dyn Store, path: &StorePath, entries: &[Entry]) -> Result<Layout> {
    if recognise::is_marked_v1(entries) {
        return check_v1(path, entries).map(|()| Layout::V1);
    }
    if !is_own_step(path, entries) && is_inside(store, path)? {
        return Err(refusal::inside_checkpoint(store, path, entries));
    }
    v0_or_safetensors(store, path, entries)
}

fn v0_or_safetensors(store: &dyn Store, path: &StorePath, entries: &[Entry]) -> Result<Layout> {
    if has(entries, names::CHECKPOINT_METADATA) || has(entries, names::TREE_METADATA) {
        return Ok(Layout::V0);
    }
    let mut below = with_header(store, path, entries)?;
    if !below.is_empty() {
        below.sort_unstable_by(|a, b| step_name::natural(a, b));
        return Err(refusal::directory_of(path, &below));
    }
    if recognise::has_safetensors(entries) {
        return Ok(Layout::Safetensors);
    }
    if foreign::is_tensorflow(store, path, entries)? {
        return Err(foreign::tensorflow(path));
    }
    Ok(Layout::V0)
}

/// The child directories that have `_CHECKPOINT_METADATA`, sorted.
fn with_header(store: &dyn Store, path: &StorePath, entries: &[Entry]) -> Result<Vec<String>> {
    below::directories_with(store, path, entries, &[names::CHECKPOINT_METADATA])
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
