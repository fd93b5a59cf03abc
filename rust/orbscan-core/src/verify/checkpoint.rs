//! A checkpoint as a whole: what makes it one, its own documents, and its checkpointables.

use super::ahead::Ahead;
use super::code::Code;
use super::hosts::{self, Writers};
use super::item::{self, Checking};
use super::report::{Alone, Finding, Report};
use super::together::Together;
use super::{OnProgress, Options, members, safetensors};
use crate::error::{Error, ErrorKind, Result, Subject};
use crate::json::{Dialect, Json};
use crate::layout::choose::{self, Contents, Tree};
use crate::layout::expected::Scope;
use crate::layout::root::Root;
use crate::layout::steady::Seen;
use crate::layout::{detect, expected, foreign, header, refusal};
use crate::limits::Limits;
use crate::orbax::checkpoint_metadata::ItemHandlers;
use crate::orbax::names;
use crate::path::StorePath;
use crate::reader::{Selection, beside, select};
use crate::record::{Issue, Layout};
use crate::store::{Entry, EntryKind, Store, Want};

/// Checks everything that `options` include; `together` with other directories, if it is one of
/// several.
///
/// # Errors
/// `NotFound` and `UnknownLayout` if there is nothing to check; `Store`.
pub(super) fn check(
    store: &dyn Store,
    path: &StorePath,
    options: &Options,
    only: Option<Selection<'_>>,
    progress: OnProgress<'_>,
    mut together: Option<&mut Together>,
    seen: &mut Seen,
) -> Result<Report> {
    let mut report = Report::of(options.slice);
    if let Some(together) = &mut together {
        together.begin(store, path, &mut report);
    }
    let limits = &options.read.limits;
    let root = match detect::detect(store, path, options.read.rules, limits) {
        Ok(root) => root,
        Err(error) => {
            report.add(refused(error)?);
            report.complete = false;
            return Ok(report);
        }
    };
    seen.note(&root);
    let ahead = Ahead::of(store, &root);
    let store = ahead.as_ref().map_or(store, |ahead| ahead);
    if root.layout == Layout::Safetensors {
        if together.is_some() {
            let reason = "safetensors files are not a checkpoint of several hosts";
            return Err(Error::new(ErrorKind::UnknownLayout, reason).in_file(path));
        }
        report.alone = only.map(|_| Alone::default());
        return safetensors::check(store, &root, options, report);
    }
    if let Some(uncommitted) = &root.uncommitted {
        report.add(Finding::of(Code::Uncommitted, uncommitted));
    }
    let handlers = own_documents(store, &root, limits, &mut report)?;
    let contents = choose::contents(store, &root)?;
    if contents.is_treeless() && !root.has(names::CHECKPOINT_METADATA) {
        report.add(refused(refusal::no_pytree(
            store, &root, &handlers, limits,
        ))?);
        return Ok(report);
    }
    if let Some(selection) = only {
        let read = &options.read;
        let name = select::alone(store, &root, selection, &handlers, &contents, read)?;
        let others = beside::of_root(store, &root, &handlers, name.as_deref(), read);
        report.alone = Some(Alone { name, others });
    }
    let name = report.alone.as_ref().map(|alone| alone.name.clone());
    let scope = match &name {
        None => Scope::All,
        Some(name) => Scope::One(name.as_deref()),
    };
    let faults = expected::faults(store, &root, &handlers, &contents, scope, limits)?;
    let is_lost = |fault: &Issue| fault.kind() == ErrorKind::UnknownLayout;
    let whole_is_lost = faults.iter().any(is_lost);
    for fault in &faults {
        report.add(expected_finding(&root, fault));
    }
    commit_marker(store, &root, &contents, scope, &mut report)?;
    if scope == Scope::All {
        deletion(&root, &mut report);
        leftovers(&root, &mut report);
    }
    if whole_is_lost {
        return Ok(report);
    }
    let writers = Writers::of(store, &root, limits)?;
    if let Some(together) = &mut together {
        together.processes(&root.path, writers.get()?, &mut report);
    }
    let mut checking = Checking {
        store,
        options,
        progress,
        report: &mut report,
        writers: &writers,
        together: together.as_deref_mut(),
        done: super::Progress::default(),
    };
    if contents.flat && scope.has(None) {
        check_flat(&mut checking, &root, &contents, &handlers)?;
    }
    checkpointables(&mut checking, &root, &contents, &handlers, scope)?;
    if let Some(together) = together {
        together.end(&root.path, &mut report);
    }
    Ok(report)
}

/// Checks the tree of a flat checkpoint.
fn check_flat(
    checking: &mut Checking<'_, '_>,
    root: &Root,
    contents: &Contents<'_>,
    handlers: &ItemHandlers,
) -> Result<()> {
    if matches!(handlers, ItemHandlers::Named(_)) {
        let path = root.path.join(names::CHECKPOINT_METADATA)?;
        let reason = "item_handlers names checkpointables, but the tree is that of a flat \
                      checkpoint: Orbax v1 does not load it";
        let finding = Finding::new(Code::Layout, reason);
        checking.report.add(finding.in_file(&path));
    }
    let mut others: Vec<&str> = contents.pytrees().collect();
    others.extend(root.steps.iter().map(String::as_str));
    item::check(checking, None, &root.path, &others)?;
    let findings = &checking.report.findings;
    let mut unreadable = findings.iter();
    // What orbscan cannot read but another library can is not damaged.
    if let Some(finding) = unreadable.find(|finding| finding.code == Code::TreeUnreadable) {
        let error = Error::new(ErrorKind::Malformed, finding.reason.clone());
        let explained = foreign::explained(root, error);
        if explained.subject() == Some(Subject::Foreign) {
            return Err(explained);
        }
    }
    Ok(())
}

/// Checks the checkpointables, of which it is known whether they are pytrees, and the metrics.
fn checkpointables(
    checking: &mut Checking<'_, '_>,
    root: &Root,
    contents: &Contents<'_>,
    handlers: &ItemHandlers,
    scope: Scope<'_>,
) -> Result<()> {
    let leftovers = root.leftovers();
    let is_leftover = |name: &str| leftovers.iter().any(|left| left.directory == name);
    let items = contents.items.iter();
    for (name, tree) in items.filter(|(name, _)| scope.has(Some(name)) && !is_leftover(name)) {
        if !checking.report.complete {
            break;
        }
        let directory = root.path.join(name)?;
        if *tree != Tree::None {
            item::check(checking, Some(name), &directory, &[])?;
        } else if !contents.flat {
            no_tree(checking, name, &directory, handlers)?;
        }
    }
    let are_document = root.has_metrics() && !contents.has(names::METRICS);
    if are_document && scope.has(Some(names::METRICS)) {
        let directory = root.path.join(names::METRICS)?;
        no_tree(checking, names::METRICS, &directory, handlers)?;
    }
    Ok(())
}

/// The finding for something that is missing.
fn expected_finding(root: &Root, fault: &Issue) -> Finding {
    let code = match fault.subject() {
        Some(Subject::MissingCheckpointable) => Code::CheckpointableMissing,
        Some(Subject::UnfinishedCheckpointable) => Code::CheckpointableUnfinished,
        _ if fault.kind() == ErrorKind::UnknownLayout => Code::Layout,
        _ => Code::TreeUnreadable,
    };
    let finding = Finding::of(code, fault);
    let inside = fault
        .file()
        .and_then(|file| file.strip_prefix(root.path.as_str()));
    let name = inside.map(|name| name.trim_start_matches('/'));
    Finding {
        checkpointable: name.filter(|name| !name.is_empty()).map(ToOwned::to_owned),
        ..finding
    }
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

/// Reports the temporary directories of interrupted saves beside the checkpointables.
fn leftovers(root: &Root, report: &mut Report) {
    for left in root.leftovers() {
        let reason = format!(
            "a leftover of an interrupted save lies beside the checkpointable {:?}: {:?}",
            left.name, left.directory
        );
        report.add(Finding::new(Code::Document, reason).in_file(&root.path));
    }
}

/// The finding about why a directory is not a checkpoint.
///
/// # Errors
/// The error itself, if nothing shows that it should have been a checkpoint.
fn refused(error: Error) -> Result<Finding> {
    let code = match error.kind() {
        ErrorKind::Uncommitted => Code::Uncommitted,
        ErrorKind::DeletionRecord => Code::DeletionRecord,
        ErrorKind::UnknownLayout => match error.subject() {
            Some(Subject::Incomplete | Subject::LostTree) => Code::Layout,
            _ => return Err(error),
        },
        ErrorKind::NotFound | ErrorKind::Store => return Err(error),
        _ => Code::Layout,
    };
    Ok(Finding::of(code, &error))
}

/// Checks `_CHECKPOINT_METADATA` and the commit marker, and returns the handlers.
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
    match header::decode(answer, &path, limits) {
        Ok((metadata, issues)) => {
            for issue in &issues {
                report.add(Finding::of(Code::CheckpointMetadata, issue));
            }
            Ok(metadata.item_handlers)
        }
        Err(error) if error.kind() == ErrorKind::Store => Err(error),
        // Faults that the reader does not tolerate make it refuse the checkpoint.
        Err(error) => {
            report.add(Finding::of(Code::Layout, &error));
            Ok(ItemHandlers::Unknown)
        }
    }
}

/// Reports that the checkpoint has no commit marker although one of its checkpointables has one: a
/// release writes both or neither.
fn commit_marker(
    store: &dyn Store,
    root: &Root,
    contents: &Contents<'_>,
    scope: Scope<'_>,
    report: &mut Report,
) -> Result<()> {
    if root.has(names::COMMIT_SUCCESS) {
        return Ok(());
    }
    let names = contents.items.iter().map(|(name, _)| name);
    let names = names.filter(|name| scope.has(Some(name)));
    let markers = names.map(|name| root.path.join(name)?.join(names::COMMIT_SUCCESS));
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

/// Checks the documents of a checkpointable without a tree.
fn no_tree(
    checking: &mut Checking<'_, '_>,
    name: &str,
    directory: &StorePath,
    handlers: &ItemHandlers,
) -> Result<()> {
    if name == names::PROCESS_METADATA {
        return processes(checking, directory);
    }
    let has_document = documents(checking, name, directory)?;
    if has_document {
        return Ok(());
    }
    let handler = expected::handler_of(handlers, name);
    if handler.is_some_and(expected::is_json_handler) {
        return report_empty(checking, name, directory);
    }
    // A checkpointable that is not recorded belongs to another program.
    let is_another = handler.is_some_and(|handler| !expected::is_pytree_handler(handler));
    if is_another && !checking.store.list(directory)?.is_empty() {
        let reason = "is neither a pytree nor a JSON document: its content was not looked at";
        let finding = Finding::new(Code::NotChecked, reason).in_file(directory);
        checking.report.add(Finding {
            checkpointable: Some(name.to_owned()),
            ..finding
        });
    }
    Ok(())
}

/// Checks the documents that record which processes wrote a local checkpoint.
fn processes(checking: &mut Checking<'_, '_>, directory: &StorePath) -> Result<()> {
    let limits = &checking.options.read.limits;
    if let Err(error) = hosts::read(checking.store, directory, limits)? {
        let finding = Finding::of(Code::DocumentUnreadable, &error);
        checking.report.add(Finding {
            checkpointable: Some(names::PROCESS_METADATA.to_owned()),
            ..finding
        });
    }
    Ok(())
}

/// Reports a checkpointable whose document is missing. A handler can name its file differently, so
/// any file will do.
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

/// Checks the JSON documents of a checkpointable that is not a pytree; returns whether there are
/// any.
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
