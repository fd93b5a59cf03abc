//! `_sharding`, compared with the tree and the arrays.

use foldhash::{HashSet, HashSetExt};

use super::code::Code;
use super::report::{Finding, Report};
use crate::cursor::to_u64;
use crate::error::counted;
use crate::limits::Limits;
use crate::orbax::sharding::{self, DeviceMesh, Sharding, SpecEntry};
use crate::orbax::shardings;
use crate::path::StorePath;
use crate::record::{Array, Leaf, LeafKind, LeafTable};

/// Checks which leaves the file has entries for.
pub(super) fn check(
    bytes: &[u8],
    path: &StorePath,
    table: &LeafTable,
    limits: &Limits,
    report: &mut Report,
) {
    // The reader reports a file that cannot be decoded.
    let Ok(decoded) = shardings::decode(bytes, limits) else {
        return;
    };
    let mut add = |finding: Finding| report.add(finding.in_file(path));
    let surplus = surplus(&decoded, table);
    if surplus > 0 {
        let reason = format!("entries for what is not a JAX array of the tree: {surplus}");
        let count = |count| counted(to_u64(count), "entry", "entries");
        let fitting = decoded.len().saturating_sub(surplus);
        let finding = Finding::new(Code::ShardingSurplus, reason);
        add(finding.but(count(fitting), count(decoded.len())));
    }
    let stored = |leaf: &Leaf| {
        let array = leaf.array.and_then(|array| table.arrays.get(array));
        leaf.kind == LeafKind::JaxArray && matches!(array, Some(Array::Zarr(_)))
    };
    let leaves = table.leaf_of.iter().zip(table.names.iter());
    let arrays = leaves.filter(|(number, _)| table.leaves.get(**number).is_some_and(stored));
    let mut lookup = decoded.lookup();
    let mut silent = arrays.filter(|(_, name)| lookup.get(name) == Some(&Ok(None)));
    if let Some((_, first)) = silent.next() {
        let entries = match silent.count() {
            0 => "its entry says nothing".to_owned(),
            more => {
                let more = counted(to_u64(more), "more array", "more arrays");
                format!("its entry says nothing, nor do those of {more}")
            }
        };
        add(Finding::new(Code::Sharding, entries).of_leaf(first));
    }
}

/// The number of entries that do not belong to a leaf that can have one.
fn surplus(decoded: &shardings::Shardings, table: &LeafTable) -> usize {
    let jax = |number: &usize| {
        let kind = table.leaves.get(*number).map(|leaf| leaf.kind);
        matches!(
            kind,
            Some(LeafKind::JaxArray | LeafKind::Unreadable(_) | LeafKind::Custom(_))
        )
    };
    let leaves = table.leaf_of.iter().zip(table.names.iter());
    let leaves = leaves.filter(|(number, _)| jax(number));
    let mut known: Vec<&str> = leaves.map(|(_, name)| name).collect();
    known.sort_unstable();
    known.dedup();
    let mut lookup = decoded.lookup();
    let matched = known.iter().filter(|name| lookup.get(name).is_some());
    decoded.len().saturating_sub(matched.count())
}

/// Why a sharding cannot be that of its array, or is not one that JAX would create.
pub(super) fn fault(table: &LeafTable, leaf: &Leaf, array: &Array) -> Option<String> {
    let sharding = table.shardings.get(leaf.sharding?)?;
    match sharding {
        Sharding::Named {
            partition_spec,
            shape,
            axis_names,
            device_mesh,
            ..
        } => mesh_fault(sharding).or_else(|| {
            let lengths = mesh_lengths(shape, device_mesh.as_ref());
            spec_fault(partition_spec, &lengths, axis_names, array.shape())
        }),
        Sharding::Positional { .. } => {
            Some("a positional sharding, which Orbax 0.12 does not read".to_owned())
        }
        Sharding::Single { device_str } => device_fault(device_str),
    }
}

/// Why no device of JAX can have a name: all of them are numbered, as `cpu:0`, `TFRT_CPU_0` and
/// `TPU_0(process=0,(0,0,0,0))`. Whether a machine has the device is another question.
fn device_fault(device: &str) -> Option<String> {
    let numbered = device.bytes().any(|byte| byte.is_ascii_digit());
    (!numbered).then(|| format!("device {device:?}, which no machine has"))
}

/// Why JAX cannot create a mesh.
fn mesh_fault(sharding: &Sharding) -> Option<String> {
    let Sharding::Named {
        shape,
        axis_names,
        axis_types,
        device_mesh,
        ..
    } = sharding
    else {
        return None;
    };
    if shape.len() != axis_names.len() {
        return Some(format!(
            "a mesh of rank {} with {}",
            shape.len(),
            counted(to_u64(axis_names.len()), "axis name", "axis names")
        ));
    }
    if let Some(axis) = repeated(axis_names) {
        return Some(format!("a mesh with two axes {axis:?}"));
    }
    if let Some(types) = axis_types
        .as_ref()
        .filter(|types| types.len() != shape.len())
    {
        return Some(format!(
            "a mesh of rank {} with {}",
            shape.len(),
            counted(to_u64(types.len()), "axis type", "axis types")
        ));
    }
    if shape.iter().filter(|length| **length < 0).count() > 1 {
        return Some(format!("a mesh of shape {shape:?}"));
    }
    let mesh = device_mesh.as_ref()?;
    if sharding::filled(shape, to_u64(mesh.ids.len())).is_none() {
        return Some(format!(
            "a mesh of shape {shape:?} over devices of shape {:?}",
            mesh.shape
        ));
    }
    let mut ids = mesh.ids.clone();
    ids.sort_unstable();
    let pairs = ids.iter().zip(ids.iter().skip(1));
    let mut twice = pairs.filter(|(a, b)| a == b);
    twice
        .next()
        .map(|(id, _)| format!("a mesh that has device {id} twice"))
}

/// The lengths of the axes of a mesh; 1, which divides everything, for those that depend on the
/// machine.
fn mesh_lengths(shape: &[i64], device_mesh: Option<&DeviceMesh>) -> Vec<u64> {
    let devices = device_mesh.map(|mesh| to_u64(mesh.ids.len()));
    let filled = devices.and_then(|devices| sharding::filled(shape, devices));
    let own = || {
        shape
            .iter()
            .map(|length| u64::try_from(*length).unwrap_or(1))
    };
    filled.unwrap_or_else(|| own().collect())
}

/// Why a partition spec cannot split an array of this shape over a mesh.
fn spec_fault(
    partition_spec: &[SpecEntry],
    mesh: &[u64],
    axis_names: &[String],
    shape: &[u64],
) -> Option<String> {
    if partition_spec.len() > shape.len() {
        return Some(format!(
            "a partition spec of {} for an array of rank {}",
            counted(to_u64(partition_spec.len()), "entry", "entries"),
            shape.len()
        ));
    }
    let mut used: Vec<String> = Vec::new();
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
            parts = parts.saturating_mul(*size);
        }
        if length.checked_rem(parts) != Some(0) {
            let parts = counted(parts, "shard", "shards");
            return Some(format!(
                "dimension {dimension} of length {length} does not divide into {parts}"
            ));
        }
        used.extend_from_slice(axes);
    }
    repeated(&used).map(|axis| format!("a partition spec that has axis {axis:?} twice"))
}

/// The first name that occurs a second time.
fn repeated(names: &[String]) -> Option<&String> {
    let mut seen = HashSet::new();
    names.iter().find(|name| !seen.insert(*name))
}
