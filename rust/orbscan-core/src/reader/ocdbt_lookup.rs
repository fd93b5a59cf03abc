//! Looks keys up in an OCDBT database: one batch of requests for each level of its B+tree.
//!
//! The wanted keys are carried down the tree together, sorted, and a node is read only if it can
//! hold one of them. So in a tree of millions of chunk keys the lookup of all array documents reads
//! some nodes of each level, and in the usual tree of one leaf it reads that leaf.

use bytes::Bytes;

use super::ocdbt_search::Search;
pub use super::ocdbt_search::{Answer, Cost};
use crate::error::{Error, ErrorKind, Result};
use crate::limits::Limits;
use crate::ocdbt::data_files::DataFile;
use crate::ocdbt::manifest::{self, Config, Manifest, ManifestKind, State};
use crate::ocdbt::version_tree::Root;
use crate::path::StorePath;
use crate::store::{EntryKind, Store, Want};

/// What a lookup found, and what it cost.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// One answer for each key, in the order of the keys.
    pub values: Vec<Answer>,
    /// What it cost.
    pub cost: Cost,
}

/// Opens the database in `directory` and looks `keys` up: see [`Database::open`] and
/// [`Database::lookup`].
///
/// # Errors
/// As both; `NotFound` if there is no manifest.
pub fn lookup<K: AsRef<[u8]>>(
    store: &dyn Store,
    directory: &StorePath,
    keys: &[K],
    limits: &Limits,
) -> Result<Found> {
    let path = directory.join(manifest::FILE_NAME)?;
    let manifest = store.fetch_one(Want::whole(path, limits.max_node_bytes))?;
    Database::open(store, directory, &manifest, limits)?.lookup(keys)
}

/// The current state of a database.
pub struct Database<'s> {
    store: &'s dyn Store,
    directory: &'s StorePath,
    limits: &'s Limits,
    root: Option<(Root, DataFile)>,
}

impl<'s> Database<'s> {
    /// Opens the database in `directory`, given the content of its `manifest.ocdbt`. Reads nothing
    /// else unless that refers to numbered manifests.
    ///
    /// # Errors
    /// As [`Manifest::decode`]; `Malformed` if a numbered manifest contradicts its name or the
    /// manifest; errors of the store. All name the file.
    pub fn open(
        store: &'s dyn Store,
        directory: &'s StorePath,
        manifest: &Bytes,
        limits: &'s Limits,
    ) -> Result<Self> {
        let path = directory.join(manifest::FILE_NAME)?;
        let manifest = Manifest::decode(manifest, limits).map_err(|error| error.in_file(&path))?;
        let state = match manifest.state {
            Some(state) => Some(state),
            None => numbered_state(store, directory, &manifest.config, limits)?,
        };
        Ok(Self {
            store,
            directory,
            limits,
            root: state.and_then(|state| state.root),
        })
    }

    /// The root of the current state, and the data file in which it lies; `None` if there are no
    /// keys.
    pub const fn root(&self) -> Option<&(Root, DataFile)> {
        self.root.as_ref()
    }

    /// Looks keys up, in any order; sorted ones are looked up a little faster.
    ///
    /// # Errors
    /// Anything that is wrong with the root node. If another node or a value is wrong, that is the
    /// answer for the keys that it can hold, and the others are answered nevertheless.
    pub fn lookup<K: AsRef<[u8]>>(&self, keys: &[K]) -> Result<Found> {
        let mut order: Vec<usize> = (0..keys.len()).collect();
        // Names in tree order are nearly in key order already.
        if !keys.is_sorted_by_key(AsRef::as_ref) {
            order.sort_by_key(|&index| keys.get(index).map(AsRef::as_ref));
        }
        let wanted = order.iter().filter_map(|&index| keys.get(index));
        let wanted = wanted.map(AsRef::as_ref).collect();
        let mut search = Search::new(self.store, self.directory, self.limits, wanted);
        if let Some((root, file)) = &self.root
            && !keys.is_empty()
        {
            let found = search.run(root, file);
            found.map_err(|error| error.in_file(self.directory))?;
        }
        let mut found = Found {
            values: vec![None; keys.len()],
            cost: search.cost,
        };
        for (index, answer) in order.into_iter().zip(search.answers) {
            if let Some(slot) = found.values.get_mut(index) {
                *slot = answer;
            }
        }
        Ok(found)
    }
}

/// The state in the numbered manifest with the greatest number; `None` if there are no such
/// manifests.
fn numbered_state(
    store: &dyn Store,
    directory: &StorePath,
    config: &Config,
    limits: &Limits,
) -> Result<Option<State>> {
    let files = store.list(directory)?.into_iter();
    let files = files.filter(|entry| entry.kind == EntryKind::File);
    let numbered = files.filter_map(|file| Some((manifest::number(&file.name)?, file.name)));
    let Some((number, name)) = numbered.max() else {
        return Ok(None);
    };
    let path = directory.join(&name)?;
    let bytes = store.fetch_one(Want::whole(path.clone(), limits.max_node_bytes))?;
    let decoded = Manifest::decode(&bytes, limits).and_then(|manifest| {
        let expected = Config {
            kind: ManifestKind::Single,
            ..*config
        };
        if manifest.config != expected {
            let reason = format!("its configuration is not that of {}", manifest::FILE_NAME);
            return Err(Error::new(ErrorKind::Malformed, reason));
        }
        let generation = manifest.state.as_ref().map_or(0, State::generation);
        if generation != number {
            let reason = format!("holds generation {generation}, its name says {number}");
            return Err(Error::new(ErrorKind::Malformed, reason));
        }
        Ok(manifest.state)
    });
    decoded.map_err(|error| error.in_file(&path))
}
