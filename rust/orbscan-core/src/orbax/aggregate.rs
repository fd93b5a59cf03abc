//! `checkpoint`: the aggregate file, a whole pytree in msgpack.
//!
//! Before 0.5.16 every item directory had one. It contains small leaves as values, and arrays
//! stored elsewhere as a string `PLACEHOLDER://<param name>`. Until 0.4.3 it is the only record of
//! the tree. Flax writes the same form, without placeholders.
//!
//! | extension | is | payload |
//! |---|---|---|
//! | 1 | ndarray | `[shape, dtype name, bytes]` |
//! | 2 | Python complex | `[real, imaginary]` |
//! | 3 | numpy scalar | as 1 |
//! | 4 | tuple | a list |
//!
//! An array of more than 2^30 bytes is a map of its own: `{"__msgpack_chunked_array__": true,
//! "shape": {"0": …}, "chunks": {"0": ndarray, …}}`.
//!
//! Source: orbax `msgpack_utils.py`, flax `serialization.py`, orbax `utils.py` (placeholders).

mod value;

use std::borrow::Cow;

use crate::cursor::to_u64;
use crate::error::{Error, ErrorKind, Offset, Result};
use crate::limits::Limits;
use crate::msgpack::{Msgpack, Token};
use crate::tree::{Container, KeyEntry, Keypaths, Nest, Tree};

pub use value::AggregateValue;

/// A decoded aggregate file.
#[derive(Clone, Debug)]
pub struct Aggregate<'a> {
    /// The tree; its leaves are numbered as [`Aggregate::leaves`].
    pub tree: Tree,
    /// The keypath of each leaf.
    pub keypaths: Keypaths<'a>,
    /// The leaves, in file order.
    pub leaves: Vec<AggregateValue>,
}

/// Decodes one aggregate file. Offsets in errors count from its start.
///
/// # Errors
/// `Malformed` if it is not msgpack of the form above; `Unsupported` for other extensions and keys;
/// `Limit` if it is nested too deeply, or its keypaths together are too long.
pub fn decode<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Aggregate<'a>> {
    let length = to_u64(bytes.len());
    if length > limits.max_document_bytes {
        let most = limits.max_document_bytes;
        let reason = format!("document of {length} bytes, the limit is {most}");
        return Err(Error::new(ErrorKind::Limit, reason));
    }
    let mut reading = Reading {
        msgpack: Msgpack::new(bytes, Offset::File(0)),
        limits,
        open: Vec::new(),
        path: Vec::new(),
        nest: Nest::default(),
        keypaths: Keypaths::default(),
        key_entries: 0,
        leaves: Vec::new(),
    };
    let top = reading.tree()?;
    reading.msgpack.finish()?;
    Ok(Aggregate {
        tree: reading.nest.into_tree(top),
        keypaths: reading.keypaths,
        leaves: reading.leaves,
    })
}

/// A container whose values are being read.
struct Open {
    kind: Container,
    /// The number of values still to be read.
    left: u64,
    /// The nodes of the values that were read, with their keys.
    children: Vec<(Option<String>, usize)>,
    /// The end of the payload that it must fill.
    end: Option<Offset>,
}

struct Reading<'a, 'l> {
    msgpack: Msgpack<'a>,
    limits: &'l Limits,
    /// The containers around the next value.
    open: Vec<Open>,
    /// The keypath of the next value.
    path: Vec<KeyEntry<'a>>,
    nest: Nest,
    keypaths: Keypaths<'a>,
    key_entries: usize,
    leaves: Vec<AggregateValue>,
}

impl Reading<'_, '_> {
    /// Reads the whole tree and returns the node at its top.
    fn tree(&mut self) -> Result<usize> {
        loop {
            let Some(mut node) = self.value()? else {
                // A container was opened: its first value is next.
                continue;
            };
            // A node is complete; it may complete the containers around it.
            loop {
                let Some(parent) = self.open.last_mut() else {
                    return Ok(node);
                };
                let key = match self.path.pop() {
                    Some(KeyEntry::Mapping(key)) => Some(key.into_owned()),
                    _ => None,
                };
                parent.children.push((key, node));
                if parent.left > 0 {
                    self.key()?;
                    break;
                }
                node = self.close()?;
            }
        }
    }

    /// Reads one value: returns the node of a leaf, or `None` if it opened a container.
    fn value(&mut self) -> Result<Option<usize>> {
        let offset = self.msgpack.offset();
        let value = match self.msgpack.token()? {
            Token::Nil => AggregateValue::None,
            Token::Bool(_) => AggregateValue::Bool,
            Token::Integer(_) => AggregateValue::Integer,
            Token::Float(_) => AggregateValue::Float,
            Token::Bytes(_) => AggregateValue::Bytes,
            Token::String(bytes) => value::text(bytes, offset)?,
            Token::Map(0) => AggregateValue::EmptyDict,
            Token::List(0) => AggregateValue::EmptyList,
            Token::Map(3) if value::is_chunked(&self.msgpack) => {
                value::chunked(&mut self.msgpack, offset)?
            }
            Token::Map(count) => return self.open(Container::Dict, count, None, offset),
            Token::List(count) => return self.open(Container::List, count, None, offset),
            Token::Extension(4, length) => match self.tuple(length)? {
                (0, _) => AggregateValue::EmptyTuple,
                (count, end) => return self.open(Container::Tuple, count, Some(end), offset),
            },
            Token::Extension(code, length) => {
                value::extension(code, self.msgpack.payload(length)?, offset)?
            }
        };
        self.leaf(value).map(Some)
    }

    fn leaf(&mut self, value: AggregateValue) -> Result<usize> {
        self.key_entries = self.key_entries.saturating_add(self.path.len());
        if self.key_entries > self.limits.max_keypath_entries {
            let most = self.limits.max_keypath_entries;
            let reason = format!("keypaths of more than {most} entries together");
            return Err(Error::new(ErrorKind::Limit, reason).at(self.msgpack.offset()));
        }
        for key in &self.path {
            self.keypaths.key(key.clone());
        }
        self.keypaths.end();
        let node = self.nest.leaf(self.leaves.len());
        self.leaves.push(value);
        Ok(node)
    }

    /// Opens a container of `count` values, at least one, and reads the key of the first.
    fn open(
        &mut self,
        kind: Container,
        count: u64,
        end: Option<Offset>,
        offset: Offset,
    ) -> Result<Option<usize>> {
        let most = self.limits.max_nesting;
        if to_u64(self.open.len()) >= most.into() {
            let reason = format!("nested more than {most} levels deep");
            return Err(Error::new(ErrorKind::Limit, reason).at(offset));
        }
        self.open.push(Open {
            kind,
            left: count,
            children: Vec::new(),
            end,
        });
        self.key().map(|()| None)
    }

    /// Moves on to the next value of the innermost container.
    fn key(&mut self) -> Result<()> {
        let Some(open) = self.open.last_mut() else {
            return Ok(());
        };
        open.left = open.left.saturating_sub(1);
        let key = match open.kind {
            Container::Dict => KeyEntry::Mapping(map_key(&mut self.msgpack)?),
            _ => KeyEntry::Sequence(to_u64(open.children.len())),
        };
        self.path.push(key);
        Ok(())
    }

    /// Closes the innermost container and returns its node.
    fn close(&mut self) -> Result<usize> {
        let Some(open) = self.open.pop() else {
            return Err(self.msgpack.malformed("nothing to close"));
        };
        if open.end.is_some_and(|end| end != self.msgpack.offset()) {
            let reason = "a tuple does not end where its extension does";
            return Err(self.msgpack.malformed(reason));
        }
        Ok(self.nest.container(open.kind, open.children))
    }

    /// The head of a tuple's payload: the number of its values, and where it ends.
    fn tuple(&mut self, length: u64) -> Result<(u64, Offset)> {
        // Checks that the payload is complete.
        self.msgpack.clone().payload(length)?;
        let end = self.msgpack.offset().plus(length);
        let offset = self.msgpack.offset();
        match self.msgpack.token()? {
            Token::List(0) if self.msgpack.offset() != end => Err(self
                .msgpack
                .malformed("a tuple does not end where its extension does")),
            Token::List(count) => Ok((count, end)),
            other => {
                let reason = format!("expected the list of a tuple, found {}", other.name());
                Err(Error::malformed(offset, reason))
            }
        }
    }
}

/// A key as text: strings as they are, other keys as Python's `str` spells them.
fn map_key<'a>(msgpack: &mut Msgpack<'a>) -> Result<Cow<'a, str>> {
    let offset = msgpack.offset();
    match msgpack.clone().token()? {
        Token::Integer(number) => {
            msgpack.token()?;
            Ok(Cow::Owned(number.to_string()))
        }
        Token::String(_) => msgpack.string().map(Cow::Borrowed),
        other => {
            let reason = format!("a key that is {}", other.name());
            Err(Error::new(ErrorKind::Unsupported, reason).at(offset))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Written by 0.5.10: `{'a': float32[2], 'b': {'c': float32[3], 'f': 0.5, 'n': 4}, 'l':
    /// [float32[1]]}`.
    const WHOLE: &[u8] = b"\x83\xa1a\xc7\x15\x01\x93\x91\x02\xa7float32\xc4\x08\xf8\xff\x95\xbe\xa6r\x8a\xbe\xa1b\x83\xa1c\xc7\x19\x01\x93\x91\x03\xa7float32\xc4\x0c\xc9 /\xbde\xea\x05\xc0\x1bR\x82\xbe\xa1f\xcb?\xe0\0\0\0\0\0\0\xa1n\x04\xa1l\x91\xc7\x11\x01\x93\x91\x01\xa7float32\xc4\x04\xf7b\xac\xbf";

    /// Written by 0.1.8: `a` in-line, `b.c` stored elsewhere, `e` an empty mapping, `z` None.
    const PARTLY: &[u8] = b"\x84\xa1a\xc7\x15\x01\x93\x91\x02\xa7float32\xc4\x08\xbb\xe6\xb8>\xa8\xae\xcd\xbf\xa1b\x82\xa1c\xb1PLACEHOLDER://b.c\xa1n\x04\xa1e\x80\xa1z\xc0";

    /// Each leaf as its param name and value.
    fn read(bytes: &[u8]) -> Result<Vec<(String, AggregateValue)>> {
        let aggregate = decode(bytes, &Limits::default())?;
        assert_eq!(aggregate.keypaths.len(), aggregate.leaves.len());
        let names = (0..aggregate.keypaths.len()).map(|i| aggregate.keypaths.param_name(i));
        Ok(names.zip(aggregate.leaves).collect())
    }

    fn array(shape: &[u64], dtype: &str) -> AggregateValue {
        AggregateValue::Array {
            shape: shape.to_vec(),
            dtype: dtype.to_owned(),
        }
    }

    #[test]
    fn a_file_with_all_values_in_line_is_read() {
        let leaves = [
            ("a", array(&[2], "float32")),
            ("b.c", array(&[3], "float32")),
            ("b.f", AggregateValue::Float),
            ("b.n", AggregateValue::Integer),
            ("l.0", array(&[1], "float32")),
        ];
        let leaves = leaves.map(|(name, value)| (name.to_owned(), value));
        assert_eq!(read(WHOLE).unwrap(), leaves);
    }

    #[test]
    fn placeholders_and_empty_nodes_are_read() {
        let leaves = [
            ("a", array(&[2], "float32")),
            ("b.c", AggregateValue::Placeholder("b.c".to_owned())),
            ("b.n", AggregateValue::Integer),
            ("e", AggregateValue::EmptyDict),
            ("z", AggregateValue::None),
        ];
        let leaves = leaves.map(|(name, value)| (name.to_owned(), value));
        assert_eq!(read(PARTLY).unwrap(), leaves);
    }

    #[test]
    fn every_kind_of_leaf_is_told_apart() {
        for (bytes, value) in [
            (&b"\xc0"[..], AggregateValue::None),
            (b"\xc3", AggregateValue::Bool),
            (b"\x05", AggregateValue::Integer),
            (b"\xca\0\0\0\0", AggregateValue::Float),
            (b"\xa1x", AggregateValue::String),
            (b"\xc4\x01x", AggregateValue::Bytes),
            (b"\x80", AggregateValue::EmptyDict),
            (b"\x90", AggregateValue::EmptyList),
            (b"\xd4\x04\x90", AggregateValue::EmptyTuple),
            (
                b"\xc7\x13\x02\x92\xcb\0\0\0\0\0\0\0\0\xcb\0\0\0\0\0\0\0\0",
                AggregateValue::Complex,
            ),
            (
                b"\xc7\x0a\x03\x93\x90\xa4int8\xc4\x01\x07",
                AggregateValue::NumpyScalar {
                    dtype: "int8".to_owned(),
                },
            ),
            (b"\xc7\x0a\x01\x93\x91\0\xa4bool\xc4\0", array(&[0], "bool")),
            (b"\xc7\x0a\x01\x93\x90\xa5str32\xa1\0", array(&[], "str32")),
            (
                b"\xafAGGREGATED://ab",
                AggregateValue::Placeholder("ab".to_owned()),
            ),
        ] {
            assert_eq!(read(bytes).unwrap(), [(String::new(), value)], "{bytes:?}");
        }
    }

    #[test]
    fn lists_tuples_and_maps_keep_their_kinds() {
        use crate::tree::Content;
        // {1: [(None,)]}
        let aggregate = decode(b"\x81\x01\x91\xd5\x04\x91\xc0", &Limits::default()).unwrap();
        let kinds: Vec<_> = aggregate
            .tree
            .nodes
            .iter()
            .map(|node| &node.content)
            .collect();
        assert_eq!(
            kinds,
            [
                &Content::Children(Container::Dict, 1..2),
                &Content::Children(Container::List, 2..3),
                &Content::Children(Container::Tuple, 3..4),
                &Content::Leaf(0),
            ]
        );
        assert!(aggregate.tree.keys.iter().eq(["1"]));
        assert_eq!(aggregate.keypaths.param_name(0), "1.0.0");
    }

    #[test]
    fn a_chunked_array_is_one_leaf() {
        let mut file = b"\x81\xa1w\x83\xb9__msgpack_chunked_array__\xc3".to_vec();
        file.extend(b"\xa5shape\x82\xa10\x02\xa11\x02\xa6chunks\x82");
        for key in [b"\xa10", b"\xa11"] {
            file.extend(key);
            file.extend(b"\xc7\x0c\x01\x93\x91\x02\xa4int8\xc4\x02\x01\x02");
        }
        let leaf = ("w".to_owned(), array(&[2, 2], "int8"));
        assert_eq!(read(&file).unwrap(), [leaf]);
        for end in 0..file.len() {
            assert!(read(&file[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn refusals_name_kind_and_byte() {
        use ErrorKind::{Malformed, Unsupported};
        for (bytes, kind, at) in [
            (&b""[..], Malformed, 0),
            (b"\x81\xa1a", Malformed, 3),
            (b"\xc0\xc0", Malformed, 1),
            (b"\x81\xc0\xc0", Unsupported, 1),
            (b"\x81\xa1\xff\xc0", Malformed, 1),
            (b"\x91\xa1\xff", Malformed, 1),
            (b"\x91\xd4\x05\0", Unsupported, 1),
            (b"\x91\xd4\x01\0", Malformed, 1),
            (b"\xc7\x0a\x01\x93\x91\x02\xa4int8\xc4\0", Malformed, 0),
            (b"\xd4\x04\xc0", Malformed, 2),
            (b"\xd5\x04\x92\xc0\xc0", Malformed, 5),
            (b"\xd5\x04\x90\xc0", Malformed, 3),
            (b"\xd5\x04\x91", Malformed, 2),
            (b"\xdf\xff\xff\xff\xff", Malformed, 5),
        ] {
            let error = read(bytes).unwrap_err();
            let found = (error.kind(), error.offset());
            assert_eq!(found, (kind, Some(Offset::File(at))), "{bytes:x?}: {error}");
        }
    }

    #[test]
    fn nesting_and_keypaths_are_limited() {
        let mut deep = vec![0x91; 501];
        deep.push(0xc0);
        let error = read(&deep).unwrap_err();
        let found = (error.kind(), error.offset());
        assert_eq!(found, (ErrorKind::Limit, Some(Offset::File(500))));
        let limits = Limits {
            max_keypath_entries: 5,
            ..Limits::default()
        };
        let three = b"\x91\x93\xc0\xc0\xc0";
        let error = decode(three, &limits).unwrap_err();
        let found = (error.kind(), error.offset());
        assert_eq!(found, (ErrorKind::Limit, Some(Offset::File(5))));
    }

    #[test]
    fn every_prefix_is_refused() {
        for file in [WHOLE, PARTLY] {
            for end in 0..file.len() {
                assert!(read(&file[..end]).is_err(), "{end}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_changed_byte_gives_a_value_or_an_error(at in 0..97_usize, byte: u8) {
            let mut file = WHOLE.to_vec();
            let at = at % file.len();
            file[at] = byte;
            if let Err(error) = read(&file) {
                prop_assert!(error.offset().is_some(), "{error}");
            }
        }
    }
}
