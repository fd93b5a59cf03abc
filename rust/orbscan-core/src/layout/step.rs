//! What a walk wants to know of the names of steps.

use std::cmp::Ordering;

use crate::orbax::step_name;

/// What stands before the underscore, if there is one, and the number; `None` if the name is no
/// step's.
pub fn parse(name: &str) -> Option<(Option<&str>, u64)> {
    step_name::parse(name).map(|found| (found.prefix, found.step))
}

/// The number of a step, or of the leftover of one.
pub fn of(name: &str) -> Option<u64> {
    let found = step_name::parse(name).or_else(|| step_name::parse_unfinished(name));
    found.map(|found| found.step)
}

/// By name, but steps by their numbers.
pub fn compare(a: &str, b: &str) -> Ordering {
    let parts = |name| match parse(name) {
        Some((prefix, step)) => (prefix.unwrap_or_default(), Some(step)),
        None => (name, None),
    };
    (parts(a), a).cmp(&(parts(b), b))
}
