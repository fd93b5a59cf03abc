//! Names of step directories: `7`, `007`, `step_7`, `step_00000007`, and `_7`, whose prefix is empty.
//!
//! A root does not record how its steps are named, so every standard form is accepted, and the
//! prefix and padding are kept: `7` and `007` are two steps, not one.
//!
//! Source: orbax `_src/path/step.py`, release 0.12.8: `_StandardNameFormat`, whose prefix may be
//! empty, unlike that of the pattern `(.+)_(\d+)` of the older functions there.

use std::cmp::Ordering;

use crate::orbax::names;

/// What the name of a step directory says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepName<'a> {
    /// The text before the last underscore; `None` for a bare number.
    pub prefix: Option<&'a str>,
    /// The number.
    pub step: u64,
    /// The number of digits, if the first of several is a zero: the number was padded.
    pub padded_to: Option<usize>,
}

/// Reads the name of a step directory; `None` if it is not one, or that of a save that never
/// finished.
pub fn parse(name: &str) -> Option<StepName<'_>> {
    // The databases of single processes also have such names.
    if names::is_temporary(name) || names::is_directory_of_tree(name) {
        return None;
    }
    numbered(name)
}

/// Reads the name of a temporary directory or partial save of a step as the name of the step.
pub fn parse_unfinished(name: &str) -> Option<StepName<'_>> {
    let whole = match names::before_mark(name) {
        Some(whole) => whole,
        None => name.strip_suffix(names::PARTIAL_SAVE_SUFFIX)?,
    };
    // A partial save may itself have been interrupted.
    let partial = whole.strip_suffix(names::PARTIAL_SAVE_SUFFIX);
    numbered(partial.unwrap_or(whole))
}

/// The natural order of names: numbers in them by their value, everything else as text.
pub fn natural(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    loop {
        let (first, second) = (run(left), run(right));
        let order = match (number(first), number(second)) {
            (Some(first), Some(second)) => (first.len(), first).cmp(&(second.len(), second)),
            (Some(_), None) if !second.is_empty() => Ordering::Less,
            (None, Some(_)) if !first.is_empty() => Ordering::Greater,
            _ => first.cmp(second),
        };
        if order.is_ne() {
            return order;
        }
        if first.is_empty() {
            // They differ only in leading zeros.
            return a.cmp(b);
        }
        left = left.get(first.len()..).unwrap_or_default();
        right = right.get(second.len()..).unwrap_or_default();
    }
}

/// The digits at the start of a text, or everything before the first digit.
fn run(text: &str) -> &str {
    let is_digit = |character: char| character.is_ascii_digit();
    let end = if text.starts_with(is_digit) {
        text.find(|character| !is_digit(character))
    } else {
        text.find(is_digit)
    };
    text.get(..end.unwrap_or(text.len())).unwrap_or_default()
}

/// The digits of a run that is a number, without leading zeros.
fn number(run: &str) -> Option<&str> {
    let is_number = run.starts_with(|character: char| character.is_ascii_digit());
    is_number.then(|| run.trim_start_matches('0'))
}

fn numbered(name: &str) -> Option<StepName<'_>> {
    let (prefix, digits) = match name.rsplit_once('_') {
        Some((prefix, digits)) => (Some(prefix), digits),
        None => (None, name),
    };
    // `parse` would accept a sign.
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let step = digits.parse().ok()?;
    let padded = digits.len() > 1 && digits.starts_with('0');
    Some(StepName {
        prefix,
        step,
        padded_to: padded.then_some(digits.len()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(found: Option<StepName<'_>>) -> Option<(Option<&str>, u64, Option<usize>)> {
        found.map(|name| (name.prefix, name.step, name.padded_to))
    }

    #[test]
    fn every_standard_form_is_read() {
        for (name, expected) in [
            ("0", (None, 0, None)),
            ("7", (None, 7, None)),
            ("123456789", (None, 123_456_789, None)),
            ("007", (None, 7, Some(3))),
            ("00", (None, 0, Some(2))),
            ("00000012", (None, 12, Some(8))),
            ("step_7", (Some("step"), 7, None)),
            ("step_00000007", (Some("step"), 7, Some(8))),
            ("a_1_7", (Some("a_1"), 7, None)),
            ("__7", (Some("_"), 7, None)),
            ("_7", (Some(""), 7, None)),
            ("_007", (Some(""), 7, Some(3))),
            ("état_7", (Some("état"), 7, None)),
            ("18446744073709551615", (None, u64::MAX, None)),
            ("000000000000000000000000000001", (None, 1, Some(30))),
        ] {
            assert_eq!(shown(parse(name)), Some(expected), "{name}");
        }
    }

    #[test]
    fn anything_else_is_no_step() {
        for name in [
            "",
            "_",
            "7_",
            "+2",
            "-1",
            "step-9",
            "1_000x",
            "1e3",
            "٧",
            "²",
            "step",
            "metadata",
            "7 ",
            "state",
            "18446744073709551616",
            "ocdbt.process_0",
            "7.partial_save",
            "7.orbax-checkpoint-tmp",
            "7.orbax-checkpoint-tmp-3",
            "a.orbax-checkpoint-tmp_7",
        ] {
            assert_eq!(parse(name), None, "{name}");
        }
    }

    #[test]
    fn names_are_ordered_by_the_numbers_in_them() {
        let ordered = [
            "",
            "0",
            "5",
            "007",
            "7",
            "10",
            "5000",
            "199999",
            "_7",
            "best_-0.5",
            "ckpt",
            "ckpt-7",
            "ckpt-10",
            "epoch=3-step=5",
            "epoch=3-step=12",
            "epoch=10-step=1",
            "step_9",
            "step_10",
            "é",
        ];
        for (at, a) in ordered.iter().enumerate() {
            for (other, b) in ordered.iter().enumerate() {
                assert_eq!(natural(a, b), at.cmp(&other), "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn what_a_save_left_behind_names_its_step() {
        for (name, expected) in [
            ("7.orbax-checkpoint-tmp", (None, 7, None)),
            ("007.orbax-checkpoint-tmp-3", (None, 7, Some(3))),
            (
                "step_7.orbax-checkpoint-tmp-1700000000000000",
                (Some("step"), 7, None),
            ),
            ("7.partial_save", (None, 7, None)),
            (
                "step_7.partial_save.orbax-checkpoint-tmp",
                (Some("step"), 7, None),
            ),
        ] {
            assert_eq!(shown(parse_unfinished(name)), Some(expected), "{name}");
        }
        for name in [
            "7",
            "state.orbax-checkpoint-tmp",
            ".orbax-checkpoint-tmp",
            ".partial_save",
        ] {
            assert_eq!(parse_unfinished(name), None, "{name}");
        }
    }
}
