//! Which prefixes of a root are those of steps.
//!
//! `events_2024` beside `1000` and `2000` has the form of a step's name, and a manager with the
//! prefix `events` would consider it one. If a directory with another prefix is a checkpoint and
//! none with this prefix is, there is no such manager.

use std::collections::BTreeSet;

use super::Found;
use crate::error::Result;
use crate::layout::recognise;
use crate::orbax::names;
use crate::path::StorePath;
use crate::store::Store;

/// How many directories are requested at once to find out whether one of them is a checkpoint.
const ASKED_AT_ONCE: usize = 32;

/// The distinct prefixes of the steps that can be chosen.
pub fn prefixes(found: &[Found]) -> BTreeSet<Option<&str>> {
    let steps = found.iter().filter(|found| found.is_step());
    steps.map(|found| found.prefix.as_deref()).collect()
}

/// Removes directories that only have the name of a step, if there are several prefixes and some of
/// them have a checkpoint.
///
/// # Errors
/// As [`StorePath::join`].
pub fn settled(store: &dyn Store, root: &StorePath, mut found: Vec<Found>) -> Result<Vec<Found>> {
    let prefixes = prefixes(&found);
    if prefixes.len() < 2 {
        return Ok(found);
    }
    let mut shown = BTreeSet::new();
    for prefix in prefixes {
        if any_is_checkpoint(store, root, &found, prefix)? {
            shown.insert(prefix.map(str::to_owned));
        }
    }
    if !shown.is_empty() {
        found.retain(|found| !found.is_step() || shown.contains(&found.prefix));
    }
    Ok(found)
}

/// Whether any step of a prefix is recognisably a checkpoint, the newest first. One that cannot be
/// examined may be a checkpoint.
fn any_is_checkpoint(
    store: &dyn Store,
    root: &StorePath,
    found: &[Found],
    prefix: Option<&str>,
) -> Result<bool> {
    let steps = found.iter().rev().filter(|found| found.is_step());
    let steps = steps.filter(|found| found.prefix.as_deref() == prefix);
    let steps = steps.map(|found| root.join(&found.name));
    let steps: Vec<StorePath> = steps.collect::<Result<_>>()?;
    for some in steps.chunks(ASKED_AT_ONCE) {
        let mut asked = Vec::with_capacity(some.len().saturating_mul(2));
        for step in some {
            asked.push(step.join(names::CHECKPOINT_METADATA)?);
            asked.push(step.join(names::COMMIT_SUCCESS)?);
        }
        let stats = store.stat(&asked);
        if stats.iter().any(|stat| !matches!(stat, Ok(None))) {
            return Ok(true);
        }
    }
    // Early releases wrote neither.
    let shows = |step: &StorePath| match store.list(step) {
        Ok(entries) => !matches!(recognise::layout(store, step, &entries), Ok(None)),
        Err(_) => true,
    };
    Ok(steps.iter().take(ASKED_AT_ONCE).any(shows))
}
