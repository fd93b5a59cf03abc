//! Examines one directory: is it a checkpoint, and if not, what lies below it?

use std::sync::Arc;

use super::Options;
use super::batch::{Batch, Finding, Key};
use super::below;
use super::entry::{Content, Entry, Kind};
use super::links::Links;
use super::place::Visit;
use crate::error::{Error, ErrorKind, Result};
use crate::layout::{detect, nested, part, recognise, refusal, step};
use crate::orbax::commit::{self, Commit, Facts};
use crate::orbax::names;
use crate::path::StorePath;
use crate::reader;
use crate::reader::everything::Recognised;
use crate::record::Layout;
use crate::store::{self, EntryKind, Store};

/// What was found in a directory.
pub enum Sight {
    /// A checkpoint, or what is left of one.
    Checkpoint(Box<Found>),
    /// Something that is reported, but not read.
    Told(Box<Entry>),
    /// Nothing.
    Nothing,
}

/// A checkpoint that was found.
pub struct Found {
    /// All that is known before it is read.
    pub entry: Entry,
    /// What to read; `None` for a temporary directory.
    pub recognised: Option<Recognised>,
}

/// The result of examining a directory.
pub struct Look {
    /// What lies there.
    pub sight: Sight,
    /// What lies below it.
    pub below: Vec<Batch>,
}

impl From<Sight> for Look {
    fn from(sight: Sight) -> Self {
        let below = Vec::new();
        Self { sight, below }
    }
}

impl Sight {
    fn found(found: Found) -> Self {
        Self::Checkpoint(Box::new(found))
    }

    /// What this says about the siblings of the directory.
    pub fn finding(&self, options: &Options) -> Finding {
        match self {
            Self::Checkpoint(found) if options.selection.wants(&found.entry) => Finding::Wanted,
            Self::Checkpoint(_) => Finding::Unwanted,
            Self::Told(_) | Self::Nothing => Finding::Nothing,
        }
    }
}

/// Examines the directory of a visit.
pub fn look(visit: &Visit, key: &Key, options: &Options, links: &Links) -> Look {
    let seen = try_look(visit, key, options, links);
    seen.unwrap_or_else(|error| unreadable(visit, error, options).into())
}

fn try_look(visit: &Visit, key: &Key, options: &Options, links: &Links) -> Result<Look> {
    let store = visit.base.store.as_ref();
    let by_name = !options.atomicity(store).needs_commit_file();
    if recognise::is_leftover(visit.path.name(), visit.link, by_name) && !is_link(visit) {
        return Ok(Sight::found(leftover(visit, options)).into());
    }
    let mut entries = Vec::new();
    let mut has_other = false;
    let listed = store.list_each(&visit.path, &mut |entry| {
        // One file with another name shows that the directory is not empty.
        if recognise::matters(&entry) || !has_other {
            has_other |= !recognise::matters(&entry);
            entries.push(entry);
        }
    });
    match listed {
        Err(error) if error.kind() == ErrorKind::NotFound && visit.is_base() => {
            return file(visit, error, options).map(|found| Sight::found(found).into());
        }
        listed => listed?,
    }
    let layout = recognise::layout(store, &visit.path, &entries)?;
    let may_be_inside = layout != Some(Layout::V1) && !detect::is_own_step(&visit.path, &entries);
    if visit.is_base() && may_be_inside && detect::is_inside(store, &visit.path)? {
        return Err(refusal::inside_checkpoint(store, &visit.path, &entries));
    }
    match layout {
        None => ordinary(visit, key, &entries, options, links),
        Some(layout) => {
            let below = match layout {
                Layout::Safetensors => below::all(visit, key, &entries, options, links),
                // Everything else below it is a part of it.
                Layout::V0 | Layout::V1 => below::all(
                    visit,
                    key,
                    &own_steps(visit, &entries, options)?,
                    options,
                    links,
                ),
            };
            let sight = Sight::found(checkpoint(visit, layout, entries, options));
            Ok(Look { sight, below })
        }
    }
}

/// A directory that nothing makes a checkpoint: a part of one, a temporary directory of a save, or
/// a directory that may hold checkpoints.
fn ordinary(
    visit: &Visit,
    key: &Key,
    entries: &[store::Entry],
    options: &Options,
    links: &Links,
) -> Result<Look> {
    let store = visit.base.store.as_ref();
    let among_steps =
        || step::parse(visit.path.name()).map_or(Ok(false), |_| visit.is_among_steps());
    if is_bare_leftover(visit, entries, options, among_steps)? {
        // A directory that only has the name of a step may hold checkpoints.
        let is_part = || part::fault(store, &visit.path, entries, || Ok(true));
        let below = if among_steps()? && is_part()?.is_none() {
            below::all(visit, key, entries, options, links)
        } else {
            Vec::new()
        };
        let sight = Sight::found(leftover(visit, options));
        return Ok(Look { sight, below });
    }
    if let Some(fault) = part::fault(store, &visit.path, entries, || visit.is_among_steps())? {
        return Ok(Sight::found(incomplete(visit, entries, fault, options)).into());
    }
    let sight = Sight::Nothing;
    let below = below::all(visit, key, entries, options, links);
    Ok(Look { sight, below })
}

/// A step that is only partly there.
fn incomplete(visit: &Visit, entries: &[store::Entry], fault: Error, options: &Options) -> Found {
    let commit = commit(visit, has_commit_file(entries), options);
    let fault = reader::locate(visit.base.store.as_ref(), fault);
    Found {
        entry: entry(visit, Kind::Unknown, commit, Content::Failed(fault)),
        recognised: None,
    }
}

/// The entries of a checkpoint that are steps of their own.
fn own_steps(
    visit: &Visit,
    entries: &[store::Entry],
    options: &Options,
) -> Result<Vec<store::Entry>> {
    let store = visit.base.store.as_ref();
    let steps = nested::steps(store, &visit.path, entries, &options.read.limits)?;
    let own = entries.iter().filter(|entry| steps.contains(&entry.name));
    Ok(own.cloned().collect())
}

/// Whether a directory that nothing makes a checkpoint is nevertheless a temporary directory of a
/// save, if commit files decide.
fn is_bare_leftover(
    visit: &Visit,
    entries: &[store::Entry],
    options: &Options,
    among_steps: impl FnOnce() -> Result<bool>,
) -> Result<bool> {
    let is_finished = commit(visit, has_commit_file(entries), options).committed;
    if is_finished || visit.link || is_link(visit) {
        return Ok(false);
    }
    Ok(names::is_temporary(visit.path.name()) || among_steps()?)
}

fn has_commit_file(entries: &[store::Entry]) -> bool {
    let mut names = entries.iter().map(|entry| entry.name.as_str());
    names.any(|name| name == names::COMMIT_SUCCESS)
}

/// Whether a base is a link, which no listing has shown.
fn is_link(visit: &Visit) -> bool {
    visit.is_base() && detect::is_link(visit.base.store.as_ref(), &visit.path)
}

/// A base that is not a directory: a checkpoint if it is a safetensors file.
///
/// # Errors
/// The error of its listing if nothing lies there; `UnknownLayout`; `Store`.
fn file(visit: &Visit, error: Error, options: &Options) -> Result<Found> {
    let found = visit
        .base
        .store
        .stat(std::slice::from_ref(&visit.path))
        .pop();
    match found.transpose()?.flatten().map(|stat| stat.kind) {
        Some(EntryKind::File) if visit.path.name().ends_with(names::SAFETENSORS_SUFFIX) => {
            Ok(checkpoint(visit, Layout::Safetensors, Vec::new(), options))
        }
        Some(EntryKind::File) => {
            let reason = "is a file, expected a directory";
            Err(Error::new(ErrorKind::UnknownLayout, reason).in_file(&visit.path))
        }
        Some(EntryKind::Directory) | None => Err(error),
    }
}

fn entry(visit: &Visit, kind: Kind, commit: Commit, content: Content) -> Entry {
    Entry {
        path: visit.base.text_of(&visit.path),
        root: Arc::clone(&visit.base.text),
        step: step::of(visit.path.name()),
        kind,
        commit,
        init_timestamp_nsecs: None,
        commit_timestamp_nsecs: None,
        fingerprint: None,
        metrics: None,
        chosen: None,
        content,
    }
}

fn leftover(visit: &Visit, options: &Options) -> Found {
    let commit = commit(visit, false, options);
    Found {
        entry: entry(visit, Kind::Temporary, commit, Content::Unread),
        recognised: None,
    }
}

fn checkpoint(
    visit: &Visit,
    layout: Layout,
    entries: Vec<store::Entry>,
    options: &Options,
) -> Found {
    let commit_file = has_commit_file(&entries);
    let commit = match layout {
        Layout::Safetensors => Commit {
            committed: true,
            temporary: false,
            reason: "safetensors files have no mark of their own".into(),
        },
        Layout::V0 | Layout::V1 => commit(visit, commit_file, options),
    };
    let kind = match layout {
        _ if !commit.committed && names::is_temporary(visit.path.name()) => Kind::Temporary,
        Layout::V1 => Kind::V1,
        Layout::V0 => Kind::V0,
        Layout::Safetensors => Kind::Safetensors,
    };
    Found {
        entry: entry(visit, kind, commit, Content::Unread),
        recognised: Some(Recognised {
            path: visit.path.clone(),
            layout,
            entries,
        }),
    }
}

fn commit(visit: &Visit, commit_file: bool, options: &Options) -> Commit {
    let facts = Facts {
        name: visit.path.name(),
        directory: true,
        link: visit.link,
        commit_file,
    };
    commit::judge(facts, options.atomicity(visit.base.store.as_ref()))
}

/// What is reported about a directory that could not be examined.
fn unreadable(visit: &Visit, error: Error, options: &Options) -> Sight {
    let gone = error.kind() == ErrorKind::NotFound && !visit.is_base();
    let name = visit.path.name();
    let (error, gone) = if gone && name.contains(char::REPLACEMENT_CHARACTER) {
        let reason = "its name is not UTF-8; it is shown with replacement characters";
        let odd = Error::new(ErrorKind::Unsupported, reason).in_file(&visit.path);
        (odd, false)
    } else if gone && visit.given {
        let reason = "was there when the scan was divided, and is not there now: it was deleted since, or \
                      this machine has something else at the path of the root";
        let missed = Error::new(ErrorKind::NotFound, reason).in_file(&visit.path);
        (missed, false)
    } else {
        (error, gone)
    };
    if gone && step::parse(name).is_none() {
        // It was there a moment ago, and nothing says that it was a checkpoint.
        return Sight::Nothing;
    }
    let by_name = commit_by_name(visit, &error, options);
    let unwanted = |commit: &Commit| !options.selection.wants_commit(commit);
    if by_name.as_ref().is_some_and(unwanted) {
        return Sight::Nothing;
    }
    let commit = by_name.unwrap_or_else(unknown_commit);
    let content = if gone {
        Content::Vanished
    } else {
        Content::Failed(reader::locate(visit.base.store.as_ref(), error))
    };
    Sight::Told(Box::new(entry(visit, Kind::Unknown, commit, content)))
}

/// Whether a step that could not be examined is finished, if its name says so. A directory without
/// such a name need not be a checkpoint at all.
fn commit_by_name(visit: &Visit, error: &Error, options: &Options) -> Option<Commit> {
    let is_step = step::of(visit.path.name()).is_some();
    let atomicity = options.atomicity(visit.base.store.as_ref());
    let says = error.kind() == ErrorKind::Store && !atomicity.needs_commit_file();
    (is_step && says && is_directory(visit)).then(|| commit(visit, false, options))
}

/// Whether what could not be listed is a directory: for a base that is not known yet.
fn is_directory(visit: &Visit) -> bool {
    let stat = || {
        visit
            .base
            .store
            .stat(std::slice::from_ref(&visit.path))
            .pop()
    };
    !visit.is_base() || matches!(stat(), Some(Ok(Some(stat))) if stat.kind == EntryKind::Directory)
}

/// Nothing is known about what could not be examined.
pub fn unknown_commit() -> Commit {
    Commit {
        committed: false,
        temporary: false,
        reason: "it could not be looked at".into(),
    }
}

/// Whether something lies at a path of a store.
pub fn exists(store: &dyn Store, path: &StorePath) -> bool {
    let found = store.stat(std::slice::from_ref(path)).pop();
    !matches!(found, Some(Ok(None)))
}
