//! The directories of several hosts, checked as one checkpoint: what they hold together, and
//! whether they come from one save.

use std::collections::{BTreeMap, BTreeSet};

use super::arrays::Array;
use super::code::Code;
use super::hosts::Missing;
use super::marks::{Budget, Marks};
use super::report::{Chunks, Finding, Report};
use super::survey::Survey;
use crate::error::counted;
use crate::layout::step;
use crate::orbax::process_metadata::ProcessMetadata;
use crate::path::StorePath;
use crate::record::{self, LeafKind, LeafTable};
use crate::store::Store;
use crate::zarr::chunk_keys::Grid;

/// The name of a checkpointable; `None` for one without.
type Scope = Option<String>;

/// The content of all directories so far.
#[derive(Default)]
pub(super) struct Together {
    directories: u64,
    /// The first directory, as its store names it.
    first: String,
    /// The step in the name of the first directory that has one, and the directory in which it
    /// lies.
    step: Option<(u64, String)>,
    processes: Option<ProcessMetadata>,
    /// The trees of the first directory that has any.
    scopes: BTreeSet<Scope>,
    /// The trees of the current one.
    own: BTreeSet<Scope>,
    outlines: BTreeMap<Scope, Outline>,
    arrays: BTreeMap<(Scope, String), Union>,
    budget: Budget,
}

/// The leaves of a tree by name.
type Outline = BTreeMap<String, (LeafKind, Option<record::Array>)>;

/// What all directories hold of one array.
struct Union {
    grid: Grid,
    /// Whether some directory holds all chunks.
    whole: bool,
    /// Whether chunks could not be distinguished.
    only_counted: bool,
    present: Marks,
    /// The chunks that exist or were reported as lost.
    known: Marks,
    /// Whether everything that some directory lacks was reported as lost.
    all_told: bool,
    code: Option<Code>,
}

impl Together {
    /// Begins with a directory.
    pub(super) fn begin(&mut self, store: &dyn Store, path: &StorePath, report: &mut Report) {
        self.own.clear();
        if self.directories == 0 {
            self.first = store.locate(path);
        }
        self.directories = self.directories.saturating_add(1);
        // Directories beside each other may be numbered by host.
        let absolute = store.absolute(path);
        let above = absolute.strip_suffix(path.name()).unwrap_or_default();
        match (step::of(path.name()), &self.step) {
            (Some(own), Some((other, beside))) if own != *other && above != beside => {
                let reason = "the directories are of different steps";
                let step = |number: u64| format!("step {number}");
                let finding = Finding::new(Code::HostsDiffer, reason).in_file(path);
                report.add(finding.but(step(*other), step(own)));
            }
            (Some(own), None) => self.step = Some((own, above.to_owned())),
            _ => {}
        }
    }

    /// Adds what a directory says about the processes that wrote it.
    pub(super) fn processes(
        &mut self,
        path: &StorePath,
        own: Option<&ProcessMetadata>,
        report: &mut Report,
    ) {
        match (own, &self.processes) {
            (Some(own), Some(other)) if own != other => {
                let reason = format!("other processes or devices than in {}", self.first);
                report.add(Finding::new(Code::HostsDiffer, reason).in_file(path));
            }
            (Some(own), None) => self.processes = Some(own.clone()),
            _ => {}
        }
    }

    /// Notes that a directory has a tree, in the scope of the report.
    pub(super) fn has_tree(&mut self, report: &Report) {
        self.own.insert(report.scope.clone());
    }

    /// Compares a tree with that of the previous directories.
    pub(super) fn tree(&mut self, table: &LeafTable, path: &StorePath, report: &mut Report) {
        let own = outline(table);
        let Some(other) = self.outlines.get(&report.scope) else {
            self.outlines.insert(report.scope.clone(), own);
            return;
        };
        if let Some((leaf, expected, found)) = difference(other, &own) {
            let reason = format!("another tree than in {}", self.first);
            let finding = Finding::new(Code::HostsDiffer, reason).in_file(path);
            report.add(finding.of_leaf(leaf).but(expected, found));
        }
    }

    /// Adds what a directory holds of an array, whose `missing` chunks were reported or not.
    pub(super) fn array(
        &mut self,
        survey: &Survey<'_>,
        array: &Array<'_>,
        missing: Option<&Missing>,
        code: impl FnOnce() -> Code,
        report: &Report,
    ) {
        let Some(grid) = survey.arrays.grid(array) else {
            return;
        };
        let key = (report.scope.clone(), array.name.to_owned());
        let union = self.arrays.entry(key).or_insert_with(|| Union::new(grid));
        // It belongs to another tree, which was reported.
        if union.whole || union.grid != *grid {
            return;
        }
        union.add(&array.present, missing, code, &mut self.budget);
    }

    /// Ends with a directory.
    pub(super) fn end(&mut self, path: &StorePath, report: &mut Report) {
        if self.scopes.is_empty() {
            self.scopes.clone_from(&self.own);
        }
        // If the whole directory is unreadable, that was reported.
        if self.own.is_empty() {
            return;
        }
        for scope in self.own.symmetric_difference(&self.scopes) {
            let (expected, found) = if self.own.contains(scope) {
                ("none", "a tree")
            } else {
                ("a tree", "none")
            };
            let reason = format!("other checkpointables than in {}", self.first);
            let finding = Finding::new(Code::HostsDiffer, reason).in_file(path);
            report.add(Finding {
                checkpointable: scope.clone(),
                ..finding.but(expected, found)
            });
        }
    }

    /// Reports what no directory has.
    pub(super) fn finish(&self, report: &mut Report) {
        for ((scope, leaf), union) in &self.arrays {
            if let Some(finding) = union.finding() {
                report.add(Finding {
                    checkpointable: scope.clone(),
                    ..finding.of_leaf(leaf)
                });
            }
        }
    }
}

impl Union {
    fn new(grid: &Grid) -> Self {
        Self {
            grid: grid.clone(),
            whole: false,
            only_counted: false,
            present: Marks::default(),
            known: Marks::default(),
            all_told: false,
            code: None,
        }
    }

    fn add(
        &mut self,
        present: &Marks,
        missing: Option<&Missing>,
        code: impl FnOnce() -> Code,
        budget: &mut Budget,
    ) {
        let total = self.grid.total();
        if present.count() >= total {
            self.present.forget(total, budget);
            self.known.forget(total, budget);
            self.whole = true;
            return;
        }
        // A damaged node in any directory may list what all others lack.
        match code() {
            Code::ChunkLost => self.code = Some(Code::ChunkLost),
            code => drop(self.code.get_or_insert(code)),
        }
        let Some(runs) = present.runs(true, total) else {
            self.only_counted = true;
            return;
        };
        for chunk in runs.flat_map(|(first, last)| first..=last) {
            self.present.insert(chunk, total, budget);
            self.known.insert(chunk, total, budget);
        }
        match missing {
            Some(Missing::Lost) => self.all_told = true,
            Some(Missing::Some { lost, .. }) => {
                let runs = lost.runs(true, total).into_iter().flatten();
                for chunk in runs.flat_map(|(first, last)| first..=last) {
                    self.known.insert(chunk, total, budget);
                }
            }
            Some(Missing::Elsewhere) | None => {}
        }
    }

    /// The finding about the chunks that no directory has and that were not reported before.
    fn finding(&self) -> Option<Finding> {
        let total = self.grid.total();
        if self.whole || self.all_told || self.known.count() >= total {
            return None;
        }
        if self.only_counted {
            let reason = "too many chunks to tell which of them the directories have together";
            return Some(Finding::new(Code::NotChecked, reason));
        }
        let finding = Finding::new(self.code?, "chunks that none of the directories has").but(
            counted(total, "chunk", "chunks"),
            counted(self.present.count(), "chunk", "chunks"),
        );
        Some(Finding {
            chunks: Some(Chunks::new(&self.known, false, &self.grid)),
            ..finding
        })
    }
}

fn outline(table: &LeafTable) -> Outline {
    let leaf = |(number, name): (&usize, &str)| {
        let leaf = table.leaves.get(*number)?;
        let array = leaf.array.and_then(|array| table.arrays.get(array));
        Some((name.to_owned(), (leaf.kind, array.cloned())))
    };
    let leaves = table.leaf_of.iter().zip(table.names.iter());
    leaves.filter_map(leaf).collect()
}

/// The first leaf in which two trees differ, and what it is in each.
fn difference<'a>(a: &'a Outline, b: &'a Outline) -> Option<(&'a str, String, String)> {
    let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    names.into_iter().find_map(|name| {
        let (first, second) = (a.get(name), b.get(name));
        let is_unknown = |leaf: Option<&(LeafKind, Option<record::Array>)>| {
            // The values of a custom handler cannot be compared.
            matches!(
                leaf,
                Some((LeafKind::Unreadable(_) | LeafKind::Custom(_), _))
            )
        };
        if first == second || is_unknown(first) || is_unknown(second) {
            return None;
        }
        Some((name.as_str(), described(first), described(second)))
    })
}

fn described(leaf: Option<&(LeafKind, Option<record::Array>)>) -> String {
    match leaf {
        None => "no such leaf".to_owned(),
        Some((_, Some(array))) => {
            let chunks = match array {
                record::Array::Zarr(header) => {
                    format!(" in chunks of {:?}", header.grid_chunk_shape)
                }
                record::Array::Inline(..) => String::new(),
            };
            format!("{}{:?}{chunks}", array.dtype().name(), array.shape())
        }
        Some((_, None)) => "a leaf without an array".to_owned(),
    }
}
