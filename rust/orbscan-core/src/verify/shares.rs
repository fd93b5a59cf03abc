//! Which processes hold which chunks of an array, according to its sharding and `process_metadata`.
//!
//! Every process of a local checkpoint stores all shards that its own devices hold, including those
//! that other processes hold as well.
//!
//! Source: orbax `experimental/emergency`: the array handler of local checkpoints has no primary
//! host and no replica id.

use std::collections::BTreeSet;
use std::rc::Rc;

use foldhash::{HashMap, HashMapExt};

use super::shardings;
use crate::cursor::{to_u64, to_usize};
use crate::orbax::process_metadata::ProcessMetadata;
use crate::orbax::sharding::{self, Sharding, SpecEntry};
use crate::record::LeafTable;
use crate::zarr::chunk_keys::{Grid, indices};

/// Processes that hold the same chunks, by number, in order.
pub(super) type Group = Vec<usize>;

/// How the arrays of one tree are divided among processes.
pub(super) struct Shares<'a> {
    table: &'a LeafTable,
    metadata: &'a ProcessMetadata,
    process_of: HashMap<i64, usize>,
    /// By the numbers of shardings.
    known: HashMap<usize, Option<Rc<Shards>>>,
    /// The distinct groups.
    groups: Vec<Group>,
    numbers: HashMap<Group, usize>,
}

/// The shards of one sharding.
struct Shards {
    /// Their number along each dimension of the sharding.
    counts: Vec<u64>,
    /// The group that holds each, row-major.
    groups: Vec<usize>,
}

/// How the chunks of one array are divided among processes.
pub(super) struct Division {
    dimensions: Vec<Dimension>,
    shards: Rc<Shards>,
}

struct Dimension {
    chunks: u64,
    chunks_of_shard: u64,
    shards: u64,
}

impl<'a> Shares<'a> {
    pub(super) fn new(table: &'a LeafTable, metadata: &'a ProcessMetadata) -> Self {
        let processes = metadata.devices.iter().enumerate();
        let devices = processes.flat_map(|(process, ids)| ids.iter().map(move |id| (*id, process)));
        Self {
            table,
            metadata,
            process_of: devices.collect(),
            known: HashMap::new(),
            groups: Vec::new(),
            numbers: HashMap::new(),
        }
    }

    /// The groups of all divisions so far.
    pub(super) fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// How the chunks of an array are divided; `None` if that is not known: there is no sharding,
    /// it cannot be that of the array, its devices belong to no process, or chunks are larger than
    /// a shard.
    pub(super) fn of(&mut self, leaf: usize, grid: &Grid) -> Option<Division> {
        let leaf = self.table.leaves.get(leaf)?;
        let array = self.table.arrays.get(leaf.array?)?;
        if shardings::fault(self.table, leaf, array).is_some() {
            return None;
        }
        let shards = self.shards_of(leaf.sharding?)?;
        if shards.counts.len() > grid.counts().len() {
            return None;
        }
        let counts = shards.counts.iter().copied().chain(std::iter::repeat(1));
        let lengths = grid.shape().iter().zip(grid.chunk_shape());
        let dimensions = grid.counts().iter().zip(lengths).zip(counts).map(
            |((&chunks, (length, chunk)), shards)| {
                // A dimension that is not divided may end within a chunk.
                let whole = length.checked_div(shards)?.checked_rem(*chunk) == Some(0);
                (whole || shards == 1).then_some(Dimension {
                    chunks,
                    chunks_of_shard: chunks.checked_div(shards)?.max(1),
                    shards,
                })
            },
        );
        Some(Division {
            dimensions: dimensions.collect::<Option<_>>()?,
            shards,
        })
    }

    /// Which processes hold the shards of the sharding with this number.
    fn shards_of(&mut self, number: usize) -> Option<Rc<Shards>> {
        if let Some(known) = self.known.get(&number) {
            return known.clone();
        }
        let sharding = self.table.shardings.get(number)?;
        let shards = self.shards(sharding).map(Rc::new);
        self.known.insert(number, shards.clone());
        shards
    }

    /// Which processes hold the shards of a sharding that fits its array.
    fn shards(&mut self, sharding: &Sharding) -> Option<Shards> {
        let (shape, axis_names, partition_spec, device_mesh) = match sharding {
            Sharding::Named {
                shape,
                axis_names,
                partition_spec,
                device_mesh,
                ..
            } => (shape, axis_names, partition_spec, device_mesh),
            // Each process has such an array of its own.
            Sharding::Single { .. } => {
                let all = (0..self.metadata.devices.len()).collect();
                return Some(Shards {
                    counts: Vec::new(),
                    groups: vec![self.number(all)],
                });
            }
            Sharding::Positional { .. } => return None,
        };
        let ids = device_mesh
            .as_ref()
            .map_or(&self.metadata.mesh, |mesh| &mesh.ids);
        let total = to_u64(ids.len());
        let mesh = sharding::filled(shape, total)?;
        let axes: Vec<Vec<usize>> = partition_spec
            .iter()
            .map(|entry| axes(entry, axis_names))
            .collect::<Option<_>>()?;
        let size = |axis: &usize| mesh.get(*axis).copied().unwrap_or(1);
        let counts: Vec<u64> = axes
            .iter()
            .map(|axes| axes.iter().map(size).fold(1, u64::saturating_mul))
            .collect();
        // An axis is used once, so there are no more shards than devices.
        let count = counts.iter().copied().fold(1, u64::saturating_mul);
        let mut holders = vec![BTreeSet::new(); to_usize(count.min(total))];
        for (place, id) in (0_u64..).zip(ids) {
            let process = *self.process_of.get(id)?;
            let at = indices(place, &mesh);
            let along = |axes: &Vec<usize>| {
                let steps = axes.iter().map(|axis| (size(axis), at.get(*axis).copied()));
                steps.fold(0, |shard, (size, at)| {
                    next(shard, size, at.unwrap_or_default())
                })
            };
            let shard = axes
                .iter()
                .zip(&counts)
                .fold(0, |shard, (axes, count)| next(shard, *count, along(axes)));
            holders.get_mut(to_usize(shard))?.insert(process);
        }
        let groups = holders
            .into_iter()
            .map(|group| self.number(group.into_iter().collect()));
        Some(Shards {
            groups: groups.collect(),
            counts,
        })
    }

    fn number(&mut self, group: Group) -> usize {
        let next = self.groups.len();
        let number = *self.numbers.entry(group.clone()).or_insert(next);
        if number == next {
            self.groups.push(group);
        }
        number
    }
}

impl Division {
    /// The number of the group that holds a chunk.
    pub(super) fn group(&self, chunk: u64) -> Option<usize> {
        let (mut rest, mut stride, mut shard) = (chunk, 1_u64, 0_u64);
        for dimension in self.dimensions.iter().rev() {
            let at = rest.checked_rem(dimension.chunks)?;
            rest = rest.checked_div(dimension.chunks)?;
            let at = at.checked_div(dimension.chunks_of_shard)?;
            shard = shard.saturating_add(at.saturating_mul(stride));
            stride = stride.saturating_mul(dimension.shards);
        }
        self.shards.groups.get(to_usize(shard)).copied()
    }

    /// The numbers of the groups that hold its chunks, with repetitions.
    pub(super) fn groups(&self) -> &[usize] {
        &self.shards.groups
    }
}

/// The indices of the mesh axes that an entry names.
fn axes(entry: &SpecEntry, axis_names: &[String]) -> Option<Vec<usize>> {
    let names = match entry {
        SpecEntry::Unsplit => &[],
        SpecEntry::Axis(axis) => std::slice::from_ref(axis),
        SpecEntry::Axes(axes) => axes.as_slice(),
    };
    let place = |name| axis_names.iter().position(|axis| axis == name);
    names.iter().map(place).collect()
}

/// The next partial row-major number: `number` is that of all dimensions before one of length
/// `length`.
fn next(number: u64, length: u64, at: u64) -> u64 {
    number.saturating_mul(length).saturating_add(at)
}
