//! Entries of `_METADATA` in the spelling that Orbax writes.
//!
//! Half of the time of reading a checkpoint was spent on tokenising this file, in which 250 bytes
//! per leaf are always the same. So an entry is first compared with the expected text:
//!
//! ```json
//! {"key_metadata": [{"key": "b", "key_type": 2}, {"key": "0", "key_type": 1}], "value_metadata": …}
//! ```
//!
//! where the value is spelled like that of an earlier entry. An entry that differs in a single byte
//! is left to the general reader, which alone decides what is an error; what is read here gives the
//! same result there.

use std::borrow::Cow;

use super::leaf_entry::LeafEntry;
use crate::json::Json;
use crate::json::recent::Recent;
use crate::limits::Limits;
use crate::tree::{KeyEntry, Keypaths};

/// The start of an entry.
const OPENING: &str = "{\"key_metadata\": [";

/// The text between its members.
const MIDDLE: &str = "], \"value_metadata\": ";

/// The containers that an entry nests: itself, a list, a member of the list.
const LEVELS: u32 = 3;

/// The values seen so far, with their meanings.
#[derive(Debug, Default)]
pub(super) struct UsualEntries<'a> {
    values: Recent<'a, LeafEntry>,
}

impl<'a> UsualEntries<'a> {
    /// Reads the next value of the file if it is such an entry: adds its keypath and returns what
    /// it says about the leaf. Otherwise nothing is changed.
    pub(super) fn read(
        &mut self,
        json: &mut Json<'a>,
        keypaths: &mut Keypaths<'a>,
        limits: &Limits,
    ) -> Option<LeafEntry> {
        let start = json.clone();
        let leaf = self.entry(json, keypaths, limits.max_keypath);
        if leaf.is_some() {
            keypaths.end();
        } else {
            *json = start;
            keypaths.abandon();
        }
        leaf
    }

    /// Remembers the value of `entry`, which the general reader decoded as `leaf`.
    pub(super) fn learn(&mut self, entry: &'a str, leaf: &LeafEntry) {
        let value = entry
            .trim_ascii_start()
            .strip_prefix(OPENING)
            .and_then(after_keys)
            .and_then(|rest| rest.strip_suffix('}'));
        // The object after the first such words is the value only if it comes last.
        if let Some(value) = value.filter(|value| is_flat(value)) {
            self.values.insert(value, leaf.clone());
        }
    }

    fn entry(
        &mut self,
        json: &mut Json<'a>,
        keypaths: &mut Keypaths<'a>,
        max_keypath: usize,
    ) -> Option<LeafEntry> {
        if !json.has_room(LEVELS) || !json.eat_spelled(OPENING) {
            return None;
        }
        loop {
            if keypaths.depth() >= max_keypath {
                return None;
            }
            keypaths.key(key(json)?);
            if json.eat_text(MIDDLE) {
                break;
            }
            if !json.eat_text(", ") {
                return None;
            }
        }
        let leaf = self.values.read(json)?;
        json.eat_text("}").then_some(leaf)
    }
}

/// What follows the first [`MIDDLE`], found by its first byte: a search for the whole text makes
/// tables that take longer than such a short one does.
fn after_keys(mut text: &str) -> Option<&str> {
    loop {
        let (_, from) = text.split_at_checked(text.find(']')?)?;
        if let Some(value) = from.strip_prefix(MIDDLE) {
            return Some(value);
        }
        text = from.get(1..)?;
    }
}

/// Whether `value` is one object without objects in it or braces in its strings.
fn is_flat(value: &str) -> bool {
    let inside = value.strip_prefix('{').and_then(|v| v.strip_suffix('}'));
    inside.is_some_and(|inside| !inside.contains(['{', '}']))
}

/// One of `{"key": "b", "key_type": 2}`.
fn key<'a>(json: &mut Json<'a>) -> Option<KeyEntry<'a>> {
    if !json.eat_text("{\"key\": \"") {
        return None;
    }
    let key = json.eat_plain()?;
    if json.eat_text(", \"key_type\": 2}") {
        return Some(KeyEntry::Mapping(Cow::Borrowed(key)));
    }
    if json.eat_text(", \"key_type\": 1}") {
        return key.parse().ok().map(KeyEntry::Sequence);
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::limits::Limits;
    use crate::orbax::tree_metadata::{TreeMetadata, decode};

    const ENTRY: &str = r#"{"key_metadata": [{"key": "b", "key_type": 2}, {"key": "0", "key_type": 1}], "value_metadata": {"value_type": "jax.Array", "skip_deserialize": false, "write_shape": [2, 4]}}"#;

    /// The same entry several times: the first is learned, and the others are compared with it.
    fn file(entries: &[&str]) -> String {
        let members = entries.iter().map(|entry| format!("\"\": {entry}"));
        let members: Vec<String> = members.collect();
        format!("{{\"tree_metadata\": {{{}}}}}", members.join(", "))
    }

    fn outcome<'a>(text: &'a str, limits: &Limits) -> Result<TreeMetadata<'a>, String> {
        let read = decode(text.as_bytes(), limits, &mut Vec::new());
        read.map_err(|error| error.reason().to_owned())
    }

    /// The result of the general reader for `entry`, and the result if it was learned before.
    fn both(entry: &str, limits: &Limits) -> [Result<String, String>; 2] {
        let (alone, taught) = (file(&[entry]), file(&[ENTRY, ENTRY, entry]));
        [alone, taught].map(|text| {
            let read = outcome(&text, limits)?;
            let last = read.leaves.len() - 1;
            let leaf = read.leaves.get(last).unwrap();
            let shape = leaf.write_shape.map(|shape| &read.write_shapes[shape]);
            // Write shapes are numbered in order of appearance, so only the shapes are comparable.
            let (kind, skip) = (&leaf.value_type, leaf.skip_deserialize);
            let keypath = read.keypaths.get(last);
            Ok(format!("{keypath:?} {kind:?} {skip} {shape:?}"))
        })
    }

    #[test]
    fn a_changed_byte_is_read_as_by_the_general_reader() {
        let limits = Limits::default();
        for at in 0..ENTRY.len() {
            for byte in *b"\"\\{}[], :0x\n" {
                let mut changed = ENTRY.as_bytes().to_vec();
                changed[at] = byte;
                let changed = String::from_utf8(changed).unwrap();
                let [alone, taught] = both(&changed, &limits);
                assert_eq!(alone, taught, "{changed}");
            }
        }
    }

    #[test]
    fn what_looks_like_a_value_further_in_is_not_taken_for_it() {
        let limits = Limits::default();
        let entry = r#"{"key_metadata": [{"key": "b", "key_type": 2, "x": [], "value_metadata": {}}], "value_metadata": {"value_type": "None", "skip_deserialize": true}}"#;
        let twice = r#"{"key_metadata": [{"key": "b", "key_type": 2}], "value_metadata": {"value_type": "Dict", "skip_deserialize": true}, "value_metadata": {"value_type": "None", "skip_deserialize": true}}"#;
        for entry in [entry, twice] {
            let text = file(&[entry, entry, ENTRY, entry]);
            let read = outcome(&text, &limits).unwrap();
            assert_eq!(read.leaves.get(0), read.leaves.get(1));
            assert_eq!(read.leaves.get(0), read.leaves.get(3));
            assert_ne!(read.leaves.get(0), read.leaves.get(2));
        }
    }

    #[test]
    fn limits_hold_as_in_the_general_reader() {
        for max_nesting in 1..8 {
            let limits = Limits {
                max_nesting,
                ..Limits::default()
            };
            let [alone, taught] = both(ENTRY, &limits);
            assert_eq!(alone, taught);
            assert_eq!(alone.is_ok(), max_nesting >= 5, "{max_nesting}");
        }
        for max_keypath in 0..3 {
            let limits = Limits {
                max_keypath,
                ..Limits::default()
            };
            let [alone, taught] = both(ENTRY, &limits);
            assert_eq!(alone, taught);
            assert_eq!(alone.is_ok(), max_keypath >= 2);
        }
    }
}
