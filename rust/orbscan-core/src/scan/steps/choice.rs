//! Which of the steps of a root is chosen, and why none is.

use std::collections::{BTreeMap, BTreeSet};

use super::{Found, Wanted, signs};
use crate::error::{Error, ErrorKind, Result, shown};
use crate::orbax::step_name;

/// The most prefixes that an error lists.
const PREFIXES_SHOWN: usize = 10;

/// Whether names alone determine the step: a number that only one directory has, whatever its
/// prefix.
pub fn is_clear(found: &[Found], wanted: Wanted) -> bool {
    let Wanted::Number(number) = wanted else {
        return false;
    };
    let steps = found.iter().filter(|found| found.is_step());
    steps.filter(|found| found.step == number).count() < 2
}

/// All committed steps, of which there is at least one.
///
/// # Errors
/// `NotFound`, `Uncommitted`; `UnknownLayout` if their prefixes differ.
pub fn committed(mut found: Vec<Found>) -> Result<Vec<Found>> {
    of_one_prefix(&found)?;
    if !found.iter().any(Found::is_step) {
        return Err(nothing_committed("has no committed step", &found));
    }
    found.retain(Found::is_step);
    Ok(found)
}

/// The committed step with the greatest number; of several the one whose name is last, as in Orbax.
///
/// # Errors
/// As [`committed`].
pub fn latest(mut found: Vec<Found>) -> Result<Found> {
    of_one_prefix(&found)?;
    match found.iter().rposition(Found::is_step) {
        Some(at) => Ok(found.swap_remove(at)),
        None => Err(nothing_committed("has no committed step", &found)),
    }
}

/// The committed step with a number. If there are several, it is ambiguous.
///
/// # Errors
/// `NotFound`, `Uncommitted`; `UnknownLayout` if there are several.
pub fn numbered(found: Vec<Found>, number: u64) -> Result<Found> {
    let range = span(&found);
    let of_number = found.into_iter().filter(|step| step.step == number);
    let (mut committed, others): (Vec<Found>, Vec<Found>) = of_number.partition(Found::is_step);
    match (committed.pop(), committed.is_empty()) {
        (Some(only), true) => Ok(only),
        (Some(last), false) => {
            committed.push(last);
            let names: Vec<String> = committed.into_iter().map(|step| step.name).collect();
            let names = shown(&names);
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

/// The error for a name under which nothing lies.
pub fn no_such_name(name: &str, found: &[Found]) -> Error {
    let mut reason = format!("has nothing called {name:?}");
    let number = step_name::parse(name).map(|name| name.step);
    let same = found.iter().find(|found| Some(found.step) == number);
    if let Some(same) = same.filter(|same| same.is_step()) {
        reason.push_str(&format!("; step {} is {:?}", same.step, same.name));
    } else {
        let count = found.iter().filter(|found| found.is_step()).count();
        let (first, last) = ends(found);
        match (count, first, last) {
            (0, ..) | (_, None, _) | (_, _, None) => {}
            (1, Some(only), _) => reason.push_str(&format!("; its only step is {:?}", only.name)),
            (_, Some(first), Some(last)) => {
                let ends = format!("from {:?} to {:?}", first.name, last.name);
                reason.push_str(&format!("; it has {count} steps, {ends}"));
            }
        }
    }
    Error::new(ErrorKind::NotFound, reason)
}

/// The words to add if nothing with a prefix is found: which prefixes there are.
pub fn not_of(wanted: Option<&str>, prefixes: &BTreeSet<Option<String>>) -> String {
    if prefixes.is_empty() || prefixes.contains(&wanted.map(str::to_owned)) {
        return String::new();
    }
    let mut names: Vec<String> = prefixes
        .iter()
        .take(PREFIXES_SHOWN)
        .map(|prefix| named(prefix.as_deref()))
        .collect();
    let more = prefixes.len().saturating_sub(names.len());
    if more > 0 {
        names.push(format!("{more} more"));
    }
    let (wanted, there) = (named(wanted), names.join(", "));
    format!("; the prefix is {wanted}, and there is {there}")
}

/// A prefix, for a message.
fn named(prefix: Option<&str>) -> String {
    prefix.map_or_else(|| "none".to_owned(), |prefix| format!("{prefix:?}"))
}

/// Checks that a step can be called the latest, or the best: steps with different prefixes belong
/// to different managers.
fn of_one_prefix(found: &[Found]) -> Result<()> {
    if signs::prefixes(found).len() < 2 {
        return Ok(());
    }
    let mut latest: BTreeMap<Option<&str>, &str> = BTreeMap::new();
    for step in found.iter().filter(|step| step.is_step()) {
        // They come in order of their numbers.
        latest.insert(step.prefix.as_deref(), &step.name);
    }
    let mut listed: Vec<(Option<&str>, &str)> = latest.into_iter().collect();
    listed.sort_by(|(a, _), (b, _)| {
        let by_name = || step_name::natural(a.unwrap_or_default(), b.unwrap_or_default());
        a.is_some().cmp(&b.is_some()).then_with(by_name)
    });
    let last = |(prefix, name): &(Option<&str>, &str)| {
        format!("{} (the last is {name:?})", named(*prefix))
    };
    let mut names: Vec<String> = listed.iter().take(PREFIXES_SHOWN).map(last).collect();
    let more = listed.len().saturating_sub(names.len());
    if more > 0 {
        names.push(format!("{more} more"));
    }
    let reason = format!(
        "has steps of several prefixes: {}; choose a prefix, or give the name of a step",
        names.join(", ")
    );
    Err(Error::new(ErrorKind::UnknownLayout, reason))
}

/// The first and the last step that can be chosen.
fn ends(found: &[Found]) -> (Option<&Found>, Option<&Found>) {
    let committed = || found.iter().filter(|step| step.is_step());
    (committed().next(), committed().next_back())
}

/// The range of the numbers, for the message that another one is not among them.
fn span(found: &[Found]) -> String {
    match ends(found) {
        (Some(first), Some(last)) if first.step == last.step => format!(", only {}", first.step),
        (Some(first), Some(last)) => {
            let count = found.iter().filter(|step| step.is_step()).count();
            format!(", but {count} others from {} to {}", first.step, last.step)
        }
        _ => String::new(),
    }
}

fn nothing_committed(what: &str, uncommitted: &[Found]) -> Error {
    let Some(last) = uncommitted.last() else {
        return Error::new(ErrorKind::NotFound, what);
    };
    let why = if !last.is_named {
        "its name is not UTF-8"
    } else if last.commit.committed {
        "its name is temporary"
    } else {
        &last.commit.reason
    };
    let reason = format!("{what}; {:?} is not committed: {why}", last.name);
    Error::new(ErrorKind::Uncommitted, reason)
}
