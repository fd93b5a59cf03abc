//! The documents of a pytree, compared with each other.

use std::cell::LazyCell;

use super::code::Code;
use super::members;
use super::report::{Finding, Report};
use super::{processes, shardings, texts};
use crate::cursor::to_u64;
use crate::error::{Result, counted};
use crate::limits::Limits;
use crate::orbax::{entry_name, names};
use crate::path::StorePath;
use crate::reader::outline::ItemFiles;
use crate::record::{Array, Leaf, LeafKind, LeafTable};
use crate::store::Store;
use crate::tree::Names;

/// Checks the documents of one pytree.
///
/// # Errors
/// `Store`.
pub(super) fn check(
    store: &dyn Store,
    files: &ItemFiles,
    table: &LeafTable,
    limits: &Limits,
    report: &mut Report,
) -> Result<()> {
    // One document at a time, because both can have hundreds of megabytes.
    if let Ok(bytes) = files.metadata(store, limits.max_document_bytes) {
        let path = files.directory.join(names::TREE_METADATA)?;
        members::check(&bytes, &path, limits, report);
        entry_names(&bytes, &path, limits, report);
    }
    distinct_leaves(table, report);
    if let Ok(bytes) = files.sharding(store, limits.max_document_bytes) {
        let path = files.directory.join(names::SHARDING)?;
        members::check(&bytes, &path, limits, report);
        shardings::check(&bytes, &path, table, limits, report);
    }
    processes::check(store, files, table, limits, report)?;
    texts::strings(store, files, table, limits, report)
}

/// Reports the entries of a tree whose names differ from those of their leaves.
fn entry_names(bytes: &[u8], path: &StorePath, limits: &Limits, report: &mut Report) {
    let read = entry_name::contradictions(bytes, limits, &mut |error, keypath| {
        let mut names = Names::default();
        names.push_keypath(keypath);
        let finding = Finding::of(Code::EntryName, error).in_file(path);
        report.add(finding.of_leaf(names.get(0)));
    });
    // The reader reports what is wrong with the document itself.
    drop(read);
}

/// Compares shardings, write shapes and scalars with arrays, once for all leaves that agree in
/// them.
fn distinct_leaves(table: &LeafTable, report: &mut Report) {
    let alike = LazyCell::new(|| Alike::of_each(table));
    for (number, leaf) in table.leaves.iter().enumerate() {
        let Some(array) = leaf.array.and_then(|array| table.arrays.get(array)) else {
            continue;
        };
        for (code, reason) in [
            (Code::ShardingMismatch, shardings::fault(table, leaf, array)),
            (Code::WriteShape, write_shape_fault(table, leaf, array)),
            (Code::ScalarRank, scalar_fault(leaf, array)),
        ] {
            let Some(reason) = reason else { continue };
            let Alike { first, count } = alike.get(number).copied().unwrap_or_default();
            let reason = match count.saturating_sub(1) {
                0 => reason,
                more => {
                    let more = counted(to_u64(more), "more leaf", "more leaves");
                    format!("{reason}; so for {more}")
                }
            };
            report.add(Finding::new(code, reason).of_leaf(table.names.get(first)));
        }
    }
}

/// The leaves of the tree that share one distinct leaf.
#[derive(Clone, Copy, Default)]
struct Alike {
    /// The number of the first of them.
    first: usize,
    /// How many there are.
    count: usize,
}

impl Alike {
    /// The leaves that share each distinct leaf, by its number.
    fn of_each(table: &LeafTable) -> Vec<Self> {
        let mut all = vec![Self::default(); table.leaves.len()];
        for (place, number) in table.leaf_of.iter().enumerate() {
            if let Some(alike) = all.get_mut(*number) {
                if alike.count == 0 {
                    alike.first = place;
                }
                alike.count = alike.count.saturating_add(1);
            }
        }
        all
    }
}

/// Why a write shape cannot be that of its array.
fn write_shape_fault(table: &LeafTable, leaf: &Leaf, array: &Array) -> Option<String> {
    let write_shape = table.write_shapes.get(leaf.write_shape?)?;
    let Array::Zarr(header) = array else {
        return None;
    };
    // The reader reports other ranks.
    if write_shape.len() != header.grid_chunk_shape.len() {
        return None;
    }
    let dimensions = write_shape.iter().zip(&header.grid_chunk_shape);
    let divides = dimensions
        .into_iter()
        .all(|(write, chunk)| write.checked_rem(*chunk) == Some(0));
    (!divides).then(|| {
        format!(
            "write_shape {write_shape:?} is not made of whole chunks of {:?}",
            header.grid_chunk_shape
        )
    })
}

/// Why an array cannot be the value of a scalar.
fn scalar_fault(leaf: &Leaf, array: &Array) -> Option<String> {
    let shape = array.shape();
    let is_scalar = leaf.kind != LeafKind::Scalar || shape.is_empty();
    (!is_scalar).then(|| format!("value_type \"scalar\", the array has the shape {shape:?}"))
}
