//! Any one file of a checkpoint, field by field, with the offset of each.
//!
//! A reader wants values and stops at the first fault; who looks into a damaged file wants to see
//! everything up to the fault. So each file is walked leniently here, with the cursors and parsers of
//! its decoder, and every field is noted on the way; then the decoder itself says what is wrong, if
//! anything is. Nothing is checked twice: a walk only ever ends where its bytes do.

mod btree;
mod document;
mod fields;
mod manifest;
mod msgpack;
mod node;
mod references;
mod safetensors;
mod version_node;

pub use fields::{Field, Fields, Value};

use bytes::Bytes;
use fields::Room;

use crate::error::{Error, ErrorKind, Offset};
use crate::limits::Limits;
use crate::ocdbt::envelope::Content;
use crate::orbax::names;

/// One structure, taken apart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dump {
    /// What it is, in words: `OCDBT manifest`.
    pub kind: &'static str,
    /// Its fields in order; a field is followed by those inside it, which have a greater level.
    pub fields: Vec<Field>,
    /// What is wrong with it.
    pub error: Option<Error>,
}

/// Takes a file apart: all structures in it, in order. A data file may hold any number of nodes,
/// which are found by their first bytes.
pub fn file(name: &str, bytes: &Bytes, limits: &Limits) -> Vec<Dump> {
    let base = name.rsplit('/').next().unwrap_or_default();
    let one = match base {
        names::TREE_METADATA => document::tree_metadata(bytes, limits),
        names::SHARDING => document::shardings(bytes, limits),
        names::CHECKPOINT_METADATA => document::checkpoint_metadata(bytes, limits),
        names::ZARR_V2 => document::zarr_v2(bytes, limits),
        names::ZARR_V3 => document::zarr_v3(bytes, limits),
        names::AGGREGATE => msgpack::aggregate(bytes, limits),
        _ if base.ends_with(names::SAFETENSORS_SUFFIX) => safetensors::file(bytes, limits),
        _ => return unnamed(base, bytes, limits),
    };
    vec![one]
}

/// Takes apart what lies in `bytes`, a part of a file that begins at `at`.
pub fn part(bytes: &Bytes, at: u64, limits: &Limits) -> Vec<Dump> {
    let at = Offset::File(at);
    if let Some(content) = content(bytes) {
        return vec![node::dump(bytes, content, at, Room::of(bytes.len(), limits), limits).0];
    }
    match bytes.first() {
        Some(b'{') => vec![document::any(bytes, at, limits)],
        _ => vec![unknown(at)],
    }
}

fn unnamed(name: &str, bytes: &Bytes, limits: &Limits) -> Vec<Dump> {
    let start = Offset::File(0);
    let whole = content(bytes).filter(|_| node::claimed_length(bytes) == Some(bytes.len()));
    let mut room = Room::of(bytes.len(), limits);
    if names::is_manifest(name) || whole == Some(Content::Manifest) {
        return vec![node::dump(bytes, Content::Manifest, start, room, limits).0];
    }
    let mut found = Vec::new();
    for (at, length, content) in node::find(bytes) {
        let end = at.saturating_add(length).min(bytes.len());
        let node = bytes.slice(at.min(end)..end);
        let at = Offset::File(crate::cursor::to_u64(at));
        let (dump, left) = node::dump(&node, content, at, room, limits);
        let is_full = dump.error.as_ref().map(Error::kind) == Some(ErrorKind::Limit);
        found.push(dump);
        // All that follows would be refused in the same words.
        if is_full {
            break;
        }
        room = left;
    }
    match bytes.first() {
        _ if !found.is_empty() => found,
        Some(b'{' | b'[') => vec![document::any(bytes, start, limits)],
        _ => vec![unknown(start)],
    }
}

/// What the first four bytes say.
fn content(bytes: &[u8]) -> Option<Content> {
    let magic = u32::from_be_bytes(*bytes.first_chunk()?);
    Content::ALL
        .into_iter()
        .find(|content| content.magic() == magic)
}

fn unknown(at: Offset) -> Dump {
    let reason = "no known kind of file: neither its name nor its first bytes tell one, and no \
                  OCDBT node lies in it";
    Dump {
        kind: "unknown",
        fields: Vec::new(),
        error: Some(Error::new(ErrorKind::Unsupported, reason).at(at)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::ocdbt_writer::{LeafValue, Packing, leaf_body, reseal, seal};

    fn leaf() -> Bytes {
        let entries = [
            (b"a/.zarray".to_vec(), LeafValue::Inline(b"{}".to_vec())),
            (b"a/0".to_vec(), LeafValue::Inline(b"\x1b[2J".to_vec())),
        ];
        seal(
            Content::BtreeNode,
            &leaf_body(&[], &entries),
            Packing::Plain,
        )
        .into()
    }

    fn one(name: &str, bytes: impl Into<Bytes>) -> Dump {
        let mut dumps = file(name, &bytes.into(), &Limits::default());
        assert_eq!(dumps.len(), 1);
        dumps.remove(0)
    }

    fn value<'d>(dump: &'d Dump, name: &str) -> Option<(Option<Offset>, &'d Value)> {
        let field = dump.fields.iter().find(|field| field.name == name)?;
        Some((field.at, &field.value))
    }

    #[test]
    fn every_field_has_its_offset() {
        let dump = one("d/x", leaf());
        assert_eq!(dump.error, None);
        let at = |at| Some(Offset::File(at));
        assert_eq!(value(&dump, "height"), Some((at(14), &Value::Number(0))));
        let found = value(&dump, "a/.zarray");
        assert_eq!(found, Some((at(34), &Value::Bytes(b"{}".to_vec()))));
    }

    #[test]
    fn nodes_are_found_wherever_they_lie() {
        let (before, node) = ([7; 20], leaf());
        let cut = node.get(..20).unwrap_or_default();
        let bytes = [&before[..], &node, b"\x0c\xdb", &node, cut].concat();
        let dumps = file("d/x", &bytes.into(), &Limits::default());
        let whole: Vec<bool> = dumps.iter().map(|dump| dump.error.is_none()).collect();
        assert_eq!(whole, [true, true, false]);
        let starts: Vec<_> = dumps.iter().map(|dump| dump.fields[0].at).collect();
        let expected = [20, 22 + node.len(), 22 + 2 * node.len()];
        assert_eq!(starts, expected.map(|at| Some(Offset::File(at as u64))));
    }

    #[test]
    fn a_wrong_length_hides_no_node_behind_it() {
        let node = leaf();
        let bytes = node.repeat(3);
        for (at, bit) in [(4, 1), (5, 1), (6, 0x80), (11, 0x80)] {
            let mut bytes = bytes.clone();
            bytes[at] ^= bit;
            let dumps = file("d/x", &bytes.into(), &Limits::default());
            let whole: Vec<bool> = dumps.iter().map(|dump| dump.error.is_none()).collect();
            assert_eq!(whole, [false, true, true], "byte {at}");
        }
    }

    #[test]
    fn all_nodes_of_a_file_share_its_room() {
        // Keys that grow by a byte each: a few thousand bytes that spell out four megabytes.
        let keys: Vec<Vec<u8>> = (1..3_000).map(|length| vec![b'k'; length]).collect();
        let entries: Vec<_> = keys
            .into_iter()
            .map(|key| (key, LeafValue::Inline(Vec::new())))
            .collect();
        let node = seal(
            Content::BtreeNode,
            &leaf_body(&[], &entries),
            Packing::Plain,
        );
        let limits = Limits {
            max_dump_bytes: 20_000_000,
            ..Limits::default()
        };
        let dumps = file("d/x", &node.repeat(100).into(), &limits);
        let last = dumps.last().and_then(|dump| dump.error.as_ref());
        assert_eq!(last.map(Error::kind), Some(ErrorKind::Limit));
        assert!((1..10).contains(&dumps.len()), "{}", dumps.len());
        let noted = dumps.iter().flat_map(|dump| &dump.fields);
        let noted: usize = noted.map(|field| field.name.len()).sum();
        assert!(noted < 20_000_000, "{noted}");
    }

    #[test]
    fn what_lies_behind_a_wrong_checksum_is_shown() {
        let mut bytes = leaf().to_vec();
        let end = bytes.len() - 1;
        bytes[end] ^= 1;
        let dump = one("d/x", bytes);
        assert_eq!(dump.error.clone().unwrap().kind(), ErrorKind::Checksum);
        assert!(value(&dump, "a/0").is_some());
    }

    /// Whatever is cut off, what is left is shown as it was shown before.
    #[test]
    fn everything_up_to_the_end_is_shown() {
        let whole = one("d/x", leaf()).fields;
        for end in 18..leaf().len() - 4 {
            let mut cut = leaf().get(..end).unwrap().to_vec();
            reseal(&mut cut, 0);
            let dump = one("d/x", cut);
            assert!(dump.error.is_some(), "{end}");
            let body = |field: &&Field| {
                field.at.is_some_and(|at| at.bytes() >= 14) && field.name != "checksum"
            };
            for (shown, before) in dump
                .fields
                .iter()
                .filter(body)
                .zip(whole.iter().filter(body))
            {
                assert_eq!((shown.at, &shown.name), (before.at, &before.name), "{end}");
            }
        }
    }

    #[test]
    fn a_document_is_shown_up_to_its_fault() {
        let dump = one("state/_METADATA", &b"{\"tree_metadata\": {\"x\": nul"[..]);
        let names: Vec<&str> = dump
            .fields
            .iter()
            .map(|field| field.name.as_str())
            .collect();
        assert_eq!(names, ["document", "tree_metadata"]);
        assert_eq!(dump.error.unwrap().offset(), Some(Offset::File(24)));
    }

    #[test]
    fn what_is_nothing_known_is_an_error() {
        let dump = one("notes.txt", &b"hello"[..]);
        assert_eq!(dump.error.unwrap().kind(), ErrorKind::Unsupported);
    }
}
