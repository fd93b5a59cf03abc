//! Whether Orbax considers a directory a finished checkpoint.
//!
//! There are two questions about a directory, whose answers are not opposites: is it finished, so
//! that a job lists it among its steps, and is it temporary, so that a job may delete it? A link
//! that looks unfinished is neither.
//!
//! Source: orbax `_src/path/{temporary_paths,atomicity}.py`, release 0.12.8: `is_path_finalized`,
//! `is_path_temporary`.

use std::borrow::Cow;

use crate::orbax::names;

/// What decides that a save is finished.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Atomicity {
    /// A temporary directory is renamed at the end: the rule on local disks.
    #[default]
    Rename,
    /// A file is written at the end: the rule in buckets.
    CommitFile,
    /// Either will do: the rule in buckets with `allow_legacy_atomic_rename`.
    CommitFileOrRename,
}

impl Atomicity {
    /// Every mode.
    pub const ALL: [Self; 3] = [Self::Rename, Self::CommitFile, Self::CommitFileOrRename];

    /// The stable name of the mode: Orbax's name, if it has one.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rename => "atomic_rename",
            Self::CommitFile => "commit_file",
            Self::CommitFileOrRename => "commit_file_or_atomic_rename",
        }
    }

    /// The mode with that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name)
    }

    /// Whether it matters if `commit_success.txt` is in the directory.
    pub const fn needs_commit_file(self) -> bool {
        !matches!(self, Self::Rename)
    }
}

/// What the decision depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts<'a> {
    /// The last part of its path.
    pub name: &'a str,
    /// Whether it is a directory, or a link to one.
    pub directory: bool,
    /// Whether it is a link.
    pub link: bool,
    /// Whether `commit_success.txt` is in it; need not be known if
    /// [`Atomicity::needs_commit_file`] is false.
    pub commit_file: bool,
}

/// Whether a job would consider a checkpoint finished, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Whether it would.
    pub committed: bool,
    /// Whether a job that cleans up when it starts would delete it.
    pub temporary: bool,
    /// Why, in words for people.
    pub reason: Cow<'static, str>,
}

impl Commit {
    const fn finished(reason: &'static str) -> Self {
        Self::new(true, false, reason)
    }

    const fn unfinished(temporary: bool, reason: &'static str) -> Self {
        Self::new(false, temporary, reason)
    }

    const fn new(committed: bool, temporary: bool, reason: &'static str) -> Self {
        Self {
            committed,
            temporary,
            reason: Cow::Borrowed(reason),
        }
    }

    /// Adds to the reason what the timestamps of `_CHECKPOINT_METADATA` say, if they say otherwise.
    ///
    /// Orbax does not look at them, but a user who decides whether a directory may be deleted may
    /// want to know.
    #[must_use]
    pub fn beside(mut self, init_nsecs: Option<i128>, commit_nsecs: Option<i128>) -> Self {
        let remark = match (self.committed, init_nsecs, commit_nsecs) {
            (true, Some(_), None) => ", but no commit timestamp is recorded",
            (false, _, Some(_)) => ", but a commit timestamp is recorded",
            _ => return self,
        };
        self.reason.to_mut().push_str(remark);
        self
    }
}

/// Decides as Orbax does, with one exception: a partial save, whose name Orbax considers finished,
/// can be neither read nor found as a step, so it is not committed.
pub fn judge(facts: Facts<'_>, atomicity: Atomicity) -> Commit {
    if !facts.directory {
        return Commit::unfinished(false, "it is not a directory");
    }
    if facts.name.ends_with(names::PARTIAL_SAVE_SUFFIX) {
        let cleaned = atomicity == Atomicity::CommitFile && !facts.commit_file && !facts.link;
        return Commit::unfinished(cleaned, "it is a partial save that was never finalized");
    }
    let temporary_name = names::is_temporary(facts.name);
    let temporary = !facts.link;
    match (atomicity, facts.commit_file, temporary_name) {
        (Atomicity::Rename, _, false) => Commit::finished("its name has no temporary suffix"),
        (Atomicity::Rename, _, true) => Commit::unfinished(temporary, "its name is temporary"),
        (_, true, _) => Commit::finished("it has commit_success.txt"),
        (Atomicity::CommitFile, false, _) => {
            Commit::unfinished(temporary, "it has no commit_success.txt")
        }
        (Atomicity::CommitFileOrRename, false, false) => {
            Commit::finished("it has no commit_success.txt, but its name has no temporary suffix")
        }
        (Atomicity::CommitFileOrRename, false, true) => Commit::unfinished(
            temporary,
            "it has no commit_success.txt, and its name is temporary",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The results of `is_path_finalized` and `is_path_temporary`, by experiment; the Python tests
    /// compare them with Orbax again.
    #[test]
    fn decides_as_orbax_does() {
        use Atomicity::{CommitFile, CommitFileOrRename, Rename};
        const FINAL: &str = "7";
        const TEMPORARY: &str = "7.orbax-checkpoint-tmp";
        for (mode, name, link, commit_file, committed, temporary) in [
            (Rename, FINAL, false, false, true, false),
            (Rename, FINAL, true, true, true, false),
            (Rename, TEMPORARY, false, true, false, true),
            (Rename, TEMPORARY, true, true, false, false),
            (CommitFile, FINAL, false, true, true, false),
            (CommitFile, FINAL, false, false, false, true),
            (CommitFile, FINAL, true, false, false, false),
            (CommitFile, TEMPORARY, false, true, true, false),
            (CommitFileOrRename, FINAL, false, false, true, false),
            (CommitFileOrRename, TEMPORARY, false, true, true, false),
            (CommitFileOrRename, TEMPORARY, false, false, false, true),
            (CommitFileOrRename, TEMPORARY, true, false, false, false),
        ] {
            let facts = Facts {
                name,
                directory: true,
                link,
                commit_file,
            };
            let found = judge(facts, mode);
            let expected = (committed, temporary);
            assert_eq!(
                (found.committed, found.temporary),
                expected,
                "{facts:?} {mode:?}"
            );
        }
    }

    #[test]
    fn what_cannot_be_a_step_is_not_committed() {
        for (name, directory) in [("7", false), ("7.partial_save", true)] {
            let facts = Facts {
                name,
                directory,
                link: false,
                commit_file: true,
            };
            for mode in Atomicity::ALL {
                let found = judge(facts, mode);
                assert_eq!((found.committed, found.temporary), (false, false), "{name}");
            }
        }
    }

    #[test]
    fn a_timestamp_that_says_otherwise_is_remarked() {
        let reason = |commit: Commit, init, end| commit.beside(init, end).reason;
        let done = Commit::finished("A");
        let open = Commit::unfinished(true, "B");
        assert_eq!(
            reason(done.clone(), Some(1), None),
            "A, but no commit timestamp is recorded"
        );
        assert_eq!(
            reason(open.clone(), Some(1), Some(2)),
            "B, but a commit timestamp is recorded"
        );
        assert_eq!(reason(done.clone(), Some(1), Some(2)), "A");
        // Early releases record nothing at all.
        assert_eq!(reason(done, None, None), "A");
        assert_eq!(reason(open, Some(1), None), "B");
    }

    #[test]
    fn a_mode_is_found_by_its_name() {
        for mode in Atomicity::ALL {
            assert_eq!(Atomicity::from_name(mode.name()), Some(mode));
        }
        assert_eq!(Atomicity::from_name("rename"), None);
    }
}
