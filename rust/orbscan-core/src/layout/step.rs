//! What a walk needs to know about the names of steps.

use std::cmp::Ordering;

use crate::orbax::step_name;

/// The prefix before the underscore, if any, and the number; `None` if the name is not that of a
/// step.
pub fn parse(name: &str) -> Option<(Option<&str>, u64)> {
    step_name::parse(name).map(|found| (found.prefix, found.step))
}

/// The number of a step, or of a temporary directory of one.
pub fn of(name: &str) -> Option<u64> {
    let found = step_name::parse(name).or_else(|| step_name::parse_unfinished(name));
    found.map(|found| found.step)
}

/// Orders by name, but steps by their numbers.
pub fn compare(a: &str, b: &str) -> Ordering {
    let parts = |name| match parse(name) {
        Some((prefix, step)) => (prefix.unwrap_or_default(), Some(step)),
        None => (name, None),
    };
    (parts(a), a).cmp(&(parts(b), b))
}
