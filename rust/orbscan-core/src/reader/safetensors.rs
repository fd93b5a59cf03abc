//! Reads safetensors: a file, or all such files of a directory.
//!
//! Source: orbax `experimental/v1/_src/layout/safetensors_layout.py`.

use std::collections::HashSet;
use std::sync::Arc;

use super::detect::Root;
use super::table::TableBuilder;
use crate::error::{Error, ErrorKind, Result};
use crate::json::quote;
use crate::limits::Limits;
use crate::orbax::names;
use crate::path::StorePath;
use crate::record::{Checkpoint, Item, Layout, Leaf, LeafKind};
use crate::safetensors as format;
use crate::store::{Store, Want};
use crate::tree::{Container, Nest};

const NSECS_PER_SEC: i128 = 1_000_000_000;

/// Reads the headers. The tree is a flat mapping, in the order of the files and their headers.
///
/// # Errors
/// `Malformed` if a header is, or a tensor is in two files; `Store`.
pub fn read(store: &dyn Store, root: &Root, limits: &Limits) -> Result<Checkpoint> {
    let found = root.files_ending(names::SAFETENSORS_SUFFIX);
    let mut files = found
        .iter()
        .map(|name| root.path.join(name))
        .collect::<Result<Vec<_>>>()?;
    if files.is_empty() {
        // The checkpoint is not a directory of such files but one of them.
        files.push(root.path.clone());
    }
    let mut builder = TableBuilder::new(limits);
    let mut nest = Nest::default();
    let mut children = Vec::new();
    let mut seen = HashSet::new();
    let mut custom: Vec<(String, String)> = Vec::new();
    let mut modified = None;
    for (file, stat) in files.iter().zip(store.stat(&files)) {
        let absent = || Error::new(ErrorKind::NotFound, "does not exist").in_file(file);
        let stat = stat?.ok_or_else(absent)?;
        modified = modified.max(stat.modified_nsecs);
        let header = header(store, file, stat.size, limits).map_err(|error| error.in_file(file))?;
        custom.extend(header.metadata);
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
            };
            children.push((
                Some(tensor.name.clone()),
                nest.leaf(builder.table.leaf_of.len()),
            ));
            builder.push(&tensor.name, leaf);
        }
    }
    let top = nest.container(Container::Dict, children);
    builder.table.tree = nest.into_tree(top);
    Ok(Checkpoint {
        layout: Layout::Safetensors,
        init_timestamp_nsecs: None,
        commit_timestamp_nsecs: modified.map(|nsecs| nsecs.div_euclid(NSECS_PER_SEC)),
        custom_metadata: as_json(&custom),
        issues: Vec::new(),
        items: vec![Item {
            name: None,
            table: Some(Arc::new(builder.table)),
            error: None,
        }],
        unread: Vec::new(),
    })
}

/// Two requests: the length of the header, then the header.
fn header(
    store: &dyn Store,
    file: &StorePath,
    size: u64,
    limits: &Limits,
) -> Result<format::Header> {
    let prefix = Want::range(file.clone(), 0, size.min(format::PREFIX_BYTES));
    let length = format::header_bytes(&store.fetch_one(prefix)?, size, limits)?;
    let header = Want::range(file.clone(), format::PREFIX_BYTES, length);
    let bytes = store.fetch_one(header)?;
    format::decode_header(&bytes, size, limits)
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
