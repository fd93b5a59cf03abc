//! What a manager root holds, in the order of its steps: no tree is read.
//!
//! | wave | asked for |
//! |---|---|
//! | 1 | the listing of the root |
//! | 2 | `commit_success.txt` of each step, only where it decides |
//! | 3 | `_CHECKPOINT_METADATA` and `metrics/metrics` of each step that is wanted |
//!
//! Nothing at a root says how its steps are named, so all standard forms are steps: see
//! [`step_name`]. Directories that differ in more than the number are different steps, also if the
//! number is the same.

use crate::error::{Error, ErrorKind, Result, shown};
use crate::layout::header;
use crate::limits::Limits;
use crate::orbax::checkpoint_metadata::CheckpointMetadata;
use crate::orbax::commit::{self, Atomicity, Commit, Facts};
use crate::orbax::root_metadata::{self, RootMetadata};
use crate::orbax::{metrics, names, step_name};
use crate::path::StorePath;
use crate::reader::locate;
use crate::store::{Bytes, Entry, EntryKind, Store, Want};

/// A directory whose name says that it holds a step, or what a save of one left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its name in the root.
    pub name: String,
    /// The number in its name.
    pub step: u64,
    /// Whether a job would take it for finished.
    pub commit: Commit,
}

impl Found {
    /// Whether it can be chosen as a step. A commit file can finish a save whose name is still
    /// temporary, but no form of a step's name matches that, and nothing reads it.
    fn is_step(&self) -> bool {
        self.commit.committed && step_name::parse(&self.name).is_some()
    }
}

/// What is known of a step without its trees.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its directory; the reason of its commit also says what the timestamps do.
    pub found: Found,
    /// Its timestamps and the user's metadata; empty if there is none or it cannot be read.
    pub metadata: CheckpointMetadata,
    /// The JSON text of the object of its metrics; `None` if there are none or they cannot be read.
    pub metrics: Option<String>,
    /// What was tolerated.
    pub issues: Vec<Error>,
    /// Why a part of this is missing.
    pub error: Option<Error>,
}

/// Which steps are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wanted {
    /// All of them.
    #[default]
    All,
    /// Those that are committed, and of which any can be chosen.
    Committed,
    /// The last one that is committed.
    Latest,
    /// The committed one of this number.
    Number(u64),
}

/// Reads the steps of a root, sorted by number and then by name.
///
/// A step that is damaged carries its error; only what concerns the root as a whole fails.
///
/// # Errors
/// As [`find`].
pub fn read(
    store: &dyn Store,
    root: &StorePath,
    wanted: Wanted,
    atomicity: Atomicity,
    limits: &Limits,
) -> Result<Vec<Step>> {
    let found = find(store, root, wanted, atomicity)?;
    let steps = contents(store, root, found, limits);
    steps.map_err(|error| locate(store, error))
}

/// Finds the steps of a root by their names, sorted by number and then by name. Exactly one, if a
/// single one is wanted.
///
/// # Errors
/// `NotFound` if the root does not exist or has no such step; `Uncommitted` if it has, but none
/// that is finished; `UnknownLayout` if the root is a file or itself a checkpoint, or two
/// directories are the step of the number asked for; `Store`. All name the root.
pub fn find(
    store: &dyn Store,
    root: &StorePath,
    wanted: Wanted,
    atomicity: Atomicity,
) -> Result<Vec<Found>> {
    let found = list(store, root, atomicity).and_then(|found| match wanted {
        Wanted::All => Ok(found),
        Wanted::Committed => Ok(found.into_iter().filter(Found::is_step).collect()),
        Wanted::Latest => latest(found).map(|step| vec![step]),
        Wanted::Number(number) => numbered(found, number).map(|step| vec![step]),
    });
    found.map_err(|error| locate(store, error.in_file(root)))
}

/// Reads what the user of the manager stored about all steps; empty if there is nothing.
///
/// # Errors
/// `NotFound` if the root does not exist; `Malformed`; `Limit`; `Store`.
pub fn read_root_metadata(
    store: &dyn Store,
    root: &StorePath,
    limits: &Limits,
) -> Result<RootMetadata> {
    root_metadata(store, root, limits).map_err(|error| locate(store, error))
}

fn root_metadata(store: &dyn Store, root: &StorePath, limits: &Limits) -> Result<RootMetadata> {
    let directory = root.join(names::ROOT_METADATA_DIRECTORY)?;
    let mut wants = Vec::new();
    for name in [names::ROOT_METADATA, names::LEGACY_ROOT_METADATA] {
        wants.push(Want::whole(
            directory.join(name)?,
            limits.max_document_bytes,
        ));
    }
    for (want, answer) in wants.iter().zip(store.fetch(&wants)) {
        if let Some(bytes) = unless_missing(answer)? {
            let decoded = root_metadata::decode(&bytes, limits);
            return decoded.map_err(|error| error.in_file(&want.path));
        }
    }
    // To say that there is nothing is right only of a root that is there.
    children(store, root).map(|_| RootMetadata::default())
}

/// What is in the root. A file in its place is no missing one.
fn children(store: &dyn Store, root: &StorePath) -> Result<Vec<Entry>> {
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

/// The steps by name, in order.
fn list(store: &dyn Store, root: &StorePath, atomicity: Atomicity) -> Result<Vec<Found>> {
    let entries = children(store, root)?;
    let own = [
        names::V1_MARKER,
        names::CHECKPOINT_METADATA,
        names::TREE_METADATA,
    ];
    if let Some(entry) = entries
        .iter()
        .find(|entry| own.contains(&entry.name.as_str()))
    {
        let reason = format!(
            "is itself a checkpoint, not a directory of steps: it has {}",
            entry.name
        );
        return Err(Error::new(ErrorKind::UnknownLayout, reason));
    }
    let mut numbered: Vec<(u64, Entry)> = Vec::new();
    for entry in entries {
        if entry.kind == EntryKind::Directory {
            let name =
                step_name::parse(&entry.name).or_else(|| step_name::parse_unfinished(&entry.name));
            if let Some(step) = name.map(|name| name.step) {
                numbered.push((step, entry));
            }
        }
    }
    numbered.sort_unstable_by(|(a, left), (b, right)| (a, &left.name).cmp(&(b, &right.name)));
    let commit_files = commit_files(store, root, &numbered, atomicity)?;
    let found = numbered
        .into_iter()
        .zip(commit_files)
        .map(|((step, entry), commit_file)| {
            let facts = Facts {
                name: &entry.name,
                directory: true,
                link: entry.link,
                commit_file,
            };
            let commit = commit::judge(facts, atomicity);
            Found {
                name: entry.name,
                step,
                commit,
            }
        });
    Ok(found.collect())
}

/// Whether each of the directories has a `commit_success.txt`; not asked where it does not matter.
fn commit_files(
    store: &dyn Store,
    root: &StorePath,
    entries: &[(u64, Entry)],
    atomicity: Atomicity,
) -> Result<Vec<bool>> {
    if !atomicity.needs_commit_file() {
        return Ok(vec![false; entries.len()]);
    }
    let paths = entries
        .iter()
        .map(|(_, entry)| root.join(&entry.name)?.join(names::COMMIT_SUCCESS));
    let paths: Vec<StorePath> = paths.collect::<Result<_>>()?;
    let stats = store.stat(&paths).into_iter();
    stats.map(|stat| stat.map(|stat| stat.is_some())).collect()
}

/// The committed step of the greatest number; of several the one whose name comes last, as in Orbax.
fn latest(mut found: Vec<Found>) -> Result<Found> {
    match found.iter().rposition(Found::is_step) {
        Some(at) => Ok(found.swap_remove(at)),
        None => Err(nothing_committed("has no committed step", &found)),
    }
}

/// The committed step of a number. Which of several is meant nobody can tell.
fn numbered(found: Vec<Found>, number: u64) -> Result<Found> {
    let range = span(&found);
    let of_number = found.into_iter().filter(|step| step.step == number);
    let (mut committed, others): (Vec<Found>, Vec<Found>) = of_number.partition(Found::is_step);
    match (committed.pop(), committed.is_empty()) {
        (Some(only), true) => Ok(only),
        (Some(last), false) => {
            committed.push(last);
            let names = shown(
                &committed
                    .into_iter()
                    .map(|step| step.name)
                    .collect::<Vec<_>>(),
            );
            let reason = format!(
                "has several directories of step {number}: give the path of one of {names}"
            );
            Err(Error::new(ErrorKind::UnknownLayout, reason))
        }
        (None, _) if others.is_empty() => {
            let reason = format!("has no step {number}{range}");
            Err(Error::new(ErrorKind::NotFound, reason))
        }
        (None, _) => Err(nothing_committed(
            &format!("has no committed step {number}"),
            &others,
        )),
    }
}

/// What numbers there are, for the message that another is not among them.
fn span(found: &[Found]) -> String {
    let committed = || found.iter().filter(|step| step.is_step());
    match (committed().next(), committed().next_back()) {
        (Some(first), Some(last)) if first.step == last.step => format!(", only {}", first.step),
        (Some(first), Some(last)) => {
            let count = committed().count();
            format!(", but {count} others from {} to {}", first.step, last.step)
        }
        _ => String::new(),
    }
}

fn nothing_committed(what: &str, uncommitted: &[Found]) -> Error {
    let Some(last) = uncommitted.last() else {
        return Error::new(ErrorKind::NotFound, what);
    };
    let why = if last.commit.committed {
        "its name is temporary"
    } else {
        &last.commit.reason
    };
    let reason = format!("{what}; {:?} is none: {why}", last.name);
    Error::new(ErrorKind::Uncommitted, reason)
}

/// The last wave, answered.
fn contents(
    store: &dyn Store,
    root: &StorePath,
    found: Vec<Found>,
    limits: &Limits,
) -> Result<Vec<Step>> {
    let mut wants = Vec::with_capacity(found.len().saturating_mul(2));
    for step in &found {
        let directory = root.join(&step.name)?;
        for file in [
            directory.join(names::CHECKPOINT_METADATA)?,
            directory.join(names::METRICS)?.join(names::METRICS)?,
        ] {
            wants.push(Want::whole(file, limits.max_document_bytes));
        }
    }
    let mut answers = store.fetch(&wants).into_iter();
    let mut files = wants.iter().map(|want| &want.path);
    let mut steps = Vec::with_capacity(found.len());
    for step in found {
        let mut next = || Some((files.next()?, answers.next()?));
        // Two wants were made of each step, so there are two answers.
        if let (Some(header), Some(metrics)) = (next(), next()) {
            steps.push(read_step(store, step, header, metrics, limits));
        }
    }
    Ok(steps)
}

type Answer<'a> = (&'a StorePath, Result<Bytes>);

fn read_step(
    store: &dyn Store,
    mut found: Found,
    (header_file, header_answer): Answer<'_>,
    (metrics_file, metrics_answer): Answer<'_>,
    limits: &Limits,
) -> Step {
    let mut errors = Vec::new();
    let read = header::decode(header_answer, header_file, limits);
    let (metadata, mut issues) = read.unwrap_or_else(|error| {
        errors.push(error);
        Default::default()
    });
    let decoded = unless_missing(metrics_answer).and_then(|bytes| {
        bytes
            .map(|bytes| metrics::decode(&bytes, limits))
            .transpose()
    });
    let metrics = decoded.unwrap_or_else(|error| {
        errors.push(error.in_file(metrics_file));
        None
    });
    let (begun, ended) = (
        metadata.init_timestamp_nsecs,
        metadata.commit_timestamp_nsecs,
    );
    found.commit = found.commit.beside(begun, ended);
    let mut errors = errors.into_iter().map(|error| locate(store, error));
    let error = errors.next();
    issues = issues
        .into_iter()
        .map(|issue| locate(store, issue))
        .collect();
    issues.extend(errors);
    Step {
        found,
        metadata,
        metrics,
        issues,
        error,
    }
}

fn unless_missing(answer: Result<Bytes>) -> Result<Option<Bytes>> {
    match answer {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
