//! `_strings.json`: the values of the string leaves of a tree, by their names.
//!
//! ```json
//! {"config.name": "base", "step": "1"}
//! ```
//!
//! Source: orbax `type_handlers.py`, `StringHandler`, which writes it through the JSON driver of
//! TensorStore. Since 0.4.0 it lies in the item directory; 0.3.x put it into a directory named
//! after the first string leaf.

use crate::error::Result;
use crate::json::value::Value;
use crate::json::{Dialect, Json};
use crate::limits::Limits;

/// The strings of a tree.
#[derive(Debug)]
pub struct Strings(Value);

impl Strings {
    /// Decodes the file.
    ///
    /// # Errors
    /// `Malformed`, `Limit`, `Unsupported`.
    pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Self> {
        let mut json = Json::new(bytes, Dialect::Strict, limits)?;
        let texts = Value::read(&mut json)?;
        json.end()?;
        Ok(Self(texts))
    }

    /// Whether there is a string for the leaf of that name. The writer treats the name as a JSON
    /// pointer: a slash leads one object deeper.
    pub fn has(&self, name: &str) -> bool {
        let mut value = &self.0;
        for part in name.split('/') {
            let part = part.replace("~1", "/").replace("~0", "~");
            match value.get(&part) {
                Some(inner) => value = inner,
                None => return false,
            }
        }
        matches!(value, Value::String(_))
    }

    /// The names of the leaves that have a string, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        add_names(&self.0, None, &mut names);
        names
    }
}

/// Adds the names of all strings of a value at `place`, no deeper than a document may be.
fn add_names(value: &Value, place: Option<&str>, names: &mut Vec<String>) {
    match (value, place) {
        (Value::Object(members), _) => {
            for (name, value) in members {
                let name = name.replace('~', "~0").replace('/', "~1");
                let inner = place.map(|place| format!("{place}/{name}"));
                add_names(value, Some(inner.as_deref().unwrap_or(&name)), names);
            }
        }
        (Value::String(_), Some(place)) => names.push(place.to_owned()),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn strings(text: &str) -> Result<Strings> {
        Strings::decode(text.as_bytes(), &Limits::default())
    }

    #[test]
    fn a_text_is_found_by_the_name_of_its_leaf() {
        let texts = strings(r#"{"a": "", "b.c": "x", "d": {"e": "y", "f~g": "z"}, "n": 1}"#);
        let texts = texts.unwrap();
        for (name, found) in [
            ("a", true),
            ("b.c", true),
            ("d/e", true),
            ("d/f~0g", true),
            ("b", false),
            ("d", false),
            ("n", false),
            ("", false),
        ] {
            assert_eq!(texts.has(name), found, "{name}");
        }
        assert_eq!(texts.names(), ["a", "b.c", "d/e", "d/f~0g"]);
    }

    #[test]
    fn what_is_no_object_has_no_texts() {
        for text in ["[\"a\"]", "\"a\"", "1"] {
            let texts = strings(text).unwrap();
            assert!(!texts.has("a") && texts.names().is_empty());
        }
        assert_eq!(
            strings("{\"a\": ").unwrap_err().kind(),
            ErrorKind::Malformed
        );
        assert_eq!(strings("{} x").unwrap_err().kind(), ErrorKind::Malformed);
    }
}
