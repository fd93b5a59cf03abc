//! What must hold for any bytes: the properties that fuzzing tries to break.
//!
//! Each takes the input of a fuzzer and panics if something that must hold does not. None of them
//! expects a good answer; all of them expect an answer, within limits, that is consistent with
//! other answers and whose error lies inside the input. [`ALL`] lists them by name; the targets of
//! `rust/fuzz` and the test `fuzz.rs` call them.

use std::ops::ControlFlow;
use std::sync::LazyLock;

use bytes::Bytes;

use super::bundle;
use super::ocdbt_writer::{Packing, config, reseal, seal};
use crate::dump as dumping;
use crate::error::{Error, ErrorKind, Offset, Result};
use crate::json::value::Value;
use crate::json::{Dialect, Json};
use crate::limits::Limits;
use crate::ocdbt::btree::{Entries, Node};
use crate::ocdbt::envelope::{self, Content};
use crate::ocdbt::frame;
use crate::ocdbt::keys::Bounds;
use crate::ocdbt::leaf::Leaf;
use crate::ocdbt::manifest::Manifest;
use crate::ocdbt::values;
use crate::ocdbt::version_node::VersionNode;
use crate::ocdbt::version_tree::VersionNodeReference;
use crate::orbax::{
    aggregate, array_metadata, checkpoint_metadata, deletion, rich_types, shardings, tree_metadata,
};
use crate::path::StorePath;
use crate::reader::{self, Recall, Selection};
use crate::store::Store;
use crate::verify as verifying;
use crate::{safetensors, zarr};

/// A property of any bytes.
pub type Property = fn(&[u8]);

/// Every property, by the name of its fuzz target.
pub const ALL: [(&str, Property); 18] = [
    ("aggregate", aggregate),
    ("array_metadata", array_metadata),
    ("btree_node", btree_node),
    ("checkpoint", checkpoint),
    ("checkpoint_metadata", checkpoint_metadata),
    ("deletion_record", deletion_record),
    ("dump", dump),
    ("json", json),
    ("manifest", manifest),
    ("rich_types", rich_types),
    ("safetensors", safetensors),
    ("shardings", shardings),
    ("tree_metadata", tree_metadata),
    ("verify", verify),
    ("version_node", version_node),
    ("zarr_v2", zarr_v2),
    ("zarr_v3", zarr_v3),
    ("zstd_frame", zstd_frame),
];

/// Limits that keep one execution cheap.
pub fn limits() -> Limits {
    Limits {
        max_node_bytes: 1 << 18,
        max_total_node_bytes: 1 << 20,
        max_nodes: 64,
        max_document_bytes: 1 << 20,
        max_keypath_entries: 1 << 12,
        ..Limits::default()
    }
}

/// Checks that the offset of an error, if it has one, lies inside the file.
fn within<T>(length: usize, result: Result<T>) -> Option<T> {
    result.map_err(|error| check_place(length, &error)).ok()
}

fn check_place(length: usize, error: &Error) {
    assert!(!error.reason().is_empty());
    if let Some(Offset::File(at)) = error.offset() {
        assert!(at <= length as u64, "{error}: the input has {length} bytes");
    }
}

/// `_METADATA`.
pub fn tree_metadata(bytes: &[u8]) {
    let mut issues = Vec::new();
    if let Some(found) = within(
        bytes.len(),
        tree_metadata::decode(bytes, &limits(), &mut issues),
    ) {
        assert_eq!(found.leaves.len(), found.keypaths.len());
    }
    for issue in &issues {
        check_place(bytes.len(), issue);
    }
}

/// `_sharding`.
pub fn shardings(bytes: &[u8]) {
    if let Some(found) = within(bytes.len(), shardings::decode(bytes, &limits())) {
        assert!(found.lookup().get("").is_none() || !found.is_empty());
    }
}

/// `_CHECKPOINT_METADATA`.
pub fn checkpoint_metadata(bytes: &[u8]) {
    let mut issues = Vec::new();
    let found = within(
        bytes.len(),
        checkpoint_metadata::decode(bytes, &limits(), &mut issues),
    );
    if let Some(text) = found.and_then(|found| found.custom_metadata) {
        // What is passed on as JSON must be JSON, or Python fails later.
        let mut json = Json::new(text.as_bytes(), Dialect::Python, &limits()).unwrap();
        json.skip().unwrap();
        json.end().unwrap();
    }
}

/// `_CHECKPOINT_DELETION`, and after a NUL `_CHECKPOINT_METADATA`.
pub fn deletion_record(bytes: &[u8]) {
    let mut parts = bytes.splitn(2, |byte| *byte == 0);
    let record = parts.next().unwrap_or_default();
    within(
        record.len(),
        deletion::deleted_name(record, parts.next(), &limits()),
    );
}

/// A file in `array_metadatas/`.
pub fn array_metadata(bytes: &[u8]) {
    within(bytes.len(), array_metadata::decode(bytes, &limits()));
}

/// The text of `value_metadata_tree`.
pub fn rich_types(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        within(bytes.len(), rich_types::decode(text, &limits()));
    }
}

/// The msgpack file of early releases.
pub fn aggregate(bytes: &[u8]) {
    if let Some(found) = within(bytes.len(), aggregate::decode(bytes, &limits())) {
        assert_eq!(found.leaves.len(), found.keypaths.len());
    }
}

/// A `.zarray` document.
pub fn zarr_v2(bytes: &[u8]) {
    within(bytes.len(), zarr::v2::decode(bytes, &limits()));
}

/// A `zarr.json` document.
pub fn zarr_v3(bytes: &[u8]) {
    within(bytes.len(), zarr::v3::decode(bytes, &limits()));
}

/// A safetensors file.
pub fn safetensors(bytes: &[u8]) {
    let size = bytes.len() as u64;
    let (prefix, rest) = bytes.split_at(bytes.len().min(8));
    let Some(length) = within(
        bytes.len(),
        safetensors::header_bytes(prefix, size, &limits()),
    ) else {
        return;
    };
    let header = &rest[..length as usize];
    within(
        bytes.len(),
        safetensors::decode_header(header, size, &limits()),
    );
}

/// JSON in both dialects: whatever can be read can be skipped, and what can be skipped can be read,
/// except lone surrogates in Python's dialect, for which there is no text.
pub fn json(bytes: &[u8]) {
    let whole = |dialect, read: fn(&mut Json<'_>) -> Result<()>| {
        let mut json = Json::new(bytes, dialect, &limits())?;
        read(&mut json)?;
        json.end()
    };
    for dialect in [Dialect::Strict, Dialect::Python] {
        let skipped = whole(dialect, |json| json.skip().map(|_| ()));
        let read = whole(dialect, |json| Value::read(json).map(|_| ()));
        let is_text = !matches!(&read, Err(error) if error.kind() == ErrorKind::Unsupported);
        assert!(
            skipped.is_ok() == read.is_ok() || !is_text,
            "{dialect:?}: {skipped:?}, {read:?}"
        );
        within(bytes.len(), skipped);
        within(bytes.len(), read);
    }
}

/// An envelope around the input: the first byte says whether the rest is its plain body, a zstd
/// frame, a body to compress, or the whole envelope.
fn enveloped(bytes: &[u8], content: Content) -> Option<Bytes> {
    let (packing, rest) = bytes.split_first()?;
    let node = match packing % 4 {
        0 => seal(content, rest, Packing::Plain),
        1 => {
            let mut node = seal(content, rest, Packing::Plain);
            node[13] = 1;
            reseal(&mut node, 4);
            node
        }
        2 => seal(content, rest, Packing::Zstd),
        _ => rest.to_vec(),
    };
    Some(node.into())
}

/// A manifest with a correct checksum.
pub fn manifest(bytes: &[u8]) {
    if let Some(node) = enveloped(bytes, Content::Manifest) {
        let found = within(node.len(), Manifest::decode(&node, &limits()));
        check_dump(&node, found.is_some());
    }
}

/// What decodes can be dumped to its end; what does not decode is dumped with its error.
fn check_dump(bytes: &Bytes, is_sound: bool) {
    for dump in dumping::part(bytes, 0, &limits()) {
        assert!(!is_sound || dump.error.is_none(), "{dump:?}");
    }
}

/// Any file by any of the names that determine what it is: it is dumped, and every position in the
/// dump lies in it.
pub fn dump(bytes: &[u8]) {
    /// All names, beginning with those on which the seeds rely.
    static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| {
        let of_seeds = [
            "d/x",
            "manifest.ocdbt",
            "_METADATA",
            "_sharding",
            "_CHECKPOINT_METADATA",
            "checkpoint",
            "x.safetensors",
            "zarr.json",
        ];
        let kinds = dumping::known::DESCRIPTIONS.iter();
        let others = kinds.flat_map(|row| row.examples().collect::<Vec<_>>());
        of_seeds
            .map(ToOwned::to_owned)
            .into_iter()
            .chain(others)
            .collect()
    });
    let Some((name, bytes)) = bytes.split_first() else {
        return;
    };
    let Some(name) = NAMES.get(usize::from(*name) % NAMES.len()) else {
        return;
    };
    for dump in dumping::file(name, &Bytes::copy_from_slice(bytes), &limits()) {
        for field in &dump.fields {
            if let Some(Offset::File(at)) = field.at {
                assert!(at <= bytes.len() as u64, "{field:?}");
            }
        }
        within(bytes.len(), dump.error.map_or(Ok(()), Err));
    }
}

/// A B+tree node of the height in the second byte: searching it for all the keys that it shows
/// finds them, and a node that cannot be shown cannot be searched.
pub fn btree_node(bytes: &[u8]) {
    let Some((height, bytes)) = bytes.split_first() else {
        return;
    };
    let Some(node) = enveloped(bytes, Content::BtreeNode) else {
        return;
    };
    let opened = envelope::open(&node, Content::BtreeNode, Offset::File(0), &limits());
    let Some(body) = within(node.len(), opened) else {
        return;
    };
    let Some(found) = within(node.len(), Node::decode(&body, Bytes::new(), *height % 4)) else {
        return;
    };
    let files = found.files.count();
    within(node.len(), found.files.resolve(0..files.min(64), &limits()));
    match found.entries {
        Entries::Leaf(leaf) => search_leaf(&leaf),
        Entries::Interior(interior) => {
            let bounds = Bounds::default();
            let all = [&b""[..], b"a", b"m/.zarray", &[0xff; 9]];
            let for_none = interior.select(&bounds, &[]);
            let for_all = interior.select(&bounds, &all);
            assert_eq!(for_none.is_ok(), for_all.is_ok());
            assert!(for_none.is_err() || for_none.is_ok_and(|children| children.is_empty()));
        }
    }
}

fn search_leaf(leaf: &Leaf<'_>) {
    let bounds = Bounds::default();
    let mut shown: Vec<(Vec<u8>, Option<Vec<u8>>)> = Vec::new();
    let visited = leaf.visit(&bounds, |key, value| {
        let inline = match value {
            values::Value::Inline(bytes) => Some(bytes.to_vec()),
            values::Value::Indirect(_) => None,
        };
        shown.push((key.to_vec(), inline));
        Ok(())
    });
    assert_eq!(visited.is_ok(), leaf.find(&bounds, &[]).is_ok());
    let keys: Vec<&[u8]> = shown.iter().map(|(key, _)| key.as_slice()).collect();
    let found = leaf.find(&bounds, &keys);
    assert_eq!(visited.is_ok(), found.is_ok());
    for (hit, (place, (_, shown))) in found.into_iter().flatten().zip(shown.iter().enumerate()) {
        assert_eq!(hit.wanted, place);
        match hit.value {
            values::Value::Inline(bytes) => assert_eq!(Some(bytes), shown.as_deref()),
            values::Value::Indirect(_) => assert_eq!(None, shown.as_ref()),
        }
    }
}

/// A node of the version tree, whose parent describes it as the second byte says.
pub fn version_node(bytes: &[u8]) {
    let Some((height, bytes)) = bytes.split_first() else {
        return;
    };
    let Some(node) = enveloped(bytes, Content::VersionNode) else {
        return;
    };
    let opened = envelope::open(&node, Content::VersionNode, Offset::File(0), &limits());
    let Some(body) = within(node.len(), opened) else {
        return;
    };
    let arity = Manifest::decode(
        &seal(Content::Manifest, &config(1), Packing::Plain).into(),
        &limits(),
    )
    .unwrap()
    .config
    .version_tree_arity;
    let parent = VersionNodeReference {
        generation: u64::from(*height >> 2).saturating_mul(16),
        reference: crate::ocdbt::Reference {
            file: 0,
            offset: 0,
            length: node.len() as u64,
        },
        generations: 16,
        commit_time_nsecs: 0,
        height: *height % 4,
    };
    within(
        node.len(),
        VersionNode::decode(&body, Bytes::new(), arity, &parent),
    );
}

/// A zstd frame that does not state the length of its content: the size that is measured from its
/// blocks, without decompressing them, suffices for the content.
pub fn zstd_frame(bytes: &[u8]) {
    let Some(extent) = within(bytes.len(), frame::measure(bytes, Offset::File(0))) else {
        return;
    };
    let room = extent.max_content() as usize;
    if extent.content_size.is_none() && room < 1 << 20 {
        let least = zstd::bulk::decompress(bytes, room).ok();
        assert_eq!(least, zstd::bulk::decompress(bytes, 2 * room).ok());
    }
}

/// A checkpoint of files that the input names: see [`bundle`]. Whatever it is, reading ends, every
/// error names a file, and a read with a cache of earlier reads gives the same answer as one
/// without.
pub fn checkpoint(bytes: &[u8]) {
    let store = bundle::unpack(bytes);
    let top = StorePath::root();
    let recall = Recall::new();
    for rich_types in [false, true] {
        let options = reader::Options {
            rich_types,
            limits: limits(),
            ..reader::Options::default()
        };
        let read = |selection, recall: &Recall| {
            reader::read_pytree(&store, &top, selection, &options, recall)
        };
        for selection in [Selection::Auto, Selection::Flat, Selection::Named("state")] {
            check_checkpoint(&store, read(selection, &recall));
        }
        let again = read(Selection::Auto, &recall);
        let alone = read(Selection::Auto, &Recall::new());
        assert_eq!(format!("{again:?}"), format!("{alone:?}"));
        let all = reader::read_checkpointables(&store, &top, &options, &recall);
        check_checkpoint(&store, all);
    }
    reader::is_checkpoint(&store, &top, None).unwrap();
}

/// A checkpoint as for [`checkpoint`]: checking it to its last chunk and measuring it end, and what
/// can be measured can be checked.
pub fn verify(bytes: &[u8]) {
    let store = bundle::unpack(bytes);
    let top = StorePath::root();
    let read = reader::Options {
        limits: limits(),
        ..reader::Options::default()
    };
    let options = verifying::Options {
        level: verifying::Level::Data,
        check_values: true,
        read: read.clone(),
        ..verifying::Options::default()
    };
    let report = verifying::verify(&store, &top, &options, None, &mut |_| {
        ControlFlow::Continue(())
    });
    let usage = verifying::usage::usage(&store, &top, &read, None);
    assert!(report.is_ok() || usage.is_err(), "{report:?}");
}

fn check_checkpoint(store: &dyn Store, read: Result<crate::record::Checkpoint>) {
    let prefix = store.locate(&StorePath::root());
    match read {
        Err(error) => {
            let file = error.file().unwrap_or_else(|| panic!("{error}: no file"));
            assert!(file.starts_with(&prefix), "{error}");
        }
        Ok(checkpoint) => {
            for table in checkpoint
                .items
                .iter()
                .filter_map(|item| item.table.as_ref())
            {
                assert_eq!(table.leaf_of.len(), table.names.len());
                for leaf in &table.leaf_of {
                    assert!(*leaf < table.leaves.len());
                }
            }
            for issue in &checkpoint.issues {
                assert!(!issue.reason().is_empty());
            }
        }
    }
}
