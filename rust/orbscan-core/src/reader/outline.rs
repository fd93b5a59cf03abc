//! The files of an item, and what the file of its tree says.

use super::arrays::{Format, FormatSaid};
use crate::cursor::to_u64;
use crate::error::{Error, ErrorKind, Result};
use crate::orbax::leaf_entry::LeafEntries;
use crate::orbax::names;
use crate::path::StorePath;
use crate::store::{Bytes, Store, Want};
use crate::tree::{Keypaths, Tree};

/// A larger `_sharding` is read later: the two documents of a tree of a million leaves have
/// hundreds of megabytes, and only one of them is in memory at a time. The largest in use have 30
/// MB.
const MOST_BESIDE: u64 = 32 << 20;

/// The files of an item that every read fetches first.
#[derive(Debug)]
pub struct ItemFiles {
    /// The item directory.
    pub directory: StorePath,
    /// `_METADATA`.
    pub metadata: Result<Bytes>,
    /// `_sharding`; an error of kind `Limit` if it is to be requested with [`ItemFiles::sharding`]
    /// when it is needed.
    pub sharding: Result<Bytes>,
    /// `manifest.ocdbt`.
    pub manifest: Result<Bytes>,
}

impl ItemFiles {
    /// The requests to a store, with `_sharding` or without.
    ///
    /// # Errors
    /// `Malformed` if the directory cannot have such files.
    pub fn wants(directory: &StorePath, max_bytes: u64, shardings: bool) -> Result<Vec<Want>> {
        let want = |name| Ok(Want::whole(directory.join(name)?, max_bytes));
        let mut wants = vec![want(names::TREE_METADATA)?];
        if shardings {
            let mut sharding = want(names::SHARDING)?;
            sharding.max_bytes = max_bytes.min(MOST_BESIDE);
            wants.push(sharding);
        }
        wants.push(want(names::MANIFEST)?);
        Ok(wants)
    }

    /// `_sharding`, which is requested again if it is too large to be kept beside `_METADATA`.
    ///
    /// # Errors
    /// As [`Store::fetch`].
    pub fn sharding(&self, store: &dyn Store, max_bytes: u64) -> Result<Bytes> {
        match &self.sharding {
            Err(error) if error.kind() == ErrorKind::Limit => {
                let path = self.directory.join(names::SHARDING)?;
                store.fetch_one(Want::whole(path, max_bytes))
            }
            answer => answer.clone(),
        }
    }

    /// `_METADATA`, which is requested again if it was dropped.
    ///
    /// # Errors
    /// As [`Store::fetch`].
    pub fn metadata(&self, store: &dyn Store, max_bytes: u64) -> Result<Bytes> {
        match &self.metadata {
            Err(error) if error.kind() == ErrorKind::Limit => {
                let path = self.directory.join(names::TREE_METADATA)?;
                store.fetch_one(Want::whole(path, max_bytes))
            }
            answer => answer.clone(),
        }
    }

    /// Takes `_METADATA`, and drops it here if it is large: [`ItemFiles::metadata`] requests it
    /// again.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn take_metadata(&mut self) -> Result<Bytes> {
        let is_large = |bytes: &Bytes| to_u64(bytes.len()) > MOST_BESIDE;
        if !self.metadata.as_ref().is_ok_and(is_large) {
            return self.metadata.clone();
        }
        let let_go = Error::new(ErrorKind::Limit, "is too large to be kept");
        std::mem::replace(&mut self.metadata, Err(let_go))
    }

    /// Where the arrays are, without the documents of the tree, so that those can be dropped.
    #[must_use]
    pub fn without_documents(&self) -> Self {
        Self {
            directory: self.directory.clone(),
            metadata: Ok(Bytes::new()),
            sharding: Ok(Bytes::new()),
            manifest: self.manifest.clone(),
        }
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
        shardings: bool,
        answers: &mut impl Iterator<Item = Result<Bytes>>,
    ) -> Self {
        let mut next = || {
            let unanswered = || Err(Error::new(ErrorKind::Store, "the store did not answer"));
            answers.next().unwrap_or_else(unanswered)
        };
        let metadata = next();
        let sharding = if shardings {
            next()
        } else {
            Err(Error::new(ErrorKind::Limit, "was not asked for"))
        };
        let manifest = next();
        Self {
            directory,
            metadata,
            sharding,
            manifest,
        }
    }
}

/// What the file of a tree says.
#[derive(Debug)]
pub struct Told<'a> {
    /// Everything except the keypaths.
    pub outline: Outline,
    /// The keypath of each leaf.
    pub keypaths: Keypaths<'a>,
}

impl Told<'_> {
    /// What is left when the file, from which keypaths borrow, is dropped.
    pub fn without_keypaths(self) -> Outline {
        self.outline
    }
}

/// A tree and what its own file says about its leaves.
#[derive(Debug)]
pub struct Outline {
    /// The tree.
    pub tree: Tree,
    /// The entry of each leaf.
    pub leaves: LeafEntries,
    /// The write shapes that the leaves refer to.
    pub write_shapes: Vec<Vec<u64>>,
    /// Whether arrays lie in a database, if it is recorded.
    pub use_ocdbt: Option<bool>,
    /// The version of the arrays' documents.
    pub format: Format,
    /// Whether that is recorded; otherwise v2 is tried first.
    pub format_is_said: FormatSaid,
}
