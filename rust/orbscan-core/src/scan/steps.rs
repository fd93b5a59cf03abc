//! What a manager root holds, in the order of its steps, without reading a tree.
//!
//! | batch | asked for |
//! |---|---|
//! | 1 | the listing of the root |
//! | 2 | `commit_success.txt` of each step, only if it decides |
//! | 3 | the listing of each wanted step, unless only names are wanted |
//! | 4 | `_CHECKPOINT_METADATA` and `metrics/metrics` of each of them, if the listing shows them |
//! | 5 | whether each checkpointable of a committed step has `_METADATA` |
//!
//! A store that knows what is expected may fetch the files of batch 4 together with batch 3.
//!
//! A root does not record how its steps are named, so all standard forms are steps: see
//! [`step_name`]. Directories that differ in more than the number are different steps, even if the
//! number is the same. A manager uses one prefix: which step is the latest of several is an error,
//! not a guess.

mod choice;
mod contents;
mod listing;
mod others;
mod root_metadata;
mod signs;

use crate::error::{Error, ErrorKind, Result, shown};
use crate::layout::below::{self, Below};
use crate::limits::Limits;
use crate::orbax::checkpoint_metadata::CheckpointMetadata;
use crate::orbax::commit::{Atomicity, Commit};
use crate::orbax::root_metadata::RootMetadata;
use crate::orbax::step_name;
use crate::path::StorePath;
use crate::reader::locate;
use crate::store::Store;
use contents::Looks;
use listing::{Listing, Reads};
use others::Beside;
pub use others::Others;

/// Steps that are listed and read at once: what a store keeps of each until then takes memory.
pub const AT_ONCE: usize = 512;

/// A directory that has the name of a step, or of a temporary directory of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its name in the root.
    pub name: String,
    /// The number in its name.
    pub step: u64,
    /// The text before the number and an underscore; `None` for a bare number.
    pub prefix: Option<String>,
    /// Whether a job would consider it finished.
    pub commit: Commit,
    /// Whether it is found under this name: a name that is not UTF-8 has replacement characters.
    pub is_named: bool,
}

impl Found {
    /// Whether it can be chosen as a step. A commit file can finish a save whose name is still
    /// temporary, but no form of a step's name matches that, and nothing reads it.
    fn is_step(&self) -> bool {
        self.commit.committed && self.is_named && step_name::parse(&self.name).is_some()
    }
}

/// What is known of a step without its trees.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its directory; the reason of its commit also says what the timestamps say.
    pub found: Found,
    /// Its timestamps and the user's metadata; empty if there are none or they cannot be read.
    pub metadata: CheckpointMetadata,
    /// The JSON text of its metrics; `None` if there are none or they cannot be read.
    pub metrics: Option<String>,
    /// The faults that were tolerated.
    pub issues: Vec<Error>,
    /// What is missing in it or cannot be read.
    pub error: Option<Error>,
}

impl Step {
    /// A step of which nothing was read.
    fn of(found: Found) -> Self {
        Self {
            found,
            metadata: CheckpointMetadata::default(),
            metrics: None,
            issues: Vec::new(),
            error: None,
        }
    }
}

/// Which prefixes of names count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Prefixes<'a> {
    /// All of them.
    #[default]
    Any,
    /// One, as `step_prefix` of a manager; `None` for bare numbers.
    Only(Option<&'a str>),
}

/// Which directories of a root are its steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scope<'a> {
    /// By their names.
    pub prefixes: Prefixes<'a>,
    /// What makes a step a finished one; `None` if the store decides.
    pub atomicity: Option<Atomicity>,
}

impl Scope<'_> {
    /// What makes a step in a store a finished one.
    fn atomicity_in(&self, store: &dyn Store) -> Atomicity {
        self.atomicity.unwrap_or_else(|| store.atomicity())
    }
}

/// Which steps are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// All committed steps, any of which can be chosen.
    Committed,
    /// The last committed step.
    Latest,
    /// The committed step with this number.
    Number(u64),
}

/// Everything that a root holds.
#[derive(Clone, Debug)]
pub struct Contents {
    /// Its steps, by number and then by name.
    pub steps: Vec<Step>,
    /// Its other checkpoints.
    pub others: Others,
}

/// Reads everything that a root holds.
///
/// A step that is damaged or incomplete has an error; only what concerns the root as a whole fails.
///
/// # Errors
/// `NotFound` if the root does not exist; `UnknownLayout` if it is a file, or itself a checkpoint in
/// which there is no step; `Store`. All name the root.
pub fn list(
    store: &dyn Store,
    root: &StorePath,
    scope: Scope<'_>,
    limits: &Limits,
) -> Result<Contents> {
    let read = || {
        let listed = listing::list(store, root, scope, None, Reads::Contents)?;
        let found = signs::settled(store, root, listed.found)?;
        let beside = Beside::of(root, listed.others);
        let looks = Looks::at(store, root, &found, &beside.listed(), limits)?;
        Ok(Contents {
            steps: looks.without_gone().steps(store, limits, true),
            others: beside.look(store),
        })
    };
    read().map_err(|error: Error| locate(store, error.in_file(root)))
}

/// What a root holds according to names: no step is read, and no other directory is examined.
///
/// # Errors
/// As [`list`].
pub fn names(store: &dyn Store, root: &StorePath, scope: Scope<'_>) -> Result<Contents> {
    let read = || {
        let listed = listing::list(store, root, scope, None, Reads::Names)?;
        let found = signs::settled(store, root, listed.found)?;
        Ok(Contents {
            steps: found.into_iter().map(Step::of).collect(),
            others: Beside::of(root, listed.others).unseen(),
        })
    };
    read().map_err(|error: Error| locate(store, error.in_file(root)))
}

/// Reads the wanted steps of a root, by number and then by name.
///
/// # Errors
/// As [`find`].
pub fn read(
    store: &dyn Store,
    root: &StorePath,
    wanted: Wanted,
    scope: Scope<'_>,
    limits: &Limits,
) -> Result<Vec<Step>> {
    let found = chosen(store, root, wanted, scope, Reads::Contents)?;
    let looks = Looks::at(store, root, &found, &[], limits);
    let looks = looks.map_err(|error| locate(store, error))?;
    Ok(looks.steps(store, limits, false))
}

/// Finds the wanted steps of a root by their names, by number and then by name; exactly one if a
/// single one is wanted.
///
/// # Errors
/// In addition to those of [`list`], `NotFound` if there is no such step; `Uncommitted` if there
/// is, but none that is finished; `UnknownLayout` if two directories have the wanted number, or if
/// the latest one or all committed ones are wanted and their prefixes differ. All name the root.
pub fn find(
    store: &dyn Store,
    root: &StorePath,
    wanted: Wanted,
    scope: Scope<'_>,
) -> Result<Vec<Found>> {
    chosen(store, root, wanted, scope, Reads::Names)
}

/// As [`find`]; says what is read of the steps.
fn chosen(
    store: &dyn Store,
    root: &StorePath,
    wanted: Wanted,
    scope: Scope<'_>,
    reads: Reads,
) -> Result<Vec<Found>> {
    let find = || {
        let Listing {
            found,
            others,
            prefixes,
        } = listing::list(store, root, scope, Some(wanted), reads)?;
        let found = if choice::is_clear(&found, wanted) {
            found
        } else {
            signs::settled(store, root, found)?
        };
        let chosen = match wanted {
            Wanted::Committed => choice::committed(found),
            Wanted::Latest => choice::latest(found).map(|step| vec![step]),
            Wanted::Number(number) => choice::numbered(found, number).map(|step| vec![step]),
        };
        chosen.map_err(|error| match error.kind() {
            ErrorKind::NotFound => match scope.prefixes {
                Prefixes::Only(prefix) => error.with_remark(&choice::not_of(prefix, &prefixes)),
                Prefixes::Any => {
                    let beside = others::look(store, root, others.clone());
                    if prefixes.is_empty() && beside.names.is_empty() {
                        below::look(store, root, &others).add_to(error, store, root)
                    } else {
                        with_others(error, &beside)
                    }
                }
            },
            _ => error,
        })
    };
    find().map_err(|error: Error| locate(store, error.in_file(root)))
}

/// Searches one level below a directory that is not a directory of steps for where they are.
///
/// # Errors
/// As [`list`], except for what lies in it.
pub fn below(store: &dyn Store, root: &StorePath) -> Result<Below> {
    let entries = listing::children(store, root);
    let entries = entries.map_err(|error| locate(store, error))?;
    Ok(below::look(store, root, &entries))
}

/// Checks that something with this name lies in a root, whatever it is.
///
/// # Errors
/// `NotFound` if there is nothing, or no root; says what there is. `Malformed` if it cannot be a
/// name.
pub fn check_name(store: &dyn Store, root: &StorePath, name: &str) -> Result<()> {
    let check = || {
        let path = root.join(name)?;
        if store.stat(&[path]).pop().transpose()?.flatten().is_some() {
            return Ok(());
        }
        let scope = Scope::default();
        let Listing { found, others, .. } = listing::list(store, root, scope, None, Reads::Names)?;
        let error = choice::no_such_name(name, &found);
        Err(with_others(error, &others::look(store, root, others)))
    };
    check().map_err(|error: Error| locate(store, error.in_file(root)))
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
    root_metadata::read(store, root, limits).map_err(|error| locate(store, error))
}

/// Adds to the error about a root what it holds besides steps.
fn with_others(error: Error, others: &Others) -> Error {
    if others.names.is_empty() {
        return error;
    }
    let names = shown(&others.names);
    error.with_remark(&format!("; other checkpoints in it: {names}"))
}

#[cfg(test)]
mod tests;
