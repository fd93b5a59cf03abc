//! Which checkpoints are wanted.

use std::ops::RangeInclusive;

use super::entry::Entry;
use super::fnv::Fnv;
use crate::orbax::commit::Commit;
use crate::pattern::Pattern;

/// One of several shares of the paths, one for each machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Its index, less than their number.
    pub index: u64,
    /// Their number, at least one.
    pub count: u64,
}

impl Shard {
    /// The index of the share, of this many, that has a path; `None` if there are no shares.
    pub fn index_of(path: &str, count: u64) -> Option<u64> {
        let mut fingerprint = Fnv::new();
        fingerprint.add_text(path);
        fingerprint.finish().checked_rem(count)
    }
}

/// Which checkpoints are wanted; by default all.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Steps from the first to the last; then only steps are wanted.
    pub steps: Option<RangeInclusive<u64>>,
    /// The newest steps of each directory, at most this many.
    pub latest: Option<usize>,
    /// Only finished ones, or only unfinished ones.
    pub committed: Option<bool>,
    /// The pattern for the path from the base; for a base itself, for its name.
    pub pattern: Option<Pattern>,
    /// Directories that are not searched, by the same paths as `pattern`.
    pub exclude: Vec<Pattern>,
    /// A share of them.
    pub shard: Option<Shard>,
}

impl Selection {
    /// Whether a checkpoint is wanted, in any share if there are shares.
    pub fn wants(&self, entry: &Entry) -> bool {
        self.wants_commit(&entry.commit) && self.wants_step(entry.step) && self.wants_path(entry)
    }

    /// Whether something that could not be examined may be wanted, given its path from the base: if
    /// it has no number, wanted steps may lie below it.
    pub fn may_want(&self, entry: &Entry, way: &str) -> bool {
        let step = entry.step.is_none() || self.wants_step(entry.step);
        step && (self.wants_path(entry) || self.may_want_below(way))
    }

    /// Whether finished or unfinished checkpoints are wanted.
    pub fn wants_commit(&self, commit: &Commit) -> bool {
        self.committed
            .is_none_or(|wanted| wanted == commit.committed)
    }

    /// Whether a step with this number is wanted.
    pub fn wants_step(&self, step: Option<u64>) -> bool {
        let within = |steps: &RangeInclusive<u64>| step.is_some_and(|step| steps.contains(&step));
        self.steps.as_ref().is_none_or(within)
    }

    /// Whether it, or something below it, may be wanted, given its path from the base.
    pub fn may_want_below(&self, way: &str) -> bool {
        let may = |pattern: &Pattern| pattern.matches(way) || pattern.may_match_below(way);
        self.pattern.as_ref().is_none_or(may)
    }

    /// Whether the directory `name` in the one at `way` is excluded. Directories below an excluded
    /// one are never passed, because it is not searched.
    pub fn excludes(&self, way: &str, name: &str) -> bool {
        !self.exclude.is_empty() && self.excludes_path(&format!("{way}/{name}"))
    }

    /// Whether a path is excluded, or a directory on the way to it.
    pub fn excludes_way(&self, way: &str) -> bool {
        let above = way.match_indices('/').filter_map(|(at, _)| way.get(..at));
        !self.exclude.is_empty() && above.chain([way]).any(|path| self.excludes_path(path))
    }

    fn excludes_path(&self, path: &str) -> bool {
        self.exclude.iter().any(|pattern| pattern.matches(path))
    }

    /// Whether it is in the share, by its absolute path.
    pub fn is_in_share(&self, path: &str) -> bool {
        let share = |shard: Shard| Shard::index_of(path, shard.count) == Some(shard.index);
        self.shard.is_none_or(share)
    }

    fn wants_path(&self, entry: &Entry) -> bool {
        let way = entry.path.strip_prefix(&*entry.root).unwrap_or_default();
        let way = match way.trim_start_matches('/') {
            "" => entry
                .path
                .trim_end_matches('/')
                .rsplit('/')
                .next()
                .unwrap_or_default(),
            way => way,
        };
        let matches = |pattern: &Pattern| pattern.matches(way);
        self.pattern.as_ref().is_none_or(matches) && !self.excludes_path(way)
    }
}
