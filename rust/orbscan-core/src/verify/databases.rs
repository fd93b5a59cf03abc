//! Which databases a checkpointable has.

use crate::error::Error;
use crate::path::StorePath;

/// The databases of a checkpointable.
#[derive(Debug, Default)]
pub struct Databases {
    /// Whether there is a merged one.
    pub merged: bool,
    /// Those of single processes that are not part of a merged one, by their directories.
    pub unmerged: Vec<StorePath>,
    /// Why a database cannot be read.
    pub errors: Vec<Error>,
}

impl Databases {
    /// Whether a manifest says which of the data files are in use: in the database of `process`, or
    /// in those of the checkpointable itself.
    pub fn account_for(&self, process: Option<&str>) -> bool {
        let is_of = |process: &str| self.unmerged.iter().any(|path| path.name() == process);
        self.merged || process.is_some_and(is_of)
    }
}
