//! What a store still holds of a pytree whose `_METADATA` is missing: the names, shapes and types
//! of its arrays. Their structure and everything that was not an array are lost.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::arrays::{Document, Format};
use super::index::{self, Extent, NodeFault, Value, Visitor};
use super::table::TableBuilder;
use super::{Options, Selection, Waves, beside, locate, relocate};
use crate::cursor::to_u64;
use crate::error::{Error, ErrorKind, Result, counted};
use crate::layout::root::{self, Root};
use crate::layout::steady::{self, Seen};
use crate::layout::{detect, evidence, refusal};
use crate::limits::Limits;
use crate::orbax::names;
use crate::path::StorePath;
use crate::record::{Checkpoint, Issue, Item, Leaf, LeafKind, LeafTable, Place};
use crate::store::{Bytes, EntryKind, Pytrees, Store, Want};
use crate::tree::{Container, Nest};

/// Documents of arrays in files that are requested at once.
const ASKED_AT_ONCE: usize = 128;

/// Lists the arrays in the store of one pytree as a flat mapping from their names, whether or not
/// there is a `_METADATA`.
///
/// # Errors
/// `NotFound`, `UnknownLayout`, `Uncommitted` as [`detect::detect`]; `NoSuchCheckpointable` if
/// there is no store of that name; `Limit`; `Store`. Unreadable parts of the store are issues.
pub fn read(
    store: &dyn Store,
    path: &StorePath,
    selection: Selection<'_>,
    options: &Options,
) -> Result<Checkpoint> {
    let attempt =
        |store: &dyn Store, seen: &mut Seen| recovered(store, path, selection, options, seen);
    let interest = options.interest(Pytrees::None);
    let read = steady::read(store, path, interest, attempt, |read| {
        read.issues.is_empty()
    });
    let mut checkpoint = read.map_err(|error| locate(store, error))?;
    relocate(store, &mut checkpoint);
    Ok(checkpoint)
}

fn recovered(
    store: &dyn Store,
    path: &StorePath,
    selection: Selection<'_>,
    options: &Options,
    seen: &mut Seen,
) -> Result<Checkpoint> {
    let root = detect::detect(store, path, options.rules, &options.limits)?;
    seen.note(&root);
    let Waves {
        metadata,
        mut issues,
        ..
    } = super::fetch(store, &root, &[], options)?;
    issues.extend(root.uncommitted.clone());
    let (name, directory) = chosen(store, &root, selection, &options.limits)?;
    let mut found = Found::new(&options.limits);
    databases(store, &directory, &options.limits, &mut found, &mut issues)?;
    files(store, &directory, &options.limits, &mut found)?;
    let arrays = to_u64(found.documents.len());
    let table = table(found, &directory, &options.limits, &mut issues);
    let tree = names::TREE_METADATA;
    let is_there = store.stat(&[directory.join(tree)?]).pop().transpose()?;
    let unknown = if is_there.flatten().is_some() {
        format!("{tree} is there and was not looked at, nor was anything that is not an array")
    } else {
        format!("without {tree}, the structure and all that is not an array is unknown")
    };
    let arrays = counted(arrays, "array", "arrays");
    let reason = format!("{arrays} recovered from the store: {unknown}");
    issues.insert(
        0,
        Error::new(ErrorKind::Unsupported, reason).in_file(&directory),
    );
    // The directories of a flat checkpoint are parts of it, about which nothing is left.
    let unread = name.as_deref();
    let unread = unread.map(|name| beside::unread(&root, selection, Some(name)));
    let items = vec![Item {
        name,
        table: Some(Arc::new(table)),
        error: None,
    }];
    let read = super::checkpoint(&root, metadata, issues, items);
    let unread = unread.unwrap_or_default();
    Ok(Checkpoint { unread, ..read })
}

/// The directory whose store is listed: the one that was named, otherwise the checkpoint itself if
/// it has a store, otherwise the first checkpointable that has one.
fn chosen(
    store: &dyn Store,
    root: &Root,
    selection: Selection<'_>,
    limits: &Limits,
) -> Result<(Option<String>, StorePath)> {
    let has_store = |directory: &StorePath| -> Result<bool> {
        let entries = store.list(directory)?;
        evidence::of_store(store, directory, &entries, limits).map(|found| found.is_some())
    };
    let mut names = match selection {
        Selection::Flat => Vec::new(),
        Selection::Named(name) => Vec::from_iter(root.may_be_named(name).then_some(name)),
        Selection::Auto => root.checkpointables(),
    };
    names.sort_by_key(|name| names::preference(name, names::Order::Own));
    let itself = !matches!(selection, Selection::Named(_)) && has_store(&root.path)?;
    if itself {
        return Ok((None, root.path.clone()));
    }
    for name in names {
        let directory = root.path.join(name)?;
        if has_store(&directory)? {
            return Ok((Some(name.to_owned()), directory));
        }
    }
    Err(refusal::no_such(
        store,
        root,
        "there is no store to recover from",
    ))
}

/// The documents of arrays by their names, the first of each.
struct Found<'l> {
    documents: BTreeMap<String, (Document, Place)>,
    /// The place that is being searched.
    place: Place,
    /// Documents in data files that are still to be fetched: the name, the version, the number of
    /// the file.
    stored: Vec<(String, Format, Extent)>,
    files: Vec<StorePath>,
    node_faults: Vec<Error>,
    bytes: u64,
    limits: &'l Limits,
}

impl<'l> Found<'l> {
    const fn new(limits: &'l Limits) -> Self {
        Self {
            documents: BTreeMap::new(),
            place: Place::Database,
            stored: Vec::new(),
            files: Vec::new(),
            node_faults: Vec::new(),
            bytes: 0,
            limits,
        }
    }

    /// Adds a document, unless the name has one. Stops if they have too many bytes.
    fn insert(&mut self, name: String, document: Document) -> ControlFlow<()> {
        self.bytes = self.bytes.saturating_add(to_u64(document.1.len()));
        if self.bytes > self.limits.max_total_node_bytes {
            return ControlFlow::Break(());
        }
        let found = || (document, self.place.clone());
        self.documents.entry(name).or_insert_with(found);
        ControlFlow::Continue(())
    }
}

/// The array and the version of its document, from a key of a database.
fn document_of(key: &[u8]) -> Option<(String, Format)> {
    let key = std::str::from_utf8(key).ok()?;
    [Format::V2, Format::V3].into_iter().find_map(|format| {
        let name = key.strip_suffix(format.document())?;
        let name = name.strip_suffix('/').or(name.is_empty().then_some(""))?;
        Some((name.to_owned(), format))
    })
}

impl Visitor for Found<'_> {
    fn file(&mut self, path: StorePath) -> usize {
        if self.files.last() != Some(&path) {
            self.files.push(path);
        }
        self.files.len().saturating_sub(1)
    }

    fn node(&mut self, _: Extent) {}

    fn entry(&mut self, key: &[u8], value: Value<'_>) -> ControlFlow<()> {
        let Some((name, format)) = document_of(key) else {
            return ControlFlow::Continue(());
        };
        match value {
            Value::Inline(bytes) => self.insert(name, (format, Bytes::copy_from_slice(bytes))),
            Value::Stored(extent) => {
                self.stored.push((name, format, extent));
                ControlFlow::Continue(())
            }
        }
    }

    fn node_fault(&mut self, fault: NodeFault) {
        if fault.lost {
            self.node_faults.push(fault.error);
        }
    }
}

fn too_many(directory: &StorePath) -> Error {
    let reason = "the documents of its arrays have more bytes than the limit";
    Error::new(ErrorKind::Limit, reason).in_file(directory)
}

/// Lists the merged database, or those of the processes if there is none.
fn databases(
    store: &dyn Store,
    directory: &StorePath,
    limits: &Limits,
    found: &mut Found<'_>,
    issues: &mut Vec<Issue>,
) -> Result<()> {
    let entries = store.list(directory)?;
    let mut places = vec![directory.clone()];
    for name in root::directories(&entries) {
        if name.starts_with(names::PROCESS_DATABASE_PREFIX) {
            places.push(directory.join(name)?);
        }
    }
    let alone = places.len() == 2;
    for place in places {
        found.place = match place.name().to_owned() {
            _ if place == *directory => Place::Database,
            name if alone => Place::Process(name),
            name => Place::OneOfProcesses(name),
        };
        let file = place.join(names::MANIFEST)?;
        let manifest = match store.fetch_one(Want::whole(file, limits.max_node_bytes)) {
            Ok(manifest) => manifest,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) if error.kind() == ErrorKind::Store => return Err(error),
            Err(error) => {
                issues.push(error);
                continue;
            }
        };
        match index::walk(store, &place, &manifest, limits, found) {
            Ok(ControlFlow::Continue(())) => {}
            Ok(ControlFlow::Break(())) => return Err(too_many(directory)),
            Err(error) if matches!(error.kind(), ErrorKind::Store | ErrorKind::Limit) => {
                return Err(error);
            }
            Err(error) => issues.push(error),
        }
        issues.append(&mut found.node_faults);
        fetch_stored(store, directory, found, issues)?;
        if place == *directory && !found.documents.is_empty() {
            // A merged database has what all processes wrote.
            break;
        }
    }
    Ok(())
}

/// Fetches the documents in data files.
fn fetch_stored(
    store: &dyn Store,
    directory: &StorePath,
    found: &mut Found<'_>,
    issues: &mut Vec<Issue>,
) -> Result<()> {
    let stored = std::mem::take(&mut found.stored);
    for some in stored.chunks(ASKED_AT_ONCE) {
        let files = &found.files;
        let wants = some.iter().filter_map(|(name, format, extent)| {
            let too_large = extent.length > found.limits.max_array_document_bytes;
            let path = files.get(extent.file).filter(|_| !too_large)?;
            let want = Want::range(path.clone(), extent.offset, extent.length);
            Some((name.clone(), *format, want))
        });
        let asked: Vec<(String, Format, Want)> = wants.collect();
        let wants: Vec<Want> = asked.iter().map(|(_, _, want)| want.clone()).collect();
        for ((name, format, _), answer) in asked.into_iter().zip(store.fetch(&wants)) {
            match answer {
                Ok(bytes) => {
                    if found.insert(name, (format, bytes)).is_break() {
                        return Err(too_many(directory));
                    }
                }
                Err(error) if error.kind() == ErrorKind::Store => return Err(error),
                Err(error) => issues.push(error),
            }
        }
    }
    Ok(())
}

/// Lists the arrays that lie in directories of their own.
fn files(
    store: &dyn Store,
    directory: &StorePath,
    limits: &Limits,
    found: &mut Found<'_>,
) -> Result<()> {
    found.place = Place::Files;
    let entries = store.list(directory)?;
    let arrays: Vec<&str> = entries
        .iter()
        .filter(|entry| {
            entry.kind == EntryKind::Directory && !names::is_directory_of_tree(&entry.name)
        })
        .map(|entry| entry.name.as_str())
        .collect();
    for some in arrays.chunks(ASKED_AT_ONCE) {
        let mut wants = Vec::with_capacity(some.len().saturating_mul(2));
        let mut asked = Vec::with_capacity(wants.capacity());
        for name in some {
            for format in [Format::V2, Format::V3] {
                let file = directory.join(name)?.join(format.document())?;
                wants.push(Want::whole(file, limits.max_array_document_bytes));
                asked.push((*name, format));
            }
        }
        for ((name, format), answer) in asked.into_iter().zip(store.fetch(&wants)) {
            match answer {
                Ok(bytes) => {
                    if found.insert(name.to_owned(), (format, bytes)).is_break() {
                        return Err(too_many(directory));
                    }
                }
                Err(error) if error.kind() == ErrorKind::Store => return Err(error),
                // Not an array, or one that has the other document.
                Err(_) => {}
            }
        }
    }
    Ok(())
}

/// Arranges the arrays as a flat mapping, sorted by name. A document that cannot be decoded is an
/// unreadable leaf.
fn table(
    found: Found<'_>,
    directory: &StorePath,
    limits: &Limits,
    issues: &mut Vec<Issue>,
) -> LeafTable {
    let mut builder = TableBuilder::new(limits, 0);
    let mut nest = Nest::default();
    let mut children = Vec::with_capacity(found.documents.len());
    for (name, (document, place)) in found.documents {
        let (kind, array, place) = match builder.document(&document) {
            Ok(array) => (LeafKind::JaxArray, Some(array), Some(builder.place(place))),
            Err(error) => {
                let file = directory
                    .join(&name)
                    .and_then(|path| path.join(document.0.document()));
                let error = match file {
                    Ok(file) => error.in_file(&file),
                    Err(_) => error.in_file(directory),
                };
                issues.push(error.clone());
                (LeafKind::Unreadable(builder.error(error)), None, None)
            }
        };
        let leaf = Leaf {
            kind,
            array,
            sharding: None,
            write_shape: None,
            prng_impl: None,
            place,
        };
        children.push((Some(name.clone()), nest.leaf(builder.table.leaf_of.len())));
        builder.table.names.push(&name);
        builder.push(leaf);
    }
    let top = nest.container(Container::Dict, children);
    builder.table.tree = nest.into_tree(top);
    builder.table
}
