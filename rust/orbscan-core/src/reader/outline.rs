//! What an item is read from, and what its tree says by itself.

use super::arrays::{Format, FormatSaid};
use crate::error::{Error, ErrorKind, Result};
use crate::orbax::leaf_entry::LeafEntry;
use crate::orbax::names;
use crate::path::StorePath;
use crate::store::{Bytes, Want};
use crate::tree::{Keypaths, Tree};

/// The files of an item that every read begins with.
#[derive(Debug)]
pub struct ItemFiles {
    /// The item directory.
    pub directory: StorePath,
    /// `_METADATA`.
    pub metadata: Result<Bytes>,
    /// `_sharding`.
    pub sharding: Result<Bytes>,
    /// `manifest.ocdbt`.
    pub manifest: Result<Bytes>,
}

impl ItemFiles {
    /// What to ask a store for.
    ///
    /// # Errors
    /// `Malformed` if the directory cannot have such files.
    pub fn wants(directory: &StorePath, max_bytes: u64) -> Result<[Want; 3]> {
        let want = |name| Ok(Want::whole(directory.join(name)?, max_bytes));
        Ok([
            want(names::TREE_METADATA)?,
            want(names::SHARDING)?,
            want(names::MANIFEST)?,
        ])
    }

    /// A path below the directory, relative to it.
    pub fn within<'p>(&self, path: &'p StorePath) -> &'p str {
        let below = path.as_str().strip_prefix(self.directory.as_str());
        below.unwrap_or_default().trim_start_matches('/')
    }

    /// Whether there is a `_METADATA`, readable or not.
    pub fn has_metadata(&self) -> bool {
        let error = self.metadata.as_ref().err();
        error.is_none_or(|error| error.kind() != ErrorKind::NotFound)
    }

    /// The answers to [`ItemFiles::wants`], in order.
    pub fn from_answers(
        directory: StorePath,
        answers: &mut impl Iterator<Item = Result<Bytes>>,
    ) -> Self {
        let mut next = || {
            let unanswered = || Err(Error::new(ErrorKind::Store, "the store did not answer"));
            answers.next().unwrap_or_else(unanswered)
        };
        let (metadata, sharding, manifest) = (next(), next(), next());
        Self {
            directory,
            metadata,
            sharding,
            manifest,
        }
    }
}

/// A tree and what its own file says of its leaves.
#[derive(Debug)]
pub struct Outline<'a> {
    /// The tree.
    pub tree: Tree,
    /// The keypath of each leaf.
    pub keypaths: Keypaths<'a>,
    /// What is said of each leaf.
    pub leaves: Vec<LeafEntry>,
    /// The write shapes that the leaves name.
    pub write_shapes: Vec<Vec<u64>>,
    /// Whether arrays lie in a database, if it is said.
    pub use_ocdbt: Option<bool>,
    /// The version of the arrays' documents.
    pub format: Format,
    /// Whether that is said; v2 is tried first otherwise.
    pub format_is_said: FormatSaid,
}
