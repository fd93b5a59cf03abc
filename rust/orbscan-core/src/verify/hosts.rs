//! What one directory should hold of a local checkpoint that several hosts hold together.
//!
//! No document in a directory says which processes wrote it, but its chunks do: some process wrote
//! each of them, and of those that can have written it, the one with the fewest missing chunks is
//! taken to be the writer. Missing chunks of such a process are lost; all others should be held by
//! other hosts. A directory holds the share of at least one process.

use std::cell::OnceCell;

use foldhash::HashSet;

use super::arrays::Array;
use super::marks::{Budget, Marks};
use super::shares::{Division, Shares};
use super::survey::Survey;
use crate::error::{ErrorKind, Result};
use crate::layout::root::Root;
use crate::layout::step;
use crate::limits::Limits;
use crate::orbax::names;
use crate::orbax::process_metadata::{self, ProcessMetadata};
use crate::path::StorePath;
use crate::record::LeafTable;
use crate::store::{Bytes, Store, Want};

/// The most chunks of one tree that are examined one by one; further arrays are treated as those
/// whose division is not known.
const MAX_CHUNKS: u64 = 1 << 26;

/// The processes that wrote a checkpoint, read when they are needed.
pub(super) struct Writers<'a> {
    store: &'a dyn Store,
    limits: &'a Limits,
    directory: Option<StorePath>,
    known: OnceCell<Option<ProcessMetadata>>,
}

impl<'a> Writers<'a> {
    /// The writers of a checkpoint.
    ///
    /// # Errors
    /// `Malformed` for an invalid path.
    pub(super) fn of(store: &'a dyn Store, root: &Root, limits: &'a Limits) -> Result<Self> {
        let own = root.has_directory(names::PROCESS_METADATA);
        let directory = match (own, step::of(root.path.name()), root.path.parent()) {
            (true, ..) => Some(root.path.join(names::PROCESS_METADATA)?),
            // In 0.11.0 it was not yet a checkpointable, and lay beside the steps.
            (false, Some(step), Some(above)) => {
                let all = above.join(names::PROCESS_METADATA)?;
                Some(all.join(&step.to_string())?)
            }
            _ => None,
        };
        Ok(Self {
            store,
            limits,
            directory,
            known: OnceCell::new(),
        })
    }

    /// What is known about them, if there are several. Documents that cannot be read give nothing:
    /// another finding reports them.
    ///
    /// # Errors
    /// `Store`.
    pub(super) fn get(&self) -> Result<Option<&ProcessMetadata>> {
        if self.known.get().is_none() {
            let found = match &self.directory {
                Some(directory) => read(self.store, directory, self.limits)?.ok(),
                None => None,
            };
            let found = found.filter(|found| found.devices.len() > 1);
            self.known.get_or_init(|| found);
        }
        Ok(self.known.get().and_then(Option::as_ref))
    }
}

/// Reads the documents in a directory; the inner error is what is wrong with them.
///
/// # Errors
/// `Store`.
pub(super) fn read(
    store: &dyn Store,
    directory: &StorePath,
    limits: &Limits,
) -> Result<Result<ProcessMetadata>> {
    let decoded = || -> Result<ProcessMetadata> {
        let wants = names::PROCESS_METADATA_DOCUMENTS.map(|name| {
            let path = directory.join(name)?;
            Ok(Want::whole(path, limits.max_document_bytes))
        });
        let [devices, mesh] = wants;
        let wants = [devices?, mesh?];
        let mut answers = store.fetch(&wants).into_iter();
        let mut next = || answers.next().unwrap_or_else(|| Ok(Bytes::new()));
        let (own, other) = (next()?, next()?);
        let [of_devices, of_mesh] = &wants;
        let devices = process_metadata::decode_devices(&own, limits)
            .map_err(|error| error.in_file(&of_devices.path))?;
        let mesh = process_metadata::decode_mesh(&other, limits)
            .map_err(|error| error.in_file(&of_mesh.path))?;
        Ok(ProcessMetadata { devices, mesh })
    };
    match decoded() {
        Err(error) if error.kind() == ErrorKind::Store => Err(error),
        decoded => Ok(decoded),
    }
}

/// The chunks of an array that are not in the store.
pub(super) enum Missing {
    /// Other hosts should hold all of them.
    Elsewhere,
    /// All of them should be here.
    Lost,
    /// Some should be here.
    Some {
        /// Those that should be here.
        lost: Marks,
        /// Those that other hosts should hold.
        elsewhere: Marks,
    },
}

/// The chunks of a tree that are not in a directory.
pub(super) struct Sorted {
    /// For each array, by its number; `None` if nothing is missing.
    pub(super) missing: Vec<Option<Missing>>,
    /// The processes whose whole share is here, as far as is known.
    pub(super) here: Vec<usize>,
    /// How many processes wrote the checkpoint, if that is known.
    pub(super) processes: Option<usize>,
}

/// Assumes that other hosts hold all missing chunks.
pub(super) fn all_elsewhere(survey: &Survey<'_>) -> Sorted {
    let misses = |array: &Array<'_>| {
        let grid = survey.arrays.grid(array)?;
        (array.present.count() < grid.total()).then_some(Missing::Elsewhere)
    };
    Sorted {
        missing: survey.arrays.arrays.iter().map(misses).collect(),
        here: Vec::new(),
        processes: None,
    }
}

/// Divides the missing chunks of a directory into those that it should have and others.
pub(super) fn sort(survey: &Survey<'_>, table: &LeafTable, metadata: &ProcessMetadata) -> Sorted {
    let mut shares = Shares::new(table, metadata);
    let mut left = MAX_CHUNKS;
    let arrays: Vec<Option<Held<'_>>> = survey
        .arrays
        .arrays
        .iter()
        .map(|array| Held::new(survey, array, &mut shares, &mut left))
        .collect();
    let mut counts = vec![Count::default(); shares.groups().len()];
    for array in arrays.iter().flatten() {
        array.count(&mut counts);
    }
    let processes = metadata.devices.len();
    let mut misses = vec![0_u64; processes];
    for (group, count) in shares.groups().iter().zip(&counts) {
        for process in group {
            if let Some(misses) = misses.get_mut(*process) {
                *misses = misses.saturating_add(count.missing);
            }
        }
    }
    let writers = writers(shares.groups(), &counts, &misses);
    let is_lost: Vec<bool> = shares
        .groups()
        .iter()
        .map(|group| group.iter().any(|process| writers.contains(process)))
        .collect();
    let mut budget = Budget::default();
    let mut sorted = |array: &Held<'_>| array.sorted(&is_lost, &mut budget);
    let missing = arrays
        .iter()
        .map(|array| array.as_ref().and_then(&mut sorted));
    let misses = misses.iter().enumerate();
    let whole = misses.filter(|(_, misses)| **misses == 0);
    let here = whole.map(|(process, _)| process).collect();
    let is_unknown = |array: &Held<'_>| array.division.is_none() && !array.is_whole();
    let any_unknown = arrays.iter().flatten().any(is_unknown);
    Sorted {
        missing: missing.collect(),
        here: if any_unknown { Vec::new() } else { here },
        processes: Some(processes),
    }
}

/// The chunks that a group of processes holds.
#[derive(Clone, Copy, Default)]
struct Count {
    present: bool,
    missing: u64,
}

/// The processes that must have written to the directory but whose share is not complete.
fn writers(groups: &[Vec<usize>], counts: &[Count], misses: &[u64]) -> HashSet<usize> {
    let all: Vec<usize> = (0..misses.len()).collect();
    let present = groups.iter().zip(counts).filter(|(_, count)| count.present);
    let candidates = std::iter::once(&all).chain(present.map(|(group, _)| group));
    let mut writers = HashSet::default();
    for group in candidates {
        let misses = |process: &usize| misses.get(*process).copied().unwrap_or_default();
        let least = group.iter().map(misses).min().unwrap_or_default();
        if least > 0 {
            writers.extend(group.iter().filter(|process| misses(process) == least));
        }
    }
    writers
}

/// What the directory holds of one array.
struct Held<'a> {
    present: &'a Marks,
    total: u64,
    /// `None` if it is not known how the array is divided.
    division: Option<Division>,
}

impl<'a> Held<'a> {
    /// `None` for an array without a grid.
    fn new(
        survey: &'a Survey<'_>,
        array: &'a Array<'_>,
        shares: &mut Shares<'_>,
        left: &mut u64,
    ) -> Option<Self> {
        let grid = survey.arrays.grid(array)?;
        let total = grid.total();
        let held = Self {
            present: &array.present,
            total,
            division: None,
        };
        if !held.is_whole() {
            match left.checked_sub(total) {
                Some(rest) if held.present.runs(true, total).is_some() => *left = rest,
                _ => return Some(held),
            }
        }
        let division = shares.of(array.leaf, grid);
        Some(Self { division, ..held })
    }

    const fn is_whole(&self) -> bool {
        self.present.count() >= self.total
    }

    /// The chunks that are here, or those that are not.
    fn chunks(&self, here: bool) -> impl Iterator<Item = u64> {
        let runs = self.present.runs(here, self.total);
        runs.into_iter()
            .flatten()
            .flat_map(|(first, last)| first..=last)
    }

    fn count(&self, counts: &mut [Count]) {
        let Some(division) = &self.division else {
            return;
        };
        if self.is_whole() {
            for group in division.groups() {
                if let Some(count) = counts.get_mut(*group) {
                    count.present = true;
                }
            }
            return;
        }
        for here in [true, false] {
            for group in self.chunks(here).filter_map(|chunk| division.group(chunk)) {
                if let Some(count) = counts.get_mut(group) {
                    count.present |= here;
                    count.missing = count.missing.saturating_add(u64::from(!here));
                }
            }
        }
    }

    /// Its missing chunks, given for each group whether its chunks are lost.
    fn sorted(&self, is_lost: &[bool], budget: &mut Budget) -> Option<Missing> {
        if self.is_whole() {
            return None;
        }
        let Some(division) = &self.division else {
            return Some(match self.present.count() {
                0 => Missing::Lost,
                _ => Missing::Elsewhere,
            });
        };
        let (mut lost, mut elsewhere) = (Marks::default(), Marks::default());
        for chunk in self.chunks(false) {
            let group = division.group(chunk);
            let marks = match group.and_then(|group| is_lost.get(group)) {
                Some(false) => &mut elsewhere,
                _ => &mut lost,
            };
            marks.insert(chunk, self.total, budget);
        }
        Some(match (lost.count(), elsewhere.count()) {
            (0, _) => Missing::Elsewhere,
            (_, 0) => Missing::Lost,
            _ => Missing::Some { lost, elsewhere },
        })
    }
}
