//! What a checkpoint takes on disk, leaf by leaf and file by file, from its index alone.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::Options;
use super::item::surveyed;
use super::report::Report;
use super::survey::{Survey, relative};
use crate::error::{Error, ErrorKind, Result};
use crate::orbax::checkpoint_metadata;
use crate::orbax::names;
use crate::path::StorePath;
use crate::reader::choose;
use crate::reader::detect::{self, Root};
use crate::reader::outline::ItemFiles;
use crate::reader::{self, Recall, inventory, item, safetensors};
use crate::record::{Array, Checkpoint, Issue, Item, Layout, LeafTable};
use crate::store::{Store, Want};

/// What one array takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArrayUsage {
    /// Its name in the store: the param name of its leaf.
    pub name: String,
    /// Chunks that the store has.
    pub chunks: u64,
    /// Bytes of those in data files, or in files of their own.
    pub stored_bytes: u64,
    /// Bytes of those in B+tree nodes, before the nodes are compressed.
    pub inline_bytes: u64,
    /// Bytes of its document.
    pub document_bytes: u64,
}

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Describes: metadata, a manifest.
    Document,
    /// Holds nodes or values that something refers to.
    Data,
    /// Nothing refers to it.
    Unused,
    /// Nothing is known to refer to it, and what could tell is damaged.
    Unknown,
}

impl Role {
    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Document => "document",
            Self::Data => "data",
            Self::Unused => "unused",
            Self::Unknown => "unknown",
        }
    }
}

/// What one file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileUsage {
    /// Its path in the checkpoint.
    pub path: String,
    /// What it is for.
    pub role: Role,
    /// Its size in bytes; `None` if it does not exist.
    pub size: Option<u64>,
    /// Values in it, and their bytes.
    pub values: (u64, u64),
    /// B+tree nodes in it, and their bytes.
    pub nodes: (u64, u64),
    /// Bytes that nothing refers to.
    pub free_bytes: u64,
}

/// What one checkpointable takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ItemUsage {
    /// Its name; `None` for a flat checkpoint.
    pub name: Option<String>,
    /// Its arrays.
    pub arrays: Vec<ArrayUsage>,
    /// Its files, those that hold one chunk each left out.
    pub files: Vec<FileUsage>,
    /// The files that hold one chunk each: how many, and their bytes.
    pub chunk_files: (u64, u64),
    /// Bytes of values that belong to no leaf.
    pub stray_bytes: u64,
}

/// What a checkpoint takes.
#[derive(Debug)]
pub struct Usage {
    /// Its trees; faults that were tolerated are among its issues.
    pub checkpoint: Checkpoint,
    /// Its pytrees, as in `checkpoint`.
    pub items: Vec<ItemUsage>,
    /// Files outside its pytrees: how many, and their bytes.
    pub other_files: (u64, u64),
}

/// Measures the checkpoint at `path`.
///
/// # Errors
/// As [`reader::read_checkpointables`]; a tree that cannot be read is an issue.
pub fn usage(store: &dyn Store, path: &StorePath, options: &reader::Options) -> Result<Usage> {
    let measured = measure(store, path, options).map_err(|error| reader::locate(store, error));
    let mut usage = measured?;
    for issue in &mut usage.checkpoint.issues {
        *issue = reader::locate(store, issue.clone());
    }
    Ok(usage)
}

fn measure(store: &dyn Store, path: &StorePath, options: &reader::Options) -> Result<Usage> {
    let root = detect::detect(store, path, &options.limits)?;
    if root.layout == Layout::Safetensors {
        return of_safetensors(store, &root, options);
    }
    let children = root.checkpointables();
    let trees = choose::pytrees(store, &root, &children)?;
    let named = children.iter().zip(&trees);
    let named = named.filter(|(_, tree)| **tree);
    let mut wanted: Vec<Option<&str>> = named.map(|(name, _)| Some(*name)).collect();
    let others: Vec<&str> = wanted.iter().flatten().copied().collect();
    let aggregate = others.is_empty() && root.has_file(names::AGGREGATE);
    let flat = root.layout == Layout::V0 && (root.has(names::TREE_METADATA) || aggregate);
    if flat {
        wanted.insert(0, None);
    } else if wanted.is_empty() && !root.has(names::CHECKPOINT_METADATA) {
        return Err(detect::no_checkpoint(store, &root));
    }
    let mut usage = Usage {
        checkpoint: header(store, &root, options)?,
        items: Vec::new(),
        other_files: (0, 0),
    };
    for name in wanted {
        let directory = root.path.join(name.unwrap_or_default())?;
        let without = if name.is_none() {
            others.as_slice()
        } else {
            &[]
        };
        let issues = &mut usage.checkpoint.issues;
        let (table, mut item) = of_item(store, &directory, without, options, issues)?;
        item.name = name.map(ToOwned::to_owned);
        usage.checkpoint.items.push(Item {
            name: item.name.clone(),
            table,
            error: None,
        });
        usage.items.push(item);
    }
    if !flat {
        usage.other_files = total(store, &root.path, &others)?;
    }
    Ok(usage)
}

fn header(store: &dyn Store, root: &Root, options: &reader::Options) -> Result<Checkpoint> {
    let path = root.path.join(names::CHECKPOINT_METADATA)?;
    let mut issues = Vec::new();
    let want = Want::whole(path.clone(), options.limits.max_document_bytes);
    let decoded = store.fetch_one(want);
    let decoded =
        decoded.and_then(|bytes| checkpoint_metadata::decode(&bytes, &options.limits, &mut issues));
    let metadata = match decoded {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::Store => return Err(error),
        Err(error) => {
            if error.kind() != ErrorKind::NotFound {
                issues.push(error);
            }
            checkpoint_metadata::CheckpointMetadata::default()
        }
    };
    Ok(Checkpoint {
        layout: root.layout,
        init_timestamp_nsecs: metadata.init_timestamp_nsecs,
        commit_timestamp_nsecs: metadata.commit_timestamp_nsecs,
        custom_metadata: metadata.custom_metadata,
        issues: issues
            .into_iter()
            .map(|e: Error| e.in_file(&path))
            .collect(),
        items: Vec::new(),
        unread: Vec::new(),
    })
}

/// Measures one pytree.
fn of_item(
    store: &dyn Store,
    directory: &StorePath,
    without: &[&str],
    options: &reader::Options,
    issues: &mut Vec<Issue>,
) -> Result<(Option<Arc<LeafTable>>, ItemUsage)> {
    let wants = ItemFiles::wants(directory, options.limits.max_document_bytes)?;
    let mut answers = store.fetch(&wants).into_iter();
    let files = ItemFiles::from_answers(directory.clone(), &mut answers);
    let table = match item::read(store, &files, options, &Recall::new(), issues) {
        Ok(table) => Some(table),
        Err(error) if error.kind() == ErrorKind::Store => return Err(error),
        Err(error) => {
            issues.push(error);
            None
        }
    };
    let empty = LeafTable::default();
    let mut survey = Survey::new(table.as_deref().unwrap_or(&empty), None);
    let how = Options {
        read: options.clone(),
        ..Options::default()
    };
    let mut report = Report::new();
    let databases = surveyed(store, &files, &how, without, &mut survey, &mut report)?;
    let lost = survey.damages.iter().any(|damage| damage.lost);
    let is_whole = databases.errors.is_empty() && !lost;
    let damages = survey.damages.iter().map(|damage| damage.error.clone());
    for error in databases.errors.into_iter().chain(damages) {
        // The read before met the root node, too.
        if !issues.contains(&error) {
            issues.push(error);
        }
    }
    let usage = summed_up(&survey, directory, is_whole);
    drop(survey);
    Ok((table, usage))
}

/// Adds up what a survey found; if the index is not whole, nobody knows what is unused.
fn summed_up(survey: &Survey<'_>, directory: &StorePath, is_whole: bool) -> ItemUsage {
    let arrays = survey.arrays.arrays.iter().map(|array| ArrayUsage {
        name: array.name.to_owned(),
        chunks: array.chunks,
        stored_bytes: array.stored_bytes,
        inline_bytes: array.inline_bytes,
        document_bytes: array.document_bytes,
    });
    let mut usage = ItemUsage {
        arrays: arrays.collect(),
        stray_bytes: survey.stray_bytes,
        ..ItemUsage::default()
    };
    for file in &survey.files.files {
        let path = relative(directory, &file.path);
        let document = names::is_document(path) || is_zarr(path);
        // A database may name files that nothing of the newest version lies in.
        if !file.is_used() && file.size.is_none() {
            continue;
        }
        if file.plain && !document {
            let (count, bytes) = &mut usage.chunk_files;
            *count = count.saturating_add(1);
            *bytes = bytes.saturating_add(file.size.unwrap_or_default());
            continue;
        }
        let role = match (document, file.is_used()) {
            (true, _) => Role::Document,
            (false, true) => Role::Data,
            (false, false) if is_whole => Role::Unused,
            (false, false) => Role::Unknown,
        };
        let free_bytes = match role {
            Role::Data | Role::Unused if is_whole => file.free_bytes(),
            _ => 0,
        };
        usage.files.push(FileUsage {
            path: path.to_owned(),
            role,
            size: file.size,
            values: (file.values, file.value_bytes),
            nodes: (file.nodes, file.node_bytes),
            free_bytes,
        });
    }
    usage
}

/// Whether a file is the document of an array.
fn is_zarr(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    name == names::ZARR_V2 || name == names::ZARR_V3
}

/// How many files there are below a directory, and their bytes.
fn total(store: &dyn Store, directory: &StorePath, without: &[&str]) -> Result<(u64, u64)> {
    let (mut count, mut bytes) = (0_u64, 0_u64);
    let walked = inventory::walk(store, directory, without, |file| {
        count = count.saturating_add(1);
        bytes = bytes.saturating_add(file.size);
        ControlFlow::Continue(())
    });
    walked.map(|_| (count, bytes))
}

/// Safetensors files hold every array as it is in memory.
fn of_safetensors(store: &dyn Store, root: &Root, options: &reader::Options) -> Result<Usage> {
    let checkpoint = safetensors::read(store, root, &options.limits)?;
    let mut usage = ItemUsage::default();
    for table in checkpoint
        .items
        .iter()
        .filter_map(|item| item.table.as_ref())
    {
        for (leaf, name) in table.leaf_of.iter().zip(table.names.iter()) {
            let array = table.leaves.get(*leaf).and_then(|leaf| leaf.array);
            let array = array.and_then(|array| table.arrays.get(array));
            usage.arrays.push(ArrayUsage {
                name: name.to_owned(),
                chunks: 1,
                stored_bytes: array.and_then(bytes).unwrap_or_default(),
                inline_bytes: 0,
                document_bytes: 0,
            });
        }
    }
    Ok(Usage {
        checkpoint,
        items: vec![usage],
        other_files: (0, 0),
    })
}

fn bytes(array: &Array) -> Option<u64> {
    array.dtype().array_bytes(array.shape())
}
