//! Reads one pytree: its tree, the headers of its arrays, their shardings.

use super::arrays::Format;
use super::outline::{ItemFiles, Outline};
use super::{Options, aggregate, leaves};
use crate::error::{ErrorKind, Result};
use crate::orbax::tree_metadata::{self, LeafEntry, ValueType};
use crate::orbax::{names, rich_types};
use crate::record::{Issue, LeafTable};
use crate::store::Store;
use crate::tree;

/// Reads the item.
///
/// # Errors
/// Any kind, if the tree or all of its arrays cannot be read. A single array that cannot is an
/// unreadable leaf and an issue.
pub fn read(
    store: &dyn Store,
    files: &ItemFiles,
    options: &Options,
    issues: &mut Vec<Issue>,
) -> Result<LeafTable> {
    let path = files.directory.join(names::TREE_METADATA)?;
    let bytes = match &files.metadata {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return aggregate::read(store, files, options, issues);
        }
        Err(error) => return Err(error.clone()),
    };
    let before = issues.len();
    let outline = outline(bytes, options, issues).map_err(|error| error.in_file(&path))?;
    for issue in issues.iter_mut().skip(before) {
        *issue = issue.clone().in_file(&path);
    }
    let values = aggregate::values(store, files, &outline, &options.limits)?;
    leaves::read(store, files, outline, &values, &options.limits, issues)
}

fn outline<'a>(bytes: &'a [u8], options: &Options, issues: &mut Vec<Issue>) -> Result<Outline<'a>> {
    let metadata = tree_metadata::decode(bytes, &options.limits, issues)?;
    let use_ocdbt = metadata.use_ocdbt;
    let format = if metadata.use_zarr3 {
        Format::V3
    } else {
        Format::V2
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
