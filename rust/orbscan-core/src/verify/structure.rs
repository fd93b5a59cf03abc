//! The documents of a pytree, held against each other.

use std::cell::LazyCell;

use super::code::Code;
use super::members;
use super::report::{Finding, Report};
use super::texts;
use crate::cursor::to_u64;
use crate::error::{Result, counted};
use crate::limits::Limits;
use crate::orbax::sharding::{Sharding, SpecEntry};
use crate::orbax::{names, shardings};
use crate::reader::outline::ItemFiles;
use crate::record::{Array, Leaf, LeafKind, LeafTable};
use crate::store::Store;

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
    for (name, bytes) in [
        (names::TREE_METADATA, &files.metadata),
        (names::SHARDING, &files.sharding),
    ] {
        if let Ok(bytes) = bytes {
            members::check(bytes, &files.directory.join(name)?, limits, report);
        }
    }
    distinct_leaves(table, report);
    surplus_shardings(files, table, limits, report);
    texts::array_metadatas(store, files, table, limits, report)?;
    texts::strings(store, files, table, limits, report)
}

/// Checks shardings and write shapes against arrays, once for all leaves that agree in them.
fn distinct_leaves(table: &LeafTable, report: &mut Report) {
    let alike = LazyCell::new(|| Alike::of_each(table));
    for (number, leaf) in table.leaves.iter().enumerate() {
        let Some(array) = leaf.array.and_then(|array| table.arrays.get(array)) else {
            continue;
        };
        for (code, reason) in [
            (Code::ShardingMismatch, sharding_fault(table, leaf, array)),
            (Code::WriteShape, write_shape_fault(table, leaf, array)),
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

/// The leaves of the tree that are one distinct leaf.
#[derive(Clone, Copy, Default)]
struct Alike {
    /// The place of the first of them.
    first: usize,
    /// How many there are.
    count: usize,
}

impl Alike {
    /// Those of every distinct leaf, by its number.
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

/// Why a sharding cannot be that of its array.
fn sharding_fault(table: &LeafTable, leaf: &Leaf, array: &Array) -> Option<String> {
    let Sharding::Named {
        shape: mesh,
        axis_names,
        partition_spec,
        ..
    } = table.shardings.get(leaf.sharding?)?
    else {
        return None;
    };
    let shape = array.shape();
    if partition_spec.len() > shape.len() {
        return Some(format!(
            "a partition spec of {} for an array of rank {}",
            counted(to_u64(partition_spec.len()), "entry", "entries"),
            shape.len()
        ));
    }
    for (dimension, (entry, length)) in partition_spec.iter().zip(shape).enumerate() {
        let axes = match entry {
            SpecEntry::Unsplit => continue,
            SpecEntry::Axis(axis) => std::slice::from_ref(axis),
            SpecEntry::Axes(axes) => axes.as_slice(),
        };
        let mut parts = 1_u64;
        for axis in axes {
            let place = axis_names.iter().position(|name| name == axis);
            let Some(size) = place.and_then(|place| mesh.get(place)) else {
                return Some(format!(
                    "dimension {dimension} is split over axis {axis:?}, which the mesh does not have"
                ));
            };
            parts = parts.saturating_mul(u64::try_from(*size).unwrap_or_default());
        }
        if length.checked_rem(parts) != Some(0) {
            return Some(format!(
                "dimension {dimension} of length {length} does not divide into {parts} shards"
            ));
        }
    }
    None
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

/// Reports entries of `_sharding` for what is no leaf.
fn surplus_shardings(files: &ItemFiles, table: &LeafTable, limits: &Limits, report: &mut Report) {
    let Ok(bytes) = &files.sharding else { return };
    // The reader reports a file that cannot be decoded.
    let Ok(decoded) = shardings::decode(bytes, limits) else {
        return;
    };
    let jax = |number: &usize| {
        let kind = table.leaves.get(*number).map(|leaf| leaf.kind);
        matches!(kind, Some(LeafKind::JaxArray | LeafKind::Unreadable(_)))
    };
    let leaves = table.leaf_of.iter().zip(table.names.iter());
    let leaves = leaves.filter(|(number, _)| jax(number));
    let mut known: Vec<&str> = leaves.map(|(_, name)| name).collect();
    known.sort_unstable();
    known.dedup();
    let matched = known.iter().filter(|name| decoded.get(name).is_some());
    let surplus = decoded.len().saturating_sub(matched.count());
    if surplus > 0 {
        let reason = format!("entries for what is no JAX array of the tree: {surplus}");
        let mut finding = Finding::new(Code::ShardingSurplus, reason);
        if let Ok(path) = files.directory.join(names::SHARDING) {
            finding = finding.in_file(&path);
        }
        report.add(finding.but(
            counted(
                to_u64(decoded.len().saturating_sub(surplus)),
                "entry",
                "entries",
            ),
            counted(to_u64(decoded.len()), "entry", "entries"),
        ));
    }
}
