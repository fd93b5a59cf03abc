//! The tree with its recorded container types: `value_metadata_tree` in `_METADATA`.
//!
//! It is JSON inside a JSON string, written only if the program requested it:
//!
//! | node | JSON |
//! |---|---|
//! | dict, custom node | object of children |
//! | list | list of children |
//! | tuple | `{"category": "custom", "clazz": "tuple", "entries": [child]}` |
//! | namedtuple | `{"category": "namedtuple", "module": M, "clazz": C, "entries": [{"key": field, "value": child}]}` |
//! | leaf | `{"category": "custom", "clazz": "ValueMetadataEntry", "data": {"value_type": …}}` |
//!
//! An object is special only if its `category` is a string; the children of a dict never are
//! strings.
//!
//! Source: orbax `_src/metadata/tree_rich_types.py`.

use super::leaf_entry::{LeafEntries, LeafEntry, ValueType};
use crate::error::{Error, ErrorKind, Result};
use crate::json::value::Value;
use crate::json::{Dialect, Json};
use crate::limits::Limits;
use crate::tree::{Container, KeyEntry, Keypaths, NamedTuple, Nest, Tree};

/// The decoded tree and its leaves, with the same numbers.
#[derive(Clone, Debug)]
pub struct RichTree {
    /// The tree.
    pub tree: Tree,
    /// The keypath of each leaf.
    pub keypaths: Keypaths<'static>,
    /// The entry of each leaf.
    pub leaves: LeafEntries,
    /// The write shapes that the leaves refer to.
    pub write_shapes: Vec<Vec<u64>>,
}

/// Decodes the text.
///
/// # Errors
/// `Malformed` if it does not follow the grammar; `Limit`.
pub fn decode(text: &str, limits: &Limits) -> Result<RichTree> {
    let inside = |error: Error| error.while_reading("value_metadata_tree");
    let mut json = Json::new(text.as_bytes(), Dialect::Python, limits).map_err(inside)?;
    let value = Value::read(&mut json).map_err(inside)?;
    json.end().map_err(inside)?;
    let mut reading = Reading::default();
    let top = reading.node(&value).map_err(inside)?;
    Ok(RichTree {
        tree: reading.nest.into_tree(top),
        keypaths: reading.keypaths,
        leaves: reading.leaves,
        write_shapes: reading.write_shapes,
    })
}

#[derive(Default)]
struct Reading {
    nest: Nest,
    path: Vec<KeyEntry<'static>>,
    keypaths: Keypaths<'static>,
    leaves: LeafEntries,
    write_shapes: Vec<Vec<u64>>,
}

fn malformed(reason: impl Into<String>) -> Error {
    Error::new(ErrorKind::Malformed, reason)
}

impl Reading {
    /// Reads one node. Recursion ends at the nesting that the JSON parser allowed.
    fn node(&mut self, value: &Value) -> Result<usize> {
        match value {
            Value::List(items) => self.sequence(Container::List, items),
            Value::Object(members) => match value.get("category").and_then(Value::as_str) {
                Some("custom") => self.custom(value),
                Some("namedtuple") => self.namedtuple(value),
                _ => {
                    let mut children = Vec::with_capacity(members.len());
                    for (key, member) in members {
                        let child = self.child(KeyEntry::Mapping(key.clone().into()), member)?;
                        children.push((Some(key.clone()), child));
                    }
                    Ok(self.nest.container(Container::Dict, children))
                }
            },
            _ => Err(malformed(format!(
                "{}: expected an object or a list",
                crate::tree::node_spelled(&self.path)
            ))),
        }
    }

    fn child(&mut self, key: KeyEntry<'static>, value: &Value) -> Result<usize> {
        self.path.push(key);
        let node = self.node(value)?;
        self.path.pop();
        Ok(node)
    }

    fn sequence(&mut self, kind: Container, items: &[Value]) -> Result<usize> {
        let mut children = Vec::with_capacity(items.len());
        for (index, item) in (0_u64..).zip(items) {
            children.push((None, self.child(KeyEntry::Sequence(index), item)?));
        }
        Ok(self.nest.container(kind, children))
    }

    fn custom(&mut self, value: &Value) -> Result<usize> {
        match value.get("clazz").and_then(Value::as_str) {
            Some("tuple") => {
                let entries = value.get("entries").and_then(Value::as_list);
                let entries = entries.ok_or_else(|| malformed("a tuple without entries"))?;
                self.sequence(Container::Tuple, entries)
            }
            Some("ValueMetadataEntry") => {
                let data = value
                    .get("data")
                    .ok_or_else(|| malformed("a leaf without data"))?;
                self.leaf(data)
            }
            other => Err(malformed(format!("unknown custom class {other:?}"))),
        }
    }

    fn namedtuple(&mut self, value: &Value) -> Result<usize> {
        let text = |name| value.get(name).and_then(Value::as_str);
        let (Some(module), Some(class), Some(entries)) = (
            text("module"),
            text("clazz"),
            value.get("entries").and_then(Value::as_list),
        ) else {
            return Err(malformed("a namedtuple without module, clazz or entries"));
        };
        let mut fields = Vec::with_capacity(entries.len());
        let mut children = Vec::with_capacity(entries.len());
        for entry in entries {
            let field = entry.get("key").and_then(Value::as_str);
            let (Some(field), Some(member)) = (field, entry.get("value")) else {
                return Err(malformed("a namedtuple field without key or value"));
            };
            let child = self.child(KeyEntry::Mapping(field.to_owned().into()), member)?;
            fields.push(field.to_owned());
            children.push((Some(field.to_owned()), child));
        }
        let number = self.nest.namedtuple(NamedTuple {
            module: module.to_owned(),
            class: class.to_owned(),
            fields,
        });
        Ok(self.nest.container(Container::NamedTuple(number), children))
    }

    fn leaf(&mut self, data: &Value) -> Result<usize> {
        let value_type = data.get("value_type").and_then(Value::as_str);
        let value_type = value_type.ok_or_else(|| malformed("a leaf without value_type"))?;
        let write_shape = match data.get("write_shape").and_then(Value::as_list) {
            Some(items) => Some(self.write_shape(items)?),
            None => None,
        };
        for key in &self.path {
            self.keypaths.key(key.clone());
        }
        self.keypaths.end();
        self.leaves.push(LeafEntry {
            value_type: ValueType::new(value_type),
            skip_deserialize: data.get("skip_deserialize") == Some(&Value::Bool(true)),
            write_shape,
        });
        Ok(self.nest.leaf(self.leaves.len().saturating_sub(1)))
    }

    fn write_shape(&mut self, items: &[Value]) -> Result<usize> {
        let shape = items
            .iter()
            .map(|item| match item {
                Value::Number(number) => number.0.parse().ok(),
                _ => None,
            })
            .collect::<Option<Vec<u64>>>()
            .ok_or_else(|| malformed("a write_shape that is not a list of lengths"))?;
        if let Some(known) = self.write_shapes.iter().position(|other| *other == shape) {
            return Ok(known);
        }
        self.write_shapes.push(shape);
        Ok(self.write_shapes.len().saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Content;

    const LEAF: &str = r#"{"category": "custom", "clazz": "ValueMetadataEntry", "data": {"value_type": "np.ndarray", "skip_deserialize": false}}"#;

    #[test]
    fn reads_namedtuples_tuples_and_dicts() {
        let text = format!(
            r#"{{"t": {{"category": "namedtuple", "module": "__main__", "clazz": "A.NT", "entries": [
                 {{"key": "mu", "value": {LEAF}}}, {{"key": "nu", "value": {{"category": {LEAF}}}}}]}},
                "u": {{"clazz": "tuple", "category": "custom", "entries": [{LEAF}]}}}}"#
        );
        let rich = decode(&text, &Limits::default()).unwrap();
        assert_eq!(rich.tree.namedtuples[0].class, "A.NT");
        assert_eq!(rich.tree.namedtuples[0].fields, ["mu", "nu"]);
        let names: Vec<_> = (0..3).map(|leaf| rich.keypaths.param_name(leaf)).collect();
        assert_eq!(names, ["t.mu", "t.nu.category", "u.0"]);
        let kinds: Vec<_> = rich
            .tree
            .nodes
            .iter()
            .filter_map(|node| match node.content {
                Content::Children(kind, _) => Some(kind),
                Content::Leaf(_) => None,
            })
            .collect();
        assert_eq!(
            kinds,
            [
                Container::Dict,
                Container::NamedTuple(0),
                Container::Tuple,
                Container::Dict
            ]
        );
    }

    #[test]
    fn refuses_what_the_grammar_does_not_have() {
        for text in [
            "5",
            "{\"a\": 5}",
            r#"{"category": "custom", "clazz": "set"}"#,
            r#"{"category": "custom", "clazz": "tuple"}"#,
            r#"{"category": "namedtuple", "clazz": "A", "entries": []}"#,
            r#"{"category": "custom", "clazz": "ValueMetadataEntry", "data": {}}"#,
        ] {
            assert_eq!(
                decode(text, &Limits::default()).unwrap_err().kind(),
                ErrorKind::Malformed,
                "{text}"
            );
        }
    }
}
