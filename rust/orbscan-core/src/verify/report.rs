//! The findings of a check, in bounded number.

use std::collections::{BTreeMap, BTreeSet};

use super::Slice;
use super::code::{Code, Severity};
use super::marks::Marks;
use crate::error::{Error, Offset};
use crate::reader::beside::Other;
use crate::tree::KeyEntry;
use crate::zarr::chunk_keys::Grid;

/// Findings of one code that are kept; further ones are counted.
const KEPT: usize = 100;

/// Runs of chunks that a finding names; further ones are counted.
const RUNS_SHOWN: usize = 8;

/// Which chunks of an array a finding is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunks {
    /// How many chunks are affected.
    pub count: u64,
    /// How many chunks there are.
    pub of: u64,
    /// Their indices: the first and the last of each run, in row-major order.
    pub runs: Vec<(Vec<u64>, Vec<u64>)>,
    /// How many more runs there are; `None` if the grid is too large to distinguish its chunks.
    pub more_runs: Option<u64>,
    /// The smallest box that contains all of their elements: along each dimension from the first
    /// element to before the last.
    pub elements: Option<Vec<(u64, u64)>>,
}

impl Chunks {
    /// The chunks that are marked, or those that are not.
    pub fn new(marks: &Marks, marked: bool, grid: &Grid) -> Self {
        let of = grid.total();
        let count = if marked {
            marks.count()
        } else {
            of.saturating_sub(marks.count())
        };
        let mut chunks = Self {
            count,
            of,
            runs: Vec::new(),
            more_runs: None,
            elements: None,
        };
        if let Some(runs) = marks.runs(marked, of) {
            chunks.fill_in(runs, grid);
        }
        chunks
    }

    fn fill_in(&mut self, runs: impl Iterator<Item = (u64, u64)>, grid: &Grid) {
        let mut more = 0_u64;
        for (first, last) in runs {
            let (low, high) = (grid.indices(first), grid.indices(last));
            self.widen(&grid.corners(&low, &high));
            if self.runs.len() < RUNS_SHOWN {
                self.runs.push((low, high));
            } else {
                more = more.saturating_add(1);
            }
        }
        self.more_runs = Some(more);
    }

    fn widen(&mut self, elements: &[(u64, u64)]) {
        let Some(known) = &mut self.elements else {
            self.elements = Some(elements.to_vec());
            return;
        };
        for (own, more) in known.iter_mut().zip(elements) {
            *own = (own.0.min(more.0), own.1.max(more.1));
        }
    }
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was found.
    pub code: Code,
    /// What is wrong, in words that do not repeat the other fields.
    pub reason: String,
    /// The file, as the store names it.
    pub file: Option<String>,
    /// Where in the file.
    pub offset: Option<Offset>,
    /// The checkpointable; `None` also for one without a name.
    pub checkpointable: Option<String>,
    /// The param name of the leaf.
    pub leaf: Option<String>,
    /// The affected chunks.
    pub chunks: Option<Chunks>,
    /// What was expected.
    pub expected: Option<String>,
    /// What was found.
    pub found: Option<String>,
}

impl Finding {
    /// A finding of which only the code and the reason are known so far.
    pub fn new(code: Code, reason: impl Into<String>) -> Self {
        Self {
            code,
            reason: reason.into(),
            file: None,
            offset: None,
            checkpointable: None,
            leaf: None,
            chunks: None,
            expected: None,
            found: None,
        }
    }

    /// A finding from an error.
    pub fn of(code: Code, error: &Error) -> Self {
        Self {
            file: error.file().map(ToOwned::to_owned),
            offset: error.offset(),
            ..Self::new(code, error.reason())
        }
    }

    /// Adds the file.
    #[must_use]
    pub fn in_file(self, file: &impl AsRef<str>) -> Self {
        let file = Some(file.as_ref().to_owned());
        Self { file, ..self }
    }

    /// Adds the leaf.
    #[must_use]
    pub fn of_leaf(self, leaf: &str) -> Self {
        let leaf = Some(leaf.to_owned());
        Self { leaf, ..self }
    }

    /// Whether it is about chunks of a leaf that were decoded, or should have been.
    const fn is_of_data(&self) -> bool {
        self.leaf.is_some()
            && matches!(
                self.code,
                Code::ChunkDamaged
                    | Code::ChunkUnreadable
                    | Code::NotFinite
                    | Code::NotDecoded
                    | Code::BytesSurplus
            )
    }

    /// Adds what was expected and what was found.
    #[must_use]
    pub fn but(self, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self {
            expected: Some(expected.into()),
            found: Some(found.into()),
            ..self
        }
    }
}

/// A leaf that cannot be restored as it was saved: its checkpointable and its param name.
pub type LostLeaf = (Option<String>, String);

/// How much was checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// Leaves of all trees.
    pub leaves: u64,
    /// Arrays in the stores.
    pub arrays: u64,
    /// Chunks that the stores hold.
    pub chunks: u64,
    /// B+tree nodes.
    pub nodes: u64,
    /// Files.
    pub files: u64,
    /// Bytes of chunks that were decoded, as they are stored; for chunks in nodes, before
    /// compression.
    pub data_bytes: u64,
    /// Chunks that were decoded and carry no checksum: a changed byte in them may go undetected.
    pub unsealed: u64,
}

/// What one directory holds of a checkpoint that several hosts hold together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// How many processes wrote the checkpoint.
    pub processes: u64,
    /// The processes whose whole share is here, as far as is known.
    pub here: BTreeSet<u64>,
}

/// One checkpointable that was checked, and those that were not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alone {
    /// Its name; `None` for the checkpoint itself.
    pub name: Option<String>,
    /// The others.
    pub others: Vec<Other>,
}

/// The outcome of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The findings, the most severe first once sorted by [`Report::sort`].
    pub findings: Vec<Finding>,
    /// How many findings of a code there were beyond those that are kept.
    pub left_out: BTreeMap<Code, u64>,
    /// The leaves that cannot be restored as they were saved.
    pub lost_leaves: BTreeSet<LostLeaf>,
    /// The keypaths of the leaves that are named here.
    pub keypaths: BTreeMap<LostLeaf, Vec<KeyEntry<'static>>>,
    /// How much was checked.
    pub extent: Extent,
    /// Whether everything was checked.
    pub complete: bool,
    /// What is here, if other hosts hold the rest.
    pub part: Option<Part>,
    /// The number of chunks that exist, and the number that the arrays have.
    pub chunks: (u64, u64),
    /// The checkpointable that was checked alone, if not all were.
    pub alone: Option<Alone>,
    /// The checkpointable of findings that do not name one.
    pub scope: Option<String>,
    kept: BTreeMap<Code, usize>,
    /// Whether another part reports what is not about decoded chunks.
    is_later: bool,
}

impl Report {
    /// An empty report.
    pub fn new() -> Self {
        Self {
            complete: true,
            ..Self::default()
        }
    }

    /// An empty report for one part of a check.
    pub fn of(slice: Slice) -> Self {
        Self {
            is_later: slice.index > 0,
            ..Self::new()
        }
    }

    /// Adds a finding; further findings of a code with many are only counted. A leaf that an error
    /// is about is lost, unless Orbax refuses the whole tree because of the error.
    pub fn add(&mut self, mut finding: Finding) {
        if finding.checkpointable.is_none() {
            finding.checkpointable.clone_from(&self.scope);
        }
        if finding.code.severity() == Severity::Error
            && finding.code != Code::TreeRefused
            && let Some(leaf) = &finding.leaf
        {
            let lost = (finding.checkpointable.clone(), leaf.clone());
            self.lost_leaves.insert(lost);
        }
        let kept = self.kept.entry(finding.code).or_default();
        if self.is_later && !finding.is_of_data() {
            return;
        }
        if *kept < KEPT {
            *kept = kept.saturating_add(1);
            self.findings.push(finding);
        } else {
            let more = self.left_out.entry(finding.code).or_default();
            *more = more.saturating_add(1);
        }
    }

    /// Notes that a leaf of the current checkpointable is lost.
    pub fn lose(&mut self, leaf: &str) {
        let lost = (self.scope.clone(), leaf.to_owned());
        self.lost_leaves.insert(lost);
    }

    /// The param names of the leaves of the current checkpointable that have been named so far.
    pub fn named_leaves(&self) -> BTreeSet<&str> {
        let findings = self.findings.iter();
        let found = findings.map(|finding| (&finding.checkpointable, finding.leaf.as_deref()));
        let lost = self.lost_leaves.iter();
        let lost = lost.map(|(checkpointable, leaf)| (checkpointable, Some(leaf.as_str())));
        let of_scope = found.chain(lost).filter(|(scope, _)| **scope == self.scope);
        of_scope.filter_map(|(_, leaf)| leaf).collect()
    }

    /// Notes the keypath of a leaf of the current checkpointable; of several leaves with one param
    /// name, the first counts.
    pub fn place(&mut self, leaf: &str, keypath: Vec<KeyEntry<'static>>) {
        let leaf = (self.scope.clone(), leaf.to_owned());
        self.keypaths.entry(leaf).or_insert(keypath);
    }

    /// Adds the findings about another directory of the same checkpoint.
    pub fn absorb(&mut self, other: Self) {
        for finding in other.findings {
            self.add(finding);
        }
        for (code, more) in other.left_out {
            let left_out = self.left_out.entry(code).or_default();
            *left_out = left_out.saturating_add(more);
        }
        self.lost_leaves.extend(other.lost_leaves);
        for (leaf, keypath) in other.keypaths {
            self.keypaths.entry(leaf).or_insert(keypath);
        }
        self.complete &= other.complete;
        let (own, more) = (&mut self.extent, other.extent);
        own.leaves = own.leaves.max(more.leaves);
        own.arrays = own.arrays.max(more.arrays);
        own.chunks = own.chunks.saturating_add(more.chunks);
        own.nodes = own.nodes.saturating_add(more.nodes);
        own.files = own.files.saturating_add(more.files);
        own.data_bytes = own.data_bytes.saturating_add(more.data_bytes);
        own.unsealed = own.unsealed.saturating_add(more.unsealed);
    }

    /// Whether no error was found.
    pub fn is_ok(&self) -> bool {
        let error = |code: &Code| code.severity() == Severity::Error;
        !self.kept.keys().any(error)
    }

    /// Puts the most severe findings first, and otherwise keeps their order.
    pub fn sort(&mut self) {
        self.findings.sort_by_key(|finding| finding.code.severity());
    }
}
