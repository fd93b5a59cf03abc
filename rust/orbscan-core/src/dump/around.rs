//! The surroundings of a file whose own name does not say what it is.

use crate::error::Result;
use crate::limits::Limits;
use crate::orbax::names;
use crate::path::StorePath;
use crate::store::{Bytes, Store, Want};
use crate::zarr::{self, ArrayHeader};

/// How many directories above a file are examined: as many as the key of a chunk can have numbers,
/// and some that the name of an array can have.
const LEVELS: usize = 40;

/// A file below the document of an array.
#[derive(Clone, Debug, PartialEq)]
pub struct BelowArray {
    /// The name of the array: its path relative to the directory of its pytree, if there is one.
    pub array: String,
    /// The checkpointable that the array belongs to, if it has a name.
    pub checkpointable: Option<String>,
    /// The name of the document.
    pub document: &'static str,
    /// What the document says.
    pub header: Result<ArrayHeader>,
    /// The path of the file relative to the directory of the array.
    pub key: String,
}

/// Looks for the array whose document lies above a file.
///
/// # Errors
/// `Store`.
pub fn array_above(
    store: &dyn Store,
    path: &StorePath,
    limits: &Limits,
) -> Result<Option<BelowArray>> {
    let mut directories = Vec::new();
    let mut above = path.parent();
    while let Some(directory) = above.filter(|_| directories.len() < LEVELS) {
        above = directory.parent();
        directories.push(directory);
    }
    let wanted = [
        names::ZARR_V2,
        names::ZARR_V3,
        names::TREE_METADATA,
        names::CHECKPOINT_METADATA,
    ];
    let found = with_any(store, &directories, &wanted)?;
    let has = |level: usize, name: &str| {
        let of_level = found.get(level);
        of_level.is_some_and(|found| found.contains(&name))
    };
    let levels = 0..directories.len();
    let document = |level| {
        let documents = [names::ZARR_V3, names::ZARR_V2];
        documents.into_iter().find(|name| has(level, name))
    };
    let array = levels
        .clone()
        .find_map(|level| Some((level, document(level)?)));
    let Some((level, document)) = array else {
        return Ok(None);
    };
    let Some(directory) = directories.get(level) else {
        return Ok(None);
    };
    let file = directory.join(document)?;
    let bytes = store.fetch_one(Want::whole(file, limits.max_array_document_bytes));
    let header = bytes.and_then(|bytes| decode(document, &bytes, limits));
    let tree = levels
        .skip(level)
        .find(|level| has(*level, names::TREE_METADATA));
    let item = tree.and_then(|tree| directories.get(tree));
    let is_named = tree.is_some_and(|tree| has(tree.saturating_add(1), names::CHECKPOINT_METADATA));
    let own_name = || Some(directory.name());
    let array = item.map_or_else(own_name, |item| directory.below(item));
    Ok(Some(BelowArray {
        array: array.unwrap_or_default().to_owned(),
        checkpointable: item.filter(|_| is_named).map(|item| item.name().to_owned()),
        document,
        header,
        key: path.below(directory).unwrap_or_default().to_owned(),
    }))
}

/// Which of the named entries each directory has.
fn with_any<'n>(
    store: &dyn Store,
    directories: &[StorePath],
    names: &[&'n str],
) -> Result<Vec<Vec<&'n str>>> {
    let mut paths = Vec::with_capacity(directories.len().saturating_mul(names.len()));
    for directory in directories {
        for name in names {
            paths.push(directory.join(name)?);
        }
    }
    let stats = store.stat(&paths).into_iter().collect::<Result<Vec<_>>>()?;
    let of_directories = stats.chunks(names.len().max(1));
    let found = of_directories.map(|stats| {
        let wanted = names.iter().zip(stats);
        wanted
            .filter(|(_, stat)| stat.is_some())
            .map(|(name, _)| *name)
            .collect()
    });
    Ok(found.collect())
}

fn decode(document: &str, bytes: &[u8], limits: &Limits) -> Result<ArrayHeader> {
    if document == names::ZARR_V3 {
        zarr::v3::decode(bytes, limits)
    } else {
        zarr::v2::decode(bytes, limits)
    }
}

/// The checkpoint metadata beside a file; `None` if there is none, or it cannot be read.
pub fn checkpoint_metadata(store: &dyn Store, path: &StorePath, limits: &Limits) -> Option<Bytes> {
    let file = path.parent()?.join(names::CHECKPOINT_METADATA).ok()?;
    store
        .fetch_one(Want::whole(file, limits.max_document_bytes))
        .ok()
}

/// Whether a file named `metadata` in a directory of the same name is about all steps of a root:
/// then the directory above is not a checkpoint.
///
/// # Errors
/// `Store`.
pub fn is_about_steps(store: &dyn Store, path: &StorePath) -> Result<bool> {
    let Some(directory) = path.parent() else {
        return Ok(false);
    };
    let Some(root) = directory.parent() else {
        return Ok(false);
    };
    let marker = root.join(names::CHECKPOINT_METADATA)?;
    let found = store.stat(&[marker]).pop().transpose()?.flatten();
    Ok(directory.name() == names::ROOT_METADATA_DIRECTORY && found.is_none())
}
