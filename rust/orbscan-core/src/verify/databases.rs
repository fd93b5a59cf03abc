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
    /// Why one cannot be read.
    pub errors: Vec<Error>,
}

impl Databases {
    /// Whether there is a manifest that says what of the data files in the database of `process` is in
    /// use, or in those of the checkpointable itself.
    pub fn account_for(&self, process: Option<&str>) -> bool {
        let is_of = |process: &str| self.unmerged.iter().any(|path| path.name() == process);
        self.merged || process.is_some_and(is_of)
    }
}
