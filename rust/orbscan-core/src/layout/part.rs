//! A step that is only partly there, as an interrupted copy leaves it.
//!
//! Nothing in such a directory makes it a checkpoint, but Orbax's manager treats it as a committed
//! step because of its name, resumes from it, and fails. Source: orbax `_src/path/step.py`, which
//! checks only the name.

use super::root::{directories, has};
use super::{evidence, recognise, step};
use crate::error::{Error, ErrorKind, Result, Subject};
use crate::limits::Limits;
use crate::orbax::names;
use crate::path::StorePath;
use crate::record::Layout;
use crate::store::{Entry, EntryKind, Store};

/// The most siblings that are requested at once to find out whether one of them is a checkpoint.
const ASKED_AT_ONCE: usize = 32;

/// The most directories of a step that are searched for its remains.
const LOOKED_INTO: usize = 32;

/// The siblings of a directory that have names of steps with its prefix, except itself.
fn siblings<'e>(name: &str, entries: &'e [Entry]) -> Vec<&'e str> {
    let Some((prefix, _)) = step::parse(name) else {
        return Vec::new();
    };
    let beside = entries.iter().filter(|entry| {
        entry.kind == EntryKind::Directory
            && entry.name != name
            && step::parse(&entry.name).is_some_and(|(other, _)| other == prefix)
    });
    beside.map(|entry| entry.name.as_str()).collect()
}

/// Whether any of the directories of `parent` is recognisably a checkpoint, or a part of one, so
/// that its name is the name of a step.
///
/// # Errors
/// `Malformed` if a name cannot be part of a path; `Store`.
pub fn any_is_step<S: AsRef<str>>(
    store: &dyn Store,
    parent: &StorePath,
    names: &[S],
) -> Result<bool> {
    for some in names.chunks(ASKED_AT_ONCE) {
        let mut asked = Vec::with_capacity(some.len().saturating_mul(2));
        for name in some {
            let directory = parent.join(name.as_ref())?;
            asked.push(directory.join(names::CHECKPOINT_METADATA)?);
            asked.push(directory.join(names::COMMIT_SUCCESS)?);
        }
        let found = store.stat(&asked);
        if found.iter().any(|stat| matches!(stat, Ok(Some(_)))) {
            return Ok(true);
        }
    }
    // Early releases wrote neither.
    for name in names.iter().take(ASKED_AT_ONCE) {
        if shows_itself(store, &parent.join(name.as_ref())?)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a directory with the name of a step is one, or a part of one, according to its content.
/// One that cannot be listed says nothing about others.
fn shows_itself(store: &dyn Store, path: &StorePath) -> Result<bool> {
    let mut entries = Vec::new();
    let listed = store.list_each(path, &mut |entry| {
        if recognise::matters(&entry) {
            entries.push(entry);
        }
    });
    if listed.is_err() {
        return Ok(false);
    }
    match recognise::layout(store, path, &entries)? {
        Some(Layout::V0 | Layout::V1) => Ok(true),
        // Other libraries also keep safetensors in numbered directories.
        Some(Layout::Safetensors) => Ok(false),
        None => Ok(fault(store, path, &entries, || Ok(false))?.is_some()),
    }
}

/// The fault of a directory that has the name of a step but that nothing makes a checkpoint: it is
/// a part of one if the store of a pytree lies in it or in one of its directories, or if it lies
/// beside steps. `None` if it is something else, for example if checkpoints lie in it.
///
/// `among_steps` says whether it lies beside steps, and is called only if that matters.
///
/// # Errors
/// `Store`.
pub fn fault(
    store: &dyn Store,
    path: &StorePath,
    entries: &[Entry],
    among_steps: impl FnOnce() -> Result<bool>,
) -> Result<Option<Error>> {
    if step::parse(path.name()).is_none() {
        return Ok(None);
    }
    let told = |what: String| {
        let reason = format!("is an incomplete step: {what}");
        let error = Error::new(ErrorKind::UnknownLayout, reason).about(Subject::Incomplete);
        Some(error.in_file(path))
    };
    let header = names::CHECKPOINT_METADATA;
    if let Some(found) = evidence::of_orbax(entries) {
        return Ok(told(format!(
            "it has {found}, but no {header} and no {}",
            names::TREE_METADATA
        )));
    }
    let limits = Limits::default();
    let below = directories(entries);
    let is_checkpoint =
        |inside: &[Entry]| recognise::is_marked_v1(inside) || has(inside, names::TREE_METADATA);
    for name in below.iter().take(LOOKED_INTO) {
        let directory = path.join(name)?;
        let Ok(inside) = store.list(&directory) else {
            continue;
        };
        if has(&inside, header) || step::parse(name).is_some() && is_checkpoint(&inside) {
            // Checkpoints lie in it.
            return Ok(None);
        }
        if evidence::is_single_array(store, &directory, &inside, &limits)? {
            continue;
        }
        if let Some(found) = evidence::of_orbax(&inside) {
            return Ok(told(format!(
                "{name:?} has {found}, but no {}, and there is no {header}",
                names::TREE_METADATA
            )));
        }
    }
    if has(entries, names::COMMIT_SUCCESS) {
        return Ok(told(format!(
            "it has {}, but no {header}",
            names::COMMIT_SUCCESS
        )));
    }
    if !among_steps()? {
        return Ok(None);
    }
    Ok(told(match below.first() {
        None if entries.is_empty() => "it is empty".to_owned(),
        None => format!("it has no {header} and no checkpointable"),
        Some(first) => format!(
            "it has no {header}, and {first:?} has no {}",
            names::TREE_METADATA
        ),
    }))
}

/// [`fault`] of a directory whose siblings have not been listed.
///
/// # Errors
/// `Store`.
pub fn fault_of(store: &dyn Store, path: &StorePath, entries: &[Entry]) -> Result<Option<Error>> {
    fault(store, path, entries, || is_among_steps(store, path))
}

/// Whether a directory whose siblings have not been listed has the name of a step and lies beside
/// one.
///
/// # Errors
/// `Store`.
pub fn is_among_steps(store: &dyn Store, path: &StorePath) -> Result<bool> {
    let Some(parent) = path.parent() else {
        return Ok(false);
    };
    let beside = store.list(&parent)?;
    any_is_step(store, &parent, &siblings(path.name(), &beside))
}
