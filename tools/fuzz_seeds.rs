//! Takes real checkpoints apart into seeds for fuzzing.
//!
//! `cargo run --example fuzz_seeds -- OUT CHECKPOINT...` writes `OUT/<target>/<checksum>`: of each
//! kind of file a few, short ones and long ones, and small checkpoints as bundles. See
//! `tools/fuzz_seeds.sh`, which feeds it the golden checkpoints.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use orbscan_core::error::Offset;
use orbscan_core::limits::Limits;
use orbscan_core::ocdbt::envelope::{self, Content};
use orbscan_core::store::Bytes;
use orbscan_core::testing::bundle;

/// Seeds kept for each target.
const KEPT: usize = 12;

/// Longer files teach a fuzzer little and cost it much.
const MAX_SEED_BYTES: usize = 4_000;

/// Orbax writes none of these; other libraries do.
const SAFETENSORS: [&str; 2] = [
    r#"{"w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}}"#,
    r#"{"__metadata__":{"format":"pt"},"b":{"dtype":"BF16","shape":[],"data_offsets":[0,2]},"e":{"dtype":"I64","shape":[0,5],"data_offsets":[2,2]}}"#,
];

type Seeds = BTreeMap<&'static str, BTreeSet<(usize, Vec<u8>)>>;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let out = arguments.next().expect("where to write seeds to");
    let mut seeds = Seeds::new();
    for checkpoint in arguments {
        let top = Path::new(&checkpoint);
        let mut files = Vec::new();
        collect(top, top, &mut files);
        let mut whole = Vec::new();
        for (path, content) in &files {
            let kind = path.len().to_le_bytes()[0] % 8;
            keep(&mut seeds, "dump", [&[kind], content.as_slice()].concat());
            sort_out(path, content, &mut seeds);
            if content.len() <= bundle::MAX_FILE_BYTES {
                bundle::push(&mut whole, path, content);
            }
        }
        keep(&mut seeds, "verify", whole.clone());
        keep(&mut seeds, "checkpoint", whole);
    }
    for header in SAFETENSORS {
        let file = [
            &(header.len() as u64).to_le_bytes(),
            header.as_bytes(),
            &[0; 24],
        ]
        .concat();
        keep(&mut seeds, "safetensors", file);
    }
    for (target, found) in seeds {
        let folder = Path::new(&out).join(target);
        fs::create_dir_all(&folder).unwrap();
        // Short ones and long ones alike.
        let step = found.len().div_ceil(KEPT).max(1);
        for (_, seed) in found.into_iter().step_by(step) {
            let name = format!("{:08x}", crc32c::crc32c(&seed));
            fs::write(folder.join(name), seed).unwrap();
        }
    }
}

fn collect(top: &Path, folder: &Path, files: &mut Vec<(String, Vec<u8>)>) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(Result::unwrap).collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if path.is_dir() {
            collect(top, &path, files);
        } else {
            let name = path.strip_prefix(top).unwrap().to_str().unwrap().to_owned();
            files.push((name, fs::read(&path).unwrap()));
        }
    }
}

fn keep(seeds: &mut Seeds, target: &'static str, seed: Vec<u8>) {
    if seed.len() <= MAX_SEED_BYTES {
        seeds.entry(target).or_default().insert((seed.len(), seed));
    }
}

fn sort_out(path: &str, content: &[u8], seeds: &mut Seeds) {
    let name = path.rsplit('/').next().unwrap_or_default();
    let target = match name {
        "_METADATA" => "tree_metadata",
        "_sharding" => "shardings",
        "_CHECKPOINT_METADATA" => "checkpoint_metadata",
        "_CHECKPOINT_DELETION" => "deletion_record",
        ".zarray" => "zarr_v2",
        "zarr.json" => "zarr_v3",
        "checkpoint" => "aggregate",
        _ if path.contains("array_metadatas/") => "array_metadata",
        _ if name.ends_with(".safetensors") => "safetensors",
        _ => return nodes(content, seeds),
    };
    if matches!(target, "tree_metadata" | "zarr_v3" | "checkpoint_metadata") {
        keep(seeds, "json", content.to_vec());
    }
    if target == "tree_metadata" {
        rich_types(content, seeds);
    }
    keep(seeds, target, content.to_vec());
}

/// The JSON inside a JSON string, by its name; escapes in it are left alone but for quotes.
fn rich_types(content: &[u8], seeds: &mut Seeds) {
    let text = String::from_utf8_lossy(content);
    let mark = "\"value_metadata_tree\": \"";
    let Some((_, rest)) = text.split_once(mark) else {
        return;
    };
    if let Some((inner, _)) = rest.split_once("}\"") {
        let inner = format!("{inner}}}").replace("\\\"", "\"");
        keep(seeds, "rich_types", inner.into_bytes());
    }
}

/// The bodies of the envelopes that a file holds, wherever in it they begin.
fn nodes(content: &[u8], seeds: &mut Seeds) {
    for at in 0..content.len().saturating_sub(16) {
        let (kind, target) = match content.get(at..at + 4) {
            Some(b"\x0c\xdb\x3a\x2a") => (Content::Manifest, "manifest"),
            Some(b"\x0c\xdb\x20\xde") => (Content::BtreeNode, "btree_node"),
            Some(b"\x0c\xdb\x12\x34") => (Content::VersionNode, "version_node"),
            _ => continue,
        };
        let length = u64::from_le_bytes(content[at + 4..at + 12].try_into().unwrap());
        let end = usize::try_from(length)
            .unwrap_or(usize::MAX)
            .saturating_add(at);
        let Some(node) = content.get(at..end) else {
            continue;
        };
        let limits = Limits::default();
        let opened = envelope::open(
            &Bytes::copy_from_slice(node),
            kind,
            Offset::File(0),
            &limits,
        );
        let Ok(body) = opened else { continue };
        let body = body.cursor().rest().to_vec();
        // What the target of the kind expects before the body; 0 is a plain one.
        let height = match kind {
            Content::Manifest => None,
            Content::BtreeNode => body.first().copied(),
            Content::VersionNode => body.get(1).map(|height| height | 1 << 2),
        };
        let head: Vec<u8> = height.into_iter().chain([0]).collect();
        keep(seeds, target, [head, body].concat());
        if node[13] == 1 {
            keep(seeds, "zstd_frame", node[14..node.len() - 4].to_vec());
        }
    }
}
