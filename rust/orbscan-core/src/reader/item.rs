//! Reads one pytree: its tree, the headers of its arrays, their shardings.

use std::sync::Arc;

use super::arrays::{Format, FormatSaid, Found};
use super::leaves::{self, Said, Stored};
use super::outline::{ItemFiles, Outline, Told};
use super::recall::{self, KnownItem, Recall};
use super::shardings::LeafShardings;
use super::stored::Arrays;
use super::{Options, aggregate, custom, prng};
use crate::error::{Error, ErrorKind, Result};
use crate::interrupt;
use crate::orbax::leaf_entry::{LeafEntry, ValueType};
use crate::orbax::{names, rich_types, tree_metadata};
use crate::record::{Issue, LeafTable};
use crate::store::{Bytes, Store};
use crate::tree;

/// A pytree whose outline could be read.
#[derive(Debug)]
pub struct Read {
    /// Its leaves.
    pub table: Arc<LeafTable>,
    /// Why it is refused, if none of its arrays can be read: the fault of the first one.
    pub refusal: Option<Error>,
}

impl From<Arc<LeafTable>> for Read {
    fn from(table: Arc<LeafTable>) -> Self {
        Self {
            table,
            refusal: None,
        }
    }
}

/// Reads the item, and drops its files as soon as each is no longer needed.
///
/// # Errors
/// Any kind, if the tree or all of its arrays cannot be read. A single unreadable array is an
/// unreadable leaf and an issue.
pub fn read(
    store: &dyn Store,
    mut files: ItemFiles,
    options: &Options,
    recall: &Recall,
    issues: &mut Vec<Issue>,
) -> Result<Arc<LeafTable>> {
    let metadata = std::mem::replace(&mut files.metadata, Ok(Bytes::new()));
    let read = outline(store, metadata, &files, options, recall, issues)?;
    read.refusal.map_or(Ok(read.table), Err)
}

/// Reads the item by its `_METADATA`, even if none of its arrays can be read.
///
/// # Errors
/// Any kind, if the tree cannot be read, or nothing of the store that holds its arrays.
pub fn outline(
    store: &dyn Store,
    metadata: Result<Bytes>,
    files: &ItemFiles,
    options: &Options,
    recall: &Recall,
    issues: &mut Vec<Issue>,
) -> Result<Read> {
    let metadata = match metadata {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let (table, refusal) = aggregate::read(store, files, options, issues)?;
            return Ok(Read {
                table: Arc::new(table),
                refusal,
            });
        }
        Err(error) => return Err(error),
    };
    let before = issues.len();
    let mut found = None;
    if let Some(known) = recall.find(&metadata, files, options) {
        let names = known.arrays.names(&known.table.names);
        let arrays = &known.arrays;
        let again = arrays.find(store, files, &names, &options.limits, issues)?;
        if known.agrees(&again) {
            let told = issues.len();
            let key_types = prng::fetch(store, files, &known.table, &options.limits, issues);
            let key_types = key_types.iter().map(|(_, bytes)| bytes);
            if key_types.eq(&known.key_types) && issues.len() == before {
                return Ok(Arc::clone(&known.table).into());
            }
            // They are requested again, and their faults are reported then.
            issues.truncate(told);
        }
        found = Some(again);
    }
    let keeps = recall.keeps() && recall::can_keep(&metadata, files, options);
    let decoded = decode(store, files, (metadata, keeps), found, options, issues)?;
    if let Some(item) = decoded.item.filter(|_| issues.len() == before) {
        recall.insert(item);
    }
    Ok(Read {
        table: decoded.table,
        refusal: decoded.refusal,
    })
}

struct Decoded {
    table: Arc<LeafTable>,
    /// Everything from which the table was made, if that is small enough to be remembered.
    item: Option<KnownItem>,
    /// As in [`Read`].
    refusal: Option<Error>,
}

/// Decodes `_METADATA`, which is kept if that is said, and everything else. `found` is what was found of the arrays, if they were
/// already looked for.
fn decode(
    store: &dyn Store,
    files: &ItemFiles,
    (metadata, keeps): (Bytes, bool),
    found: Option<Found>,
    options: &Options,
    issues: &mut Vec<Issue>,
) -> Result<Decoded> {
    let path = files.directory.join(names::TREE_METADATA)?;
    let limits = &options.limits;
    let before = issues.len();
    interrupt::ended()?;
    let told = tree(&metadata, options, issues).map_err(|error| error.in_file(&path))?;
    for issue in issues.iter_mut().skip(before) {
        *issue = issue.clone().in_file(&path);
    }
    let values = aggregate::values(store, files, &told, limits)?;
    let param_names = told.keypaths.param_names();
    let outline = told.without_keypaths();
    // What is too large to be remembered is dropped, even while the rest is read.
    let kept = Some(metadata).filter(|_| keeps);
    let shardings = LeafShardings::read(store, files, &outline, &param_names, options);
    let (arrays, names) = Arrays::new(&outline, &param_names, &values);
    let found = match found {
        Some(found) => found,
        None => arrays.find(store, files, &names, limits, issues)?,
    };
    drop(names);
    // Otherwise each leaf would be unreadable, and none of them of any use.
    interrupt::ended()?;
    let stored = Stored {
        arrays: &arrays,
        found: &found,
    };
    let said = Said {
        outline,
        param_names,
        shardings,
        values: &values,
    };
    let (mut table, refusal) = leaves::join(files, said, stored, limits, issues);
    let key_types = prng::fetch(store, files, &table, limits, issues);
    prng::mark_keys(&mut table, &key_types, limits, issues);
    custom::find_files(store, files, &mut table, issues);
    let table = Arc::new(table);
    let item = kept
        // Another step has other files of custom handlers.
        .filter(|_| values.is_empty() && table.custom.is_empty())
        .map(|metadata| KnownItem {
            options: options.clone(),
            metadata,
            sharding: files.sharding.as_ref().ok().cloned(),
            arrays,
            documents: found.documents.into_iter().flatten().collect(),
            place_of: found.place_of,
            key_types: key_types.into_iter().map(|(_, bytes)| bytes).collect(),
            table: Arc::clone(&table),
        });
    Ok(Decoded {
        table,
        item,
        refusal,
    })
}

fn tree<'a>(bytes: &'a [u8], options: &Options, issues: &mut Vec<Issue>) -> Result<Told<'a>> {
    let metadata = tree_metadata::decode(bytes, &options.limits, issues)?;
    let use_ocdbt = metadata.use_ocdbt;
    let format = match metadata.use_zarr3 {
        Some(true) => Format::V3,
        Some(false) | None => Format::V2,
    };
    let format_is_said = match metadata.use_zarr3 {
        Some(_) => FormatSaid::Clearly,
        None => FormatSaid::AsNull,
    };
    let rich = metadata.rich_types.as_ref().filter(|_| options.rich_types);
    let rich = rich
        .map(|text| rich_types::decode(text, &options.limits))
        .transpose()?;
    let (tree, keypaths, leaves, write_shapes) = match rich {
        Some(rich) => (rich.tree, rich.keypaths, rich.leaves, rich.write_shapes),
        None => (
            tree::build(&metadata.keypaths, issues)?,
            metadata.keypaths,
            metadata.leaves.map(without_rich_types),
            metadata.write_shapes,
        ),
    };
    let outline = Outline {
        tree,
        leaves,
        write_shapes,
        use_ocdbt,
        format,
        format_is_said,
    };
    Ok(Told { outline, keypaths })
}

/// Without rich types an empty namedtuple reads as `None`, like every empty node of its own type.
fn without_rich_types(entry: LeafEntry) -> LeafEntry {
    match entry.value_type {
        ValueType::NamedTuple => LeafEntry {
            value_type: ValueType::None,
            ..entry
        },
        _ => entry,
    }
}
