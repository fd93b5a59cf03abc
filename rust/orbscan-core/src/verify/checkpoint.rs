//! A checkpoint as a whole: what makes it one, its own documents, and its checkpointables.

use super::code::Code;
use super::item::{self, Checking};
use super::report::{Finding, Report};
use super::{OnProgress, Options, members};
use crate::error::{Error, ErrorKind, Result};
use crate::json::{Dialect, Json};
use crate::limits::Limits;
use crate::orbax::checkpoint_metadata::ItemHandlers;
use crate::orbax::names;
use crate::path::StorePath;
use crate::reader::choose;
use crate::reader::detect::{self, Root};
use crate::reader::{self, is_pytree_handler, safetensors};
use crate::record::Layout;
use crate::store::{Entry, EntryKind, Store, Want};

/// Checks everything that `options` ask for.
///
/// # Errors
/// `NotFound` and `UnknownLayout` if there is nothing to check; `Store`.
pub(super) fn check(
    store: &dyn Store,
    path: &StorePath,
    options: &Options,
    progress: OnProgress<'_>,
) -> Result<Report> {
    let mut report = Report::new();
    let root = match detect::detect(store, path, &options.read.limits) {
        Ok(root) => root,
        Err(error) => {
            report.add(refusal(store, path, error)?);
            report.complete = false;
            return Ok(report);
        }
    };
    if root.layout == Layout::Safetensors {
        return check_safetensors(store, &root, options, report);
    }
    let limits = &options.read.limits;
    let handlers = own_documents(store, &root, limits, &mut report)?;
    let children = root.checkpointables();
    let trees = choose::pytrees(store, &root, &children)?;
    let flat = is_flat(&root, &trees);
    if !flat && !trees.contains(&true) && !root.has(names::CHECKPOINT_METADATA) {
        return Err(detect::no_checkpoint(store, &root));
    }
    missing_checkpointables(&root, &handlers, flat, &mut report);
    commit_marker(store, &root, &children, &mut report)?;
    deletion(&root, &mut report);
    let mut checking = Checking {
        store,
        options,
        progress,
        report: &mut report,
        done: super::Progress::default(),
    };
    let found: Vec<(&str, bool)> = children.into_iter().zip(trees).collect();
    if flat {
        let others = found.iter().filter(|(_, tree)| *tree);
        let others: Vec<&str> = others.map(|(name, _)| *name).collect();
        item::check(&mut checking, None, &root.path, &others)?;
    }
    checkpointables(&mut checking, &root, &found, flat, &handlers)?;
    Ok(report)
}

/// Checks the checkpointables, of which it is known whether they are pytrees, and the metrics.
fn checkpointables(
    checking: &mut Checking<'_, '_>,
    root: &Root,
    found: &[(&str, bool)],
    flat: bool,
    handlers: &ItemHandlers,
) -> Result<()> {
    for (name, tree) in found {
        if !checking.report.complete {
            break;
        }
        let directory = root.path.join(name)?;
        if *tree {
            item::check(checking, Some(name), &directory, &[])?;
        } else if !flat {
            no_tree(checking, name, &directory, handlers)?;
        }
    }
    if root.has(names::METRICS) {
        let directory = root.path.join(names::METRICS)?;
        documents(checking, names::METRICS, &directory)?;
    }
    Ok(())
}

/// Whether the checkpoint is one pytree without a name, given which of its directories are pytrees.
fn is_flat(root: &Root, trees: &[bool]) -> bool {
    let aggregate = root.has_file(names::AGGREGATE) && !trees.contains(&true);
    root.layout == Layout::V0 && (root.has(names::TREE_METADATA) || aggregate)
}

/// Reports that a checkpointable is being deleted.
fn deletion(root: &Root, report: &mut Report) {
    if let Some(name) = &root.deleted {
        let finding = Finding::new(Code::Deletion, "is being deleted").in_file(&root.path);
        report.add(Finding {
            checkpointable: Some(name.clone()),
            ..finding
        });
    }
}

/// The finding that says why a directory is not taken for a checkpoint.
///
/// # Errors
/// The error itself, if nothing shows that it should have been one.
fn refusal(store: &dyn Store, path: &StorePath, error: Error) -> Result<Finding> {
    let code = match error.kind() {
        ErrorKind::Uncommitted => Code::Uncommitted,
        ErrorKind::DeletionRecord => Code::DeletionRecord,
        ErrorKind::UnknownLayout => {
            let entries = store.list(path).unwrap_or_default();
            if !entries.iter().any(|entry| entry.name == names::V1_MARKER) {
                return Err(error);
            }
            Code::Layout
        }
        ErrorKind::NotFound | ErrorKind::Store => return Err(error),
        _ => Code::Layout,
    };
    Ok(Finding::of(code, &error))
}

fn check_safetensors(
    store: &dyn Store,
    root: &Root,
    options: &Options,
    mut report: Report,
) -> Result<Report> {
    match safetensors::read(store, root, &options.read.limits) {
        Ok(read) => {
            let tables = read.items.iter().filter_map(|item| item.table.as_ref());
            report.extent.leaves = tables
                .map(|table| crate::cursor::to_u64(table.leaf_of.len()))
                .fold(0, u64::saturating_add);
        }
        Err(error) if error.kind() == ErrorKind::Store => return Err(error),
        Err(error) => report.add(Finding::of(Code::TreeUnreadable, &error)),
    }
    Ok(report)
}

/// Checks `_CHECKPOINT_METADATA` and the commit marker, and gives the handlers.
fn own_documents(
    store: &dyn Store,
    root: &Root,
    limits: &Limits,
    report: &mut Report,
) -> Result<ItemHandlers> {
    let path = root.path.join(names::CHECKPOINT_METADATA)?;
    let answer = store.fetch_one(Want::whole(path.clone(), limits.max_document_bytes));
    if let Ok(bytes) = &answer {
        members::check(bytes, &path, limits, report);
    }
    match reader::header(answer, &path, limits) {
        Ok((metadata, issues)) => {
            for issue in &issues {
                report.add(Finding::of(Code::CheckpointMetadata, issue));
            }
            Ok(metadata.item_handlers)
        }
        Err(error) if error.kind() == ErrorKind::Store => Err(error),
        // What the reader does not tolerate makes it refuse the checkpoint.
        Err(error) => {
            report.add(Finding::of(Code::Layout, &error));
            Ok(ItemHandlers::Unknown)
        }
    }
}

/// Reports that the checkpoint has no commit marker while a checkpointable of it has one: releases
/// that write none write neither.
fn commit_marker(
    store: &dyn Store,
    root: &Root,
    children: &[&str],
    report: &mut Report,
) -> Result<()> {
    if root.has(names::COMMIT_SUCCESS) {
        return Ok(());
    }
    let markers = children
        .iter()
        .map(|name| root.path.join(name)?.join(names::COMMIT_SUCCESS));
    let markers: Vec<StorePath> = markers.collect::<Result<_>>()?;
    for found in store.stat(&markers) {
        if found?.is_some() {
            let reason = format!("no {}, but a checkpointable has one", names::COMMIT_SUCCESS);
            report.add(Finding::new(Code::CommitMarker, reason).in_file(&root.path));
            break;
        }
    }
    Ok(())
}

/// Reports every checkpointable that has a handler but no directory.
fn missing_checkpointables(root: &Root, handlers: &ItemHandlers, flat: bool, report: &mut Report) {
    match handlers {
        ItemHandlers::Named(named) => {
            for (name, handler) in named {
                let deleted = root.deleted.as_ref() == Some(name);
                if root.has_directory(name) || deleted || handler.is_none() {
                    continue;
                }
                let reason = format!(
                    "{} names its handler, but there is no such directory",
                    names::CHECKPOINT_METADATA
                );
                let finding = Finding::new(Code::CheckpointableMissing, reason).in_file(&root.path);
                report.add(Finding {
                    checkpointable: Some(name.clone()),
                    ..finding
                });
            }
        }
        ItemHandlers::Flat(handler) if !flat && is_pytree_handler(handler) => {
            let reason = format!(
                "has the handler of a pytree but no {}",
                names::TREE_METADATA
            );
            report.add(Finding::new(Code::TreeUnreadable, reason).in_file(&root.path));
        }
        _ => {}
    }
}

/// Checks a checkpointable without a tree.
fn no_tree(
    checking: &mut Checking<'_, '_>,
    name: &str,
    directory: &StorePath,
    handlers: &ItemHandlers,
) -> Result<()> {
    let has_document = documents(checking, name, directory)?;
    let by_handler = match handlers {
        ItemHandlers::Named(named) => {
            let handler = named.iter().find(|(item, _)| item == name);
            handler.and_then(|(_, handler)| handler.as_deref())
        }
        _ => None,
    };
    if !has_document && by_handler.is_some_and(is_json_handler) {
        report_empty(checking, name, directory)?;
    }
    let expected = match by_handler {
        Some(handler) => is_pytree_handler(handler),
        // Releases that name no handlers call JSON by the names of trees, too.
        None => !has_document && matches!(name, names::STATE | names::PYTREE),
    };
    if expected {
        let reason = format!("should be a pytree but has no {}", names::TREE_METADATA);
        let finding = Finding::new(Code::TreeUnreadable, reason).in_file(directory);
        checking.report.add(Finding {
            checkpointable: Some(name.to_owned()),
            ..finding
        });
    }
    Ok(())
}

/// Whether a handler, by its class, writes a JSON document.
fn is_json_handler(handler: &str) -> bool {
    let class = handler.rsplit('.').next().unwrap_or_default();
    class.starts_with("Json")
}

/// Reports a checkpointable whose document is gone. A handler can be told to call its file otherwise,
/// so any file will do.
fn report_empty(checking: &mut Checking<'_, '_>, name: &str, directory: &StorePath) -> Result<()> {
    let entries = checking.store.list(directory)?;
    let is_content =
        |entry: &Entry| entry.kind == EntryKind::File && entry.name != names::COMMIT_SUCCESS;
    if !entries.iter().any(is_content) {
        let reason = "has the handler of a JSON document, but no file";
        let finding = Finding::new(Code::DocumentUnreadable, reason).in_file(directory);
        checking.report.add(Finding {
            checkpointable: Some(name.to_owned()),
            ..finding
        });
    }
    Ok(())
}

/// Checks the JSON documents of a checkpointable that is no pytree; tells whether there is any.
fn documents(checking: &mut Checking<'_, '_>, name: &str, directory: &StorePath) -> Result<bool> {
    let limits = &checking.options.read.limits;
    let paths = names::JSON_DOCUMENTS.map(|document| directory.join(document));
    let paths: Vec<StorePath> = paths.into_iter().collect::<Result<_>>()?;
    let mut wants = Vec::new();
    for (path, stat) in paths.iter().zip(checking.store.stat(&paths)) {
        if stat?.is_some_and(|stat| stat.kind == EntryKind::File) {
            wants.push(Want::whole(path.clone(), limits.max_document_bytes));
        }
    }
    for (want, answer) in wants.iter().zip(checking.store.fetch(&wants)) {
        if let Err(error) = answer.and_then(|bytes| is_json(&bytes, limits)) {
            if error.kind() == ErrorKind::Store {
                return Err(error);
            }
            let error = error.in_file(&want.path);
            let finding = Finding::of(Code::DocumentUnreadable, &error);
            checking.report.add(Finding {
                checkpointable: Some(name.to_owned()),
                ..finding
            });
        }
    }
    Ok(!wants.is_empty())
}

fn is_json(bytes: &[u8], limits: &Limits) -> Result<()> {
    let mut json = Json::new(bytes, Dialect::Python, limits)?;
    json.skip()?;
    json.end()
}
