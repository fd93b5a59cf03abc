//! The directories of a root, distinguished by their names.

use std::collections::BTreeSet;

use super::{AT_ONCE, Found, Prefixes, Scope, Wanted};
use crate::error::{Error, ErrorKind, Result};
use crate::layout::root::has;
use crate::layout::{detect, nested, part, recognise, refusal};
use crate::limits::Limits;
use crate::orbax::commit::{self, Atomicity, Facts};
use crate::orbax::step_name::StepName;
use crate::orbax::{names, step_name};
use crate::path::StorePath;
use crate::record::Layout;
use crate::store::{Bytes, Entry, EntryKind, Store};

/// The replacement for bytes of a name that are not UTF-8.
const MARK: char = char::REPLACEMENT_CHARACTER;

/// The listing of a root.
pub struct Listing {
    /// The directories that have names of steps with a wanted prefix, or names of temporary
    /// directories of such steps, by number and then by name.
    pub found: Vec<Found>,
    /// All other directories, in no particular order. Empty if the root is itself a checkpoint:
    /// they are parts of it.
    pub others: Vec<Entry>,
    /// The prefixes of all directories that have names of steps.
    pub prefixes: BTreeSet<Option<String>>,
}

/// What is read of the steps of a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// Nothing.
    Names,
    /// What is known of each step without its trees.
    Contents,
}

/// The number and the prefix in the name of a directory, and the directory.
type Numbered = (u64, Option<String>, Entry);

/// Lists a root. For the wanted steps it says whether they are committed, also if that depends on a
/// file in each; for the others perhaps not. `None` means that all are wanted. `Reads` says whether
/// they are read next.
///
/// # Errors
/// `NotFound`; `UnknownLayout` if it is a file, or itself a checkpoint in which there is no step;
/// `Store`.
pub fn list(
    store: &dyn Store,
    root: &StorePath,
    scope: Scope<'_>,
    wanted: Option<Wanted>,
    reads: Reads,
) -> Result<Listing> {
    let entries = children(store, root)?;
    let is_numbered =
        |entry: &Entry| entry.kind == EntryKind::Directory && name_of(entry).is_some();
    let has_numbered = entries.iter().any(is_numbered);
    let own = own_checkpoint(store, root, &entries, has_numbered)?;
    if own.is_none() && !has_numbered {
        refuse_part(store, root, &entries, scope)?;
    }
    let directories = entries
        .iter()
        .filter(|entry| entry.kind == EntryKind::Directory);
    let mut numbered: Vec<Numbered> = Vec::new();
    let mut others = Vec::new();
    for entry in directories {
        let name = name_of(entry);
        match name.map(|name| (name.step, name.prefix.map(str::to_owned))) {
            Some((step, prefix)) => numbered.push((step, prefix, entry.clone())),
            None => others.push(entry.clone()),
        }
    }
    if let Some(why) = own {
        let steps = nested::steps(store, root, &entries, &Limits::default())?;
        if steps.is_empty() {
            return Err(checkpoint(&why));
        }
        numbered.retain(|(_, _, entry)| steps.contains(&entry.name));
        others.clear();
    }
    let prefixes = numbered.iter().map(|(_, prefix, _)| prefix.clone());
    let prefixes = prefixes.collect();
    if let Prefixes::Only(wanted) = scope.prefixes {
        numbered.retain(|(_, prefix, _)| prefix.as_deref() == wanted);
    }
    numbered.sort_unstable_by(|(a, _, left), (b, _, right)| (a, &left.name).cmp(&(b, &right.name)));
    let found = judged(store, root, numbered, scope, wanted, reads)?;
    Ok(Listing {
        found,
        others,
        prefixes,
    })
}

/// The name of a step, or of a temporary directory of a step.
fn name_of(entry: &Entry) -> Option<StepName<'_>> {
    step_name::parse(&entry.name).or_else(|| step_name::parse_unfinished(&entry.name))
}

/// The error for a root that is itself a checkpoint.
fn checkpoint(why: &str) -> Error {
    let reason = format!("is itself a checkpoint, not a directory of steps: {why}");
    Error::new(ErrorKind::UnknownLayout, reason)
}

/// The entries of the root. A file in its place does not count as missing.
///
/// # Errors
/// `NotFound`, `UnknownLayout`, `Store`.
pub fn children(store: &dyn Store, root: &StorePath) -> Result<Vec<Entry>> {
    store.list(root).map_err(|error| {
        let mut found = store.stat(std::slice::from_ref(root));
        match (error.kind(), found.pop()) {
            (ErrorKind::NotFound, Some(Ok(Some(_)))) => {
                let reason = "is a file, expected a directory of steps";
                Error::new(ErrorKind::UnknownLayout, reason).in_file(root)
            }
            _ => error.in_file(root),
        }
    })
}

/// The answer, or `None` if there is no such file.
///
/// # Errors
/// Those of the answer.
pub fn unless_missing(answer: Result<Bytes>) -> Result<Option<Bytes>> {
    match answer {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Why the root is itself a checkpoint, if it is one. What lies below a directory of safetensors
/// files is not a part of it.
fn own_checkpoint(
    store: &dyn Store,
    root: &StorePath,
    entries: &[Entry],
    has_numbered: bool,
) -> Result<Option<String>> {
    match recognise::layout(store, root, entries)? {
        None => return Ok(None),
        Some(Layout::Safetensors) if has_numbered => return Ok(None),
        Some(_) => {}
    }
    let markers = [
        names::V1_MARKER,
        names::CHECKPOINT_METADATA,
        names::TREE_METADATA,
    ];
    let marker = markers.into_iter().find(|marker| has(entries, marker));
    let why = marker.map_or_else(
        || "it holds one without a file that says so".to_owned(),
        |marker| format!("it has {marker}"),
    );
    Ok(Some(why))
}

/// Refuses a part of a checkpoint, a temporary directory of a save, and a step that is only partly
/// there: none of them contains checkpoints. Called only if there are no steps.
///
/// # Errors
/// `Uncommitted`; `UnknownLayout`; `Store`.
fn refuse_part(
    store: &dyn Store,
    root: &StorePath,
    entries: &[Entry],
    scope: Scope<'_>,
) -> Result<()> {
    let by_name = !scope.atomicity_in(store).needs_commit_file();
    if recognise::is_leftover(root.name(), false, by_name) && !detect::is_link(store, root) {
        let reason = "is what a save left behind, not a directory of steps";
        return Err(Error::new(ErrorKind::Uncommitted, reason));
    }
    if detect::is_inside(store, root)? {
        return Err(refusal::inside_checkpoint(store, root, entries));
    }
    part::fault_of(store, root, entries)?.map_or(Ok(()), Err)
}

/// Determines for each directory whether a job would consider it finished.
fn judged(
    store: &dyn Store,
    root: &StorePath,
    numbered: Vec<Numbered>,
    scope: Scope<'_>,
    wanted: Option<Wanted>,
    reads: Reads,
) -> Result<Vec<Found>> {
    let paths = numbered.iter().map(|(_, _, entry)| root.join(&entry.name));
    let paths: Vec<StorePath> = paths.collect::<Result<_>>()?;
    let prefixes: BTreeSet<Option<&str>> = numbered
        .iter()
        .map(|(_, prefix, _)| prefix.as_deref())
        .collect();
    // If there are several prefixes, any step may show which one is meant.
    let commit_files = match wanted {
        Some(Wanted::Latest) if prefixes.len() == 1 => {
            last_commit_file(store, &paths, scope, reads)?
        }
        Some(Wanted::Number(number)) => {
            let is_wanted = numbered.iter().map(|(step, ..)| *step == number).collect();
            some_commit_files(store, &paths, is_wanted, scope, reads)?
        }
        _ => commit_files(store, &paths, scope, reads)?,
    };
    let named = named(store, &paths);
    let atomicity = scope.atomicity_in(store);
    let found = numbered.into_iter().zip(commit_files).zip(named);
    let found = found.map(|(((step, prefix, entry), commit_file), is_named)| {
        let facts = Facts {
            name: &entry.name,
            directory: true,
            link: entry.link,
            commit_file,
        };
        Found {
            commit: commit::judge(facts, atomicity),
            name: entry.name,
            step,
            prefix,
            is_named,
        }
    });
    Ok(found.collect())
}

/// As [`commit_files`], for those that are wanted; false for the others.
fn some_commit_files(
    store: &dyn Store,
    paths: &[StorePath],
    mut is_wanted: Vec<bool>,
    scope: Scope<'_>,
    reads: Reads,
) -> Result<Vec<bool>> {
    let wanted = paths.iter().zip(&is_wanted).filter(|(_, wanted)| **wanted);
    let wanted: Vec<StorePath> = wanted.map(|(path, _)| path.clone()).collect();
    let mut answers = commit_files(store, &wanted, scope, reads)?.into_iter();
    for wanted in is_wanted.iter_mut().filter(|wanted| **wanted) {
        *wanted = answers.next().unwrap_or(false);
    }
    Ok(is_wanted)
}

/// As [`commit_files`], but without requests for those before the last one that has it: that is one
/// request, or a few if saves are in progress.
fn last_commit_file(
    store: &dyn Store,
    paths: &[StorePath],
    scope: Scope<'_>,
    reads: Reads,
) -> Result<Vec<bool>> {
    let mut found = vec![false; paths.len()];
    let mut end = paths.len();
    let mut asked_at_once = 1_usize;
    let by_name = scope.atomicity_in(store) != Atomicity::CommitFile;
    while end > 0 {
        let begin = end.saturating_sub(asked_at_once);
        let some = paths.get(begin..end).unwrap_or_default();
        // If there are several, at most one of them is read.
        let reads = if some.len() == 1 { reads } else { Reads::Names };
        let answers = commit_files(store, some, scope, reads)?;
        // A step whose name is still temporary is not chosen, finished or not.
        let mut own = some.iter().zip(&answers);
        let has_one =
            own.any(|(path, has)| (*has || by_name) && step_name::parse(path.name()).is_some());
        if let Some(own) = found.get_mut(begin..end) {
            own.copy_from_slice(&answers);
        }
        if has_one {
            break;
        }
        end = begin;
        asked_at_once = asked_at_once.saturating_mul(16);
    }
    Ok(found)
}

/// Whether each of the directories has a `commit_success.txt`; no request is made if it does not
/// matter.
fn commit_files(
    store: &dyn Store,
    paths: &[StorePath],
    scope: Scope<'_>,
    reads: Reads,
) -> Result<Vec<bool>> {
    if !scope.atomicity_in(store).needs_commit_file() {
        return Ok(vec![false; paths.len()]);
    }
    let mut found = Vec::with_capacity(paths.len());
    for paths in paths.chunks(AT_ONCE) {
        expect(store, paths, &[], reads)?;
        let files = paths.iter().map(|path| path.join(names::COMMIT_SUCCESS));
        let files: Vec<StorePath> = files.collect::<Result<_>>()?;
        for stat in store.stat(&files) {
            found.push(stat?.is_some());
        }
    }
    Ok(found)
}

/// Announces to a store which steps are listed next, and what else; and what is read of the steps.
///
/// # Errors
/// As [`StorePath::join`].
pub fn expect(
    store: &dyn Store,
    steps: &[StorePath],
    others: &[StorePath],
    reads: Reads,
) -> Result<()> {
    let mut files = Vec::new();
    if reads == Reads::Contents {
        for step in steps {
            files.push(step.join(names::CHECKPOINT_METADATA)?);
            files.push(step.join(names::METRICS)?.join(names::METRICS)?);
        }
    }
    store.expect(&[steps, others].concat(), &files);
    Ok(())
}

/// Whether each name really is that of its directory. If it is not UTF-8, the listing has a
/// replacement character in it, and nothing is found under such a name.
fn named(store: &dyn Store, paths: &[StorePath]) -> Vec<bool> {
    let is_named = |path: &StorePath| {
        if !path.name().contains(MARK) {
            return true;
        }
        let found = store.stat(std::slice::from_ref(path)).pop();
        !matches!(found, Some(Ok(None)))
    };
    paths.iter().map(is_named).collect()
}
