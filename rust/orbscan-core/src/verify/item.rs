//! One pytree: its documents, then its arrays.

use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;

use super::code::Code;
use super::data::Reader;
use super::databases::Databases;
use super::findings;
use super::hosts::{self, Sorted, Writers};
use super::report::{Finding, Report};
use super::survey::{Chunks, Survey};
use super::together::Together;
use super::{Level, OnProgress, Options, Progress, structure, surplus};
use crate::cursor::to_u64;
use crate::error::{Error, ErrorKind, Offset, Result, Subject, counted};
use crate::interrupt;
use crate::limits::Limits;
use crate::orbax::{names, tree_metadata};
use crate::path::StorePath;
use crate::reader::outline::ItemFiles;
use crate::reader::{self, Recall, index, item, leaves};
use crate::record::{Issue, LeafKind, LeafTable};
use crate::store::{Bytes, EntryKind, Store, Want};
use crate::tree::{KeyEntry, Speller};

/// A check in progress.
pub(super) struct Checking<'a, 'p> {
    pub(super) store: &'a dyn Store,
    pub(super) options: &'a Options,
    pub(super) progress: OnProgress<'p>,
    pub(super) report: &'a mut Report,
    pub(super) writers: &'a Writers<'a>,
    pub(super) together: Option<&'a mut Together>,
    pub(super) done: Progress,
}

/// Checks the pytree in `directory`. `others` are the names of directories in it that are
/// checkpointables of their own.
///
/// # Errors
/// `Store`.
pub(super) fn check(
    checking: &mut Checking<'_, '_>,
    name: Option<&str>,
    directory: &StorePath,
    others: &[&str],
) -> Result<()> {
    checking.report.scope = name.map(ToOwned::to_owned);
    if let Some(together) = &mut checking.together {
        together.has_tree(checking.report);
    }
    let checked = documents(checking, directory, others);
    let checked = match checked {
        Err(error) if error.kind() != ErrorKind::Store => {
            checking.report.complete = false;
            checking.report.add(Finding::of(Code::NotChecked, &error));
            Ok(())
        }
        checked => checked,
    };
    checking.report.scope = None;
    checked
}

fn documents(
    checking: &mut Checking<'_, '_>,
    directory: &StorePath,
    others: &[&str],
) -> Result<()> {
    let (store, options) = (checking.store, checking.options);
    let wants = ItemFiles::wants(directory, options.read.limits.max_document_bytes, true)?;
    let mut answers = store.fetch(&wants).into_iter();
    let mut files = ItemFiles::from_answers(directory.clone(), true, &mut answers);
    let mut issues = Vec::new();
    let metadata = files.take_metadata();
    let read = item::outline(
        store,
        metadata,
        &files,
        &options.read,
        &Recall::none(),
        &mut issues,
    );
    // The result of an interrupted read of a million leaves is not used.
    interrupt::ended()?;
    let table = match read {
        // Each leaf is reported, and what the store has instead.
        Ok(read) => read.table,
        Err(error) if error.kind() == ErrorKind::Store => return Err(error),
        Err(error) => {
            unreadable(store, checking.report, &files, options, &error);
            tolerated(checking.report, &issues, &[]);
            return Ok(());
        }
    };
    let leaves = &mut checking.report.extent.leaves;
    *leaves = leaves.saturating_add(to_u64(table.leaf_of.len()));
    if let Some(together) = &mut checking.together {
        together.tree(&table, directory, checking.report);
    }
    tolerated(checking.report, &issues, &table.errors);
    unreadable_leaves(checking.report, &table);
    custom_leaves(
        checking.report,
        &table,
        &directory.join(names::TREE_METADATA)?,
    );
    issues.extend_from_slice(&table.errors);
    let checked = stored(checking, &files, &table, &issues, others);
    place_leaves(checking, &table);
    checked
}

/// Checks the stored values of a tree.
fn stored(
    checking: &mut Checking<'_, '_>,
    files: &ItemFiles,
    table: &LeafTable,
    issues: &[Issue],
    others: &[&str],
) -> Result<()> {
    let (store, options) = (checking.store, checking.options);
    rich_types(checking, files, issues)?;
    structure::check(store, files, table, &options.read.limits, checking.report)?;
    if options.level >= Level::Index {
        arrays(checking, files, table, others)?;
    }
    Ok(())
}

/// Notes the keypaths of the leaves that are named. If several hosts hold the tree together, any
/// leaf may be named later.
fn place_leaves(checking: &mut Checking<'_, '_>, table: &LeafTable) {
    let all = checking.together.is_some();
    let named = checking.report.named_leaves();
    if !all && named.is_empty() {
        return;
    }
    let is_named = |leaf| all || named.contains(table.names.get(leaf));
    for (leaf, keypath) in table.tree.keypaths(is_named) {
        checking.report.place(table.names.get(leaf), keypath);
    }
}

/// Reads the tree once more with its recorded container types, if it has any, and reports the
/// faults that are not among the `known` ones.
fn rich_types(checking: &mut Checking<'_, '_>, files: &ItemFiles, known: &[Issue]) -> Result<()> {
    let limits = &checking.options.read.limits;
    let metadata = files.metadata(checking.store, limits.max_document_bytes);
    let Ok(bytes) = &metadata else {
        return Ok(());
    };
    let tree = tree_metadata::decode(bytes, limits, &mut Vec::new());
    if tree.is_ok_and(|tree| tree.rich_types.is_none()) {
        return Ok(());
    }
    let options = reader::Options {
        rich_types: true,
        ..checking.options.read.clone()
    };
    let mut issues = Vec::new();
    let store = checking.store;
    match item::outline(
        store,
        metadata,
        files,
        &options,
        &Recall::none(),
        &mut issues,
    ) {
        Ok(read) => issues.extend_from_slice(&read.table.errors),
        Err(error) if error.kind() == ErrorKind::Store => return Err(error),
        Err(error) => issues.push(error),
    }
    for issue in issues.iter().filter(|issue| !known.contains(issue)) {
        checking.report.add(Finding::of(Code::RichTypes, issue));
    }
    Ok(())
}

/// Reports a tree that cannot be read, or none of whose arrays can be read.
fn unreadable(
    store: &dyn Store,
    report: &mut Report,
    files: &ItemFiles,
    options: &Options,
    error: &Error,
) {
    let limits = &options.read.limits;
    let metadata = files.metadata(store, limits.max_document_bytes);
    let bytes = metadata.as_ref().ok();
    let tree = bytes.and_then(|bytes| tree_metadata::decode(bytes, limits, &mut Vec::new()).ok());
    let Some(tree) = tree else {
        report.add(Finding::of(Code::TreeUnreadable, error));
        return;
    };
    report.add(Finding::of(Code::DatabaseUnreadable, error));
    let names = tree.keypaths.param_names();
    for (number, (leaf, name)) in tree.leaves.iter().zip(names.iter()).enumerate() {
        if leaf.value_type.is_array() && !leaf.skip_deserialize {
            report.lose(name);
            let keypath = tree.keypaths.get(number).iter();
            report.place(name, keypath.map(KeyEntry::to_owned).collect());
        }
    }
}

/// What identifies a fault.
fn told(error: &Error) -> (Option<&str>, Option<Offset>, &str) {
    (error.file(), error.offset(), error.reason())
}

/// Reports the faults that a read tolerates, except those of single leaves.
fn tolerated(report: &mut Report, issues: &[Issue], of_leaves: &[Error]) {
    // By identity, because there may be as many as leaves.
    let known: HashSet<_> = of_leaves.iter().map(told).collect();
    for issue in issues.iter().filter(|issue| !known.contains(&told(issue))) {
        let file = issue.file().unwrap_or_default();
        let mut parts = file.rsplit('/');
        let (name, parent) = (parts.next().unwrap_or_default(), parts.next());
        let code = match (name, parent) {
            // All of these files are checked, whatever the reader found in them.
            (_, Some(names::ARRAY_METADATAS)) => continue,
            // Told of each kind of such leaves.
            _ if issue.subject() == Some(Subject::CustomHandler) => continue,
            _ if issue.subject() == Some(Subject::KeyTypes) => Code::ArrayMetadatas,
            _ if issue.subject() == Some(Subject::Refused) => Code::TreeRefused,
            _ if issue.subject() == Some(Subject::WriteShape) => Code::WriteShape,
            _ if issue.subject() == Some(Subject::ArraysElsewhere) => Code::ArraysElsewhere,
            _ if issue.subject() == Some(Subject::NotMerged) => Code::NotMerged,
            _ if issue.subject() == Some(Subject::Aggregate) => Code::AggregateTree,
            _ if issue.subject() == Some(Subject::FormatUnsaid) => Code::FormatUnsaid,
            _ if issue.subject() == Some(Subject::OldFormatUnsaid) => Code::OldFormatUnsaid,
            (names::SHARDING, _) => Code::Sharding,
            _ => Code::Document,
        };
        report.add(Finding::of(code, issue));
    }
}

fn unreadable_leaves(report: &mut Report, table: &LeafTable) {
    if table.errors.is_empty() {
        return;
    }
    let speller = Speller::new(&table.tree);
    for (place, (number, name)) in table.leaf_of.iter().zip(table.names.iter()).enumerate() {
        let kind = table.leaves.get(*number).map(|leaf| leaf.kind);
        let Some(LeafKind::Unreadable(error)) = kind else {
            continue;
        };
        let Some(error) = table.errors.get(error) else {
            continue;
        };
        // A finding says of itself which leaf it is about.
        let own = format!("{}: ", leaves::named(&speller.spell(place, name)));
        let reason = error.reason();
        let reason = reason.strip_prefix(&own).unwrap_or(reason).to_owned();
        report.add(Finding {
            reason,
            ..Finding::of(Code::LeafUnreadable, error).of_leaf(name)
        });
    }
}

/// Notes the leaves of custom handlers, once for each kind of them.
fn custom_leaves(report: &mut Report, table: &LeafTable, file: &StorePath) {
    // By the handler's word, the first of its leaves and how many there are.
    let mut of_word: BTreeMap<&str, (&str, u64)> = BTreeMap::new();
    for (number, name) in table.leaf_of.iter().zip(table.names.iter()) {
        let leaf = table.leaves.get(*number);
        if let Some(custom) = leaf.and_then(|leaf| table.custom_of(leaf.kind)) {
            let (_, count) = of_word.entry(&custom.value_type).or_insert((name, 0));
            *count = count.saturating_add(1);
        }
    }
    for (word, (first, count)) in of_word {
        let reason = match count.saturating_sub(1) {
            0 => format!("a leaf of the custom handler {word:?}"),
            more => format!(
                "a leaf of the custom handler {word:?}; so for {}",
                counted(more, "more leaf", "more leaves")
            ),
        };
        let finding = Finding::new(Code::LeafUnsupported, reason).in_file(file);
        report.add(finding.of_leaf(first));
    }
}

/// Checks what the store holds of the arrays.
fn arrays(
    checking: &mut Checking<'_, '_>,
    files: &ItemFiles,
    table: &LeafTable,
    others: &[&str],
) -> Result<()> {
    let (store, options) = (checking.store, checking.options);
    let mut reader = Reader::new(store, options, checking.progress, &mut checking.done);
    let sink: Option<&mut dyn Chunks> = match options.level {
        Level::Data => Some(&mut reader),
        _ => None,
    };
    let mut survey = Survey::new(table, sink)?;
    let databases = surveyed(store, files, options, others, &mut survey, checking.report)?;
    if survey.finish().is_break() {
        checking.report.complete = false;
    }
    if databases.errors.is_empty() && !survey.is_damaged() {
        surplus::find(store, &mut survey.files)?;
    }
    let stores_all = || stores_every_chunk(store, files, &options.read.limits);
    let sorted = sorted(
        &survey,
        table,
        checking.writers,
        checking.together.is_some(),
    )?;
    findings::add(
        &survey,
        &databases,
        stores_all,
        sorted.as_ref(),
        checking.together.as_deref_mut(),
        checking.report,
    );
    checking.report.extent.data_bytes = checking.done.bytes;
    checking.report.extent.unsealed = checking.done.unsealed;
    Ok(())
}

/// Which chunks other hosts should hold, if several processes wrote the checkpoint, or if other
/// directories are checked as well.
fn sorted(
    survey: &Survey<'_>,
    table: &LeafTable,
    writers: &Writers<'_>,
    together: bool,
) -> Result<Option<Sorted>> {
    if survey.is_whole() {
        return Ok(None);
    }
    let sorted = writers
        .get()?
        .map(|metadata| hosts::sort(survey, table, metadata));
    Ok(sorted.or_else(|| together.then(|| hosts::all_elsewhere(survey))))
}

/// Whether the writer recorded that it stored every chunk, including those that contain only the
/// fill value.
fn stores_every_chunk(store: &dyn Store, files: &ItemFiles, limits: &Limits) -> bool {
    let Ok(bytes) = files.metadata(store, limits.max_document_bytes) else {
        return false;
    };
    let tree = tree_metadata::decode(&bytes, limits, &mut Vec::new());
    tree.is_ok_and(|tree| tree.stores_every_chunk)
}

/// Walks through everything that the checkpointable stores.
///
/// # Errors
/// `Store`, `Limit`.
pub(super) fn surveyed(
    store: &dyn Store,
    files: &ItemFiles,
    options: &Options,
    others: &[&str],
    survey: &mut Survey<'_>,
    report: &mut Report,
) -> Result<Databases> {
    let directory = &files.directory;
    survey.list(store, directory, others)?;
    let mut databases = Databases {
        merged: files.manifest.is_ok(),
        ..Databases::default()
    };
    let mut waiting: Vec<(StorePath, Bytes)> = Vec::new();
    match &files.manifest {
        Ok(manifest) => waiting.push((directory.clone(), manifest.clone())),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            for (process, manifest) in process_databases(store, directory, &options.read.limits)? {
                databases.unmerged.push(process.clone());
                waiting.push((process, manifest?));
            }
        }
        Err(error) => databases.errors.push(error.clone()),
    }
    if store.is_far() || store.width() > 1 {
        index::ask_ahead(store, &waiting, &options.read.limits);
    }
    for (directory, manifest) in &waiting {
        let walked = survey.walk_database(store, directory, manifest, &options.read.limits);
        match walked {
            Ok(ControlFlow::Continue(())) => {}
            Ok(ControlFlow::Break(())) => {
                report.complete = false;
                return Ok(databases);
            }
            Err(error) if matches!(error.kind(), ErrorKind::Store | ErrorKind::Limit) => {
                return Err(error);
            }
            Err(error) => databases.errors.push(error),
        }
    }
    for (directory, manifest) in &waiting {
        survey.find_owners(store, directory, manifest, &options.read.limits)?;
    }
    if survey.walk_files(directory, databases.merged).is_break() {
        report.complete = false;
    }
    Ok(databases)
}

/// The databases of single processes, with their manifests.
fn process_databases(
    store: &dyn Store,
    directory: &StorePath,
    limits: &Limits,
) -> Result<Vec<(StorePath, Result<Bytes>)>> {
    let mut found = Vec::new();
    for entry in store.list(directory)? {
        let process = entry.name.starts_with(names::PROCESS_DATABASE_PREFIX);
        if process && entry.kind == EntryKind::Directory {
            found.push(directory.join(&entry.name)?);
        }
    }
    found.sort_unstable();
    let want = |process: &StorePath| {
        let manifest = process.join(names::MANIFEST)?;
        Ok(Want::whole(manifest, limits.max_node_bytes))
    };
    let wants: Vec<Want> = found.iter().map(want).collect::<Result<_>>()?;
    let manifests = found.into_iter().zip(store.fetch(&wants));
    // A directory without a manifest is an empty database.
    let is_there = |answer: &Result<Bytes>| {
        let missing = answer.as_ref().err().map(Error::kind);
        missing != Some(ErrorKind::NotFound)
    };
    Ok(manifests.filter(|(_, answer)| is_there(answer)).collect())
}
