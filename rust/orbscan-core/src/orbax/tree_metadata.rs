//! `_METADATA`: the tree of one pytree checkpointable, and how its arrays are stored.
//!
//! ```json
//! {"tree_metadata": {
//!    "('b', 'c')": {"key_metadata": [{"key": "b", "key_type": 2}, {"key": "c", "key_type": 2}],
//!                   "value_metadata": {"value_type": "jax.Array", "skip_deserialize": false,
//!                                      "write_shape": [2, 4]}}},
//!  "use_ocdbt": true, "use_zarr3": true, "custom_metadata": null}
//! ```
//!
//! `write_shape` is the shape of the shard that one device wrote. The file has no dtype and no
//! global shape: both are in the array's Zarr document.
//!
//! The names of the entries are Python's `str()` of a tuple. They are never parsed: identity and
//! order come from `key_metadata`.
//!
//! Source: orbax `_src/metadata/tree.py`.

use std::borrow::Cow;

use super::key_entry;
use super::leaf_entry::{self, LeafEntries, LeafEntry, WriteShapes};
use super::usual_entry::UsualEntries;
use crate::cursor::{to_u64, to_usize};
use crate::error::{Error, ErrorKind, Result};
use crate::json::{Dialect, Json, Kind};
use crate::limits::Limits;
use crate::memory;
use crate::tree::Keypaths;

/// The content of the file.
#[derive(Clone, Debug, Default)]
pub struct TreeMetadata<'a> {
    /// The keypath of each leaf, in file order.
    pub keypaths: Keypaths<'a>,
    /// Each leaf, in the same order.
    pub leaves: LeafEntries,
    /// The distinct write shapes, in elements.
    pub write_shapes: Vec<Vec<u64>>,
    /// Whether arrays lie in an OCDBT database; releases before 0.11.31 do not say.
    pub use_ocdbt: Option<bool>,
    /// Whether arrays are in Zarr v3, otherwise v2; `None` for `null`, which Orbax replaces by the
    /// format in which the program saves.
    pub use_zarr3: Option<bool>,
    /// Whether the writer stored every chunk, including those that contain only the fill value.
    /// Releases before 0.10.1 left such chunks out, and did not record it.
    pub stores_every_chunk: bool,
    /// The tree with its recorded container types, as JSON text.
    pub rich_types: Option<Cow<'a, str>>,
}

/// Decodes the file.
///
/// An invalid write shape is appended to `issues`; its leaf then has none.
///
/// # Errors
/// `Malformed` if the text is not JSON or lacks a member; `Limit`.
pub fn decode<'a>(
    bytes: &'a [u8],
    limits: &Limits,
    issues: &mut Vec<Error>,
) -> Result<TreeMetadata<'a>> {
    // Memory for the keypaths, which are about as long as the spelling of their keys.
    memory::room(to_u64(bytes.len()))?;
    let mut json = Json::new(bytes, Dialect::Python, limits)?;
    let mut metadata = TreeMetadata {
        use_zarr3: Some(false),
        ..TreeMetadata::default()
    };
    let mut found = false;
    let mut entries = Entries::new(bytes.len(), limits, issues);
    json.object(|json, name| {
        match name.as_ref() {
            "tree_metadata" => {
                found = true;
                entries.read(json)?;
            }
            "use_ocdbt" => metadata.use_ocdbt = json.optional(Json::truth)?,
            "use_zarr3" => metadata.use_zarr3 = json.optional(Json::truth)?,
            "store_array_data_equal_to_fill_value" => metadata.stores_every_chunk = json.truth()?,
            "value_metadata_tree" if json.peek()? == Kind::String => {
                metadata.rich_types = Some(json.string()?);
            }
            "value_metadata_tree" => {
                metadata.rich_types = None;
                json.skip()?;
            }
            _ => {
                json.skip()?;
            }
        }
        Ok(())
    })?;
    json.end()?;
    if entries.leaves.is_empty() {
        let reason = if found {
            "tree_metadata has no leaves"
        } else {
            "no member tree_metadata"
        };
        return Err(Error::new(ErrorKind::Malformed, reason));
    }
    Ok(TreeMetadata {
        keypaths: entries.keypaths,
        leaves: entries.leaves,
        write_shapes: entries.shapes.distinct,
        ..metadata
    })
}

/// The most entries for which memory is reserved in advance: the first one may differ from the
/// rest.
const MOST_RESERVED: usize = 1 << 16;

/// The entries of `tree_metadata` read so far.
struct Entries<'a, 'c> {
    keypaths: Keypaths<'a>,
    leaves: LeafEntries,
    shapes: WriteShapes<'a>,
    usual: UsualEntries<'a>,
    /// The length of the document, in bytes.
    length: usize,
    limits: &'c Limits,
    issues: &'c mut Vec<Error>,
}

impl<'a, 'c> Entries<'a, 'c> {
    fn new(length: usize, limits: &'c Limits, issues: &'c mut Vec<Error>) -> Self {
        Self {
            keypaths: Keypaths::default(),
            leaves: LeafEntries::default(),
            shapes: WriteShapes::default(),
            usual: UsualEntries::default(),
            length,
            limits,
            issues,
        }
    }

    /// Reads the member. Of two with this name, the last counts.
    fn read(&mut self, json: &mut Json<'a>) -> Result<()> {
        self.keypaths = Keypaths::default();
        self.leaves.clear();
        json.object(|json, name| {
            if let Some(leaf) = self.usual.read(json, &mut self.keypaths, self.limits) {
                self.leaves.push(leaf);
                return Ok(());
            }
            self.general(json, &name)
        })
    }

    /// Reads an entry in any spelling, and learns the spelling of its value.
    fn general(&mut self, json: &mut Json<'a>, name: &str) -> Result<()> {
        let about = |error: Error| error.while_reading(format_args!("entry {name}"));
        let before = self.issues.len();
        let start = json.clone();
        let leaf = self.entry(json).map_err(about)?;
        if before == self.issues.len() {
            self.usual.learn(json.since(&start), &leaf);
        }
        self.leaves.push(leaf);
        if self.leaves.len() == 1 {
            // Entries are about as long as the first one.
            let first = to_usize(json.offset().bytes()).max(1);
            let more = self.length.checked_div(first).unwrap_or_default();
            let more = more.min(MOST_RESERVED);
            self.keypaths.reserve(more);
            self.leaves.reserve(more);
        }
        for issue in self.issues.iter_mut().skip(before) {
            *issue = about(issue.clone());
        }
        Ok(())
    }

    /// Reads an entry, adds its keypath and returns what it says about the leaf.
    fn entry(&mut self, json: &mut Json<'a>) -> Result<LeafEntry> {
        json.peek()?;
        let offset = json.offset();
        let mut keys = false;
        let mut leaf = None;
        json.object(|json, name| {
            match name.as_ref() {
                "key_metadata" => {
                    keys = true;
                    json.array(|json| self.key(json))?;
                }
                "value_metadata" => {
                    leaf = Some(leaf_entry::read(json, &mut self.shapes, self.issues)?);
                }
                _ => {
                    json.skip()?;
                }
            }
            Ok(())
        })?;
        let missing = |member| Error::malformed(offset, format!("no member {member}"));
        if !keys {
            return Err(missing("key_metadata"));
        }
        let leaf = leaf.ok_or_else(|| missing("value_metadata"))?;
        self.keypaths.end();
        Ok(leaf)
    }

    fn key(&mut self, json: &mut Json<'a>) -> Result<()> {
        let most = self.limits.max_keypath;
        if self.keypaths.depth() >= most {
            let reason = format!("keypath of more than {most} keys");
            return Err(Error::new(ErrorKind::Limit, reason).at(json.offset()));
        }
        self.keypaths.key(key_entry::read(json)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Offset;
    use crate::orbax::leaf_entry::ValueType;
    use crate::tree::KeyEntry;

    fn document(keys: &str, value: &str) -> String {
        format!(
            r#"{{"tree_metadata": {{"('a',)": {{"key_metadata": {keys}, "value_metadata": {value}}}}}, "use_zarr3": true}}"#
        )
    }

    const KEYS: &str = r#"[{"key": "a", "key_type": 2}]"#;
    const VALUE: &str = r#"{"value_type": "jax.Array", "skip_deserialize": false}"#;

    fn read(text: &str) -> Result<(TreeMetadata<'_>, Vec<Error>)> {
        let mut issues = Vec::new();
        let metadata = decode(text.as_bytes(), &Limits::default(), &mut issues)?;
        Ok((metadata, issues))
    }

    #[test]
    fn reads_what_orbax_writes() {
        let value =
            r#"{"value_type": "jax.Array", "skip_deserialize": false, "write_shape": [2, 4]}"#;
        let keys = r#"[{"key": "b", "key_type": 2}, {"key": "0", "key_type": 1}]"#;
        let text = document(keys, value);
        let (metadata, issues) = read(&text).unwrap();
        assert!(issues.is_empty());
        assert_eq!(
            metadata.keypaths.get(0),
            [KeyEntry::Mapping("b".into()), KeyEntry::Sequence(0)]
        );
        assert_eq!(
            metadata.leaves.get(0).unwrap().value_type,
            ValueType::JaxArray
        );
        assert_eq!(metadata.write_shapes, [[2, 4]]);
        assert_eq!(metadata.use_ocdbt, None);
        assert_eq!(metadata.use_zarr3, Some(true));
    }

    #[test]
    fn keys_become_text_and_indices_numbers_as_in_python() {
        for (key, kind, wanted) in [
            ("5", "2", KeyEntry::Mapping("5".into())),
            ("null", "2", KeyEntry::Mapping("None".into())),
            ("true", "2.0", KeyEntry::Mapping("True".into())),
            ("\" 1 \"", "1", KeyEntry::Sequence(1)),
            ("\"00\"", "true", KeyEntry::Sequence(0)),
            ("\"+1_0\"", "1", KeyEntry::Sequence(10)),
        ] {
            let text = document(&format!(r#"[{{"key": {key}, "key_type": {kind}}}]"#), VALUE);
            let (metadata, _) = read(&text).unwrap();
            assert_eq!(metadata.keypaths.get(0), [wanted], "{key} {kind}");
        }
    }

    #[test]
    fn refusals_name_the_entry_and_the_member() {
        for (text, reason) in [
            ("{}".to_owned(), "no member tree_metadata"),
            (
                r#"{"tree_metadata": {}}"#.to_owned(),
                "tree_metadata has no leaves",
            ),
            ("[]".to_owned(), "expected an object, found a list"),
            (
                r#"{"tree_metadata": []}"#.to_owned(),
                "expected an object, found a list",
            ),
            (
                document("5", VALUE),
                "entry ('a',): expected a list, found a number",
            ),
            (
                document(r#"[{"key": "a"}]"#, VALUE),
                "entry ('a',): no member key_type in key_metadata",
            ),
            (
                document(r#"[{"key_type": 1}]"#, VALUE),
                "entry ('a',): no member key in key_metadata",
            ),
            (
                document(r#"[{"key": "a", "key_type": 9}]"#, VALUE),
                "entry ('a',): key_type 9: expected 1 (sequence) or 2 (mapping)",
            ),
            (
                document(r#"[{"key": "-1", "key_type": 1}]"#, VALUE),
                "entry ('a',): \"-1\" is not an index into a sequence",
            ),
            (
                document(KEYS, "{}"),
                "entry ('a',): no member value_type in value_metadata",
            ),
            (
                document(KEYS, r#"{"value_type": "jax.Array"}"#),
                "entry ('a',): no member skip_deserialize in value_metadata",
            ),
        ] {
            let error = read(&text).unwrap_err();
            assert_eq!(error.reason(), reason, "{text}");
        }
    }

    #[test]
    fn a_write_shape_that_is_none_is_an_issue() {
        for shape in ["null", "5", "\"ab\"", "[1, -2]", "[\"x\"]"] {
            let value = format!(
                r#"{{"value_type": "jax.Array", "write_shape": {shape}, "skip_deserialize": false}}"#
            );
            let text = document(KEYS, &value);
            let (metadata, issues) = read(&text).unwrap();
            assert_eq!(metadata.leaves.get(0).unwrap().write_shape, None, "{shape}");
            assert_eq!(issues.len(), 1, "{shape}");
        }
    }

    #[test]
    fn a_writer_that_does_not_say_so_may_have_left_chunks_out() {
        for (member, stores_every_chunk) in [
            ("", false),
            (r#", "store_array_data_equal_to_fill_value": false"#, false),
            (r#", "store_array_data_equal_to_fill_value": true"#, true),
        ] {
            let text = document(KEYS, VALUE);
            let text = format!("{}{member}}}", text.strip_suffix('}').unwrap());
            let (metadata, _) = read(&text).unwrap();
            assert_eq!(metadata.stores_every_chunk, stores_every_chunk, "{text}");
        }
    }

    #[test]
    fn every_prefix_is_refused() {
        let text = document(KEYS, VALUE);
        for end in 0..text.len() {
            assert!(read(&text[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn long_keypaths_hit_the_limit() {
        let keys = vec![r#"{"key": "a", "key_type": 2}"#; 1_001].join(",");
        let text = document(&format!("[{keys}]"), VALUE);
        let error = read(&text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit);
        assert!(matches!(error.offset(), Some(Offset::File(at)) if at > 27_000));
    }
}
