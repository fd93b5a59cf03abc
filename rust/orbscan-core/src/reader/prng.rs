//! Finds the typed PRNG keys among the leaves.
//!
//! A key array is stored as its `uint32` data with one more dimension; the only trace of its type
//! lies in `array_metadatas/process_<n>`, which every process writes. Those files are large and hold
//! nothing else of use, so they are read only if a leaf can be a key at all.

use std::collections::HashMap;

use super::outline::ItemFiles;
use crate::error::{ErrorKind, Result};
use crate::limits::Limits;
use crate::orbax::{array_metadata, names};
use crate::record::{Array, Issue, Leaf, LeafKind, LeafTable};
use crate::store::{EntryKind, Store, Want};
use crate::zarr::dtype::DType;

/// Notes the PRNG implementation of each key array in `table`. Files that cannot be read are
/// issues: the data of a key is described without them.
pub fn mark_keys(
    store: &dyn Store,
    files: &ItemFiles,
    table: &mut LeafTable,
    limits: &Limits,
    issues: &mut Vec<Issue>,
) {
    if !table.leaves.iter().any(|leaf| can_be_key(table, leaf)) {
        return;
    }
    let impls = match impls(store, files, limits, issues) {
        Ok(impls) => impls,
        Err(error) if error.kind() == ErrorKind::NotFound => return,
        Err(error) => return issues.push(error),
    };
    for place in 0..table.names.len() {
        let Some(name) = impls.get(table.names.get(place)) else {
            continue;
        };
        mark(table, place, name);
    }
}

fn can_be_key(table: &LeafTable, leaf: &Leaf) -> bool {
    let array = leaf.array.and_then(|array| table.arrays.get(array));
    leaf.kind == LeafKind::JaxArray
        && matches!(array, Some(Array::Zarr(header))
            if header.dtype == DType::UInt32 && !header.shape.is_empty())
}

/// The implementation of each key array, by param name.
fn impls(
    store: &dyn Store,
    files: &ItemFiles,
    limits: &Limits,
    issues: &mut Vec<Issue>,
) -> Result<HashMap<String, String>> {
    let directory = files.directory.join(names::ARRAY_METADATAS)?;
    let entries = store.list(&directory)?;
    let mut wants = Vec::new();
    for entry in entries {
        if entry.kind == EntryKind::File && entry.name.starts_with(names::ARRAY_METADATAS_PREFIX) {
            wants.push(Want::whole(
                directory.join(&entry.name)?,
                limits.max_document_bytes,
            ));
        }
    }
    let mut impls = HashMap::new();
    for (want, answer) in wants.iter().zip(store.fetch(&wants)) {
        match answer.and_then(|bytes| array_metadata::decode(&bytes, limits)) {
            Ok(keys) => impls.extend(keys),
            Err(error) => issues.push(error.in_file(&want.path)),
        }
    }
    Ok(impls)
}

/// Gives the leaf at `place` its key type. Leaves are shared, so it gets one of its own.
fn mark(table: &mut LeafTable, place: usize, name: &str) {
    let number = table.leaf_of.get(place).copied();
    let Some(leaf) = number.and_then(|number| table.leaves.get(number)) else {
        return;
    };
    if !can_be_key(table, leaf) {
        return;
    }
    let mut leaf = *leaf;
    leaf.prng_impl = Some(table.prng_impl(name));
    let number = table.leaf(leaf);
    if let Some(slot) = table.leaf_of.get_mut(place) {
        *slot = number;
    }
}
