//! The checkpoints in a directory that is not a checkpoint itself, and one level below it:
//! suggestions for an error message.

use super::root::{directories, has};
use super::step;
use crate::error::{Advice, counted, shown};
use crate::error::{Error, Result};
use crate::orbax::{names, step_name};
use crate::path::StorePath;
use crate::store::{Entry, Store};

/// The most directories that are searched for checkpoints to suggest.
const LOOKED_INTO: usize = 32;

/// The most directories of steps that an error lists.
const RUNS_SHOWN: usize = 5;

/// The steps of one prefix in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Steps {
    /// Their number.
    pub count: usize,
    /// The name of the first, by number.
    pub first: String,
    /// The name of the last.
    pub last: String,
}

impl Steps {
    /// The steps among names; `None` if there are none, or if their prefixes differ, so that none
    /// can be called the latest.
    pub fn among(names: &[String]) -> Option<Self> {
        let mut steps: Vec<(u64, Option<&str>, &str)> = Vec::new();
        for name in names {
            if let Some((prefix, number)) = step::parse(name) {
                steps.push((number, prefix, name));
            }
        }
        steps.sort_unstable_by_key(|(number, ..)| *number);
        let (&(_, prefix, first), &(_, _, last)) = (steps.first()?, steps.last()?);
        let same = steps.iter().all(|(_, each, _)| *each == prefix);
        same.then(|| Self {
            count: steps.len(),
            first: first.to_owned(),
            last: last.to_owned(),
        })
    }

    /// Their number, and the first and the last: `220 steps (0 to 2190)`.
    pub fn told(&self) -> String {
        let count = counted(self.count, "step", "steps");
        if self.count == 1 {
            return format!("{count} ({})", self.first);
        }
        format!("{count} ({} to {})", self.first, self.last)
    }
}

/// What lies one level below a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Below {
    /// The names of directories of steps, and their steps.
    pub runs: Vec<(String, Steps)>,
    /// The names of checkpoints, and of directories of checkpoints whose names are not those of
    /// steps.
    pub checkpoints: Vec<String>,
}

impl Below {
    /// Adds to an error where the steps or checkpoints are.
    #[must_use]
    pub fn add_to(&self, error: Error, store: &dyn Store, path: &StorePath) -> Error {
        match self.runs.as_slice() {
            [] if self.checkpoints.is_empty() => error,
            [] => error.with_remark(&format!(
                "; checkpoints below it: {}",
                shown(&self.checkpoints)
            )),
            [(name, steps)] => {
                let remark = format!("; its directory {name:?} has {}", steps.told());
                let error = error.with_remark(&remark);
                match path.join(name) {
                    Ok(run) => error.advising(Advice::StepOf(store.locate(&run))),
                    Err(_) => error,
                }
            }
            runs => {
                let one = |(name, steps): &(String, Steps)| format!("{name:?}: {}", steps.told());
                let mut listed: Vec<String> = runs.iter().take(RUNS_SHOWN).map(one).collect();
                let more = runs.len().saturating_sub(listed.len());
                if more > 0 {
                    listed.push(format!("{more} more"));
                }
                let remark = format!("; directories of steps in it: {}", listed.join(", "));
                error.with_remark(&remark).advising(Advice::StepOfOne)
            }
        }
    }
}

/// Searches one level below a directory. The result is only a suggestion, so errors on the way are
/// ignored, and the search is bounded.
pub fn look(store: &dyn Store, path: &StorePath, entries: &[Entry]) -> Below {
    let markers = [
        names::CHECKPOINT_METADATA,
        names::TREE_METADATA,
        names::AGGREGATE,
    ];
    let mut below = Below::default();
    let mut children = directories(entries);
    children.retain(|name| !names::is_reserved(name));
    children.sort_unstable_by(|a, b| step_name::natural(a, b));
    for name in children.into_iter().take(LOOKED_INTO) {
        let Ok(child) = path.join(name) else {
            continue;
        };
        let Ok(entries) = store.list(&child) else {
            continue;
        };
        if markers.iter().any(|marker| has(&entries, marker)) {
            below.checkpoints.push(name.to_owned());
            continue;
        }
        let with =
            |wanted: &[&str]| directories_with(store, &child, &entries, wanted).unwrap_or_default();
        if let Some(steps) = Steps::among(&with(&[names::CHECKPOINT_METADATA])) {
            below.runs.push((name.to_owned(), steps));
        } else if !with(&markers).is_empty() {
            below.checkpoints.push(name.to_owned());
        }
    }
    below
}

/// The child directories that have one of the named entries, sorted.
///
/// # Errors
/// `Store`.
pub fn directories_with(
    store: &dyn Store,
    path: &StorePath,
    entries: &[Entry],
    wanted: &[&str],
) -> Result<Vec<String>> {
    let directories = directories(entries);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn told(names: &[&str]) -> Option<String> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        Steps::among(&names).map(|steps| steps.told())
    }

    #[test]
    fn steps_are_told_by_their_numbers() {
        for (names, expected) in [
            (&["0", "10", "100", "9"][..], Some("4 steps (0 to 100)")),
            (&["7"], Some("1 step (7)")),
            (&["step_10", "step_9"], Some("2 steps (step_9 to step_10)")),
            (&["best", "7"], Some("1 step (7)")),
            (&["step_1", "2"], None),
            (&["best"], None),
            (&["7.orbax-checkpoint-tmp"], None),
        ] {
            assert_eq!(told(names).as_deref(), expected, "{names:?}");
        }
    }
}
