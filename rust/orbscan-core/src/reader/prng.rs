//! Finds the typed PRNG keys among the leaves.
//!
//! A key array is stored as its `uint32` data with one more dimension; its type is recorded only in
//! `array_metadatas/process_<n>`, which every process writes. Those files are large and contain
//! nothing else of use, so they are read only if a leaf can be a key at all.

use std::collections::HashMap;

use super::outline::ItemFiles;
use crate::error::{Error, ErrorKind, Result, Subject};
use crate::limits::Limits;
use crate::orbax::{array_metadata, names};
use crate::path::StorePath;
use crate::record::{Array, Issue, Leaf, LeafKind, LeafTable};
use crate::store::{Bytes, EntryKind, Store, Want};
use crate::zarr::dtype::DType;

/// A file that names key types, and its content.
pub type KeyTypes = (StorePath, Bytes);

/// Requests the files that name key types, if any leaf of `table` can be a key. If they cannot be
/// read, that is an issue: the data of a key is described without them.
pub fn fetch(
    store: &dyn Store,
    files: &ItemFiles,
    table: &LeafTable,
    limits: &Limits,
    issues: &mut Vec<Issue>,
) -> Vec<KeyTypes> {
    if !table.leaves.iter().any(|leaf| can_be_key(table, leaf)) {
        return Vec::new();
    }
    let wants = match wants(store, files, limits) {
        Ok(wants) => wants,
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            issues.push(error);
            return Vec::new();
        }
    };
    if wants.is_empty() {
        issues.extend(missing(files, table));
    }
    let answers = store.fetch(&wants);
    let mut found = Vec::with_capacity(wants.len());
    for (want, answer) in wants.into_iter().zip(answers) {
        match answer {
            Ok(bytes) => found.push((want.path, bytes)),
            Err(error) => issues.push(error.in_file(&want.path)),
        }
    }
    found
}

/// Notes the PRNG implementation of each key array in `table`.
pub fn mark_keys(
    table: &mut LeafTable,
    key_types: &[KeyTypes],
    limits: &Limits,
    issues: &mut Vec<Issue>,
) {
    let mut impls = HashMap::new();
    for (path, bytes) in key_types {
        match array_metadata::decode(bytes, limits) {
            Ok(keys) => impls.extend(keys),
            Err(error) => issues.push(error.in_file(path)),
        }
    }
    if !impls.is_empty() {
        Marking::default().mark_all(table, &impls);
    }
}

/// The fault of an item whose key types are missing. Orbax writes them together with the write
/// shapes, so an item without write shapes has lost none.
fn missing(files: &ItemFiles, table: &LeafTable) -> Option<Issue> {
    let lost = |leaf: &&Leaf| leaf.write_shape.is_some() && can_be_key(table, leaf);
    table.leaves.iter().find(lost)?;
    let reason = format!(
        "has no file in {}: which uint32 arrays are PRNG keys is not known",
        names::ARRAY_METADATAS
    );
    let issue = Error::new(ErrorKind::Malformed, reason).in_file(&files.directory);
    Some(issue.about(Subject::KeyTypes))
}

fn can_be_key(table: &LeafTable, leaf: &Leaf) -> bool {
    let array = leaf.array.and_then(|array| table.arrays.get(array));
    leaf.kind == LeafKind::JaxArray
        && matches!(array, Some(Array::Zarr(header))
            if header.dtype == DType::UInt32 && !header.shape.is_empty())
}

fn wants(store: &dyn Store, files: &ItemFiles, limits: &Limits) -> Result<Vec<Want>> {
    let directory = files.directory.join(names::ARRAY_METADATAS)?;
    let mut wants = Vec::new();
    for entry in store.list(&directory)? {
        if entry.kind == EntryKind::File && entry.name.starts_with(names::ARRAY_METADATAS_PREFIX) {
            wants.push(Want::whole(
                directory.join(&entry.name)?,
                limits.max_document_bytes,
            ));
        }
    }
    Ok(wants)
}

/// Gives leaves their key types. Leaves are shared, so each kind of leaf that becomes a key gets a
/// twin for each type.
#[derive(Default)]
struct Marking<'a> {
    /// The number of each implementation in [`LeafTable::prng_impls`].
    impls: HashMap<&'a str, usize>,
    /// The twin of each leaf, by its number and that of the implementation.
    twins: HashMap<(usize, usize), usize>,
}

impl<'a> Marking<'a> {
    fn mark_all(&mut self, table: &mut LeafTable, impls: &'a HashMap<String, String>) {
        for place in 0..table.leaf_of.len() {
            if let Some(name) = impls.get(table.names.get(place)) {
                self.mark(table, place, name);
            }
        }
    }

    fn mark(&mut self, table: &mut LeafTable, place: usize, name: &'a str) {
        let number = table.leaf_of.get(place).copied().unwrap_or(usize::MAX);
        let Some(&leaf) = table
            .leaves
            .get(number)
            .filter(|leaf| can_be_key(table, leaf))
        else {
            return;
        };
        let prng_impl = *self.impls.entry(name).or_insert_with(|| {
            table.prng_impls.push(name.to_owned());
            table.prng_impls.len().saturating_sub(1)
        });
        let twin = *self.twins.entry((number, prng_impl)).or_insert_with(|| {
            table.leaves.push(Leaf {
                prng_impl: Some(prng_impl),
                ..leaf
            });
            table.leaves.len().saturating_sub(1)
        });
        if let Some(slot) = table.leaf_of.get_mut(place) {
            *slot = twin;
        }
    }
}
