//! Any one file of a checkpoint, field by field, with the offset of each.
//!
//! A reader wants values and stops at the first fault; someone who inspects a damaged file wants to
//! see everything up to the fault. So each file is walked leniently here, with the cursors and
//! parsers of its decoder, and every field is noted on the way; then the decoder itself says what
//! is wrong, if anything is. Nothing is checked twice: a walk ends only where its bytes end.

mod around;
mod btree;
mod chunk;
mod database;
mod document;
mod fields;
pub mod known;
mod manifest;
mod msgpack;
mod node;
mod references;
mod safetensors;
mod text;
mod version_node;

pub use fields::{Field, Fields, Piece, Sink, Value};

use bytes::Bytes;
use fields::{Room, TOLD_AT_ONCE};

use known::FileKind;

use crate::error::{Error, ErrorKind, Offset, Result};
use crate::limits::Limits;
use crate::ocdbt::envelope::Content;
use crate::path::StorePath;
use crate::stand_in;
use crate::store::{EntryKind, Store, Want};

/// The dump of one structure.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dump {
    /// What it is, in words: `OCDBT manifest`.
    pub kind: &'static str,
    /// What it is for, in words; empty if that is not known.
    pub meaning: String,
    /// Its fields in order; a field is followed by its children, which have a greater level.
    pub fields: Vec<Field>,
    /// What is wrong with it.
    pub error: Option<Error>,
}

/// Where a document is written to while it is walked, if anywhere.
#[derive(Default)]
struct Out<'s> {
    sink: Option<&'s mut Sink<'s>>,
    /// Whether the sink was told that a structure begins.
    begun: bool,
}

impl Out<'_> {
    fn begin(&mut self, kind: &'static str, meaning: &str) -> Result<()> {
        let Some(sink) = &mut self.sink else {
            return Ok(());
        };
        self.begun = true;
        sink(Piece::Begins(kind, meaning.to_owned()))
    }

    /// Passes on the dumps that are finished; they begin with the rest of what was passed on
    /// before.
    fn tell(mut self, dumps: Vec<Dump>) -> Result<()> {
        let mut begun = self.begun;
        let Some(sink) = self.sink() else {
            return Ok(());
        };
        for dump in dumps {
            if !std::mem::take(&mut begun) {
                sink(Piece::Begins(dump.kind, dump.meaning))?;
            }
            let mut fields = dump.fields.into_iter();
            loop {
                let some: Vec<Field> = fields.by_ref().take(TOLD_AT_ONCE).collect();
                if some.is_empty() {
                    break;
                }
                sink(Piece::Fields(some))?;
            }
            sink(Piece::Ends(dump.error))?;
        }
        Ok(())
    }

    fn sink(&mut self) -> Option<&mut Sink<'_>> {
        match &mut self.sink {
            Some(sink) => Some(&mut **sink),
            None => None,
        }
    }
}

/// As [`file_in`], but in pieces: a document of any size while it is walked, everything else
/// afterwards.
///
/// # Errors
/// As [`file_in`], and whatever `sink` returns.
pub fn pieces_in<'s>(
    store: &dyn Store,
    path: &StorePath,
    limits: &Limits,
    sink: &'s mut Sink<'s>,
) -> Result<()> {
    let mut out = Out {
        sink: Some(sink),
        begun: false,
    };
    let dumps = walk(store, path, limits, &mut out)?;
    out.tell(dumps)
}

/// As [`part`], but in pieces.
///
/// # Errors
/// Whatever `sink` returns.
pub fn pieces_of_part<'s>(
    bytes: &Bytes,
    at: u64,
    limits: &Limits,
    sink: &'s mut Sink<'s>,
) -> Result<()> {
    let out = Out {
        sink: Some(sink),
        begun: false,
    };
    out.tell(part(bytes, at, limits))
}

/// Dumps a file of a store: all its structures, in order. If its own name does not say what it is,
/// its surroundings do.
///
/// # Errors
/// `NotFound`, `Malformed` if it is a directory; `Limit`; `Store`.
pub fn file_in(store: &dyn Store, path: &StorePath, limits: &Limits) -> Result<Vec<Dump>> {
    walk(store, path, limits, &mut Out::default())
}

fn walk(
    store: &dyn Store,
    path: &StorePath,
    limits: &Limits,
    out: &mut Out<'_>,
) -> Result<Vec<Dump>> {
    let named = FileKind::of_name(path.as_str());
    let found = store
        .stat(std::slice::from_ref(path))
        .pop()
        .transpose()?
        .flatten();
    let found = found.filter(|stat| stat.kind == EntryKind::File);
    if let (None, Some(stat)) = (named, found)
        && let Some(array) = around::array_above(store, path, limits)?
        && let Some(dump) = chunk::dump(&array, stat.size, limits)
    {
        // Chunks may be large, and only their presence matters.
        let head = stat.size.min(stand_in::MAX_BYTES);
        let head = store.fetch_one(Want::range(path.clone(), 0, head))?;
        let pointer = text::pointer(Some(FileKind::Chunk), &head, limits);
        return Ok(vec![pointer.unwrap_or(dump)]);
    }
    let bytes = store.fetch_one(Want::whole(path.clone(), limits.max_document_bytes))?;
    let kind = match named {
        Some(FileKind::DeletionRecord) => {
            let metadata = around::checkpoint_metadata(store, path, limits);
            return Ok(vec![document::deletion_record(
                &bytes,
                metadata.as_deref(),
                limits,
            )]);
        }
        Some(FileKind::JsonItem) if around::is_about_steps(store, path)? => {
            Some(FileKind::RootMetadata)
        }
        named => named,
    };
    let is_data_file = kind.is_none() && FileKind::is_data_file(path.as_str());
    if is_data_file && stand_in::remark(&bytes).is_empty() {
        let mut found = nodes(&bytes, limits);
        let content = database::content(store, path, limits)?;
        let beside = content.beside(&found, bytes.len(), limits);
        found.extend(beside);
        return Ok(found);
    }
    Ok(of_kind(kind, path.as_str(), &bytes, limits, out))
}

/// Dumps a file of which only the path and the bytes are known. A data file may hold any number of
/// nodes, which are found by their first bytes.
pub fn file(path: &str, bytes: &Bytes, limits: &Limits) -> Vec<Dump> {
    let kind = FileKind::of_name(path);
    of_kind(kind, path, bytes, limits, &mut Out::default())
}

fn of_kind(
    kind: Option<FileKind>,
    path: &str,
    bytes: &Bytes,
    limits: &Limits,
    out: &mut Out<'_>,
) -> Vec<Dump> {
    if let Some(pointer) = text::pointer(kind, bytes, limits) {
        return vec![pointer];
    }
    if let Some(stranger) = text::stranger(kind, path, bytes) {
        return vec![stranger];
    }
    let one = match kind {
        None => return unnamed(path, bytes, limits),
        Some(FileKind::Manifest | FileKind::NumberedManifest) => {
            let room = Room::of(bytes.len(), limits);
            node::dump(bytes, Content::Manifest, Offset::File(0), room, limits).0
        }
        Some(FileKind::Aggregate) => msgpack::aggregate(bytes, limits),
        Some(FileKind::Safetensors) => safetensors::file(bytes, limits),
        Some(
            kind @ (FileKind::V1Marker
            | FileKind::CommitMarker
            | FileKind::Proto
            | FileKind::Descriptor
            | FileKind::Replicator
            | FileKind::Lock),
        ) => text::file(kind, bytes, limits),
        Some(kind @ (FileKind::DataFile | FileKind::Chunk)) => text::opaque(kind, bytes, limits),
        Some(kind @ FileKind::ZarrV3) => document::group(bytes, limits)
            .unwrap_or_else(|| document::known(kind, bytes, limits, out)),
        Some(kind) => document::known(kind, bytes, limits, out),
    };
    vec![one]
}

/// Dumps `bytes`, a part of a file that begins at `at`.
pub fn part(bytes: &Bytes, at: u64, limits: &Limits) -> Vec<Dump> {
    let at = Offset::File(at);
    if let Some(content) = content(bytes) {
        return vec![node::dump(bytes, content, at, Room::of(bytes.len(), limits), limits).0];
    }
    match bytes.first() {
        Some(b'{') => vec![document::part(bytes, at, limits)],
        _ => vec![text::unknown(at)],
    }
}

fn unnamed(path: &str, bytes: &Bytes, limits: &Limits) -> Vec<Dump> {
    let found = nodes(bytes, limits);
    match bytes.first() {
        _ if !found.is_empty() => found,
        _ if FileKind::is_data_file(path) => vec![text::opaque(FileKind::DataFile, bytes, limits)],
        Some(b'{' | b'[') => vec![document::other(bytes, limits)],
        _ => vec![msgpack::map(bytes, limits).unwrap_or_else(|| text::unwritten(path))],
    }
}

/// The manifest that the file is, or the nodes in it.
fn nodes(bytes: &Bytes, limits: &Limits) -> Vec<Dump> {
    let whole = content(bytes).filter(|_| node::claimed_length(bytes) == Some(bytes.len()));
    let mut room = Room::of(bytes.len(), limits);
    if whole == Some(Content::Manifest) {
        return vec![node::dump(bytes, Content::Manifest, Offset::File(0), room, limits).0];
    }
    let mut found = Vec::new();
    for (at, length, content) in node::find(bytes) {
        let end = at.saturating_add(length).min(bytes.len());
        let node = bytes.slice(at.min(end)..end);
        let at = Offset::File(crate::cursor::to_u64(at));
        let (dump, left) = node::dump(&node, content, at, room, limits);
        let is_full = dump.error.as_ref().map(Error::kind) == Some(ErrorKind::Limit);
        found.push(dump);
        // Everything that follows would be refused with the same words.
        if is_full {
            break;
        }
        room = left;
    }
    found
}

/// What the first four bytes say.
fn content(bytes: &[u8]) -> Option<Content> {
    let magic = u32::from_be_bytes(*bytes.first_chunk()?);
    Content::ALL
        .into_iter()
        .find(|content| content.magic() == magic)
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
        // Keys that each grow by a byte: a few thousand bytes that expand to four megabytes.
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

    /// Wherever the file is cut, the rest is shown as before.
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
