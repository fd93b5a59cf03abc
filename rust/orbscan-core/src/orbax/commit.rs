//! Whether Orbax would take a directory for a finished checkpoint.

/// What decides that a save is finished.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Atomicity {
    /// A temporary directory is renamed at the end: the rule on local disks.
    #[default]
    Rename,
    /// A file is written at the end: the rule in buckets.
    CommitFile,
}

/// Whether a job would take a checkpoint for finished, and by what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Whether it would.
    pub committed: bool,
    /// Why, in words for people.
    pub reason: &'static str,
}
