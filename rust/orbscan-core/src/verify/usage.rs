//! The disk usage of a checkpoint, leaf by leaf and file by file, from its index alone.

use std::sync::Arc;

use foldhash::HashSet;

use super::Options;
use super::ahead::Ahead;
use super::databases::Databases;
use super::files::FileUse;
use super::item::surveyed;
use super::report::{Alone, Report};
use super::roles::{Role, Roles};
use super::survey::{Survey, relative};
use crate::cursor::to_u64;
use crate::error::{Error, ErrorKind, Result, Subject, counted};
use crate::layout::expected::Scope;
use crate::layout::root::Root;
use crate::layout::steady::{self, Seen};
use crate::layout::{choose, detect, expected, foreign, header, refusal};
use crate::memory;
use crate::orbax::checkpoint_metadata::CheckpointMetadata;
use crate::orbax::{names, step_name};
use crate::path::StorePath;
use crate::reader::outline::ItemFiles;
use crate::reader::{
    self, Recall, Selection, beside, inventory, item, pointers, safetensors, select,
};
use crate::record::{Array, Checkpoint, Issue, Item, Layout, LeafTable};
use crate::stand_in;
use crate::store::{Store, Want};
use crate::tree::Names;

/// The disk usage of one array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArrayUsage {
    /// Chunks in the store.
    pub chunks: u64,
    /// Bytes of those in data files, or in files of their own.
    pub stored_bytes: u64,
    /// Bytes of those in B+tree nodes, before the nodes are compressed.
    pub inline_bytes: u64,
    /// Bytes of its document.
    pub document_bytes: u64,
}

/// The content of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileUsage {
    /// The checkpointable in whose directory it lies; `None` for one of the checkpoint itself.
    pub checkpointable: Option<String>,
    /// Its path in that directory.
    pub path: String,
    /// Its role.
    pub role: Role,
    /// Its size in bytes; `None` if it does not exist.
    pub size: Option<u64>,
    /// Values in it.
    pub values: u64,
    /// B+tree nodes in it.
    pub nodes: u64,
    /// Its bytes by what they are.
    pub parts: Parts,
}

/// The bytes of a file by what they are. Together they are its size, except for a file with the
/// role `Other`, which has no such parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// Bytes of values: of chunks, and of values that belong to no leaf.
    pub data: u64,
    /// Bytes of documents and of nodes.
    pub index: u64,
    /// Bytes that nothing refers to.
    pub unused: u64,
    /// Bytes of which it is not known whether anything refers to them.
    pub unknown: u64,
}

impl Parts {
    /// The parts of a file of a pytree. If values and nodes share bytes or lie after its end, each
    /// byte counts once.
    fn of(file: &FileUse, role: Role, is_whole: bool) -> Self {
        let size = file.size.unwrap_or_default();
        let all = |part: fn(&mut Self) -> &mut u64| {
            let mut parts = Self::default();
            *part(&mut parts) = size;
            parts
        };
        match role {
            Role::Document => all(|parts| &mut parts.index),
            Role::Chunk => all(|parts| &mut parts.data),
            Role::Unused => all(|parts| &mut parts.unused),
            Role::Unknown => all(|parts| &mut parts.unknown),
            Role::Other => Self::default(),
            Role::Data => {
                let free = file.free_bytes();
                let (unused, unknown) = if is_whole { (free, 0) } else { (0, free) };
                let used = size.saturating_sub(free);
                let index = file
                    .node_bytes
                    .saturating_add(file.document_bytes)
                    .min(used);
                Self {
                    data: used.saturating_sub(index),
                    index,
                    unused,
                    unknown,
                }
            }
        }
    }
}

/// The disk usage of one checkpointable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ItemUsage {
    /// Its name; `None` for a flat checkpoint.
    pub name: Option<String>,
    /// Its arrays.
    pub arrays: Vec<ArrayUsage>,
    /// For each leaf of its tree, the number of its array; `None` for a leaf without an array in
    /// the store.
    pub array_of: Vec<Option<u32>>,
    /// Bytes of values that belong to no leaf, wherever they lie.
    pub stray_bytes: u64,
}

/// The disk usage of a checkpoint.
#[derive(Debug)]
pub struct Usage {
    /// Its trees; faults that were tolerated are among the issues.
    pub checkpoint: Checkpoint,
    /// Its pytrees, as in `checkpoint`.
    pub items: Vec<ItemUsage>,
    /// Its files, each once.
    pub files: Vec<FileUsage>,
    /// The checkpointable that was measured alone, if not all were.
    pub alone: Option<Alone>,
}

/// Measures the checkpoint at `path`, or one checkpointable of it.
///
/// # Errors
/// As [`reader::read_checkpointables`], and as [`reader::read_pytree`] if there is no such
/// checkpointable; a tree that cannot be read is an issue.
pub fn usage(
    store: &dyn Store,
    path: &StorePath,
    options: &reader::Options,
    only: Option<Selection<'_>>,
) -> Result<Usage> {
    let interest = super::interest(options, only);
    let attempt = |store: &dyn Store, seen: &mut Seen| measure(store, path, options, only, seen);
    let is_whole = |usage: &Usage| usage.checkpoint.issues.is_empty();
    let measured = steady::read(store, path, interest, attempt, is_whole);
    let mut usage = measured.map_err(|error| {
        let error = reader::hinted(store, path, &options.limits, error);
        reader::locate(store, error)
    })?;
    for issue in &mut usage.checkpoint.issues {
        *issue = reader::locate(store, issue.clone());
    }
    Ok(usage)
}

fn measure(
    store: &dyn Store,
    path: &StorePath,
    options: &reader::Options,
    only: Option<Selection<'_>>,
    seen: &mut Seen,
) -> Result<Usage> {
    let root = detect::detect(store, path, options.rules, &options.limits)?;
    seen.note(&root);
    let ahead = Ahead::of(store, &root);
    let store = ahead.as_ref().map_or(store, |ahead| ahead);
    if root.layout == Layout::Safetensors {
        let alone = only.map(|_| Alone::default());
        let usage = of_safetensors(store, &root, options)?;
        return Ok(Usage { alone, ..usage });
    }
    let (metadata, mut issues) = own_document(store, &root, options)?;
    let handlers = &metadata.item_handlers;
    let contents = choose::contents(store, &root)?;
    if contents.is_treeless() && !root.has(names::CHECKPOINT_METADATA) {
        return Err(refusal::no_pytree(store, &root, handlers, &options.limits));
    }
    issues.extend(root.uncommitted.clone());
    let alone = match only {
        None => None,
        Some(selection) => {
            let name = select::alone(store, &root, selection, handlers, &contents, options)?;
            let others = beside::of_root(store, &root, handlers, name.as_deref(), options);
            Some(Alone { name, others })
        }
    };
    let scope = match &alone {
        None => Scope::All,
        Some(alone) => Scope::One(alone.name.as_deref()),
    };
    let limits = &options.limits;
    let faults = expected::faults(store, &root, handlers, &contents, scope, limits)?;
    issues.extend(faults);
    let flat = contents.flat;
    let mut others: Vec<&str> = contents.pytrees().collect();
    let mut wanted: Vec<Option<&str>> = others.iter().copied().map(Some).collect();
    if flat {
        wanted.insert(0, None);
    }
    others.extend(root.steps.iter().map(String::as_str));
    wanted.retain(|name| scope.has(*name));
    wanted.sort_by(|a, b| step_name::natural(a.unwrap_or_default(), b.unwrap_or_default()));
    let mut usage = Usage {
        checkpoint: reader::checkpoint(&root, metadata, issues, Vec::new()),
        items: Vec::new(),
        files: Vec::new(),
        alone: None,
    };
    if !flat {
        let issues = &mut usage.checkpoint.issues;
        let is_document = names::is_document_outside;
        usage.files = outside(store, &root.path, &others, scope, is_document, issues)?;
    }
    for name in wanted {
        let directory = root.path.join(name.unwrap_or_default())?;
        let without = if name.is_none() {
            others.as_slice()
        } else {
            &[]
        };
        let issues = &mut usage.checkpoint.issues;
        let (table, mut item, files) = of_item(store, &directory, without, options, issues)?;
        if let (None, None, Some(error)) = (name, &table, issues.last()) {
            let explained = foreign::explained(&root, error.clone());
            if explained.subject() == Some(Subject::Foreign) {
                return Err(explained);
            }
        }
        item.name = name.map(ToOwned::to_owned);
        usage.files.extend(files.into_iter().map(|file| FileUsage {
            checkpointable: item.name.clone(),
            ..file
        }));
        usage.checkpoint.items.push(Item {
            name: item.name.clone(),
            table,
            error: None,
        });
        usage.items.push(item);
    }
    usage.alone = alone;
    Ok(usage)
}

/// `_CHECKPOINT_METADATA`, and the faults in it that were tolerated.
fn own_document(
    store: &dyn Store,
    root: &Root,
    options: &reader::Options,
) -> Result<(CheckpointMetadata, Vec<Issue>)> {
    let path = root.path.join(names::CHECKPOINT_METADATA)?;
    let want = Want::whole(path.clone(), options.limits.max_document_bytes);
    header::decode(store.fetch_one(want), &path, &options.limits)
}

/// Measures one pytree.
fn of_item(
    store: &dyn Store,
    directory: &StorePath,
    without: &[&str],
    options: &reader::Options,
    issues: &mut Vec<Issue>,
) -> Result<(Option<Arc<LeafTable>>, ItemUsage, Vec<FileUsage>)> {
    let wants = ItemFiles::wants(directory, options.limits.max_document_bytes, true)?;
    let mut answers = store.fetch(&wants).into_iter();
    let files = ItemFiles::from_answers(directory.clone(), true, &mut answers);
    let place = files.without_documents();
    let table = match item::read(store, files, options, &Recall::none(), issues) {
        Ok(table) => Some(table),
        Err(error) if error.kind() == ErrorKind::Store => return Err(error),
        Err(error) => {
            issues.push(error);
            None
        }
    };
    let empty = LeafTable::default();
    let mut survey = Survey::new(table.as_deref().unwrap_or(&empty), None)?;
    let how = Options {
        read: options.clone(),
        ..Options::default()
    };
    let mut report = Report::new();
    let databases = surveyed(store, &place, &how, without, &mut survey, &mut report)?;
    let node_faults = survey.node_faults.iter().map(|fault| fault.error.clone());
    for error in databases.errors.iter().cloned().chain(node_faults) {
        // The earlier read also found what is wrong with the root node.
        if !issues.contains(&error) {
            issues.push(error);
        }
    }
    let pointers = survey.files.files.iter().filter(|file| file.is_pointer);
    let pointers: Vec<&StorePath> = pointers.map(|file| &file.path).collect();
    issues.extend(never_fetched(&pointers, issues));
    issues.extend(survey.gone.issue());
    let names = table.as_ref().map(|table| &table.names);
    let usage = summed_up(&survey, names)?;
    let files = used_files(&survey, &databases);
    drop(survey);
    Ok((table, usage, files))
}

/// The issue about files whose sizes are those of git-lfs pointers, unless there is one already.
fn never_fetched(pointers: &[&StorePath], known: &[Issue]) -> Option<Issue> {
    let is_known = |path: &StorePath| {
        let mut told = known
            .iter()
            .filter(|issue| issue.kind() == ErrorKind::Malformed);
        told.any(|issue| issue.file() == Some(path.as_str()))
    };
    let mut pointers = pointers.to_vec();
    pointers.retain(|path| !is_known(path));
    let first = pointers.first()?;
    let reason = match pointers.len() {
        1 => "is a git-lfs pointer; the file itself was never fetched, and its size is unknown"
            .to_owned(),
        count => format!(
            "this and {} are git-lfs pointers; the files themselves were never fetched, and their \
             sizes are unknown",
            counted(to_u64(count.saturating_sub(1)), "more file", "more files")
        ),
    };
    Some(Error::new(ErrorKind::Malformed, reason).in_file(first))
}

/// Sums up what a survey found about arrays.
fn summed_up(survey: &Survey<'_>, names: Option<&Names>) -> Result<ItemUsage> {
    let found = &survey.arrays.arrays;
    let mut arrays = memory::list(found.len())?;
    arrays.extend(found.iter().map(|array| ArrayUsage {
        chunks: array.chunks,
        stored_bytes: array.stored_bytes,
        inline_bytes: array.inline_bytes,
        document_bytes: array.document_bytes,
    }));
    let mut array_of = memory::list(names.map_or(0, Names::len))?;
    let number = |name| u32::try_from(survey.arrays.named(name)?).ok();
    array_of.extend(names.into_iter().flat_map(Names::iter).map(number));
    let (in_files, inline) = survey.stray_bytes;
    Ok(ItemUsage {
        name: None,
        arrays,
        array_of,
        stray_bytes: in_files.saturating_add(inline),
    })
}

/// The files of a survey.
fn used_files(survey: &Survey<'_>, databases: &Databases) -> Vec<FileUsage> {
    let roles = Roles::new(survey, databases);
    let files = survey.files.files.iter();
    // A database may name files that the newest version does not use.
    let files = files.filter(|file| file.is_used() || file.size.is_some());
    let usage = |file: &FileUse| {
        let role = roles.of(file);
        FileUsage {
            checkpointable: None,
            path: relative(&survey.directory, &file.path).to_owned(),
            role,
            size: file.size,
            values: file.values,
            nodes: file.nodes,
            parts: Parts::of(file, role, roles.are_whole()),
        }
    };
    files.map(usage).collect()
}

/// The files below `root` that lie in none of its pytrees.
fn outside(
    store: &dyn Store,
    root: &StorePath,
    pytrees: &[&str],
    scope: Scope<'_>,
    is_document: fn(&str) -> bool,
    issues: &mut Vec<Issue>,
) -> Result<Vec<FileUsage>> {
    let mut files = Vec::new();
    let mut suspects = Vec::new();
    let walked = inventory::walk(store, root, pytrees, |file| {
        let path = relative(root, &file.path);
        let (checkpointable, inside) = match path.split_once('/') {
            Some((name, inside)) => (Some(name), inside),
            None => (None, path),
        };
        if !scope.has(checkpointable) {
            return;
        }
        if stand_in::may_be_pointer(file.size) {
            suspects.push(file.path.clone());
        }
        let role = if is_document(path) {
            Role::Document
        } else {
            Role::Other
        };
        files.push(FileUsage {
            checkpointable: checkpointable.map(ToOwned::to_owned),
            path: inside.to_owned(),
            role,
            size: Some(file.size),
            values: 0,
            nodes: 0,
            parts: Parts {
                index: if role == Role::Document { file.size } else { 0 },
                ..Parts::default()
            },
        });
    });
    let suspects: Vec<&StorePath> = suspects.iter().collect();
    let pointers: Vec<&StorePath> = pointers::among(store, &suspects).into_iter().collect();
    issues.extend(never_fetched(&pointers, issues));
    issues.extend(walked?.issue());
    Ok(files)
}

/// Safetensors files store every array as it is in memory.
fn of_safetensors(store: &dyn Store, root: &Root, options: &reader::Options) -> Result<Usage> {
    let (mut checkpoint, read) = safetensors::read_files(store, root, &options.limits)?;
    let mut usage = ItemUsage::default();
    for table in checkpoint
        .items
        .iter()
        .filter_map(|item| item.table.as_ref())
    {
        for leaf in &table.leaf_of {
            let array = table.leaves.get(*leaf).and_then(|leaf| leaf.array);
            let array = array.and_then(|array| table.arrays.get(array));
            usage.array_of.push(u32::try_from(usage.arrays.len()).ok());
            usage.arrays.push(ArrayUsage {
                chunks: 1,
                stored_bytes: array.and_then(bytes).unwrap_or_default(),
                inline_bytes: 0,
                document_bytes: 0,
            });
        }
    }
    let mut files: Vec<FileUsage> = read.iter().map(of_tensors).collect();
    // A checkpoint that is a single file has no other files.
    if read.iter().all(|file| file.path != root.path) {
        let known: HashSet<&str> = read.iter().map(|file| file.path.name()).collect();
        let issues = &mut checkpoint.issues;
        let others = outside(store, &root.path, &[], Scope::All, |_| false, issues)?;
        let is_known =
            |file: &FileUsage| file.checkpointable.is_none() && known.contains(file.path.as_str());
        files.extend(others.into_iter().filter(|file| !is_known(file)));
    }
    Ok(Usage {
        checkpoint,
        items: vec![usage],
        files,
        alone: None,
    })
}

/// The content of a safetensors file.
fn of_tensors(file: &safetensors::File) -> FileUsage {
    let index = file.header_bytes.min(file.size);
    let data = file.data_bytes.min(file.size.saturating_sub(index));
    FileUsage {
        checkpointable: None,
        path: file.path.name().to_owned(),
        role: Role::Data,
        size: Some(file.size),
        values: file.tensors,
        nodes: 0,
        parts: Parts {
            data,
            index,
            unused: file.size.saturating_sub(index).saturating_sub(data),
            unknown: 0,
        },
    }
}

fn bytes(array: &Array) -> Option<u64> {
    array.dtype().array_bytes(array.shape())
}
