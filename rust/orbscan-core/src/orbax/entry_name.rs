//! The names of the entries of `_METADATA`: Python's `str()` of the keypath, as in `('b', '0')`.
//!
//! They are never parsed: the name of a leaf comes from `key_metadata`. So they show where one of
//! the two was changed without the other.
//!
//! Source: orbax `_src/metadata/tree.py`, `InternalTreeMetadataEntry.build`; all 14,152 entries of
//! the golden checkpoints, of releases from 0.3.5 on.

use super::key_entry;
use crate::error::{Error, Result};
use crate::json::{Dialect, Json, Kind};
use crate::limits::Limits;
use crate::tree::KeyEntry;

/// Returns every entry whose name is not that of its keypath: what is wrong, and the keypath.
///
/// # Errors
/// `Malformed` if it is not such a document, as [`super::tree_metadata::decode`] says.
pub fn contradictions(
    bytes: &[u8],
    limits: &Limits,
    found: &mut dyn FnMut(&Error, &[KeyEntry<'_>]),
) -> Result<()> {
    let mut json = Json::new(bytes, Dialect::Python, limits)?;
    let mut keypath = Vec::new();
    json.object(|json, member| {
        if member != "tree_metadata" {
            return json.skip().map(drop);
        }
        json.object(|json, name| {
            json.peek()?;
            let offset = json.offset();
            read_keypath(json, &mut keypath)?;
            if !spells(&name, &keypath) {
                let reason = format!("its entry is called {name:?}");
                found(&Error::malformed(offset, reason), &keypath);
            }
            Ok(())
        })
    })?;
    json.end()
}

/// Reads the keypath of an entry; of two members with the same name, the last counts.
fn read_keypath<'a>(json: &mut Json<'a>, keypath: &mut Vec<KeyEntry<'a>>) -> Result<()> {
    keypath.clear();
    json.object(|json, member| {
        if member != "key_metadata" || json.peek()? != Kind::Array {
            return json.skip().map(drop);
        }
        keypath.clear();
        json.array(|json| {
            keypath.push(key_entry::read(json)?);
            Ok(())
        })
    })
}

/// Whether a name is a tuple of the texts of these keys.
fn spells(name: &str, keypath: &[KeyEntry<'_>]) -> bool {
    let Some(mut rest) = name.strip_prefix('(') else {
        return false;
    };
    for (place, key) in keypath.iter().enumerate() {
        let begun = if place == 0 {
            Some(rest)
        } else {
            rest.strip_prefix(", ")
        };
        let Some(after) = begun.and_then(|text| after_literal(text, &key.text())) else {
            return false;
        };
        rest = after;
    }
    rest == if keypath.len() == 1 { ",)" } else { ")" }
}

/// What follows a literal of this text. Which characters Python escapes depends on its version, so
/// both spellings of each are accepted.
fn after_literal<'t>(text: &'t str, wanted: &str) -> Option<&'t str> {
    let quote = text
        .chars()
        .next()
        .filter(|char| matches!(char, '\'' | '"'))?;
    let mut rest = text.strip_prefix(quote)?;
    for char in wanted.chars() {
        rest = match rest.strip_prefix('\\') {
            None => rest.strip_prefix(char)?,
            Some(escaped) => after_escape(escaped, char)?,
        };
    }
    rest.strip_prefix(quote)
}

/// What follows the escape of this character, given the text after the backslash.
fn after_escape(text: &str, wanted: char) -> Option<&str> {
    let (kind, rest) = text.split_at_checked(1)?;
    let digits = match kind {
        "x" => 2,
        "u" => 4,
        "U" => 8,
        _ => {
            let meant = match kind {
                "n" => '\n',
                "r" => '\r',
                "t" => '\t',
                other => other.chars().next()?,
            };
            return (meant == wanted).then_some(rest);
        }
    };
    let (code, rest) = rest.split_at_checked(digits)?;
    let code = u32::from_str_radix(code, 16).ok()?;
    (code == u32::from(wanted)).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Offset;

    fn keypath(keys: &[&str]) -> Vec<KeyEntry<'static>> {
        let key = |key: &&str| match key.parse() {
            Ok(index) => KeyEntry::Sequence(index),
            Err(_) => KeyEntry::Mapping((*key).to_owned().into()),
        };
        keys.iter().map(key).collect()
    }

    #[test]
    fn names_are_read_as_python_spells_tuples() {
        for (name, keys) in [
            ("()", &[] as &[&str]),
            ("('a',)", &["a"]),
            ("('a', '0', 'b')", &["a", "0", "b"]),
            ("('',)", &[""]),
            ("('a.b', 'c, d')", &["a.b", "c, d"]),
            (r#"("it's",)"#, &["it's"]),
            (r#"('it\'s "it"',)"#, &["it's \"it\""]),
            (r"('a\\b', '\\')", &["a\\b", "\\"]),
            (r"('\n\r\t\x1b',)", &["\n\r\t\u{1b}"]),
            (r"('\xa0\u200b\U0010ffff',)", &["\u{a0}\u{200b}\u{10ffff}"]),
            ("('重み', '😀', '\u{200b}')", &["重み", "😀", "\u{200b}"]),
        ] {
            assert!(spells(name, &keypath(keys)), "{name}");
        }
    }

    #[test]
    fn whatever_else_a_name_is_contradicts() {
        for (name, keys) in [
            ("('a',)", &[] as &[&str]),
            ("()", &["a"]),
            ("('a')", &["a"]),
            ("('a',)", &["b"]),
            ("('a',)", &["a", "b"]),
            ("('a', 'b')", &["a"]),
            ("('a', 'b')", &["a", "c"]),
            ("('a', 'b')", &["a, b"]),
            ("('ab',)", &["a"]),
            ("('a',)", &["ab"]),
            ("('a',) ", &["a"]),
            ("('a'. 'b')", &["a", "b"]),
            ("(\"a',)", &["a"]),
            (r"('\x6',)", &["j"]),
            (r"('\n',)", &["n"]),
            ("('\\", &["a"]),
            ("(", &["a"]),
            ("", &[]),
            ("a", &["a"]),
        ] {
            assert!(!spells(name, &keypath(keys)), "{name} {keys:?}");
        }
    }

    fn told(text: &str) -> (Vec<(String, Option<Offset>, usize)>, bool) {
        let mut all = Vec::new();
        let read = contradictions(
            text.as_bytes(),
            &Limits::default(),
            &mut |error, keypath| {
                all.push((error.reason().to_owned(), error.offset(), keypath.len()));
            },
        );
        (all, read.is_ok())
    }

    #[test]
    fn a_contradiction_has_its_place() {
        let key = |key| format!(r#"{{"key": "{key}", "key_type": 2}}"#);
        let entry = |name, keys: &[String]| {
            let keys = keys.join(", ");
            format!(r#""{name}": {{"key_metadata": [{keys}], "value_metadata": {{}}}}"#)
        };
        let right = entry("('a', 'b')", &[key("a"), key("b")]);
        let wrong = entry("('a', 'c')", &[key("a"), key("d")]);
        let text = format!(r#"{{"use_zarr3": true, "tree_metadata": {{{right}, {wrong}}}}}"#);
        let offset = text.find("('a', 'c')\": ").unwrap() + "('a', 'c')\": ".len();
        let reason = r#"its entry is called "('a', 'c')""#.to_owned();
        let offset = Some(Offset::File(offset as u64));
        assert_eq!(told(&text), (vec![(reason, offset, 2)], true));
        assert!(!told(&text[..text.len() - 1]).1);
    }

    #[test]
    fn of_two_keypaths_the_last_counts() {
        let key = r#"[{"key": "a", "key_type": 2}]"#;
        let text = format!(
            r#"{{"tree_metadata": {{"('a',)": {{"key_metadata": [], "key_metadata": {key}}}}}}}"#
        );
        assert_eq!(told(&text), (Vec::new(), true));
    }
}
