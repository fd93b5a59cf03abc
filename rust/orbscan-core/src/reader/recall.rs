//! A cache of what earlier reads decoded, by the bytes from which it was decoded.
//!
//! The steps of a run differ in their values, not in their tree: `_METADATA`, `_sharding` and every
//! Zarr document are the same byte for byte. So code that reads many checkpoints passes the same
//! [`Recall`] to each read. A read still requests everything from its store, but the answers are
//! first compared with earlier ones, and nothing that is equal is decoded again; the steps of a run
//! then share one table in memory.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Options;
use super::arrays::{Document, Found};
use super::outline::ItemFiles;
use super::stored::Arrays;
use crate::cursor::to_u64;
use crate::error::{ErrorKind, Result};
use crate::record::LeafTable;
use crate::store::Bytes;

/// The most items that are remembered: a checkpoint rarely has more pytrees, and the threads of a
/// scan rarely read more runs at a time.
const MOST_ITEMS: usize = 32;

/// The most bytes from which all remembered items together may have been decoded. The largest
/// states in use have 30 MB.
const MOST_BYTES: u64 = 64 << 20;

/// A document can keep the database node alive in which it lies, which is at most this many times
/// as large as all documents together.
const NODE_PER_DOCUMENT: u64 = 4;

/// Whether an item with this `_METADATA` may be remembered: its documents need memory, too, and
/// files that are read later than all others are not compared.
pub(super) fn can_keep(metadata: &Bytes, files: &ItemFiles, options: &Options) -> bool {
    let late = !options.without_shardings
        && matches!(&files.sharding, Err(error) if error.kind() == ErrorKind::Limit);
    let sharding = files.sharding.as_ref().map_or(0, Bytes::len);
    !late && to_u64(metadata.len().saturating_add(sharding)) <= MOST_BYTES
}

/// The items used last, shared by all threads that read for one purpose.
#[derive(Debug)]
pub struct Recall {
    /// The latest first; `None` if nothing is remembered.
    items: Option<Mutex<VecDeque<Arc<KnownItem>>>>,
}

impl Recall {
    /// An empty cache.
    pub fn new() -> Self {
        Self {
            items: Some(Mutex::default()),
        }
    }

    /// No cache, for a single read.
    pub const fn none() -> Self {
        Self { items: None }
    }

    /// Whether anything is remembered.
    pub(super) const fn keeps(&self) -> bool {
        self.items.is_some()
    }

    /// The item that was read earlier with the same options from the same `_METADATA` and
    /// `_sharding`. Its table is also that of `files` if [`KnownItem::agrees`].
    pub(super) fn find(
        &self,
        metadata: &Bytes,
        files: &ItemFiles,
        options: &Options,
    ) -> Option<Arc<KnownItem>> {
        // Compared outside the lock, because it takes as long as reading the bytes.
        let known: Vec<Arc<KnownItem>> = self.lock()?.iter().map(Arc::clone).collect();
        let same = |item: &Arc<KnownItem>| {
            item.metadata == *metadata
                && item.sharding.as_ref() == files.sharding.as_ref().ok()
                && item.options == *options
        };
        let found = known.into_iter().find(same)?;
        let mut items = self.lock()?;
        let place = items.iter().position(|item| Arc::ptr_eq(item, &found));
        if let Some(item) = place
            .filter(|place| *place > 0)
            .and_then(|place| items.remove(place))
        {
            items.push_front(item);
        }
        Some(found)
    }

    /// Remembers an item, and drops the oldest ones if they are too many or too large.
    pub(super) fn insert(&self, item: KnownItem) {
        let Some(mut items) = self.lock() else {
            return;
        };
        items.push_front(Arc::new(item));
        let bytes = |items: &VecDeque<Arc<KnownItem>>| -> u64 {
            items
                .iter()
                .map(|item| item.bytes())
                .fold(0, u64::saturating_add)
        };
        while items.len() > MOST_ITEMS || bytes(&items) > MOST_BYTES {
            items.pop_back();
        }
    }

    /// A thread that panicked while it held the lock left a valid list.
    fn lock(&self) -> Option<MutexGuard<'_, VecDeque<Arc<KnownItem>>>> {
        let items = self.items.as_ref()?;
        Some(items.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Default for Recall {
    fn default() -> Self {
        Self::new()
    }
}

/// A table, and everything from which it was made. Only a table without faults is remembered,
/// because faults name the files in which they were found.
#[derive(Debug)]
pub(super) struct KnownItem {
    pub options: Options,
    /// `_METADATA`.
    pub metadata: Bytes,
    /// `_sharding`, if it could be read.
    pub sharding: Option<Bytes>,
    /// The arrays that `_METADATA` names.
    pub arrays: Arrays,
    /// What was found of them.
    pub documents: Vec<Document>,
    /// Where they were found, as [`Found::place_of`].
    pub place_of: Vec<usize>,
    /// The files that name key types, if any leaf can be a key.
    pub key_types: Vec<Bytes>,
    pub table: Arc<LeafTable>,
}

impl KnownItem {
    /// Whether the same documents were found for every array, in the same places.
    pub fn agrees(&self, found: &Found) -> bool {
        let documents = found.documents.iter().map(Result::as_ref);
        documents.eq(self.documents.iter().map(Ok))
            && found.place_of == self.place_of
            && self.table.places.starts_with(&found.places)
    }

    fn bytes(&self) -> u64 {
        let documents = self.documents.iter().map(|(_, bytes)| bytes.len());
        let documents = to_u64(documents.sum()).saturating_mul(NODE_PER_DOCUMENT);
        let others = [&self.metadata].into_iter().chain(&self.sharding);
        let others = others.chain(&self.key_types).map(Bytes::len);
        to_u64(others.sum()).saturating_add(documents)
    }
}
