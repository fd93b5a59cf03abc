//! Reads safetensors: a file, or all such files of a directory.
//!
//! Source: orbax `experimental/v1/_src/layout/safetensors_layout.py`.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use super::pointers;
use super::table::TableBuilder;
use crate::cursor::to_u64;
use crate::error::{Error, ErrorKind, Result, counted};
use crate::json::quote;
use crate::layout::root::Root;
use crate::limits::Limits;
use crate::orbax::checkpoint_metadata::ItemHandlers;
use crate::orbax::names;
use crate::path::StorePath;
use crate::record::{Checkpoint, Issue, Item, Layout, Leaf, LeafKind, Place};
use crate::safetensors as format;
use crate::store::{Store, Want};
use crate::tree::{Container, Nest};

const NSECS_PER_SEC: i128 = 1_000_000_000;

/// The content of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Where it lies in the store.
    pub path: StorePath,
    /// Its size in bytes.
    pub size: u64,
    /// The length of its header and of what precedes it, in bytes.
    pub header_bytes: u64,
    /// The number of its tensors.
    pub tensors: u64,
    /// Their bytes.
    pub data_bytes: u64,
}

/// Reads the headers. The tree is a flat mapping, in the order of the files and their headers.
///
/// # Errors
/// `Malformed` if a header is malformed, or a tensor is in two files; `Store`.
pub fn read(store: &dyn Store, root: &Root, limits: &Limits) -> Result<Checkpoint> {
    read_files(store, root, limits).map(|(checkpoint, _)| checkpoint)
}

/// Reads the headers, and returns the content of each file.
///
/// # Errors
/// As [`read`].
pub fn read_files(
    store: &dyn Store,
    root: &Root,
    limits: &Limits,
) -> Result<(Checkpoint, Vec<File>)> {
    let found = root.files_ending(names::SAFETENSORS_SUFFIX);
    let mut files = found
        .iter()
        .map(|name| root.path.join(name))
        .collect::<Result<Vec<_>>>()?;
    if files.is_empty() {
        // The checkpoint is a single such file, not a directory of them.
        files.push(root.path.clone());
    }
    let mut builder = TableBuilder::new(limits, 0);
    let mut nest = Nest::default();
    let mut children = Vec::new();
    let mut seen = HashSet::new();
    let mut custom: Vec<(String, String)> = Vec::new();
    let mut modified = None;
    let mut measured = Vec::with_capacity(files.len());
    for (file, stat) in files.iter().zip(store.stat(&files)) {
        let absent = || Error::new(ErrorKind::NotFound, "does not exist").in_file(file);
        let stat = stat?.ok_or_else(absent)?;
        modified = modified.max(stat.modified_nsecs);
        let header = header(store, file, stat.size, limits);
        let header = header.map_err(|error| pointers::explained(store, file, error).in_file(file));
        let (header_bytes, header) = header?;
        let bytes = |tensor: &format::Tensor| tensor.dtype.array_bytes(&tensor.shape);
        let data_bytes = header.tensors.iter().filter_map(bytes);
        measured.push(File {
            path: file.clone(),
            size: stat.size,
            header_bytes,
            tensors: to_u64(header.tensors.len()),
            data_bytes: data_bytes.fold(0, u64::saturating_add),
        });
        custom.extend(header.metadata);
        let place = builder.place(Place::Safetensors(file.name().to_owned()));
        for tensor in header.tensors {
            if !seen.insert(tensor.name.clone()) {
                let reason = format!("tensor {:?} is in an earlier file too", tensor.name);
                return Err(Error::new(ErrorKind::Malformed, reason).in_file(file));
            }
            let array = builder.inline(tensor.shape, tensor.dtype);
            let leaf = Leaf {
                kind: LeafKind::Tensor,
                array: Some(array),
                sharding: None,
                write_shape: None,
                prng_impl: None,
                place: Some(place),
            };
            children.push((
                Some(tensor.name.clone()),
                nest.leaf(builder.table.leaf_of.len()),
            ));
            builder.table.names.push(&tensor.name);
            builder.push(leaf);
        }
    }
    let top = nest.container(Container::Dict, children);
    builder.table.tree = nest.into_tree(top);
    let checkpoint = Checkpoint {
        layout: Layout::Safetensors,
        init_timestamp_nsecs: None,
        commit_timestamp_nsecs: modified.map(|nsecs| nsecs.div_euclid(NSECS_PER_SEC)),
        custom_metadata: as_json(&custom),
        handlers: ItemHandlers::Unknown,
        issues: missing(root)?,
        items: vec![Item {
            name: None,
            table: Some(Arc::new(builder.table)),
            error: None,
        }],
        unread: Vec::new(),
    };
    Ok((checkpoint, measured))
}

/// The issues about missing files, if the names of others are those of parts of the same whole:
/// `model-00001-of-00002.safetensors`.
fn missing(root: &Root) -> Result<Vec<Issue>> {
    let mut parts: BTreeMap<(&str, &str), BTreeSet<u64>> = BTreeMap::new();
    for name in root.files_ending(names::SAFETENSORS_SUFFIX) {
        if let Some((whole, of, part)) = part(name) {
            parts.entry((whole, of)).or_default().insert(part);
        }
    }
    let mut issues = Vec::new();
    for ((whole, of), there) in parts {
        let count: u64 = of.parse().unwrap_or(0);
        let here = there.iter().filter(|part| (1..=count).contains(*part));
        let lost = count.saturating_sub(to_u64(here.count()));
        if let Some(first) = (1..=count).find(|part| !there.contains(part)) {
            let width = of.len();
            let name = format!(
                "{whole}-{first:0width$}-of-{of}{}",
                names::SAFETENSORS_SUFFIX
            );
            let reason = match lost {
                1 => format!("does not exist: one of {}", counted(count, "file", "files")),
                _ => format!("does not exist: the first of {lost} missing files, of {count}"),
            };
            let issue = Error::new(ErrorKind::Malformed, reason);
            issues.push(issue.in_file(&root.path.join(&name)?));
        }
    }
    Ok(issues)
}

/// The name of the whole, the number of its parts as it is spelled, and the number of this part.
fn part(name: &str) -> Option<(&str, &str, u64)> {
    let stem = name.strip_suffix(names::SAFETENSORS_SUFFIX)?;
    let (rest, of) = stem.rsplit_once("-of-")?;
    let (whole, part) = rest.rsplit_once('-')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = part.parse().ok().filter(|_| digits(part) && digits(of))?;
    Some((whole, of, number))
}

/// Two requests: the length of the header, then the header. The length includes what precedes it.
fn header(
    store: &dyn Store,
    file: &StorePath,
    size: u64,
    limits: &Limits,
) -> Result<(u64, format::Header)> {
    let prefix = Want::range(file.clone(), 0, size.min(format::PREFIX_BYTES));
    let length = format::header_bytes(&store.fetch_one(prefix)?, size, limits)?;
    let header = Want::range(file.clone(), format::PREFIX_BYTES, length);
    let bytes = store.fetch_one(header)?;
    let header = format::decode_header(&bytes, size, limits)?;
    Ok((length.saturating_add(format::PREFIX_BYTES), header))
}

fn as_json(members: &[(String, String)]) -> Option<String> {
    if members.is_empty() {
        return None;
    }
    let members = members
        .iter()
        .map(|(name, value)| format!("{}: {}", quote(name), quote(value)));
    let members: Vec<String> = members.collect();
    Some(format!("{{{}}}", members.join(", ")))
}
