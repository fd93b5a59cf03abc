//! What a scan returns for each checkpoint that it finds.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::orbax::commit::Commit;
use crate::reader::everything::Chosen;
use crate::record::Checkpoint;

/// What lies at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A V1 checkpoint.
    V1,
    /// A V0 checkpoint.
    V0,
    /// Safetensors files.
    Safetensors,
    /// A save that never finished.
    Temporary,
    /// Something that cannot be identified: an unreadable directory, a root that does not exist.
    Unknown,
}

impl Kind {
    /// The stable name of the kind.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V0 => "v0",
            Self::Safetensors => "safetensors",
            Self::Temporary => "temporary",
            Self::Unknown => "unknown",
        }
    }
}

/// What a scan says about the content of a checkpoint.
#[derive(Debug)]
pub enum Content {
    /// It was read: all its checkpointables, or only their names if leaves are not wanted.
    Read(Box<Checkpoint>),
    /// It has the same fingerprint as in an earlier scan, and was not read again.
    Unchanged,
    /// It was there in an earlier scan, or a moment ago, and is gone.
    Vanished,
    /// It is not committed, and only committed ones are read.
    Unread,
    /// It cannot be read.
    Failed(Error),
}

impl Content {
    /// The stable name of the variant.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Read(_) => "read",
            Self::Unchanged => "unchanged",
            Self::Vanished => "vanished",
            Self::Unread => "unread",
            Self::Failed(_) => "failed",
        }
    }
}

/// One checkpoint, or a temporary directory of one.
#[derive(Debug)]
pub struct Entry {
    /// Where it lies: the root as it was given, and the path from there.
    pub path: String,
    /// The directory under which it was found, as it was given.
    pub root: Arc<str>,
    /// The number in its name; `None` if it is not a step.
    pub step: Option<u64>,
    /// What lies there.
    pub kind: Kind,
    /// Whether a job would consider it finished, and why; also what its timestamps say otherwise,
    /// if they were read.
    pub commit: Commit,
    /// When the save began, in nanoseconds since 1970; `None` if that was not read or recorded.
    pub init_timestamp_nsecs: Option<i128>,
    /// When it was committed, in the same unit for all kinds; for safetensors, when the file was
    /// changed.
    pub commit_timestamp_nsecs: Option<i128>,
    /// A number that changes with its metadata; `None` if it has none.
    pub fingerprint: Option<u64>,
    /// The metrics that a manager wrote beside it, as JSON.
    pub metrics: Option<String>,
    /// The pytree that a read chooses if none is named, or why it cannot be read; `None` if there
    /// is none, or trees were not read.
    pub chosen: Option<Result<Chosen>>,
    /// Its content.
    pub content: Content,
}

impl Entry {
    /// Sets the timestamps that were read.
    pub(super) fn set_timestamps(&mut self, init_nsecs: Option<i128>, commit_nsecs: Option<i128>) {
        self.init_timestamp_nsecs = init_nsecs;
        self.commit_timestamp_nsecs = commit_nsecs;
        self.commit = self.commit.clone().beside(init_nsecs, commit_nsecs);
    }

    /// Whether everything that was wanted could be read; `None` if nothing was, because it is not
    /// committed or gone. Only what an earlier scan read completely is unchanged.
    pub fn complete(&self) -> Option<bool> {
        match &self.content {
            Content::Read(read) => Some(self.error().is_none() && read.is_complete()),
            Content::Failed(_) => Some(false),
            Content::Unchanged => Some(true),
            Content::Vanished | Content::Unread => None,
        }
    }

    /// Why its metadata is not available: the error of the checkpoint, or of the pytree that a read
    /// chooses.
    pub fn error(&self) -> Option<&Error> {
        match (&self.content, &self.chosen) {
            (Content::Failed(error), _) | (_, Some(Err(error))) => Some(error),
            _ => None,
        }
    }
}
