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
//! global shape: both lie in the array's Zarr document.
//!
//! The names of the entries are Python's `str()` of a tuple. Nobody parses them: identity and order
//! come from `key_metadata`.
//!
//! Source: orbax `_src/metadata/tree.py`.

use std::borrow::Cow;

use foldhash::HashMap;

use super::key_entry;
use super::usual_entry::UsualEntries;
use crate::error::{Error, ErrorKind, Result, Subject};
use crate::json::{Dialect, Json, Kind};
use crate::limits::Limits;
use crate::tree::Keypaths;

/// The writer's word for a leaf.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ValueType {
    /// A JAX array, also a typed PRNG key.
    JaxArray,
    /// A numpy array.
    NumpyArray,
    /// A Python or numpy scalar, stored as an array of rank 0.
    Scalar,
    /// A text.
    String,
    /// `None`, and every empty node of a type that has no word of its own.
    None,
    /// An empty mapping.
    Dict,
    /// An empty list.
    List,
    /// An empty tuple.
    Tuple,
    /// An empty namedtuple; written with rich types only.
    NamedTuple,
    /// Anything else: a custom handler's type.
    Other(String),
}

impl ValueType {
    /// The type that a writer spells like this.
    pub fn new(text: &str) -> Self {
        match text {
            "jax.Array" => Self::JaxArray,
            "np.ndarray" => Self::NumpyArray,
            "scalar" => Self::Scalar,
            "string" => Self::String,
            "None" => Self::None,
            "Dict" => Self::Dict,
            "List" => Self::List,
            "Tuple" => Self::Tuple,
            "NamedTuple" => Self::NamedTuple,
            other => Self::Other(other.to_owned()),
        }
    }

    /// Whether the leaf is an empty container or `None`, so that nothing is stored for it.
    pub const fn is_empty(&self) -> bool {
        matches!(
            self,
            Self::None | Self::Dict | Self::List | Self::Tuple | Self::NamedTuple
        )
    }

    /// Whether an array is stored for the leaf.
    pub const fn is_array(&self) -> bool {
        matches!(self, Self::JaxArray | Self::NumpyArray | Self::Scalar)
    }
}

/// What the file says of one leaf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeafEntry {
    /// The writer's word for it.
    pub value_type: ValueType,
    /// Whether the value is not in the array store: it is empty, or lies in the aggregate file.
    pub skip_deserialize: bool,
    /// The shape of one shard, by its number in [`TreeMetadata::write_shapes`].
    pub write_shape: Option<usize>,
}

/// The content of the file.
#[derive(Clone, Debug, Default)]
pub struct TreeMetadata<'a> {
    /// The keypath of each leaf, in file order.
    pub keypaths: Keypaths<'a>,
    /// Each leaf, in the same order.
    pub leaves: Vec<LeafEntry>,
    /// The distinct write shapes, in elements.
    pub write_shapes: Vec<Vec<u64>>,
    /// Whether arrays lie in an OCDBT database; releases before 0.11.31 do not say.
    pub use_ocdbt: Option<bool>,
    /// Whether arrays are of Zarr v3; v2 otherwise.
    pub use_zarr3: bool,
    /// Whether the writer stored every chunk, also those that hold nothing but the fill value.
    /// Releases before 0.10.1 left such chunks out, and said nothing.
    pub stores_every_chunk: bool,
    /// The tree with its recorded container types, as JSON text.
    pub rich_types: Option<Cow<'a, str>>,
}

/// Decodes the file.
///
/// A write shape that is none is appended to `issues`; its leaf then has none.
///
/// # Errors
/// `Malformed` if the text is no JSON or lacks a member; `Limit`.
pub fn decode<'a>(
    bytes: &'a [u8],
    limits: &Limits,
    issues: &mut Vec<Error>,
) -> Result<TreeMetadata<'a>> {
    let mut json = Json::new(bytes, Dialect::Python, limits)?;
    let mut metadata = TreeMetadata::default();
    let mut found = false;
    let mut shapes = WriteShapes::default();
    let mut usual = UsualEntries::default();
    json.object(|json, name| {
        match name.as_ref() {
            "tree_metadata" => {
                found = true;
                // Of two members with one name, the last counts.
                metadata.keypaths = Keypaths::default();
                metadata.leaves.clear();
                json.object(|json, name| {
                    if let Some(leaf) = usual.read(json, &mut metadata.keypaths, limits) {
                        metadata.leaves.push(leaf);
                        return Ok(());
                    }
                    let about = |error: Error| error.while_reading(format_args!("entry {name}"));
                    let before = issues.len();
                    let start = json.clone();
                    entry(json, &mut metadata, &mut shapes, limits, issues).map_err(about)?;
                    if before == issues.len()
                        && let Some(leaf) = metadata.leaves.last()
                    {
                        usual.learn(json.since(&start), leaf);
                    }
                    for issue in issues.iter_mut().skip(before) {
                        *issue = about(issue.clone());
                    }
                    Ok(())
                })?;
            }
            "use_ocdbt" => metadata.use_ocdbt = json.optional(Json::truth)?,
            "use_zarr3" => metadata.use_zarr3 = json.truth()?,
            "store_array_data_equal_to_fill_value" => metadata.stores_every_chunk = json.truth()?,
            "value_metadata_tree" => {
                let text = json.peek()? == Kind::String;
                metadata.rich_types = if text { Some(json.string()?) } else { None };
                if !text {
                    json.skip()?;
                }
            }
            _ => {
                json.skip()?;
            }
        }
        Ok(())
    })?;
    json.end()?;
    if !found {
        return Err(Error::new(ErrorKind::Malformed, "no member tree_metadata"));
    }
    if metadata.leaves.is_empty() {
        return Err(Error::new(
            ErrorKind::Malformed,
            "tree_metadata has no leaves",
        ));
    }
    metadata.write_shapes = shapes.distinct;
    Ok(metadata)
}

fn entry<'a>(
    json: &mut Json<'a>,
    metadata: &mut TreeMetadata<'a>,
    shapes: &mut WriteShapes<'a>,
    limits: &Limits,
    issues: &mut Vec<Error>,
) -> Result<()> {
    json.peek()?;
    let offset = json.offset();
    let mut keys = false;
    let mut leaf = None;
    json.object(|json, name| {
        match name.as_ref() {
            "key_metadata" => {
                keys = true;
                json.array(|json| {
                    if metadata.keypaths.depth() >= limits.max_keypath {
                        let reason = format!("keypath of more than {} keys", limits.max_keypath);
                        return Err(Error::new(ErrorKind::Limit, reason).at(json.offset()));
                    }
                    metadata.keypaths.key(key_entry::read(json)?);
                    Ok(())
                })?;
            }
            "value_metadata" => leaf = Some(leaf_entry(json, shapes, issues)?),
            _ => {
                json.skip()?;
            }
        }
        Ok(())
    })?;
    let missing = |member| Err(Error::malformed(offset, format!("no member {member}")));
    match leaf {
        _ if !keys => missing("key_metadata"),
        None => missing("value_metadata"),
        Some(leaf) => {
            metadata.keypaths.end();
            metadata.leaves.push(leaf);
            Ok(())
        }
    }
}

/// One of `{"value_type": "jax.Array", "skip_deserialize": false, "write_shape": [2, 4]}`.
fn leaf_entry<'a>(
    json: &mut Json<'a>,
    shapes: &mut WriteShapes<'a>,
    issues: &mut Vec<Error>,
) -> Result<LeafEntry> {
    json.peek()?;
    let offset = json.offset();
    let (mut value_type, mut skip, mut write_shape) = (None, None, None);
    json.object(|json, name| {
        match name.as_ref() {
            "value_type" => value_type = Some(ValueType::new(&json.string()?)),
            "skip_deserialize" => skip = Some(json.truth()?),
            "write_shape" => {
                json.peek()?;
                let mut ahead = json.clone();
                match shapes.read(json) {
                    Ok(shape) => write_shape = Some(shape),
                    Err(error) if error.kind() == ErrorKind::Malformed => {
                        // Whatever it is, it must still be JSON.
                        ahead.skip()?;
                        *json = ahead;
                        let issue = error.while_reading("write_shape");
                        issues.push(issue.about(Subject::WriteShape));
                    }
                    Err(error) => return Err(error),
                }
            }
            _ => {
                json.skip()?;
            }
        }
        Ok(())
    })?;
    let missing =
        |member| Error::malformed(offset, format!("no member {member} in value_metadata"));
    Ok(LeafEntry {
        value_type: value_type.ok_or_else(|| missing("value_type"))?,
        skip_deserialize: skip.ok_or_else(|| missing("skip_deserialize"))?,
        write_shape,
    })
}

/// The distinct write shapes. Leaves of one kind share one, so it is decoded once per spelling.
#[derive(Default)]
struct WriteShapes<'a> {
    distinct: Vec<Vec<u64>>,
    known: HashMap<&'a str, usize>,
    last: Option<(&'a str, usize)>,
}

impl<'a> WriteShapes<'a> {
    fn read(&mut self, json: &mut Json<'a>) -> Result<usize> {
        let mut ahead = json.clone();
        let text = ahead.skip()?;
        let known = match self.last {
            Some((last, shape)) if last == text => Some(shape),
            _ => self.known.get(text).copied(),
        };
        let shape = if let Some(shape) = known {
            *json = ahead;
            shape
        } else {
            self.distinct.push(json.shape()?);
            self.distinct.len().saturating_sub(1)
        };
        self.known.insert(text, shape);
        self.last = Some((text, shape));
        Ok(shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Offset;
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
        assert_eq!(metadata.leaves[0].value_type, ValueType::JaxArray);
        assert_eq!(metadata.write_shapes, [[2, 4]]);
        assert_eq!(metadata.use_ocdbt, None);
        assert!(metadata.use_zarr3);
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
                "entry ('a',): \"-1\" is no index into a sequence",
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
            assert_eq!(metadata.leaves[0].write_shape, None, "{shape}");
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
