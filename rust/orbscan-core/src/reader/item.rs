//! Reads one pytree: its tree, the headers of its arrays, their shardings.

use std::sync::Arc;

use super::arrays::{Format, FormatSaid, Found};
use super::leaves::{self, Stored};
use super::outline::{ItemFiles, Outline};
use super::recall::{KnownItem, Recall};
use super::stored::Arrays;
use super::{Options, aggregate, prng};
use crate::error::{Error, ErrorKind, Result};
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
    /// Why it is refused, if it is: none of its arrays can be read. This is the fault of the first.
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

/// Reads the item.
///
/// # Errors
/// Any kind, if the tree or all of its arrays cannot be read. A single array that cannot is an
/// unreadable leaf and an issue.
pub fn read(
    store: &dyn Store,
    files: &ItemFiles,
    options: &Options,
    recall: &Recall,
    issues: &mut Vec<Issue>,
) -> Result<Arc<LeafTable>> {
    let read = outline_of(store, files, options, recall, issues)?;
    read.refusal.map_or(Ok(read.table), Err)
}

/// Reads the item, also if none of its arrays can be read.
///
/// # Errors
/// Any kind, if the tree cannot be read, or nothing of the store that its arrays lie in.
pub fn outline_of(
    store: &dyn Store,
    files: &ItemFiles,
    options: &Options,
    recall: &Recall,
    issues: &mut Vec<Issue>,
) -> Result<Read> {
    let metadata = match &files.metadata {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let (table, refusal) = aggregate::read(store, files, options, issues)?;
            return Ok(Read {
                table: Arc::new(table),
                refusal,
            });
        }
        Err(error) => return Err(error.clone()),
    };
    let before = issues.len();
    let mut found = None;
    if let Some(known) = recall.find(metadata, files, options) {
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
            // They are asked for again, and their faults are told then.
            issues.truncate(told);
        }
        found = Some(again);
    }
    let decoded = decode(store, files, metadata, found, options, issues)?;
    let table = Arc::clone(&decoded.item.table);
    if decoded.is_whole && issues.len() == before {
        recall.insert(decoded.item);
    }
    Ok(Read {
        table,
        refusal: decoded.refusal,
    })
}

struct Decoded {
    item: KnownItem,
    /// Whether `item` tells all that the table was made of.
    is_whole: bool,
    /// As in [`Read`].
    refusal: Option<Error>,
}

/// Decodes `_METADATA` and all else. `found` is what there is of the arrays, if they were looked for
/// already.
fn decode(
    store: &dyn Store,
    files: &ItemFiles,
    metadata: &Bytes,
    found: Option<Found>,
    options: &Options,
    issues: &mut Vec<Issue>,
) -> Result<Decoded> {
    let path = files.directory.join(names::TREE_METADATA)?;
    let limits = &options.limits;
    let before = issues.len();
    let outline = outline(metadata, options, issues).map_err(|error| error.in_file(&path))?;
    for issue in issues.iter_mut().skip(before) {
        *issue = issue.clone().in_file(&path);
    }
    let values = aggregate::values(store, files, &outline, limits)?;
    let param_names = outline.keypaths.param_names();
    let (arrays, names) = Arrays::new(&outline, &param_names, &values);
    let found = match found {
        Some(found) => found,
        None => arrays.find(store, files, &names, limits, issues)?,
    };
    let stored = Stored {
        arrays: &arrays,
        found: &found,
    };
    let (mut table, refusal) =
        leaves::join(files, outline, param_names, &values, stored, limits, issues);
    let key_types = prng::fetch(store, files, &table, limits, issues);
    prng::mark_keys(&mut table, &key_types, limits, issues);
    let item = KnownItem {
        options: options.clone(),
        metadata: metadata.clone(),
        sharding: files.sharding.as_ref().ok().cloned(),
        arrays,
        documents: found.documents.into_iter().flatten().collect(),
        place_of: found.place_of,
        key_types: key_types.into_iter().map(|(_, bytes)| bytes).collect(),
        table: Arc::new(table),
    };
    Ok(Decoded {
        item,
        is_whole: values.is_empty(),
        refusal,
    })
}

fn outline<'a>(bytes: &'a [u8], options: &Options, issues: &mut Vec<Issue>) -> Result<Outline<'a>> {
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
    match &metadata.rich_types {
        Some(text) if options.rich_types => {
            let rich = rich_types::decode(text, &options.limits)?;
            Ok(Outline {
                tree: rich.tree,
                keypaths: rich.keypaths,
                leaves: rich.leaves,
                write_shapes: rich.write_shapes,
                use_ocdbt,
                format,
                format_is_said,
            })
        }
        _ => Ok(Outline {
            tree: tree::build(&metadata.keypaths, issues)?,
            keypaths: metadata.keypaths,
            leaves: metadata
                .leaves
                .into_iter()
                .map(without_rich_types)
                .collect(),
            write_shapes: metadata.write_shapes,
            use_ocdbt,
            format,
            format_is_said,
        }),
    }
}

/// Without rich types an empty namedtuple reads as `None`, as every empty node of its own type does.
fn without_rich_types(entry: LeafEntry) -> LeafEntry {
    match entry.value_type {
        ValueType::NamedTuple => LeafEntry {
            value_type: ValueType::None,
            ..entry
        },
        _ => entry,
    }
}
